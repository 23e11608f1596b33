//! What is remembered of whose objects are: written before FRR is touched.

use std::{collections::BTreeMap, time::Duration};

use futures::{FutureExt, TryFutureExt, future::BoxFuture};

use super::{
    Engine, EngineError,
    candidate::{Commit, Scope, Share},
};
use crate::{
    commit::ownership::{
        Kept, Refusal,
        objects::{self, mark},
        unmade,
    },
    daemon::{Daemon, Forest},
    journal::{Claim, Claims, Gone, Remembered},
    tree::{Path, Tree, without},
};

/// Time after its start in which a daemon may still be given its start-up file: what it brings back of what was
/// taken away is taken away again. The shell of FRR's own start reads the file when all daemons run.
pub(super) const STARTING: Duration = Duration::from_secs(60);

/// Writes down whose objects are. What can't be written must not be sent.
pub trait Notes: Send {
    /// Has it on disk, or says why it is not.
    fn claim(&mut self, claims: Claims) -> BoxFuture<'_, Result<(), String>>;
}

impl Notes for crate::journal::Ledger {
    fn claim(&mut self, claims: Claims) -> BoxFuture<'_, Result<(), String>> {
        Self::claim(self, claims).map_err(|error| error.to_string()).boxed()
    }
}

/// Something declared that foreign configuration is in the way of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTheWay {
    /// Where it was to be.
    pub path: Path,
    /// The line in the way and what to do.
    pub message: String,
}

/// The objects in it, by marks.
fn marks_of(gone: &Gone) -> Gone {
    let mut tree = Tree::new();
    objects::each(&gone.tree, &mut |path, _| mark(&mut tree, path));
    Gone { incarnation: gone.incarnation, tree }
}

impl From<&Refusal> for InTheWay {
    fn from(refusal: &Refusal) -> Self {
        Self { path: refusal.path.clone(), message: refusal.message.clone() }
    }
}

impl Engine {
    /// Objects of ours that are no longer declared and stay, since they hold something foreign.
    pub fn kept(&self) -> impl Iterator<Item = (Daemon, &[Kept])> {
        let kept = self.members.iter().map(|(daemon, member)| (*daemon, &member.kept[..]));
        kept.filter(|(_, kept)| !kept.is_empty())
    }

    /// What is declared and not done, since foreign configuration is in the way.
    pub fn in_the_way(&self) -> impl Iterator<Item = (Daemon, &InTheWay)> {
        self.members
            .iter()
            .flat_map(|(daemon, member)| member.in_the_way.iter().map(move |it| (*daemon, it)))
    }

    /// What of this runs and is not ours, though it is as it is declared.
    pub fn not_ours(&self, desired: &Forest) -> Vec<(Daemon, String)> {
        let mut objects = Vec::new();
        for (daemon, member) in &self.members {
            let (Some(held), Some(desired)) = (&member.held, desired.get(daemon)) else { continue };
            for (path, _) in objects::marked(&held.theirs, desired) {
                let is = |it: &InTheWay| it.path == path;
                let seen = objects::is_seen(&held.theirs, &path);
                if seen && !member.in_the_way.iter().any(is) {
                    objects.push((*daemon, path.to_string()));
                }
            }
        }
        objects
    }

    /// What changes of what is remembered.
    pub(super) fn claims(&self, commit: &Commit<'_>) -> Claims {
        let touching = commit.changed().next().is_some();
        let mut claims = Claims { touching, ..Claims::default() };
        let (none, nothing) = (Tree::new(), Remembered::default());
        if let Scope::Daemons(_, desired) = commit.scope {
            for daemon in commit.unreachable.keys() {
                let held = self.held(*daemon).unwrap_or(&nothing);
                let ours = self.member(*daemon).map_or(&none, |member| &member.last);
                let desired = desired.get(daemon).unwrap_or(&none);
                let theirs = without(&unmade(desired, ours, &held.theirs), &held.theirs);
                claims.daemons.insert(*daemon, Claim { theirs, ..Claim::default() });
            }
        }
        for (daemon, share) in &commit.shares {
            claims.daemons.insert(*daemon, self.claim_of(commit, *daemon, share));
        }
        claims.daemons.retain(|_, claim| *claim != Claim::default());
        claims
    }

