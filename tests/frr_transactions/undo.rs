//! Undoing passes the same gate as doing (C14): versions, quotas, and owners that are gone.

use std::time::Duration;

use novaroute::proto::v1;
use serde_json::json;

use super::{apply_within, history};
use crate::{
    agent::*,
    lab::{Lab, LabOptions, net, wait_for},
};

/// Prefixes of an owner, in order.
fn prefixes(client: &Client, owner: &str) -> Vec<String> {
    let status = client.status();
    let of_owner = status.prefixes.into_iter().filter(|it| it.owner == owner);
    let mut prefixes: Vec<_> = of_owner.map(|it| it.prefix).collect();
    prefixes.sort();
    prefixes
}

/// Waits until the time of a transaction is over, and gives it.
#[track_caller]
fn over(client: &Client, id: &str) -> v1::Transaction {
    wait_for("the end of its time", SOON, || {
        match history(client).into_iter().find(|it| it.id == id) {
            Some(it) if it.finish == "rolled back" => Ok(it),
            other => Err(format!("{other:?}")),
        }
    })
}

fn edge_prefix(number: usize) -> String {
    format!("10.0.{}.{}/32", number / 256, number % 256)
}

/// bgpd has these networks of 10.0.0.0/8 and 192.0.2.0/24, and no other.
#[track_caller]
fn bgpd_has(lab: &Lab, expected: &[String]) {
    wait_for("bgpd's networks", SOON, || {
        let shown = running(lab, "bgpd");
        let networks = shown.lines().filter_map(|line| line.trim().strip_prefix("network "));
        let mut networks: Vec<_> = networks.map(str::to_owned).collect();
        networks.sort();
        let mut expected = expected.to_vec();
        expected.sort();
        if networks == expected { Ok(()) } else { Err(format!("{networks:?}")) }
    });
}

fn start(lab: &Lab) -> Agent<'_> {
    let agent = Agent::start_with(lab, |config| {
        config["log_level"] = "info".into();
        config["owners"]["edge"]["quotas"] = json!({"prefixes": 10});
        config["owners"]["edge"]["lifetime"] = "persistent".into();
    });
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent
}

#[test]
fn what_is_not_confirmed_comes_back_only_within_the_quota() {
    let lab = Lab::start(LabOptions::default());
    let agent = start(&lab);
    let edge = agent.client("edge");
    let mut here: Vec<String> = (0..10).map(edge_prefix).collect();
    edge.apply(here.iter().map(|it| change::prefix(it)).collect()).unwrap();
    for round in 1..3 {
        let goes = here.iter().map(|it| change::no_prefix(it)).collect();
        let id = apply_within(&edge, goes, 1).unwrap().transaction_id;
        let others: Vec<String> = (round * 10..round * 10 + 10).map(edge_prefix).collect();
        edge.apply(others.iter().map(|it| change::prefix(it)).collect()).unwrap();
        let ended = over(&edge, &id);
        assert!(ended.message.contains("quota"), "it is said: {ended:?}");
        assert_eq!(prefixes(&edge, "edge").len(), 10, "round {round}");
        bgpd_has(&lab, &others);
        here = others;
    }
    // What there is room for comes back.
    let goes: Vec<_> = here[..4].iter().map(|it| change::no_prefix(it)).collect();
    let id = apply_within(&edge, goes, 1).unwrap().transaction_id;
    edge.apply(vec![change::prefix("10.9.0.1/32")]).unwrap();
    over(&edge, &id);
    assert_eq!(prefixes(&edge, "edge").len(), 10);
    assert!(edge.prefix_state("10.9.0.1/32").is_some());
}

#[test]
fn what_was_withdrawn_and_declared_anew_is_not_taken_back_with_what_nobody_confirmed() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = start(&lab);
    let edge = agent.client("edge");
    let prefix = edge_prefix(1);
    let id = apply_within(&edge, vec![change::prefix(&prefix)], 4).unwrap().transaction_id;
    edge.withdraw(&prefix).unwrap();
    edge.advertise(&prefix).unwrap();
    drop(edge);
    // Versions are in the journal.
    agent.kill();
    agent.launch();
    agent.wait_ready();
    let edge = agent.client("edge");
    let ended = over(&edge, &id);
    assert!(ended.message.contains("changed since"), "{ended:?}");
    bgpd_has(&lab, &[prefix]);
}

#[test]
fn an_owner_that_left_is_given_nothing_back() {
    let lab = Lab::start(LabOptions::default());
    let agent = start(&lab);
    let (admin, edge) = (agent.client("admin"), agent.client("edge"));
    let all: Vec<String> = (0..5).map(edge_prefix).collect();
    let set = || all.iter().map(|it| change::prefix(it)).collect::<Vec<_>>();
    // It withdraws what it would have to confirm, and leaves.
    edge.apply(set()).unwrap();
    let goes = all.iter().map(|it| change::no_prefix(it)).collect();
    let id = apply_within(&edge, goes, 3).unwrap().transaction_id;
    edge.deregister(true).unwrap();
    let ended = over(&admin, &id);
    assert!(ended.message.contains("edge has left"), "{ended:?}");
    bgpd_has(&lab, &[]);

    // admin takes over what is edge's, does not confirm it, and edge leaves meanwhile.
    edge.advertise(&all[0]).unwrap();
    let take = vec![change::prefix(&all[0])];
    let id = apply_within(&admin, take, 3).unwrap().transaction_id;
    assert_eq!(prefixes(&admin, "admin"), all[..1]);
    edge.deregister(true).unwrap();
    over(&admin, &id);
    bgpd_has(&lab, &[]);
    assert_eq!(admin.status().prefixes, [], "neither edge's nor admin's");

    // Who stays has it back.
    edge.advertise(&all[0]).unwrap();
    let id = apply_within(&admin, vec![change::prefix(&all[0])], 1).unwrap().transaction_id;
    over(&admin, &id);
    assert_eq!(prefixes(&admin, "edge"), all[..1]);
}

#[test]
fn an_owner_that_is_not_configured_any_more_is_given_nothing_back() {
    let lab = Lab::start(LabOptions::default());
    let agent = start(&lab);
    let (admin, edge) = (agent.client("admin"), agent.client("edge"));
    let prefix = edge_prefix(1);
    edge.advertise(&prefix).unwrap();
    let id = apply_within(&admin, vec![change::prefix(&prefix)], 5).unwrap().transaction_id;
    assert!(agent.reload(|config| drop(config["owners"].as_object_mut().unwrap().remove("edge"))));
    let ended = over(&admin, &id);
    assert!(ended.message.contains("no owner edge"), "{ended:?}");
    bgpd_has(&lab, &[]);
    std::thread::sleep(Duration::from_secs(1));
    bgpd_has(&lab, &[]);
}
