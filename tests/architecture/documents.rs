//! Documents name tests and files that exist.

use std::collections::BTreeSet;

use crate::files::{backticked, root, rust_files, sources, text};

/// Names of all tests of this project.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in sources().into_iter().chain(rust_files(&root().join("tests"))) {
        let text = text(&path);
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            if let Some(rest) = line.strip_prefix("async fn ").or(line.strip_prefix("fn ")) {
                if is_test {
                    names.insert(identifier(rest));
                }
                is_test = false;
            }
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn invariants_name_tests_that_exist() {
    let tests = tests();
    let text = text(&root().join("ARCHITECTURE.md"));
    let invariants: Vec<_> =
        text.split("\n\n").filter(|p| p.starts_with("**Architecture Invariant:")).collect();
    assert!(invariants.len() >= 15, "invariants are found: {}", invariants.len());
    for invariant in invariants {
        let (title, held) = invariant
            .split_once("Held by")
            .unwrap_or_else(|| panic!("no test is named: {invariant}"));
        let named = test_names(held);
        assert!(!named.is_empty(), "no test is named: {title}");
        for test in named {
            assert!(tests.contains(test), "there is no test {test}: {title}");
        }
    }
}

/// What a cell names that can only be a test.
fn test_names(cell: &str) -> Vec<&str> {
    let name =
        |word: &&str| word.contains('_') && word.chars().all(|c| c.is_alphanumeric() || c == '_');
    backticked(cell).into_iter().filter(name).collect()
}

#[test]
fn every_fault_of_the_first_implementation_is_a_test() {
    let tests = tests();
    let text = text(&root().join("tests/README.md"));
    let mut rows = 0;
    for row in text.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| test |")) {
        let (what, held) = row.trim_end_matches('|').rsplit_once(" | ").expect("cells");
        let named = test_names(held);
        assert!(!named.is_empty(), "no test is named: {what}");
        for test in named {
            assert!(tests.contains(test), "there is no test {test}: {what}");
        }
        rows += 1;
    }
    assert!(rows >= 30, "rows are found: {rows}");
}

#[test]
fn documents_name_files_that_exist() {
    const PLACES: [&str; 7] = ["src/", "tests/", "deploy/", "proto/", "yang/", ".ci/", ".config/"];
    let documents = [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "deploy/README.md",
        "tests/README.md",
    ];
    let mut wrong = Vec::new();
    for document in documents {
        let text = text(&root().join(document));
        // Every second part is a code block.
        for prose in text.split("```").step_by(2) {
            for word in backticked(prose) {
                let path = word.split_whitespace().next().unwrap_or_default();
                let is_path = PLACES.iter().any(|place| path.starts_with(place));
                if is_path && !path.contains(['*', '{']) && !root().join(path).exists() {
                    wrong.push(format!("{document}: {path}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
