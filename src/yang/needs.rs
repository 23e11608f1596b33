//! Files that a model needs and that are not there. Reads files; knows no libyang.
//!
//! libyang keeps the last of its errors alone, which names the module that was asked for, and not the file that is lacking
//! behind it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Modules that libyang has in itself.
const BUILT_IN: [&str; 9] = [
    "default",
    "ietf-datastores",
    "ietf-inet-types",
    "ietf-yang-library",
    "ietf-yang-metadata",
    "ietf-yang-schema-mount",
    "ietf-yang-structure-ext",
    "ietf-yang-types",
    "yang",
];

/// What a module needs, and what of that is not there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Modules that it imports, also by others, the nearest first.
    pub(super) imports: Vec<String>,
    /// In words: who needs which file.
    pub(super) lacking: Vec<String>,
}

/// What a module of a directory needs; `own` has the text of modules that are in no file.
pub(super) fn needs<'a>(dir: &Path, module: &str, own: impl Fn(&str) -> Option<&'a str>) -> Needs {
    let mut found = Needs::default();
    let mut seen = BTreeSet::from([module.to_owned()]);
    let mut open = vec![(module.to_owned(), None::<String>)];
    while let Some((name, by)) = open.pop() {
        let text = match own(&name) {
            Some(text) => text.to_owned(),
            None => match file(dir, &name).map(fs::read_to_string) {
                Some(Ok(text)) => text,
                Some(Err(error)) => {
                    found.lacking.push(format!("{name}.yang can't be read: {error}"));
                    continue;
                }
                None if BUILT_IN.contains(&name.as_str()) => continue,
                None => {
                    let by = by.map(|by| format!(", which {by} needs")).unwrap_or_default();
                    found.lacking.push(format!("there is no {name}.yang{by}"));
                    continue;
                }
            },
        };
        for (keyword, needed) in statements(&text) {
            if seen.insert(needed.clone()) {
                if keyword == "import" {
                    found.imports.push(needed.clone());
                }
                open.push((needed, Some(name.clone())));
            }
        }
    }
    found
}

/// The file of a module, with its revision in its name or without.
fn file(dir: &Path, module: &str) -> Option<PathBuf> {
    let plain = dir.join(format!("{module}.yang"));
    if plain.is_file() {
        return Some(plain);
    }
    let revised = format!("{module}@");
    let entries = fs::read_dir(dir).ok()?.flatten();
    let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.find(|name| name.starts_with(&revised) && name.ends_with(".yang")).map(|it| dir.join(it))
}

/// What a module's text imports and includes (RFC 7950 section 7.1.5): keyword and name of each.
fn statements(text: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let (mut depth, mut keyword, mut argument) = (0_usize, None, None);
    for token in tokens(text) {
        match token {
            "{" | ";" | "}" => {
                if let (1, Some(keyword @ ("import" | "include")), Some(name)) =
                    (depth, keyword.take(), argument.take())
                {
                    found.push((keyword, name));
                }
                depth = match token {
                    "{" => depth + 1,
                    "}" => depth.saturating_sub(1),
                    _ => depth,
                };
            }
            word if keyword.is_none() => keyword = Some(word),
            word if argument.is_none() => {
                argument = Some(word.trim_matches(['"', '\'']).to_owned());
            }
            _ => {}
        }
    }
    found
}

/// Words, texts in quotes, and `{`, `;`, `}`; no comments.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            if let Some(comment) = rest.strip_prefix("//") {
                rest = comment.split_once('\n').map_or("", |(_, after)| after);
            } else if let Some(comment) = rest.strip_prefix("/*") {
                rest = comment.split_once("*/").map_or("", |(_, after)| after);
            } else {
                break;
            }
        }
        let length = match rest.chars().next()? {
            '{' | '}' | ';' => 1,
            quote @ ('"' | '\'') => {
                let mut escaped = false;
                let end = rest[1..].find(|c| {
                    let ends = c == quote && !escaped;
                    escaped = quote == '"' && c == '\\' && !escaped;
                    ends
                });
                end.map_or(rest.len(), |end| end + 2)
            }
            _ => rest
                .find(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';'))
                .unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        Some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_and_includes_are_found_and_nothing_else() {
        let text = "module a { // import no1;\n namespace \"import no2 { } \\\" ;\"; /* include no3; */\n \
                    import b { prefix b; }\n import \"c\" { prefix \"c\"; }\n include d;\n include e { revision-date \
                    2020-01-01; }\n container x { description 'include no4;'; leaf import { type string; } }\n}";
        let names: Vec<_> = statements(text).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["b", "c", "d", "e"]);
    }

    #[test]
    fn what_lacks_is_named_with_what_needs_it() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write(
            "a.yang",
            "module a { import b { prefix b; } include a-sub; import ietf-inet-types { prefix i; } }",
        );
        write("b@2020-01-01.yang", "module b { import gone { prefix g; } }");
        let found = needs(dir.path(), "a", |_| None);
        assert_eq!(found.imports, ["b", "ietf-inet-types", "gone"]);
        let mut lacking = found.lacking;
        lacking.sort();
        assert_eq!(
            lacking,
            ["there is no a-sub.yang, which a needs", "there is no gone.yang, which b needs"]
        );
        let none = needs(dir.path(), "nothing", |_| None);
        assert_eq!(none.lacking, ["there is no nothing.yang"]);
        let own = needs(dir.path(), "ours", |name| {
            (name == "ours").then_some("module ours { include x; }")
        });
        assert_eq!(own.lacking, ["there is no x.yang, which ours needs"]);
    }
}
