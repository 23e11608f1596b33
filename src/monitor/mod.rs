//! Watches FRR: which daemons answer, BGP neighbours and what they are sent, BFD sessions, OSPF.
//!
//! What a daemon's JSON says is read in its protocol's room (`crate::protocol`).
//! Knows nothing of owners, events or commits: what changed goes out as [`Transition`]s, what is goes out as a snapshot.
//!
//! | file | owns |
//! |---|---|
//! | `status` | what is known of FRR at one moment; pure |
//! | `advertised` | what is advertised; bgpd's outbound tables; pure |
//! | `causes` | why sessions were lost, or do not come up |
//! | `diff` | what changed between two moments; pure |
//! | `daemon` | one task per daemon: connect, poll, notice its end |
//! | `looks` | questions that somebody asks now |
//! | `poll` | what each daemon is asked at each poll |
//! | `installed` | which of the declared static routes zebra has installed |
//!
//! ```text
//! one task per daemon ──observations──▶ fold ──▶ watch: Arc<FrrStatus>
//!                                         └diff─▶ mpsc: Transition
//! installed ──▶ watch: Installed
//! ```

mod advertised;
mod causes;
mod daemon;
mod diff;
mod installed;
mod looks;
mod poll;
mod status;
#[cfg(test)]
mod tests;

use std::{panic::resume_unwind, sync::Arc, time::Duration};

pub use advertised::Advertised;
pub use diff::{BfdChange, OspfChange, Transition, diff};
pub use installed::{Installed, StaticRoutes};
pub use looks::Looks;
pub use status::{DaemonState, FrrStatus};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use self::daemon::Observation;
pub use crate::protocol::{
    bfd::state::{BfdKey, BfdSession},
    bgp::{
        reset::{Causes, Notification, Reset},
        state::Neighbor,
    },
    ospf::state::{OspfInterface, OspfNeighbor},
};
use crate::{config::FrrConfig, daemon::Daemon, failpoint, telemetry::Metrics};

/// Observations that may wait: each daemon makes four a second and they are
/// folded in microseconds, so that this fills only while nobody takes transitions.
const OBSERVATIONS: usize = 32;

/// What the monitor knows; replaced as a whole with each observation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Snapshots {
    latest: watch::Receiver<Arc<FrrStatus>>,
    /// Where [`FrrStatus::heard`] counts from.
    started: Instant,
    looks: Looks,
}

impl Snapshots {
    /// Those that somebody sends, whose clock starts now.
    pub fn new(latest: watch::Receiver<Arc<FrrStatus>>) -> Self {
        Self { latest, started: Instant::now(), looks: Looks::new(None) }
    }

    /// The way to ask FRR for more.
    pub fn looks(&self) -> &Looks {
        &self.looks
    }

    /// Follows them: notified of each.
    pub fn follow(&self) -> watch::Receiver<Arc<FrrStatus>> {
        self.latest.clone()
    }

    /// What is known now. Answers at once, from memory.
    pub fn latest(&self) -> Arc<FrrStatus> {
        self.latest.borrow().clone()
    }

    /// Time since the daemon was last heard of that was not heard of for longest.
    pub fn age(&self, of: &FrrStatus) -> Duration {
        let oldest = of.heard.values().min().copied().unwrap_or_default();
        self.started.elapsed().saturating_sub(oldest)
    }
}

/// A running monitor.
#[derive(Debug)]
pub struct Monitor {
    /// What is known of FRR.
    pub status: Snapshots,
    /// Which of the declared static routes zebra has installed.
    pub installed: watch::Receiver<Installed>,
    /// Ends after `stop`, once every connection is closed.
    pub task: JoinHandle<()>,
}

impl Monitor {
    /// Starts watching every daemon of [`Daemon::ALL`], and zebra for static routes, until `stop`.
    ///
    /// Each change goes to `transitions`, after the snapshot that shows it. Whoever is slow to take
    /// them slows the monitor, and none is lost; with the receiver gone they are dropped.
    pub fn start(
        frr: &FrrConfig,
        static_routes: StaticRoutes,
        transitions: mpsc::Sender<Transition>,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) -> Self {
        let (publish, status) = watch::channel(Arc::new(FrrStatus::default()));
        let (report, observations) = mpsc::channel(OBSERVATIONS);
        let looks = Looks::new(Some(frr.socket_dir.clone()));
        let status = Snapshots { looks, ..Snapshots::new(status) };
        let started = status.started;
        let mut watchers = JoinSet::new();
        for daemon in Daemon::ALL {
            watchers.spawn(daemon::watch(daemon, frr.clone(), report.clone(), metrics.clone()));
        }
        let (publish_installed, installed) = watch::channel(Installed::default());
        watchers.spawn(installed::watch(frr.clone(), static_routes, publish_installed));
        let task = tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = fold(observations, publish, transitions, metrics, started) => {}
                // They end after this task, or by a panic, which then is this task's.
                ended = watchers.join_next() => {
                    if let Some(Err(error)) = ended && error.is_panic() {
                        resume_unwind(error.into_panic());
                    }
                }
            }
            watchers.shutdown().await;
        });
        Self { status, installed, task }
    }
}

/// Folds observations into the snapshot. Runs until the watchers are gone.
async fn fold(
    mut observations: mpsc::Receiver<Observation>,
    publish: watch::Sender<Arc<FrrStatus>>,
    transitions: mpsc::Sender<Transition>,
    metrics: Arc<Metrics>,
    started: Instant,
) {
    while let Some(observation) = observations.recv().await {
        failpoint::die("monitor");
        let before = publish.borrow().clone();
        let mut after = FrrStatus::clone(&before);
        after.heard.insert(observation.daemon, started.elapsed());
        observation.apply(&mut after);
        let changes = diff(&before, &after);
        metrics.set_frr_connected(after.frr().is_ok());
        let oldest = after.heard.values().min().copied().unwrap_or_default();
        metrics.snapshot_of(started + oldest);
        publish.send_replace(Arc::new(after));
        for change in changes {
            // The receiver is gone when the agent stops; then nobody wants to know.
            let _ = transitions.send(change).await;
        }
    }
}
