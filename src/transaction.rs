//! One transaction as it is remembered: who, when, what, how it ended. Making one reads the clock.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use crate::{
    model::{Change, IntentKey, OwnerName, ValueError},
    store::{Owned, Store},
};

/// Names one transaction in replies, logs and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(uuid::Uuid);

impl TransactionId {
    /// A new one that no other transaction has.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4())
    }
}

impl std::str::FromStr for TransactionId {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let id = uuid::Uuid::try_parse(text);
        id.map(Self).map_err(|_| ValueError::new("is not the id of a transaction"))
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a transaction ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Applied, and read back from the daemons that execute it.
    Confirmed,
    /// FRR already had all of it; nothing was sent.
    Unchanged,
    /// Stored; FRR can't be reached and gets it when it returns.
    Pending,
}

/// One object that a transaction changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which.
    pub key: IntentKey,
    /// What stood there.
    pub before: Option<Owned>,
    /// What stands there now.
    pub after: Option<Owned>,
}

/// How a transaction went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Taken.
    Done(Outcome),
    /// Refused, and undone; in these words.
    Refused(String),
}

/// What became of a transaction that had to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// Its owner said that it is right.
    Confirmed,
    /// Nobody did in time, or its owner took it back.
    RolledBack,
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its name.
    pub id: TransactionId,
    /// Who asked.
    pub owner: OwnerName,
    /// The call that asked.
    pub origin: String,
    /// When it was decided.
    pub begun: SystemTime,
    /// What it changes.
    pub changes: Vec<Changed>,
    /// When it rolls back by itself, where it has to be confirmed.
    pub confirm_by: Option<SystemTime>,
    /// How it went; `None` while it is under way.
    pub ending: Option<Ending>,
    /// How long it took.
    pub took: Duration,
    /// What became of it afterwards.
    pub finish: Option<Finish>,
}

impl Transaction {
    /// A transaction that turns `before` into what `changes` of `owner` make of it.
    pub fn new(
        owner: &OwnerName,
        origin: &str,
        changes: &[Change],
        before: &Store,
        after: &Store,
    ) -> Self {
        let changed = |change: &Change| {
            let key = change.key();
            Changed { key, before: before.get(&key).cloned(), after: after.get(&key).cloned() }
        };
        Self {
            id: TransactionId::random(),
            owner: owner.clone(),
            origin: origin.to_owned(),
            begun: SystemTime::now(),
            changes: changes.iter().map(changed).collect(),
            confirm_by: None,
            ending: None,
            took: Duration::ZERO,
            finish: None,
        }
    }

    /// Whether it leaves the store as it is, so that nothing of it need survive.
    pub fn changes_nothing(&self) -> bool {
        self.confirm_by.is_none() && self.changes.iter().all(|c| c.before == c.after)
    }

    /// Whether it waits to be confirmed.
    pub fn awaits_confirmation(&self) -> bool {
        self.confirm_by.is_some()
            && self.finish.is_none()
            && matches!(self.ending, Some(Ending::Done(_)))
    }

    /// Puts back what stood before, in whatever way the store was changed since.
    pub fn roll_back(&self, store: &mut Store) {
        for change in self.changes.iter().rev() {
            store.restore(change.key, change.before.clone());
        }
    }

    /// Makes the store what the transaction made of it.
    pub fn roll_forward(&self, store: &mut Store) {
        for change in &self.changes {
            store.restore(change.key, change.after.clone());
        }
    }
}

impl fmt::Display for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Confirmed => "confirmed",
            Self::RolledBack => "rolled back",
        })
    }
}
