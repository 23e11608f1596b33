//! What was done is kept, or taken back: by its owner, or because nobody confirmed it in time.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tracing::{error, info, warn};

use super::{Actor, committed};
use crate::{
    commit::{CommitError, CommitRequest, Committed},
    failpoint,
    model::{Change, IntentKey, OwnerName, Protocol},
    transaction::{Changed, Ending, Finish, Transaction, TransactionId},
};

/// Origin of a transaction that puts another back because somebody asked.
const ROLLBACK: &str = "Rollback";

impl Actor {
    /// The transaction of this name, if this owner may decide over it.
    fn remembered(
        &self,
        owner: &OwnerName,
        id: TransactionId,
    ) -> Result<Arc<Transaction>, CommitError> {
        let found = self.journal.state().history.iter().find(|t| t.id == id);
        let message = || format!("transaction {id} is not remembered; see 'transactions'");
        let transaction =
            found.ok_or_else(|| CommitError::NoSuchTransaction { message: message() })?;
        if transaction.owner != *owner && !owner.is_admin() {
            return Err(CommitError::NotYours { id, owner: transaction.owner.clone() });
        }
        Ok(transaction.clone())
    }

    pub(super) fn confirm(
        &mut self,
        owner: &OwnerName,
        id: TransactionId,
    ) -> Result<(), CommitError> {
        let transaction = self.remembered(owner, id)?;
        if !transaction.awaits_confirmation() {
            let state = match transaction.finish {
                Some(finish) => format!("is {finish} already"),
                None => "does not wait to be confirmed".to_owned(),
            };
            let message = format!("transaction {id} {state}");
            return Err(CommitError::NoSuchTransaction { message });
        }
        info!(%owner, transaction = %id, "confirmed");
        let finished = self.journal.finish(id, Finish::Confirmed);
        self.publish();
        finished.map_err(|error| CommitError::NotDurable { message: error.to_string() })
    }

    /// Puts back what stood before a transaction, where nothing of it has been changed since.
    pub(super) async fn roll_back(
        &mut self,
        owner: &OwnerName,
        id: TransactionId,
    ) -> Result<Committed, CommitError> {
        let transaction = self.remembered(owner, id)?;
        let unfit = match (&transaction.ending, transaction.finish) {
            (_, Some(Finish::RolledBack)) => Some("is rolled back already"),
            (Some(Ending::Refused(_)), _) => Some("was refused: nothing of it is there"),
            _ => None,
        };
        if let Some(unfit) = unfit {
            let message = format!("transaction {id} {unfit}");
            return Err(CommitError::NoSuchTransaction { message });
        }
        let changed = |change: &&Changed| self.store().get(&change.key) != change.after.as_ref();
        let keys: Vec<_> = transaction.changes.iter().filter(changed).map(|c| c.key).collect();
        if !keys.is_empty() {
            return Err(CommitError::ChangedSince { keys });
        }
        self.put_back(&transaction, owner, ROLLBACK).await
    }

    /// Applies what puts a transaction back, as a transaction of its own.
    async fn put_back(
        &mut self,
        transaction: &Transaction,
        owner: &OwnerName,
        origin: &'static str,
    ) -> Result<Committed, CommitError> {
        let before = self.store().clone();
        let mut after = before.clone();
        let mut changes = Vec::new();
        for change in transaction.changes.iter().rev() {
            // What somebody has changed since is theirs.
            if before.get(&change.key) == change.after.as_ref() {
                after.restore(change.key, change.before.clone());
                changes.push(match &change.before {
                    Some(owned) => Change::Set(owned.intent.clone()),
                    None => Change::Remove(change.key),
                });
            }
        }
        let needs_bgp = |key: &IntentKey| {
            matches!(key, IntentKey::Peer(_) | IntentKey::Prefix(Protocol::Bgp, _))
        };
        if after.bgp().is_none() && after.iter().any(|(key, _)| needs_bgp(key)) {
            let message =
                "it set up BGP, which peers and prefixes declared since need; withdraw them first";
            return Err(CommitError::Refused { message: message.to_owned() });
        }
        let request = CommitRequest { owner: owner.clone(), origin, changes, confirm_within: None };
        // Who asks must not get by a rollback what policy forbids by now. The agent itself, whose
        // client could not confirm, puts back what stood.
        if origin == ROLLBACK && !owner.is_admin() {
            self.permit(&before, &request)?;
        }
        let back = Transaction::new(owner, origin, &request.changes, &before, &after);
        let outcome = self.carry_out(after, std::slice::from_ref(&back), &[&request]).await?;
        failpoint::hit("rollback-applied");
        let finished = self.journal.finish(transaction.id, Finish::RolledBack);
        if let Err(error) = finished {
            error!(%error, "the journal lacks a rollback");
        }
        info!(%owner, transaction = %transaction.id, ?outcome, "rolled back");
        self.observer.rolled_back();
        self.publish();
        Ok(committed(&back, outcome))
    }

    /// Time until the next transaction rolls back by itself.
    pub(super) fn next_deadline(&mut self) -> Option<Duration> {
        self.follow_deadlines();
        let next = *self.deadlines.values().min()?;
        let tried = self.rollback_failed.map(|at| at + self.retry_interval);
        let next = tried.map_or(next, |again| next.max(again));
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Keeps a deadline for each transaction that waits to be confirmed. They are of the clock that nobody
    /// sets: a step of the time of day neither takes back what was just done nor keeps what nobody
    /// confirmed. What the journal brought has what is left by the time of day, never more than it was given.
    fn follow_deadlines(&mut self) {
        let history = &self.journal.state().history;
        let waiting: BTreeMap<_, _> = history
            .iter()
            .filter(|t| t.awaits_confirmation())
            .filter_map(|t| Some((t.id, (t.begun, t.confirm_by?))))
            .collect();
        self.deadlines.retain(|id, _| waiting.contains_key(id));
        let (now, today) = (Instant::now(), SystemTime::now());
        for (id, (begun, by)) in waiting {
            let given = by.duration_since(begun).unwrap_or_default();
            let left = by.duration_since(today).unwrap_or_default().min(given);
            self.deadlines.entry(id).or_insert(now + left);
        }
    }

    pub(super) async fn roll_back_overdue(&mut self) {
        let now = Instant::now();
        let is_overdue = |id: &TransactionId| self.deadlines.get(id).is_some_and(|by| *by <= now);
        let history = self.journal.state().history.iter().rev();
        let overdue: Vec<_> =
            history.filter(|t| t.awaits_confirmation() && is_overdue(&t.id)).cloned().collect();
        for transaction in overdue {
            warn!(transaction = %transaction.id, "not confirmed in time");
            let owner = transaction.owner.clone();
            if let Err(error) = self.put_back(&transaction, &owner, "ConfirmTimeout").await {
                // FRR refuses what it had, or others need it: later perhaps.
                error!(transaction = %transaction.id, %error, "can't be rolled back");
                self.rollback_failed = Some(Instant::now());
                return;
            }
        }
        self.rollback_failed = None;
    }
}
