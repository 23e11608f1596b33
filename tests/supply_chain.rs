//! What the programs are built from: one source, checksums, licences that are on the list of `deny.toml`.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

/// The list in `deny.toml`.
fn allowed() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml"));
    let text = text.expect("deny.toml");
    let (_, rest) = text.split_once("\nallow = [").expect("the list");
    let list = rest.split(']').next().expect("its end");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met by what is allowed: any of an OR, all of an AND.
fn fits(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let one = |term: &str| {
        // `+`: or a later one.
        let licence = term.split(" WITH ").next().unwrap_or_default().trim().trim_end_matches('+');
        allowed.iter().any(|it| it == licence)
    };
    // An AND binds tighter; where both are mixed every part of the AND must hold by itself.
    match expression.contains(" AND ") {
        true => expression.split(" AND ").all(|part| part.split(" OR ").any(one)),
        false => expression.split(" OR ").any(one),
    }
}

#[test]
fn expressions_are_read_as_they_are_meant() {
    let allowed: Vec<_> = ["MIT", "Unicode-3.0"].map(str::to_owned).to_vec();
    for good in ["MIT", "GPL-3.0 OR MIT", "Apache-2.0/MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
        assert!(fits(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0 OR GPL-3.0", ""] {
        assert!(!fits(bad, &allowed), "{bad}");
    }
}

#[test]
fn dependencies_are_from_one_place_and_their_licences_are_known() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version=1", "--locked", "--offline", "--all-features"]);
    cargo.args(["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let out = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("running cargo");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "{}", packages.len());
    let allowed = allowed();
    let mut wrong = Vec::new();
    for package in packages.iter().filter(|it| it["name"] != env!("CARGO_PKG_NAME")) {
        let name = package["id"].as_str().expect("text");
        if !package["source"].as_str().is_some_and(|it| it.starts_with("registry+")) {
            wrong.push(format!("{name} is not from the registry: {}", package["source"]));
        }
        let licence = package["license"].as_str().unwrap_or_default();
        if !fits(licence, &allowed) {
            wrong.push(format!("{name}: {licence:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Cargo holds each crate to its checksum; none is without.
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock"));
    for entry in lock.expect("Cargo.lock").split("[[package]]").skip(1) {
        let own = entry.contains(&format!("name = \"{}\"\n", env!("CARGO_PKG_NAME")));
        assert!(own || entry.contains("\nchecksum = \""), "no checksum: {entry}");
    }
}

/// Every place where a dependency's version is pinned is covered by the updates.
#[test]
fn updates_look_at_every_manifest() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read =
        |path: &str| fs::read_to_string(root.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let updates = read(".github/dependabot.yml");
    let blocks: Vec<_> = updates.split("- package-ecosystem: ").skip(1).collect();
    for (ecosystem, directory, file) in [
        ("cargo", "/", "Cargo.toml"),
        ("cargo", "/fuzz", "fuzz/Cargo.toml"),
        ("github-actions", "/", ".github/workflows/ci.yml"),
        ("docker", "/", "Dockerfile"),
        ("docker", "/deploy/frr", "deploy/frr/Dockerfile"),
        ("pip", "/tests/python", "tests/python/requirements.txt"),
    ] {
        read(file);
        let block = blocks.iter().find(|it| it.lines().next() == Some(ecosystem));
        let block = block.unwrap_or_else(|| panic!("no updates of {ecosystem}"));
        let line = block.lines().find_map(|it| it.trim().strip_prefix("director"));
        let line = line.unwrap_or_else(|| panic!("{ecosystem} names no directory"));
        let words = line.split(|c: char| c.is_whitespace() || "[],:".contains(c));
        assert!(
            words.into_iter().any(|it| it == directory),
            "{ecosystem} does not look at {directory}: {line}"
        );
    }
}

/// The oldest Rust is said in Cargo.toml; CI checks it, by the command that people have.
#[test]
fn the_oldest_rust_is_checked() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read =
        |path: &str| fs::read_to_string(root.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    assert!(!env!("CARGO_PKG_RUST_VERSION").is_empty());
    assert!(read(".github/workflows/ci.yml").contains("run: make msrv\n"));
    assert!(read("Makefile").contains("cargo +$(MSRV) check --locked"));
}
