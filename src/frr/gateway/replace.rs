//! The edits that empty mgmtd's candidate, so that a configuration can take its place.
//! Pure.
//!
//! mgmtd compares its candidate with what runs when it commits: what is taken away here
//! and comes back with the new configuration is no change. Three kinds of list entries
//! are kept, without their content: interfaces, VRFs and instances of staticd. They are
//! for what exists without any configuration; daemons refuse to delete the first two
//! while they do, and staticd of FRR 10.3 does not survive the last.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::frr::frontend::{Edit, Error, Format, Operation};

/// Takes all of a running configuration (RFC 7951) away, but keeps what has to stay.
pub(super) fn edits(running: &str) -> Result<Vec<Edit>, Error> {
    let running = parse(running)?;
    let mut edits = removals(&running)?;
    let kept = kept(&running);
    if !kept.is_empty() {
        edits.push(Edit::merge(Format::Json, Value::Object(kept).to_string()));
    }
    Ok(edits)
}

/// Takes all of it away. For a candidate that is never committed.
pub(super) fn all(running: &str) -> Result<Vec<Edit>, Error> {
    removals(&parse(running)?)
}

fn parse(running: &str) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(running).map_err(|error| unexpected(error.to_string()))
}

fn unexpected(got: String) -> Error {
    Error::Unexpected { request: "replace", got }
}

fn removals(running: &Map<String, Value>) -> Result<Vec<Edit>, Error> {
    let removal = |(name, node): (&String, &Value)| match node {
        Value::Object(_) => Ok(Edit {
            operation: Operation::Remove,
            xpath: format!("/{name}"),
            format: Format::Json,
            data: Arc::from(""),
        }),
        // No module of FRR has one, and without the schema its keys are not known.
        _ => Err(unexpected(format!("top-level node {name} is no container"))),
    };
    running.iter().map(removal).collect()
}

fn kept(running: &Map<String, Value>) -> Map<String, Value> {
    const STATICD: &str = "frr-staticd:staticd";
    const PROTOCOLS: &str = "/frr-routing:routing/control-plane-protocols/control-plane-protocol";
    let mut kept = Map::new();
    let running = Value::Object(running.clone());
    let entries = |path: &str, keys: &[&str], wanted: &dyn Fn(&Value) -> bool| {
        let list = running.pointer(path).and_then(Value::as_array);
        let entries = list.into_iter().flatten().filter(|entry| wanted(entry));
        let only = |entry: &Value| {
            keys.iter().map(|key| ((*key).to_owned(), entry[*key].clone())).collect::<Map<_, _>>()
        };
        entries.map(only).collect::<Vec<_>>()
    };
    let interfaces = entries("/frr-interface:lib/interface", &["name"], &|_| true);
    if !interfaces.is_empty() {
        kept.insert("frr-interface:lib".into(), json!({ "interface": interfaces }));
    }
    let vrfs = entries("/frr-vrf:lib/vrf", &["name"], &|_| true);
    if !vrfs.is_empty() {
        kept.insert("frr-vrf:lib".into(), json!({ "vrf": vrfs }));
    }
    let statics = entries(PROTOCOLS, &["type", "name", "vrf"], &|entry| entry["type"] == STATICD);
    if !statics.is_empty() {
        kept.insert(
            "frr-routing:routing".into(),
            json!({ "control-plane-protocols": { "control-plane-protocol": statics } }),
        );
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_goes_but_the_entries_that_stand_for_something() {
        let running = json!({
            "frr-filter:lib": {"prefix-list": [{"type": "ipv4", "name": "P"}]},
            "frr-interface:lib": {"interface": [{"name": "tor0", "description": "x"}]},
            "frr-routing:routing": {"control-plane-protocols": {"control-plane-protocol": [
                {"type": "frr-staticd:staticd", "name": "staticd", "vrf": "default",
                 "frr-staticd:staticd": {"route-list": []}},
                {"type": "frr-x:x", "name": "x", "vrf": "default"}]}}
        });
        let edits = edits(&running.to_string()).unwrap();
        let paths: Vec<_> = edits.iter().map(|edit| edit.xpath.as_str()).collect();
        assert_eq!(paths, ["/frr-filter:lib", "/frr-interface:lib", "/frr-routing:routing", "/"]);
        assert_eq!(
            serde_json::from_str::<Value>(&edits[3].data).unwrap(),
            json!({
                "frr-interface:lib": {"interface": [{"name": "tor0"}]},
                "frr-routing:routing": {"control-plane-protocols": {"control-plane-protocol": [
                    {"type": "frr-staticd:staticd", "name": "staticd", "vrf": "default"}]}}
            })
        );
        assert_eq!(all(&running.to_string()).unwrap().len(), 3);
        assert_eq!(super::edits("{}").unwrap(), []);
    }

    #[test]
    fn what_cannot_be_taken_away_is_said() {
        assert!(edits(r#"{"a:list": [{"k": 1}]}"#).is_err());
        assert!(edits("[]").is_err());
    }
}
