//! Two agents on one FRR would take away in turn what the other has configured.

use std::time::Duration;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// The second does not start, says who is there, and the first has lost nothing by it; when the first is killed, nothing is
/// left that keeps the second away.
#[test]
fn a_second_agent_leaves_frr_to_the_first() {
    let lab = Lab::start(LabOptions::default());
    let quiet = |config: &mut serde_json::Value| config["log_level"] = "info".into();
    let mut first = Agent::start_with(&lab, quiet);
    let admin = first.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    first.wait_ready();
    let before = all_running(&lab);
    let (pid, socket) = (first.pid(), first.socket());

    let other = lab.run_dir().join("other");
    std::fs::create_dir(&other).unwrap();
    let config = other.join("agent.json");
    let text = std::fs::read_to_string(first.config_file()).unwrap();
    let mut edited: serde_json::Value = serde_json::from_str(&text).unwrap();
    edited["listen_socket"] = other.join("agent.sock").to_str().unwrap().into();
    edited["metrics_address"] = "127.0.0.1:9103".into();
    std::fs::write(&config, edited.to_string()).unwrap();
    let second = || {
        let mut command = lab.command(Router::Node, env!("CARGO_BIN_EXE_novaroute-agent"));
        command.arg("--config").arg(&config);
        command
    };
    let out = second().output().expect("running it");
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    let words = String::from_utf8_lossy(&out.stderr).into_owned();
    let holder = format!("process {pid}, serving {}", socket.display());
    assert!(words.contains("another agent") && words.contains(&holder), "{words}");
    assert_eq!(all_running(&lab), before);
    assert_eq!(first.http("/readyz").0, 200);

    drop(admin);
    first.kill();
    let mut child = second().spawn().expect("starting it");
    wait_for("the second agent", SOON, || {
        if let Ok(Some(status)) = child.try_wait() {
            panic!("it has ended: {status}");
        }
        std::os::unix::net::UnixStream::connect(other.join("agent.sock")).map(drop)
    });
    // And now the first is the second.
    let out = {
        let mut command = lab.command(Router::Node, env!("CARGO_BIN_EXE_novaroute-agent"));
        first.edit(|config| config["metrics_address"] = "127.0.0.1:9104".into());
        command.arg("--config").arg(first.config_file());
        command.output().expect("running it")
    };
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A directory of sockets in which nothing can be written: the agent runs, and says that nothing keeps others away.
#[test]
fn a_socket_directory_that_is_read_only_is_said_and_no_obstacle() {
    let lab = Lab::start(LabOptions::default());
    let dir = lab.run_dir().join("links");
    std::fs::create_dir(&dir).unwrap();
    for entry in std::fs::read_dir(lab.socket_dir(Router::Node)).unwrap().flatten() {
        std::os::unix::fs::symlink(entry.path(), dir.join(entry.file_name())).unwrap();
    }
    // For root as well, who may write everywhere else.
    std::fs::create_dir(dir.join("novaroute.lock")).unwrap();
    let agent = Agent::start_with(&lab, |config| {
        config["log_level"] = "info".into();
        config["frr"]["socket_dir"] = dir.to_str().unwrap().into();
    });
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent.wait_ready();
    std::thread::sleep(Duration::from_secs(2));
    let said = agent.log().matches("can't lock FRR for this agent").count();
    assert_eq!(said, 1, "once: {}", agent.log());
}
