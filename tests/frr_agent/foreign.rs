//! What others configured stays.

use crate::{
    agent::*,
    lab::{Lab, LabOptions, net, wait_for},
};
use std::time::Duration;

use novaroute::proto::v1::{BgpPeer, PrefixAttributes};

const FOREIGN: [&str; 17] = [
    "route-map THEIRS permit 10",
    "set metric 5",
    "exit",
    "ip prefix-list THEIRS seq 5 permit 10.0.0.0/8 le 24",
    "bgp community-list standard THEIRS seq 5 permit 65000:1",
    "router bgp 65000",
    "bgp router-id 10.0.0.1",
    "no bgp network import-check",
    "bgp bestpath as-path multipath-relax",
    "neighbor 10.0.9.9 remote-as 65009",
    "neighbor 10.0.9.9 description theirs",
    "neighbor THEIRS peer-group",
    "address-family ipv4 unicast",
    "network 198.51.100.0/24",
    "neighbor 10.0.9.9 route-map THEIRS in",
    "aggregate-address 10.128.0.0/9",
    "exit-address-family",
];

#[test]
fn a_whole_session_leaves_foreign_configuration_as_it_was() {
    let lab = Lab::start(LabOptions::default());
    configure(&lab, &FOREIGN);
    let before = all_running(&lab);
    let agent = Agent::start(&lab);
    agent.wait_ready();
    assert_eq!(all_running(&lab), before, "starting alone changes nothing");
    let foreign: Vec<String> = before[0].lines().map(|it| it.trim().to_owned()).collect();
    let still_there = |when: &str| {
        let now = running(&lab, "bgpd");
        for line in foreign.iter().filter(|line| !line.starts_with("Current")) {
            assert!(now.lines().any(|it| it.trim() == line), "{line:?} after {when} in\n{now}");
        }
    };
    let admin = agent.client("admin");
    let edge = agent.client("edge");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    still_there("ConfigureBGP");
    let full = BgpPeer { bfd_enabled: true, bfd_min_rx_ms: 150, ..tor() };
    admin.apply_peer(full).unwrap();
    admin.apply_peer(bird()).unwrap();
    still_there("ApplyPeer");
    let with = PrefixAttributes { med: 5, ..Default::default() };
    edge.advertise_with("192.0.2.1/32", with).unwrap();
    edge.advertise("10.1.1.1/32").unwrap();
    admin.advertise("2001:db8::/48").unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    still_there("AdvertisePrefix");
    edge.advertise("192.0.2.1/32").unwrap();
    edge.withdraw("10.1.1.1/32").unwrap();
    admin.remove_peer(net::BIRD_V4).unwrap();
    still_there("withdrawals");
    edge.deregister(true).unwrap();
    admin.deregister(true).unwrap();
    still_there("Deregister");
    let after = running(&lab, "bgpd");
    for ours in ["192.0.2.1", "10.1.1.1", "2001:db8", "NR-", net::TOR_V4, net::BIRD_V4] {
        assert!(!after.contains(ours), "{ours} in\n{after}");
    }
    assert_eq!(all_running(&lab)[1..], before[1..]);
}

/// It is no longer declared, and stays until the line is gone.
#[test]
fn a_neighbour_with_a_foreign_line_is_not_removed() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    configure(
        &lab,
        &[
            "route-map IN permit 10",
            "exit",
            "router bgp 65000",
            "address-family ipv4 unicast",
            "neighbor 10.0.1.2 route-map IN in",
        ],
    );
    let before = all_running(&lab);
    admin.remove_peer(net::TOR_V4).unwrap();
    assert_eq!(all_running(&lab), before);
    assert!(admin.peer_state(net::TOR_V4).is_none(), "it is not declared any more");
    let kept = admin.status().kept;
    assert!(kept.iter().any(|it| it.lines == ["neighbor 10.0.1.2 route-map IN in"]), "{kept:?}");
    admin.deregister(true).unwrap();
    assert_eq!(all_running(&lab), before);

    configure(
        &lab,
        &[
            "router bgp 65000",
            "address-family ipv4 unicast",
            "no neighbor 10.0.1.2 route-map IN in",
        ],
    );
    // A busy machine compares everything once a minute.
    wait_for("the neighbour to go", Duration::from_secs(90), || {
        let shown = running(&lab, "bgpd");
        if shown.contains(net::TOR_V4) { Err(shown) } else { Ok(()) }
    });
}

/// What somebody takes away by hand comes back by itself, and a call that is repeated finds out at once.
#[test]
fn drift_is_repaired_by_itself_and_by_a_repeated_call() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(BgpPeer { description: "ours".into(), ..tor() }).unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    configure(&lab, &["router bgp 65000", "no neighbor 10.0.1.2"]);
    admin.advertise("198.51.100.0/24").unwrap();
    wait_for("what was taken away", SOON, || {
        has_lines(&lab, &["neighbor 10.0.1.2 description ours", "network 198.51.100.0/24"])
    });
    configure(&lab, &["no router bgp 65000"]);
    admin.advertise("192.0.2.0/24").unwrap();
    has_lines(&lab, &["network 192.0.2.0/24", "neighbor 10.0.1.2 description ours"]).unwrap();
    wait_for("applied", SOON, || {
        admin.in_frr("192.0.2.0/24").then_some(()).ok_or("it is not applied")
    });
}
