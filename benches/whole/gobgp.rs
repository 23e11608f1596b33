//! GoBGP's gRPC API on the same work: `AddPath`s in a stream, and its table counted afterwards.
//!
//! The few messages that are needed are declared here, by their field numbers in GoBGP 3.

use std::{
    io,
    process::{Child, Command},
    time::{Duration, Instant},
};

use hyper_util::rt::TokioIo;
use prost_types::Any;
use tokio::net::TcpStream;
use tonic::{
    Request, Status,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use super::{
    lab::{Lab, Router},
    work::prefix_address,
};

/// GoBGP's own default; the lab's namespace is its own.
const PORT: u16 = 50051;

/// Paths in one message of the stream, as GoBGP's own command line sends them.
const PATHS: usize = 500;

#[derive(Clone, PartialEq, prost::Message)]
struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
struct Family {
    #[prost(int32, tag = "1")]
    afi: i32,
    #[prost(int32, tag = "2")]
    safi: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Global {
    #[prost(uint32, tag = "1")]
    asn: u32,
    #[prost(string, tag = "2")]
    router_id: String,
    #[prost(int32, tag = "3")]
    listen_port: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StartBgp {
    #[prost(message, optional, tag = "1")]
    global: Option<Global>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Prefix {
    #[prost(uint32, tag = "1")]
    prefix_len: u32,
    #[prost(string, tag = "2")]
    prefix: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Origin {
    #[prost(uint32, tag = "1")]
    origin: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct NextHop {
    #[prost(string, tag = "1")]
    next_hop: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Path {
    #[prost(message, optional, tag = "1")]
    nlri: Option<Any>,
    #[prost(message, repeated, tag = "2")]
    pattrs: Vec<Any>,
    #[prost(bool, tag = "5")]
    is_withdraw: bool,
    #[prost(message, optional, tag = "9")]
    family: Option<Family>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AddPaths {
    #[prost(int32, tag = "1")]
    table_type: i32,
    #[prost(message, repeated, tag = "3")]
    paths: Vec<Path>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct GetTable {
    #[prost(int32, tag = "1")]
    table_type: i32,
    #[prost(message, optional, tag = "2")]
    family: Option<Family>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Counted {
    #[prost(uint64, tag = "1")]
    num_destination: u64,
}

fn any(name: &str, message: &impl prost::Message) -> Any {
    let type_url = format!("type.googleapis.com/apipb.{name}");
    Any { type_url, value: message.encode_to_vec() }
}

fn ipv4() -> Option<Family> {
    Some(Family { afi: 1, safi: 1 })
}

fn path(at: u32, is_withdraw: bool) -> Path {
    let prefix = Prefix { prefix_len: 32, prefix: prefix_address(at).to_string() };
    let next_hop = NextHop { next_hop: "10.0.1.1".to_owned() };
    Path {
        nlri: Some(any("IPAddressPrefix", &prefix)),
        pattrs: vec![
            any("OriginAttribute", &Origin { origin: 0 }),
            any("NextHopAttribute", &next_hop),
        ],
        is_withdraw,
        family: ipv4(),
    }
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn connect(lab: &Lab) -> Result<Channel, String> {
    let begun = Instant::now();
    let stream = loop {
        match lab.connect(Router::Node, PORT) {
            Ok(stream) => break stream,
            Err(error) if begun.elapsed() > Duration::from_secs(10) => {
                return Err(error.to_string());
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let words = |error: io::Error| error.to_string();
    stream.set_nonblocking(true).map_err(words)?;
    let mut stream = Some(TcpStream::from_std(stream).map_err(words)?);
    let connect = tower::service_fn(move |_| {
        let stream = stream.take().map(TokioIo::new);
        async move { stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    let endpoint = Endpoint::from_static("http://gobgp");
    endpoint.connect_with_connector(connect).await.map_err(|error| error.to_string())
}

async fn unary<Q, A>(channel: &Channel, method: &'static str, request: Q) -> Result<A, Status>
where
    Q: prost::Message + Default + 'static,
    A: prost::Message + Default + 'static,
{
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let codec: ProstCodec<Q, A> = ProstCodec::default();
    let path = PathAndQuery::from_static(method);
    Ok(grpc.unary(Request::new(request), path, codec).await?.into_inner())
}

async fn add(channel: &Channel, count: u32, is_withdraw: bool) -> Result<Duration, Status> {
    let all: Vec<Path> = (0..count).map(|at| path(at, is_withdraw)).collect();
    let messages: Vec<AddPaths> =
        all.chunks(PATHS).map(|paths| AddPaths { table_type: 0, paths: paths.to_vec() }).collect();
    let begun = Instant::now();
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let codec: ProstCodec<AddPaths, Empty> = ProstCodec::default();
    let path = PathAndQuery::from_static("/apipb.GobgpApi/AddPathStream");
    let stream = futures::stream::iter(messages);
    grpc.client_streaming(Request::new(stream), path, codec).await?;
    let wanted = if is_withdraw { 0 } else { u64::from(count) };
    loop {
        let request = GetTable { table_type: 0, family: ipv4() };
        let counted: Counted = unary(channel, "/apipb.GobgpApi/GetTable", request).await?;
        if counted.num_destination == wanted {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > Duration::from_secs(60) {
            let has = counted.num_destination;
            return Err(Status::internal(format!("its table has {has} of {wanted}")));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Adds and withdraws this many paths. The error says why there is no GoBGP to be had.
pub async fn measure(lab: &Lab, count: u32) -> Result<(Duration, Duration), String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/gobgpd.sh");
    let found = Command::new(script).output().map_err(|error| error.to_string())?;
    if !found.status.success() {
        return Err(String::from_utf8_lossy(&found.stderr).trim().to_owned());
    }
    let mut command = Command::new(String::from_utf8_lossy(&found.stdout).trim());
    command.args(["--api-hosts", &format!("127.0.0.1:{PORT}"), "--log-level", "warn"]);
    let _daemon = Daemon(lab.spawn_in(Router::Node, &command));
    let channel = connect(lab).await?;
    let words = |status: Status| format!("{:?}: {}", status.code(), status.message());
    let global = Global { asn: 65000, router_id: "10.0.0.9".to_owned(), listen_port: -1 };
    let start = StartBgp { global: Some(global) };
    let _: Empty = unary(&channel, "/apipb.GobgpApi/StartBgp", start).await.map_err(words)?;
    let added = add(&channel, count, false).await.map_err(words)?;
    Ok((added, add(&channel, count, true).await.map_err(words)?))
}
