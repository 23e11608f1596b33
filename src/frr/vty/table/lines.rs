//! Tree → lines of configuration.

use std::{collections::HashSet, sync::Arc};

use foldhash::fast::RandomState;

use super::{
    CliNode, Row, Table,
    pattern::{Bindings, DataPattern},
};
use crate::tree::{Keys, Path, Tree, plain_line};

/// Identifies what a line is about: its place in the table and the keys of the object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineKey {
    /// Place in the table: lines are sent in this order.
    pub order: usize,
    /// Values of the keys.
    pub keys: Keys,
}

/// One line of configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub key: LineKey,
    /// Lines that lead from the top of the configuration to where it stands; one copy for all that stand there.
    pub context: Arc<[String]>,
    /// The line. Shared with the steps that are made of it.
    pub text: Arc<str>,
    /// The line that takes it away.
    pub undo: Arc<str>,
    /// Where its data is. Shared, since it takes more room than all the rest.
    pub path: Arc<Path>,
    /// Whether it makes the object at `path`, so that `undo` removes all inside.
    pub entry: bool,
    /// Whether the line enters a node of its own.
    pub opens: bool,
    /// Lines of the same rival can't stand beside each other, not even for a moment.
    pub rival: Option<Box<str>>,
    /// Places of the lines that keep it where it is, whosever they are.
    pub kept_by: Arc<[usize]>,
    /// Bytes of `text` that say what it is about: of lines that begin so, the daemon has one.
    pub subject: usize,
    /// Words with which a line of the same beginning goes on that is about something else.
    pub beside: &'static [&'static str],
    /// Beginnings of other lines that it overwrites.
    pub also: &'static [&'static str],
}

impl Line {
    /// Whether a line that stands in the same place, and that the table can't read, is about the same as this one.
    pub fn overwrites(&self, other: &str) -> bool {
        let subject = without_no(self.text.get(..self.subject).unwrap_or(&self.text));
        let other = plain_line(other);
        let other = without_no(&other);
        let rest = |beginning| other.strip_prefix(beginning).filter(|rest| is_end(rest));
        let same = rest(subject).is_some_and(|rest| {
            let word = rest.split_whitespace().next().unwrap_or_default();
            !self.beside.contains(&word) && !names_another_table(other)
        });
        same || self.also.iter().any(|beginning| rest(beginning).is_some())
    }
}

/// Whether nothing follows, or other words.
fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(' ')
}

/// The line that a `no` takes away, or the line itself.
pub(crate) fn without_no(line: &str) -> &str {
    line.strip_prefix("no ").unwrap_or(line)
}

/// Whether a line is about an instance or a session in another VRF, or about a view: those are objects of their own, though they
/// have the number or the address of ours.
fn names_another_table(line: &str) -> bool {
    let mut words = line.split_whitespace();
    matches!(words.next(), Some("router" | "peer"))
        && words.any(|word| matches!(word, "vrf" | "view"))
}

/// Data that no row stands for: it can't be sent to this daemon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no command line for {}", .paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
pub struct NoLine {
    /// The leaves.
    pub paths: Vec<Path>,
}

/// A line, and the leaves that it says where that is asked for.
struct Rendered {
    line: Line,
    said: Vec<Path>,
}

impl Table {
    /// Every line that the tree stands for, in the order in which they are sent.
    pub fn lines(&self, tree: &Tree) -> Vec<Line> {
        self.render(tree, false).into_iter().map(|rendered| rendered.line).collect()
    }

    /// Like [`Table::lines`], where every leaf must be in a line.
    ///
    /// # Errors
    /// The leaves that no row stands for.
    pub fn all_lines(&self, tree: &Tree) -> Result<Vec<Line>, NoLine> {
        self.lines_with(tree, tree)
    }

    /// Like [`Table::lines`], where every leaf of `wanted`, a part of the tree, must be in a line.
    ///
    /// # Errors
    /// The leaves that no row stands for.
    pub fn lines_with(&self, tree: &Tree, wanted: &Tree) -> Result<Vec<Line>, NoLine> {
        // The standard library's hash would take a fifth of the time.
        let mut all = HashSet::with_hasher(RandomState::default());
        let lines = self.render(tree, true).into_iter().map(|Rendered { line, said }| {
            all.extend(said);
            line
        });
        let lines = lines.collect();
        let mut paths = Vec::new();
        wanted.for_each_leaf(&mut |path, _| {
            if !all.contains(path) {
                paths.push(path.clone());
            }
        });
        if paths.is_empty() { Ok(lines) } else { Err(NoLine { paths }) }
    }

    /// One line for each object, by the first row that has one.
    fn render(&self, tree: &Tree, telling: bool) -> Vec<Rendered> {
        let mut lines: Vec<Rendered> = Vec::new();
        for row in self.rows.iter().filter(|row| !row.only_shown) {
            let patterns: Vec<_> = row.data.iter().chain(&self.nodes[row.node].context).collect();
            solve(&patterns, tree, &Bindings::default(), &mut |bindings| {
                let Some(path) = row.data[0].path(bindings) else { return };
                let key = LineKey { order: row.order, keys: row.data[0].keys(&path, bindings) };
                let beside = lines.last().map(|rendered| rendered.line.context.clone());
                let Some(line) = self.line(row, bindings, key, path, beside) else { return };
                let leaves = row.data.iter().filter(|pattern| telling && pattern.is_leaf());
                let said = leaves.filter_map(|pattern| pattern.path(bindings)).collect();
                lines.push(Rendered { line, said });
            });
        }
        // Stable: those of the first row stay first.
        lines.sort_by(|a, b| a.line.key.cmp(&b.line.key));
        lines.dedup_by(|later, first| later.line.key == first.line.key);
        lines
    }

    /// A line; its place in the configuration is shared with the line before, where it is the same.
    fn line(
        &self,
        row: &Row,
        bindings: &Bindings,
        key: LineKey,
        path: Path,
        beside: Option<Arc<[String]>>,
    ) -> Option<Line> {
        let context = self.context(&self.nodes[row.node], bindings)?;
        let beside = beside.filter(|beside| beside[..] == context);
        Some(Line {
            key,
            context: beside.unwrap_or_else(|| context.into()),
            text: row.line.render(bindings)?.into(),
            undo: row.undo.render(bindings)?.into(),
            path: Arc::new(path),
            entry: row.entry,
            opens: row.opens.is_some(),
            rival: row.rival.and_then(|(kind, variable)| {
                Some(format!("{kind} {}", bindings.get(variable)?).into())
            }),
            kept_by: row.kept_by.clone(),
            subject: row.line.length(row.subject, bindings),
            beside: row.beside,
            also: row.also,
        })
    }

    fn context(&self, node: &CliNode, bindings: &Bindings) -> Option<Vec<String>> {
        let Some(parent) = node.parent else { return Some(Vec::new()) };
        let mut lines = self.context(&self.nodes[parent], bindings)?;
        lines.push(node.enter.render(bindings)?);
        Some(lines)
    }
}

/// Calls `found` for every way in which all of the patterns hold, one after the other.
fn solve(
    patterns: &[&DataPattern],
    tree: &Tree,
    bindings: &Bindings,
    found: &mut dyn FnMut(&Bindings),
) {
    match patterns.split_first() {
        None => found(bindings),
        Some((first, rest)) => {
            first.solve(tree, bindings, &mut |bindings| solve(rest, tree, &bindings, found));
        }
    }
}
