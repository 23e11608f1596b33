//! Bytes from elsewhere, spoiled at random: nothing that reads them panics or hangs. On stable Rust, with
//! proptest: each runs a few hundred cases, `make fuzz` many more. What it finds is kept beside the file and run
//! first from then on. The table of the VTY has its own in tests/vty_table.rs, intent files and the journal beside
//! their code.

use std::{fs, io, path::Path};

use bytes::BytesMut;
use novaroute::{
    config::{Config, Surroundings},
    frr::{
        frontend::{Frame, FrameCodec, Message},
        vty::{CodecError, VtyCodec, redact},
    },
    proto::v1,
    wire,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use prost::Message as _;
use tokio_util::codec::Decoder;

/// One way of spoiling bytes.
#[derive(Debug, Clone)]
enum Spoil {
    Flip(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    /// A part stands twice.
    Repeat(Index, usize),
    /// A number of four bytes becomes another, in the host's order.
    Number(Index, u32),
}

fn spoils() -> impl Strategy<Value = Vec<Spoil>> {
    let number = prop_oneof![Just(0), Just(u32::MAX), Just(1 << 31), 0..64u32];
    let spoil = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, by)| Spoil::Flip(at, by)),
        any::<Index>().prop_map(Spoil::Cut),
        (any::<Index>(), 1..16usize).prop_map(|(at, count)| Spoil::Remove(at, count)),
        (any::<Index>(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Spoil::Insert(at, bytes)),
        (any::<Index>(), 1..64usize).prop_map(|(at, count)| Spoil::Repeat(at, count)),
        (any::<Index>(), number).prop_map(|(at, number)| Spoil::Number(at, number)),
    ];
    vec(spoil, 0..5)
}

fn spoil(mut bytes: Vec<u8>, spoils: &[Spoil]) -> Vec<u8> {
    for spoil in spoils {
        let at = |index: &Index| index.index(bytes.len() + 1);
        match spoil {
            Spoil::Flip(index, by) => {
                let at = at(index);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= by;
                }
            }
            Spoil::Cut(index) => bytes.truncate(at(index)),
            Spoil::Remove(index, count) => {
                let at = at(index);
                bytes.drain(at..bytes.len().min(at + count));
            }
            Spoil::Insert(index, new) => {
                let at = at(index);
                bytes.splice(at..at, new.iter().copied());
            }
            Spoil::Repeat(index, count) => {
                let at = at(index);
                let part = bytes[at..bytes.len().min(at + count)].to_vec();
                bytes.splice(at..at, part);
            }
            Spoil::Number(index, number) => {
                let at = at(index);
                if let Some(place) = bytes.get_mut(at..at + 4) {
                    place.copy_from_slice(&number.to_ne_bytes());
                }
            }
        }
    }
    bytes
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Frames that real daemons of both generations sent and took.
fn frames() -> Vec<Vec<u8>> {
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("hexadecimal");
        u8::from_str_radix(pair, 16).expect("hexadecimal")
    };
    let mut frames = Vec::new();
    for file in ["mgmtd-fe-frr-10.3.txt", "mgmtd-fe-frr-10.7.1.txt"] {
        let text = read(&format!("tests/vectors/{file}"));
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let hex = line.split_whitespace().nth(2).expect("name, direction, frame");
            frames.push(hex.as_bytes().chunks(2).map(byte).collect());
        }
    }
    assert!(frames.len() > 20, "{}", frames.len());
    frames
}

fn request() -> v1::ApplyRequest {
    let peer = v1::BgpPeer {
        neighbor_address: "10.0.1.2".into(),
        remote_as: 65001,
        description: "text".into(),
        address_families: vec![1, 2],
        password: "key".into(),
        ..Default::default()
    };
    let attributes = v1::PrefixAttributes {
        communities: vec!["65000:1".into(), "65000:1:2".into()],
        med: 7,
        ..Default::default()
    };
    let prefix = v1::PrefixAdvertisement {
        prefix: "192.0.2.0/24".into(),
        protocol: 1,
        attributes: Some(attributes),
    };
    let route = v1::StaticRoute {
        prefix: "2001:db8::/48".into(),
        next_hop: Some(v1::static_route::NextHop::Gateway("fd00::1".into())),
        distance: 5,
        tag: 9,
    };
    let session = v1::BfdSession { peer_address: "10.0.1.2".into(), ..Default::default() };
    let interface = v1::OspfInterface {
        interface_name: "eth0".into(),
        area_id: "0.0.0.1".into(),
        ..Default::default()
    };
    use v1::{intent::Kind, intent_change::Change, intent_ref};
    let sets = [
        Kind::Bgp(v1::BgpConfig { local_as: 65000, router_id: "10.0.0.1".into() }),
        Kind::Peer(peer),
        Kind::Prefix(prefix),
        Kind::StaticRoute(route),
        Kind::BfdSession(session),
        Kind::OspfInterface(interface),
    ];
    let mut changes: Vec<_> = sets
        .into_iter()
        .map(|kind| Change::Set(v1::Intent { kind: Some(kind) }))
        .map(|change| v1::IntentChange { change: Some(change) })
        .collect();
    let gone = v1::IntentRef { kind: Some(intent_ref::Kind::Peer("10.0.1.9".into())) };
    changes.push(v1::IntentChange { change: Some(Change::Remove(gone)) });
    v1::ApplyRequest { changes, ..Default::default() }
}

