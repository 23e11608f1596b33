//! What a client knows of what it was answered.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use crate::{
    journal::Journal,
    model::{Intent, IntentKey},
    store::Owned,
    transaction::{Ending, Finish, Transaction, TransactionId},
};

fn med(owned: &Owned) -> u32 {
    match &owned.intent {
        Intent::Prefix(ad) => ad.attributes.med.map_or(0, NonZeroU32::get),
        other => panic!("{other:?} was never declared"),
    }
}

/// What a client knows: the objects, and what became of transactions that had to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Known {
    pub(super) objects: BTreeMap<IntentKey, u32>,
    pub(super) finishes: BTreeMap<TransactionId, Option<Finish>>,
}

impl Known {
    pub(super) fn of(journal: &Journal) -> Self {
        let state = journal.state();
        let objects = state.store.iter().map(|(key, owned)| (*key, med(owned)));
        let waiting = state.history.iter().filter(|t| t.confirm_by.is_some());
        let done = waiting.filter(|t| matches!(t.ending, Some(Ending::Done(_))));
        Self { objects: objects.collect(), finishes: done.map(|t| (t.id, t.finish)).collect() }
    }

    pub(super) fn after(&self, transactions: &[Arc<Transaction>]) -> Self {
        let mut known = self.clone();
        for transaction in transactions {
            for change in &transaction.changes {
                match &change.after {
                    Some(owned) => known.objects.insert(change.key, med(owned)),
                    None => known.objects.remove(&change.key),
                };
            }
            if transaction.confirm_by.is_some() {
                known.finishes.insert(transaction.id, None);
            }
            if let Some(undone) = transaction.undoes {
                // What was not to be confirmed can be taken back too.
                known.finishes.entry(undone).and_modify(|it| *it = Some(Finish::RolledBack));
            }
        }
        known
    }

    /// Whether the other is this one, as far as both remember.
    pub(super) fn is_found_as(&self, other: &Self) -> bool {
        self.objects == other.objects && self.finishes == other.finishes
    }
}
