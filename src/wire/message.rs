//! Model types into protobuf messages: the way back, for the journal and for what is shown.

use std::time::Duration;

use crate::{
    model::{
        AddressFamily, BfdParameters, BfdSession, BgpGlobal, Community, Intent, NextHop,
        OspfInterface, PathAttributes, Peer, PeerType, Protocol, StaticRoute,
    },
    proto::v1::{self, intent, static_route},
};

/// The message that [`super::intent`] reads back to the same intent. Holds the password of a
/// neighbour.
pub fn intent_message(intent: &Intent) -> v1::Intent {
    let kind = match intent {
        Intent::Bgp(global) => intent::Kind::Bgp(bgp_message(global)),
        Intent::Drain(drain) => {
            intent::Kind::Drain(v1::Drain { until_restart: drain.until_restart })
        }
        Intent::Peer(peer) => intent::Kind::Peer(peer_message(peer)),
        Intent::Prefix(ad) => intent::Kind::Prefix(v1::PrefixAdvertisement {
            prefix: ad.prefix.to_string(),
            protocol: protocol_message(ad.protocol).into(),
            attributes: Some(attributes_message(&ad.attributes)),
        }),
        Intent::StaticRoute(route) => intent::Kind::StaticRoute(static_route_message(route)),
        Intent::BfdSession(session) => intent::Kind::BfdSession(bfd_message(session)),
        Intent::OspfInterface(interface) => intent::Kind::OspfInterface(ospf_message(interface)),
    };
    v1::Intent { kind: Some(kind) }
}

/// The message of the node's BGP instance.
pub fn bgp_message(global: &BgpGlobal) -> v1::BgpConfig {
    v1::BgpConfig {
        local_as: global.local_as.get(),
        router_id: global.router_id.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn protocol_message(protocol: Protocol) -> v1::Protocol {
    match protocol {
        Protocol::Bgp => v1::Protocol::Bgp,
        Protocol::Ospf => v1::Protocol::Ospf,
    }
}

/// The message of a neighbour. Holds its password.
pub fn peer_message(peer: &Peer) -> v1::BgpPeer {
    let family = |family: &AddressFamily| match family {
        AddressFamily::Ipv4Unicast => v1::AddressFamily::Ipv4Unicast.into(),
        AddressFamily::Ipv6Unicast => v1::AddressFamily::Ipv6Unicast.into(),
    };
    let bfd = peer.bfd.unwrap_or(BfdParameters::DEFAULT);
    let ms = |duration| if peer.bfd.is_some() { millis(duration) } else { 0 };
    v1::BgpPeer {
        neighbor_address: peer.address.to_string(),
        remote_as: peer.remote_as.get(),
        peer_type: match peer.peer_type {
            None => v1::PeerType::Unspecified,
            Some(PeerType::External) => v1::PeerType::External,
            Some(PeerType::Internal) => v1::PeerType::Internal,
        }
        .into(),
        keepalive: peer.timers.map(|timers| seconds(timers.keepalive())).unwrap_or_default(),
        hold_time: peer.timers.map(|timers| seconds(timers.hold())).unwrap_or_default(),
        bfd_enabled: peer.bfd.is_some(),
        description: peer.description.as_ref().map(ToString::to_string).unwrap_or_default(),
        address_families: peer.families.iter().map(family).collect(),
        source_address: peer.source_address.map(|a| a.to_string()).unwrap_or_default(),
        ebgp_multihop: peer.ebgp_multihop.map(|ttl| ttl.get().into()).unwrap_or_default(),
        password: peer.password.as_ref().map(|p| p.expose().to_owned()).unwrap_or_default(),
        max_prefix: peer.max_prefix.get(),
        bfd_min_rx_ms: ms(bfd.min_rx()),
        bfd_min_tx_ms: ms(bfd.min_tx()),
        bfd_detect_multiplier: peer
            .bfd
            .map(|bfd| bfd.detect_multiplier().into())
            .unwrap_or_default(),
    }
}

fn bfd_message(session: &BfdSession) -> v1::BfdSession {
    v1::BfdSession {
        peer_address: session.peer.to_string(),
        min_rx_ms: millis(session.timers.min_rx()),
        min_tx_ms: millis(session.timers.min_tx()),
        detect_multiplier: session.timers.detect_multiplier().into(),
        interface_name: session.interface.map(|name| name.to_string()).unwrap_or_default(),
        local_address: session.local_address.map(|address| address.to_string()).unwrap_or_default(),
    }
}

fn ospf_message(interface: &OspfInterface) -> v1::OspfInterface {
    v1::OspfInterface {
        interface_name: interface.name.to_string(),
        area_id: interface.area.to_string(),
        passive: interface.passive,
        cost: interface.cost.map(|cost| cost.get().into()).unwrap_or_default(),
        hello_interval: interface.timers.hello().map(seconds).unwrap_or_default(),
        dead_interval: interface.timers.dead().map(seconds).unwrap_or_default(),
    }
}

/// Whole seconds; every duration of the model fits.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// Milliseconds; every duration of the model fits.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

fn attributes_message(attributes: &PathAttributes) -> v1::PrefixAttributes {
    let standard = attributes.communities.iter().map(|c| Community::Standard(*c));
    let large = attributes.large_communities.iter().map(|c| Community::Large(*c));
    v1::PrefixAttributes {
        local_preference: attributes.local_preference.map(Into::into).unwrap_or_default(),
        communities: standard.chain(large).map(|community| community.to_string()).collect(),
        med: attributes.med.map(Into::into).unwrap_or_default(),
        next_hop: attributes.next_hop.map(|address| address.to_string()).unwrap_or_default(),
    }
}

fn static_route_message(route: &StaticRoute) -> v1::StaticRoute {
    v1::StaticRoute {
        prefix: route.prefix.to_string(),
        next_hop: Some(match &route.next_hop {
            NextHop::Gateway(address) => static_route::NextHop::Gateway(address.to_string()),
            NextHop::Interface(name) => static_route::NextHop::InterfaceName(name.to_string()),
            NextHop::Blackhole => static_route::NextHop::Blackhole(true),
        }),
        distance: route.distance.get().into(),
        tag: route.tag,
    }
}
