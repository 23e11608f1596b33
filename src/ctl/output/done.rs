//! What a write has done: one line for people, the response's fields for programs.

use serde::Serialize;

use super::{Colour, View, lifetime, text};
use crate::proto::v1::{AdoptResponse, ConfigureBgpResponse, Outcome, RegisterResponse};

/// A write whose response says at most whether FRR has it.
#[derive(Debug, Serialize)]
pub struct Done {
    #[serde(skip)]
    line: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

impl Done {
    /// Says what was done.
    pub fn new(line: String) -> Self {
        Self { line, outcome: None }
    }

    /// Says what was done to FRR, or that FRR has still to get it. Agents of before don't say which.
    pub fn to_frr(line: String, outcome: Outcome) -> Self {
        let known = outcome != Outcome::Unspecified;
        let outcome = known.then(|| text::short_name(outcome.as_str_name(), "OUTCOME_"));
        Self { line, outcome }
    }
}

impl View for Done {
    fn table(&self, _: Colour) -> String {
        text::one_line(&format!("{}{}", self.line, waits(self.outcome.as_deref())))
    }
}

/// What follows a line that FRR does not make true yet.
fn waits(outcome: Option<&str>) -> &'static str {
    match outcome {
        Some("pending") => {
            ": pending, FRR gets it when it can be reached; see `novaroutectl status`"
        }
        _ => "",
    }
}

/// `register`
#[derive(Debug, Serialize)]
pub struct Registered {
    #[serde(skip)]
    owner: String,
    session_id: String,
    current_prefixes: Vec<String>,
    current_peers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_after_s: Option<u64>,
}

impl Registered {
    /// Says which session the owner got and what it has.
    pub fn new(owner: &str, response: RegisterResponse) -> Self {
        Self {
            owner: owner.to_owned(),
            session_id: response.session_id,
            current_prefixes: response.current_prefixes,
            current_peers: response.current_peers,
            withdrawn_after_s: response.withdrawn_after_s,
        }
    }
}

impl View for Registered {
    fn table(&self, _: Colour) -> String {
        text::one_line(&format!(
            "owner {} registered, session {}, has {} and {}",
            self.owner,
            self.session_id,
            text::count(self.current_peers.len(), "peer", "peers"),
            text::count(self.current_prefixes.len(), "prefix", "prefixes"),
        )) + &lifetime::notice(&self.owner, self.withdrawn_after_s)
    }
}

/// `configure-bgp`
#[derive(Debug, Serialize)]
pub struct BgpConfigured {
    #[serde(skip)]
    now: String,
    previous_as: u32,
    previous_router_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

impl BgpConfigured {
    /// Says what BGP is now and what it was.
    pub fn new(local_as: u32, router_id: &str, response: ConfigureBgpResponse) -> Self {
        let done = Done::to_frr(String::new(), response.outcome());
        Self {
            now: named(local_as, router_id),
            outcome: done.outcome,
            previous_as: response.previous_as,
            previous_router_id: response.previous_router_id,
        }
    }
}

impl View for BgpConfigured {
    fn table(&self, _: Colour) -> String {
        let before = match self.previous_as {
            0 => "not configured".to_owned(),
            previous_as => named(previous_as, &self.previous_router_id),
        };
        let waits = waits(self.outcome.as_deref());
        text::one_line(&format!("BGP configured: {} (before: {before}){waits}", self.now))
    }
}

/// `drain` and `undrain`
#[derive(Debug, Serialize)]
pub struct Drained {
    #[serde(skip)]
    done: &'static str,
    transaction_id: String,
    outcome: String,
}

impl Drained {
    /// Says how it is now, and that a transaction made it so.
    pub fn new(done: &'static str, transaction_id: String, outcome: Outcome) -> Self {
        let outcome = text::short_name(outcome.as_str_name(), "OUTCOME_");
        Self { done, transaction_id, outcome }
    }
}

impl View for Drained {
    fn table(&self, _: Colour) -> String {
        text::one_line(&format!(
            "{}: {} (transaction {})",
            self.done, self.outcome, self.transaction_id
        ))
    }
}

/// `adopt`
#[derive(Debug, Serialize)]
pub struct Adopted {
    #[serde(skip)]
    dry_run: bool,
    objects: Vec<AdoptedObject>,
}

#[derive(Debug, Serialize)]
struct AdoptedObject {
    daemon: String,
    path: String,
}

impl Adopted {
    /// What was taken, or would be.
    pub fn new(response: AdoptResponse, dry_run: bool) -> Self {
        let object = |object: crate::proto::v1::AdoptedObject| AdoptedObject {
            daemon: object.daemon,
            path: object.path,
        };
        Self { dry_run, objects: response.objects.into_iter().map(object).collect() }
    }
}

impl View for Adopted {
    fn table(&self, _: Colour) -> String {
        let count = text::count(self.objects.len(), "object", "objects");
        let what = if self.dry_run { "would be taken" } else { "taken" };
        let mut told = text::one_line(&format!("{count} {what} for NovaRoute's own"));
        for object in &self.objects {
            told.push_str(&text::one_line(&format!("{}: {}", object.daemon, object.path)));
        }
        told
    }
}

fn named(local_as: u32, router_id: &str) -> String {
    match router_id {
        "" => format!("AS {local_as}"),
        router_id => format!("AS {local_as}, router-id {router_id}"),
    }
}
