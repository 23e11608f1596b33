//! What a person at a terminal is asked, and a script is not.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use novaroute::proto::v1::*;

use crate::fake::{Fake, Script, Seen};

const CONFIGURE: &str = "configure-bgp --local-as 65010 --owner admin --token t";

fn with_sessions(states: &[&str]) -> Script {
    let peer = |(number, state): (usize, &&str)| PeerStatus {
        neighbor_address: format!("10.0.0.{number}"),
        state: (*state).to_owned(),
        ..PeerStatus::default()
    };
    let peers = states.iter().enumerate().map(peer).collect();
    let status = GetStatusResponse { peers, ..GetStatusResponse::default() };
    Script { status, ..Script::default() }
}

/// Runs it at a terminal, where this is typed.
fn at_a_terminal(fake: &Fake, args: &str, typed: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_novaroutectl");
    let line = format!("{program} --socket {} {args}", fake.socket().display());
    // script(1), essential on Debian, is the terminal.
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped());
    let mut child = script.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("script");
    let mut keys = child.stdin.take().expect("its input");
    keys.write_all(typed.as_bytes()).expect("typing");
    let out = child.wait_with_output().expect("waiting");
    drop(keys);
    out
}

fn configured(fake: Fake) -> bool {
    fake.all_seen().iter().any(|seen| matches!(seen, Seen::ConfigureBgp(_)))
}

#[test]
fn who_resets_sessions_is_asked_at_a_terminal() {
    for (typed, code, done) in [("n\n", 1, false), ("\n", 1, false), ("y\n", 0, true)] {
        let fake = Fake::start(with_sessions(&["Established", "Active", "Established"]));
        let out = at_a_terminal(&fake, CONFIGURE, typed);
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(said.contains("2 BGP sessions are established"), "{said}");
        assert_eq!(out.status.code(), Some(code), "{typed:?}: {said}");
        assert_eq!(configured(fake), done, "{typed:?}: {said}");
    }
}

#[test]
fn where_nothing_is_reset_or_nobody_is_there_nothing_is_asked() {
    let fake = Fake::start(with_sessions(&["Active"]));
    let out = at_a_terminal(&fake, CONFIGURE, "");
    assert!(out.status.success() && configured(fake), "{out:?}");
    let fake = Fake::start(with_sessions(&["Established"]));
    let out = at_a_terminal(&fake, &format!("{CONFIGURE} --yes"), "");
    assert!(out.status.success() && configured(fake), "{out:?}");
    let fake = Fake::start(with_sessions(&["Established"]));
    fake.ok(&CONFIGURE.split(' ').collect::<Vec<_>>());
    assert!(configured(fake), "a script is not asked");
}
