//! The build stage of the agent's image: what it copies is all that cargo wants.

use std::{env, fs, path::Path, process::Command};

/// Sources and destinations of each `COPY` of the build's own files, before the last stage.
fn copies() -> Vec<(Vec<String>, String)> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile"));
    let text = text.expect("Dockerfile");
    let (build, _) = text.split_once("\nFROM scratch\n").expect("the last stage");
    let lines = build.lines().filter_map(|line| line.strip_prefix("COPY "));
    let own = lines.filter(|line| !line.starts_with("--from"));
    own.map(|line| {
        let mut words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let to = words.pop().expect("a destination");
        (words, to)
    })
    .collect()
}

/// The tree that the image is built in, and what cargo says of it: it refuses a manifest that names what
/// is not there.
#[test]
fn the_build_stage_has_all_that_cargo_wants() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tree = tempfile::tempdir().expect("a directory");
    let cargo = || {
        let mut cargo = Command::new(env!("CARGO"));
        // It reads the manifest as a build does, and has everything already: this test was built with it.
        cargo.args(["fetch", "--quiet", "--locked", "--offline"]);
        cargo.args(["--target", &format!("{}-unknown-linux-gnu", env::consts::ARCH)]);
        let out = cargo.current_dir(tree.path()).output().expect("running cargo");
        (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    for (sources, to) in copies() {
        // Absolute ones are for after the build.
        for source in sources.iter().filter(|_| !to.starts_with('/')) {
            let (from, to) = (root.join(source), tree.path().join(&to));
            let to = if from.is_dir() { to } else { to.join(source) };
            fs::create_dir_all(to.parent().expect("a directory")).expect("a directory");
            let copied = Command::new("cp").arg("-rT").arg(&from).arg(&to).status();
            assert!(copied.expect("running cp").success(), "{source}");
        }
    }
    assert_eq!(cargo(), (true, String::new()));
    fs::remove_dir_all(tree.path().join("benches")).expect("removing");
    assert!(!cargo().0, "cargo would have said so");
}