    fn claim_of(&self, commit: &Commit<'_>, daemon: Daemon, share: &Share) -> Claim {
        let nothing = Remembered::default();
        let held = self.held(daemon).unwrap_or(&nothing);
        let decided = &share.decided;
        let mut gone = Vec::new();
        if !decided.gone.is_empty() {
            gone.push(Gone { incarnation: share.incarnation, tree: decided.gone.clone() });
        }
        let freed = decided.freed.clone();
        if let Scope::Objects(_) = commit.scope {
            // What stood, and what is kept, takes a look at the whole.
            let theirs = without(&decided.theirs, &held.theirs);
            return Claim { theirs, freed, gone, ..Claim::default() };
        }
        // What is put back is theirs, whatever intents say of it that are not known to have ended.
        let mut theirs = decided.theirs.clone();
        theirs.merge(&decided.put_back);
        // What has returned is ours as well until it is gone.
        let mut kept = decided.returned.clone();
        decided.kept.iter().for_each(|it| it.add_to(&mut kept));
        Claim {
            theirs: without(&theirs, &held.theirs),
            freed: self.with_stale(commit, daemon, share, freed),
            kept: (kept != held.kept).then_some(kept),
            stood: (decided.stood != held.stood).then(|| decided.stood.clone()),
            gone,
            forgotten: share.forgotten.clone(),
        }
    }

    /// Adds marks of what is not declared any more, and has left `last` with an earlier commit.
    fn with_stale(
        &self,
        commit: &Commit<'_>,
        daemon: Daemon,
        share: &Share,
        mut freed: Tree,
    ) -> Tree {
        let (Some(member), true) = (self.member(daemon), commit.terms.clean) else { return freed };
        let Some(held) = &member.held else { return freed };
        let none = Tree::new();
        let wanted = commit.keep.get(&daemon).unwrap_or(&none);
        let stale = without(&held.theirs, &share.decided.theirs);
        let stale = without(&stale, &share.decided.freed);
        stale.for_each_leaf(&mut |mark, _| {
            let path = Path(mark.0[..mark.0.len() - 1].to_vec());
            if !member.last.contains(&path) && !wanted.contains(&path) {
                objects::mark_wholly(&mut freed, &path);
            }
        });
        freed
    }

    /// Has it written, and takes note of it.
    pub(super) async fn claim(
        &mut self,
        notes: &mut dyn Notes,
        claims: &Claims,
    ) -> Result<(), EngineError> {
        if claims.is_trivial() && !claims.touching {
            return Ok(());
        }
        let not_durable = |message| EngineError::NotDurable { message };
        notes.claim(claims.clone()).await.map_err(not_durable)?;
        for (daemon, claim) in &claims.daemons {
            if let Some(member) = self.members.get_mut(daemon) {
                member.held.get_or_insert_default().apply(claim);
            }
        }
        Ok(())
    }

    /// Takes back what was written for a commit that was undone.
    pub(super) async fn disclaim(
        &mut self,
        notes: &mut dyn Notes,
        claims: &Claims,
        former: &BTreeMap<Daemon, Remembered>,
    ) {
        let mut back = Claims::default();
        let nothing = Remembered::default();
        let all = |gone: &Gone| Gone { incarnation: gone.incarnation, tree: Tree::new() };
        for (daemon, claim) in &claims.daemons {
            let former = former.get(daemon).unwrap_or(&nothing);
            let now = self.held(*daemon).unwrap_or(&nothing);
            let undone = Claim {
                theirs: former.theirs.clone(),
                freed: claim.theirs.clone(),
                kept: claim.kept.as_ref().map(|_| former.kept.clone()),
                stood: claim.stood.as_ref().map(|_| former.stood.clone()),
                // What stays is no longer gone; where some was forgotten, all is as before.
                forgotten: match claim.forgotten.is_empty() {
                    true => claim.gone.iter().map(marks_of).collect(),
                    false => now.gone.iter().map(all).collect(),
                },
                gone: former.gone.clone(),
            };
            back.daemons.insert(*daemon, undone);
        }
        if let Err(error) = self.claim(notes, &back).await {
            tracing::error!(%error, "the journal takes more for taken over than is");
        }
    }

    /// What those of the daemons that are changed remember now, to be put back where the commit is undone.
    pub(super) fn remembered_of(&self, claims: &Claims) -> BTreeMap<Daemon, Remembered> {
        let of = |(daemon, claim): (&Daemon, &Claim)| {
            let held = self.held(*daemon)?;
            let mut former = Remembered::default();
            (former.kept, former.stood) = (held.kept.clone(), held.stood.clone());
            // Of the marks that go, those that are there.
            claim.freed.for_each_leaf(&mut |mark, value| {
                if held.theirs.leaf(mark).is_some() {
                    former.theirs.set(mark, value);
                }
            });
            if !claim.forgotten.is_empty() {
                former.gone.clone_from(&held.gone);
            }
            Some((*daemon, former))
        };
        claims.daemons.iter().filter_map(of).collect()
    }

    /// What is remembered of whose a daemon's objects are.
    fn held(&self, daemon: Daemon) -> Option<&Remembered> {
        self.member(daemon)?.held.as_ref()
    }
}
