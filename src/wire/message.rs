//! Model types into protobuf messages: the way back, for the journal and for what is shown.

use crate::{
    model::{
        AddressFamily, BfdParameters, BgpGlobal, Community, Intent, NextHop, PathAttributes, Peer,
        PeerType, Protocol, StaticRoute,
    },
    proto::v1::{self, intent, static_route},
};

/// The message that [`super::intent`] reads back to the same intent. Holds the password of a
/// neighbour.
pub fn intent_message(intent: &Intent) -> v1::Intent {
    let kind = match intent {
        Intent::Bgp(global) => intent::Kind::Bgp(bgp_message(global)),
        Intent::Peer(peer) => intent::Kind::Peer(peer_message(peer)),
        Intent::Prefix(ad) => intent::Kind::Prefix(v1::PrefixAdvertisement {
            prefix: ad.prefix.to_string(),
            protocol: protocol_message(ad.protocol).into(),
            attributes: Some(attributes_message(&ad.attributes)),
        }),
        Intent::StaticRoute(route) => intent::Kind::StaticRoute(static_route_message(route)),
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
    let seconds = |duration: std::time::Duration| u32::try_from(duration.as_secs()).unwrap_or(0);
    let bfd = peer.bfd.unwrap_or(BfdParameters::DEFAULT);
    let millis = |duration: std::time::Duration| match peer.bfd {
        Some(_) => u32::try_from(duration.as_millis()).unwrap_or(0),
        None => 0,
    };
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
        bfd_min_rx_ms: millis(bfd.min_rx()),
        bfd_min_tx_ms: millis(bfd.min_tx()),
        bfd_detect_multiplier: peer
            .bfd
            .map(|bfd| bfd.detect_multiplier().into())
            .unwrap_or_default(),
    }
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
