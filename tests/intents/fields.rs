//! Every field of every intent, at two values. The literals are complete: a field that is added to the contract does not compile
//! here, and one that is at the same value twice is missed by the tests.

// Each test binary compiles this module and uses its own part of it.
#![allow(dead_code)]

use std::collections::BTreeSet;

use novaroute::{
    fields::{Form, Message, message},
    proto::v1::{
        BfdProfile, BfdSession, BgpConfig, BgpPeer, Drain, Intent, OspfInterface,
        PrefixAdvertisement, PrefixAttributes, StaticRoute, intent::Kind, static_route::NextHop,
    },
};
use prost::{
    Message as _,
    encoding::{self, WireType},
};

/// An intent in which one field is changed.
pub struct Changed {
    /// The field: `peer.remote_as`, `prefix.attributes.med`.
    pub field: String,
    /// The intent before.
    pub before: Intent,
    /// The intent with the field as another has it.
    pub after: Intent,
}

fn peers() -> [BgpPeer; 2] {
    [
        BgpPeer {
            neighbor_address: "10.0.1.2".into(),
            remote_as: 65001,
            peer_type: 1,
            keepalive: 5,
            hold_time: 30,
            bfd_enabled: true,
            description: "one".into(),
            address_families: vec![1],
            source_address: "10.0.1.1".into(),
            ebgp_multihop: 3,
            password: "one".into(),
            max_prefix: 500,
            bfd_min_rx_ms: 150,
            bfd_min_tx_ms: 160,
            bfd_detect_multiplier: 5,
            port: 1179,
            connect_retry: 12,
            passive: true,
            disable_connected_check: true,
            shutdown: true,
            shutdown_message: "one".into(),
            ttl_security_hops: 0,
            local_as: 65100,
            local_as_mode: 1,
            allowas_in: 3,
            next_hop_self: Vec::new(),
            next_hop_self_force: Vec::new(),
            advertisement_interval: 5,
            weight: 100,
            send_community: vec![1, 2],
            default_originate: Vec::new(),
            graceful_restart: 1,
            no_soft_reconfiguration: true,
            extended_next_hop: false,
            bfd_profile: String::new(),
        },
        BgpPeer {
            neighbor_address: "10.0.1.3".into(),
            remote_as: 65002,
            peer_type: 0,
            keepalive: 6,
            hold_time: 40,
            bfd_enabled: false,
            description: "other".into(),
            address_families: vec![1, 2],
            source_address: "10.0.1.9".into(),
            ebgp_multihop: 4,
            password: "other".into(),
            max_prefix: 600,
            bfd_min_rx_ms: 250,
            bfd_min_tx_ms: 260,
            bfd_detect_multiplier: 6,
            port: 1180,
            connect_retry: 13,
            passive: false,
            disable_connected_check: false,
            shutdown: false,
            shutdown_message: "other".into(),
            ttl_security_hops: 0,
            local_as: 65101,
            local_as_mode: 3,
            allowas_in: 4,
            next_hop_self: Vec::new(),
            next_hop_self_force: Vec::new(),
            advertisement_interval: 6,
            weight: 200,
            send_community: vec![4],
            default_originate: Vec::new(),
            graceful_restart: 3,
            no_soft_reconfiguration: false,
            extended_next_hop: false,
            bfd_profile: String::new(),
        },
    ]
}

/// What excludes others of [`peers`], or needs both families.
fn peers_without_multihop() -> [BgpPeer; 2] {
    let peer = BgpPeer {
        neighbor_address: "10.0.1.2".into(),
        remote_as: 65001,
        address_families: vec![1, 2],
        max_prefix: 500,
        ..BgpPeer::default()
    };
    [
        BgpPeer {
            ttl_security_hops: 1,
            next_hop_self: vec![1],
            next_hop_self_force: vec![2],
            default_originate: vec![1],
            ..peer.clone()
        },
        BgpPeer { ttl_security_hops: 2, default_originate: vec![1, 2], ..peer },
    ]
}

/// What needs a session over IPv6.
fn peers_over_ipv6() -> [BgpPeer; 2] {
    let peer = BgpPeer {
        neighbor_address: "fd00:1::2".into(),
        remote_as: 65001,
        address_families: vec![1, 2],
        max_prefix: 500,
        ..BgpPeer::default()
    };
    [peer.clone(), BgpPeer { extended_next_hop: true, ..peer }]
}

