//! Edits of what mgmtd executes, and the documents in which it says what it runs. Pure.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;

use crate::tree::{Edit, Node, Path, Tree, diff};

/// The subtree that is ours to change, and the daemon that executes it.
pub(super) const STATICD: (&str, &str) = (
    "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
     [type='frr-staticd:staticd'][name='staticd'][vrf='default']/frr-staticd:staticd",
    "staticd",
);

/// The edits that turn mgmtd's running configuration into `goal`: routes, never more. Deleting the
/// whole instance has crashed staticd 10.3, and would take what is not ours with it.
pub fn edits(running: &Tree, goal: &Tree) -> Vec<Edit> {
    let instance: Path = STATICD.0.parse().expect("a constant path, parsed by the unit test");
    let steps = &instance.0[..instance.0.len() - 1];
    let path = Path(steps.to_vec());
    let with_instance = |tree| match Tree::subtree(tree, &path) {
        Some(_) => Cow::Borrowed(tree),
        None => {
            let mut tree = tree.clone();
            tree.ensure(steps);
            Cow::Owned(tree)
        }
    };
    diff(&with_instance(running), &with_instance(goal))
}

/// Whether the tree is as the edit wants it: all that is new is there, nothing that went is.
pub(super) fn holds(tree: &Tree, edit: &Edit) -> bool {
    match &edit.new {
        None => !tree.contains(&edit.path),
        Some(Node::Leaf(value)) => tree.leaf(&edit.path) == Some(value),
        Some(node) => {
            let Some(wanted) = node.tree() else { return true };
            tree.subtree(&edit.path).is_some_and(|shown| shown.includes(wanted))
        }
    }
}

/// The document from the root of the tree, also where it was given from the instance down.
pub(super) fn rooted(json: &str) -> Cow<'_, str> {
    let inside = "\"frr-staticd:staticd\"";
    let members = json.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    // Thousands of routes: what is in the instance is not looked into. What is wrong with it libyang will say.
    match members.map(str::trim_start) {
        Some(members) if members.starts_with(inside) => format!(
            r#"{{"frr-routing:routing":{{"control-plane-protocols":{{"control-plane-protocol":[{{
            "type":"frr-staticd:staticd","name":"staticd","vrf":"default",{members}}}]}}}}}}"#
        )
        .into(),
        _ => json.into(),
    }
}

/// The value of a leaf that was asked for alone.
pub(super) fn leaf(json: &str) -> Option<Box<str>> {
    let members: BTreeMap<String, Value> = serde_json::from_str(json).ok()?;
    match members.into_values().next()? {
        Value::String(text) => Some(text.into()),
        Value::Object(_) | Value::Array(_) => None,
        value => Some(value.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_route_goes_without_its_instance() {
        let mut running = Tree::new();
        let route = format!(
            "{}/route-list[prefix='10.0.0.0/8'][src-prefix='::/0'][afi-safi='frr-routing:ipv4-unicast']",
            STATICD.0
        );
        running.ensure(&route.parse::<Path>().expect("a path").0);
        let paths = |edits: &[Edit]| edits.iter().map(|e| e.path.to_string()).collect::<Vec<_>>();
        assert_eq!(paths(&edits(&running, &Tree::new())), [&*route]);
        assert_eq!(paths(&edits(&Tree::new(), &running)), [&*route]);
    }

    #[test]
    fn the_value_of_a_leaf_is_told_as_the_tree_has_it() {
        let told = |json| leaf(json).map(String::from);
        assert_eq!(told(r#"{"distance": 5}"#).as_deref(), Some("5"));
        assert_eq!(told(r#"{"m:on": true}"#).as_deref(), Some("true"));
        assert_eq!(told(r#"{"gateway": "10.0.0.1"}"#).as_deref(), Some("10.0.0.1"));
        assert_eq!(told(r#"{"list": [1]}"#), None);
    }
}
