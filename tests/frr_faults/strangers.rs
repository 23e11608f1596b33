//! Whoever may open the socket, and owners within their quotas, against an agent in 128 MiB: it lives, and others are
//! served. The peaks are in `docs/src/security.md`.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::Request;
use novaroute::proto::v1;
use prost::Message as _;
use tokio::net::UnixStream;
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, net},
    memory::Group,
};

/// The container's of the shipped manifest.
const LIMIT: u64 = 128 << 20;

/// Longest time that one attack goes on.
const ATTACK: Duration = Duration::from_secs(20);

/// A frame-by-frame client, which reads no answer that it is not told to.
struct Attacker {
    requests: SendRequest<Bytes>,
    answers: Vec<ResponseFuture>,
    bodies: Vec<h2::SendStream<Bytes>>,
}

impl Attacker {
    async fn connect(socket: &Path) -> Option<Self> {
        let stream = UnixStream::connect(socket).await.ok()?;
        let (requests, connection) = h2::client::handshake(stream).await.ok()?;
        tokio::spawn(connection);
        Some(Self { requests, answers: Vec::new(), bodies: Vec::new() })
    }

    /// Opens a call with these bytes of more headers.
    async fn open(&mut self, method: &str, headers: usize, ends: bool) -> Option<()> {
        let mut request = Request::post(format!("http://agent/novaroute.v1.{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if headers > 0 {
            request = request.header("x-much", "x".repeat(headers));
        }
        let ready = tokio::time::timeout(Duration::from_secs(1), self.requests.clone().ready());
        self.requests = ready.await.ok()?.ok()?;
        let (answer, body) = self.requests.send_request(request.body(()).ok()?, ends).ok()?;
        self.answers.push(answer);
        self.bodies.push(body);
        Some(())
    }

    /// Sends a message on the last call, as far as it is taken.
    async fn send(&mut self, mut bytes: Bytes, ends: bool) {
        let Some(body) = self.bodies.last_mut() else { return };
        while !bytes.is_empty() {
            body.reserve_capacity(bytes.len());
            let room = std::future::poll_fn(|cx| body.poll_capacity(cx));
            let room = tokio::time::timeout(Duration::from_secs(1), room).await;
            let Ok(Some(Ok(room))) = room else { return };
            let part = bytes.split_to(room.min(bytes.len()));
            if body.send_data(part, ends && bytes.is_empty()).is_err() {
                return;
            }
        }
    }
}

fn framed(message: &impl prost::Message) -> Bytes {
    let body = message.encode_to_vec();
    let length = u32::try_from(body.len()).expect("below 4 GiB").to_be_bytes();
    [&[0], &length[..], &body].concat().into()
}

/// The agent in its group, with so many prefixes of `admin`, under an attack of at most [`ATTACK`]: it lives and keeps
/// within its memory. While the attackers are connected it serves `admin` and what `meanwhile` asks; when they are gone,
/// `edge` and who has no token.
fn under_and(
    what: &str,
    prefixes: u32,
    attack: impl AsyncFnOnce(&Path, &mut Vec<Attacker>),
    meanwhile: impl FnOnce(&Agent),
) {
    let group = Group::with_limit(LIMIT);
    let lab = Lab::start(LabOptions::default());
    let agent =
        Agent::start_with_in(&lab, group.procs(), |config| config["log_level"] = "info".into());
    let pid = agent.pid();
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").expect("BGP");
    let all = (0..prefixes).map(|n| change::prefix(&format!("10.{}.{}.0/24", n / 256, n % 256)));
    if prefixes > 0 {
        admin.apply(all.collect()).expect("prefixes");
    }
    let quiet = group.peak();
    let socket = agent.socket();
    let mut attackers = Vec::new();
    admin.block_on(async {
        // An attack that the agent holds up is over, too.
        let attacked = tokio::time::timeout(ATTACK, attack(&socket, &mut attackers));
        drop(attacked.await);
    });
    println!("{what}: {} MiB before, {} MiB at the most", quiet >> 20, group.peak() >> 20);
    assert_eq!(agent.pid(), pid);
    assert!(Path::new(&format!("/proc/{pid}/exe")).read_link().is_ok(), "it was killed");
    admin.advertise("172.16.0.0/24").expect("admin is served on its connection");
    agent.client("admin").withdraw("172.16.0.0/24").expect("and on another");
    meanwhile(&agent);
    drop(attackers);
    agent.client("edge").advertise("192.0.2.1/32").expect("an owner is served");
    assert!(agent.client("").status().frr_status.is_some(), "so is who has no token");
    drop(agent.client("").events(&[]));
    assert_eq!(agent.http("/healthz").0, 200);
    assert!(group.peak() <= LIMIT);
}

fn under(what: &str, prefixes: u32, attack: impl AsyncFnOnce(&Path, &mut Vec<Attacker>)) {
    under_and(what, prefixes, attack, |_| ());
}

/// C17.
#[test]
fn unfinished_messages_without_a_token_cost_nobody() {
    under("40 unfinished messages of 15 MiB without a token", 0, async |socket, attackers| {
        attackers.push(Attacker::connect(socket).await.unwrap());
        for _ in 0..40 {
            let attacker = attackers.last_mut().expect("one is connected");
            if attacker.open("Transactions/Plan", 0, false).await.is_none() {
                attackers.push(Attacker::connect(socket).await.unwrap());
                continue;
            }
            let mut message = vec![0, 0, 0xf0, 0, 0];
            message.resize(15 << 20, 0);
            attacker.send(message.into(), false).await;
        }
    });
}

/// C17, of an owner: bytes that become many times as much, and calls that never end.
#[test]
fn an_owners_large_messages_cost_nobody_else() {
    under("40 messages of 8 million empty elements, of an owner", 0, async |socket, attackers| {
        let begins =
            v1::PlanRequest { owner: "edge".into(), token: token("edge"), ..Default::default() };
        for _ in 0..40 {
            let Some(mut attacker) = Attacker::connect(socket).await else { break };
            let mut message = begins.encode_to_vec();
            message.extend([0x1a, 0].repeat(7 << 20));
            let mut bytes = vec![0];
            bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
            bytes.extend(message);
            if attacker.open("Transactions/Plan", 0, false).await.is_some() {
                attacker.send(bytes.into(), true).await;
            }
            attackers.push(attacker);
        }
    });
}

/// C18.
#[test]
fn replays_that_nobody_reads_cost_nobody() {
    under("64 StreamEvents at 10,000 prefixes, never read", 10_000, async |socket, attackers| {
        for _ in 0..4 {
            let Some(mut attacker) = Attacker::connect(socket).await else { break };
            for _ in 0..16 {
                if attacker.open("RouteControl/StreamEvents", 0, false).await.is_some() {
                    let request =
                        v1::StreamEventsRequest { current_state_first: true, ..Default::default() };
                    attacker.send(framed(&request), true).await;
                }
            }
            attackers.push(attacker);
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    });
}

/// C18, of every other answer.
#[test]
fn answers_that_nobody_reads_cost_nobody() {
    under(
        "20 x 500 GetStatus at 10,000 prefixes, never read",
        10_000,
        async |socket, attackers| {
            for _ in 0..20 {
                let Some(mut attacker) = Attacker::connect(socket).await else { break };
                for _ in 0..500 {
                    if attacker.open("RouteControl/GetStatus", 0, false).await.is_none() {
                        break;
                    }
                    attacker.send(framed(&v1::GetStatusRequest::default()), true).await;
                }
                attackers.push(attacker);
            }
        },
    );
}

/// C18.
#[test]
fn streams_without_an_end_cost_nobody() {
    under("100 x 1,000 streams without a body", 0, async |socket, attackers| {
        for _ in 0..100 {
            let Some(mut attacker) = Attacker::connect(socket).await else { break };
            for _ in 0..1000 {
                if attacker.open("RouteControl/GetStatus", 0, false).await.is_none() {
                    break;
                }
            }
            attackers.push(attacker);
        }
    });
}

/// C18.
#[test]
fn headers_without_measure_cost_nobody() {
    for (what, bytes) in
        [("20 x 1,000 streams with 14 kB of headers", 14_000), ("20 x 1,000 with 7 kB", 7000)]
    {
        under(what, 0, async |socket, attackers| {
            for _ in 0..20 {
                let Some(mut attacker) = Attacker::connect(socket).await else { break };
                for _ in 0..1000 {
                    if attacker.open("RouteControl/GetStatus", bytes, false).await.is_none() {
                        break;
                    }
                }
                attackers.push(attacker);
            }
        });
    }
}

/// C19: what waits to be confirmed counts, however often it is said, and the agent starts again with it.
#[test]
fn what_waits_to_be_confirmed_fits_into_the_memory() {
    let group = Group::with_limit(LIMIT);
    let lab = Lab::start(LabOptions::default());
    let mut agent =
        Agent::start_with_in(&lab, group.procs(), |config| config["log_level"] = "info".into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let edge = agent.client("edge");
    let changes: Vec<_> =
        (0..5000).map(|n| change::prefix(&format!("10.1.{}.{}/32", n / 250, n % 250))).collect();
    let mut refused = 0;
    for _ in 0..60 {
        let request = v1::ApplyRequest {
            owner: "edge".into(),
            token: token("edge"),
            changes: changes.clone(),
            confirm_timeout: 86_400,
            ..Default::default()
        };
        let applied = edge.block_on(edge.transactions().apply(request));
        if let Err(status) = applied {
            assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
            assert!(status.message().contains("wait to be confirmed"), "{status}");
            refused += 1;
        }
    }
    assert_eq!(refused, 59, "the first fits, and none of the others");
    println!("60 Apply of 5,000 prefixes to be confirmed: {} MiB at the most", group.peak() >> 20);
    agent.kill();
    agent.launch();
    agent.wait_ready();
    agent.client("admin").advertise("172.16.0.0/24").expect("admin is served");
    assert!(group.peak() <= LIMIT);
}

/// C20: nor does one owner, by its connections.
#[test]
fn admin_can_drain_whatever_an_owner_has_open() {
    let attack = async |socket: &Path, attackers: &mut Vec<Attacker>| {
        let register = v1::RegisterRequest {
            owner: "edge".into(),
            token: token("edge"),
            ..Default::default()
        };
        for _ in 0..256 {
            let Some(mut attacker) = Attacker::connect(socket).await else { break };
            if attacker.open("RouteControl/Register", 0, false).await.is_some() {
                attacker.send(framed(&register), true).await;
            }
            attackers.push(attacker);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    };
    under_and("256 connections of an owner", 0, attack, |agent| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_novaroutectl"));
        command.arg("--socket").arg(agent.socket());
        command.args(["drain", "--owner", "admin", "--token"]).arg(token("admin"));
        let drained = command.output().expect("running novaroutectl");
        assert!(drained.status.success(), "{}", String::from_utf8_lossy(&drained.stderr));
    });
}

/// C20.
#[test]
fn streams_of_one_connection_leave_some_for_others() {
    let attack = async |socket: &Path, attackers: &mut Vec<Attacker>| {
        let mut attacker = Attacker::connect(socket).await.unwrap();
        for _ in 0..64 {
            if attacker.open("RouteControl/StreamEvents", 0, false).await.is_some() {
                attacker.send(framed(&v1::StreamEventsRequest::default()), true).await;
            }
        }
        attackers.push(attacker);
    };
    under_and("64 StreamEvents of one connection", 0, attack, |agent| {
        drop(agent.client("").events(&[]));
    });
}
