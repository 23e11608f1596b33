//! Plans applied and confirmed; and undone, where one is refused.

use std::collections::BTreeMap;

use futures::{FutureExt, TryFutureExt};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{Before, Engine, Failure, Stage, Way, in_time, mgmtd, mgmtd_failure, not_applied};
use crate::{
    commit::plan::{DaemonPlan, VtyPlan},
    daemon::{Daemon, Forest},
    failpoint,
    frr::{
        mgmtd::MgmtdError,
        vty::{ApplyError, Question, chain},
    },
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
        self.judge(plans).await?;
        for daemon in Daemon::ALL {
            match plans.get(&daemon) {
                Some(DaemonPlan::Mgmtd(edits)) => {
                    *sent += edits.len();
                    done.insert(daemon, Vec::new());
                    let (door, begun) = (Way::of(daemon), Instant::now());
                    let outcome = self.mgmtd.commit(edits, &self.yang);
                    let outcome = in_time(self.by, daemon, mgmtd(outcome)).await;
                    self.observer.stage(Stage::Apply, door, begun.elapsed(), edits.len());
                    debug!(outcome = ?outcome?, "mgmtd");
                    failpoint::hit("mgmtd-committed");
                    let begun = Instant::now();
                    let confirmed = self.mgmtd.confirm(edits, &self.yang);
                    let confirmed = in_time(self.by, daemon, confirmed.map(Ok)).await?;
                    self.observer.stage(Stage::Confirm, door, begun.elapsed(), 0);
                    if let Err(MgmtdError::NotApplied { .. }) = confirmed {
                        self.observer.not_confirmed(door);
                    }
                    confirmed.map_err(|error| mgmtd_failure(&error))?;
                }
                Some(DaemonPlan::Vty(plan)) => {
                    self.apply(daemon, plan, false, None, sent, done).await?;
                }
                None => {}
            }
        }
        for daemon in Daemon::ALL.into_iter().rev() {
            if let Some(DaemonPlan::Vty(plan)) = plans.get(&daemon) {
                self.apply(daemon, plan, true, None, sent, done).await?;
            }
        }
        for (daemon, plan) in plans {
            if let DaemonPlan::Vty(plan) = plan {
                self.confirm(*daemon, plan).await?;
            }
        }
        failpoint::hit("engine-confirmed");
        Ok(())
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
        if let Some((step, what)) = plan.unconfirmed(&lines) {
            self.observer.not_confirmed(Way::of(daemon));
            return Err(Failure::Refused(
                format!("{daemon} does not show {what}"),
                Some((daemon, Path::clone(&step.path))),
            ));
        }
        self.remember(daemon, shown);
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
                        Ok(_) => self.mgmtd.undo(edits, &self.yang).await,
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
