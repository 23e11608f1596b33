//! The files of this project.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file below a directory, or the file itself.
pub fn rust_files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.is_dir() || path.extension().is_some_and(|e| e == "rs"))
        .flat_map(|path| rust_files(&path))
        .collect();
    files.sort();
    files
}

pub fn sources() -> Vec<PathBuf> {
    rust_files(&root().join("src"))
}

/// Below `src`, with `/` between the parts.
pub fn name(path: &Path) -> String {
    let path = path.strip_prefix(root().join("src")).unwrap_or(path);
    path.to_string_lossy().into_owned()
}

/// The lines of a file without comments, each with its number.
pub fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| {
        // `//` inside of a string is an address or a path: cutting there only hides strings.
        (at + 1, line.split("//").next().unwrap_or_default())
    })
}

/// What stands between backticks, outside of code blocks.
pub fn backticked(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}
