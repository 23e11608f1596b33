//! The way of one object, a row for each step.

use serde::Serialize;

use super::{
    Colour, View,
    table::{Health, Table, cell, judged},
    text,
};
use crate::{ctl::CtlError, proto::v1};

/// The whole way.
#[derive(Debug, Serialize)]
pub struct Explanation {
    object: String,
    goal: String,
    reached: bool,
    steps: Vec<Step>,
    candidates: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Step {
    step: String,
    subject: String,
    result: String,
    cause: String,
    text: String,
    lines: Vec<String>,
}

impl From<v1::Explanation> for Explanation {
    fn from(explanation: v1::Explanation) -> Self {
        let v1::Explanation { object, goal, reached, steps, candidates } = explanation;
        let step = |it: v1::ExplainStep| {
            let v1::ExplainStep { step, subject, result, cause, text, lines } = it;
            Step { step, subject, result, cause, text, lines }
        };
        Self { object, goal, reached, steps: steps.into_iter().map(step).collect(), candidates }
    }
}

impl Explanation {
    /// Whether all is well.
    ///
    /// # Errors
    /// It is not.
    pub fn judge(&self) -> Result<(), CtlError> {
        match self.reached {
            true => Ok(()),
            false => {
                let (object, goal) = (self.object.clone(), self.goal.clone());
                Err(CtlError::NotReached { object, goal })
            }
        }
    }
}

impl View for Explanation {
    fn table(&self, colour: Colour) -> String {
        let reached = if self.reached { "reached" } else { "not reached" };
        let head = format!("{}: {reached}: {}", self.object, self.goal);
        let mut told = text::one_line(&head);
        let mut table = Table::new(["STEP", "SUBJECT", "RESULT", "WHY"], colour);
        for step in &self.steps {
            let (result, health) = match (step.result.as_str(), step.cause.as_str()) {
                ("ok", _) => ("ok".to_owned(), Health::Good),
                ("held back", cause) => (format!("held back: {cause}"), Health::Bad),
                (other, _) => (other.to_owned(), Health::Waiting),
            };
            let result = if result == "info" { cell("") } else { judged(&result, health) };
            table.row([cell(&step.step), cell(&step.subject), result, cell(&step.text)]);
        }
        told.push('\n');
        told.push_str(&table.text());
        for step in self.steps.iter().filter(|step| !step.lines.is_empty()) {
            let head = format!("{} {}", step.step, step.subject);
            told.push_str(&format!("\n{}", text::one_line(head.trim_end())));
            for line in &step.lines {
                told.push_str(&text::one_line(&format!("  {line}")));
            }
        }
        if !self.candidates.is_empty() {
            told.push_str("\nwhat it may be\n");
            for candidate in &self.candidates {
                told.push_str(&text::one_line(&format!("  {candidate}")));
            }
        }
        told
    }
}
