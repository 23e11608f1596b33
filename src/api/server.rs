//! The server behind the Unix socket.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::StreamExt;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::{ServingStatus, server::HealthReporter};
use tower::layer::util::{Identity, Stack};

use super::{
    AdmissionLayer, Api, Authenticate, Budget, connection::accept, directory::authenticate,
    socket::Socket,
};
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
/// together are committed together, so this is what one client can have in one batch. Of a call that is refused, h2 keeps a
/// kilobyte until its client has read the answer, which no budget counts: a hundred connections of so many calls fit.
pub const MAX_CALLS: usize = 256;

/// Largest request of a service that takes small ones alone: the largest names what one intent has, of which lists are
/// bounded.
const MAX_SMALL_REQUEST: usize = 256 * 1024;

/// Most of a request's headers, as HTTP/2 counts them: gRPC's libraries send half a kilobyte, and no more than this
/// unless they are told to.
const MAX_HEADERS: u32 = 8 * 1024;

/// What a client may send of one request before it was read.
const STREAM_WINDOW: u32 = 64 * 1024 - 1;

/// What a client may send of all requests on its connection before they were read. h2 closes a connection on which small
/// frames wait that would take half of this at 256 bytes each: four times as many fit as calls may be under way.
const CONNECTION_WINDOW: u32 = 2 * 256 * 4 * MAX_CALLS as u32;

/// How often the health service looks at readiness.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

/// The services, for clients that ask (reflection).
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The services whose health is that of the agent; the empty name stands for all of it.
const SERVICES: [&str; 5] = [
    "",
    "novaroute.v1.RouteControl",
    "novaroute.v1.Transactions",
    "novaroute.v1.Diagnostics",
    "novaroute.v1.Maintenance",
];

/// Time that calls have to end when the agent stops. Kubernetes gives 60 s for the
/// whole stop; commits take well under a second each.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Serves until [`Dependencies::shutdown`](super::Dependencies::shutdown) is cancelled; then event streams end, calls that run have
/// [`DRAIN`] to end, no new connection is accepted, and the socket goes.
///
/// # Errors
/// The transport failed.
pub async fn serve(socket: Socket, api: Api) -> Result<(), tonic::transport::Error> {
    let shutdown = api.deps.shutdown.clone();
    let incoming = accept(socket, api.deps.sessions.clone(), api.deps.budget.clone());
    let incoming = incoming.inspect(|_| failpoint::die("clients"));
    let (budget, directory) = (api.deps.budget.clone(), api.deps.directory.clone());
    let known: Authenticate =
        Arc::new(move |owner, token| authenticate(&*directory, owner, token).ok());
    let (reporter, health) = tonic_health::server::health_reporter();
    let telling = tell_health(reporter, api.deps.ready.clone(), shutdown.clone());
    let reflection = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health");
        // The descriptors have frr.Northbound too, which is not served here.
        SERVICES[1..].iter().fold(builder, |builder, name| builder.with_service_name(*name))
    };
    let built = "the descriptors are those of this build";
    let route_control =
        RouteControlServer::new(api.clone()).max_decoding_message_size(MAX_SMALL_REQUEST);
    let diagnostics =
        DiagnosticsServer::new(api.clone()).max_decoding_message_size(MAX_SMALL_REQUEST);
    let maintenance =
        MaintenanceServer::new(api.clone()).max_decoding_message_size(MAX_SMALL_REQUEST);
    let transactions = TransactionsServer::new(api).max_decoding_message_size(MAX_REQUEST);
    let served = server(budget, Some(known), shutdown.clone())
        .add_service(route_control)
        .add_service(transactions)
        .add_service(diagnostics)
        .add_service(maintenance)
        .add_service(health)
        .add_service(reflection().build_v1().expect(built))
        // What grpcurl and older clients ask.
        .add_service(reflection().build_v1alpha().expect(built))
        .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned());
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = served => served,
        never = telling => match never {},
        () = overdue => {
            tracing::warn!("connections are still open after {DRAIN:?}; stopping all the same");
            Ok(())
        }
    }
}

/// A server whose calls are paid for out of a budget, with the limits of HTTP/2 that make the budget's sums true.
pub fn server(
    budget: Arc<Budget>,
    authenticate: Option<Authenticate>,
    shutdown: CancellationToken,
) -> Server<Stack<AdmissionLayer, Identity>> {
    Server::builder()
        .max_concurrent_streams(u32::try_from(MAX_CALLS).ok())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_adaptive_window(Some(false))
        .http2_max_header_list_size(MAX_HEADERS)
        .max_frame_size(16 * 1024)
        .layer(AdmissionLayer { budget, authenticate, shutdown })
}

/// Healthy is who is ready: the agent itself answers as long as it lives.
async fn tell_health(
    reporter: HealthReporter,
    ready: Arc<dyn Fn() -> bool + Send + Sync>,
    shutdown: CancellationToken,
) -> Infallible {
    let mut told = None;
    loop {
        let ready = ready() && !shutdown.is_cancelled();
        if told != Some(ready) {
            told = Some(ready);
            let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            for service in SERVICES {
                reporter.set_service_status(service, status).await;
            }
        }
        tokio::time::sleep(HEALTH_INTERVAL).await;
    }
}
