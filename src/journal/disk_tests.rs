//! What the journal makes of a disk that refuses, tears and damages.

use std::fs;

use super::{
    super::simulated::{Faults, Simulated},
    tests::*,
    *,
};
use crate::{model::Change, store::Store};

/// A journal on a simulated disk.
fn on(disk: &Simulated) -> Journal {
    Journal::open_on(Path::new("state"), Box::new(disk.clone()), None).expect("opened")
}

fn read_only() -> Faults {
    Faults { read_only: true, ..Faults::default() }
}

/// A transaction that has to be confirmed, and is taken.
fn waiting(journal: &mut Journal, change: Change) -> TransactionId {
    let before = journal.state().store.clone();
    let mut after = before.clone();
    after.apply(&admin(), &change);
    let mut transaction = Transaction::new(&admin(), "Apply", &[change], &before, &after);
    transaction.confirm_by = Some(transaction.begun + Duration::from_secs(60));
    let id = transaction.id;
    journal.prepare(&[transaction.into()]).expect("written");
    journal.settle(&[id], &DONE, Duration::ZERO, true).expect("written");
    id
}

/// What is prepared and not known to be sent counts as foreign where FRR runs it: where the disk does not keep that it is
/// sent, nothing is. What only takes away is sent.
#[test]
fn what_the_disk_does_not_keep_as_sent_is_not_sent() {
    let touching = Claims { touching: true, ..Claims::default() };
    for (change, sent) in [(advertise(2, 0), false), (withdraw(1), true)] {
        let disk = Simulated::new(7);
        let mut journal = on(&disk);
        commit(&mut journal, &[advertise(1, 0)], DONE, true);
        let id = prepare(&mut journal, &[change]);
        disk.faults(read_only());
        assert_eq!(journal.claim(&touching).is_ok(), sent);
        // What is settled needs no such record.
        disk.faults(Faults::default());
        journal.settle(&[id], &DONE, Duration::ZERO, true).expect("written");
        disk.faults(read_only());
        journal.claim(&touching).expect("nothing is prepared");
    }
}

/// C9, as an agent of before wrote it: the ending of a withdrawal is lacking, and the prefix was advertised again.
#[test]
fn a_transaction_without_an_ending_does_not_override_what_came_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut journal = Journal::open(dir.path()).expect("opened");
    commit(&mut journal, &[advertise(1, 0)], DONE, true);
    let mut bytes = replay::snapshot(journal.state());
    let standing = journal.state().store.clone();
    let gone = Store::new();
    let transaction = |changes: &[Change], before: &Store, after: &Store| {
        Arc::new(Transaction::new(&admin(), "test", changes, before, after))
    };
    let withdrawn = transaction(&[withdraw(1)], &standing, &gone);
    let again = transaction(&[advertise(1, 0)], &gone, &standing);
    bytes.extend(replay::prepared(&[withdrawn]));
    bytes.extend(replay::prepared(std::slice::from_ref(&again)));
    bytes.extend(replay::settled_record(&[again.id], &DONE, Duration::ZERO, true));
    drop(journal);
    fs::write(dir.path().join(FILE), &bytes).expect("written");
    let journal = Journal::open(dir.path()).expect("opened");
    assert_eq!(keys(&journal.state().store), ["bgp prefix 10.0.0.1/32"]);
}

/// C9: what is taken behind an ending that the disk refused is on disk only with it.
#[test]
fn what_comes_behind_an_ending_that_the_disk_refused_is_in_its_order() {
    for ending in [DONE, Ending::Refused("no".into())] {
        let disk = Simulated::new(7);
        let mut journal = on(&disk);
        commit(&mut journal, &[advertise(1, 0)], DONE, true);
        let id = prepare(&mut journal, &[withdraw(1), withdraw(2), advertise(3, 0)][..1]);
        disk.faults(read_only());
        let settled = journal.settle(&[id], &ending, Duration::ZERO, true);
        // That it was refused is answered as what it is: not on disk.
        assert_eq!(settled.is_err(), matches!(ending, Ending::Refused(_)), "{settled:?}");
        assert!(!journal.is_writable());
        disk.faults(Faults::default());
        commit(&mut journal, &[advertise(1, 9), advertise(2, 9)], DONE, true);
        assert!(journal.is_writable());
        let state = journal.state().store.clone();
        drop(journal);
        disk.cut_power();
        let journal = on(&disk);
        assert_eq!(journal.state().store.diff(&state).count(), 0, "{ending:?}");
        let endings: Vec<_> = journal.state().history.iter().map(|t| t.ending.clone()).collect();
        assert_eq!(endings[1], Some(ending));
    }
}

