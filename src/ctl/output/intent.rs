//! Intents as documents in the format of intent files.

use serde_json::Value;

use crate::{
    ctl::file::SOURCE,
    fields::{self, Field, message},
    proto::v1::Intent,
};

/// An intent as an intent file has it; what is not set is left away, unless that is all of it.
pub fn document(intent: &Intent) -> Value {
    let kind = |(field, value): (&'static Field, fields::Value)| {
        let any = value.is_set();
        (field.name.clone(), self::value(value, &|value| !any || value.is_set()))
    };
    Value::Object(fields::show(message("Intent"), intent).into_iter().map(kind).collect())
}

/// The same with where it is from, if that is said.
pub fn from(intent: &Intent, source: &str) -> Value {
    let mut document = document(intent);
    if let (Value::Object(map), false) = (&mut document, source.is_empty()) {
        map.insert(SOURCE.to_owned(), source.into());
    }
    document
}

/// A value, with the fields of messages that are to be shown.
fn value(value: fields::Value, shown: &impl Fn(&fields::Value) -> bool) -> Value {
    match value {
        fields::Value::Text(text) => text.into(),
        fields::Value::Number(number) => number.into(),
        fields::Value::Flag(flag) => flag.into(),
        fields::Value::List(items) => {
            items.into_iter().map(|item| self::value(item, shown)).collect()
        }
        fields::Value::Message(fields) => {
            let fields = fields.into_iter().flatten().filter(|(_, value)| shown(value));
            let fields =
                fields.map(|(field, value)| (field.name.clone(), self::value(value, shown)));
            Value::Object(fields.collect())
        }
    }
}

/// The leaves of a document, `attributes.med` and the like, in its order; a list is one.
pub fn leaves(document: &Value) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    // The first level is the kind, which the object is named after, and what stands beside it.
    for (key, below) in document.as_object().into_iter().flatten() {
        let path = if below.is_object() { "" } else { key };
        push_leaves(&mut leaves, path, below);
    }
    leaves
}

fn push_leaves(leaves: &mut Vec<(String, String)>, path: &str, value: &Value) {
    let text = match value {
        Value::Object(map) => {
            for (key, value) in map {
                let dot = if path.is_empty() { "" } else { "." };
                push_leaves(leaves, &format!("{path}{dot}{key}"), value);
            }
            return;
        }
        Value::Array(items) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            items.join(", ")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    leaves.push((path.to_owned(), text));
}
