//! The program `novaroute-agent` without FRR: `--check`, `--print-config`, and what can't start.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

struct Files {
    dir: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A configuration of which nothing lies outside of the directory.
    fn config(&self, edit: impl FnOnce(&mut Value)) -> PathBuf {
        let mut config = json!({
            "listen_socket": self.path("run/agent.sock"),
            "frr": {"socket_dir": self.path("frr")},
            "owners": {"edge": {"token": "hush", "allowed_prefixes": {"type": "any"}}},
            "metrics_address": "127.0.0.1:0",
        });
        edit(&mut config);
        let path = self.path("config.json");
        fs::write(&path, config.to_string()).expect("writing");
        path
    }

    /// Names of all that is there.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).expect("reading");
        entries.map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }
}

fn agent(config: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_novaroute-agent"));
    command.arg("--config").arg(config).args(args);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NOVAROUTE_")) {
        command.env_remove(name);
    }
    command.output().expect("running novaroute-agent")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn check_says_ok_or_every_error_and_touches_nothing() {
    let files = Files::new();
    let good = files.config(|config| config["bgp"] = json!({"local_as": 65000}));
    let out = agent(&good, &["--check"]);
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let ok = "ok: AS 65000, router-id left to FRR; static peers: 0; owners: edge\n";
    assert_eq!((text(&out.stdout), text(&out.stderr)), (ok.to_owned(), String::new()));

    let bad = files.config(|config| {
        config["log_level"] = "loud".into();
        config["bgp"] = json!({"as_base": 65000, "node_number": "${UNSET_NUMBER}"});
        config["owners"]["edge"]["quotas"] = json!({"prefix": 1});
    });
    let out = agent(&bad, &["--check"]);
    assert_eq!(out.status.code(), Some(2), "{out:?}");
    let errors = text(&out.stderr);
    let at = |key: &str| format!("novaroute-agent: {}: {key}: ", bad.display());
    for key in ["log_level", "bgp.node_number", "owners.edge.quotas.prefix"] {
        assert!(errors.lines().any(|line| line.starts_with(&at(key))), "{key} in {errors}");
    }
    assert_eq!((errors.lines().count(), out.stdout.len()), (3, 0), "{errors}");

    let out = agent(&files.path("none.json"), &["--check"]);
    assert_eq!(out.status.code(), Some(2), "{out:?}");
    fs::write(files.path("broken.json"), "{").expect("writing");
    assert_eq!(agent(&files.path("broken.json"), &["--check"]).status.code(), Some(2));
    let mut names = files.names();
    names.sort();
    assert_eq!(names, ["broken.json", "config.json"], "nothing was made");
}

#[test]
fn print_config_shows_what_is_in_force_and_no_secret() {
    let files = Files::new();
    let config = files.config(|config| {
        config["bgp"] = json!({"local_as": 65000, "peers": [
            {"neighbor_address": "10.0.0.2", "remote_as": 65001, "password": "hush"},
        ]});
    });
    let out = agent(&config, &["--print-config"]);
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    assert!(!text(&out.stdout).contains("hush") && !text(&out.stderr).contains("hush"));
    let shown: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(shown["disconnect_grace_period"], 30);
    assert_eq!(shown["bgp"]["peers"][0]["password"], "***");
    assert_eq!(shown["owners"]["edge"]["token"], "***");
}

/// The first implementation went on without metrics and exited 0.
#[test]
fn a_busy_metrics_port_is_fatal_before_anything_is_touched() {
    let files = Files::new();
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = held.local_addr().expect("an address").to_string();
    let config = files.config(|config| config["metrics_address"] = json!(address));
    let out = agent(&config, &[]);
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    let words = text(&out.stderr);
    assert!(words.contains(&address) && words.contains("metrics_address"), "{words}");
    assert_eq!(files.names(), ["config.json"], "neither socket nor state directory");
}

/// `novaroute-agent --print-config | head -1`, and a reader of standard error that is gone.
#[test]
fn a_reader_that_has_enough_is_no_failure() {
    use std::process::Stdio;
    let files = Files::new();
    let good = files.config(|_| {});
    let bad = files.path("bad.json");
    fs::write(&bad, "{}").expect("writing");
    let agent = env!("CARGO_BIN_EXE_novaroute-agent");
    let ctl = env!("CARGO_BIN_EXE_novaroutectl");
    let northbound = env!("CARGO_BIN_EXE_novaroute-northbound");
    let (good, bad) = (good.to_str().expect("text"), bad.to_str().expect("text"));
    let nowhere = files.path("nowhere");
    let nowhere = nowhere.to_str().expect("text");
    for (program, args, code) in [
        (agent, &["--config", good, "--print-config"][..], 0),
        (agent, &["--config", good, "--check"], 0),
        (agent, &["--config", bad, "--check"], 2),
        (agent, &["--help"], 0),
        (ctl, &["--help"], 0),
        (ctl, &["completion", "bash"], 0),
        (ctl, &["--socket", nowhere, "status"], 3),
        (northbound, &["--help"], 0),
        (northbound, &["--socket-dir", nowhere], 1),
    ] {
        let mut command = Command::new(program);
        command.args(args);
        let closed = || {
            let (read, write) = std::io::pipe().expect("a pipe");
            drop(read);
            Stdio::from(write)
        };
        command.stdin(Stdio::null()).stdout(closed()).stderr(closed());
        let status = command.status().expect("running it");
        assert_eq!(status.code(), Some(code), "{program} {args:?}");
    }
}
