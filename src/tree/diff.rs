//! Two trees → edits; edits → their reverse; last-applied × running × desired → edits.

use super::{List, Node, Path, Step, Tree};

/// One difference: what stands at `path` before and after.
///
/// A list entry or presence container that appears or disappears is one edit, with all that is in
/// it. For a list entry the node is the entry's content, as [`Node::Container`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where.
    pub path: Path,
    /// What stood there; `None` where nothing did.
    pub old: Option<Node>,
    /// What shall stand there; `None` where nothing shall.
    pub new: Option<Node>,
}

/// What has to change to turn `old` into `new`, parents before their children.
pub fn diff(old: &Tree, new: &Tree) -> Vec<Edit> {
    let mut edits = Vec::new();
    diff_trees(&mut Path::default(), old, new, &mut edits);
    edits
}

/// The edits that undo `edits`, last first.
pub fn reverse(edits: &[Edit]) -> Vec<Edit> {
    edits
        .iter()
        .rev()
        .map(|edit| Edit { path: edit.path.clone(), old: edit.new.clone(), new: edit.old.clone() })
        .collect()
}

/// Carries the edits out.
pub fn apply<'a>(tree: &mut Tree, edits: impl IntoIterator<Item = &'a Edit>) {
    for edit in edits {
        let Some((last, parents)) = edit.path.0.split_last() else { continue };
        match &edit.new {
            None => drop(tree.remove(&edit.path)),
            Some(node) if !last.is_entry() => {
                tree.ensure(parents).put(&last.name, Some(node.clone()));
            }
            Some(node) => {
                *tree.ensure(&edit.path.0) = node.tree().cloned().unwrap_or_default();
            }
        }
    }
}

/// What the running tree has to become so that all of `desired` is in it, and nothing
/// of `last` that is no longer desired. Everything else in `running` is foreign and
/// stays, also inside a list entry that was ours: the entry goes only when nothing is left in it.
///
/// `default` tells what the daemon falls back to where a leaf goes; such a leaf is set to
/// that instead of being removed. `keep` is what stays though `desired` lacks it; usually it is
/// `desired` itself. The result is the whole running tree as it shall be: the edits are its
/// [`diff`] against `running`.
pub fn three_way(
    last: &Tree,
    running: &Tree,
    desired: &Tree,
    keep: &Tree,
    default: &impl Fn(&Path) -> Option<String>,
) -> Tree {
    let mut goal = running.clone();
    advance(&mut goal, last, desired, keep, default);
    goal
}

/// [`three_way`] in place: `tree` is the running tree before, and the goal afterwards. Costs what
/// `last`, `desired` and `keep` hold, however large the tree is, so that they may be a part of it.
pub fn advance(
    tree: &mut Tree,
    last: &Tree,
    desired: &Tree,
    keep: &Tree,
    default: &impl Fn(&Path) -> Option<String>,
) {
    take_away(&mut Path::default(), tree, last, Some(keep), default);
    tree.merge(desired);
}

