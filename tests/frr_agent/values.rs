//! Every value that the API takes, FRR takes and shows; what FRR cannot do, the API refuses with the reason.
//!
//! Each kind of object at the borders of its values, in every spelling that FRR has for them. One that FRR refused, or that
//! could not be confirmed, would hold up or fail every other of its daemon: so all of a kind are there at once.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use novaroute::proto::v1::{
    BfdSession, BgpPeer, OspfInterface, PrefixAttributes, StaticRoute, static_route::NextHop,
};
use tonic::{Code, Status};

use crate::{
    agent::*,
    lab::{Lab, LabOptions, net},
};

/// An agent that logs as in the pod, with an instance.
fn start(lab: &Lab) -> Agent<'_> {
    let agent = Agent::start_with(lab, |config| config["log_level"] = "info".into());
    agent.wait_ready();
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent
}

#[track_caller]
fn refused(result: Result<(), Status>, field: &str, reason: &str) {
    let error = result.expect_err("FRR can't do it");
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    let words = error.message();
    assert!(words.contains(field) && words.contains(reason), "{words}");
}

/// The networks that bgpd shows, as values.
fn networks(lab: &Lab) -> BTreeSet<IpNet> {
    let text = running(lab, "bgpd");
    let shown = text.lines().filter_map(|line| line.trim().strip_prefix("network "));
    shown.map(|rest| rest.split(' ').next().unwrap().parse().expect("a prefix")).collect()
}

/// C23: bgpd shows what is in ::/96 with an embedded IPv4 address.
#[test]
fn every_prefix_that_is_taken_is_announced_shown_and_withdrawn() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = start(&lab);
    let admin = agent.client("admin");
    let before = all_running(&lab);
    let taken = [
        "::5:0/112",
        "::/0",
        "::/96",
        "::/128",
        "::1/128",
        "::2/128",
        "::1.2.3.4/128",
        "64:ff9b::/96",
        "::ffff:0:0:0/80",
        "2001:DB8:0:0::/32",
        "1:0:2::/128",
        "fec0::/10",
        "fe00::/9",
        "fc00::/7",
        "ff02::1/128",
        "0.0.0.0/0",
        "0.0.0.0/8",
        "0.0.0.1/32",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "255.255.255.255/32",
        "10.0.0.0/8",
    ];
    for prefix in taken {
        admin.advertise(prefix).unwrap_or_else(|error| panic!("{prefix}: {error}"));
    }
    let wanted: BTreeSet<IpNet> = taken.iter().map(|it| it.parse().expect("a prefix")).collect();
    assert_eq!(networks(&lab), wanted);
    // Said again, and with attributes, and by an agent that starts anew.
    let commands = running(&lab, "bgpd");
    taken.iter().for_each(|prefix| admin.advertise(prefix).unwrap());
    assert_eq!(running(&lab, "bgpd"), commands);
    agent.kill();
    agent.launch();
    agent.wait_ready();
    let admin = agent.client("admin");
    assert_eq!(running(&lab, "bgpd"), commands);
    let with = PrefixAttributes { med: u32::MAX, next_hop: "::7:0".into(), ..Default::default() };
    admin.advertise_with("::5:0/112", with).unwrap();
    admin.advertise("203.0.113.1/32").unwrap();
    admin.withdraw("203.0.113.1/32").unwrap();
    for prefix in taken {
        admin.withdraw(prefix).unwrap_or_else(|error| panic!("{prefix}: {error}"));
    }
    assert_eq!(networks(&lab), BTreeSet::new());
    assert_eq!(all_running(&lab), before);
    for prefix in ["fe80::/10", "fe80::/64", "fe80::1/128"] {
        refused(admin.advertise(prefix), "prefix", "link-local");
        let error = admin.apply(vec![change::prefix(prefix)]).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    }
    refused(admin.advertise("::ffff:1.2.3.4/128"), "prefix", "IPv4-mapped");
}

