//! Every session has its series as long as it is declared, and its alert; the dashboards show them.

use std::fs;

use novaroute::proto::v1::{BgpPeer, OspfInterface};
use serde_json::Value;

use crate::{
    agent::{
        prometheus::{Scrape, alerts, alerts_after, all_alerts, scrape, without_samples},
        *,
    },
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// Waits until series have these values; the scrape that shows it.
#[track_caller]
pub fn wait_series(agent: &Agent<'_>, wanted: &[(&str, f64)]) -> Scrape {
    wait_for("the series", SOON, || {
        let scrape = scrape(agent);
        let wrong = wanted.iter().find(|(series, value)| scrape.get(*series) != Some(value));
        match wrong {
            None => Ok(scrape),
            Some((series, value)) => {
                Err(format!("{series} is {:?}, not {value}", scrape.get(*series)))
            }
        }
    })
}

fn drain(client: &Client, drained: bool) {
    let asked = if drained { client.drain(false).map(drop) } else { client.undrain().map(drop) };
    asked.expect("Drain");
}

/// Two peers, one with BFD, a prefix, a static route behind `tor` and an interface in OSPF.
fn declare(admin: &Client) {
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(BgpPeer { bfd_enabled: true, ..tor() }).unwrap();
    admin.apply_peer(bird()).unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    let interface =
        OspfInterface { area_id: "0".into(), interface_name: "tor0".into(), ..Default::default() };
    admin.enable_ospf(interface).unwrap();
}

/// Has `tor` run BFD and OSPF with `node`.
fn bfd_and_ospf_at_tor(lab: &Lab) {
    lab.vtysh(Router::Tor, &["configure terminal", "bfd", "peer 10.0.1.1", "end"]);
    let ospf = ["configure terminal", "router ospf", "network 10.0.1.0/30 area 0", "end"];
    lab.vtysh(Router::Tor, &ospf);
}

const TOR_UP: &str = "novaroute_peer_up{peer=\"10.0.1.2\"}";
const BIRD_UP: &str = "novaroute_peer_up{peer=\"10.0.2.2\"}";
const BIRD_FLAPS: &str = "novaroute_peer_flaps_total{peer=\"10.0.2.2\"}";
const BFD_UP: &str = "novaroute_bfd_session_up{peer=\"10.0.1.2\"}";
const NEIGHBORS: &str = "novaroute_ospf_neighbors{interface=\"tor0\"}";
const INSTALLED: &str = "novaroute_static_route_installed{prefix=\"203.0.113.0/24\"}";
const NOT_ADVERTISED: &str = "novaroute_prefixes_not_advertised{owner=\"admin\",protocol=\"bgp\"}";
const SENT: &str = "novaroute_peer_prefixes_advertised{family=\"ipv4-unicast\",peer=\"10.0.2.2\"}";

/// All of it as it is where all is well.
const WELL: [(&str, f64); 8] = [
    (TOR_UP, 1.0),
    (BIRD_UP, 1.0),
    (BFD_UP, 1.0),
    (NEIGHBORS, 1.0),
    (INSTALLED, 1.0),
    (NOT_ADVERTISED, 0.0),
    (SENT, 1.0),
    ("novaroute_drained", 0.0),
];

#[test]
fn each_session_has_its_series_and_its_alert_and_both_go() {
    let lab = Lab::start(LabOptions::default());
    bfd_and_ospf_at_tor(&lab);
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.register().unwrap();
    declare(&admin);
    let well = wait_series(&agent, &WELL);
    assert_eq!(well[BIRD_FLAPS], 0.0);
    assert_eq!(well["novaroute_active_static_routes{owner=\"admin\"}"], 1.0);
    assert!(well["process_resident_memory_bytes"] > 1e6, "{well:?}");
    assert_eq!(all_alerts(std::slice::from_ref(&well)), Vec::<String>::new());

    // The first time that a session is lost, by itself.
    lab.kill(Router::Bird, "bird");
    let one_down = wait_series(&agent, &[(BIRD_UP, 0.0), (BIRD_FLAPS, 1.0), (TOR_UP, 1.0)]);
    assert_eq!(one_down["novaroute_peer_established_seconds{peer=\"10.0.2.2\"}"], 0.0);
    assert_eq!(all_alerts(&[well.clone(), one_down.clone()]), ["NovaRoutePeerDown"]);

    // The cable to the other: its session, BFD, OSPF, and what leads there.
    lab.link_down(Router::Tor);
    let wanted = [
        (TOR_UP, 0.0),
        (BFD_UP, 0.0),
        (NEIGHBORS, 0.0),
        (INSTALLED, 0.0),
        (NOT_ADVERTISED, 1.0),
        ("novaroute_static_routes_not_installed", 1.0),
    ];
    let cut = wait_series(&agent, &wanted);
    let expected = [
        "NovaRoutePeerDown",
        "NovaRouteBfdDown",
        "NovaRoutePrefixNotAdvertised",
        "NovaRouteStaticRouteNotInstalled",
    ];
    assert_eq!(all_alerts(&[well.clone(), cut.clone()]), expected);
    // The agent itself is well: it has done all that it can.
    assert_eq!(agent.http("/readyz").0, 200);
    let empty = without_samples(&[well.clone(), cut.clone()], &panels());
    assert_eq!(empty, Vec::<String>::new(), "panels without data");

    // Without bgpd nobody is called for each peer.
    lab.link_up(Router::Tor);
    lab.kill(Router::Node, "bgpd");
    let gone = wait_series(&agent, &[("novaroute_frr_connected", 0.0), (TOR_UP, 0.0)]);
    let both = ["NovaRouteFrrDisconnected", "NovaRoutePeerDown"];
    assert_eq!(alerts(&[well.clone(), gone], &both), ["NovaRouteFrrDisconnected"]);
    lab.restart(Router::Node, "bgpd");
    wait_series(&agent, &[(TOR_UP, 1.0), (INSTALLED, 1.0)]);

    // What is withdrawn has no series any more.
    admin.remove_peer(net::TOR_V4).unwrap();
    admin.disable_ospf("tor0").unwrap();
    admin.apply(vec![change::no_route("203.0.113.0/24")]).unwrap();
    let less = scrape(&agent);
    for series in [TOR_UP, BFD_UP, NEIGHBORS, INSTALLED] {
        assert!(!less.contains_key(series), "{series}");
    }
    let of_tor = less.keys().filter(|series| series.contains("10.0.1.2"));
    assert_eq!(of_tor.collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(less.contains_key(BIRD_UP));
}

#[test]
fn a_drain_that_is_forgotten_is_an_alert() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let before = wait_series(&agent, &[("novaroute_drained", 0.0)]);
    drain(&admin, true);
    let drained = wait_series(&agent, &[("novaroute_drained", 1.0)]);
    let long = ["NovaRouteDrainedLong"];
    let scrapes = [before, drained];
    assert_eq!(alerts_after(200, &scrapes, &long), Vec::<String>::new());
    assert_eq!(alerts_after(250, &scrapes, &long), long);
    drain(&admin, false);
    wait_series(&agent, &[("novaroute_drained", 0.0)]);
}

/// Every expression of the dashboards, with their variable filled in, but for those that ask which nodes there are.
fn panels() -> Vec<String> {
    let mut found = Vec::new();
    for board in ["overview", "operations"] {
        let file =
            format!("{}/deploy/monitoring/dashboards/{board}.json", env!("CARGO_MANIFEST_DIR"));
        let board: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let targets = board["panels"].as_array().unwrap().iter();
        let targets = targets.flat_map(|panel| panel["targets"].as_array().unwrap());
        let expressions = targets.map(|target| target["expr"].as_str().unwrap());
        found.extend(expressions.map(|it| it.replace("$instance", ".*")));
    }
    assert!(found.len() > 40, "{}", found.len());
    // Whether it answers at all is Prometheus' own series.
    found.retain(|it| !it.contains("sum(up{"));
    found
}
