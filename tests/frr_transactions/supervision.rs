//! Whatever part of the agent dies, the agent says so and ends, with a code of its own; FRR runs what it ran.

use std::{os::unix::net::UnixStream, process::Command};

use novaroute::failpoint::TASKS;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, net},
};

/// The exit code of an agent of which a part has died.
const DIED: i32 = 3;

#[test]
fn a_part_that_dies_ends_the_agent_and_leaves_frr_alone() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start_with(&lab, |config| {
        config["log_level"] = "info".into();
        config["disconnect_grace_period"] = 0.into();
        // Not even then: what died may be what would do it.
        config["withdraw_on_exit"] = false.into();
    });
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    wait_tor(&lab, "192.0.2.0/24", |_| true);
    let dropped = neighbor(&lab, net::TOR_V4)["connectionsDropped"].clone();
    let before = all_running(&lab);
    drop(admin);
    agent.stop();
    agent.edit(|config| config["withdraw_on_exit"] = true.into());

    for task in TASKS.into_iter().filter(|task| *task != "call") {
        let begin = agent.log().len();
        let code = agent.launch_to_die(&[("NOVAROUTE_PANIC", task)], |agent, pid| {
            let Ok(_stream) = UnixStream::connect(agent.socket()) else { return };
            match task {
                "http" => drop(agent.http("/healthz")),
                "reload" => drop(Command::new("kill").args(["-HUP", &pid.to_string()]).status()),
                "libyang" => drop(agent.ctl(&[
                    "advertise",
                    "--owner",
                    "admin",
                    "--token",
                    &token("admin"),
                    "--prefix",
                    "198.51.100.0/24",
                ])),
                // One comes and goes.
                "sessions" => {
                    drop(agent.ctl(&["register", "--owner", "edge", "--token", &token("edge")]))
                }
                _ => {}
            }
        });
        let log = agent.log()[begin..].to_owned();
        assert_eq!(code, Some(DIED), "{task}: {log}");
        let named = match task {
            "monitor-daemon" => "monitor",
            task => task,
        };
        let said = log.lines().find(|line| line.contains("a part of the agent has died"));
        let said = said.unwrap_or_else(|| panic!("{task}: {log}"));
        assert!(
            said.contains("ERROR") && said.contains(&format!("task=\"{named}\"")),
            "{task}: {said}"
        );
        assert_eq!(all_running(&lab), before, "{task}");
    }
    assert_eq!(
        neighbor(&lab, net::TOR_V4)["connectionsDropped"],
        dropped,
        "no session was touched"
    );
    agent.edit(|config| config["withdraw_on_exit"] = false.into());
    agent.launch();
    agent.wait_ready();
    assert_eq!(all_running(&lab), before);
}

/// A client that finds a bug in one call must not end the agent with it; it is said and counted all the same.
#[test]
fn a_call_that_panics_ends_itself_alone_and_is_counted() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start_with(&lab, |config| config["log_level"] = "info".into());
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent.stop();
    agent.launch_with(&[("NOVAROUTE_PANIC", "call")]);
    agent.wait_ready();
    let admin = agent.client("admin");
    admin.advertise("192.0.2.0/24").unwrap_err();
    assert_eq!(agent.http("/healthz").0, 200);
    let (_, metrics) = agent.http("/metrics");
    let panics = metrics.lines().find_map(|line| line.strip_prefix("novaroute_panics_total "));
    assert!(panics.is_some_and(|panics| panics != "0"), "{metrics}");
    assert!(agent.log().contains("a panic"), "{}", agent.log());
    agent.stop();
}
