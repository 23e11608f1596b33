//! What daemons run, and what has to change: read and planned before anything is changed.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;
use tracing::info;

use super::{Engine, EngineError, Failure, Scope, Stage, Way, in_time, mgmtd_failure};
use crate::{
    commit::{
        ownership::Taking,
        plan::{DaemonPlan, Decided, Situation, Unplannable, plan},
    },
    daemon::{Daemon, Forest},
    frr::vty::{Snapshot, chain, table::Running},
    journal::{Gone, Remembered},
    tree::Tree,
    yang::{Profile, YangError},
};

/// What a daemon runs, before anything is changed.
pub(super) enum Before {
    Vty(Snapshot),
    Mgmtd(Tree),
}

/// What is known before anything is changed.
#[derive(Default)]
pub(super) struct Prepared {
    /// What each daemon runs that has a plan.
    pub(super) before: BTreeMap<Daemon, Before>,
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
            match in_time(self.by, daemon, self.read(daemon)).await {
                Ok(running) => {
                    self.observer.stage(Stage::Read, Way::of(daemon), begun.elapsed(), 0);
                    if let Before::Mgmtd(running) = &running {
                        let last = self.last.get(&daemon).unwrap_or(&none);
                        self.mgmtd.compare_with_last(running, last, wanted);
                    }
                    let mut whose =
                        self.plan_daemon(daemon, &running, wanted, kept, scope, told)?;
                    let none = DaemonPlan::Mgmtd(Vec::new());
                    let plan = std::mem::replace(&mut whose.decided.plan, none);
                    if !plan.is_empty() {
                        prepared.plans.insert(daemon, plan);
                        prepared.before.insert(daemon, running);
                    } else if let Before::Vty(snapshot) = running {
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

    async fn read(&mut self, daemon: Daemon) -> Result<Before, Failure> {
        let Some(part) = self.vty.get_mut(&daemon) else {
            let tree = self.mgmtd.read(&self.yang).await;
            return tree.map(Before::Mgmtd).map_err(|error| mgmtd_failure(&error));
        };
        let lost = |error| Failure::Lost(daemon, chain(&error));
        let snapshot = part.driver.read(&part.defaults).await.map_err(lost)?;
        let profile = snapshot.running.profile.as_deref().map(Profile::from_name);
        let profile = profile.unwrap_or_default();
        // Only bgpd's defaults differ in the models.
        if profile == self.profile || daemon != Daemon::Bgpd {
            return Ok(Before::Vty(snapshot));
        }
        // The daemons run with other defaults than the models were loaded with.
        info!(?profile, "FRR's profile");
        self.profile = profile;
        let yang = self.yang.start_again(&self.yang_dir, profile).await;
        let refused = |error: YangError| Failure::Refused(error.to_string(), None);
        self.yang = yang.map_err(refused)?;
        self.load_defaults().await.map_err(refused)?;
        self.note_models();
        self.observer.models_missing(self.yang.missing());
        if let Some(why) = self.unusable(daemon) {
            return Err(Failure::Lost(daemon, why.to_owned()));
        }
        let part = self.vty.get_mut(&daemon).expect("found above, and parts never go");
        part.driver.read(&part.defaults).await.map(Before::Vty).map_err(lost)
    }

    fn plan_daemon(
        &mut self,
        daemon: Daemon,
        before: &Before,
        wanted: &Tree,
        keep: &Tree,
        scope: &Scope,
        told: bool,
    ) -> Result<Whose, EngineError> {
        let (none, nothing) = (Tree::new(), Remembered::default());
        let incarnation = self.incarnation(daemon);
        let of_mgmtd;
        let running = match before {
            Before::Vty(snapshot) => &snapshot.running,
            Before::Mgmtd(tree) => {
                of_mgmtd = Running { tree: tree.clone(), ..Running::default() };
                &of_mgmtd
            }
        };
        let starting = self.is_starting(daemon, incarnation);
        let (returned, forgotten) = self.judge_gone(daemon, incarnation, running, wanted);
        let asked = scope.asked.get(&daemon).unwrap_or(&none);
        let situation = Situation {
            daemon,
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
        let generation = self.vty.get(&daemon).and_then(|part| part.driver.generation());
        if let Some(generation) = generation {
            self.seen.insert(daemon, (generation, snapshot));
        }
    }
}
