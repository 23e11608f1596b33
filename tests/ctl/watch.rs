//! `--watch`: each change is a document; a screen is drawn over.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use novaroute::proto::v1::*;
use serde_json::{Value, json};

use crate::{
    fake::{self, Fake, Script},
    golden::responses,
};

fn peer(state: &str, uptime: &str) -> GetStatusResponse {
    let peers = vec![PeerStatus {
        neighbor_address: "10.0.0.1".into(),
        state: state.into(),
        uptime: uptime.into(),
        ..PeerStatus::default()
    }];
    let snapshot_age_ms = uptime.len() as u64;
    GetStatusResponse { peers, snapshot_age_ms, ..GetStatusResponse::default() }
}

fn changing() -> Script {
    Script {
        status: peer("Active", ""),
        later: vec![peer("Active", "1"), peer("Active", "12"), peer("Established", "1")],
        ..Script::default()
    }
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn each_change_is_a_line_of_json_and_growing_older_is_none() {
    for command in ["peers", "status"] {
        let fake = Fake::start(changing());
        let mut child = fake::command(&fake.socket(), &[command, "--watch", "-o", "json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for state in ["Active", "Established"] {
            let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            assert_eq!(line["peers"][0]["state"], json!(state));
        }
        end(child);
    }
}

#[test]
fn every_read_command_can_watch_and_writes_every_format() {
    let script = || Script {
        status: responses::status(),
        transaction: Transaction { id: "7".repeat(36), ..Transaction::default() },
        ..Script::default()
    };
    let id = "7".repeat(36);
    for words in ["status", "peers", "prefixes", "bfd", "ospf", "transactions"] {
        let fake = Fake::start(script());
        let json: Value = serde_json::from_str(&fake.ok(&[words, "-o", "json"])).unwrap();
        assert!(json.is_object(), "{json}");
        for format in ["table", "wide", "yaml"] {
            assert!(!fake.ok(&[words, "-o", format]).is_empty(), "{words} {format}");
        }
    }
    for words in [
        &["status"][..],
        &["bfd"],
        &["ospf"],
        &["prefixes"],
        &["transactions"],
        &["transactions", "list"],
        &["transactions", "show", &id],
    ] {
        let fake = Fake::start(script());
        let args = [words, &["--watch=1", "-o", "yaml"]].concat();
        let mut child =
            fake::command(&fake.socket(), &args).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert_eq!(first, "---\n", "{words:?}");
        end(child);
    }
}

#[test]
fn a_watch_in_a_pipe_ends_with_the_agent() {
    let fake = Fake::start(changing());
    let child = fake::command(&fake.socket(), &["peers", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = child;
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(fake);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let code = child.wait().unwrap().code().unwrap();
    assert!([3, 10].contains(&code), "{code}: {rest}");
}

#[test]
fn a_screen_is_drawn_over_and_control_c_is_clean() {
    let fake = Fake::start(changing());
    // Wrapping is off while it draws, on again behind it; then the shell, which outlives Ctrl-C,
    // tells how it ended.
    let line = format!(
        "trap : INT; stty rows 24 cols 80; {} --socket {} peers --watch; echo ended $?",
        env!("CARGO_BIN_EXE_novaroutectl"),
        fake.socket().display()
    );
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env("SHELL", "/bin/sh");
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let (mut text, begun) = (Vec::new(), Instant::now());
    let has = |text: &[u8], wanted: &str| String::from_utf8_lossy(text).contains(wanted);
    let mut part = [0; 4096];
    while !has(&text, "Established") {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", String::from_utf8_lossy(&text));
        let count = out.read(&mut part).unwrap();
        assert_ne!(count, 0, "{:?}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&part[..count]);
    }
    // The terminal's own Ctrl-C.
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"\x03").unwrap();
    out.read_to_end(&mut text).unwrap();
    child.wait().unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("\u{1b}[2J\u{1b}[?7l"), "{text:?}");
    assert!(text.contains("\u{1b}[H") && text.contains("\u{1b}[J"), "{text:?}");
    let (_, behind) = text.rsplit_once("\u{1b}[?7h").expect("wrapping is on again");
    assert!(behind.contains("ended 0"), "{text:?}");
}
