//! What goes to standard output: whole documents, streams line by line, no colours
//! in a pipe.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use novaroute::proto::v1::*;
use serde_json::{Value, json};

use crate::{
    fake::{self, Fake, Script},
    golden::responses,
};

fn document(script: Script, args: &[&str]) -> Value {
    let fake = Fake::start(script);
    let mut args = args.to_vec();
    args.extend(["-o", "json"]);
    serde_json::from_str(&fake.ok(&args)).unwrap()
}

const WHO: [&str; 4] = ["--owner", "edge", "--token", "t"];

/// FRR was away when it was declared.
#[test]
fn what_frr_does_not_have_yet_is_not_called_done() {
    let of = |outcome| {
        let fake = Fake::start(Script { outcome, ..Script::default() });
        let args = [&["advertise", "--prefix", "10.0.0.0/8"], &WHO[..]].concat();
        fake.ok(&args)
    };
    let done = "prefix 10.0.0.0/8 advertised in BGP";
    for outcome in [Outcome::Confirmed, Outcome::Unchanged, Outcome::Unspecified] {
        assert_eq!(of(outcome), format!("{done}\n"));
    }
    let pending = of(Outcome::Pending);
    assert!(pending.starts_with(&format!("{done}: pending")), "{pending}");
    assert!(pending.contains("novaroutectl status"), "{pending}");
}

#[test]
fn every_write_answers_one_json_document() {
    for args in [
        "deregister",
        "apply-peer --neighbor 10.0.0.1 --remote-as 1",
        "remove-peer --neighbor 10.0.0.1",
        "advertise --prefix 10.0.0.0/8",
        "withdraw --prefix 10.0.0.0/8 --protocol bgp",
    ] {
        let args: Vec<&str> = args.split_whitespace().chain(WHO).collect();
        assert_eq!(document(Script::default(), &args), json!({}), "{args:?}");
        if args[0] != "deregister" {
            let confirmed = Script { outcome: Outcome::Confirmed, ..Script::default() };
            assert_eq!(document(confirmed, &args), json!({"outcome": "confirmed"}), "{args:?}");
        }
    }
    let script = Script {
        apply: ApplyResponse {
            transaction_id: "42".into(),
            outcome: Outcome::Confirmed.into(),
            ..Default::default()
        },
        ..Script::default()
    };
    let args: Vec<&str> =
        "static-route add --prefix 10.0.0.0/8 --blackhole".split(' ').chain(WHO).collect();
    assert_eq!(document(script, &args), json!({"transaction_id": "42", "outcome": "confirmed"}));
}

#[test]
fn reads_answer_the_same_fields_alone_and_together() {
    let script = || Script { status: responses::status(), ..Script::default() };
    let status = document(script(), &["status"]);
    assert_eq!(document(script(), &["peers"])["peers"], status["peers"]);
    assert_eq!(document(script(), &["prefixes"])["prefixes"], status["prefixes"]);
}

#[test]
fn an_answer_of_100_000_prefixes_is_taken() {
    let prefixes = (0..100_000)
        .map(|number: u32| PrefixStatus {
            prefix: format!("2001:db8:{:x}:{:x}::/64", number >> 16, number & 0xffff),
            protocol: Protocol::Bgp.into(),
            owner: "edge".into(),
            state: "advertised, and a reason that makes the answer long".into(),
            ..PrefixStatus::default()
        })
        .collect();
    let status = GetStatusResponse { prefixes, ..GetStatusResponse::default() };
    let fake = Fake::start(Script { status, ..Script::default() });
    assert_eq!(fake.ok(&["prefixes"]).lines().count(), 100_001);
}

#[test]
fn a_pipe_gets_no_colours() {
    let fake = Fake::start(Script { status: responses::status(), ..Script::default() });
    let text = fake.ok(&["status"]);
    assert!(text.contains("Established") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    let fake = Fake::start(Script { status: responses::status(), ..Script::default() });
    let line = format!(
        "{} --socket {} peers",
        env!("CARGO_BIN_EXE_novaroutectl"),
        fake.socket().display()
    );
    for (no_color, coloured) in [("", true), ("1", false)] {
        // script(1), essential on Debian, is the terminal.
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env("NO_COLOR", no_color).stdin(Stdio::null());
        let run = fake::finish(&mut script);
        assert!(run.stdout.contains("Established"), "{run:?}");
        assert_eq!(run.stdout.contains("\u{1b}["), coloured, "{run:?}");
    }
}

#[test]
fn events_come_line_by_line_while_the_stream_is_open() {
    let script = Script { events: responses::events(), keep_open: true, ..Script::default() };
    let fake = Fake::start(script);
    let mut child = fake::command(&fake.socket(), &["events", "-o", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for event in responses::events() {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line["timestamp_unix"], json!(event.timestamp_unix));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    // More than a pipe holds, so that writing goes on after the reader has left.
    let events = responses::events().into_iter().cycle().take(5000).collect();
    let fake = Fake::start(Script { events, keep_open: true, ..Script::default() });
    let mut child = fake::command(&fake.socket(), &["events"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}

#[test]
fn completion_needs_no_agent() {
    let socket = tempfile::tempdir().unwrap().path().join("none");
    for shell in ["bash", "zsh", "fish"] {
        let run = fake::ctl(&socket, &["completion", shell]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("apply-peer"), "{shell}");
    }
}