/// C10: whatever byte of a record is damaged, all others count, the damage is said, and the file is kept.
#[test]
fn a_damaged_record_is_said_kept_and_costs_no_other() {
    const KEPT: &str = "journal.damaged-1";
    let disk = Simulated::new(10);
    let mut journal = on(&disk);
    let mut begins = Vec::new();
    for number in 1..=7 {
        begins.push(usize::try_from(journal.size()).expect("small"));
        commit(&mut journal, &[advertise(number, 0)], DONE, true);
    }
    drop(journal);
    let whole = disk.bytes(FILE).expect("the file");
    for at in begins[1]..begins[2] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        disk.put(FILE, &damaged);
        let journal = on(&disk);
        let store = keys(&journal.state().store);
        let mut others = (1..=7).filter(|n| *n != 2).map(|n| format!("bgp prefix {}", prefix(n)));
        assert!(others.all(|key| store.contains(&key)), "byte {at}: {store:?}");
        let concerns = journal.concerns();
        assert_eq!(concerns.len(), 1, "byte {at}: {concerns:?}");
        assert!(concerns[0].contains(KEPT) && concerns[0].contains("offset"), "{concerns:?}");
        assert!(disk.bytes(KEPT).as_ref() == Some(&damaged), "byte {at}: it is not kept");
        // The next start says it still, and damages nothing more; who moves the file away has read it.
        drop(journal);
        let mut journal = on(&disk);
        assert_eq!(keys(&journal.state().store), store);
        assert_eq!(journal.concerns(), concerns);
        disk.take(KEPT);
        journal.mend();
        assert_eq!(journal.concerns(), Vec::<String>::new());
    }
}

/// C10's siblings: damage to what the file begins with, to its last record, and a file that is empty.
#[test]
fn damage_anywhere_is_said() {
    let disk = Simulated::new(10);
    let mut journal = on(&disk);
    commit(&mut journal, &[advertise(1, 0), advertise(2, 0)], DONE, true);
    let last = usize::try_from(journal.size()).expect("small");
    let unsettled = disk.bytes(FILE).expect("the file");
    drop(journal);
    // They are in the snapshot from now on.
    let end = usize::try_from(on(&disk).size()).expect("small");
    let whole = disk.bytes(FILE).expect("the file");
    for (bytes, places) in [(whole, 0..end), (unsettled, last - 40..last)] {
        for at in places {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            disk.put(FILE, &damaged);
            assert_eq!(on(&disk).damaged(), 1, "byte {at}");
            disk.take("journal.damaged-1");
        }
    }
    for bytes in [vec![], vec![0; 4096]] {
        disk.put(FILE, &bytes);
        let said = on(&disk).concerns().join(" ");
        assert!(said.contains("there is no record"), "{said}");
        disk.take("journal.damaged-1");
    }
}

/// A disk with a journal of two commits whose last is damaged, and that journal's bytes.
fn damaged() -> (Simulated, Option<Vec<u8>>) {
    let disk = Simulated::new(3);
    let mut journal = on(&disk);
    commit(&mut journal, &[advertise(1, 0)], DONE, true);
    commit(&mut journal, &[advertise(2, 0)], DONE, true);
    let at = usize::try_from(journal.size()).expect("small") - 90;
    drop(journal);
    disk.flip(FILE, at);
    let damaged = disk.bytes(FILE);
    (disk, damaged)
}

