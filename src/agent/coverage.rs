//! Asks daemons and transports what they have, and tells what came of it: rows, metrics, events.
//!
//! Reads only. A daemon is asked when it is first reached and after each of its restarts; a transport that is
//! down is tried again by its own back-off.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use tokio::{sync::watch, time::timeout};
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    coverage::{self, Answers, Grpc, Revisions, Row},
    daemon::Daemon,
    events::{Bus, Event},
    failpoint,
    frr::{
        gateway::Gateway,
        northbound::Northbound,
        retry::{Backoff, Retry},
        transport::{GrpcTransport, State},
        vty::{Session, chain},
    },
    monitor::{DaemonState, FrrStatus},
    telemetry::Metrics,
};

/// Longest wait for one daemon's answer: milliseconds in a daemon that is well, and no call waits for it.
const ANSWER: Duration = Duration::from_secs(5);

/// Longest pause between two attempts at a daemon that answers nothing of use.
const RETRY_CAP: Duration = Duration::from_secs(30);

/// How often daemons and transports are looked at: who has started, whose back-off is over. What the monitor
/// says changes many times a second, and hardly ever anything that counts here.
const LOOK: Duration = Duration::from_secs(1);

/// What the task is made of.
pub(super) struct Survey {
    /// Revisions of the models that are loaded.
    pub(super) loaded: Revisions,
    /// Models that can't be loaded, each with why.
    pub(super) missing: BTreeMap<String, String>,
    pub(super) transports: BTreeMap<Daemon, GrpcTransport>,
    pub(super) gateway: Gateway,
    pub(super) socket_dir: std::path::PathBuf,
    pub(super) status: watch::Receiver<Arc<FrrStatus>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) bus: Bus,
}

/// What one daemon has said, and of which of its lives.
#[derive(Default)]
struct Asked {
    generation: Option<u64>,
    announced: Option<Revisions>,
    /// Set while the last attempt failed.
    again: Option<(Backoff, tokio::time::Instant)>,
}

/// Asks and tells until `stop`.
pub(super) async fn survey(
    survey: Survey,
    rows: watch::Sender<Arc<Vec<Row>>>,
    stop: CancellationToken,
) {
    let mut asked: BTreeMap<Daemon, Asked> = BTreeMap::new();
    let mut quarantines: BTreeMap<Daemon, u64> = BTreeMap::new();
    let changes = survey
        .transports
        .values()
        .map(|transport| WatchStream::from_changes(transport.follow()).map(drop));
    let mut changes = pin!(futures::stream::select_all(changes));
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(()) = changes.next() => {}
            _ = look.tick() => {}
        }
        failpoint::die("survey");
        let status = survey.status.borrow().clone();
        let ask = ask_who_is_new(&survey, &status, &mut asked);
        if stop.run_until_cancelled(ask).await.is_none() {
            return;
        }
        for (daemon, transport) in &survey.transports {
            tell_quarantines(&survey, *daemon, transport, quarantines.entry(*daemon).or_default());
        }
        publish(&survey, &status, &asked, &rows);
    }
}

/// Asks daemons that are reached and were not asked since they started, and transports that may be tried.
async fn ask_who_is_new(survey: &Survey, status: &FrrStatus, asked: &mut BTreeMap<Daemon, Asked>) {
    for daemon in Daemon::ALL {
        let Some(DaemonState::Connected { generation, .. }) = status.daemons.get(&daemon) else {
            continue;
        };
        let known = asked.entry(daemon).or_default();
        if known.generation != Some(*generation) {
            *known = Asked { generation: Some(*generation), ..Asked::default() };
            if let Some(transport) = survey.transports.get(&daemon) {
                transport.ask_again().await;
            }
        }
        let due = known.again.as_ref().is_none_or(|(_, at)| *at <= tokio::time::Instant::now());
        if known.announced.is_none() && due {
            match ask(survey, daemon).await {
                Ok(announced) => {
                    debug!(%daemon, modules = announced.len(), "YANG modules announced");
                    known.announced = Some(announced);
                    known.again = None;
                }
                Err(error) => {
                    info!(%daemon, error, "the daemon does not say which YANG modules it has");
                    let backoff = known.again.take().map(|(backoff, _)| backoff);
                    let backoff = backoff.or_else(|| Retry::Later.backoff(RETRY_CAP));
                    known.again = backoff.map(|mut backoff| {
                        let pause = backoff.pause();
                        (backoff, tokio::time::Instant::now() + pause)
                    });
                }
            }
        }
        if let Some(transport) = survey.transports.get(&daemon) {
            transport.ready().await;
        }
    }
}

