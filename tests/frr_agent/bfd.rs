//! BFD sessions: up with a real peer, alone and beside the session of a BGP peer.

use novaroute::proto::v1::{BfdSession, BgpPeer};
use serde_json::Value;
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

fn session(peer: &str, interval_ms: u32, interface: &str) -> BfdSession {
    BfdSession {
        peer_address: peer.to_owned(),
        min_rx_ms: interval_ms,
        min_tx_ms: interval_ms,
        detect_multiplier: 0,
        interface_name: interface.to_owned(),
    }
}

/// The sessions that bfdd of `node` has with an address.
#[track_caller]
fn sessions(lab: &Lab, peer: &str) -> Vec<Value> {
    let text = vty(lab, "bfdd", &["show bfd peers json"]);
    let all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    all.into_iter().filter(|it| it["peer"] == peer).collect()
}

/// Waits for the one session with an address to be up with these intervals.
#[track_caller]
fn wait_up(lab: &Lab, peer: &str, interval_ms: u32, multiplier: u32) -> Value {
    wait_for(&format!("BFD with {peer} up at {interval_ms} ms"), SOON, || {
        let found = sessions(lab, peer);
        let fits = |it: &Value| {
            it["status"] == "up"
                && it["receive-interval"] == interval_ms
                && it["transmit-interval"] == interval_ms
                && it["detect-multiplier"] == multiplier
        };
        match found.as_slice() {
            [one] if fits(one) => Ok(one.clone()),
            other => Err(format!("{other:?}")),
        }
    })
}

/// Has `tor` take part in sessions of its own.
#[track_caller]
fn tor_takes_part(lab: &Lab) {
    let (v4, v6) = (format!("peer {}", net::NODE_TOR_V4), format!("peer {}", net::NODE_TOR_V6));
    lab.vtysh(Router::Tor, &["configure terminal", "bfd", &v4, "exit", &v6]);
}

#[test]
fn sessions_come_up_change_and_go() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, "log commands\n"));
    tor_takes_part(&lab);
    let agent = Agent::start(&lab);
    agent.wait_ready();
    let edge = agent.client("edge");
    let before = all_running(&lab);
    edge.enable_bfd(session(net::TOR_V4, 100, "")).unwrap();
    edge.enable_bfd(session(net::TOR_V6, 0, net::NODE_TOR_INTERFACE)).unwrap();
    let up = wait_up(&lab, net::TOR_V4, 100, 3);
    wait_up(&lab, net::TOR_V6, 300, 3);

    // Said again: nothing is sent, not even with another spelling.
    let (shown, commands) = (all_running(&lab), commands_run(&lab));
    edge.enable_bfd(session(net::TOR_V4, 100, "")).unwrap();
    edge.enable_bfd(session("FD00:1:0::2", 300, net::NODE_TOR_INTERFACE)).unwrap();
    assert_eq!((all_running(&lab), commands_run(&lab)), (shown.clone(), commands));

    // Other timers: the same session, without a flap.
    let slower = BfdSession { detect_multiplier: 5, ..session(net::TOR_V4, 200, "") };
    edge.enable_bfd(slower).unwrap();
    assert_eq!(wait_up(&lab, net::TOR_V4, 200, 5)["id"], up["id"]);
    // Cleared fields are FRR's own again.
    edge.enable_bfd(session(net::TOR_V4, 0, "")).unwrap();
    assert_eq!(wait_up(&lab, net::TOR_V4, 300, 3)["id"], up["id"]);
    // Bound to an interface, and free again.
    edge.enable_bfd(session(net::TOR_V4, 0, net::NODE_TOR_INTERFACE)).unwrap();
    assert!(running(&lab, "bfdd").contains("peer 10.0.1.2 interface tor0"));
    wait_up(&lab, net::TOR_V4, 300, 3);
    edge.enable_bfd(session(net::TOR_V4, 0, "")).unwrap();
    assert!(!running(&lab, "bfdd").contains("peer 10.0.1.2 interface tor0"));

    // One owner can't tear down another's.
    let net_owner = agent.client("net");
    let held = running(&lab, "bfdd");
    let error = net_owner.disable_bfd(net::TOR_V4).unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied, "{error}");
    let error = net_owner.enable_bfd(session(net::TOR_V4, 999, "")).unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied, "{error}");
    assert_eq!(running(&lab, "bfdd"), held);

    edge.disable_bfd(net::TOR_V4).unwrap();
    agent.client("admin").disable_bfd(net::TOR_V6).unwrap();
    assert_eq!(all_running(&lab), before);
    assert_eq!(sessions(&lab, net::TOR_V4), Vec::<Value>::new());
    assert_eq!(edge.disable_bfd(net::TOR_V4).unwrap_err().code(), Code::NotFound);
}

