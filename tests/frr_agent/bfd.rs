//! BFD sessions: up with a real peer, alone and beside the session of a BGP peer.

use novaroute::proto::v1::{BfdSession, BfdSessionStatus, BgpPeer};
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
        ..BfdSession::default()
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

/// An agent that logs as in the pod.
fn agent(lab: &Lab) -> Agent<'_> {
    let agent = Agent::start_with(lab, |config| config["log_level"] = "info".into());
    agent.wait_ready();
    agent
}

/// `tor` with BFD, of timers of the test's own, from 150 ms.
fn watched() -> BgpPeer {
    BgpPeer { bfd_enabled: true, bfd_min_rx_ms: 150, bfd_min_tx_ms: 150, ..tor() }
}

/// The timers that the one session with an address runs with: receive, transmit, multiplier.
#[track_caller]
fn live_timers(lab: &Lab, peer: &str) -> (u64, u64, u64) {
    let found = sessions(lab, peer);
    let [session] = &found[..] else { panic!("{found:?}") };
    let number = |name: &str| session[name].as_u64().expect("a number");
    (number("receive-interval"), number("transmit-interval"), number("detect-multiplier"))
}

/// The status of the one declared session of an owner.
#[track_caller]
fn status_of(client: &Client) -> BfdSessionStatus {
    let mut all = client.status().bfd_sessions;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// bgpd's session for a peer and a declared one of the same address are one session of bfdd: another owner's has to be
/// equal, whichever came first, and goes without a trace.
#[test]
fn a_declared_session_and_a_peers_are_one_and_other_timers_are_refused() {
    let lab = Lab::start(LabOptions::default());
    tor_takes_part(&lab);
    let agent = agent(&lab);
    let (admin, edge, other) = (agent.client("admin"), agent.client("edge"), agent.client("net"));
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    edge.apply_peer(watched()).unwrap();
    wait_established(&lab, net::TOR_V4);
    let before = wait_up(&lab, net::TOR_V4, 150, 3);
    let of_the_peer = all_running(&lab);

    let error = other.enable_bfd(session(net::TOR_V4, 100, "")).unwrap_err();
    assert_eq!(error.code(), Code::AlreadyExists, "{error}");
    let words = error.message();
    assert!(words.contains("edge") && words.contains("min_rx_ms 150"), "{words}");
    assert_eq!(all_running(&lab), of_the_peer);
    // The same timers are the same session.
    other.enable_bfd(session(net::TOR_V4, 150, "")).unwrap();
    assert_eq!(wait_up(&lab, net::TOR_V4, 150, 3)["id"], before["id"]);
    wait_for("the session in status", SOON, || match status_of(&other) {
        seen if seen.state == "up" => Ok(()),
        seen => Err(format!("{seen:?}")),
    });
    // Who comes second is refused on the other side as well.
    let error = edge.apply_peer(BgpPeer { bfd_min_rx_ms: 200, ..watched() }).unwrap_err();
    assert_eq!(error.code(), Code::AlreadyExists, "{error}");
    assert!(error.message().contains("net"), "{error}");
    other.disable_bfd(net::TOR_V4).unwrap();
    assert_eq!(live_timers(&lab, net::TOR_V4), (150, 150, 3));
    assert_eq!(all_running(&lab), of_the_peer);
    assert_eq!(sessions(&lab, net::TOR_V4)[0]["id"], before["id"], "it was not interrupted");
    wait_established(&lab, net::TOR_V4);
}

/// C15: what bfdd runs is read from the session itself. Timers that were once set outlive their configuration in bfdd.
#[test]
fn without_its_declared_session_a_peer_has_its_own_timers_again_live() {
    let lab = Lab::start(LabOptions::default());
    tor_takes_part(&lab);
    let agent = agent(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    // What the far end heard of them decides when it sends again, also to a session that was made anew: a few seconds,
    // and not the minute for which the tests wait.
    const SLOW_MS: u32 = 5_000;
    let slow = || BfdSession { detect_multiplier: 255, ..session(net::TOR_V4, SLOW_MS, "") };
    admin.apply_peer(watched()).unwrap();
    // bgpd makes its session anew when it knows the interface.
    wait_established(&lab, net::TOR_V4);
    wait_up(&lab, net::TOR_V4, 150, 3);
    let before = all_running(&lab);
    admin.enable_bfd(slow()).unwrap();
    assert_eq!(live_timers(&lab, net::TOR_V4), (u64::from(SLOW_MS), u64::from(SLOW_MS), 255));
    admin.disable_bfd(net::TOR_V4).unwrap();
    assert_eq!(live_timers(&lab, net::TOR_V4), (150, 150, 3));
    assert_eq!(all_running(&lab), before);

    // The session first, in bfdd's own configuration; then the peer, and the session goes.
    admin.remove_peer(net::TOR_V4).unwrap();
    admin.enable_bfd(slow()).unwrap();
    assert_eq!(live_timers(&lab, net::TOR_V4), (u64::from(SLOW_MS), u64::from(SLOW_MS), 255));
    admin.apply_peer(watched()).unwrap();
    assert_eq!(live_timers(&lab, net::TOR_V4), (u64::from(SLOW_MS), u64::from(SLOW_MS), 255));
    wait_established(&lab, net::TOR_V4);
    admin.disable_bfd(net::TOR_V4).unwrap();
    assert_eq!(live_timers(&lab, net::TOR_V4), (150, 150, 3));
    assert_eq!(all_running(&lab), before);
    // FRR's own timers are timers as well.
    admin.apply_peer(BgpPeer { bfd_min_rx_ms: 0, bfd_min_tx_ms: 0, ..watched() }).unwrap();
    assert_eq!(live_timers(&lab, net::TOR_V4), (300, 300, 3));
    // Also where others lingered in bfdd, which hears nothing when its own are typed into a session.
    admin.remove_peer(net::TOR_V4).unwrap();
    admin.enable_bfd(slow()).unwrap();
    let of_frr = || BgpPeer { bfd_min_rx_ms: 0, bfd_min_tx_ms: 0, ..watched() };
    admin.apply(vec![change::peer(of_frr()), change::bfd(session(net::TOR_V4, 300, ""))]).unwrap();
    assert_eq!(live_timers(&lab, net::TOR_V4), (300, 300, 3));
    admin.disable_bfd(net::TOR_V4).unwrap();
    admin.apply_peer(watched()).unwrap();
    assert_eq!(live_timers(&lab, net::TOR_V4), (150, 150, 3));
    wait_established(&lab, net::TOR_V4);

    // What an operator leaves behind in bfdd is found by the next comparison, without an end of the session.
    let peer = format!("peer {}", net::TOR_V4);
    let gone = format!("no {peer}");
    let id = wait_up(&lab, net::TOR_V4, 150, 3)["id"].clone();
    let lines = ["configure terminal", "bfd", &peer, "receive-interval 900", "bfd", &gone];
    vty(&lab, "bfdd", &lines);
    assert_eq!(wait_up(&lab, net::TOR_V4, 150, 3)["id"], id);
    crate::lab::wait_for("the session's own timers in status", SOON, || {
        let seen = admin.status().peers.remove(0);
        match (seen.bfd_min_rx_ms, seen.bfd_status.as_str()) {
            (150, "up") => Ok(()),
            _ => Err(format!("{seen:?}")),
        }
    });
}

/// `admin` may overrule a session of another owner by its peer; the peer's timers run then, and status says so.
#[test]
fn a_peer_of_admin_overrules_a_declared_session() {
    let lab = Lab::start(LabOptions::default());
    tor_takes_part(&lab);
    let agent = agent(&lab);
    let (admin, edge) = (agent.client("admin"), agent.client("edge"));
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    edge.enable_bfd(session(net::TOR_V4, 100, "")).unwrap();
    wait_up(&lab, net::TOR_V4, 100, 3);
    admin.apply_peer(watched()).unwrap();
    assert_eq!(live_timers(&lab, net::TOR_V4), (150, 150, 3));
    wait_for("status", SOON, || match status_of(&edge) {
        it if it.min_rx_ms == 150 && it.state == "up" => Ok(()),
        it => Err(format!("{it:?}")),
    });
    admin.remove_peer(net::TOR_V4).unwrap();
    wait_up(&lab, net::TOR_V4, 100, 3);
}

/// C16: only bgpd knows over how many hops its session goes. The declared one is that one, and no second one that never
/// comes up.
#[test]
fn a_session_beside_a_peers_is_the_peers_whatever_its_hops_and_addresses() {
    let lab = Lab::start(LabOptions::default());
    tor_takes_part(&lab);
    let agent = agent(&lab);
    let admin = agent.client("admin");
    let as_of_tor = ["configure terminal", "router bgp 65001"];
    let remote = format!("neighbor {} remote-as {}", net::NODE_TOR_V4, net::TOR_AS);
    lab.vtysh(Router::Tor, &[&as_of_tor[..], &[&remote]].concat());
    admin.configure_bgp(net::TOR_AS, "10.0.0.1").unwrap();
    // iBGP, directly connected.
    let internal = BgpPeer {
        remote_as: net::TOR_AS,
        source_address: net::NODE_TOR_V4.into(),
        bfd_enabled: true,
        ..tor()
    };
    let one_up = |what: &str, multihop: bool| {
        wait_for(what, SOON, || match sessions(&lab, net::TOR_V4).as_slice() {
            [one] if one["multihop"] == multihop && one["status"] == "up" => Ok(()),
            other => Err(format!("{other:?}")),
        });
        wait_for("status", SOON, || match status_of(&admin) {
            it if it.state == "up" && it.multihop == multihop => Ok(it),
            it => Err(format!("{it:?}")),
        })
    };
    admin.apply_peer(internal.clone()).unwrap();
    admin.enable_bfd(session(net::TOR_V4, 0, "")).unwrap();
    let shown = one_up("one session, over one hop", false);
    assert_eq!(shown.local_address, net::NODE_TOR_V4);
    assert_eq!(shown.interface_name, net::NODE_TOR_INTERFACE);
    // By its interface: the same. By another: there is none, whatever bgpd's is.
    admin.enable_bfd(session(net::TOR_V4, 0, net::NODE_TOR_INTERFACE)).unwrap();
    one_up("one session by its interface", false);
    admin.enable_bfd(session(net::TOR_V4, 0, net::NODE_BIRD_INTERFACE)).unwrap();
    wait_for("no such session", SOON, || match status_of(&admin) {
        it if it.state == "pending" && it.reason.contains("runs on tor0") => Ok(()),
        it => Err(format!("{it:?}")),
    });
    admin.enable_bfd(session(net::TOR_V4, 0, "")).unwrap();
    one_up("one session again", false);
    // The session first.
    admin.remove_peer(net::TOR_V4).unwrap();
    admin.apply_peer(internal).unwrap();
    one_up("one session, whichever came first", false);

    // eBGP over several hops, without a source address: bgpd's session goes over several hops.
    admin.remove_peer(net::TOR_V4).unwrap();
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let external = format!("neighbor {} remote-as {}", net::NODE_TOR_V4, net::NODE_AS);
    let hops = format!("neighbor {} ebgp-multihop 5", net::NODE_TOR_V4);
    let bfd = format!("neighbor {} bfd", net::NODE_TOR_V4);
    lab.vtysh(Router::Tor, &[&as_of_tor[..], &[&external, &hops, &bfd]].concat());
    let alone = format!("no peer {}", net::NODE_TOR_V4);
    lab.vtysh(Router::Tor, &["configure terminal", "bfd", &alone]);
    admin.apply_peer(BgpPeer { ebgp_multihop: 5, bfd_enabled: true, ..tor() }).unwrap();
    one_up("one session, over several hops", true);
    assert!(!running(&lab, "bfdd").contains("peer 10.0.1.2"), "bgpd's is the only one");
    admin.disable_bfd(net::TOR_V4).unwrap();
    wait_established(&lab, net::TOR_V4);
}

/// Where the peer has no BFD itself, a session over several hops is one of bfdd's configuration.
#[test]
fn a_session_with_a_multihop_peer_goes_over_several_hops() {
    let lab = Lab::start(LabOptions::default());
    let agent = agent(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let multihop =
        |hops| BgpPeer { ebgp_multihop: hops, source_address: net::NODE_TOR_V4.into(), ..tor() };
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

/// C30: on an interface that has a global address as well, bfdd takes that for its own where it is not told another.
#[test]
fn a_session_with_a_link_local_peer_comes_up_beside_a_global_address() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, "log commands\n"));
    let link_local = |router: Router, interface: &str| {
        let shown = lab.exec(router, &["ip", "-6", "-o", "addr", "show", "dev", interface]);
        let text = String::from_utf8(shown.stdout).expect("text");
        let address = text.split_whitespace().find(|word| word.starts_with("fe80::"));
        let (address, _) = address.and_then(|it| it.split_once('/')).expect("a link-local one");
        address.to_owned()
    };
    let (node, tor) = (link_local(Router::Node, "tor0"), link_local(Router::Tor, "node0"));
    let peer = format!("peer {node} local-address {tor} interface node0");
    lab.vtysh(Router::Tor, &["configure terminal", "bfd", &peer]);
    let agent = agent(&lab);
    let edge = agent.client("edge");
    let before = all_running(&lab);

    let error = edge.enable_bfd(session(&tor, 0, "absent0")).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains("local_address"), "{error}");
    let global = BfdSession {
        local_address: net::NODE_TOR_V6.into(),
        ..session(&tor, 0, net::NODE_TOR_INTERFACE)
    };
    assert_eq!(edge.enable_bfd(global).unwrap_err().code(), Code::InvalidArgument);

    // As clients in the field call it: the agent finds the address.
    edge.enable_bfd(session(&tor, 0, net::NODE_TOR_INTERFACE)).unwrap();
    let found = wait_up(&lab, &tor, 300, 3);
    assert_eq!(found["local"], node);
    let said = BfdSession { local_address: node.clone(), ..session(&tor, 0, "tor0") };
    let (shown, commands) = (all_running(&lab), commands_run(&lab));
    edge.enable_bfd(said).unwrap();
    assert_eq!((all_running(&lab), commands_run(&lab)), (shown, commands), "it is the same");
    wait_for("status", SOON, || match status_of(&edge) {
        it if it.state == "up" && it.local_address == node => Ok(()),
        it => Err(format!("{it:?}")),
    });
    edge.disable_bfd(&tor).unwrap();
    assert_eq!(all_running(&lab), before);
}

