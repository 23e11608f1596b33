//! What is remembered of whose objects are: written before FRR is touched.

use std::{collections::BTreeMap, time::Duration};

use futures::{FutureExt, TryFutureExt, future::BoxFuture};
use tokio::time::Instant;

use super::{Engine, EngineError, prepare::Whose};
use crate::{
    commit::ownership::{
        Kept, Refusal,
        objects::{self, mark},
        unmade,
    },
    daemon::{Daemon, Forest},
    frr::vty::table::Running,
    journal::{Claim, Claims, Gone, Remembered},
    tree::{Tree, without},
};

/// Time after its start in which a daemon may still be given its start-up file: what it brings back of what was
/// taken away is taken away again. The shell of FRR's own start reads the file when all daemons run.
const STARTING: Duration = Duration::from_secs(60);

/// What a commit is asked for beyond what is desired.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// What the request declares: where something of somebody else's is in its way, nothing is done at all.
    pub asked: Forest,
    /// Whether what stands in its way is taken over.
    pub take_over: bool,
    /// Whether what stands as it is declared is ours again.
    pub take_back: bool,
    /// What goes with all that is in it.
    pub forced: Forest,
    /// Whether FRR has nothing of ours but what is declared, as far as the journal knows.
    pub clean: bool,
}

impl Scope {
    /// Whether nothing of what is asked for has something of somebody else's in its way.
    pub(super) fn permits(&self, decided: &BTreeMap<Daemon, Whose>) -> Result<(), EngineError> {
        if self.take_back {
            return Ok(());
        }
        let mut first = None;
        let mut messages: Vec<String> = Vec::new();
        for (daemon, whose) in decided {
            let Some(asked) = self.asked.get(daemon) else { continue };
            for refusal in &whose.decided.refusals {
                if asked.contains(&refusal.path) && !messages.contains(&refusal.message) {
                    first.get_or_insert_with(|| (*daemon, refusal.path.clone()));
                    messages.push(refusal.message.clone());
                }
            }
        }
        match first {
            None => Ok(()),
            Some(at) => Err(EngineError::Refused { message: messages.join("; "), at: Some(at) }),
        }
    }
}

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

