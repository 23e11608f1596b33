//! The models' names and types alone, in memory: what a simulation validates with. It knows no `when`, `must`, range or
//! reference, and takes a thousandth of libyang's time.
//!
//! It is read from a text that [`super::Schema::names_and_types`] writes: a line for each node, as deep as it is indented.
//!
//! ```text
//! frr-routing:routing container
//!  control-plane-protocols container
//!   control-plane-protocol list type:identity name:text vrf:text
//!    frr-bgp:bgp container
//!     …
//!      shutdown leaf boolean =false
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;

use super::{
    Models, YangError,
    index::{Index, Shape, Type},
    json,
};
use crate::tree::{Name, Node, Path, Step, Tree};

/// Names of types, as the text has them.
const TYPES: [(Type, &str); 7] = [
    (Type::Number, "number"),
    (Type::Boolean, "boolean"),
    (Type::Text, "text"),
    (Type::Address, "address"),
    (Type::Identity, "identity"),
    (Type::Empty, "empty"),
    (Type::Union, "union"),
];

/// Names and types of models.
#[derive(Debug)]
pub struct Quick {
    index: Index,
    /// Schema paths of nodes with their defaults.
    nodes: BTreeMap<String, Option<String>>,
    /// Modules of which there is a node.
    modules: BTreeSet<String>,
    /// None.
    missing: BTreeMap<String, String>,
}

impl Quick {
    /// Reads names and types.
    ///
    /// # Errors
    /// The first line that can't be read.
    pub fn read(text: &str) -> Result<Self, YangError> {
        let mut lines = text.lines().peekable();
        let mut quick = Self {
            index: Index::default(),
            nodes: BTreeMap::new(),
            modules: BTreeSet::new(),
            missing: BTreeMap::new(),
        };
        let index = quick.inside(&mut lines, 0, "")?;
        if let Some(line) = lines.next() {
            return Err(unreadable(line));
        }
        quick.index = index;
        Ok(quick)
    }

    /// The nodes that are as deep as `depth`, with what is in them.
    fn inside<'a>(
        &mut self,
        lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
        depth: usize,
        path: &str,
    ) -> Result<Index, YangError> {
        let mut index = Index::default();
        let is_here = |line: &&str| line.len() - line.trim_start().len() == depth;
        while let Some(line) = lines.next_if(is_here) {
            let mut words = line.split_whitespace();
            let (Some(name), Some(kind)) = (words.next(), words.next()) else {
                return Err(unreadable(line));
            };
            let path = format!("{path}/{name}");
            self.modules.extend(name.split_once(':').map(|(module, _)| module.to_owned()));
            let mut default = None;
            let shape = match kind {
                "leaf" | "leaf-list" => {
                    let of = words.next().and_then(type_named).ok_or_else(|| unreadable(line))?;
                    default = line.split_once(" =").map(|(_, value)| value.to_owned());
                    if kind == "leaf" { Shape::Leaf(of) } else { Shape::LeafList(of) }
                }
                "list" => {
                    let key = |word: &str| {
                        let (name, of) = word.split_once(':')?;
                        Some((Name::from(name), type_named(of)?))
                    };
                    let keys: Option<Vec<_>> = words.map(key).collect();
                    let (keys, types): (Vec<_>, Vec<_>) =
                        keys.ok_or_else(|| unreadable(line))?.into_iter().unzip();
                    let inside = self.inside(lines, depth + 1, &path)?;
                    Shape::List { keys: Arc::from(keys), types: types.into(), inside }
                }
                "container" | "presence" => {
                    let presence = kind == "presence";
                    Shape::Container { presence, inside: self.inside(lines, depth + 1, &path)? }
                }
                _ => return Err(unreadable(line)),
            };
            self.nodes.insert(path, default);
            index.put(name.into(), shape);
        }
        Ok(index)
    }
}

impl Models for Quick {
    fn modules(&self) -> Vec<(String, Option<String>)> {
        self.modules.iter().map(|name| (name.clone(), None)).collect()
    }

