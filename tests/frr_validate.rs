//! `novaroutectl validate` with the models of a real FRR, and real FRR on what it shows.

mod lab;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use lab::{Lab, LabOptions, Router};
use serde_json::{Value, json};

/// A lab, for its FRR and its models, and a directory of files.
struct Bench {
    lab: Lab,
}

impl Bench {
    fn new() -> Self {
        Self { lab: Lab::start(LabOptions::default()) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.lab.run_dir().join(name)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("writing");
        path
    }

    fn validate(&self, args: &[&str]) -> Output {
        self.validate_with(&self.lab.yang_dir(), args)
    }

    /// Where all is relative to the directory, as in a repository.
    fn validate_with(&self, yang_dir: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_novaroutectl"));
        command.args(["validate", "--yang-dir"]).arg(yang_dir).args(args);
        command.current_dir(self.lab.run_dir()).output().expect("running novaroutectl")
    }
}

const GOOD: &str = "\
intents:
  - bgp: {local_as: 65000, router_id: 10.0.0.1}
  - peer: {neighbor_address: 10.0.1.2, remote_as: 65001, password: s3cret, bfd_enabled: true, bfd_min_rx_ms: 150}
  - prefix: {prefix: 192.0.2.0/24, attributes: {communities: [65000:1], med: 5}}
  - static_route: {prefix: 198.51.100.0/24, gateway: 10.0.1.2, distance: 200}
remove:
  - peer: 10.0.0.9
";

/// What an agent's configuration allows: `edge` has host routes, and two of them.
fn configuration() -> Value {
    json!({
        "bgp": {"local_as": 65000, "peers": [
            {"neighbor_address": "10.0.1.2", "remote_as": 65001, "password": "s3cret"},
        ]},
        "owners": {"edge": {
            "token": "t",
            "allowed_prefixes": {"type": "host_only", "allowed_cidrs": ["192.0.2.0/24"]},
            "quotas": {"prefixes": 2},
        }},
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Standard output of a run that has to end with this code.
#[track_caller]
fn out(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    text(&output.stdout)
}

#[test]
fn good_files_are_ok_and_frr_takes_what_is_shown() {
    let bench = Bench::new();
    bench.file("good.yaml", GOOD);
    bench.file("agent.json", &format!("{:#}", configuration()));
    assert_eq!(out(&bench.validate(&["good.yaml", "agent.json"]), 0), "ok: 2 files\n");

    let shown = out(&bench.validate(&["good.yaml", "--show", "cli"]), 0);
    assert!(
        !shown.contains("s3cret") && shown.contains(" neighbor 10.0.1.2 password ***"),
        "{shown}"
    );
    let lines: Vec<&str> = shown.lines().filter(|line| !line.starts_with('!')).collect();
    let mut commands = vec!["configure terminal"];
    commands.extend(&lines);
    bench.lab.vtysh(Router::Node, &commands);
    let running = bench.lab.vtysh(Router::Node, &["show running-config"]);
    for line in [
        "router bgp 65000",
        " neighbor 10.0.1.2 bfd profile NR-150-300-3",
        " neighbor 10.0.1.2 password ***",
        " profile NR-150-300-3",
    ] {
        assert!(running.lines().any(|it| it == line), "{line} in\n{running}");
    }
    assert!(running.contains("  network 192.0.2.0/24 route-map NR-"), "{running}");

    let shown = out(&bench.validate(&["good.yaml", "--show", "yang"]), 0);
    assert!(!shown.contains("s3cret"), "{shown}");
    let mut daemons = Vec::new();
    for part in shown.split("# good.yaml: ").skip(1) {
        let (daemon, json) = part.split_once('\n').expect("a heading");
        let tree: Value = serde_json::from_str(json).expect("JSON");
        assert!(!tree.as_object().expect("an object").is_empty());
        daemons.push(daemon);
    }
    assert_eq!(daemons, ["mgmtd", "bfdd", "bgpd"]);
    assert!(shown.contains("\"local-as\"") && shown.contains("198.51.100.0/24"), "{shown}");
}

#[test]
fn mistakes_have_file_line_and_path() {
    let bench = Bench::new();
    bench.file("syntax.yaml", "intents:\n  - peer: {neighbour: 10.0.0.2}\n  - prefix: [\n");
    bench.file("keys.yaml", "intents:\n  - peer: {neighbour: 10.0.0.2}\n  - prfx: {}\n");
    bench.file(
        "fields.yaml",
        "intents:\n  - bgp: {local_as: 65000}\n  - peer: {neighbor_address: 10.0.0, remote_as: 0}\n\
         \x20 - prefix: {prefix: 192.0.2.1/24}\n",
    );
    bench.file("lacking.yaml", "- prefix: {prefix: 192.0.2.0/24}\n");
    bench.file("good.yaml", GOOD);
    let mut wrong = configuration();
    wrong["bgp"]["peers"][0]["remote_as"] = json!("65001");
    wrong["owners"]["edge"]["quotas"]["prefix"] = json!(1);
    bench.file("agent.json", &format!("{wrong:#}"));
    let files =
        ["syntax.yaml", "keys.yaml", "fields.yaml", "lacking.yaml", "good.yaml", "agent.json"];
    let output = bench.validate(&files);
    let shown = out(&output, 5);
    let has = |begin: &str, rule: &str| {
        let found = shown.lines().any(|it| it.starts_with(begin) && it.ends_with(rule));
        assert!(found, "{begin} … {rule} in\n{shown}");
    };
    has("syntax.yaml:", "[syntax]");
    has("keys.yaml:2: intents[0].peer.neighbour: unknown key", "[syntax]");
    has("keys.yaml:3: intents[1]", "[syntax]");
    has("fields.yaml:3: intents[1]: peer.neighbor_address: ", "[field]");
    has("fields.yaml:3: intents[1]: peer.remote_as: ", "[field]");
    has("fields.yaml:4: intents[2]: prefix.prefix: ", "[field]");
    has("lacking.yaml:1: intents[0]: BGP is not configured", "[bgp_not_configured]");
    let at = |key: &str| {
        let text = fs::read_to_string(bench.path("agent.json")).expect("reading");
        1 + text.lines().position(|line| line.contains(key)).expect("the key")
    };
    has(&format!("agent.json:{}: bgp.peers[0].remote_as: ", at("remote_as")), "[field]");
    has(&format!("agent.json:{}: owners.edge.quotas.prefix: ", at("\"prefix\"")), "[field]");
    assert!(!shown.contains("good.yaml"), "{shown}");
    let mistakes = shown.lines().count();
    assert_eq!(text(&output.stderr), format!("error: {mistakes} mistakes found\n"));
}

/// Whoever mends a file mends all of it in one go: what is wrong with its spelling hides nothing that is wrong otherwise,
/// and every place is the file's own.
#[test]
fn errors_of_meaning_stand_beside_errors_of_spelling() {
    let bench = Bench::new();
    bench.file(
        "mixed.yaml",
        "- bgp: {local_as: 65000, router_id: 10.0.0.1/32}\n\
         - peer: {neighbor_address: 10.0.0.2, remote_as: 65001, keepalive: 30, hold_time: 30, typo: 1}\n\
         - prefix: {prefix: 192.0.2.0/24}\n- prefix: {prefix: 192.0.2.0/24, attributes: {med: 1}}\n\
         - peer: {neighbor_address: 10.0.0.3, remote_as: x}\n",
    );
    let shown = out(&bench.validate(&["mixed.yaml"]), 5);
    let lines: Vec<_> = shown.lines().collect();
    let expected = [
        ("mixed.yaml:1: intents[0]: bgp.router_id: \"10.0.0.1/32\" is a prefix", "[field]"),
        ("mixed.yaml:2: intents[1].peer.typo: unknown key", "[syntax]"),
        ("mixed.yaml:2: intents[1]: peer.hold_time: ", "[field]"),
        (
            "mixed.yaml:4: intents[3]: is about bgp prefix 192.0.2.0/24 like mixed.yaml:3: intents[2]",
            "[field]",
        ),
        ("mixed.yaml:5: intents[4].peer.remote_as: `x` is not a number", "[syntax]"),
    ];
    assert_eq!(lines.len(), expected.len(), "{shown}");
    for (line, (begin, rule)) in lines.iter().zip(expected) {
        assert!(line.starts_with(begin) && line.ends_with(rule), "{begin} {rule}\n{shown}");
    }
    // Policy, too.
    bench.file("agent.json", &configuration().to_string());
    bench.file(
        "policy.yaml",
        "- prefix: {prefix: 192.0.2.0/24}\n- peer: {nieghbor: a}\n- prefix: {prefix: 192.0.2.1/32, attributes: {}}\n",
    );
    let run = bench.validate(&["--config", "agent.json", "--owner", "edge", "policy.yaml"]);
    let shown = out(&run, 5);
    assert!(shown.contains("policy.yaml:1: intents[0]: prefixes of edge are host_only"), "{shown}");
    assert!(shown.contains("policy.yaml:2: intents[1].peer.nieghbor: unknown key"), "{shown}");
    assert!(!shown.contains("changes[") && !shown.contains("BGP is not configured"), "{shown}");
}

/// What the agent refuses because FRR can't do it, `validate` refuses with the same words.
#[test]
fn what_frr_can_not_do_is_a_mistake_of_the_file() {
    let bench = Bench::new();
    bench.file(
        "impossible.yaml",
        "intents:\n  - bgp: {local_as: 65000}\n  - prefix: {prefix: 0.0.0.0/0, protocol: ospf}\n\
         \x20 - prefix: {prefix: 'fe80::/64'}\n\
         \x20 - prefix: {prefix: 192.0.2.0/24, attributes: {next_hop: 127.0.0.1, communities: [no-peer]}}\n\
         \x20 - static_route: {prefix: '2001:db8::/32', gateway: 'fe80::1'}\n",
    );
    let shown = out(&bench.validate(&["impossible.yaml"]), 5);
    for (line, field, words) in [
        (3, "prefix.prefix: ", "default route"),
        (4, "prefix.prefix: ", "link-local"),
        (5, "prefix.attributes.next_hop: ", "127.0.0.1"),
        (6, "static_route.gateway: ", "link-local"),
    ] {
        let at = format!("impossible.yaml:{line}: ");
        let found = shown.lines().any(|it| {
            it.starts_with(&at)
                && it.contains(field)
                && it.contains(words)
                && it.ends_with("[field]")
        });
        assert!(found, "{at}{field}{words} in\n{shown}");
    }
    assert_eq!(shown.lines().count(), 4, "{shown}");
}

#[test]
fn policy_of_a_configuration_is_applied() {
    let bench = Bench::new();
    bench.file("agent.json", &configuration().to_string());
    bench.file(
        "edge.yaml",
        "- prefix: {prefix: 192.0.2.1/32}\n- prefix: {prefix: 192.0.2.0/24}\n\
         - prefix: {prefix: 203.0.113.1/32}\n- peer: {neighbor_address: 10.0.1.2, remote_as: 65009}\n",
    );
    bench.file(
        "many.yaml",
        "- prefix: {prefix: 192.0.2.1/32}\n- prefix: {prefix: 192.0.2.2/32}\n\
         - prefix: {prefix: 192.0.2.3/32}\n",
    );
    bench.file("two.yaml", "- prefix: {prefix: 192.0.2.1/32}\n- prefix: {prefix: 192.0.2.2/32}\n");
    let run = |owner: &str, file: &str| {
        bench.validate(&["--config", "agent.json", "--owner", owner, file])
    };
    assert_eq!(out(&run("edge", "two.yaml"), 0), "ok: 1 file\n");
    let shown = out(&run("edge", "edge.yaml"), 5);
    let rules: Vec<_> = shown.lines().filter_map(|line| line.rsplit_once(" [")).collect();
    let rules: Vec<_> = rules.iter().map(|(_, rule)| rule.trim_end_matches(']')).collect();
    assert_eq!(rules, ["prefix_type", "allowed_cidrs", "not_owner", "quota"], "{shown}");
    assert!(shown.starts_with("edge.yaml:2: intents[1]: "), "{shown}");
    assert!(out(&run("edge", "many.yaml"), 5).contains("the quota of edge is 2 prefixes"));
    assert!(out(&run("nobody", "two.yaml"), 5).contains("has no owner nobody"));
}

#[test]
fn libyang_judges_by_the_models_that_are_given() {
    let bench = Bench::new();
    bench.file("good.yaml", GOOD);
    // An FRR whose static routes have smaller distances.
    let models = bench.path("models");
    fs::create_dir(&models).expect("a directory");
    for entry in fs::read_dir(bench.lab.yang_dir()).expect("models") {
        let entry = entry.expect("an entry");
        if entry.path().is_dir() {
            continue;
        }
        let text = fs::read_to_string(entry.path()).expect("a model");
        let text = match entry.file_name().to_str() {
            Some("frr-staticd.yang") => {
                let narrow = text.replace(
                    "type frr-rt:administrative-distance;",
                    "type uint8 { range \"1..100\"; }",
                );
                assert_ne!(narrow, text, "the model has the type");
                narrow
            }
            _ => text,
        };
        fs::write(models.join(entry.file_name()), text).expect("writing");
    }
    let run = |args: &[&str]| bench.validate_with(&models, args);
    let shown = out(&run(&["good.yaml"]), 5);
    assert_eq!(shown.lines().count(), 1, "{shown}");
    assert!(
        shown.starts_with("good.yaml:5: intents[3]: ") && shown.ends_with(" [yang]\n"),
        "{shown}"
    );
    assert!(shown.contains("200") && shown.contains("frr-staticd:"), "value and path: {shown}");

    let json: Value =
        serde_json::from_str(&out(&run(&["good.yaml", "-o", "json"]), 5)).expect("JSON");
    let problem = &json["files"][0]["problems"][0];
    assert_eq!((problem["line"].as_u64(), &problem["rule"]), (Some(5), &json!("yang")));
    let sarif: Value =
        serde_json::from_str(&out(&run(&["good.yaml", "--report", "sarif"]), 5)).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&json!("yang"), &json!("error")));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(
        place,
        &json!({"artifactLocation": {"uri": "good.yaml"}, "region": {"startLine": 5}})
    );
    let junit = out(&run(&["good.yaml", "--report", "junit"]), 5);
    assert!(
        junit.contains("tests=\"1\" failures=\"1\"") && junit.contains("type=\"yang\""),
        "{junit}"
    );

    let none = bench.validate_with(&bench.path("nowhere"), &["good.yaml"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    assert!(text(&none.stderr).contains("--yang-dir"), "{none:?}");
}
