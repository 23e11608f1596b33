//! Data paths of gRPC clients, and single values as trees. Pure.
//!
//! `frr.Northbound` names a leaf by its path (RFC 7950 section 9.13) and gives its
//! value as text. mgmtd takes trees. In JSON the type of a value shows in its
//! spelling, which needs the schema; in XML every value is text, which needs only
//! the namespaces of the modules, and those mgmtd tells. So a value becomes XML.

use std::{collections::BTreeMap, fmt::Write as _};

/// Longest path accepted; FRR's own limit is 1024 bytes.
const MAX_PATH: usize = 1023;

/// Namespaces by module name.
pub(super) type Namespaces = BTreeMap<String, String>;

/// Why a path was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PathError {
    #[error("path is longer than {MAX_PATH} bytes")]
    Long,
    #[error("path has to start with /module:node")]
    Relative,
    #[error("byte {at} of the path: {expected} expected")]
    Syntax { at: usize, expected: &'static str },
    #[error("value contains a control character")]
    Value,
    #[error("no module {0:?} in this FRR")]
    Module(String),
    #[error("not below the RPC")]
    Outside,
}

/// A node of the data tree: `/module:name[key='value']/…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DataPath {
    pub(super) steps: Vec<Step>,
}

/// One node of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Where the path says it; else that of the step before.
    pub(super) module: Option<String>,
    pub(super) name: String,
    /// Key and value; the key is `.` for a leaf-list entry.
    pub(super) predicates: Vec<(String, String)>,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, token: char) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len_utf8();
        }
        found
    }

    fn expect(&mut self, token: char, expected: &'static str) -> Result<(), PathError> {
        if self.eat(token) { Ok(()) } else { Err(self.error(expected)) }
    }

    fn error(&self, expected: &'static str) -> PathError {
        PathError::Syntax { at: self.at, expected }
    }

    fn spaces(&mut self) {
        while self.eat(' ') {}
    }

    /// A YANG identifier (RFC 7950 section 6.2).
    fn identifier(&mut self) -> Result<&'a str, PathError> {
        let rest = self.rest();
        let len = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .unwrap_or(rest.len());
        let name = rest.get(..len).unwrap_or_default();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return Err(self.error("a name"));
        }
        self.at += len;
        Ok(name)
    }

    /// `module:name` or `name`.
    fn node(&mut self) -> Result<(Option<&'a str>, &'a str), PathError> {
        let first = self.identifier()?;
        if self.eat(':') { Ok((Some(first), self.identifier()?)) } else { Ok((None, first)) }
    }

    fn predicate(&mut self) -> Result<(String, String), PathError> {
        self.spaces();
        let key = if self.eat('.') { "." } else { self.node()?.1 };
        self.spaces();
        self.expect('=', "=")?;
        self.spaces();
        let quote = if self.eat('\'') {
            '\''
        } else {
            self.expect('"', "a quoted value")?;
            '"'
        };
        let value = self.rest().split(quote).next().unwrap_or_default();
        if value.contains(|c: char| c.is_control()) {
            return Err(self.error("a value without control characters"));
        }
        self.at += value.len();
        self.expect(quote, "the closing quote")?;
        self.spaces();
        self.expect(']', "]")?;
        Ok((key.to_owned(), value.to_owned()))
    }
}

