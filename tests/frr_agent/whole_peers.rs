//! What a peer can have beside the essential: FRR takes and shows each value, and the real peer has what it says.

use novaroute::proto::v1::{BgpPeer, PrefixAttributes};
use serde_json::{Value, json};

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

const LEARNED: &str = "203.0.113.0/24";
const OURS: &str = "192.0.2.1/32";

/// A `tor` that expects `node` in this AS and announces [`LEARNED`], with more lines of the instance and of the family.
fn tor_with(as_of_node: u32, more: &str, of_family: &str, after: &str) -> LabOptions {
    let node = net::NODE_TOR_V4;
    let text = format!(
        "router bgp {}\n no bgp ebgp-requires-policy\n no bgp network import-check\n \
         neighbor {node} remote-as {as_of_node}\n neighbor {node} timers connect 1\n{more} \
         address-family ipv4 unicast\n  network {LEARNED}\n  neighbor {node} activate\n{of_family} \
         exit-address-family\nexit\n{after}",
        net::TOR_AS,
    );
    LabOptions::default().config(Router::Tor, &text)
}

/// `tor` with IPv4 alone.
fn plain() -> BgpPeer {
    BgpPeer { address_families: vec![1], connect_retry: 1, ..tor() }
}

/// What `tor` says of `node`.
fn of_node(lab: &Lab) -> Value {
    let asked = format!("show bgp neighbors {} json", net::NODE_TOR_V4);
    lab.vtysh_json(Router::Tor, &asked)[net::NODE_TOR_V4].take()
}

/// Waits until a value is as wanted.
#[track_caller]
fn wait_value(what: &str, wanted: &Value, mut look: impl FnMut() -> Value) {
    wait_for(&format!("{what} to be {wanted}"), SOON, || match look() {
        seen if seen == *wanted => Ok(()),
        seen => Err(seen),
    });
}

/// The path that bgpd of `node` has for [`LEARNED`].
fn learned(lab: &Lab) -> Value {
    let asked = format!("show bgp ipv4 unicast {LEARNED} json");
    let shown = vty(lab, "bgpd", &[&asked]);
    let shown: Value = serde_json::from_str(&shown).unwrap_or_default();
    shown.pointer("/paths/0").cloned().unwrap_or_default()
}

#[test]
fn every_option_of_a_peer_is_shown_at_its_borders_and_goes() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let before = all_running(&lab);
    let with = |edit: &dyn Fn(&mut BgpPeer)| {
        let mut peer = peer("192.0.2.9", 65001);
        edit(&mut peer);
        let shown = format!("{peer:?}");
        admin.apply_peer(peer).unwrap_or_else(|error| panic!("{shown}: {error}"));
    };
    for hops in [1, 254, 1, 0, 2, 0] {
        with(&|peer| peer.ttl_security_hops = hops);
        // From one kind of TTL to the other, and back.
        with(&|peer| peer.ebgp_multihop = 254);
    }
    for message in ["", "a", "b", "", "é 日本 🙂 ! # no", "message", "rtt 5"] {
        with(&|peer| (peer.shutdown, peer.shutdown_message) = (true, message.into()));
    }
    with(&|peer| (peer.shutdown, peer.shutdown_message) = (true, "é".repeat(64)));
    for local_as in [1, 23_456, 65_535, u32::MAX, 0] {
        for mode in if local_as == 0 { 0..1 } else { 0..4 } {
            with(&|peer| (peer.local_as, peer.local_as_mode) = (local_as, mode));
        }
    }
    // 3 is FRR's own, which it does not show.
    for times in [1, 3, 2, 3, 10, 0, 3, 0] {
        with(&|peer| peer.allowas_in = times);
    }
    for seconds in [1, 600, 0, 30] {
        with(&|peer| peer.advertisement_interval = seconds);
    }
    for weight in [1, 32_768, 65_535, 0] {
        with(&|peer| peer.weight = weight);
    }
    for kinds in [&[4][..], &[1], &[], &[2, 3], &[4], &[3, 1], &[2], &[1, 2, 3], &[3, 2]] {
        with(&|peer| peer.send_community = kinds.to_vec());
    }
    for mode in [1, 2, 3, 2, 1, 3, 0, 1, 0] {
        with(&|peer| peer.graceful_restart = mode);
    }
    for on in [true, false, true] {
        with(&|peer| peer.no_soft_reconfiguration = on);
        with(&|peer| peer.default_originate = if on { vec![1] } else { Vec::new() });
        with(&|peer| peer.next_hop_self = if on { vec![1] } else { Vec::new() });
        with(&|peer| peer.next_hop_self_force = if on { vec![1] } else { Vec::new() });
    }
    admin.remove_peer("192.0.2.9").unwrap();
    assert_eq!(all_running(&lab), before);
}

