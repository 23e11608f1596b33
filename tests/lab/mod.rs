//! The lab fixture: real FRR and BIRD routers in network namespaces, for tests.
//!
//! Owns nothing but the way from a test to `lab.sh`, which is the one implementation:
//! what a test does here, a person can do by hand. [`Lab::start`] gives a lab of the
//! test's own; any number runs side by side. Dropping it removes processes,
//! namespaces and files, also when the test panics; when the test process is killed,
//! the next lab that starts (or `make lab-down`) does.
//!
//! ```ignore
//! mod lab;
//! let lab = Lab::start(LabOptions::default());
//! lab.vtysh(Router::Node, &["show bgp summary"]);
//! ```
//!
//! Needs root, and `make setup` before. Tests never skip: without FRR they panic with
//! what to do.

// Each test binary compiles this module and uses its own part of it.
#![allow(dead_code)]

mod daemons;
pub mod net;

use std::{
    ffi::OsStr,
    fmt, fs,
    fs::File,
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{self, Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::thread::LinkNameSpaceType;

/// How often [`wait_for`] looks. FRR answers a `show` in about 5 ms.
const POLL: Duration = Duration::from_millis(50);

/// The daemons of an FRR router.
pub const FRR_DAEMONS: [&str; 6] = ["mgmtd", "zebra", "staticd", "bgpd", "bfdd", "ospfd"];

/// A router of a lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Router {
    /// FRR, and the agent under test.
    Node,
    /// FRR, the peer on the rack.
    Tor,
    /// BIRD 2, the peer by another hand. Its only daemon is called `bird`.
    Bird,
}

impl Router {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Node, Self::Tor, Self::Bird];

    /// The name that `lab.sh` uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Tor => "tor",
            Self::Bird => "bird",
        }
    }
}

impl fmt::Display for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a lab may have that is not the default.
#[derive(Clone, Debug, Default)]
pub struct LabOptions {
    profiles: Vec<(Router, String)>,
    configs: Vec<(Router, String)>,
    daemon_args: Vec<(Router, String, String)>,
    grpc: Vec<(Router, String)>,
}

impl LabOptions {
    /// FRR's defaults profile of a router: `datacenter` (the default) or `traditional`.
    pub fn profile(mut self, router: Router, profile: &str) -> Self {
        self.profiles.push((router, profile.to_owned()));
        self
    }

    /// The start-up configuration of a router: FRR's `frr.conf` or BIRD's `bird.conf`.
    /// Loaded at the start and again by [`Lab::restart`], as FRR's own start script does.
    /// By default `node` has none, `tor` and `bird` have `tor.conf` and `bird.conf`.
    pub fn config(mut self, router: Router, text: &str) -> Self {
        self.configs.push((router, text.to_owned()));
        self
    }

    /// More command line arguments for an FRR daemon, separated by blanks.
    pub fn daemon_args(mut self, router: Router, daemon: &str, args: &str) -> Self {
        self.daemon_args.push((router, daemon.to_owned(), args.to_owned()));
        self
    }

    /// FRR's own gRPC (`frr.Northbound`) in these daemons: see [`Lab::grpc_port`] and
    /// [`Lab::connect`]. The first lab that wants it builds it, which takes minutes.
    pub fn grpc(mut self, router: Router, daemons: &[&str]) -> Self {
        self.grpc.extend(daemons.iter().map(|daemon| (router, (*daemon).to_owned())));
        self
    }
}

/// A running lab; dropping it removes it.
#[derive(Debug)]
pub struct Lab {
    id: String,
    run_dir: PathBuf,
    frr_root: PathBuf,
    spawned: AtomicU32,
}

/// Resident memory of a process in kB.
#[track_caller]
pub fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    memory.trim_end_matches("kB").trim().parse().expect("a number")
}

impl Lab {
    /// Starts a lab and returns when all daemons of all routers listen, after about half a second.
    ///
    /// # Panics
    /// When it cannot start, with `lab.sh`'s reason and what to do.
    #[track_caller]
    pub fn start(options: LabOptions) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let owner = process::id();
        let id = format!("nr{owner}-{}", COUNT.fetch_add(1, Ordering::Relaxed));