fn advertised() -> [PrefixAdvertisement; 2] {
    let with = |attributes| PrefixAdvertisement {
        prefix: "192.0.2.0/24".into(),
        protocol: 1,
        attributes: Some(attributes),
    };
    [
        with(PrefixAttributes {
            local_preference: 150,
            communities: vec!["65000:1".into(), "65000:1:2".into()],
            med: 7,
            next_hop: "10.0.1.8".into(),
        }),
        with(PrefixAttributes {
            local_preference: 160,
            communities: vec!["65000:2".into()],
            med: 8,
            next_hop: "10.0.1.9".into(),
        }),
    ]
}

/// What has no attributes, which OSPF does not carry.
fn plain() -> [PrefixAdvertisement; 2] {
    let of = |prefix: &str, protocol| {
        let attributes = Some(PrefixAttributes::default());
        PrefixAdvertisement { prefix: prefix.into(), protocol, attributes }
    };
    [of("192.0.2.0/24", 1), of("198.51.100.0/24", 2)]
}

fn routes(next_hop: NextHop) -> [StaticRoute; 2] {
    [
        StaticRoute {
            prefix: "203.0.113.0/24".into(),
            next_hop: Some(NextHop::Gateway("10.0.1.2".into())),
            distance: 5,
            tag: 7,
        },
        StaticRoute {
            prefix: "203.0.114.0/24".into(),
            next_hop: Some(next_hop),
            distance: 6,
            tag: 8,
        },
    ]
}

fn sessions() -> [BfdSession; 2] {
    [
        BfdSession {
            peer_address: "10.0.1.2".into(),
            min_rx_ms: 150,
            min_tx_ms: 160,
            detect_multiplier: 5,
            interface_name: "tor0".into(),
            local_address: "10.0.1.1".into(),
            profile: String::new(),
        },
        BfdSession {
            peer_address: "10.0.1.3".into(),
            min_rx_ms: 250,
            min_tx_ms: 260,
            detect_multiplier: 6,
            interface_name: "lo".into(),
            local_address: "10.0.1.9".into(),
            profile: String::new(),
        },
    ]
}

/// Peers and sessions that name a profile, which have no timers of their own.
fn profiled() -> [[Kind; 2]; 2] {
    let peer = |bfd_profile: &str| BgpPeer {
        bfd_min_rx_ms: 0,
        bfd_min_tx_ms: 0,
        bfd_detect_multiplier: 0,
        bfd_profile: bfd_profile.into(),
        ..peers()[0].clone()
    };
    let session = |profile: &str| BfdSession {
        min_rx_ms: 0,
        min_tx_ms: 0,
        detect_multiplier: 0,
        profile: profile.into(),
        ..sessions()[0].clone()
    };
    [
        ["fast", "slow"].map(peer).map(Kind::Peer),
        ["fast", "slow"].map(session).map(Kind::BfdSession),
    ]
}

fn profiles() -> [BfdProfile; 2] {
    [
        BfdProfile { name: "fast".into(), min_rx_ms: 50, min_tx_ms: 60, detect_multiplier: 4 },
        BfdProfile { name: "slow".into(), min_rx_ms: 500, min_tx_ms: 600, detect_multiplier: 5 },
    ]
}

fn interfaces() -> [OspfInterface; 2] {
    [
        OspfInterface {
            interface_name: "tor0".into(),
            area_id: "0.0.0.1".into(),
            passive: true,
            cost: 7,
            hello_interval: 5,
            dead_interval: 20,
        },
        OspfInterface {
            interface_name: "bird0".into(),
            area_id: "0.0.0.2".into(),
            passive: false,
            cost: 8,
            hello_interval: 6,
            dead_interval: 30,
        },
    ]
}

/// Pairs of intents of one kind.
fn pairs() -> Vec<[Kind; 2]> {
    let mut pairs = vec![
        [
            Kind::Bgp(BgpConfig { local_as: 65000, router_id: "10.0.0.1".into() }),
            Kind::Bgp(BgpConfig { local_as: 65010, router_id: "10.0.0.2".into() }),
        ],
        [Kind::Drain(Drain { until_restart: false }), Kind::Drain(Drain { until_restart: true })],
        peers().map(Kind::Peer),
        peers_without_multihop().map(Kind::Peer),
        peers_over_ipv6().map(Kind::Peer),
        advertised().map(Kind::Prefix),
        plain().map(Kind::Prefix),
        sessions().map(Kind::BfdSession),
        interfaces().map(Kind::OspfInterface),
        profiles().map(Kind::BfdProfile),
    ];
    pairs.extend(profiled());
    for next_hop in [
        NextHop::Gateway("10.0.1.3".into()),
        NextHop::InterfaceName("tor0".into()),
        NextHop::Blackhole(true),
    ] {
        pairs.push(routes(next_hop).map(Kind::StaticRoute));
    }
    pairs
}

