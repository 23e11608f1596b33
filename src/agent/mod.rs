//! The agent: the parts of this crate, wired together.
//!
//! | file | owns |
//! |---|---|
//! | `adapters` | what one part asks of another, without the parts knowing each other |
//! | `apart` | threads for what computes for long |
//! | `cgroup` | the memory that it may use |
//! | `coverage` | daemons and doors asked what they have |
//! | `memory` | no core dump has what it holds |
//! | `reload` | another configuration while the agent runs |
//! | `transitions` | what the monitor saw → events |
//!
//! ```text
//!  clients ─▶ api ──requests──▶ commit actor ──▶ FRR
//!              ▲ view ◀───────────┘  │ events ─▶ bus ─▶ api streams
//!              └ snapshot ◀─ monitor ─transitions─▶ bus
//!  probes, Prometheus ─▶ telemetry::http ◀─ health, metrics
//! ```
//!
//! The monitor and the survey of coverage have a thread of their own: a table of 100,000 routes that they read holds up
//! neither an answer nor a commit.

mod adapters;
mod apart;
mod cgroup;
mod coverage;
mod memory;
mod reload;
mod transitions;

use std::{io, path::PathBuf, sync::Arc};

use tokio::{
    sync::{mpsc, watch},
    task::JoinError,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use self::memory::forbid_dumps;
use self::{
    adapters::{CommitMetrics, Owned},
    apart::Apart,
    reload::Reloader,
};
use crate::{
    api::{self, Api, BindError, Sessions},
    commit::{self, Actor, Engine},
    config::{Config, Source},
    events::Bus,
    frr::{door, vty::chain},
    journal::{Journal, JournalError},
    monitor::Monitor,
    policy::Capacity,
    telemetry::{GrpcMethod, Health, HttpError, HttpServer, LogControl, Metrics},
    yang::YangError,
};

/// Changes that the monitor saw and that wait to become events. It makes a handful a second at the
/// most; a restart of FRR makes two for each neighbour.
const TRANSITIONS: usize = 256;

/// Why the agent could not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// FRR's models.
    #[error("{}; is frr.yang_dir ({}) the YANG directory of the FRR in use?", .source, dir.display())]
    Yang {
        /// Where they were looked for.
        dir: PathBuf,
        /// What is wrong.
        source: YangError,
    },
    /// The gRPC socket.
    #[error("{}", chain(.0))]
    Socket(#[from] BindError),
    /// The port of metrics and health.
    #[error("{}; set metrics_address to a free port", chain(.0))]
    Http(#[from] HttpError),
    /// The state directory.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The gRPC server ended.
    #[error("the gRPC server failed: {}", chain(.0))]
    Server(#[from] tonic::transport::Error),
    /// All of ours was to leave FRR.
    #[error("what is ours could not be withdrawn from FRR: {0}")]
    NotWithdrawn(#[from] commit::LeaveError),
    /// A thread of the agent's own.
    #[error("a thread can't be started: {0}; raise the limit of processes (pids)")]
    Thread(io::Error),
    /// A task panicked.
    #[error("a part of the agent has crashed: {0}")]
    Crashed(#[from] JoinError),
}

/// What steers the agent from outside.
pub struct Control {
    /// Ends it when it is cancelled.
    pub stop: CancellationToken,
    /// Has it read its configuration again.
    pub reload: mpsc::Receiver<()>,
    /// Where the configuration comes from.
    pub source: Source,
    /// Changes what is logged.
    pub logs: LogControl,
    /// Whether all of ours leaves FRR at the end, whatever the configuration says.
    pub withdraw_on_exit: bool,
}

/// Runs the agent until it is stopped: then no new call is taken, the commit under way is
/// finished, and what FRR runs stays, or, where that is asked for, is withdrawn.
///
/// # Errors
/// It can't start, or a part of it has failed.
pub async fn run(config: Config, control: Control) -> Result<(), AgentError> {
    let Control { stop, reload, source, logs, withdraw_on_exit } = control;
    let withdraw_on_exit = withdraw_on_exit || config.withdraw_on_exit;
    for warning in config.warnings() {
        warn!("{warning}");
    }
    let metrics = Arc::new(Metrics::new(config.owners.names().cloned()));
    let health = Arc::new(Health::default());
    // What can fail for good fails before FRR is touched.
    let http = HttpServer::bind(config.metrics_address).await?;
    let journal = Journal::open(&config.state_dir)?;
    let listener = api::Socket::open(&config.listen_socket).await?;
    let frr = &config.frr;
    let watching = Apart::start("monitor").map_err(AgentError::Thread)?;
    let engine = Engine::new(&frr.socket_dir, &frr.yang_dir, frr.connect_timeout).await;
    let yang_error = |source| AgentError::Yang { dir: frr.yang_dir.clone(), source };
    let mut engine = engine.map_err(yang_error)?;
    let loaded = engine.revisions().await.map_err(yang_error)?;
    let doors = door::open(&frr.grpc, &loaded);
    engine.set_doors(&doors);

    let bus = Bus::new(metrics.clone());
    let gateway = engine.gateway();
    let (publish_policies, policies) = watch::channel(Arc::new(config.owners.policies()));
    let memory = cgroup::memory_limit();
    info!(bytes = ?memory, "the memory that the agent may use");
    let capacity = memory.map(Capacity::of);
    let (commit, actor) = Actor::new(commit::Parts {
        engine,
        policies,
        events: bus.clone(),
        observer: Arc::new(CommitMetrics::new(metrics.clone(), health.clone())),
        retry_interval: frr.retry_interval,
        journal,
        configured: config.bgp.configured(),
        withdraw_on_exit,
        capacity,
    })?;
    // The parts stop in this order: calls, commits, what watches.
    let (commits_end, watching_ends) = (CancellationToken::new(), CancellationToken::new());
    let actor = tokio::spawn(actor.run(stop.clone(), commits_end.clone()));
    let (seen, transitions) = mpsc::channel(TRANSITIONS);
    let monitor = {
        let _there = watching.handle().enter();
        Monitor::start(frr, seen, metrics.clone(), watching_ends.clone())
    };
    let telling = watching.handle().spawn(transitions::tell(
        transitions,
        commit.clone(),
        bus.clone(),
        monitor.status.clone(),
        health.clone(),
    ));
    let (tell_coverage, coverage) = watch::channel(Arc::default());
    let survey = coverage::Parts {
        loaded,
        doors,
        gateway,
        socket_dir: frr.socket_dir.clone(),
        status: monitor.status.follow(),
        metrics: metrics.clone(),
        bus: bus.clone(),
    };
    let survey =
        watching.handle().spawn(coverage::survey(survey, tell_coverage, watching_ends.clone()));
    info!(address = %http.local_addr(), "serving metrics and health");
    let http = tokio::spawn(http.serve(metrics.clone(), health, watching_ends.clone()));

    let directory = Arc::new(Owned::new(&config));
    let sessions =
        Sessions::new(commit.clone(), directory.clone(), bus.clone(), stop.child_token());
    // Owners whose intents survived have the grace period to come back.
    sessions.expect_absent_owners();
    let reloader = Reloader {
        source,
        logs,
        commit: commit.clone(),
        policies: publish_policies,
        directory: directory.clone(),
        sessions: sessions.clone(),
        metrics: metrics.clone(),
        running: config.clone(),
    };
    let reloading = tokio::spawn(reloader.run(reload, stop.child_token()));
    let counted = (metrics.clone(), sessions.clone());
    let api = Api::new(api::Parts {
        commit,
        directory,
        sessions,
        bus,
        status: monitor.status,
        coverage,
        observe: Arc::new(move |method, took, _| {
            let (metrics, sessions) = &counted;
            if let Some(method) = GrpcMethod::named(method) {
                metrics.grpc_request(method, took);
            }
            metrics.set_registered_owners(sessions.registered());
        }),
        shutdown: stop.child_token(),
    });
    info!(socket = %config.listen_socket.display(), "serving clients");
    let mut ended = None;
    let mut actor = actor;
    let serving = api::serve(listener, api);
    tokio::pin!(serving);
    let served = tokio::select! {
        served = &mut serving => served,
        crashed = &mut actor => {
            ended = Some(crashed);
            // Where it was asked to stop, who waits for a commit that was cut off is told so.
            if stop.is_cancelled() { serving.await } else { Ok(()) }
        }
    };
    match withdraw_on_exit {
        true => info!("stopping; what is ours is withdrawn from FRR"),
        false => info!("stopping; what FRR runs stays"),
    }
    // Where the actor has crashed nobody has asked to stop.
    stop.cancel();
    reloading.await?;
    let ended = match ended {
        Some(ended) => ended,
        None => {
            commits_end.cancel();
            actor.await
        }
    };
    watching_ends.cancel();
    monitor.task.await?;
    telling.await?;
    survey.await?;
    http.await?;
    served?;
    ended??;
    Ok(())
}
