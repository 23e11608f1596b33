//! What is said to mgmtd and what it answers, independent of the generation.

use std::{fmt, sync::Arc};

/// Which of mgmtd's two protocols the daemon speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// FRR up to 10.3: locks and commits are protobuf, the rest is native, and
    /// the candidate and running datastores have each other's number.
    Protobuf,
    /// FRR from 10.4: everything is native.
    Native,
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Protobuf => "protobuf (FRR 10.3)",
            Self::Native => "native (FRR 10.4 or later)",
        })
    }
}

/// A datastore (RFC 8342).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datastore {
    /// What is in force.
    Running,
    /// What is being edited; mgmtd has one for all sessions.
    Candidate,
    /// Running configuration and state, asked from the daemons.
    Operational,
}

impl Datastore {
    /// Number of this datastore in native messages.
    pub(super) fn native_number(self, generation: Generation) -> u8 {
        match (self, generation) {
            (Self::Running, Generation::Native) | (Self::Candidate, Generation::Protobuf) => 1,
            (Self::Candidate, Generation::Native) | (Self::Running, Generation::Protobuf) => 2,
            (Self::Operational, _) => 3,
        }
    }
}

impl fmt::Display for Datastore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Candidate => "candidate",
            Self::Operational => "operational",
        })
    }
}

/// Encoding of data trees. libyang's own binary format is left out: it changes
/// across its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 7950 section 3 XML encoding.
    Xml = 1,
    /// RFC 7951.
    Json = 2,
}

/// What an edit does with the node it names (RFC 6241 section 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Add and change, keep the rest.
    Merge = 2,
    /// Delete; nothing there is fine, and so is a path that names nothing.
    Remove = 3,
    /// Delete; nothing there is an error.
    Delete = 4,
    /// Put the given tree in the place of what is there.
    Replace = 5,
}

/// One edit of the candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What to do.
    pub operation: Operation,
    /// The node. `/` with a merge takes any number of top-level nodes in one edit.
    pub xpath: String,
    /// Encoding of `data`.
    pub format: Format,
    /// The node with its content; empty for [`Operation::Remove`] and
    /// [`Operation::Delete`].
    /// A clone shares it: of thousands of routes it is megabytes.
    pub data: Arc<str>,
}

impl Edit {
    /// Merges `data` (any number of top-level nodes) into the candidate.
    pub fn merge(format: Format, data: impl Into<Arc<str>>) -> Self {
        Self { operation: Operation::Merge, xpath: "/".into(), format, data: data.into() }
    }

    /// Deletes a node that has to be there.
    pub fn delete(xpath: impl Into<String>) -> Self {
        Self {
            operation: Operation::Delete,
            xpath: xpath.into(),
            format: Format::Json,
            data: Arc::from(""),
        }
    }

    /// Bytes this edit takes, about.
    pub fn size(&self) -> usize {
        self.xpath.len() + self.data.len()
    }
}

/// What to do with the candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Make it the running configuration.
    Apply = 0,
    /// Make it a copy of the running configuration.
    Abort = 1,
    /// Say whether it could be applied.
    Validate = 2,
}

/// Which nodes to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// `config false` nodes.
    State = 1,
    /// `config true` nodes.
    Config = 2,
    /// Both.
    All = 3,
}

/// Which default values to return (RFC 6243).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defaults {
    /// Those that were set explicitly.
    Explicit = 0,
    /// None.
    Trim = 1,
    /// All.
    All = 2,
}

/// A question for data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    /// The nodes; `/*` is everything.
    pub xpath: String,
    /// Where to look.
    pub datastore: Datastore,
    /// What of it.
    pub content: Content,
    /// Which defaults.
    pub defaults: Defaults,
    /// Encoding of the answer.
    pub format: Format,
    /// The node itself is the root of the answer; otherwise the answer starts at
    /// the top of the tree. Only for paths that name one node.
    pub exact: bool,
}

/// A message from mgmtd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Session it is for.
    pub session: u64,
    /// Request it answers.
    pub req_id: u64,
    /// What it says.
    pub reply: Reply,
}

/// What mgmtd says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// No.
    Error {
        /// A positive errno, where there is one.
        errno: Option<i32>,
        /// Why.
        message: String,
    },
    /// A data tree.
    Tree {
        /// Not zero where a daemon could not give its part.
        partial_error: i8,
        /// More messages of this answer follow.
        more: bool,
        /// The tree, as text.
        data: String,
    },
    /// An edit was made. The message also says whether the node is new; 10.3 says
    /// so always.
    Edited,
    /// A YANG RPC was executed.
    Rpc {
        /// Its output, as text; empty where it has none.
        output: String,
    },
    /// A session was opened or closed.
    Session {
        /// Opened.
        created: bool,
    },
    /// A lock was taken or given back.
    Lock,
    /// A commit, abort or validation went well.
    Commit {
        /// What mgmtd has to say about it.
        info: Option<String>,
    },
    /// Something happened; it answers no request.
    Notify,
    /// A message with a code of no interest here.
    Other(u16),
}

/// What kind of answer it is, in plain words. The data of an answer would drown them.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error { message, .. } => write!(f, "a refusal: {}", message.trim()),
            Self::Tree { partial_error: 0, more: true, .. } => {
                f.write_str("data of which more follows")
            }
            Self::Tree { partial_error: 0, .. } => f.write_str("data"),
            Self::Tree { partial_error, .. } => {
                write!(f, "data to which a daemon has not given its part (error {partial_error})")
            }
            Self::Edited => f.write_str("the answer to an edit"),
            Self::Rpc { .. } => f.write_str("the output of an RPC"),
            Self::Session { created: true } => f.write_str("a session opened"),
            Self::Session { created: false } => f.write_str("a session closed"),
            Self::Lock => f.write_str("the answer to a lock"),
            Self::Commit { .. } => f.write_str("the answer to a commit"),
            Self::Notify => f.write_str("a notification"),
            Self::Other(code) => write!(f, "a message of code {code}"),
        }
    }
}
