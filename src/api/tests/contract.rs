//! What the contract has, read from its file.

use std::collections::BTreeSet;

use super::token;
use crate::proto::v1::{
    ExplainRequest, GetConfigRequest, GetDeclaredRequest, IntentChange, ReloadRequest,
    intent_change::Change,
};

/// A change of which nothing else is said.
impl From<Change> for IntentChange {
    fn from(change: Change) -> Self {
        Self { change: Some(change), ..Self::default() }
    }
}

pub(super) fn config() -> GetConfigRequest {
    GetConfigRequest { owner: "admin".into(), token: token("admin") }
}

pub(super) fn declared() -> GetDeclaredRequest {
    GetDeclaredRequest::default()
}

pub(super) fn prefix() -> ExplainRequest {
    ExplainRequest { target: "10.0.0.0/8".into(), kind: String::new() }
}

pub(super) fn reload() -> ReloadRequest {
    ReloadRequest { owner: "admin".into(), token: token("admin") }
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
        "Explanation",
        "ExplainStep",
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
