//! The agent dies while it starts or ends: as its journal is written anew, a drain ends, all of ours is withdrawn.

use std::process::Command;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// Places that starts and ends pass.
pub const PLACES: [&str; 5] =
    ["journal-rewritten", "journal-replaced", "withdraw-half", "withdraw-done", "drain-ended"];

/// Starts the agent, which dies before it serves.
#[track_caller]
fn start_and_die(lab: &Lab, agent: &Agent<'_>, place: &str) {
    let mut command = lab.command(Router::Node, env!("CARGO_BIN_EXE_novaroute-agent"));
    command.arg("--config").arg(agent.config_file()).env("NOVAROUTE_FAILPOINT", place);
    let out = command.output().expect("running the agent");
    assert!(!out.status.success(), "{place}: it ended well");
    assert_eq!(out.status.code(), None, "{place}: it was to die, not to fail: {out:?}");
}

#[test]
fn wherever_the_agent_dies_at_its_start_or_end_nothing_is_lost() {
    let lab = Lab::start(LabOptions::default());
    let foreign = "ip prefix-list THEIRS seq 5 permit 10.0.0.0/8";
    configure(&lab, &[foreign]);
    let mut agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let both = vec![change::prefix("192.0.2.0/24"), change::via("203.0.113.0/24", net::TOR_V4)];
    admin.apply(both).unwrap();
    drop(admin);
    agent.stop();
    let before = all_running(&lab);
    let as_before = |agent: &mut Agent<'_>, place: &str| {
        agent.launch();
        agent.wait_ready();
        wait_for(&format!("{place}: FRR as before"), SOON, || {
            let (now, route) = (all_running(&lab), kernel(&lab, "203.0.113.0/24"));
            let there = route.contains("proto static");
            if now == before && there { Ok(()) } else { Err(format!("{route} {now:?}")) }
        });
        assert!(agent.client("admin").in_frr("192.0.2.0/24"), "{place}");
        agent.stop();
    };

    for place in ["journal-rewritten", "journal-replaced"] {
        start_and_die(&lab, &agent, place);
        as_before(&mut agent, place);
    }

    for place in ["withdraw-half", "withdraw-done"] {
        agent.launch_as(&["--withdraw-on-exit"], &[("NOVAROUTE_FAILPOINT", place)]);
        agent.wait_ready();
        let pid = agent.pid().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("running kill");
        assert!(sent.success());
        agent.wait_dead();
        let shown = running(&lab, "bgpd");
        assert!(!shown.contains("192.0.2.0/24") && shown.contains(foreign), "{place}\n{shown}");
        as_before(&mut agent, place);
    }

    agent.launch();
    agent.wait_ready();
    let admin = agent.client("admin");
    admin.drain(true).expect("drained");
    assert_ne!(all_running(&lab), before, "a drain is a line");
    drop(admin);
    agent.stop();
    start_and_die(&lab, &agent, "drain-ended");
    as_before(&mut agent, "drain-ended");
}
