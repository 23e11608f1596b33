//! One description of each message's fields: the contract's own. Pure.
//!
//! Intent files and the configuration are read by it, intents are shown by it, and the schema of intent files says it: a field
//! that is added to the contract is in all of them.
//!
//! | file | owns |
//! |---|---|
//! | `read` | values of any source → a message |
//! | `show` | a message → values, in the order of the contract |
//! | `schema` | the JSON Schema of intent files |

mod read;
mod schema;
mod show;

use std::{collections::BTreeMap, sync::LazyLock};

use prost::Message as _;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

pub use read::{Source, encoded, read};
pub use schema::schema;
pub use show::{Value, show};

/// A message of the contract.
#[derive(Debug)]
pub struct Message {
    /// Its name.
    pub name: String,
    /// Its fields, in the order of their numbers.
    pub fields: Vec<Field>,
}

/// A field of a message.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: u32,
    /// What it holds.
    pub form: Form,
    /// Whether it holds any number of that.
    pub repeated: bool,
    /// Whether it excludes others of the message.
    pub one_of: bool,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Text,
    /// A number of 32 bits.
    Number,
    /// Whether or not.
    Flag,
    /// One of several names, each with its number.
    Choice(Vec<(String, i32)>),
    /// A message of this name.
    Message(String),
}

static MESSAGES: LazyLock<BTreeMap<String, Message>> = LazyLock::new(messages);

/// A message of the contract that intents are made of. Panics where there is none of that name or it has fields of other
/// forms: the unit test asks for all.
pub fn message(name: &str) -> &'static Message {
    MESSAGES.get(name).unwrap_or_else(|| panic!("intents are made of no message {name}"))
}

/// The messages that `Intent` and `IntentRef` are made of.
fn messages() -> BTreeMap<String, Message> {
    const BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
    let files = FileDescriptorSet::decode(BYTES).expect("written by the build");
    let file = files.file.into_iter().find(|file| file.package() == "novaroute.v1");
    let file = file.expect("the contract is built");
    let choices: BTreeMap<&str, Vec<(String, i32)>> = (file.enum_type.iter())
        .map(|it| {
            // `ADDRESS_FAMILY_IPV4_UNICAST` is `ipv4-unicast` to people; 0 is unspecified.
            let zero = it.value.iter().find(|value| value.number() == 0);
            let prefix = zero.map_or("", |zero| zero.name().trim_end_matches("UNSPECIFIED"));
            let named = it.value.iter().filter(|value| value.number() != 0).map(|value| {
                let name = value.name().trim_start_matches(prefix);
                (name.to_ascii_lowercase().replace('_', "-"), value.number())
            });
            (it.name(), named.collect())
        })
        .collect();
    let mut found = BTreeMap::new();
    let mut wanted = vec!["Intent".to_owned(), "IntentRef".to_owned()];
    while let Some(name) = wanted.pop() {
        let descriptor = file.message_type.iter().find(|message| message.name() == name);
        let message = compiled(descriptor.expect("the contract names its own messages"), &choices);
        wanted.extend(message.fields.iter().filter_map(|field| match &field.form {
            Form::Message(inner) => Some(inner.clone()),
            _ => None,
        }));
        found.insert(name, message);
    }
    found
}

fn compiled(descriptor: &DescriptorProto, choices: &BTreeMap<&str, Vec<(String, i32)>>) -> Message {
    let name_of = |field: &FieldDescriptorProto| {
        field.type_name().rsplit('.').next().unwrap_or_default().to_owned()
    };
    let field = |field: &FieldDescriptorProto| Field {
        name: field.name().to_owned(),
        number: u32::try_from(field.number()).expect("field numbers are positive"),
        form: match field.r#type() {
            Type::String => Form::Text,
            Type::Uint32 => Form::Number,
            Type::Bool => Form::Flag,
            Type::Enum => Form::Choice(choices[&*name_of(field)].clone()),
            Type::Message => Form::Message(name_of(field)),
            other => panic!("{}: intents have no fields of {other:?}", field.name()),
        },
        repeated: field.label() == Label::Repeated,
        one_of: field.oneof_index.is_some() && !field.proto3_optional(),
    };
    let mut fields: Vec<Field> = descriptor.field.iter().map(field).collect();
    fields.sort_by_key(|field| field.number);
    Message { name: descriptor.name().to_owned(), fields }
}

impl Message {
    /// Names of the fields, in their order.
    pub fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|field| &*field.name).collect()
    }

    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

#[cfg(test)]
mod tests;
