//! What the engine is asked to make FRR run, and what a commit of that knows.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::time::Instant;
use tracing::debug;

use super::{Applied, EngineError, Failure, Refusal};
use crate::{
    commit::plan::{DaemonPlan, Decided},
    daemon::{Daemon, Forest},
    frr::{
        driver::{Proof, Proven},
        vty::{Question, Snapshot},
    },
    journal::Gone,
    tree::{Path, Tree},
};

/// Prefixes that are sent at once: half a KiB each, so long. Tests have more slices.
pub const SLICE: usize = if cfg!(feature = "failpoints") { 500 } else { 10_000 };

/// What libyang says of a candidate, as soon as it has.
pub type Validation = BoxFuture<'static, Result<(), EngineError>>;

/// What a commit covers, and what shall be there then.
#[derive(Debug)]
pub(super) enum Scope<'a> {
    /// All that these daemons run. The others are not looked at.
    Daemons(&'a BTreeSet<Daemon>, &'a Forest),
    /// Some objects of one daemon. The rest is taken as it is known.
    Objects(Part),
}

/// A part of what one daemon shall run.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which daemon.
    pub daemon: Daemon,
    /// What the intents that change stood for.
    pub last: Tree,
    /// What they stand for now. Shared with libyang's thread while it is judged.
    pub desired: Arc<Tree>,
    /// What stays of `last`: all of `desired`, and what others use.
    pub keep: Tree,
}

/// What a commit is asked for beyond what is desired.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// What the request declares: where something foreign is in its way, nothing is done at all.
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

/// Whether what a commit covers is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// It is.
    Enough,
    /// It takes a look at the whole; nothing was done.
    TakesTheWhole,
}

/// What a commit does behind a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// It ends: a commit for a client is all or nothing.
    Ends,
    /// It goes on, and gathers refusals: one that brings FRR back is for many.
    GoesOn,
}

/// What a commit knows: what it is to do and by when, what was read and planned, and what was sent.
pub(super) struct Commit<'a> {
    pub(super) scope: Scope<'a>,
    pub(super) terms: Cow<'a, Terms>,
    /// When it has to be over.
    pub(super) by: Instant,
    /// All that is desired and all that is stuck: what stays.
    pub(super) keep: Cow<'a, Forest>,
    /// What of what is desired is ours to make.
    pub(super) make: BTreeMap<Daemon, Arc<Tree>>,
    /// What was read and planned, by daemon.
    pub(super) shares: BTreeMap<Daemon, Share>,
    /// Daemons that could not be reached, each with why.
    pub(super) unreachable: BTreeMap<Daemon, String>,
    /// How far it got.
    pub(super) progress: Progress,
}

/// How far a commit got.
pub(super) struct Progress {
    pub(super) behind: Behind,
    /// Commands and edits that were sent.
    pub(super) sent: usize,
    /// Steps that were carried out, by daemon and in their order; of edits, which are one transaction, that it was begun.
    pub(super) done: BTreeMap<Daemon, Vec<usize>>,
    /// What was refused, where it goes on behind that.
    pub(super) refusals: Vec<Refusal>,
    /// Daemons that were lost on the way, where it goes on with the others.
    pub(super) lost: BTreeMap<Daemon, String>,
    /// Whether something is left for another commit.
    pub(super) postponed: bool,
}

/// What a commit does in one daemon.
pub(super) struct Share {
    /// Empty where nothing differs.
    pub(super) plan: DaemonPlan,
    /// Whose what the daemon runs is. Its own plan is taken out of it.
    pub(super) decided: Decided,
    /// What the daemon ran before anything is changed; `None` where that is known without reading.
    pub(super) before: Option<Snapshot>,
    /// What it runs when all is done, where that was read, with the connection.
    pub(super) after: Option<(u64, Snapshot)>,
    /// How the plan is proven.
    pub(super) evidence: Evidence,
    /// What was proven behind what was sent.
    pub(super) proven: Proven,
    /// What of what was taken away is no longer remembered.
    pub(super) forgotten: Vec<Gone>,
    /// Which start of the daemon was read.
    pub(super) incarnation: u64,
}

/// A [`Proof`] that is owned.
#[derive(Debug)]
pub(super) enum Evidence {
    Whole,
    Questions(Vec<Question>),
    Lines,
}

impl Share {
    /// A plan that nothing was done of yet.
    pub(super) fn new(plan: DaemonPlan, decided: Decided) -> Self {
        Self {
            plan,
            decided,
            before: None,
            after: None,
            evidence: Evidence::Whole,
            proven: Proven::NotAsked,
            forgotten: Vec::new(),
            incarnation: 0,
        }
    }
}

impl Evidence {
    pub(super) fn as_proof(&self) -> Proof<'_> {
        match self {
            Self::Whole => Proof::Whole,
            Self::Questions(questions) => Proof::Questions(questions),
            Self::Lines => Proof::Lines,
        }
    }

    pub(super) fn questions(&self) -> Option<&[Question]> {
        match self {
            Self::Questions(questions) => Some(questions),
            Self::Whole | Self::Lines => None,
        }
    }
}

