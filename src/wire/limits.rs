//! What FRR takes without a word and does not do, or refuses without a reason: refused here, with the reason.
//!
//! Only what is asked for anew is judged by this. What an earlier version took and the journal holds is read without it,
//! and can be withdrawn. Measured on FRR 10.3.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{
    BfdSession, FieldErrors, Intent, NextHop, Prefix, PrefixAdvertisement, Protocol, StaticRoute,
};

/// Whether FRR can do what is declared.
///
/// # Errors
/// Names the fields that ask for what FRR can't do.
pub(super) fn possible(intent: Intent) -> Result<Intent, FieldErrors> {
    match &intent {
        Intent::Prefix(ad) => prefix(ad)?,
        Intent::StaticRoute(route) => static_route(route)?,
        Intent::BfdSession(session) => bfd_session(session)?,
        Intent::Bgp(_)
        | Intent::Drain(_)
        | Intent::Peer(_)
        | Intent::OspfInterface(_)
        | Intent::BfdProfile(_) => {}
    }
    Ok(intent)
}

pub(super) fn prefix(ad: &PrefixAdvertisement) -> Result<(), FieldErrors> {
    let mut errors = FieldErrors::new();
    let reason = match ad.protocol {
        Protocol::Bgp => never_in_bgp(ad.prefix),
        Protocol::Ospf => never_in_ospf(ad.prefix),
    };
    if let Some(reason) = reason {
        errors.push("prefix", reason);
    }
    if let Some(next_hop) = ad.attributes.next_hop
        && let Some(kind) = no_next_hop(next_hop)
    {
        errors.push("attributes.next_hop", format!("{next_hop} is {kind}; bgpd refuses it"));
    }
    errors.finish(Some(()))
}

/// Why bgpd does not take such a network.
fn never_in_bgp(prefix: Prefix) -> Option<String> {
    match prefix.net().network() {
        IpAddr::V6(network) if network.is_unicast_link_local() => {
            Some(format!("{prefix} is link-local; bgpd refuses such a network"))
        }
        _ => None,
    }
}

/// Why OSPF never announces such a prefix: zebra does not redistribute it, or ospfd does not take it.
fn never_in_ospf(prefix: Prefix) -> Option<String> {
    let IpAddr::V4(network) = prefix.net().network() else { return None };
    if prefix.net().prefix_len() == 0 {
        return Some(format!(
            "{prefix} is the default route, which ospfd does not redistribute; its anchor would drop the node's own \
             traffic. Announce it with PROTOCOL_BGP, or use 'default-information originate' in FRR"
        ));
    }
    let kind = if network.is_loopback() {
        "in 127.0.0.0/8"
    } else if network.is_link_local() {
        "in 169.254.0.0/16"
    } else if network.is_multicast() {
        "multicast"
    } else {
        return None;
    };
    Some(format!("{prefix} is {kind}; zebra does not redistribute it, so OSPF never announces it"))
}

/// What keeps bgpd from setting this next hop.
fn no_next_hop(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("in 0.0.0.0/8"),
        IpAddr::V4(v4) if v4.is_loopback() => Some("in 127.0.0.0/8"),
        IpAddr::V4(v4) if v4 >= Ipv4Addr::new(240, 0, 0, 0) => Some("in 240.0.0.0/4"),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Some("the loopback address"),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("link-local"),
        _ => None,
    }
}

pub(super) fn static_route(route: &StaticRoute) -> Result<(), FieldErrors> {
    let mut errors = FieldErrors::new();
    if let NextHop::Gateway(IpAddr::V6(gateway)) = route.next_hop
        && gateway.is_unicast_link_local()
    {
        let reason = format!(
            "{gateway} is link-local, which zebra resolves on a named interface only; use a global address, or \
             interface_name"
        );
        errors.push("gateway", reason);
    }
    // A name that FRR takes for no interface.
    errors.take("interface_name", route.next_hop.check());
    errors.finish(Some(()))
}

pub(super) fn bfd_session(session: &BfdSession) -> Result<(), FieldErrors> {
    let mut errors = FieldErrors::new();
    let link_local =
        |address: IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    if let Some(local) = session.local_address
        && link_local(local) != link_local(session.peer)
    {
        let reason = format!("{local} and {}: one is link-local, the other is not", session.peer);
        errors.push("local_address", reason);
    }
    errors.finish(Some(()))
}

#[cfg(test)]
mod tests {
    use crate::{proto::v1, wire};

    fn prefix(prefix: &str, protocol: v1::Protocol, next_hop: &str) -> Vec<v1::IntentChange> {
        let attributes = v1::PrefixAttributes { next_hop: next_hop.into(), ..Default::default() };
        set(v1::intent::Kind::Prefix(v1::PrefixAdvertisement {
            prefix: prefix.into(),
            protocol: protocol.into(),
            attributes: Some(attributes),
        }))
    }

    fn set(kind: v1::intent::Kind) -> Vec<v1::IntentChange> {
        let change = v1::intent_change::Change::Set(v1::Intent { kind: Some(kind) });
        vec![v1::IntentChange { change: Some(change), ..Default::default() }]
    }

    fn gateway(gateway: &str) -> Vec<v1::IntentChange> {
        set(v1::intent::Kind::StaticRoute(v1::StaticRoute {
            prefix: "2001:db8::/32".into(),
            next_hop: Some(v1::static_route::NextHop::Gateway(gateway.into())),
            ..Default::default()
        }))
    }

    #[test]
    fn what_frr_can_not_do_is_refused_where_it_is_asked_for_and_read_from_the_journal() {
        use v1::Protocol::{Bgp, Ospf};
        for (messages, field) in [
            (prefix("0.0.0.0/0", Ospf, ""), "changes[0].set.prefix.prefix"),
            (prefix("127.0.0.0/8", Ospf, ""), "changes[0].set.prefix.prefix"),
            (prefix("169.254.0.0/16", Ospf, ""), "changes[0].set.prefix.prefix"),
            (prefix("224.0.0.5/32", Ospf, ""), "changes[0].set.prefix.prefix"),
            (prefix("fe80::/64", Bgp, ""), "changes[0].set.prefix.prefix"),
            (prefix("192.0.2.0/24", Bgp, "127.0.0.1"), "changes[0].set.prefix.attributes.next_hop"),
            (prefix("192.0.2.0/24", Bgp, "0.1.2.3"), "changes[0].set.prefix.attributes.next_hop"),
            (prefix("192.0.2.0/24", Bgp, "240.0.0.1"), "changes[0].set.prefix.attributes.next_hop"),
            (prefix("2001:db8::/32", Bgp, "fe80::1"), "changes[0].set.prefix.attributes.next_hop"),
            (prefix("2001:db8::/32", Bgp, "::1"), "changes[0].set.prefix.attributes.next_hop"),
            (gateway("fe80::1"), "changes[0].set.static_route.gateway"),
        ] {
            let errors = wire::changes(&messages).expect_err(field);
            let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(fields, [field]);
            let Some(v1::intent_change::Change::Set(stored)) = &messages[0].change else {
                panic!("{field}: nothing is set")
            };
            wire::intent(stored).unwrap_or_else(|errors| panic!("{field}: {errors}"));
        }
        for messages in [
            prefix("0.0.0.0/0", Bgp, ""),
            prefix("128.0.0.0/1", Ospf, ""),
            prefix("240.0.0.0/4", Ospf, ""),
            prefix("::/0", Bgp, "::5:0"),
            prefix("192.0.2.0/24", Bgp, "169.254.0.1"),
            gateway("::5:0"),
        ] {
            wire::changes(&messages).expect("FRR can do it");
        }
    }
}
