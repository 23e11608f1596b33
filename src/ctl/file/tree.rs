//! A YAML or JSON text as a tree that knows its lines. Pure.
//!
//! Scalars stay the text that was written: `65000:1` is a community and not a number in
//! base 60, `010` is not eight.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Deeper than any intent by far; a bound keeps a hostile file from exhausting the stack.
const MAX_DEPTH: usize = 16;

/// A value and the line, counted from 1, on which it begins.
#[derive(Debug)]
pub struct Node {
    pub line: usize,
    pub value: Value,
}

#[derive(Debug)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    Scalar {
        text: String,
        /// Whether it stands in quotes or is a block of text.
        quoted: bool,
    },
    List(Vec<Node>),
    /// In the order of the file; a key may be there twice.
    Map(Vec<(Key, Node)>),
}

#[derive(Debug)]
pub struct Key {
    pub line: usize,
    pub name: String,
}

impl Value {
    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar { .. } => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Where and why a text is no YAML that is read here.
#[derive(Debug)]
pub struct SyntaxError {
    pub line: usize,
    pub reason: String,
}

/// A list or mapping whose end is yet to come.
enum Open {
    List(usize, Vec<Node>),
    /// With the key whose value comes next.
    Map(usize, Vec<(Key, Node)>, Option<Key>),
}

/// Reads every document of a text.
///
/// # Errors
/// The text is no YAML, or uses anchors, aliases, tags, keys that are no plain text, or
/// too many levels.
pub fn read(text: &str) -> Result<Vec<Node>, SyntaxError> {
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| SyntaxError {
            line: error.marker().line(),
            reason: error.info().to_owned(),
        })?;
        let line = span.start.line();
        let closed = match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse(line, anchor, tag.is_some())?;
                Some(Node { line, value: scalar(text.into_owned(), style) })
            }
            Event::SequenceStart(anchor, tag) => {
                refuse(line, anchor, tag.is_some())?;
                open.push(Open::List(line, Vec::new()));
                None
            }
            Event::MappingStart(anchor, tag) => {
                refuse(line, anchor, tag.is_some())?;
                open.push(Open::Map(line, Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(Open::close),
            Event::Alias(_) => return Err(unread(line, "aliases (`*name`)")),
            _ => None,
        };
        if open.len() > MAX_DEPTH {
            return Err(SyntaxError { line, reason: format!("more than {MAX_DEPTH} levels") });
        }
        if let Some(node) = closed {
            match open.last_mut() {
                Some(parent) => parent.push(node, span)?,
                None => documents.push(node),
            }
        }
    }
    Ok(documents)
}

impl Open {
    /// Takes what comes next: an item, a key, or the value of the key before it.
    fn push(&mut self, node: Node, span: Span) -> Result<(), SyntaxError> {
        match self {
            Self::List(_, items) => items.push(node),
            Self::Map(_, entries, key) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => match node.value {
                    Value::Scalar { text, .. } => *key = Some(Key { line: node.line, name: text }),
                    _ => return Err(unread(span.start.line(), "keys that are no plain text")),
                },
            },
        }
        Ok(())
    }

    fn close(self) -> Node {
        match self {
            Self::List(line, items) => Node { line, value: Value::List(items) },
            Self::Map(line, entries, _) => Node { line, value: Value::Map(entries) },
        }
    }
}

fn scalar(text: String, style: ScalarStyle) -> Value {
    let quoted = style != ScalarStyle::Plain;
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" if !quoted => Value::Null,
        _ => Value::Scalar { text, quoted },
    }
}

/// Refuses what would have a reader look elsewhere, or guess.
fn refuse(line: usize, anchor: usize, tagged: bool) -> Result<(), SyntaxError> {
    match (anchor, tagged) {
        (0, false) => Ok(()),
        (_, true) => Err(unread(line, "tags (`!name`)")),
        (_, false) => Err(unread(line, "anchors (`&name`)")),
    }
}

fn unread(line: usize, what: &str) -> SyntaxError {
    SyntaxError { line, reason: format!("{what} are not read here") }
}
