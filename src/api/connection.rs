//! Accepted connections: what their clients send is made fit for the server behind, a client that does not read is not
//! read from, and sessions and budget are told when they close.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use futures::{Stream, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use super::{
    authority::Authorities,
    budget::{Budget, Refusal},
    caller::{self, Caller},
    origin::{ConnectionId, MAX_CONNECTIONS, Origin},
    sessions::Sessions,
    socket::Socket,
};

/// Most connections of `novaroute-northbound`, whose clients show no token: some programs and people at shells.
const MAX_UNNAMED: usize = 128;

/// Pause after a failed accept: with no file descriptor left the next one fails at once too.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Longest time that a client may leave what was written to it. Its library reads whatever the client does; one that
/// does not for so long is stopped or hostile.
const UNREAD: Duration = Duration::from_secs(60);

/// A connection of a client. Dropping it drops `G`, which tells what counts it.
pub struct Connection<S, G> {
    stream: S,
    authorities: Authorities,
    /// What is passed on in place of what the client sent.
    instead: Bytes,
    /// Ready when it has to close.
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Runs while the client does not read.
    unread: Option<Pin<Box<Sleep>>>,
    origin: Origin,
    _open: G,
}

impl<S, G> Connection<S, G> {
    fn new(stream: S, origin: Origin, close: CancellationToken, open: G) -> Self {
        Self {
            stream,
            authorities: Authorities::default(),
            instead: Bytes::new(),
            closed: Box::pin(close.cancelled_owned()),
            unread: None,
            origin,
            _open: open,
        }
    }

    /// Fails when the connection has to close.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.closed.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Notes whether the client takes what is written.
    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.unread = None;
            return poll;
        }
        let late = self.unread.get_or_insert_with(|| Box::pin(sleep(UNREAD)));
        ready!(late.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S, G> Connected for Connection<S, G> {
    type ConnectInfo = Origin;

    fn connect_info(&self) -> Origin {
        self.origin
    }
}

impl<S: AsyncRead + Unpin, G: Unpin> AsyncRead for Connection<S, G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.check(cx)?;
        if this.unread.is_some() {
            // Who does not read the answers gets no more of them. The write that waits wakes this task.
            return Poll::Pending;
        }
        loop {
            if this.instead.has_remaining() {
                let count = this.instead.len().min(buffer.remaining());
                buffer.put_slice(&this.instead.split_to(count));
                return Poll::Ready(Ok(()));
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
            let sent = &buffer.filled()[before..];
            if sent.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match this.authorities.feed(sent) {
                Ok(None) => return Poll::Ready(Ok(())),
                Ok(Some(instead)) => this.instead = instead.into(),
                Err(error) => {
                    let caller = caller::shown(this.origin.caller);
                    tracing::info!(%error, %caller, "a connection is closed");
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
                }
            }
            buffer.set_filled(before);
        }
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin> AsyncWrite for Connection<S, G> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, poll)
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
        self.check(cx)?;
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A connection of the agent's socket. Dropping it tells the sessions and the budget that it closed.
pub(super) struct Open {
    id: ConnectionId,
    sessions: Arc<Sessions>,
    budget: Arc<Budget>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.sessions.closed(self.id);
        self.budget.closed(self.id);
    }
}

/// The connections of a socket; at most [`MAX_CONNECTIONS`] at a time. For a further one the oldest is
/// closed that never showed a token: owners can't have all of them ([`Sessions::enter`]). So a process that may only open the
/// socket can't keep owners out.
pub(super) fn accept(
    socket: Socket,
    sessions: Arc<Sessions>,
    budget: Arc<Budget>,
) -> impl Stream<Item = io::Result<Connection<UnixStream, Open>>> {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let state = (socket, sessions, budget, permits);
    stream::unfold(state, |(mut socket, sessions, budget, permits)| async {
        let stream = patiently(&mut socket).await;
        if permits.available_permits() == 0 {
            sessions.evict_guest();
            budget.refuse(Refusal::Connections, None);
        }
        // An error says that the semaphore was closed, which never happens.
        let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
        let caller = Caller::of(&stream);
        let id = sessions.opened(caller);
        tracing::debug!(caller = %caller::shown(caller), connection = %id, "connected");
        let close = sessions.eviction(id);
        budget.opened(id, caller, close.clone());
        let open = Open { id, sessions: sessions.clone(), budget: budget.clone(), _permit: permit };
        let origin = Origin { id, caller, address: None };
        let connection = Connection::new(stream, origin, close, open);
        Some((Ok(connection), (socket, sessions, budget, permits)))
    })
}

/// What connections come from.
pub trait Listen: Send {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next one.
    ///
    /// # Errors
    /// The operating system refused, as where no file descriptor is left.
    fn next(&mut self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Who opened it, and from where.
    fn who(stream: &Self::Stream) -> (Option<Caller>, Option<SocketAddr>);
}

impl Listen for Socket {
    type Stream = UnixStream;

    async fn next(&mut self) -> io::Result<UnixStream> {
        self.accept().await
    }

    fn who(stream: &UnixStream) -> (Option<Caller>, Option<SocketAddr>) {
        (Caller::of(stream), None)
    }
}

impl Listen for UnixListener {
    type Stream = UnixStream;

    async fn next(&mut self) -> io::Result<UnixStream> {
        self.accept().await.map(|(stream, _)| stream)
    }

    fn who(stream: &UnixStream) -> (Option<Caller>, Option<SocketAddr>) {
        (Caller::of(stream), None)
    }
}

impl Listen for TcpListener {
    type Stream = TcpStream;

    async fn next(&mut self) -> io::Result<TcpStream> {
        let (stream, _) = self.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn who(stream: &TcpStream) -> (Option<Caller>, Option<SocketAddr>) {
        (None, stream.peer_addr().ok())
    }
}

/// A connection of `novaroute-northbound`. Dropping it tells the budget that it closed.
pub struct Unnamed(ConnectionId, Arc<Budget>);

impl Drop for Unnamed {
    fn drop(&mut self) {
        self.1.closed(self.0);
    }
}

/// The connections of a listener whose clients show no token; at most 128 of all that share the budget. For a
/// further one the oldest is closed that has no call under way.
pub fn accept_unnamed<L: Listen>(
    listener: L,
    budget: Arc<Budget>,
) -> impl Stream<Item = io::Result<Connection<L::Stream, Unnamed>>> {
    stream::unfold((listener, budget), |(mut listener, budget)| async {
        let stream = patiently(&mut listener).await;
        if budget.connections() >= MAX_UNNAMED {
            budget.make_room();
            budget.refuse(Refusal::Connections, None);
        }
        let (caller, address) = L::who(&stream);
        let (id, close) = (budget.name(), CancellationToken::new());
        budget.opened(id, caller, close.clone());
        let open = Unnamed(id, Arc::clone(&budget));
        let connection = Connection::new(stream, Origin { id, caller, address }, close, open);
        Some((Ok(connection), (listener, budget)))
    })
}

/// The next connection, after a pause where the kernel has none to give.
async fn patiently<L: Listen>(listener: &mut L) -> L::Stream {
    loop {
        match listener.next().await {
            Ok(stream) => return stream,
            Err(error) => {
                tracing::warn!(%error, "a connection can't be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
