//! A commit of all that is desired, or of all that some daemons shall run.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;
use tracing::warn;

use super::{
    Applied, COMMIT_DEADLINE, Done, Engine, EngineError, Failure, InTheWay, Judged, Known, Notes,
    Prepared, RESYNC_DEADLINE, Scope, Stage, Way, in_time, prepare::Whose, undone_in_time,
};
use crate::{
    daemon::{Daemon, Forest},
    failpoint,
    journal::{Claim, Claims},
    tree::{Tree, three_way},
};

impl Engine {
    /// Makes FRR run `desired`, and nothing any more of what was last applied and is not in it.
    ///
    /// A daemon that can't be reached is left for later, and said so; the others get their part.
    ///
    /// # Errors
    /// libyang's or FRR's words; everything that was done is undone.
    pub async fn commit(
        &mut self,
        desired: &Forest,
        notes: &mut dyn Notes,
    ) -> Result<Applied, EngineError> {
        let all = BTreeSet::from(Daemon::ALL);
        let scope = Scope::default();
        self.commit_within(COMMIT_DEADLINE, &all, desired, &scope, None, notes).await
    }

    /// Like [`Engine::commit`], where only these daemons have something to change, and `desired` is what each of them
    /// shall run. The others are not looked at. What runs is read and the plan made while libyang judges; nothing is
    /// changed before it has.
    ///
    /// # Errors
    /// As there, and what libyang says.
    pub async fn commit_to(
        &mut self,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        scope: &Scope,
        judged: Judged,
        notes: &mut dyn Notes,
    ) -> Result<Applied, EngineError> {
        let judged = Some(judged);
        self.commit_within(COMMIT_DEADLINE, daemons, desired, scope, judged, notes).await
    }

    /// Like [`Engine::commit`], and tries daemons again that could not be reached the last time. To
    /// wait for one that hangs is not for every call. Behind a refusal it goes on, and gathers them
    /// ([`Engine::take_refusals`]).
    ///
    /// # Errors
    /// As there.
    pub async fn resynchronise(
        &mut self,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        scope: &Scope,
        notes: &mut dyn Notes,
    ) -> Result<Applied, EngineError> {
        self.forget_away();
        self.gathers = true;
        let applied =
            self.commit_within(RESYNC_DEADLINE, daemons, desired, scope, None, notes).await;
        self.gathers = false;
        applied
    }

    async fn commit_within(
        &mut self,
        deadline: Duration,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        scope: &Scope,
        judged: Option<Judged>,
        notes: &mut dyn Notes,
    ) -> Result<Applied, EngineError> {
        self.by = Some(Instant::now() + deadline);
        self.refusals.clear();
        let keep = self.with_stuck(desired);
        // On the heap: the compiler bounds how deep futures are nested.
        let applied =
            Box::pin(self.commit_in_time(daemons, desired, &keep, scope, judged, notes)).await;
        self.by = None;
        applied
    }

