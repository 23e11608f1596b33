//! The pane of prefixes: counts, or, where somebody looks for one, the prefixes themselves. Pure.

use std::collections::BTreeMap;

use ratatui::layout::Constraint::{self, Length, Min};

use super::{
    cells::{Cell, first_word, plain, state},
    state::{Pane, Top},
};
use crate::{ctl::output::text, proto::v1::PrefixStatus};

/// Prefixes that are shown at a time, of those that the filter leaves: more than a screen has lines.
pub const SHOWN: usize = 1000;

/// Whether the prefixes themselves are shown: where the pane is enlarged, or a filter looks for some.
fn single(top: &Top) -> bool {
    !top.filter.is_empty() || (top.enlarged && top.focus == Pane::Prefixes)
}

/// Its columns.
pub fn columns(top: &Top) -> &'static [(&'static str, Constraint)] {
    if single(top) {
        return &[
            ("PREFIX", Min(18)),
            ("PROTOCOL", Length(8)),
            ("STATE", Length(12)),
            ("OWNER", Length(12)),
            ("REASON", Min(8)),
        ];
    }
    &[("OWNER", Length(16)), ("PROTOCOL", Length(11)), ("STATE", Length(12)), ("COUNT", Min(7))]
}

/// Its lines, before the filter.
pub fn rows(top: &Top) -> Vec<Vec<Cell>> {
    let all = top.data().status.iter().flat_map(|status| &status.prefixes);
    if single(top) { all.map(one).collect() } else { counts(all) }
}

fn one(prefix: &PrefixStatus) -> Vec<Cell> {
    let reason = if prefix.reason.is_empty() {
        prefix.state.split_once(": ").map_or("", |(_, why)| why)
    } else {
        &prefix.reason
    };
    vec![
        plain(&prefix.prefix),
        plain(&protocol(prefix)),
        state(first_word(&prefix.state)),
        plain(&prefix.owner),
        plain(reason),
    ]
}

fn counts<'a>(prefixes: impl Iterator<Item = &'a PrefixStatus>) -> Vec<Vec<Cell>> {
    let mut counts: BTreeMap<(&str, String, &str), usize> = BTreeMap::new();
    for prefix in prefixes {
        let key = (prefix.owner.as_str(), protocol(prefix), first_word(&prefix.state));
        *counts.entry(key).or_default() += 1;
    }
    let row = |((owner, protocol, word), count): ((&str, String, &str), usize)| {
        vec![plain(owner), plain(&protocol), state(word), plain(&count.to_string())]
    };
    counts.into_iter().map(row).collect()
}

fn protocol(prefix: &PrefixStatus) -> String {
    text::short_name(prefix.protocol().as_str_name(), "PROTOCOL_")
}