impl<'a> Commit<'a> {
    pub(super) fn new(
        scope: Scope<'a>,
        terms: Cow<'a, Terms>,
        keep: Cow<'a, Forest>,
        behind: Behind,
        within: Duration,
    ) -> Self {
        Self {
            scope,
            terms,
            by: Instant::now() + within,
            keep,
            make: BTreeMap::new(),
            shares: BTreeMap::new(),
            unreachable: BTreeMap::new(),
            progress: Progress {
                behind,
                sent: 0,
                done: BTreeMap::new(),
                refusals: Vec::new(),
                lost: BTreeMap::new(),
                postponed: false,
            },
        }
    }

    /// The daemons that it covers.
    pub(super) fn daemons(&self) -> BTreeSet<Daemon> {
        match &self.scope {
            Scope::Daemons(daemons, _) => (*daemons).clone(),
            Scope::Objects(part) => BTreeSet::from([part.daemon]),
        }
    }

    /// What of what is desired of a daemon is ours to make.
    pub(super) fn make(&self, daemon: Daemon) -> Option<&Tree> {
        self.make.get(&daemon).map(|tree| &**tree)
    }

    /// Daemons in which something changes.
    pub(super) fn changed(&self) -> impl DoubleEndedIterator<Item = (Daemon, &Share)> {
        let changed = self.shares.iter().filter(|(_, share)| !share.plan.is_empty());
        changed.map(|(daemon, share)| (*daemon, share))
    }

    /// Whether nothing of what is asked for has something foreign in its way.
    pub(super) fn permits(&self) -> Result<(), EngineError> {
        if self.terms.take_back {
            return Ok(());
        }
        let mut first = None;
        let mut messages: Vec<&str> = Vec::new();
        for (daemon, share) in &self.shares {
            let asked = self.terms.asked.get(daemon);
            for refusal in &share.decided.refusals {
                let is_asked = match &self.scope {
                    Scope::Daemons(..) => asked.is_some_and(|tree| tree.contains(&refusal.path)),
                    // What only takes away asks for nothing of what stays around it.
                    Scope::Objects(part) => !part.last.includes(&part.desired),
                };
                if is_asked && !messages.contains(&&*refusal.message) {
                    first.get_or_insert_with(|| (*daemon, refusal.path.clone()));
                    messages.push(&refusal.message);
                }
            }
        }
        match first {
            None => Ok(()),
            Some(at) => Err(EngineError::Refused { message: messages.join("; "), at: Some(at) }),
        }
    }

    /// From now on all that counts is what of it is ours to make.
    pub(super) fn take_ours(&mut self) {
        match &mut self.scope {
            Scope::Daemons(_, desired) => {
                for (daemon, all) in *desired {
                    let share = self.shares.get_mut(daemon);
                    let ours = share.and_then(|share| share.decided.desired.take());
                    self.make.insert(*daemon, Arc::new(ours.unwrap_or_else(|| all.clone())));
                }
            }
            Scope::Objects(part) => {
                let mut desired = part.desired.clone();
                if let Some(share) = self.shares.get_mut(&part.daemon) {
                    if let Some(ours) = share.decided.last.take() {
                        part.last = ours;
                    }
                    if let Some(ours) = share.decided.desired.take() {
                        desired = Arc::new(ours);
                    }
                }
                self.make.insert(part.daemon, desired);
            }
        }
    }

    /// Whether a part is asked for that is there already, as far as is known.
    pub(super) fn is_repeated(&self) -> bool {
        matches!(self.scope, Scope::Objects(_)) && self.changed().next().is_none()
    }

    /// What its caller is told.
    pub(super) fn applied(self) -> Applied {
        let Progress { sent, postponed, .. } = self.progress;
        Applied { sent, unreachable: self.unreachable, postponed }
    }
}

impl Progress {
    /// Takes note of a refusal.
    ///
    /// # Errors
    /// The commit ends with it.
    pub(super) fn refuse(&mut self, message: String, at: (Daemon, Path)) -> Result<(), Failure> {
        if self.behind == Behind::Ends {
            return Err(Failure::Refused(message, Some(at)));
        }
        debug!(daemon = %at.0, path = %at.1, message, "refused; the rest goes on");
        self.refusals.push(Refusal { message, at });
        Ok(())
    }

    /// Whether data of this daemon is, or is inside, what was refused.
    pub(super) fn is_refused(&self, daemon: Daemon, path: &Path) -> bool {
        let refused = |it: &Refusal| it.at.0 == daemon && path.starts_with(&it.at.1);
        self.refusals.iter().any(refused)
    }

    /// Whether it goes on behind what happened in a daemon: a commit for a client ends with a daemon that is lost, one for
    /// many goes on with the others.
    ///
    /// # Errors
    /// It ends.
    pub(super) fn goes_on(&mut self, result: Result<(), Failure>) -> Result<(), Failure> {
        match result {
            Err(Failure::Lost(daemon, why)) if self.behind == Behind::GoesOn => {
                self.lost.insert(daemon, why);
                Ok(())
            }
            result => result,
        }
    }

    /// How it has gone so far.
    ///
    /// # Errors
    /// The first refusal that was gathered, or a daemon that was lost.
    pub(super) fn so_far(&self) -> Result<(), Failure> {
        match (self.refusals.first(), self.lost.first_key_value()) {
            (Some(first), _) => {
                Err(Failure::Refused(first.message.clone(), Some(first.at.clone())))
            }
            (None, Some((daemon, why))) => Err(Failure::Lost(*daemon, why.clone())),
            (None, None) => Ok(()),
        }
    }
}
