//! What a `frr.Northbound` server can answer instead of success.

use tonic::{Code, Status};

use crate::frr::retry::Retry;

/// Why a request failed. The words are FRR's wherever FRR said anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server is not there, or another client has the configuration locked.
    #[error("{message}")]
    Unavailable {
        /// Why.
        message: String,
    },
    /// The data is wrong: FRR, a daemon or libyang refuses it.
    #[error("{message}")]
    Refused {
        /// Why.
        message: String,
    },
    /// A daemon has no room for it.
    #[error("{message}")]
    Exhausted {
        /// What of.
        message: String,
    },
    /// The server does not have this, or not now.
    #[error("{message}")]
    Unsupported {
        /// What.
        message: String,
    },
    /// There was nothing to change. Not a failure; no caller outside sees it.
    #[error("nothing to change")]
    Unchanged,
    /// No answer, or none that tells what happened.
    #[error("{message}")]
    Unknown {
        /// What is known.
        message: String,
    },
    /// A defect, here or there.
    #[error("{message}")]
    Failed {
        /// What is known.
        message: String,
    },
}

impl Error {
    /// Name of the kind, for metrics and logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "unavailable",
            Self::Refused { .. } => "refused",
            Self::Exhausted { .. } => "exhausted",
            Self::Unsupported { .. } => "unsupported",
            Self::Unchanged => "unchanged",
            Self::Unknown { .. } => "unknown",
            Self::Failed { .. } => "failed",
        }
    }

    /// What to do about it.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unavailable { .. } | Self::Exhausted { .. } => Retry::Later,
            Self::Refused { .. } | Self::Unsupported { .. } | Self::Unchanged => Retry::Never,
            Self::Unknown { .. } | Self::Failed { .. } => Retry::ReadBack,
        }
    }
}

impl From<&Status> for Error {
    fn from(status: &Status) -> Self {
        let message = status.message().to_owned();
        match status.code() {
            Code::Unavailable => Self::Unavailable { message },
            Code::InvalidArgument => Self::Refused { message },
            Code::ResourceExhausted => Self::Exhausted { message },
            Code::Unimplemented | Code::FailedPrecondition | Code::NotFound => {
                Self::Unsupported { message }
            }
            Code::Aborted => Self::Unchanged,
            Code::DeadlineExceeded | Code::Unknown | Code::Cancelled => Self::Unknown { message },
            _ => Self::Failed { message },
        }
    }
}
