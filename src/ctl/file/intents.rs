//! Intents and what is to be removed, out of a tree. Pure.
//!
//! Field names are those of `proto/novaroute.proto`. Whether an address is one, and
//! whether what is needed is there, the agent says.

use super::{
    reader::{At, Reader},
    tree::Value,
};
use crate::proto::v1::{
    AddressFamily, BfdSession, BgpConfig, BgpPeer, Intent, IntentRef, OspfInterface, PeerType,
    PrefixAdvertisement, PrefixAttributes, PrefixRef, Protocol, StaticRoute, intent, intent_ref,
    static_route::NextHop,
};

const KINDS: [&str; 6] = ["bgp", "peer", "prefix", "static_route", "bfd_session", "ospf_interface"];
const REMOVABLE: [&str; 5] = ["peer", "prefix", "static_route", "bfd_session", "ospf_interface"];
const BGP: [&str; 2] = ["local_as", "router_id"];
const PEER: [&str; 15] = [
    "neighbor_address",
    "remote_as",
    "peer_type",
    "keepalive",
    "hold_time",
    "bfd_enabled",
    "description",
    "address_families",
    "source_address",
    "ebgp_multihop",
    "password",
    "max_prefix",
    "bfd_min_rx_ms",
    "bfd_min_tx_ms",
    "bfd_detect_multiplier",
];
const PREFIX: [&str; 3] = ["prefix", "protocol", "attributes"];
const PREFIX_REF: [&str; 2] = ["prefix", "protocol"];
const ATTRIBUTES: [&str; 4] = ["local_preference", "communities", "med", "next_hop"];
const STATIC_ROUTE: [&str; 6] =
    ["prefix", "gateway", "interface_name", "blackhole", "distance", "tag"];
const BFD_SESSION: [&str; 6] = [
    "peer_address",
    "min_rx_ms",
    "min_tx_ms",
    "detect_multiplier",
    "interface_name",
    "local_address",
];
const OSPF_INTERFACE: [&str; 6] =
    ["interface_name", "area_id", "passive", "cost", "hello_interval", "dead_interval"];
const NEXT_HOPS: [&str; 3] = ["gateway", "interface_name", "blackhole"];

const PEER_TYPES: [(&str, i32); 2] =
    [("external", PeerType::External as i32), ("internal", PeerType::Internal as i32)];
const FAMILIES: [(&str, i32); 2] = [
    ("ipv4-unicast", AddressFamily::Ipv4Unicast as i32),
    ("ipv6-unicast", AddressFamily::Ipv6Unicast as i32),
];
const PROTOCOLS: [(&str, i32); 2] =
    [("bgp", Protocol::Bgp as i32), ("ospf", Protocol::Ospf as i32)];

/// Reads one item of `intents`.
pub fn intent(reader: &mut Reader, at: &At) -> Option<Intent> {
    let (kind, at) = kind(reader, at, &KINDS)?;
    let kind = match kind {
        "bgp" => intent::Kind::Bgp(bgp(reader, &at)?),
        "peer" => intent::Kind::Peer(peer(reader, &at)?),
        "prefix" => intent::Kind::Prefix(prefix(reader, &at)?),
        "static_route" => intent::Kind::StaticRoute(static_route(reader, &at)?),
        "bfd_session" => intent::Kind::BfdSession(bfd_session(reader, &at)?),
        _ => intent::Kind::OspfInterface(ospf_interface(reader, &at)?),
    };
    Some(Intent { kind: Some(kind) })
}

/// Reads one item of `remove`.
pub fn reference(reader: &mut Reader, at: &At) -> Option<IntentRef> {
    let (kind, at) = kind(reader, at, &REMOVABLE)?;
    let kind = match kind {
        "peer" => intent_ref::Kind::Peer(reader.text(&at)),
        "prefix" => {
            let mut fields = reader.fields(&at, &PREFIX_REF)?;
            intent_ref::Kind::Prefix(PrefixRef {
                prefix: fields.text("prefix"),
                protocol: fields.one_of("protocol", &PROTOCOLS).unwrap_or_default(),
            })
        }
        "static_route" => intent_ref::Kind::StaticRoute(reader.text(&at)),
        "bfd_session" => intent_ref::Kind::BfdSession(reader.text(&at)),
        _ => intent_ref::Kind::OspfInterface(reader.text(&at)),
    };
    Some(IntentRef { kind: Some(kind) })
}

/// The one key of an item, which says what the item is, and what stands below it.
fn kind<'a>(reader: &mut Reader, at: &At<'a>, known: &[&str]) -> Option<(&'a str, At<'a>)> {
    let before = reader.count();
    let fields = reader.fields(at, known)?;
    let keys: Vec<&str> = fields.keys().collect();
    let first = keys.first().and_then(|key| Some((*key, fields.get(key)?)));
    if keys.len() > 1 || (keys.is_empty() && reader.count() == before) {
        reader.wrong(at, format!("has to be one of {}", known.join(", ")));
        return None;
    }
    first
}

