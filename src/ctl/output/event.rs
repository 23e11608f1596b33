//! One event of the stream.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Colour, View, text};
use crate::proto::v1::RouteEvent;

/// An event.
#[derive(Debug, Serialize)]
pub struct Event {
    r#type: String,
    detail: String,
    timestamp_unix: i64,
    owner: String,
    metadata: BTreeMap<String, String>,
}

impl From<RouteEvent> for Event {
    fn from(event: RouteEvent) -> Self {
        Self {
            r#type: text::short_name(event.r#type().as_str_name(), "EVENT_TYPE_"),
            detail: event.detail,
            timestamp_unix: event.timestamp_unix,
            owner: event.owner,
            metadata: event.metadata,
        }
    }
}

impl View for Event {
    fn table(&self, _: Colour) -> String {
        let mut line = format!("{}  {:<18}", text::timestamp(self.timestamp_unix), self.r#type);
        line.push_str(&format!("  {}", text::or_dash(&text::printable(&self.owner))));
        if !self.detail.is_empty() {
            line.push_str(&format!("  {}", text::printable(&self.detail)));
        }
        for (index, (key, value)) in self.metadata.iter().enumerate() {
            let gap = if index == 0 { "  " } else { " " };
            line.push_str(&format!("{gap}{}={}", text::printable(key), text::printable(value)));
        }
        line.push('\n');
        line
    }
}
