//! The work itself: prefixes, messages, and the commands that make the same by hand. Pure.

use std::net::Ipv4Addr;

use novaroute::proto::v1::{
    AdvertisePrefixRequest, BgpConfig, BgpPeer, Intent, IntentChange, IntentRef,
    PrefixAdvertisement, PrefixRef, Protocol, StaticRoute, intent::Kind, intent_change::Change,
    intent_ref, static_route::NextHop,
};

use super::{
    agent::{OWNER, TOKEN},
    lab::net,
};

/// Where the store's prefixes begin, and those of each measurement beside it: they never overlap.
pub const STORE: u32 = 0;
/// See [`STORE`].
pub const PROBES: u32 = 0x0080_0000;
/// See [`STORE`].
pub const FLOOR: u32 = 0x00c0_0000;

/// The address of a prefix, all within 20.0.0.0/8.
pub fn prefix_address(at: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x1400_0000 + at)
}

pub fn prefix(at: u32) -> String {
    format!("{}/32", prefix_address(at))
}

fn set(kind: Kind) -> IntentChange {
    IntentChange { change: Some(Change::Set(Intent { kind: Some(kind) })), ..Default::default() }
}

/// BGP itself, and `tor` as a peer.
pub fn bed() -> Vec<IntentChange> {
    let bgp = BgpConfig { local_as: net::NODE_AS, router_id: "10.0.0.1".to_owned() };
    let peer = BgpPeer {
        neighbor_address: net::TOR_V4.to_owned(),
        remote_as: net::TOR_AS,
        address_families: vec![1],
        ..BgpPeer::default()
    };
    vec![set(Kind::Bgp(bgp)), set(Kind::Peer(peer))]
}

pub fn advertise_changes(from: u32, count: u32) -> Vec<IntentChange> {
    let one = |at| {
        let protocol = Protocol::Bgp as i32;
        set(Kind::Prefix(PrefixAdvertisement { prefix: prefix(at), protocol, attributes: None }))
    };
    (from..from + count).map(one).collect()
}

pub fn withdraw_changes(from: u32, count: u32) -> Vec<IntentChange> {
    let one = |at| {
        let prefix = PrefixRef { prefix: prefix(at), protocol: Protocol::Bgp as i32 };
        let kind = Some(intent_ref::Kind::Prefix(prefix));
        IntentChange { change: Some(Change::Remove(IntentRef { kind })), ..Default::default() }
    };
    (from..from + count).map(one).collect()
}

pub fn static_route(at: u32) -> StaticRoute {
    let next_hop = Some(NextHop::Gateway(net::TOR_V4.to_owned()));
    StaticRoute { prefix: prefix(at), next_hop, distance: 0, tag: 0 }
}

pub fn route_changes(from: u32, count: u32) -> Vec<IntentChange> {
    (from..from + count).map(|at| set(Kind::StaticRoute(static_route(at)))).collect()
}

pub fn no_route_changes(from: u32, count: u32) -> Vec<IntentChange> {
    let one = |at| {
        let kind = Some(intent_ref::Kind::StaticRoute(prefix(at)));
        IntentChange { change: Some(Change::Remove(IntentRef { kind })), ..Default::default() }
    };
    (from..from + count).map(one).collect()
}

pub fn advertise(at: u32) -> AdvertisePrefixRequest {
    AdvertisePrefixRequest {
        owner: OWNER.to_owned(),
        token: TOKEN.to_owned(),
        prefix: prefix(at),
        protocol: Protocol::Bgp as i32,
        attributes: None,
    }
}

/// The lines that advertise or withdraw by hand, in the node of IPv4 unicast.
pub fn network_lines(from: u32, count: u32, no: bool) -> Vec<String> {
    let no = if no { "no " } else { "" };
    (from..from + count).map(|at| format!("{no}network {}", prefix(at))).collect()
}