#[test]
fn a_peer_that_is_shut_down_is_told_why_and_comes_back() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    wait_established(&lab, net::TOR_V4);
    let down =
        |message: &str| BgpPeer { shutdown: true, shutdown_message: message.into(), ..tor() };
    admin.apply_peer(down("back at 9")).unwrap();
    wait_value("the words at tor", &json!(["0602", "back at 9"]), || {
        let shown = of_node(&lab);
        json!([shown["lastErrorCodeSubcode"], shown["lastShutdownDescription"]])
    });
    let out = agent.ctl(&["explain", "-o", "json", net::TOR_V4]);
    let page: Value = serde_json::from_slice(&out.stdout).expect("a page");
    let session = page["steps"].as_array().and_then(|steps| {
        steps.iter().find(|it| it["step"] == "session").map(|it| it["cause"].clone())
    });
    assert_eq!(session, Some(json!("shutdown")), "{page}");
    assert_eq!(page["candidates"], json!([]), "{page}");
    let status = admin.status();
    let peer = status.peers.iter().find(|it| it.neighbor_address == net::TOR_V4);
    assert!(peer.is_some_and(|it| it.reason.contains("shutdown")), "{peer:?}");
    // Another message, and none, without a session in between.
    admin.apply_peer(down("at 10")).unwrap();
    has_lines(&lab, &["neighbor 10.0.1.2 shutdown message at 10"]).unwrap();
    admin.apply_peer(down("")).unwrap();
    has_lines(&lab, &["neighbor 10.0.1.2 shutdown"]).unwrap();
    assert_eq!(of_node(&lab)["connectionsEstablished"], 1);
    admin.apply_peer(tor()).unwrap();
    wait_established(&lab, net::TOR_V4);
}

/// Packets that the kernel of `node` has dropped for their TTL, on all sockets.
fn dropped_for_ttl(lab: &Lab) -> u64 {
    let out = lab.exec(Router::Node, &["cat", "/proc/net/netstat"]);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    let mut both = names.split(' ').zip(values.split(' '));
    let found = both.find(|(name, _)| *name == "TCPMinTTLDrop").expect("the kernel counts them");
    found.1.parse().expect("a number")
}

#[test]
fn ttl_security_keeps_a_neighbour_with_the_largest_ttl_and_no_other() {
    let gtsm = format!("neighbor {} ttl-security hops 1", net::NODE_TOR_V4);
    let lab = Lab::start(tor_with(net::NODE_AS, &format!(" {gtsm}\n"), "", ""));
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(BgpPeer { ttl_security_hops: 1, ..plain() }).unwrap();
    wait_established(&lab, net::TOR_V4);
    let refused = dropped_for_ttl(&lab);
    let enter = format!("router bgp {}", net::TOR_AS);
    lab.vtysh(Router::Tor, &["configure terminal", &enter, &format!("no {gtsm}")]);
    wait_for("packets of tor to be dropped for their TTL", SOON, || match dropped_for_ttl(&lab) {
        now if now > refused => Ok(()),
        now => Err(format!("{now} of {refused}")),
    });
    let shown = neighbor(&lab, net::TOR_V4);
    assert_eq!(shown["connectionsEstablished"], 1, "{shown}");
    assert_ne!(shown["bgpState"], "Established");
    let out = agent.ctl(&["explain", "-o", "json", net::TOR_V4]);
    assert!(String::from_utf8_lossy(&out.stdout).contains("with a TTL below 255"), "{out:?}");
    lab.vtysh(Router::Tor, &["configure terminal", &enter, &gtsm]);
    wait_established(&lab, net::TOR_V4);
}

