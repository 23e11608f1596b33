//! Data paths: absolute, with every list key given, quoted as XPath wants it.

use std::{fmt, str::FromStr, sync::Arc};

/// Name of a data node, qualified with its module where that differs from the parent's.
pub type Name = Arc<str>;

/// Values of a list entry's keys, in the order of the schema.
pub type Keys = Box<[Box<str>]>;

/// One step of a path: a name and, where it is a list entry, its keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// Name of the node.
    pub name: Name,
    /// Keys with their values; empty where the node is no list entry.
    pub keys: Vec<(Name, Box<str>)>,
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
        Self { name: name.into(), keys: Vec::new() }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (key, value) in &self.keys {
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
            let mut step = Step::plain(&rest[..end]);
            rest = &rest[end..];
            while let Some(predicate) = rest.strip_prefix('[') {
                let equals = predicate.find('=').ok_or_else(|| fail(predicate, "expected '='"))?;
                let (key, value) = (&predicate[..equals], &predicate[equals + 1..]);
                let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'));
                let quote = quote.ok_or_else(|| fail(value, "expected a quoted value"))?;
                let close = value[1..].find(quote).ok_or_else(|| fail(value, "no closing quote"))?;
                step.keys.push((key.into(), value[1..=close].into()));
                rest = value[close + 2..]
                    .strip_prefix(']')
                    .ok_or_else(|| fail(&value[close + 2..], "expected ']'"))?;
            }
            steps.push(step);
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
        for text in ["", "a", "/", "//a", "/a[", "/a[b]", "/a[b=c]", "/a[b='c]", "/a[b='c'x", "/a/"] {
            let path = text.parse::<Path>();
            assert!(path.is_err() || path == Ok(Path::default()), "{text:?}: {path:?}");
        }
    }
}
