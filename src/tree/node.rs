//! The tree itself: look up, set, remove, merge.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Keys, Name, Path, Step};

/// Children of one data node, or of the root; sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    children: Vec<(Name, Node)>,
}

/// One data node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A leaf with its canonical value.
    Leaf(Box<str>),
    /// A leaf-list, as a set: FRR's are ordered by the system.
    LeafList(BTreeSet<Box<str>>),
    /// A container that exists only for what is in it.
    Container(Tree),
    /// A container whose existence means something by itself.
    Presence(Tree),
    /// A list with its entries.
    List(List),
}

/// A list: the names of its keys, and its entries in the order of their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Names of the keys in the order of the schema.
    pub keys: Arc<[Name]>,
    /// The entries.
    pub entries: BTreeMap<Keys, Tree>,
}

impl Node {
    /// What is below the node, where it is a container.
    pub fn tree(&self) -> Option<&Tree> {
        match self {
            Self::Container(tree) | Self::Presence(tree) => Some(tree),
            _ => None,
        }
    }

    pub(super) fn tree_mut(&mut self) -> Option<&mut Tree> {
        match self {
            Self::Container(tree) | Self::Presence(tree) => Some(tree),
            _ => None,
        }
    }

    /// Whether the node carries nothing, so that it need not be there.
    pub(crate) fn is_void(&self) -> bool {
        match self {
            Self::Leaf(_) | Self::Presence(_) => false,
            Self::LeafList(values) => values.is_empty(),
            Self::Container(tree) => tree.is_empty(),
            Self::List(list) => list.entries.is_empty(),
        }
    }
}

