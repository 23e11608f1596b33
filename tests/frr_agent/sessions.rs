//! Owners that come and go, novaroutectl, and the end of the agent.

use std::time::{Duration, Instant};

use novaroute::proto::v1::{EventType, Outcome};
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

#[test]
fn routes_outlive_their_owners_connection_by_the_grace_period() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| config["disconnect_grace_period"] = 2.into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("198.51.100.0/24").unwrap();
    let events = admin.events(&["OWNER_REGISTERED", "OWNER_DEREGISTERED"]);
    let edge = agent.client("edge");
    let session = edge.register().unwrap().session_id;
    events.wait(EventType::OwnerRegistered, &session);
    edge.advertise("192.0.2.1/32").unwrap();
    // It comes back in time, and stays.
    drop(edge);
    let edge = agent.client("edge");
    let back = edge.register().unwrap();
    assert_eq!(back.current_prefixes, ["192.0.2.1/32"]);
    assert_ne!(back.session_id, session);
    let left = Instant::now();
    drop(edge);
    wait_for("the end of the grace period", SOON, || {
        match has_lines(&lab, &["network 192.0.2.1/32"]) {
            Err(_) => Ok(()),
            Ok(()) => Err("it is there"),
        }
    });
    let stayed = left.elapsed();
    assert!(stayed >= Duration::from_secs(2), "it stayed for {stayed:?}");
    wait_for("the owner's end", SOON, || {
        let all = events.all();
        let found = all.iter().find(|it| it.r#type() == EventType::OwnerDeregistered);
        found.map(|it| assert_eq!(it.owner, "edge")).ok_or_else(|| format!("{all:?}"))
    });
    assert_eq!(admin.prefix_state("192.0.2.1/32"), None);
    has_lines(&lab, &["network 198.51.100.0/24"]).unwrap();
}

#[test]
fn the_command_line_keeps_its_routes() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| config["disconnect_grace_period"] = 0.into());
    let ctl = |args: &[&str]| {
        let mut all = args.to_vec();
        all.extend(["--owner", "admin", "--token", "admin-token"]);
        let out = agent.ctl(&all);
        assert!(out.status.success(), "{args:?}: {out:?}");
    };
    ctl(&["configure-bgp", "--local-as", "65000", "--router-id", "10.0.0.1"]);
    ctl(&[
        "apply-peer",
        "--neighbor",
        net::TOR_V4,
        "--remote-as",
        "65001",
        "--description",
        "100 %",
    ]);
    ctl(&["advertise", "--prefix", "192.0.2.0/24", "--med", "9", "--communities", "65000:1"]);
    let path = wait_tor(&lab, "192.0.2.0/24", |_| true);
    assert_eq!(path["metric"], 9, "{path}");
    // A connection owner beside it loses its own at once.
    let edge = agent.client("edge");
    edge.advertise("192.0.2.1/32").unwrap();
    drop(edge);
    wait_for("the other owner's route to go", SOON, || {
        match has_lines(&lab, &["network 192.0.2.1/32"]) {
            Err(_) => Ok(()),
            Ok(()) => Err("it is there"),
        }
    });
    let config = running(&lab, "bgpd");
    assert!(config.contains("network 192.0.2.0/24 route-map NR-"), "{config}");
    let shown = agent.ctl(&["peers"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains("Established") && text.contains("100 %"), "{text}");
    for (args, code) in [
        (["advertise", "--prefix", "192.0.2.1/24"], 5),
        (["withdraw", "--prefix", "203.0.113.0/24"], 7),
    ] {
        let mut all = args.to_vec();
        all.extend(["--protocol", "bgp", "--owner", "admin", "--token", "admin-token"]);
        let out = agent.ctl(&all);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {out:?}");
    }
    let out = agent.ctl(&[
        "withdraw",
        "--prefix",
        "192.0.2.0/24",
        "--protocol",
        "bgp",
        "--owner",
        "admin",
        "--token",
        "x",
    ]);
    assert_eq!(out.status.code(), Some(4), "{out:?}");
    ctl(&["withdraw", "--prefix", "192.0.2.0/24", "--protocol", "bgp"]);
    wait_gone(&lab, "192.0.2.0/24");
}

