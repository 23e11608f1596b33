//! What the contract has, read from its file.

use std::collections::BTreeSet;

use crate::proto::v1::{IntentChange, intent_change::Change};

/// A change of which nothing else is said.
impl From<Change> for IntentChange {
    fn from(change: Change) -> Self {
        Self { change: Some(change), ..Self::default() }
    }
}

/// `Message.field` of every string that a client can send, read from the contract.
pub(super) fn strings() -> BTreeSet<String> {
    let answers = ["Response", "Status", "RouteEvent", "DaemonPlan", "LeafChange", "PlanStep"];
    let shown = [
        "Transaction",
        "TransactionChange",
        "CoverageRow",
        "AdoptedObject",
        "KeptObject",
        "StuckObject",
        "NodeInstance",
        "DeclaredIntent",
        "SessionChange",
    ];
    let mut message = "";
    let mut found = BTreeSet::new();
    for line in include_str!("../../../proto/novaroute.proto").lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["message", name, ..] => message = name,
            ["string", field, "=", ..] | ["repeated", "string", field, "=", ..]
                if !answers.iter().any(|end| message.ends_with(end))
                    && !shown.contains(&message) =>
            {
                found.insert(format!("{message}.{field}"));
            }
            _ => {}
        }
    }
    found
}
