//! The agent dies between a commit through FRR's own gRPC and its proof: in bgpd, where it did what it said, and in
//! mgmtd, where it did not.

use novaroute::proto::v1::PrefixAttributes;
use serde_json::json;

use super::history;
use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

#[test]
fn an_agent_that_dies_behind_a_commit_of_the_door_finds_what_it_did() {
    let lab = Lab::start(LabOptions::default().grpc(Router::Node, &["bgpd"]));
    let foreign = ["route-map THEIRS permit 10", "set metric 9"];
    configure(&lab, &foreign);
    let port = lab.grpc_port(Router::Node, "bgpd");
    let mut agent = Agent::start_with(&lab, |config| {
        config["frr"]["grpc"]["bgpd"] = json!(format!("127.0.0.1:{port}"));
    });
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    drop(admin);
    agent.stop();

    agent.launch_with(&[("NOVAROUTE_FAILPOINT", "transport-committed")]);
    let admin = agent.client("admin");
    let with = PrefixAttributes { med: 50, ..PrefixAttributes::default() };
    let died = admin.advertise_with("192.0.2.0/24", with);
    assert!(died.is_err(), "the agent answered: {died:?}");
    drop(admin);
    agent.wait_dead();
    let half = running(&lab, "bgpd");
    assert!(half.contains("set metric 50") && !half.contains("network 192.0.2.0/24"), "{half}");

    agent.launch();
    agent.wait_ready();
    let admin = agent.client("admin");
    wait_lines(&lab, &["set metric 50", "set metric 9", "route-map THEIRS permit 10"]);
    wait_for("the network", SOON, || {
        let shown = running(&lab, "bgpd");
        if shown.contains("network 192.0.2.0/24 route-map") { Ok(()) } else { Err(shown) }
    });
    assert!(history(&admin).iter().all(|t| t.result != "running"));
    admin.withdraw("192.0.2.0/24").unwrap();
    let shown = running(&lab, "bgpd");
    assert!(!shown.contains("set metric 50") && shown.contains("set metric 9"), "{shown}");
}

/// mgmtd claims to have the route, and no daemon does: for mgmtd there is nothing to change then.
#[test]
fn an_agent_that_dies_behind_mgmtds_lie_has_staticd_told_again() {
    let lab = Lab::start(LabOptions::default().grpc(Router::Node, &["mgmtd"]));
    let foreign = "ip route 198.51.100.0/24 10.0.2.2";
    lab.vtysh(Router::Node, &["configure terminal", foreign]);
    let port = lab.grpc_port(Router::Node, "mgmtd");
    let mut agent = Agent::start_with(&lab, |config| {
        config["frr"]["grpc"]["mgmtd"] = json!(format!("127.0.0.1:{port}"));
    });
    agent.client("admin").apply(vec![change::via("203.0.114.0/24", net::TOR_V4)]).unwrap();
    agent.stop();
    // What is remembered of the door is lost: it is asked again.
    let memory = agent.socket().with_extension("state").join("mgmtd-grpc-lies.json");
    std::fs::remove_file(memory).unwrap();
    agent.launch_with(&[("NOVAROUTE_FAILPOINT", "transport-committed")]);
    let admin = agent.client("admin");
    let changes =
        vec![change::via("203.0.113.0/24", net::TOR_V4), change::no_route("203.0.114.0/24")];
    let died = admin.apply(changes);
    assert!(died.is_err(), "the agent answered: {died:?}");
    drop(admin);
    agent.wait_dead();
    let routes = || {
        let shown = lab.vtysh(Router::Node, &["show running-config"]);
        let routes = shown.lines().filter(|line| line.contains("ip route "));
        routes.map(str::to_owned).collect::<Vec<_>>()
    };
    let wanted = [foreign.to_owned(), format!("ip route 203.0.113.0/24 {}", net::TOR_V4)];
    assert_eq!(routes(), wanted, "mgmtd claims that it is done");
    let executed = || [kernel(&lab, "203.0.113.0/24"), kernel(&lab, "203.0.114.0/24")];
    let [new, old] = executed();
    assert!(new.is_empty() && old.contains("proto static"), "and it is not: {new:?} {old:?}");

    agent.launch();
    agent.wait_ready();
    wait_for("what was declared", SOON, || match executed() {
        [new, old] if new.contains("proto static") && old.is_empty() => Ok(()),
        other => Err(other.concat()),
    });
    assert_eq!(routes(), wanted);
    assert!(kernel(&lab, "198.51.100.0/24").contains("via 10.0.2.2"));
    let admin = agent.client("admin");
    assert!(history(&admin).iter().all(|t| t.result != "running"));
}
