//! Intents and what is to be removed, out of a tree. Pure.
//!
//! Field names are those of `proto/novaroute.proto`. Whether an address is one, and
//! whether what is needed is there, the agent says.

use serde_json::json;

use super::{
    reader::{At, Fields, Reader},
    tree::Value,
};
use crate::{
    fields::{self, Field, Message, Source, message},
    proto::v1::{Intent, IntentChange, IntentRef, Protocol, intent, intent_change::Change},
};

/// Beside what an item declares: where its owner has it from.
pub const SOURCE: &str = "source";

/// In the place of a password: the one that the peer has.
pub const UNCHANGED: &str = "unchanged";

/// Reads one item of `intents`.
pub fn intent(reader: &mut Reader, at: &At) -> Option<IntentChange> {
    let (mut intent, source): (Intent, String) = one_of(reader, at, message("Intent"), &[SOURCE])?;
    // BGP carries a prefix where no protocol is named, as with `advertise`.
    if let Some(intent::Kind::Prefix(prefix)) = &mut intent.kind
        && prefix.protocol() == Protocol::Unspecified
    {
        prefix.set_protocol(Protocol::Bgp);
    }
    let keep_password = match &mut intent.kind {
        Some(intent::Kind::Peer(peer)) if peer.password == UNCHANGED => {
            peer.password.clear();
            true
        }
        _ => false,
    };
    intent.kind.is_some().then_some(())?;
    Some(IntentChange { change: Some(Change::Set(intent)), keep_password, source })
}

/// Reads one item of `remove`.
pub fn reference(reader: &mut Reader, at: &At) -> Option<IntentChange> {
    let (reference, _): (IntentRef, _) = one_of(reader, at, message("IntentRef"), &[])?;
    reference.kind.is_some().then_some(())?;
    Some(IntentChange { change: Some(Change::Remove(reference)), ..IntentChange::default() })
}

/// The JSON Schema of intent files.
pub fn schema() -> serde_json::Value {
    let kinds = message("Intent").names();
    let mut schema = fields::schema(&kinds, &message("IntentRef").names());
    for intents in ["/anyOf/0/properties/intents/items", "/anyOf/1/items"] {
        let Some(item) = schema.pointer_mut(intents) else { continue };
        // It is of no kind, and one of a kind has to be there.
        item["properties"][SOURCE] = json!({"type": ["string", "number"]});
        item["maxProperties"] = json!(2);
        item["oneOf"] = kinds.iter().map(|kind| json!({"required": [kind]})).collect();
    }
    schema
}

/// An item, which has the one key that says what it is, and the text of what it may have beside that.
fn one_of<M: prost::Message + Default>(
    reader: &mut Reader,
    at: &At,
    message: &'static Message,
    beside: &[&'static str],
) -> Option<(M, String)> {
    let known = message.names();
    let before = reader.count();
    let mut fields = reader.fields(at, &[&known, beside].concat())?;
    let keys = fields.keys().filter(|key| !beside.contains(key)).count();
    if keys > 1 || (keys == 0 && fields.reader.count() == before) {
        fields.reader.wrong(at, format!("has to be one of {}", known.join(", ")));
        return None;
    }
    let text = beside.iter().find_map(|key| Fields::get(&fields, key));
    let text = text.map(|at| fields.reader.text(&at)).unwrap_or_default();
    Some((fields::read(message, &mut fields), text))
}

impl<'a> Source for Fields<'a, '_> {
    type At = At<'a>;

    fn get(&mut self, field: &'static Field) -> Option<At<'a>> {
        let at = Fields::get(self, &field.name)?;
        let empty = |value: &Value| matches!(value, Value::Scalar { text, .. } if text.is_empty());
        if field.name == "password" && empty(&at.node.value) {
            let reason = "is empty; leave the key out for a session without a password";
            self.reader.wrong(&at, reason);
        }
        Some(at)
    }

    fn items(&mut self, at: At<'a>) -> Vec<At<'a>> {
        self.reader.list(&at)
    }

    fn text(&mut self, at: At<'a>) -> String {
        self.reader.text(&at)
    }

    fn number(&mut self, at: At<'a>) -> u32 {
        self.reader.number(&at)
    }

    fn flag(&mut self, at: At<'a>) -> bool {
        self.reader.flag(&at)
    }

    fn choice(&mut self, at: At<'a>, choices: &[(String, i32)]) -> i32 {
        self.reader.one_of(&at, choices)
    }

    fn message(&mut self, at: At<'a>, message: &'static Message) -> Option<Vec<u8>> {
        let exclusive: Vec<&str> =
            message.fields.iter().filter(|field| field.one_of).map(|field| &*field.name).collect();
        let mut fields = self.reader.fields(&at, &message.names())?;
        if fields.keys().filter(|key| exclusive.contains(key)).count() > 1 {
            fields.reader.wrong(&at, format!("has more than one of {}", exclusive.join(", ")));
        }
        Some(fields::encoded(message, &mut fields))
    }
}
