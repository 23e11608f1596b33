//! The only network port of the agent: `/metrics`, `/healthz` and `/readyz`, read only.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use super::{Health, Metrics};
use crate::{config::MetricsAddress, failpoint};

/// Connections at a time: a few scrapers and probes with some to spare; it bounds what a
/// stranger on the network can take. For a further one the oldest is closed, so that a probe is answered whatever connections hang.
const MAX_CONNECTIONS: usize = 64;

/// Longest wait for a request's header, thus for an idle connection too: longer than the
/// guide's scrape interval is of no use, and shorter than a probe's timeout would break one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest time that a client may take to read an answer: a probe waits a second, Prometheus ten by default.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// Shortest time between two lines in the log about connections that made room.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// Pause after the kernel refused to accept, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Longest wait at the end for answers that are on their way.
const DRAIN: Duration = Duration::from_secs(2);

/// Text format of Prometheus.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Why metrics and health can't be served.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The port is in use, or the address is not this node's.
    #[error("can't listen on {address} for metrics and health")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the kernel says.
        source: io::Error,
    },
}

/// A server whose port is bound and that has had no request yet.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl HttpServer {
    /// Binds the port, so that a port in use is an error at start.
    ///
    /// # Errors
    /// The port is in use, or the address is not this node's.
    pub async fn bind(address: MetricsAddress) -> Result<Self, HttpError> {
        let mut candidates = address.candidates().into_iter().peekable();
        while let Some(address) = candidates.next() {
            let bound = TcpListener::bind(address).await.and_then(|l| Ok((l.local_addr()?, l)));
            match bound {
                Ok((address, listener)) => return Ok(Self { listener, address }),
                Err(error) if candidates.peek().is_some() && lacks_family(&error) => {}
                Err(source) => return Err(HttpError::Listen { address, source }),
            }
        }
        unreachable!("a metrics address has at least one candidate, and the last one returns")
    }

    /// The address that is bound; tells the port where the configuration says 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then finishes the answers that are on their way.
    pub async fn serve(self, metrics: Arc<Metrics>, health: Arc<Health>, stop: CancellationToken) {
        let connections = TaskTracker::new();
        let open = Arc::new(Mutex::new(BTreeMap::new()));
        let (mut logged, mut closed) = (None::<Instant>, 0_u64);
        for number in 0_u64.. {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            failpoint::die("http");
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "can't accept a connection for metrics and health");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let make_room = CancellationToken::new();
            if let Some(oldest) = admit(&open, number, make_room.clone()) {
                oldest.cancel();
                metrics.refused("http");
                closed += 1;
                if logged.is_none_or(|at| at.elapsed() > LOG_PAUSE) {
                    logged = Some(Instant::now());
                    warn!(
                        closed,
                        "too many connections for metrics and health; the oldest are closed"
                    );
                    closed = 0;
                }
            }
            let (metrics, health, stop) = (metrics.clone(), health.clone(), stop.clone());
            let open = open.clone();
            connections.spawn(async move {
                let served = connection(stream, metrics, health, stop);
                make_room.run_until_cancelled(served).await;
                lock(&open).remove(&number);
            });
        }
        connections.close();
        // A client that reads its answer too slowly goes without.
        let _ = timeout(DRAIN, connections.wait()).await;
    }
}

/// Connections that are open, by the order in which they came, each with what closes it.
type Open = Mutex<BTreeMap<u64, CancellationToken>>;

/// No code panics while it holds the lock.
fn lock(open: &Open) -> std::sync::MutexGuard<'_, BTreeMap<u64, CancellationToken>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes a connection; what closes the oldest, where that has to make room.
fn admit(open: &Open, number: u64, close: CancellationToken) -> Option<CancellationToken> {
    let mut open = lock(open);
    let full = open.len() >= MAX_CONNECTIONS;
    let oldest = open.first_key_value().map(|(number, _)| *number).filter(|_| full);
    let oldest = oldest.and_then(|oldest| open.remove(&oldest));
    open.insert(number, close);
    oldest
}

/// A connection whose answers have to be read in time.
struct Timed {
    stream: TcpStream,
    /// Runs while an answer is on its way.
    late: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Timed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let late = self.late.get_or_insert_with(|| Box::pin(sleep(ANSWER_DEADLINE)));
        if late.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    /// All of the answer has been written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.late = None;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Whether the node lacks the address family (IPv6 is often switched off). The kernel says
/// EAFNOSUPPORT for a family it does not have, and EADDRNOTAVAIL for one without addresses.
fn lacks_family(error: &io::Error) -> bool {
    /// `EAFNOSUPPORT` of Linux, which std has no name for.
    const EAFNOSUPPORT: i32 = 97;
    error.raw_os_error() == Some(EAFNOSUPPORT) || error.kind() == io::ErrorKind::AddrNotAvailable
}

async fn connection(
    stream: TcpStream,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    stop: CancellationToken,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), &metrics, &health);
        async { Ok::<_, Infallible>(response) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let stream = Timed { stream, late: None };
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        debug!(%error, "a connection for metrics or health ended badly");
    }
}

