//! What everybody else asks of loaded models.

use std::{collections::BTreeMap, sync::Arc};

use super::YangError;
use crate::tree::{Path, Tree};

/// The models of one FRR: libyang's ([`super::Schema`]), or their names and types alone ([`super::Quick`]).
pub trait Models: Send {
    /// Names and revisions of the modules that are implemented, sorted.
    fn modules(&self) -> Vec<(String, Option<String>)>;

    /// Modules that can't be loaded, each with why.
    fn missing(&self) -> &BTreeMap<String, String>;

    /// Whether there is a node at this schema path (`/frr-routing:routing/…`).
    fn has(&self, schema_path: &str) -> bool;

    /// What a leaf is where nothing is said, as the models and the profile have it.
    fn default_of(&self, path: &Path) -> Option<String>;

    /// Validates trees, and tells of it at once: of the first thing that is wrong, if there is one.
    fn check_all(&self, trees: &[Arc<Tree>], tell: &mut dyn FnMut(Result<(), YangError>));

    /// Reads what a daemon says: nodes of modules that are not loaded are left out. Types are checked; `when`, `must`,
    /// mandatory nodes and references are not.
    ///
    /// # Errors
    /// What is wrong, and where.
    fn parse_known_json(&self, json: &str) -> Result<Tree, YangError>;

    /// Writes a tree as JSON (RFC 7951) without blanks and ends of lines.
    ///
    /// # Errors
    /// The tree has a node that the models don't know; or there is no memory for the text.
    fn print_compact_json(&self, tree: &Tree) -> Result<String, YangError>;
}
