//! A commit, from the candidate to the answer. Read it from the top.
//!
//! | step | what happens |
//! |---|---|
//! | validate | libyang judges the candidate, in the meantime |
//! | prepare | what each daemon runs is read, or taken as it is known; a plan is made. Nothing is changed |
//! | claim | whose objects are is on disk before FRR is touched |
//! | apply | first everywhere what is set, then in reverse what goes, so that nothing names what is not there |
//! | confirm | each daemon shows it |
//! | reconcile | and so do those that stand behind it: staticd behind mgmtd, bfdd's live sessions |
//! | undo | after a refusal, the last step first, and read back |
//!
//! What differs between commits is in [`Commit`]: what it covers, how it is proven, what it does behind a refusal.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{debug, warn};

use super::{
    Applied, COMMIT_DEADLINE, Engine, EngineError, Failure, Notes, Part, RESYNC_DEADLINE, Rejected,
    Stage, Terms, Validation, Via,
    candidate::{Behind, Commit, Extent, Scope},
    in_time, undone_in_time,
};
use crate::{
    daemon::{Daemon, Forest},
    failpoint,
    frr::driver::{Before, Phase},
    journal::{Claims, Remembered},
    tree::{Path, Tree},
};

/// A [`Part`] that libyang is validating: in the meantime its transaction can go to disk.
pub struct Validating {
    part: Part,
    validation: Validation,
}

impl Engine {
    /// Has libyang judge a part, which it begins at once. `None` where it takes a look at the whole.
    pub fn validate_part(&self, part: Part) -> Option<Validating> {
        self.member(part.daemon)?.known()?;
        let validation = self.validate([part.desired.clone()]);
        Some(Validating { part, validation })
    }

    /// Makes FRR run a part that libyang finds valid: it costs what it changes, however much is in the store. `None` where that
    /// takes a look at the whole; then nothing was done.
    ///
    /// # Errors
    /// libyang's or FRR's words; everything that was done is undone.
    pub async fn commit_part(
        &mut self,
        validating: Validating,
        notes: &mut dyn Notes,
    ) -> Result<Option<Applied>, EngineError> {
        let Validating { part, validation } = validating;
        self.commit_objects(part, Some(validation), COMMIT_DEADLINE, notes).await
    }

    /// Like [`Engine::commit_part`], of what was judged before, within this time.
    ///
    /// # Errors
    /// As there.
    pub async fn commit_judged(
        &mut self,
        part: Part,
        within: Duration,
        notes: &mut dyn Notes,
    ) -> Result<Option<Applied>, EngineError> {
        self.commit_objects(part, None, within, notes).await
    }

    async fn commit_objects(
        &mut self,
        part: Part,
        validation: Option<Validation>,
        within: Duration,
        notes: &mut dyn Notes,
    ) -> Result<Option<Applied>, EngineError> {
        let (terms, keep) = (Cow::Owned(Terms::default()), Cow::Owned(Forest::new()));
        let mut commit = Commit::new(Scope::Objects(part), terms, keep, Behind::Ends, within);
        // On the heap: the compiler bounds how deep futures are nested.
        let carried_out = Box::pin(self.commit(&mut commit, validation, notes)).await?;
        Ok((carried_out == Extent::Enough).then(|| commit.applied()))
    }

    /// Makes these daemons run `desired`, and nothing any more of what was last applied and is not in it. The others are not
    /// looked at. What runs is read and the plan made while libyang judges; nothing is changed before it has.
    ///
    /// A daemon that can't be reached is left for later, and said so; the others get their part.
    ///
    /// # Errors
    /// libyang's or FRR's words; everything that was done is undone.
    pub async fn commit_to(
        &mut self,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        terms: &Terms,
        validation: Validation,
        notes: &mut dyn Notes,
    ) -> Result<Applied, EngineError> {
        let (scope, keep) = (Scope::Daemons(daemons, desired), self.with_stuck(desired));
        let mut commit =
            Commit::new(scope, Cow::Borrowed(terms), keep, Behind::Ends, COMMIT_DEADLINE);
        Box::pin(self.commit(&mut commit, Some(validation), notes)).await?;
        Ok(commit.applied())
    }

    /// Like [`Engine::commit_to`], of what was judged before, and tries daemons again that could not be reached the last time.
    /// To wait for one that hangs is not for every call. Behind a refusal it goes on, and gathers them.
    ///
    /// # Errors
    /// As there, with all that was refused.
    pub async fn resynchronise(
        &mut self,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        terms: &Terms,
        notes: &mut dyn Notes,
    ) -> Result<Applied, Rejected> {
        self.forget_away();
        let (scope, keep) = (Scope::Daemons(daemons, desired), self.with_stuck(desired));
        let mut commit =
            Commit::new(scope, Cow::Borrowed(terms), keep, Behind::GoesOn, RESYNC_DEADLINE);
        match Box::pin(self.commit(&mut commit, None, notes)).await {
            Ok(_) => Ok(commit.applied()),
            Err(error) => Err(Rejected { error, refusals: commit.progress.refusals }),
        }
    }

