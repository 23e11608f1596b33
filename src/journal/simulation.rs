//! Histories of calls, faults and deaths on a disk that fails, tears and lies, against a plain model of what was answered:
//! what was taken survives, what was refused does not come back, and the order is kept.
//!
//! `NOVAROUTE_DISK_HISTORIES` and `NOVAROUTE_DISK_SEED` say how many, and from which seed on.

mod known;

use std::{path::Path, sync::Arc, time::Duration};

use known::Known;

use super::{
    Journal, JournalError,
    simulated::{Chance, Faults, Simulated},
};
use crate::{
    model::{Change, Intent, IntentKey, OwnerName, Prefix, Protocol},
    proto::v1,
    store::Store,
    transaction::{Ending, Finish, Outcome, Transaction, TransactionId},
};

/// Histories of each of the four kinds; each has another seed. ARCHITECTURE.md names the number of all.
const HISTORIES: u64 = 5_000;

/// The first seed.
const SEED: u64 = 1;

/// Calls of one history at the most.
const CALLS: usize = 16;

/// Objects.
const KEYS: usize = 4;

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn admin() -> OwnerName {
    "admin".parse().expect("a name")
}

fn prefix(key: usize) -> Prefix {
    format!("10.0.0.{key}/32").parse().expect("a prefix")
}

fn key(number: usize) -> IntentKey {
    IntentKey::Prefix(Protocol::Bgp, prefix(number))
}

fn set(number: usize, med: u32) -> Change {
    let attributes = v1::PrefixAttributes { med, ..Default::default() };
    let text = prefix(number).to_string();
    let ad = crate::wire::advertisement(&text, 1, Some(&attributes)).expect("valid");
    Change::Set(Intent::Prefix(ad))
}

/// What is wrong with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The process dies, and the power goes.
    Dies,
    /// Calls fail, some of which happened all the same.
    Fails,
    /// It is full, or read-only.
    Full,
    /// It lies about what it has for good; and any of the others.
    Lies,
}

/// One history.
struct Play {
    disk: Simulated,
    journal: Option<Journal>,
    chance: Chance,
    /// What the next start may find: one, unless somebody was told that it is in doubt.
    may_be: Vec<Known>,
    /// All that it ever might find: what a disk that lies may go back to.
    ever: Vec<Known>,
    /// What the living one has.
    now: Known,
    kind: Kind,
    lies: bool,
    /// Whether nothing is left that could be read.
    gone: bool,
    next_med: u32,
    /// Whether each step is printed: where one history that failed is played again.
    aloud: bool,
    counts: Counts,
}

/// What the histories came upon, so that none of it is missed unseen.
#[derive(Debug, Default)]
struct Counts {
    deaths: u64,
    power_cuts: u64,
    refused: u64,
    in_doubt: u64,
    behind: u64,
    damaged: u64,
    lies: u64,
}

