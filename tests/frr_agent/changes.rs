//! Changed and cleared fields reach FRR, and a repeated call sends nothing.

use novaroute::proto::v1::{AddressFamily, BgpPeer, Outcome, PeerType, PrefixAttributes};
use serde_json::{Value, json};

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// Every field at a value of its own.
fn full() -> BgpPeer {
    BgpPeer {
        neighbor_address: net::TOR_V4.into(),
        remote_as: net::TOR_AS,
        peer_type: PeerType::External.into(),
        address_families: vec![
            AddressFamily::Ipv4Unicast.into(),
            AddressFamily::Ipv6Unicast.into(),
        ],
        keepalive: 5,
        hold_time: 15,
        bfd_enabled: true,
        bfd_min_rx_ms: 150,
        bfd_min_tx_ms: 200,
        bfd_detect_multiplier: 5,
        description: "to the rack".into(),
        source_address: net::NODE_TOR_V4.into(),
        ebgp_multihop: 3,
        password: "s3cret!".into(),
        max_prefix: 500,
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
    }
}

const FULL: [&str; 24] = [
    "neighbor 10.0.1.2 remote-as 65001",
    "neighbor 10.0.1.2 description to the rack",
    "neighbor 10.0.1.2 password s3cret!",
    "neighbor 10.0.1.2 update-source 10.0.1.1",
    "neighbor 10.0.1.2 ebgp-multihop 3",
    "neighbor 10.0.1.2 port 1179",
    "neighbor 10.0.1.2 timers 5 15",
    "neighbor 10.0.1.2 timers connect 12",
    "neighbor 10.0.1.2 passive",
    "neighbor 10.0.1.2 disable-connected-check",
    "neighbor 10.0.1.2 bfd",
    "neighbor 10.0.1.2 bfd profile NR-150-200-5",
    "neighbor 10.0.1.2 maximum-prefix 500 warning-only",
    "neighbor 10.0.1.2 activate",
    "neighbor 10.0.1.2 shutdown message back at 9",
    "neighbor 10.0.1.2 local-as 65100 no-prepend replace-as",
    "neighbor 10.0.1.2 graceful-restart-helper",
    "neighbor 10.0.1.2 advertisement-interval 5",
    "neighbor 10.0.1.2 allowas-in 4",
    "neighbor 10.0.1.2 next-hop-self",
    "neighbor 10.0.1.2 next-hop-self force",
    "neighbor 10.0.1.2 weight 100",
    "no neighbor 10.0.1.2 send-community extended",
    "neighbor 10.0.1.2 default-originate",
];

