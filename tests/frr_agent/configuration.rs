//! What the configuration declares by itself, and how much it lets owners declare.

use novaroute::proto::v1::EventType;
use serde_json::{Value, json};
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// The node's instance, and `tor` as a static peer.
fn with_tor(config: &mut Value) {
    config["bgp"] = json!({
        "local_as": net::NODE_AS,
        "router_id": "10.0.0.1",
        "peers": [{
            "neighbor_address": net::TOR_V4, "remote_as": net::TOR_AS, "peer_type": "external",
            "description": "100 % of the file", "keepalive": 3, "hold_time": 9,
            "address_families": ["ipv4-unicast", "ipv6-unicast"],
        }],
    });
}

#[track_caller]
pub(crate) fn wait_without(lab: &Lab, text: &str) {
    wait_for(&format!("{text} to leave bgpd"), SOON, || match running(lab, "bgpd") {
        shown if shown.contains(text) => Err(shown),
        _ => Ok(()),
    });
}

#[test]
fn static_peers_come_up_without_a_client_and_survive_restarts_untouched() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, "log commands\n"));
    let mut agent = Agent::start_with(&lab, with_tor);
    wait_established(&lab, net::TOR_V4);
    wait_lines(
        &lab,
        &["neighbor 10.0.1.2 description 100 % of the file", "neighbor 10.0.1.2 timers 3 9"],
    );
    let peers = agent.client("admin").status().peers;
    assert_eq!((peers.len(), peers[0].owner.as_str()), (1, "admin"));
    agent.wait_ready();
    let (before, commands) = (all_running(&lab), commands_run(&lab));
    agent.stop();
    agent.launch();
    agent.wait_ready();
    agent.kill();
    agent.launch();
    agent.wait_ready();
    assert_eq!(all_running(&lab), before);
    assert_eq!(commands_run(&lab), commands, "FRR was sent nothing");
}

#[test]
fn static_peers_follow_the_file_and_those_of_clients_stay() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start_with(&lab, |config| {
        with_tor(config);
        config["disconnect_grace_period"] = 0.into();
        config["owners"]["admin"]["lifetime"] = "connection".into();
    });
    wait_established(&lab, net::TOR_V4);
    let net_owner = agent.client("net");
    net_owner.apply_peer(bird()).unwrap();
    wait_established(&lab, net::BIRD_V4);
    // They outlive every session of their owner, and its wish to withdraw all.
    let admin = agent.client("admin");
    admin.advertise("198.51.100.0/24").unwrap();
    admin.deregister(true).unwrap();
    assert!(!running(&lab, "bgpd").contains("198.51.100.0"));
    has_lines(&lab, &["neighbor 10.0.1.2 remote-as 65001"]).unwrap();
    let sessions = || neighbor(&lab, net::BIRD_V4)["connectionsEstablished"].as_u64();
    assert_eq!(sessions(), Some(1));

    // Changed; and one that a client has already is left with the client.
    assert!(agent.reload(|config| {
        let peers = &mut config["bgp"]["peers"];
        peers[0]["description"] = "changed".into();
        peers.as_array_mut().unwrap().push(
            json!({"neighbor_address": net::BIRD_V4, "remote_as": 65009, "description": "mine"}),
        );
    }));
    has_lines(
        &lab,
        &["neighbor 10.0.1.2 description changed", "neighbor 10.0.2.2 remote-as 65002"],
    )
    .unwrap();
    // Added.
    assert!(agent.reload(|config| {
        let peers = config["bgp"]["peers"].as_array_mut().unwrap();
        peers[1] = json!({"neighbor_address": "10.0.1.9", "remote_as": 65009});
    }));
    has_lines(&lab, &["neighbor 10.0.1.9 remote-as 65009"]).unwrap();
    // Removed, one by a reload and one by a restart.
    assert!(agent.reload(|config| drop(config["bgp"]["peers"].as_array_mut().unwrap().remove(0))));
    assert!(!running(&lab, "bgpd").contains(net::TOR_V4));
    has_lines(&lab, &["neighbor 10.0.1.9 remote-as 65009"]).unwrap();
    agent.edit(|config| drop(config["bgp"].as_object_mut().unwrap().remove("peers")));
    let keeper = agent.client("net");
    keeper.register().unwrap();
    agent.kill();
    agent.edit(|config| config["disconnect_grace_period"] = 30.into());
    agent.launch();
    wait_without(&lab, "10.0.1.9");
    has_lines(&lab, &["neighbor 10.0.2.2 remote-as 65002"]).unwrap();
    assert_eq!(sessions(), Some(1), "the client's session never went down");
}

#[test]
fn what_frr_refuses_of_a_new_file_leaves_the_old_one_in_force() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, with_tor);
    wait_established(&lab, net::TOR_V4);
    let before = all_running(&lab);
    assert!(!agent.reload(|config| {
        config["bgp"]["peers"][0]["description"] = "half way".into();
        // The node's own address: FRR says no.
        let own = json!({"neighbor_address": net::NODE_TOR_V4, "remote_as": net::TOR_AS});
        config["bgp"]["peers"].as_array_mut().unwrap().push(own);
        config["owners"]["edge"]["token"] = "another".into();
    }));
    assert_eq!(all_running(&lab), before);
    agent.client("edge").register().expect("the old token");
    let log = agent.log();
    assert!(log.contains("configuration not reloaded") && log.contains("local"), "{log}");
    // Mended, it goes through.
    assert!(agent.reload(|config| drop(config["bgp"]["peers"].as_array_mut().unwrap().pop())));
    has_lines(&lab, &["neighbor 10.0.1.2 description half way"]).unwrap();
    assert_eq!(agent.client("edge").register().unwrap_err().code(), Code::Unauthenticated);
}

