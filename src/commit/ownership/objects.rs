//! The objects in a daemon's tree: what is made, compared, kept and taken away as one. Pure.
//!
//! Some hold others (an instance its neighbours); what is an object's *own* is what no object inside it has.

use std::{collections::BTreeMap, sync::Arc};

pub(in crate::commit) use crate::protocol::object::Object as Kind;
use crate::protocol::object_at as kind_at;
use crate::tree::{List, Node, Path, Step, Tree, without};

/// Calls `visit` for every object, those that hold others first.
pub(in crate::commit) fn each(tree: &Tree, visit: &mut impl FnMut(&Path, Kind)) {
    walk(&mut Path::default(), tree, visit);
}

/// The objects of `tree` that `other` lacks, or has in part; those that hold others first. Costs a look at what both
/// have, and no more.
pub(super) fn beyond(tree: &Tree, other: &Tree) -> Vec<(Path, Kind)> {
    let mut all = Vec::new();
    each(&without(tree, other), &mut |path, kind| all.push((path.clone(), kind)));
    all
}

/// What a tree has of marked objects.
pub(in crate::commit) fn of_marks(marks: &Tree, tree: &Tree) -> Tree {
    let mut part = Tree::new();
    for (path, kind) in marked(marks, tree) {
        put(&mut part, &path, kind, &own(tree, &path, kind));
    }
    part
}

/// Marked objects as they stand in a tree.
pub(in crate::commit) fn marked(marks: &Tree, tree: &Tree) -> Vec<(Path, Kind)> {
    let mut all = Vec::new();
    marks.for_each_leaf(&mut |mark, _| {
        let path = Path(mark.0[..mark.0.len() - 1].to_vec());
        let Some((last, parents)) = path.0.split_last() else { return };
        let parent = tree.subtree(&Path(parents.to_vec()));
        let node = parent.and_then(|parent| parent.child(&last.name));
        let there = tree.contains(&path);
        if let Some(kind) = node.filter(|_| there).and_then(|node| kind_at(&path, node)) {
            all.push((path, kind));
        }
    });
    // An object's marks are beside each other.
    all.dedup_by(|a, b| a.0 == b.0);
    all
}

fn walk(path: &mut Path, tree: &Tree, visit: &mut impl FnMut(&Path, Kind)) {
    for (name, node) in tree.iter() {
        let mut enter = |path: &mut Path, step: Step, inside: Option<&Tree>| {
            path.0.push(step);
            let kind = kind_at(path, node);
            if let Some(kind) = kind {
                visit(path, kind);
            }
            if let Some(inside) = inside.filter(|_| kind.is_none_or(Kind::holds_others)) {
                walk(path, inside, visit);
            }
            path.0.pop();
        };
        match node {
            Node::Leaf(_) | Node::LeafList(_) => enter(path, Step::plain(name.clone()), None),
            Node::Container(inside) | Node::Presence(inside) => {
                enter(path, Step::plain(name.clone()), Some(inside));
            }
            Node::List(list) => {
                for (keys, entry) in &list.entries {
                    enter(path, list.step(name, keys), Some(entry));
                }
            }
        }
    }
}

/// Whether the object stands in the tree. What only leads to an object inside does not count.
pub(in crate::commit) fn stands(tree: &Tree, path: &Path, kind: Kind) -> bool {
    if !kind.is_presence() {
        return tree.contains(path);
    }
    let Some((last, parents)) = path.0.split_last() else { return false };
    let parent = tree.subtree(&Path(parents.to_vec()));
    matches!(parent.and_then(|parent| parent.child(&last.name)), Some(Node::Presence(_)))
}

/// What of the object is in the tree, without what is in it of other objects. Of a setting it is the leaf.
pub(in crate::commit) fn own(tree: &Tree, path: &Path, kind: Kind) -> Tree {
    let mut own = match path.0.split_last() {
        Some((last, parents)) if kind.is_leaf() => {
            let mut own = Tree::new();
            let parent = tree.subtree(&Path(parents.to_vec()));
            own.put(&last.name, parent.and_then(|parent| parent.child(&last.name)).cloned());
            return own;
        }
        Some(_) => tree.subtree(path).cloned().unwrap_or_default(),
        None => return Tree::new(),
    };
    match kind {
        Kind::Bfd => Tree::new(),
        Kind::Instance => {
            let mut settings = Tree::new();
            if let Some(global) = own.child("global").and_then(Node::tree) {
                let mut global = global.clone();
                for inside in ["afi-safis", "graceful-shutdown"] {
                    global.put(&inside.into(), None);
                }
                if !global.is_empty() {
                    settings.put(&"global".into(), Some(Node::Container(global)));
                }
            }
            settings
        }
        Kind::Process => {
            let redistribute = ["frr-ospfd:ospf", "redistribute"];
            if let Some(Node::Container(ospf)) = own.child(redistribute[0]) {
                let mut ospf = ospf.clone();
                ospf.put(&redistribute[1].into(), None);
                let node = (!ospf.is_empty()).then_some(Node::Container(ospf));
                own.put(&redistribute[0].into(), node);
            }
            own
        }
        _ => own,
    }
}