/// bgpd's session for a peer and a declared one of the same address are one session of bfdd, which goes by
/// the timers of the declared one as long as that is there, whichever came first.
#[test]
fn a_declared_session_and_a_peers_are_one() {
    let lab = Lab::start(LabOptions::default());
    tor_takes_part(&lab);
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let edge = agent.client("edge");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let watched = || BgpPeer { bfd_enabled: true, bfd_min_rx_ms: 150, bfd_min_tx_ms: 150, ..tor() };
    admin.apply_peer(watched()).unwrap();
    wait_up(&lab, net::TOR_V4, 150, 3);
    let of_the_peer = all_running(&lab);

    edge.enable_bfd(session(net::TOR_V4, 100, "")).unwrap();
    wait_up(&lab, net::TOR_V4, 100, 3);
    let text = running(&lab, "bgpd");
    assert!(text.contains("neighbor 10.0.1.2 bfd profile NR-100-100-3"), "{text}");
    edge.enable_bfd(session(net::TOR_V4, 0, "")).unwrap();
    wait_up(&lab, net::TOR_V4, 300, 3);
    // Without the peer's BFD nothing of its timers lingers.
    admin.apply_peer(tor()).unwrap();
    wait_up(&lab, net::TOR_V4, 300, 3);
    admin.apply_peer(watched()).unwrap();
    wait_up(&lab, net::TOR_V4, 300, 3);
    edge.disable_bfd(net::TOR_V4).unwrap();
    wait_up(&lab, net::TOR_V4, 150, 3);
    assert_eq!(all_running(&lab), of_the_peer);
    wait_established(&lab, net::TOR_V4);
}

/// Over several hops bfdd needs the local address, and bgpd's session is another than over one hop: the
/// declared one follows the peer.
#[test]
fn a_session_with_a_multihop_peer_goes_over_several_hops() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let multihop = |hops| BgpPeer {
        ebgp_multihop: hops,
        source_address: net::NODE_TOR_V4.into(),
        bfd_enabled: true,
        ..tor()
    };
    admin.enable_bfd(session(net::TOR_V4, 100, "")).unwrap();
    admin.apply_peer(multihop(5)).unwrap();
    let line = "peer 10.0.1.2 multihop local-address 10.0.1.1";
    let text = running(&lab, "bfdd");
    assert!(text.contains(line) && text.contains("minimum-ttl 251"), "{text}");
    wait_for("one session", SOON, || match sessions(&lab, net::TOR_V4).as_slice() {
        [one] if one["multihop"] == true && one["minimum-ttl"] == 251 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    admin.apply_peer(multihop(0)).unwrap();
    assert!(!running(&lab, "bfdd").contains("multihop"));
}

#[test]
fn sessions_survive_both_sides_and_leave_others_alone() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, "log commands\n"));
    let theirs = ["configure terminal", "bfd", "peer 10.9.9.9", "detect-multiplier 7"];
    vty(&lab, "bfdd", &theirs);
    let before = running(&lab, "bfdd");
    let mut agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.enable_bfd(session(net::TOR_V4, 100, "")).unwrap();
    let with = running(&lab, "bfdd");
    let commands = commands_run(&lab);
    agent.kill();
    agent.launch();
    agent.wait_ready();
    assert_eq!(running(&lab, "bfdd"), with);
    assert_eq!(commands_run(&lab), commands, "FRR was sent nothing");
    lab.kill(Router::Node, "bfdd");
    lab.restart(Router::Node, "bfdd");
    wait_for("the session", SOON, || match running(&lab, "bfdd") {
        text if text.contains("peer 10.0.1.2") => Ok(()),
        text => Err(text),
    });
    vty(&lab, "bfdd", &theirs);
    agent.wait_ready();
    agent.client("admin").disable_bfd(net::TOR_V4).unwrap();
    assert_eq!(running(&lab, "bfdd"), before);
}
