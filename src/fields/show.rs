//! A message → values, in the order of the contract.

use std::collections::BTreeMap;

use prost::encoding::{self, WireType};

use super::{Field, Form, Message, message};

/// What a field of a message has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, or the name of a choice; empty where there is none.
    Text(String),
    /// A number; 0 where there is none.
    Number(u64),
    /// Whether or not.
    Flag(bool),
    /// Any number of values.
    List(Vec<Value>),
    /// The fields of a message; `None` where there is none.
    Message(Option<Vec<(&'static Field, Value)>>),
}

impl Value {
    /// Whether it is something else than protobuf's default.
    pub fn is_set(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Number(number) => *number != 0,
            Self::Flag(flag) => *flag,
            Self::List(items) => !items.is_empty(),
            Self::Message(fields) => {
                fields.as_ref().is_some_and(|all| all.iter().any(|(_, value)| value.is_set()))
            }
        }
    }
}

/// Every field of a message with its value; of fields that exclude each other the one that is there.
pub fn show(
    description: &'static Message,
    message: &impl prost::Message,
) -> Vec<(&'static Field, Value)> {
    fields(description, &message.encode_to_vec())
}

/// A field as it is encoded.
enum Raw<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

fn fields(description: &'static Message, bytes: &[u8]) -> Vec<(&'static Field, Value)> {
    let mut raw = split(bytes);
    let shown = description.fields.iter().filter_map(|field| {
        let values = raw.remove(&field.number);
        let absent = values.is_none();
        let values = values.unwrap_or_default();
        (!(field.one_of && absent)).then(|| (field, value(field, &values)))
    });
    shown.collect()
}

/// The fields of an encoded message by their numbers. The message is encoded by `prost`, so that it is whole.
fn split(mut bytes: &[u8]) -> BTreeMap<u32, Vec<Raw<'_>>> {
    const WHOLE: &str = "encoded by prost";
    let mut found = BTreeMap::<u32, Vec<Raw>>::new();
    while !bytes.is_empty() {
        let (number, wire) = encoding::decode_key(&mut bytes).expect(WHOLE);
        let value = encoding::decode_varint(&mut bytes).expect(WHOLE);
        let raw = match wire {
            WireType::LengthDelimited => {
                let (inner, rest) = bytes.split_at(usize::try_from(value).expect(WHOLE));
                bytes = rest;
                Raw::Bytes(inner)
            }
            _ => Raw::Varint(value),
        };
        found.entry(number).or_default().push(raw);
    }
    found
}

fn value(field: &'static Field, raw: &[Raw]) -> Value {
    if !field.repeated {
        return one(&field.form, raw.last());
    }
    let items = raw.iter().flat_map(|raw| match (raw, &field.form) {
        // Numbers stand packed in one.
        (Raw::Bytes(packed), Form::Choice(_) | Form::Number | Form::Flag) => {
            let (mut packed, mut items) = (*packed, Vec::new());
            while let Ok(number) = encoding::decode_varint(&mut packed) {
                items.push(one(&field.form, Some(&Raw::Varint(number))));
            }
            items
        }
        (raw, form) => vec![one(form, Some(raw))],
    });
    Value::List(items.collect())
}

fn one(form: &'static Form, raw: Option<&Raw>) -> Value {
    let number = match raw {
        Some(Raw::Varint(number)) => *number,
        _ => 0,
    };
    let bytes = match raw {
        Some(Raw::Bytes(bytes)) => Some(*bytes),
        _ => None,
    };
    match form {
        Form::Text => Value::Text(String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()),
        Form::Number => Value::Number(number),
        Form::Flag => Value::Flag(number != 0),
        Form::Choice(choices) => {
            let named = choices.iter().find(|(_, of)| i64::from(*of) as u64 == number);
            Value::Text(named.map(|(name, _)| name.clone()).unwrap_or_default())
        }
        Form::Message(name) => Value::Message(bytes.map(|bytes| fields(message(name), bytes))),
    }
}
