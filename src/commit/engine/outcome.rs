//! How a commit can end, and by when.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, timeout, timeout_at};

use crate::{daemon::Daemon, frr::driver::DriverError, tree::Path};

/// Time that one commit has for all its steps: a client waits 30 s usually, and a refusal has to be
/// undone within that as well. Longer than one reply may take, so that it tells which daemon it was.
pub(in crate::commit) const COMMIT_DEADLINE: Duration = Duration::from_secs(15);

/// Time that undoing has then. It waits for daemons that have just answered.
pub(in crate::commit) const UNDO_DEADLINE: Duration = Duration::from_secs(10);

/// Time that a comparison with everything has: to fill mgmtd with 100,000 routes takes half a minute. The
/// agent counts as dead some time after this.
pub(super) const RESYNC_DEADLINE: Duration = Duration::from_secs(120);

/// Time that daemons have to say that they are there, all at once: whoever waits for a commit waits for one
/// that hangs. A bgpd that works through a full table can be silent for some seconds.
pub(super) const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

/// Why a daemon was left alone in the middle of a commit.
pub(super) const LATE: &str = "not done before the commit's deadline";

/// How a commit of the engine went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Commands and northbound edits that were sent.
    pub sent: usize,
    /// Daemons that could not be reached, each with why: their part is still to be done.
    pub unreachable: BTreeMap<Daemon, String>,
    /// Whether something is left for another commit: what brings many prefixes back goes in slices.
    pub postponed: bool,
}

/// Why nothing was changed, or what remains of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// libyang or FRR refused; FRR is as it was.
    #[error("{message}")]
    Refused {
        /// Their words.
        message: String,
        /// Which data is to blame, where that is known.
        at: Option<(Daemon, Path)>,
    },
    /// What is about to be sent can't be written down; FRR was not touched.
    #[error("{message}; nothing was changed")]
    NotDurable {
        /// Why.
        message: String,
    },
    /// Refused, and FRR could not be brought back.
    #[error("{message}; {undo}")]
    NotUndone {
        /// What was refused.
        message: String,
        /// Why it could not be undone.
        undo: String,
    },
}

/// One thing that FRR, or libyang, refused; several can be refused where all of FRR is brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In which words.
    pub message: String,
    /// Which daemon, and which of its data.
    pub at: (Daemon, Path),
}

/// Why all of FRR was not brought back.
#[derive(Debug)]
pub struct Rejected {
    /// How the commit ended.
    pub error: EngineError,
    /// All that was refused of it; empty where that is not known object by object.
    pub refusals: Vec<Refusal>,
}

/// Why a phase ended early.
pub(super) enum Failure {
    /// FRR said no, to this data where it is known.
    Refused(String, Option<(Daemon, Path)>),
    /// The daemon can't be asked.
    Lost(Daemon, String),
}

/// The step, unless the commit's deadline comes first. A step that is given up is in doubt: its session is
/// of no further use, and what the daemon runs is read anew.
pub(super) async fn in_time<T>(
    by: Instant,
    daemon: Daemon,
    step: impl Future<Output = Result<T, DriverError>>,
) -> Result<T, Failure> {
    let late = |_| Err(DriverError::Lost { why: LATE.to_owned() });
    let done = timeout_at(by, step).await.unwrap_or_else(late);
    done.map_err(|error| Failure::of(daemon, error))
}

/// The undoing, unless its own deadline comes first.
pub(super) async fn undone_in_time(
    undo: impl Future<Output = Result<(), String>>,
) -> Result<(), String> {
    let late = |_| Err(format!("not within {UNDO_DEADLINE:?}"));
    timeout(UNDO_DEADLINE, undo).await.unwrap_or_else(late)
}

impl Failure {
    /// A daemon's.
    pub(super) fn of(daemon: Daemon, error: DriverError) -> Self {
        match error {
            DriverError::Refused { message, at, .. } => {
                Self::Refused(message, at.map(|path| (daemon, path)))
            }
            DriverError::Lost { why } => Self::Lost(daemon, why),
        }
    }
}
