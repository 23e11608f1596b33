//! The agent dies at every step of a commit; then FRR and the intents agree again, nothing of others
//! is gone, and established sessions stayed up.

use novaroute::{failpoint::NAMES, proto::v1};

use super::history;
use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// One commit that touches bgpd and staticd, adds, changes and removes.
fn next() -> Vec<v1::IntentChange> {
    vec![
        change::prefix("198.51.100.0/24"),
        change::prefix("2001:db8:7::/48"),
        change::via("203.0.113.0/24", net::TOR_V4),
        change::no_route("203.0.114.0/24"),
    ]
}

/// The same, with something for bfdd and ospfd, which come before bgpd.
fn next_everywhere() -> Vec<v1::IntentChange> {
    let session = v1::BfdSession { peer_address: net::BIRD_V4.into(), ..Default::default() };
    let interface = v1::OspfInterface {
        interface_name: net::NODE_BIRD_INTERFACE.into(),
        area_id: "0".into(),
        ..Default::default()
    };
    let more =
        [change::bfd(session), change::ospf(interface), change::ospf_prefix("198.51.101.1/32")];
    next().into_iter().chain(more).collect()
}

#[test]
fn wherever_the_agent_dies_frr_and_intents_agree_afterwards() {
    let lab = Lab::start(LabOptions::default());
    let foreign = ["ip prefix-list THEIRS seq 5 permit 10.0.0.0/8", "route-map THEIRS permit 10"];
    configure(&lab, &foreign);
    // `door` has the one that this way does not pass.
    let places = NAMES.into_iter().filter(|place| *place != "door-committed");
    let everywhere = ["mgmtd-committed", "vty-half-applied", "vty-applied"];
    let places = places.map(|place| (place, false)).chain(everywhere.map(|place| (place, true)));
    for (place, everywhere) in places {
        let mut agent = Agent::start(&lab);
        let admin = agent.client("admin");
        admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
        admin.apply_peer(tor()).unwrap();
        admin.advertise("192.0.2.0/24").unwrap();
        admin.apply(vec![change::via("203.0.114.0/24", net::TOR_V4)]).unwrap();
        wait_tor(&lab, "192.0.2.0/24", |_| true);
        let established = sessions_dropped(&lab);
        drop(admin);
        agent.stop();

        agent.launch_with(&[("NOVAROUTE_FAILPOINT", place)]);
        let admin = agent.client("admin");
        let died = admin.apply(if everywhere { next_everywhere() } else { next() });
        assert!(died.is_err(), "{place}: the agent answered: {died:?}");
        drop(admin);
        agent.wait_dead();

        agent.launch();
        agent.wait_ready();
        let admin = agent.client("admin");
        // What was cut off is applied, since it may have been answered; in any case all or nothing.
        let intents = admin.status().prefixes.len();
        let all = if everywhere { 4 } else { 3 };
        assert!(intents == 1 || intents == all, "{place}: {intents} prefixes");
        let applied = intents == all;
        wait_for(&format!("{place}: FRR and intents to agree"), SOON, || {
            let shown = running(&lab, "bgpd");
            for line in ["network 198.51.100.0/24", "network 2001:db8:7::/48"] {
                if shown.contains(line) != applied {
                    return Err(format!("{line}\n{shown}"));
                }
            }
            let (new, old) = (kernel(&lab, "203.0.113.0/24"), kernel(&lab, "203.0.114.0/24"));
            if new.is_empty() == applied || old.is_empty() != applied {
                return Err(format!("{new:?} {old:?}"));
            }
            let (bfdd, ospfd) = (running(&lab, "bfdd"), running(&lab, "ospfd"));
            let session = bfdd.contains(&format!("peer {}", net::BIRD_V4));
            let ospf = [ospfd.contains("ip ospf area"), ospfd.contains("redistribute static")];
            if session != (applied && everywhere) || ospf != [applied && everywhere; 2] {
                return Err(bfdd + &ospfd);
            }
            Ok(())
        });
        let shown = running(&lab, "bgpd");
        for line in foreign {
            assert!(shown.contains(line), "{place}: {line} in\n{shown}");
        }
        assert!(shown.contains("network 192.0.2.0/24"), "{place}\n{shown}");
        assert_eq!(sessions_dropped(&lab), established, "{place}: a session was reset");
        assert!(history(&admin).iter().all(|t| t.result != "running"), "{place}");

        // From the start for the next place.
        let undo = [
            change::no_prefix("198.51.100.0/24"),
            change::no_prefix("2001:db8:7::/48"),
            change::no_route("203.0.113.0/24"),
        ];
        if applied {
            admin.apply(undo.to_vec()).unwrap();
        }
        if applied && everywhere {
            admin.withdraw_ospf("198.51.101.1/32").unwrap();
            admin.disable_ospf(net::NODE_BIRD_INTERFACE).unwrap();
            admin.disable_bfd(net::BIRD_V4).unwrap();
        }
        drop(admin);
        agent.stop();
    }
}

/// How often a session was lost, by bgpd's own count, with how often one was established.
fn sessions_dropped(lab: &Lab) -> (u64, u64) {
    let json = lab.vtysh_json(Router::Node, "show bgp neighbors json");
    let neighbor = &json[net::TOR_V4];
    let count = |name: &str| neighbor[name].as_u64().expect("a count");
    (count("connectionsDropped"), count("connectionsEstablished"))
}