#[test]
fn clearing_a_field_takes_its_line_away() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    let plain = all_running(&lab);
    type Clear = fn(&mut BgpPeer);
    let clear: [(Clear, &str); 22] = [
        (|p| p.description.clear(), "neighbor 10.0.1.2 description to the rack"),
        (|p| p.password.clear(), "neighbor 10.0.1.2 password s3cret!"),
        (|p| (p.keepalive, p.hold_time) = (0, 0), "neighbor 10.0.1.2 timers 5 15"),
        (|p| p.source_address.clear(), "neighbor 10.0.1.2 update-source 10.0.1.1"),
        (|p| p.ebgp_multihop = 0, "neighbor 10.0.1.2 ebgp-multihop 3"),
        (|p| p.port = 0, "neighbor 10.0.1.2 port 1179"),
        (|p| p.connect_retry = 0, "neighbor 10.0.1.2 timers connect 12"),
        (|p| p.passive = false, "neighbor 10.0.1.2 passive"),
        (|p| p.disable_connected_check = false, "neighbor 10.0.1.2 disable-connected-check"),
        (|p| p.bfd_enabled = false, "neighbor 10.0.1.2 bfd"),
        (
            |p| (p.bfd_min_rx_ms, p.bfd_min_tx_ms, p.bfd_detect_multiplier) = (0, 0, 0),
            "neighbor 10.0.1.2 bfd profile NR-150-200-5",
        ),
        (|p| p.max_prefix = 0, "neighbor 10.0.1.2 maximum-prefix 500 warning-only"),
        (|p| p.shutdown = false, "neighbor 10.0.1.2 shutdown message back at 9"),
        (|p| p.shutdown_message.clear(), "neighbor 10.0.1.2 shutdown message back at 9"),
        (
            |p| (p.local_as, p.local_as_mode) = (0, 0),
            "neighbor 10.0.1.2 local-as 65100 no-prepend replace-as",
        ),
        (|p| p.graceful_restart = 0, "neighbor 10.0.1.2 graceful-restart-helper"),
        (|p| p.advertisement_interval = 0, "neighbor 10.0.1.2 advertisement-interval 5"),
        (|p| p.allowas_in = 0, "neighbor 10.0.1.2 allowas-in 4"),
        (|p| p.next_hop_self_force.clear(), "neighbor 10.0.1.2 next-hop-self force"),
        (|p| p.weight = 0, "neighbor 10.0.1.2 weight 100"),
        (|p| p.send_community.clear(), "no neighbor 10.0.1.2 send-community extended"),
        (|p| p.default_originate.clear(), "neighbor 10.0.1.2 default-originate"),
    ];
    for (clear, line) in clear {
        admin.apply_peer(full()).unwrap();
        has_lines(&lab, &FULL).unwrap();
        let mut peer = full();
        clear(&mut peer);
        admin.apply_peer(peer).unwrap();
        let config = running(&lab, "bgpd");
        assert!(!config.lines().any(|it| it.trim() == line), "{line} in {config}");
        // Everything else is still there.
        for other in
            FULL.iter().filter(|it| **it != line && !it.contains(" bfd") && !it.contains("maximum"))
        {
            assert!(config.lines().any(|it| it.trim() == *other), "{other} not in {config}");
        }
    }
    admin.apply_peer(full()).unwrap();
    let mut one_family = full();
    one_family.address_families = vec![AddressFamily::Ipv4Unicast as i32];
    one_family.next_hop_self_force.clear();
    admin.apply_peer(one_family).unwrap();
    let config = running(&lab, "bgpd");
    assert!(!config.contains("address-family ipv6"), "{config}");
    let mut other_family = full();
    other_family.address_families = vec![AddressFamily::Ipv6Unicast as i32];
    (other_family.next_hop_self, other_family.default_originate) = (Vec::new(), Vec::new());
    admin.apply_peer(other_family).unwrap();
    has_lines(&lab, &["no neighbor 10.0.1.2 activate", "neighbor 10.0.1.2 activate"]).unwrap();
    admin.apply_peer(tor()).unwrap();
    assert_eq!(all_running(&lab), plain, "all cleared at once");
}

#[test]
fn an_address_family_comes_and_goes_at_the_peer_too() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("2001:db8::/48").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    admin.apply_peer(tor()).unwrap();
    wait_tor(&lab, "2001:db8::/48", |_| true);
    admin.apply_peer(BgpPeer { address_families: vec![1], ..tor() }).unwrap();
    wait_for("no IPv6 route at tor", SOON, || tor_path(&lab, "2001:db8::/48").map_or(Ok(()), Err));
    wait_tor(&lab, "192.0.2.0/24", |_| true);
}

