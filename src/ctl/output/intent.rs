//! Intents as documents in the format of intent files.

use serde_json::{Map, Value, json};

use super::text;
use crate::proto::v1::{
    BfdSession, BgpConfig, BgpPeer, Intent, OspfInterface, PeerType, PrefixAdvertisement,
    PrefixAttributes, Protocol, StaticRoute, intent::Kind, static_route::NextHop,
};

/// An intent as an intent file has it; what is not set is left away.
pub fn document(intent: &Intent) -> Value {
    match &intent.kind {
        None => json!({}),
        Some(Kind::Bgp(bgp)) => json!({ "bgp": self::bgp(bgp) }),
        Some(Kind::Drain(drain)) => {
            json!({ "drain": { "until_restart": drain.until_restart } })
        }
        Some(Kind::Peer(peer)) => json!({ "peer": self::peer(peer) }),
        Some(Kind::Prefix(prefix)) => json!({ "prefix": self::prefix(prefix) }),
        Some(Kind::StaticRoute(route)) => json!({ "static_route": static_route(route) }),
        Some(Kind::BfdSession(session)) => json!({ "bfd_session": bfd_session(session) }),
        Some(Kind::OspfInterface(it)) => json!({ "ospf_interface": ospf_interface(it) }),
    }
}

/// The leaves of a document, `attributes.med` and the like, in its order; a list is one.
pub fn leaves(document: &Value) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    // The first level is the kind, which the object is named after.
    for below in document.as_object().into_iter().flat_map(Map::values) {
        push_leaves(&mut leaves, "", below);
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

fn bgp(bgp: &BgpConfig) -> Value {
    set([("local_as", json!(bgp.local_as)), ("router_id", json!(bgp.router_id))])
}

fn peer(peer: &BgpPeer) -> Value {
    let families: Vec<String> = peer
        .address_families()
        .map(|family| text::short_name(family.as_str_name(), "ADDRESS_FAMILY_").replace('_', "-"))
        .collect();
    let peer_type = match peer.peer_type() {
        PeerType::Unspecified => String::new(),
        known => text::short_name(known.as_str_name(), "PEER_TYPE_"),
    };
    set([
        ("neighbor_address", json!(peer.neighbor_address)),
        ("remote_as", json!(peer.remote_as)),
        ("peer_type", json!(peer_type)),
        ("keepalive", json!(peer.keepalive)),
        ("hold_time", json!(peer.hold_time)),
        ("bfd_enabled", json!(peer.bfd_enabled)),
        ("description", json!(peer.description)),
        ("address_families", json!(families)),
        ("source_address", json!(peer.source_address)),
        ("ebgp_multihop", json!(peer.ebgp_multihop)),
        ("password", json!(peer.password)),
        ("max_prefix", json!(peer.max_prefix)),
        ("bfd_min_rx_ms", json!(peer.bfd_min_rx_ms)),
        ("bfd_min_tx_ms", json!(peer.bfd_min_tx_ms)),
        ("bfd_detect_multiplier", json!(peer.bfd_detect_multiplier)),
    ])
}

fn prefix(prefix: &PrefixAdvertisement) -> Value {
    let protocol = match prefix.protocol() {
        Protocol::Unspecified => String::new(),
        known => text::short_name(known.as_str_name(), "PROTOCOL_"),
    };
    set([
        ("prefix", json!(prefix.prefix)),
        ("protocol", json!(protocol)),
        ("attributes", prefix.attributes.as_ref().map_or(Value::Null, attributes)),
    ])
}

fn attributes(attributes: &PrefixAttributes) -> Value {
    set([
        ("local_preference", json!(attributes.local_preference)),
        ("communities", json!(attributes.communities)),
        ("med", json!(attributes.med)),
        ("next_hop", json!(attributes.next_hop)),
    ])
}

fn static_route(route: &StaticRoute) -> Value {
    let (key, next_hop) = match &route.next_hop {
        Some(NextHop::Gateway(address)) => ("gateway", json!(address)),
        Some(NextHop::InterfaceName(name)) => ("interface_name", json!(name)),
        Some(NextHop::Blackhole(drop)) => ("blackhole", json!(drop)),
        None => ("gateway", Value::Null),
    };
    set([
        ("prefix", json!(route.prefix)),
        (key, next_hop),
        ("distance", json!(route.distance)),
        ("tag", json!(route.tag)),
    ])
}

fn bfd_session(session: &BfdSession) -> Value {
    set([
        ("peer_address", json!(session.peer_address)),
        ("min_rx_ms", json!(session.min_rx_ms)),
        ("min_tx_ms", json!(session.min_tx_ms)),
        ("detect_multiplier", json!(session.detect_multiplier)),
        ("interface_name", json!(session.interface_name)),
        ("local_address", json!(session.local_address)),
    ])
}

fn ospf_interface(interface: &OspfInterface) -> Value {
    set([
        ("interface_name", json!(interface.interface_name)),
        ("area_id", json!(interface.area_id)),
        ("passive", json!(interface.passive)),
        ("cost", json!(interface.cost)),
        ("hello_interval", json!(interface.hello_interval)),
        ("dead_interval", json!(interface.dead_interval)),
    ])
}

/// The fields that have something other than protobuf's default.
fn set<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let is_set = |value: &Value| match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_u64() != Some(0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    };
    let fields = fields.into_iter().filter(|(_, value)| is_set(value));
    Value::Object(fields.map(|(key, value)| (key.to_owned(), value)).collect())
}