/// Every field that differs between the two of a pair, changed alone.
pub fn changes() -> Vec<Changed> {
    let mut changes = Vec::new();
    for [one, other] in pairs() {
        let [one, other] = [one, other].map(|kind| Intent { kind: Some(kind) });
        let (before, from) = (one.encode_to_vec(), other.encode_to_vec());
        for (field, after) in mixed(message("Intent"), &before, &from) {
            let after = Intent::decode(&*after).expect("an intent");
            changes.push(Changed { field, before: one.clone(), after });
        }
    }
    changes
}

/// Every leaf that the contract has in intents.
pub fn all_fields() -> BTreeSet<String> {
    fn collect(of: &Message, path: &str, found: &mut BTreeSet<String>) {
        for field in &of.fields {
            let path =
                if path.is_empty() { field.name.clone() } else { format!("{path}.{}", field.name) };
            match &field.form {
                Form::Message(inner) => collect(message(inner), &path, found),
                _ => drop(found.insert(path)),
            }
        }
    }
    let mut found = BTreeSet::new();
    collect(message("Intent"), "", &mut found);
    found
}

/// A field as it is encoded: its number, and key with value.
fn split(mut bytes: &[u8]) -> Vec<(u32, Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (number, wire) = encoding::decode_key(&mut bytes).expect("a key");
        let value = encoding::decode_varint(&mut bytes).expect("a number");
        let mut raw = Vec::new();
        encoding::encode_key(number, wire, &mut raw);
        encoding::encode_varint(value, &mut raw);
        let mut inner = Vec::new();
        if wire == WireType::LengthDelimited {
            let (inside, rest) = bytes.split_at(usize::try_from(value).expect("a length"));
            (inner, bytes) = (inside.to_vec(), rest);
            raw.extend(&inner);
        }
        found.push((number, raw, inner));
    }
    found
}

/// `one` with a single field of `other`, for each that differs.
fn mixed(of: &Message, one: &[u8], other: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (mine, theirs) = (split(one), split(other));
    let of_field = |all: &[(u32, Vec<u8>, Vec<u8>)], number| -> Vec<u8> {
        let raw = all.iter().filter(|(it, ..)| *it == number).map(|(_, raw, _)| raw.clone());
        raw.collect::<Vec<_>>().concat()
    };
    let exclusive: BTreeSet<u32> =
        of.fields.iter().filter(|field| field.one_of).map(|field| field.number).collect();
    let mut found = Vec::new();
    for field in &of.fields {
        let number = field.number;
        let (before, after) = (of_field(&mine, number), of_field(&theirs, number));
        if before == after || (field.one_of && after.is_empty()) {
            continue;
        }
        let rest = |gone: &dyn Fn(u32) -> bool| -> Vec<u8> {
            let raw = mine.iter().filter(|(it, ..)| !gone(*it)).map(|(_, raw, _)| raw.clone());
            raw.collect::<Vec<_>>().concat()
        };
        if let Form::Message(inner) = &field.form {
            let inside = |all: &[(u32, Vec<u8>, Vec<u8>)]| {
                let of = all.iter().find(|(it, ..)| *it == number);
                of.map(|(_, _, inner)| inner.clone()).unwrap_or_default()
            };
            for (name, bytes) in mixed(message(inner), &inside(&mine), &inside(&theirs)) {
                let mut all = rest(&|it| it == number);
                encoding::encode_key(number, WireType::LengthDelimited, &mut all);
                encoding::encode_varint(bytes.len() as u64, &mut all);
                all.extend(bytes);
                found.push((format!("{}.{name}", field.name), all));
            }
            continue;
        }
        let mut all = rest(&|it| it == number || (field.one_of && exclusive.contains(&it)));
        all.extend(after);
        found.push((field.name.clone(), all));
    }
    found
}