#[test]
fn another_as_number_of_this_node_stands_in_paths_as_it_is_declared() {
    const LOCAL: u32 = 65100;
    let lab = Lab::start(tor_with(LOCAL, "", "", ""));
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise(OURS).unwrap();
    for (mode, sent, received) in [
        (0, "65100 65000", "65100 65001"),
        (1, "65100 65000", "65001"),
        (2, "65100", "65001"),
        (3, "65100", "65001"),
    ] {
        admin
            .apply_peer(BgpPeer { local_as: LOCAL, local_as_mode: mode, ..plain() })
            .unwrap_or_else(|e| panic!("{mode}: {e}"));
        wait_value(&format!("{mode}: the path at tor"), &json!(sent), || {
            tor_path(&lab, OURS).unwrap_or_default()["aspath"]["string"].take()
        });
        wait_value(&format!("{mode}: the path here"), &json!(received), || {
            learned(&lab)["aspath"]["string"].take()
        });
    }
    // Another number is the session's at once, not at its next reset: tor refuses it.
    admin.apply_peer(BgpPeer { local_as: LOCAL + 1, ..plain() }).unwrap();
    wait_value("tor's refusal", &json!("0202"), || of_node(&lab)["lastErrorCodeSubcode"].take());
    admin.apply_peer(BgpPeer { local_as: LOCAL, ..plain() }).unwrap();
    wait_established(&lab, net::TOR_V4);
}

#[test]
fn what_a_peer_takes_and_is_sent_is_what_is_declared() {
    let map = format!("  neighbor {} route-map LOOP out\n", net::NODE_TOR_V4);
    let loops = "route-map LOOP permit 10\n set as-path prepend 65000 65000\nexit\n";
    let lab = Lab::start(tor_with(net::NODE_AS, "", &map, loops));
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let communities = vec!["65000:1".to_owned(), "65000:1:2".to_owned()];
    admin.advertise_with(OURS, PrefixAttributes { communities, ..Default::default() }).unwrap();
    let with = |edit: &dyn Fn(&mut BgpPeer)| {
        let mut peer = plain();
        edit(&mut peer);
        admin.apply_peer(peer).unwrap();
        wait_established(&lab, net::TOR_V4);
    };
    // The own AS stands in the path twice.
    for (times, weight, wanted) in
        [(0, 0, Value::Null), (2, 77, json!(77)), (1, 77, Value::Null), (2, 0, json!(0))]
    {
        with(&|peer| (peer.allowas_in, peer.weight) = (times, weight));
        let accepted = json!([true, u8::from(!wanted.is_null())]);
        wait_value(&format!("{times}: received and accepted"), &accepted, || {
            let asked =
                format!("show bgp ipv4 unicast neighbors {} received-routes json", net::TOR_V4);
            let all: Value =
                serde_json::from_str(&vty(&lab, "bgpd", &[&asked])).unwrap_or_default();
            let info = &neighbor(&lab, net::TOR_V4)["addressFamilyInfo"]["ipv4Unicast"];
            json!([all["receivedRoutes"][LEARNED].is_object(), info["acceptedPrefixCounter"]])
        });
        wait_value(&format!("{times}: its weight"), &wanted, || match learned(&lab) {
            Value::Null => Value::Null,
            path => path.get("weight").cloned().unwrap_or(json!(0)),
        });
    }
    for (kinds, standard, large) in [
        (vec![], json!("65000:1"), json!("65000:1:2")),
        (vec![3], Value::Null, json!("65000:1:2")),
        (vec![1, 2], json!("65000:1"), Value::Null),
        (vec![4], Value::Null, Value::Null),
    ] {
        with(&|peer| peer.send_community = kinds.clone());
        wait_value(&format!("{kinds:?} at tor"), &json!([true, standard, large]), || {
            let path = tor_path(&lab, OURS).unwrap_or_default();
            let (standard, large) =
                (&path["community"]["string"], &path["largeCommunity"]["string"]);
            json!([path.is_object(), standard, large])
        });
    }
    for on in [true, false] {
        with(&|peer| peer.default_originate = if on { vec![1] } else { vec![] });
        wait_value("a default route at tor", &json!(on), || {
            json!(tor_path(&lab, "0.0.0.0/0").is_some())
        });
    }
    let restart = || of_node(&lab)["neighborCapabilities"]["gracefulRestart"].take();
    with(&|peer| peer.graceful_restart = 2);
    wait_value("as helper", &json!("advertisedAndReceived"), restart);
    with(&|peer| peer.graceful_restart = 3);
    wait_value("without", &json!("advertised"), restart);
    with(&|peer| (peer.advertisement_interval, peer.no_soft_reconfiguration) = (30, true));
    let shown = neighbor(&lab, net::TOR_V4);
    assert_eq!(shown["minBtwnAdvertisementRunsTimerMsecs"], 30_000, "{shown}");
    let info = &shown["addressFamilyInfo"]["ipv4Unicast"];
    assert!(info["inboundSoftConfigPermit"].is_null(), "{info}");
}

