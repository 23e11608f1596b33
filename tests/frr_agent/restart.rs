//! Daemons that die and come back, and the agent that dies.

use novaroute::proto::v1::{
    BfdSession, BgpPeer, EventType, OspfInterface, Outcome, PrefixAttributes,
};
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

#[test]
fn bgpd_is_refilled_after_a_crash_without_a_call() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    let with = PrefixAttributes { med: 7, ..Default::default() };
    admin.advertise_with("192.0.2.0/24", with).unwrap();
    wait_tor(&lab, "192.0.2.0/24", |_| true);
    agent.wait_ready();
    let events = admin.events(&["FRR_CONNECTED", "FRR_DISCONNECTED"]);
    let before = all_running(&lab);

    lab.kill(Router::Node, "bgpd");
    wait_for("/readyz to say that bgpd is away", SOON, || match agent.http("/readyz") {
        (503, body) if body.contains("bgpd") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert!(agent.http("/metrics").1.contains("novaroute_frr_connected 0"));
    assert_eq!(agent.http("/healthz").0, 200);
    let state = admin.prefix_state("192.0.2.0/24");
    assert_eq!(state.as_deref(), Some("pending"), "no route is called applied while bgpd is away");
    assert!(!admin.status().frr_status.unwrap().connected);
    // Calls are taken and done later, and say so.
    let request = admin.advertise_request("198.51.100.0/24");
    let answer = admin.call(|mut c| async move { c.advertise_prefix(request).await }).unwrap();
    assert_eq!(answer.outcome(), Outcome::Pending);
    let who = ["--owner", "admin", "--token", "admin-token", "--prefix", "198.51.100.0/24"];
    let told = agent.ctl(&[&["advertise"][..], &who].concat());
    assert!(String::from_utf8_lossy(&told.stdout).contains("pending"), "{told:?}");
    assert_eq!(admin.prefix_state("198.51.100.0/24").as_deref(), Some("pending"));
    let outcome = admin.apply(vec![change::prefix("203.0.113.0/24")]).unwrap();
    assert_eq!(outcome, Outcome::Pending);
    admin.withdraw("203.0.113.0/24").unwrap();

    lab.restart(Router::Node, "bgpd");
    wait_lines(&lab, &["network 198.51.100.0/24"]);
    agent.wait_ready();
    let now = running(&lab, "bgpd");
    for line in before[0].lines() {
        assert!(now.contains(line), "{line:?} in\n{now}");
    }
    assert!(!now.contains("203.0.113.0"), "{now}");
    // What was answered as pending says that FRR has it, but not what was taken back meanwhile.
    let shown = agent.ctl(&["transactions", "-o", "json"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    let message = |origin: &str| {
        let all = shown["transactions"].as_array().expect("a list").iter();
        let pending = all.filter(|it| it["result"] == "pending" && it["origin"] == origin);
        pending.map(|it| it["message"].as_str().expect("text").to_owned()).next_back()
    };
    assert_eq!(message("AdvertisePrefix").as_deref(), Some("FRR has it by now"), "{shown}");
    assert_eq!(message("Apply").as_deref(), Some(""), "{shown}");
    assert!(admin.in_frr("192.0.2.0/24"));
    wait_tor(&lab, "198.51.100.0/24", |_| true);
    wait_for("events", SOON, || {
        let kinds: Vec<_> = events.all().iter().map(|event| event.r#type()).collect();
        let wanted = [EventType::FrrDisconnected, EventType::FrrConnected];
        if kinds == wanted { Ok(()) } else { Err(format!("{kinds:?}")) }
    });
}

/// What the daemons run, whatever the order is in which they show it.
fn sorted(lab: &Lab) -> Vec<String> {
    let mut lines: Vec<String> =
        all_running(lab).iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// Each of them alone, mgmtd too: no call, no operator.
#[test]
fn any_daemon_that_dies_is_noticed_and_refilled_when_it_is_back() {
    const ROUTE: &str = "203.0.113.0/24";

    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let with = PrefixAttributes { med: 7, ..Default::default() };
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise_with("192.0.2.0/24", with).unwrap();
    admin.advertise_ospf("192.0.2.1/32").unwrap();
    let session = BfdSession { peer_address: net::BIRD_V4.into(), ..BfdSession::default() };
    let interface = OspfInterface {
        interface_name: net::NODE_TOR_INTERFACE.into(),
        area_id: "0".into(),
        ..OspfInterface::default()
    };
    let changes = vec![
        change::peer(BgpPeer { bfd_enabled: true, ..tor() }),
        change::bfd(session),
        change::ospf(interface),
        change::via(ROUTE, net::TOR_V4),
    ];
    assert_eq!(admin.apply(changes).unwrap(), Outcome::Confirmed);
    agent.wait_ready();
    let before = sorted(&lab);

    for daemon in ["bgpd", "bfdd", "ospfd", "mgmtd", "staticd"] {
        lab.kill(Router::Node, daemon);
        wait_for(&format!("the agent to notice that {daemon} is gone"), SOON, || {
            // Of staticd only who sends it something knows.
            let frr = admin.status().frr_status.expect("FRR's status");
            let noticed = match frr.daemons.iter().find(|it| it.name == daemon) {
                Some(it) => !it.connected,
                None => agent.http("/readyz").0 == 503,
            };
            if noticed { Ok(()) } else { Err(format!("{frr:?}")) }
        });
        lab.restart(Router::Node, daemon);
        wait_for(&format!("{daemon} as it was"), SOON, || {
            let now = sorted(&lab);
            if now == before { Ok(()) } else { Err(now.join("\n")) }
        });
        agent.wait_ready();
        wait_for("the route in the kernel", SOON, || {
            let shown = kernel(&lab, ROUTE);
            if shown.contains("proto static") { Ok(()) } else { Err(shown) }
        });
    }
    // zebra has nothing of ours but what the others give it.
    lab.restart(Router::Node, "zebra");
    wait_for("the route in the kernel", SOON, || {
        let shown = kernel(&lab, ROUTE);
        if shown.contains("proto static") { Ok(()) } else { Err(shown) }
    });
    wait_tor(&lab, "192.0.2.0/24", |_| true);
    agent.wait_ready();
    assert_eq!(sorted(&lab), before);
}

#[test]
fn static_routes_come_back_after_staticd_and_mgmtd_crashed() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let via = |prefix: &str| change::via(prefix, net::TOR_V4);
    assert_eq!(admin.apply(vec![via("203.0.113.0/24")]).unwrap(), Outcome::Confirmed);
    let in_kernel = |prefix: &str| {
        wait_for(&format!("{prefix} in the kernel"), SOON, || {
            let shown = kernel(&lab, prefix);
            if shown.contains("proto static") { Ok(()) } else { Err(shown) }
        });
    };
    in_kernel("203.0.113.0/24");
    for daemon in ["staticd", "mgmtd"] {
        lab.kill(Router::Node, daemon);
        lab.restart(Router::Node, daemon);
        wait_for(&format!("the route in staticd after {daemon} was restarted"), SOON, || {
            let shown = vty(&lab, "staticd", &["show configuration running json"]);
            if shown.contains("203.0.113.0") { Ok(()) } else { Err(shown) }
        });
        in_kernel("203.0.113.0/24");
        agent.wait_ready();
        let prefix = format!("198.51.{}.0/24", daemon.len());
        assert_eq!(admin.apply(vec![via(&prefix)]).unwrap(), Outcome::Confirmed, "{daemon}");
        in_kernel(&prefix);
    }
    // Both at once: nothing of it is left, and nothing is given up.
    for daemon in ["mgmtd", "staticd"] {
        lab.kill(Router::Node, daemon);
    }
    wait_kernel_empty(&lab, "203.0.113.0/24");
    for daemon in ["mgmtd", "staticd"] {
        lab.restart(Router::Node, daemon);
    }
    for prefix in ["203.0.113.0/24", "198.51.5.0/24", "198.51.7.0/24"] {
        in_kernel(prefix);
    }
    agent.wait_ready();
    // Away while a call comes.
    lab.kill(Router::Node, "mgmtd");
    assert_eq!(admin.apply(vec![via("192.0.2.0/24")]).unwrap(), Outcome::Pending);
    lab.restart(Router::Node, "mgmtd");
    in_kernel("192.0.2.0/24");
    agent.wait_ready();
}

#[track_caller]
fn wait_kernel_empty(lab: &Lab, prefix: &str) {
    wait_for(&format!("{prefix} to leave the kernel"), SOON, || match kernel(lab, prefix) {
        shown if shown.is_empty() => Ok(()),
        shown => Err(shown),
    });
}

#[test]
fn bfd_profiles_come_back_after_bfdd_crashed() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let mut watched = tor();
    (watched.bfd_enabled, watched.bfd_min_rx_ms) = (true, 150);
    admin.apply_peer(watched).unwrap();
    lab.kill(Router::Node, "bfdd");
    lab.restart(Router::Node, "bfdd");
    wait_for("the profile", SOON, || match running(&lab, "bfdd") {
        text if text.contains("profile NR-150-300-3") => Ok(()),
        text => Err(text),
    });
    agent.wait_ready();
}

/// A daemon that hangs holds nobody up for long, and is filled when it runs on.
#[test]
fn a_frozen_bgpd_makes_calls_pending() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| config["frr"]["connect_timeout"] = 1.into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    lab.stop(Router::Node, "bgpd");
    let result = admin.advertise("192.0.2.0/24");
    let state = admin.prefix_state("192.0.2.0/24");
    lab.cont(Router::Node, "bgpd");
    result.unwrap();
    assert_eq!(state.as_deref(), Some("pending"));
    wait_lines(&lab, &["network 192.0.2.0/24"]);
    agent.wait_ready();
}

/// The agent may start before FRR, and says what it waits for.
#[test]
fn the_agent_waits_for_frr() {
    let lab = Lab::start(LabOptions::default());
    for daemon in ["bgpd", "bfdd", "staticd", "mgmtd"] {
        lab.kill(Router::Node, daemon);
    }
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    assert_eq!(admin.prefix_state("192.0.2.0/24").as_deref(), Some("pending"));
    let (code, body) = agent.http("/readyz");
    assert!(code == 503 && body.contains("bgpd"), "{code} {body}");
    for daemon in ["mgmtd", "staticd", "bfdd", "bgpd"] {
        lab.restart(Router::Node, daemon);
    }
    wait_lines(&lab, &["network 192.0.2.0/24"]);
    agent.wait_ready();
    assert_eq!(admin.advertise("192.0.2.1/24").unwrap_err().code(), Code::InvalidArgument);
}

/// What a killed agent leaves is no obstacle for the next: declared again, it is taken over.
#[test]
fn a_killed_agent_starts_again_and_takes_over() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, "log commands\n"));
    let mut agent = Agent::start(&lab);
    let declare = |agent: &Agent<'_>| {
        let admin = agent.client("admin");
        admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
        admin.apply_peer(tor()).unwrap();
        admin.advertise("192.0.2.0/24").unwrap();
        admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap()
    };
    assert_eq!(declare(&agent), Outcome::Confirmed);
    wait_established(&lab, net::TOR_V4);
    wait_tor(&lab, "192.0.2.0/24", |_| true);
    let before = all_running(&lab);
    let commands = commands_run(&lab);
    agent.kill();
    assert_eq!(all_running(&lab), before, "forwarding goes on");
    // The socket that it left is in nobody's way.
    agent.launch();
    assert_eq!(declare(&agent), Outcome::Unchanged);
    assert_eq!(all_running(&lab), before);
    assert_eq!(commands_run(&lab), commands, "FRR was sent nothing");
    let admin = agent.client("admin");
    admin.withdraw("192.0.2.0/24").unwrap();
    assert!(!running(&lab, "bgpd").contains("192.0.2.0"));
}

