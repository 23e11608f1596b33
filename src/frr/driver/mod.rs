//! What the engine asks of one daemon of FRR, whatever transport leads to it: [`Driver`].
//!
//! | file | owns |
//! |---|---|
//! | `mod` | the trait and the values that it takes and gives |
//! | `plan` | what is sent to one daemon; pure |
//! | `cut` | what of long lists is planned; pure |
//! | `models` | daemons whose YANG models can't all be loaded |
//! | `connect` | the drivers of a real FRR |

mod connect;
mod cut;
mod models;
mod plan;

use std::time::Duration;

use futures::future::BoxFuture;

pub use connect::{Connection, drivers};
pub(super) use models::unusable;
pub use plan::{DaemonPlan, Phase, Target, Unplannable, VtyPlan, plan_commands};

use super::vty::{
    Question, Snapshot,
    live::{Otherwise, Wanted},
    table::Running,
};
use crate::{
    daemon::Daemon,
    tree::{Path, Tree},
};

/// Drives one daemon: reads what it runs, plans, applies, confirms, undoes.
///
/// Cancel safety: none of the calls that change something. A call that is dropped leaves its connection in doubt: the driver
/// does not use it again, and what the daemon runs is read anew.
pub trait Driver: Send + Sync {
    /// Which daemon.
    fn daemon(&self) -> Daemon;

    /// Why nothing can be configured in it with the models that are loaded.
    fn unusable(&self) -> Option<String> {
        None
    }

    /// Number of the connection: as long as it stays, the daemon was not restarted and all that it runs can be known. `None`
    /// where there is none, or where it does not tell.
    fn connection(&self) -> Option<u64>;

    /// Which start of the daemon it is.
    fn start(&self) -> Start;

    /// Waits until the daemon hangs up, as it does when it stops; for ever where there is no connection. Cancel safe.
    fn closed(&mut self) -> BoxFuture<'_, ()>;

    /// Whether the daemon answers, on a new connection where it was restarted.
    ///
    /// # Errors
    /// It does not, within this time.
    fn answers(&mut self, within: Duration) -> BoxFuture<'_, Result<(), DriverError>>;

    /// Whether some of a plan would go through the daemon's own gRPC now.
    fn has_grpc(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(async { false })
    }

    /// Reads all that the daemon runs.
    ///
    /// # Errors
    /// It can't be asked, or its models can't be loaded.
    fn read(&mut self) -> BoxFuture<'_, Result<Snapshot, DriverError>>;

