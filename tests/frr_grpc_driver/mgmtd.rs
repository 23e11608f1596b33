//! mgmtd's own gRPC as the first door: it says yes and tells nobody, which is found out, and the change goes
//! through the frontend socket in the same commit.

use novaroute::proto::v1::{EventType, Outcome, StaticRoute, static_route::NextHop};
use serde_json::json;

use super::{
    FAKE_PORT, IN_USE,
    fake::{Answer, Fake},
    wait_metric, wait_row,
};
use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

const PREFIX: &str = "203.0.113.0/24";
const SECOND: &str = "203.0.114.0/24";

fn start(lab: &Lab) -> Agent<'_> {
    let port = lab.grpc_port(Router::Node, "mgmtd");
    Agent::start_with(lab, |config| {
        config["frr"]["grpc"]["mgmtd"] = json!(format!("127.0.0.1:{port}"));
    })
}

/// Waits until staticd and the kernel have the route through this gateway alone, or none.
#[track_caller]
fn wait_route(lab: &Lab, prefix: &str, gateway: Option<&str>) {
    wait_for(&format!("{prefix} via {gateway:?}"), SOON, || {
        let text = vty(lab, "staticd", &["show configuration running json"]);
        let routes = kernel(lab, prefix);
        let both = (text.contains(prefix), routes.contains("proto static"));
        let through = gateway.is_none_or(|gateway| routes.contains(&format!("via {gateway} ")));
        let as_wanted = both == (gateway.is_some(), gateway.is_some()) && through;
        if as_wanted && routes.lines().count() < 2 { Ok(()) } else { Err(routes + &text) }
    });
}

#[test]
fn mgmtds_lie_is_found_out_and_the_change_goes_through_the_frontend() {
    let lab = Lab::start(LabOptions::default().grpc(Router::Node, &["mgmtd"]));
    let foreign = "ip route 198.51.100.0/24 10.0.2.2";
    lab.vtysh(Router::Node, &["configure terminal", foreign]);
    let agent = start(&lab);
    let admin = agent.client("admin");
    let events = admin.events(&["DOOR_STRUCK_OUT"]);
    wait_row(&agent, "mgmtd", "frr-staticd", "grpc", |row| row.state == "in use");
    wait_row(&agent, "mgmtd", "frr-staticd", "mgmtd", |row| row.state == "standby");

    let change = vec![change::via(PREFIX, net::TOR_V4)];
    assert_eq!(admin.apply(change.clone()).unwrap(), Outcome::Confirmed);
    wait_route(&lab, PREFIX, Some(net::TOR_V4));
    let log = agent.log();
    assert!(log.contains(IN_USE), "the door was tried: {log}");
    let (_, event) = events.wait(EventType::DoorStruckOut, "mgmtd");
    assert_eq!(event.metadata["door"], "grpc");
    let reason = &event.metadata["reason"];
    assert!(reason.contains("staticd") && reason.contains(PREFIX), "{event:?}");
    wait_metric(&agent, "novaroute_doors_struck_out_total{daemon=\"mgmtd\"} 1");
    let row = wait_row(&agent, "mgmtd", "frr-staticd", "grpc", |row| row.state == "struck out");
    assert_eq!(row.why, *reason);
    wait_row(&agent, "mgmtd", "frr-staticd", "mgmtd", |row| row.state == "in use");

    // Until mgmtd's restart it is not believed again.
    assert_eq!(admin.apply(change).unwrap(), Outcome::Unchanged);
    assert_eq!(admin.apply(vec![change::via(SECOND, net::TOR_V4)]).unwrap(), Outcome::Confirmed);
    wait_route(&lab, SECOND, Some(net::TOR_V4));
    assert_eq!(events.all().len(), 1);

    // A mgmtd that starts anew is asked again, and lies again: of what goes and of what changes as well.
    let lies: [(&str, Vec<_>); 3] = [
        ("changed", vec![change::via(PREFIX, net::BIRD_V4)]),
        ("gone", vec![change::no_route(SECOND)]),
        ("all at once", vec![change::no_route(PREFIX), change::via(SECOND, net::BIRD_V4)]),
    ];
    for (round, (what, changes)) in lies.into_iter().enumerate() {
        lab.kill(Router::Node, "mgmtd");
        lab.restart(Router::Node, "mgmtd");
        agent.wait_ready();
        wait_row(&agent, "mgmtd", "frr-staticd", "grpc", |row| row.state == "in use");
        assert_eq!(admin.apply(changes).unwrap(), Outcome::Confirmed, "{what}");
        wait_for(what, SOON, || {
            let strikes = events.all().len();
            if strikes == round + 2 { Ok(()) } else { Err(strikes) }
        });
        let (first, second) = match what {
            "changed" => (Some(net::BIRD_V4), Some(net::TOR_V4)),
            "gone" => (Some(net::BIRD_V4), None),
            _ => (None, Some(net::BIRD_V4)),
        };
        wait_route(&lab, PREFIX, first);
        wait_route(&lab, SECOND, second);
    }
    let shown = lab.vtysh(Router::Node, &["show running-config"]);
    let routes: Vec<_> = shown.lines().filter(|line| line.contains("ip route ")).collect();
    // A mgmtd that was killed has forgotten what somebody else typed, not what is ours.
    assert_eq!(routes, [format!("ip route {SECOND} {}", net::BIRD_V4)], "mgmtd claims no more");
    agent.wait_ready();
}

