//! The agent's configuration.

use serde::Serialize;
use serde_json::Value;

use super::{
    Colour, View,
    table::{Table, cell},
    text,
    when::Now,
};
use crate::proto::v1::{GetConfigResponse, ReloadResponse};

/// What is in force, and what is not.
#[derive(Debug, Serialize)]
pub struct Config {
    file: String,
    since_unix_ms: i64,
    by: String,
    waits_for_reload: Vec<String>,
    waits_for_restart: Vec<String>,
    last_error: String,
    last_error_unix_ms: i64,
    config: Value,
    #[serde(skip)]
    now: Now,
}

/// A configuration that was read again.
#[derive(Debug, Serialize)]
pub struct Reloaded {
    changed: u32,
    waits_for_restart: Vec<String>,
}

impl Config {
    /// As the agent tells it.
    pub fn new(response: GetConfigResponse, now: Now) -> Self {
        let GetConfigResponse {
            file,
            config_json,
            since_unix_ms,
            by,
            waits_for_reload,
            waits_for_restart,
            last_error,
            last_error_unix_ms,
        } = response;
        Self {
            file,
            since_unix_ms,
            by,
            waits_for_reload,
            waits_for_restart,
            last_error,
            last_error_unix_ms,
            config: serde_json::from_str(&config_json).unwrap_or(Value::String(config_json)),
            now,
        }
    }
}

impl View for Config {
    fn table(&self, colour: Colour) -> String {
        let mut table = Table::new(["FILE", "IN FORCE SINCE", "BY"], colour);
        let since = self.now.local(self.since_unix_ms);
        table.row([cell(&self.file), cell(&since), cell(&self.by)]);
        let mut told = table.text();
        for (waits, until) in [
            (&self.waits_for_reload, "waits for novaroutectl reload, since it may reset sessions"),
            (&self.waits_for_restart, "waits for the agent's next start"),
        ] {
            if !waits.is_empty() {
                told.push_str(&text::one_line(&format!("{until}: {}", waits.join(", "))));
            }
        }
        if !self.last_error.is_empty() {
            let at = self.now.local(self.last_error_unix_ms);
            let error = &self.last_error;
            told.push_str(&text::one_line(&format!("not taken at {at}: {error}")));
        }
        for line in format!("{:#}", self.config).lines() {
            told.push_str(&text::one_line(line));
        }
        told
    }
}

impl From<ReloadResponse> for Reloaded {
    fn from(response: ReloadResponse) -> Self {
        let ReloadResponse { changed, waits_for_restart } = response;
        Self { changed, waits_for_restart }
    }
}

impl View for Reloaded {
    fn table(&self, _: Colour) -> String {
        let objects = match self.changed {
            1 => "1 object changed".to_owned(),
            number => format!("{number} objects changed"),
        };
        let mut told = text::one_line(&format!("the configuration is in force: {objects}"));
        if !self.waits_for_restart.is_empty() {
            let waits = self.waits_for_restart.join(", ");
            told.push_str(&text::one_line(&format!("waits for the agent's next start: {waits}")));
        }
        told
    }
}
