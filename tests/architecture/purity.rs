//! What is pure knows no world.

use std::{collections::BTreeSet, path::PathBuf};

use crate::files::{code, name, root, rust_files, sources, text};

/// Files and directories below `src` that are pure, whether they say so or not.
const PURE: [&str; 14] = [
    "model",
    "tree",
    "daemon.rs",
    "policy",
    "store",
    "protocol",
    "render.rs",
    "commit/plan.rs",
    "coverage",
    "frr/transport/edits.rs",
    "frr/vty/table",
    "frr/vty/steps.rs",
    "frr/vty/script.rs",
    "frr/vty/redact.rs",
];

/// What a pure module may not name: async, clocks, the environment, files, sockets, threads, libyang.
/// A time that was handed in is a value like any other.
const WORLD: [&str; 18] = [
    "tokio",
    "futures::",
    "async ",
    "Instant",
    "::now(",
    "std::env",
    "env::var",
    "std::fs",
    "fs::",
    "std::io",
    "TcpStream",
    "TcpListener",
    "UnixStream",
    "UnixListener",
    "std::thread",
    "std::process",
    "yang2",
    "unsafe",
];

/// Files that are pure by the list above or by their own word.
fn pure_files() -> Vec<PathBuf> {
    let listed = PURE.iter().flat_map(|path| rust_files(&root().join("src").join(path)));
    let says_so = sources().into_iter().filter(|path| {
        let text = text(path);
        text.lines().take_while(|line| line.starts_with("//!")).any(|line| line.contains("Pure"))
    });
    listed.chain(says_so).collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn pure_modules_know_no_world() {
    let mut wrong = Vec::new();
    let files = pure_files();
    assert!(files.len() >= 40, "pure files are found: {}", files.len());
    for path in files {
        let text = text(&path);
        for (line, code) in code(&text) {
            // The traits of a codec: bytes in, frames out, no socket.
            let code = code.replace("tokio_util::codec", "");
            for word in WORLD.iter().filter(|word| code.contains(*word)) {
                wrong.push(format!("src/{}:{line} is pure and says {word:?}", name(&path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_modules_only_ask_the_schema() {
    let mut wrong = Vec::new();
    for path in pure_files() {
        let text = text(&path);
        for (line, code) in code(&text) {
            let import =
                code.trim() == "yang::Models," || code.trim() == "use crate::yang::Models;";
            let names_it = ["yang::", "Schema", "Models"].iter().any(|it| code.contains(it));
            // As a parameter of a function, borrowed.
            let asks = code.contains("fn ") && code.contains(": &dyn Models)");
            if names_it && !import && !asks {
                wrong.push(format!("src/{}:{line}: {}", name(&path), code.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "a pure type holds a schema, or more:\n{}", wrong.join("\n"));
}
