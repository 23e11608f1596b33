//! One history: clients, faults and restarts as a seed says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use novaroute::{
    commit::CommitRequest,
    journal::simulated::Simulated,
    model::{Change, IntentKey},
    wire,
    world::{self, Simulation},
    yang::Yang,
};
use tokio::time::{Instant, sleep};

use crate::{
    agent::change,
    dice::Dice,
    frr::Frr,
    model::OWNERS,
    node::{EDGE_PREFIXES, Node, owner},
    owners::Owner,
    weather::{Turn, Weather},
};

/// Longest wait for an answer. A commit and what it undoes take 25 s at the most, less than the 30 s that a client waits; before
/// it there may be a comparison of everything under way, and a refusal has each of a batch tried again by itself.
pub const ANSWER: Duration = Duration::from_secs(120);

/// A history that can be played again.
#[derive(Debug, Clone)]
pub struct Script {
    pub seed: u64,
    /// Messages to be delivered.
    pub steps: u64,
    /// The turns that are taken, where it is not all.
    pub turns: Option<BTreeSet<u64>>,
    /// Whether each step is printed.
    pub aloud: bool,
}

impl Script {
    /// Each turn has chance of its own, so that others can be left out.
    fn dice(&self, turn: u64) -> Dice {
        Dice(Dice(self.seed ^ turn.rotate_left(32)).below(u64::MAX))
    }

    fn is_over(&self, turn: u64, steps: u64) -> bool {
        match &self.turns {
            None => steps >= self.steps,
            Some(turns) => turns.last().is_none_or(|last| turn > *last),
        }
    }
}

/// How a history ended.
#[derive(Debug)]
pub struct Report {
    pub steps: u64,
    pub turns: u64,
    pub digest: u64,
    /// The longest wait for an answer.
    pub longest: Duration,
    /// What was wrong first.
    pub wrong: Option<String>,
}

/// Everybody who plays.
#[derive(Clone)]
pub struct Play {
    pub frr: Frr,
    pub disk: Simulated,
    pub yang: Yang,
    pub world: Arc<Simulation>,
    pub node: Arc<Mutex<Arc<Node>>>,
    pub owners: Arc<Mutex<BTreeMap<&'static str, Owner>>>,
    pub faulty_disk: Arc<Mutex<bool>>,
    /// Whether a daemon ever refused to set something, or lied.
    pub refused_to_set: Arc<Mutex<bool>>,
    pub weather: Weather,
    /// When the power went last.
    pub power: Arc<Mutex<Option<Instant>>>,
}

/// Plays a history until so many messages were delivered, and has it converge.
pub fn play(script: &Script, yang: impl FnOnce() -> Yang) -> Report {
    run(script, yang, async |play| play.history(script).await)
}

