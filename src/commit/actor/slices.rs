//! What changes prefixes alone is sent without a look at the rest; very many of them in slices, so that plan and proof take no
//! more memory than those of one slice.
//!
//! libyang judges all of it before the first slice is sent. Each slice is a commit of its own, towards a store in between; where
//! a later one is refused, those before it are taken back in the same way, the last first.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Actor, Stage, Via,
    change::{instance, part, render_part},
};
use crate::{
    commit::{
        Applied, CommitRequest, EngineError,
        engine::{COMMIT_DEADLINE, SLICE, UNDO_DEADLINE, Validating, Validation},
    },
    daemon::Daemon,
    model::{Change, IntentKey},
    store::Store,
    tree::Tree,
};

/// What libyang is judging, and how it is sent then.
pub(super) enum Judging {
    /// As one part.
    Part(Validating),
    /// In slices.
    Slices(Slices),
}

/// Changes of many prefixes that libyang is judging.
pub(super) struct Slices {
    keys: Vec<IntentKey>,
    validation: Validation,
}

impl Actor {
    /// Has what a batch changes judged, which begins at once, without a look at the rest. `None` where it
    /// takes that look.
    pub(super) fn validate_part(
        &self,
        after: &Store,
        requests: &[&CommitRequest],
    ) -> Option<Judging> {
        let keys: BTreeSet<IntentKey> =
            requests.iter().flat_map(|request| &request.changes).map(Change::key).collect();
        let doubtful = self.lags.out_of_step().is_some()
            || self.lags.is_away(Daemon::Bgpd)
            || requests.iter().any(|request| request.take_over)
            || keys
                .iter()
                .any(|key| self.rejected.contains_key(key) || self.hindered.contains_key(key));
        if doubtful {
            return None;
        }
        let (before, shapes) = (self.store(), self.engine.shapes());
        if keys.len() > SLICE {
            let instance = instance(before, after, &keys)?;
            let desired = render_part(after, &keys, &instance, shapes);
            let slices = |desired| Judging::Slices(self.judge_slices(&keys, desired));
            return self.engine.knows(Daemon::Bgpd).then(|| slices(desired));
        }
        let part = part(before, after, &keys, shapes)?;
        self.engine.validate_part(part).map(Judging::Part)
    }

    /// Applies the part that was judged. `None` where it takes a look at the whole.
    pub(super) async fn send_part(
        &mut self,
        after: &Store,
        judging: Judging,
    ) -> Result<Option<Applied>, EngineError> {
        let validating = match judging {
            Judging::Part(validating) => validating,
            Judging::Slices(slices) => return self.send_slices(after, slices).await,
        };
        let applied = self.engine.commit_part(validating, &mut self.journal).await?;
        Ok(applied.map(|applied| self.with_others(applied, &BTreeSet::from([Daemon::Bgpd]))))
    }

    /// Has what many prefixes become judged, which begins at once.
    fn judge_slices(&self, keys: &BTreeSet<IntentKey>, desired: Tree) -> Slices {
        let validation = self.engine.validate([Arc::new(desired)]);
        Slices { keys: keys.iter().copied().collect(), validation }
    }

    /// Applies them. `None` where that takes a look at the whole; then nothing of it is left in FRR.
    ///
    /// # Errors
    /// libyang's or FRR's words; everything that was done is undone.
    async fn send_slices(
        &mut self,
        after: &Store,
        slices: Slices,
    ) -> Result<Option<Applied>, EngineError> {
        let Slices { keys, validation } = slices;
        let begun = Instant::now();
        validation.await?;
        self.observer.stage(Stage::Validate, Via::Agent, begun.elapsed(), 0);
        let by = Instant::now() + COMMIT_DEADLINE;
        let mut reached = self.store().clone();
        let mut all = Applied { sent: 0, unreachable: BTreeMap::new(), postponed: false };
        for (at, slice) in keys.chunks(SLICE).enumerate() {
            let next = with(&reached, after, slice);
            let sent = self.send_slice(&reached, &next, slice, by).await;
            let done = &keys[..at * SLICE];
            match sent {
                Ok(Some(Applied { sent, unreachable, .. })) => {
                    all.sent += sent;
                    all.unreachable = unreachable;
                    if !all.unreachable.is_empty() {
                        // The rest is brought to a daemon that answers again.
                        break;
                    }
                }
                Ok(None) => {
                    let undone = self.undo_slices(after, done).await;
                    let message = "all that FRR runs has to be compared".to_owned();
                    return match undone {
                        Ok(()) => Ok(None),
                        Err(undo) => Err(EngineError::NotUndone { message, undo }),
                    };
                }
                Err(error) => {
                    let undone = self.undo_slices(after, done).await;
                    return Err(match (error, undone) {
                        (
                            EngineError::Refused { message, .. }
                            | EngineError::NotDurable { message },
                            Err(undo),
                        ) => EngineError::NotUndone { message, undo },
                        (error, _) => error,
                    });
                }
            }
            reached = next;
        }
        Ok(Some(self.with_others(all, &BTreeSet::from([Daemon::Bgpd]))))
    }

    /// Takes slices back that were sent, the last first.
    async fn undo_slices(&mut self, after: &Store, done: &[IntentKey]) -> Result<(), String> {
        let by = Instant::now() + UNDO_DEADLINE;
        let before = self.store().clone();
        let mut reached = with(&before, after, done);
        for slice in done.chunks(SLICE).rev() {
            let next = with(&reached, &before, slice);
            match self.send_slice(&reached, &next, slice, by).await {
                Ok(Some(Applied { unreachable, .. })) => {
                    if let Some((daemon, why)) = unreachable.first_key_value() {
                        return Err(format!("{daemon}: {why}"));
                    }
                }
                Ok(None) => return Err("all that FRR runs has to be compared".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
            reached = next;
        }
        Ok(())
    }

    async fn send_slice(
        &mut self,
        from: &Store,
        to: &Store,
        slice: &[IntentKey],
        by: Instant,
    ) -> Result<Option<Applied>, EngineError> {
        self.observer.beat();
        let keys = slice.iter().copied().collect();
        let Some(part) = part(from, to, &keys, self.engine.shapes()) else { return Ok(None) };
        let left: Duration = by.saturating_duration_since(Instant::now());
        self.engine.commit_judged(part, left, &mut self.journal).await
    }
}

/// A store with these objects as another has them.
fn with(store: &Store, other: &Store, keys: &[IntentKey]) -> Store {
    let mut with = store.clone();
    for key in keys {
        with.restore(*key, other.get_shared(key).cloned());
    }
    with
}
