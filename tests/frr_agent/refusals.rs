//! What FRR refuses leaves no trace, and hurts nobody else.

use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net},
};

const WORDS: &str = "ebgp-multihop and ttl-security cannot be configured together";

/// A bgpd in which an operator's line about `tor` has FRR refuse multihop for it.
fn secure_tor(lab: &Lab) {
    configure(
        lab,
        &[
            "router bgp 65000",
            "neighbor 10.0.1.2 remote-as 65001",
            "neighbor 10.0.1.2 ttl-security hops 2",
        ],
    );
}

#[test]
fn a_peer_that_frr_refuses_half_way_leaves_no_trace() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    secure_tor(&lab);
    let before = all_running(&lab);
    let mut refused = tor();
    refused.ebgp_multihop = 3;
    refused.description = "half way".into();
    refused.password = "s3cret-key".into();
    (refused.bfd_enabled, refused.bfd_min_tx_ms) = (true, 200);
    let error = admin.apply_peer(refused).unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    assert!(error.message().contains(WORDS), "{error}");
    assert!(!error.message().contains("s3cret-key"));
    assert_eq!(all_running(&lab), before);
    let declared = admin.status().peers.remove(0);
    assert_eq!((declared.description.as_str(), declared.bfd_enabled), ("", false));

    let mut own = tor();
    own.neighbor_address = net::NODE_TOR_V4.into();
    let error = admin.apply_peer(own).unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    assert!(error.message().contains("local"), "FRR's words: {error}");
    assert_eq!(all_running(&lab), before);
    assert_eq!(admin.peer_state(net::NODE_TOR_V4), None);

    let mut internal = tor();
    internal.remote_as = net::NODE_AS;
    internal.peer_type = novaroute::proto::v1::PeerType::External as i32;
    assert_eq!(admin.apply_peer(internal).unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(all_running(&lab), before);
    let log = agent.log();
    assert!(log.contains(WORDS) && !log.contains("s3cret-key"), "{log}");
    agent.wait_ready();
}

#[test]
fn one_refused_call_among_fifty_at_once_hurts_no_other() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    secure_tor(&lab);
    let (refused, others) = admin.block_on(async {
        let calls = (0..50).map(|n| {
            let mut client = admin.route_control();
            let request = admin.advertise_request(&format!("10.{n}.0.0/16"));
            async move { client.advertise_prefix(request).await.map(drop) }
        });
        let mut client = admin.route_control();
        let request = novaroute::proto::v1::ApplyPeerRequest {
            owner: admin.owner.clone(),
            token: admin.token.clone(),
            peer: Some(novaroute::proto::v1::BgpPeer { ebgp_multihop: 3, ..tor() }),
        };
        let refused = async move { client.apply_peer(request).await.map(drop) };
        futures::future::join(refused, futures::future::join_all(calls)).await
    });
    let error = refused.unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    assert!(error.message().contains(WORDS), "{error}");
    for result in others {
        result.unwrap();
    }
    let config = running(&lab, "bgpd");
    let networks = config.lines().filter(|line| line.starts_with("  network 10.")).count();
    assert_eq!(networks, 50, "{config}");
    assert!(!config.contains("ebgp-multihop"));
    assert_eq!(admin.status().prefixes.len(), 50);
}

