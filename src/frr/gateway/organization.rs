//! Which organization a YANG module comes from: its file says, mgmtd does not.

use std::{fs, path::Path};

use super::facts::Modules;

/// A module's `organization` comes before its definitions (RFC 7950 section 7.1), after
/// its imports and a licence; FRR's longest takes 3 kB to it.
const MAX_WORDS: usize = 2000;

/// Looks the organizations up where they are not known; what has no file here stays empty.
pub(super) fn fill(yang_dir: &Path, modules: &mut Modules) {
    for module in modules.implemented.iter_mut().filter(|module| module.organization.is_empty()) {
        let names =
            [format!("{}.yang", module.name), format!("{}@{}.yang", module.name, module.revision)];
        let text = names.iter().find_map(|name| fs::read_to_string(yang_dir.join(name)).ok());
        module.organization = text.as_deref().and_then(organization).unwrap_or_default();
    }
}

/// The argument of the statement, its parts joined and white space made one blank.
fn organization(module: &str) -> Option<String> {
    let mut words = Words { rest: module };
    for _ in 0..MAX_WORDS {
        if words.next()?.is("organization") {
            let mut text = words.next()?.text().to_owned();
            while words.next()?.is("+") {
                text.push_str(words.next()?.text());
            }
            return Some(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    None
}

/// A token of YANG (RFC 7950 section 6.1).
enum Word<'a> {
    Plain(&'a str),
    Quoted(&'a str),
}

impl<'a> Word<'a> {
    fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Plain(word) if *word == keyword)
    }

    fn text(&self) -> &'a str {
        match self {
            Self::Plain(text) | Self::Quoted(text) => text,
        }
    }
}

struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        loop {
            let rest = self.rest.trim_start();
            let (word, after) = if let Some(comment) = rest.strip_prefix("//") {
                self.rest = comment.split_once('\n')?.1;
                continue;
            } else if let Some(comment) = rest.strip_prefix("/*") {
                self.rest = comment.split_once("*/")?.1;
                continue;
            } else if let Some(quoted) = rest.strip_prefix(['"', '\'']) {
                let (text, after) = quoted.split_once(rest.chars().next()?)?;
                (Word::Quoted(text), after)
            } else if rest.starts_with(['{', '}', ';']) {
                let (word, after) = rest.split_at(1);
                (Word::Plain(word), after)
            } else {
                let end = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';');
                let (word, after) = rest.split_at(rest.find(end)?);
                (Word::Plain(word), after)
            };
            self.rest = after;
            return Some(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_is_found_and_nothing_else() {
        let module = "// organization \"no\";\n/* organization 'no'; */ module m {\n \
                      contact \"organization\";\n organization\n  \"Free Range\n   Routing\" + ' (FRR)';\n}";
        assert_eq!(organization(module).unwrap(), "Free Range Routing (FRR)");
        assert_eq!(organization("module m { organization IETF; }").unwrap(), "IETF");
        for none in ["", "module m {}", "organization", "organization \"x", "/*", "//"] {
            assert_eq!(organization(none), None, "{none}");
        }
    }
}