/// Runs on a clock of its own.
pub fn run(
    script: &Script,
    yang: impl FnOnce() -> Yang,
    act: impl AsyncFnOnce(&Play) -> u64,
) -> Report {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async move {
        let world = Arc::new(world::simulate(script.seed));
        let frr = Frr::new(script.seed, script.aloud);
        let disk = Simulated::new(script.seed).at_once();
        let weather = Weather::of(script.seed);
        let play = Play { weather, ..Play::new(frr, disk, yang(), world).await };
        let turns = act(&play).await;
        if play.is_right() {
            play.converge().await;
        }
        play.node().kill();
        let mut inner = play.frr.lock();
        let wrong = (!inner.violations.is_empty()).then(|| inner.violations.swap_remove(0));
        let (steps, digest, longest) = (inner.steps, inner.digest, inner.longest);
        Report { steps, turns, digest, longest, wrong }
    })
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Play {
    pub async fn new(frr: Frr, disk: Simulated, yang: Yang, world: Arc<Simulation>) -> Self {
        let node = Node::start(&frr, &disk, &yang).await.expect("an empty disk");
        let owners = OWNERS.into_iter().map(|name| (name, Owner::new(name))).collect();
        let play = Self {
            frr,
            disk,
            yang,
            world,
            node: Arc::new(Mutex::new(Arc::new(node))),
            owners: Arc::new(Mutex::new(owners)),
            faulty_disk: Arc::default(),
            refused_to_set: Arc::default(),
            weather: Weather::Mixed,
            power: Arc::default(),
        };
        play.watch();
        let bgp = wire::changes(&[change::bgp(crate::lab::net::NODE_AS, "10.0.0.1")]);
        let request = request("admin", bgp.expect("valid"), None);
        play.node().commit.commit(request).await.expect("an instance");
        play
    }

    pub fn node(&self) -> Arc<Node> {
        lock(&self.node).clone()
    }

    pub fn is_right(&self) -> bool {
        self.frr.lock().violations.is_empty()
    }

    pub fn of<R>(&self, name: &'static str, act: impl FnOnce(&mut Owner) -> R) -> R {
        act(lock(&self.owners).get_mut(name).expect("all are there"))
    }

    /// Holds every view that the agent publishes against what was answered.
    pub fn watch(&self) {
        let (play, node) = (self.clone(), self.node());
        tokio::spawn(async move {
            let mut views = node.commit.follow();
            while views.changed().await.is_ok() {
                if node.has_ended() || play.disk.is_dead() {
                    return;
                }
                let view = views.borrow_and_update().clone();
                for owner in lock(&play.owners).values_mut() {
                    if let Err(wrong) = owner.check(&view) {
                        play.frr.wrong(wrong);
                    }
                }
                let edge = owner("edge");
                let is_prefix = |key: &&IntentKey| matches!(key, IntentKey::Prefix(..));
                let keys = view.store.of_owner(&edge).map(|(key, _)| key);
                let count = keys.filter(is_prefix).count();
                if count > EDGE_PREFIXES {
                    play.frr.wrong(format!("edge has {count} prefixes, more than its quota"));
                }
                // What is theirs, or not back yet, may be in the way at any time.
                let is_blamed = |why: &&String| why.to_lowercase().contains("refused on purpose");
                let blamed = view.rejected.values().find(is_blamed);
                if let (Some(why), false) = (blamed, *lock(&play.refused_to_set)) {
                    play.frr.wrong(format!("nobody refused to set anything: {why}"));
                }
            }
        });
    }

    /// Takes turns; how many.
    async fn history(&self, script: &Script) -> u64 {
        let mut turn = 0;
        while self.is_right() && !script.is_over(turn, self.frr.lock().steps) {
            if script.turns.as_ref().is_none_or(|turns| turns.contains(&turn)) {
                self.turn(&mut script.dice(turn)).await;
            }
            turn += 1;
        }
        turn
    }

    async fn turn(&self, dice: &mut Dice) {
        let pause = match dice.below(12) {
            0..4 => 0,
            4..10 => dice.below(400),
            10 => dice.below(8_000),
            _ => dice.below(90_000),
        };
        match pause {
            0 => tokio::task::yield_now().await,
            pause => sleep(Duration::from_millis(pause)).await,
        }
        if self.disk.is_dead() {
            self.restart(dice).await;
        }
        match self.weather.turn(dice) {
            Turn::Call => self.call(dice),
            Turn::Flood => self.flood(dice),
            Turn::FollowUp => self.follow_up(dice),
            Turn::Daemon => self.daemon(dice),
            Turn::PutRight => self.put_right(dice),
            Turn::Mood => self.mood(dice),
            Turn::Disk => self.disk(dice),
            Turn::Restart => self.restart(dice).await,
            Turn::Connection => self.connection(dice.one(&["edge", "net"])),
            Turn::Clock => self.clock(dice),
            Turn::Cure => self.cure(),
        }
    }
}

pub fn request(name: &str, changes: Vec<Change>, within: Option<Duration>) -> CommitRequest {
    CommitRequest { confirm_within: within, ..CommitRequest::new(owner(name), "Apply", changes) }
}