    fn missing(&self) -> &BTreeMap<String, String> {
        &self.missing
    }

    fn has(&self, schema_path: &str) -> bool {
        self.nodes.contains_key(schema_path)
    }

    fn default_of(&self, path: &Path) -> Option<String> {
        self.nodes.get(&schema_path(&path.0))?.clone()
    }

    fn check_all(&self, trees: &[Arc<Tree>], tell: &mut dyn FnMut(Result<(), YangError>)) {
        tell(trees.iter().try_for_each(|tree| check(&self.index, tree, &mut Path::default())));
    }

    fn parse_known_json(&self, json: &str) -> Result<Tree, YangError> {
        json::read(&self.index, json).ok_or_else(|| invalid("not plain JSON", None))
    }

    fn print_compact_json(&self, tree: &Tree) -> Result<String, YangError> {
        check(&self.index, tree, &mut Path::default())?;
        json::write(&self.index, tree).ok_or_else(|| invalid("no plain value", None))
    }
}

fn invalid(message: &str, path: Option<String>) -> YangError {
    YangError::Invalid { message: message.to_owned(), path }
}

fn unreadable(line: &str) -> YangError {
    invalid(&format!("not a line of names and types: {line:?}"), None)
}

fn type_named(name: &str) -> Option<Type> {
    TYPES.iter().find(|(_, it)| *it == name).map(|(of, _)| *of)
}

fn name_of(of: Type) -> &'static str {
    TYPES.iter().find(|(it, _)| *it == of).map_or("union", |(_, name)| name)
}

fn schema_path(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |path, step| path + "/" + &step.name)
}

/// Whether a tree has only nodes of these names, with values of their types.
fn check(index: &Index, tree: &Tree, path: &mut Path) -> Result<(), YangError> {
    for (name, node) in tree.iter() {
        path.0.push(Step::plain(name.clone()));
        let here = |path: &Path| Some(path.to_string());
        let Some((_, shape)) = index.get(name) else {
            return Err(invalid("no such node", here(path)));
        };
        let value = |of: Type, value: &str, path: &Path| match has_type(of, value) {
            true => Ok(()),
            false => Err(invalid(&format!("no {}: {value:?}", name_of(of)), here(path))),
        };
        match (shape, node) {
            (Shape::Leaf(of), Node::Leaf(it)) => value(*of, it, path)?,
            (Shape::LeafList(of), Node::LeafList(all)) => {
                all.iter().try_for_each(|it| value(*of, it, path))?;
            }
            (Shape::Container { inside, .. }, Node::Container(it) | Node::Presence(it)) => {
                check(inside, it, path)?;
            }
            (Shape::List { keys, types, inside }, Node::List(list)) if *keys == list.keys => {
                for (keys, entry) in &list.entries {
                    let mut pairs = types.iter().zip(&**keys);
                    pairs.try_for_each(|(of, key)| value(*of, key, path))?;
                    check(inside, entry, path)?;
                }
            }
            _ => return Err(invalid("another kind of node", here(path))),
        }
        path.0.pop();
    }
    Ok(())
}

fn has_type(of: Type, value: &str) -> bool {
    match of {
        Type::Number => value.parse::<i64>().is_ok(),
        Type::Boolean => matches!(value, "true" | "false"),
        Type::Text | Type::Union => true,
        Type::Address => value.parse::<IpAddr>().is_ok() || value.parse::<IpNet>().is_ok(),
        Type::Identity => value.contains(':'),
        Type::Empty => value.is_empty(),
    }
}

/// Writes what of the models these trees have.
pub(super) fn write(
    index: &Index,
    trees: &[Tree],
    default_of: &dyn Fn(&Path) -> Option<String>,
) -> String {
    let mut text = String::new();
    let trees: Vec<&Tree> = trees.iter().collect();
    write_in(&mut text, index, &trees, &mut Path::default(), default_of);
    text
}

