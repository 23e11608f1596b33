//! Brings FRR back to what is desired: after a restart of either side, after drift, and when a daemon
//! returns that could not be reached.

use std::{collections::BTreeSet, time::Duration};

use futures::FutureExt;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::Actor;
use crate::{
    commit::{
        Applied, Lags, Outcome,
        engine::{SLICE, Terms},
    },
    daemon::{Daemon, Forest},
    render::render_into,
    store::Owned,
    transaction::Ending,
};

/// More differences than this are not attributed one by one.
const MANY: usize = 256;

/// Rounds of one turn. Each leaves out all that the one before was refused; requests wait meanwhile, and what a turn does not
/// get done the next does.
pub(super) const ROUNDS: usize = 16;

/// Why FRR may lack something while many prefixes are brought back in slices.
pub(super) const THE_REST: &str = "many prefixes are brought back in slices, and the rest follows";

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
            && self.journal.state().orphaned.is_empty()
            && self.engine.is_in_step().await
        {
            return self.observer.resynchronised(begun.elapsed());
        }
        let desired = self.desired(self.store(), std::iter::empty());
        let drift = if again || self.is_behind() { 0 } else { self.notice_drift(&desired).await };
        // Many steps deep: the compiler has a limit for how deep a future is.
        self.bring_back(desired, drift, begun).boxed().await;
        self.observer.resynchronised(begun.elapsed());
    }

    /// Has FRR run all that is desired, without what it refuses: that is left out, and all else is tried again.
    async fn bring_back(&mut self, mut desired: Forest, drift: usize, begun: Instant) {
        let all = BTreeSet::from(Daemon::ALL);
        let (mut rounds, mut slices) = (ROUNDS, self.store().len() / SLICE + 1);
        while rounds > 0 {
            self.observer.beat();
            let terms = self.terms();
            let tried = self.engine.resynchronise(&all, &desired, &terms, &mut self.journal).await;
            self.note_others();
            let rejected = match tried {
                // The next slice.
                Ok(Applied { postponed: true, unreachable, .. })
                    if slices > 0 && unreachable.is_empty() =>
                {
                    slices -= 1;
                    continue;
                }
                Ok(applied) => return self.brought_back(applied, &desired, drift, begun).await,
                Err(rejected) => rejected,
            };
            warn!(error = %rejected.error, "FRR refuses something of what is desired");
            self.observer.transaction("refused", begun.elapsed());
            if !self.leave_out(rejected, &desired) {
                return self.bring_back_each(&desired).await;
            }
            rounds -= 1;
            desired = self.desired(self.store(), std::iter::empty());
        }
        self.lags.doubt("FRR refuses much of it; the rest is tried without that");
        self.publish();
    }

    /// Nobody knows what a refusal is about: at least it holds up no other daemon.
    async fn bring_back_each(&mut self, desired: &Forest) {
        let mut rest = false;
        for daemon in Daemon::ALL {
            self.observer.beat();
            let (terms, one) = (self.terms(), BTreeSet::from([daemon]));
            match self.engine.resynchronise(&one, desired, &terms, &mut self.journal).await {
                Ok(Applied { mut unreachable, postponed, .. }) => {
                    rest |= postponed;
                    match unreachable.remove(&daemon) {
                        Some(why) => self.lags.lose(daemon, why),
                        None => self.lags.caught_up(daemon),
                    }
                }
                Err(rejected) => {
                    let why = rejected.error.to_string();
                    // What was found out now is left out the next time.
                    self.leave_out(rejected, desired);
                    self.lags.lose(daemon, why);
                }
            }
        }
        if rest {
            self.lags.doubt(THE_REST);
        }
        self.publish();
    }

    /// FRR has all that is desired, as far as it can be reached.
    async fn brought_back(
        &mut self,
        applied: Applied,
        desired: &Forest,
        drift: usize,
        begun: Instant,
    ) {
        let Applied { sent, unreachable, postponed } = applied;
        if sent > 0 {
            info!(sent, took = ?begun.elapsed(), "FRR brought back to what is desired");
        }
        let lags = Lags::of_away(unreachable);
        if !lags.away().eq(self.lags.away()) {
            for (daemon, why) in lags.away() {
                warn!(%daemon, why, "FRR can't be reached");
            }
        }
        if drift > 0 && sent > 0 {
            warn!(nodes = drift, sent, "FRR had lost or changed what is ours; repaired");
            self.observer.drift_repaired(drift);
        }
        self.drifted.clear();
        self.lags = lags;
        if postponed {
            self.lags.doubt(THE_REST);
        }
        self.forget_stuck(|(daemon, path)| {
            desired.get(daemon).is_some_and(|tree| tree.contains(path))
        });
        let reached = self.lags.is_empty();
        if reached && self.stuck.is_empty() && !self.journal.state().orphaned.is_empty() {
            // Nothing of ours is in FRR any more but what is stored.
            let nothing_else = Ending::Done(Outcome::Confirmed);
            if let Err(error) = self.settle(Vec::new(), nothing_else, begun, true).await {
                error!(%error, "the journal lacks that FRR has nothing else of ours");
            }
        }
        self.tell(if reached { Outcome::Confirmed } else { Outcome::Pending }, begun);
    }

    /// Whether it is time to try again what FRR has refused; then it counts as refused no more. The pauses
    /// double while it is refused.
    fn tries_rejected_again(&mut self) -> bool {
        if self.rejected.is_empty() && self.stuck.is_empty() {
            self.rejected_again = None;
            return false;
        }
        let again = self.rejected_again.get_or_insert_with(|| Again::after(REJECTED_AGAIN));
        if Instant::now() < again.at {
            return false;
        }
        *again = Again::after((again.pause * 2).min(REJECTED_AGAIN_CAP));
        self.rejected.clear();
        self.forget_stuck(|_| true);
        true
    }

    /// Whether FRR has lost or changed what was confirmed: in how many nodes. Everybody can see which
    /// intents these are until they are repaired.
    async fn notice_drift(&mut self, desired: &Forest) -> usize {
        // What can't be planned now says so when it is applied.
        let Ok(plan) = self.engine.plan(desired, &Terms::default()).await else { return 0 };
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
}
