//! Files of intents: YAML (JSON is a part of it) in, the changes of one request out.
//!
//! ```yaml
//! intents:                     # declared, or made what is said here
//!   - bgp: {local_as: 65000, router_id: 10.0.0.1}
//!   - peer: {neighbor_address: 10.0.0.2, remote_as: 65001}
//!   - prefix: {prefix: 192.0.2.0/24, attributes: {communities: [65000:1]}}
//!   - static_route: {prefix: 198.51.100.0/24, blackhole: true}
//!   - bfd_session: {peer_address: 10.0.0.2, min_rx_ms: 100, min_tx_ms: 100}
//!   - ospf_interface: {interface_name: eth0, area_id: 0.0.0.0}
//!     source: racks/7          # where it is from, in its owner's words
//! remove:                      # withdrawn
//!   - peer: 10.0.0.9
//!   - prefix: {prefix: 203.0.113.0/24, protocol: bgp}
//!   - static_route: 198.51.100.0/25
//!   - bfd_session: 10.0.0.9
//!   - ospf_interface: eth1
//! ```
//!
//! A document may also be nothing but the list of intents; a file may have several
//! documents, which make one transaction. Fields are those of the protobuf messages, enums
//! are short names (`external`, `ipv4-unicast`, `bgp`). The password `unchanged` is the one that the peer has. Everything wrong is named at once,
//! by file, line and path. Only [`read`] touches a file. [`schema`] says the same to editors.

mod intents;
mod places;
mod reader;
#[cfg(test)]
mod tests;
pub(super) mod tree;

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

pub use intents::{SOURCE, UNCHANGED, schema};
pub use places::{Place, Places};
pub use reader::Problem;
use reader::{At, Reader};
use tree::{Node, Value};

use super::error::CtlError;
use crate::proto::v1::{IntentChange, intent_change::Change};

/// What a file asks for.
#[derive(Debug)]
pub struct Intents {
    /// In the order of the file; what a document removes comes after what it sets.
    pub changes: Vec<IntentChange>,
    /// Where each of them stands.
    pub places: Places,
}

/// A file of which something may be wrong, and what could be read of it.
#[derive(Debug)]
pub struct Looked {
    /// Those in which nothing is wrong, as far as the file tells.
    pub intents: Intents,
    /// Those in which something is, with all that could be read of each.
    pub doubtful: Vec<Doubtful>,
    /// What is wrong, by line.
    pub problems: Vec<Problem>,
    /// How many lists of intents there are.
    lists: usize,
}

/// What is wrong with a file in which there is nothing.
const NO_INTENTS: &str = "has no intents";

/// An item of a file in which something is wrong.
#[derive(Debug)]
pub struct Doubtful {
    /// Where it stands.
    pub place: Place,
    /// What could be read of it; `None` where that is not even its kind.
    pub change: Option<Change>,
}

/// Reads a file, or standard input where the path is `-`.
///
/// # Errors
/// [`CtlError::IntentFile`] where it cannot be read, [`CtlError::BadIntents`] where
/// anything in it is wrong or there is nothing in it.
pub fn read(path: &Path) -> Result<Intents, CtlError> {
    let (name, text) = open(path)?;
    parse(name, &text)
}

/// Reads a file that says all that its owner has: there may be nothing in a list of intents.
///
/// # Errors
/// As [`read`].
pub fn read_all(path: &Path) -> Result<Intents, CtlError> {
    let (name, text) = open(path)?;
    let looked = look(name, &text);
    // Only a list that is there says that there shall be none: a file that was cut short does not.
    match looked.problems.as_slice() {
        [only] if only.reason == NO_INTENTS && looked.lists > 0 => Ok(looked.intents),
        _ => sound(looked),
    }
}

/// Reads as much of a file as can be read.
///
/// # Errors
/// [`CtlError::IntentFile`] where it cannot be read.
pub fn look_at(path: &Path) -> Result<Looked, CtlError> {
    let (name, text) = open(path)?;
    Ok(look(name, &text))
}

