//! The agent dies at every step of a commit; then FRR and the intents agree again, nothing of others
//! is gone, and established sessions stayed up.

use novaroute::{
    failpoint::NAMES,
    proto::v1::{self, PrefixAttributes},
};
use tonic::Code;

use super::history;
use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// Places that a commit passes, in their order. At the first of them the transaction is on record, and behind it the client
/// may have been answered: wherever among them the agent dies, the next one has to carry it out.
const COMMIT: [&str; 10] = [
    "journal-appended",
    "journal-prepared",
    "engine-planned",
    "journal-claimed",
    "mgmtd-committed",
    "transport-committed",
    "vty-half-applied",
    "vty-applied",
    "engine-confirmed",
    "journal-settled",
];

/// Those that one passes that is refused.
const REFUSAL: [&str; 2] = ["engine-undoing", "engine-undone"];

/// The same place, in a commit alone: what compares FRR at the start plans and confirms as well.
fn in_a_commit(place: &str) -> String {
    let on_record = COMMIT[0];
    if place == on_record { place.to_owned() } else { format!("{on_record},{place}") }
}

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
    let places = COMMIT.into_iter().filter(|place| *place != "transport-committed");
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

        agent.launch_with(&[("NOVAROUTE_FAILPOINT", &in_a_commit(place))]);
        let admin = agent.client("admin");
        let died = admin.apply(if everywhere { next_everywhere() } else { next() });
        assert!(died.is_err(), "{place}: the agent answered: {died:?}");
        drop(admin);
        agent.wait_dead();

        agent.launch();
        agent.wait_ready();
        let admin = agent.client("admin");
        let intents = admin.status().prefixes.len();
        assert_eq!(intents, if everywhere { 4 } else { 3 }, "{place}: all of it is declared");
        wait_for(&format!("{place}: FRR and intents to agree"), SOON, || {
            let shown = running(&lab, "bgpd");
            for line in ["network 198.51.100.0/24", "network 2001:db8:7::/48"] {
                if !shown.contains(line) {
                    return Err(format!("{line}\n{shown}"));
                }
            }
            let (new, old) = (kernel(&lab, "203.0.113.0/24"), kernel(&lab, "203.0.114.0/24"));
            if new.is_empty() || !old.is_empty() {
                return Err(format!("{new:?} {old:?}"));
            }
            let (bfdd, ospfd) = (running(&lab, "bfdd"), running(&lab, "ospfd"));
            let session = bfdd.contains(&format!("peer {}", net::BIRD_V4));
            let ospf = [ospfd.contains("ip ospf area"), ospfd.contains("redistribute static")];
            if session != everywhere || ospf != [everywhere; 2] {
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
        admin.apply(undo.to_vec()).unwrap();
        if everywhere {
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

/// Each durable step has its place in the matrix.
#[test]
fn every_failpoint_is_in_the_matrix() {
    let all = COMMIT.iter().chain(&REFUSAL).chain(&super::afterwards::PLACES);
    let all: Vec<_> = all.chain(&super::ends::PLACES).copied().collect();
    assert_eq!(all, NAMES);
}

/// Prefixes alone go a shorter way, which does not look at the whole.
#[test]
fn wherever_the_agent_dies_in_a_commit_of_prefixes_alone_nothing_is_lost() {
    let lab = Lab::start(LabOptions::default());
    configure(&lab, &["ip prefix-list THEIRS seq 5 permit 10.0.0.0/8"]);
    let mut agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    drop(admin);
    agent.stop();
    let places =
        COMMIT.iter().filter(|it| !["mgmtd-committed", "transport-committed"].contains(*it));
    for (round, place) in places.enumerate() {
        agent.launch_with(&[("NOVAROUTE_FAILPOINT", "")]);
        agent.wait_ready();
        let admin = agent.client("admin");
        let (stays, goes) = (format!("192.0.2.{round}/32"), format!("198.51.100.{round}/32"));
        admin.apply(vec![change::prefix(&stays), change::prefix(&goes)]).unwrap();
        drop(admin);
        agent.stop();
        agent.launch_with(&[("NOVAROUTE_FAILPOINT", &in_a_commit(place))]);
        // The whole is known then, and what comes is a part of it.
        agent.wait_ready();
        let med = PrefixAttributes { med: 7, ..PrefixAttributes::default() };
        let call = vec![change::prefix_with(&stays, med), change::no_prefix(&goes)];
        let died = agent.client("admin").apply(call);
        assert!(died.is_err(), "{place}: the agent answered: {died:?}");
        agent.wait_dead();

        agent.launch();
        agent.wait_ready();
        assert_eq!(agent.client("admin").prefix_state(&goes), None, "{place}: it is withdrawn");
        let shown = running(&lab, "bgpd");
        assert!(!shown.contains(&format!("network {goes}")), "{place}\n{shown}");
        assert!(shown.contains(&format!("network {stays} route-map NR-")), "{place}\n{shown}");
        assert!(shown.contains("THEIRS"), "{place}\n{shown}");
        agent.stop();
    }
}

/// The agent dies while it undoes what FRR refused, or behind that: nobody was answered. What FRR refuses is not
/// there, and all else is.
#[test]
fn an_agent_that_dies_of_a_refusal_leaves_nothing_of_it() {
    let lab = Lab::start(LabOptions::default());
    for place in REFUSAL {
        let mut agent = Agent::start(&lab);
        let admin = agent.client("admin");
        admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
        admin.advertise("192.0.2.0/24").unwrap();
        drop(admin);
        agent.stop();
        let before = running(&lab, "bgpd");
        agent.launch_with(&[("NOVAROUTE_FAILPOINT", place)]);
        let admin = agent.client("admin");
        // FRR takes the prefix, and then not its own address as a neighbour.
        let own =
            novaroute::proto::v1::BgpPeer { neighbor_address: net::NODE_TOR_V4.into(), ..tor() };
        let died = admin.apply(vec![change::prefix("198.51.100.0/24"), change::peer(own.clone())]);
        assert!(died.is_err(), "{place}: the agent answered: {died:?}");
        drop(admin);
        agent.wait_dead();

        agent.launch();
        let admin = agent.client("admin");
        wait_for(&format!("{place}: what FRR refuses to be found"), SOON, || {
            match admin.peer_state(net::NODE_TOR_V4) {
                Some(state) if state.starts_with("rejected") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        // The next agent found it on record, tried it, and keeps it as refused.
        admin.remove_peer(net::NODE_TOR_V4).expect("what is refused can be taken back");
        admin.withdraw("198.51.100.0/24").expect("what was declared with it stands");
        agent.wait_ready();
        assert_eq!(running(&lab, "bgpd"), before, "{place}");
        assert_eq!(admin.apply_peer(own).unwrap_err().code(), Code::Aborted);
        assert_eq!(running(&lab, "bgpd"), before, "{place}");
        drop(admin);
        agent.stop();
    }
}