/// A damaged file that can't be kept is not overwritten either.
#[test]
fn a_damaged_file_that_cannot_be_kept_is_left_as_it_is() {
    let (disk, damaged) = damaged();
    disk.faults(read_only());
    let mut journal = on(&disk);
    assert!(!journal.is_writable());
    disk.faults(Faults { capacity: Some(disk.used()), no_links: true, ..Faults::default() });
    let refused = journal.prepare(&[adding(&journal, 3)]);
    assert!(refused.is_err());
    assert!(disk.bytes(FILE) == damaged, "it is overwritten");
    // It is kept as soon as it can be.
    disk.faults(Faults::default());
    commit(&mut journal, &[advertise(3, 0)], DONE, true);
    assert!(disk.bytes("journal.damaged-1") == damaged, "it is not kept");
    assert_eq!(journal.damaged(), 1);
}

/// The disk gives a damaged file its second name, says that it did not, and fails when the file is copied instead.
#[test]
fn a_damaged_file_is_not_emptied_by_its_own_copy() {
    let (disk, damaged) = damaged();
    disk.faults(Faults { capacity: Some(0), denies_links: true, ..Faults::default() });
    drop(on(&disk));
    assert!(disk.bytes(FILE) == damaged, "it is overwritten");
    disk.faults(Faults::default());
    let journal = on(&disk);
    assert!(disk.bytes("journal.damaged-1") == damaged, "it is not kept");
    assert_eq!((journal.damaged(), journal.is_writable()), (1, true));
}

/// A transaction that adds a prefix.
fn adding(journal: &Journal, number: u8) -> Arc<Transaction> {
    let before = journal.state().store.clone();
    let mut after = before.clone();
    after.apply(&admin(), &advertise(number, 0));
    Transaction::new(&admin(), "test", &[advertise(number, 0)], &before, &after).into()
}

/// C11: the directory can't be synchronised, behind the name of the new file or in its place.
#[test]
fn what_follows_a_directory_that_was_not_synchronised_is_kept() {
    for power in [false, true] {
        let disk = Simulated::new(11);
        let mut journal = on(&disk);
        commit(&mut journal, &[advertise(1, 0)], DONE, true);
        let bgp = Some(crate::wire::bgp(65000, "").expect("an instance"));
        disk.faults(Faults { directory_fails: true, ..Faults::default() });
        journal
            .configured(Configured { bgp, peers: vec![], profiles: vec![] })
            .expect_err("it is not known which file is there");
        disk.faults(Faults::default());
        commit(&mut journal, &[advertise(2, 0)], DONE, true);
        drop(journal);
        match power {
            true => disk.cut_power(),
            false => disk.restart(),
        }
        let store = keys(&on(&disk).state().store);
        assert_eq!(store.len(), 2, "power cut: {power}, {store:?}");
    }
}

/// C12: a confirmation happens whole or not at all.
#[test]
fn a_confirmation_that_the_disk_refuses_has_not_happened() {
    let disk = Simulated::new(12);
    let mut journal = on(&disk);
    let id = waiting(&mut journal, advertise(1, 0));
    disk.faults(read_only());
    journal.confirm(id).expect_err("the disk refuses");
    assert!(journal.state().history[0].awaits_confirmation());
    disk.restart();
    drop(journal);
    let mut journal = on(&disk);
    assert!(journal.state().history[0].awaits_confirmation());
    // It can be said again. A disk that is full has room for it.
    disk.faults(Faults { capacity: Some(disk.used()), ..Faults::default() });
    journal.confirm(id).expect("there is room that is kept");
    drop(journal);
    disk.cut_power();
    assert_eq!(on(&disk).state().history[0].finish, Some(Finish::Confirmed));
}

