//! A node that is drained, and an agent that takes all of its own with it.

use novaroute::proto::v1::{ListTransactionsRequest, PrefixAttributes};
use serde_json::json;
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// Routes of every kind: without attributes, with communities of their own, IPv6, of a second owner.
const ROUTES: [&str; 4] = ["192.0.2.0/24", "198.51.100.0/24", "2001:db8:1::/48", "10.1.1.1/32"];

/// The line in bgpd's instance.
const LINE: &str = "bgp graceful-shutdown";

/// What bird shows of the community 65535:0.
const AT_BIRD: &str = "(65535,0)";

fn declare(agent: &Agent<'_>) -> Client {
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.apply_peer(bird()).unwrap();
    admin.advertise(ROUTES[0]).unwrap();
    let communities = vec!["65000:7".to_owned()];
    let with = PrefixAttributes { communities, ..Default::default() };
    admin.advertise_with(ROUTES[1], with).unwrap();
    admin.advertise(ROUTES[2]).unwrap();
    agent.client("edge").advertise(ROUTES[3]).unwrap();
    admin
}

/// Waits until both peers, whose sessions are up, have every route with the community or without it.
#[track_caller]
fn wait_peers(lab: &Lab, drained: bool) {
    for peer in [net::TOR_V4, net::BIRD_V4] {
        wait_established(lab, peer);
    }
    for route in ROUTES {
        let path = wait_tor(lab, route, |path| {
            path["community"]["string"].to_string().contains("graceful-shutdown") == drained
        });
        let own = path["community"]["string"].to_string().contains("65000:7");
        assert_eq!(own, route == ROUTES[1], "{path}");
        wait_for(&format!("{route} at bird, drained: {drained}"), SOON, || {
            let shown = bird_route(lab, route);
            let right = !shown.is_empty() && shown.contains(AT_BIRD) == drained;
            if right { Ok(()) } else { Err(shown) }
        });
    }
    for peer in [net::TOR_V4, net::BIRD_V4] {
        assert_eq!(neighbor(lab, peer)["bgpState"], json!("Established"));
    }
}

/// Runs novaroutectl as `admin`; what it prints.
#[track_caller]
fn ctl(agent: &Agent<'_>, command: &str, more: &[&str]) -> String {
    let token = token("admin");
    let mut args = vec![command, "--owner", "admin", "--token", &token];
    args.extend(more);
    let out = agent.ctl(&args);
    assert!(out.status.success(), "{out:?}");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn status_text(agent: &Agent<'_>) -> String {
    String::from_utf8_lossy(&agent.ctl(&["status"]).stdout).into_owned()
}

#[test]
fn real_peers_see_a_drain_and_its_end_and_both_survive() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, "log commands\n"));
    let mut agent = Agent::start(&lab);
    let admin = declare(&agent);
    wait_peers(&lab, false);
    agent.wait_ready();
    let before = all_running(&lab);
    assert_eq!(admin.status().drain, None);
    assert!(!status_text(&agent).contains("DRAIN"));

    assert!(ctl(&agent, "drain", &[]).contains("the node is drained: confirmed"));
    has_lines(&lab, &[LINE]).unwrap();
    wait_peers(&lab, true);
    let drain = admin.status().drain.expect("a drain");
    assert_eq!((drain.state.as_str(), drain.owner.as_str()), ("draining", "admin"));
    assert!(status_text(&agent).contains("draining"));
    assert!(ctl(&agent, "drain", &[]).contains("unchanged"));

    // The agent ends and starts: nothing is sent, nothing changes.
    let commands = commands_run(&lab);
    agent.stop();
    wait_peers(&lab, true);
    agent.launch();
    agent.wait_ready();
    assert_eq!(commands_run(&lab), commands, "FRR was sent nothing");
    wait_peers(&lab, true);
    let admin = agent.client("admin");
    assert_eq!(admin.status().drain.expect("a drain").state, "draining");

    // bgpd dies: the drain is there again with the routes. Nor does ConfigureBGP end it.
    lab.kill(Router::Node, "bgpd");
    lab.restart(Router::Node, "bgpd");
    wait_lines(&lab, &[LINE, "network 192.0.2.0/24"]);
    wait_peers(&lab, true);
    agent.wait_ready();
    admin.configure_bgp(net::NODE_AS, "10.0.0.9").unwrap();
    has_lines(&lab, &[LINE, "bgp router-id 10.0.0.9"]).unwrap();
    wait_peers(&lab, true);
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();

    // Taken away by hand it is put back.
    configure(&lab, &["router bgp 65000", "no bgp graceful-shutdown"]);
    wait_lines(&lab, &[LINE]);

    assert!(ctl(&agent, "undrain", &[]).contains("the node is not drained: confirmed"));
    wait_peers(&lab, false);
    assert_eq!(all_running(&lab), before);
    assert_eq!(admin.status().drain, None);
    agent.stop();
    agent.launch();
    agent.wait_ready();
    wait_peers(&lab, false);
    assert_eq!(all_running(&lab), before);
    assert_eq!(agent.client("admin").status().drain, None);
}

