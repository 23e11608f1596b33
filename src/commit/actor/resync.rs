//! Brings FRR back to what is desired: after a restart of either side, after drift, and when a daemon
//! returns that could not be reached.

use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::Actor;
use crate::{
    commit::{Applied, Outcome},
    daemon::Forest,
    model::Intent,
    render::{render, render_into},
    store::Owned,
    transaction::Ending,
};

/// More differences than this are not attributed one by one.
const MANY: usize = 256;

/// Pause before what FRR has refused is tried again: somebody may have cleared the way.
const REJECTED_AGAIN: Duration = Duration::from_secs(10);

/// Longest such pause. Each attempt may send FRR lines that it refuses.
const REJECTED_AGAIN_CAP: Duration = Duration::from_secs(600);

/// When what FRR has refused is tried again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Again {
    at: Instant,
    pause: Duration,
}

impl Again {
    fn after(pause: Duration) -> Self {
        Self { at: Instant::now() + pause, pause }
    }
}

impl Actor {
    /// Compares FRR with all that is desired and repairs what differs.
    pub(super) async fn resynchronise(&mut self) {
        let begun = Instant::now();
        self.engine.look_again().await;
        let again = self.tries_rejected_again();
        if !again
            && !self.is_behind()
            && self.journal.state().residue.is_empty()
            && self.engine.is_in_step().await
        {
            return self.observer.resynchronised(begun.elapsed());
        }
        let desired = self.desired(self.store(), std::iter::empty());
        let drift = if again || self.is_behind() { 0 } else { self.notice_drift(&desired).await };
        match self.engine.resynchronise(&desired).await {
            Ok(Applied { sent, unreachable }) => {
                if sent > 0 {
                    info!(sent, took = ?begun.elapsed(), "FRR brought back to what is desired");
                }
                if unreachable != self.unreachable {
                    for (daemon, why) in &unreachable {
                        warn!(%daemon, why, "FRR can't be reached");
                    }
                }
                if drift > 0 && sent > 0 {
                    warn!(nodes = drift, sent, "FRR had lost or changed what is ours; repaired");
                    self.observer.drift_repaired(drift);
                }
                self.drifted.clear();
                self.unreachable = unreachable;
                self.out_of_step = None;
                let reached = self.unreachable.is_empty();
                if reached && !self.journal.state().residue.is_empty() {
                    // Nothing of ours is in FRR any more but what is stored.
                    self.settle(&[], Ending::Done(Outcome::Confirmed), begun, true);
                }
                self.tell(if reached { Outcome::Confirmed } else { Outcome::Pending }, begun);
            }
            Err(error) => {
                warn!(%error, "FRR refuses what is desired");
                self.observer.transaction("refused", begun.elapsed());
                self.out_of_step = Some(error.to_string());
                self.reject_one_by_one().await;
            }
        }
        self.observer.resynchronised(begun.elapsed());
    }

    /// Whether it is time to try again what FRR has refused; then it counts as refused no more. The pauses
    /// double while it is refused.
    fn tries_rejected_again(&mut self) -> bool {
        if self.rejected.is_empty() {
            self.rejected_again = None;
            return false;
        }
        let again = self.rejected_again.get_or_insert_with(|| Again::after(REJECTED_AGAIN));
        if Instant::now() < again.at {
            return false;
        }
        *again = Again::after((again.pause * 2).min(REJECTED_AGAIN_CAP));
        self.rejected.clear();
        true
    }

    /// Whether FRR has lost or changed what was confirmed: in how many nodes. Everybody can see which
    /// intents these are until they are repaired.
    async fn notice_drift(&mut self, desired: &Forest) -> usize {
        // What can't be planned now says so when it is applied.
        let Ok(plan) = self.engine.plan(desired).await else { return 0 };
        let found: usize = plan.daemons.iter().map(|(_, edits, _)| edits.len()).sum();
        if found > 0 {
            let concerned = |owned: &Owned| {
                let mut forest = Forest::new();
                render_into(&mut forest, &owned.intent, self.engine.shapes());
                plan.daemons.iter().any(|(daemon, edits, _)| {
                    let tree = forest.get(daemon);
                    // Where that much differs, it does not matter which of them are not concerned.
                    tree.is_some_and(|tree| {
                        edits.len() > MANY || edits.iter().any(|edit| tree.contains(&edit.path))
                    })
                })
            };
            let all = self.store().iter().filter(|(_, owned)| concerned(owned));
            self.drifted = all.map(|(key, _)| *key).collect();
            self.publish();
        }
        found
    }

    /// Finds out which intents FRR refuses, by halving, so that it gets all the others. What it
    /// runs already stays meanwhile.
    async fn reject_one_by_one(&mut self) {
        let keep = self.desired(self.store(), std::iter::empty());
        let suspects: Vec<_> = self
            .store()
            .iter()
            .filter(|(key, _)| !self.rejected.contains_key(key))
            .map(|(_, owned)| owned.intent.clone())
            .collect();
        let mut taken: Vec<Intent> = Vec::new();
        let mut slices = vec![(0, suspects.len())];
        while let Some((from, to)) = slices.pop() {
            let range = from..to;
            let tried = taken.iter().chain(&suspects[range.clone()]);
            let part = render(tried, self.engine.shapes());
            match self.engine.resynchronise_part(&part, &keep).await {
                Ok(applied) if applied.unreachable.is_empty() => {
                    self.unreachable.clear();
                    taken.extend_from_slice(&suspects[range]);
                }
                Ok(applied) => {
                    self.unreachable = applied.unreachable;
                    return self.publish();
                }
                Err(error) if range.len() == 1 => {
                    let key = suspects[range.start].key();
                    error!(intent = %key, %error, "FRR refuses this intent");
                    self.rejected.insert(key, error.to_string());
                }
                Err(_) => {
                    let middle = range.start + range.len() / 2;
                    slices.push((middle, to));
                    slices.push((from, middle));
                }
            }
        }
        self.out_of_step = None;
        self.drifted.clear();
        self.publish();
    }
}