/// C13: on a disk that is full or read-only the journal opens, refuses what adds, and takes what takes away.
#[test]
fn a_disk_that_is_full_or_read_only_takes_what_takes_away() {
    for full in [true, false] {
        let disk = Simulated::new(13);
        let mut journal = on(&disk);
        let changes: Vec<_> = (0..100).map(|number| advertise(number, 0)).collect();
        commit(&mut journal, &changes, DONE, true);
        drop(journal);
        disk.faults(match full {
            true => Faults { capacity: Some(disk.used()), ..Faults::default() },
            false => read_only(),
        });
        let mut journal = on(&disk);
        assert_eq!(journal.state().store.len(), 100, "full: {full}");
        let said = journal.concerns().join(" ");
        assert!(said.contains("can't be written"), "{said}");
        journal.prepare(&[adding(&journal, 200)]).expect_err("it adds");
        for number in 0..100 {
            commit(&mut journal, &[withdraw(number)], DONE, true);
        }
        assert!(journal.state().store.is_empty());
        assert_eq!(journal.is_behind(), !full, "a full disk has room that is kept");
        if !full {
            disk.faults(Faults::default());
            journal.mend();
        }
        drop(journal);
        disk.cut_power();
        let mut journal = on(&disk);
        assert!(journal.state().store.is_empty(), "full: {full}");
        assert!(journal.is_writable());
        commit(&mut journal, &[advertise(1, 0)], DONE, true);
    }
}

/// A disk that had no room for anything at the first start.
#[test]
fn a_first_start_on_a_full_disk_has_a_journal_as_soon_as_there_is_room() {
    let disk = Simulated::new(14);
    disk.faults(Faults { capacity: Some(0), ..Faults::default() });
    let mut journal = on(&disk);
    assert!(!journal.is_writable());
    journal.prepare(&[adding(&journal, 1)]).expect_err("there is no room");
    disk.faults(Faults::default());
    commit(&mut journal, &[advertise(1, 0)], DONE, true);
    drop(journal);
    disk.cut_power();
    assert_eq!(on(&disk).state().store.len(), 1);
}

proptest::proptest! {
    /// A power cut leaves some sectors of what was not yet synchronised, others as zeros or as they were
    /// before. Everything up to there is read, nothing of another kind is made up, and nothing panics.
    #[test]
    fn torn_and_reordered_writes_lose_only_what_was_not_synchronised(
        cut in proptest::prelude::any::<proptest::sample::Index>(),
        lost in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), 1..64usize, 0..=1u8), 0..4),
    ) {
        let dir = tempfile::tempdir().expect("a directory");
        let mut journal = Journal::open(dir.path()).expect("opened");
        for number in 1..=3 {
            commit(&mut journal, &[advertise(number, 0)], DONE, true);
        }
        let synchronised = usize::try_from(journal.size()).expect("small");
        for number in 4..=6 {
            commit(&mut journal, &[advertise(number, 0)], DONE, true);
        }
        drop(journal);
        let mut bytes = fs::read(dir.path().join(FILE)).expect("the file");
        bytes.truncate(1 + bytes.iter().rposition(|byte| *byte != 0).expect("records"));
        let tail = bytes.len() - synchronised;
        for (at, count, with) in lost {
            let at = synchronised + at.index(tail);
            let end = bytes.len().min(at + count);
            bytes[at..end].fill(with * 0xff);
        }
        bytes.truncate(synchronised + cut.index(tail + 1));
        fs::write(dir.path().join(FILE), &bytes).expect("written");
        let mut journal = Journal::open(dir.path()).expect("a torn tail is no reason to refuse");
        let store = keys(&journal.state().store);
        let all: Vec<_> = (1..=6).map(|n| format!("bgp prefix {}", prefix(n))).collect();
        // What was synchronised is there; of the rest any whole record counts.
        proptest::prop_assert!(store[..3] == all[..3] && store.iter().all(|it| all.contains(it)), "{:?}", store);
        // And it goes on from there.
        commit(&mut journal, &[advertise(9, 0)], DONE, true);
        proptest::prop_assert_eq!(keys(&reopen(journal, dir.path()).state().store).len(), store.len() + 1);
    }
}
