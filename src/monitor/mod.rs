//! Watches FRR: which daemons answer, and how the BGP neighbours are.
//!
//! May import `frr::vty`, `config` and `telemetry`; knows nothing of owners, events or
//! commits: what changed goes out as [`Transition`]s, what is goes out as a snapshot.
//!
//! | file | owns |
//! |---|---|
//! | `status` | what is known of FRR at one moment; pure |
//! | `bgp` | bgpd's JSON to neighbours; pure |
//! | `diff` | what changed between two moments; pure |
//! | `daemon` | one task per daemon: connect, poll, notice its end |
//!
//! ```text
//! one task per daemon ──observations──▶ fold ──▶ watch: Arc<FrrStatus>
//!                                         └diff─▶ mpsc: Transition
//! ```

mod bgp;
mod daemon;
mod diff;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use diff::{Transition, diff};
pub use status::{Daemon, DaemonState, FrrStatus, Neighbor};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use self::daemon::Observation;
use crate::{config::FrrConfig, telemetry::Metrics};

/// Observations that may wait: each daemon makes one a second and they are
/// folded in microseconds, so that this fills only while nobody takes transitions.
const OBSERVATIONS: usize = 32;

/// A running monitor.
#[derive(Debug)]
pub struct Monitor {
    /// What is known of FRR; replaced as a whole with each observation.
    pub status: watch::Receiver<Arc<FrrStatus>>,
    /// Ends after `stop`, once every connection is closed.
    pub task: JoinHandle<()>,
}

impl Monitor {
    /// Starts watching every daemon of [`Daemon::ALL`], until `stop`.
    ///
    /// Each change goes to `transitions`, after the snapshot that shows it. Whoever is slow to take
    /// them slows the monitor, and none is lost; with the receiver gone they are dropped.
    pub fn start(
        frr: &FrrConfig,
        transitions: mpsc::Sender<Transition>,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) -> Self {
        let (publish, status) = watch::channel(Arc::new(FrrStatus::default()));
        let (report, observations) = mpsc::channel(OBSERVATIONS);
        let mut watchers = JoinSet::new();
        for daemon in Daemon::ALL {
            watchers.spawn(daemon::watch(daemon, frr.clone(), report.clone(), metrics.clone()));
        }
        let task = tokio::spawn(async move {
            stop.run_until_cancelled(fold(observations, publish, transitions, metrics)).await;
            watchers.shutdown().await;
        });
        Self { status, task }
    }
}

/// Folds observations into the snapshot. Runs until the watchers are gone.
async fn fold(
    mut observations: mpsc::Receiver<Observation>,
    publish: watch::Sender<Arc<FrrStatus>>,
    transitions: mpsc::Sender<Transition>,
    metrics: Arc<Metrics>,
) {
    while let Some(observation) = observations.recv().await {
        let before = publish.borrow().clone();
        let mut after = FrrStatus::clone(&before);
        observation.apply(&mut after);
        let changes = diff(&before, &after);
        metrics.set_frr_connected(after.frr().is_ok());
        publish.send_replace(Arc::new(after));
        for change in changes {
            // The receiver is gone when the agent stops; then nobody wants to know.
            let _ = transitions.send(change).await;
        }
    }
}
