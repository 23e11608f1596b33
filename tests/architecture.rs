//! Holds what ARCHITECTURE.md says: who may know what, and that each invariant has its test.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Files and directories below `src` that are pure, whether they say so or not.
const PURE: [&str; 13] = [
    "model",
    "tree",
    "daemon.rs",
    "policy",
    "store",
    "render",
    "commit/plan.rs",
    "coverage",
    "frr/door/edits.rs",
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

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file below a directory, or the file itself.
fn rust_files(path: &Path) -> Vec<PathBuf> {
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

fn sources() -> Vec<PathBuf> {
    rust_files(&root().join("src"))
}

/// The lines of a file without comments, each with its number.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| {
        // `//` inside of a string is an address or a path: cutting there only hides strings.
        (at + 1, line.split("//").next().unwrap_or_default())
    })
}

/// Below `src`, with `/` between the parts.
fn name(path: &Path) -> String {
    let path = path.strip_prefix(root().join("src")).unwrap_or(path);
    path.to_string_lossy().into_owned()
}

/// Files that are pure by the list above or by their own word.
fn pure_files() -> Vec<PathBuf> {
    let listed = PURE.iter().flat_map(|path| rust_files(&root().join("src").join(path)));
    let says_so = sources().into_iter().filter(|path| {
        let text = read(path);
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
        let text = read(&path);
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
        let text = read(&path);
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

/// Other modules of this crate that a text imports or names.
fn imported(text: &str) -> BTreeSet<String> {
    let text: String = code(text).map(|(_, code)| format!("{code}\n")).collect();
    let mut found = BTreeSet::new();
    for (_, rest) in text.match_indices("crate::").map(|(at, word)| text.split_at(at + word.len()))
    {
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(identifier(rest));
            continue;
        };
        // `crate::{a, b::{c, d}}`: what stands at the first depth behind `{` or `,`.
        let mut depth = 0;
        let mut begins = true;
        for (at, sign) in group.char_indices() {
            match sign {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                _ if sign.is_whitespace() => {}
                _ if depth == 0 && begins => {
                    found.insert(identifier(&group[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    found
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The table of ARCHITECTURE.md: module → what it may import.
fn may_import() -> BTreeMap<String, BTreeSet<String>> {
    let text = read(&root().join("ARCHITECTURE.md"));
    let rows = text.lines().skip_while(|line| !line.starts_with("| module | owns |")).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 3, "a row has three cells: {line}");
            let names = |cell: &str| backticked(cell).into_iter().map(str::to_owned).collect();
            let module: Vec<String> = names(cells[0]);
            (module[0].clone(), names(cells[2]).into_iter().collect())
        })
        .collect()
}

/// What stands between backticks, outside of code blocks.
fn backticked(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn imports_follow_the_table() {
    let may = may_import();
    let mut wrong = Vec::new();
    for path in sources() {
        let below = name(&path);
        let module = below.split('/').next().expect("a name").trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "bin" {
            continue;
        }
        let allowed = may.get(&module);
        let allowed = allowed.unwrap_or_else(|| panic!("{module} is not in the table"));
        // Tests may look further.
        if below.contains("tests") {
            continue;
        }
        let text = read(&path);
        let text = text.split("#[cfg(test)]\nmod tests").next().expect("the part before tests");
        for import in imported(text) {
            if import != module && !allowed.contains(&import) {
                wrong.push(format!("src/{below} imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn imports_are_found() {
    let text = "use crate::{\n    a::{b, c},\n    d,\n};\nuse crate::e::F; // crate::g\n";
    assert_eq!(imported(text).into_iter().collect::<Vec<_>>(), ["a", "d", "e"]);
}

/// Files that contain a word outside of comments and are not below one of `allowed`.
fn strangers(word: &str, allowed: &[&str]) -> Vec<String> {
    sources()
        .into_iter()
        .filter(|path| !allowed.iter().any(|place| name(path).starts_with(place)))
        .filter(|path| code(&read(path)).any(|(_, code)| code.contains(word)))
        .map(|path| name(&path))
        .collect()
}

#[test]
fn only_yang_knows_libyang() {
    assert_eq!(strangers("yang2", &["yang/"]), [""; 0]);
}

#[test]
fn unsafe_is_forbidden() {
    let manifest = read(&root().join("Cargo.toml"));
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    assert_eq!(strangers("allow(unsafe_code)", &[]), [""; 0]);
}

#[test]
fn only_the_engine_has_drivers() {
    for driver in ["VtyDriver", "DaemonDriver", "MgmtdDriver"] {
        assert_eq!(strangers(driver, &["frr/", "commit/engine.rs"]), [""; 0], "{driver}");
    }
    assert_eq!(strangers("configure terminal", &["frr/vty/"]), [""; 0]);
    // mgmtd's protocol carries gRPC calls and knows nothing of them.
    let frontend = rust_files(&root().join("src/frr/frontend"));
    assert!(frontend.iter().all(|path| !read(path).contains("tonic")));
}

/// Names of all tests of this project.
/// The arguments of every log macro, each with where it begins: strings are left out of them.
fn log_arguments(text: &str) -> Vec<(usize, String)> {
    const MACROS: [&str; 7] = ["trace!", "debug!", "info!", "warn!", "error!", "event!", "span!"];
    let mut found = Vec::new();
    for (begin, name) in MACROS.iter().flat_map(|name| text.match_indices(name)) {
        let before = text[..begin].chars().next_back();
        let open = begin + name.len();
        // `info_span!` is one, `debug_assert!` is none, and a name may end like one.
        if before.is_some_and(|c| c.is_alphanumeric()) || !text[open..].starts_with(['(', '{', '['])
        {
            continue;
        }
        let (mut depth, mut quoted, mut escaped) = (0, false, false);
        let mut arguments = String::new();
        for c in text[open..].chars() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ if quoted => {}
                '(' | '{' | '[' => depth += 1,
                ')' | '}' | ']' => depth -= 1,
                _ => {}
            }
            if !quoted {
                arguments.push(c);
            }
            if depth == 0 {
                break;
            }
        }
        found.push((text[..begin].lines().count(), arguments));
    }
    found
}

/// What a log macro's arguments may not do, since they are only evaluated where the level is on.
fn does_something(arguments: &str) -> bool {
    const ACTIONS: [&str; 14] = [
        ".await",
        ".take(",
        ".insert(",
        ".remove(",
        ".push(",
        ".pop",
        ".next(",
        ".replace(",
        ".send(",
        ".recv(",
        "drop(",
        "return",
        "&mut ",
        ".expect(",
    ];
    // `?value` is how a field is shown, `value?` ends the function.
    let decides = arguments.match_indices('?').any(|(at, _)| {
        let before = arguments[..at].trim_end().chars().next_back();
        before
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '}' | '"' | '>'))
    });
    decides || ACTIONS.iter().any(|action| arguments.contains(action))
}

#[test]
fn no_log_macro_decides_or_does_anything() {
    let mut wrong = Vec::new();
    for file in sources() {
        for (line, arguments) in log_arguments(&read(&file)) {
            if does_something(&arguments) {
                wrong.push(format!("{}:{line}: {arguments}", name(&file)));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn what_a_log_macro_does_is_found() {
    let found = |text: &str| log_arguments(text).iter().any(|(_, it)| does_something(it));
    assert!(found(r#"debug!(outcome = ?outcome?, "mgmtd");"#));
    assert!(found("tracing::info!(\n    count = reader.read().await,\n    \"read\"\n)"));
    assert!(found(r#"warn!("{}", queue.pop());"#));
    assert!(!found(r#"debug!(?outcome, took = ?begun.elapsed(), "really? (yes)");"#));
    assert!(!found(r#"debug_assert!(queue.pop()?);"#));
}

fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in sources().into_iter().chain(rust_files(&root().join("tests"))) {
        let text = read(&path);
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

#[test]
fn invariants_name_tests_that_exist() {
    let tests = tests();
    let text = read(&root().join("ARCHITECTURE.md"));
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
    let text = read(&root().join("tests/README.md"));
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
        let text = read(&root().join(document));
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
