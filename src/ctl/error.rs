//! What can go wrong, in words that say what to try next.

use std::{error::Error, fmt::Write, io, path::PathBuf, time::Duration};

use tonic::{Code, Status};

use super::{exit::Exit, render::text};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CtlError {
    /// The socket could not be opened.
    #[error("cannot connect to {}", socket.display())]
    Connect {
        /// Path that was tried.
        socket: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The socket was opened, but no gRPC connection came of it.
    #[error("no gRPC connection on {}", socket.display())]
    Handshake {
        /// Path that was tried.
        socket: PathBuf,
        /// Why not.
        source: tonic::transport::Error,
    },
    /// The connection broke before the agent had answered.
    #[error("the connection broke before the agent had answered")]
    ConnectionLost(#[source] Box<Status>),
    /// The agent refused.
    #[error("{}", spoken(status.code()))]
    Refused {
        /// The agent's answer.
        status: Box<Status>,
    },
    /// The agent did not answer in time.
    #[error("no answer within {} s", after.as_secs())]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// The agent ended the event stream.
    #[error("the agent ended the event stream")]
    EventsEnded,
    /// Neither flag nor environment has a token.
    #[error("no token")]
    NoToken,
    /// A token or password file could not be read.
    #[error("cannot read {}", path.display())]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A token or password file has nothing in it.
    #[error("{} is empty", path.display())]
    SecretEmpty {
        /// The file.
        path: PathBuf,
    },
    /// The result could not be written.
    #[error("cannot write the result")]
    Write(#[source] io::Error),
}

impl CtlError {
    /// The exit code for this failure.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Connect { .. } | Self::Handshake { .. } => Exit::CannotConnect,
            Self::ConnectionLost(_) | Self::TimedOut { .. } | Self::EventsEnded => {
                Exit::Unavailable
            }
            Self::Refused { status } => Exit::from(status.code()),
            Self::NoToken | Self::SecretFile { .. } | Self::SecretEmpty { .. } => Exit::Usage,
            Self::Write(_) => Exit::Other,
        }
    }

    /// Whether the reader of the result went away, as `head` does: not worth a word.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The whole message for standard error: what happened, the details on lines of
    /// their own, and what to try. Ends with a line feed.
    pub fn report(&self) -> String {
        let mut report = format!("error: {self}");
        match self {
            Self::Refused { status } => push_details(&mut report, status),
            _ => {
                if let Some(source) = self.source() {
                    report.push_str(": ");
                    report.push_str(&text::printable(&source.to_string()));
                }
            }
        }
        report.push('\n');
        if let Some(hint) = self.hint() {
            // Writing to a String does not fail.
            let _ = writeln!(report, "  try: {hint}");
        }
        report
    }

    /// What to try next.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Connect { source, .. } => Some(match source.kind() {
                io::ErrorKind::NotFound => {
                    "is the agent running on this node? --socket or NOVAROUTE_SOCKET names \
                     another path"
                }
                io::ErrorKind::PermissionDenied => {
                    "run as root or as a member of the socket's group"
                }
                io::ErrorKind::ConnectionRefused => {
                    "the socket is there but nobody listens: start the agent"
                }
                _ => "is this the agent's socket? --socket or NOVAROUTE_SOCKET names another path",
            }),
            Self::Handshake { .. } | Self::ConnectionLost(_) => Some(
                "is this the agent's socket, and is the agent still running? A change may have \
                 been applied: `novaroutectl status` shows it",
            ),
            Self::TimedOut { .. } => Some(TIMEOUT_HINT),
            Self::EventsEnded => Some("the agent may be restarting: run the command again"),
            Self::NoToken => Some("--token-file FILE, NOVAROUTE_TOKEN or --token TOKEN"),
            Self::Refused { status } => refused_hint(status.code()),
            Self::SecretFile { .. } | Self::SecretEmpty { .. } | Self::Write(_) => None,
        }
    }
}

const TIMEOUT_HINT: &str = "`novaroutectl status` shows whether a change was applied; repeating \
                            one is safe; --timeout waits longer";

/// The words for a status code.
fn spoken(code: Code) -> &'static str {
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
fn refused_hint(code: Code) -> Option<&'static str> {
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
fn push_details(report: &mut String, status: &Status) {
    let message = status.message().trim_end();
    if message.is_empty() {
        return;
    }
    let lines: Vec<String> = match status.code() {
        Code::InvalidArgument => fields(message),
        _ => message.lines().map(str::to_owned).collect(),
    };
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

    fn refused(code: Code, message: &str) -> String {
        CtlError::Refused { status: Box::new(Status::new(code, message)) }.report()
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
    fn hints_follow_the_cause() {
        let connect = |kind: io::ErrorKind| {
            CtlError::Connect { socket: "/run/x.sock".into(), source: kind.into() }.report()
        };
        assert!(connect(io::ErrorKind::NotFound).contains("is the agent running"));
        assert!(connect(io::ErrorKind::PermissionDenied).contains("group"));
        assert!(connect(io::ErrorKind::ConnectionRefused).contains("start the agent"));
        assert!(refused(Code::Unauthenticated, "no").contains("check --owner"));
        assert!(refused(Code::FailedPrecondition, "").starts_with("error: not possible yet\n"));
    }
}
