//! Accepted connections, which tell the sessions when they close.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{Stream, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::UnixStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use super::{
    caller::{self, Caller},
    sessions::{ConnectionId, Sessions},
    socket::Socket,
};

/// Most connections at a time: a node has a handful of clients, and each connection
/// costs a file descriptor of the usual 1,024.
pub const MAX_CONNECTIONS: usize = 256;

/// Pause after a failed accept: with no file descriptor left the next one fails at once too.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// Its connection.
    pub(super) id: ConnectionId,
    /// Who opened that.
    pub(super) caller: Option<Caller>,
}

/// An accepted connection. Dropping it tells the sessions that it closed.
pub(super) struct Connection {
    stream: UnixStream,
    /// Ready when it has to make room.
    evicted: Pin<Box<WaitForCancellationFutureOwned>>,
    origin: Origin,
    sessions: Arc<Sessions>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.sessions.closed(self.origin.id);
    }
}

impl Connected for Connection {
    type ConnectInfo = Origin;

    fn connect_info(&self) -> Origin {
        self.origin
    }
}

/// The connections of a socket; at most [`MAX_CONNECTIONS`] at a time. For a further one the oldest is
/// closed that never showed a token; where all did, it waits. So whoever may only open the socket
/// can't keep owners out.
pub(super) fn accept(
    socket: Socket,
    sessions: Arc<Sessions>,
) -> impl Stream<Item = io::Result<Connection>> {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    stream::unfold((socket, sessions, permits), |(mut socket, sessions, permits)| async {
        let stream = loop {
            match socket.accept().await {
                Ok(stream) => break stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection can't be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        };
        if permits.available_permits() == 0 {
            sessions.evict_guest();
        }
        // An error says that the semaphore was closed, which nobody does.
        let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
        let caller = Caller::of(&stream);
        let id = sessions.opened(caller);
        tracing::debug!(caller = %caller::shown(caller), connection = %id, "connected");
        let connection = Connection {
            stream,
            evicted: Box::pin(sessions.eviction(id).cancelled_owned()),
            origin: Origin { id, caller },
            sessions: Arc::clone(&sessions),
            _permit: permit,
        };
        Some((Ok(connection), (socket, sessions, permits)))
    })
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.evicted.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
