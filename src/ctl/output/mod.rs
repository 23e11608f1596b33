//! Answers as text. Pure: no I/O, no clock, no environment.
//!
//! Each answer is a view: a struct whose fields are named as in the protobuf contract
//! (that is its JSON), and which knows how to draw itself for people.

mod apply;
mod bfd;
mod causes;
mod config;
mod coverage;
mod declared;
mod done;
mod event;
mod explain;
pub mod intent;
mod lifetime;
mod ospf;
mod paint;
mod peers;
mod plan;
mod static_routes;
mod status;
pub(super) mod table;
pub(super) mod text;
mod transaction;
pub(super) mod when;
mod yaml;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

pub use apply::{ApplyResult, Deadline};
pub use bfd::BfdSessions;
pub use config::{Config, Reloaded};
pub use coverage::Coverage;
pub use declared::{Declared, Exported};
pub use done::{Adopted, BgpConfigured, Done, Drained, Registered};
pub use event::Event;
pub use explain::Explanation;
pub use ospf::OspfInterfaces;
pub use peers::{OnePeer, Peers};
pub use plan::Plan;
pub use static_routes::StaticRoutes;
pub use status::{Prefixes, Status};
pub use transaction::{Ended, Transaction, Transactions};
pub use when::Now;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Aligned columns, for people
    #[default]
    Table,
    /// The same with more columns
    Wide,
    /// One JSON document, for programs
    Json,
    /// One YAML document
    Yaml,
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

    /// For people with a wide screen: everything there is. Ends with a line feed.
    fn wide(&self, colour: Colour) -> String {
        self.table(colour)
    }
}

impl Format {
    /// Whether it is for people.
    pub fn is_for_people(self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }
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
            Format::Wide => view.wide(self.colour),
            Format::Json => format!("{:#}\n", document(view)),
            Format::Yaml => yaml::document(&document(view)),
        }
    }

    /// One answer of many: on one line, but for YAML, where it is a document of its own.
    pub fn line(self, view: &impl View) -> String {
        match self.format {
            Format::Table => view.table(self.colour),
            Format::Wide => view.wide(self.colour),
            Format::Json => format!("{}\n", document(view)),
            Format::Yaml => format!("---\n{}", yaml::document(&document(view))),
        }
    }
}

/// What is in an answer, but for what changes while nothing happens: ages and uptimes.
pub fn essence(view: &impl View) -> Value {
    let mut value = document(view);
    forget_time(&mut value);
    value
}

/// Fields that change while nothing happens.
const AGES: [&str; 5] = ["uptime", "snapshot_age_ms", "last_reset_age_s", "next_try_s", "age_s"];

fn forget_time(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !AGES.contains(&key.as_str()));
            map.values_mut().for_each(forget_time);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_time),
        _ => {}
    }
}

fn document(view: &impl View) -> Value {
    serde_json::to_value(view)
        .expect("views have derived Serialize and string keys, so this cannot fail")
}
