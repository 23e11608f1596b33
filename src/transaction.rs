//! One transaction as it is remembered: who, when, what, how it ended. Making one reads the clock.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    model::{Change, IntentKey, OwnerName, ValueError},
    protocol::kinds,
    store::{Owned, Store},
    world,
};

/// Names one transaction in replies, logs and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(uuid::Uuid);

impl TransactionId {
    /// A new one that no other transaction has.
    pub fn random() -> Self {
        Self(world::uuid())
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
    pub before: Option<Arc<Owned>>,
    /// What stands there now.
    pub after: Option<Arc<Owned>>,
    /// Whether a later transaction, which is not remembered any more, changed the object.
    pub superseded: bool,
    /// Whether the owner of what stood there has left since, with all that it had.
    pub renounced: bool,
}

impl Changed {
    /// Whether undoing it gives this owner something back; what is the node's is nobody's.
    pub fn owes(&self, owner: &OwnerName) -> bool {
        let nodes = kinds::of(self.key.kind()).is_the_nodes();
        !nodes && !self.renounced && self.before.as_ref().is_some_and(|it| it.owner == *owner)
    }
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
    /// The transaction that this one takes back.
    pub undoes: Option<TransactionId>,
    /// What was not put back when it was taken back, and why.
    pub remark: String,
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
            Changed {
                key,
                before: before.get_shared(&key).cloned(),
                after: after.get_shared(&key).cloned(),
                superseded: false,
                renounced: false,
            }
        };
        Self {
            id: TransactionId::random(),
            owner: owner.clone(),
            origin: origin.to_owned(),
            begun: world::time_of_day(),
            changes: changes.iter().map(changed).collect(),
            confirm_by: None,
            ending: None,
            took: Duration::ZERO,
            finish: None,
            undoes: None,
            remark: String::new(),
        }
    }

    /// Whether it leaves the store as it is, so that nothing of it need survive.
    pub fn changes_nothing(&self) -> bool {
        self.confirm_by.is_none()
            && self.undoes.is_none()
            && self.changes.iter().all(|c| c.before == c.after)
    }

    /// Whether it declares something that is not declared yet, or declares it otherwise. What only takes away, or
    /// drains the node, does not.
    pub fn adds(&self) -> bool {
        let adds = |change: &Changed| {
            change.key != IntentKey::Drain
                && change.after.is_some()
                && change.before != change.after
        };
        self.confirm_by.is_some() || self.changes.iter().any(adds)
    }

    /// Whether it waits to be confirmed.
    pub fn awaits_confirmation(&self) -> bool {
        self.confirm_by.is_some()
            && self.finish.is_none()
            && matches!(self.ending, Some(Ending::Done(_)))
    }

    /// Whether undoing it gives this owner something back.
    pub fn owes(&self, owner: &OwnerName) -> bool {
        self.awaits_confirmation() && self.changes.iter().any(|change| change.owes(owner))
    }

    /// Owners to whom undoing it gives something back.
    pub fn owed(&self) -> impl Iterator<Item = &OwnerName> {
        let waits = self.awaits_confirmation();
        let before = self.changes.iter().filter_map(|change| change.before.as_ref());
        before.map(|owned| &owned.owner).filter(move |owner| waits && self.owes(owner))
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
