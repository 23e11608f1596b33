//! What can go wrong on the frontend socket.

use std::{io, path::PathBuf, time::Duration};

use super::message::Datastore;

/// A stream of bytes that is not mgmtd's.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The four bytes at the start of a frame are none of mgmtd's markers.
    #[error("marker {marker:#010x} is not mgmtd's")]
    Marker {
        /// As read in the host's byte order.
        marker: u32,
    },
    /// The frame is shorter than its header, or longer than allowed.
    #[error("frame of {len} bytes is outside the limits (8 to {max})")]
    Length {
        /// Length in the header, or of what was to be sent.
        len: usize,
        /// The limit in force.
        max: usize,
    },
    /// The socket itself failed.
    #[error("socket")]
    Io(#[from] io::Error),
}

/// A frame that is no message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Fewer bytes than the message's fixed part.
    #[error("message of {len} bytes is shorter than its fixed part")]
    Short {
        /// Bytes there were.
        len: usize,
    },
    /// The length of the first string points outside the message.
    #[error("split at {split} is outside the {len} bytes of variable data")]
    Split {
        /// Where the header says the first string ends.
        split: u32,
        /// Bytes of variable data.
        len: usize,
    },
    /// Not the protobuf message it should be.
    #[error("protobuf")]
    Protobuf(#[from] prost::DecodeError),
}

/// Why a request to mgmtd failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No process answers at the socket.
    #[error("cannot connect to {}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The connection ended, before or while the request was under way.
    #[error("mgmtd closed the connection during {request}")]
    Closed {
        /// What was asked.
        request: &'static str,
    },
    /// mgmtd did not answer in time; the connection is given up.
    #[error("mgmtd did not answer {request} within {after:?}")]
    Timeout {
        /// What was asked.
        request: &'static str,
        /// The deadline that passed.
        after: Duration,
    },
    /// Another session has the lock; it may be free in a moment.
    #[error("{datastore} is locked: {message}")]
    Locked {
        /// Which datastore.
        datastore: Datastore,
        /// mgmtd's words.
        message: String,
    },
    /// mgmtd understood the request and said no.
    #[error("{message}")]
    Refused {
        /// What was asked.
        request: &'static str,
        /// The path it was about, where there is one.
        path: Option<String>,
        /// A positive errno; 10.3 sends none with commits.
        errno: Option<i32>,
        /// mgmtd's or libyang's words.
        message: String,
    },
    /// mgmtd answered something that does not belong to the request.
    #[error("unexpected answer to {request}: {got}")]
    Unexpected {
        /// What was asked.
        request: &'static str,
        /// What came instead.
        got: String,
    },
    /// The bytes are not mgmtd's protocol.
    #[error("framing")]
    Frame(#[from] FrameError),
    /// A frame could not be read.
    #[error("message")]
    Message(#[from] MessageError),
    /// A request that mgmtd of 10.3 would not survive was not sent.
    #[error("a transaction is open on this session: abort it before the next edit")]
    TransactionOpen,
}

impl Error {
    /// Name of the kind, for metrics and logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Closed { .. } => "closed",
            Self::Timeout { .. } => "timeout",
            Self::Locked { .. } => "locked",
            Self::Refused { .. } => "refused",
            Self::Unexpected { .. } => "unexpected",
            Self::Frame(_) => "frame",
            Self::Message(_) => "message",
            Self::TransactionOpen => "transaction_open",
        }
    }

    /// Whether the session can be used on: mgmtd answered, and the answer was no.
    pub fn leaves_session_usable(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Refused { .. } | Self::TransactionOpen)
    }
}
