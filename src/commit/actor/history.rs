//! What was done is kept, or taken back: by its owner, or because nobody confirmed it in time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{error, info, warn};

use super::{Actor, batch::committed};
use crate::{
    commit::{CommitError, CommitRequest, Committed},
    failpoint,
    model::{Change, IntentKey, OwnerName},
    policy::{self, Permitted, PutBack, Violation},
    transaction::{Ending, Finish, Transaction, TransactionId},
    world,
};

/// Origin of a transaction that puts another back because somebody asked.
const ROLLBACK: &str = "Rollback";

/// Objects that were not put back that are named; the others are counted.
const NAMED: usize = 8;

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

    pub(super) async fn confirm(
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
        let confirmed = self.journal.confirm(id).await;
        self.tell_of_journal();
        self.publish();
        confirmed?;
        info!(%owner, transaction = %id, "confirmed");
        Ok(())
    }

    /// Puts back what stood before a transaction, where nothing of it has been changed since: by the rules of any change.
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
        let (steps, changed) = self.steps(id);
        if !changed.is_empty() {
            return Err(CommitError::ChangedSince { keys: changed });
        }
        let policies = self.policies.borrow().clone();
        let mut refused: Vec<Violation> = Vec::new();
        if !owner.is_admin() {
            let asked = steps.iter().map(|step| policy::may_undo(&policies, owner, step));
            refused.extend(asked.filter_map(Result::err));
        }
        let permitted = policy::undo(&policies, self.capacity, self.store(), steps);
        refused.extend(permitted.refused.iter().cloned());
        if !refused.is_empty() {
            return Err(CommitError::Policy(refused));
        }
        self.put_back(id, permitted, owner, ROLLBACK, String::new()).await
    }

    /// What undoing a transaction comes to, and the objects that were changed since: those are left as they are.
    fn steps(&self, id: TransactionId) -> (Vec<PutBack>, Vec<IntentKey>) {
        let undo = self.journal.state().undo(id).unwrap_or_default();
        let (changed, its): (Vec<_>, Vec<_>) = undo.into_iter().partition(|it| it.changed_since);
        let differs = its.into_iter().filter(|undo| undo.now != undo.back);
        let steps = differs.map(|undo| (undo.key, undo.back)).collect();
        (steps, changed.into_iter().map(|undo| undo.key).collect())
    }

    /// Applies what puts a transaction back, as a transaction of its own: when that is settled, the other is rolled
    /// back, in one record.
    async fn put_back(
        &mut self,
        id: TransactionId,
        permitted: Permitted,
        owner: &OwnerName,
        origin: &'static str,
        remark: String,
    ) -> Result<Committed, CommitError> {
        let Permitted { steps, after, .. } = permitted;
        let changes = steps.into_iter().map(|(key, back)| match back {
            Some(owned) => Change::Set(owned.intent.clone()),
            None => Change::Remove(key),
        });
        let changes = changes.collect();
        let request = CommitRequest::new(owner.clone(), origin, changes);
        let mut back = Transaction::new(owner, origin, &request.changes, self.store(), &after);
        back.undoes = Some(id);
        back.remark = remark;
        let back = Arc::new(back);
        let outcome = self.carry_out(after, std::slice::from_ref(&back), &[&request]).await?;
        failpoint::hit("rollback-applied");
        info!(%owner, transaction = %id, ?outcome, "rolled back");
        self.observer.rolled_back();
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
        let (now, today) = (Instant::now(), world::time_of_day());
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
        self.rollback_failed = None;
        for transaction in overdue {
            let id = transaction.id;
            warn!(transaction = %id, "not confirmed in time");
            let (steps, changed) = self.steps(id);
            let policies = self.policies.borrow().clone();
            let permitted = policy::undo(&policies, self.capacity, self.store(), steps);
            let remark = not_put_back(&transaction, &changed, &permitted);
            if !remark.is_empty() {
                warn!(transaction = %id, owner = %transaction.owner, "{remark}");
            }
            let owner = transaction.owner.clone();
            let done = self.put_back(id, permitted, &owner, "ConfirmTimeout", remark).await;
            if let Err(error) = done {
                // FRR refuses what it had, or the disk has no room for it: later perhaps. Others do not wait for it.
                error!(transaction = %id, %error, "can't be rolled back");
                self.rollback_failed = Some(Instant::now());
            }
        }
    }
}

/// What is not as it was before the transaction, and why; empty where all of it is.
fn not_put_back(transaction: &Transaction, changed: &[IntentKey], permitted: &Permitted) -> String {
    let refused = permitted.refused.iter().map(ToString::to_string);
    let left = transaction.changes.iter().filter(|change| change.renounced);
    let left = left.filter_map(|change| {
        let owner = &change.before.as_ref()?.owner;
        Some(format!("{}: {owner} has left", change.key))
    });
    let changed = changed.iter().map(|key| format!("{key}: changed since"));
    let all: Vec<String> = refused.chain(left).chain(changed).collect();
    if all.is_empty() {
        return String::new();
    }
    let more = match all.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("not put back: {}{more}", all[..all.len().min(NAMED)].join("; "))
}