/// Takes out of `tree` what `last` has and `keep` lacks, which is `None` below something that it lacks.
fn take_away(
    path: &mut Path,
    tree: &mut Tree,
    last: &Tree,
    keep: Option<&Tree>,
    default: &impl Fn(&Path) -> Option<String>,
) {
    for (name, node) in last.iter() {
        let kept = keep.and_then(|tree| tree.child(name));
        let Some(ours) = tree.child_mut(name) else { continue };
        match (node, ours) {
            (Node::Leaf(_) | Node::LeafList(_), ours) => {
                if kept.is_some() {
                    continue;
                }
                let falls_back = keep.is_some() && matches!(ours, Node::Leaf(_));
                let value = falls_back.then(|| default(&path.join(Step::plain(name.clone()))));
                let node = value.flatten().map(|value| Node::Leaf(value.into()));
                tree.put(name, node);
                continue;
            }
            (Node::Container(inside) | Node::Presence(inside), ours) => {
                let kept_inside = kept.and_then(Node::tree);
                let means_something = matches!(node, Node::Presence(_));
                // Below a plain container that is lacking, its leaves still stand for themselves.
                let below = match means_something || keep.is_none() {
                    true => kept_inside,
                    false => kept_inside.or(Some(&EMPTY)),
                };
                let Some(ours) = ours.tree_mut() else { continue };
                path.0.push(Step::plain(name.clone()));
                take_away(path, ours, inside, below, default);
                path.0.pop();
                if means_something && kept_inside.is_none() && ours.is_empty() {
                    tree.put(name, None);
                    continue;
                }
            }
            (Node::List(list), Node::List(ours)) => {
                for (keys, entry) in &list.entries {
                    let kept = match kept {
                        Some(Node::List(kept)) => kept.entries.get(keys),
                        _ => None,
                    };
                    let Some(our_entry) = ours.entries.get_mut(keys) else { continue };
                    // Most often all of it is ours.
                    if kept.is_some() || our_entry != entry {
                        path.0.push(list.step(name, keys));
                        take_away(path, our_entry, entry, kept, default);
                        path.0.pop();
                        if kept.is_some() || !our_entry.is_empty() {
                            continue;
                        }
                    }
                    ours.entries.remove(keys);
                }
            }
            _ => continue,
        }
        if tree.child(name).is_some_and(Node::is_void) {
            tree.put(name, None);
        }
    }
}

/// What `first` has and `second` lacks, whatever the values of leaves.
pub fn without(first: &Tree, second: &Tree) -> Tree {
    let mut rest = Tree::new();
    only_in_first(&mut Path::default(), first, Some(second), &mut |path, what| {
        let Some((last, parents)) = path.0.split_last() else { return };
        match what {
            What::Leaf(node) => rest.ensure(parents).put(&last.name, Some(node.clone())),
            What::Shell if !last.is_entry() => rest.ensure_presence(path),
            What::Shell => drop(rest.ensure(&path.0)),
        }
    });
    rest
}

/// A node that was ours and is no longer desired.
enum What<'a> {
    /// A leaf.
    Leaf(&'a Node),
    /// A list entry or presence container, after all that is in it.
    Shell,
}

fn diff_trees(path: &mut Path, old: &Tree, new: &Tree, edits: &mut Vec<Edit>) {
    let mut push = |path: &Path, step: Step, old: Option<Node>, new: Option<Node>| {
        edits.push(Edit { path: path.join(step), old, new });
    };
    // Whole nodes first, so that a parent stands before what is inside it.
    let mut inside = Vec::new();
    for (name, before) in old.iter() {
        match new.child(name) {
            None => push_whole(&mut push, path, name, before, false),
            Some(after) if before == after => {}
            Some(after) => inside.push((name, before, after)),
        }
    }
    for (name, after) in new.iter() {
        if old.child(name).is_none() {
            push_whole(&mut push, path, name, after, true);
        }
    }
    for (name, before, after) in inside {
        match (before, after) {
            (Node::List(before), Node::List(after)) => {
                diff_lists(path, name, before, after, edits);
            }
            (Node::Container(before), Node::Container(after))
            | (Node::Presence(before), Node::Presence(after)) => {
                path.0.push(Step::plain(name.clone()));
                diff_trees(path, before, after, edits);
                path.0.pop();
            }
            (before, after) => edits.push(Edit {
                path: path.join(Step::plain(name.clone())),
                old: Some(before.clone()),
                new: Some(after.clone()),
            }),
        }
    }
}

