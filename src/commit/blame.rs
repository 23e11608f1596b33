//! Which change of a transaction is to blame for what FRR refused. Pure.

use crate::{
    daemon::{Daemon, Forest},
    model::Change,
    render::{Shapes, render_into},
    store::Store,
    tree::Path,
};

/// Index of the first change whose data in `daemon` includes `path`; for one that withdraws, the
/// data of what stood `before`.
pub(super) fn blame(
    changes: &[Change],
    daemon: Daemon,
    path: &Path,
    shapes: Shapes,
    before: &Store,
) -> Option<usize> {
    changes.iter().position(|change| {
        let mut forest = Forest::new();
        let intent = match change {
            Change::Set(intent) => Some(intent),
            Change::Remove(key) => before.get(key).map(|owned| &owned.intent),
        };
        if let Some(intent) = intent {
            render_into(&mut forest, intent, shapes);
        }
        forest.get(&daemon).is_some_and(|tree| tree.contains(path))
    })
}
