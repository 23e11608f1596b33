//! What daemons run, and what has to change: read and planned before anything is changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::time::Instant;

use super::{Engine, EngineError, Failure, Scope, Stage, Way, in_time};
use crate::{
    commit::{
        ownership::Taking,
        plan::{DaemonPlan, Decided, Situation, plan},
    },
    daemon::{Daemon, Forest},
    frr::{
        driver::{Driver, Unplannable},
        vty::{Snapshot, table::Running},
    },
    journal::{Gone, Remembered},
    tree::Tree,
};

/// What is known before anything is changed.
#[derive(Default)]
pub(super) struct Prepared {
    /// What each daemon runs that has a plan.
    pub(super) before: BTreeMap<Daemon, Snapshot>,
    /// Of which daemons something differs.
    pub(super) plans: BTreeMap<Daemon, DaemonPlan>,
    /// Whose what each daemon runs is, of those that were read.
    pub(super) decided: BTreeMap<Daemon, Whose>,
    pub(super) unreachable: BTreeMap<Daemon, String>,
}

/// What a plan says besides what is sent.
pub(super) struct Whose {
    /// The plan is taken out of it.
    pub(super) decided: Decided,
    /// What of what was taken away is no longer remembered.
    pub(super) forgotten: Vec<Gone>,
    /// Which start of the daemon was read.
    pub(super) incarnation: u64,
}

impl Engine {
    /// Reads every one of these daemons that is concerned, and plans; `told` where somebody wants to see the plan.
    pub(super) async fn prepare(
        &mut self,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        keep: &Forest,
        scope: &Scope,
        told: bool,
    ) -> Result<Prepared, EngineError> {
        let none = Tree::new();
        let mut prepared = Prepared::default();
        let mut concerned = self.concerned(desired);
        concerned.retain(|daemon| daemons.contains(daemon));
        self.call_roll(&concerned).await;
        for daemon in concerned {
            let wanted = desired.get(&daemon).unwrap_or(&none);
            let kept = keep.get(&daemon).unwrap_or(&none);
            if let Some(why) = self.away.get(&daemon) {
                prepared.unreachable.insert(daemon, why.clone());
                continue;
            }
            let begun = Instant::now();
            match self.read(daemon).await {
                Ok(snapshot) => {
                    self.observer.stage(Stage::Read, Way::of(daemon), begun.elapsed(), 0);
                    let running = &snapshot.running;
                    if let Some(driver) = self.drivers.get_mut(&daemon) {
                        let last = self.last.get(&daemon).unwrap_or(&none);
                        driver.compare(&running.tree, last, wanted);
                    }
                    let mut whose = self.plan_daemon(daemon, running, wanted, kept, scope, told)?;
                    let none = DaemonPlan::Edits(Vec::new());
                    let plan = std::mem::replace(&mut whose.decided.plan, none);
                    if !plan.is_empty() {
                        prepared.plans.insert(daemon, plan);
                        prepared.before.insert(daemon, snapshot);
                    } else {
                        self.remember(daemon, snapshot);
                    }
                    prepared.decided.insert(daemon, whose);
                }
                Err(Failure::Lost(_, why)) => {
                    self.away.insert(daemon, why.clone());
                    prepared.unreachable.insert(daemon, why);
                }
                Err(Failure::Refused(message, at)) => {
                    return Err(EngineError::Refused { message, at });
                }
            }
        }
        Ok(prepared)
    }

    async fn read(&mut self, daemon: Daemon) -> Result<Snapshot, Failure> {
        let by = self.by;
        let read = in_time(by, daemon, self.driver(daemon).read()).await;
        // To read may load the models of another profile.
        let missing = self.yang.missing();
        if !Arc::ptr_eq(&missing, &self.missing) {
            self.observer.models_missing(&missing);
            self.missing = missing;
        }
        read
    }

    /// The driver of a daemon.
    pub(super) fn driver(&mut self, daemon: Daemon) -> &mut dyn Driver {
        &mut **self.drivers.get_mut(&daemon).expect("there is a driver for every daemon")
    }

    fn plan_daemon(
        &mut self,
        daemon: Daemon,
        running: &Running,
        wanted: &Tree,
        keep: &Tree,
        scope: &Scope,
        told: bool,
    ) -> Result<Whose, EngineError> {
        let (none, nothing) = (Tree::new(), Remembered::default());
        let incarnation = self.incarnation(daemon);
        let starting = self.is_starting(daemon, incarnation);
        let (returned, forgotten) = self.judge_gone(daemon, incarnation, running, wanted);
        let asked = scope.asked.get(&daemon).unwrap_or(&none);
        let situation = Situation {
            daemon,
            lead: &|target| self.drivers[&daemon].plan(target),
            ours: self.last.get(&daemon).unwrap_or(&none),
            part: None,
            held: self.held.get(&daemon).unwrap_or(&nothing),
            returned: &returned,
            running,
            desired: wanted,
            keep,
            starting,
            taking: match (scope.take_over, scope.take_back) {
                (true, _) => Taking::Over(asked),
                (false, true) => Taking::Back(asked),
                (false, false) => Taking::Nothing,
            },
            forced: scope.forced.get(&daemon).unwrap_or(&none),
            told,
        };
        let decided = plan(&situation);
        let decided = decided.map_err(|Unplannable { message, path }| EngineError::Refused {
            message,
            at: Some((daemon, path)),
        })?;
        Ok(Whose { decided, forgotten, incarnation })
    }

    /// Keeps what a daemon was seen to run, until the commit has ended.
    pub(super) fn remember(&mut self, daemon: Daemon, snapshot: Snapshot) {
        let generation = self.drivers.get(&daemon).and_then(|driver| driver.connection());
        if let Some(generation) = generation {
            self.seen.insert(daemon, (generation, snapshot));
        }
    }
}
