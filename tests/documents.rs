//! Holds what README.md says against the program; tests/deployment.rs does so for the manifests.

use std::{collections::BTreeSet, fs, io, path::Path};

use clap::CommandFactory;
use novaroute::{
    config::{Config, Surroundings},
    ctl::{Cli, Exit},
};
use serde_json::json;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(text: &str) -> Result<Config, String> {
    let nowhere = Surroundings {
        env: &|_| None,
        read_file: &|_| Err(io::Error::from(io::ErrorKind::NotFound)),
        default_route_address: &|| Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    Config::parse(text, &nowhere).map_err(|error| error.to_string())
}

/// Every key that the configuration knows, by its path: the errors of wrong keys list them.
fn known_keys() -> BTreeSet<String> {
    let wrong = json!({
        "x": 1, "frr": { "x": 1 }, "bgp": { "x": 1, "peers": [{ "x": 1 }] },
        "owners": { "NAME": { "x": 1, "allowed_prefixes": { "x": 1 }, "quotas": { "x": 1 } } },
    });
    let errors = parse(&wrong.to_string()).expect_err("unknown keys");
    let mut keys = BTreeSet::new();
    for (at, marker) in errors.match_indices("unknown key; known are ") {
        let path = errors[..at]
            .rsplit(['\n', ' ', ';'])
            .find(|word| word.trim_end_matches(':').ends_with('x'));
        let path = path.expect("the path of the key").trim_end_matches(':').trim_end_matches('x');
        let list = errors[at + marker.len()..].split([';', '\n']).next().expect("a list");
        keys.extend(list.split(", ").map(|key| format!("{path}{}", key.trim())));
    }
    keys
}

#[test]
fn the_readme_is_complete() {
    let readme = read("README.md");
    let objects =
        ["frr", "bgp", "bgp.peers", "owners", "owners.NAME.allowed_prefixes", "owners.NAME.quotas"];
    let keys = known_keys();
    assert!(keys.contains("frr.yang_dir") && keys.contains("owners.NAME.token"), "{keys:?}");
    for key in keys.iter().filter(|key| !objects.contains(&key.as_str())) {
        let key = key.replace("[0]", "[]");
        assert!(readme.contains(&format!("`{key}`")), "README.md lacks the key {key}");
    }
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        assert!(readme.contains(&format!("`{name}")), "README.md lacks the command {name}");
    }
    for exit in Exit::ALL {
        let row = format!("| {} | {} |", exit.code(), exit.meaning());
        assert!(readme.contains(&row), "README.md lacks {row}");
    }
}