/// All of FRR hangs, each daemon for longer than a client waits: the call is answered all the same.
#[test]
fn a_frr_that_hangs_everywhere_makes_calls_pending_within_the_clients_time() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    let peer = novaroute::proto::v1::BgpPeer { bfd_enabled: true, ..tor() };
    admin.apply_peer(peer.clone()).unwrap();
    agent.wait_ready();
    let daemons = ["mgmtd", "staticd", "bfdd", "bgpd"];
    for daemon in daemons {
        lab.stop(Router::Node, daemon);
    }
    let begun = std::time::Instant::now();
    let result = admin.apply(vec![
        change::via("203.0.114.0/24", net::TOR_V4),
        change::peer(novaroute::proto::v1::BgpPeer { bfd_min_tx_ms: 900, ..peer }),
        change::prefix("192.0.2.0/24"),
    ]);
    let took = begun.elapsed();
    for daemon in daemons {
        lab.cont(Router::Node, daemon);
    }
    let result = result.unwrap_or_else(|error| panic!("after {took:?}: {error}"));
    // What is promised to clients.
    assert!(took < std::time::Duration::from_secs(30), "{took:?}");
    assert_eq!(result, novaroute::proto::v1::Outcome::Pending, "after {took:?}");
    wait_lines(&lab, &["network 192.0.2.0/24", "neighbor 10.0.1.2 bfd profile NR-300-900-3"]);
    wait_for("the route", SOON, || match kernel(&lab, "203.0.114.0/24") {
        route if route.contains("proto static") => Ok(()),
        other => Err(other),
    });
    agent.wait_ready();
}
