//! What undoing a transaction comes to: versions are compared, not values. Pure.
//!
//! The version of an object is the transaction that changed it last; one that was taken back counts as if it had not been. So
//! an object that was withdrawn and declared anew since, with equal values, is another one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::State;
use crate::{
    model::IntentKey,
    store::Owned,
    transaction::{Changed, Ending, Finish, Transaction, TransactionId},
};

/// What undoing a transaction comes to for one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// Which object.
    pub key: IntentKey,
    /// What is declared now.
    pub now: Option<Arc<Owned>>,
    /// What is declared afterwards.
    pub back: Option<Arc<Owned>>,
    /// Whether the object has been changed since: then it is left alone.
    pub changed_since: bool,
}

/// The transactions that made each of some objects what they are, oldest first: by their place in the history.
struct Authors(BTreeMap<IntentKey, Vec<usize>>);

impl Authors {
    fn of(state: &State, keys: &BTreeSet<IntentKey>) -> Self {
        let mut authors: BTreeMap<IntentKey, Vec<usize>> = BTreeMap::new();
        for (at, transaction) in state.history.iter().enumerate() {
            if !matches!(transaction.ending, Some(Ending::Done(_))) {
                continue;
            }
            for change in transaction.changes.iter().filter(|c| keys.contains(&c.key)) {
                let of_key = authors.entry(change.key).or_default();
                match transaction.undoes {
                    // The object is again what it was before that one.
                    Some(undone) => of_key.retain(|it| state.history[*it].id != undone),
                    None => of_key.push(at),
                }
            }
        }
        Self(authors)
    }

    /// Who made the object what it was just before the transaction at this place; `None` where that is not remembered.
    fn before(&self, key: &IntentKey, at: usize) -> Option<usize> {
        self.0.get(key)?.iter().rev().find(|it| **it < at).copied()
    }

    fn last(&self, key: &IntentKey) -> Option<usize> {
        self.0.get(key)?.last().copied()
    }
}

impl State {
    /// What undoing this transaction comes to, in the order of its changes; `None` where it is not remembered.
    pub fn undo(&self, id: TransactionId) -> Option<Vec<Undo>> {
        let at = self.history.iter().position(|t| t.id == id)?;
        let transaction = &self.history[at];
        let keys = transaction.changes.iter().map(|change| change.key).collect();
        let authors = Authors::of(self, &keys);
        let undo = |change: &Changed| {
            let now = self.store.get_shared(&change.key).cloned();
            let is_its = !change.superseded && authors.last(&change.key) == Some(at);
            Undo {
                key: change.key,
                changed_since: !is_its || now != change.after,
                now,
                back: self.stood_before(change, at, &authors),
            }
        };
        Some(transaction.changes.iter().map(undo).collect())
    }

    /// What is put back in the place of a change. What itself was not confirmed in time, under a later change that
    /// was not either, is not: then it is what was declared before that.
    fn stood_before(&self, change: &Changed, at: usize, authors: &Authors) -> Option<Arc<Owned>> {
        let (mut change, mut at) = (change, at);
        while let Some(earlier) = authors.before(&change.key, at)
            && self.history[earlier].finish == Some(Finish::RolledBack)
            && let Some(its) = change_of(&self.history[earlier], &change.key)
            && its.after == change.before
        {
            (change, at) = (its, earlier);
        }
        change.before.clone().filter(|_| !change.renounced)
    }
}

fn change_of<'a>(transaction: &'a Transaction, key: &IntentKey) -> Option<&'a Changed> {
    transaction.changes.iter().find(|change| change.key == *key)
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