#[test]
fn a_drain_until_restart_ends_with_the_next_start() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start(&lab);
    let admin = declare(&agent);
    wait_peers(&lab, false);
    agent.wait_ready();
    let before = all_running(&lab);
    ctl(&agent, "drain", &["--until-restart"]);
    wait_peers(&lab, true);
    assert!(admin.status().drain.expect("a drain").until_restart);
    assert!(status_text(&agent).contains("the agent restarts"));
    agent.kill();
    wait_peers(&lab, true);
    agent.launch();
    agent.wait_ready();
    wait_peers(&lab, false);
    assert_eq!(all_running(&lab), before);
    let admin = agent.client("admin");
    assert_eq!(admin.status().drain, None);
    let list = ListTransactionsRequest::default();
    let list = admin.block_on(async { admin.transactions().list(list).await });
    let origins: Vec<_> =
        list.unwrap().into_inner().transactions.into_iter().map(|t| t.origin).collect();
    assert_eq!(origins[..2], ["restart", "Drain"], "{origins:?}");
    // One made by hand over it stays.
    ctl(&agent, "drain", &["--until-restart"]);
    ctl(&agent, "drain", &[]);
    // And the hook's over that one takes nothing from it.
    assert!(ctl(&agent, "drain", &["--until-restart"]).contains("unchanged"));
    agent.stop();
    agent.launch();
    agent.wait_ready();
    wait_peers(&lab, true);
}

/// Who may configure BGP may drain, and a session's end does not end the drain.
#[test]
fn a_drain_is_the_nodes_as_its_instance_is() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| {
        config["owners"]["net"]["may_configure_bgp"] = true.into();
        config["disconnect_grace_period"] = 1.into();
    });
    let drain = |client: &Client| client.drain(false).map_err(|error| error.code());
    let undrain = |client: &Client| client.undrain().map_err(|error| error.code());
    let (admin, net, edge) = (agent.client("admin"), agent.client("net"), agent.client("edge"));
    assert_eq!(drain(&admin).unwrap_err(), Code::FailedPrecondition, "there is no BGP");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    assert_eq!(undrain(&admin).unwrap_err(), Code::NotFound);
    assert_eq!(drain(&edge).unwrap_err(), Code::PermissionDenied);
    let wrong = agent.client("net").with_token("wrong");
    assert_eq!(drain(&wrong).unwrap_err(), Code::Unauthenticated);
    drain(&net).unwrap();
    has_lines(&lab, &[LINE]).unwrap();
    assert_eq!(undrain(&edge).unwrap_err(), Code::PermissionDenied);
    net.deregister(true).unwrap();
    let events = admin.events(&["OWNER_DEREGISTERED"]);
    net.advertise("10.244.7.0/24").unwrap();
    drop(net);
    // The owner's session ends, its prefix goes, the drain stays.
    events.wait_for_owner(novaroute::proto::v1::EventType::OwnerDeregistered, "net");
    assert_eq!(admin.prefix_state("10.244.7.0/24"), None);
    has_lines(&lab, &[LINE]).unwrap();
    assert_eq!(admin.status().drain.expect("a drain").owner, "net");
    undrain(&admin).unwrap();
    assert!(!running(&lab, "bgpd").contains(LINE));
}

/// With the flag or the setting all of ours leaves FRR, nothing else does, and the next start
/// brings it back.
#[test]
fn an_agent_that_withdraws_on_exit_leaves_nothing_of_its_own() {
    let lab = Lab::start(LabOptions::default());
    let empty = all_running(&lab);
    let mut agent = Agent::start_with(&lab, |config| config["withdraw_on_exit"] = true.into());
    let mut watched = tor();
    watched.bfd_enabled = true;
    let declare = |agent: &Agent<'_>| {
        let admin = declare(agent);
        admin.apply_peer(watched.clone()).unwrap();
        assert_eq!(
            admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap(),
            novaroute::proto::v1::Outcome::Confirmed
        );
        admin
    };
    let admin = declare(&agent);
    let events = admin.events(&[]);
    wait_peers(&lab, false);
    agent.wait_ready();
    let full = all_running(&lab);
    agent.stop_within(WITHDRAWS);
    assert!(events.ended(), "the stream was not closed");
    // Read from FRR at once: the agent ended after it had read the same.
    assert_eq!(all_running(&lab), empty);
    for route in ROUTES {
        wait_gone(&lab, route);
    }

    // What was declared is not lost; and by the flag it is the same. Somebody else's lines stay.
    agent.edit(|config| config["withdraw_on_exit"] = false.into());
    agent.launch_args(&["--withdraw-on-exit"]);
    agent.wait_ready();
    assert_eq!(all_running(&lab), full);
    wait_peers(&lab, false);
    let theirs = ["router bgp 65000", "neighbor 10.0.9.9 remote-as 65009"];
    configure(&lab, &theirs);
    agent.stop();
    let left = running(&lab, "bgpd");
    has_lines(&lab, &theirs).unwrap();
    for ours in ["\n  network", net::TOR_V4, net::BIRD_V4, "route-map", "profile"] {
        assert!(!left.contains(ours), "{ours} in {left}");
    }

    // Without either, all stays.
    agent.launch();
    agent.wait_ready();
    wait_peers(&lab, false);
    let full = all_running(&lab);
    agent.stop();
    assert_eq!(all_running(&lab), full);
}

/// A daemon that hangs holds the end up for a bounded time, and the end says that it was not clean.
#[test]
fn what_cannot_be_withdrawn_in_time_is_said() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start_with(&lab, |config| {
        config["withdraw_on_exit"] = true.into();
        config["frr"]["connect_timeout"] = 1.into();
    });
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent.wait_ready();
    lab.stop(Router::Node, "bgpd");
    agent.stop_failing(WITHDRAWS);
    lab.cont(Router::Node, "bgpd");
    let log = agent.log();
    assert!(log.contains("could not be withdrawn from FRR"), "{log}");
    has_lines(&lab, &["router bgp 65000"]).unwrap();
}
