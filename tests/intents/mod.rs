//! Intents for tests of rendering and of the models: named scenarios, and any at all.

// Each test binary compiles this module and uses its own part of it.
#![allow(dead_code)]

use novaroute::{
    model::Intent,
    proto::v1::{
        BfdProfile, BfdSession, BgpPeer, OspfInterface, PrefixAttributes, StaticRoute,
        static_route::NextHop::{self, Blackhole, Gateway, InterfaceName},
    },
    wire,
};
use proptest::prelude::*;

pub fn bgp(local_as: u32, router_id: &str) -> Intent {
    Intent::Bgp(wire::bgp(local_as, router_id).expect("a valid instance"))
}

pub fn peer(message: &BgpPeer) -> Intent {
    Intent::from(wire::peer(message).expect("a valid peer"))
}

pub fn prefix(prefix: &str, attributes: Option<&PrefixAttributes>) -> Intent {
    Intent::Prefix(wire::advertisement(prefix, 1, attributes).expect("a valid prefix"))
}

pub fn route(prefix: &str, next_hop: NextHop, distance: u32, tag: u32) -> Intent {
    let (prefix, next_hop) = (prefix.to_owned(), Some(next_hop));
    let message = StaticRoute { prefix, next_hop, distance, tag };
    Intent::StaticRoute(wire::static_route(&message).expect("a valid route"))
}

pub fn ospf_prefix(prefix: &str) -> Intent {
    Intent::Prefix(wire::advertisement(prefix, 2, None).expect("a valid prefix"))
}

pub fn session(peer: &str, interface: &str, min_rx_ms: u32) -> Intent {
    let (peer_address, interface_name) = (peer.to_owned(), interface.to_owned());
    let message = BfdSession { peer_address, interface_name, min_rx_ms, ..Default::default() };
    Intent::BfdSession(wire::bfd_session(&message).expect("a valid session"))
}

pub fn profile(name: &str, min_rx_ms: u32) -> Intent {
    let message = BfdProfile { name: name.to_owned(), min_rx_ms, ..Default::default() };
    Intent::BfdProfile(wire::bfd_profile(&message).expect("a valid profile"))
}

pub fn interface(message: &OspfInterface) -> Intent {
    Intent::OspfInterface(wire::ospf_interface(message).expect("a valid interface"))
}

fn plain_interface(name: &str, area: &str) -> OspfInterface {
    let (interface_name, area_id) = (name.to_owned(), area.to_owned());
    OspfInterface { interface_name, area_id, ..OspfInterface::default() }
}

pub fn attributes(
    local_preference: u32,
    communities: &[&str],
    med: u32,
    next_hop: &str,
) -> PrefixAttributes {
    PrefixAttributes {
        local_preference,
        communities: communities.iter().map(|text| (*text).to_owned()).collect(),
        med,
        next_hop: next_hop.to_owned(),
    }
}

fn plain_peer(neighbor_address: &str, remote_as: u32) -> BgpPeer {
    BgpPeer { neighbor_address: neighbor_address.to_owned(), remote_as, ..BgpPeer::default() }
}

/// Every field at a value of its own.
fn full_peer(neighbor_address: &str, source_address: &str) -> BgpPeer {
    BgpPeer {
        neighbor_address: neighbor_address.to_owned(),
        remote_as: 4_200_000_000,
        peer_type: 1,
        keepalive: 5,
        hold_time: 15,
        bfd_enabled: true,
        bfd_min_rx_ms: 150,
        bfd_min_tx_ms: 200,
        bfd_detect_multiplier: 5,
        port: 1179,
        connect_retry: 12,
        passive: true,
        disable_connected_check: true,
        shutdown: true,
        shutdown_message: "back at 9".into(),
        ttl_security_hops: 0,
        local_as: 65100,
        local_as_mode: 2,
        allowas_in: 4,
        next_hop_self: vec![1],
        next_hop_self_force: vec![2],
        advertisement_interval: 5,
        weight: 100,
        send_community: vec![1, 3],
        default_originate: vec![1],
        graceful_restart: 2,
        no_soft_reconfiguration: true,
        extended_next_hop: false,
        bfd_profile: String::new(),
        description: "100% \"plain\" text, #1!".to_owned(),
        address_families: vec![1, 2],
        source_address: source_address.to_owned(),
        ebgp_multihop: 255,
        password: "s3cret!%".to_owned(),
        max_prefix: 500,
    }
}

