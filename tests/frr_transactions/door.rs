//! The agent dies between a commit through FRR's own gRPC and its proof.

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

    agent.launch_with(&[("NOVAROUTE_FAILPOINT", "door-committed")]);
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
