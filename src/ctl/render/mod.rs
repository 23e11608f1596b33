//! Answers as text. Pure: no I/O, no clock, no environment.
//!
//! Each answer is a view: a struct whose fields are named as in the protobuf contract
//! (that is its JSON), and which knows how to draw itself for people.

mod applied;
mod coverage;
mod done;
mod event;
pub(super) mod intent;
mod paint;
mod plan;
mod status;
mod table;
pub(super) mod text;
mod transaction;
mod when;

use clap::ValueEnum;
use serde::Serialize;

pub use applied::{Applied, Deadline};
pub use coverage::Coverage;
pub use done::{BgpConfigured, Done, Registered};
pub use event::Event;
pub use plan::Plan;
pub use status::{Peers, Prefixes, Status};
pub use transaction::{Ended, Transaction, Transactions};
pub use when::Now;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Aligned columns, for people
    #[default]
    Table,
    /// One JSON document, for programs
    Json,
}

/// Whether text for people has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    None,
    /// Colours of ECMA-48 (ANSI) terminals.
    Ansi,
}

/// An answer that can be shown.
pub trait View: Serialize {
    /// For people. Ends with a line feed.
    fn table(&self, colour: Colour) -> String;
}

/// How answers are shown.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// For people or for programs.
    pub format: Format,
    /// Colours, for people only.
    pub colour: Colour,
}

impl Look {
    /// The whole answer; its JSON is indented. Ends with a line feed.
    pub fn show(self, view: &impl View) -> String {
        match self.format {
            Format::Table => view.table(self.colour),
            Format::Json => json(serde_json::to_string_pretty(view)),
        }
    }

    /// One answer of many, on one line.
    pub fn line(self, view: &impl View) -> String {
        match self.format {
            Format::Table => view.table(self.colour),
            Format::Json => json(serde_json::to_string(view)),
        }
    }
}

fn json(document: serde_json::Result<String>) -> String {
    let mut document =
        document.expect("views have derived Serialize and string keys, so this cannot fail");
    document.push('\n');
    document
}
