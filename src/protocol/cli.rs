//! The lines of a daemon's configuration as constants: what each stands for, and in which order they are sent.
//!
//! Pure. What is named stands before what names it; taking away goes the other way round. The language of the texts is
//! described in `frr::vty::table::pattern`, which compiles them. Paths are relative to the root of the row's node.

/// All that a daemon's table is made of.
pub(crate) struct Lines {
    /// Nodes of its command line.
    pub nodes: Vec<NodeSpec>,
    /// Its rows, in the order in which lines are sent.
    pub rows: Vec<RowSpec>,
    /// Leaves that it does not show at their defaults.
    pub hidden: Vec<HiddenSpec>,
}

/// Whether a line enters an instance of a protocol: it can't change its number, so that it is made anew, and it has a line
/// of its own, which is looked at by itself.
pub(crate) fn is_instance(line: &str) -> bool {
    line.starts_with("router ")
}

/// The node that everything is entered from.
pub(super) const TOP: &str = "top";

pub(super) const TOP_NODE: NodeSpec =
    NodeSpec { name: TOP, parent: None, enter: "", root: "", context: &[] };

/// A node of the command line, as a constant.
#[derive(Clone, Copy)]
pub(crate) struct NodeSpec {
    pub name: &'static str,
    pub parent: Option<&'static str>,
    pub enter: &'static str,
    /// Data path before that of every row in the node.
    pub root: &'static str,
    pub context: &'static [&'static str],
}

/// A row, before it is compiled.
pub(crate) struct RowSpec {
    pub node: &'static str,
    pub slot: &'static str,
    pub line: String,
    pub undo: String,
    pub data: Vec<String>,
    pub entry: bool,
    pub opens: Option<&'static str>,
    pub aliases: Vec<(String, &'static [(&'static str, &'static str)])>,
    pub rival: Option<(&'static str, &'static str)>,
    pub kept_by: &'static [&'static str],
    /// Number of the first words that say what the line is about, where they are others than usual.
    pub subject: Option<usize>,
    /// Words with which a line of the same beginning goes on that is about something else.
    pub beside: &'static [&'static str],
    /// Beginnings of other lines that it overwrites.
    pub also: &'static [&'static str],
    /// The daemon shows it in the place of several lines, which have rows of their own; it is read, and never sent.
    pub only_shown: bool,
}

/// A leaf that is not shown when it has `value`, or the schema's default where that is `None`; unless the object around
/// it has one of these lines, which give it another.
#[derive(Clone, Copy)]
pub(crate) struct HiddenSpec {
    pub root: &'static str,
    pub leaf: &'static str,
    pub value: Option<&'static str>,
    pub unless: &'static [(&'static str, &'static str)],
}

pub(super) fn row(
    node: &'static str,
    slot: &'static str,
    line: &str,
    undo: &str,
    data: &[&str],
) -> RowSpec {
    RowSpec {
        node,
        slot,
        line: line.to_owned(),
        undo: undo.to_owned(),
        data: data.iter().map(|text| (*text).to_owned()).collect(),
        entry: false,
        opens: None,
        aliases: Vec::new(),
        rival: None,
        kept_by: &[],
        subject: None,
        beside: &[],
        also: &[],
        only_shown: false,
    }
}

impl RowSpec {
    pub(super) fn entry(mut self) -> Self {
        self.entry = true;
        self
    }

    pub(super) fn opens(mut self, node: &'static str) -> Self {
        self.opens = Some(node);
        self
    }

    /// The daemon takes only one line of this `kind` for each value of `variable`: what stands has to go
    /// before another is sent.
    pub(super) fn rival(mut self, kind: &'static str, variable: &'static str) -> Self {
        self.rival = Some((kind, variable));
        self
    }

    /// It stays as long as a line of one of these slots is there, whosever that is.
    pub(super) fn kept_by(mut self, slots: &'static [&'static str]) -> Self {
        self.kept_by = slots;
        self
    }

    /// The daemon shows it in the place of several lines of other rows.
    pub(super) fn only_shown(mut self) -> Self {
        self.only_shown = true;
        self
    }

    /// The daemon has one line that begins with the first `count` words: another form of it would be overwritten.
    pub(super) fn subject(mut self, count: usize) -> Self {
        self.subject = Some(count);
        self
    }
}
