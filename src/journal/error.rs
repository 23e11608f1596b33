//! Why the journal can't be used.

use std::{io, path::PathBuf};

/// Why the journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused.
    #[error("can't write the state directory {}: {source}", dir.display())]
    Io {
        /// The state directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The operating system refused, and to take it back as well.
    #[error(
        "can't write the state directory {}: {source}; whether it is on the disk is known when the disk works again, \
         or when the agent starts anew",
        dir.display()
    )]
    InDoubt {
        /// The state directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another agent uses it.
    #[error("another agent uses the state directory {}; stop it, or set another state_dir", dir.display())]
    InUse {
        /// The state directory.
        dir: PathBuf,
    },
    /// The file is not one of ours.
    #[error(
        "can't read {}: {reason}; move it away to start without what was declared",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}
