//! The codecs against frames that real daemons sent and accepted.
//!
//! `tests/vectors/` has one file per FRR version; each line is `name tx|rx hex`,
//! captured between a small Python client and mgmtd. A `tx` frame is one that the
//! daemon accepted (or refused for its content, as the name says).
#![cfg(target_endian = "little")]

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use super::{
    frame::{Frame, FrameCodec},
    message::{
        Action, Content, Datastore, Defaults, Edit, Format, Generation, Get, Message, Reply,
    },
    native, protobuf,
};

struct Capture {
    lines: Vec<(&'static str, &'static str, Vec<u8>)>,
    session: u64,
}

impl Capture {
    fn read(text: &'static str) -> Self {
        let lines: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let mut words = line.split(' ');
                let (name, direction, hex) = (
                    words.next().unwrap(),
                    words.next().unwrap(),
                    words.next().unwrap(),
                );
                let bytes = hex.as_bytes().chunks(2);
                let bytes =
                    bytes.map(|h| u8::from_str_radix(std::str::from_utf8(h).unwrap(), 16).unwrap());
                (name, direction, bytes.collect())
            })
            .collect();
        let mut capture = Self { lines, session: 0 };
        capture.session = capture.rx("session-open").session;
        capture
    }

    fn bytes(&self, name: &str, direction: &str) -> BytesMut {
        let line = self
            .lines
            .iter()
            .find(|(n, d, _)| (*n, *d) == (name, direction));
        BytesMut::from(&line.unwrap_or_else(|| panic!("no {direction} {name}")).2[..])
    }

    fn rx(&self, name: &str) -> Message {
        let mut bytes = self.bytes(name, "rx");
        let frame = FrameCodec.decode(&mut bytes).unwrap().expect("whole frame");
        assert!(bytes.is_empty(), "{name}");
        Message::parse(&frame).unwrap()
    }

    fn reply(&self, name: &str) -> Reply {
        self.rx(name).reply
    }

    /// Number of the request, from its answer.
    fn req(&self, name: &str) -> u64 {
        self.rx(name).req_id
    }

    #[track_caller]
    fn sends(&self, name: &str, frame: Frame) {
        let mut bytes = BytesMut::new();
        FrameCodec.encode(frame, &mut bytes).unwrap();
        assert_eq!(bytes, self.bytes(name, "tx"), "{name}");
    }
}

fn frr_10_3() -> Capture {
    Capture::read(include_str!("../../../tests/vectors/mgmtd-fe-frr-10.3.txt"))
}

fn frr_10_7() -> Capture {
    Capture::read(include_str!(
        "../../../tests/vectors/mgmtd-fe-frr-10.7.1.txt"
    ))
}

/// What was captured with either daemon and differs in numbers only.
fn native_requests(capture: &Capture, generation: Generation) {
    let session = capture.session;
    let req = |name| capture.req(name);
    capture.sends(
        "session-open",
        Frame::Native(native::session_open(req("session-open"), "novaroute")),
    );
    capture.sends("probe", Frame::Native(native::probe(session, req("probe"))));
    let get = Get {
        xpath: "/frr-routing:routing".into(),
        datastore: Datastore::Running,
        content: Content::Config,
        defaults: Defaults::Trim,
        format: Format::Json,
        exact: true,
    };
    capture.sends(
        "get-config",
        Frame::Native(native::get(generation, session, req("get-config"), &get)),
    );
    let delete = Edit::delete("/frr-vrf:lib/vrf[name='none']");
    capture.sends(
        "delete-missing",
        Frame::Native(native::edit(
            generation,
            session,
            req("delete-missing"),
            &delete,
        )),
    );
    let merge = Edit::merge(
        Format::Json,
        r#"{"frr-interface:lib":{"interface":[{"name":"eth9"}]},"frr-route-map:lib":{"route-map":[{"name":"M","entry":[{"sequence":1,"description":"x"}]}]}}"#,
    );
    capture.sends(
        "commit-invalid-edit",
        Frame::Native(native::edit(
            generation,
            session,
            req("commit-invalid-edit"),
            &merge,
        )),
    );
}

