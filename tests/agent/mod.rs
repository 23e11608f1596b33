//! The agent fixture: the real binary in the namespace of a lab's `node`, and clients of it.
//!
//! Everything is synchronous, so that tests can wait with [`wait_for`]; connections live on a
//! runtime in the background. What FRR runs is asked from FRR itself ([`vty`], [`running`]),
//! never through code of the product.

// Each test binary compiles this module and uses its own part of it.
#![allow(dead_code, unused_imports)]

mod client;
mod messages;
pub mod prometheus;
mod router;

use std::{
    fs::{self, File},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

pub use client::*;
pub use messages::*;
pub use router::*;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::lab::{Lab, Router, wait_for};

/// FRR answers in milliseconds and BGP sessions of the lab come up in one to three seconds;
/// the rest is room for a busy machine.
pub const SOON: Duration = Duration::from_secs(60);

/// What is promised: after SIGTERM the agent ends within this time, whatever FRR does.
pub const ENDS: Duration = Duration::from_secs(15);

/// The same where it withdraws all of its own first.
pub const WITHDRAWS: Duration = Duration::from_secs(35);

/// Where metrics and health are, in the namespace of `node`.
const METRICS: &str = "127.0.0.1:9102";

/// A running agent; dropping it kills it.
pub struct Agent<'lab> {
    lab: &'lab Lab,
    runtime: Arc<Runtime>,
    child: Option<Child>,
    number: u32,
    /// The file of the control group in which it runs.
    group: Option<PathBuf>,
}

/// The configuration of every test: `admin` may everything and its intents are persistent, `edge` has host routes,
/// `net` subnets, and the intents of both live as long as their connections.
fn config(lab: &Lab, socket: &str) -> Value {
    json!({
        "listen_socket": socket,
        "frr": {
            "socket_dir": lab.socket_dir(Router::Node),
            "yang_dir": lab.yang_dir(),
            "retry_interval": 1,
        },
        "owners": {
            "admin": {"token": token("admin"), "allowed_prefixes": {"type": "any"}},
            "edge": {
                "token": token("edge"),
                "allowed_prefixes": {
                    "type": "host_only",
                    "allowed_cidrs": ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"],
                },
            },
            "net": {
                "token": token("net"),
                "allowed_prefixes": {"type": "subnet", "allowed_cidrs": ["10.244.0.0/16"]},
            },
        },
        "log_level": "debug",
        "log_format": "text",
        "metrics_address": METRICS,
        "disconnect_grace_period": 30,
        // Tests say when it reads its files.
        "watch_interval": 0,
    })
}

/// The token of an owner.
pub fn token(owner: &str) -> String {
    format!("{owner}-token")
}

impl<'lab> Agent<'lab> {
    /// Starts an agent and returns when it takes calls.
    #[track_caller]
    pub fn start(lab: &'lab Lab) -> Self {
        Self::start_with(lab, |_| {})
    }

    /// Like [`Agent::start`], with changes to the configuration.
    #[track_caller]
    pub fn start_with(lab: &'lab Lab, edit: impl FnOnce(&mut Value)) -> Self {
        let mut agent = Self::prepare(lab, edit);
        agent.launch();
        agent
    }

    /// Like [`Agent::start`], in a control group, whose `cgroup.procs` this is.
    #[track_caller]
    pub fn start_in(lab: &'lab Lab, group: PathBuf) -> Self {
        Self::start_with_in(lab, group, |_| {})
    }

    /// Both.
    #[track_caller]
    pub fn start_with_in(lab: &'lab Lab, group: PathBuf, edit: impl FnOnce(&mut Value)) -> Self {
        let mut agent = Self::prepare(lab, edit);
        agent.group = Some(group);
        agent.launch();
        agent
    }

    /// An agent that is not started yet.
    #[track_caller]
    fn prepare(lab: &'lab Lab, edit: impl FnOnce(&mut Value)) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime");
        let runtime = Arc::new(runtime);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let agent = Self { lab, runtime, child: None, number, group: None };
        let socket = agent.socket();
        let mut config = config(lab, socket.to_str().expect("a path of text"));
        edit(&mut config);
        fs::write(agent.path("json"), config.to_string()).expect("writing the configuration");
        agent
    }