impl Tree {
    /// A tree with nothing in it, for where a reference to one is needed.
    pub(super) const EMPTY: Self = Self { children: Vec::new() };

    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// The children with their names, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Node)> {
        self.children.iter().map(|(name, node)| (name, node))
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.children.binary_search_by(|(n, _)| (**n).cmp(name))
    }

    /// The child of this name.
    pub fn child(&self, name: &str) -> Option<&Node> {
        self.find(name).ok().map(|at| &self.children[at].1)
    }

    /// The child of this name, to change it.
    pub(super) fn child_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.find(name).ok().map(|at| &mut self.children[at].1)
    }

    /// The child of this name, made by `make` where there is none.
    pub fn child_or_insert(&mut self, name: &Name, make: impl FnOnce() -> Node) -> &mut Node {
        let at = match self.find(name) {
            Ok(at) => at,
            Err(at) => {
                self.children.insert(at, (name.clone(), make()));
                at
            }
        };
        &mut self.children[at].1
    }

    /// Replaces, adds or, with `None`, removes one child.
    pub fn put(&mut self, name: &Name, node: Option<Node>) {
        match (self.find(name), node) {
            (Ok(at), Some(node)) => self.children[at].1 = node,
            (Ok(at), None) => drop(self.children.remove(at)),
            (Err(at), Some(node)) => self.children.insert(at, (name.clone(), node)),
            (Err(_), None) => {}
        }
    }

    /// What is below the container or list entry at `path`.
    pub fn subtree(&self, path: &Path) -> Option<&Tree> {
        path.0.iter().try_fold(self, |tree, step| tree.enter(step))
    }

    fn enter(&self, step: &Step) -> Option<&Tree> {
        match self.child(&step.name)? {
            Node::List(list) => list.entries.get(&step.key_values),
            node if !step.is_entry() => node.tree(),
            _ => None,
        }
    }

    /// The value of the leaf at `path`.
    pub fn leaf(&self, path: &Path) -> Option<&str> {
        let (last, parents) = path.0.split_last()?;
        let parent = parents.iter().try_fold(self, |tree, step| tree.enter(step))?;
        match parent.child(&last.name)? {
            Node::Leaf(value) => Some(value),
            _ => None,
        }
    }

    /// Whether there is a node at `path`.
    pub fn contains(&self, path: &Path) -> bool {
        self.leaf(path).is_some() || self.subtree(path).is_some()
    }

    /// The tree at `path`, made with all its parents where it lacks.
    ///
    /// Steps with keys become list entries, the others containers. A node of
    /// another kind in the way is replaced: paths come from one schema, in which a name
    /// has one kind.
    pub fn ensure(&mut self, steps: &[Step]) -> &mut Tree {
        let mut tree = self;
        for step in steps {
            if !step.is_entry() {
                let node = tree.child_or_insert(&step.name, || Node::Container(Tree::new()));
                if node.tree().is_none() {
                    *node = Node::Container(Tree::new());
                }
                tree = node.tree_mut().expect("a container, made just above");
            } else {
                let empty =
                    || Node::List(List { keys: step.key_names.clone(), entries: BTreeMap::new() });
                let node = tree.child_or_insert(&step.name, empty);
                if !matches!(node, Node::List(_)) {
                    *node = empty();
                }
                let Node::List(list) = node else { unreachable!("a list, made just above") };
                tree = list.entries.entry(step.key_values.clone()).or_default();
            }
        }
        tree
    }

    /// Makes the container at `path` one whose existence means something.
    pub fn ensure_presence(&mut self, path: &Path) {
        let Some((last, parents)) = path.0.split_last() else { return };
        let parent = self.ensure(parents);
        let node = parent.child_or_insert(&last.name, || Node::Presence(Tree::new()));
        if let Node::Container(tree) = node {
            *node = Node::Presence(std::mem::take(tree));
        }
    }

    /// Sets the leaf at `path`, making its parents where they lack.
    pub fn set(&mut self, path: &Path, value: impl Into<Box<str>>) {
        if let Some((last, parents)) = path.0.split_last() {
            self.ensure(parents).put(&last.name, Some(Node::Leaf(value.into())));
        }
    }

    /// Removes the node at `path` with all below it, and every container and list above
    /// it that is then void. Whether there was one.
    pub fn remove(&mut self, path: &Path) -> bool {
        self.remove_steps(&path.0)
    }

    /// Like [`Tree::remove`], and removes every list entry above it too that is empty then, up to the first that
    /// `stays`.
    pub fn remove_with_shells(&mut self, path: &Path, stays: &impl Fn(&Path) -> bool) {
        self.remove(path);
        for end in (1..path.0.len()).rev() {
            let above = Path(path.0[..end].to_vec());
            match self.subtree(&above) {
                Some(inside) if !inside.is_empty() => return,
                Some(_) if stays(&above) => return,
                Some(_) => {
                    self.remove(&above);
                }
                None => {}
            }
        }
    }

    fn remove_steps(&mut self, steps: &[Step]) -> bool {
        let Some((step, rest)) = steps.split_first() else { return false };
        let Ok(at) = self.find(&step.name) else { return false };
        let node = &mut self.children[at].1;
        let removed = match (node, rest.is_empty()) {
            (Node::List(list), true) if step.is_entry() => {
                list.entries.remove(&step.key_values).is_some()
            }
            (Node::List(list), false) => {
                list.entries.get_mut(&step.key_values).is_some_and(|entry| entry.remove_steps(rest))
            }
            (_, true) => {
                self.children.remove(at);
                return true;
            }
            (node, false) => node.tree_mut().is_some_and(|tree| tree.remove_steps(rest)),
        };
        if self.children[at].1.is_void() {
            self.children.remove(at);
        }
        removed
    }

    /// Takes over everything from `other`; its leaves win.
    pub fn merge(&mut self, other: &Tree) {
        for (name, theirs) in other.iter() {
            match (self.child_or_insert(name, || theirs.clone()), theirs) {
                (Node::Container(ours) | Node::Presence(ours), Node::Container(theirs)) => {
                    ours.merge(theirs);
                }
                (ours @ Node::Container(_), Node::Presence(theirs)) => {
                    let mut tree = ours.tree_mut().map(std::mem::take).unwrap_or_default();
                    tree.merge(theirs);
                    *ours = Node::Presence(tree);
                }
                (Node::Presence(ours), Node::Presence(theirs)) => ours.merge(theirs),
                (Node::List(ours), Node::List(theirs)) => {
                    for (keys, entry) in &theirs.entries {
                        ours.entries.entry(keys.clone()).or_default().merge(entry);
                    }
                }
                (Node::LeafList(ours), Node::LeafList(theirs)) => {
                    ours.extend(theirs.iter().cloned());
                }
                (ours, theirs) => *ours = theirs.clone(),
            }
        }
    }

    /// Whether everything of `other` is here, with the same values. Costs what is in `other`.
    #[must_use]
    pub fn includes(&self, other: &Tree) -> bool {
        other.iter().all(|(name, theirs)| match (self.child(name), theirs) {
            (Some(Node::Leaf(ours)), Node::Leaf(theirs)) => ours == theirs,
            (Some(Node::LeafList(ours)), Node::LeafList(theirs)) => ours.is_superset(theirs),
            (Some(Node::List(ours)), Node::List(theirs)) => {
                theirs.entries.iter().all(|(keys, entry)| {
                    ours.entries.get(keys).is_some_and(|ours| ours.includes(entry))
                })
            }
            (Some(Node::Presence(ours)), Node::Presence(theirs) | Node::Container(theirs))
            | (Some(Node::Container(ours)), Node::Container(theirs)) => ours.includes(theirs),
            (None, theirs) => theirs.is_void(),
            _ => false,
        })
    }

    /// What this tree has of the objects that `shape` has: each of them and all around it, with the
    /// leaves that stand beside the way there. Costs what is in `shape`.
    #[must_use]
    pub fn overlap(&self, shape: &Tree) -> Tree {
        let mut part = Tree::new();
        for (name, node) in self.iter() {
            let node = match (node, shape.child(name)) {
                (Node::Leaf(_) | Node::LeafList(_), _) => node.clone(),
                (Node::Container(inside), Some(wanted)) => match wanted.tree() {
                    Some(wanted) => Node::Container(inside.overlap(wanted)),
                    None => continue,
                },
                (Node::Presence(inside), Some(wanted)) => match wanted.tree() {
                    Some(wanted) => Node::Presence(inside.overlap(wanted)),
                    None => continue,
                },
                (Node::List(list), Some(Node::List(wanted))) => {
                    let entries = wanted.entries.iter().filter_map(|(keys, wanted)| {
                        let (keys, entry) = list.entries.get_key_value(keys)?;
                        Some((keys.clone(), entry.overlap(wanted)))
                    });
                    Node::List(List { keys: list.keys.clone(), entries: entries.collect() })
                }
                _ => continue,
            };
            if !node.is_void() {
                part.children.push((name.clone(), node));
            }
        }
        part
    }

    /// Calls `visit` for every leaf with its path.
    pub fn for_each_leaf(&self, visit: &mut impl FnMut(&Path, &str)) {
        self.for_each_end(&mut |path, value| {
            value.into_iter().for_each(|value| visit(path, value))
        });
    }

    /// Calls `visit` for every leaf with its path and value, and for every container and list entry in
    /// which nothing stands: its keys are all that it says.
    pub fn for_each_end(&self, visit: &mut impl FnMut(&Path, Option<&str>)) {
        self.walk(&mut Path::default(), visit);
    }

    fn walk(&self, path: &mut Path, visit: &mut impl FnMut(&Path, Option<&str>)) {
        for (name, node) in self.iter() {
            match node {
                Node::Leaf(value) => {
                    path.0.push(Step::plain(name.clone()));
                    visit(path, Some(value));
                    path.0.pop();
                }
                Node::LeafList(values) => {
                    path.0.push(Step::plain(name.clone()));
                    values.iter().for_each(|value| visit(path, Some(value)));
                    path.0.pop();
                }
                Node::Container(tree) | Node::Presence(tree) => {
                    tree.walk_below(Step::plain(name.clone()), path, visit);
                }
                Node::List(list) => {
                    for (keys, entry) in &list.entries {
                        entry.walk_below(list.step(name, keys), path, visit);
                    }
                }
            }
        }
    }

    fn walk_below(&self, step: Step, path: &mut Path, visit: &mut impl FnMut(&Path, Option<&str>)) {
        path.0.push(step);
        if self.is_empty() {
            visit(path, None);
        }
        self.walk(path, visit);
        path.0.pop();
    }
}

