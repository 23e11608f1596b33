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
//! are short names (`external`, `ipv4-unicast`, `bgp`). Everything wrong is named at once,
//! by file, line and path. Only [`read`] touches a file.

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

use places::Place;
pub use places::Places;
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

/// Reads a file, or standard input where the path is `-`.
///
/// # Errors
/// [`CtlError::IntentFile`] where it cannot be read, [`CtlError::BadIntents`] where
/// anything in it is wrong or there is nothing in it.
pub fn read(path: &Path) -> Result<Intents, CtlError> {
    let (name, text) = if path == Path::new("-") {
        let mut text = String::new();
        let read = io::stdin().lock().read_to_string(&mut text).map(|_| text);
        ("standard input".to_owned(), read)
    } else {
        (path.display().to_string(), fs::read_to_string(path))
    };
    match text {
        Ok(text) => parse(name, &text),
        Err(source) => Err(CtlError::IntentFile { file: name, source }),
    }
}

/// Reads the text of a file.
///
/// # Errors
/// [`CtlError::BadIntents`] as [`read`].
pub fn parse(file: String, text: &str) -> Result<Intents, CtlError> {
    let bad = |file, problems| Err(CtlError::BadIntents { file, problems });
    let documents = match tree::read(text) {
        Ok(documents) => documents,
        Err(error) => {
            let problem = format!("{file}:{}: {}", error.line, error.reason);
            return bad(file, vec![problem]);
        }
    };
    let mut intents = Intents { changes: Vec::new(), places: Places::new(file) };
    let mut reader = Reader::default();
    for node in &documents {
        intents.add_document(&mut reader, node);
    }
    let file = intents.places.file();
    let mut problems: Vec<String> = reader
        .problems()
        .into_iter()
        .map(|problem| match problem.path.as_str() {
            "" => format!("{file}:{}: {}", problem.line, problem.reason),
            path => format!("{file}:{}: {path}: {}", problem.line, problem.reason),
        })
        .collect();
    if problems.is_empty() && intents.changes.is_empty() {
        problems.push(format!("{file}: has no intents"));
    }
    if problems.is_empty() { Ok(intents) } else { bad(file.to_owned(), problems) }
}

impl Intents {
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
                    let reference = intents::reference(reader, &at);
                    self.add(&at, reference.map(Change::Remove));
                }
            }
        }
    }

    fn add_intents(&mut self, reader: &mut Reader, at: &At) {
        for at in reader.list(at) {
            let intent = intents::intent(reader, &at);
            self.add(&at, intent.map(Change::Set));
        }
    }

    fn add(&mut self, at: &At, change: Option<Change>) {
        if change.is_some() {
            self.changes.push(IntentChange { change });
            self.places.push(Place { line: at.node.line, path: at.path.clone() });
        }
    }
}
