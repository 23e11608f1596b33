//! What is known once a commit is over: FRR has it, or it is not known how much of it.

use std::borrow::Cow;

use tracing::warn;

use super::{
    Engine, InTheWay, Notes,
    candidate::{Commit, Scope, Share},
    member::{Known, Member, Standing},
};
use crate::{
    frr::driver::Phase,
    journal::{Claim, Claims},
    tree::{Tree, advance, three_way},
};

impl Engine {
    /// What daemons run that are to be compared is not known until that is done.
    pub(super) fn forget_what_is_compared(&mut self, commit: &Commit<'_>) {
        let Scope::Daemons(daemons, _) = commit.scope else { return };
        for (_, member) in self.members.iter_mut().filter(|(it, _)| daemons.contains(it)) {
            member.doubt();
        }
    }

    /// It is not known how much of it FRR has.
    pub(super) fn count_as_ours(&mut self, commit: &Commit<'_>) {
        let none = Tree::new();
        for (daemon, share) in commit.changed() {
            let Some(member) = self.members.get_mut(&daemon) else { continue };
            member.perhaps_has(commit.make(daemon).unwrap_or(&none));
            if let Some(ours) = &share.decided.ours {
                member.perhaps_has(ours);
            }
        }
    }

    /// FRR has it.
    pub(super) async fn accept(&mut self, commit: &mut Commit<'_>, notes: &mut dyn Notes) {
        match &commit.scope {
            Scope::Objects(_) => self.accept_part(commit),
            Scope::Daemons(..) => self.accept_daemons(commit, notes).await,
        }
    }

    fn accept_part(&mut self, commit: &Commit<'_>) {
        let Scope::Objects(part) = &commit.scope else { return };
        let Some(member) = self.members.get_mut(&part.daemon) else { return };
        let none = Tree::new();
        let made = commit.make(part.daemon).unwrap_or(&none);
        advance(&mut member.last, &part.last, made, &part.keep, &|_| None);
        let plan = commit.shares.get(&part.daemon).map(|share| &share.plan);
        if let (Standing::Reached { known: Some(known), .. }, Some(plan)) =
            (&mut member.standing, plan)
        {
            known.changed(plan.len(Phase::Set), plan.len(Phase::Remove));
        }
    }

    async fn accept_daemons(&mut self, commit: &mut Commit<'_>, notes: &mut dyn Notes) {
        let Scope::Daemons(daemons, desired) = commit.scope else { return };
        let all_is_kept = matches!(commit.keep, Cow::Borrowed(_)) || *desired == *commit.keep;
        let mut done_with = Claims::default();
        let mut former = Vec::new();
        for daemon in daemons.iter().filter(|it| !commit.unreachable.contains_key(it)) {
            let Some(member) = self.members.get_mut(daemon) else { continue };
            let made = commit.make.remove(daemon);
            let made = made.and_then(std::sync::Arc::into_inner).unwrap_or_default();
            let keep = if all_is_kept { None } else { Some(commit.keep.get(daemon)) };
            let share = commit.shares.get_mut(daemon);
            let (claim, last) = member.accept(share, made, keep);
            if claim != Claim::default() {
                done_with.daemons.insert(*daemon, claim);
            }
            former.push(last);
        }
        // That it is put back is known once it is: until then it would be put back again.
        if let Err(error) = self.claim(notes, &done_with).await {
            warn!(%error, "the journal lacks that something was put back");
        }
        // To free what 10,000 routes took is 60 ms that nobody has to wait for.
        let shares = std::mem::take(&mut commit.shares);
        drop(tokio::task::spawn_blocking(move || drop((shares, former))));
    }
}

impl Member {
    /// It runs what was made, and what was kept. Gives what the journal has to learn, and what was ours before.
    fn accept(
        &mut self,
        share: Option<&mut Share>,
        made: Tree,
        keep: Option<Option<&Tree>>,
    ) -> (Claim, Tree) {
        let none = Tree::new();
        let last = std::mem::take(&mut self.last);
        let mut now = match keep {
            None => made,
            Some(keep) => {
                let known = share.as_ref().and_then(|share| share.decided.ours.as_ref());
                let ours = known.unwrap_or(&last);
                three_way(ours, ours, &made, keep.unwrap_or(&none), &|_| None)
            }
        };
        if keep.is_none() {
            self.kept.clear();
            self.in_the_way.clear();
        }
        self.waits = false;
        let mut claim = Claim::default();
        let (mut seen, mut postponed) = (None, false);
        if let Some(share) = share {
            let decided = &mut share.decided;
            self.waits = decided.waits;
            self.beside = Some(std::mem::take(&mut decided.beside));
            let mut kept = Tree::new();
            for it in &decided.kept {
                it.add_to(&mut now);
                it.add_to(&mut kept);
            }
            self.in_the_way.extend(decided.refusals.iter().map(InTheWay::from));
            if !decided.kept.is_empty() {
                self.kept = std::mem::take(&mut decided.kept);
            }
            // What was to be put back is, and what had returned is gone again.
            let held = self.held.as_ref().map(|held| &held.kept);
            let changed = held.unwrap_or(&none) != &kept;
            claim = Claim {
                stood: (decided.still_stood != decided.stood)
                    .then(|| std::mem::take(&mut decided.still_stood)),
                kept: changed.then_some(kept),
                ..Claim::default()
            };
            seen = share.after.take();
            postponed = share.plan.is_postponed();
        }
        if postponed {
            // What counts as ours is not there yet.
            self.doubt();
        } else if self.away().is_none() {
            let known = seen.map(|(connection, snapshot)| Known::new(connection, snapshot, &now));
            self.standing = Standing::Reached { in_step: keep.is_none(), known };
        }
        self.last = now;
        (claim, last)
    }
}
