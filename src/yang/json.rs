//! `Tree` ⇄ JSON (RFC 7951) by the models' names alone, a tenth of what libyang takes for it.
//!
//! Judges nothing: a value is taken for what it says. Where it is not plain how something is written, or what it
//! would mean, there is no answer, and libyang is asked.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::index::{Index, Shape, Type};
use crate::tree::{Keys, List, Name, Node, Tree, plain_address};

/// Reads instance data; nodes that the models don't know are left out.
pub(super) fn read(index: &Index, json: &str) -> Option<Tree> {
    let mut from = serde_json::Deserializer::from_str(json);
    let (_, tree) = Entry::keyless(index).deserialize(&mut from).ok()?;
    from.end().ok()?;
    Some(tree)
}

/// An object with keys among its members.
#[derive(Clone, Copy)]
struct Entry<'a> {
    keys: &'a [Name],
    types: &'a [Type],
    inside: &'a Index,
}

impl<'a> Entry<'a> {
    /// An object that is no entry of a list.
    fn keyless(inside: &'a Index) -> Self {
        Self { keys: &[], types: &[], inside }
    }
}

impl<'de> DeserializeSeed<'de> for Entry<'_> {
    type Value = (Keys, Tree);

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_> {
    type Value = (Keys, Tree);

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut keys: Vec<Option<Box<str>>> = vec![None; self.keys.len()];
        let mut tree = Tree::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if let Some(at) = self.keys.iter().position(|key| **key == *name) {
                let value = map.next_value_seed(Value(self.types[at]))?;
                if keys[at].replace(value).is_some() {
                    return Err(M::Error::custom("twice"));
                }
            } else if let Some((name, shape)) = self.inside.get(&name) {
                let node = map.next_value_seed(Data(shape))?;
                if tree.child(name).is_some() {
                    return Err(M::Error::custom("twice"));
                }
                if !node.is_void() {
                    tree.put(name, Some(node));
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let keys = keys.into_iter().collect::<Option<Keys>>();
        Ok((keys.ok_or_else(|| M::Error::custom("an entry without its keys"))?, tree))
    }
}

/// A node.
struct Data<'a>(&'a Shape);

impl<'de> DeserializeSeed<'de> for Data<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Node, D::Error> {
        Ok(match self.0 {
            Shape::Leaf(of) => Node::Leaf(Value(*of).deserialize(from)?),
            Shape::LeafList(of) => {
                let mut values = BTreeSet::new();
                let each = |value| values.insert(value);
                from.deserialize_seq(Each { of: Value(*of), each })?;
                Node::LeafList(values)
            }
            Shape::Container { presence: true, inside } => {
                Node::Presence(Entry::keyless(inside).deserialize(from)?.1)
            }
            Shape::Container { presence: false, inside } => {
                Node::Container(Entry::keyless(inside).deserialize(from)?.1)
            }
            Shape::List { keys, types, inside } => {
                let mut entries = BTreeMap::new();
                let each = |(keys, tree)| entries.insert(keys, tree).is_none();
                from.deserialize_seq(Each { of: Entry { keys, types, inside }, each })?;
                Node::List(List { keys: keys.clone(), entries })
            }
        })
    }
}

/// The members of an array; what comes twice is not plain.
struct Each<S, F> {
    of: S,
    each: F,
}

impl<'de, S, F> Visitor<'de> for Each<S, F>
where
    S: DeserializeSeed<'de> + Copy,
    F: FnMut(S::Value) -> bool,
{
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(member) = seq.next_element_seed(self.of)? {
            if !(self.each)(member) {
                return Err(A::Error::custom("twice"));
            }
        }
        Ok(())
    }
}

/// The value of a leaf.
#[derive(Clone, Copy)]
struct Value(Type);

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Box<str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Box<str>, D::Error> {
        from.deserialize_any(self)
    }
}