#[test]
fn sigterm_ends_it_at_once_with_a_stream_open_and_routes_stay() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start_with(&lab, |config| config["disconnect_grace_period"] = 0.into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    let edge = agent.client("edge");
    edge.advertise("192.0.2.1/32").unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    wait_tor(&lab, "192.0.2.1/32", |_| true);
    let before = all_running(&lab);
    let events = edge.events(&[]);
    agent.stop();
    wait_for("the end of the stream", SOON, || events.ended().then_some(()).ok_or("it is open"));
    assert_eq!(all_running(&lab), before);
    assert!(kernel(&lab, "203.0.113.0/24").contains("via 10.0.1.2"));
    assert!(tor_path(&lab, "192.0.2.1/32").is_some());
    assert_eq!(edge.advertise("192.0.2.2/32").unwrap_err().code(), Code::Unavailable);
    // A second agent on the same files comes up and goes as well.
    agent.launch();
    agent.stop();
}

#[test]
fn owners_keep_their_hands_off_each_other() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    let (edge, other) = (agent.client("edge"), agent.client("net"));
    edge.advertise("10.244.0.1/32").unwrap();
    let before = all_running(&lab);
    let events = admin.events(&["POLICY_VIOLATION"]);
    let error = edge.remove_peer(net::TOR_V4).unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied, "{error}");
    let error = edge.apply_peer(tor()).unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied, "{error}");
    let error = other.withdraw("10.244.0.1/32").unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied, "{error}");
    assert_eq!(all_running(&lab), before);
    wait_for("three violations", SOON, || match events.all() {
        all if all.len() == 3 => Ok(()),
        all => Err(format!("{all:?}")),
    });
    admin.withdraw("10.244.0.1/32").unwrap();
    assert!(!running(&lab, "bgpd").contains("10.244.0.1"));
}

/// A port or socket in use is an error, not a success without metrics.
#[test]
fn what_cannot_start_says_so() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let run = |config: &std::path::Path| {
        let mut command = lab.command(Router::Node, env!("CARGO_BIN_EXE_novaroute-agent"));
        command.arg("--config").arg(config).output().expect("running it")
    };
    let second = run(&agent.config_file());
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    let words = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(words.contains("set metrics_address to a free port"), "{words}");
    let wrong = lab.run_dir().join("wrong.json");
    std::fs::write(&wrong, r#"{"log_level": "loud", "owner": {}}"#).unwrap();
    let out = run(&wrong);
    assert_eq!(out.status.code(), Some(2), "{out:?}");
    let words = String::from_utf8_lossy(&out.stderr).into_owned();
    for error in ["log_level: ", "owner: unknown key; known are "] {
        let line = format!("novaroute-agent: {}: {error}", wrong.display());
        assert!(words.lines().any(|it| it.starts_with(&line)), "{line} in {words}");
    }
    agent.client("admin").configure_bgp(net::NODE_AS, "").unwrap();
}

/// A killed agent left 601 networks once that nobody owned: here they are still their owner's, and go with it.
#[test]
fn what_a_killed_agent_leaves_is_owned_and_goes_with_its_owner() {
    let lab = Lab::start(LabOptions::default());
    let grace = Duration::from_secs(4);
    let mut agent = Agent::start_with(&lab, |config| {
        config["disconnect_grace_period"] = grace.as_secs().into();
    });
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("198.51.100.0/24").unwrap();
    let (edge, other) = (agent.client("edge"), agent.client("net"));
    let hosts = (0..601).map(|n| change::prefix(&format!("10.9.{}.{}/32", n / 256, n % 256)));
    assert_eq!(edge.apply(hosts.collect()).unwrap(), Outcome::Confirmed);
    other.advertise("10.244.1.0/24").unwrap();
    let networks = || running(&lab, "bgpd").matches("  network 10.9.").count();
    assert_eq!(networks(), 601);
    agent.kill();
    agent.launch();
    let (admin, other) = (agent.client("admin"), agent.client("net"));
    assert_eq!(other.register().unwrap().current_prefixes, ["10.244.1.0/24"]);
    assert_eq!(networks(), 601, "nothing goes before the grace period is over");
    let owned = admin.status().prefixes;
    assert_eq!(owned.iter().filter(|it| it.owner == "edge").count(), 601);
    // Its owner never comes back; the others' stay.
    wait_for("its networks to go", grace + 2 * SOON, || match networks() {
        0 => Ok(()),
        left => Err(format!("{left} are left")),
    });
    has_lines(&lab, &["network 198.51.100.0/24", "network 10.244.1.0/24"]).unwrap();
    // bgpd shows it before the agent has read that back.
    wait_for("the status to say so", SOON, || match admin.status().prefixes.len() {
        2 => Ok(()),
        other => Err(other.to_string()),
    });
}

