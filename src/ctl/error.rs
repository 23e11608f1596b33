//! What can go wrong, in words that say what to try next.

use std::{error::Error, fmt::Write, io, path::PathBuf, time::Duration};

use tonic::Status;

use super::{
    exit::Exit,
    output::text,
    refusal::{self, About},
};

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
    #[error("{}", refusal::spoken(status.code()))]
    Refused {
        /// The agent's answer.
        status: Box<Status>,
        /// What it was asked about.
        about: About,
    },
    /// The agent did not answer in time.
    #[error("no answer within {} s", after.as_secs())]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// The agent ended a stream.
    #[error("the agent ended the stream")]
    StreamEnded,
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
    /// A file of intents could not be read.
    #[error("cannot read {file}")]
    IntentFile {
        /// The file.
        file: String,
        /// Why not.
        source: io::Error,
    },
    /// A file of intents says what makes no sense.
    #[error("{} in {file}", text::count(problems.len(), "mistake", "mistakes"))]
    BadIntents {
        /// The file.
        file: String,
        /// Each names file, line and path.
        problems: Vec<String>,
    },
    /// No peer has this address.
    #[error("no peer {address} is declared")]
    NoPeer {
        /// What was typed.
        address: std::net::IpAddr,
    },
    /// The agent remembers no transaction of this name.
    #[error("no transaction begins with {prefix}")]
    NoTransaction {
        /// What was typed.
        prefix: String,
    },
    /// What was typed could be more than one transaction.
    #[error("{} begin with {prefix}", text::count(ids.len(), "transaction", "transactions"))]
    ManyTransactions {
        /// What was typed.
        prefix: String,
        /// All that begin so.
        ids: Vec<String>,
    },
    /// A full-screen view was asked for where there is no screen.
    #[error("standard output is no terminal")]
    NoTerminal,
    /// Files that were validated are wrong; what is wrong has been written.
    #[error("{} found", text::count(*mistakes, "mistake", "mistakes"))]
    NotValid {
        /// How many there are.
        mistakes: usize,
    },
    /// All is not well with what was to be explained; why has been written.
    #[error("{object}: not reached: {goal}")]
    NotReached {
        /// What it is.
        object: String,
        /// What would be well.
        goal: String,
    },
    /// The YANG models can't be used.
    #[error("cannot validate without FRR's YANG models")]
    Models(#[source] Box<crate::yang::YangError>),
    /// A person was asked and does not agree.
    #[error("nothing was changed")]
    NotAgreed,
    /// The result could not be written.
    #[error("cannot write the result")]
    Write(#[source] io::Error),
}

impl CtlError {
    /// The exit code for this failure.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Connect { .. } | Self::Handshake { .. } => Exit::CannotConnect,
            Self::ConnectionLost(_) | Self::TimedOut { .. } | Self::StreamEnded => {
                Exit::Unavailable
            }
            Self::Refused { status, .. } => Exit::from(status.code()),
            Self::NoToken
            | Self::SecretFile { .. }
            | Self::SecretEmpty { .. }
            | Self::IntentFile { .. }
            | Self::NoTerminal => Exit::Usage,
            Self::BadIntents { .. } | Self::ManyTransactions { .. } | Self::NotValid { .. } => {
                Exit::InvalidArgument
            }
            Self::NoPeer { .. } | Self::NoTransaction { .. } => Exit::NotFound,
            Self::Models(_) | Self::Write(_) | Self::NotAgreed | Self::NotReached { .. } => {
                Exit::Other
            }
        }
    }

    /// The same failure, with what the agent was asked about where it is a refusal.
    pub fn about(self, about: About) -> Self {
        match self {
            Self::Refused { status, .. } => Self::Refused { status, about },
            other => other,
        }
    }

    /// Whether it may pass by itself: the agent is away, or starts, or is busy.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Connect { source, .. } => source.kind() != io::ErrorKind::PermissionDenied,
            _ => matches!(self.exit(), Exit::CannotConnect | Exit::Unavailable),
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
            Self::Refused { status, about } => refusal::push_details(&mut report, status, about),
            Self::BadIntents { problems: lines, .. }
            | Self::ManyTransactions { ids: lines, .. } => {
                for line in lines {
                    report.push_str("\n  ");
                    report.push_str(&text::printable(line));
                }
            }
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
                    "the socket exists but no process listens: start the agent"
                }
                _ => "is this the agent's socket? --socket or NOVAROUTE_SOCKET names another path",
            }),
            Self::Handshake { .. } | Self::ConnectionLost(_) => Some(
                "is this the agent's socket, and is the agent still running? A change may have \
                 been applied: `novaroutectl status` shows it",
            ),
            Self::TimedOut { .. } => Some(refusal::TIMEOUT_HINT),
            Self::StreamEnded => Some("the agent may be restarting: run the command again"),
            Self::NoToken => Some("--token-file FILE, NOVAROUTE_TOKEN or --token TOKEN"),
            Self::Refused { status, about } => refusal::hint(status.code(), about),
            Self::BadIntents { .. } => Some("`novaroutectl apply --help` shows the format"),
            Self::NoPeer { .. } => Some("`novaroutectl peers`"),
            Self::NoTransaction { .. } => Some(refusal::TRANSACTIONS_HINT),
            Self::ManyTransactions { .. } => Some("more of it"),
            Self::NoTerminal => Some("`novaroutectl status --watch`, which needs none"),
            Self::SecretFile { .. }
            | Self::SecretEmpty { .. }
            | Self::IntentFile { .. }
            | Self::NotValid { .. }
            | Self::NotAgreed
            | Self::NotReached { .. }
            | Self::Write(_) => None,
            Self::Models(_) => Some("--yang-dir names the directory of FRR's models"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_follow_the_cause() {
        let connect = |kind: io::ErrorKind| {
            CtlError::Connect { socket: "/run/x.sock".into(), source: kind.into() }.report()
        };
        assert!(connect(io::ErrorKind::NotFound).contains("is the agent running"));
        assert!(connect(io::ErrorKind::PermissionDenied).contains("group"));
        assert!(connect(io::ErrorKind::ConnectionRefused).contains("start the agent"));
    }
}
