//! The journal on a real file system: what was said survives, also a cut at any byte.

use std::{fs, time::SystemTime};

use super::*;
use crate::{
    model::{Change, Intent, IntentKey, OwnerName, Prefix, Protocol},
    proto::v1,
    store::Store,
    transaction::Outcome,
};

pub(super) fn admin() -> OwnerName {
    "admin".parse().expect("a name")
}

pub(super) fn prefix(number: u8) -> Prefix {
    format!("10.0.0.{number}/32").parse().expect("a prefix")
}

pub(super) fn advertise(number: u8, med: u32) -> Change {
    let attributes = v1::PrefixAttributes { med, ..Default::default() };
    let prefix = prefix(number).to_string();
    let ad = crate::wire::advertisement(&prefix, 1, Some(&attributes)).expect("valid");
    Change::Set(Intent::Prefix(ad))
}

pub(super) fn withdraw(number: u8) -> Change {
    Change::Remove(IntentKey::Prefix(Protocol::Bgp, prefix(number)))
}

/// One transaction, prepared and not settled.
pub(super) fn prepare(journal: &mut Journal, changes: &[Change]) -> TransactionId {
    let before = journal.state().store.clone();
    let mut after = before.clone();
    for change in changes {
        after.apply(&admin(), change);
    }
    let transaction = Transaction::new(&admin(), "test", changes, &before, &after);
    let id = transaction.id;
    journal.prepare(&[transaction.into()]).expect("written");
    id
}

pub(super) fn commit(journal: &mut Journal, changes: &[Change], ending: Ending, clean: bool) {
    let id = prepare(journal, changes);
    journal.settle(&[id], &ending, Duration::from_millis(1), clean).expect("written");
}

pub(super) const DONE: Ending = Ending::Done(Outcome::Confirmed);

pub(super) fn keys(store: &Store) -> Vec<String> {
    store.iter().map(|(key, _)| key.to_string()).collect()
}

pub(super) fn reopen(journal: Journal, dir: &Path) -> Journal {
    drop(journal);
    Journal::open(dir).expect("opened again")
}

#[test]
fn what_was_settled_survives_and_what_was_refused_does_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut journal = Journal::open(dir.path()).expect("opened");
    commit(&mut journal, &[advertise(1, 0), advertise(2, 0)], DONE, true);
    commit(&mut journal, &[advertise(3, 0)], Ending::Refused("no".into()), false);
    commit(&mut journal, &[withdraw(1)], DONE, true);
    let journal = reopen(journal, dir.path());
    assert_eq!(keys(&journal.state().store), ["bgp prefix 10.0.0.2/32"]);
    assert_eq!(journal.state().orphaned, []);
    let endings: Vec<_> = journal.state().history.iter().map(|t| t.ending.clone()).collect();
    assert_eq!(endings, [Some(DONE), Some(Ending::Refused("no".into())), Some(DONE)]);
}

#[test]
fn what_frr_may_still_have_is_known_until_it_is_confirmed_gone() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut journal = Journal::open(dir.path()).expect("opened");
    commit(&mut journal, &[advertise(1, 0)], DONE, true);
    let pending = Ending::Done(Outcome::Pending);
    commit(&mut journal, &[withdraw(1)], pending, false);
    let mut journal = reopen(journal, dir.path());
    assert!(journal.state().store.is_empty());
    let Change::Set(old) = advertise(1, 0) else { unreachable!("it sets") };
    assert_eq!(journal.state().orphaned, [old]);
    journal.settle(&[], &DONE, Duration::ZERO, true).expect("written");
    assert_eq!(reopen(journal, dir.path()).state().orphaned, []);
}

#[test]
fn a_transaction_that_was_cut_off_is_applied_and_what_stood_before_is_known() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut journal = Journal::open(dir.path()).expect("opened");
    commit(&mut journal, &[advertise(1, 5)], DONE, true);
    prepare(&mut journal, &[advertise(1, 6), advertise(2, 0)]);
    let journal = reopen(journal, dir.path());
    assert_eq!(keys(&journal.state().store).len(), 2);
    let Change::Set(old) = advertise(1, 5) else { unreachable!("it sets") };
    assert_eq!(journal.state().orphaned, [old]);
}