/// Whether another object stands in it.
pub(super) fn has_inside(tree: &Tree, path: &Path, kind: Kind) -> bool {
    let Some(inside) = tree.subtree(path).filter(|_| kind.holds_others()) else { return false };
    let (mut alone, mut found) = (Tree::new(), false);
    *alone.ensure(&path.0) = inside.clone();
    each(&alone, &mut |other, _| found |= other != path);
    found
}

/// Puts an object's own into a tree, beside what is there of it.
pub(in crate::commit) fn put(tree: &mut Tree, path: &Path, kind: Kind, own: &Tree) {
    if kind.is_presence() {
        tree.ensure_presence(path);
    }
    let base = if kind.is_leaf() { &path.0[..path.0.len() - 1] } else { &path.0[..] };
    tree.ensure(base).merge(own);
}

/// Takes an object's own out of a tree; objects inside stay.
pub(in crate::commit) fn strip(tree: &mut Tree, path: &Path, kind: Kind) {
    let is_object = |above: &Path| {
        let list = Node::List(List { keys: Arc::new([]), entries: BTreeMap::new() });
        kind_at(above, &list).is_some()
    };
    if !kind.holds_others() {
        tree.remove_with_shells(path, &is_object);
        return;
    }
    let Some(all) = tree.subtree(path) else { return };
    let mut rest = all.clone();
    match kind {
        Kind::Instance => {
            if let Some(Node::Container(global)) = all.child("global") {
                let mut kept = Tree::new();
                for name in ["afi-safis", "graceful-shutdown"] {
                    kept.put(&name.into(), global.child(name).cloned());
                }
                let node = (!kept.is_empty()).then_some(Node::Container(kept));
                rest.put(&"global".into(), node);
            }
        }
        Kind::Process => {
            let mut kept = Tree::new();
            if let Some(Node::Container(ospf)) = all.child("frr-ospfd:ospf") {
                kept.put(&"redistribute".into(), ospf.child("redistribute").cloned());
            }
            rest = Tree::new();
            if !kept.is_empty() {
                rest.put(&"frr-ospfd:ospf".into(), Some(Node::Container(kept)));
            }
        }
        _ => {}
    }
    if rest.is_empty() {
        tree.remove_with_shells(path, &is_object);
    } else {
        tree.remove(path);
        *tree.ensure(&path.0) = rest;
    }
}

/// Puts an object without anything in it into a tree, to say which is meant.
pub(in crate::commit) fn shape(tree: &mut Tree, path: &Path) {
    let mut found = None;
    for container in [false, true] {
        let mut alone = Tree::new();
        match container {
            true => alone.ensure_presence(path),
            false => drop(alone.ensure(&path.0)),
        }
        each(&alone, &mut |other, _| {
            if other == path {
                found = Some(container);
            }
        });
    }
    match found {
        Some(true) => tree.ensure_presence(path),
        _ => drop(tree.ensure(&path.0)),
    }
}

/// Name of the leaf that marks an object in a tree of marks: it was seen.
const SEEN: &str = "*";

/// Name of the leaf that marks an object that nobody could look for: its daemon was away.
const UNSEEN: &str = "?";

/// Marks an object that was seen.
pub(in crate::commit) fn mark(marks: &mut Tree, path: &Path) {
    marks.set(&path.join(Step::plain(SEEN)), "");
}

/// Marks an object that nobody could look for, unless it was seen before.
pub(in crate::commit) fn mark_unseen(marks: &mut Tree, path: &Path) {
    marks.set(&path.join(Step::plain(UNSEEN)), "");
}

/// Marks an object in every way, so that what is without these marks is without the object's.
pub(in crate::commit) fn mark_wholly(marks: &mut Tree, path: &Path) {
    mark(marks, path);
    mark_unseen(marks, path);
}

/// Whether an object is marked.
pub(in crate::commit) fn is_marked(marks: &Tree, path: &Path) -> bool {
    let has_mark = |inside: &Tree| [SEEN, UNSEEN].iter().any(|mark| inside.child(mark).is_some());
    marks.subtree(path).is_some_and(has_mark)
}

/// Whether an object is marked as one that was seen.
pub(in crate::commit) fn is_seen(marks: &Tree, path: &Path) -> bool {
    marks.subtree(path).is_some_and(|inside| inside.child(SEEN).is_some())
}

/// The path below by these names.
pub(super) fn below(path: &Path, names: &str) -> Path {
    names.split('/').fold(path.clone(), |path, name| path.join(Step::plain(name)))
}
