//! What the commit actor is asked, and what it answers.

use std::time::Duration;

use tokio::sync::oneshot;

use super::Plan;
use crate::{
    daemon::Daemon,
    journal::JournalError,
    model::{Change, Configured, Extras, Intent, IntentKey, OwnerName},
    policy::Violation,
    transaction::{Outcome, TransactionId},
};

/// Everything the actor can be asked, with the place for its answer.
#[derive(Debug)]
pub enum Request {
    /// Apply changes.
    Commit(CommitRequest, oneshot::Sender<Result<Committed, CommitError>>),
    /// Say what applying them would do.
    Plan(CommitRequest, oneshot::Sender<Result<Plan, CommitError>>),
    /// Keep a transaction that would roll back by itself.
    Confirm(OwnerName, TransactionId, oneshot::Sender<Result<(), CommitError>>),
    /// Put back what stood before a transaction.
    RollBack(OwnerName, TransactionId, oneshot::Sender<Result<Committed, CommitError>>),
    /// An owner has left with all that it had: nothing is given back to it.
    Renounce(OwnerName, oneshot::Sender<Result<(), CommitError>>),
    /// Take what FRR runs of what is declared as ours; or, without that, say what that would be.
    Adopt(bool, oneshot::Sender<Result<Adopted, CommitError>>),
    /// Declare what the configuration says now, and no longer what it said before.
    Configure(Configured, oneshot::Sender<Result<usize, CommitError>>),
}

impl Request {
    /// Whose it is; `None` for the agent's own.
    pub fn owner(&self) -> Option<&OwnerName> {
        match self {
            Self::Commit(request, _) | Self::Plan(request, _) => Some(&request.owner),
            Self::Confirm(owner, ..) | Self::RollBack(owner, ..) => Some(owner),
            Self::Renounce(..) | Self::Configure(..) | Self::Adopt(..) => None,
        }
    }
}

/// Changes of one owner that are applied together or not at all.
#[derive(Debug, Clone)]
pub struct CommitRequest {
    /// Who asks; authenticated already.
    pub owner: OwnerName,
    /// The call that asks, for logs: `AdvertisePrefix`, `Deregister`, …
    pub origin: &'static str,
    /// At most one change for an object.
    pub changes: Vec<Change>,
    /// Time after which it is rolled back unless it is confirmed.
    pub confirm_within: Option<Duration>,
    /// Whether what an operator configured in the place of a change is taken over, or goes with what is removed. Of
    /// `admin` alone.
    pub take_over: bool,
    /// What it says beyond that.
    pub extras: Extras,
}

impl CommitRequest {
    /// Changes that stay without being confirmed, and take nothing over.
    pub fn new(owner: OwnerName, origin: &'static str, changes: Vec<Change>) -> Self {
        let (confirm_within, take_over, extras) = Default::default();
        Self { owner, origin, changes, confirm_within, take_over, extras }
    }
}

/// What of what FRR runs would be taken as ours again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Where each object is: daemon and path.
    pub objects: Vec<(Daemon, String)>,
}

/// Answer to a request that was taken.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Its name.
    pub id: TransactionId,
    /// What became of it.
    pub outcome: Outcome,
    /// What stood before in the place of each change, in the order of the request.
    pub previous: Vec<Option<Intent>>,
}

/// Why a request changed nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// Policy or ownership forbids a change; every change that is forbidden is named.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Policy(Vec<Violation>),
    /// Only `admin` takes over what an operator configured.
    #[error("only admin may take over what somebody else configured in FRR; leave out take_over")]
    MayNotTakeOver {
        /// Who asked.
        owner: OwnerName,
    },
    /// FRR or libyang refused, and everything was undone. Their words.
    #[error("{message}")]
    Refused {
        /// What was refused and in which words; never a secret.
        message: String,
    },
    /// FRR refused and undoing it failed as well: what FRR runs is repaired from the
    /// intents as soon as it can be.
    #[error("{message}; undoing it failed as well: {undo}")]
    NotUndone {
        /// What was refused.
        message: String,
        /// Why it could not be undone.
        undo: String,
    },
    /// A peer was to keep its password, and has none.
    #[error(
        "changes[{index}].set.peer.password: there is none to keep, since {why}; give it one, or leave it out"
    )]
    NoPassword {
        /// Number of the change.
        index: usize,
        /// Why.
        why: &'static str,
    },
    /// There is no such transaction, or not in that state.
    #[error("{message}")]
    NoSuchTransaction {
        /// What is the matter with it.
        message: String,
    },
    /// The transaction is another owner's.
    #[error("transaction {id} is {owner}'s")]
    NotYours {
        /// Which.
        id: TransactionId,
        /// Whose.
        owner: OwnerName,
    },
    /// What a transaction changed has been changed again since.
    #[error("changed since by somebody: {}; nothing was rolled back", .keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    ChangedSince {
        /// Which objects.
        keys: Vec<IntentKey>,
    },
    /// The change can't be made durable, so that it was not made.
    #[error("{message}")]
    NotDurable {
        /// Why, and what is left of it.
        message: String,
    },
    /// Too many requests wait already: try again.
    #[error("{waiting} requests wait for FRR already; try again")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
    /// The agent is stopping.
    #[error("the agent is stopping; try again when it is back")]
    Stopped,
}

impl CommitError {
    /// The same, where the journal could not keep that it was refused.
    #[must_use]
    pub fn not_kept(self, doubt: &JournalError) -> Self {
        let note = |message: String| {
            format!(
                "{message}; an agent that dies before the disk works tries it again, since: {doubt}"
            )
        };
        match self {
            Self::Refused { message } => Self::Refused { message: note(message) },
            Self::NotDurable { message } => Self::NotDurable { message: note(message) },
            Self::NotUndone { message, undo } => Self::NotUndone { message, undo: note(undo) },
            other => other,
        }
    }
}

impl From<JournalError> for CommitError {
    fn from(error: JournalError) -> Self {
        let message = match error {
            JournalError::InDoubt { .. } => error.to_string(),
            _ => format!("{error}; nothing was changed"),
        };
        Self::NotDurable { message }
    }
}
