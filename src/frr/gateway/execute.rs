//! The input and output of YANG RPCs, between paths with values and trees. Pure.
//!
//! The input goes to mgmtd as XML, in which a value needs no type; the output comes back
//! in the same format. A tree begins with the node of the RPC itself.

use std::fmt::Write as _;

use super::{
    path::{DataPath, Namespaces, PathError, Step, escape},
    xml::{self, Element},
};
use crate::frr::frontend::Format;

/// In which input and output are.
pub(super) const FORMAT: Format = Format::Xml;

/// What is sent to mgmtd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// The RPC.
    pub(super) xpath: String,
    /// Its input.
    pub(super) input: String,
}

/// A node of the input.
#[derive(Debug, Default)]
struct Node {
    name: String,
    module: String,
    /// Tell entries of the same list apart.
    predicates: Vec<(String, String)>,
    value: String,
    children: Vec<Node>,
}

/// Makes a call of the path of an RPC and its input. The paths of the input start at the
/// root, or, without a slash, at the RPC.
///
/// # Errors
///
/// The path that is none, and why.
pub(super) fn call(
    xpath: &str,
    input: &[(String, String)],
    namespaces: &Namespaces,
) -> Result<Call, (String, PathError)> {
    let at = |path: &str| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    let rpc = DataPath::parse(xpath).map_err(at(xpath))?;
    let mut root = Node::default();
    let mut prefixes = String::new();
    for (depth, step) in rpc.steps.iter().enumerate() {
        let module = step.module.clone().unwrap_or(root.module);
        // Of an action, mgmtd makes the parents itself.
        root = Node { name: step.name.clone(), module, ..Node::default() };
        debug_assert!(depth == 0 || !root.module.is_empty());
    }
    let mut declared = Vec::new();
    for (path, value) in input {
        let whole = if path.starts_with('/') { path.clone() } else { format!("{xpath}/{path}") };
        let parsed = DataPath::parse(&whole).map_err(at(path))?;
        let below = parsed.steps.strip_prefix(&*rpc.steps).filter(|below| !below.is_empty());
        let below = below.ok_or_else(|| (path.clone(), PathError::Outside))?;
        if value.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
            return Err((path.clone(), PathError::Value));
        }
        root.put(below, value);
        for (prefix, uri) in parsed.prefixes(value, namespaces) {
            if !declared.contains(&prefix) {
                declared.push(prefix);
                let _ = write!(prefixes, " xmlns:{prefix}=\"{}\"", escape(uri));
            }
        }
    }
    let mut xml = String::new();
    root.print(&mut xml, "", &prefixes, namespaces).map_err(at(xpath))?;
    Ok(Call { xpath: xpath.to_owned(), input: xml })
}

impl Node {
    /// Sets the value of a node below this one, which is made where it is not there.
    fn put(&mut self, steps: &[Step], value: &str) {
        let Some((step, below)) = steps.split_first() else {
            self.value = value.to_owned();
            return;
        };
        let known = self
            .children
            .iter()
            .position(|child| child.name == step.name && child.predicates == step.predicates);
        let index = known.unwrap_or_else(|| {
            let module = step.module.clone().unwrap_or_else(|| self.module.clone());
            let mut child = Self { name: step.name.clone(), module, ..Self::default() };
            for (key, value) in &step.predicates {
                if key == "." {
                    child.value = value.clone();
                } else {
                    let (name, value) = (key.clone(), value.clone());
                    let module = child.module.clone();
                    child.children.push(Self { name, module, value, ..Self::default() });
                }
            }
            child.predicates = step.predicates.clone();
            self.children.push(child);
            self.children.len() - 1
        });
        let Some(child) = self.children.get_mut(index) else { return };
        let is_entry = below.is_empty() && !step.predicates.is_empty();
        if !is_entry {
            child.put(below, value);
        }
    }

    fn print(
        &self,
        out: &mut String,
        outer: &str,
        prefixes: &str,
        namespaces: &Namespaces,
    ) -> Result<(), PathError> {
        let _ = write!(out, "<{}", self.name);
        if self.module != outer {
            let uri = namespaces.get(&self.module);
            let uri = uri.ok_or_else(|| PathError::Module(self.module.clone()))?;
            let _ = write!(out, " xmlns=\"{}\"", escape(uri));
        }
        let _ = write!(out, "{prefixes}>{}", escape(&self.value));
        for child in &self.children {
            child.print(out, &self.module, "", namespaces)?;
        }
        let _ = write!(out, "</{}>", self.name);
        Ok(())
    }
}

