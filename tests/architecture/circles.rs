//! No file of `src` imports, in however many steps, itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::library::Library;

/// File → the files that it imports from.
fn imports(library: &Library) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut imports = BTreeMap::new();
    for (module, it) in &library.modules {
        let named: Vec<_> = library.named_by(module).collect();
        let definers = named
            .iter()
            .filter_map(|path| library.definer(path))
            // A module declares the files below it, and they may use what it defines.
            .filter(|definer| !definer.starts_with(module))
            .map(|definer| library.modules[definer].file.as_str());
        imports.insert(it.file.as_str(), definers.collect());
    }
    imports
}

/// The shortest way from a file back to itself.
fn circle<'a>(
    imports: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    start: &'a str,
) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![start]];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in &imports[way[way.len() - 1]] {
                if *next == start {
                    return Some(way);
                }
                if seen.insert(*next) {
                    longer.push(way.iter().copied().chain([*next]).collect());
                }
            }
        }
        ways = longer;
    }
    None
}

#[test]
fn no_circle_among_files() {
    let library = Library::read();
    let imports = imports(&library);
    let arrows: usize = imports.values().map(BTreeSet::len).sum();
    assert!(arrows > 1000, "imports are found: {arrows}");
    let mut found = BTreeSet::new();
    for file in imports.keys() {
        if let Some(mut circle) = circle(&imports, file) {
            // One circle, however often it is met.
            circle.sort_unstable();
            found.insert(circle.join(" "));
        }
    }
    let found: Vec<_> = found.into_iter().collect();
    assert!(found.is_empty(), "files that import each other:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_found() {
    let arrows = [("a", ["b", "c"]), ("b", ["c", "d"]), ("c", ["d", "e"]), ("d", ["b", "e"])];
    let mut imports: BTreeMap<_, _> =
        arrows.into_iter().map(|(from, to)| (from, BTreeSet::from(to))).collect();
    imports.insert("e", BTreeSet::new());
    assert_eq!(circle(&imports, "a"), None);
    assert_eq!(circle(&imports, "b"), Some(vec!["b", "d"]));
    assert_eq!(circle(&imports, "c"), Some(vec!["c", "d", "b"]));
}

#[test]
fn what_is_passed_on_is_found_where_it_is_defined() {
    let library = Library::read();
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
    let definer = |from: &str, text: &str| {
        let absolute = library.absolute(&path(from), &path(text))?;
        library.definer(&absolute).map(|module| module.join("::"))
    };
    assert_eq!(definer("api::budget", "crate::model::OwnerName").unwrap(), "model::scalar");
    assert_eq!(definer("api::service", "super::Budget").unwrap(), "api::budget");
    assert_eq!(definer("api::service", "super::super::api::Sessions").unwrap(), "api::sessions");
    assert_eq!(definer("api", "budget::Limits").unwrap(), "api::budget::limits");
    assert_eq!(definer("api", "crate::model"), None);
    assert_eq!(definer("api", "std::fmt"), None);
}
