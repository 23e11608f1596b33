//! Holds what README.md says against the program; tests/deployment does so for the manifests.

use std::{collections::BTreeSet, fs, io, path::Path, process::Command};

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

/// The text of every source, of the agent and of its tests.
fn sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    let mut directories = vec![root.join("src"), root.join("tests")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                sources.push(fs::read_to_string(&path).expect("a source"));
            }
        }
    }
    sources
}

/// Whether there is a test of this name; attributes may stand between `#[test]` and the name.
fn is_test(sources: &[String], name: &str) -> bool {
    let head = format!("fn {name}(");
    sources.iter().any(|source| {
        source.match_indices(&head).any(|(at, _)| {
            let above = source[..at].trim_end_matches("async ").trim_end();
            let last = above.rsplit("\n\n").next().unwrap_or_default();
            last.contains("#[test]") || last.contains("#[tokio::test")
        })
    })
}

/// Rows of the only table of a document, each as its cells; what stands in backticks in one is `words`.
fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let text = read(document);
    let rows = text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|-"));
    rows.filter(|line| !line.starts_with(&format!("| {heading} |")))
        .map(|line| line.trim_matches('|').split(" | ").map(|it| it.trim().to_owned()).collect())
        .collect()
}

fn words(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Every fault in the public table names a commit that is in this history, and tests that exist.
#[test]
fn faults_name_commits_and_tests_that_exist() {
    let root = env!("CARGO_MANIFEST_DIR");
    let git = |args: &[&str]| {
        // Whoever owns the checkout: nothing of it is executed.
        let out =
            Command::new("git").args(["-c", "safe.directory=*", "-C", root]).args(args).output();
        out.ok().filter(|out| out.status.success())
    };
    let shallow = git(&["rev-parse", "--is-shallow-repository"]);
    let whole = shallow.is_some_and(|out| out.stdout.starts_with(b"false"));
    if !whole {
        println!(
            "no whole history here: the commits of docs/src/faults.md are only judged by their form"
        );
    }
    let (sources, rows) = (sources(), rows("docs/src/faults.md", "what happened"));
    assert!(rows.len() >= 20, "rows are found: {}", rows.len());
    for row in rows {
        let [what, by, commit, held] = &row[..] else { panic!("four cells: {row:?}") };
        assert!(!by.is_empty(), "{what}");
        let commits = words(commit);
        assert!(!commits.is_empty(), "no commit is named: {what}");
        for commit in commits {
            let form = commit.len() >= 7 && commit.chars().all(|it| it.is_ascii_hexdigit());
            assert!(form, "{commit} is no commit: {what}");
            if whole {
                let known = git(&["merge-base", "--is-ancestor", commit, "HEAD"]);
                assert!(known.is_some(), "{commit} is not in this history: {what}");
            }
        }
        let tests = words(held);
        assert!(!tests.is_empty(), "no test is named: {what}");
        for test in tests {
            assert!(is_test(&sources, test), "there is no test {test}: {what}");
        }
    }
}

/// Every claim of SECURITY.md names tests, and they exist.
#[test]
fn security_claims_name_tests_that_exist() {
    let sources = sources();
    let exists = |name: &str| is_test(&sources, name);
    assert!(exists("security_claims_name_tests_that_exist") && !exists("known_keys"));

    let text = read("SECURITY.md");
    let lines: Vec<_> = text.lines().collect();
    let is_rule = |line: &str| line.starts_with("|-");
    let mut claims = Vec::new();
    for (at, line) in lines.iter().copied().enumerate().filter(|(_, line)| line.starts_with('|')) {
        // A table's header is what stands above its rule, whatever it says.
        if lines.get(at + 1).copied().is_some_and(is_rule) {
            assert!(line.ends_with("| held by |"), "the last column names the tests: {line}");
        } else if !is_rule(line) {
            claims.push(line);
        }
    }
    assert!(claims.len() >= 40, "claims are found: {}", claims.len());
    for claim in claims {
        let held = claim.trim_end_matches('|').rsplit('|').next().expect("the last column");
        let tests: Vec<_> = held.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test is named: {claim}");
        for test in tests {
            assert!(exists(test), "there is no test {test}: {claim}");
        }
    }
}

/// The faults that are kept as patches (`make mutants`): each still applies, and names tests that exist.
#[test]
fn every_mutant_applies_and_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources();
    let mut count = 0;
    for entry in fs::read_dir(root.join("tests/mutants")).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|it| it != "patch") {
            continue;
        }
        count += 1;
        let text = fs::read_to_string(&path).expect("a patch");
        let tests = text.lines().filter_map(|line| line.strip_prefix("Test: "));
        let tests: Vec<_> = tests.filter_map(|it| it.split_once(' ')).collect();
        assert!(!tests.is_empty(), "{}: it names no test", path.display());
        for (binary, test) in tests {
            let name = test.rsplit("::").next().unwrap_or_default();
            assert!(is_test(&sources, name), "{}: {binary} has no test {test}", path.display());
        }
        let applied = std::process::Command::new("git")
            .args(["apply", "--check", "-p1"])
            .arg(&path)
            .current_dir(root)
            .output()
            .expect("running git");
        let said = String::from_utf8_lossy(&applied.stderr).into_owned();
        assert!(applied.status.success(), "{}: make it anew: {said}", path.display());
    }
    assert!(count >= 6, "{count} mutants");
}

/// The cases of the issue on broken promises: C1 to C40, C1b behind C1.
fn cases() -> Vec<String> {
    let mut cases: Vec<_> = (1..=40).map(|number| format!("C{number}")).collect();
    cases.insert(1, "C1b".into());
    cases
}

/// Each of them is listed in its order, with what is promised and with tests that exist.
#[test]
fn every_promise_that_broke_is_a_test() {
    let sources = sources();
    let text = read("tests/README.md");
    let (_, section) =
        text.split_once("\n## Promises that broke (issue 13)\n").expect("the section");
    let section = section.split("\n## ").next().expect("its end");
    let rows =
        section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| case |"));
    let mut listed = Vec::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [case, promise, held] = cells[..] else { panic!("three cells: {row}") };
        assert!(!promise.is_empty(), "{case}: no promise");
        let tests = words(held);
        assert!(!tests.is_empty(), "{case}: no test is named");
        for test in tests {
            assert!(is_test(&sources, test), "{case}: there is no test {test}");
        }
        listed.push(case.to_owned());
    }
    assert_eq!(listed, cases());
}
