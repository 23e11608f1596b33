//! FRR: a configuration for each daemon, somebody else's among it. It refuses, lies, hangs, dies and comes back as told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use novaroute::{daemon::Daemon, tree::Tree, world};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{cli::Lines, dice::Dice, mgmtd};

/// What a daemon does with what it is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Honest,
    /// It refuses whatever sets something.
    RefusesToSet,
    /// It refuses to lose anything.
    RefusesToLose,
    /// It says yes and does nothing.
    Lies,
}

/// One daemon.
#[derive(Debug)]
pub struct Process {
    pub lines: Lines,
    /// Of mgmtd.
    pub tree: Tree,
    pub mood: Mood,
    pub up: bool,
    /// Counts starts.
    pub start: u64,
    pub made: SystemTime,
    /// Cancelled when it dies.
    pub death: CancellationToken,
    pub hangs: watch::Sender<bool>,
}

/// All of it.
#[derive(Debug)]
pub struct Inner {
    pub daemons: BTreeMap<Daemon, Process>,
    /// Messages that were delivered.
    pub steps: u64,
    /// A digest of all of them, by which two histories are compared.
    pub digest: u64,
    /// What is wrong.
    pub violations: Vec<String>,
    pub dice: Dice,
    /// When something was last the matter with a daemon, the disk or the agent.
    pub trouble: tokio::time::Instant,
    /// The longest wait for an answer.
    pub longest: Duration,
    pub aloud: bool,
}

/// A clone is the same one.
#[derive(Debug, Clone)]
pub struct Frr(Arc<Mutex<Inner>>);

impl Process {
    fn new(daemon: Daemon) -> Self {
        let mut lines = Lines::new(daemon);
        lines.load(theirs(daemon), true);
        Self {
            lines,
            tree: if daemon == Daemon::Mgmtd { mgmtd::theirs() } else { Tree::new() },
            mood: Mood::default(),
            up: true,
            start: 1,
            made: world::time_of_day(),
            death: CancellationToken::new(),
            hangs: watch::Sender::new(false),
        }
    }

    pub fn hangs(&self) -> bool {
        *self.hangs.borrow()
    }
}

/// What the operator has in a daemon's start-up file: that of the soak, as `vtysh` gives it to each daemon.
fn theirs(daemon: Daemon) -> &'static str {
    match daemon {
        Daemon::Bgpd => {
            "ip prefix-list THEIRS seq 5 permit 10.0.0.0/8 le 24
bgp community-list standard THEIRS seq 5 permit 65000:1
route-map THEIRS permit 10
 set metric 5
exit
router bgp 65000
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 10.0.9.9 remote-as 65009
 neighbor 10.0.9.9 description theirs
 address-family ipv4 unicast
  network 192.0.2.3/32
  network 198.51.100.0/24
 exit-address-family
exit"
        }
        Daemon::Bfdd => "bfd\n profile theirs\n  detect-multiplier 7\n exit\nexit",
        Daemon::Ospfd => "ip prefix-list THEIRS seq 5 permit 10.0.0.0/8 le 24",
        Daemon::Mgmtd => "",
    }
}

impl Frr {
    pub fn new(seed: u64, aloud: bool) -> Self {
        let daemons = Daemon::ALL.into_iter().map(|it| (it, Process::new(it))).collect();
        let trouble = tokio::time::Instant::now();
        Self(Arc::new(Mutex::new(Inner {
            daemons,
            steps: 0,
            digest: 0,
            violations: Vec::new(),
            dice: Dice(seed ^ 0x5eed),
            trouble,
            longest: Duration::ZERO,
            aloud,
        })))
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message is delivered.
    pub fn step(&self, from: &str, what: &str) {
        self.lock().step(from, what);
    }

    pub fn wrong(&self, what: String) {
        self.lock().wrong(what);
    }

    /// The daemon is gone, with all that it had.
    pub fn kill(&self, daemon: Daemon) {
        let mut inner = self.lock();
        inner.trouble();
        let process = inner.of(daemon);
        process.up = false;
        process.hangs.send_replace(false);
        process.death.cancel();
    }

    /// It runs again; with a start-up file that somebody has written just before, or with theirs alone.
    pub fn restart(&self, daemon: Daemon, with_all: bool) {
        let mut inner = self.lock();
        inner.trouble();
        let process = inner.of(daemon);
        let (start, mood) = (process.start + 1, process.mood);
        let fresh = Process { start, mood, ..Process::new(daemon) };
        let before = std::mem::replace(process, fresh);
        if with_all {
            (process.lines, process.tree) = (before.lines, before.tree);
        }
    }

    pub fn hang(&self, daemon: Daemon, hangs: bool) {
        let mut inner = self.lock();
        inner.trouble();
        inner.of(daemon).hangs.send_replace(hangs);
    }

    pub fn mood(&self, daemon: Daemon, mood: Mood) {
        let mut inner = self.lock();
        inner.trouble();
        inner.of(daemon).mood = mood;
    }

    /// Waits for as long as the daemon hangs.
    pub async fn while_it_hangs(&self, daemon: Daemon) {
        let mut hangs = self.lock().of(daemon).hangs.subscribe();
        // One that dies is waited for by its death.
        if hangs.wait_for(|hangs| !hangs).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Inner {
    pub fn of(&mut self, daemon: Daemon) -> &mut Process {
        self.daemons.get_mut(&daemon).expect("all are there")
    }

    pub fn step(&mut self, from: &str, what: &str) {
        self.steps += 1;
        for byte in from.bytes().chain(what.bytes()) {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.aloud {
            eprintln!("{:>8} {from}: {what}", self.steps);
        }
    }

    pub fn wrong(&mut self, what: String) {
        self.violations.push(format!("after {} steps: {what}", self.steps));
    }

    pub fn trouble(&mut self) {
        self.trouble = tokio::time::Instant::now();
    }
}
