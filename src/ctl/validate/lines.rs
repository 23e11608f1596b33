//! The line of a configuration file on which a key is. Pure.

use super::super::file::tree::{self, Node, Value};

/// A configuration file with its lines.
pub(super) struct Lines(Option<Node>);

impl Lines {
    /// Of this text: JSON is read as the YAML that it also is.
    pub(super) fn of(text: &str) -> Self {
        Self(tree::read(text).ok().and_then(|documents| documents.into_iter().next()))
    }

    /// The line of a path such as `bgp.peers[2].remote_as`, or of the nearest key above it.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.0.as_ref().map(|root| find(root, root.line, path))
    }
}

fn find(node: &Node, line: usize, path: &str) -> usize {
    match &node.value {
        Value::Map(entries) => {
            // Names of owners may have dots: the longest key that fits.
            let fits = |name: &str| {
                let rest = path.strip_prefix(name)?;
                (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
            };
            let found =
                entries.iter().filter_map(|(key, node)| Some((key, node, fits(&key.name)?)));
            match found.max_by_key(|(key, ..)| key.name.len()) {
                Some((key, node, rest)) => {
                    find(node, key.line, rest.strip_prefix('.').unwrap_or(rest))
                }
                None => line,
            }
        }
        Value::List(items) => {
            let index = path.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            let item = index
                .and_then(|(number, rest)| Some((items.get(number.parse::<usize>().ok()?)?, rest)));
            match item {
                Some((item, rest)) => find(item, item.line, rest.strip_prefix('.').unwrap_or(rest)),
                None => line,
            }
        }
        Value::Null | Value::Scalar { .. } => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_or_what_stands_above_it() {
        let text = "{\n \"bgp\": {\n  \"peers\": [\n   {},\n   {\"remote_as\": 0}\n  ]\n },\n \
                    \"owners\": {\"a.b\": {\n  \"token\": 1}}\n}\n";
        let lines = Lines::of(text);
        for (path, line) in [
            ("bgp", 2),
            ("bgp.peers", 3),
            ("bgp.peers[1].remote_as", 5),
            ("bgp.peers[1].neighbor_address", 5),
            ("bgp.peers[0]", 4),
            ("bgp.local_as", 2),
            ("owners.a.b.token", 9),
            ("owners.a.b.allowed_prefixes", 8),
            ("log_level", 1),
        ] {
            assert_eq!(lines.find(path), Some(line), "{path}");
        }
        assert_eq!(Lines::of("\t{").find("x"), None);
    }
}
