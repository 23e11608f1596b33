//! Who may take how much.

use super::*;

const LIMITS: Limits = Limits { guests: 1000, owners: 1000, guest_request: 100, per_byte: 12 };

fn budget() -> Arc<Budget> {
    Budget::new(LIMITS, Box::new(|_| {}))
}

/// A connection, with what closes it.
fn open(budget: &Arc<Budget>) -> (Option<ConnectionId>, CancellationToken) {
    let (id, close) = (budget.name(), CancellationToken::new());
    budget.opened(id, None, close.clone());
    (Some(id), close)
}

fn owner(name: &str) -> OwnerName {
    name.parse().unwrap()
}

#[test]
fn what_is_charged_is_given_back() {
    let budget = budget();
    let (id, _) = open(&budget);
    let mut call = budget.charge(id);
    call.grow(600).unwrap();
    let part = call.split(200);
    assert_eq!(budget.held(), (600, 0));
    drop(call);
    assert_eq!(budget.held(), (200, 0));
    drop(part);
    assert_eq!(budget.held(), (0, 0));
}

#[test]
fn the_connection_that_holds_the_most_makes_room_for_one_that_holds_less() {
    let budget = budget();
    let ((greedy, closed), (modest, other)) = (open(&budget), open(&budget));
    let mut call = budget.charge(greedy);
    call.grow(900).unwrap();
    assert_eq!(call.grow(200), Err(Refusal::Memory), "nobody makes room for who holds the most");
    let mut small = budget.charge(modest);
    small.grow(200).unwrap();
    assert!(closed.is_cancelled() && !other.is_cancelled());
    assert_eq!(budget.held(), (200, 0), "what is closing is as good as given back");
    assert_eq!(call.grow(1), Err(Refusal::Memory), "and gets no more");
    drop(call);
    assert_eq!(budget.held(), (200, 0));
    budget.closed(greedy.unwrap());
    assert_eq!(budget.connections(), 1);
}

#[test]
fn an_owner_leaves_others_as_much_as_it_takes_and_admin_the_rest() {
    let budget = budget();
    let (id, _) = open(&budget);
    let charge = |name: &str| {
        budget.belongs(id.unwrap(), &owner(name));
        budget.charge(id)
    };
    let (mut edge, mut net, mut admin) = (charge("edge"), charge("net"), charge("admin"));
    edge.grow(500).unwrap();
    assert_eq!(edge.grow(1), Err(Refusal::Memory));
    net.grow(250).unwrap();
    assert_eq!(net.grow(1), Err(Refusal::Memory));
    admin.grow(250).unwrap();
    assert_eq!(admin.grow(1), Err(Refusal::Memory));
    assert_eq!(budget.held(), (0, 1000), "guests have a budget of their own");
    drop(edge);
    admin.grow(500).unwrap();
}

#[test]
fn who_shows_a_token_pays_as_an_owner_from_then_on() {
    let budget = budget();
    let (id, _) = open(&budget);
    let mut call = budget.charge(id);
    call.grow(300).unwrap();
    assert!(call.is_guest());
    call.pay_as(owner("edge")).unwrap();
    assert!(!call.is_guest());
    assert_eq!(budget.held(), (0, 300));
}

#[test]
fn one_guest_can_not_have_all_streams() {
    let budget = budget();
    let ((greedy, _), (modest, _)) = (open(&budget), open(&budget));
    let mut taken: Vec<_> =
        (0..MAX_GUEST_STREAMS).map(|_| budget.stream(greedy).unwrap()).collect();
    assert_eq!(budget.stream(greedy).err().unwrap().code(), tonic::Code::ResourceExhausted);
    let first = budget.stream(modest).unwrap();
    assert!(taken[0].ended.is_cancelled(), "the oldest makes room");
    assert!(!taken[1].ended.is_cancelled() && !first.ended.is_cancelled());
    assert!(budget.stream(greedy).is_err());
    taken.clear();
    let more: Vec<_> = (1..MAX_GUEST_STREAMS).map(|_| budget.stream(greedy).unwrap()).collect();
    drop((more, first));
    assert_eq!(budget.state().guest_streams, 0);
}

#[test]
fn an_owners_streams_are_its_own() {
    let budget = budget();
    let ((edge, _), (guest, _)) = (open(&budget), open(&budget));
    budget.belongs(edge.unwrap(), &owner("edge"));
    let _of_guest: Vec<_> = (0..MAX_GUEST_STREAMS).map(|_| budget.stream(guest).unwrap()).collect();
    let streams: Vec<_> = (0..MAX_OWNER_STREAMS).map(|_| budget.stream(edge).unwrap()).collect();
    assert!(budget.stream(edge).is_err());
    drop(streams);
    budget.stream(edge).unwrap();
}

#[test]
fn for_another_connection_the_oldest_without_a_call_makes_room() {
    let budget = budget();
    let ((busy, a), (_, b), (_, c)) = (open(&budget), open(&budget), open(&budget));
    let mut call = budget.charge(busy);
    call.grow(1).unwrap();
    budget.make_room();
    assert!(!a.is_cancelled() && b.is_cancelled() && !c.is_cancelled());
    assert_eq!(budget.connections(), 2);
}

#[test]
fn the_limits_follow_the_memory() {
    let limits = Limits::of(Some(128 << 20));
    assert_eq!((limits.guests, limits.owners), (8 << 20, 32 << 20));
    assert!(Limits::of(None).owners > limits.owners);
}
