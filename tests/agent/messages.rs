//! Messages of clients.

use novaroute::proto::v1::{AddressFamily, BgpPeer};

use crate::lab::net;

/// A peer with both address families.
pub fn peer(address: &str, remote_as: u32) -> BgpPeer {
    BgpPeer {
        neighbor_address: address.to_owned(),
        remote_as,
        address_families: vec![
            AddressFamily::Ipv4Unicast as i32,
            AddressFamily::Ipv6Unicast as i32,
        ],
        ..BgpPeer::default()
    }
}

/// The lab's `tor`, over IPv4.
pub fn tor() -> BgpPeer {
    peer(net::TOR_V4, net::TOR_AS)
}

/// The lab's `bird`, over IPv4.
pub fn bird() -> BgpPeer {
    peer(net::BIRD_V4, net::BIRD_AS)
}

/// Changes of `Transactions.Apply`.
pub mod change {
    use novaroute::proto::v1::{
        BfdProfile, BfdSession, BgpConfig, BgpPeer, Intent, IntentChange, IntentRef, OspfInterface,
        PrefixAdvertisement, PrefixAttributes, PrefixRef, Protocol, StaticRoute, intent::Kind,
        intent_change::Change, intent_ref, static_route::NextHop,
    };

    fn set(kind: Kind) -> IntentChange {
        IntentChange {
            change: Some(Change::Set(Intent { kind: Some(kind) })),
            ..Default::default()
        }
    }

    pub fn bgp(local_as: u32, router_id: &str) -> IntentChange {
        set(Kind::Bgp(BgpConfig { local_as, router_id: router_id.to_owned() }))
    }

    pub fn peer(peer: BgpPeer) -> IntentChange {
        set(Kind::Peer(peer))
    }

    pub fn prefix(prefix: &str) -> IntentChange {
        let (prefix, protocol) = (prefix.to_owned(), Protocol::Bgp as i32);
        set(Kind::Prefix(PrefixAdvertisement { prefix, protocol, attributes: None }))
    }

    pub fn prefix_with(prefix: &str, with: PrefixAttributes) -> IntentChange {
        let (prefix, protocol) = (prefix.to_owned(), Protocol::Bgp as i32);
        set(Kind::Prefix(PrefixAdvertisement { prefix, protocol, attributes: Some(with) }))
    }

    pub fn route(prefix: &str, next_hop: NextHop) -> IntentChange {
        let (prefix, next_hop) = (prefix.to_owned(), Some(next_hop));
        static_route(StaticRoute { prefix, next_hop, distance: 0, tag: 0 })
    }

    pub fn static_route(route: StaticRoute) -> IntentChange {
        set(Kind::StaticRoute(route))
    }

    pub fn bfd(session: BfdSession) -> IntentChange {
        set(Kind::BfdSession(session))
    }

    pub fn profile(name: &str, interval_ms: u32) -> IntentChange {
        set(Kind::BfdProfile(BfdProfile {
            name: name.to_owned(),
            min_rx_ms: interval_ms,
            min_tx_ms: interval_ms,
            detect_multiplier: 0,
        }))
    }

    pub fn no_profile(name: &str) -> IntentChange {
        let kind = Some(intent_ref::Kind::BfdProfile(name.to_owned()));
        IntentChange { change: Some(Change::Remove(IntentRef { kind })), ..Default::default() }
    }

    pub fn ospf(interface: OspfInterface) -> IntentChange {
        set(Kind::OspfInterface(interface))
    }

    pub fn ospf_prefix(prefix: &str) -> IntentChange {
        let (prefix, protocol) = (prefix.to_owned(), Protocol::Ospf as i32);
        set(Kind::Prefix(PrefixAdvertisement { prefix, protocol, attributes: None }))
    }

    pub fn via(prefix: &str, gateway: &str) -> IntentChange {
        route(prefix, NextHop::Gateway(gateway.to_owned()))
    }

    pub fn no_prefix(prefix: &str) -> IntentChange {
        let (prefix, protocol) = (prefix.to_owned(), Protocol::Bgp as i32);
        let kind = Some(intent_ref::Kind::Prefix(PrefixRef { prefix, protocol }));
        IntentChange { change: Some(Change::Remove(IntentRef { kind })), ..Default::default() }
    }

    pub fn no_peer(address: &str) -> IntentChange {
        let kind = Some(intent_ref::Kind::Peer(address.to_owned()));
        IntentChange { change: Some(Change::Remove(IntentRef { kind })), ..Default::default() }
    }

    pub fn no_route(prefix: &str) -> IntentChange {
        let kind = Some(intent_ref::Kind::StaticRoute(prefix.to_owned()));
        IntentChange { change: Some(Change::Remove(IntentRef { kind })), ..Default::default() }
    }
}
