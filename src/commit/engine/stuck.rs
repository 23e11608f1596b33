//! Objects of ours that go, and that FRR refuses to lose. They are left as they are and stay ours, so that they go when FRR
//! lets them.

use std::{borrow::Cow, collections::BTreeMap};

use super::Engine;
use crate::{
    daemon::{Daemon, Forest},
    tree::{Node, Path, Tree},
};

impl Engine {
    /// From now on these are left as they are, unless they are desired again.
    pub fn set_stuck(&mut self, mut stuck: BTreeMap<Daemon, Vec<Path>>) {
        for (daemon, member) in &mut self.members {
            member.stuck = stuck.remove(daemon).unwrap_or_default();
        }
    }

    /// What is kept besides what is desired: all that is stuck. What is desired again is not stuck.
    pub(super) fn with_stuck<'a>(&self, desired: &'a Forest) -> Cow<'a, Forest> {
        let mut keep = Cow::Borrowed(desired);
        for (daemon, member) in self.members.iter().filter(|(_, it)| !it.last.is_empty()) {
            let wanted = desired.get(daemon);
            let goes = |path: &&Path| !wanted.is_some_and(|tree| tree.contains(path));
            for path in member.stuck.iter().filter(goes) {
                graft(keep.to_mut().entry(*daemon).or_default(), &member.last, path);
            }
        }
        keep
    }
}

/// Takes over what `from` has at `path`, with all inside.
fn graft(tree: &mut Tree, from: &Tree, path: &Path) {
    if let Some(value) = from.leaf(path) {
        tree.set(path, value);
        return;
    }
    let Some(inside) = from.subtree(path) else { return };
    for end in 1..=path.0.len() {
        let above = Path(path.0[..end].to_vec());
        let Some((last, parents)) = above.0.split_last() else { continue };
        let parent = from.subtree(&Path(parents.to_vec()));
        if let Some(Node::Presence(_)) = parent.and_then(|parent| parent.child(&last.name)) {
            tree.ensure_presence(&above);
        }
    }
    tree.ensure(&path.0).merge(inside);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_grafted_is_there_with_all_inside_and_nothing_beside() {
        let mut from = Tree::new();
        for (path, value) in [("/m:a/list[k='1']/leaf", "x"), ("/m:a/list[k='2']/leaf", "y")] {
            from.set(&path.parse().expect("a path"), value);
        }
        let mut tree = Tree::new();
        graft(&mut tree, &from, &"/m:a/list[k='1']".parse().expect("a path"));
        graft(&mut tree, &from, &"/m:a/list[k='3']".parse().expect("a path"));
        let mut leaves = Vec::new();
        tree.for_each_leaf(&mut |path, value| leaves.push(format!("{path} = {value}")));
        assert_eq!(leaves, ["/m:a/list[k='1']/leaf = x"]);
    }
}
