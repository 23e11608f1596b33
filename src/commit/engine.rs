//! Brings FRR from what it runs to what is desired, all or nothing, and proves it.
//!
//! validate → read → plan → apply → confirm; after a refusal undo, the last step first. Owns the
//! drivers and what was last applied. Knows trees, not intents.
//!
//! | file | owns |
//! |---|---|
//! | `whole` | a commit of all that is desired |
//! | `part` | a commit that costs what it changes |
//! | `claims` | what is remembered of whose objects are |
//! | `prepare` | what is read and planned before anything is changed |
//! | `carry_out` | plans applied, confirmed, undone |
//! | `isolate` | what is refused, object by object, where all is brought back |
//! | `stuck` | objects that go, and that FRR refuses to lose |
//! | `live` | bfdd's sessions as they run |
//! | `judge` | what would be done, and what those say of it who can be asked beforehand |
//! | `roll` | which daemons answer |
//! | `outcome` | how a commit can end, and by when |

mod carry_out;
mod claims;
mod isolate;
mod judge;
mod live;
mod outcome;
mod part;
mod prepare;
mod roll;
mod stuck;
mod whole;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use carry_out::Done;
pub use claims::{InTheWay, Notes, Scope};
use futures::{FutureExt, TryFutureExt, future::BoxFuture};
pub use outcome::{Applied, EngineError, Refusal};
use outcome::{COMMIT_DEADLINE, Failure, RESYNC_DEADLINE, in_time, undone_in_time};
use part::Known;
pub use part::{Judging, Part};
use prepare::Prepared;
use tokio::time::Instant;

use super::{Door as Way, NoObserver, Observer, Stage, ownership::Kept, plan::DaemonPlan};
use crate::{
    daemon::{Daemon, Forest},
    frr::{
        driver::Driver,
        vty::{Snapshot, live::Otherwise},
    },
    journal::Remembered,
    render::Shapes,
    tree::{Path, Tree},
    yang::{Yang, YangError},
};

/// The drivers and what was last applied through them.
pub struct Engine {
    yang: Yang,
    /// Models that can't be loaded, each with why, as the observer was told last.
    missing: Arc<BTreeMap<String, String>>,
    shapes: Shapes,
    drivers: BTreeMap<Daemon, Box<dyn Driver>>,
    /// What of ours each daemon runs, as far as was confirmed.
    last: Forest,
    /// Whose objects are, as far as `last` does not tell; the same as in the journal.
    held: BTreeMap<Daemon, Remembered>,
    /// Objects of ours that could not go.
    kept: BTreeMap<Daemon, Vec<Kept>>,
    /// What is declared and not done, since somebody else's is in the way.
    in_the_way: BTreeMap<Daemon, Vec<InTheWay>>,
    /// What mgmtd ran where something declared is not ours.
    beside: Option<Tree>,
    /// Daemons that were not given back yet what somebody else has in their start-up files.
    waiting: BTreeSet<Daemon>,
    /// Which start of each daemon was seen last, and when first.
    started: BTreeMap<Daemon, (u64, Instant)>,
    /// Daemons that could not be reached when they were last tried, with why.
    away: BTreeMap<Daemon, String>,
    /// When the commit under way has to be over.
    by: Option<Instant>,
    /// What each daemon ran when it was read last, in the commit that is under way.
    seen: BTreeMap<Daemon, (u64, Snapshot)>,
    /// What each daemon runs beside what is ours, where all of it is known.
    known: BTreeMap<Daemon, Known>,
    /// Whether a refusal is noted, and what is behind it carried out all the same.
    gathers: bool,
    /// What was noted.
    refusals: Vec<Refusal>,
    /// What goes and FRR refuses to lose.
    stuck: BTreeMap<Daemon, Vec<Path>>,
    /// Whether FRR has all that was desired when the whole was committed last, and since.
    in_step: bool,
    /// Sessions of bfdd that run otherwise than declared, and stayed so.
    beyond_mending: Vec<Otherwise>,
    observer: Arc<dyn Observer>,
}

/// What libyang says of something, as soon as it has.
pub type Judged = BoxFuture<'static, Result<(), EngineError>>;

