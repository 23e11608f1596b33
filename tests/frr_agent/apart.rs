//! A daemon that is away holds up what it executes, and nothing else.

use std::time::{Duration, Instant};

use novaroute::proto::v1::{EventType, OspfInterface, Outcome};

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

const ROUTE: &str = "203.0.113.0/24";
const BGP: &str = "192.0.2.0/24";
const OSPF: &str = "198.51.100.1/32";

/// How long the others are watched while one is away: several attempts to reach it.
const WATCHED: Duration = Duration::from_secs(4);

fn wait_state(admin: &Client, prefix: &str, wanted: impl Fn(&str) -> bool) {
    wait_for(&format!("the state of {prefix}"), 3 * SOON, || match admin.prefix_state(prefix) {
        Some(state) if wanted(&state) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

fn reason(admin: &Client, prefix: &str) -> String {
    let status = admin.status();
    let found = status.prefixes.into_iter().find(|it| it.prefix == prefix);
    found.expect("a declared prefix").reason
}

/// What BGP has stays as it is and what is new is confirmed, while another daemon is away.
#[track_caller]
fn bgp_goes_on(lab: &Lab, agent: &Agent<'_>, admin: &Client, fresh: &str) {
    let events = admin.events(&["PREFIX_ADVERTISED"]);
    let begun = Instant::now();
    while begun.elapsed() < WATCHED {
        assert_eq!(admin.prefix_state(BGP).as_deref(), Some("advertised"));
        assert_eq!(reason(admin, BGP), "");
        assert_eq!(admin.peer_state(net::TOR_V4).as_deref(), Some("Established"));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(admin.apply(vec![change::prefix(fresh)]).unwrap(), Outcome::Confirmed);
    events.wait(EventType::PrefixAdvertised, fresh);
    wait_tor(lab, fresh, |_| true);
    wait_state(admin, fresh, |state| state == "advertised");
    assert_eq!(agent.http("/readyz").0, 503, "something is away all the same");
}

#[test]
fn a_daemon_that_is_away_holds_up_nothing_of_the_others() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.advertise(BGP).unwrap();
    let interface = OspfInterface {
        interface_name: net::NODE_TOR_INTERFACE.into(),
        area_id: "0".into(),
        ..OspfInterface::default()
    };
    admin.enable_ospf(interface).unwrap();
    admin.advertise_ospf(OSPF).unwrap();
    admin.apply(vec![change::via(ROUTE, net::TOR_V4)]).unwrap();
    wait_tor(&lab, BGP, |_| true);
    wait_state(&admin, BGP, |state| state == "advertised");
    agent.wait_ready();

    lab.kill(Router::Node, "ospfd");
    wait_state(&admin, OSPF, |state| state == "pending");
    assert!(reason(&admin, OSPF).contains("ospfd"), "{}", reason(&admin, OSPF));
    bgp_goes_on(&lab, &agent, &admin, "192.0.3.0/24");
    let interface = admin.status().ospf_interfaces.remove(0);
    assert_eq!(interface.state, "pending");
    assert!(interface.reason.contains("ospfd"), "{interface:?}");
    // mgmtd goes on as well; what ospfd has to do waits, and is not called applied.
    let more = change::via("203.0.114.0/24", net::TOR_V4);
    assert_eq!(admin.apply(vec![more]).unwrap(), Outcome::Confirmed);
    admin.advertise_ospf("198.51.100.2/32").unwrap();
    assert_eq!(admin.prefix_state("198.51.100.2/32").as_deref(), Some("pending"));
    lab.restart(Router::Node, "ospfd");
    agent.wait_ready();
    for prefix in [OSPF, "198.51.100.2/32"] {
        wait_state(&admin, prefix, |state| state != "pending");
    }
    assert!(running(&lab, "ospfd").contains("redistribute static"));

    for daemon in ["mgmtd", "staticd"] {
        lab.kill(Router::Node, daemon);
    }
    wait_state(&admin, OSPF, |state| state == "pending");
    assert!(reason(&admin, OSPF).contains("mgmtd"), "its anchor: {}", reason(&admin, OSPF));
    bgp_goes_on(&lab, &agent, &admin, "192.0.4.0/24");
    assert_ne!(admin.status().ospf_interfaces[0].state, "pending", "nothing of it is in mgmtd");
    let third = change::via("203.0.115.0/24", net::TOR_V4);
    assert_eq!(admin.apply(vec![third]).unwrap(), Outcome::Pending);
    for daemon in ["mgmtd", "staticd"] {
        lab.restart(Router::Node, daemon);
    }
    agent.wait_ready();
    wait_for("the routes in the kernel", 3 * SOON, || {
        let shown = kernel(&lab, ROUTE) + &kernel(&lab, "203.0.115.0/24");
        if shown.matches("proto static").count() == 2 { Ok(()) } else { Err(shown) }
    });
    wait_state(&admin, OSPF, |state| state != "pending");
}
