//! Serves FRR's `frr.Northbound` on a Unix socket, in front of mgmtd, with gRPC's health
//! and reflection services.

use std::{
    error::Error,
    fs,
    io::{self, IsTerminal, Read, Write},
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{ChildStdin, Command, ExitCode, Stdio},
    sync::Arc,
    time::Duration,
};

use clap::Parser;
use http::Request;
use novaroute::{
    agent,
    api::{self, AdmissionLayer, Budget, accept_unnamed},
    frr::{
        gateway::{Client, Gateway, Limits, MAX_REQUEST},
        vty::chain,
    },
    proto::frr::northbound_server::NorthboundServer,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Router;
use tonic_health::server::HealthReporter;
use tower::{
    layer::util::{Identity, Stack},
    util::MapRequestLayer,
};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

/// How long calls under way may take after the signal to end. A commit is finished
/// or undone by its own task well before; Kubernetes kills after 30 s.
const DRAIN: Duration = Duration::from_secs(20);

const MIB: usize = 1024 * 1024;

/// Configurations that GetTransaction can return, together: fifty of a router with 10,000
/// static routes, half a percent of a small one's memory. An eighth of what this process may use, where that is less.
const HISTORY: usize = 64 * MIB;

/// Edits of all candidates, together; a quarter of the memory where that is less.
const CANDIDATES: usize = 256 * MIB;

/// Requests and answers under way, together; a quarter of the memory where that is less, but no less than the largest
/// request takes with what it becomes.
const UNDER_WAY: usize = 256 * MIB;
const LEAST_UNDER_WAY: usize = 36 * MIB;

/// How often the health service asks whether mgmtd is there. Costs nothing while it is.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

/// What clients that ask are told of the services here.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// gRPC northbound of FRR (frr.Northbound) whose commits reach the daemons
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Directory of FRR's sockets
    #[arg(long, value_name = "DIR", default_value = "/run/frr", env = "NOVAROUTE_FRR_SOCKET_DIR")]
    socket_dir: PathBuf,
    /// Unix socket to serve on [default: northbound.sock in the socket directory]
    #[arg(long, value_name = "PATH")]
    listen: Option<PathBuf>,
    /// Serve on TCP too, on a loopback address alone: every user of this machine can then
    /// configure FRR
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = loopback)]
    tcp: Option<SocketAddr>,
    /// Directory of FRR's YANG modules
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/usr/share/yang",
        env = "NOVAROUTE_FRR_YANG_DIR"
    )]
    yang_dir: PathBuf,
    /// Wait for the end of the process that started this one, and clear mgmtd's candidate
    #[arg(long, hide = true)]
    guard: bool,
}

/// There is no TLS and no password here: no client from outside may reach it.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "not an address and port, such as 127.0.0.1:50051".to_owned())?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(format!(
        "{} is no loopback address: this service has neither TLS nor authentication and is \
         only served to this machine",
        address.ip()
    ))
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Where the log is closed, that can't be said there either.
    logs.with_ansi(has_colours()).log_internal_errors(false).init();
    let options = Options::parse();
    let done = if options.guard { guard(&options.socket_dir).await } else { run(options).await };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "novaroute-northbound: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Colours are for people: only on a terminal, and not where NO_COLOR is set (no-color.org).
