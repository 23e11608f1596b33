//! The connection to the agent: gRPC over its Unix socket, with a time limit.

use std::{error::Error, io, time::Duration};

use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, time::timeout};
use tonic::{
    Code, Request, Response, Status, TimeoutExpired,
    transport::{Channel, Endpoint},
};
use tower::service_fn;

use super::{error::CtlError, global::Global, progress::Notes, refusal::About};
use crate::proto::v1::{
    diagnostics_client::DiagnosticsClient, maintenance_client::MaintenanceClient,
    route_control_client::RouteControlClient, transactions_client::TransactionsClient,
};

/// Largest answer taken: a status of 100,000 prefixes is some 8 MB and tonic's default
/// 4 MiB; the agent is trusted, so that this only bounds a mistake.
const MAX_ANSWER: usize = 256 << 20;

/// A connected agent.
#[derive(Debug, Clone)]
pub struct Client {
    channel: Channel,
    timeout: Duration,
}

impl Client {
    /// Connects to the socket.
    ///
    /// # Errors
    /// [`CtlError::Connect`] where the socket cannot be opened,
    /// [`CtlError::Handshake`] where it does not speak HTTP/2.
    pub async fn connect(global: &Global) -> Result<Self, CtlError> {
        let socket = &global.socket;
        let stream = match timeout(global.timeout(), UnixStream::connect(socket)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(source)) => {
                return Err(CtlError::Connect { socket: socket.clone(), source });
            }
            Err(_) => return Err(CtlError::TimedOut { after: global.timeout() }),
        };
        // One command, one connection: a second attempt would find the stream taken.
        let mut stream = Some(TokioIo::new(stream));
        let connector = service_fn(move |_| {
            let stream = stream.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected));
            async move { stream }
        });
        // The address only fills HTTP/2's authority.
        let channel = Endpoint::from_static("http://localhost")
            .connect_with_connector(connector)
            .await
            .map_err(|source| CtlError::Handshake { socket: socket.clone(), source })?;
        Ok(Self { channel, timeout: global.timeout() })
    }

    /// Client of the service that clients in the field speak.
    pub fn routes(&self) -> RouteControlClient<Channel> {
        RouteControlClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER)
    }

    /// Client of the transactional service.
    pub fn transactions(&self) -> TransactionsClient<Channel> {
        TransactionsClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER)
    }

    /// Client of the service that tells of the FRR in use.
    pub fn diagnostics(&self) -> DiagnosticsClient<Channel> {
        DiagnosticsClient::new(self.channel.clone())
    }

    /// Client of the service that drains the node.
    pub fn maintenance(&self) -> MaintenanceClient<Channel> {
        MaintenanceClient::new(self.channel.clone())
    }

    /// A request that tells the agent how long it will be waited for.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }

    /// Waits for the answer to a call, no longer than the time limit.
    ///
    /// # Errors
    /// The agent refused, did not answer in time, or the connection broke.
    pub async fn answer<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, CtlError> {
        match timeout(self.timeout, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) if is_timeout(&status) => {
                Err(CtlError::TimedOut { after: self.timeout })
            }
            Ok(Err(status)) => Err(refusal(status)),
            Err(_) => Err(CtlError::TimedOut { after: self.timeout }),
        }
    }

    /// Waits as [`Client::answer`], and notes what is awaited where that takes long.
    ///
    /// # Errors
    /// As [`Client::answer`].
    pub async fn answer_noting<T>(
        &self,
        notes: &mut Notes<'_>,
        awaited: &str,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, CtlError> {
        notes.during(awaited, self.answer(call)).await
    }
}

/// Tells what the agent said from what tonic says about a broken connection: only the
/// latter has a source.
pub fn refusal(status: Status) -> CtlError {
    if status.source().is_some() {
        CtlError::ConnectionLost(Box::new(status))
    } else {
        CtlError::Refused { status: Box::new(status), about: About::default() }
    }
}

/// Whether tonic, here or in the agent, gave up at the request's time limit: it has no
/// status code of its own for that.
fn is_timeout(status: &Status) -> bool {
    status.code() == Code::Cancelled && status.message() == TimeoutExpired(()).to_string()
}
