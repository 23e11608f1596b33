//! Reads which names a Rust file uses, without a compiler: `use` declarations and qualified paths.

use std::iter;

/// A path as a file writes it, such as `super::edits::Edit`.
pub type Names = Vec<String>;

/// `use path as alias;`, one for each name of a group. A glob has the alias `*`.
#[derive(Debug, PartialEq)]
pub struct Use {
    pub path: Names,
    pub alias: String,
}

/// What a file names.
#[derive(Debug, Default)]
pub struct Named {
    pub uses: Vec<Use>,
    /// Qualified paths outside of `use`: at least two names.
    pub paths: Vec<Names>,
}

/// Reads everything before the inner `mod tests`.
pub fn read(text: &str) -> Named {
    let text = text.split("#[cfg(test)]\nmod tests {").next().expect("the part before tests");
    let tokens = tokens(text);
    let mut named = Named::default();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at] == "use" {
            at = tree(&tokens, at + 1, &[], &mut named.uses);
        } else if is_name(&tokens[at]) {
            let path = path(&tokens[at..]);
            at += 2 * path.len() - 1;
            if path.len() > 1 {
                named.paths.push(path);
            }
        } else {
            at += 1;
        }
    }
    named
}

/// The names at the beginning that `::` joins.
fn path(tokens: &[String]) -> Names {
    let mut names = vec![tokens[0].clone()];
    names.extend(
        tokens[1..]
            .chunks_exact(2)
            .take_while(|pair| pair[0] == "::" && is_name(&pair[1]))
            .map(|pair| pair[1].clone()),
    );
    names
}

/// Reads one tree of a `use` declaration and returns the place behind it.
fn tree(tokens: &[String], mut at: usize, above: &[String], uses: &mut Vec<Use>) -> usize {
    let mut path = above.to_vec();
    loop {
        match tokens[at].as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens[at] != "}" {
                    at = tree(tokens, at, &path, uses);
                    if tokens[at] == "," {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "*" => {
                uses.push(Use { path, alias: "*".to_owned() });
                return at + 1;
            }
            name => {
                path.push(name.to_owned());
                at += 1;
                if tokens[at] == "::" {
                    continue;
                }
                // `{self}` is the module itself.
                path.pop_if(|last| last == "self" && !above.is_empty());
                let mut alias = path.last().cloned().unwrap_or_default();
                if tokens[at] == "as" {
                    alias.clone_from(&tokens[at + 1]);
                    at += 2;
                }
                uses.push(Use { path, alias });
                return at;
            }
        }
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, `::` and single signs; no comments, strings, characters or lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(length) = string(rest) {
            length
        } else if sign == '\'' {
            character(rest)
        } else if sign.is_alphanumeric() || sign == '_' {
            let length =
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(rest[..length].to_owned());
            length
        } else if rest.starts_with("::") {
            found.push("::".to_owned());
            2
        } else {
            if !sign.is_whitespace() {
                found.push(sign.to_string());
            }
            sign.len_utf8()
        };
        rest = &rest[length..];
    }
    found
}

/// The length of the string literal that `text` begins with.
fn string(text: &str) -> Option<usize> {
    let behind = text.strip_prefix('b').unwrap_or(text);
    if let Some(raw) = behind.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let inside = raw[hashes..].strip_prefix('"')?;
        let end: String = iter::once('"').chain(iter::repeat_n('#', hashes)).collect();
        let length = inside.find(&end).expect("a raw string ends") + end.len();
        return Some(text.len() - inside.len() + length);
    }
    let inside = behind.strip_prefix('"')?;
    let mut escaped = false;
    let end = inside.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    Some(text.len() - inside.len() + end.expect("a string ends") + 1)
}

/// The length of the character or lifetime that `text` begins with.
fn character(text: &str) -> usize {
    let mut inside = text.char_indices().skip(1);
    match (inside.next(), inside.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let behind = at + escaped.len_utf8();
            behind + text[behind..].find('\'').expect("a character ends") + 1
        }
        (_, Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[test]
fn names_are_read() {
    let text = r##"
        use std::fmt; // use crate::hidden::A;
        pub use crate::a::{self, b::{C, D as E}, f::*};
        fn g<'a>(h: &'a super::I) { let _ = ("use j::K", r#"l::M"#, '"', '\'', n::o::<P>()); }
    "##;
    let Named { uses, paths } = read(text);
    let uses: Vec<_> =
        uses.iter().map(|it| format!("{} as {}", it.path.join("::"), it.alias)).collect();
    let expected = ["std::fmt as fmt", "crate::a as a", "crate::a::b::C as C"];
    assert_eq!(uses[..3], expected);
    assert_eq!(uses[3..], ["crate::a::b::D as E", "crate::a::f as *"]);
    assert_eq!(paths, [vec!["super", "I"], vec!["n", "o"]]);
}
