//! What is sent to a daemon, and read back from it, within a commit's deadline.

use futures::FutureExt;
use tokio::time::Instant;

use super::{
    Engine, Failure, Stage, Via,
    candidate::{Behind, Commit, Progress},
    in_time,
};
use crate::{
    commit::plan::DaemonPlan,
    daemon::Daemon,
    frr::{
        driver::{Confirmed, DriverError, NotShown, Phase, Proof, Proven},
        vty::Question,
    },
};

/// What came of sending one phase of a plan.
pub(super) struct Sent {
    /// Steps that were carried out, in their order.
    pub(super) done: Vec<usize>,
    /// Whether it was all, and proven behind that.
    pub(super) result: Result<Proven, Failure>,
}

impl Engine {
    /// Sends a phase of a plan, and asks the questions behind it.
    pub(super) async fn send(
        &mut self,
        by: Instant,
        daemon: Daemon,
        plan: &DaemonPlan,
        phase: Phase,
        questions: Option<&[Question]>,
    ) -> Sent {
        let begun = Instant::now();
        let applied = self.driver(daemon).apply(plan, phase, questions);
        let applied = in_time(by, daemon, applied.map(Ok)).await;
        self.observer.stage(Stage::Apply, Via::of(daemon), begun.elapsed(), plan.len(phase));
        match applied {
            Ok(Ok(proven)) => Sent { done: plan.indexes(phase).collect(), result: Ok(proven) },
            Ok(Err(mut error)) => {
                let done = match &mut error {
                    DriverError::Refused { done, .. } => std::mem::take(done),
                    DriverError::Lost { .. } => Vec::new(),
                };
                Sent { done, result: Err(Failure::of(daemon, error)) }
            }
            Err(late) => Sent { done: Vec::new(), result: Err(late) },
        }
    }

    /// Applies a phase of what a commit does in a daemon.
    pub(super) async fn apply_phase(
        &mut self,
        commit: &mut Commit<'_>,
        daemon: Daemon,
        phase: Phase,
    ) -> Result<(), Failure> {
        let Commit { by, shares, progress, .. } = commit;
        match shares.get_mut(&daemon) {
            Some(share) if share.plan.len(phase) > 0 && !progress.lost.contains_key(&daemon) => {
                self.apply_share(*by, daemon, share, phase, progress).await
            }
            _ => Ok(()),
        }
    }

    /// Has daemons judge by their own gRPC what they would be sent, as far as they can be asked. Edits are not: their commit
    /// begins with the same validation, which costs more than the change (0.7 s beside 10,000 routes), and comes before all else.
    pub(super) async fn ask_beforehand(&mut self, commit: &mut Commit<'_>) -> Result<(), Failure> {
        let mut judged = Ok(());
        for (daemon, share) in commit.changed() {
            if let DaemonPlan::Commands(_) = share.plan {
                judged = self.ask_for(commit.by, daemon, &share.plan).await;
            }
            if judged.is_err() {
                break;
            }
        }
        match judged {
            Err(Failure::Refused(message, at)) if commit.progress.behind == Behind::GoesOn => {
                // Where nothing is named, carrying it out will name it.
                at.map_or(Ok(()), |at| commit.progress.refuse(message, at))
            }
            judged => judged,
        }
    }

    /// Asks a daemon whether it would take a plan. Changes nothing.
    pub(super) async fn ask_for(
        &mut self,
        by: Instant,
        daemon: Daemon,
        plan: &DaemonPlan,
    ) -> Result<(), Failure> {
        in_time(by, daemon, self.driver(daemon).validate(plan)).await
    }

    /// Reads back what a commit has made in a daemon, unless that is proven already.
    pub(super) async fn confirm_share(
        &mut self,
        commit: &mut Commit<'_>,
        daemon: Daemon,
    ) -> Result<(), Failure> {
        let Commit { by, shares, progress, .. } = commit;
        // What was refused is not shown, and what was left out behind it neither.
        let refused = progress.refusals.iter().any(|refusal| refusal.at.0 == daemon);
        let Some(share) = shares.get_mut(&daemon).filter(|share| !share.plan.is_empty()) else {
            return Ok(());
        };
        if refused || progress.lost.contains_key(&daemon) {
            return Ok(());
        }
        let proof = match (&share.plan, share.proven) {
            // Edits are confirmed with their commit.
            (DaemonPlan::Edits(_), _) | (_, Proven::Yes) => return Ok(()),
            (_, Proven::No) => Proof::Whole,
            (_, Proven::NotAsked) => share.evidence.as_proof(),
        };
        let Confirmed { not_shown, seen } = self.read_back(*by, daemon, &share.plan, proof).await?;
        let all_shown = not_shown.is_empty();
        self.refuse_not_shown(progress, daemon, not_shown)?;
        if all_shown {
            share.after = self.driver(daemon).connection().zip(seen);
        }
        Ok(())
    }

    /// Reads back what a plan has made.
    pub(super) async fn read_back(
        &mut self,
        by: Instant,
        daemon: Daemon,
        plan: &DaemonPlan,
        proof: Proof<'_>,
    ) -> Result<Confirmed, Failure> {
        let begun = Instant::now();
        let confirmed = in_time(by, daemon, self.driver(daemon).confirm(plan, proof)).await;
        self.observer.stage(Stage::Confirm, Via::of(daemon), begun.elapsed(), 0);
        confirmed
    }

    /// Takes note of what a daemon has taken and does not show.
    pub(super) fn refuse_not_shown(
        &mut self,
        progress: &mut Progress,
        daemon: Daemon,
        not_shown: Vec<NotShown>,
    ) -> Result<(), Failure> {
        for NotShown { path, words } in not_shown {
            self.observer.not_confirmed(Via::of(daemon));
            progress.refuse(words, (daemon, path))?;
        }
        Ok(())
    }
}
