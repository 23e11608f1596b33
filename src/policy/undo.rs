//! What may be put back: the same rules as for any change, by what is so now.
//!
//! What a transaction replaced is judged as if its owner declared it now. So nothing comes back that breaks a quota, is outside
//! what its owner may use by now, or belongs to an owner that is not configured any more.

use std::{collections::BTreeMap, sync::Arc};

use super::{Capacity, Policies, Violation, check, quota};
use crate::{
    model::{Change, IntentKey, OwnerName},
    protocol::kinds,
    store::{Owned, Store},
};

/// What is put back in the place of one object; `None` takes it away.
pub type PutBack = (IntentKey, Option<Arc<Owned>>);

/// What of an undoing is permitted.
#[derive(Debug, Clone)]
pub struct Permitted {
    /// What is put back.
    pub steps: Vec<PutBack>,
    /// The store afterwards.
    pub after: Store,
    /// What is not put back, and why.
    pub refused: Vec<Violation>,
}

/// Leaves out what the rules forbid. An object that another owner had before is then taken away all the same: who took
/// it over has it no longer.
pub fn undo(
    policies: &Policies,
    capacity: Option<Capacity>,
    store: &Store,
    mut steps: Vec<PutBack>,
) -> Permitted {
    let mut refused = Vec::new();
    loop {
        let after = applied(store, &steps);
        let mut forbidden = forbidden(policies, &after, &steps);
        if forbidden.is_empty() {
            forbidden = too_many(policies, capacity, store, &steps);
        }
        if forbidden.is_empty() {
            return Permitted { steps, after, refused };
        }
        // Each round leaves something out, so that it ends.
        steps = steps.into_iter().filter_map(|step| without(&forbidden, store, step)).collect();
        refused.extend(forbidden.into_values());
    }
}

/// Whether the one who asks may undo this: an object of the node, or one that is its own before and after.
///
/// # Errors
/// It may not.
pub fn may_undo(
    policies: &Policies,
    owner: &OwnerName,
    (key, back): &PutBack,
) -> Result<(), Violation> {
    check::may_change(policies, owner, *key, back.as_deref())
}

fn applied(store: &Store, steps: &[PutBack]) -> Store {
    let mut after = store.clone();
    for (key, back) in steps {
        after.restore(*key, back.clone());
    }
    after
}

/// Steps that break a rule where all of them are made.
fn forbidden(
    policies: &Policies,
    after: &Store,
    steps: &[PutBack],
) -> BTreeMap<IntentKey, Violation> {
    let judged = steps
        .iter()
        .map(|(key, back)| (*key, check::put_back(policies, after, *key, back.as_deref())));
    judged.filter_map(|(key, verdict)| Some((key, verdict.err()?))).collect()
}

/// Steps for which there is no room: those that give an owner more, in their order, as soon as it is full.
fn too_many(
    policies: &Policies,
    capacity: Option<Capacity>,
    store: &Store,
    steps: &[PutBack],
) -> BTreeMap<IntentKey, Violation> {
    let gives = |(key, back): &&PutBack| {
        let had = store.get(key).map(|owned| &owned.owner);
        back.as_ref().is_some_and(|back| had != Some(&back.owner))
    };
    let (more, others): (Vec<_>, Vec<_>) = steps.iter().partition(gives);
    let mut so_far = store.clone();
    for (key, back) in others {
        so_far.restore(*key, back.clone());
    }
    let mut forbidden = BTreeMap::new();
    for (key, back) in more {
        let Some(owned) = back else { continue };
        let change = [Change::Set(owned.intent.clone())];
        let mut next = so_far.clone();
        next.restore(*key, back.clone());
        let over = quota::exceeded(policies, store, &next, &owned.owner, &change);
        let over = over.into_iter().next();
        let over = over.or_else(|| capacity?.check(store, &next, &change).err());
        match over {
            Some(violation) => drop(forbidden.insert(*key, violation)),
            None => so_far = next,
        }
    }
    forbidden
}

/// What is left of a step.
fn without(
    forbidden: &BTreeMap<IntentKey, Violation>,
    store: &Store,
    (key, back): PutBack,
) -> Option<PutBack> {
    if !forbidden.contains_key(&key) {
        return Some((key, back));
    }
    let now = store.get(&key)?;
    let taken_over = back.is_some_and(|back| back.owner != now.owner);
    let nodes = kinds::of(key.kind()).is_the_nodes();
    (taken_over && !nodes).then_some((key, None))
}
