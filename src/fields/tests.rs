use std::collections::BTreeMap;

use super::*;
use crate::proto::v1::{AddressFamily, BgpPeer, Drain, Intent, PeerType, intent::Kind};

#[test]
fn fields_and_names_are_the_contracts() {
    let peer = message("BGPPeer");
    assert_eq!(peer.names()[..3], ["neighbor_address", "remote_as", "peer_type"]);
    let families = peer.field("address_families").expect("a field");
    let named = |name: &str, number| (name.to_owned(), number);
    let choices = vec![named("ipv4-unicast", 1), named("ipv6-unicast", 2)];
    assert_eq!((&families.form, families.repeated), (&Form::Choice(choices), true));
    let exclusive = message("StaticRoute").fields.iter().filter(|field| field.one_of);
    let exclusive: Vec<_> = exclusive.map(|field| &*field.name).collect();
    assert_eq!(exclusive, ["gateway", "interface_name", "blackhole"]);
    assert!(message("Intent").fields.iter().all(|field| field.one_of));
}

/// Values by name, each written as a text; of several, separated by spaces.
struct Texts(BTreeMap<&'static str, &'static str>);

impl Source for Texts {
    type At = String;

    fn get(&mut self, field: &'static Field) -> Option<String> {
        self.0.get(&*field.name).map(|text| (*text).to_owned())
    }

    fn items(&mut self, at: String) -> Vec<String> {
        at.split(' ').map(str::to_owned).collect()
    }

    fn text(&mut self, at: String) -> String {
        at
    }

    fn number(&mut self, at: String) -> u32 {
        at.parse().expect("a number")
    }

    fn flag(&mut self, at: String) -> bool {
        at == "true"
    }

    fn choice(&mut self, at: String, choices: &[(String, i32)]) -> i32 {
        choices.iter().find(|(name, _)| *name == at).expect("a name").1
    }

    fn message(&mut self, _: String, message: &'static Message) -> Option<Vec<u8>> {
        Some(encoded(message, self))
    }
}

#[test]
fn what_is_read_is_a_message_and_shown_as_it_was_read() {
    let mut texts = Texts(BTreeMap::from([
        ("peer", ""),
        ("neighbor_address", "10.0.0.1"),
        ("remote_as", "65001"),
        ("peer_type", "external"),
        ("bfd_enabled", "true"),
        ("address_families", "ipv6-unicast ipv4-unicast"),
    ]));
    let expected = BgpPeer {
        neighbor_address: "10.0.0.1".into(),
        remote_as: 65001,
        peer_type: PeerType::External.into(),
        bfd_enabled: true,
        address_families: vec![
            AddressFamily::Ipv6Unicast.into(),
            AddressFamily::Ipv4Unicast.into(),
        ],
        ..BgpPeer::default()
    };
    let intent: Intent = read(message("Intent"), &mut texts);
    assert_eq!(intent.kind, Some(Kind::Peer(expected)));
    let shown = show(message("Intent"), &intent);
    let [(field, Value::Message(Some(peer)))] = &*shown else { panic!("{shown:?}") };
    assert_eq!((&*field.name, peer.len()), ("peer", message("BGPPeer").fields.len()));
    let set: Vec<_> = peer.iter().filter(|(_, value)| value.is_set()).collect();
    let names: Vec<_> = set.iter().map(|(field, _)| &*field.name).collect();
    assert_eq!(
        names,
        ["neighbor_address", "remote_as", "peer_type", "bfd_enabled", "address_families"]
    );
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(set[4].1, Value::List(vec![text("ipv6-unicast"), text("ipv4-unicast")]));
}

#[test]
fn what_says_nothing_is_there_all_the_same() {
    let drain = Intent { kind: Some(Kind::Drain(Drain { until_restart: false })) };
    let shown = show(message("Intent"), &drain);
    let [(_, Value::Message(Some(fields)))] = &*shown else { panic!("{shown:?}") };
    assert!(matches!(&**fields, [(_, Value::Flag(false))]));
    assert!(show(message("Intent"), &Intent { kind: None }).is_empty());
}

#[test]
fn the_schema_has_every_field_that_is_known() {
    let schema = schema(&["peer", "static_route"], &["peer"]);
    let intents = &schema["anyOf"][1]["items"]["properties"];
    assert_eq!(intents.as_object().expect("an object").len(), 2);
    let peer = intents["peer"]["properties"].as_object().expect("an object");
    assert!(peer.keys().eq(message("BGPPeer").names()));
    assert_eq!(peer["peer_type"]["enum"], serde_json::json!(["external", "internal"]));
    assert_eq!(peer["address_families"]["type"], "array");
    let remove = &schema["anyOf"][0]["properties"]["remove"]["items"]["properties"];
    assert_eq!(remove["peer"]["type"][0], "string");
}