proptest! {
    /// A daemon that answers garbage, short or too much: replies or an error, and each step takes bytes.
    #[test]
    fn spoiled_replies_of_a_vty(spoils in spoils(), chunk in 1..40usize) {
        let whole = b"first\nline\0\0\0\0% Unknown command\0\0\0\x02\0\0\0\0password s3cret\0\0\0\x0d".to_vec();
        let (mut codec, mut buffer) = (VtyCodec::with_limit(1 << 10), BytesMut::new());
        'chunks: for part in spoil(whole, &spoils).chunks(chunk) {
            buffer.extend_from_slice(part);
            loop {
                let before = buffer.len();
                match codec.decode(&mut buffer) {
                    Ok(Some(reply)) => {
                        prop_assert!(buffer.len() + 4 <= before);
                        prop_assert!(!reply.message().contains('\n'));
                        let _ = redact(&reply.text);
                    }
                    Ok(None) => break,
                    Err(CodecError::StrayNul { .. } | CodecError::TooLarge { .. }) => break 'chunks,
                    Err(error) => return Err(TestCaseError::fail(error.to_string())),
                }
            }
        }
    }

    /// Frames of mgmtd, native and protobuf, several behind each other.
    #[test]
    fn spoiled_frames_of_mgmtd(
        picks in vec(any::<Index>(), 1..4),
        spoils in spoils(),
    ) {
        let frames = frames();
        let whole = picks.iter().flat_map(|pick| frames[pick.index(frames.len())].clone()).collect();
        let mut buffer = BytesMut::from(&spoil(whole, &spoils)[..]);
        loop {
            let before = buffer.len();
            match FrameCodec.decode(&mut buffer) {
                Ok(Some(frame)) => {
                    prop_assert!(buffer.len() < before);
                    let _ = Message::parse(&frame);
                }
                Ok(None) | Err(_) => break,
            }
        }
    }

    /// What stands in a whole frame is spoiled alone: the frame's own checks don't shield the messages.
    #[test]
    fn spoiled_messages_of_mgmtd(pick in any::<Index>(), spoils in spoils(), native in any::<bool>()) {
        let frames = frames();
        let body = frames[pick.index(frames.len())][8..].to_vec();
        let body = spoil(body, &spoils).into();
        let _ = Message::parse(&if native { Frame::Native(body) } else { Frame::Protobuf(body) });
    }

    /// A configuration is taken, or refused with words; what is taken can be shown and read again.
    #[test]
    fn spoiled_configurations(spoils in spoils(), guide in any::<bool>()) {
        let text = match guide {
            true => read("tests/fixtures/guide-config.json"),
            false => r#"{"listen_socket": "/run/x.sock", "log_level": "debug", "bgp": {"local_as": 65000,
                "router_id": "${ID}", "peers": [{"neighbor_address": "10.0.0.2", "remote_as": 65001,
                "password_file": "/p"}]}, "frr": {"socket_dir": "/run/frr", "retry_interval": 1},
                "owners": {"admin": {"token": "t-0123456789", "allowed_prefixes": {"type": "any",
                "allowed_cidrs": ["10.0.0.0/8"]}, "quotas": {"prefixes": 5}}}}"#.to_owned(),
        };
        let text = String::from_utf8_lossy(&spoil(text.into_bytes(), &spoils)).into_owned();
        let surroundings = Surroundings {
            env: &|name| (name.len() < 40).then(|| "10.0.0.1".to_owned()),
            read_file: &|_| Ok("a secret of some length".to_owned()),
            default_route_address: &|| Err(io::ErrorKind::NotFound.into()),
        };
        if let Err(error) = Config::parse(&text, &surroundings) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// Bytes of a client: whatever decodes is taken or refused, and what is taken has one spelling.
    #[test]
    fn spoiled_requests(spoils in spoils()) {
        let bytes = spoil(request().encode_to_vec(), &spoils);
        if let Ok(request) = v1::ApplyRequest::decode(&bytes[..]) {
            let _ = wire::changes(&request.changes);
            for change in &request.changes {
                let Some(v1::intent_change::Change::Set(message)) = &change.change else { continue };
                if let Ok(intent) = wire::intent(message) {
                    let again = wire::intent_message(&intent);
                    prop_assert_eq!(wire::intent(&again).ok(), Some(intent));
                }
            }
        }
    }
}

/// Without spoils everything is what it says: else the tests above would try nothing.
#[test]
fn what_is_not_spoiled_is_taken() {
    assert_eq!(wire::changes(&request().changes).expect("valid").len(), 7);
    for frame in frames() {
        let mut buffer = BytesMut::from(&frame[..]);
        let frame = FrameCodec.decode(&mut buffer).expect("a frame").expect("a whole one");
        assert!(buffer.is_empty());
        Message::parse(&frame).expect("a message");
    }
}
