//! Why a model or a tree is not valid.

use std::{io, path::PathBuf};

/// What libyang has against a model or a tree, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YangError {
    /// A model can't be loaded.
    #[error("can't load YANG module {module} from {dir}: {message}", dir = dir.display())]
    Load {
        /// Name of the module.
        module: String,
        /// Where it was looked for.
        dir: PathBuf,
        /// libyang's words, and which file is lacking.
        message: String,
    },
    /// Data that the models don't allow.
    #[error("{message}{}", path.as_ref().map(|p| format!(" ({p})")).unwrap_or_default())]
    Invalid {
        /// libyang's words.
        message: String,
        /// Data path of the node that is wrong, where libyang tells.
        path: Option<String>,
    },
    /// There is no memory for the text of data.
    #[error("can't write data as text: {0}")]
    Text(io::ErrorKind),
    /// The thread of libyang is gone.
    #[error("the YANG thread has stopped; restart the agent")]
    Stopped,
}

impl From<io::Error> for YangError {
    fn from(error: io::Error) -> Self {
        Self::Text(error.kind())
    }
}

impl From<yang2::Error> for YangError {
    fn from(error: yang2::Error) -> Self {
        Self::Invalid { message: error.to_string(), path: error.path }
    }
}