/// An agent that starts anew does not have to be lied to again; a mgmtd that does is asked anew.
#[test]
fn a_lie_is_remembered_beyond_the_agents_end() {
    let lab = Lab::start(LabOptions::default());
    let liar = Fake::serve(&lab, FAKE_PORT, Answer::Yes, |_| {});
    let mut agent = Agent::start_with(&lab, |config| {
        config["log_level"] = "info".into();
        config["frr"]["grpc"]["mgmtd"] = json!(format!("127.0.0.1:{FAKE_PORT}"));
    });
    let admin = agent.client("admin");
    wait_row(&agent, "mgmtd", "frr-staticd", "grpc", |row| row.state == "in use");
    assert_eq!(admin.apply(vec![change::via(PREFIX, net::TOR_V4)]).unwrap(), Outcome::Confirmed);
    assert_eq!(liar.commits(), 1);
    let row = wait_row(&agent, "mgmtd", "frr-staticd", "grpc", |row| row.state == "struck out");
    assert!(row.why.contains("answered that it was applied") && !row.why.contains('{'), "{row:?}");
    drop(admin);

    agent.kill();
    agent.launch();
    agent.wait_ready();
    let again = wait_row(&agent, "mgmtd", "frr-staticd", "grpc", |row| row.state == "struck out");
    assert_eq!(again.why, row.why);
    let admin = agent.client("admin");
    assert_eq!(admin.apply(vec![change::via(SECOND, net::TOR_V4)]).unwrap(), Outcome::Confirmed);
    wait_route(&lab, SECOND, Some(net::TOR_V4));
    assert_eq!(liar.commits(), 1, "it was not tried again");
    wait_metric(&agent, "novaroute_doors_struck_out_total{daemon=\"mgmtd\"} 0");

    // This one may be honest.
    lab.kill(Router::Node, "mgmtd");
    lab.restart(Router::Node, "mgmtd");
    agent.wait_ready();
    wait_row(&agent, "mgmtd", "frr-staticd", "grpc", |row| row.state == "in use");
    // What is refilled staticd has already, so that only something new tells.
    const THIRD: &str = "198.51.100.128/25";
    assert_eq!(admin.apply(vec![change::via(THIRD, net::TOR_V4)]).unwrap(), Outcome::Confirmed);
    wait_route(&lab, THIRD, Some(net::TOR_V4));
    assert!(liar.commits() > 1, "it was asked anew");
    wait_metric(&agent, "novaroute_doors_struck_out_total{daemon=\"mgmtd\"} 1");
}

/// mgmtd's own words are not the last.
#[test]
fn a_plan_names_mgmtds_own_grpc_while_it_is_believed() {
    let lab = Lab::start(LabOptions::default().grpc(Router::Node, &["mgmtd"]));
    let agent = start(&lab);
    let admin = agent.client("admin");
    wait_row(&agent, "mgmtd", "frr-staticd", "grpc", |row| row.state == "in use");
    let door = || {
        let request = novaroute::proto::v1::PlanRequest {
            owner: admin.owner.clone(),
            token: admin.token.clone(),
            changes: vec![change::via(SECOND, net::TOR_V4)],
            ..Default::default()
        };
        let plan = admin.block_on(async { admin.transactions().plan(request).await });
        plan.unwrap().into_inner().daemons.remove(0).door
    };
    assert_eq!(door(), "grpc");
    // Somebody else's path to the same place, and another distance: what a lie leaves in mgmtd is ours alone.
    let foreign = format!("ip route {PREFIX} 10.0.2.2 150");
    lab.vtysh(Router::Node, &["configure terminal", &foreign]);
    let route = StaticRoute {
        prefix: PREFIX.into(),
        next_hop: Some(NextHop::Gateway(net::TOR_V4.into())),
        distance: 20,
        tag: 0,
    };
    assert_eq!(admin.apply(vec![change::static_route(route)]).unwrap(), Outcome::Confirmed);
    assert_eq!(door(), "northbound");
    assert!(kernel(&lab, PREFIX).contains("via 10.0.1.2 "), "the better distance");
    let has = |wanted: &[&str]| {
        let shown = lab.vtysh(Router::Node, &["show running-config"]);
        let routes: Vec<_> = shown.lines().filter(|line| line.contains("ip route ")).collect();
        assert_eq!(routes, wanted);
    };
    has(&[&format!("ip route {PREFIX} {} 20", net::TOR_V4), &foreign]);
    assert_eq!(admin.apply(vec![change::no_route(PREFIX)]).unwrap(), Outcome::Confirmed);
    has(&[&foreign]);
    wait_route(&lab, PREFIX, Some(net::BIRD_V4));
}
