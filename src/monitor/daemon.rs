//! One task per daemon: connects, polls, and notices its end at once.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep},
};
use tracing::{debug, info, warn};

use super::{
    DaemonState, FrrStatus, Neighbor,
    bgp::{self, Router},
};
use crate::{
    config::FrrConfig,
    daemon::Daemon,
    frr::vty::{ReturnCode, Session, VtyError},
    telemetry::{Metrics, Protocol},
};

/// Time between two polls: events come within a second of FRR's own, and the summary
/// costs bgpd about 5 ms.
const POLL: Duration = Duration::from_secs(1);

/// Pause before the second attempt to reach a daemon: a restart takes about as long.
/// Doubles up to `frr.retry_interval`.
const FIRST_RETRY: Duration = Duration::from_millis(100);

/// What one poll of one daemon found.
#[derive(Debug)]
pub(super) struct Observation {
    pub(super) daemon: Daemon,
    pub(super) state: DaemonState,
    /// bgpd's neighbours; `None` where this poll says nothing of them.
    pub(super) neighbors: Option<BTreeMap<IpAddr, Neighbor>>,
}

impl Observation {
    /// Writes it into the snapshot.
    pub(super) fn apply(self, status: &mut FrrStatus) {
        if let Some(neighbors) = self.neighbors {
            status.neighbors = neighbors;
        }
        status.daemons.insert(self.daemon, self.state);
    }
}

/// Watches a daemon until the receiver of its observations is gone, or the task is
/// aborted: it holds nothing that would be left behind.
pub(super) async fn watch(
    daemon: Daemon,
    frr: FrrConfig,
    report: mpsc::Sender<Observation>,
    metrics: std::sync::Arc<Metrics>,
) {
    let path = frr.socket_dir.join(format!("{}.vty", daemon.name()));
    let mut pause = FIRST_RETRY;
    let mut generation = 0;
    loop {
        let error = match Session::connect(&path, frr.connect_timeout).await {
            Ok(session) => {
                generation += 1;
                let mut connection = Connection { daemon, session, generation, metrics: &metrics };
                let error = connection.poll(&report, &mut pause).await;
                metrics.monitoring_error(protocol(daemon));
                error
            }
            Err(error) => error,
        };
        let reason = words(&error);
        debug!(%daemon, reason, "a daemon can't be watched");
        let neighbors = (daemon == Daemon::Bgpd).then(BTreeMap::new);
        let state = DaemonState::Disconnected { reason };
        if report.send(Observation { daemon, state, neighbors }).await.is_err() {
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(frr.retry_interval);
    }
}

/// One connection to one daemon.
struct Connection<'a> {
    daemon: Daemon,
    session: Session,
    generation: u64,
    metrics: &'a Metrics,
}

impl Connection<'_> {
    /// Polls until the connection ends. The first answer resets the pause between attempts.
    async fn poll(&mut self, report: &mpsc::Sender<Observation>, pause: &mut Duration) -> VtyError {
        let mut tick = interval(POLL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let started = match self.started().await {
            Ok(started) => started,
            Err(error) => return error,
        };
        let mut known = false;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                error = self.session.closed() => {
                    warn!(daemon = %self.daemon, %error, "a daemon of FRR is gone");
                    return error;
                }
            }
            let observation = match self.observe(started).await {
                Ok(observation) => observation,
                Err(error) => {
                    warn!(daemon = %self.daemon, %error, "a daemon of FRR does not answer");
                    return error;
                }
            };
            if !known {
                known = true;
                *pause = FIRST_RETRY;
                info!(daemon = %self.daemon, "a daemon of FRR answers");
            }
            if report.send(observation).await.is_err() {
                return VtyError::Poisoned;
            }
        }
    }

    /// When the daemon started; bgpd alone tells.
    async fn started(&mut self) -> Result<Option<SystemTime>, VtyError> {
        if self.daemon != Daemon::Bgpd {
            return Ok(None);
        }
        match self.session.show_json::<Router>("show bgp router json").await {
            Ok(router) => Ok(Some(UNIX_EPOCH + Duration::from_secs(router.bgp_started_at))),
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => {
                debug!(%error, "bgpd does not say when it started");
                Ok(None)
            }
        }
    }

    async fn observe(&mut self, started: Option<SystemTime>) -> Result<Observation, VtyError> {
        let text = self.session.show("show version").await?;
        let state = DaemonState::Connected {
            version: bgp::version(&text).unwrap_or("unknown").to_owned(),
            generation: self.generation,
            // A clock that was set back makes it unknown.
            uptime: started.and_then(|started| started.elapsed().ok()),
        };
        let neighbors = match self.daemon {
            Daemon::Bgpd => self.neighbors().await?,
            _ => None,
        };
        Ok(Observation { daemon: self.daemon, state, neighbors })
    }

    /// `None` where bgpd's answer can't be read: that says nothing about the neighbours.
    async fn neighbors(&mut self) -> Result<Option<BTreeMap<IpAddr, Neighbor>>, VtyError> {
        let reply = self.session.command("show bgp summary json").await?;
        // Without a BGP instance bgpd answers `{}` with a warning.
        let parsed = match reply.code {
            ReturnCode::Ok | ReturnCode::Warning => {
                bgp::neighbors(&reply.text).map_err(|error| error.to_string())
            }
            code => Err(format!("FRR answered {code}: {}", reply.message())),
        };
        match parsed {
            Ok(neighbors) => Ok(Some(neighbors)),
            Err(error) => {
                self.metrics.monitoring_error(Protocol::Bgp);
                warn!(error, "can't read bgpd's neighbours");
                Ok(None)
            }
        }
    }
}

fn protocol(daemon: Daemon) -> Protocol {
    match daemon {
        Daemon::Bgpd => Protocol::Bgp,
        Daemon::Bfdd => Protocol::Bfd,
        Daemon::Ospfd => Protocol::Ospf,
        Daemon::Mgmtd => Protocol::Frr,
    }
}

/// An error with what caused it, on one line.
fn words(error: &VtyError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
