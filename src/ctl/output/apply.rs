//! What became of a transaction that was asked for.

use serde::Serialize;

use super::{Colour, Plan, View, lifetime, text, when::Now};
use crate::proto::v1::{ApplyResponse, Outcome, RollbackResponse};

/// A transaction that was applied or that took another one back.
#[derive(Debug, Serialize)]
pub struct ApplyResult {
    #[serde(skip)]
    line: String,
    /// What was to be done, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
    transaction_id: String,
    outcome: String,
    #[serde(flatten)]
    deadline: Option<Deadline>,
    /// Seconds after the command's end in which all of it is withdrawn; absent where it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_after_s: Option<u64>,
    #[serde(skip)]
    owner: String,
    #[serde(skip)]
    told: &'static str,
}

/// Until when a transaction has to be confirmed.
#[derive(Debug, Serialize)]
pub struct Deadline {
    /// Milliseconds since 1970-01-01 UTC.
    pub confirm_by_unix_ms: i64,
    /// What confirms it, as it is typed.
    #[serde(skip)]
    pub command: String,
    /// The time it is.
    #[serde(skip)]
    pub now: Now,
}

impl ApplyResult {
    /// Says what was done and what became of it.
    pub fn new(line: String, response: ApplyResponse) -> Self {
        let outcome = response.outcome();
        let withdrawn_after_s = response.withdrawn_after_s;
        Self { withdrawn_after_s, ..Self::told(line, response.transaction_id, outcome) }
    }

    /// Says which transaction was taken back and how.
    pub fn rolled_back(id: &str, response: RollbackResponse) -> Self {
        let outcome = response.outcome();
        let by = response.transaction_id;
        Self::told(format!("transaction {id} rolled back by {by}"), by, outcome)
    }

    fn told(line: String, transaction_id: String, outcome: Outcome) -> Self {
        Self {
            line,
            plan: None,
            outcome: text::short_name(outcome.as_str_name(), "OUTCOME_"),
            transaction_id,
            deadline: None,
            withdrawn_after_s: None,
            owner: String::new(),
            told: match outcome {
                Outcome::Confirmed => ": confirmed by FRR",
                Outcome::Unchanged => ": unchanged, FRR had it so already",
                Outcome::Pending => ": pending, applied as soon as FRR can be reached",
                Outcome::Unspecified => "",
            },
        }
    }

    /// The same, with the plan in the document for programs; people have seen it before.
    pub fn with_plan(mut self, plan: Option<Plan>) -> Self {
        self.plan = plan;
        self
    }

    /// The same, of this owner.
    pub fn of(mut self, owner: &str) -> Self {
        owner.clone_into(&mut self.owner);
        self
    }

    /// The same, with until when it has to be confirmed.
    pub fn with_deadline(mut self, deadline: Option<Deadline>) -> Self {
        self.deadline = deadline;
        self
    }
}

impl View for ApplyResult {
    fn table(&self, _: Colour) -> String {
        let mut told = text::one_line(&format!("{}{}", self.line, self.told));
        if let Some(Deadline { confirm_by_unix_ms, command, now }) = &self.deadline {
            let time = now.local(*confirm_by_unix_ms);
            let left = now.until(*confirm_by_unix_ms).unwrap_or_else(|| "0s".to_owned());
            told.push_str(&format!("rolls back by itself at {time}, in {left}; to keep it:\n"));
            told.push_str("  ");
            told.push_str(&text::one_line(command));
        }
        told + &lifetime::notice(&self.owner, self.withdrawn_after_s)
    }
}
