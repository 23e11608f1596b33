//! `Tree` ⇄ libyang's data tree.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use yang2::{
    context::Context,
    data::{DataNodeRef, DataTree},
    schema::SchemaNodeKind,
};

use super::{error::YangError, index::may_be_address};
use crate::tree::{List, Name, Node, Path, Step, Tree, plain_address};

/// All of libyang's tree. For trees that were not validated yet: validation adds defaults,
/// which can't be told from what was given.
pub(super) fn to_tree(data: &DataTree<'_>) -> Tree {
    let mut tree = Tree::new();
    if let Some(first) = data.reference() {
        for node in first.inclusive_siblings() {
            add(&mut tree, None, &node);
        }
    }
    tree
}

fn add(tree: &mut Tree, parent_module: Option<&str>, node: &DataNodeRef<'_, '_>) {
    let schema = node.schema();
    let module = schema.module().name().to_owned();
    let name: Name = match parent_module {
        Some(parent) if parent == module => schema.name().into(),
        _ => format!("{module}:{}", schema.name()).into(),
    };
    let value = || canonical(node);
    let children = || {
        let mut inside = Tree::new();
        for child in node.children().filter(|child| !child.schema().is_list_key()) {
            add(&mut inside, Some(&module), &child);
        }
        inside
    };
    match schema.kind() {
        SchemaNodeKind::Leaf => tree.put(&name, Some(Node::Leaf(value()))),
        SchemaNodeKind::LeafList => {
            let list = tree.child_or_insert(&name, || Node::LeafList(BTreeSet::new()));
            if let Node::LeafList(values) = list {
                values.insert(value());
            }
        }
        SchemaNodeKind::List => {
            let (names, keys): (Vec<Name>, Vec<Box<str>>) = node
                .list_keys()
                .map(|key| (Name::from(key.schema().name()), canonical(&key)))
                .unzip();
            let list = tree.child_or_insert(&name, || {
                Node::List(List { keys: Arc::from(names), entries: BTreeMap::new() })
            });
            if let Node::List(list) = list {
                list.entries.insert(keys.into(), children());
            }
        }
        SchemaNodeKind::Container => {
            let inside = children();
            if !schema.is_np_container() {
                tree.put(&name, Some(Node::Presence(inside)));
            } else if !inside.is_empty() {
                tree.put(&name, Some(Node::Container(inside)));
            }
        }
        // Configuration trees have no other kind of node.
        _ => {}
    }
}

/// A value in the spelling of a tree: libyang's, but for addresses.
fn canonical(node: &DataNodeRef<'_, '_>) -> Box<str> {
    let value = node.value_canonical().unwrap_or_default();
    match node.schema().leaf_type() {
        Some(leaf) if may_be_address(&leaf) => plain_address(&value).into(),
        _ => value.into_boxed_str(),
    }
}

/// libyang's tree of what is in `tree`.
pub(super) fn from_tree<'a>(context: &'a Context, tree: &Tree) -> Result<DataTree<'a>, YangError> {
    let mut data = DataTree::new(context);
    let mut path = Path::default();
    for (name, node) in tree.iter() {
        path.0.push(Step::plain(name.clone()));
        let Some(inside) = node.tree() else {
            return Err(wrong(&path, "no FRR model has a leaf or list at its top"));
        };
        let top = data.new_path(&format!("/{name}"), None, false);
        let mut top = top
            .map_err(|error| at(&path, error))?
            .ok_or_else(|| wrong(&path, "no such top-level node"))?;
        fill(context, &mut top, inside, &mut path)?;
        path.0.pop();
    }
    Ok(data)
}

/// Adds what is in `tree` to the node at `path`; after an error `path` is that of the node that is
/// wrong.
fn fill(
    context: &Context,
    parent: &mut DataNodeRef<'_, '_>,
    tree: &Tree,
    path: &mut Path,
) -> Result<(), YangError> {
    for (name, node) in tree.iter() {
        path.0.push(Step::plain(name.clone()));
        let (module, local) = match name.split_once(':') {
            Some((module, local)) => {
                let found = context.get_module_implemented(module);
                (Some(found.ok_or_else(|| wrong(path, "no such module"))?), local)
            }
            None => (None, &**name),
        };
        let module = module.as_ref();
        match node {
            Node::Leaf(value) => {
                let value = clean(path, value)?;
                parent.new_term(module, local, Some(value)).map_err(|error| at(path, error))?;
            }
            Node::LeafList(values) => {
                for value in values {
                    let value = clean(path, value)?;
                    parent.new_term(module, local, Some(value)).map_err(|error| at(path, error))?;
                }
            }
            Node::Container(inside) | Node::Presence(inside) => {
                let inner = parent.new_inner(module, local);
                fill(context, &mut inner.map_err(|error| at(path, error))?, inside, path)?;
            }
            Node::List(list) => {
                for (keys, entry) in &list.entries {
                    path.0.pop();
                    path.0.push(list.step(name, keys));
                    for key in &**keys {
                        clean(path, key)?;
                    }
                    let inner = parent.new_list2(module, local, keys);
                    fill(context, &mut inner.map_err(|error| at(path, error))?, entry, path)?;
                }
            }
        }
        path.0.pop();
    }
    Ok(())
}

/// `yang2` turns values into C strings and panics at a NUL: none gets there.
fn clean<'a>(path: &Path, value: &'a str) -> Result<&'a str, YangError> {
    if value.contains('\0') {
        return Err(wrong(path, "a value with a NUL in it"));
    }
    Ok(value)
}

fn wrong(path: &Path, what: &str) -> YangError {
    YangError::Invalid { message: what.to_owned(), path: Some(path.to_string()) }
}

/// libyang's words, with the path of the node that was being made where libyang tells none.
fn at(path: &Path, error: yang2::Error) -> YangError {
    let message = error.to_string();
    YangError::Invalid { message, path: error.path.or_else(|| Some(path.to_string())) }
}
