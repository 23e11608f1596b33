//! One history: clients, faults and restarts as a seed says.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use novaroute::{
    commit::CommitRequest,
    journal::simulated::Simulated,
    model::{Change, IntentKey},
    wire, world,
    yang::Yang,
};
use tokio::time::sleep;

use crate::{
    agent::change,
    dice::Dice,
    frr::Frr,
    model::OWNERS,
    node::{EDGE_PREFIXES, Node, owner},
    owners::Owner,
};

/// Longest wait for an answer: that of a comparison of everything that is under way, of the commit's own deadline, of undoing
/// it, and of the same again by itself.
pub const ANSWER: Duration = Duration::from_secs(200);

/// How a history ended.
#[derive(Debug)]
pub struct Report {
    pub steps: u64,
    pub digest: u64,
    /// What was wrong first.
    pub wrong: Option<String>,
}

/// Everybody who plays.
#[derive(Clone)]
pub struct Play {
    pub frr: Frr,
    pub disk: Simulated,
    pub yang: Yang,
    pub node: Arc<Mutex<Arc<Node>>>,
    pub owners: Arc<Mutex<BTreeMap<&'static str, Owner>>>,
    pub faulty_disk: Arc<Mutex<bool>>,
    /// Whether a daemon ever refused to set something, or lied.
    pub refused_to_set: Arc<Mutex<bool>>,
}

/// Plays the history of a seed until so many messages were delivered. Runs on a clock of its own.
pub fn play(seed: u64, steps: u64, yang: impl FnOnce() -> Yang, aloud: bool) -> Report {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async move {
        let _world = world::simulate(seed);
        let yang = yang();
        let frr = Frr::new(seed, aloud);
        let mut dice = Dice(seed);
        let disk = Simulated::new(dice.below(u64::MAX)).at_once();
        let play = Play::new(frr, disk, yang).await;
        play.history(&mut dice, steps).await;
        if play.is_right() {
            play.converge().await;
        }
        play.node().kill();
        let mut inner = play.frr.lock();
        let wrong = (!inner.violations.is_empty()).then(|| inner.violations.swap_remove(0));
        Report { steps: inner.steps, digest: inner.digest, wrong }
    })
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Play {
    pub async fn new(frr: Frr, disk: Simulated, yang: Yang) -> Self {
        let node = Node::start(&frr, &disk, &yang).await.expect("an empty disk");
        let owners = OWNERS.into_iter().map(|name| (name, Owner::new(name))).collect();
        let play = Self {
            frr,
            disk,
            yang,
            node: Arc::new(Mutex::new(Arc::new(node))),
            owners: Arc::new(Mutex::new(owners)),
            faulty_disk: Arc::default(),
            refused_to_set: Arc::default(),
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

    async fn history(&self, dice: &mut Dice, steps: u64) {
        while self.frr.lock().steps < steps && self.is_right() {
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
            match dice.below(100) {
                0..62 => self.call(dice),
                62..70 => self.follow_up(dice),
                70..78 => self.daemon(dice),
                78..84 => self.put_right(dice),
                84..87 => self.mood(dice),
                87..91 => self.disk(dice),
                91..93 => self.restart(dice).await,
                93..97 => self.connection(dice.one(&["edge", "net"])),
                _ => self.cure(),
            }
        }
    }
}

pub fn request(name: &str, changes: Vec<Change>, within: Option<Duration>) -> CommitRequest {
    CommitRequest {
        owner: owner(name),
        origin: "Apply",
        changes,
        confirm_within: within,
        take_over: false,
    }
}