impl Play {
    fn new(kind: Kind, seed: u64) -> Self {
        let mut chance = Chance(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let disk = Simulated::new(chance.number());
        let lies = kind == Kind::Lies;
        let known = Known::default();
        let (may_be, ever) = (vec![known.clone()], vec![known.clone()]);
        let counts = Counts::default();
        Self {
            disk,
            journal: None,
            chance,
            may_be,
            ever,
            now: known,
            kind,
            lies,
            gone: false,
            next_med: 1,
            aloud: std::env::var_os("NOVAROUTE_DISK_SEED").is_some(),
            counts,
        }
    }

    fn say(&self, what: std::fmt::Arguments<'_>) {
        if self.aloud {
            println!("{what}");
        }
    }

    fn journal(&mut self) -> &mut Journal {
        self.journal.as_mut().expect("it is open")
    }

    /// What was told counts from now on, where it is on disk; else it may.
    fn told(&mut self, now: Known) {
        self.now = now.clone();
        self.ever.push(now.clone());
        match self.journal().is_behind() {
            false => self.may_be = vec![now],
            true => {
                self.counts.behind += 1;
                self.may_be.push(now);
            }
        }
    }

    /// It is not known whether this counts.
    fn doubted(&mut self, perhaps: Known) {
        self.ever.push(perhaps.clone());
        self.may_be.push(perhaps);
    }

    /// A new process, on a disk that has only `faults`.
    fn start(&mut self, faults: Faults) {
        self.disk.faults(faults);
        let opened = Journal::open_on(Path::new("state"), Box::new(self.disk.clone()), None);
        let journal = match opened {
            Ok(journal) => journal,
            Err(error) if self.disk.is_dead() => {
                return self.say(format_args!("died at its start: {error}"));
            }
            // What is left of such a disk may be no journal at all: that is said, and it is left alone.
            Err(JournalError::Unreadable { .. }) if self.lies => return self.gone = true,
            Err(error) => panic!("it does not start: {error}"),
        };
        let found = Known::of(&journal);
        if self.disk.is_dead() {
            return self.say(format_args!("died at its start"));
        }
        let damaged = journal.damaged() > 0;
        self.counts.damaged += u64::from(damaged);
        let may_be = if self.lies { &self.ever } else { &self.may_be };
        let fits = may_be.iter().any(|known| known.is_found_as(&found));
        // A disk that lied may lose anything, but never silently, and never makes anything up.
        let excused = self.lies && damaged && self.ever_told(&found);
        assert!(
            fits || excused,
            "found {found:?}\ninstead of one of {:?}\ndamaged: {:?}",
            self.may_be,
            journal.concerns(),
        );
        self.now = found.clone();
        match journal.is_behind() {
            false => self.may_be = vec![found.clone()],
            // What it found is not on disk for good.
            true => self.may_be.push(found.clone()),
        }
        self.ever.push(found);
        self.journal = Some(journal);
        self.say(format_args!("started: {:?}", self.now));
    }

    /// Whether each value was taken at some time.
    fn ever_told(&self, found: &Known) -> bool {
        let told = |(key, med): (&IntentKey, &u32)| {
            self.ever.iter().any(|known| known.objects.get(key) == Some(med))
        };
        found.objects.iter().all(told)
    }

    fn die(&mut self, power: bool) {
        self.journal = None;
        self.counts.deaths += 1;
        self.counts.lies += u64::from(self.disk.has_lied());
        match power {
            true => {
                self.counts.power_cuts += 1;
                self.disk.cut_power();
            }
            false => self.disk.restart(),
        }
        self.say(format_args!("died, power cut: {power}"));
        let also = |kind| [kind, Kind::Lies].contains(&self.kind);
        let (dies, fails) = (also(Kind::Dies), also(Kind::Fails));
        let dies_after = (dies && self.chance.one_in(4)).then(|| self.chance.below(12));
        let fails = if fails && self.chance.one_in(4) { 1 + self.chance.below(8) } else { 0 };
        self.start(Faults { dies_after, fails, ..Faults::default() });
        if self.journal.is_none() && !self.gone {
            self.disk.restart();
            self.start(Faults::default());
        }
    }

    fn transaction(&mut self, before: &Store) -> (Transaction, Store) {
        let mut after = before.clone();
        let mut changes = Vec::new();
        for number in 0..KEYS {
            if !self.chance.one_in(2) {
                continue;
            }
            let change = match self.chance.one_in(2) {
                true => Change::Remove(key(number)),
                false => {
                    self.next_med += 1;
                    set(number, self.next_med)
                }
            };
            after.apply(&admin(), &change);
            changes.push(change);
        }
        let mut transaction = Transaction::new(&admin(), "test", &changes, before, &after);
        if self.chance.one_in(4) {
            transaction.confirm_by = Some(transaction.begun + Duration::from_secs(60));
        }
        (transaction, after)
    }

    /// A batch of one or two.
    fn commit(&mut self) {
        let mut store = self.journal().state().store.clone();
        let mut batch = Vec::new();
        for _ in 0..=self.chance.below(2) {
            let (transaction, after) = self.transaction(&store);
            batch.push(Arc::new(transaction));
            store = after;
        }
        self.carry_out(&batch);
    }

    fn carry_out(&mut self, batch: &[Arc<Transaction>]) {
        let (before, after) = (self.now.clone(), self.now.after(batch));
        let prepared = self.journal().prepare(batch);
        self.say(format_args!(
            "{:?}: {:?}, {prepared:?}",
            batch.iter().map(|t| t.id).collect::<Vec<_>>(),
            after.objects
        ));
        if self.disk.is_dead() {
            return self.doubted(after);
        }
        match prepared {
            Ok(()) => {}
            Err(JournalError::InDoubt { .. }) => {
                self.counts.in_doubt += 1;
                return self.doubted(after);
            }
            Err(_) => {
                self.counts.refused += 1;
                return assert_eq!(Known::of(self.journal()), before);
            }
        }
        // Until it has ended, the next start takes it as accepted.
        self.doubted(after.clone());
        let ids: Vec<_> = batch.iter().map(|t| t.id).collect();
        let (ending, now) = match self.chance.below(4) {
            0 => (Ending::Refused("no".to_owned()), before),
            1 => (Ending::Done(Outcome::Pending), after),
            _ => (Ending::Done(Outcome::Confirmed), after),
        };
        if matches!(ending, Ending::Refused(_)) && self.chance.one_in(4) {
            let after = batch.iter().flat_map(|t| &t.changes).filter_map(|c| c.after.as_ref());
            let suspects: Vec<_> = after.map(|owned| owned.intent.clone()).collect();
            self.journal().suspect(&suspects);
        }
        if self.chance.one_in(4) {
            // FRR was compared meanwhile.
            let compared = Ending::Done(Outcome::Confirmed);
            let _ = self.journal().settle(&[], &compared, Duration::ZERO, true);
        }
        let clean = self.chance.one_in(2);
        let settled = self.journal().settle(&ids, &ending, Duration::ZERO, clean);
        self.say(format_args!("{ending:?}: {settled:?}"));
        if self.disk.is_dead() {
            return self.doubted(now);
        }
        match settled {
            Ok(()) => self.told(now),
            Err(_) => {
                self.counts.in_doubt += 1;
                self.now = now.clone();
                self.doubted(now);
            }
        }
    }

    fn waiting(&mut self) -> Option<TransactionId> {
        let waiting = self.journal().state().history.iter().filter(|t| t.awaits_confirmation());
        let waiting: Vec<_> = waiting.map(|t| t.id).collect();
        let at = self.chance.below(waiting.len());
        waiting.get(at).copied()
    }

    fn confirm(&mut self) {
        let Some(id) = self.waiting() else { return };
        let before = self.now.clone();
        let mut now = before.clone();
        now.finishes.insert(id, Some(Finish::Confirmed));
        let confirmed = self.journal().confirm(id);
        self.say(format_args!("confirm {id}: {confirmed:?}"));
        if self.disk.is_dead() {
            return self.doubted(now);
        }
        match confirmed {
            Ok(()) => self.told(now),
            Err(JournalError::InDoubt { .. }) => {
                self.counts.in_doubt += 1;
                self.doubted(now);
            }
            Err(_) => {
                self.counts.refused += 1;
                assert_eq!(Known::of(self.journal()), before);
            }
        }
    }

    /// A confirmation that never came.
    fn undo(&mut self) {
        let Some(id) = self.waiting() else { return };
        let steps = self.journal().state().undo(id).expect("it is remembered");
        let before = self.journal().state().store.clone();
        let mut after = before.clone();
        let mut changes = Vec::new();
        for step in steps.into_iter().filter(|step| !step.changed_since) {
            changes.push(match &step.back {
                Some(owned) => Change::Set(owned.intent.clone()),
                None => Change::Remove(step.key),
            });
            after.restore(step.key, step.back);
        }
        let mut back = Transaction::new(&admin(), "undo", &changes, &before, &after);
        back.undoes = Some(id);
        self.carry_out(&[Arc::new(back)]);
    }

    /// Another state of the disk.
    fn weather(&mut self) {
        let mut faults = Faults::default();
        if self.lies {
            faults.lies = 1 + self.chance.below(6);
        }
        let kinds = [Kind::Dies, Kind::Fails, Kind::Full];
        let kind = match self.kind {
            Kind::Lies => kinds[self.chance.below(3)],
            kind => kind,
        };
        match (kind, self.chance.below(3)) {
            (_, 0) => {}
            (Kind::Dies, _) => faults.dies_after = Some(self.chance.below(12)),
            (Kind::Full, 1) => faults.read_only = true,
            (Kind::Full, _) => {
                faults.capacity = Some(self.disk.used() + self.chance.below(2000));
            }
            (Kind::Fails | Kind::Lies, _) => faults.fails = 1 + self.chance.below(10),
        }
        self.say(format_args!("{faults:?}"));
        self.disk.faults(faults);
    }

    fn run(mut self) -> Counts {
        self.start(Faults::default());
        for _ in 0..CALLS {
            match self.chance.below(12) {
                0..=4 => self.commit(),
                5 => self.confirm(),
                6 => self.undo(),
                7 => {
                    self.journal().mend();
                    self.say(format_args!("mend"));
                    if !self.disk.is_dead() && !self.journal().is_behind() {
                        self.may_be = vec![self.now.clone()];
                    }
                }
                8 | 9 => self.weather(),
                _ => {
                    let power = self.chance.one_in(2);
                    self.die(power);
                }
            }
            if self.disk.is_dead() {
                let power = self.chance.one_in(2);
                self.die(power);
            }
            if self.gone {
                return self.counts;
            }
            assert_eq!(Known::of(self.journal.as_ref().expect("open")), self.now);
        }
        self.die(true);
        if self.gone {
            return self.counts;
        }
        // And it goes on from there, on a disk without faults.
        self.disk.restart();
        self.lies = false;
        self.journal().mend();
        self.may_be = vec![self.now.clone()];
        assert!(self.journal().is_writable(), "{:?}", self.journal().concerns());
        self.die(true);
        self.counts
    }
}

/// Plays the histories of one kind.
fn play(kind: Kind) -> Counts {
    let histories = from_env("NOVAROUTE_DISK_HISTORIES", HISTORIES);
    let first = from_env("NOVAROUTE_DISK_SEED", SEED);
    let mut all = Counts::default();
    for seed in first..first + histories {
        let played = std::panic::catch_unwind(|| Play::new(kind, seed).run());
        let Ok(counts) = played else {
            panic!(
                "history {seed}; again with NOVAROUTE_DISK_SEED={seed} NOVAROUTE_DISK_HISTORIES=1"
            );
        };
        all.deaths += counts.deaths;
        all.power_cuts += counts.power_cuts;
        all.refused += counts.refused;
        all.in_doubt += counts.in_doubt;
        all.behind += counts.behind;
        all.damaged += counts.damaged;
        all.lies += counts.lies;
    }
    println!("{histories} histories of {kind:?} from seed {first} on: {all:?}");
    all
}

/// Each fault was met, or the histories say nothing. A single one that is played again need not.
fn met(counts: [u64; 3]) {
    let all = from_env("NOVAROUTE_DISK_HISTORIES", HISTORIES) >= HISTORIES;
    assert!(!all || counts.iter().all(|count| *count > 100), "{counts:?}");
}

#[test]
fn whenever_the_process_dies_nothing_that_was_answered_is_lost() {
    let counts = play(Kind::Dies);
    met([counts.deaths, counts.power_cuts, counts.deaths - counts.power_cuts]);
}

#[test]
fn whatever_call_of_the_disk_fails_nothing_that_was_answered_is_lost() {
    let counts = play(Kind::Fails);
    met([counts.refused, counts.in_doubt, counts.behind]);
}

#[test]
fn whenever_the_disk_is_full_or_read_only_nothing_that_was_answered_is_lost() {
    let counts = play(Kind::Full);
    met([counts.refused, counts.behind, counts.power_cuts]);
}

/// What a disk has lost that lied is said, or it is as it was at some time.
#[test]
fn a_disk_that_lies_loses_nothing_silently_and_makes_nothing_up() {
    let counts = play(Kind::Lies);
    met([counts.lies, counts.damaged, counts.power_cuts]);
}