/// C26: neither ospfd nor zebra passes these on; their anchors would drop the node's own traffic.
#[test]
fn what_ospf_never_announces_is_refused_with_the_reason_and_the_rest_is_announced() {
    let lab = Lab::start(LabOptions::default());
    let agent = start(&lab);
    let admin = agent.client("admin");
    let interface = OspfInterface {
        interface_name: net::NODE_TOR_INTERFACE.into(),
        area_id: "0".into(),
        ..OspfInterface::default()
    };
    admin.enable_ospf(interface).unwrap();
    let before = all_running(&lab);
    for (prefix, reason) in [
        ("0.0.0.0/0", "default route"),
        ("127.0.0.0/8", "127.0.0.0/8"),
        ("127.0.0.9/32", "127.0.0.0/8"),
        ("169.254.0.0/16", "169.254.0.0/16"),
        ("224.0.0.0/4", "multicast"),
        ("224.0.0.0/3", "multicast"),
        ("239.1.2.3/32", "multicast"),
    ] {
        refused(admin.advertise_ospf(prefix), "prefix", reason);
        let error = admin.apply(vec![change::ospf_prefix(prefix)]).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    }
    assert_eq!(all_running(&lab), before);
    assert!(!kernel(&lab, "default").contains("blackhole"));
    for prefix in ["0.0.0.1/32", "126.0.0.0/8", "128.0.0.0/2", "223.255.255.255/32", "240.0.0.0/4"]
    {
        admin.advertise_ospf(prefix).unwrap_or_else(|error| panic!("{prefix}: {error}"));
        crate::lab::wait_for("announced", SOON, || match admin.prefix_state(prefix).as_deref() {
            Some("advertised") => Ok(()),
            other => Err(format!("{prefix}: {other:?}")),
        });
        admin.withdraw_ospf(prefix).unwrap();
    }
    assert_eq!(all_running(&lab), before);
}

/// C24: bgpd shows a name where it has one.
#[test]
fn every_community_is_taken_by_number_and_by_name_and_confirmed() {
    let lab = Lab::start(LabOptions::default());
    let agent = start(&lab);
    let admin = agent.client("admin");
    let names = [
        ("graceful-shutdown", "65535:0"),
        ("accept-own", "65535:1"),
        ("route-filter-translated-v4", "65535:2"),
        ("route-filter-v4", "65535:3"),
        ("route-filter-translated-v6", "65535:4"),
        ("route-filter-v6", "65535:5"),
        ("llgr-stale", "65535:6"),
        ("no-llgr", "65535:7"),
        ("accept-own-nexthop", "65535:8"),
        ("blackhole", "65535:666"),
        ("no-export", "65535:65281"),
        ("no-advertise", "65535:65282"),
        ("local-AS", "65535:65283"),
        ("no-peer", "65535:65284"),
    ];
    let with = |communities: &[&str]| PrefixAttributes {
        communities: communities.iter().map(|it| (*it).to_owned()).collect(),
        ..PrefixAttributes::default()
    };
    let before = running(&lab, "bgpd");
    for (name, number) in names {
        admin
            .advertise_with("192.0.2.1/32", with(&[number]))
            .unwrap_or_else(|e| panic!("{number}: {e}"));
        let text = running(&lab, "bgpd");
        assert!(text.contains(&format!("set community {name}\n")), "{text}");
        // The name is the same value.
        admin.advertise_with("192.0.2.1/32", with(&[name])).unwrap();
        admin.advertise_with("192.0.2.1/32", with(&[&name.to_uppercase()])).unwrap();
        assert_eq!(running(&lab, "bgpd"), text);
    }
    let all: Vec<&str> = names.iter().map(|(_, number)| *number).collect();
    admin.advertise_with("192.0.2.1/32", with(&all)).unwrap();
    // Every well-known number that has no name, and the borders of the rest, in no order.
    let low = (0..16).map(|low| format!("65535:{low}"));
    let high = (65_276..=65_290).map(|low| format!("65535:{low}"));
    let many: Vec<String> = high.chain(low).chain(["65535:65535".into(), "0:0".into()]).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    admin.advertise_with("192.0.2.1/32", with(&many)).unwrap();
    let large = ["4294967295:4294967295:4294967295", "0:0:0", "01:002:3", "65535:65535:4"];
    admin.advertise_with("192.0.2.1/32", with(&large)).unwrap();
    admin.advertise_with("192.0.2.1/32", with(&[&large[..], &many[..]].concat())).unwrap();
    admin.withdraw("192.0.2.1/32").unwrap();
    assert_eq!(running(&lab, "bgpd"), before);
}