impl Value {
    fn only<E: Error>(self, wanted: &[Type], value: impl ToString) -> Result<Box<str>, E> {
        match wanted.contains(&self.0) {
            true => Ok(value.to_string().into()),
            false => Err(E::custom("a value of another type")),
        }
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Box<str>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Box<str>, E> {
        self.only(&[Type::Boolean, Type::Union], value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Box<str>, E> {
        self.only(&[Type::Number, Type::Union], value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Box<str>, E> {
        self.only(&[Type::Number, Type::Union], value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Box<str>, E> {
        match self.0 {
            Type::Identity if !value.contains(':') => Err(E::custom("an identity of no module")),
            Type::Address | Type::Union => Ok(plain_address(value).into()),
            _ => self.only(&[Type::Text, Type::Identity], value),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Box<str>, A::Error> {
        seq.next_element::<()>()?;
        match seq.next_element::<IgnoredAny>()? {
            None => self.only(&[Type::Empty], ""),
            Some(_) => Err(A::Error::custom("more than null")),
        }
    }
}

/// Writes a tree without blanks and ends of lines.
pub(super) fn write(index: &Index, tree: &Tree) -> Option<String> {
    let mut text = Vec::new();
    Writer(&mut text).object(Entry::keyless(index), &[], tree)?;
    String::from_utf8(text).ok()
}

/// Where it is not plain how something is written, it gives nothing.
struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    /// An object of an entry's keys, where it has some, and what is in it.
    fn object(&mut self, of: Entry<'_>, keys: &[Box<str>], tree: &Tree) -> Option<()> {
        self.0.push(b'{');
        let mut empty = true;
        for ((name, of), value) in of.keys.iter().zip(of.types).zip(keys) {
            self.member(name, &mut empty)?;
            self.value(*of, value)?;
        }
        for (name, node) in tree.iter() {
            let (_, shape) = of.inside.get(name)?;
            self.member(name, &mut empty)?;
            match (shape, node) {
                (Shape::Leaf(of), Node::Leaf(value)) => self.value(*of, value)?,
                (Shape::LeafList(of), Node::LeafList(values)) => {
                    self.array(values, |to, value| to.value(*of, value))?;
                }
                (Shape::Container { inside, .. }, node) => {
                    let tree = node.tree()?;
                    self.object(Entry::keyless(inside), &[], tree)?;
                }
                (Shape::List { keys, types, inside }, Node::List(list)) if *keys == list.keys => {
                    let of = Entry { keys, types, inside };
                    self.array(&list.entries, |to, (keys, tree)| to.object(of, keys, tree))?;
                }
                _ => return None,
            }
        }
        self.0.push(b'}');
        Some(())
    }

    fn array<T>(
        &mut self,
        members: impl IntoIterator<Item = T>,
        mut member: impl FnMut(&mut Self, T) -> Option<()>,
    ) -> Option<()> {
        self.0.push(b'[');
        for (at, it) in members.into_iter().enumerate() {
            if at > 0 {
                self.0.push(b',');
            }
            member(self, it)?;
        }
        self.0.push(b']');
        Some(())
    }

    fn member(&mut self, name: &str, is_first: &mut bool) -> Option<()> {
        if !std::mem::take(is_first) {
            self.0.push(b',');
        }
        self.quoted(name)?;
        self.0.push(b':');
        Some(())
    }

    fn value(&mut self, of: Type, value: &str) -> Option<()> {
        let integer = || value.parse::<i64>().is_ok_and(|number| number.to_string() == value);
        let boolean = matches!(value, "true" | "false");
        match of {
            Type::Number if integer() => self.0.extend_from_slice(value.as_bytes()),
            Type::Boolean if boolean => self.0.extend_from_slice(value.as_bytes()),
            Type::Empty if value.is_empty() => self.0.extend_from_slice(b"[null]"),
            Type::Text | Type::Address => self.quoted(value)?,
            Type::Identity if value.contains(':') => self.quoted(value)?,
            // A string whatever the members are: numbers that are written as strings are larger or have a point.
            Type::Union if !integer() && !boolean && !value.is_empty() => self.quoted(value)?,
            _ => return None,
        }
        Some(())
    }

    fn quoted(&mut self, text: &str) -> Option<()> {
        if text.contains('\0') {
            return None;
        }
        serde_json::to_writer(&mut *self.0, text).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use yang2::context::{Context, ContextFlags, EmbeddedModuleKey, EmbeddedModules};

    use super::*;
    use crate::tree::Path;

    static MODULES: LazyLock<EmbeddedModules> = LazyLock::new(|| {
        let module = r#"module m {
            yang-version 1.1; namespace "urn:m"; prefix m;
            identity base; identity one { base base; }
            container c {
                list l {
                    key "k n";
                    leaf k { type string; }
                    leaf n { type uint8; }
                    leaf wide { type uint64; }
                    leaf flag { type boolean; }
                    leaf there { type empty; }
                    leaf which { type identityref { base base; } }
                    leaf any { type union { type int32; type boolean; type string; } }
                    leaf same { type leafref { path "../n"; } }
                    leaf share { type decimal64 { fraction-digits 2; } }
                    leaf seen { config false; type string; }
                }
                leaf-list many { type uint16; }
                container p { presence "yes"; choice how { case a { leaf in-a { type string; } } } }
            }
        }"#;
        EmbeddedModules::from([(EmbeddedModuleKey::new("m", None, None, None), module)])
    });

    fn index() -> Index {
        let flags = ContextFlags::NO_YANGLIBRARY | ContextFlags::DISABLE_SEARCHDIR_CWD;
        let mut context = Context::new(flags).expect("a context");
        context.set_embedded_modules(&MODULES);
        context.load_module("m", None, &[]).expect("the module");
        Index::of(&context)
    }

    fn set(tree: &mut Tree, path: &str, value: &str) {
        tree.set(&format!("/m:c/{path}").parse::<Path>().expect("a path"), value);
    }

    #[test]
    fn each_type_is_written_and_read_as_rfc_7951_says() {
        let index = index();
        let mut tree = Tree::new();
        for (leaf, value) in [
            ("wide", "18446744073709551615"),
            ("flag", "false"),
            ("there", ""),
            ("which", "m:one"),
            ("any", "10.0.0.1"),
            ("same", "7"),
            ("share", "1.50"),
        ] {
            set(&mut tree, &format!("l[k='a\"\\é'][n='7']/{leaf}"), value);
        }
        tree.ensure_presence(&"/m:c/p".parse().expect("a path"));
        set(&mut tree, "p/in-a", "\u{1}");
        let json = write(&index, &tree).expect("plain");
        assert_eq!(
            json,
            r#"{"m:c":{"l":[{"k":"a\"\\é","n":7,"any":"10.0.0.1","flag":false,"same":7,"share":"1.50","there":[null],"which":"m:one","wide":"18446744073709551615"}],"p":{"in-a":"\u0001"}}}"#
        );
        assert_eq!(read(&index, &json), Some(tree));
    }

    #[test]
    fn what_the_models_do_not_know_is_left_out() {
        let index = index();
        let read = |json: &str| read(&index, json);
        let mut tree = Tree::new();
        set(&mut tree, "l[k='x'][n='1']/flag", "true");
        let json = r#"{"o:p":[{"q":null}], "m:c":{"l":[{"flag":true,"seen":"now","n":1,"k":"x","@flag":{}}],
            "many":[],"o:r":1.5}}"#;
        assert_eq!(read(json), Some(tree));
        assert_eq!(read(r#"{"m:c":{}}"#), Some(Tree::new()));
        let mut numbers = Tree::new();
        set(&mut numbers, "l[k='x'][n='1']/any", "-5");
        assert_eq!(read(r#"{"m:c":{"l":[{"k":"x","n":1,"any":-5}]}}"#), Some(numbers));
    }

    /// Then libyang is asked.
    #[test]
    fn what_is_not_plain_has_no_answer() {
        let index = index();
        for json in [
            "",
            "[]",
            "{} {}",
            r#"{"m:c":1}"#,
            r#"{"m:c":{"many":[1]},"m:c":{"many":[2]}}"#,
            r#"{"m:c":{"many":["1"]}}"#,
            r#"{"m:c":{"many":[1,1]}}"#,
            r#"{"m:c":{"many":[1e3]}}"#,
            r#"{"m:c":{"l":[{"k":"x"}]}}"#,
            r#"{"m:c":{"l":[{"k":"x","k":"x","n":1}]}}"#,
            r#"{"m:c":{"l":[{"k":"x","n":1},{"k":"x","n":1}]}}"#,
            r#"{"m:c":{"l":[{"k":"x","n":1,"flag":"true"}]}}"#,
            r#"{"m:c":{"l":[{"k":"x","n":1,"wide":5}]}}"#,
            r#"{"m:c":{"l":[{"k":"x","n":1,"there":[null,null]}]}}"#,
            r#"{"m:c":{"l":[{"k":"x","n":1,"which":"one"}]}}"#,
        ] {
            assert_eq!(read(&index, json), None, "{json}");
        }
        for (path, value) in [
            ("unknown", "1"),
            ("p", "1"),
            ("many", "1"),
            ("l[k='x'][n='one']/flag", "true"),
            ("l[k='x\0'][n='1']/flag", "true"),
            ("l[n='1'][k='x']/flag", "true"),
            ("l[k='x'][n='1']/flag", "yes"),
            ("l[k='x'][n='1']/there", "yes"),
            ("l[k='x'][n='1']/which", "one"),
            // A number or a string: it depends on the members of the union.
            ("l[k='x'][n='1']/any", "5"),
            ("l[k='x'][n='1']/any", "true"),
            ("l[k='x'][n='1']/any", ""),
            ("l[k='x'][n='1']/seen", "now"),
        ] {
            let mut tree = Tree::new();
            set(&mut tree, path, value);
            assert_eq!(write(&index, &tree), None, "{path} {value:?}");
        }
    }
}