/// Another address of this end is another session: bfdd shows a changed one in its configuration and goes on as before.
#[test]
fn a_changed_local_address_is_that_of_the_live_session() {
    let lab = Lab::start(LabOptions::default());
    let agent = agent(&lab);
    let edge = agent.client("edge");
    lab.exec(Router::Node, &["ip", "addr", "add", "10.0.1.9/32", "dev", "lo"]);
    let from = |local: &str| BfdSession {
        local_address: local.into(),
        ..session(net::TOR_V4, 100, net::NODE_TOR_INTERFACE)
    };
    for local in [net::NODE_TOR_V4, "10.0.1.9", net::NODE_TOR_V4] {
        edge.enable_bfd(from(local)).unwrap();
        let found = sessions(&lab, net::TOR_V4);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["local"], local, "{found:?}");
    }
    edge.disable_bfd(net::TOR_V4).unwrap();
    assert_eq!(sessions(&lab, net::TOR_V4), Vec::<Value>::new());
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

/// A profile that is declared gives its timers to a peer and to a session that name it, and changes them live.
#[test]
fn a_profile_gives_its_timers_to_all_that_name_it() {
    let lab = Lab::start(LabOptions::default());
    let agent = agent(&lab);
    let (admin, edge) = (agent.client("admin"), agent.client("edge"));
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let before = all_running(&lab);
    let named = |name: &str| BgpPeer { bfd_enabled: true, bfd_profile: name.into(), ..tor() };
    let alone = |name: &str| BfdSession { profile: name.into(), ..session("10.0.1.77", 0, "") };
    // What is not there is not named.
    let lacking = admin.apply_peer(named("fast")).unwrap_err();
    assert_eq!(lacking.code(), Code::FailedPrecondition, "{lacking}");
    admin.apply(vec![change::profile("fast", 120), change::peer(named("fast"))]).unwrap();
    edge.enable_bfd(alone("fast")).unwrap();
    has_lines(&lab, &["neighbor 10.0.1.2 bfd profile fast"]).unwrap();
    assert!(running(&lab, "bfdd").contains("\n profile fast\n"));
    let timers = |peer: &str, interval: u64| {
        wait_for(&format!("{peer} at {interval} ms"), SOON, || match &*sessions(&lab, peer) {
            [one]
                if one["receive-interval"] == interval && one["transmit-interval"] == interval =>
            {
                Ok(())
            }
            other => Err(format!("{other:?}")),
        })
    };
    timers(net::TOR_V4, 120);
    timers("10.0.1.77", 120);
    // Another value of the profile is that of both, live.
    admin.apply(vec![change::profile("fast", 240)]).unwrap();
    timers(net::TOR_V4, 240);
    timers("10.0.1.77", 240);
    let status = admin.status();
    let [profile] = &*status.bfd_profiles else { panic!("{:?}", status.bfd_profiles) };
    assert_eq!((&*profile.name, &*profile.state, profile.min_rx_ms), ("fast", "configured", 240));
    // It stays as long as it is named.
    let used = admin.apply(vec![change::no_profile("fast")]).unwrap_err();
    assert_eq!(used.code(), Code::FailedPrecondition, "{used}");
    edge.disable_bfd("10.0.1.77").unwrap();
    admin.apply(vec![change::no_peer(net::TOR_V4), change::no_profile("fast")]).unwrap();
    assert_eq!(all_running(&lab), before);
}

/// An operator's profile of that name is theirs: equal, it is named and outlives the intent; else the intent is refused with
/// its line.
#[test]
fn an_operators_profile_is_theirs() {
    let config =
        "bfd\n profile fast\n  receive-interval 120\n  transmit-interval 120\n exit\nexit\n";
    let lab = Lab::start(LabOptions::default().config(Router::Node, config));
    let agent = agent(&lab);
    let admin = agent.client("admin");
    let before = all_running(&lab);
    let other = admin.apply(vec![change::profile("fast", 240)]).unwrap_err();
    assert_eq!(other.code(), Code::Aborted, "{other}");
    assert!(other.message().contains("transmit-interval 120"), "{other}");
    admin.apply(vec![change::profile("fast", 120)]).unwrap();
    assert_eq!(all_running(&lab), before);
    admin.apply(vec![change::no_profile("fast")]).unwrap();
    assert_eq!(all_running(&lab), before);
}
