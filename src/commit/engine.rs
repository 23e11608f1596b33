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
//! | `models` | daemons whose models can't be loaded |
//! | `roll` | which daemons answer |
//! | `outcome` | how a commit can end, and by when |

mod carry_out;
mod claims;
mod isolate;
mod judge;
mod live;
mod models;
mod outcome;
mod part;
mod prepare;
mod roll;
mod stuck;
mod whole;

use std::{collections::BTreeMap, path::Path as FilePath, sync::Arc, time::Duration};

use carry_out::Done;
pub use claims::{InTheWay, Notes, Scope};
use futures::{FutureExt, TryFutureExt, future::BoxFuture};
pub use outcome::{Applied, EngineError, Refusal};
use outcome::{
    COMMIT_DEADLINE, Failure, RESYNC_DEADLINE, in_time, mgmtd, mgmtd_failure, not_applied,
    undone_in_time,
};
use part::Known;
pub use part::{Judging, Part};
use prepare::{Before, Prepared};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Door as Way, NoObserver, Observer, Stage, ownership::Kept, plan::DaemonPlan};
use crate::{
    coverage::Revisions,
    daemon::{Daemon, Forest},
    frr::{
        door::{DaemonDriver, Door},
        gateway::Gateway,
        mgmtd::MgmtdDriver,
        vty::{Snapshot, live::Otherwise, table::Defaults},
    },
    journal::Remembered,
    render::Shapes,
    tree::{Path, Tree},
    yang::{Profile, Yang, YangError},
};

#[derive(Debug)]
struct VtyPart {
    driver: DaemonDriver,
    defaults: Defaults,
}

/// The drivers and what was last applied through them.
pub struct Engine {
    yang: Yang,
    yang_dir: std::path::PathBuf,
    socket_dir: std::path::PathBuf,
    profile: Profile,
    shapes: Shapes,
    vty: BTreeMap<Daemon, VtyPart>,
    mgmtd: MgmtdDriver,
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
    waiting: std::collections::BTreeSet<Daemon>,
    /// Which start of each daemon was seen last, and when first.
    started: BTreeMap<Daemon, (u64, Instant)>,
    /// Daemons that could not be reached when they were last tried, with why.
    away: BTreeMap<Daemon, String>,
    /// Those of them of which a model can't be loaded, with why.
    unusable: BTreeMap<Daemon, String>,
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
    /// Loads the models; nothing of FRR has to run yet.
    ///
    /// # Errors
    /// None of FRR's models can be loaded.
    pub async fn new(
        socket_dir: &FilePath,
        yang_dir: &FilePath,
        connect_timeout: Duration,
    ) -> Result<Self, YangError> {
        let profile = Profile::default();
        let yang = Yang::start(yang_dir, profile).await?;
        let shapes = yang.call(|schema| Shapes::of(schema)).await?;
        let mut engine = Self {
            yang,
            yang_dir: yang_dir.to_owned(),
            socket_dir: socket_dir.to_owned(),
            profile,
            shapes,
            vty: BTreeMap::new(),
            mgmtd: MgmtdDriver::new(socket_dir, connect_timeout),
            last: Forest::new(),
            held: BTreeMap::new(),
            kept: BTreeMap::new(),
            in_the_way: BTreeMap::new(),
            beside: None,
            waiting: std::collections::BTreeSet::new(),
            started: BTreeMap::new(),
            away: BTreeMap::new(),
            unusable: BTreeMap::new(),
            by: None,
            seen: BTreeMap::new(),
            known: BTreeMap::new(),
            gathers: false,
            refusals: Vec::new(),
            stuck: BTreeMap::new(),
            in_step: false,
            beyond_mending: Vec::new(),
            observer: Arc::new(NoObserver),
        };
        for daemon in Daemon::ALL {
            let socket = socket_dir.join(format!("{daemon}.vty"));
            if let Some(driver) = DaemonDriver::new(daemon, socket, connect_timeout) {
                engine.vty.insert(daemon, VtyPart { driver, defaults: Defaults::default() });
            }
        }
        engine.load_defaults().await?;
        engine.note_models();
        Ok(engine)
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

    /// Has it remember in the agent's state directory which daemons' own gRPC lies.
    pub fn remember_in(&mut self, state_dir: &FilePath) {
        self.mgmtd.remember_in(state_dir);
    }

    /// Has daemons' own gRPC take what it can.
    pub fn set_doors(&mut self, doors: &BTreeMap<Daemon, Door>) {
        for (daemon, door) in doors {
            match self.vty.get_mut(daemon) {
                Some(part) => part.driver.set_door(door.clone()),
                None => self.mgmtd.set_door(door.clone()),
            }
        }
    }

    /// Cancelled as soon as libyang's thread has panicked.
    pub fn libyang_crashed(&self) -> CancellationToken {
        self.yang.crashed()
    }

    /// Revisions of the models that are loaded.
    ///
    /// # Errors
    /// The thread of libyang is gone.
    pub async fn revisions(&self) -> Result<Revisions, YangError> {
        let modules = self.yang.call(|schema| schema.modules()).await?;
        let modules = modules.into_iter();
        Ok(modules.map(|(name, revision)| (name, revision.unwrap_or_default())).collect())
    }

    /// The gateway through which mgmtd is configured, to ask what mgmtd has.
    pub fn gateway(&self) -> Gateway {
        self.mgmtd.gateway()
    }

    /// How the models in use lay things out.
    pub fn shapes(&self) -> Shapes {
        self.shapes
    }

    /// Waits until a daemon hangs up, and says which. Cancel safe.
    pub async fn closed(&mut self) -> Daemon {
        let (mgmtd, vty) = (&mut self.mgmtd, &mut self.vty);
        let parts = vty.iter_mut().map(|(daemon, part)| {
            Box::pin(async move {
                part.driver.closed().await;
                *daemon
            })
        });
        tokio::select! {
            () = mgmtd.closed() => Daemon::Mgmtd,
            (daemon, ..) = futures::future::select_all(parts) => daemon,
        }
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

    async fn load_defaults(&mut self) -> Result<(), YangError> {
        for part in self.vty.values_mut() {
            let table = part.driver.table();
            part.defaults = self.yang.call(move |schema| table.defaults(schema)).await?;
        }
        Ok(())
    }
}
