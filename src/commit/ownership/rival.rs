//! Static routes that are one route to FRR though the models have an entry for each next hop: FRR from 10.7 on, where the
//! distance is no key. Pure.

use super::objects::Kind;
use crate::tree::{Node, Path, Step, Tree};

/// staticd's distance where none is said.
const DEFAULT_DISTANCE: &str = "1";

/// The routes of `tree` to the same prefix and at the same distance as `path` has in `stated`, but that one.
pub(super) fn rivals(path: &Path, kind: Kind, stated: &Tree, tree: &Tree) -> Vec<Path> {
    let Some((last, parents)) = path.0.split_last().filter(|_| kind == Kind::Route) else {
        return Vec::new();
    };
    if last.key("distance").is_some() {
        return Vec::new();
    }
    let above = Path(parents.to_vec());
    let Some(Node::List(list)) = tree.subtree(&above).and_then(|above| above.child(&last.name))
    else {
        return Vec::new();
    };
    let distance = |tree: &Tree, path: &Path| {
        tree.leaf(&path.join(Step::plain("distance"))).unwrap_or(DEFAULT_DISTANCE).to_owned()
    };
    let wanted = distance(stated, path);
    let all = list.entries.keys().map(|keys| above.join(list.step(&last.name, keys)));
    all.filter(|other| other != path && distance(tree, other) == wanted).collect()
}