fn bgp(reader: &mut Reader, at: &At) -> Option<BgpConfig> {
    let mut fields = reader.fields(at, &BGP)?;
    Some(BgpConfig { local_as: fields.number("local_as"), router_id: fields.text("router_id") })
}

fn peer(reader: &mut Reader, at: &At) -> Option<BgpPeer> {
    let mut fields = reader.fields(at, &PEER)?;
    let families = fields.list("address_families");
    if let Some(at) = fields.get("password")
        && matches!(&at.node.value, Value::Scalar { text, .. } if text.is_empty())
    {
        fields.reader.wrong(&at, "is empty; leave the key out for a session without a password");
    }
    Some(BgpPeer {
        neighbor_address: fields.text("neighbor_address"),
        remote_as: fields.number("remote_as"),
        peer_type: fields.one_of("peer_type", &PEER_TYPES).unwrap_or_default(),
        keepalive: fields.number("keepalive"),
        hold_time: fields.number("hold_time"),
        bfd_enabled: fields.flag("bfd_enabled"),
        description: fields.text("description"),
        address_families: families
            .iter()
            .map(|family| fields.reader.one_of(family, &FAMILIES))
            .collect(),
        source_address: fields.text("source_address"),
        ebgp_multihop: fields.number("ebgp_multihop"),
        password: fields.text("password"),
        max_prefix: fields.number("max_prefix"),
        bfd_min_rx_ms: fields.number("bfd_min_rx_ms"),
        bfd_min_tx_ms: fields.number("bfd_min_tx_ms"),
        bfd_detect_multiplier: fields.number("bfd_detect_multiplier"),
    })
}

/// A prefix; BGP carries it where no protocol is named, as with `advertise`.
fn prefix(reader: &mut Reader, at: &At) -> Option<PrefixAdvertisement> {
    let mut fields = reader.fields(at, &PREFIX)?;
    let below = fields.get("attributes");
    Some(PrefixAdvertisement {
        prefix: fields.text("prefix"),
        protocol: fields.one_of("protocol", &PROTOCOLS).unwrap_or(Protocol::Bgp as i32),
        attributes: below.and_then(|at| attributes(fields.reader, &at)),
    })
}

fn attributes(reader: &mut Reader, at: &At) -> Option<PrefixAttributes> {
    let mut fields = reader.fields(at, &ATTRIBUTES)?;
    let communities = fields.list("communities");
    Some(PrefixAttributes {
        local_preference: fields.number("local_preference"),
        communities: communities.iter().map(|at| fields.reader.text(at)).collect(),
        med: fields.number("med"),
        next_hop: fields.text("next_hop"),
    })
}

fn static_route(reader: &mut Reader, at: &At) -> Option<StaticRoute> {
    let mut fields = reader.fields(at, &STATIC_ROUTE)?;
    if fields.keys().filter(|key| NEXT_HOPS.contains(key)).count() > 1 {
        fields.reader.wrong(at, format!("has more than one of {}", NEXT_HOPS.join(", ")));
    }
    let next_hop = if fields.get("gateway").is_some() {
        Some(NextHop::Gateway(fields.text("gateway")))
    } else if fields.get("interface_name").is_some() {
        Some(NextHop::InterfaceName(fields.text("interface_name")))
    } else {
        fields.flag("blackhole").then_some(NextHop::Blackhole(true))
    };
    Some(StaticRoute {
        prefix: fields.text("prefix"),
        next_hop,
        distance: fields.number("distance"),
        tag: fields.number("tag"),
    })
}

fn bfd_session(reader: &mut Reader, at: &At) -> Option<BfdSession> {
    let mut fields = reader.fields(at, &BFD_SESSION)?;
    Some(BfdSession {
        peer_address: fields.text("peer_address"),
        min_rx_ms: fields.number("min_rx_ms"),
        min_tx_ms: fields.number("min_tx_ms"),
        detect_multiplier: fields.number("detect_multiplier"),
        interface_name: fields.text("interface_name"),
        local_address: fields.text("local_address"),
    })
}

fn ospf_interface(reader: &mut Reader, at: &At) -> Option<OspfInterface> {
    let mut fields = reader.fields(at, &OSPF_INTERFACE)?;
    Some(OspfInterface {
        interface_name: fields.text("interface_name"),
        area_id: fields.text("area_id"),
        passive: fields.flag("passive"),
        cost: fields.number("cost"),
        hello_interval: fields.number("hello_interval"),
        dead_interval: fields.number("dead_interval"),
    })
}