#[test]
fn every_attribute_is_confirmed_at_its_borders() {
    let lab = Lab::start(LabOptions::default());
    let agent = start(&lab);
    let admin = agent.client("admin");
    let before = running(&lab, "bgpd");
    let hop = |next_hop: &str| PrefixAttributes { next_hop: next_hop.into(), ..Default::default() };
    for value in [1, u32::MAX] {
        let med = PrefixAttributes { med: value, ..Default::default() };
        admin.advertise_with("192.0.2.1/32", med).unwrap();
        let preference = PrefixAttributes { local_preference: value, ..Default::default() };
        admin.advertise_with("192.0.2.1/32", preference).unwrap();
    }
    for address in ["1.0.0.1", "126.255.255.255", "128.0.0.0", "169.254.0.1", "223.255.255.255"] {
        admin
            .advertise_with("192.0.2.1/32", hop(address))
            .unwrap_or_else(|e| panic!("{address}: {e}"));
    }
    for address in ["0.0.0.1", "127.0.0.1", "240.0.0.1", "255.255.255.254"] {
        refused(admin.advertise_with("192.0.2.1/32", hop(address)), "next_hop", address);
    }
    for address in ["::5:0", "::1.2.3.4", "::2", "64:ff9b::1.2.3.4", "FEC0::1", "2001:db8::"] {
        admin
            .advertise_with("2001:db8::1/128", hop(address))
            .unwrap_or_else(|e| panic!("{address}: {e}"));
    }
    for address in ["::1", "fe80::1"] {
        refused(admin.advertise_with("2001:db8::1/128", hop(address)), "next_hop", address);
    }
    admin.withdraw("192.0.2.1/32").unwrap();
    admin.withdraw("2001:db8::1/128").unwrap();
    assert_eq!(running(&lab, "bgpd"), before);
}

/// C25, and every other field of a peer.
#[test]
fn every_peer_that_is_taken_is_shown_and_goes() {
    let lab = Lab::start(LabOptions::default());
    let agent = start(&lab);
    let admin = agent.client("admin");
    let before = all_running(&lab);
    let with = |edit: &dyn Fn(&mut BgpPeer)| {
        let mut peer = peer("192.0.2.9", 65001);
        edit(&mut peer);
        let shown = format!("{:?} {:?}", peer.description, peer.ebgp_multihop);
        admin.apply_peer(peer).unwrap_or_else(|error| panic!("{shown}: {error}"));
    };
    // One hop is how eBGP is: bgpd shows no line.
    for hops in [1, 2, 1, 254, 255, 0, 1] {
        with(&|peer| peer.ebgp_multihop = hops);
    }
    for (keepalive, hold_time) in [(1, 3), (3, 9), (60, 180), (21_845, 65_535)] {
        with(&|peer| (peer.keepalive, peer.hold_time) = (keepalive, hold_time));
    }
    // bgpd shows no line for 179.
    for port in [1, 179, 65_535, 0, 179] {
        with(&|peer| peer.port = port);
    }
    // 10 and 120 are what the two profiles have by themselves.
    for seconds in [1, 10, 120, 65_535, 0] {
        with(&|peer| peer.connect_retry = seconds);
    }
    for on in [true, false, true] {
        with(&|peer| peer.passive = on);
        with(&|peer| peer.disable_connected_check = on);
    }
    for max_prefix in [1, 1000, u32::MAX] {
        with(&|peer| peer.max_prefix = max_prefix);
    }
    for remote_as in [1, 23_456, 65_535, 65_536, u32::MAX] {
        with(&|peer| peer.remote_as = remote_as);
    }
    for (ms, multiplier) in [(50, 2), (60_000, 255)] {
        with(&|peer| {
            peer.bfd_enabled = true;
            (peer.bfd_min_rx_ms, peer.bfd_min_tx_ms) = (ms, ms);
            peer.bfd_detect_multiplier = multiplier;
        });
    }
    let printable: Vec<char> = (b'!'..=b'~').map(char::from).collect();
    let all: String = printable.iter().collect();
    let eighty = "x".repeat(80);
    for password in [&all[..80], &all[14..], "0", "8", "no", "\"", eighty.as_str()] {
        with(&|peer| peer.password = password.into());
    }
    for sign in &printable {
        with(&|peer| peer.description = format!("{sign}"));
        with(&|peer| peer.password = format!("{sign}"));
        if *sign != '|' {
            with(&|peer| peer.description = format!("{sign} a {sign} b {sign}"));
        }
    }
    for description in [all.as_str(), "é 日本 🙂", "no", "exit", "a\u{a0}b", "::0.5.0.0", "! #"]
    {
        with(&|peer| peer.description = description.into());
    }
    with(&|peer| peer.description = "é".repeat(127));
    admin.remove_peer("192.0.2.9").unwrap();
    assert_eq!(all_running(&lab), before);

    let pairs = [
        ("::5:0", "::7:0"),
        ("::1.2.3.4", "::1.2.3.5"),
        ("64:ff9b::1.2.3.4", "FD00:1::1"),
        ("::2", "::3"),
        ("240.0.0.1", "240.0.0.2"),
        ("127.0.0.5", "127.0.0.6"),
        ("0.0.0.5", "169.254.0.1"),
    ];
    for (address, source) in pairs {
        let peer = BgpPeer {
            source_address: source.into(),
            bfd_enabled: true,
            bfd_min_rx_ms: 400,
            address_families: vec![1, 2],
            ..peer(address, 65001)
        };
        admin.apply_peer(peer).unwrap_or_else(|error| panic!("{address}: {error}"));
    }
    admin.advertise("192.0.2.1/32").unwrap();
    admin.withdraw("192.0.2.1/32").unwrap();
    let shown: BTreeSet<IpAddr> = running(&lab, "bgpd")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("neighbor ")?.strip_suffix(" remote-as 65001"))
        .map(|address| address.parse().expect("an address"))
        .collect();
    assert_eq!(shown, pairs.iter().map(|(address, _)| address.parse().unwrap()).collect());
    // Somebody's line inside one whose address bgpd spells in its own way keeps it.
    for (address, _) in pairs {
        admin.remove_peer(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    }
    assert_eq!(all_running(&lab), before);
}

