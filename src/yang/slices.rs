//! A tree of many entries in slices, so that libyang holds a few thousand of them at a time. Pure.

use crate::tree::{Keys, List, Name, Node, Path, Step, Tree};

/// Lists of which FRR's models say nothing across entries (no `unique`, no `max-elements`, no `must` that counts): an entry is
/// judged the same beside any of the others.
const INDEPENDENT: [&str; 2] = ["network-config", "route-list"];

/// Entries that are judged together: libyang takes half a KiB for each.
const SLICE: usize = 10_000;

/// A list that is cut.
struct Long<'a> {
    /// Where it is.
    parent: Path,
    name: &'a Name,
    list: &'a List,
}

/// Has the tree judged; in slices where it has a long list, each with some entries of one and all that is not in any.
///
/// # Errors
/// The first that is wrong.
pub(super) fn judge<E>(
    tree: &Tree,
    judge: &mut impl FnMut(&Tree) -> Result<(), E>,
) -> Result<(), E> {
    let mut long = Vec::new();
    find(tree, &mut Path::default(), &mut long);
    if long.is_empty() {
        return judge(tree);
    }
    let around = without_long(tree);
    for Long { parent, name, list } in long {
        let mut entries = list.entries.iter();
        loop {
            let some: Vec<(&Keys, &Tree)> = entries.by_ref().take(SLICE).collect();
            if some.is_empty() {
                break;
            }
            let entries = some.into_iter().map(|(keys, entry)| (keys.clone(), entry.clone()));
            let list = List { keys: list.keys.clone(), entries: entries.collect() };
            let mut slice = around.clone();
            slice.ensure(&parent.0).put(name, Some(Node::List(list)));
            judge(&slice)?;
        }
    }
    Ok(())
}

/// Whether a node is cut.
fn is_long(name: &str, node: &Node) -> bool {
    let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
    INDEPENDENT.contains(&local) && matches!(node, Node::List(list) if list.entries.len() > SLICE)
}

fn find<'a>(tree: &'a Tree, path: &mut Path, long: &mut Vec<Long<'a>>) {
    for (name, node) in tree.iter() {
        match node {
            Node::List(list) if is_long(name, node) => {
                long.push(Long { parent: path.clone(), name, list });
            }
            Node::List(list) => {
                for (keys, entry) in &list.entries {
                    path.0.push(list.step(name, keys));
                    find(entry, path, long);
                    path.0.pop();
                }
            }
            Node::Container(inside) | Node::Presence(inside) => {
                path.0.push(Step::plain(name.clone()));
                find(inside, path, long);
                path.0.pop();
            }
            Node::Leaf(_) | Node::LeafList(_) => {}
        }
    }
}

fn without_long(tree: &Tree) -> Tree {
    let mut rest = Tree::new();
    for (name, node) in tree.iter().filter(|(name, node)| !is_long(name, node)) {
        let node = match node {
            Node::Container(inside) => Node::Container(without_long(inside)),
            Node::Presence(inside) => Node::Presence(without_long(inside)),
            Node::List(list) => {
                let entries = list.entries.iter();
                let entries = entries.map(|(keys, entry)| (keys.clone(), without_long(entry)));
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

    fn tree(networks: usize) -> Tree {
        let mut tree = Tree::new();
        tree.set(&"/r:bgp/global/local-as".parse().expect("a path"), "65000");
        for n in 0..networks {
            let network = format!("/r:bgp/afi[name='x']/network-config[prefix='{n}']");
            tree.ensure(&network.parse::<Path>().expect("a path").0);
        }
        tree
    }

    fn slices(tree: &Tree) -> Vec<Tree> {
        let mut slices = Vec::new();
        let judged = judge::<()>(tree, &mut |slice| {
            slices.push(slice.clone());
            Ok(())
        });
        assert_eq!(judged, Ok(()));
        slices
    }

    #[test]
    fn slices_have_every_entry_once_and_all_that_is_around() {
        let all = tree(2 * SLICE + 1);
        let slices = slices(&all);
        let list = "/r:bgp/afi[name='x']".parse().expect("a path");
        let count =
            |slice: &Tree| match slice.subtree(&list).and_then(|it| it.child("network-config")) {
                Some(Node::List(list)) => list.entries.len(),
                _ => 0,
            };
        assert_eq!(slices.iter().map(count).collect::<Vec<_>>(), [SLICE, SLICE, 1]);
        assert!(slices.iter().all(|slice| slice.includes(&tree(0))));
        let mut together = Tree::new();
        slices.iter().for_each(|slice| together.merge(slice));
        assert_eq!(together, all);
    }

    #[test]
    fn what_is_short_is_judged_as_it_is_and_the_first_error_ends_it() {
        let few = tree(SLICE);
        assert_eq!(slices(&few), [few]);
        let mut judged = 0;
        let wrong = judge(&tree(3 * SLICE), &mut |_| {
            judged += 1;
            if judged == 2 { Err("wrong") } else { Ok(()) }
        });
        assert_eq!((wrong, judged), (Err("wrong"), 2));
    }
}