/// Edits for a node that is only in one tree: one for each entry where it is a list; a container
/// without presence is only what is in it.
fn push_whole(
    push: &mut impl FnMut(&Path, Step, Option<Node>, Option<Node>),
    path: &Path,
    name: &super::Name,
    node: &Node,
    appears: bool,
) {
    let sides = |node: Node| if appears { (None, Some(node)) } else { (Some(node), None) };
    match node {
        Node::List(list) => {
            for (keys, entry) in &list.entries {
                let (old, new) = sides(Node::Container(entry.clone()));
                push(path, list.step(name, keys), old, new);
            }
        }
        Node::Container(inside) => {
            let path = path.join(Step::plain(name.clone()));
            for (name, node) in inside.iter() {
                push_whole(push, &path, name, node, appears);
            }
        }
        node => {
            let (old, new) = sides(node.clone());
            push(path, Step::plain(name.clone()), old, new);
        }
    }
}

fn diff_lists(path: &mut Path, name: &super::Name, old: &List, new: &List, edits: &mut Vec<Edit>) {
    for (keys, entry) in &old.entries {
        let step = old.step(name, keys);
        match new.entries.get(keys) {
            None => edits.push(Edit {
                path: path.join(step),
                old: Some(Node::Container(entry.clone())),
                new: None,
            }),
            Some(after) if entry == after => {}
            Some(after) => {
                path.0.push(step);
                diff_trees(path, entry, after, edits);
                path.0.pop();
            }
        }
    }
    for (keys, entry) in &new.entries {
        if !old.entries.contains_key(keys) {
            edits.push(Edit {
                path: path.join(new.step(name, keys)),
                old: None,
                new: Some(Node::Container(entry.clone())),
            });
        }
    }
}

