//! Takes values out of a tree and notes everything that is wrong on the way. Pure.
//!
//! What is wrong reads as its default, so that one look at a file names all of it; whoever
//! asked must look at [`Reader::problems`] before using what was read.

use super::tree::{Node, Value};

/// A tree's problems, in the order in which they were met.
#[derive(Debug, Default)]
pub struct Reader {
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug)]
pub struct Problem {
    /// 0 where it is about no line.
    pub line: usize,
    /// Such as `intents[3].peer.remote_as`; empty for the document itself.
    pub path: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// A node and the path to it.
#[derive(Debug, Clone)]
pub struct At<'a> {
    pub node: &'a Node,
    pub path: String,
}

/// The entries of a mapping of which every key is known and has one value.
pub struct Fields<'a, 'r> {
    pub reader: &'r mut Reader,
    entries: Vec<(&'a str, At<'a>)>,
}

impl Reader {
    /// What was wrong, by line.
    pub fn problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.line);
        self.problems
    }

    /// How many problems there are so far.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// Notes a problem.
    pub fn wrong(&mut self, at: &At, reason: impl Into<String>) {
        let problem = Problem { line: at.node.line, path: at.path.clone(), reason: reason.into() };
        self.problems.push(problem);
    }

    /// The items of a list.
    pub fn list<'a>(&mut self, at: &At<'a>) -> Vec<At<'a>> {
        let Value::List(items) = &at.node.value else {
            self.wrong(at, format!("is {}, not a list", at.node.value.kind()));
            return Vec::new();
        };
        let item = |(index, node)| At { node, path: format!("{}[{index}]", at.path) };
        items.iter().enumerate().map(item).collect()
    }

    /// The entries of a mapping; keys that are not `known` are problems.
    pub fn fields<'a>(&mut self, at: &At<'a>, known: &[&str]) -> Option<Fields<'a, '_>> {
        let Value::Map(map) = &at.node.value else {
            let kind = at.node.value.kind();
            self.wrong(at, format!("is {kind}, not a mapping of {}", names(known)));
            return None;
        };
        let mut entries: Vec<(&str, At)> = Vec::new();
        for (key, node) in map {
            let name = key.name.as_str();
            let path = match at.path.as_str() {
                "" => name.to_owned(),
                above => format!("{above}.{name}"),
            };
            let wrong = if !known.contains(&name) {
                Some(format!("unknown key, known here: {}", names(known)))
            } else if entries.iter().any(|(earlier, _)| *earlier == name) {
                Some("is there twice".to_owned())
            } else if matches!(node.value, Value::Null) {
                Some("has no value".to_owned())
            } else {
                None
            };
            match wrong {
                Some(reason) => self.problems.push(Problem { line: key.line, path, reason }),
                None => entries.push((name, At { node, path })),
            }
        }
        Some(Fields { reader: self, entries })
    }

    /// Text; a plain scalar is the text that was written.
    pub fn text(&mut self, at: &At) -> String {
        match &at.node.value {
            Value::Scalar { text, .. } => text.clone(),
            other => {
                self.wrong(at, format!("is {}, not text", other.kind()));
                String::new()
            }
        }
    }

    /// A number of 32 bits.
    pub fn number(&mut self, at: &At) -> u32 {
        let reason = match &at.node.value {
            Value::Scalar { text, quoted: false } => {
                // A leading zero means eight's powers to some readers and nothing to others.
                let plain = text.bytes().all(|byte| byte.is_ascii_digit())
                    && (text == "0" || !text.starts_with('0'));
                match text.parse() {
                    Ok(number) if plain => return number,
                    _ => format!("`{text}` is not a number from 0 to {}", u32::MAX),
                }
            }
            Value::Scalar { .. } => "is text in quotes, not a number".to_owned(),
            other => format!("is {}, not a number", other.kind()),
        };
        self.wrong(at, reason);
        0
    }

    /// `true` or `false`.
    pub fn flag(&mut self, at: &At) -> bool {
        match &at.node.value {
            Value::Scalar { text, quoted: false } if text == "true" => return true,
            Value::Scalar { text, quoted: false } if text == "false" => {}
            _ => self.wrong(at, "is neither true nor false"),
        }
        false
    }

    /// One of several names, as what it stands for.
    pub fn one_of(&mut self, at: &At, choices: &[(String, i32)]) -> i32 {
        let Value::Scalar { text, .. } = &at.node.value else {
            self.wrong(at, format!("is {}, not a name", at.node.value.kind()));
            return 0;
        };
        match choices.iter().find(|(name, _)| name == text) {
            Some((_, value)) => *value,
            None => {
                let known: Vec<&str> = choices.iter().map(|(name, _)| &**name).collect();
                self.wrong(at, format!("`{text}` is not one of {}", names(&known)));
                0
            }
        }
    }
}

impl<'a> Fields<'a, '_> {
    /// The value of a key, where it is there.
    pub fn get(&self, key: &str) -> Option<At<'a>> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, at)| at.clone())
    }

    /// Every key that is there and not wrong.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(|(name, _)| *name)
    }
}

fn names(known: &[&str]) -> String {
    known.join(", ")
}