/// What the golden files show, by the names of the files.
pub fn scenarios() -> Vec<(&'static str, Vec<Intent>)> {
    let with = |peer: BgpPeer| vec![bgp(65000, "10.0.0.1"), peer_of(peer)];
    fn peer_of(message: BgpPeer) -> Intent {
        peer(&message)
    }
    let all =
        attributes(150, &["65000:100", "no-export", "65000:1:2", "65000:1:3"], 77, "10.0.1.9");
    let large = attributes(0, &["65000:1:2"], 0, "");
    let v6 = attributes(0, &[], 4_294_967_295, "2001:db8::9");
    let bgp_of = |ads: Vec<Intent>| [vec![bgp(65000, "10.0.0.1")], ads].concat();
    vec![
        ("01-instance", vec![bgp(65000, "10.0.0.1")]),
        ("02-instance-without-router-id", vec![bgp(4_294_967_295, "")]),
        ("03-peer", with(plain_peer("10.0.1.2", 65001))),
        ("04-peer-ipv6", with(plain_peer("2001:db8::2", 65000))),
        ("05-peer-every-field", with(full_peer("10.0.1.2", "10.0.1.1"))),
        ("06-peer-every-field-ipv6", with(full_peer("fd00:1::2", "fd00:1::1"))),
        (
            "07-peer-bfd-defaults",
            with(BgpPeer { bfd_enabled: true, ..plain_peer("10.0.1.2", 65001) }),
        ),
        (
            "08-two-peers-one-bfd-profile",
            bgp_of(vec![
                peer(&full_peer("10.0.1.2", "10.0.1.1")),
                peer(&full_peer("10.0.2.2", "10.0.2.1")),
            ]),
        ),
        (
            "09-peer-ipv6-family-only",
            with(BgpPeer { address_families: vec![2], ..plain_peer("10.0.1.2", 65001) }),
        ),
        (
            "10-prefixes",
            bgp_of(vec![
                prefix("192.0.2.0/24", None),
                prefix("192.0.2.1/32", None),
                prefix("2001:db8::/32", None),
                prefix("0.0.0.0/0", None),
            ]),
        ),
        ("11-prefix-every-attribute", bgp_of(vec![prefix("192.0.2.0/24", Some(&all))])),
        (
            "12-prefixes-share-a-route-map",
            bgp_of(vec![
                prefix("192.0.2.0/24", Some(&large)),
                prefix("198.51.100.0/24", Some(&large)),
                prefix("2001:db8::/32", Some(&large)),
            ]),
        ),
        ("13-prefix-ipv6-next-hop", bgp_of(vec![prefix("2001:db8::1/128", Some(&v6))])),
        (
            "14-static-routes",
            vec![
                route("203.0.113.0/24", Gateway("10.0.1.2".into()), 0, 0),
                route("2001:db8:5::/48", Gateway("fd00:1::2".into()), 20, 7),
                route("172.16.0.0/12", InterfaceName("tor0".into()), 255, 0),
                route("192.0.2.0/24", Blackhole(true), 0, 4_294_967_295),
                route("2001:db8:6::/48", Blackhole(true), 1, 0),
            ],
        ),
        (
            "15-all-together",
            vec![
                bgp(65000, "10.0.0.1"),
                peer(&full_peer("10.0.1.2", "10.0.1.1")),
                peer(&plain_peer("fd00:2::2", 65002)),
                prefix("192.0.2.0/24", Some(&all)),
                prefix("2001:db8::/32", None),
                route("203.0.113.0/24", Gateway("10.0.1.2".into()), 0, 0),
            ],
        ),
        (
            "16-bfd-sessions",
            vec![
                session("10.0.1.2", "", 0),
                session("fe80::1", "tor0", 100),
                session("2001:db8::2", "", 4_294_967),
            ],
        ),
        // The session's timers go for both.
        (
            "17-bfd-session-of-a-peer",
            bgp_of(vec![
                peer(&BgpPeer { bfd_enabled: true, ..plain_peer("10.0.1.2", 65001) }),
                session("10.0.1.2", "", 150),
                peer(&full_peer("10.0.2.2", "10.0.2.1")),
                session("10.0.2.2", "", 0),
            ]),
        ),
        // A profile that is declared; the peer and the sessions name it.
        (
            "20-bfd-profiles",
            bgp_of(vec![
                profile("fast", 50),
                peer(&BgpPeer {
                    bfd_enabled: true,
                    bfd_profile: "fast".to_owned(),
                    ..plain_peer("10.0.1.2", 65001)
                }),
                Intent::BfdSession(
                    wire::bfd_session(&BfdSession {
                        peer_address: "10.0.9.2".to_owned(),
                        profile: "fast".to_owned(),
                        ..BfdSession::default()
                    })
                    .expect("a valid session"),
                ),
            ]),
        ),
        (
            "18-ospf-interfaces",
            vec![
                bgp(65000, "10.0.0.1"),
                interface(&plain_interface("eth0", "0")),
                interface(&OspfInterface {
                    passive: true,
                    cost: 7,
                    hello_interval: 20,
                    dead_interval: 60,
                    ..plain_interface("eth1", "0.0.0.1")
                }),
                // The dead interval is four times as long, and stated; 10 s is FRR's own.
                interface(&OspfInterface { hello_interval: 5, ..plain_interface("eth2", "1") }),
                interface(&OspfInterface { hello_interval: 10, ..plain_interface("eth3", "1") }),
            ],
        ),
        (
            "19-ospf-prefixes",
            vec![
                ospf_prefix("192.0.2.1/32"),
                ospf_prefix("192.0.2.2/32"),
                ospf_prefix("198.51.100.0/24"),
            ],
        ),
    ]
}

