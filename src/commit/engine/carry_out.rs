//! Plans applied and confirmed; and undone, where one is refused.

use std::collections::BTreeMap;

use futures::FutureExt;
use tokio::time::Instant;

use super::{Engine, Failure, Stage, Way, in_time};
use crate::{
    commit::plan::DaemonPlan,
    daemon::{Daemon, Forest},
    failpoint,
    frr::{
        driver::{Before, Confirmed, DriverError, Phase, Proof, Proven},
        vty::{Question, Snapshot},
    },
};

/// Steps that were carried out, by daemon and in their order; of mgmtd, whose edits are one
/// transaction, whether it was committed.
pub(super) type Done = BTreeMap<Daemon, Vec<usize>>;

impl Engine {
    /// Applies and confirms: first everywhere what is set, then in reverse what goes, so that nothing
    /// names what is not there.
    pub(super) async fn carry_out(
        &mut self,
        plans: &BTreeMap<Daemon, DaemonPlan>,
        sent: &mut usize,
        done: &mut Done,
    ) -> Result<(), Failure> {
        match self.judge(plans).await {
            Err(Failure::Refused(message, at)) if self.gathers => {
                // Where nothing is named, carrying it out will name it.
                at.map_or(Ok(()), |at| self.refuse(message, at))?;
            }
            judged => judged?,
        }
        let mut lost = BTreeMap::new();
        for daemon in Daemon::ALL {
            let result = match plans.get(&daemon) {
                Some(plan @ DaemonPlan::Edits(edits)) => {
                    *sent += edits.len();
                    done.insert(daemon, Vec::new());
                    self.commit_edits(daemon, plan, edits).await
                }
                Some(plan @ DaemonPlan::Commands(_)) => {
                    self.apply_all(daemon, plan, Phase::Set, sent, done).await
                }
                None => Ok(()),
            };
            self.goes_on(result, &mut lost)?;
        }
        for daemon in Daemon::ALL.into_iter().rev().filter(|daemon| plans.contains_key(daemon)) {
            if !lost.contains_key(&daemon) {
                let plan = &plans[&daemon];
                let result = self.apply_all(daemon, plan, Phase::Remove, sent, done).await;
                self.goes_on(result, &mut lost)?;
            }
        }
        for (daemon, plan) in plans {
            // What was refused is not shown, and what was left out behind it neither.
            let refused = self.refusals.iter().any(|refusal| refusal.at.0 == *daemon);
            if let (DaemonPlan::Commands(_), false) = (plan, refused || lost.contains_key(daemon)) {
                let result = self.confirm(*daemon, plan, Proof::Whole).await;
                self.goes_on(result, &mut lost)?;
            }
        }
        failpoint::hit("engine-confirmed");
        match (self.refusals.first(), lost.pop_first()) {
            (Some(first), _) => {
                Err(Failure::Refused(first.message.clone(), Some(first.at.clone())))
            }
            (None, Some((daemon, why))) => Err(Failure::Lost(daemon, why)),
            (None, None) => Ok(()),
        }
    }

    /// Whether the commit goes on behind this: that of one client ends with a daemon that is lost, one for many goes on with
    /// the others.
    fn goes_on(
        &self,
        result: Result<(), Failure>,
        lost: &mut BTreeMap<Daemon, String>,
    ) -> Result<(), Failure> {
        match result {
            Err(Failure::Lost(daemon, why)) if self.gathers => {
                lost.insert(daemon, why);
                Ok(())
            }
            result => result,
        }
    }

    /// Sends a phase of a plan, and asks the questions behind it.
    pub(super) async fn apply(
        &mut self,
        daemon: Daemon,
        plan: &DaemonPlan,
        phase: Phase,
        questions: Option<&[Question]>,
        sent: &mut usize,
        done: &mut Done,
    ) -> Result<Proven, Failure> {
        let count = plan.len(phase);
        if count == 0 {
            return Ok(Proven::NotAsked);
        }
        *sent += count;
        let done = done.entry(daemon).or_default();
        let (by, begun) = (self.by, Instant::now());
        let applied = self.driver(daemon).apply(plan, phase, questions);
        let applied = in_time(by, daemon, applied.map(Ok)).await;
        self.observer.stage(Stage::Apply, Way::of(daemon), begun.elapsed(), count);
        match applied? {
            Ok(proven) => {
                if let DaemonPlan::Commands(plan) = plan {
                    let (first, steps) = plan.phase(phase);
                    done.extend(first..first + steps.len());
                }
                Ok(proven)
            }
            Err(mut error) => {
                if let DriverError::Refused { done: carried_out, .. } = &mut error {
                    done.append(carried_out);
                }
                Err(Failure::of(daemon, error))
            }
        }
    }

    /// Reads back what a plan has made.
    pub(super) async fn confirm(
        &mut self,
        daemon: Daemon,
        plan: &DaemonPlan,
        proof: Proof<'_>,
    ) -> Result<(), Failure> {
        let (by, begun) = (self.by, Instant::now());
        let confirmed = in_time(by, daemon, self.driver(daemon).confirm(plan, proof)).await;
        self.observer.stage(Stage::Confirm, Way::of(daemon), begun.elapsed(), 0);
        let Confirmed { not_shown, seen } = confirmed?;
        let all_shown = not_shown.is_empty();
        self.refuse_not_shown(daemon, not_shown)?;
        if let (true, Some(seen)) = (all_shown, seen) {
            self.remember(daemon, seen);
        }
        Ok(())
    }

    /// Brings every daemon that was touched back to what it ran before: the inverses of what was
    /// carried out, the last first, and then a comparison with every word that it showed before. Of
    /// `desired` and of what was last applied it takes away what was not there; never anything else.
    pub(super) async fn undo(
        &mut self,
        plans: &BTreeMap<Daemon, DaemonPlan>,
        before: &BTreeMap<Daemon, Snapshot>,
        done: &Done,
        desired: &Forest,
    ) -> Result<(), String> {
        let mut failed = Vec::new();
        for (daemon, done) in done.iter().rev() {
            let begun = Instant::now();
            let mut ours = self.last.get(daemon).cloned().unwrap_or_default();
            desired.get(daemon).into_iter().for_each(|wanted| ours.merge(wanted));
            let before = Before::Snapshot(&before[daemon]);
            let undone = self.driver(*daemon).undo(&plans[daemon], done, before, &ours).await;
            failed.extend(undone.err());
            self.observer.stage(Stage::Undo, Way::of(*daemon), begun.elapsed(), 0);
        }
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }
}
