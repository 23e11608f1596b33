//! One task per daemon: connects, polls, and notices its end at once.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tracing::{debug, info, warn};

use super::{
    DaemonState, FrrStatus,
    poll::{Fact, Poll},
};
use crate::{
    config::FrrConfig,
    daemon::Daemon,
    failpoint,
    frr::vty::{Session, VtyError},
    protocol::bgp::state::{Router, version},
    telemetry::{Metrics, Protocol},
};

/// Time between two polls: a change is told well within a second of FRR's own. A poll
/// of bgpd with 10,000 prefixes takes it 0.1 ms.
const POLL: Duration = Duration::from_millis(250);

/// Pause between polls in times of what the last one took, so that a daemon is busy with them for two
/// hundredths of its time at the most.
const REST: u32 = 50;

/// Pause before the second attempt to reach a daemon: a restart takes about as long.
/// Doubles up to `frr.retry_interval`.
const FIRST_RETRY: Duration = Duration::from_millis(100);

/// What one poll of one daemon found.
#[derive(Debug)]
pub(super) struct Observation {
    pub(super) daemon: Daemon,
    pub(super) state: DaemonState,
    /// What stands where there is nothing of a kind stays as it was.
    pub(super) facts: Vec<Fact>,
}

impl Observation {
    /// Writes it into the snapshot.
    pub(super) fn apply(self, status: &mut FrrStatus) {
        for fact in self.facts {
            fact.apply(status);
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
    metrics: Arc<Metrics>,
) {
    let path = frr.socket_dir.join(format!("{}.vty", daemon.name()));
    let mut pause = FIRST_RETRY;
    let mut generation = 0;
    loop {
        if daemon == Daemon::Bfdd {
            failpoint::die("monitor-daemon");
        }
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
        let (state, facts) = (DaemonState::Disconnected { reason }, Fact::nothing_of(daemon));
        if report.send(Observation { daemon, state, facts }).await.is_err() {
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
        let mut rest = Duration::ZERO;
        let (version, started) = match self.identify().await {
            Ok(identity) => identity,
            Err(error) => return error,
        };
        let mut poll = Poll::of(self.daemon);
        let mut known = false;
        loop {
            tokio::select! {
                () = sleep(rest) => {}
                error = self.session.closed() => {
                    warn!(daemon = %self.daemon, %error, "a daemon of FRR is gone");
                    return error;
                }
            }
            let begun = Instant::now();
            let facts = match poll.facts(&mut self.session).await {
                Ok(facts) => facts,
                Err(error) => {
                    warn!(daemon = %self.daemon, %error, "a daemon of FRR does not answer");
                    return error;
                }
            };
            for unreadable in poll.unreadable() {
                self.metrics.monitoring_error(protocol(self.daemon));
                warn!(daemon = %self.daemon, error = unreadable, "an answer of FRR can't be read");
            }
            rest = POLL.max(begun.elapsed() * REST);
            if !known {
                known = true;
                *pause = FIRST_RETRY;
                info!(daemon = %self.daemon, "a daemon of FRR answers");
            }
            let state = DaemonState::Connected {
                version: version.clone(),
                generation: self.generation,
                // A clock that was set back makes it unknown.
                uptime: started.and_then(|started| started.elapsed().ok()),
            };
            if report.send(Observation { daemon: self.daemon, state, facts }).await.is_err() {
                return VtyError::Poisoned;
            }
        }
    }

    /// Its version, and when it started where it tells.
    async fn identify(&mut self) -> Result<(String, Option<SystemTime>), VtyError> {
        let text = self.session.show("show version").await?;
        let version = version(&text).unwrap_or("unknown").to_owned();
        Ok((version, self.started().await?))
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
pub(super) fn words(error: &VtyError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
