//! The agent: the parts of this crate, wired together.
//!
//! | file | owns |
//! |---|---|
//! | `adapters` | what one part asks of another, without the parts knowing each other |
//! | `apart` | threads for what computes for long |
//! | `cgroup` | the memory that it may use |
//! | `claim` | that no other agent drives this FRR |
//! | `coverage` | daemons and transports asked what they have |
//! | `memory` | no core dump has what it holds |
//! | `declared` | what metrics show of what is declared |
//! | `reload` | another configuration while the agent runs: asked for, or since its files changed |
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
mod claim;
mod coverage;
mod declared;
mod memory;
mod reload;
mod transitions;

use std::{
    io,
    panic::resume_unwind,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    task::JoinError,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::{
    adapters::{CommitMetrics, Owned},
    apart::Apart,
    claim::Claim,
    declared::Shown,
    reload::Reloader,
};
pub use self::{cgroup::memory_limit, claim::ClaimError, memory::forbid_dumps};
use crate::{
    api::{self, Api, BindError, Budget, Sessions},
    commit::{self, Actor, Engine, Observer},
    config::{Config, Source},
    coverage::Revisions,
    events::Bus,
    frr::{driver, gateway::Gateway, transport, vty::chain},
    journal::{Journal, JournalError},
    monitor::Monitor,
    policy::Capacity,
    supervise::{Death, Supervisor, Task},
    telemetry::{GrpcMethod, Health, HttpError, HttpServer, LogControl, Metrics},
    yang::{Profile, Yang, YangError},
};

/// Changes that the monitor saw and that wait to become events. It makes a handful a second at the
/// most; a restart of FRR makes two for each neighbour.
const TRANSITIONS: usize = 256;

/// Reloads by request that wait for the one under way: each reads the files as they are then, so that few make sense.
const RELOADS: usize = 4;

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
    /// Another agent drives this FRR.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// A part of the agent panicked, or ended before its time.
    #[error("{task} has died: {why}; FRR runs what it ran")]
    Died {
        /// Which part.
        task: &'static str,
        /// How.
        why: String,
    },
    /// A task was cancelled, which never happens.
    #[error("a part of the agent was cancelled: {0}")]
    Cancelled(#[from] JoinError),
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
    let withdraw_on_exit = Arc::new(AtomicBool::new(withdraw_on_exit || config.withdraw_on_exit));
    for warning in config.warnings() {
        warn!("{warning}");
    }
    let metrics = Arc::new(Metrics::new(config.owners.names().cloned()));
    let health = Arc::new(Health::default());
    // What can fail for good fails before FRR is touched.
    let http = HttpServer::bind(config.metrics_address).await?;
    let claim = Claim::take(&config.frr.socket_dir, &config.listen_socket)?;
    let state_dir = config.state_dir.clone();
    // Disk work is for threads that may wait.
    let journal = tokio::task::spawn_blocking(move || Journal::open(&state_dir)).await??;
    let listener = api::Socket::open(&config.listen_socket).await?;
    let frr = &config.frr;
    let watching = Apart::start("monitor").map_err(AgentError::Thread)?;
    let yang_error = |source| AgentError::Yang { dir: frr.yang_dir.clone(), source };
    let yang = Yang::start(&frr.yang_dir, Profile::default()).await.map_err(yang_error)?;
    let libyang_crashed = yang.crashed();
    let modules = yang.call(|schema| schema.modules()).await.map_err(yang_error)?;
    let modules = modules.into_iter();
    let loaded: Revisions =
        modules.map(|(name, revision)| (name, revision.unwrap_or_default())).collect();
    let observer = Arc::new(CommitMetrics::new(metrics.clone(), health.clone()));
    let missing = (*yang.missing()).clone();
    observer.models_missing(&missing);
    let transports = transport::open(&frr.grpc, &loaded);
    let gateway = Gateway::new(&frr.socket_dir);
    let connection = driver::Connection {
        socket_dir: &frr.socket_dir,
        connect_timeout: frr.connect_timeout,
        gateway: &gateway,
        transports: &transports,
        state_dir: &config.state_dir,
    };
    let drivers = driver::drivers(&connection, &yang).await.map_err(yang_error)?;
    let mut engine = Engine::new(drivers, yang).await.map_err(yang_error)?;
    engine.set_coalesce_time(config.bgp.coalesce_time);

    let bus = Bus::new(metrics.clone());
    let (publish_policies, policies) = watch::channel(Arc::new(config.owners.policies()));
    let memory = cgroup::memory_limit();
    info!(bytes = ?memory, "the memory that the agent may use");
    let capacity = memory.map(Capacity::of);
    let parts = commit::Parts {
        engine,
        policies,
        events: bus.clone(),
        observer,
        retry_interval: frr.retry_interval,
        journal,
        configured: config.configured(),
        withdraw_on_exit: withdraw_on_exit.clone(),
        capacity,
    };
    let (commit, actor) = tokio::task::spawn_blocking(move || Actor::new(parts)).await??;
    // The parts stop in this order: calls, commits, what watches.
    let (commits_end, watching_ends) = (CancellationToken::new(), CancellationToken::new());
    let (supervisor, mut deaths) = Supervisor::new();
    let (here, apart) = (Handle::current(), watching.handle());
    let actor = actor.run(stop.clone(), commits_end.clone());
    // Once it is asked to stop it ends when calls have ended, or cuts off what FRR does not let end.
    let actor = supervisor.spawn(&here, Task::Commits, &stop, actor);
    let mourner = supervisor.clone();
    let libyang = commits_end.clone().run_until_cancelled_owned(async move {
        libyang_crashed.cancelled().await;
        mourner.died(Task::Libyang, "its thread panicked");
    });
    drop(here.spawn(libyang));
    // Until the last commit is over, that of the end, too.
    let (mourner, ending) = (supervisor.clone(), watching_ends.clone());
    let claim = async move {
        if let Err(error) = claim.keep(ending.clone()).await {
            mourner.died(Task::Claim, &error.to_string());
            ending.cancelled().await;
        }
    };
    drop(supervisor.spawn(&here, Task::Claim, &watching_ends, claim));
    let (seen, transitions) = mpsc::channel(TRANSITIONS);
    let monitor = {
        let _there = apart.enter();
        let routes = declared::static_routes(commit.clone());
        Monitor::start(frr, routes, seen, metrics.clone(), watching_ends.clone())
    };
    let shown = Shown::new(commit.clone(), monitor.status.clone(), monitor.installed.clone());
    metrics.watch_declared(move || shown.now());
    let watched = async move {
        if let Err(error) = monitor.task.await
            && error.is_panic()
        {
            resume_unwind(error.into_panic());
        }
    };
    let watched = supervisor.spawn(apart, Task::Monitor, &watching_ends, watched);
    let telling = transitions::tell(
        transitions,
        commit.clone(),
        bus.clone(),
        monitor.status.clone(),
        health.clone(),
    );
    let telling = supervisor.spawn(apart, Task::Transitions, &watching_ends, telling);
    let (tell_coverage, coverage) = watch::channel(Arc::default());
    let survey = coverage::Survey {
        loaded,
        missing,
        transports,
        gateway,
        socket_dir: frr.socket_dir.clone(),
        status: monitor.status.follow(),
        metrics: metrics.clone(),
        bus: bus.clone(),
    };
    let survey = coverage::survey(survey, tell_coverage, watching_ends.clone());
    let survey = supervisor.spawn(apart, Task::Survey, &watching_ends, survey);
    info!(address = %http.local_addr(), "serving metrics and health");
    let http = http.serve(metrics.clone(), health.clone(), watching_ends.clone());
    let http = supervisor.spawn(&here, Task::Http, &watching_ends, http);

    let (asks, asked) = mpsc::channel(RELOADS);
    let in_force = reload::in_force(&source, &config);
    let directory = Arc::new(Owned::new(&config, in_force, asks));
    let (told, quiet) = (bus.clone(), stop.child_token());
    let sessions =
        Sessions::new(commit.clone(), directory.clone(), told, quiet, supervisor.clone());
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
    let reloader = reloader.run(reload, asked, stop.child_token());
    let reloading = supervisor.spawn(&here, Task::Reload, &stop, reloader);
    let counted = (metrics.clone(), sessions.clone());
    let refusals = metrics.clone();
    let budget =
        Budget::new(api::Limits::of(memory), Box::new(move |why| refusals.refused(why.label())));
    let api = Api::new(api::Dependencies {
        commit,
        directory,
        sessions,
        budget,
        ready: Arc::new(move || health.ready().is_ok()),
        bus,
        status: monitor.status,
        coverage,
        observe: Arc::new(move |method, took, answer| {
            let (metrics, sessions) = &counted;
            if let Some(method) = GrpcMethod::named(method) {
                metrics.grpc_request(method, took, answer.is_some());
            }
            metrics.set_registered_owners(sessions.registered());
        }),
        shutdown: stop.child_token(),
    });
    info!(socket = %config.listen_socket.display(), "serving clients");
    let clients = supervisor.spawn(&here, Task::Clients, &stop, api::serve(listener, api));

    let death = tokio::select! {
        death = deaths.recv() => death,
        () = stop.cancelled() => None,
    };
    if let Some(Death { task, .. }) = &death {
        metrics.task_died(*task);
        // What died may be what would withdraw it, and the next start wants it there.
        withdraw_on_exit.store(false, Ordering::Relaxed);
    }
    match withdraw_on_exit.load(Ordering::Relaxed) {
        true => info!("stopping; what is ours is withdrawn from FRR"),
        false => info!("stopping; what FRR runs stays"),
    }
    // After a death there was no request to stop.
    stop.cancel();
    let served = clients.await?;
    reloading.await?;
    commits_end.cancel();
    let left = actor.await?;
    watching_ends.cancel();
    watched.await?;
    telling.await?;
    survey.await?;
    http.await?;
    // One that died while the others were stopping counts as well.
    if let Some(Death { task, why }) = death.or_else(|| deaths.try_recv().ok()) {
        return Err(AgentError::Died { task: task.name(), why });
    }
    served.transpose()?;
    left.transpose()?;
    Ok(())
}