#[test]
fn every_static_route_that_is_taken_is_run_and_goes() {
    let lab = Lab::start(LabOptions::default());
    let agent = start(&lab);
    let admin = agent.client("admin");
    let before = running(&lab, "mgmtd");
    let routes = || {
        let text = running(&lab, "mgmtd");
        let lines = text.lines().filter(|line| line.starts_with("ip"));
        lines
            .map(|line| line.split(' ').nth(2).unwrap().parse().unwrap())
            .collect::<BTreeSet<IpNet>>()
    };
    let prefixes = [
        "::5:0/112",
        "::/96",
        "::1.2.3.4/128",
        "::2/128",
        "64:ff9b::/96",
        "ff02::/16",
        "fe80::/64",
        "240.0.0.0/4",
        "224.0.0.0/4",
        "255.255.255.255/32",
        "0.0.0.1/32",
        "127.0.0.9/32",
    ];
    for prefix in prefixes {
        let blackhole = change::route(prefix, NextHop::Blackhole(true));
        admin.apply(vec![blackhole]).unwrap_or_else(|error| panic!("{prefix}: {error}"));
    }
    assert_eq!(routes(), prefixes.iter().map(|it| it.parse().unwrap()).collect());
    for (prefix, gateway) in [
        ("2001:db8:1::/48", "::5:0"),
        ("2001:db8:2::/48", "::1.2.3.4"),
        ("2001:db8:3::/48", "FD00:1::2"),
        ("203.0.113.0/24", net::TOR_V4),
    ] {
        let route = change::via(prefix, gateway);
        admin.apply(vec![route.clone()]).unwrap_or_else(|error| panic!("{gateway}: {error}"));
        admin.apply(vec![route]).unwrap();
        for (distance, tag) in [(255, u32::MAX), (1, 1), (254, 0)] {
            let route = StaticRoute {
                prefix: prefix.into(),
                next_hop: Some(NextHop::Gateway(gateway.into())),
                distance,
                tag,
            };
            admin
                .apply(vec![change::static_route(route)])
                .unwrap_or_else(|e| panic!("{gateway}: {e}"));
        }
        admin.apply(vec![change::no_route(prefix)]).unwrap();
    }
    let link_local = admin.apply(vec![change::via("2001:db8:9::/48", "fe80::1")]).map(drop);
    refused(link_local, "gateway", "link-local");
    for prefix in prefixes {
        admin.apply(vec![change::no_route(prefix)]).unwrap();
    }
    assert_eq!(routes(), BTreeSet::new());
    assert_eq!(running(&lab, "mgmtd"), before);
}

