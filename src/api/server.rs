//! The Unix socket and the server behind it.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use futures::StreamExt;
use tokio::net::{UnixListener, UnixStream};

use tonic::transport::Server;

use super::{Api, connection::accept, socket::Socket};
use crate::{
    failpoint,
    proto::v1::{
        diagnostics_server::DiagnosticsServer, maintenance_server::MaintenanceServer,
        served::route_control_server::RouteControlServer, transactions_server::TransactionsServer,
    },
};

/// Largest request in bytes: [`wire::MAX_CHANGES`](crate::wire::MAX_CHANGES) changes of the
/// size that changes have (some 100 bytes) take 10 MB.
pub const MAX_REQUEST: usize = 16 * 1024 * 1024;

/// Calls that run at a time on one connection. Calls wait for commits, and those that wait
/// together are committed together, so this is what one client can have in one batch.
pub const MAX_CALLS: usize = 1024;

/// Time that calls have to end when the agent stops. Kubernetes gives 60 s for the
/// whole stop; commits take well under a second each.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Time that another agent has to answer a connection before it counts as alive.
const PROBE: Duration = Duration::from_secs(1);

/// Owner and group may connect, nobody else.
const MODE: u32 = 0o660;

/// Why the socket can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process serves it.
    #[error("{} is served by another process", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something else is there, and it is not ours to remove.
    #[error("{} exists and is not a socket", path.display())]
    NotASocket {
        /// What is there.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("can't open the socket {}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Opens the listening socket with mode 0660, in place of one that a dead agent left.
///
/// The socket appears under its name with its final mode: before that it has the name with
/// `.new` behind it.
///
/// # Errors
/// Another agent answers there, something else is there, or the operating system refuses.
pub async fn bind(path: &Path) -> Result<UnixListener, BindError> {
    let io_error = |source| BindError::Io { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => {
            return Err(BindError::NotASocket { path: path.to_owned() });
        }
        Ok(_) => match tokio::time::timeout(PROBE, UnixStream::connect(path)).await {
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(Err(error)) => return Err(io_error(error)),
            // One that is too busy to accept is alive as well.
            Ok(Ok(_)) | Err(_) => return Err(BindError::InUse { path: path.to_owned() }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error(error)),
    }
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&new).map_err(io_error)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(MODE)).map_err(io_error)?;
    fs::rename(&new, path).map_err(io_error)?;
    Ok(listener)
}

/// Serves until the shutdown of the API's parts is cancelled; then event streams end, calls that run have
/// [`DRAIN`] to end, no new connection is accepted, and the socket goes.
///
/// # Errors
/// The transport failed.
pub async fn serve(socket: Socket, api: Api) -> Result<(), tonic::transport::Error> {
    let shutdown = api.parts.shutdown.clone();
    let incoming = accept(socket, api.parts.sessions.clone());
    let incoming = incoming.inspect(|_| failpoint::die("clients"));
    let route_control = RouteControlServer::new(api.clone()).max_decoding_message_size(MAX_REQUEST);
    let diagnostics = DiagnosticsServer::new(api.clone());
    let maintenance = MaintenanceServer::new(api.clone());
    let transactions = TransactionsServer::new(api).max_decoding_message_size(MAX_REQUEST);
    let served = Server::builder()
        .concurrency_limit_per_connection(MAX_CALLS)
        .max_concurrent_streams(u32::try_from(MAX_CALLS).ok())
        .add_service(route_control)
        .add_service(transactions)
        .add_service(diagnostics)
        .add_service(maintenance)
        .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned());
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = served => served,
        () = overdue => {
            tracing::warn!("connections are still open after {DRAIN:?}; stopping all the same");
            Ok(())
        }
    }
}
