//! The unit of `deploy/systemd`, judged by systemd itself: it is right, and it gives the agent little.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use novaroute::{api::DRAIN, config::DEFAULT_CONFIG};

const UNIT: &str = "novaroute-agent.service";

fn text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd").join(UNIT);
    fs::read_to_string(path).expect("the unit")
}

/// Runs `systemd-analyze` on the unit, with programs that are where this machine has them.
fn analyze(arguments: &[&str], text: &str) -> (bool, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let agent = env!("CARGO_BIN_EXE_novaroute-agent");
    let text = text.replace("/usr/local/bin/novaroute-agent", agent);
    let file = directory.path().join(UNIT);
    fs::write(&file, text).expect("writing");
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).arg(&file).stdin(Stdio::null()).env("SYSTEMD_LOG_LEVEL", "warning");
    let out = command.output().expect("running systemd-analyze: `make setup` installs it");
    let said = [out.stdout, out.stderr].concat();
    (out.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn systemd_takes_the_unit() {
    assert_eq!(analyze(&["verify"], &text()), (true, String::new()));
    let (_, said) = analyze(&["verify"], &text().replace("RestartSec=2s", "RestartSec=two"));
    assert!(said.contains("Failed to parse"), "it would have said so: {said}");
}

/// Exposure is from 0 (nothing) to 10; what is left of it here are sockets and the network.
#[test]
fn the_unit_exposes_little() {
    let security = ["security", "--offline=true", "--threshold=18", "--no-pager"];
    let (good, said) = analyze(&security, &text());
    assert!(good, "{said}");
    let open: String = text()
        .lines()
        .filter(|line| !line.contains("Protect"))
        .fold(String::new(), |text, line| text + line + "\n");
    let (good, _) = analyze(&security, &open);
    assert!(!good, "it would have been seen");
}

#[test]
fn the_unit_is_the_programs() {
    let text = text();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {key}")).to_owned()
    };
    assert!(value("ExecStart").ends_with(&format!("--config={DEFAULT_CONFIG}")));
    assert_eq!(value("RestartPreventExitStatus"), "2", "wrong configuration");
    assert_eq!((&*value("User"), &*value("SupplementaryGroups")), ("frr", "frrvty"));
    assert_eq!(value("CapabilityBoundingSet"), "");
    // The socket's directory is open to clients, the state to nobody.
    assert_eq!(value("RuntimeDirectory"), "novaroute");
    assert_eq!(value("StateDirectoryMode"), "0700");
    let stop: u64 = value("TimeoutStopSec").trim_end_matches('s').parse().expect("seconds");
    assert!(stop >= DRAIN.as_secs() + 20, "{stop}");
}