fn native_replies(capture: &Capture) {
    assert_eq!(
        capture.reply("session-open"),
        Reply::Session { created: true }
    );
    assert_eq!(capture.reply("edit-delete"), Reply::Edited);
    let Reply::Tree {
        partial_error: 0,
        more: false,
        data,
    } = capture.reply("get-config")
    else {
        panic!("no tree");
    };
    let tree: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert!(
        tree.pointer("/frr-routing:routing/control-plane-protocols")
            .is_some(),
        "{data}"
    );
    let Reply::Error {
        errno: Some(_),
        message,
    } = capture.reply("edit-refused")
    else {
        panic!()
    };
    assert!(
        message.contains(r#"Invalid enumeration value "bogus"."#),
        "{message}"
    );
    let Reply::Error { message, .. } = capture.reply("delete-missing") else {
        panic!()
    };
    assert_eq!(message, "Data missing");
    assert!(matches!(
        capture.reply("get-unresolved"),
        Reply::Error { .. }
    ));
}

fn refusal(reply: &Reply) -> (Option<i32>, &str) {
    match reply {
        Reply::Error { errno, message } => (*errno, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn native_messages_of_10_3() {
    let capture = frr_10_3();
    native_requests(&capture, Generation::Protobuf);
    native_replies(&capture);
    assert_eq!(
        refusal(&capture.reply("probe")),
        (Some(22), native::PROBE_ANSWER_OF_10_3)
    );
}

#[test]
fn native_messages_of_10_7() {
    let capture = frr_10_7();
    native_requests(&capture, Generation::Native);
    native_replies(&capture);
    assert_eq!(
        refusal(&capture.reply("probe")),
        (Some(22), "Invalid message")
    );
}

#[test]
fn locks_and_commits_of_10_3_are_protobuf() {
    let capture = frr_10_3();
    let session = capture.session;
    for (name, datastore, lock) in [
        ("lock-candidate", Datastore::Candidate, true),
        ("lock-running", Datastore::Running, true),
        ("unlock-candidate", Datastore::Candidate, false),
        ("unlock-running", Datastore::Running, false),
    ] {
        capture.sends(
            name,
            Frame::Protobuf(protobuf::lock(session, capture.req(name), datastore, lock)),
        );
        assert_eq!(capture.reply(name), Reply::Lock);
    }
    for (name, action) in [
        ("abort", Action::Abort),
        ("validate", Action::Validate),
        ("apply", Action::Apply),
    ] {
        capture.sends(
            name,
            Frame::Protobuf(protobuf::commit(session, capture.req(name), action)),
        );
        assert_eq!(capture.reply(name), Reply::Commit { info: None });
    }
    let nothing = Some("No changes found to be committed!".to_owned());
    assert_eq!(
        capture.reply("apply-nothing"),
        Reply::Commit { info: nothing }
    );
    let words = "Lock already taken on DS by another session!";
    assert_eq!(refusal(&capture.reply("lock-taken")), (None, words));
    let refused = capture.reply("validate-refused");
    assert!(
        refusal(&refused)
            .1
            .contains(r#"Mandatory node "action" instance does not exist."#)
    );
}

#[test]
fn locks_and_commits_of_10_7_are_native() {
    let capture = frr_10_7();
    let session = capture.session;
    for (name, datastore, lock) in [
        ("lock-candidate", Datastore::Candidate, true),
        ("lock-running", Datastore::Running, true),
        ("unlock-candidate", Datastore::Candidate, false),
        ("unlock-running", Datastore::Running, false),
    ] {
        capture.sends(
            name,
            Frame::Native(native::lock(session, capture.req(name), datastore, lock)),
        );
        assert_eq!(capture.reply(name), Reply::Lock);
    }
    for (name, action, info) in [
        ("abort", Action::Abort, Some("commit abort")),
        ("validate", Action::Validate, None),
        ("apply", Action::Apply, None),
        (
            "apply-nothing",
            Action::Apply,
            Some("No changes found to be committed!"),
        ),
    ] {
        capture.sends(
            name,
            Frame::Native(native::commit(session, capture.req(name), action)),
        );
        assert_eq!(
            capture.reply(name),
            Reply::Commit {
                info: info.map(str::to_owned)
            }
        );
    }
    let taken = capture.reply("lock-taken");
    let (errno, words) = refusal(&taken);
    assert_eq!(errno, Some(16));
    assert!(
        words.starts_with("Lock already taken on datastore candidate by session"),
        "{words}"
    );
    let refused = capture.reply("validate-refused");
    assert!(
        refusal(&refused).1.contains("Mandatory node"),
        "{refused:?}"
    );
}
