//! Values of any source → a message.

use prost::encoding::{self, WireType};

use super::{Field, Form, Message, message};

/// Where the values of a message's fields come from. What is wrong with one is the source's to say, and reads as absent.
pub trait Source {
    /// A place in it.
    type At;

    /// The value of a field, where it is there.
    fn get(&mut self, field: &'static Field) -> Option<Self::At>;

    /// The items of a field that holds several.
    fn items(&mut self, at: Self::At) -> Vec<Self::At>;

    /// A text.
    fn text(&mut self, at: Self::At) -> String;

    /// A number.
    fn number(&mut self, at: Self::At) -> u32;

    /// Whether or not.
    fn flag(&mut self, at: Self::At) -> bool;

    /// One of several names, as its number; 0 where it is none of them.
    fn choice(&mut self, at: Self::At, choices: &[(String, i32)]) -> i32;

    /// A message that stands in it.
    fn message(&mut self, at: Self::At, message: &'static Message) -> Option<Vec<u8>>;
}

/// A message of these fields.
pub fn read<M: prost::Message + Default, S: Source>(message: &'static Message, from: &mut S) -> M {
    let bytes = encoded(message, from);
    M::decode(&*bytes).expect("encoded by the message's own description")
}

/// The same, as bytes.
pub fn encoded<S: Source>(message: &'static Message, from: &mut S) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in &message.fields {
        let Some(at) = from.get(field) else { continue };
        let all = if field.repeated { from.items(at) } else { vec![at] };
        for at in all {
            put(&mut bytes, field, at, from);
        }
    }
    bytes
}

fn put<S: Source>(bytes: &mut Vec<u8>, field: &'static Field, at: S::At, from: &mut S) {
    let number = field.number;
    match &field.form {
        Form::Text => encoding::string::encode(number, &from.text(at), bytes),
        Form::Number => encoding::uint32::encode(number, &from.number(at), bytes),
        // False is as good as absent, also where the field excludes others.
        Form::Flag => {
            if from.flag(at) {
                encoding::bool::encode(number, &true, bytes);
            }
        }
        Form::Choice(choices) => {
            encoding::int32::encode(number, &from.choice(at, choices), bytes);
        }
        Form::Message(name) => {
            if let Some(inner) = from.message(at, message(name)) {
                encoding::encode_key(number, WireType::LengthDelimited, bytes);
                encoding::encode_varint(inner.len() as u64, bytes);
                bytes.extend(inner);
            }
        }
    }
}
