//! A restarted agent adopts what runs: no line is sent, no session touched.

use novaroute::{
    frr::frontend::{Action, Datastore, Edit, Format, Session},
    proto::v1::BgpPeer,
};
use serde_json::json;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net},
};

#[test]
fn a_restarted_agent_sends_nothing_and_resets_nothing() {
    let lab = Lab::start(LabOptions::default());
    configure(&lab, &["log commands"]);
    let mut agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(BgpPeer { bfd_enabled: false, ..tor() }).unwrap();
    admin.apply_peer(bird()).unwrap();
    let more = (0..8).map(|n| change::peer(peer(&format!("10.0.1.{}", 100 + n), 65100 + n)));
    admin.apply(more.collect()).unwrap();
    let prefixes =
        (0..1000).map(|n| change::prefix(&format!("10.{}.{}.0/24", 60 + n / 250, n % 250)));
    admin.apply(prefixes.collect()).unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    wait_established(&lab, net::TOR_V4);
    wait_established(&lab, net::BIRD_V4);
    agent.wait_ready();
    let before = (all_running(&lab), counters(&lab), commands_run(&lab).len());
    assert!(before.2 > 1000, "the daemons' logs show what was sent: {}", before.2);
    drop(admin);

    for killed in [true, false] {
        if killed {
            agent.kill();
        } else {
            agent.stop();
        }
        agent.launch();
        agent.wait_ready();
        let admin = agent.client("admin");
        assert_eq!(admin.status().prefixes.len(), 1000);
        assert_eq!(admin.status().peers.len(), 10);
        // A call that says what is there already sends nothing either.
        admin.advertise("10.60.0.0/24").unwrap();
        assert_eq!(commands_run(&lab).len(), before.2, "killed: {killed}");
        assert_eq!(all_running(&lab), before.0, "killed: {killed}");
        assert_eq!(counters(&lab), before.1, "killed: {killed}");
        // Nor has the agent sent anything that no log of a daemon has, as edits of mgmtd.
        let text = agent.http("/metrics").1;
        let sent = text.lines().filter(|line| line.starts_with("novaroute_frr_lines_sent_total{"));
        let sent: Vec<_> = sent.filter(|line| !line.ends_with(" 0")).collect();
        assert!(text.contains("novaroute_frr_lines_sent_total{") && sent.is_empty(), "{sent:?}");
    }
}

/// What somebody who died left in mgmtd's candidate goes with the agent's start, and is applied by nobody.
/// The mgmtd of 10.3 forgets it by itself; that of 10.4 and later does not.
#[test]
fn what_was_left_in_mgmtds_candidate_is_gone_when_the_agent_is_back() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    agent.wait_ready();
    drop(admin);
    agent.kill();

    let socket = lab.socket_dir(Router::Node).join("mgmtd_fe.sock");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let session = || runtime.block_on(Session::connect(&socket, "test")).unwrap();
    let left = json!({"frr-interface:lib": {"interface": [
        {"name": net::NODE_TOR_INTERFACE, "description": "left-behind"}
    ]}});
    let mut dying = session();
    runtime.block_on(async {
        dying.lock(Datastore::Candidate).await.unwrap();
        dying.edit(&[Edit::merge(Format::Json, left.to_string())]).await.unwrap();
    });
    drop(dying);

    agent.launch();
    agent.wait_ready();
    let mut next = session();
    runtime.block_on(async {
        next.lock(Datastore::Candidate).await.unwrap();
        next.lock(Datastore::Running).await.unwrap();
        next.commit(Action::Apply).await.unwrap();
    });
    drop(next);
    let shown = lab.vtysh(Router::Node, &["show running-config"]);
    assert!(!shown.contains("left-behind"), "{shown}");
    assert!(kernel(&lab, "203.0.113.0/24").contains("proto static"));
}

/// Of each neighbour how often its session was established and lost, by bgpd's own count.
fn counters(lab: &Lab) -> Vec<(String, u64, u64)> {
    let json = lab.vtysh_json(Router::Node, "show bgp neighbors json");
    let neighbors = json.as_object().expect("neighbours by address");
    let counts = neighbors.iter().filter(|(name, _)| name.contains(['.', ':'])).map(|(name, n)| {
        let count = |key: &str| n[key].as_u64().unwrap_or_default();
        (name.clone(), count("connectionsEstablished"), count("connectionsDropped"))
    });
    counts.collect()
}
