//! Bytes from elsewhere: nothing that reads them panics or hangs. The readers are those of `fuzz/` (`make fuzz`,
//! coverage-guided); here, on every run of the tests, they read the corpora that are kept there, and what real
//! daemons and files have, spoiled at random.
//!
//! `NOVAROUTE_WRITE_SEEDS=1` writes what the corpora begin with.

#[path = "../fuzz/src/targets.rs"]
mod targets;

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::BytesMut;
use novaroute::{
    frr::frontend::{FrameCodec, Message},
    proto::v1,
    wire,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use prost::Message as _;
use targets::TARGETS;
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
        .map(|change| v1::IntentChange { change: Some(change), ..Default::default() })
        .collect();
    let gone = v1::IntentRef { kind: Some(intent_ref::Kind::Peer("10.0.1.9".into())) };
    changes.push(v1::IntentChange { change: Some(Change::Remove(gone)), ..Default::default() });
    v1::ApplyRequest { changes, ..Default::default() }
}

/// Files of a directory whose names end so.
fn files(directory: &str, ending: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let entries = fs::read_dir(&directory);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file")).collect()
}

/// What real daemons, files and clients have, for a target.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let seeds = match target {
        "vty_reply" => vec![
            b"\x03first\nline\0\0\0\0% Unknown command\0\0\0\x02\0\0\0\0password s3cret\0\0\0\x0d"
                .to_vec(),
        ],
        "running_config" => {
            let mut all = files("tests/golden/render", ".cli");
            all.insert(0, all.concat());
            all
        }
        "frontend" => {
            let mut all = frames();
            all.insert(0, all.concat());
            all
        }
        "configuration" => vec![
            read("tests/fixtures/guide-config.json").into_bytes(),
            br#"{"listen_socket": "/run/x.sock", "log_level": "debug", "bgp": {"local_as": 65000,
                "router_id": "${ID}", "peers": [{"neighbor_address": "10.0.0.2", "remote_as": 65001,
                "password_file": "/p"}]}, "frr": {"socket_dir": "/run/frr", "retry_interval": 1},
                "owners": {"admin": {"token": "t-0123456789", "allowed_prefixes": {"type": "any",
                "allowed_cidrs": ["10.0.0.0/8"]}, "quotas": {"prefixes": 5}}}}"#
                .to_vec(),
        ],
        "intents" => vec![read("deploy/examples/intents.yaml").into_bytes()],
        "wire" => vec![request().encode_to_vec()],
        // grpcio as it comes, captured: two calls on one channel. The first byte is the size of the chunks.
        "authority" => ["sync", "aio"]
            .map(|kind| {
                let file = format!("tests/vectors/grpcio-{kind}-1.85.1.bin");
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
                [&[7], &fs::read(path).expect("a vector")[..]].concat()
            })
            .into(),
        other => panic!("{other} has no seeds"),
    };
    assert!(!seeds.is_empty(), "{target}");
    seeds
}

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// What fuzzing has found, and what it began with.
#[test]
fn the_corpora_are_read() {
    for (name, read) in TARGETS {
        let write = std::env::var_os("NOVAROUTE_WRITE_SEEDS").is_some();
        for (at, seed) in seeds(name).iter().enumerate() {
            read(seed);
            if write {
                fs::create_dir_all(corpus(name)).expect("a directory");
                fs::write(corpus(name).join(format!("seed-{at}")), seed).expect("a seed");
            }
        }
        let kept = files(&format!("fuzz/corpus/{name}"), "");
        assert!(!kept.is_empty(), "fuzz/corpus/{name} is empty");
        kept.iter().for_each(|bytes| read(bytes));
    }
}

/// Every target has its program, which Cargo knows.
#[test]
fn every_target_has_a_program() {
    let manifest = read("fuzz/Cargo.toml");
    let named: Vec<_> = manifest.lines().filter_map(|line| line.strip_prefix("name = ")).collect();
    for (name, _) in TARGETS {
        assert!(named.contains(&format!("\"{name}\"").as_str()), "{name}: {named:?}");
        let program = read(&format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(program.contains(&format!("targets::{name}(data)")), "{program}");
    }
    assert_eq!(named.len(), TARGETS.len() + 1, "{named:?}");
}

proptest! {
    #[test]
    fn spoiled_input_is_read_or_refused(
        target in any::<Index>(),
        picks in vec(any::<Index>(), 1..4),
        spoils in spoils(),
    ) {
        let (name, read) = TARGETS[target.index(TARGETS.len())];
        let seeds = seeds(name);
        // Several behind each other, where that is what comes.
        let count = if name == "frontend" { picks.len() } else { 1 };
        let picked = picks[..count].iter().flat_map(|pick| seeds[pick.index(seeds.len())].clone());
        read(&spoil(picked.collect(), &spoils));
    }

    /// What stands in a whole frame is spoiled alone: the frame's own checks don't shield the messages.
    #[test]
    fn spoiled_messages_of_mgmtd(pick in any::<Index>(), spoils in spoils()) {
        let frames = frames();
        targets::frontend(&spoil(frames[pick.index(frames.len())][8..].to_vec(), &spoils));
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
