//! A commit of all that is desired, or of all that some daemons shall run.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;
use tracing::warn;

use super::{
    Applied, COMMIT_DEADLINE, Done, Engine, EngineError, Failure, Judged, Known, Prepared,
    RESYNC_DEADLINE, Stage, Way, in_time, mgmtd, undone_in_time,
};
use crate::{
    daemon::{Daemon, Forest},
    failpoint,
    tree::{Tree, three_way},
};

impl Engine {
    /// Makes FRR run `desired`, and nothing any more of what was last applied and is not in it.
    ///
    /// A daemon that can't be reached is left for later, and said so; the others get their part.
    ///
    /// # Errors
    /// libyang's or FRR's words; everything that was done is undone.
    pub async fn commit(&mut self, desired: &Forest) -> Result<Applied, EngineError> {
        let all = BTreeSet::from(Daemon::ALL);
        self.commit_within(COMMIT_DEADLINE, &all, desired, desired, None).await
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
        judged: Judged,
    ) -> Result<Applied, EngineError> {
        self.commit_within(COMMIT_DEADLINE, daemons, desired, desired, Some(judged)).await
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
    ) -> Result<Applied, EngineError> {
        self.forget_away();
        self.gathers = true;
        let applied = self.commit_within(RESYNC_DEADLINE, daemons, desired, desired, None).await;
        self.gathers = false;
        applied
    }

    async fn commit_within(
        &mut self,
        deadline: Duration,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        keep: &Forest,
        judged: Option<Judged>,
    ) -> Result<Applied, EngineError> {
        self.by = Some(Instant::now() + deadline);
        self.refusals.clear();
        let keep = self.with_stuck(desired, keep);
        let resync = deadline == RESYNC_DEADLINE;
        let applied = self.commit_in_time(daemons, desired, &keep, judged, resync).await;
        self.by = None;
        applied
    }

    async fn commit_in_time(
        &mut self,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        keep: &Forest,
        judged: Option<Judged>,
        resync: bool,
    ) -> Result<Applied, EngineError> {
        let none = Tree::new();
        self.seen.clear();
        let begun = Instant::now();
        let prepared = self.prepare(daemons, desired, keep, false).await;
        if let Some(judged) = judged {
            judged.await?;
            self.observer.stage(Stage::Validate, Way::Agent, begun.elapsed(), 0);
        }
        self.known.retain(|daemon, _| !daemons.contains(daemon));
        let others_in_step =
            std::mem::take(&mut self.in_step) || daemons.len() == Daemon::ALL.len();
        let Prepared { before, plans, unreachable } = prepared?;
        let mut applied = Applied { sent: 0, unreachable };
        failpoint::hit("engine-planned");
        let mut done = Done::new();
        let mut carried_out = self.carry_out(&plans, &mut applied.sent, &mut done).await;
        let in_use = |forest: &Forest| forest.get(&Daemon::Mgmtd).is_some_and(|t| !t.is_empty());
        let reached =
            daemons.contains(&Daemon::Mgmtd) && !applied.unreachable.contains_key(&Daemon::Mgmtd);
        if carried_out.is_ok() && reached && (in_use(desired) || in_use(&self.last)) {
            let wanted = desired.get(&Daemon::Mgmtd).unwrap_or(&none);
            let kept = keep.get(&Daemon::Mgmtd).unwrap_or(&none);
            let last = self.last.get(&Daemon::Mgmtd).unwrap_or(&none);
            let swept = self.mgmtd.sweep(last, kept, &self.yang);
            let swept = in_time(self.by, Daemon::Mgmtd, mgmtd(swept)).await;
            carried_out = swept.and_then(|left| self.refuse_not_shown(left));
            if carried_out.is_ok() {
                let in_step = self.mgmtd.confirm_in_step(wanted, &self.yang);
                let in_step = in_time(self.by, Daemon::Mgmtd, mgmtd(in_step)).await;
                carried_out = in_step.and_then(|lacking| self.refuse_not_shown(lacking));
            }
            if carried_out.is_ok()
                && let Some(first) = self.refusals.first()
            {
                let at = Some(first.at.clone());
                carried_out = Err(Failure::Refused(first.message.clone(), at));
            }
        }
        if carried_out.is_ok() && daemons.contains(&Daemon::Bfdd) {
            match resync {
                true => self.mend_live(desired).await,
                false => carried_out = self.confirm_live(desired).await,
            }
        }
        match carried_out {
            Ok(()) => {}
            Err(Failure::Lost(daemon, why)) => {
                self.perhaps_applied(&plans, desired);
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
                        EngineError::Refused { message, at }
                    }
                    Err(undo) => {
                        self.perhaps_applied(&plans, desired);
                        EngineError::NotUndone { message, undo }
                    }
                });
            }
        }
        let all_is_kept = std::ptr::eq(desired, keep) || desired == keep;
        let mut former = Vec::new();
        for daemon in daemons.iter().copied() {
            if !applied.unreachable.contains_key(&daemon) {
                let last = self.last.remove(&daemon).unwrap_or_default();
                let wanted = desired.get(&daemon).unwrap_or(&none);
                let kept = keep.get(&daemon).unwrap_or(&none);
                let now = match all_is_kept {
                    true => wanted.clone(),
                    false => three_way(&last, &last, wanted, kept, &|_| None),
                };
                if let Some((generation, snapshot)) = self.seen.remove(&daemon) {
                    self.known.insert(daemon, Known::new(generation, snapshot, &now));
                }
                if !now.is_empty() {
                    self.last.insert(daemon, now);
                }
                former.push(last);
            }
        }
        // To free what 10,000 routes took is 60 ms that nobody has to wait for.
        drop(tokio::task::spawn_blocking(move || drop((plans, before, former))));
        self.seen.clear();
        self.in_step = others_in_step && all_is_kept && applied.unreachable.is_empty();
        Ok(applied)
    }
}
