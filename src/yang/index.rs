//! The models' data nodes by name: what it takes to read and write RFC 7951 without libyang.

use std::{collections::HashMap, sync::Arc};

use yang2::{
    context::Context,
    schema::{DataValueType, SchemaLeafType, SchemaNode, SchemaNodeKind},
};

use crate::tree::Name;

/// Nodes by the name that they have in a [`crate::tree::Tree`].
#[derive(Debug, Default)]
pub(super) struct Index(HashMap<Name, Shape>);

/// What a data node is.
#[derive(Debug)]
pub(super) enum Shape {
    Leaf(Type),
    LeafList(Type),
    Container { presence: bool, inside: Index },
    List { keys: Arc<[Name]>, types: Box<[Type]>, inside: Index },
}

/// How RFC 7951, section 6, writes the values of a YANG type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// As a number.
    Number,
    /// As `true` or `false`.
    Boolean,
    /// As a string.
    Text,
    /// As a string that is an address or prefix, which a tree has in one spelling.
    Address,
    /// As a string that begins with a module.
    Identity,
    /// As `[null]`.
    Empty,
    /// As the member of the union that takes the value writes it.
    Union,
}

impl Index {
    /// All configuration of the modules that are implemented.
    pub(super) fn of(context: &Context) -> Self {
        let mut index = Self::default();
        for module in context.modules(true).filter(|module| module.is_implemented()) {
            for node in module.data() {
                index.add(None, &node);
            }
        }
        index
    }

    /// The node of this name, with the name as it is shared by all trees.
    pub(super) fn get(&self, name: &str) -> Option<(&Name, &Shape)> {
        self.0.get_key_value(name)
    }

    /// Adds a node.
    pub(super) fn put(&mut self, name: Name, shape: Shape) {
        self.0.insert(name, shape);
    }

    fn add(&mut self, parent_module: Option<&str>, node: &SchemaNode<'_>) {
        if node.is_schema_only() {
            // The parent of what is in a choice is the node around the choice.
            node.children().for_each(|child| self.add(parent_module, &child));
            return;
        }
        let Some(shape) = shape(node).filter(|_| node.is_config()) else { return };
        let module = node.module();
        let name = match parent_module {
            Some(parent) if parent == module.name() => node.name().into(),
            _ => format!("{}:{}", module.name(), node.name()).into(),
        };
        self.put(name, shape);
    }
}

fn shape(node: &SchemaNode<'_>) -> Option<Shape> {
    let module = node.module();
    let inside = || {
        let mut index = Index::default();
        let children = node.children().filter(|child| !child.is_list_key());
        children.for_each(|child| index.add(Some(module.name()), &child));
        index
    };
    let type_of = |leaf: &SchemaNode<'_>| leaf.leaf_type().map(|leaf| encoding(&leaf));
    Some(match node.kind() {
        SchemaNodeKind::Leaf => Shape::Leaf(type_of(node)?),
        SchemaNodeKind::LeafList => Shape::LeafList(type_of(node)?),
        SchemaNodeKind::Container => {
            Shape::Container { presence: !node.is_np_container(), inside: inside() }
        }
        SchemaNodeKind::List if !node.is_keyless_list() => Shape::List {
            keys: node.list_keys().map(|key| Name::from(key.name())).collect(),
            types: node.list_keys().map(|key| type_of(&key)).collect::<Option<_>>()?,
            inside: inside(),
        },
        _ => return None,
    })
}

/// Whether values are addresses or prefixes: those of a union may be.
pub(super) fn may_be_address(leaf: &SchemaLeafType<'_>) -> bool {
    matches!(encoding(leaf), Type::Address | Type::Union)
}

fn encoding(leaf: &SchemaLeafType<'_>) -> Type {
    let name = leaf.typedef_name().unwrap_or_default();
    let is_address =
        name.starts_with("ip") && (name.contains("address") || name.contains("prefix"));
    match leaf.base_type() {
        DataValueType::String if is_address => Type::Address,
        DataValueType::Int8
        | DataValueType::Int16
        | DataValueType::Int32
        | DataValueType::Uint8
        | DataValueType::Uint16
        | DataValueType::Uint32 => Type::Number,
        DataValueType::Bool => Type::Boolean,
        DataValueType::Empty => Type::Empty,
        DataValueType::IdentityRef => Type::Identity,
        DataValueType::LeafRef => leaf.leafref_real_type().map_or(Type::Union, |it| encoding(&it)),
        DataValueType::Union | DataValueType::Unknown => Type::Union,
        DataValueType::Binary
        | DataValueType::Bits
        | DataValueType::Dec64
        | DataValueType::Enum
        | DataValueType::InstanceId
        | DataValueType::Int64
        | DataValueType::String
        | DataValueType::Uint64 => Type::Text,
    }
}
