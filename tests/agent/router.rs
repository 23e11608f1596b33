//! What the routers themselves say: configuration, sessions, routes.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use serde_json::{Value, json};

use super::SOON;
use crate::lab::{Lab, Router, wait_for};

/// Runs commands on a daemon's own socket of `node`, and gives what the last one answers. Other than vtysh
/// it does not touch mgmtd, which is disturbed by connections that come and go.
///
/// # Panics
/// When one is refused.
#[track_caller]
pub fn vty(lab: &Lab, daemon: &str, commands: &[&str]) -> String {
    let socket = lab.socket_dir(Router::Node).join(format!("{daemon}.vty"));
    let mut stream = UnixStream::connect(&socket).expect("connecting to the daemon");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let mut last = String::new();
    for command in ["enable"].iter().chain(commands) {
        stream.write_all(format!("{command}\0").as_bytes()).expect("sending a command");
        let mut answer = Vec::new();
        // The text, three NULs, and the return code.
        while answer.len() < 4 || answer[answer.len() - 4..answer.len() - 1] != [0; 3] {
            let mut buffer = [0; 65536];
            let count = stream.read(&mut buffer).expect("an answer");
            assert!(count > 0, "{daemon} hung up at {command:?}");
            answer.extend_from_slice(&buffer[..count]);
        }
        let code = answer.pop();
        last = String::from_utf8_lossy(&answer).trim_end_matches('\0').to_owned();
        // A `show` that finds nothing warns.
        let fine = code == Some(0) || (code == Some(1) && command.starts_with("show "));
        assert!(fine, "{daemon}: {command}: {code:?} {last}");
    }
    last
}

/// Configures `bgpd` by hand, as an operator would.
#[track_caller]
pub fn configure(lab: &Lab, lines: &[&str]) {
    let mut commands = vec!["configure terminal"];
    commands.extend(lines);
    vty(lab, "bgpd", &commands);
}

/// The daemon's configuration, word for word.
#[track_caller]
pub fn running(lab: &Lab, daemon: &str) -> String {
    vty(lab, daemon, &["show running-config"])
}

/// The configuration of every daemon of `node` that the agent touches.
#[track_caller]
pub fn all_running(lab: &Lab) -> Vec<String> {
    ["bgpd", "bfdd", "staticd", "ospfd"].map(|daemon| running(lab, daemon)).to_vec()
}

/// Waits for lines of bgpd's configuration.
#[track_caller]
pub fn wait_lines(lab: &Lab, lines: &[&str]) {
    wait_for(&format!("{lines:?} in bgpd"), SOON, || has_lines(lab, lines));
}

/// Whether all the lines stand in bgpd's configuration; else the configuration.
pub fn has_lines(lab: &Lab, lines: &[&str]) -> Result<(), String> {
    let text = running(lab, "bgpd");
    let there = |line: &&str| text.lines().any(|it| it.trim() == *line);
    if lines.iter().all(there) { Ok(()) } else { Err(text) }
}

/// A session that was refused a few times comes up later than [`SOON`]: bgpd doubles its pause
/// with each attempt that fails, from one second to two minutes.
const PAUSES: Duration = Duration::from_secs(70);

/// Waits until a peer's own BGP says Established with `node`, seen from `node`.
#[track_caller]
pub fn wait_established(lab: &Lab, address: &str) {
    wait_for(&format!("the session with {address}"), PAUSES, || {
        let shown = neighbor(lab, address);
        if shown["bgpState"] == json!("Established") {
            return Ok(());
        }
        // Why it is down, and when bgpd tries again.
        let why =
            ["bgpState", "lastResetDueTo", "lastNotificationReason", "nextStartTimerDueInMsecs"];
        Err(format!("{:?}", why.map(|name| (name, shown[name].to_string()))))
    });
}

/// What bgpd of `node` says of a neighbour.
#[track_caller]
pub fn neighbor(lab: &Lab, address: &str) -> Value {
    let text = vty(lab, "bgpd", &[&format!("show bgp neighbors {address} json")]);
    let mut all: Value = serde_json::from_str(&text).expect("JSON");
    all[address].take()
}

/// The path that `tor` has for a prefix, from `node` over IPv4; `None` where it has none.
#[track_caller]
pub fn tor_path(lab: &Lab, prefix: &str) -> Option<Value> {
    let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
    let shown = lab.vtysh_json(Router::Tor, &format!("show bgp {family} unicast {prefix} json"));
    shown["paths"].as_array().and_then(|paths| paths.first().cloned())
}

/// Waits until `tor` has a route that is as wanted.
#[track_caller]
pub fn wait_tor(lab: &Lab, prefix: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for(&format!("{prefix} at tor"), SOON, || match tor_path(lab, prefix) {
        Some(path) if wanted(&path) => Ok(path),
        other => Err(format!("{other:?}")),
    })
}

/// What `bird` has for a prefix, in lower case; empty where it has nothing.
#[track_caller]
pub fn bird_route(lab: &Lab, prefix: &str) -> String {
    // BIRD has a table for each family and answers with an error code for an unknown network.
    let shown = lab.birdc("show route all");
    let mut found = String::new();
    let mut inside = false;
    for line in shown.lines() {
        // A network begins in the first column; what follows is indented.
        if !line.starts_with([' ', '\t']) {
            inside = line.split_whitespace().next() == Some(prefix);
        }
        if inside {
            found.push_str(&line.to_lowercase());
            found.push('\n');
        }
    }
    found
}

/// Waits until `bird` shows these words for a prefix.
#[track_caller]
pub fn wait_bird(lab: &Lab, prefix: &str, words: &[&str]) {
    wait_for(&format!("{prefix} at bird with {words:?}"), SOON, || {
        let route = bird_route(lab, prefix);
        let all = !route.is_empty() && words.iter().all(|word| route.contains(word));
        if all { Ok(()) } else { Err(route) }
    });
}

/// Waits until neither peer has a route to the prefix.
#[track_caller]
pub fn wait_gone(lab: &Lab, prefix: &str) {
    wait_for(&format!("{prefix} to be gone at tor and bird"), SOON, || {
        match (tor_path(lab, prefix), bird_route(lab, prefix)) {
            (None, route) if route.is_empty() => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

/// The kernel's routes of `node` to a destination, as `ip route` prints them. staticd's have `proto static`,
/// also where this machine's `ip` knows that protocol by its number only.
#[track_caller]
pub fn kernel(lab: &Lab, prefix: &str) -> String {
    let family = if prefix.contains(':') { "-6" } else { "-4" };
    let out = lab.exec(Router::Node, &["ip", family, "route", "show", prefix]);
    String::from_utf8_lossy(&out.stdout).replace("proto 196", "proto static")
}

/// How many configuration commands bgpd, bfdd and ospfd have run for whomever, by their own logs: needs
/// `log commands` in the configuration.
#[track_caller]
pub fn commands_run(lab: &Lab) -> Vec<String> {
    let mut lines = Vec::new();
    for daemon in ["bgpd", "bfdd", "ospfd"] {
        let log = lab.log_dir(Router::Node).join(format!("{daemon}.log"));
        let text = std::fs::read_to_string(log).expect("the daemon's log");
        lines.extend(text.lines().filter(|line| line.contains("@(config")).map(str::to_owned));
    }
    lines
}