    /// The text of all that the daemon runs, without making a tree of it; `None` where there is nothing cheaper than
    /// [`Driver::read`].
    ///
    /// # Errors
    /// It can't be asked.
    fn text(&mut self) -> BoxFuture<'_, Result<Option<String>, DriverError>> {
        Box::pin(async { Ok(None) })
    }

    /// What such a text means.
    fn parse(&self, _text: &str) -> Running {
        Running::default()
    }

    /// Is told what was read, what was applied last and what is wanted, where a daemon stands behind this one that may run
    /// something else.
    fn compare(&mut self, _running: &Tree, _last: &Tree, _wanted: &Tree) {}

    /// What leads from what runs to the goal, each step with its inverse. Pure.
    ///
    /// # Errors
    /// Data that nothing stands for, or something foreign in the way.
    fn plan(&self, target: Target<'_>) -> Result<DaemonPlan, Unplannable>;

    /// Asks the daemon whether it would take a plan, as far as it can be asked. Changes nothing.
    ///
    /// # Errors
    /// FRR's words.
    fn validate<'a>(&'a mut self, plan: &'a DaemonPlan) -> BoxFuture<'a, Result<(), DriverError>>;

    /// Sends one phase of a plan, until something is refused. Where it costs no round trip, the questions are asked behind it.
    ///
    /// # Errors
    /// FRR's words, with what was carried out until then.
    fn apply<'a>(
        &'a mut self,
        plan: &'a DaemonPlan,
        phase: Phase,
        questions: Option<&'a [Question]>,
    ) -> BoxFuture<'a, Result<Proven, DriverError>>;

    /// Whether the daemon's answers are those that are wanted.
    ///
    /// # Errors
    /// It can't be asked.
    fn proves<'a>(
        &'a mut self,
        questions: &'a [Question],
    ) -> BoxFuture<'a, Result<bool, DriverError>>;

    /// Reads back what a plan has made, from the daemon that executes it.
    ///
    /// # Errors
    /// It can't be asked.
    fn confirm<'a>(
        &'a mut self,
        plan: &'a DaemonPlan,
        proof: Proof<'a>,
    ) -> BoxFuture<'a, Result<Confirmed, DriverError>>;

    /// Takes back what of a plan was `done`, the last first, and compares all with what ran before. Of what is `ours` it takes
    /// away what was not there; never anything else.
    ///
    /// # Errors
    /// What still differs, or why nothing can be done.
    fn undo<'a>(
        &'a mut self,
        plan: &'a DaemonPlan,
        done: &'a [usize],
        before: Before<'a>,
        ours: &'a Tree,
    ) -> BoxFuture<'a, Result<(), String>>;

    /// Brings a daemon that stands behind this one to what this one runs, where they may have come apart: what of `last` is
    /// not in `keep` goes, all of `wanted` is shown. Gives what it refuses.
    ///
    /// # Errors
    /// It can't be asked.
    fn reconcile<'a>(
        &'a mut self,
        _last: &'a Tree,
        _keep: &'a Tree,
        _wanted: &'a Tree,
    ) -> BoxFuture<'a, Result<Vec<NotShown>, DriverError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Which of these BFD sessions the daemon runs otherwise.
    ///
    /// # Errors
    /// It can't be asked.
    fn sessions<'a>(
        &'a mut self,
        _wanted: &'a [Wanted],
    ) -> BoxFuture<'a, Result<Vec<Otherwise>, DriverError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Gives sessions their timers, as far as that can be done.
    ///
    /// # Errors
    /// It can't be asked.
    fn mend<'a>(&'a mut self, _wrong: &'a [Otherwise]) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Which start of a daemon it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Start {
    /// A number that another start does not have; 0 where the daemon is not there.
    pub incarnation: u64,
    /// How long ago it was, where that is known.
    pub age: Option<Duration>,
}

/// Why a daemon did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// It refused.
    #[error("{message}")]
    Refused {
        /// In which words.
        message: String,
        /// Which data, where that is known.
        at: Option<Path>,
        /// Indexes of the steps of the plan that were carried out before, in their order.
        done: Vec<usize>,
    },
    /// It can't be asked; what was carried out is only known by reading back.
    #[error("{why}")]
    Lost {
        /// What happened.
        why: String,
    },
}

impl DriverError {
    /// A refusal of nothing in particular.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused { message: message.into(), at: None, done: Vec::new() }
    }
}

/// Whether answers that were asked for behind a plan are those that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proven {
    /// All of them.
    Yes,
    /// Not all of them.
    No,
    /// Nothing was asked.
    NotAsked,
}

/// How a plan is proven.
#[derive(Debug, Clone, Copy)]
pub enum Proof<'a> {
    /// By all that the daemon runs.
    Whole,
    /// By asking for what was changed alone; where that does not prove it, by all.
    Questions(&'a [Question]),
    /// By looking for the lines in the text of all that the daemon runs; where that does not prove it, by all.
    Lines,
}

/// What was read back.
#[derive(Debug, Default)]
pub struct Confirmed {
    /// What the daemon does not show.
    pub not_shown: Vec<NotShown>,
    /// All that it runs, where that was read.
    pub seen: Option<Snapshot>,
}

/// Data that the daemon took and does not show as it was to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotShown {
    /// Where it is.
    pub path: Path,
    /// What the daemon shows instead.
    pub words: String,
}

/// What a daemon ran before.
#[derive(Debug, Clone, Copy)]
pub enum Before<'a> {
    /// As it was read.
    Snapshot(&'a Snapshot),
    /// What its words meant.
    Meaning(&'a Tree),
}

impl Before<'_> {
    /// What it meant.
    pub fn tree(&self) -> &Tree {
        match self {
            Self::Snapshot(snapshot) => &snapshot.running.tree,
            Self::Meaning(tree) => tree,
        }
    }
}
