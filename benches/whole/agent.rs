//! The release agent in the lab's `node`, its clients, and what the kernel and HTTP say of it.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use hyper_util::rt::TokioIo;
use novaroute::proto::v1::{
    route_control_client::RouteControlClient, transactions_client::TransactionsClient,
};
use serde_json::json;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};

use super::{
    lab::{Lab, Router},
    memory::Group,
};

/// Where metrics and health are, in the namespace of `node`.
const METRICS_PORT: u16 = 9102;

/// The owner and the token of all calls.
pub const OWNER: &str = "admin";
pub const TOKEN: &str = "admin-token";

/// No call of a benchmark waits longer: what takes this long has failed.
pub const CALL_LIMIT: Duration = Duration::from_secs(60);

/// How long an agent has to be ready.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Largest answer that is taken: GetStatus at 100,000 prefixes.
pub const MAX_ANSWER: usize = 64 << 20;

/// The agent that is measured: this build's, or the one that is named, to compare two.
pub fn program() -> PathBuf {
    let other = std::env::var_os("NOVAROUTE_BENCH_AGENT").map(PathBuf::from);
    other.unwrap_or_else(|| env!("CARGO_BIN_EXE_novaroute-agent").into())
}

/// A running agent; dropping it kills it.
pub struct Agent<'lab> {
    lab: &'lab Lab,
    child: Child,
    /// Where it enters its control group.
    procs: Option<PathBuf>,
    /// From its start to the first 200 of `/readyz`.
    pub ready_after: Duration,
}

impl<'lab> Agent<'lab> {
    /// Starts an agent and waits until it is ready.
    pub fn start(lab: &'lab Lab) -> Result<Self, String> {
        Self::start_in(lab, None)
    }

    /// Starts an agent in a control group.
    pub fn start_in(lab: &'lab Lab, group: Option<&Group>) -> Result<Self, String> {
        Self::start_entering(lab, group.map(Group::procs))
    }

    fn start_entering(lab: &'lab Lab, procs: Option<PathBuf>) -> Result<Self, String> {
        let run = lab.run_dir();
        let config = json!({
            "listen_socket": run.join("bench.sock"),
            "frr": {"socket_dir": lab.socket_dir(Router::Node), "yang_dir": lab.yang_dir()},
            "owners": {OWNER: {"token": TOKEN, "allowed_prefixes": {"type": "any"}}},
            "log_level": "info",
            "log_format": "text",
            "metrics_address": format!("127.0.0.1:{METRICS_PORT}"),
        });
        let words = |error: std::io::Error| error.to_string();
        let file = run.join("bench.json");
        fs::write(&file, config.to_string()).map_err(words)?;
        let log = File::options().create(true).append(true).open(run.join("bench.log"));
        let log = log.map_err(words)?;
        let mut command = match &procs {
            None => lab.command(Router::Node, program()),
            Some(procs) => {
                let mut shell = lab.command(Router::Node, "sh");
                shell.args(["-c", "echo $$ > \"$0\"; exec \"$@\""]).arg(procs).arg(program());
                shell
            }
        };
        command.arg("--config").arg(&file).stdin(Stdio::null());
        command.stdout(log.try_clone().map_err(words)?).stderr(log);
        let begun = Instant::now();
        let child = command.spawn().map_err(words)?;
        let mut agent = Self { lab, child, procs, ready_after: Duration::ZERO };
        loop {
            if agent.http("/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                agent.ready_after = begun.elapsed();
                return Ok(agent);
            }
            if let Ok(Some(status)) = agent.child.try_wait() {
                return Err(format!("the agent has ended: {status}\n{}", agent.log()));
            }
            if begun.elapsed() > START_LIMIT {
                let said = agent.http("/readyz").unwrap_or_default();
                return Err(format!("not ready after {START_LIMIT:?}: {said}"));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it, leaving FRR as it is, and starts it anew.
    pub fn restart(&mut self) -> Result<Duration, String> {
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
        let begun = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if begun.elapsed() > Duration::from_secs(30) {
                return Err("the agent does not end".to_owned());
            }
            thread::sleep(Duration::from_millis(10));
        }
        let again = Self::start_entering(self.lab, self.procs.clone())?;
        *self = again;
        Ok(self.ready_after)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        let text = fs::read_to_string(self.lab.run_dir().join("bench.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    /// Runs `work` while the agent does not run (SIGSTOP): what is done by hand is no drift then.
    pub fn frozen<T>(&self, work: impl FnOnce() -> T) -> T {
        let pid = self.pid().to_string();
        let _ = Command::new("kill").args(["-STOP", &pid]).status();
        let done = work();
        let _ = Command::new("kill").args(["-CONT", &pid]).status();
        done
    }

    /// A new connection, for both services.
    pub async fn client(&self) -> Result<Client, String> {
        let socket: PathBuf = self.lab.run_dir().join("bench.sock");
        let connect = tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://agent").timeout(CALL_LIMIT);
        let channel = endpoint.connect_with_connector(connect).await;
        let channel = channel.map_err(|error| error.to_string())?;
        let calls = RouteControlClient::new(channel.clone()).max_decoding_message_size(MAX_ANSWER);
        let transactions =
            TransactionsClient::new(channel.clone()).max_decoding_message_size(MAX_ANSWER);
        Ok(Client { channel, calls, transactions })
    }

    /// Head and body of an answer over HTTP.
    pub fn http(&self, path: &str) -> std::io::Result<String> {
        let mut stream = self.lab.connect(Router::Node, METRICS_PORT)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// How many resynchronisations have ended.
    pub fn resynchronisations(&self) -> u64 {
        const NAME: &str = "novaroute_reconcile_cycle_duration_seconds_count ";
        let text = self.http("/metrics").unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(NAME));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both services on one connection. A clone uses the same connection.
#[derive(Clone)]
pub struct Client {
    pub channel: Channel,
    pub calls: RouteControlClient<Channel>,
    pub transactions: TransactionsClient<Channel>,
}