    async fn commit_in_time(
        &mut self,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        keep: &Forest,
        scope: &Scope,
        judged: Option<Judged>,
        notes: &mut dyn Notes,
    ) -> Result<Applied, EngineError> {
        let none = Tree::new();
        self.seen.clear();
        let begun = Instant::now();
        let prepared = self.prepare(daemons, desired, keep, scope, false).await;
        if let Some(judged) = judged {
            judged.await?;
            self.observer.stage(Stage::Validate, Way::Agent, begun.elapsed(), 0);
        }
        self.known.retain(|daemon, _| !daemons.contains(daemon));
        let others_in_step =
            std::mem::take(&mut self.in_step) || daemons.len() == Daemon::ALL.len();
        let Prepared { before, plans, mut decided, unreachable } = prepared?;
        scope.permits(&decided)?;
        let mut applied = Applied { sent: 0, unreachable };
        failpoint::hit("engine-planned");
        // Before FRR is touched, so that whatever the agent dies in, the next one knows whose all of it is.
        let claims = self.claims(
            &decided,
            &applied.unreachable,
            desired,
            keep,
            scope.clean,
            !plans.is_empty(),
        );
        let former = self.remembered_of(&claims);
        self.claim(notes, &claims).await?;
        // What of it is ours to make.
        let ours_to_make: Forest = desired
            .iter()
            .map(|(daemon, all)| {
                let whose = decided.get_mut(daemon);
                let part = whose.and_then(|whose| whose.decided.desired.take());
                (*daemon, part.unwrap_or_else(|| all.clone()))
            })
            .collect();
        let (wanted_of_all, desired) = (desired, &ours_to_make);
        let mut done = Done::new();
        let mut carried_out = self.carry_out(&plans, &mut applied.sent, &mut done).await;
        for daemon in daemons.iter().filter(|it| !applied.unreachable.contains_key(it)) {
            if carried_out.is_ok() {
                carried_out = self.reconcile(*daemon, desired, keep).await;
            }
        }
        if carried_out.is_ok() && daemons.contains(&Daemon::Bfdd) {
            match self.gathers {
                true => self.mend_live(desired).await,
                false => carried_out = self.confirm_live(desired).await,
            }
        }
        match carried_out {
            Ok(()) => {}
            Err(Failure::Lost(daemon, why)) => {
                self.perhaps_applied(&plans, desired, &decided);
                // How far the others got is not known either.
                for other in plans.keys().filter(|other| **other != daemon) {
                    applied.unreachable.insert(*other, format!("waits for {daemon}"));
                }
                // What is known is only read back from a daemon that answers again: the next
                // resynchronisation does that, towards the same goal.
                warn!(%daemon, why, "lost while applying");
                self.away.insert(daemon, why.clone());
                applied.unreachable.insert(daemon, why);
                return Ok(applied);
            }
            Err(Failure::Refused(message, at)) => {
                failpoint::hit("engine-undoing");
                let undone = undone_in_time(self.undo(&plans, &before, &done, desired)).await;
                return Err(match undone {
                    Ok(()) => {
                        failpoint::hit("engine-undone");
                        self.disclaim(notes, &claims, &former).await;
                        EngineError::Refused { message, at }
                    }
                    Err(undo) => {
                        self.perhaps_applied(&plans, desired, &decided);
                        EngineError::NotUndone { message, undo }
                    }
                });
            }
        }
        let all_is_kept = std::ptr::eq(wanted_of_all, keep) || wanted_of_all == keep;
        let mut former = Vec::new();
        let mut done_with = Claims::default();
        for daemon in daemons.iter().copied() {
            if !applied.unreachable.contains_key(&daemon) {
                let last = self.last.remove(&daemon).unwrap_or_default();
                let wanted = desired.get(&daemon).unwrap_or(&none);
                let kept = keep.get(&daemon).unwrap_or(&none);
                let mut now = match all_is_kept {
                    true => wanted.clone(),
                    false => {
                        let known = decided.get(&daemon).and_then(|it| it.decided.ours.as_ref());
                        let ours = known.unwrap_or(&last);
                        three_way(ours, ours, wanted, kept, &|_| None)
                    }
                };
                if all_is_kept {
                    self.kept.remove(&daemon);
                    self.in_the_way.remove(&daemon);
                }
                self.waiting.remove(&daemon);
                if let Some(Whose { decided, .. }) = decided.remove(&daemon) {
                    if decided.waits {
                        self.waiting.insert(daemon);
                    }
                    if daemon == Daemon::Mgmtd {
                        self.beside = Some(decided.beside.clone());
                    }
                    decided.kept.iter().for_each(|kept| kept.add_to(&mut now));
                    let refusals = decided.refusals.iter().map(InTheWay::from).collect::<Vec<_>>();
                    if !refusals.is_empty() {
                        self.in_the_way.entry(daemon).or_default().extend(refusals);
                    }
                    let mut kept = Tree::new();
                    decided.kept.iter().for_each(|it| it.add_to(&mut kept));
                    if !decided.kept.is_empty() {
                        self.kept.insert(daemon, decided.kept);
                    }
                    // What was to be put back is, and what had returned is gone again.
                    let held = self.held.get(&daemon).map(|held| &held.kept);
                    let changed = held.unwrap_or(&none) != &kept;
                    let claim = Claim {
                        stood: (decided.still_stood != decided.stood)
                            .then_some(decided.still_stood),
                        kept: changed.then_some(kept),
                        ..Claim::default()
                    };
                    if claim != Claim::default() {
                        done_with.daemons.insert(daemon, claim);
                    }
                }
                if let Some((generation, snapshot)) = self.seen.remove(&daemon) {
                    self.known.insert(daemon, Known::new(generation, snapshot, &now));
                }
                if !now.is_empty() {
                    self.last.insert(daemon, now);
                }
                former.push(last);
            }
        }
        // That it is put back is known once it is: until then it would be put back again.
        if let Err(error) = self.claim(notes, &done_with).await {
            warn!(%error, "the journal lacks that something was put back");
        }
        // To free what 10,000 routes took is 60 ms that nobody has to wait for.
        drop(tokio::task::spawn_blocking(move || drop((plans, before, former))));
        self.seen.clear();
        self.in_step = others_in_step && all_is_kept && applied.unreachable.is_empty();
        Ok(applied)
    }

    /// Brings together what a daemon runs and what those run that stand behind it.
    async fn reconcile(
        &mut self,
        daemon: Daemon,
        desired: &Forest,
        keep: &Forest,
    ) -> Result<(), Failure> {
        let none = Tree::new();
        let of = |forest: &'_ Forest| forest.get(&daemon).filter(|tree| !tree.is_empty()).is_some();
        if !of(desired) && !of(&self.last) {
            return Ok(());
        }
        let wanted = desired.get(&daemon).unwrap_or(&none);
        let kept = keep.get(&daemon).unwrap_or(&none);
        let last = self.last.get(&daemon).unwrap_or(&none);
        let Some(driver) = self.drivers.get_mut(&daemon) else { return Ok(()) };
        let not_shown = in_time(self.by, daemon, driver.reconcile(last, kept, wanted)).await?;
        self.refuse_not_shown(daemon, not_shown)?;
        match self.refusals.first() {
            Some(first) => Err(Failure::Refused(first.message.clone(), Some(first.at.clone()))),
            None => Ok(()),
        }
    }
}
