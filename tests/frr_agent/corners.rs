//! Where two things meet: somebody else's part of our object, two owners of one profile, other
//! defaults, an instance that can't be made anew.

use novaroute::proto::v1::{self, BgpPeer, Outcome, PrefixAttributes};
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// A neighbour at the node's own address is refused when the old instance is gone already.
#[test]
fn an_instance_that_cannot_be_made_anew_comes_back_as_it_was() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(65000, "10.0.0.1").unwrap();
    let full = BgpPeer {
        description: "to the rack".into(),
        password: "s3cret!".into(),
        ebgp_multihop: 3,
        bfd_enabled: true,
        bfd_min_rx_ms: 150,
        ..tor()
    };
    admin.apply_peer(full).unwrap();
    admin.apply_peer(bird()).unwrap();
    let with = PrefixAttributes { med: 7, ..Default::default() };
    admin.advertise_with("192.0.2.0/24", with).unwrap();
    admin.advertise("2001:db8::/48").unwrap();
    let before = all_running(&lab);
    let own = peer(net::NODE_TOR_V4, net::TOR_AS);
    let error = admin.apply(vec![change::bgp(65020, "10.0.0.2"), change::peer(own)]).unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    assert!(error.message().contains("local system"), "{error}");
    assert!(!error.message().contains("s3cret"), "{error}");
    assert_eq!(all_running(&lab), before);
    assert_eq!(admin.configure_bgp(65000, "10.0.0.1").unwrap().previous_as, 65000);
    agent.wait_ready();
}

/// FRR may refuse on the way back what it took before: then all the rest is repaired, and what is
/// lacking is named.
#[test]
fn what_cannot_be_undone_is_repaired_as_far_as_it_goes() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(65000, "10.0.0.1").unwrap();
    admin.apply_peer(peer("10.0.3.2", 65003)).unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    let before = running(&lab, "bgpd");
    let address = |action: &str| {
        let out = lab.exec(Router::Node, &["ip", "addr", action, "10.0.3.2/32", "dev", "tor0"]);
        assert!(out.status.success(), "{out:?}");
    };
    address("add");
    wait_for("zebra to know its address", SOON, || {
        let shown = vty(&lab, "zebra", &["show interface brief"]);
        if shown.contains("10.0.3.2") { Ok(()) } else { Err(shown) }
    });
    let error = admin.configure_bgp(65020, "10.0.0.2").unwrap_err();
    assert_eq!(error.code(), Code::Internal, "{error}");
    assert!(error.message().contains("local system"), "{error}");
    wait_lines(
        &lab,
        &[
            "router bgp 65000",
            "bgp router-id 10.0.0.1",
            "network 192.0.2.0/24",
            "neighbor 10.0.1.2 activate",
        ],
    );
    wait_for("the peer's state", SOON, || match admin.peer_state("10.0.3.2").unwrap_or_default() {
        state if state.starts_with("rejected: ") && state.contains("local system") => Ok(()),
        state => Err(state),
    });
    // What is refused is said before the rest is brought back without it.
    wait_for("the prefix in FRR", SOON, || match admin.in_frr("192.0.2.0/24") {
        true => Ok(()),
        false => Err(admin.prefix_state("192.0.2.0/24").unwrap_or_default()),
    });
    assert_eq!(agent.http("/readyz").0, 503);
    address("del");
    wait_for("the peer to be taken", SOON, || admin.apply_peer(peer("10.0.3.2", 65003)));
    assert_eq!(running(&lab, "bgpd"), before);
    agent.wait_ready();
}

/// A neighbour of somebody else's satisfies who states nothing else, and gets nothing of ours.
#[test]
fn a_neighbour_that_somebody_configured_is_shared() {
    let lab = Lab::start(LabOptions::default());
    let theirs = [
        "router bgp 65000",
        "neighbor 10.0.1.2 remote-as 65001",
        "neighbor 10.0.1.2 description theirs",
    ];
    configure(&lab, &theirs);
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let before = all_running(&lab);
    let tor = BgpPeer { address_families: vec![v1::AddressFamily::Ipv4Unicast as i32], ..tor() };
    admin.configure_bgp(net::NODE_AS, "").unwrap();
    for other in [
        BgpPeer { keepalive: 5, hold_time: 15, ..tor.clone() },
        BgpPeer { description: "ours".into(), ..tor.clone() },
    ] {
        let error = admin.apply_peer(other).unwrap_err();
        assert_eq!(error.code(), Code::Aborted, "{error}");
        assert!(error.message().contains("neighbor 10.0.1.2"), "{error}");
        assert_eq!(all_running(&lab), before);
    }
    admin.apply_peer(tor).unwrap();
    assert_eq!(all_running(&lab), before);
    admin.remove_peer(net::TOR_V4).unwrap();
    assert_eq!(all_running(&lab), before);
}