impl Engine {
    /// An engine with these drivers that has libyang judge.
    ///
    /// # Errors
    /// The thread of libyang is gone.
    pub async fn new(drivers: Vec<Box<dyn Driver>>, yang: Yang) -> Result<Self, YangError> {
        let shapes = yang.call(|schema| Shapes::of(schema)).await?;
        Ok(Self::with(drivers, yang, shapes))
    }

    /// An engine with these drivers, for models that lay things out like this.
    pub fn with(drivers: Vec<Box<dyn Driver>>, yang: Yang, shapes: Shapes) -> Self {
        Self {
            missing: yang.missing(),
            yang,
            shapes,
            drivers: drivers.into_iter().map(|driver| (driver.daemon(), driver)).collect(),
            last: Forest::new(),
            held: BTreeMap::new(),
            kept: BTreeMap::new(),
            in_the_way: BTreeMap::new(),
            beside: None,
            waiting: BTreeSet::new(),
            started: BTreeMap::new(),
            away: BTreeMap::new(),
            by: None,
            seen: BTreeMap::new(),
            known: BTreeMap::new(),
            gathers: false,
            refusals: Vec::new(),
            stuck: BTreeMap::new(),
            in_step: false,
            beyond_mending: Vec::new(),
            observer: Arc::new(NoObserver),
        }
    }

    /// Tells this observer of the stages of commits from now on.
    pub fn tell(&mut self, observer: Arc<dyn Observer>) {
        self.observer = observer;
    }

    /// Takes what a predecessor has applied for ours: it stays where it is desired, and goes
    /// where it is not. What is remembered of whose objects are comes from the journal too.
    pub fn adopt(&mut self, applied: Forest, remembered: BTreeMap<Daemon, Remembered>) {
        self.last = applied;
        self.held = remembered;
    }

    /// Why nothing can be configured in a daemon, where a model of it can't be loaded.
    pub fn unusable(&self, daemon: Daemon) -> Option<String> {
        self.drivers.get(&daemon)?.unusable()
    }

    /// How the models in use lay things out.
    pub fn shapes(&self) -> Shapes {
        self.shapes
    }

    /// Waits until a daemon hangs up, and says which. Cancel safe.
    pub async fn closed(&mut self) -> Daemon {
        let hung_up = self.drivers.iter_mut().map(|(daemon, driver)| {
            Box::pin(async move {
                driver.closed().await;
                *daemon
            })
        });
        futures::future::select_all(hung_up).await.0
    }

    /// Has libyang judge trees before anything is sent. libyang begins at once, on its own thread.
    ///
    /// # Errors
    /// libyang's words and path.
    pub fn validate(&self, trees: impl IntoIterator<Item = Arc<Tree>>) -> Judged {
        let refused =
            |error| EngineError::Refused { message: format!("YANG validation: {error}"), at: None };
        self.yang.check(trees.into_iter().collect()).map_err(refused).boxed()
    }

    /// A commit was cut off: FRR may have any part of this, and all of it counts as ours.
    pub fn cut_off(&mut self, perhaps: &Forest) {
        (self.by, self.gathers) = (None, false);
        for (daemon, tree) in perhaps {
            self.perhaps_ours(*daemon, tree);
        }
    }

    /// Nobody knows how much of it FRR has.
    fn perhaps_applied(
        &mut self,
        plans: &BTreeMap<Daemon, DaemonPlan>,
        desired: &Forest,
        decided: &BTreeMap<Daemon, prepare::Whose>,
    ) {
        for (daemon, wanted) in desired.iter().filter(|(daemon, _)| plans.contains_key(daemon)) {
            self.perhaps_ours(*daemon, wanted);
        }
        for (daemon, whose) in decided.iter().filter(|(daemon, _)| plans.contains_key(daemon)) {
            if let Some(ours) = &whose.decided.ours {
                self.perhaps_ours(*daemon, ours);
            }
        }
    }

    /// Nobody knows how much of it the daemon has: the whole is compared next, and all of it counts as
    /// ours from now on, so that it is taken away should it no longer be desired.
    fn perhaps_ours(&mut self, daemon: Daemon, desired: &Tree) {
        self.known.remove(&daemon);
        self.last.entry(daemon).or_default().merge(desired);
    }
}