async fn ask(survey: &Survey, daemon: Daemon) -> Result<Revisions, String> {
    let answer = async {
        match daemon {
            Daemon::Mgmtd => {
                let northbound = Northbound::new(survey.gateway.service());
                let told = northbound.capabilities().await.map_err(|error| error.to_string())?;
                Ok(told.modules.into_iter().collect())
            }
            _ => modules_of(&survey.socket_dir, daemon).await,
        }
    };
    timeout(ANSWER, answer).await.unwrap_or_else(|_| Err(format!("no answer within {ANSWER:?}")))
}

async fn modules_of(socket_dir: &Path, daemon: Daemon) -> Result<Revisions, String> {
    let socket = socket_dir.join(format!("{daemon}.vty"));
    let session = Session::connect(&socket, ANSWER).await;
    let mut session = session.map_err(|error| chain(&error))?;
    let text = session.show("show yang module").await.map_err(|error| chain(&error))?;
    Ok(coverage::announced(&text))
}

/// each quarantine is told once, also where the transport is in use again already.
fn tell_quarantines(survey: &Survey, daemon: Daemon, transport: &GrpcTransport, told: &mut u64) {
    let facts = transport.facts();
    while *told < facts.quarantines {
        *told += 1;
        survey.metrics.transport_quarantined(daemon);
        let reason = facts.last_quarantine.clone();
        survey.bus.publish(Event::TransportQuarantined { daemon, transport: "grpc", reason });
    }
}

fn publish(
    survey: &Survey,
    status: &FrrStatus,
    asked: &BTreeMap<Daemon, Asked>,
    rows: &watch::Sender<Arc<Vec<Row>>>,
) {
    let answers = Daemon::ALL.into_iter().map(|daemon| {
        let down = match status.daemons.get(&daemon) {
            Some(DaemonState::Connected { .. }) => None,
            Some(DaemonState::Disconnected { reason }) => Some(reason.clone()),
            _ => Some("not connected yet".to_owned()),
        };
        let announced = asked.get(&daemon).and_then(|asked| asked.announced.clone());
        let grpc = survey.transports.get(&daemon).map(grpc);
        (daemon, Answers { down, announced, grpc })
    });
    let now = coverage::rows(&survey.loaded, &survey.missing, &answers.collect());
    if **rows.borrow() == now {
        return;
    }
    let mismatch = |rows: &[Row]| -> BTreeSet<String> {
        let wrong = rows.iter().filter(|row| row.is_mismatch());
        let words = wrong.map(|row| {
            let announced = row.announced.as_deref().unwrap_or_default();
            format!(
                "{} announces {} {announced} by {}, loaded is {}",
                row.daemon, row.module, row.transport, row.loaded
            )
        });
        words.collect()
    };
    let (before, wrong) = (mismatch(&rows.borrow()), mismatch(&now));
    for words in wrong.difference(&before) {
        warn!("{words}: is frr.yang_dir that of the FRR that runs?");
    }
    survey.metrics.set_coverage(&now);
    rows.send_replace(Arc::new(now));
}

fn grpc(transport: &GrpcTransport) -> Grpc {
    let facts = transport.facts();
    let quarantined = match &facts.state {
        State::Quarantined { why } => Some(why.clone()),
        _ => None,
    };
    Grpc {
        announced: facts.announced,
        down: facts.state.why_down().map(str::to_owned),
        quarantined,
    }
}
