//! Intents and what is to be removed, out of a tree. Pure.
//!
//! Field names are those of `proto/novaroute.proto`. Whether an address is one, and
//! whether what is needed is there, the agent says.

use super::{
    reader::{At, Fields, Reader},
    tree::Value,
};
use crate::{
    fields::{self, Field, Message, Source, message},
    proto::v1::{Intent, IntentRef, Protocol, intent},
};

/// What no file declares: the drain is a call of its own.
const NOT_IN_FILES: &[&str] = &["drain"];

/// Reads one item of `intents`.
pub fn intent(reader: &mut Reader, at: &At) -> Option<Intent> {
    let mut intent: Intent = one_of(reader, at, message("Intent"))?;
    // BGP carries a prefix where no protocol is named, as with `advertise`.
    if let Some(intent::Kind::Prefix(prefix)) = &mut intent.kind
        && prefix.protocol() == Protocol::Unspecified
    {
        prefix.set_protocol(Protocol::Bgp);
    }
    intent.kind.is_some().then_some(intent)
}

/// Reads one item of `remove`.
pub fn reference(reader: &mut Reader, at: &At) -> Option<IntentRef> {
    let reference: IntentRef = one_of(reader, at, message("IntentRef"))?;
    reference.kind.is_some().then_some(reference)
}

/// The JSON Schema of intent files.
pub fn schema() -> serde_json::Value {
    fields::schema(&known(message("Intent")), &known(message("IntentRef")))
}

/// Names of what a file can declare or remove.
fn known(message: &'static Message) -> Vec<&'static str> {
    message.names().into_iter().filter(|name| !NOT_IN_FILES.contains(name)).collect()
}

/// An item, which has the one key that says what it is.
fn one_of<M: prost::Message + Default>(
    reader: &mut Reader,
    at: &At,
    message: &'static Message,
) -> Option<M> {
    let known = known(message);
    let before = reader.count();
    let mut fields = reader.fields(at, &known)?;
    let keys = fields.keys().count();
    if keys > 1 || (keys == 0 && fields.reader.count() == before) {
        fields.reader.wrong(at, format!("has to be one of {}", known.join(", ")));
        return None;
    }
    Some(fields::read(message, &mut fields))
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
