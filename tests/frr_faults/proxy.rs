//! Stands between the agent and the VTY of a real daemon, and spoils what the daemon answers while it is told
//! to. All other sockets of FRR are behind links.

use std::{
    collections::VecDeque,
    fs,
    io::{Read, Write},
    os::unix::{
        fs::symlink,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crate::lab::{Lab, Router};

/// What becomes of the daemon's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoil {
    /// They pass.
    Nothing,
    /// None comes any more.
    Silent,
    /// Each stops in the middle, and nothing follows.
    Short,
    /// Bytes that are no answer.
    Garbage,
    /// Each comes twice: from the second command on answers belong to another command.
    Twice,
    /// Commands that begin so are refused, and have been executed.
    Refuse(&'static str),
    /// Commands that begin so never reach the daemon, which is asked something that it does not know instead.
    Deny(&'static str),
    /// Commands that begin so never reach the daemon, and are never answered.
    Swallow(&'static str),
    /// The daemon says that it is of another version of FRR.
    Version(&'static str, &'static str),
    /// The connection closes behind this many more answers.
    CloseAfter(usize),
}

/// The proxy. Its threads end with the test.
pub struct Proxy {
    dir: PathBuf,
    spoil: Arc<Mutex<Spoil>>,
    swallowed: Arc<AtomicUsize>,
}

impl Proxy {
    /// A socket directory for the agent, in which the VTY of `daemon` is this proxy's.
    #[track_caller]
    pub fn start(lab: &Lab, daemon: &str) -> Self {
        let real = lab.socket_dir(Router::Node);
        let dir = lab.run_dir().join("behind-proxy");
        fs::create_dir(&dir).expect("a directory");
        let spoiled = format!("{daemon}.vty");
        for entry in fs::read_dir(&real).expect("FRR's sockets") {
            let name = entry.expect("an entry").file_name();
            if name.to_str() != Some(&spoiled) {
                symlink(real.join(&name), dir.join(&name)).expect("a link");
            }
        }
        let listener = UnixListener::bind(dir.join(&spoiled)).expect("a socket");
        let (spoil, to) = (Arc::new(Mutex::new(Spoil::Nothing)), real.join(&spoiled));
        let (told, swallowed) = (spoil.clone(), Arc::new(AtomicUsize::new(0)));
        let counted = swallowed.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                serve(client, &to, &told, &counted);
            }
        });
        Self { dir, spoil, swallowed }
    }

    /// For `frr.socket_dir`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How many commands were swallowed.
    pub fn swallowed(&self) -> usize {
        self.swallowed.load(Ordering::Relaxed)
    }

    /// Spoils all answers from now on.
    pub fn spoil(&self, how: Spoil) {
        *self.spoil.lock().expect("no panic") = how;
    }
}

/// Stands before mgmtd's frontend socket, and holds back what mgmtd answers while it is told to.
pub struct Relay {
    dir: PathBuf,
    stalled: Arc<AtomicBool>,
}

impl Relay {
    /// A socket directory for the agent, in which mgmtd's frontend is this relay's.
    #[track_caller]
    pub fn start(lab: &Lab) -> Self {
        const FRONTEND: &str = "mgmtd_fe.sock";
        let real = lab.socket_dir(Router::Node);
        let dir = lab.run_dir().join("behind-relay");
        fs::create_dir(&dir).expect("a directory");
        for entry in fs::read_dir(&real).expect("FRR's sockets") {
            let name = entry.expect("an entry").file_name();
            if name.to_str() != Some(FRONTEND) {
                symlink(real.join(&name), dir.join(&name)).expect("a link");
            }
        }
        let listener = UnixListener::bind(dir.join(FRONTEND)).expect("a socket");
        let stalled = Arc::new(AtomicBool::new(false));
        let (told, to) = (stalled.clone(), real.join(FRONTEND));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(mgmtd) = UnixStream::connect(&to) else { continue };
                let clone = |stream: &UnixStream| stream.try_clone().expect("a second handle");
                let (mut from, mut into) = (clone(&client), clone(&mgmtd));
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut into);
                    let _ = into.shutdown(std::net::Shutdown::Both);
                });
                let told = told.clone();
                thread::spawn(move || held_back(mgmtd, client, &told));
            }
        });
        Self { dir, stalled }
    }

    /// For `frr.socket_dir`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether answers are held back from now on.
    pub fn stall(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::SeqCst);
    }
}

