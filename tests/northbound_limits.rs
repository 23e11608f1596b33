//! What callers can't take from `novaroute-northbound` (C22). Needs no FRR: what is asked here never reaches mgmtd.

use std::{
    fs,
    os::unix::net::UnixStream as StdStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use hyper_util::rt::TokioIo;
use novaroute::proto::frr::{CreateCandidateRequest, northbound_client::NorthboundClient};
use tokio::net::UnixStream;
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

/// Long enough for a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// What the process may use, as in a small pod.
const MEMORY: u64 = 128 << 20;

struct Program {
    child: Child,
    dir: tempfile::TempDir,
    group: PathBuf,
}

/// A control group with that limit: of version 1 of the kernel's where that is mounted, else of version 2.
fn group(dir: &Path) -> PathBuf {
    let first = Path::new("/sys/fs/cgroup/memory");
    let (root, file) = match first.is_dir() {
        true => (first, "memory.limit_in_bytes"),
        false => (Path::new("/sys/fs/cgroup"), "memory.max"),
    };
    let name = dir.file_name().expect("a name").to_string_lossy().into_owned();
    let group = root.join(format!("novaroute-northbound{name}"));
    fs::create_dir(&group).expect("a control group");
    fs::write(group.join(file), MEMORY.to_string()).expect("the memory controller");
    group
}

impl Program {
    /// Starts it with as many file descriptors as a process usually has.
    fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let group = group(dir.path());
        let child = Command::new("sh")
            .args(["-c", "echo $$ >\"$0\" && ulimit -n 1024 && exec \"$@\""])
            .arg(group.join("cgroup.procs"))
            .arg(env!("CARGO_BIN_EXE_novaroute-northbound"))
            .arg("--socket-dir")
            .arg(dir.path())
            .stdin(Stdio::null())
            .stderr(fs::File::create(dir.path().join("log")).expect("a log"))
            .spawn()
            .expect("starting novaroute-northbound");
        let program = Self { child, dir, group };
        let begun = Instant::now();
        while StdStream::connect(program.socket()).is_err() {
            assert!(begun.elapsed() < SOON, "{}", program.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        program
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("northbound.sock")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Processor time that it has had, in ticks of a hundredth of a second.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let fields = stat.rsplit(") ").next().expect("its name ends").split(' ');
        fields.skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum()
    }

    /// The most memory that it had, in KiB.
    fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir(&self.group);
    }
}

async fn client(socket: &Path) -> NorthboundClient<Channel> {
    let socket = socket.to_owned();
    let connect = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://northbound");
    let channel = endpoint.connect_with_connector(connect);
    NorthboundClient::new(tokio::time::timeout(SOON, channel).await.expect("soon").expect("served"))
}

#[tokio::test]
async fn idle_connections_cost_no_processor_and_lock_nobody_out() {
    let program = Program::start();
    let mut idle = Vec::new();
    for _ in 0..1100 {
        // This process has as few file descriptors: half of the connections are closed by the other end anyway.
        if idle.len() > 500 {
            idle.remove(0);
        }
        idle.push(UnixStream::connect(program.socket()).await.expect("connecting"));
    }
    client(&program.socket()).await.create_candidate(CreateCandidateRequest {}).await.unwrap();
    let (before, begun) = (program.ticks(), Instant::now());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (took, had) = (begun.elapsed(), program.ticks() - before);
    assert!(u128::from(had) * 10 < took.as_millis() / 2, "{had} ticks in {took:?}");
    drop(idle);
}

/// A call whose message does not end; what has to be kept for it to stay.
async fn unfinished(program: &Program) -> impl Sized + use<> {
    let stream = UnixStream::connect(program.socket()).await.expect("connecting");
    let (mut requests, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    let request = Request::post("http://x/frr.Northbound/LoadToCandidate")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let sent = requests.send_request(request.body(()).unwrap(), false);
    let (answer, mut body) = sent.expect("a call");
    let mut message = vec![0, 0, 0xff, 0xff, 0xff];
    message.resize(15 << 20, 0);
    let mut rest = Bytes::from(message);
    while !rest.is_empty() {
        body.reserve_capacity(rest.len());
        // The server ends what it does not take, after its own deadline at the latest.
        let room = std::future::poll_fn(|cx| body.poll_capacity(cx)).await;
        let Some(Ok(room)) = room else { break };
        if body.send_data(rest.split_to(room.min(rest.len())), false).is_err() {
            break;
        }
    }
    (requests, answer, body)
}

#[tokio::test]
async fn unfinished_messages_are_bounded_together() {
    let program = Program::start();
    let kept = futures::future::join_all((0..20).map(|_| unfinished(&program))).await;
    client(&program.socket()).await.create_candidate(CreateCandidateRequest {}).await.unwrap();
    println!("20 unfinished messages of 15 MiB: {} MiB at the most", program.peak() >> 10);
    assert!(program.peak() << 10 < MEMORY);
    drop(kept);
}

#[tokio::test]
async fn one_client_has_not_all_candidates() {
    let program = Program::start();
    let mut greedy = client(&program.socket()).await;
    let mut made = 0;
    let refused = loop {
        match greedy.create_candidate(CreateCandidateRequest {}).await {
            Ok(_) => made += 1,
            Err(status) => break status,
        }
    };
    assert_eq!((refused.code(), made), (Code::ResourceExhausted, 32), "{refused}");
    client(&program.socket()).await.create_candidate(CreateCandidateRequest {}).await.unwrap();
}
