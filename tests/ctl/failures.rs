//! What goes wrong is said in words, with what to try, and told by the exit code.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    thread,
};

use tonic::Code;

use crate::fake::{self, Fake, Run, Script};

const REGISTER: [&str; 5] = ["register", "--owner", "edge", "--token", "t0psecret"];

fn refused(code: Code, message: &'static str) -> Run {
    let fake = Fake::start(Script { refuse: Some((code, message)), ..Script::default() });
    let run = fake::ctl(&fake.socket(), &REGISTER);
    assert_eq!(run.stdout, "");
    assert!(!run.stderr.contains("t0psecret"), "{run:?}");
    run
}

#[test]
fn each_kind_of_refusal_has_its_exit_code_and_a_hint() {
    for (code, exit, hint) in [
        (Code::Unauthenticated, 4, "check --owner"),
        (Code::PermissionDenied, 6, "policy"),
        (Code::AlreadyExists, 6, "novaroutectl prefixes"),
        (Code::NotFound, 7, "novaroutectl status"),
        (Code::FailedPrecondition, 8, "configure-bgp"),
        (Code::Unavailable, 10, "run the command again"),
        (Code::ResourceExhausted, 10, "wait"),
        (Code::DeadlineExceeded, 10, "--timeout"),
        (Code::Unimplemented, 1, "update the agent"),
    ] {
        let run = refused(code, "the agent's words");
        assert_eq!(run.code, exit, "{run:?}");
        assert!(run.stderr.starts_with("error: "), "{run:?}");
        assert!(run.stderr.contains(": the agent's words\n  try: "), "{run:?}");
        assert!(run.stderr.contains(hint), "{run:?}");
    }
}

#[test]
fn wrong_fields_and_the_words_of_frr_stand_on_lines_of_their_own() {
    let run = refused(Code::InvalidArgument, "owner: empty; reassert_intents: not now");
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (5, "error: invalid argument\n  owner: empty\n  reassert_intents: not now\n")
    );
    let run = refused(Code::Aborted, "bgpd: % Peer AS\nnot allowed");
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (9, "error: refused by FRR, everything was undone\n  bgpd: % Peer AS\n  not allowed\n")
    );
}

#[test]
fn no_socket() {
    let dir = tempfile::tempdir().unwrap();
    let run = fake::ctl(&dir.path().join("none"), &["status"]);
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("is the agent running"), "{run:?}");
    assert!(run.stderr.contains("--socket"), "{run:?}");
}

#[test]
fn a_socket_that_nobody_listens_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dead");
    drop(UnixListener::bind(&path).unwrap());
    let run = fake::ctl(&path, &["status"]);
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("start the agent"), "{run:?}");
}

#[test]
fn something_else_listens() {
    for words in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("other");
        let listener = UnixListener::bind(&path).unwrap();
        let other = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut preface = [0; 24];
            stream.read_exact(&mut preface).unwrap();
            stream.write_all(words).unwrap();
        });
        let run = fake::ctl(&path, &["status", "--timeout", "5"]);
        assert_eq!(run.code, 10, "{run:?}");
        assert!(run.stderr.contains("is this the agent's socket"), "{run:?}");
        other.join().unwrap();
    }
}

#[test]
fn no_answer_in_time() {
    let fake = Fake::start(Script { hang: true, ..Script::default() });
    for args in [&["--timeout", "1", "status"], &["--timeout", "1", "events"]] {
        let run = fake::ctl(&fake.socket(), args);
        assert_eq!(run.code, 10);
        assert!(run.stderr.starts_with("error: no answer within 1 s\n  try: "), "{run:?}");
    }
}

#[test]
fn no_token_or_an_unusable_file() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("never asked");
    let run = fake::ctl(&socket, &["register", "--owner", "edge"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("no token") && run.stderr.contains("NOVAROUTE_TOKEN"), "{run:?}");

    let empty = dir.path().join("empty");
    fs::write(&empty, "\n").unwrap();
    let missing = dir.path().join("missing");
    for (path, words) in [(empty, "is empty"), (missing, "cannot read")] {
        let path = path.to_str().unwrap();
        let run = fake::ctl(&socket, &["register", "--owner", "edge", "--token-file", path]);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains(words), "{run:?}");
    }
}

#[test]
fn wrong_usage_is_clap_s_and_help_lists_the_exit_codes() {
    let socket = tempfile::tempdir().unwrap().path().join("never asked");
    for args in [
        "nonsense",
        "withdraw --owner e --token t",
        "static-route add --owner e --token t --prefix 10.0.0.0/8",
        "static-route add --owner e --token t --prefix 10.0.0.0/8 --blackhole --gateway 10.0.0.1",
        "register --owner e --token t --token-file f",
        "status --timeout 0",
    ] {
        let args: Vec<&str> = args.split_whitespace().collect();
        assert_eq!(fake::ctl(&socket, &args).code, 2, "{args:?}");
    }
    let help = fake::ctl(&socket, &["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.stdout.contains("Exit codes:\n   0  done\n"), "{help:?}");
    assert!(help.stdout.contains("  10  unavailable"), "{help:?}");
}

#[test]
fn help_does_not_show_the_token_of_the_environment() {
    let socket = tempfile::tempdir().unwrap().path().join("never asked");
    let run = fake::finish(
        fake::command(&socket, &["register", "--help"]).env("NOVAROUTE_TOKEN", "t0psecret"),
    );
    assert!(run.stdout.contains("NOVAROUTE_TOKEN") && !run.stdout.contains("t0psecret"));
}

#[test]
fn a_socket_one_may_not_open() {
    let fake = Fake::start(Script::default());
    fs::set_permissions(fake.socket(), fs::Permissions::from_mode(0o000)).unwrap();
    // Root may always: then there is nothing to see here.
    if std::os::unix::net::UnixStream::connect(fake.socket()).is_ok() {
        return;
    }
    let run = fake::ctl(&fake.socket(), &["status"]);
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("group"), "{run:?}");
}