impl DataPath {
    /// Reads a path.
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        if text.len() > MAX_PATH {
            return Err(PathError::Long);
        }
        let mut parser = Parser { text, at: 0 };
        let mut steps = Vec::new();
        while parser.eat('/') {
            let (module, name) = parser.node()?;
            let mut predicates = Vec::new();
            while parser.eat('[') {
                predicates.push(parser.predicate()?);
            }
            steps.push(Step { module: module.map(Into::into), name: name.into(), predicates });
        }
        if !parser.rest().is_empty() {
            return Err(if steps.is_empty() { PathError::Relative } else { parser.error("/") });
        }
        match steps.first() {
            Some(Step { module: Some(_), .. }) => Ok(Self { steps }),
            _ => Err(PathError::Relative),
        }
    }

    /// The tree that has this node, with this value where it is a leaf.
    pub(super) fn to_xml(&self, value: &str, namespaces: &Namespaces) -> Result<String, PathError> {
        let mut xml = String::new();
        let mut open = Vec::new();
        let mut module = "";
        for (i, step) in self.steps.iter().enumerate() {
            let _ = write!(xml, "<{}", step.name);
            if let Some(own) = step.module.as_deref().filter(|own| *own != module) {
                module = own;
                let uri = namespaces.get(own).ok_or_else(|| PathError::Module(own.to_owned()))?;
                let _ = write!(xml, " xmlns=\"{}\"", escape(uri));
            }
            if i == 0 {
                // Identities and paths among the values need their prefixes.
                for (prefix, uri) in self.prefixes(value, namespaces) {
                    let _ = write!(xml, " xmlns:{prefix}=\"{}\"", escape(uri));
                }
            }
            xml.push('>');
            for (key, value) in &step.predicates {
                if key == "." {
                    xml.push_str(&escape(value));
                } else {
                    let _ = write!(xml, "<{key}>{}</{key}>", escape(value));
                }
            }
            open.push(step.name.as_str());
        }
        let is_leaf_list =
            self.steps.last().is_some_and(|s| s.predicates.iter().any(|(k, _)| k == "."));
        if !is_leaf_list {
            xml.push_str(&escape(value));
        }
        for name in open.iter().rev() {
            let _ = write!(xml, "</{name}>");
        }
        Ok(xml)
    }

    /// Modules that values name with `module:`, and their namespaces.
    pub(super) fn prefixes<'a>(
        &self,
        value: &str,
        namespaces: &'a Namespaces,
    ) -> BTreeMap<&'a str, &'a str> {
        let keys =
            self.steps.iter().flat_map(|step| step.predicates.iter().map(|(_, v)| v.as_str()));
        keys.chain([value])
            .filter_map(|value| value.split_once(':'))
            .filter_map(|(prefix, _)| namespaces.get_key_value(prefix))
            .map(|(module, uri)| (module.as_str(), uri.as_str()))
            .collect()
    }
}

/// XML character data, fit for attributes too.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn namespaces() -> Namespaces {
        [("frr-routing", "urn:r"), ("frr-staticd", "urn:s"), ("frr-interface", "urn:i")]
            .map(|(module, uri)| (module.to_owned(), uri.to_owned()))
            .into()
    }

    fn xml(path: &str, value: &str) -> String {
        DataPath::parse(path).unwrap().to_xml(value, &namespaces()).unwrap()
    }

    #[test]
    fn a_leaf_below_a_list_of_another_module() {
        assert_eq!(
            xml(
                "/frr-routing:routing/protocol[type='frr-staticd:staticd'][name=\"it's\"]/frr-staticd:staticd/tag",
                "7"
            ),
            "<routing xmlns=\"urn:r\" xmlns:frr-staticd=\"urn:s\"><protocol>\
             <type>frr-staticd:staticd</type><name>it's</name>\
             <staticd xmlns=\"urn:s\"><tag>7</tag></staticd></protocol></routing>"
        );
    }

    #[test]
    fn values_are_escaped() {
        assert_eq!(
            xml("/frr-interface:lib/interface[name='a&b']/description", "<x> \"y\""),
            "<lib xmlns=\"urn:i\"><interface><name>a&amp;b</name>\
             <description>&lt;x&gt; &quot;y&quot;</description></interface></lib>"
        );
    }

    #[test]
    fn a_leaf_list_entry_is_its_own_value() {
        assert_eq!(xml("/frr-interface:lib/x[.='1']", ""), "<lib xmlns=\"urn:i\"><x>1</x></lib>");
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in [
            "",
            "/",
            "lib",
            "/lib",
            "frr-interface:lib",
            "//frr-interface:lib",
            "/frr-interface:lib/",
            "/frr-interface:lib/*",
        ] {
            assert!(DataPath::parse(bad).is_err(), "{bad:?}");
        }
        for bad in [
            "/a:b[",
            "/a:b[c",
            "/a:b[c=1]",
            "/a:b[1]",
            "/a:b[c='x]",
            "/a:b[c='x'",
            "/a:b[c='x\ny']",
            "/a:b | /a:c",
        ] {
            assert!(matches!(DataPath::parse(bad), Err(PathError::Syntax { .. })), "{bad:?}");
        }
        assert_eq!(DataPath::parse(&format!("/a:{}", "b".repeat(2000))), Err(PathError::Long));
    }

    #[test]
    fn an_unknown_module_is_named() {
        let error = DataPath::parse("/nosuch:x").unwrap().to_xml("", &namespaces()).unwrap_err();
        assert_eq!(error.to_string(), "no module \"nosuch\" in this FRR");
    }

    proptest! {
        #[test]
        fn any_text_parses_or_fails_but_never_panics(text in "[/a:\\[\\]'\"=. é\\n]{0,40}") {
            let _ = DataPath::parse(&text);
        }
    }
}
