//! The whole way: from a client to the peers' own tables, and what is told about it.

use novaroute::proto::v1::{BgpPeer, EventType, PeerType, PrefixAttributes};
use serde_json::json;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

fn attributes() -> PrefixAttributes {
    PrefixAttributes {
        local_preference: 150,
        communities: ["65000:100", "65000:7", "65000:1:2"].map(Into::into).to_vec(),
        med: 77,
        next_hop: String::new(),
    }
}

#[test]
fn routes_reach_both_peers_with_their_attributes_and_go_again() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.apply_peer(bird()).unwrap();
    let edge = agent.client("edge");
    edge.advertise_with("192.0.2.1/32", attributes()).unwrap();
    edge.advertise("2001:db8::1/128").unwrap();
    edge.advertise_with("10.9.9.9/32", attributes()).unwrap();
    wait_established(&lab, net::TOR_V4);
    wait_established(&lab, net::BIRD_V4);

    let path = wait_tor(&lab, "192.0.2.1/32", |_| true);
    assert_eq!(path["metric"], json!(77), "{path}");
    assert_eq!(path["community"]["string"], json!("65000:7 65000:100"), "{path}");
    assert_eq!(path["largeCommunity"]["string"], json!("65000:1:2"), "{path}");
    assert_eq!(path["aspath"]["string"], json!("65000"), "{path}");
    assert_eq!(path["nexthops"][0]["ip"], json!(net::NODE_TOR_V4), "{path}");
    wait_tor(&lab, "10.9.9.9/32", |_| true);
    let path = wait_tor(&lab, "2001:db8::1/128", |_| true);
    assert!(path["community"].is_null() && path["metric"].as_u64().unwrap_or(0) == 0, "{path}");

    wait_bird(
        &lab,
        "192.0.2.1/32",
        &["bgp.as_path: 65000", "bgp.med: 77", "(65000,100)", "(65000,7)", "(65000, 1, 2)"],
    );
    wait_bird(&lab, "2001:db8::1/128", &["bgp.as_path: 65000"]);

    let status = admin.status();
    let frr = status.frr_status.expect("FRR's status");
    assert!(frr.connected && frr.version.starts_with("10."), "{frr:?}");
    for peer in [net::TOR_V4, net::BIRD_V4] {
        wait_for("the agent's own view of the peer", SOON, || match admin.peer_state(peer) {
            Some(state) if state == "Established" => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
    let mut prefixes: Vec<_> = status.prefixes.iter().map(|it| (&*it.prefix, &*it.owner)).collect();
    prefixes.sort_unstable();
    for (prefix, _) in &prefixes {
        wait_for("advertised", SOON, || match admin.prefix_state(prefix) {
            Some(state) if state == "advertised" => Ok(()),
            other => Err(format!("{prefix}: {other:?}")),
        });
    }
    assert_eq!(
        prefixes,
        [("10.9.9.9/32", "edge"), ("192.0.2.1/32", "edge"), ("2001:db8::1/128", "edge"),]
    );

    for prefix in ["192.0.2.1/32", "2001:db8::1/128", "10.9.9.9/32"] {
        edge.withdraw(prefix).unwrap();
    }
    for prefix in ["192.0.2.1/32", "2001:db8::1/128"] {
        wait_gone(&lab, prefix);
    }
    let config = running(&lab, "bgpd");
    assert!(!config.contains("network 1") && !config.contains("route-map"), "{config}");
    admin.remove_peer(net::TOR_V4).unwrap();
    let config = running(&lab, "bgpd");
    assert!(!config.contains(net::TOR_V4) && config.contains(net::BIRD_V4), "{config}");
    assert_eq!(admin.peer_state(net::TOR_V4), None);
}

/// Local preference, and a next hop of any network, go to neighbours of the same AS only.
#[test]
fn an_internal_peer_gets_local_preference_and_next_hop() {
    let tor_conf = "router bgp 65000\n bgp router-id 10.0.1.2\n \
         neighbor 10.0.1.1 remote-as 65000\n neighbor 10.0.1.1 timers connect 1\n \
         address-family ipv6 unicast\n  neighbor 10.0.1.1 activate\n exit-address-family\nexit\n";
    let lab = Lab::start(LabOptions::default().config(Router::Tor, tor_conf));
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let peer_type = PeerType::Internal as i32;
    admin.apply_peer(BgpPeer { remote_as: net::NODE_AS, peer_type, ..tor() }).unwrap();
    let with = |next_hop: &str| PrefixAttributes { next_hop: next_hop.into(), ..attributes() };
    admin.advertise_with("192.0.2.0/24", with("10.0.2.2")).unwrap();
    admin.advertise_with("2001:db8::/48", with("fd00:2::2")).unwrap();
    for (prefix, next_hop) in [("192.0.2.0/24", "10.0.2.2"), ("2001:db8::/48", "fd00:2::2")] {
        let path = wait_tor(&lab, prefix, |_| true);
        assert_eq!(path["locPrf"], json!(150), "{path}");
        assert_eq!(path["metric"], json!(77), "{path}");
        assert_eq!(path["nexthops"][0]["ip"], json!(next_hop), "{path}");
    }
}

#[test]
fn sessions_over_ipv6_carry_both_families() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(peer(net::TOR_V6, net::TOR_AS)).unwrap();
    admin.apply_peer(peer(net::BIRD_V6, net::BIRD_AS)).unwrap();
    admin.advertise("203.0.113.0/24").unwrap();
    admin.advertise("2001:db8:1::/48").unwrap();
    wait_established(&lab, net::TOR_V6);
    wait_established(&lab, net::BIRD_V6);
    let path = wait_tor(&lab, "2001:db8:1::/48", |_| true);
    assert_eq!(path["nexthops"][0]["ip"], json!(net::NODE_TOR_V6), "{path}");
    wait_tor(&lab, "203.0.113.0/24", |_| true);
    wait_bird(&lab, "2001:db8:1::/48", &["bgp.next_hop: fd00:2::1"]);
}

/// bgpd counts the updates that a peer sent it: a route that was missing for a moment was withdrawn.
#[test]
fn attributes_change_without_a_moment_without_the_route() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.apply_peer(bird()).unwrap();
    wait_established(&lab, net::TOR_V4);
    wait_established(&lab, net::BIRD_V4);
    let withdraws = || {
        let shown = lab.birdc("show protocols all node4");
        let lines: Vec<_> =
            shown.lines().filter(|line| line.contains("Import withdraws:")).collect();
        assert_eq!(lines.len(), 2, "one for each family: {shown}");
        lines.join("\n")
    };
    let before = withdraws();
    for med in 1..=5 {
        let with = PrefixAttributes {
            med,
            communities: vec![format!("65000:{med}")],
            ..Default::default()
        };
        admin.advertise_with("192.0.2.0/24", with).unwrap();
        let path = wait_tor(&lab, "192.0.2.0/24", |path| path["metric"] == json!(med));
        assert_eq!(path["community"]["string"], json!(format!("65000:{med}")));
        wait_bird(&lab, "192.0.2.0/24", &[&format!("bgp.med: {med}")]);
        let config = running(&lab, "bgpd");
        let maps = config.lines().filter(|line| line.starts_with("route-map ")).count();
        assert_eq!(maps, 1, "the old route-map is gone: {config}");
    }
    // To none and back.
    admin.advertise("192.0.2.0/24").unwrap();
    wait_tor(&lab, "192.0.2.0/24", |path| path["community"].is_null());
    assert!(!running(&lab, "bgpd").contains("route-map"));
    assert_eq!(withdraws(), before);
    admin.withdraw("192.0.2.0/24").unwrap();
    wait_gone(&lab, "192.0.2.0/24");
    assert_ne!(withdraws(), before, "bird does count them");
}

