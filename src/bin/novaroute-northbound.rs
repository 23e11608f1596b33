//! Serves FRR's `frr.Northbound` on a Unix socket, in front of mgmtd.

use std::{
    error::Error,
    fs, io,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use novaroute::frr::gateway::Gateway;
use tokio::{
    net::{UnixListener, UnixStream},
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

/// Owner and group may speak to FRR, nobody else.
const SOCKET_MODE: u32 = 0o660;

/// How long calls under way may take after the signal to end. A commit is finished
/// or undone by its own task well before; Kubernetes kills after 30 s.
const DRAIN: Duration = Duration::from_secs(20);

/// gRPC northbound of FRR (frr.Northbound) whose commits reach the daemons
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Directory of FRR's sockets
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/run/frr",
        env = "NOVAROUTE_FRR_SOCKET_DIR"
    )]
    socket_dir: PathBuf,
    /// Unix socket to serve on [default: northbound.sock in the socket directory]
    #[arg(long, value_name = "PATH")]
    listen: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("novaroute-northbound: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let path = options
        .listen
        .unwrap_or_else(|| options.socket_dir.join("northbound.sock"));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let gateway = Gateway::new(&options.socket_dir);
    let listener = bind(&path)
        .await
        .map_err(|error| format!("{}: {error}", path.display()))?;
    info!(socket = %path.display(), "serving frr.Northbound");
    if let Err(status) = gateway.reset().await {
        warn!(
            reason = status.message(),
            "mgmtd's candidate not cleared at the start"
        );
    }
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = Server::builder()
        .add_service(gateway.service())
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), async {
            let _ = stopped.await;
        });
    let mut server = tokio::spawn(server);
    let served = tokio::select! {
        served = &mut server => served,
        _ = terminate.recv() => drain(stop, server).await,
        _ = interrupt.recv() => drain(stop, server).await,
    };
    let _ = fs::remove_file(&path);
    served??;
    info!("ended");
    Ok(())
}

type Served = Result<Result<(), tonic::transport::Error>, tokio::task::JoinError>;

async fn drain(
    stop: tokio::sync::oneshot::Sender<()>,
    server: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
) -> Served {
    let _ = stop.send(());
    timeout(DRAIN, server).await.unwrap_or_else(|_| {
        warn!("clients still connected; ending");
        Ok(Ok(()))
    })
}

/// Binds the socket. What a predecessor left is replaced, what one serves is not.
async fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Ok(metadata) = fs::symlink_metadata(path) {
        if !metadata.file_type().is_socket() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "exists and is not a socket",
            ));
        }
        if UnixStream::connect(path).await.is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "somebody serves here already",
            ));
        }
        fs::remove_file(path)?;
    }
    // Without a moment in which others could connect: the name appears with its mode.
    let staged = path.with_extension("new");
    let _ = fs::remove_file(&staged);
    let listener = UnixListener::bind(&staged)?;
    fs::set_permissions(&staged, fs::Permissions::from_mode(SOCKET_MODE))?;
    fs::rename(&staged, path)?;
    Ok(listener)
}
