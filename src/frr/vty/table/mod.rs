//! YANG ⇄ CLI: one table, read in both directions.
//!
//! Pure: no async, no I/O. A row says which data nodes one line of FRR's configuration
//! stands for; [`Table::lines`] renders a tree into lines and [`Table::parse`] reads
//! `show running-config` back into a tree. The rows are in each protocol's room (`crate::protocol`): support for one more
//! leaf is one more row there.
//!
//! | file | owns |
//! |---|---|
//! | `pattern` | data patterns and line templates: the small language of the rows |
//! | `bindings` | values of a row's variables |
//! | `lines` | tree → lines |
//! | `parse` | running configuration → tree, and the lines that are not in the table |

mod bindings;
mod form;
mod lines;
mod parse;
mod pattern;

use std::sync::{Arc, LazyLock};

pub(crate) use lines::without_no;
pub use lines::{Line, LineKey, NoLine};
pub use parse::{Foreign, Running, Spelling};
use pattern::{DataPattern, Template};

use crate::{
    daemon::Daemon,
    protocol::{
        self,
        cli::{Lines, NodeSpec, RowSpec},
    },
    tree::{Path, Tree},
    yang::Models,
};

/// The table of one daemon.
#[derive(Debug)]
pub struct Table {
    nodes: Vec<CliNode>,
    rows: Vec<Row>,
    hidden: Vec<Hidden>,
}

/// A place in FRR's command line in which lines stand: the top, `router bgp`, …
#[derive(Debug)]
struct CliNode {
    /// Where it is entered from; `None` for the top.
    parent: Option<usize>,
    /// The line that enters it.
    enter: Template,
    /// Data that tells the variables of `enter`.
    context: Vec<DataPattern>,
}

/// One line of configuration and the data it stands for.
#[derive(Debug)]
struct Row {
    node: usize,
    /// Rows of one slot exclude each other: at most one of them stands for an object.
    slot: &'static str,
    /// Place in which its line is sent: that of the first row of its slot.
    order: usize,
    line: Template,
    undo: Template,
    /// What it stands for; where `entry` is set, the first is the entry.
    data: Vec<DataPattern>,
    /// The line makes a list entry or presence container, and its undo removes all inside.
    entry: bool,
    /// The node that the line enters as well.
    opens: Option<usize>,
    /// Other spellings that the daemon shows, with the variables that they lack.
    aliases: Vec<(Template, Vec<(&'static str, &'static str)>)>,
    /// A kind of line of which there is one for each value of a variable, and that variable.
    rival: Option<(&'static str, &'static str)>,
    /// Places of the lines that keep it where it is.
    kept_by: Arc<[usize]>,
    /// Tokens of the line that say what it is about.
    subject: usize,
    /// Words with which a line of the same beginning goes on that is about something else.
    beside: &'static [&'static str],
    /// Beginnings of other lines that it overwrites.
    also: &'static [&'static str],
    /// It is read, and never sent.
    only_shown: bool,
}

/// A leaf that the running configuration leaves out when it has a certain value.
#[derive(Debug)]
struct Hidden {
    leaf: DataPattern,
    value: Option<&'static str>,
    /// Lines of the object around it that give it another value.
    unless: &'static [(&'static str, &'static str)],
}

/// Values that leaves have where the running configuration doesn't show them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Beside the entries of `Table::hidden`.
    values: Vec<Option<String>>,
}