    async fn commit(
        &mut self,
        commit: &mut Commit<'_>,
        validation: Option<Validation>,
        notes: &mut dyn Notes,
    ) -> Result<Extent, EngineError> {
        let begun = Instant::now();
        // Changes nothing, and libyang takes longer.
        let prepared = self.prepare(commit).await;
        if let Some(validation) = validation {
            validation.await?;
            self.observer.stage(Stage::Validate, Via::Agent, begun.elapsed(), 0);
        }
        self.forget_what_is_compared(commit);
        if let Extent::TakesTheWhole = prepared? {
            return Ok(Extent::TakesTheWhole);
        }
        commit.permits()?;
        failpoint::hit("engine-planned");
        if !self.is_still_free(commit).await {
            debug!("somebody has typed what is to be set");
            return Ok(Extent::TakesTheWhole);
        }
        // Before FRR is touched, so that whatever the agent dies in, the next one knows whose all of it is.
        let claims = self.claims(commit);
        let former = self.remembered_of(&claims);
        self.claim(notes, &claims).await?;
        commit.take_ours();
        if commit.is_repeated() {
            // Does FRR still have it?
            return Ok(self.still_has(commit).await);
        }
        match self.carry_out(commit).await {
            Ok(()) => self.accept(commit, notes).await,
            Err(Failure::Lost(daemon, why)) => self.leave_in_doubt(commit, daemon, why),
            Err(Failure::Refused(message, at)) => {
                self.undo(commit, &claims, &former, notes, message, at).await?;
            }
        }
        Ok(Extent::Enough)
    }

    /// Applies, confirms and reconciles.
    async fn carry_out(&mut self, commit: &mut Commit<'_>) -> Result<(), Failure> {
        self.ask_beforehand(commit).await?;
        for daemon in Daemon::ALL {
            let applied = self.apply_phase(commit, daemon, Phase::Set).await;
            commit.progress.goes_on(applied)?;
        }
        for daemon in Daemon::ALL.into_iter().rev() {
            let applied = self.apply_phase(commit, daemon, Phase::Remove).await;
            commit.progress.goes_on(applied)?;
        }
        for daemon in Daemon::ALL {
            let confirmed = self.confirm_share(commit, daemon).await;
            commit.progress.goes_on(confirmed)?;
        }
        failpoint::hit("engine-confirmed");
        commit.progress.so_far()?;
        for daemon in commit.daemons() {
            self.reconcile(commit, daemon).await?;
        }
        self.reconcile_sessions(commit).await
    }

    /// Brings together what a daemon runs and what those run that stand behind it.
    async fn reconcile(&mut self, commit: &mut Commit<'_>, daemon: Daemon) -> Result<(), Failure> {
        let none = Tree::new();
        let Some(member) = self.members.get_mut(&daemon) else { return Ok(()) };
        let wanted = commit.make(daemon).unwrap_or(&none);
        let unused = wanted.is_empty() && member.last.is_empty();
        if unused || commit.unreachable.contains_key(&daemon) {
            return Ok(());
        }
        let keep = commit.keep.get(&daemon).unwrap_or(&none);
        let reconciled = member.driver.reconcile(&member.last, keep, wanted);
        let not_shown = in_time(commit.by, daemon, reconciled).await?;
        self.refuse_not_shown(&mut commit.progress, daemon, not_shown)?;
        commit.progress.so_far()
    }

    /// A daemon was lost: it is not known how far it got, nor, since they were to be of a piece, the others. What is known is only
    /// read back from a daemon that answers again: the next resynchronisation does that, towards the same goal.
    fn leave_in_doubt(&mut self, commit: &mut Commit<'_>, daemon: Daemon, why: String) {
        self.count_as_ours(commit);
        let others: Vec<Daemon> =
            commit.changed().map(|(other, _)| other).filter(|other| *other != daemon).collect();
        for other in others {
            commit.unreachable.insert(other, format!("waits for {daemon}"));
        }
        warn!(%daemon, why, "lost while applying");
        if let Some(member) = self.members.get_mut(&daemon) {
            member.lose(why.clone());
        }
        commit.unreachable.insert(daemon, why);
    }

    /// Brings every daemon that was touched back to what it ran before: the inverses of what was
    /// carried out, the last first, and then a comparison with all that it showed before.
    ///
    /// # Errors
    /// Always: what was refused, and whether FRR is as it was.
    async fn undo(
        &mut self,
        commit: &Commit<'_>,
        claims: &Claims,
        former: &BTreeMap<Daemon, Remembered>,
        notes: &mut dyn Notes,
        message: String,
        at: Option<(Daemon, Path)>,
    ) -> Result<(), EngineError> {
        failpoint::hit("engine-undoing");
        if let Err(undo) = undone_in_time(self.undo_all(commit)).await {
            self.count_as_ours(commit);
            return Err(EngineError::NotUndone { message, undo });
        }
        failpoint::hit("engine-undone");
        self.disclaim(notes, claims, former).await;
        Err(EngineError::Refused { message, at })
    }

    async fn undo_all(&mut self, commit: &Commit<'_>) -> Result<(), String> {
        let mut failed = Vec::new();
        for (daemon, done) in commit.progress.done.iter().rev() {
            let Some((member, share)) = self.members.get_mut(daemon).zip(commit.shares.get(daemon))
            else {
                continue;
            };
            let begun = Instant::now();
            let mut ours = member.last.clone();
            commit.make(*daemon).into_iter().for_each(|made| ours.merge(made));
            let ran;
            let before = match &share.before {
                Some(snapshot) => Before::Snapshot(snapshot),
                None => {
                    let Some(known) = member.known() else {
                        failed.push("nothing known".to_owned());
                        continue;
                    };
                    let mut tree = member.last.clone();
                    tree.merge(&known.others.tree);
                    ran = tree;
                    Before::Meaning(&ran)
                }
            };
            let undone = member.driver.undo(&share.plan, done, before, &ours).await;
            failed.extend(undone.err());
            self.observer.stage(Stage::Undo, Via::of(*daemon), begun.elapsed(), 0);
        }
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }
}
