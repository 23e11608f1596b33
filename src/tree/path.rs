//! Data paths: absolute, with every list key given, quoted as XPath wants it.

use std::{
    fmt,
    ops::Deref,
    str::FromStr,
    sync::{Arc, LazyLock},
};

/// The keys of what has none.
static NONE: LazyLock<(Arc<[Name]>, Keys)> = LazyLock::new(|| ([].into(), [].into()));

/// Name of a data node, qualified with its module where that differs from the parent's.
pub type Name = Arc<str>;

/// Values of a list entry's keys, in the order of the schema. Shared by all trees and paths that came from one another.
pub type Keys = Arc<[Box<str>]>;

/// One step of a path. Shared: paths into one list differ in their last steps alone, and a clone is a pointer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(Arc<Target>);

/// What a step leads to.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Name of the node.
    pub name: Name,
    /// Names of its keys; empty where the node is no list entry.
    pub key_names: Arc<[Name]>,
    /// Their values.
    pub key_values: Keys,
}

impl Target {
    /// Keys with their values; none where the node is no list entry.
    pub fn keys(&self) -> impl Iterator<Item = (&Name, &str)> {
        self.key_names.iter().zip(self.key_values.iter().map(|value| &**value))
    }

    /// The value of a key.
    pub fn key(&self, name: &str) -> Option<&str> {
        self.keys().find(|(key, _)| &***key == name).map(|(_, value)| value)
    }

    /// Whether the node is a list entry.
    pub fn is_entry(&self) -> bool {
        !self.key_names.is_empty()
    }
}

impl Deref for Step {
    type Target = Target;

    fn deref(&self) -> &Target {
        &self.0
    }
}

/// An absolute data path such as `/frr-filter:lib/prefix-list[type='ipv4'][name='a']`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<Step>);

/// A text that is no absolute data path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a data path at byte {at}: {reason}")]
pub struct PathError {
    /// Where reading stopped.
    pub at: usize,
    /// What is lacking or too much.
    pub reason: &'static str,
}

impl Path {
    /// The path one step further.
    #[must_use]
    pub fn join(&self, step: Step) -> Self {
        let mut steps = Vec::with_capacity(self.0.len() + 1);
        steps.extend_from_slice(&self.0);
        steps.push(step);
        Self(steps)
    }

    /// Whether `self` is `other` or lies below it.
    pub fn starts_with(&self, other: &Path) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Name of the last node, without its module.
    pub fn leaf_name(&self) -> &str {
        let name = self.0.last().map_or("", |step| &*step.name);
        name.rsplit_once(':').map_or(name, |(_, local)| local)
    }
}

impl Step {
    /// A step to a node that is no list entry.
    pub fn plain(name: impl Into<Name>) -> Self {
        let (names, values) = &*NONE;
        Self::with(name.into(), names.clone(), values.clone())
    }

    /// A step to a list entry, from its keys and their values.
    pub fn entry(name: impl Into<Name>, keys: impl IntoIterator<Item = (Name, Box<str>)>) -> Self {
        let (names, values): (Vec<Name>, Vec<Box<str>>) = keys.into_iter().unzip();
        Self::with(name.into(), names.into(), values.into())
    }

    /// A step to a list entry, from what is shared already.
    pub fn with(name: Name, key_names: Arc<[Name]>, key_values: Keys) -> Self {
        Self(Arc::new(Target { name, key_names, key_values }))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (key, value) in self.keys() {
            write!(f, "[{key}={}]", Quoted(value))?;
        }
        Ok(())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("/");
        }
        self.0.iter().try_for_each(|step| write!(f, "/{step}"))
    }
}

/// An XPath 1.0 literal: it has no escapes, so the quotes are those that the value lacks.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') { '"' } else { '\'' };
        write!(f, "{quote}{}{quote}", self.0)
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut rest = text;
        let mut steps = Vec::new();
        let fail = |rest: &str, reason| PathError { at: text.len() - rest.len(), reason };
        if text == "/" {
            return Ok(Self::default());
        }
        while !rest.is_empty() {
            rest = rest.strip_prefix('/').ok_or_else(|| fail(rest, "expected '/'"))?;
            let end = rest.find(['/', '[']).unwrap_or(rest.len());
            if end == 0 {
                return Err(fail(rest, "expected a name"));
            }
            let name = &rest[..end];
            let mut keys: Vec<(Name, Box<str>)> = Vec::new();
            rest = &rest[end..];
            while let Some(predicate) = rest.strip_prefix('[') {
                let equals = predicate.find('=').ok_or_else(|| fail(predicate, "expected '='"))?;
                let (key, value) = (&predicate[..equals], &predicate[equals + 1..]);
                let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'));
                let quote = quote.ok_or_else(|| fail(value, "expected a quoted value"))?;
                let close =
                    value[1..].find(quote).ok_or_else(|| fail(value, "no closing quote"))?;
                keys.push((key.into(), value[1..=close].into()));
                rest = value[close + 2..]
                    .strip_prefix(']')
                    .ok_or_else(|| fail(&value[close + 2..], "expected ']'"))?;
            }
            steps.push(if keys.is_empty() { Step::plain(name) } else { Step::entry(name, keys) });
        }
        Ok(Self(steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_displayed_as_it_was_read() {
        for text in [
            "/",
            "/frr-routing:routing",
            "/a:lib/prefix-list[type='ipv4'][name='x/y[z']/entry[sequence='5']",
            "/a:lib/route-map[name=\"it's\"]",
        ] {
            assert_eq!(text.parse::<Path>().map(|p| p.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "a", "/", "//a", "/a[", "/a[b]", "/a[b=c]", "/a[b='c]", "/a[b='c'x", "/a/"]
        {
            let path = text.parse::<Path>();
            assert!(path.is_err() || path == Ok(Path::default()), "{text:?}: {path:?}");
        }
    }
}