#[test]
fn bfd_timers_reach_bfdd_and_go_with_their_profile() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let empty = running(&lab, "bfdd");
    let session = |receive: Value, transmit: Value, multiplier: Value| {
        wait_for("bfdd's session", SOON, || {
            let shown = vty(&lab, "bfdd", &["show bfd peers json"]);
            let peers: Value = serde_json::from_str(&shown).expect("JSON");
            let peer = &peers[0];
            let timers =
                [&peer["receive-interval"], &peer["transmit-interval"], &peer["detect-multiplier"]];
            let wanted =
                peer["peer"] == json!(net::TOR_V4) && timers == [&receive, &transmit, &multiplier];
            if wanted { Ok(()) } else { Err(shown) }
        });
    };
    let bfd = |rx, tx, multiplier| BgpPeer {
        bfd_enabled: true,
        bfd_min_rx_ms: rx,
        bfd_min_tx_ms: tx,
        bfd_detect_multiplier: multiplier,
        ..tor()
    };
    admin.apply_peer(bfd(150, 200, 5)).unwrap();
    session(json!(150), json!(200), json!(5));
    admin.apply_peer(bfd(250, 200, 4)).unwrap();
    session(json!(250), json!(200), json!(4));
    let config = running(&lab, "bfdd");
    assert!(config.contains("profile NR-250-200-4") && !config.contains("150"), "{config}");
    admin.apply_peer(bfd(0, 0, 0)).unwrap();
    session(json!(300), json!(300), json!(3));
    assert!(!running(&lab, "bfdd").contains("profile"));
    admin.apply_peer(tor()).unwrap();
    wait_for("no session in bfdd", SOON, || match vty(&lab, "bfdd", &["show bfd peers json"]) {
        shown if shown.trim() == "[]" => Ok(()),
        shown => Err(shown),
    });
    assert_eq!(running(&lab, "bfdd"), empty);
}

/// The daemons log every command that any session runs: that is the proof, not what the agent says.
#[test]
fn a_repeated_call_sends_frr_nothing() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, "log commands\n"));
    let agent = Agent::start(&lab);
    agent.wait_ready();
    let admin = agent.client("admin");
    let with = || PrefixAttributes {
        local_preference: 150,
        communities: vec!["65000:1".into(), "NO-EXPORT".into(), "65000:1:2".into()],
        med: 5,
        next_hop: "10.0.1.1".into(),
    };
    let session = || {
        admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
        admin.apply_peer(full()).unwrap();
        admin.apply_peer(bird()).unwrap();
        admin.apply_peer(peer(net::TOR_V6, net::TOR_AS)).unwrap();
        admin.advertise_with("192.0.2.0/24", with()).unwrap();
        admin.advertise("2001:db8::/48").unwrap();
        admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap()
    };
    assert_eq!(session(), Outcome::Confirmed);
    let once = commands_run(&lab);
    assert!(once.len() > 30, "the daemons log commands: {once:?}");
    let before = all_running(&lab);
    let counted = |text: String| {
        let line = "novaroute_frr_transactions_total{result=\"success\"} ";
        text.lines().find_map(|it| it.strip_prefix(line).map(str::to_owned)).expect(line)
    };
    let transactions = counted(agent.http("/metrics").1);
    assert_eq!(session(), Outcome::Unchanged);
    assert_eq!(commands_run(&lab), once);
    assert_eq!(all_running(&lab), before);
    // The same, spelled differently.
    let mut spelled = peer("fd00:0001:0::2", net::TOR_AS);
    spelled.address_families.reverse();
    spelled.max_prefix = 1000;
    admin.apply_peer(spelled).unwrap();
    admin.advertise("2001:0DB8::/48").unwrap();
    assert_eq!(commands_run(&lab), once);
    assert_eq!(counted(agent.http("/metrics").1), transactions);
    assert_eq!(admin.status().prefixes.len(), 2);
    // The count does count.
    admin.advertise("198.51.100.0/24").unwrap();
    assert!(commands_run(&lab).len() > once.len());
}

/// Only what differs is sent: a session does not flap because another field changed.
#[test]
fn a_change_of_the_description_keeps_the_session() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    wait_established(&lab, net::TOR_V4);
    let flaps = || neighbor(&lab, net::TOR_V4)["connectionsDropped"].clone();
    let before = flaps();
    admin.apply_peer(BgpPeer { description: "one".into(), ..tor() }).unwrap();
    admin.apply_peer(BgpPeer { description: "two".into(), max_prefix: 9, ..tor() }).unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    wait_tor(&lab, "192.0.2.0/24", |_| true);
    assert_eq!(flaps(), before);
    assert_eq!(neighbor(&lab, net::TOR_V4)["bgpState"], json!("Established"));
}