fn answer(
    method: &Method,
    path: &str,
    metrics: &Metrics,
    health: &Health,
) -> Response<Full<Bytes>> {
    if !matches!(path, "/metrics" | "/healthz" | "/readyz") {
        return text(StatusCode::NOT_FOUND, "not found: /metrics, /healthz and /readyz are here");
    }
    if method != Method::GET && method != Method::HEAD {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let state = match path {
        "/metrics" => {
            let mut response = text(StatusCode::OK, metrics.render());
            let content_type = HeaderValue::from_static(METRICS_TYPE);
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            return response;
        }
        "/healthz" => health.alive().map(|()| "ok\n".to_owned()),
        _ => health.ready().map(|version| format!("ok: FRR {version}\n")),
    };
    match state {
        Ok(words) => text(StatusCode::OK, words),
        Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

fn text(status: StatusCode, body: impl Into<String>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.into())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        io::{BufRead, Read, Write},
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        task::JoinHandle,
    };

    use super::*;

    struct Running {
        address: SocketAddr,
        health: Arc<Health>,
        stop: CancellationToken,
        task: JoinHandle<()>,
    }

    async fn start() -> Running {
        let any_port = MetricsAddress::One(SocketAddr::from(([127, 0, 0, 1], 0)));
        let server = HttpServer::bind(any_port).await.unwrap();
        let (health, stop) = (Arc::new(Health::default()), CancellationToken::new());
        let metrics = Arc::new(Metrics::new(["a".parse().unwrap()]));
        Running {
            address: server.local_addr(),
            task: tokio::spawn(server.serve(metrics, health.clone(), stop.clone())),
            health,
            stop,
        }
    }

    async fn ask(address: SocketAddr, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    fn status(response: &str) -> &str {
        response.split(' ').nth(1).unwrap_or_default()
    }

    #[tokio::test]
    async fn probes_and_scrapers_get_their_answers() {
        let server = start().await;
        let get = async |path| ask(server.address, "GET", path).await;
        let metrics = get("/metrics").await;
        assert_eq!(status(&metrics), "200");
        assert!(metrics.contains("content-type: text/plain; version=0.0.4"));
        assert!(metrics.contains("\nnovaroute_active_peers{owner=\"a\"} 0\n"));
        assert_eq!(status(&get("/healthz").await), "200");
        let readyz = get("/readyz").await;
        assert_eq!(status(&readyz), "503");
        assert!(readyz.ends_with(
            "FRR: not connected yet\ncommit: FRR has not been compared with the intents yet\n"
        ));
        server.health.set_frr(Ok("10.3".into()));
        server.health.set_last_commit(Ok(()));
        assert!(get("/readyz").await.ends_with("\r\n\r\nok: FRR 10.3\n"));
        assert_eq!(status(&get("/readyz?verbose").await), "200");
        assert_eq!(status(&get("/").await), "404");
        assert_eq!(status(&get("/metrics/x").await), "404");
        assert_eq!(status(&ask(server.address, "POST", "/metrics").await), "405");
        assert!(ask(server.address, "HEAD", "/healthz").await.ends_with("\r\n\r\n"));
        assert_eq!(status(&ask(server.address, "\0", "/healthz").await), "400");
    }

    #[tokio::test]
    async fn a_busy_port_is_an_error_at_start() {
        let server = start().await;
        let error = HttpServer::bind(MetricsAddress::One(server.address)).await.unwrap_err();
        assert!(error.to_string().contains(&server.address.to_string()));
        let port = server.address.port();
        // All addresses include the one that is in use.
        let HttpError::Listen { source, .. } =
            HttpServer::bind(MetricsAddress::AllAddresses(port)).await.unwrap_err();
        assert_eq!(source.kind(), io::ErrorKind::AddrInUse);
    }

    /// A client that has asked, on a thread of its own.
    fn asking(address: SocketAddr, path: &str) -> std::net::TcpStream {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // A connection that had to make room already can't be written to.
        let _ = write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream
    }

    /// Reads until the server closes; fails where it does not.
    fn until_closed(mut stream: std::net::TcpStream) {
        match io::copy(&mut stream, &mut io::sink()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("it is open"),
            _ => {}
        }
    }

    /// Clients that ask and do not read, however many, delay no probe. The clock stops while the blocking
    /// task runs, so that no deadline makes room instead, whatever the machine's pace.
    #[tokio::test(start_paused = true)]
    async fn probes_are_served_while_a_thousand_clients_hang() {
        let server = start().await;
        let address = server.address;
        let clients = tokio::task::spawn_blocking(move || {
            let mut hang = VecDeque::new();
            for _ in 0..1000 {
                hang.push_back(asking(address, "/metrics"));
                // The oldest are closed: this keeps the test within the usual 1,024 file descriptors.
                if hang.len() > 2 * MAX_CONNECTIONS {
                    until_closed(hang.pop_front().unwrap());
                }
            }
            let mut probe = asking(address, "/healthz");
            let mut line = [0; 15];
            probe.read_exact(&mut line).expect("an answer");
            assert_eq!(line, *b"HTTP/1.1 200 OK");
            let mut scraper = std::io::BufReader::new(asking(address, "/metrics")).lines();
            let name = "novaroute_limits_reached_total{limit=\"http\"} ";
            let count = scraper.find_map(|line| line.unwrap().strip_prefix(name)?.parse().ok());
            // All are open or had to make room for a later one.
            assert_eq!(count, Some(1000 + 2 - MAX_CONNECTIONS));
        });
        clients.await.unwrap();
    }

    /// An answer that is not read is given up.
    #[tokio::test(start_paused = true)]
    async fn an_answer_has_a_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut timed = Timed { stream, late: None };
        let begun = Instant::now();
        let written = timed.write_all(&vec![0; 64 << 20]).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= ANSWER_DEADLINE);
        drop(client);
    }

    #[tokio::test]
    async fn it_stops_while_a_connection_is_open() {
        let server = start().await;
        let _idle = TcpStream::connect(server.address).await.unwrap();
        assert_eq!(status(&ask(server.address, "GET", "/healthz").await), "200");
        server.stop.cancel();
        timeout(DRAIN * 2, server.task).await.unwrap().unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
    }
}
