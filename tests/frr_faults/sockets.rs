//! Sockets that are taken away or replaced under a running agent, and a second agent beside the first.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    thread,
    time::Duration,
};

use crate::{
    REFILL,
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// Whoever tidies up takes the socket away: connections go on, and new ones come through soon. One that somebody
/// else serves there is left alone until he is gone.
#[test]
fn a_socket_that_is_taken_away_is_opened_again() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let socket = agent.socket();
    let back = || {
        wait_for("the socket", SOON, || UnixStream::connect(&socket).map(drop));
        let mode = fs::metadata(&socket).expect("the socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        agent.client("admin").status();
    };
    fs::remove_file(&socket).unwrap();
    admin.advertise("192.0.2.1/32").expect("a connection that is open");
    back();

    fs::remove_file(&socket).unwrap();
    let theirs = UnixListener::bind(&socket).unwrap();
    let file = fs::metadata(&socket).unwrap().ino();
    thread::sleep(Duration::from_secs(3));
    assert_eq!(fs::metadata(&socket).unwrap().ino(), file, "it is somebody else's");
    admin.advertise("192.0.2.2/32").expect("a connection that is open");
    drop(theirs);
    wait_for("its own socket", SOON, || match fs::metadata(&socket).map(|it| it.ino()) {
        Ok(now) if now != file => Ok(()),
        other => Err(format!("{other:?}")),
    });
    back();
    wait_lines(&lab, &["network 192.0.2.1/32", "network 192.0.2.2/32"]);
}

#[test]
fn a_second_agent_is_refused_and_the_first_goes_on() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.1/32").unwrap();
    let before = all_running(&lab);
    let text = fs::read_to_string(agent.config_file()).unwrap();
    let first: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (sockets, states) = (lab.run_dir().join("other.sock"), lab.run_dir().join("other.state"));
    let state_of_first = agent.socket().with_extension("state");
    for (socket, state, reason) in [
        (agent.socket(), states, "is served by another process"),
        (sockets, state_of_first, "another agent uses the state directory"),
    ] {
        let mut second = first.clone();
        second["metrics_address"] = "127.0.0.1:9103".into();
        second["listen_socket"] = socket.to_str().unwrap().into();
        second["state_dir"] = state.to_str().unwrap().into();
        // Else the first one's FRR is what keeps it out: `a_second_agent_leaves_frr_to_the_first`.
        let other_frr = lab.run_dir().join("other.frr");
        fs::create_dir_all(&other_frr).unwrap();
        second["frr"]["socket_dir"] = other_frr.to_str().unwrap().into();
        let file = lab.run_dir().join("second.json");
        fs::write(&file, second.to_string()).unwrap();
        let out = lab
            .command(Router::Node, env!("CARGO_BIN_EXE_novaroute-agent"))
            .arg("--config")
            .arg(&file)
            .output()
            .expect("running the agent");
        let said = [out.stdout, out.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(said.contains(reason), "{reason}: {said}");
        assert_eq!(all_running(&lab), before, "FRR was touched");
        agent.client("admin").status();
    }
    admin.advertise("192.0.2.2/32").unwrap();
    wait_lines(&lab, &["network 192.0.2.1/32", "network 192.0.2.2/32"]);
}

/// A second bgpd takes the first one's socket while the first lives on: FRR is who serves the socket.
#[test]
fn a_daemon_that_takes_over_a_socket_is_filled() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.1/32").unwrap();
    agent.wait_ready();
    let old = lab.pid(Router::Node, "bgpd").expect("bgpd runs");
    // Without the file of its number nobody knows of the first.
    fs::remove_file(lab.socket_dir(Router::Node).join("bgpd.pid")).unwrap();
    lab.restart(Router::Node, "bgpd");
    assert!(fs::metadata(format!("/proc/{old}")).is_ok(), "the first lives on");
    admin.advertise("192.0.2.2/32").unwrap();
    wait_for("the new bgpd to be filled", REFILL, || {
        has_lines(&lab, &["network 192.0.2.1/32", "network 192.0.2.2/32"])
    });
    agent.wait_ready();
    assert!(fs::metadata(format!("/proc/{old}")).is_ok(), "the first lived on all the while");
}
