//! What the agent says when it refuses, in words and with what to try.

use tonic::{Code, Status};

use super::{file::Places, output::text};

/// What the agent was asked about: it decides what its words mean and what to try.
#[derive(Debug, Clone, Default)]
pub enum About {
    /// What an owner declares.
    #[default]
    Intent,
    /// The changes of a file.
    File(Box<Places>),
    /// A transaction by its id.
    Transaction,
}

impl About {
    /// The agent's words, with what is about a change said as the file has it.
    fn translate(&self, words: &str) -> String {
        match self {
            Self::File(places) => places.translate(words),
            Self::Intent | Self::Transaction => words.to_owned(),
        }
    }
}

pub const TIMEOUT_HINT: &str = "`novaroutectl status` shows whether a change was applied; repeating \
                                one is safe; --timeout waits longer";

pub const TRANSACTIONS_HINT: &str = "`novaroutectl transactions` lists what is remembered";

/// The words for a status code.
pub fn spoken(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "failed",
        Code::InvalidArgument | Code::OutOfRange => "invalid argument",
        Code::DeadlineExceeded => "not done in time",
        Code::NotFound => "not found",
        Code::AlreadyExists => "another owner has it",
        Code::PermissionDenied => "not allowed",
        Code::ResourceExhausted => "queue or quota full",
        Code::FailedPrecondition => "not possible yet",
        Code::Aborted => "refused by FRR, everything was undone",
        Code::Unimplemented => "not supported by this agent",
        Code::Internal => "internal error of the agent",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data lost",
        Code::Unauthenticated => "not authenticated",
    }
}

/// What to try when the agent refused with this code.
pub fn hint(code: Code, about: &About) -> Option<&'static str> {
    Some(match (code, about) {
        (Code::NotFound, About::Transaction) => TRANSACTIONS_HINT,
        (Code::FailedPrecondition, About::Transaction) => {
            "`novaroutectl transactions show` tells what became of it"
        }
        (code, _) => return general_hint(code),
    })
}

fn general_hint(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::Unauthenticated => {
            "check --owner and its token (--token-file, NOVAROUTE_TOKEN or --token)"
        }
        Code::PermissionDenied => {
            "act as the owner that may, or have this owner's policy changed in the agent's \
             configuration"
        }
        Code::AlreadyExists => "`novaroutectl prefixes` shows who has it",
        Code::NotFound => "`novaroutectl status` shows what each owner has",
        Code::FailedPrecondition => "is BGP configured? `novaroutectl configure-bgp` does it",
        Code::Unavailable => "the agent may be starting or stopping: run the command again",
        Code::ResourceExhausted => "wait and run the command again, or withdraw what is not needed",
        Code::DeadlineExceeded | Code::Cancelled => TIMEOUT_HINT,
        Code::Unimplemented => "update the agent to the version of novaroutectl",
        _ => return None,
    })
}

/// Adds the agent's own words: behind a colon where they are one line, else each
/// wrong field or line on a line of its own.
pub fn push_details(report: &mut String, status: &Status, about: &About) {
    let message = status.message().trim_end();
    if message.is_empty() {
        return;
    }
    let lines: Vec<String> = match status.code() {
        Code::InvalidArgument => fields(message),
        _ => message.lines().map(str::to_owned).collect(),
    };
    let lines: Vec<String> = lines.iter().map(|line| about.translate(line)).collect();
    if let ([line], false) = (lines.as_slice(), status.code() == Code::InvalidArgument) {
        report.push_str(": ");
        report.push_str(&text::printable(line));
        return;
    }
    for line in &lines {
        report.push_str("\n  ");
        report.push_str(&text::printable(line));
    }
}

/// Splits `field: reason; field: reason`. A reason may have a `; ` of its own: what
/// does not begin with the name of a field belongs to the reason before it.
fn fields(message: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for part in message.split("; ") {
        match fields.last_mut() {
            Some(last) if !begins_with_field(part) => {
                last.push_str("; ");
                last.push_str(part);
            }
            _ => fields.push(part.to_owned()),
        }
    }
    fields
}

/// Whether a text begins as `peer.hold_time: ` or `changes[3].set.prefix: ` do.
fn begins_with_field(part: &str) -> bool {
    part.split_once(": ").is_some_and(|(field, _)| {
        field.starts_with(|c: char| c.is_ascii_lowercase())
            && field
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.[]".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::CtlError;

    fn refused(code: Code, message: &str) -> String {
        let status = Box::new(Status::new(code, message));
        CtlError::Refused { status, about: About::Intent }.report()
    }

    #[test]
    fn every_wrong_field_has_a_line() {
        assert_eq!(
            refused(
                Code::InvalidArgument,
                "peer.neighbor_address: not an address; peer.hold_time: 5; at least 9; \
                 changes[0].prefix: host bits set"
            ),
            "error: invalid argument\n  peer.neighbor_address: not an address\n  \
             peer.hold_time: 5; at least 9\n  changes[0].prefix: host bits set\n"
        );
    }

    #[test]
    fn words_of_frr_keep_their_lines_and_lose_control_characters() {
        assert_eq!(
            refused(Code::Aborted, "bgpd: % Invalid\nline 2\u{1b}[31m\n"),
            "error: refused by FRR, everything was undone\n  bgpd: % Invalid\n  line 2\\u{1b}[31m\n"
        );
    }

    #[test]
    fn hints_follow_the_code_and_what_was_asked() {
        assert!(refused(Code::Unauthenticated, "no").contains("check --owner"));
        assert!(refused(Code::FailedPrecondition, "").starts_with("error: not possible yet\n"));
        assert!(refused(Code::FailedPrecondition, "").contains("configure-bgp"));
        let status = Box::new(Status::new(Code::FailedPrecondition, "changed since"));
        let refused = CtlError::Refused { status, about: About::Transaction }.report();
        assert!(!refused.contains("BGP") && refused.contains("transactions show"), "{refused}");
    }
}