#[test]
fn prefixes_with_the_same_attributes_share_one_route_map() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    for prefix in ["192.0.2.0/24", "198.51.100.0/24"] {
        admin.advertise_with(prefix, attributes()).unwrap();
    }
    let maps = || running(&lab, "bgpd").lines().filter(|l| l.starts_with("route-map ")).count();
    assert_eq!(maps(), 1);
    admin.withdraw("192.0.2.0/24").unwrap();
    assert_eq!(maps(), 1);
    admin.withdraw("198.51.100.0/24").unwrap();
    assert_eq!(maps(), 0);
}

#[test]
fn events_come_when_frr_has_it() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let events = admin.events(&[]);
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let (_, event) = events.wait(EventType::BgpConfigChanged, "10.0.0.1");
    let expected = [
        ("local_as", "65000"),
        ("previous_as", "0"),
        ("previous_router_id", ""),
        ("router_id", "10.0.0.1"),
    ];
    let mut metadata: Vec<_> = event.metadata.iter().map(|(k, v)| (&**k, &**v)).collect();
    metadata.sort_unstable();
    assert_eq!(metadata, expected);
    admin.apply_peer(tor()).unwrap();
    let (_, event) = events.wait(EventType::PeerUp, net::TOR_V4);
    assert_eq!(neighbor(&lab, net::TOR_V4)["bgpState"], "Established");
    assert_eq!((&*event.owner, &*event.metadata["state"]), ("admin", "Established"));

    admin.advertise("192.0.2.0/24").unwrap();
    events.wait(EventType::PrefixAdvertised, "192.0.2.0/24");
    admin.advertise("192.0.2.0/24").unwrap();
    admin.withdraw("192.0.2.0/24").unwrap();
    events.wait(EventType::PrefixWithdrawn, "192.0.2.0/24");
    let advertised =
        events.all().iter().filter(|e| e.r#type() == EventType::PrefixAdvertised).count();
    assert_eq!(advertised, 1, "repeating tells nothing");

    lab.link_down(Router::Tor);
    lab.kill(Router::Tor, "bgpd");
    let (_, event) = events.wait(EventType::PeerDown, net::TOR_V4);
    assert_eq!(event.metadata["previous_state"], "Established");
    assert_eq!(event.owner, "admin");
}

