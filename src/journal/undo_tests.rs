//! Versions, not values: each case that a comparison of values gets wrong.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    model::{Change, Intent, OwnerName, Protocol},
    proto::v1,
    transaction::Outcome,
};

fn owner(name: &str) -> OwnerName {
    name.parse().expect("a name")
}

fn key() -> IntentKey {
    IntentKey::Prefix(Protocol::Bgp, "10.0.0.1/32".parse().expect("a prefix"))
}

fn set(med: u32) -> Change {
    let attributes = v1::PrefixAttributes { med, ..Default::default() };
    let ad = crate::wire::advertisement("10.0.0.1/32", 1, Some(&attributes)).expect("valid");
    Change::Set(Intent::Prefix(ad))
}

fn gone() -> Change {
    Change::Remove(key())
}

/// A transaction that is taken; with `waits`, until it is confirmed.
fn taken(state: &mut State, who: &str, change: Change, waits: bool) -> TransactionId {
    let before = state.store.clone();
    let mut after = before.clone();
    after.apply(&owner(who), &change);
    let mut transaction = Transaction::new(&owner(who), "test", &[change], &before, &after);
    if waits {
        transaction.confirm_by = Some(transaction.begun + Duration::from_secs(9));
    }
    settle(state, transaction)
}

fn settle(state: &mut State, transaction: Transaction) -> TransactionId {
    let id = transaction.id;
    state.prepare(&[Arc::new(transaction)]);
    state.settle(&[id], &Ending::Done(Outcome::Confirmed), Duration::ZERO, true);
    id
}

/// Its time is over.
fn time_out(state: &mut State, id: TransactionId) {
    let steps = state.undo(id).expect("it is remembered");
    let before = state.store.clone();
    let mut after = before.clone();
    let mut changes = Vec::new();
    for step in steps.into_iter().filter(|step| !step.changed_since && step.now != step.back) {
        after.restore(step.key, step.back.clone());
        changes.push(step.back.map_or(gone(), |owned| Change::Set(owned.intent.clone())));
    }
    let mut back = Transaction::new(&owner("admin"), "undo", &changes, &before, &after);
    back.undoes = Some(id);
    settle(state, back);
    let finish = state.history.iter().find(|t| t.id == id).map(|t| t.finish);
    assert_eq!(finish, Some(Some(Finish::RolledBack)));
}

fn stands(state: &State) -> Option<u32> {
    let owned = state.store.get(&key())?;
    let Intent::Prefix(ad) = &owned.intent else { panic!("a prefix") };
    Some(ad.attributes.med.map_or(0, std::num::NonZeroU32::get))
}

#[test]
fn what_was_withdrawn_and_declared_anew_with_equal_values_is_another_version() {
    let mut state = State::default();
    let waiting = taken(&mut state, "edge", set(5), true);
    taken(&mut state, "edge", gone(), false);
    taken(&mut state, "edge", set(5), false);
    time_out(&mut state, waiting);
    assert_eq!(stands(&state), Some(5));
}

#[test]
fn what_was_declared_and_withdrawn_anew_stays_withdrawn() {
    let mut state = State::default();
    taken(&mut state, "edge", set(5), false);
    let waiting = taken(&mut state, "edge", gone(), true);
    taken(&mut state, "edge", set(5), false);
    taken(&mut state, "edge", gone(), false);
    time_out(&mut state, waiting);
    assert_eq!(stands(&state), None);
}

#[test]
fn an_equal_call_that_need_not_be_confirmed_keeps_the_object() {
    let mut state = State::default();
    let waiting = taken(&mut state, "edge", set(5), true);
    taken(&mut state, "edge", set(5), false);
    time_out(&mut state, waiting);
    assert_eq!(stands(&state), Some(5));
}

#[test]
fn of_two_that_nobody_confirms_nothing_stays_in_whatever_order_they_end() {
    for first in [0, 1] {
        let mut state = State::default();
        taken(&mut state, "edge", set(1), false);
        let waiting =
            [taken(&mut state, "edge", set(2), true), taken(&mut state, "edge", set(3), true)];
        time_out(&mut state, waiting[first]);
        time_out(&mut state, waiting[1 - first]);
        assert_eq!(stands(&state), Some(1), "{first}");
    }
}

#[test]
fn an_undoing_gives_the_object_its_earlier_version_again() {
    let mut state = State::default();
    let outer = taken(&mut state, "edge", set(1), true);
    let inner = taken(&mut state, "edge", set(2), true);
    time_out(&mut state, inner);
    assert_eq!(stands(&state), Some(1));
    time_out(&mut state, outer);
    assert_eq!(stands(&state), None);
}

#[test]
fn an_owner_that_has_left_is_given_nothing_back() {
    let mut state = State::default();
    taken(&mut state, "edge", set(1), false);
    let waiting = taken(&mut state, "admin", set(2), true);
    state.renounce(&owner("edge"));
    assert!(!state.is_owed(&owner("edge")));
    time_out(&mut state, waiting);
    assert_eq!(stands(&state), None, "neither edge's nor what admin has not confirmed");
}

#[test]
fn a_version_is_known_when_the_transaction_that_made_it_is_forgotten() {
    let mut state = State::default();
    let waiting = taken(&mut state, "edge", set(5), true);
    taken(&mut state, "edge", gone(), false);
    taken(&mut state, "edge", set(5), false);
    for number in 0..super::super::replay::HISTORY {
        let change = crate::wire::advertisement(
            &format!("10.1.{}.{}/32", number / 256, number % 256),
            1,
            None,
        );
        taken(&mut state, "edge", Change::Set(Intent::Prefix(change.expect("valid"))), false);
    }
    assert!(state.history.iter().any(|t| t.id == waiting));
    time_out(&mut state, waiting);
    assert_eq!(stands(&state), Some(5));
}