#[test]
fn a_file_cut_at_any_byte_is_read_up_to_the_last_whole_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut journal = Journal::open(dir.path()).expect("opened");
    let snapshot = usize::try_from(journal.size()).expect("small");
    for number in 1..=5 {
        commit(&mut journal, &[advertise(number, 0)], DONE, true);
    }
    drop(journal);
    let mut whole = fs::read(dir.path().join(FILE)).expect("the file");
    // Zeros follow: room that is kept.
    whole.truncate(1 + whole.iter().rposition(|byte| *byte != 0).expect("records"));
    let mut seen = 0;
    for cut in snapshot..=whole.len() {
        let replayed = replay::replay(&whole[..cut]).expect("readable");
        assert_eq!(replayed.damage, [], "{cut}");
        let count = replayed.state.store.len();
        // Prepared is applied as well, so that the store only grows with the cut.
        assert!(count == seen || count == seen + 1, "{seen} then {count} at {cut}");
        seen = count;
    }
    assert_eq!(seen, 5);
    let cut = dir.path().join("cut");
    fs::create_dir(&cut).expect("a directory");
    fs::write(cut.join(FILE), &whole[..whole.len() - 3]).expect("written");
    let mut journal = Journal::open(&cut).expect("opened");
    commit(&mut journal, &[advertise(9, 0)], DONE, true);
    assert_eq!(reopen(journal, &cut).state().store.len(), 6);
}

#[test]
fn a_file_that_grows_is_replaced_and_says_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut journal = Journal::open(dir.path()).expect("opened");
    let changes: Vec<_> = (0..=255).map(|number| advertise(number, 7)).collect();
    let mut largest = 0;
    for round in 0..600 {
        let changes: Vec<_> = match round % 2 {
            0 => changes.clone(),
            _ => (0..=255).map(withdraw).collect(),
        };
        commit(&mut journal, &changes, DONE, true);
        largest = largest.max(journal.size());
    }
    commit(&mut journal, &changes, DONE, true);
    assert!(journal.size() < largest, "never replaced: {largest}");
    assert!(journal.state().history.len() <= replay::HISTORY);
    let store = keys(&journal.state().store);
    assert_eq!(keys(&reopen(journal, dir.path()).state().store), store);
}

#[test]
fn one_state_directory_has_one_agent() {
    let dir = tempfile::tempdir().expect("a directory");
    let journal = Journal::open(dir.path()).expect("opened");
    assert!(matches!(Journal::open(dir.path()), Err(JournalError::InUse { .. })));
    drop(journal);
    Journal::open(dir.path()).expect("free again");
}

#[test]
fn what_is_no_journal_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut record = Vec::new();
    super::super::frame::write(&mut record, b"\xff\xff\xff");
    for bytes in [b"something else".to_vec(), record] {
        fs::write(dir.path().join(FILE), &bytes).expect("written");
        assert!(matches!(Journal::open(dir.path()), Err(JournalError::Unreadable { .. })));
        assert_eq!(fs::read(dir.path().join(FILE)).expect("still there"), bytes);
    }
}

#[test]
fn a_journal_of_another_format_is_refused_with_both_numbers() {
    use prost::Message;

    use crate::proto::journal::v1::{Header, Record, record::Kind};
    let dir = tempfile::tempdir().expect("a directory");
    let other = replay::VERSION + 1;
    let header = Header { version: other, ..Header::default() };
    let mut bytes = Vec::new();
    let record = Record { kind: Some(Kind::Header(header)) };
    super::super::frame::write(&mut bytes, &record.encode_to_vec());
    fs::write(dir.path().join(FILE), &bytes).expect("written");
    let refused = Journal::open(dir.path()).expect_err("another format").to_string();
    let words = format!("format {other} is not {}", replay::VERSION);
    assert!(refused.contains(&words), "{refused}");
    assert_eq!(fs::read(dir.path().join(FILE)).expect("still there"), bytes);
}

#[test]
fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let state = dir.path().join("state");
    let _journal = Journal::open(&state).expect("opened");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    assert_eq!(mode(&state.join(FILE)), 0o600);
}