/// Leaves, list entries and presence containers that `first` has and `second` lacks,
/// children before their parents. `second` is `None` below something that it lacks.
fn only_in_first(
    path: &mut Path,
    first: &Tree,
    second: Option<&Tree>,
    gone: &mut dyn FnMut(&Path, What<'_>),
) {
    for (name, node) in first.iter() {
        let other = second.and_then(|tree| tree.child(name));
        // A plain container in the place of one that means something only leads to what is in it.
        let only_leads = matches!((node, other), (Node::Presence(_), Some(Node::Container(_))));
        let mut descend = |step: Step, tree: &Tree, other: Option<&Tree>, shell: bool| {
            path.0.push(step);
            // Below a plain container that is lacking, its leaves still stand for themselves.
            let below = if shell || second.is_none() { other } else { other.or(Some(&EMPTY)) };
            only_in_first(path, tree, below, gone);
            if shell && (other.is_none() || only_leads) {
                gone(path, What::Shell);
            }
            path.0.pop();
        };
        match node {
            Node::Leaf(_) | Node::LeafList(_) => {
                if other.is_none() {
                    path.0.push(Step::plain(name.clone()));
                    gone(path, What::Leaf(node));
                    path.0.pop();
                }
            }
            Node::Container(tree) => {
                descend(Step::plain(name.clone()), tree, other.and_then(Node::tree), false);
            }
            Node::Presence(tree) => {
                descend(Step::plain(name.clone()), tree, other.and_then(Node::tree), true);
            }
            Node::List(list) => {
                for (keys, entry) in &list.entries {
                    let theirs = match other {
                        Some(Node::List(other)) => other.entries.get(keys),
                        _ => None,
                    };
                    descend(list.step(name, keys), entry, theirs, true);
                }
            }
        }
    }
}

/// What a container holds that is not there.
static EMPTY: Tree = Tree::EMPTY;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tree(leaves: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::new();
        for (path, value) in leaves {
            tree.set(&path.parse().expect("a path"), *value);
        }
        tree
    }

    #[test]
    fn foreign_nodes_stay_and_what_was_ours_goes() {
        let last =
            tree(&[("/l[k='ours']/a", "1"), ("/l[k='both']/a", "1"), ("/l[k='shared']/a", "1")]);
        let running = tree(&[
            ("/l[k='ours']/a", "1"),
            ("/l[k='both']/a", "1"),
            ("/l[k='both']/theirs", "1"),
            ("/l[k='shared']/a", "1"),
            ("/l[k='shared']/theirs", "1"),
            ("/l[k='theirs']/a", "1"),
        ]);
        let desired = tree(&[("/l[k='both']/a", "2")]);
        let goal = three_way(&last, &running, &desired, &desired, &|_| None);
        assert_eq!(
            goal,
            tree(&[
                ("/l[k='both']/a", "2"),
                ("/l[k='both']/theirs", "1"),
                ("/l[k='shared']/theirs", "1"),
                ("/l[k='theirs']/a", "1"),
            ])
        );
    }

    #[test]
    fn a_leaf_with_a_default_falls_back_to_it() {
        let last = tree(&[("/a", "off")]);
        let running = tree(&[("/a", "off")]);
        let goal = three_way(&last, &running, &Tree::new(), &Tree::new(), &|_| Some("on".into()));
        assert_eq!(goal, tree(&[("/a", "on")]));
    }

    fn any_tree() -> impl Strategy<Value = Tree> {
        let leaf = (0..3u8, 0..3u8, prop::option::of(0..3u8), 0..3u8);
        prop::collection::vec(leaf, 0..12).prop_map(|leaves| {
            let mut tree = Tree::new();
            for (list, key, inner, value) in leaves {
                let path = match inner {
                    Some(inner) => format!("/m:c/l{list}[k='{key}']/c/x{inner}"),
                    None => format!("/m:c/y{list}{key}"),
                };
                tree.set(&path.parse().expect("a path"), value.to_string());
            }
            tree
        })
    }

    proptest! {
        #[test]
        fn a_diff_leads_there_and_its_reverse_back(old in any_tree(), new in any_tree()) {
            let edits = diff(&old, &new);
            prop_assert_eq!(edits.is_empty(), old == new);
            let mut tree = old.clone();
            apply(&mut tree, &edits);
            prop_assert_eq!(&tree, &new);
            apply(&mut tree, &reverse(&edits));
            prop_assert_eq!(&tree, &old);
        }

        #[test]
        fn a_goal_has_all_that_is_desired_and_repeating_changes_nothing(
            last in any_tree(), running in any_tree(), desired in any_tree(),
        ) {
            let goal = three_way(&last, &running, &desired, &desired, &|_| None);
            let again = three_way(&desired, &goal, &desired, &desired, &|_| None);
            prop_assert_eq!(&again, &goal);
            let mut merged = goal.clone();
            merged.merge(&desired);
            prop_assert_eq!(merged, goal);
        }

        /// Leaf by leaf: what is desired, what falls back, and what is foreign.
        #[test]
        fn a_goal_is_made_of_what_each_has_a_say_in(
            last in any_tree(), running in any_tree(), more in any_tree(), desired in any_tree(), kept in any_tree(),
        ) {
            let (mut running, mut keep) = (running, desired.clone());
            running.merge(&more);
            running.merge(&last);
            keep.merge(&kept);
            let goal = three_way(&last, &running, &desired, &keep, &|_| None);
            let mut expected = Tree::new();
            running.for_each_leaf(&mut |path, value| {
                if last.leaf(path).is_none() || keep.leaf(path).is_some() {
                    expected.set(path, value);
                }
            });
            expected.merge(&desired);
            let leaves = |tree: &Tree| {
                let mut leaves = Vec::new();
                tree.for_each_leaf(&mut |path, value| leaves.push(format!("{path} {value}")));
                leaves
            };
            prop_assert_eq!(leaves(&goal), leaves(&expected));
        }

        #[test]
        fn what_is_included_changes_nothing_when_it_is_merged(
            tree in any_tree(), other in any_tree(),
        ) {
            let mut merged = tree.clone();
            merged.merge(&other);
            prop_assert_eq!(tree.includes(&other), merged == tree);
            prop_assert!(merged.includes(&other) && merged.includes(&Tree::new()));
        }
    }
}