    /// Starts the agent anew after [`Agent::stop`] or [`Agent::kill`], with the same configuration.
    #[track_caller]
    pub fn launch(&mut self) {
        self.launch_with(&[]);
    }

    /// Like [`Agent::launch`], with more arguments.
    #[track_caller]
    pub fn launch_args(&mut self, args: &[&str]) {
        self.launch_as(args, &[]);
    }

    /// Like [`Agent::launch`], with environment variables.
    #[track_caller]
    pub fn launch_with(&mut self, env: &[(&str, &str)]) {
        self.launch_as(&[], env);
    }

    /// Like [`Agent::launch`], with both.
    #[track_caller]
    pub fn launch_as(&mut self, args: &[&str], env: &[(&str, &str)]) {
        assert!(self.child.is_none(), "the agent runs");
        let log = File::options().create(true).append(true).open(self.path("log")).expect("a log");
        let mut command = self.lab.command(Router::Node, env!("CARGO_BIN_EXE_novaroute-agent"));
        if let Some(group) = &self.group {
            // The shell enters the group, and becomes the agent. `ip netns exec` would hide the kernel's groups.
            let namespace = format!("--net=/run/netns/{}", self.lab.namespace(Router::Node));
            command = Command::new("sh");
            command.args(["-c", "echo $$ >\"$0\" && exec \"$@\""]).arg(group);
            command.args(["nsenter", &namespace, env!("CARGO_BIN_EXE_novaroute-agent")]);
        }
        command.arg("--config").arg(self.path("json")).args(args).stdin(Stdio::null());
        command.envs(env.iter().copied());
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        let mut child = command.spawn().expect("starting the agent");
        let socket = self.socket();
        wait_for("the agent's socket", SOON, || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("the agent has ended: {status}\n{}", self.log());
            }
            UnixStream::connect(&socket).map(drop)
        });
        self.child = Some(child);
    }

    fn path(&self, extension: &str) -> PathBuf {
        self.lab.run_dir().join(format!("agent-{}.{extension}", self.number))
    }

    /// Its process number.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("a running agent").id()
    }

    /// Its configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.path("json")
    }

    /// Changes the configuration file, for the next start or reload.
    #[track_caller]
    pub fn edit(&self, edit: impl FnOnce(&mut Value)) {
        let text = fs::read_to_string(self.path("json")).expect("reading the configuration");
        let mut config = serde_json::from_str(&text).expect("JSON");
        edit(&mut config);
        fs::write(self.path("json"), config.to_string()).expect("writing the configuration");
    }

    /// Changes the file and has the agent read it (SIGHUP); whether it is in force then.
    #[track_caller]
    pub fn reload(&self, edit: impl FnOnce(&mut Value)) -> bool {
        self.edit(edit);
        self.hang_up()
    }

    /// Has the agent read its configuration again (SIGHUP); whether it is in force then.
    #[track_caller]
    pub fn hang_up(&self) -> bool {
        let count = |result: &str| {
            let series = format!("novaroute_config_reloads_total{{result=\"{result}\"}} ");
            let (_, metrics) = self.http("/metrics");
            let line = metrics.lines().find_map(|line| line.strip_prefix(series.as_str()));
            line.expect("the metric").parse::<u32>().expect("a number")
        };
        let before = (count("success"), count("failure"));
        self.signal("-HUP");
        wait_for("the reload", SOON, || match (count("success"), count("failure")) {
            now if now == (before.0 + 1, before.1) => Ok(true),
            now if now == (before.0, before.1 + 1) => Ok(false),
            now => Err(format!("{before:?} {now:?}")),
        })
    }

    /// Where clients connect.
    pub fn socket(&self) -> PathBuf {
        self.path("sock")
    }

    /// All that the agent has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// A new connection, whose calls are those of `owner`.
    #[track_caller]
    pub fn client(&self, owner: &str) -> Client {
        Client::connect(self.runtime.clone(), self.socket(), owner)
    }

    /// Runs `novaroutectl` against this agent.
    #[track_caller]
    pub fn ctl(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_novaroutectl"));
        command.arg("--socket").arg(self.socket()).args(args);
        command.output().expect("running novaroutectl")
    }

    /// Status code and body of an answer over HTTP.
    #[track_caller]
    pub fn http(&self, path: &str) -> (u16, String) {
        let url = format!("http://{METRICS}{path}");
        let out =
            self.lab.exec(Router::Node, &["curl", "-s", "-m", "5", "-w", "\n%{http_code}", &url]);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let (body, code) = text.rsplit_once('\n').expect("curl's own line");
        (code.parse().expect("a number"), body.to_owned())
    }

    /// Waits for `/readyz` to say that FRR has everything.
    #[track_caller]
    pub fn wait_ready(&self) {
        wait_for("/readyz", SOON, || match self.http("/readyz") {
            (200, _) => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }

    /// Stops it as Kubernetes does; it must end by itself within [`ENDS`], with success.
    #[track_caller]
    pub fn stop(&mut self) {
        self.stop_within(ENDS);
    }

    /// Like [`Agent::stop`], with another time.
    #[track_caller]
    pub fn stop_within(&mut self, within: Duration) {
        let status = self.end(within);
        assert!(status.success(), "{status}\n{}", self.log());
        assert!(!self.socket().exists(), "the socket is left behind");
    }

    #[track_caller]
    fn end(&mut self, within: Duration) -> ExitStatus {
        self.signal("-TERM");
        let mut child = self.child.take().expect("a running agent");
        wait_for("the end of the agent", within, || {
            child.try_wait().expect("waiting").ok_or("it runs")
        })
    }

    /// Stops it as [`Agent::stop`]; it must end by itself within this time, and say that it failed.
    #[track_caller]
    pub fn stop_failing(&mut self, within: Duration) {
        let status = self.end(within);
        assert_eq!(status.code(), Some(1), "{}", self.log());
    }

    /// Starts the agent anew, with environment variables, and waits for it to end by itself, or `act`, which gets its process
    /// number, to have it end; its exit code.
    #[track_caller]
    pub fn launch_to_die(&mut self, env: &[(&str, &str)], act: impl Fn(&Self, u32)) -> Option<i32> {
        assert!(self.child.is_none(), "the agent runs");
        let log = File::options().create(true).append(true).open(self.path("log")).expect("a log");
        let mut command = self.lab.command(Router::Node, env!("CARGO_BIN_EXE_novaroute-agent"));
        command.arg("--config").arg(self.path("json")).stdin(Stdio::null());
        command.envs(env.iter().copied());
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        let mut child = command.spawn().expect("starting the agent");
        let status = wait_for("the death of the agent", SOON, || {
            act(self, child.id());
            child.try_wait().expect("waiting").ok_or("it runs")
        });
        status.code()
    }

    /// Waits for it to die by itself.
    #[track_caller]
    pub fn wait_dead(&mut self) {
        let mut child = self.child.take().expect("a running agent");
        let status = wait_for("the death of the agent", SOON, || {
            child.try_wait().expect("waiting").ok_or("it runs")
        });
        assert!(!status.success(), "it ended well: {status}");
    }

    /// Kills it (SIGKILL).
    #[track_caller]
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("a running agent");
        child.kill().expect("killing");
        child.wait().expect("waiting");
    }

    /// Stops its threads (SIGSTOP) until the answer is dropped.
    #[track_caller]
    pub fn freeze(&self) -> Frozen<'_, 'lab> {
        self.signal("-STOP");
        Frozen(self)
    }

    #[track_caller]
    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("a running agent").id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("running kill");
        assert!(sent.success(), "kill {signal} {pid}: {sent}");
    }
}

/// An agent that does not run; see [`Agent::freeze`].
pub struct Frozen<'agent, 'lab>(&'agent Agent<'lab>);

impl Drop for Frozen<'_, '_> {
    fn drop(&mut self) {
        self.0.signal("-CONT");
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