#[test]
fn every_field_of_every_intent_comes_back() {
    let peer = v1::BgpPeer {
        neighbor_address: "192.0.2.1".into(),
        remote_as: 65001,
        peer_type: 1,
        keepalive: 3,
        hold_time: 9,
        bfd_enabled: true,
        description: "a 100% b".into(),
        address_families: vec![1, 2],
        source_address: "192.0.2.2".into(),
        ebgp_multihop: 3,
        password: "secret".into(),
        max_prefix: 7,
        bfd_min_rx_ms: 100,
        bfd_min_tx_ms: 200,
        bfd_detect_multiplier: 5,
        port: 1179,
        connect_retry: 12,
        passive: true,
        disable_connected_check: true,
        shutdown: true,
        shutdown_message: "back at 9".into(),
        ttl_security_hops: 0,
        local_as: 65100,
        local_as_mode: 2,
        allowas_in: 4,
        next_hop_self: vec![1],
        next_hop_self_force: vec![2],
        advertisement_interval: 5,
        weight: 100,
        send_community: vec![1, 3],
        default_originate: vec![1],
        graceful_restart: 2,
        no_soft_reconfiguration: true,
        extended_next_hop: false,
        bfd_profile: String::new(),
    };
    let attributes = v1::PrefixAttributes {
        local_preference: 1,
        communities: vec!["65000:1".into(), "no-export".into(), "1:2:3".into()],
        med: 2,
        next_hop: "192.0.2.9".into(),
    };
    let prefix = v1::PrefixAdvertisement {
        prefix: "10.0.0.0/24".into(),
        protocol: 1,
        attributes: Some(attributes),
    };
    let route = |next_hop| v1::StaticRoute {
        prefix: "10.0.0.0/24".into(),
        next_hop: Some(next_hop),
        distance: 5,
        tag: 9,
    };
    use v1::{intent::Kind, static_route::NextHop};
    let kinds = [
        Kind::Bgp(v1::BgpConfig { local_as: 65000, router_id: "10.0.0.1".into() }),
        Kind::Peer(peer),
        Kind::Prefix(prefix),
        Kind::StaticRoute(route(NextHop::Gateway("192.0.2.9".into()))),
        Kind::StaticRoute(route(NextHop::InterfaceName("eth0".into()))),
        Kind::StaticRoute(route(NextHop::Blackhole(true))),
        Kind::BfdSession(v1::BfdSession {
            peer_address: "fe80::1".into(),
            min_rx_ms: 10,
            min_tx_ms: 4_294_967,
            detect_multiplier: 1,
            interface_name: "eth0".into(),
            local_address: "fe80::2".into(),
            profile: String::new(),
        }),
        Kind::BfdProfile(v1::BfdProfile {
            name: "fast".into(),
            min_rx_ms: 10,
            min_tx_ms: 20,
            detect_multiplier: 1,
        }),
        Kind::OspfInterface(v1::OspfInterface {
            interface_name: "fifteen.bytes.1".into(),
            area_id: "255.255.255.255".into(),
            passive: true,
            cost: 65_535,
            hello_interval: 3,
            dead_interval: 65_535,
        }),
    ];
    for kind in kinds {
        let message = v1::Intent { kind: Some(kind) };
        let intent = crate::wire::intent(&message).expect("valid");
        assert_eq!(crate::wire::intent_message(&intent), message);
    }
}

#[test]
fn a_transaction_that_waits_to_be_confirmed_survives_with_its_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut journal = Journal::open(dir.path()).expect("opened");
    let (before, mut after) = (Store::new(), Store::new());
    let change = [advertise(1, 0)];
    after.apply(&admin(), &change[0]);
    let mut transaction = Transaction::new(&admin(), "Apply", &change, &before, &after);
    let by = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    transaction.confirm_by = Some(by);
    let id = transaction.id;
    journal.prepare(&[transaction.into()]).expect("written");
    journal.settle(&[id], &DONE, Duration::ZERO, true).expect("written");
    let mut journal = reopen(journal, dir.path());
    let waiting = |journal: &Journal| journal.state().history[0].awaits_confirmation();
    assert_eq!(journal.state().history[0].confirm_by, Some(by));
    assert!(waiting(&journal));
    journal.confirm(id).expect("written");
    assert!(!waiting(&reopen(journal, dir.path())));
}
