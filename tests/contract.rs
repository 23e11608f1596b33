//! `proto/novaroute.proto` holds what clients in the field rely on, number by number: it is compared with
//! `tests/python/contract.proto`, which was written from the contract's description alone.

use std::{collections::BTreeMap, path::Path};

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};

/// What was added since has numbers from here on, or is a message, an event or a service of its own.
const FIRST_OF_OURS: i32 = 100;

fn read(path: &str) -> FileDescriptorProto {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let folder = path.parent().expect("a folder");
    let mut set = protox::compile([&path], [folder]).expect("a proto file");
    set.file.pop().expect("the file itself is the last")
}

fn messages(file: &FileDescriptorProto) -> BTreeMap<&str, &DescriptorProto> {
    file.message_type.iter().map(|message| (message.name(), message)).collect()
}

fn enums(file: &FileDescriptorProto) -> BTreeMap<&str, &EnumDescriptorProto> {
    file.enum_type.iter().map(|it| (it.name(), it)).collect()
}

/// What a field is on the wire and in generated code. A map's entry is a type inside its message.
fn meaning(field: &FieldDescriptorProto) -> (&str, i32, i32, i32, &str) {
    let inside = field.type_name().rsplit('.').next().unwrap_or_default();
    (field.name(), field.number(), field.label.unwrap_or(0), field.r#type.unwrap_or(0), inside)
}

/// Name of a type of this package. Messages of calls have one prefix in both files.
fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

#[test]
fn every_name_number_and_type_of_the_contract_is_ours() {
    let (theirs, ours) = (read("tests/python/contract.proto"), read("proto/novaroute.proto"));
    assert_eq!(theirs.package(), ours.package());

    let (their_messages, our_messages) = (messages(&theirs), messages(&ours));
    assert!(their_messages.len() > 30, "{}", their_messages.len());
    for (name, theirs) in &their_messages {
        let ours = our_messages.get(name).unwrap_or_else(|| panic!("no message {name}"));
        for field in &theirs.field {
            let found = ours.field.iter().find(|it| it.number() == field.number());
            let found = found.unwrap_or_else(|| panic!("{name}: no field {}", field.number()));
            assert_eq!(meaning(found), meaning(field), "{name}");
        }
        let known = |it: &FieldDescriptorProto| {
            theirs.field.iter().any(|field| field.number() == it.number())
        };
        for field in ours.field.iter().filter(|it| !known(it)) {
            assert!(field.number() >= FIRST_OF_OURS, "{name}.{}: {}", field.name(), field.number());
        }
    }

    let (their_enums, our_enums) = (enums(&theirs), enums(&ours));
    assert_eq!(their_enums.len(), 4);
    for (name, theirs) in &their_enums {
        let ours = our_enums.get(name).unwrap_or_else(|| panic!("no enum {name}"));
        for value in &theirs.value {
            assert!(ours.value.contains(value), "{name}: {} {}", value.name(), value.number());
        }
        for value in ours.value.iter().filter(|value| !theirs.value.contains(value)) {
            assert!(value.number() >= FIRST_OF_OURS, "{name}: {}", value.name());
        }
    }

    let (theirs, all_ours) = (&theirs.service[0], &ours.service);
    let ours = all_ours.iter().find(|it| it.name() == theirs.name()).expect("RouteControl");
    let methods = |service: &prost_types::ServiceDescriptorProto| -> Vec<_> {
        let methods = service.method.iter();
        let told = methods.map(|it| {
            let (takes, gives) = (short(it.input_type()), short(it.output_type()));
            let streams = (it.client_streaming(), it.server_streaming());
            (it.name().to_owned(), takes.to_owned(), gives.to_owned(), streams)
        });
        let mut told: Vec<_> = told.collect();
        told.sort();
        told
    };
    assert_eq!(methods(theirs).len(), 13);
    assert_eq!(methods(ours), methods(theirs), "a new call goes into a service of its own");
}