/// Any set of intents, with at most one for an object, and an instance for the others of BGP.
pub fn any_intents() -> impl Strategy<Value = Vec<Intent>> {
    let peer_fields = (1..4u8, 1..9u32, any::<[bool; 7]>(), 0..3u8, 1..4u32);
    let peers = prop::collection::btree_map(0..4u8, peer_fields, 0..4);
    let prefix_fields = (0..3u32, prop::collection::vec(0..5u8, 0..3), 0..3u32, any::<bool>());
    let prefixes = prop::collection::btree_map((any::<bool>(), 0..6u8), prefix_fields, 0..8);
    let routes =
        prop::collection::btree_map((any::<bool>(), 0..4u8), (0..3u8, 0..3u32, 0..3u32), 0..5);
    let sessions = prop::collection::btree_map(0..4u8, (any::<bool>(), 0..3u32), 0..4);
    let interfaces =
        prop::collection::btree_map(0..3u8, (any::<bool>(), 0..3u32, 0..3u32, 0..3u32), 0..3);
    let announced = prop::collection::btree_set(0..6u8, 0..4);
    let ospf = (sessions, interfaces, announced);
    (1..4u32, any::<bool>(), peers, prefixes, routes, ospf).prop_map(
        |(local_as, router_id, peers, prefixes, routes, (sessions, interfaces, announced))| {
            let mut intents = vec![bgp(65000 + local_as, if router_id { "10.0.0.1" } else { "" })];
            for (n, (families, remote_as, flags, bfd, max)) in peers {
                let some =
                    |at: usize, text: &str| if flags[at] { text.to_owned() } else { String::new() };
                let address = if n % 2 == 0 {
                    format!("10.0.1.{}", n + 2)
                } else {
                    format!("fd00::{}", n + 2)
                };
                let source = if n % 2 == 0 { "10.0.1.1" } else { "fd00::1" };
                let timer = |on: bool, value: u32| if on { value } else { 0 };
                intents.push(peer(&BgpPeer {
                    description: some(0, "text"),
                    password: some(1, "key"),
                    source_address: some(2, source),
                    keepalive: timer(flags[3], max),
                    hold_time: timer(flags[3], 3 * max),
                    ebgp_multihop: timer(flags[4], max),
                    bfd_enabled: bfd > 0,
                    bfd_min_rx_ms: timer(bfd > 1, 100 * max),
                    max_prefix: timer(flags[5], max),
                    address_families: (1..=2)
                        .filter(|bit| i32::from(families) & bit != 0)
                        .collect(),
                    ..plain_peer(&address, remote_as)
                }));
            }
            for ((ipv4, n), (preference, communities, med, next_hop)) in prefixes {
                let texts = ["65000:1", "65000:2", "no-export", "65000:1:2", "65000:1:3"];
                let chosen: Vec<_> = communities.iter().map(|n| texts[usize::from(*n)]).collect();
                let (text, hop) = match ipv4 {
                    true => (format!("10.{n}.0.0/16"), "10.0.1.9"),
                    false => (format!("2001:db8:{n}::/48"), "fd00::9"),
                };
                let with = attributes(preference, &chosen, med, if next_hop { hop } else { "" });
                intents.push(prefix(&text, Some(&with)));
            }
            for ((ipv4, n), (kind, distance, tag)) in routes {
                let (text, gateway) = match ipv4 {
                    true => (format!("10.{n}.0.0/16"), "10.0.1.2"),
                    false => (format!("2001:db8:{n}::/48"), "fd00::2"),
                };
                let next_hop = match kind {
                    0 => Gateway(gateway.into()),
                    1 => InterfaceName("tor0".into()),
                    _ => Blackhole(true),
                };
                intents.push(route(&text, next_hop, distance, tag));
            }
            for (n, (bound, timers)) in sessions {
                let address = if n % 2 == 0 {
                    format!("10.0.1.{}", n + 2)
                } else {
                    format!("fd00::{}", n + 2)
                };
                intents.push(session(&address, if bound { "tor0" } else { "" }, 100 * timers));
            }
            for (n, (passive, cost, hello, area)) in interfaces {
                let plain = plain_interface(&format!("eth{n}"), &area.to_string());
                let hello_interval = 10 * hello;
                intents.push(interface(&OspfInterface { passive, cost, hello_interval, ..plain }));
            }
            for n in announced {
                intents.push(ospf_prefix(&format!("192.0.2.{}/{}", n * 16, 28 + n % 5)));
            }
            intents
        },
    )
}
