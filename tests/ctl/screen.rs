//! `top` on a pseudoterminal: it draws, goes on when the agent comes back, and gives the terminal
//! back however it ends.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixListener,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::{
    fake::{self, Fake, Script},
    golden::responses,
};

/// The terminal's second screen, entered and left.
const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";

/// `top` on a terminal of script(1), which is essential on Debian.
struct Terminal {
    child: Child,
    text: Arc<Mutex<String>>,
}

impl Terminal {
    fn start(socket: &std::path::Path) -> Self {
        let line = format!(
            "stty rows 30 cols 100; {} --socket {} top & echo pid $!.; fg >/dev/null; \
             echo ended $?; stty -a",
            env!("CARGO_BIN_EXE_novaroutectl"),
            socket.display()
        );
        // Job control, so that the process can be told from its shell.
        let mut child = Command::new("script")
            .args(["-qec", &format!("bash -c 'set -m; {line}'"), "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (text, mut out) = (Arc::new(Mutex::new(String::new())), child.stdout.take().unwrap());
        let kept = Arc::clone(&text);
        thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut part) {
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&part[..count]));
            }
        });
        Self { child, text }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// Waits for what is written once.
    fn wait(&self, word: &str) {
        let begun = Instant::now();
        while !self.text().contains(word) {
            assert!(begun.elapsed() < Duration::from_secs(60), "no {word}: {:?}", self.text());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for words on the screen, which has to be drawn anew for that: only what differs from
    /// the last frame is written.
    fn see(&mut self, words: &str) {
        let begun = Instant::now();
        while !self.text().contains(words) {
            assert!(begun.elapsed() < Duration::from_secs(60), "no {words}: {:?}", self.text());
            self.press("\x0c");
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn press(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(keys.as_bytes()).and_then(|()| stdin.flush()).unwrap();
    }

    fn signal(&self, name: &str) {
        let text = self.text();
        let pid = text.split("pid ").nth(1).and_then(|rest| rest.split('.').next()).unwrap();
        assert!(Command::new("kill").args([name, pid]).status().unwrap().success());
    }

    /// Waits for the end: the terminal is as it was.
    fn ended(mut self) {
        self.wait("ended 0");
        self.wait("-echoprt");
        self.child.wait().unwrap();
        let text = self.text();
        let behind = text.rsplit_once(LEAVE).expect("the second screen is left").1;
        assert!(!behind.contains(ENTER) && behind.contains("ended 0"), "{text:?}");
        assert!(behind.contains("\u{1b}[?25h"), "the cursor is shown: {text:?}");
        assert!(behind.contains(" echo ") && behind.contains(" icanon"), "no raw mode: {behind:?}");
    }
}

fn full() -> Script {
    Script { status: responses::status(), keep_open: true, ..Script::default() }
}

#[test]
fn keys_work_and_q_gives_the_terminal_back() {
    let fake = Fake::start(Script { events: responses::events(), ..full() });
    let mut terminal = Terminal::start(&fake.socket());
    terminal.wait(ENTER);
    terminal.see("Established");
    terminal.see("policy_violation");
    terminal.press("?");
    terminal.see("previous");
    terminal.press("?p");
    terminal.see("PAUSED");
    terminal.press("q");
    terminal.ended();
}

#[test]
fn sigterm_gives_the_terminal_back() {
    let fake = Fake::start(full());
    let mut terminal = Terminal::start(&fake.socket());
    terminal.see("Established");
    terminal.signal("-TERM");
    terminal.ended();
}

#[test]
fn an_agent_that_is_away_is_waited_for() {
    let mut fake = Some(Fake::start(full()));
    let socket = fake.as_ref().unwrap().socket();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.sock");
    std::os::unix::fs::symlink(&socket, &path).unwrap();
    let mut terminal = Terminal::start(&path);
    terminal.see("Established");
    fake = None;
    drop(fake);
    terminal.see("again:");
    let script = Script { events: responses::events(), ..full() };
    let again = Fake::start(script);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(again.socket(), &path).unwrap();
    terminal.see("policy_violation");
    terminal.press("\x03");
    terminal.ended();
}

#[test]
fn without_a_terminal_it_says_what_else_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("never asked");
    let _listener = UnixListener::bind(&path).unwrap();
    let run = fake::ctl(&path, &["top"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("status --watch"), "{run:?}");
}
