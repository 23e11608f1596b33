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

/// Every claim of SECURITY.md names tests, and they exist.
#[test]
fn security_claims_name_tests_that_exist() {
    let mut sources = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut directories = vec![root.join("src"), root.join("tests")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                sources.push(fs::read_to_string(&path).expect("a source"));
            }
        }
    }
    // Attributes may stand between `#[test]` and the name.
    let is_test = |name: &str| {
        let head = format!("fn {name}(");
        sources.iter().any(|source| {
            source.match_indices(&head).any(|(at, _)| {
                let above = source[..at].trim_end_matches("async ").trim_end();
                let last = above.rsplit("\n\n").next().unwrap_or_default();
                last.contains("#[test]") || last.contains("#[tokio::test")
            })
        })
    };
    assert!(is_test("security_claims_name_tests_that_exist") && !is_test("known_keys"));

    let text = read("SECURITY.md");
    let claims: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|-"))
        .filter(|line| !line.starts_with("| claim |"))
        .collect();
    assert!(claims.len() >= 15, "claims are found: {}", claims.len());
    for claim in claims {
        let held = claim.trim_end_matches('|').rsplit('|').next().expect("the last column");
        let tests: Vec<_> = held.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test is named: {claim}");
        for test in tests {
            assert!(is_test(test), "there is no test {test}: {claim}");
        }
    }
}