#[test]
fn metrics_have_their_names() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    agent.wait_ready();
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "").unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    let edge = agent.client("edge");
    edge.advertise("198.51.100.0/24").unwrap_err();
    let mut stranger = agent.client("stranger");
    stranger.token = "no".into();
    stranger.advertise("192.0.2.0/24").unwrap_err();
    let (code, text) = agent.http("/metrics");
    assert_eq!(code, 200);
    for line in [
        "novaroute_intents_total{operation=\"set\",owner=\"admin\",type=\"prefix\"} 1",
        "novaroute_frr_transactions_total{result=\"success\"}",
        "novaroute_policy_violations_total{owner=\"edge\",reason=",
        "novaroute_events_total{type=",
        "novaroute_events_dropped_total",
        "novaroute_monitoring_errors_total{protocol=",
        "novaroute_active_peers{owner=\"admin\"} 1",
        "novaroute_active_prefixes{owner=\"admin\",protocol=\"bgp\"} 1",
        "novaroute_registered_owners 2",
        "novaroute_frr_connected 1",
        "novaroute_grpc_request_duration_seconds_bucket{method=\"AdvertisePrefix\"",
        "novaroute_frr_transaction_duration_seconds_count",
        "novaroute_reconcile_cycle_duration_seconds_count",
    ] {
        assert!(text.lines().any(|it| it.starts_with(line)), "{line} in:\n{text}");
    }
    assert!(!text.contains("stranger"), "{text}");
    assert_eq!(agent.http("/healthz").0, 200);
}