/// What FRR refuses only later, when it is filled anew, is named, and all the rest is there.
#[test]
fn after_a_restart_one_refused_intent_costs_no_other() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(novaroute::proto::v1::BgpPeer { ebgp_multihop: 3, ..tor() }).unwrap();
    admin.apply_peer(bird()).unwrap();
    for n in 0..10 {
        admin.advertise(&format!("10.{n}.0.0/16")).unwrap();
    }
    lab.kill(Router::Node, "bgpd");
    // Somebody's start script is faster than the agent's next attempt.
    let agent_pid = agent.freeze();
    lab.restart(Router::Node, "bgpd");
    secure_tor(&lab);
    drop(agent_pid);
    wait_lines(
        &lab,
        &["network 10.0.0.0/16", "network 10.9.0.0/16", "neighbor 10.0.2.2 remote-as 65002"],
    );
    let state = crate::lab::wait_for("the peer's state", SOON, || {
        let state = admin.peer_state(net::TOR_V4).unwrap_or_default();
        if state.contains(WORDS) { Ok(state) } else { Err(state) }
    });
    assert!(state.starts_with("rejected: "), "{state}");
    crate::lab::wait_for("all but the refused to be in FRR", SOON, || {
        let (there, (code, body)) = (admin.in_frr("10.3.0.0/16"), agent.http("/readyz"));
        let refused = code == 503 && body.contains(WORDS);
        if there && refused { Ok(()) } else { Err(format!("{there} {code} {body}")) }
    });
    // What stood in the way goes: declaring it again does it.
    configure(&lab, &["router bgp 65000", "no neighbor 10.0.1.2 ttl-security hops 2"]);
    admin.apply_peer(novaroute::proto::v1::BgpPeer { ebgp_multihop: 3, ..tor() }).unwrap();
    wait_lines(&lab, &["neighbor 10.0.1.2 ebgp-multihop 3"]);
    agent.wait_ready();
}

/// A prefix whose announcement somebody else's line stands in the way of, when ospfd is filled anew.
#[test]
fn a_prefix_that_is_refused_later_is_rejected_with_the_reason() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let ospfd_starts_anew_with_theirs = || {
        lab.kill(Router::Node, "ospfd");
        let frozen = agent.freeze();
        lab.restart(Router::Node, "ospfd");
        vty(&lab, "ospfd", &["configure terminal", "router ospf", "redistribute static"]);
        drop(frozen);
    };
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    admin.advertise_ospf("198.51.100.1/32").unwrap();
    agent.wait_ready();
    ospfd_starts_anew_with_theirs();
    let refused = crate::lab::wait_for("the prefix's state", 3 * SOON, || {
        let status = admin.status();
        let found = status.prefixes.iter().find(|it| it.prefix == "198.51.100.1/32");
        match found {
            Some(it) if it.state.starts_with("rejected: ") => Ok(it.clone()),
            other => Err(format!("{other:?}")),
        }
    });
    assert!(refused.reason.contains("redistribute static"), "{refused:?}");
    assert_eq!(admin.prefix_state("192.0.2.0/24").as_deref(), Some("applied"));
    crate::lab::wait_for("the refusal in /readyz", SOON, || match agent.http("/readyz") {
        (503, body) if body.contains("198.51.100.1/32") => Ok(()),
        (code, body) => Err(format!("{code} {body}")),
    });
    // Its owner may take it back, and it is not in anybody's way then.
    admin.withdraw_ospf("198.51.100.1/32").unwrap();
    agent.wait_ready();
    assert!(running(&lab, "ospfd").contains("redistribute static"), "somebody else's");

    // Where it stays declared, it is tried again, and nobody has to ask for it.
    vty(&lab, "ospfd", &["configure terminal", "router ospf", "no redistribute static"]);
    admin.advertise_ospf("198.51.100.1/32").unwrap();
    agent.wait_ready();
    ospfd_starts_anew_with_theirs();
    crate::lab::wait_for("the refusal", 3 * SOON, || match agent.http("/readyz") {
        (503, body) if body.contains("redistribute static") => Ok(()),
        (code, body) => Err(format!("{code} {body}")),
    });
    vty(&lab, "ospfd", &["configure terminal", "router ospf", "no redistribute static"]);
    crate::lab::wait_for("another attempt", 3 * SOON, || match agent.http("/readyz") {
        (200, _) => Ok(()),
        (code, body) => Err(format!("{code} {body}")),
    });
    assert!(running(&lab, "ospfd").contains("redistribute static route-map NR-ospf"));
}