/// The leaves of an output, each with its path. Of several nodes of one name each has its
/// position, from 1: without the schema keys cannot be told from other leaves.
///
/// # Errors
///
/// What is wrong with the XML.
pub(super) fn output(
    xpath: &str,
    output: &str,
    namespaces: &Namespaces,
) -> Result<Vec<(String, String)>, &'static str> {
    let mut elements = xml::parse(output)?;
    let name = xpath.rsplit(['/', ':']).next().unwrap_or_default();
    let mut outer = String::new();
    if let [rpc] = &mut elements[..]
        && rpc.name == name
    {
        outer = std::mem::take(&mut rpc.namespace);
        elements = std::mem::take(&mut rpc.children);
    }
    let mut leaves = Vec::new();
    collect(xpath, &outer, &elements, namespaces, &mut leaves);
    Ok(leaves)
}

fn collect(
    path: &str,
    outer: &str,
    elements: &[Element],
    namespaces: &Namespaces,
    leaves: &mut Vec<(String, String)>,
) {
    for (i, element) in elements.iter().enumerate() {
        let same =
            |other: &&Element| other.name == element.name && other.namespace == element.namespace;
        let mut path = format!("{path}/");
        let module = namespaces.iter().find(|(_, uri)| **uri == element.namespace);
        if let Some((module, _)) = module.filter(|_| element.namespace != outer) {
            let _ = write!(path, "{module}:");
        }
        path.push_str(&element.name);
        if elements.iter().filter(same).count() > 1 {
            let position = elements.iter().take(i + 1).filter(same).count();
            let _ = write!(path, "[{position}]");
        }
        if element.children.is_empty() {
            leaves.push((path, element.text.clone()));
        } else {
            collect(&path, &element.namespace, &element.children, namespaces, leaves);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespaces() -> Namespaces {
        [("frr-ripd", "urn:ripd"), ("frr-x", "urn:x")]
            .map(|(module, uri)| (module.to_owned(), uri.to_owned()))
            .into()
    }

    fn input(xpath: &str, input: &[(&str, &str)]) -> Result<String, (String, PathError)> {
        let input: Vec<_> = input.iter().map(|(p, v)| ((*p).into(), (*v).into())).collect();
        call(xpath, &input, &namespaces()).map(|call| call.input)
    }

    #[test]
    fn paths_and_values_become_one_tree() {
        let rpc = "/frr-ripd:clear-rip-route";
        assert_eq!(
            input(rpc, &[]).unwrap(),
            "<clear-rip-route xmlns=\"urn:ripd\"></clear-rip-route>"
        );
        assert_eq!(
            input(
                rpc,
                &[
                    ("vrf", "a & b"),
                    ("/frr-ripd:clear-rip-route/l[k='1']/v", "frr-x:y"),
                    ("l[k='1']/w", "2"),
                    ("frr-x:ll[.='3']", ""),
                ]
            )
            .unwrap(),
            "<clear-rip-route xmlns=\"urn:ripd\" xmlns:frr-x=\"urn:x\"><vrf>a &amp; b</vrf>\
             <l><k>1</k><v>frr-x:y</v><w>2</w></l><ll xmlns=\"urn:x\">3</ll></clear-rip-route>"
        );
    }

    #[test]
    fn what_is_not_below_the_rpc_is_refused() {
        let refused = |path| input("/frr-ripd:clear-rip-route", &[(path, "")]).unwrap_err();
        assert_eq!(refused("/frr-ripd:ripd").1, PathError::Outside);
        assert_eq!(refused("/frr-ripd:clear-rip-route").1, PathError::Outside);
        assert!(matches!(refused("a]").1, PathError::Syntax { .. }));
        assert_eq!(input("/nosuch:x", &[]).unwrap_err().1, PathError::Module("nosuch".into()));
        assert_eq!(input("", &[]).unwrap_err().1, PathError::Relative);
    }

    #[test]
    fn the_leaves_of_an_output_have_paths() {
        let xml = "<get xmlns=\"urn:x\"><a>1</a><l><k>1</k></l><l><k>2</k></l><e/></get>";
        let expected = [
            ("/frr-x:get/a", "1"),
            ("/frr-x:get/l[1]/k", "1"),
            ("/frr-x:get/l[2]/k", "2"),
            ("/frr-x:get/e", ""),
        ]
        .map(|(path, value)| (path.to_owned(), value.to_owned()));
        assert_eq!(output("/frr-x:get", xml, &namespaces()).unwrap(), expected);
        assert_eq!(output("/frr-x:get", "<get xmlns=\"urn:x\"/>", &namespaces()).unwrap(), []);
        assert_eq!(output("/frr-x:get", "", &namespaces()).unwrap(), []);
        assert!(output("/frr-x:get", "<", &namespaces()).is_err());
    }
}
