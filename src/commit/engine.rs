//! Brings FRR from what it runs to what is desired, all or nothing, and proves it.
//!
//! Owns the drivers and what was last applied. Knows trees, not intents. **Begin with `pipeline`**: it is a commit from the
//! candidate to the answer.
//!
//! | file | owns |
//! |---|---|
//! | `pipeline` | candidate → validate → prepare → claim → apply → confirm → reconcile, or undo |
//! | `candidate` | what is asked for, and what a commit knows: a value that is passed |
//! | `member` | one daemon: whether it is reached, what of ours it runs, what beside that |
//! | `prepare` | what daemons run is read, and planned |
//! | `part` | a part of what is desired, planned from what is known |
//! | `send` | what is sent to a daemon, and read back |
//! | `isolate` | what is refused, object by object, where all is brought back |
//! | `live` | bfdd's sessions as they run |
//! | `accept` | what is known once a commit is over |
//! | `claims` | what is remembered of whose objects are |
//! | `stuck` | objects that go, and that FRR refuses to lose |
//! | `in_step` | whether FRR still runs what it was brought to |
//! | `preview` | what would be done |
//! | `roll` | which daemons answer |
//! | `outcome` | how a commit can end, and by when |

mod accept;
mod candidate;
mod claims;
mod in_step;
mod isolate;
mod live;
mod member;
mod outcome;
mod part;
mod pipeline;
mod prepare;
mod preview;
mod roll;
mod send;
mod stuck;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub use candidate::{Part, SLICE, Terms, Validation};
pub use claims::{InTheWay, Notes};
use futures::{FutureExt, TryFutureExt};
use member::Member;
pub use outcome::{Applied, EngineError, Refusal, Rejected};
pub(super) use outcome::{COMMIT_DEADLINE, UNDO_DEADLINE};
use outcome::{Failure, RESYNC_DEADLINE, in_time, undone_in_time};
pub use pipeline::Validating;

use super::{NoObserver, Observer, Stage, Via};
use crate::{
    daemon::{Daemon, Forest},
    frr::{driver::Driver, vty::live::Otherwise},
    journal::Remembered,
    render::Shapes,
    tree::Tree,
    yang::{Yang, YangError},
};

/// The drivers and what was last applied through them.
pub struct Engine {
    yang: Yang,
    /// Models that can't be loaded, each with why, as the observer was told last.
    missing: Arc<BTreeMap<String, String>>,
    shapes: Shapes,
    members: BTreeMap<Daemon, Member>,
    /// Sessions of bfdd that run otherwise than declared, and stayed so.
    beyond_mending: Vec<Otherwise>,
    observer: Arc<dyn Observer>,
}

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
            members: drivers.into_iter().map(|it| (it.daemon(), Member::new(it))).collect(),
            beyond_mending: Vec::new(),
            observer: Arc::new(NoObserver),
        }
    }

    /// Has bgpd wait this long for other sessions before it sends a new one its routes.
    pub fn set_coalesce_time(&mut self, time: Duration) {
        self.shapes.coalesce_time = Some(time);
    }

    /// Tells this observer of the stages of commits from now on.
    pub fn tell(&mut self, observer: Arc<dyn Observer>) {
        self.observer = observer;
    }

    /// Takes what a predecessor has applied for ours: it stays where it is desired, and goes
    /// where it is not. What is remembered of whose objects are comes from the journal too.
    pub fn adopt(&mut self, mut applied: Forest, mut remembered: BTreeMap<Daemon, Remembered>) {
        for (daemon, member) in &mut self.members {
            member.last = applied.remove(daemon).unwrap_or_default();
            member.held = remembered.remove(daemon);
        }
    }

    /// Why nothing can be configured in a daemon, where a model of it can't be loaded.
    pub fn unusable(&self, daemon: Daemon) -> Option<String> {
        self.member(daemon)?.driver.unusable()
    }

    /// How the models in use lay things out.
    pub fn shapes(&self) -> Shapes {
        self.shapes
    }

    /// Waits until a daemon hangs up, and says which. Cancel safe.
    pub async fn closed(&mut self) -> Daemon {
        let hung_up = self.members.iter_mut().map(|(daemon, member)| {
            Box::pin(async move {
                member.driver.closed().await;
                *daemon
            })
        });
        futures::future::select_all(hung_up).await.0
    }

    /// Has libyang judge trees before anything is sent. libyang begins at once, on its own thread.
    ///
    /// # Errors
    /// libyang's words and path.
    pub fn validate(&self, trees: impl IntoIterator<Item = Arc<Tree>>) -> Validation {
        let refused =
            |error| EngineError::Refused { message: format!("YANG validation: {error}"), at: None };
        self.yang.check(trees.into_iter().collect()).map_err(refused).boxed()
    }

    /// A commit was cut off: FRR may have any part of this, and all of it counts as ours.
    pub fn cut_off(&mut self, perhaps: &Forest) {
        for (daemon, tree) in perhaps {
            if let Some(member) = self.members.get_mut(daemon) {
                member.perhaps_has(tree);
            }
        }
    }

    /// Whether all that a daemon runs is known, so that a part can be planned without a look at the whole.
    pub fn knows(&self, daemon: Daemon) -> bool {
        self.member(daemon).is_some_and(|member| member.known().is_some())
    }

    fn member(&self, daemon: Daemon) -> Option<&Member> {
        self.members.get(&daemon)
    }

    fn member_mut(&mut self, daemon: Daemon) -> &mut Member {
        self.members.get_mut(&daemon).expect("an engine is given a driver for every daemon")
    }
}