impl List {
    /// The step that leads to the entry with these keys.
    pub fn step(&self, name: &Name, keys: &Keys) -> Step {
        Step::with(name.clone(), self.keys.clone(), keys.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.parse().expect("a path")
    }

    #[test]
    fn what_is_set_is_found_and_removing_it_leaves_nothing() {
        let mut tree = Tree::new();
        let leaf = path("/a:b/c[k='1'][l='x']/d/e");
        tree.set(&leaf, "v");
        assert_eq!(tree.leaf(&leaf), Some("v"));
        assert!(tree.contains(&path("/a:b/c[k='1'][l='x']")));
        assert!(!tree.contains(&path("/a:b/c[k='2'][l='x']")));
        assert!(tree.remove(&path("/a:b/c[k='1'][l='x']")));
        assert_eq!(tree, Tree::new());
    }

    #[test]
    fn a_presence_container_stays_when_it_is_empty() {
        let mut tree = Tree::new();
        tree.set(&path("/a:b/c"), "v");
        tree.ensure_presence(&path("/a:b"));
        assert!(tree.remove(&path("/a:b/c")));
        assert!(tree.contains(&path("/a:b")));
    }

    #[test]
    fn an_overlap_has_the_objects_of_the_shape_as_they_stand_here() {
        let mut tree = Tree::new();
        for (at, value) in [
            ("/c/asn", "1"),
            ("/c/l[k='1']/x", "ours"),
            ("/c/l[k='1']/d/y", "inside"),
            ("/c/l[k='2']/x", "not asked for"),
            ("/e/z", "not asked for"),
        ] {
            tree.set(&path(at), value);
        }
        let mut shape = Tree::new();
        shape.ensure(&path("/c/l[k='1']").0);
        shape.ensure(&path("/c/l[k='3']").0);
        let mut leaves = Vec::new();
        tree.overlap(&shape).for_each_leaf(&mut |p, v| leaves.push(format!("{p}={v}")));
        assert_eq!(leaves, ["/c/asn=1", "/c/l[k='1']/x=ours"]);
    }

    #[test]
    fn merging_keeps_both_and_the_other_wins() {
        let (mut a, mut b) = (Tree::new(), Tree::new());
        a.set(&path("/l[k='1']/x"), "old");
        a.set(&path("/l[k='1']/y"), "kept");
        b.set(&path("/l[k='1']/x"), "new");
        b.set(&path("/l[k='2']/x"), "added");
        a.merge(&b);
        let mut leaves = Vec::new();
        a.for_each_leaf(&mut |p, v| leaves.push(format!("{p}={v}")));
        assert_eq!(leaves, ["/l[k='1']/x=new", "/l[k='1']/y=kept", "/l[k='2']/x=added"]);
    }
}
