//! The JSON Schema of intent files.

use serde_json::{Map, Value, json};

use super::{Field, Form, Message, message};

/// What an editor can check of an intent file (JSON Schema, draft 2020-12); `kinds` are those that a file can declare, and
/// `references` those that it can remove.
pub fn schema(kinds: &[&str], references: &[&str]) -> Value {
    let of = |name, known: &[&str]| {
        let mut one = object(message(name), known);
        one["minProperties"] = json!(1);
        one["maxProperties"] = json!(1);
        json!({"type": "array", "items": one})
    };
    let (intents, remove) = (of("Intent", kinds), of("IntentRef", references));
    let document = json!({
        "type": "object",
        "properties": {"intents": &intents, "remove": remove},
        "additionalProperties": false,
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Intents of NovaRoute",
        "anyOf": [document, intents],
    })
}

/// A message, as far as its fields are `known`.
fn object(message: &Message, known: &[&str]) -> Value {
    let fields = message.fields.iter().filter(|field| known.contains(&&*field.name));
    let properties: Map<_, _> = fields.map(|field| (field.name.clone(), value(field))).collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn value(field: &Field) -> Value {
    let one = match &field.form {
        Form::Text => json!({"type": ["string", "number"]}),
        Form::Number => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        Form::Flag => json!({"type": "boolean"}),
        Form::Choice(choices) => {
            let names: Vec<_> = choices.iter().map(|(name, _)| name).collect();
            json!({"enum": names})
        }
        Form::Message(name) => {
            let inner = message(name);
            object(inner, &inner.names())
        }
    };
    if field.repeated { json!({"type": "array", "items": one}) } else { one }
}