        let texts = tempfile::tempdir().expect("a temporary directory");
        let mut up = lab_sh(&id);
        up.args(["up", "--owner", &owner.to_string()]);
        for (router, profile) in &options.profiles {
            up.args(["--profile", &format!("{router}={profile}")]);
        }
        for (router, text) in &options.configs {
            let file = texts.path().join(router.name());
            fs::write(&file, text).expect("writing a start-up configuration");
            up.args(["--config", &format!("{router}={}", file.display())]);
        }
        for (router, daemon, args) in &options.daemon_args {
            up.args(["--args", &format!("{router}/{daemon}={args}")]);
        }
        if !options.grpc.is_empty() {
            // Not captured: it says what takes so long.
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/grpc.sh");
            let built = Command::new(script).stdin(Stdio::null()).stdout(Stdio::null()).status();
            let built = built.unwrap_or_else(|e| panic!("{script}: {e}"));
            assert!(built.success(), "{script}: {built}; the reason is above");
        }
        for (router, daemon) in &options.grpc {
            up.args(["--grpc", &format!("{router}/{daemon}={}", grpc_port(daemon))]);
        }
        succeed(&mut up);

        let run_dir = run_base().join(&id);
        let frr_root = fs::read_to_string(run_dir.join("node/frr-root")).expect("lab.sh writes it");
        Self { id, run_dir, frr_root: frr_root.trim().into(), spawned: AtomicU32::new(0) }
    }

    /// The lab's name, to be used with `lab.sh -l`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The lab's directory; whatever a test puts there goes with the lab.
    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// Where FRR's sockets of a router are, as seen from the host: `<daemon>.vty`, `mgmtd_fe.sock`.
    pub fn socket_dir(&self, router: Router) -> PathBuf {
        self.run_dir.join(router.name()).join("run/frr")
    }

    /// The logs of a router's daemons: `<daemon>.log`.
    pub fn log_dir(&self, router: Router) -> PathBuf {
        self.run_dir.join(router.name()).join("log")
    }

    /// The root file system of the FRR that `node` began with.
    pub fn frr_root(&self) -> &Path {
        &self.frr_root
    }

    /// The YANG modules of the FRR that `node` began with.
    pub fn yang_dir(&self) -> PathBuf {
        self.frr_root.join("usr/share/yang")
    }

    /// The name of a router's network namespace.
    pub fn namespace(&self, router: Router) -> String {
        format!("{}-{router}", self.id)
    }

    /// The port of a daemon's own gRPC, on every address of its router. Only the lab can reach it:
    /// for the test itself there is [`Lab::connect`].
    #[track_caller]
    pub fn grpc_port(&self, router: Router, daemon: &str) -> u16 {
        let file = self.run_dir.join(router.name()).join("grpc").join(daemon);
        let text = fs::read_to_string(&file)
            .unwrap_or_else(|e| panic!("{daemon} of {router} was not asked to serve gRPC: {e}"));
        text.trim().parse().expect("a port")
    }

    /// A TCP connection to a port of a router's own loopback, for a client in this process.
    pub fn connect(&self, router: Router, port: u16) -> io::Result<TcpStream> {
        self.inside(router, move || TcpStream::connect((Ipv4Addr::LOCALHOST, port)))
    }

    /// A listener on a port of a router's own loopback, for a server in this process.
    pub fn listen(&self, router: Router, port: u16) -> io::Result<TcpListener> {
        self.inside(router, move || TcpListener::bind((Ipv4Addr::LOCALHOST, port)))
    }

    /// Makes a socket in a router's network namespace.
    ///
    /// A socket belongs for ever to the namespace of the thread that made it. So a thread enters the
    /// router's namespace, makes it, hands it over and ends: no relay is needed, and nothing else of
    /// this process is in that namespace.
    fn inside<T: Send + 'static>(
        &self,
        router: Router,
        make: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let namespace = File::open(Path::new("/run/netns").join(self.namespace(router)))?;
        let making = thread::spawn(move || {
            let kind = Some(LinkNameSpaceType::Network);
            rustix::thread::move_into_link_name_space(namespace.as_fd(), kind)?;
            make()
        });
        making.join().expect("the thread does not panic")
    }

    /// A command of this machine, to be run in the router's network namespace. The child is the
    /// program itself: its process number and signals are the program's.
    pub fn command(&self, router: Router, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(router)]).arg(program);
        command
    }

    /// Runs a command of this machine in the router's network namespace to its end.
    ///
    /// # Panics
    /// When it cannot be run; its exit code is the caller's to judge.
    #[track_caller]
    pub fn exec(&self, router: Router, argv: &[&str]) -> Output {
        let (program, args) = argv.split_first().expect("a program to run");
        output(self.command(router, program).args(args))
    }

    /// Starts a program (such as the agent) in the router's network namespace, with the arguments,
    /// environment and directory of `command`. Its output goes to a file in [`Lab::run_dir`], shown
    /// when the test fails. The lab kills it when dropped, but only the caller can wait for it.
    #[track_caller]
    pub fn spawn_in(&self, router: Router, command: &Command) -> Child {
        let mut inside = self.command(router, command.get_program());
        inside.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            inside.current_dir(dir);
        }
        let number = self.spawned.fetch_add(1, Ordering::Relaxed);
        let path = self.run_dir.join(format!("spawned-{number}.log"));
        let log = File::create(&path).expect("creating the log of a spawned program");
        let err = log.try_clone().expect("a second handle of the log");
        inside.stdin(Stdio::null()).stdout(log).stderr(err);
        inside.spawn().unwrap_or_else(|e| panic!("{inside:?}: {e}"))
    }

    /// Runs commands in FRR's shell, one after another, and returns what it prints.
    ///
    /// # Panics
    /// When one fails.
    #[track_caller]
    pub fn vtysh(&self, router: Router, commands: &[&str]) -> String {
        let mut vtysh = lab_sh(&self.id);
        vtysh.args(["vtysh", router.name()]);
        for command in commands {
            vtysh.args(["-c", command]);
        }
        succeed(&mut vtysh)
    }

    /// [`Lab::vtysh`] with one command that prints JSON, such as `show bgp summary json`.
    #[track_caller]
    pub fn vtysh_json(&self, router: Router, command: &str) -> serde_json::Value {
        let text = self.vtysh(router, &[command]);
        serde_json::from_str(&text)
            .unwrap_or_else(|e| panic!("{router}: {command}: {e} in:\n{text}"))
    }

    /// Runs a command in BIRD's shell, such as `show route all`.
    #[track_caller]
    pub fn birdc(&self, command: &str) -> String {
        succeed(lab_sh(&self.id).arg("birdc").args(command.split_whitespace()))
    }

    /// What the daemons and spawned programs logged last, for the reader of a failed test.
    fn print_logs(&self) {
        let dirs = [Router::Node, Router::Tor].map(|router| self.log_dir(router));
        for dir in dirs.iter().map(PathBuf::as_path).chain([self.run_dir()]) {
            let Ok(entries) = fs::read_dir(dir) else {
                continue;
            };
            let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
            files.sort();
            for file in files.iter().filter(|file| file.extension() == Some(OsStr::new("log"))) {
                let text = fs::read(file).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                let lines: Vec<_> = text.lines().collect();
                let last = &lines[lines.len().saturating_sub(15)..];
                if !last.is_empty() {
                    eprintln!("--- {}\n{}", file.display(), last.join("\n"));
                }
            }
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if thread::panicking() {
            self.print_logs();
        }
        // No panic here: one while another unwinds would abort the test without its message.
        match lab_sh(&self.id).arg("down").output() {
            Ok(out) if out.status.success() => {}
            Ok(out) => eprintln!("lab {}: {}", self.id, String::from_utf8_lossy(&out.stderr)),
            Err(e) => eprintln!("lab {}: lab.sh down: {e}", self.id),
        }
    }
}