/// Names of interfaces with every character that one may have.
fn interfaces() -> Vec<String> {
    let fair = |sign: &char| !"/|'\"*".contains(*sign);
    let signs: Vec<char> = (b'!'..=b'~').map(char::from).filter(fair).collect();
    let long = signs.chunks(15).map(|chunk| chunk.iter().collect::<String>());
    long.chain(["a.b".into(), "fifteen.bytes.1".into(), "1".into()]).collect()
}

#[test]
fn every_bfd_session_that_is_taken_is_run_and_goes() {
    let lab = Lab::start(LabOptions::default());
    let agent = start(&lab);
    let admin = agent.client("admin");
    let before = all_running(&lab);
    let session = |peer_address: &str| BfdSession {
        peer_address: peer_address.into(),
        ..BfdSession::default()
    };
    for (ms, multiplier) in [(10, 1), (4_294_967, 255), (300, 3), (60_000, 2)] {
        let timers = BfdSession {
            min_rx_ms: ms,
            min_tx_ms: ms,
            detect_multiplier: multiplier,
            ..session("192.0.2.9")
        };
        admin.enable_bfd(timers).unwrap_or_else(|error| panic!("{ms} {multiplier}: {error}"));
    }
    for interface_name in interfaces() {
        let bound = BfdSession { interface_name: interface_name.clone(), ..session("192.0.2.9") };
        admin.enable_bfd(bound).unwrap_or_else(|error| panic!("{interface_name}: {error}"));
    }
    let peers = ["::5:0", "::1.2.3.4", "::2", "64:ff9b::1", "240.0.0.1", "127.0.0.1", "0.0.0.1"];
    for peer in peers {
        admin.enable_bfd(session(peer)).unwrap_or_else(|error| panic!("{peer}: {error}"));
    }
    let local = BfdSession { local_address: "::7:0".into(), ..session("::5:0") };
    admin.enable_bfd(local).unwrap();
    for peer in peers.into_iter().chain(["192.0.2.9"]) {
        admin.disable_bfd(peer).unwrap_or_else(|error| panic!("{peer}: {error}"));
    }
    assert_eq!(all_running(&lab), before);
}

#[test]
fn every_ospf_interface_that_is_taken_is_run_and_goes() {
    let lab = Lab::start(LabOptions::default());
    let agent = start(&lab);
    let admin = agent.client("admin");
    let before = all_running(&lab);
    let at = |name: &str, edit: &dyn Fn(&mut OspfInterface)| {
        let mut interface = OspfInterface {
            interface_name: name.into(),
            area_id: "0".into(),
            ..OspfInterface::default()
        };
        edit(&mut interface);
        let shown = format!("{interface:?}");
        admin.enable_ospf(interface).unwrap_or_else(|error| panic!("{shown}: {error}"));
    };
    for area in ["0", "0.0.0.0", "1", "255.255.255.255", "4294967295", "0.0.0.7"] {
        at("tor0", &|interface| interface.area_id = area.into());
    }
    for cost in [1, 10, 65_535] {
        at("tor0", &|interface| interface.cost = cost);
    }
    for (hello, dead) in [(1, 1), (1, 4), (10, 40), (65_535, 65_535), (0, 10), (0, 65_535), (9, 0)]
    {
        at("tor0", &|interface| {
            (interface.hello_interval, interface.dead_interval) = (hello, dead)
        });
    }
    for name in interfaces() {
        at(&name, &|interface| interface.passive = true);
        admin.disable_ospf(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    admin.disable_ospf("tor0").unwrap();
    assert_eq!(all_running(&lab), before);
}