#[test]
fn a_static_route_to_the_same_place_keeps_its_foreign_path() {
    let lab = Lab::start(LabOptions::default());
    lab.vtysh(Router::Node, &["configure terminal", "ip route 203.0.113.0/24 10.0.2.2"]);
    let agent = Agent::start(&lab);
    agent.wait_ready();
    let admin = agent.client("admin");
    let error = admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    assert!(error.message().contains("ip route 203.0.113.0/24 10.0.2.2"), "{error}");
    let route = v1::StaticRoute {
        prefix: "203.0.113.0/24".into(),
        next_hop: Some(v1::static_route::NextHop::Gateway(net::TOR_V4.into())),
        distance: 7,
        tag: 0,
    };
    let change = vec![change::static_route(route)];
    assert_eq!(admin.apply(change).unwrap(), Outcome::Confirmed);
    let paths = |wanted: [bool; 2]| {
        wait_for(&format!("the paths {wanted:?}"), SOON, || {
            let shown = kernel(&lab, "203.0.113.0/24");
            let seen = [net::TOR_V4, net::BIRD_V4].map(|it| shown.contains(&format!("via {it}")));
            if seen == wanted { Ok(()) } else { Err(shown) }
        });
    };
    paths([false, true]);
    assert!(running(&lab, "mgmtd").contains("ip route 203.0.113.0/24 10.0.1.2 7"));
    admin.apply(vec![change::no_route("203.0.113.0/24")]).unwrap();
    paths([false, true]);
}

#[test]
fn a_bfd_profile_stays_while_a_peer_names_it() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let watched = |peer| BgpPeer { bfd_enabled: true, bfd_min_rx_ms: 150, ..peer };
    admin.apply_peer(watched(tor())).unwrap();
    admin.apply_peer(watched(bird())).unwrap();
    let profiles = || running(&lab, "bfdd").matches("profile NR-150-300-3").count();
    assert_eq!(profiles(), 1);
    admin.remove_peer(net::TOR_V4).unwrap();
    assert_eq!(profiles(), 1);
    admin.remove_peer(net::BIRD_V4).unwrap();
    assert_eq!(profiles(), 0);
}

/// FRR's other set of defaults: eBGP wants policies, timers are longer, other lines are shown.
#[test]
fn under_the_traditional_profile_it_is_the_same() {
    let options = LabOptions::default().profile(Router::Node, "traditional");
    let lab = Lab::start(options.config(Router::Node, "log commands\n"));
    let agent = Agent::start(&lab);
    agent.wait_ready();
    let admin = agent.client("admin");
    let declare = || {
        admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
        admin.apply_peer(tor()).unwrap();
        admin.apply(vec![change::prefix("192.0.2.0/24"), change::prefix("2001:db8::/48")]).unwrap()
    };
    assert_eq!(declare(), Outcome::Confirmed);
    wait_tor(&lab, "192.0.2.0/24", |_| true);
    wait_tor(&lab, "2001:db8::/48", |_| true);
    let commands = commands_run(&lab);
    assert_eq!(declare(), Outcome::Unchanged);
    assert_eq!(commands_run(&lab), commands);
    admin.deregister(true).unwrap();
    let left = running(&lab, "bgpd");
    assert!(left.contains("router bgp 65000") && !left.contains("neighbor"), "{left}");
    assert!(!left.contains("network 192") && !left.contains("address-family"), "{left}");
}

/// A thousand prefixes one after another was 27.9 s once; here they are one transaction, and then as many calls at
/// once, each answered before its client gives up. How long it takes is measured by `make bench`.
#[test]
fn a_thousand_prefixes_take_a_moment() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let prefix = |n: u32, net: u32| format!("10.{net}.{}.{}/32", n / 256, n % 256);
    let changes = (0..1000).map(|n| change::prefix(&prefix(n, 1))).collect();
    assert_eq!(admin.apply(changes).unwrap(), Outcome::Confirmed);
    admin.block_on(async {
        let calls = (0..1000).map(|n| {
            let mut client = admin.route_control();
            let request = admin.advertise_request(&prefix(n, 2));
            async move { client.advertise_prefix(request).await }
        });
        for result in futures::future::join_all(calls).await {
            result.unwrap();
        }
    });
    let networks = running(&lab, "bgpd").matches("  network 10.").count();
    assert_eq!(networks, 2000);
}

/// How long the agent waits for an answer of FRR, in one test.
const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(8);

/// GetStatus was 90 to 175 ms once: it asked FRR. Here it is answered from what is known, also when bgpd does not answer
/// at all: a question to it would wait for [`CONNECT_TIMEOUT`]. `make bench` measures the milliseconds.
#[test]
fn status_is_answered_at_once_whatever_frr_does() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| {
        config["frr"]["connect_timeout"] = CONNECT_TIMEOUT.as_secs().into();
    });
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let prefixes = (0..1000).map(|n| change::prefix(&format!("10.1.{}.{}/32", n / 256, n % 256)));
    assert_eq!(admin.apply(prefixes.collect()).unwrap(), Outcome::Confirmed);
    agent.wait_ready();
    for frozen in [false, true] {
        if frozen {
            lab.stop(Router::Node, "bgpd");
        }
        let mut took: Vec<_> = (0..40)
            .map(|_| {
                let begun = std::time::Instant::now();
                assert_eq!(admin.status().prefixes.len(), 1000);
                begun.elapsed()
            })
            .collect();
        if frozen {
            lab.cont(Router::Node, "bgpd");
        }
        took.sort();
        let median = took[took.len() / 2];
        assert!(median < CONNECT_TIMEOUT, "frozen: {frozen}: {took:?}");
    }
    agent.wait_ready();
}
