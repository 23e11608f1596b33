//! Plans applied and confirmed; and undone, where one is refused.

use std::collections::BTreeMap;

use futures::{FutureExt, TryFutureExt};
use tokio::time::Instant;
use tracing::warn;

use super::{Before, Engine, Failure, Stage, Way, in_time, not_applied};
use crate::{
    commit::plan::{DaemonPlan, VtyPlan},
    daemon::{Daemon, Forest},
    failpoint,
    frr::vty::{ApplyError, Question, chain},
    tree::Path,
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
                Some(DaemonPlan::Mgmtd(edits)) => {
                    *sent += edits.len();
                    done.insert(daemon, Vec::new());
                    self.commit_to_mgmtd(edits).await
                }
                Some(DaemonPlan::Vty(plan)) => {
                    self.apply_all(daemon, plan, false, sent, done).await
                }
                None => Ok(()),
            };
            self.goes_on(result, &mut lost)?;
        }
        for daemon in Daemon::ALL.into_iter().rev().filter(|daemon| plans.contains_key(daemon)) {
            if let (DaemonPlan::Vty(plan), false) = (&plans[&daemon], lost.contains_key(&daemon)) {
                let result = self.apply_all(daemon, plan, true, sent, done).await;
                self.goes_on(result, &mut lost)?;
            }
        }
        for (daemon, plan) in plans {
            // What was refused is not shown, and what was left out behind it neither.
            let refused = self.refusals.iter().any(|refusal| refusal.at.0 == *daemon);
            if let (DaemonPlan::Vty(plan), false) = (plan, refused || lost.contains_key(daemon)) {
                let result = self.confirm(*daemon, plan).await;
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

    /// Sends what sets, or what takes away, and asks the questions behind it. Whether the answers are those that
    /// are wanted; `None` where the daemon was not asked.
    pub(super) async fn apply(
        &mut self,
        daemon: Daemon,
        plan: &VtyPlan,
        removals: bool,
        questions: Option<&[Question]>,
        sent: &mut usize,
        done: &mut Done,
    ) -> Result<Option<bool>, Failure> {
        let (first, steps) = plan.phase(removals);
        if steps.is_empty() {
            return Ok(None);
        }
        *sent += steps.len();
        let done = done.entry(daemon).or_default();
        let part = self.vty.get_mut(&daemon).expect("only VTY daemons have such plans");
        let begun = Instant::now();
        let asked = questions.unwrap_or_default();
        let carried_out = part.driver.apply(steps, asked, &part.defaults, &self.yang);
        let applied = in_time(self.by, daemon, carried_out.map(Ok)).await;
        self.observer.stage(Stage::Apply, Way::of(daemon), begun.elapsed(), steps.len());
        match applied? {
            Ok(proven) => {
                done.extend(first..first + steps.len());
                Ok(proven.filter(|_| questions.is_some()))
            }
            Err(mut error) => {
                if let ApplyError::Refused { done: carried_out, .. } = &mut error {
                    done.extend(carried_out.drain(..).map(|step| first + step));
                }
                Err(not_applied(daemon, error, steps))
            }
        }
    }

    pub(super) async fn confirm(&mut self, daemon: Daemon, plan: &VtyPlan) -> Result<(), Failure> {
        let part = self.vty.get_mut(&daemon).expect("only VTY daemons have such plans");
        let lost = |error| Failure::Lost(daemon, chain(&error));
        let begun = Instant::now();
        let shown = part.driver.read(&part.defaults).map_err(lost);
        let shown = in_time(self.by, daemon, shown).await;
        self.observer.stage(Stage::Confirm, Way::of(daemon), begun.elapsed(), 0);
        let shown = shown?;
        let lines = part.driver.table().lines(&shown.running.tree);
        let mut all_shown = true;
        for (step, what) in plan.unconfirmed(&lines) {
            all_shown = false;
            self.observer.not_confirmed(Way::of(daemon));
            let at = (daemon, Path::clone(&step.path));
            self.refuse(format!("{daemon} does not show {what}"), at)?;
        }
        if all_shown {
            self.remember(daemon, shown);
        }
        Ok(())
    }

    /// Brings every daemon that was touched back to what it ran before: the inverses of what was
    /// carried out, the last first, and then a comparison with every word that it showed before. Of
    /// `desired` and of what was last applied it takes away what was not there; never anything else.
    pub(super) async fn undo(
        &mut self,
        plans: &BTreeMap<Daemon, DaemonPlan>,
        before: &BTreeMap<Daemon, Before>,
        done: &Done,
        desired: &Forest,
    ) -> Result<(), String> {
        let mut failed = Vec::new();
        for (daemon, done) in done.iter().rev() {
            let begun = Instant::now();
            match (&plans[daemon], &before[daemon]) {
                (DaemonPlan::Mgmtd(edits), Before::Mgmtd(running)) => {
                    let now = self.mgmtd.read(&self.yang).await;
                    let undone = match now {
                        Ok(now) if now == *running => Ok(()),
                        Ok(now) => self.mgmtd.undo(edits, &now, &self.yang).await,
                        Err(error) => Err(error),
                    };
                    failed.extend(undone.err().map(|error| error.to_string()));
                }
                (DaemonPlan::Vty(plan), Before::Vty(snapshot)) => {
                    let part = self.vty.get_mut(daemon).expect("only VTY daemons have such plans");
                    let carried_out = done.iter().map(|step| &plan.steps[*step]);
                    let inverse = part.driver.undo(carried_out).await;
                    if let Err(error) = inverse {
                        warn!(%daemon, %error, "undoing step by step failed");
                    }
                    let mut ours = self.last.get(daemon).cloned().unwrap_or_default();
                    desired.get(daemon).into_iter().for_each(|wanted| ours.merge(wanted));
                    let back = part.driver.restore(snapshot, &ours, &part.defaults).await;
                    failed.extend(back.err());
                }
                _ => {}
            }
            self.observer.stage(Stage::Undo, Way::of(*daemon), begun.elapsed(), 0);
        }
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }
}
