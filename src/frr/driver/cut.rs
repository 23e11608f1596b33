//! Of lists with very many entries a plan looks at those that differ, and at so many of them at the most: what is equal needs no
//! lines. Pure.

use std::{collections::HashSet, sync::LazyLock};

use crate::tree::{Keys, List, Node, Path, Tree};

/// Lists of which an entry is one line, and no line is about two of them.
const LISTS: [&str; 1] = ["network-config"];

/// Entries from which on it is worth it.
const MANY: usize = 256;

/// The AS of the instance: with another one all that is in it is made anew.
static LOCAL_AS: LazyLock<Path> = LazyLock::new(|| {
    "/frr-routing:routing/control-plane-protocols\
     /control-plane-protocol[type='frr-bgp:bgp'][name='bgp'][vrf='default']/frr-bgp:bgp/global/local-as"
        .parse()
        .expect("a constant path")
});

/// What is left to be planned.
pub(super) struct Cut {
    pub running: Tree,
    pub goal: Tree,
    pub wanted: Tree,
    /// Whether entries are left for another plan.
    pub postponed: bool,
}

/// The trees without entries that are equal, and with the first so many of those that come or change. `None` where that is not
/// worth it, or would leave something out.
pub(super) fn cut(running: &Tree, goal: &Tree, wanted: &Tree, most: usize) -> Option<Cut> {
    let same_as = running.leaf(&LOCAL_AS).is_none_or(|number| goal.leaf(&LOCAL_AS) == Some(number));
    if !same_as || count(goal).max(count(running)) <= MANY {
        return None;
    }
    let (mut chosen, mut postponed) = (HashSet::new(), false);
    let mut left = most;
    differing(running, goal, &mut |keys, _| match left.checked_sub(1) {
        Some(less) => {
            left = less;
            chosen.insert(keys);
        }
        None => postponed = true,
    });
    differing(goal, running, &mut |keys, other| {
        // What goes is never left for later.
        if other.is_none() {
            chosen.insert(keys);
        }
    });
    let only = |tree| only(tree, &chosen);
    Some(Cut { running: only(running), goal: only(goal), wanted: only(wanted), postponed })
}

fn is_cut(name: &str) -> bool {
    LISTS.contains(&name)
}

/// Entries of long lists.
pub(super) fn count(tree: &Tree) -> usize {
    let of = |node: &Node| match node {
        Node::List(list) => list.entries.values().map(count).sum(),
        node => node.tree().map_or(0, count),
    };
    let each = tree.iter().map(|(name, node)| match node {
        Node::List(list) if is_cut(name) => list.entries.len(),
        node => of(node),
    });
    each.sum()
}

/// Calls `found` for each entry of `second` that `first` lacks or has otherwise, with what that has.
fn differing<'a>(first: &Tree, second: &'a Tree, found: &mut dyn FnMut(&'a Keys, Option<&Tree>)) {
    let none = Tree::new();
    for (name, node) in second.iter() {
        let other = first.child(name);
        let entry = |keys: &Keys| match other {
            Some(Node::List(other)) => other.entries.get(keys),
            _ => None,
        };
        match node {
            Node::List(list) if is_cut(name) => {
                for (keys, inside) in &list.entries {
                    let other = entry(keys);
                    if other != Some(inside) {
                        found(keys, other);
                    }
                }
            }
            Node::List(list) => {
                for (keys, inside) in &list.entries {
                    differing(entry(keys).unwrap_or(&none), inside, found);
                }
            }
            Node::Container(inside) | Node::Presence(inside) => {
                differing(other.and_then(Node::tree).unwrap_or(&none), inside, found);
            }
            Node::Leaf(_) | Node::LeafList(_) => {}
        }
    }
}

/// The tree with these entries of its long lists alone. An entry of the same name in another list is more than is needed, and
/// does no harm.
fn only(tree: &Tree, chosen: &HashSet<&Keys>) -> Tree {
    let mut rest = Tree::new();
    for (name, node) in tree.iter() {
        let node = match node {
            Node::Container(inside) => Node::Container(only(inside, chosen)),
            Node::Presence(inside) => Node::Presence(only(inside, chosen)),
            Node::List(list) => {
                let wanted = |keys: &Keys| !is_cut(name) || chosen.contains(keys);
                let entries = list.entries.iter().filter(|(keys, _)| wanted(keys));
                let entries = entries.map(|(keys, inside)| (keys.clone(), only(inside, chosen)));
                Node::List(List { keys: list.keys.clone(), entries: entries.collect() })
            }
            Node::Leaf(_) | Node::LeafList(_) => node.clone(),
        };
        rest.put(name, Some(node));
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(number: &str, prefixes: std::ops::Range<usize>, map: Option<&str>) -> Tree {
        let mut tree = Tree::new();
        tree.set(&LOCAL_AS, number);
        let global = Path(LOCAL_AS.0[..LOCAL_AS.0.len() - 1].to_vec());
        for n in prefixes {
            let entry =
                format!("{global}/afi-safis/afi-safi[n='4']/u/network-config[prefix='{n}']");
            let entry: Path = entry.parse().expect("a path");
            tree.ensure(&entry.0);
            if let Some(map) = map {
                tree.set(&format!("{entry}/rmap").parse().expect("a path"), map);
            }
        }
        tree
    }

    #[test]
    fn what_is_equal_is_left_out_and_the_rest_comes_in_pieces() {
        let (running, goal) = (tree("1", 0..1000, None), tree("1", 0..1030, None));
        let few = cut(&running, &goal, &goal, 20).expect("many");
        assert_eq!((count(&few.running), count(&few.goal), count(&few.wanted)), (0, 20, 20));
        assert!(few.postponed);
        let all = cut(&running, &goal, &goal, 30).expect("many");
        assert_eq!((count(&all.goal), all.postponed), (30, false));
        assert_eq!(all.goal.leaf(&LOCAL_AS), Some("1"), "all that is around is there");
    }

    #[test]
    fn what_goes_is_never_left_for_later_and_what_changes_is_on_both_sides() {
        let (running, goal) = (tree("1", 0..1000, None), tree("1", 0..10, None));
        let gone = cut(&running, &goal, &goal, 1).expect("many");
        assert_eq!((count(&gone.running), count(&gone.goal), gone.postponed), (990, 0, false));
        let other = tree("1", 0..1000, Some("NR-a"));
        let changed = cut(&running, &other, &other, 7).expect("many");
        assert_eq!(
            (count(&changed.running), count(&changed.goal), changed.postponed),
            (7, 7, true)
        );
    }

    #[test]
    fn few_entries_and_another_instance_are_looked_at_whole() {
        let few = tree("1", 0..MANY, None);
        assert!(cut(&few, &few, &few, 1).is_none());
        let (running, goal) = (tree("1", 0..1000, None), tree("2", 0..1000, None));
        assert!(cut(&running, &goal, &goal, 1).is_none());
        // Nothing is there yet.
        let all = cut(&Tree::new(), &goal, &goal, 400).expect("many");
        assert_eq!((count(&all.goal), all.postponed), (400, true));
    }
}