#[test]
fn one_file_serves_every_node() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start(&lab);
    agent.stop();
    agent.edit(|config| config["bgp"] = json!({"as_base": 64900, "auto_router_id": true}));
    agent.launch_with(&[("NOVAROUTE_NODE_NAME", "worker-100"), ("NODE_IP", "10.0.0.100")]);
    wait_lines(&lab, &["router bgp 65000", "bgp router-id 10.0.0.100"]);
    agent.stop();
    // Without NODE_IP: the address at the default route, through which nothing is sent.
    let route = ["ip", "route", "add", "default", "via", net::BIRD_V4];
    assert!(lab.exec(Router::Node, &route).status.success());
    agent.launch_with(&[("NOVAROUTE_NODE_NAME", "worker-100")]);
    wait_lines(&lab, &["router bgp 65000", "bgp router-id 10.0.2.1"]);
}

#[test]
fn quotas_bound_what_an_owner_has() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| {
        with_tor(config);
        config["owners"]["edge"]["quotas"] = json!({"prefixes": 2, "peers": 0});
        config["owners"]["net"]["quotas"] = json!({"static_routes": 1});
    });
    let (admin, edge, other) = (agent.client("admin"), agent.client("edge"), agent.client("net"));
    let events = admin.events(&["POLICY_VIOLATION"]);
    edge.advertise("192.0.2.1/32").unwrap();
    // Three at once are one too many: none of them is there afterwards.
    let before = all_running(&lab);
    let three = ["192.0.2.2/32", "192.0.2.3/32"].map(change::prefix).to_vec();
    let error = edge.apply(three).unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    let words = "the quota of edge is 2 prefixes; it has 1, and this would make 3";
    assert!(error.message().contains(words), "{error}");
    assert_eq!(all_running(&lab), before);
    let (_, event) = events.wait(EventType::PolicyViolation, "192.0.2.2/32");
    assert!(event.owner == "edge" && event.detail.contains(words), "{event:?}");
    assert_eq!(edge.apply_peer(bird()).unwrap_err().code(), Code::ResourceExhausted);

    // Many at once: as many as may be get through, whatever batch they come in.
    let calls = (10..30).map(|n| {
        let (mut client, prefix) = (edge.route_control(), format!("192.0.2.{n}/32"));
        let request = edge.advertise_request(&prefix);
        async move { client.advertise_prefix(request).await }
    });
    let results = edge.block_on(futures::future::join_all(calls));
    let taken = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(taken, 1, "{results:?}");
    let codes = results.iter().filter_map(|result| result.as_ref().err());
    assert!(codes.into_iter().all(|error| error.code() == Code::ResourceExhausted));
    assert_eq!(running(&lab, "bgpd").matches("network 192.0.2.").count(), 2);

    other.apply(vec![change::via("10.244.1.0/24", net::TOR_V4)]).unwrap();
    let error = other.apply(vec![change::via("10.244.2.0/24", net::TOR_V4)]).unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    other
        .apply(vec![change::no_route("10.244.1.0/24"), change::via("10.244.2.0/24", net::TOR_V4)])
        .expect("one for another");
    let (_, metrics) = agent.http("/metrics");
    let line = "novaroute_policy_violations_total{owner=\"net\",reason=\"quota\"} 1";
    assert!(metrics.contains(line), "{metrics}");

    // Lowered under what there is: nothing goes, nothing more comes, and less is less.
    assert!(agent.reload(|config| config["owners"]["edge"]["quotas"]["prefixes"] = 1.into()));
    assert_eq!(running(&lab, "bgpd").matches("network 192.0.2.").count(), 2);
    edge.advertise("192.0.2.1/32").expect("a repeated call");
    assert_eq!(edge.advertise("192.0.2.99/32").unwrap_err().code(), Code::ResourceExhausted);
    edge.withdraw("192.0.2.1/32").unwrap();
    assert_eq!(edge.advertise("192.0.2.99/32").unwrap_err().code(), Code::ResourceExhausted);
    assert!(
        agent.reload(|config| drop(
            config["owners"]["edge"].as_object_mut().unwrap().remove("quotas")
        ))
    );
    edge.advertise("192.0.2.99/32").unwrap();

    // A caller without a token makes no series and no event.
    let stranger = agent.client("stranger");
    assert_eq!(stranger.advertise("192.0.2.1/32").unwrap_err().code(), Code::Unauthenticated);
    let thief = agent.client("admin").with_token("wrong");
    assert_eq!(thief.apply_peer(bird()).unwrap_err().code(), Code::Unauthenticated);
    let (_, metrics) = agent.http("/metrics");
    assert!(!metrics.contains("stranger"), "{metrics}");
    let of_admin = "novaroute_policy_violations_total{owner=\"admin\"";
    let counted: Vec<_> = metrics.lines().filter(|line| line.starts_with(of_admin)).collect();
    assert!(!counted.is_empty() && counted.iter().all(|line| line.ends_with(" 0")), "{counted:?}");
}
