//! All that is known of the selected line. Pure.

use super::{
    cells::Cell,
    rows,
    state::{Pane, Top},
};
use crate::ctl::output::{Colour, OnePeer, View};

/// The title and the lines: of a peer what `peers ADDRESS` says, of all else each column by its name. `None` where there is no
/// line.
pub fn of(top: &Top) -> Option<(String, Vec<String>)> {
    let rows = rows::rows(top, top.focus);
    let row = rows.get(top.selected(top.focus, rows.len()))?;
    let first = row.first().map(|(text, _)| text.clone()).unwrap_or_default();
    let title = format!("{} {first}", top.focus.title());
    if top.focus == Pane::Peers
        && let Some(peer) = peer(top, &first)
    {
        let lines = peer.table(Colour::None).lines().map(str::to_owned).collect();
        return Some((title, lines));
    }
    let columns = rows::columns(top, top.focus);
    let width = columns.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let line = |((name, _), (text, _)): (&(&str, _), &Cell)| format!("{name:width$}  {text}");
    Some((title, columns.iter().zip(row).map(line).collect()))
}

fn peer(top: &Top, address: &str) -> Option<OnePeer> {
    let peers = top.data().status.as_ref()?.peers.clone();
    OnePeer::among(peers, address.parse().ok()?)
}