fn held_back(mut from: UnixStream, mut into: UnixStream, stalled: &AtomicBool) {
    let mut buffer = [0; 65536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        while stalled.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(20));
        }
        if into.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = into.shutdown(std::net::Shutdown::Both);
}

/// Carries bytes both ways until one side hangs up.
fn serve(client: UnixStream, to: &Path, spoil: &Arc<Mutex<Spoil>>, swallowed: &Arc<AtomicUsize>) {
    // Where the daemon is away the client sees its connection end.
    let Ok(daemon) = UnixStream::connect(to) else { return };
    let clone = |stream: &UnixStream| stream.try_clone().expect("a second handle");
    let (from, into) = (clone(&client), clone(&daemon));
    let asked = Arc::new(Mutex::new(Asked::default()));
    let (spoil, noted) = (spoil.clone(), asked.clone());
    let (told, counted) = (spoil.clone(), swallowed.clone());
    thread::spawn(move || pump(from, into, &noted, &told, &counted));
    thread::spawn(move || answers(daemon, client, &spoil, &asked));
}

/// Commands on their way, whose answers have not come: the first is the oldest.
#[derive(Default)]
struct Asked {
    begun: Vec<u8>,
    commands: VecDeque<String>,
}

fn pump(
    mut from: UnixStream,
    mut into: UnixStream,
    asked: &Mutex<Asked>,
    spoil: &Mutex<Spoil>,
    swallowed: &AtomicUsize,
) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut sent = Vec::new();
        let mut asked = asked.lock().expect("no panic");
        for byte in &buffer[..count] {
            if *byte != 0 {
                asked.begun.push(*byte);
                continue;
            }
            let command = String::from_utf8_lossy(&std::mem::take(&mut asked.begun)).into_owned();
            let reaches = match *spoil.lock().expect("no panic") {
                Spoil::Swallow(begins) if command.starts_with(begins) => {
                    swallowed.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Spoil::Deny(begins) if command.starts_with(begins) => "denied-for-a-test",
                _ => &command,
            };
            sent.extend_from_slice(reaches.as_bytes());
            sent.push(0);
            asked.commands.push_back(command);
        }
        drop(asked);
        if into.write_all(&sent).is_err() {
            break;
        }
    }
    let _ = into.shutdown(std::net::Shutdown::Both);
}

/// Takes the daemon's answers apart and gives them on, spoiled or not.
fn answers(
    mut daemon: UnixStream,
    mut client: UnixStream,
    spoil: &Mutex<Spoil>,
    asked: &Mutex<Asked>,
) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 65536]);
    'connected: while let Ok(count @ 1..) = daemon.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
        // The text, three NULs, and the return code.
        while let Some(end) = bytes.windows(3).position(|it| it == [0; 3]).map(|at| at + 4)
            && bytes.len() >= end
        {
            let rest = bytes.split_off(end);
            let answer = std::mem::replace(&mut bytes, rest);
            let command = asked.lock().expect("no panic").commands.pop_front().unwrap_or_default();
            let spoiled = spoiled(&command, answer, &mut spoil.lock().expect("no panic"));
            let Some(spoiled) = spoiled else {
                break 'connected;
            };
            if client.write_all(&spoiled).is_err() {
                break 'connected;
            }
        }
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = daemon.shutdown(std::net::Shutdown::Both);
}

/// What the client gets for an answer; `None` where the connection closes.
fn spoiled(command: &str, mut answer: Vec<u8>, spoil: &mut Spoil) -> Option<Vec<u8>> {
    match spoil {
        Spoil::Nothing | Spoil::Deny(_) | Spoil::Swallow(_) => Some(answer),
        Spoil::Silent => Some(Vec::new()),
        Spoil::Short => {
            answer.truncate(answer.len() / 2);
            Some(answer)
        }
        Spoil::Garbage => Some(b"\x07\xff\0\0oops\0\x1b[2J\0\0".repeat(3)),
        Spoil::Twice => {
            answer.extend_from_within(..);
            Some(answer)
        }
        Spoil::Refuse(begins) if command.starts_with(*begins) => {
            Some(b"% refused for a test\n\0\0\0\x0d".to_vec())
        }
        Spoil::Refuse(_) => Some(answer),
        Spoil::Version(from, to) => {
            let text = String::from_utf8_lossy(&answer).replace(*from, to);
            Some(text.into_bytes())
        }
        Spoil::CloseAfter(0) => None,
        Spoil::CloseAfter(left) => {
            *left -= 1;
            Some(answer)
        }
    }
}
