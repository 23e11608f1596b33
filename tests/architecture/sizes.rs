//! Files are small enough to be read in one go.

use crate::files::{root, rust_files, sources, text};

/// No file has more lines.
const LONGEST: usize = 500;

#[test]
fn no_file_is_long() {
    let tests = rust_files(&root().join("tests"));
    let files = sources().into_iter().chain(tests);
    let named = files.map(|path| {
        let name = path.strip_prefix(root()).expect("below the root").display().to_string();
        (text(&path).lines().count(), name)
    });
    let long: Vec<_> = named
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, name)| format!("{lines} {name}"))
        .collect();
    assert!(long.is_empty(), "files of more than {LONGEST} lines:\n{}", long.join("\n"));
}