/// Something declared that somebody else's configuration is in the way of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTheWay {
    /// Where it was to be.
    pub path: crate::tree::Path,
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
    /// Objects of ours that are no longer declared and stay, since they hold something of somebody else's.
    pub fn kept(&self) -> &BTreeMap<Daemon, Vec<Kept>> {
        &self.kept
    }

    /// What is declared and not done, since somebody else's configuration is in the way.
    pub fn in_the_way(&self) -> &BTreeMap<Daemon, Vec<InTheWay>> {
        &self.in_the_way
    }

    /// What of this runs and is not ours, though it is as it is declared.
    pub fn not_ours(&self, desired: &Forest) -> Vec<(Daemon, String)> {
        let mut objects = Vec::new();
        for (daemon, held) in &self.held {
            let Some(desired) = desired.get(daemon) else { continue };
            let refused = self.in_the_way.get(daemon);
            for (path, _) in objects::marked(&held.theirs, desired) {
                let is = |it: &InTheWay| it.path == path;
                let seen = objects::is_seen(&held.theirs, &path);
                if seen && !refused.is_some_and(|all| all.iter().any(is)) {
                    objects.push((*daemon, path.to_string()));
                }
            }
        }
        objects
    }

    /// A number that another start of the daemon does not have.
    pub(super) fn incarnation(&self, daemon: Daemon) -> u64 {
        self.drivers.get(&daemon).map_or(0, |driver| driver.start().incarnation)
    }

    /// Whether this start of the daemon is so young that it may still be given its start-up file.
    pub(super) fn is_starting(&mut self, daemon: Daemon, incarnation: u64) -> bool {
        let seen = self.started.entry(daemon).or_insert((incarnation, Instant::now()));
        if seen.0 != incarnation {
            *seen = (incarnation, Instant::now());
        }
        let age = self.drivers.get(&daemon).and_then(|driver| driver.start().age);
        seen.1.elapsed() <= STARTING && age.is_none_or(|age| age <= STARTING)
    }

    /// Whether something was taken away from a daemon that has started anew since, and it is not over yet what its start-up
    /// file brings back.
    pub(super) fn awaits_start_up_file(&self) -> bool {
        self.held.iter().any(|(daemon, held)| {
            let now = self.incarnation(*daemon);
            held.gone.iter().any(|gone| gone.incarnation != now)
        })
    }

    /// What was taken away and is back since the daemon has started anew; and what need not be remembered any more.
    pub(super) fn judge_gone(
        &mut self,
        daemon: Daemon,
        incarnation: u64,
        running: &Running,
        desired: &Tree,
    ) -> (Tree, Vec<Gone>) {
        let (mut returned, mut forgotten) = (Tree::new(), Vec::new());
        let over = !self.is_starting(daemon, incarnation);
        let Some(held) = self.held.get(&daemon) else { return (returned, forgotten) };
        for gone in &held.gone {
            let mut judged = Tree::new();
            objects::each(&gone.tree, &mut |path, kind| {
                if !objects::stands(&running.tree, path, kind) {
                    return;
                }
                mark(&mut judged, path);
                let is = |tree: &Tree| {
                    let mut own = objects::own(tree, path, kind);
                    // Which profile it names follows from other intents, which may have ended before it.
                    own.put(&"bfd-options".into(), None);
                    own
                };
                let theirs = objects::is_marked(&held.theirs, path);
                // In the same start somebody typed it: it is theirs.
                if gone.incarnation != incarnation
                    && !theirs
                    && !objects::stands(desired, path, kind)
                    && is(&gone.tree) == is(&running.tree)
                {
                    let own = objects::own(&running.tree, path, kind);
                    objects::put(&mut returned, path, kind, &own);
                }
            });
            if !judged.is_empty() {
                forgotten.push(Gone { incarnation: gone.incarnation, tree: judged });
            }
            if gone.incarnation != incarnation && over {
                forgotten.push(Gone { incarnation: gone.incarnation, tree: Tree::new() });
            }
        }
        (returned, forgotten)
    }

    /// What changes of what is remembered.
    pub(super) fn claims(
        &self,
        decided: &BTreeMap<Daemon, Whose>,
        unreachable: &BTreeMap<Daemon, String>,
        desired: &Forest,
        keep: &Forest,
        clean: bool,
        touching: bool,
    ) -> Claims {
        let (none, nothing) = (Tree::new(), Remembered::default());
        let mut claims = Claims { touching, ..Claims::default() };
        for daemon in unreachable.keys() {
            let held = self.held.get(daemon).unwrap_or(&nothing);
            let (ours, desired) = (self.last.get(daemon), desired.get(daemon));
            let theirs = unmade(desired.unwrap_or(&none), ours.unwrap_or(&none), &held.theirs);
            let theirs = without(&theirs, &held.theirs);
            claims.daemons.insert(*daemon, Claim { theirs, ..Claim::default() });
        }
        for (daemon, whose) in decided {
            let held = self.held.get(daemon).unwrap_or(&nothing);
            let decided = &whose.decided;
            let mut freed = decided.freed.clone();
            if clean {
                // What is not declared any more, and has left `last` with an earlier commit.
                let ours = self.last.get(daemon).unwrap_or(&none);
                let wanted = keep.get(daemon).unwrap_or(&none);
                let mut stale = without(&held.theirs, &decided.theirs);
                stale = without(&stale, &decided.freed);
                stale.for_each_leaf(&mut |mark, _| {
                    let path = crate::tree::Path(mark.0[..mark.0.len() - 1].to_vec());
                    if !ours.contains(&path) && !wanted.contains(&path) {
                        objects::mark_wholly(&mut freed, &path);
                    }
                });
            }
            let mut gone = Vec::new();
            if !decided.gone.is_empty() {
                let (incarnation, tree) = (whose.incarnation, decided.gone.clone());
                gone.push(Gone { incarnation, tree });
            }
            // What is put back is theirs, whatever intents say of it that are not known to have ended.
            let mut theirs = decided.theirs.clone();
            theirs.merge(&decided.put_back);
            let theirs = without(&theirs, &held.theirs);
            // What has returned is ours as well until it is gone.
            let mut kept = decided.returned.clone();
            decided.kept.iter().for_each(|it| it.add_to(&mut kept));
            let claim = Claim {
                theirs,
                freed,
                kept: (kept != held.kept).then_some(kept),
                stood: (decided.stood != held.stood).then(|| decided.stood.clone()),
                gone,
                forgotten: whose.forgotten.clone(),
            };
            claims.daemons.insert(*daemon, claim);
        }
        claims.daemons.retain(|_, claim| *claim != Claim::default());
        claims
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
        let not_durable = |message| EngineError::Refused {
            message: format!("{message}; nothing was changed"),
            at: None,
        };
        notes.claim(claims.clone()).await.map_err(not_durable)?;
        for (daemon, claim) in &claims.daemons {
            self.held.entry(*daemon).or_default().apply(claim);
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
            let now = self.held.get(daemon).unwrap_or(&nothing);
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
            let held = self.held.get(daemon)?;
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
}