/// The name of a file, and its text.
fn open(path: &Path) -> Result<(String, String), CtlError> {
    let (name, text) = if path == Path::new("-") {
        let mut text = String::new();
        let read = io::stdin().lock().read_to_string(&mut text).map(|_| text);
        ("standard input".to_owned(), read)
    } else {
        (path.display().to_string(), fs::read_to_string(path))
    };
    match text {
        Ok(text) => Ok((name, text)),
        Err(source) => Err(CtlError::IntentFile { file: name, source }),
    }
}

/// Reads the text of a file.
///
/// # Errors
/// [`CtlError::BadIntents`] as [`read`].
pub fn parse(file: String, text: &str) -> Result<Intents, CtlError> {
    sound(look(file, text))
}

/// What was read, where nothing is wrong with it.
fn sound(looked: Looked) -> Result<Intents, CtlError> {
    let Looked { intents, problems, .. } = looked;
    if problems.is_empty() {
        return Ok(intents);
    }
    let file = intents.places.file().to_owned();
    let words = |problem: Problem| {
        let place = match problem.line {
            0 => file.clone(),
            line => format!("{file}:{line}"),
        };
        match problem.path.as_str() {
            "" => format!("{place}: {}", problem.reason),
            path => format!("{place}: {path}: {}", problem.reason),
        }
    };
    let problems = problems.into_iter().map(words).collect();
    Err(CtlError::BadIntents { file, problems })
}

/// Reads as much of a text as can be read.
fn look(file: String, text: &str) -> Looked {
    let intents = Intents { changes: Vec::new(), places: Places::new(file) };
    let mut looked = Looked { intents, doubtful: Vec::new(), problems: Vec::new(), lists: 0 };
    let whole = |line, reason| Problem { line, path: String::new(), reason };
    let documents = match tree::read(text) {
        Ok(documents) => documents,
        Err(error) => {
            looked.problems.push(whole(error.line, error.reason));
            return looked;
        }
    };
    let mut reader = Reader::default();
    for node in &documents {
        looked.add_document(&mut reader, node);
    }
    looked.problems = reader.problems();
    if looked.problems.is_empty() && looked.intents.changes.is_empty() {
        looked.problems.push(whole(0, NO_INTENTS.to_owned()));
    }
    looked
}

impl Looked {
    fn add_document(&mut self, reader: &mut Reader, node: &Node) {
        let root = At { node, path: String::new() };
        match node.value {
            Value::Null => {}
            // The whole document is the list of intents.
            Value::List(_) => self.add_intents(reader, &At { node, path: "intents".to_owned() }),
            Value::Scalar { .. } => {
                reader.wrong(&root, "is a single value, not a list of intents or a mapping");
            }
            Value::Map(_) => {
                let Some(fields) = reader.fields(&root, &["intents", "remove"]) else { return };
                let (set, remove) = (fields.get("intents"), fields.get("remove"));
                if let Some(at) = set {
                    self.add_intents(reader, &at);
                }
                for at in remove.iter().flat_map(|at| reader.list(at)).collect::<Vec<_>>() {
                    let before = reader.count();
                    let reference = intents::reference(reader, &at);
                    self.add(&at, reference, reader.count() == before);
                }
            }
        }
    }

    fn add_intents(&mut self, reader: &mut Reader, at: &At) {
        self.lists += usize::from(matches!(at.node.value, Value::List(_)));
        for at in reader.list(at) {
            let before = reader.count();
            let intent = intents::intent(reader, &at);
            self.add(&at, intent, reader.count() == before);
        }
    }

    fn add(&mut self, at: &At, change: Option<IntentChange>, sound: bool) {
        let place = Place { line: at.node.line, path: at.path.clone() };
        match change {
            Some(change) if sound => {
                self.intents.changes.push(change);
                self.intents.places.push(place);
            }
            change => {
                let change = change.and_then(|change| change.change);
                self.doubtful.push(Doubtful { place, change });
            }
        }
    }
}