/// Polls until `look` returns `Ok`, and returns that value. `look` says in its `Err` what it saw
/// instead.
///
/// # Panics
/// After `timeout`, with `what` was waited for and what was seen last.
#[track_caller]
pub fn wait_for<T, E: fmt::Display>(
    what: &str,
    timeout: Duration,
    mut look: impl FnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(value) => return value,
            Err(seen) if start.elapsed() >= timeout => {
                panic!("waited {timeout:?} for {what}; last seen: {seen}")
            }
            Err(_) => thread::sleep(POLL),
        }
    }
}

/// Where `lab.sh` keeps the directories of running labs.
pub fn run_base() -> PathBuf {
    std::env::var_os("NOVAROUTE_LAB_RUN").map_or_else(|| "/run/novaroute-lab".into(), PathBuf::from)
}

/// The port that a daemon's gRPC gets: any will do, in a namespace of its own.
fn grpc_port(daemon: &str) -> usize {
    let at = FRR_DAEMONS.iter().position(|known| *known == daemon);
    50051 + at.unwrap_or_else(|| panic!("{daemon} is no daemon of the lab's"))
}

/// `lab.sh -l ID`, to be given its command.
fn lab_sh(id: &str) -> Command {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/lab.sh"));
    command.args(["-l", id]);
    command
}

#[track_caller]
fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

/// Runs a command that must succeed, and returns what it prints.
#[track_caller]
fn succeed(command: &mut Command) -> String {
    let out = output(command);
    let stdout = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        out.status.success(),
        "{command:?}: {}\n{}{stdout}",
        out.status,
        String::from_utf8_lossy(&out.stderr),
    );
    stdout
}

/// The Python of the tests' virtual environment, built where it is not there yet.
#[track_caller]
pub fn python() -> PathBuf {
    let venv = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/venv.sh");
    let output = Command::new(venv).output().expect("running venv.sh");
    assert_well(&output);
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
}

/// A program has ended with success; else what it said is shown.
#[track_caller]
pub fn assert_well(output: &Output) {
    assert!(
        output.status.success(),
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
