//! What goes wrong with a VTY session. No text of a command stands in any error:
//! commands carry passwords, so an error names the index of the command.

use std::{io, path::PathBuf, time::Duration};

use super::codec::{CodecError, CommandError, ReturnCode};
use crate::frr::retry::Retry;

/// Why a session, or one command of it, failed.
#[derive(Debug, thiserror::Error)]
pub enum VtyError {
    /// No connection: the daemon does not run, or this process may not.
    #[error("can't connect to {}", path.display())]
    Connect {
        /// The daemon's socket.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
    /// The daemon did not take the connection in time.
    #[error("{} did not answer a new connection within {waited:?}", path.display())]
    ConnectTimeout {
        /// The daemon's socket.
        path: PathBuf,
        /// How long it was given.
        waited: Duration,
    },
    /// A command that must not reach a socket. Nothing was sent, the session is fine.
    #[error("command {command} can't be sent")]
    Command {
        /// Index of the command.
        command: usize,
        /// Why.
        source: CommandError,
    },
    /// FRR refused a command that is needed here. The session is fine.
    #[error("FRR answered {code}: {message}")]
    Refused {
        /// How FRR classes it.
        code: ReturnCode,
        /// FRR's words, without secrets.
        message: String,
    },
    /// The answer to `show … json` is not what it should be. The session is fine.
    #[error("unexpected JSON from FRR at {path}")]
    Json {
        /// Where in the document.
        path: String,
        /// What is wrong there.
        source: serde_json::Error,
    },
    /// No reply in time; what became of the command is unknown.
    #[error("no reply to command {command} within {waited:?}")]
    Timeout {
        /// Index of the first command without a reply.
        command: usize,
        /// How long was waited since the reply before it.
        waited: Duration,
    },
    /// The daemon had closed the connection before this call: none of its commands was sent.
    #[error("the daemon has closed the connection")]
    Gone,
    /// The daemon closed the connection; what became of the command is unknown.
    #[error("the daemon closed the connection before the reply to command {command}")]
    Closed {
        /// Index of the first command without a reply.
        command: usize,
    },
    /// Reading or writing failed; what became of the command is unknown.
    #[error("the connection failed before the reply to command {command}")]
    Io {
        /// Index of the first command without a reply.
        command: usize,
        /// What the kernel says.
        source: io::Error,
    },
    /// The daemon's bytes are no reply, or a reply that nobody asked for.
    #[error("protocol violation in the reply to command {command}")]
    Protocol {
        /// Index of the first command without a reply.
        command: usize,
        /// What is wrong.
        source: CodecError,
    },
    /// Another daemon has this one's socket by now: none of the commands was sent.
    #[error("another daemon serves the socket by now")]
    Replaced,
    /// The running configuration does not end as one does.
    #[error("the daemon's configuration is cut off")]
    CutOff,
    /// An earlier error or a cancelled call left replies unread.
    #[error("the session is out of step after an earlier failure")]
    Poisoned,
}

impl VtyError {
    /// Whether the session must be dropped. The caller has to connect anew and to
    /// read back the running configuration: commands may have been executed.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Command { .. } | Self::Refused { .. } | Self::Json { .. })
    }

    /// What to do about it.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Command { .. } | Self::Refused { .. } | Self::Json { .. } => Retry::Never,
            // Nothing was sent.
            Self::Connect { .. } | Self::ConnectTimeout { .. } | Self::Gone | Self::Replaced => {
                Retry::Later
            }
            Self::Timeout { .. }
            | Self::Closed { .. }
            | Self::Io { .. }
            | Self::Protocol { .. }
            | Self::CutOff
            | Self::Poisoned => Retry::ReadBack,
        }
    }

    /// Metric label.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::Command { .. } => "command",
            Self::Refused { .. } => "refused",
            Self::Json { .. } => "json",
            Self::Timeout { .. } => "timeout",
            Self::Gone => "gone",
            Self::Closed { .. } => "closed",
            Self::Io { .. } => "io",
            Self::Protocol { .. } => "protocol",
            Self::Replaced => "replaced",
            Self::CutOff => "cut_off",
            Self::Poisoned => "poisoned",
        }
    }
}
