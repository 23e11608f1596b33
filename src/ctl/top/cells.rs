//! Cells of the panes. Pure.

use crate::ctl::output::{table::Health, text};

/// One cell: text, and how good that is where it says so.
pub type Cell = (String, Option<Health>);

/// A text that may be anything.
pub fn plain(text: &str) -> Cell {
    (text::or_dash(&text::printable(text)).to_owned(), None)
}

/// A state, by how good it is.
pub fn state(text: &str) -> Cell {
    (plain(text).0, Some(Health::of_state(text)))
}

/// `rejected` of `rejected: why`.
pub fn first_word(state: &str) -> &str {
    state.split([' ', ':']).next().unwrap_or_default()
}