#[test]
fn an_internal_peer_reaches_what_is_passed_on_through_this_node() {
    let bird_text = format!(
        "router id {};\nprotocol device {{ }}\nprotocol bgp node {{\n  local as {as_number};\n  \
         neighbor {} as {as_number};\n  connect delay time 1;\n  connect retry time 1;\n  \
         error wait time 1, 2;\n  ipv4 {{ import all; export none; }};\n}}\n",
        net::BIRD_V4,
        net::NODE_BIRD_V4,
        as_number = net::NODE_AS,
    );
    let lab = Lab::start(tor_with(net::NODE_AS, "", "", "").config(Router::Bird, &bird_text));
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(plain()).unwrap();
    let inside = BgpPeer { address_families: vec![1], ..peer(net::BIRD_V4, net::NODE_AS) };
    admin.apply_peer(inside.clone()).unwrap();
    wait_bird(&lab, LEARNED, &[&format!("bgp.next_hop: {}", net::TOR_V4)]);
    let ours = format!("bgp.next_hop: {}", net::NODE_BIRD_V4);
    admin.apply_peer(BgpPeer { next_hop_self: vec![1], ..inside.clone() }).unwrap();
    wait_bird(&lab, LEARNED, &[&ours]);
    admin.apply_peer(inside.clone()).unwrap();
    wait_bird(&lab, LEARNED, &[&format!("bgp.next_hop: {}", net::TOR_V4)]);
    admin.apply_peer(BgpPeer { next_hop_self_force: vec![1], ..inside }).unwrap();
    wait_bird(&lab, LEARNED, &[&ours]);
}

/// As the session's capabilities are agreed on only when it begins, it begins anew.
#[test]
fn ipv4_prefixes_have_ipv6_next_hops_where_both_ends_can() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let enter = format!("router bgp {}", net::TOR_AS);
    let capability = format!("neighbor {} capability extended-nexthop", net::NODE_TOR_V6);
    lab.vtysh(Router::Tor, &["configure terminal", &enter, &capability]);
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise(OURS).unwrap();
    let before = all_running(&lab);
    let over_ipv6 = peer(net::TOR_V6, net::TOR_AS);
    let afi = |path: Value| path.pointer("/nexthops/0/afi").cloned().unwrap_or_default();
    for (on, wanted) in [(false, "ipv4"), (true, "ipv6"), (false, "ipv4")] {
        admin.apply_peer(BgpPeer { extended_next_hop: on, ..over_ipv6.clone() }).unwrap();
        wait_value(&format!("{on}: the next hop's family"), &json!(wanted), || {
            afi(tor_path(&lab, OURS).unwrap_or_default())
        });
    }
    admin.remove_peer(net::TOR_V6).unwrap();
    assert_eq!(all_running(&lab), before);
}