impl Table {
    /// The table of a daemon that is configured over its VTY socket.
    pub fn of(daemon: Daemon) -> Option<&'static Self> {
        static BGPD: LazyLock<Option<Table>> = LazyLock::new(|| Table::build(Daemon::Bgpd));
        static BFDD: LazyLock<Option<Table>> = LazyLock::new(|| Table::build(Daemon::Bfdd));
        static OSPFD: LazyLock<Option<Table>> = LazyLock::new(|| Table::build(Daemon::Ospfd));
        match daemon {
            Daemon::Bgpd => BGPD.as_ref(),
            Daemon::Bfdd => BFDD.as_ref(),
            Daemon::Ospfd => OSPFD.as_ref(),
            Daemon::Mgmtd => None,
        }
    }

    /// Panics where the rows, which are constants, are not well formed: the unit tests build them all.
    fn build(daemon: Daemon) -> Option<Self> {
        let Lines { nodes, rows, hidden } = protocol::lines(daemon)?;
        let hidden = hidden.iter().map(|spec| Hidden {
            leaf: DataPattern::parse(&format!("{}{}", spec.root, spec.leaf)),
            value: spec.value,
            unless: spec.unless,
        });
        Some(Self {
            nodes: nodes.iter().map(|node| CliNode::build(node, &nodes)).collect(),
            rows: rows.iter().map(|row| Row::build(row, &nodes, &rows)).collect(),
            hidden: hidden.collect(),
        })
    }

    /// For each row in turn its slot and the tree that it stands for, with values for its variables
    /// from `value`: what this table can say, for tests that have a daemon say it.
    pub fn examples(&self, value: impl Fn(&str, &str) -> String) -> Vec<(&'static str, Tree)> {
        let example = |row: &Row| {
            let mut bindings = pattern::Bindings::default();
            let context = &self.nodes[row.node].context;
            let patterns = || row.data.iter().chain(context);
            for variable in patterns().flat_map(DataPattern::variables) {
                bindings.bind(variable, &value(row.slot, variable));
            }
            let mut tree = Tree::new();
            for pattern in patterns() {
                pattern.assert(&mut tree, &bindings);
            }
            (row.slot, tree)
        };
        self.rows.iter().map(example).collect()
    }

    /// The values of hidden leaves under the defaults of the loaded schema.
    pub fn defaults(&self, models: &dyn Models) -> Defaults {
        let value = |hidden: &Hidden| match hidden.value {
            Some(value) => Some(value.to_owned()),
            None => models.default_of(&hidden.leaf.schema_path()),
        };
        Defaults { values: self.hidden.iter().map(value).collect() }
    }

    /// The values of hidden leaves that are the daemon's own, whatever the schema says.
    pub fn own_defaults(&self) -> Defaults {
        Defaults { values: self.hidden.iter().map(|it| it.value.map(str::to_owned)).collect() }
    }

    /// The values that hidden leaves have beside these lines, which the table does not know.
    fn defaults_beside(&self, foreign: &[Foreign], defaults: &Defaults) -> Defaults {
        let mut beside = defaults.clone();
        for (hidden, value) in self.hidden.iter().zip(&mut beside.values) {
            for (text, other) in hidden.unless {
                // An instance of a VRF is no place that the table knows: its lines stand in none.
                if foreign.iter().any(|it| it.text == *text && it.is_in_the_instance()) {
                    *value = Some((*other).to_owned());
                }
            }
        }
        beside
    }

    /// What a leaf falls back to where its line is taken away.
    pub fn default_of(&self, defaults: &Defaults, path: &Path) -> Option<String> {
        let at = self.hidden.iter().position(|hidden| hidden.leaf.matches(path))?;
        defaults.values.get(at)?.clone()
    }

    /// What an object that stays has where a hidden leaf of it goes: the daemon's own value. Without that it would be
    /// waited for until the daemon shows no value, which it never does.
    pub fn give_back_defaults(&self, goal: &mut Tree, running: &Running) {
        for (hidden, value) in self.hidden.iter().zip(&running.defaults.values) {
            let Some(value) = value else { continue };
            for path in hidden.leaf.instances_of_parent_entry(goal) {
                if goal.leaf(&path).is_none() && running.tree.leaf(&path).is_some() {
                    goal.set(&path, value.as_str());
                }
            }
        }
    }

    /// Adds the hidden leaves that are not there to every object that is.
    fn fill(&self, tree: &mut Tree, defaults: &Defaults) {
        for (hidden, value) in self.hidden.iter().zip(&defaults.values) {
            let Some(value) = value else { continue };
            for path in hidden.leaf.instances_of_parent_entry(tree) {
                if tree.leaf(&path).is_none() {
                    tree.set(&path, value.as_str());
                }
            }
        }
    }
}

impl CliNode {
    fn build(node: &NodeSpec, nodes: &[NodeSpec]) -> Self {
        Self {
            parent: node.parent.map(|name| index(nodes, name)),
            enter: Template::parse(node.enter),
            context: node.context.iter().map(|text| data_pattern(node, text)).collect(),
        }
    }
}

impl Row {
    fn build(row: &RowSpec, nodes: &[NodeSpec], rows: &[RowSpec]) -> Self {
        let order = |slot: &str| {
            let at = rows.iter().position(|row| row.slot == slot);
            at.unwrap_or_else(|| panic!("no row {slot}"))
        };
        let node = index(nodes, row.node);
        let line = Template::parse(&row.line);
        let data: Vec<_> = row.data.iter().map(|text| data_pattern(&nodes[node], text)).collect();
        let keys: Vec<_> = data[0].key_variables().collect();
        let subject = row.subject.unwrap_or_else(|| line.subject(&keys, row.entry));
        let aliases = row.aliases.iter();
        Self {
            node,
            slot: row.slot,
            order: order(row.slot),
            line,
            undo: Template::parse(&row.undo),
            data,
            entry: row.entry,
            opens: row.opens.map(|name| index(nodes, name)),
            aliases: aliases
                .map(|(line, lacking)| (Template::parse(line), lacking.to_vec()))
                .collect(),
            rival: row.rival,
            kept_by: row.kept_by.iter().map(|slot| order(slot)).collect(),
            subject,
            beside: row.beside,
            also: row.also,
            only_shown: row.only_shown,
        }
    }
}

/// Where a node of this name is.
fn index(nodes: &[NodeSpec], name: &str) -> usize {
    let at = nodes.iter().position(|node| node.name == name);
    at.unwrap_or_else(|| panic!("no CLI node {name}"))
}

/// A pattern below the data of its node.
fn data_pattern(node: &NodeSpec, text: &str) -> DataPattern {
    let absolute = match text.strip_prefix('?') {
        Some(text) => format!("?{}{}", node.root, text),
        None => format!("{}{}", node.root, text),
    };
    DataPattern::parse(&absolute)
}