fn has_colours() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !unwanted
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let path = options.listen.unwrap_or_else(|| options.socket_dir.join("northbound.sock"));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let memory = agent::memory_limit().and_then(|memory| usize::try_from(memory).ok());
    let share = |most: usize, part: usize| memory.map_or(most, |memory| most.min(memory / part));
    let limits = Limits {
        history: share(HISTORY, 8),
        candidates: share(CANDIDATES, 4),
        yang_dir: Some(options.yang_dir),
        ..Limits::default()
    };
    let budget = Budget::new(
        api::Limits {
            guests: share(UNDER_WAY, 4).max(LEAST_UNDER_WAY),
            owners: 0,
            guest_request: MAX_REQUEST + 5,
            per_byte: 1,
        },
        Box::new(|_| {}),
    );
    let gateway = Gateway::with_limits(&options.socket_dir, limits);
    let tcp = match options.tcp {
        None => None,
        Some(address) => {
            let bound = TcpListener::bind(address).await;
            Some(bound.map_err(|error| format!("{address}: {error}"))?)
        }
    };
    let listener = api::bind(&path).await.map_err(|error| chain(&error))?;
    if let Err(status) = gateway.reset().await {
        warn!(reason = status.message(), "mgmtd's candidate not cleared at the start");
    }

    let guard = start_guard(&options.socket_dir)
        .inspect_err(|error| warn!(%error, "no guard: a kill may leave edits in mgmtd's candidate"))
        .ok();

    let stop = CancellationToken::new();
    let stopped = || stop.clone().cancelled_owned();
    let (router, mut reporter) = router(&gateway, &budget, &stop)?;
    let on_tcp = match tcp {
        None => None,
        Some(listener) => {
            let address = listener.local_addr()?;
            warn!(%address, "every user of this machine can configure FRR through TCP");
            let incoming = accept_unnamed(listener, budget.clone());
            Some(router.clone().serve_with_incoming_shutdown(incoming, stopped()))
        }
    };
    info!(socket = %path.display(), "serving frr.Northbound");
    let incoming = accept_unnamed(listener, budget.clone());
    let on_unix = router.serve_with_incoming_shutdown(incoming, stopped());
    let mut server = tokio::spawn(async move {
        match on_tcp {
            None => on_unix.await,
            Some(on_tcp) => tokio::try_join!(on_unix, on_tcp).map(drop),
        }
    });
    let served = tokio::select! {
        served = &mut server => Some(served),
        died = &mut reporter => {
            let why = died.err().map(|error| error.to_string()).unwrap_or_default();
            return Err(format!("nothing looks after mgmtd any more: {why}").into());
        }
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
    };
    let served = match served {
        Some(served) => served,
        None => {
            stop.cancel();
            timeout(DRAIN, server).await.unwrap_or_else(|_| {
                warn!("clients still connected; ending");
                Ok(Ok(()))
            })
        }
    };
    let _ = fs::remove_file(&path);
    if let Some(mut guard) = guard {
        let _ = guard.write_all(b"x");
    }
    served??;
    info!("ended");
    Ok(())
}

/// Starts the guard. From FRR 10.4 on, what a killed process was editing stays in mgmtd's
/// candidate, and the next commit, the shell's too, would apply it.
fn start_guard(socket_dir: &Path) -> io::Result<ChildStdin> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--guard")
        .arg("--socket-dir")
        .arg(socket_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        // An interrupt from the terminal is for this process alone.
        .process_group(0)
        .spawn()?;
    child.stdin.take().ok_or_else(|| io::ErrorKind::BrokenPipe.into())
}

/// Waits until the other end of the pipe is gone: closed by an orderly end, which says a
/// word first, or with a process that was killed.
async fn guard(socket_dir: &Path) -> Result<(), Box<dyn Error>> {
    let said = tokio::task::spawn_blocking(|| io::stdin().read(&mut [0])).await??;
    if said == 0 {
        let reset = Gateway::new(socket_dir).reset_after_kill().await;
        let reset = reset.map_err(|status| status.message().to_owned())?;
        info!(candidate_cleared = reset, "the gateway was killed");
    }
    Ok(())
}

/// Says in each request whose it is.
type Named = MapRequestLayer<fn(Request<tonic::body::Body>) -> Request<tonic::body::Body>>;

fn named(mut request: Request<tonic::body::Body>) -> Request<tonic::body::Body> {
    if let Some(origin) = request.extensions().get::<api::Origin>() {
        let name = match (origin.caller, origin.address) {
            (Some(caller), _) => format!("gRPC uid {}", caller.uid),
            (None, Some(address)) => format!("gRPC {address}"),
            (None, None) => "gRPC".to_owned(),
        };
        let client = Client { name, connection: origin.id.number() };
        request.extensions_mut().insert(client);
    }
    request
}

/// The services behind the budget.
type Served = Router<Stack<Named, Stack<AdmissionLayer, Identity>>>;

/// All services, for any number of listeners, and the task that tells of their health.
fn router(
    gateway: &Gateway,
    budget: &Arc<Budget>,
    stop: &CancellationToken,
) -> Result<(Served, JoinHandle<()>), Box<dyn Error>> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let reporter = tokio::spawn(report(gateway.clone(), reporter));
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // The descriptors have NovaRoute's own services too, which are not served here.
            .with_service_name("frr.Northbound")
            .with_service_name("grpc.health.v1.Health")
    };
    let named: Named = MapRequestLayer::new(named as _);
    let router = api::server(budget.clone(), None, stop.clone())
        .layer(named)
        .add_service(gateway.service())
        .add_service(health)
        .add_service(reflection().build_v1()?)
        // What grpcurl and older clients ask.
        .add_service(reflection().build_v1alpha()?);
    Ok((router, reporter))
}

/// Healthy is: mgmtd is there. The process itself answers as long as it lives.
async fn report(gateway: Gateway, reporter: HealthReporter) {
    loop {
        match gateway.check().await {
            Ok(()) => reporter.set_serving::<NorthboundServer<Gateway>>().await,
            Err(_) => reporter.set_not_serving::<NorthboundServer<Gateway>>().await,
        }
        sleep(HEALTH_INTERVAL).await;
    }
}
