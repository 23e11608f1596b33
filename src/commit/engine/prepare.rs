//! What daemons run, and what has to change: read and planned before anything is changed.

use std::{collections::BTreeSet, sync::Arc};

use tokio::time::Instant;

use super::{
    Engine, EngineError, Failure, Stage, Via,
    candidate::{Behind, Commit, Extent, SLICE, Scope, Share},
    in_time,
    outcome::ANSWER_DEADLINE,
};
use crate::{
    commit::{
        ownership::{Taking, returned},
        plan::{DaemonPlan, Situation, plan},
    },
    daemon::{Daemon, Forest},
    frr::{
        driver::{Driver, Unplannable},
        vty::{Snapshot, table::Running},
    },
    journal::Remembered,
    tree::Tree,
};

impl Engine {
    /// Reads what a commit covers, unless that is known, and plans.
    pub(super) async fn prepare(&mut self, commit: &mut Commit<'_>) -> Result<Extent, EngineError> {
        match &commit.scope {
            Scope::Objects(part) => {
                let daemon = part.daemon;
                let Some(share) = self.plan_part(part)? else { return Ok(Extent::TakesTheWhole) };
                commit.shares.insert(daemon, share);
            }
            Scope::Daemons(daemons, desired) => {
                let (daemons, desired) = (*daemons, *desired);
                self.prepare_daemons(commit, daemons, desired, false).await?;
            }
        }
        Ok(Extent::Enough)
    }

    /// Reads every one of these daemons that is concerned, and plans; `told` where somebody wants to see the plan.
    pub(super) async fn prepare_daemons(
        &mut self,
        commit: &mut Commit<'_>,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        told: bool,
    ) -> Result<(), EngineError> {
        let mut concerned = self.concerned(desired);
        concerned.retain(|daemon| daemons.contains(daemon));
        let left = commit.by.saturating_duration_since(Instant::now());
        self.call_roll(&concerned, left.min(ANSWER_DEADLINE)).await;
        for daemon in concerned {
            if let Some(why) = self.member(daemon).and_then(|member| member.away()) {
                commit.unreachable.insert(daemon, why.to_owned());
                continue;
            }
            match self.prepare_daemon(commit, daemon, desired, told).await {
                Ok(share) => {
                    commit.progress.postponed |= share.plan.is_postponed();
                    commit.shares.insert(daemon, share);
                }
                Err(Failure::Lost(_, why)) => {
                    self.lose(daemon, why.clone());
                    commit.unreachable.insert(daemon, why);
                }
                Err(Failure::Refused(message, at)) => {
                    return Err(EngineError::Refused { message, at });
                }
            }
        }
        Ok(())
    }

    async fn prepare_daemon(
        &mut self,
        commit: &Commit<'_>,
        daemon: Daemon,
        desired: &Forest,
        told: bool,
    ) -> Result<Share, Failure> {
        let none = Tree::new();
        let wanted = desired.get(&daemon).unwrap_or(&none);
        let begun = Instant::now();
        let snapshot = self.read(commit.by, daemon).await?;
        self.observer.stage(Stage::Read, Via::of(daemon), begun.elapsed(), 0);
        if let Some(member) = self.members.get_mut(&daemon) {
            member.driver.compare(&snapshot.running.tree, &member.last, wanted);
        }
        let planned = self.plan_daemon(commit, daemon, &snapshot.running, wanted, told);
        let mut share = planned.map_err(|Unplannable { message, path }| {
            Failure::Refused(message, Some((daemon, path)))
        })?;
        match share.plan.is_empty() {
            true => share.after = self.driver(daemon).connection().map(|it| (it, snapshot)),
            false => share.before = Some(snapshot),
        }
        Ok(share)
    }

    async fn read(&mut self, by: Instant, daemon: Daemon) -> Result<Snapshot, Failure> {
        let read = in_time(by, daemon, self.driver(daemon).read()).await;
        // To read may load the models of another profile.
        let missing = self.yang.missing();
        if !Arc::ptr_eq(&missing, &self.missing) {
            self.observer.models_missing(&missing);
            self.missing = missing;
        }
        read
    }

    fn plan_daemon(
        &mut self,
        commit: &Commit<'_>,
        daemon: Daemon,
        running: &Running,
        wanted: &Tree,
        told: bool,
    ) -> Result<Share, Unplannable> {
        let (none, nothing) = (Tree::new(), Remembered::default());
        let member = self.member_mut(daemon);
        let start = member.start();
        let held = member.held.as_ref().unwrap_or(&nothing);
        let (returned, forgotten) = returned(held, start, &running.tree);
        let terms = &commit.terms;
        let asked = terms.asked.get(&daemon).unwrap_or(&none);
        let situation = Situation {
            daemon,
            lead: &|target| member.driver.plan(target),
            ours: &member.last,
            part: None,
            held,
            returned: &returned,
            running,
            desired: wanted,
            keep: commit.keep.get(&daemon).unwrap_or(&none),
            starting: start.starting,
            taking: match (terms.take_over, terms.take_back) {
                (true, _) => Taking::Over(asked),
                (false, true) => Taking::Back(asked),
                (false, false) => Taking::Nothing,
            },
            forced: terms.forced.get(&daemon).unwrap_or(&none),
            told,
            // A commit for a client is all or nothing.
            most: match commit.progress.behind {
                Behind::GoesOn => SLICE,
                Behind::Ends => usize::MAX,
            },
        };
        let mut decided = plan(&situation)?;
        let plan = std::mem::replace(&mut decided.plan, DaemonPlan::Edits(Vec::new()));
        Ok(Share { forgotten, incarnation: start.incarnation, ..Share::new(plan, decided) })
    }

    /// The driver of a daemon.
    pub(super) fn driver(&mut self, daemon: Daemon) -> &mut dyn Driver {
        &mut *self.member_mut(daemon).driver
    }
}