/// One owner could tear down another's session: neither by its name nor by its objects.
#[test]
fn nobody_ends_another_owners_session() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| config["disconnect_grace_period"] = 0.into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    let (edge, other) = (agent.client("edge"), agent.client("net"));
    edge.register().unwrap();
    edge.advertise("192.0.2.1/32").unwrap();
    other.register().unwrap();
    wait_tor(&lab, "192.0.2.1/32", |_| true);
    let before = all_running(&lab);
    let flaps = || neighbor(&lab, net::TOR_V4)["connectionsDropped"].clone();
    let dropped = flaps();
    let events = admin.events(&["OWNER_DEREGISTERED"]);
    // In another's name, with its own token.
    let mut forged = agent.client("net");
    (forged.owner, forged.token) = ("edge".into(), token("net"));
    for withdraw_all in [false, true] {
        let error = forged.deregister(withdraw_all).unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated, "{error}");
    }
    assert_eq!(forged.register().unwrap_err().code(), Code::Unauthenticated);
    for error in [other.remove_peer(net::TOR_V4), other.apply_peer(tor())] {
        assert_eq!(error.unwrap_err().code(), Code::PermissionDenied);
    }
    // What ends its own, and a connection that closes, end nobody else's.
    other.deregister(true).unwrap();
    let (_, told) = events.wait_for_owner(EventType::OwnerDeregistered, "net");
    assert_eq!(told.owner, "net");
    drop((forged, other));
    edge.advertise("192.0.2.1/32").expect("the session goes on");
    assert_eq!(all_running(&lab), before);
    assert_eq!(flaps(), dropped);
    assert!(events.all().iter().all(|event| event.owner == "net"), "{:?}", events.all());
}

/// reassert_intents gives back what the owner had, and FRR has it all along.
#[test]
fn an_owner_that_reasserts_after_a_restart_has_all_it_had() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, "log commands\n"));
    let mut agent = Agent::start_with(&lab, |config| config["disconnect_grace_period"] = 8.into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let edge = agent.client("edge");
    edge.apply_peer(tor()).unwrap();
    edge.advertise("192.0.2.1/32").unwrap();
    edge.advertise("2001:db8::1/128").unwrap();
    wait_tor(&lab, "192.0.2.1/32", |_| true);
    let (before, commands) = (all_running(&lab), commands_run(&lab));
    for killed in [true, false] {
        if killed {
            agent.kill();
        } else {
            agent.stop();
        }
        agent.launch();
        let edge = agent.client("edge");
        let request = novaroute::proto::v1::RegisterRequest {
            owner: "edge".into(),
            token: token("edge"),
            reassert_intents: true,
        };
        let back = edge.call(|mut client| async move { client.register(request).await }).unwrap();
        let mut prefixes = back.current_prefixes;
        prefixes.sort();
        assert_eq!(prefixes, ["192.0.2.1/32", "2001:db8::1/128"], "killed: {killed}");
        assert_eq!(back.current_peers, [net::TOR_V4], "killed: {killed}");
        agent.wait_ready();
        // Connected, it keeps all of it beyond the grace period.
        std::thread::sleep(Duration::from_secs(9));
        assert_eq!(all_running(&lab), before, "killed: {killed}");
        assert_eq!(commands_run(&lab), commands, "killed: {killed}: FRR was sent nothing");
    }
}