fn write_in(
    text: &mut String,
    index: &Index,
    trees: &[&Tree],
    path: &mut Path,
    default_of: &dyn Fn(&Path) -> Option<String>,
) {
    let names: BTreeSet<&Name> =
        trees.iter().flat_map(|tree| tree.iter()).map(|(name, _)| name).collect();
    for name in names {
        let Some((_, shape)) = index.get(name) else { continue };
        path.0.push(Step::plain(name.clone()));
        let indent = path.0.len() - 1;
        let nodes = trees.iter().filter_map(|tree| tree.child(name));
        let inner: Vec<&Tree> = match shape {
            Shape::List { .. } => nodes
                .filter_map(|node| match node {
                    Node::List(list) => Some(list.entries.values()),
                    _ => None,
                })
                .flatten()
                .collect(),
            _ => nodes.filter_map(Node::tree).collect(),
        };
        let default = || default_of(path).map(|it| format!(" ={it}")).unwrap_or_default();
        let words = match shape {
            Shape::Leaf(of) => format!("leaf {}{}", name_of(*of), default()),
            Shape::LeafList(of) => format!("leaf-list {}", name_of(*of)),
            Shape::Container { presence: true, .. } => "presence".to_owned(),
            Shape::Container { presence: false, .. } => "container".to_owned(),
            Shape::List { keys, types, .. } => {
                let keys =
                    keys.iter().zip(types).map(|(key, of)| format!("{key}:{}", name_of(*of)));
                format!("list {}", keys.collect::<Vec<_>>().join(" "))
            }
        };
        writeln!(text, "{:indent$}{name} {words}", "").expect("a String takes everything");
        if let Shape::Container { inside, .. } | Shape::List { inside, .. } = shape {
            write_in(text, inside, &inner, path, default_of);
        }
        path.0.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
m:c container
 l list k:text n:number
  flag leaf boolean =false
  which leaf identity
 many leaf-list address
 p presence
  o:in leaf empty
";

    fn tree(path: &str, value: &str) -> Arc<Tree> {
        let mut tree = Tree::new();
        tree.set(&path.parse::<Path>().expect("a path"), value);
        Arc::new(tree)
    }

    fn verdict(path: &str, value: &str) -> Result<(), YangError> {
        let mut verdict = Ok(());
        let quick = Quick::read(TEXT).expect("readable");
        quick.check_all(&[tree(path, value)], &mut |it| verdict = it);
        verdict
    }

    #[test]
    fn names_and_types_are_checked() {
        for (path, value) in
            [("/m:c/l[k='a'][n='1']/flag", "true"), ("/m:c/l[k='a'][n='1']/which", "m:one")]
        {
            assert_eq!(verdict(path, value), Ok(()), "{path}");
        }
        for (path, value) in [
            ("/m:c/unknown", "1"),
            ("/m:c/l[k='a'][n='one']/flag", "true"),
            ("/m:c/l[k='a'][n='1']/flag", "yes"),
            ("/m:c/l[k='a'][n='1']/which", "one"),
            ("/m:c/l[n='1'][k='a']/flag", "true"),
            ("/m:c/p", "1"),
        ] {
            assert!(verdict(path, value).is_err(), "{path} {value}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let quick = Quick::read(TEXT).expect("readable");
        let json = r#"{"m:c":{"l":[{"k":"a","n":1,"flag":true,"which":"m:x"}],"many":["10.0.0.1"],"p":{"o:in":[null]}}}"#;
        let tree = quick.parse_known_json(json).expect("plain");
        assert_eq!(quick.print_compact_json(&tree).expect("plain"), json);
        let text = write(&quick.index, &[tree], &|path| quick.default_of(path));
        assert_eq!(text, TEXT);
        assert!(quick.has("/m:c/l/flag") && !quick.has("/m:c/l/k"));
        let names: Vec<_> = quick.modules().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["m", "o"]);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for text in ["m:c", "m:c thing\n", "m:c leaf colour\n", "m:c leaf text\n x leaf text\n"] {
            Quick::read(text).expect_err(text);
        }
    }
}
