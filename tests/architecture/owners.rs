//! What only some modules may use.

use crate::files::{code, name, root, rust_files, sources, text};

/// Files that contain a word outside of comments and are not below one of `allowed`.
fn strangers(word: &str, allowed: &[&str]) -> Vec<String> {
    sources()
        .into_iter()
        .filter(|path| !allowed.iter().any(|place| name(path).starts_with(place)))
        .filter(|path| code(&text(path)).any(|(_, code)| code.contains(word)))
        .map(|path| name(&path))
        .collect()
}

#[test]
fn only_yang_knows_libyang() {
    assert_eq!(strangers("yang2", &["yang/"]), [""; 0]);
}

#[test]
fn unsafe_is_forbidden() {
    let manifest = text(&root().join("Cargo.toml"));
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    assert_eq!(strangers("allow(unsafe_code)", &[]), [""; 0]);
}

#[test]
fn only_the_engine_has_drivers() {
    for driver in ["VtyDriver", "DaemonDriver", "MgmtdDriver"] {
        assert_eq!(strangers(driver, &["frr/"]), [""; 0], "{driver}");
    }
    assert_eq!(strangers("dyn Driver", &["frr/driver/", "commit/engine"]), [""; 0]);
    assert_eq!(strangers("configure terminal", &["frr/vty/"]), [""; 0]);
    // mgmtd's protocol carries gRPC calls and knows nothing of them.
    let frontend = rust_files(&root().join("src/frr/frontend"));
    assert!(frontend.iter().all(|path| !text(path).contains("tonic")));
}
