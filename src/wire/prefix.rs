//! Advertised prefixes and static routes, in both directions.

use std::{
    collections::BTreeSet,
    num::{NonZeroU8, NonZeroU32},
};

use super::{limits, nested};
use crate::{
    model::{
        Community, FieldErrors, IntentKey, NextHop, PathAttributes, Prefix, PrefixAdvertisement,
        Protocol, StaticRoute, ValueError,
    },
    proto::v1::{self, static_route::NextHop as NextHopMessage},
};

/// Most communities of one prefix. FRR takes them on one line of at most 4,096 bytes;
/// this many large ones of 33 bytes fill half of it.
pub const MAX_COMMUNITIES: usize = 64;

/// Parses the key of an advertised prefix.
///
/// # Errors
/// Names `prefix` and `protocol`.
pub fn prefix_key(prefix: &str, protocol: i32) -> Result<IntentKey, FieldErrors> {
    let mut errors = FieldErrors::new();
    let carried_by = parse_protocol(protocol);
    let prefix = errors.take("prefix", parse_prefix(prefix, carried_by.as_ref().ok().copied()));
    let protocol = errors.take("protocol", carried_by);
    let key = protocol.zip(prefix).map(|(protocol, prefix)| IntentKey::Prefix(protocol, prefix));
    errors.finish(key)
}

/// Parses an advertised prefix and its attributes that are asked for.
///
/// # Errors
/// Names `prefix`, `protocol` and the fields under `attributes.`, also where FRR can't do what they say.
pub fn advertisement(
    prefix: &str,
    protocol: i32,
    message: Option<&v1::PrefixAttributes>,
) -> Result<PrefixAdvertisement, FieldErrors> {
    let ad = read_advertisement(prefix, protocol, message)?;
    limits::prefix(&ad).map(|()| ad)
}

/// Parses an advertised prefix and its attributes, as this version or an earlier one took them.
pub(super) fn read_advertisement(
    prefix: &str,
    protocol: i32,
    message: Option<&v1::PrefixAttributes>,
) -> Result<PrefixAdvertisement, FieldErrors> {
    let mut errors = FieldErrors::new();
    let carried_by = parse_protocol(protocol);
    let prefix = errors.take("prefix", parse_prefix(prefix, carried_by.as_ref().ok().copied()));
    let protocol = errors.take("protocol", carried_by);
    let attributes = match message {
        Some(message) if protocol == Some(Protocol::Ospf) => {
            nested(&mut errors, "attributes", no_attributes(message))
        }
        Some(message) => nested(&mut errors, "attributes", attributes(message, prefix)),
        None => Some(PathAttributes::default()),
    };
    let advertisement = (|| {
        Some(PrefixAdvertisement { prefix: prefix?, protocol: protocol?, attributes: attributes? })
    })();
    errors.finish(advertisement)
}

/// A prefix that this protocol can carry.
fn parse_prefix(text: &str, protocol: Option<Protocol>) -> Result<Prefix, ValueError> {
    let prefix: Prefix = text.parse()?;
    if protocol == Some(Protocol::Ospf) && !prefix.is_ipv4() {
        let reason = format!("{prefix} is IPv6; OSPFv2 carries IPv4, PROTOCOL_BGP both");
        return Err(ValueError::new(reason));
    }
    Ok(prefix)
}

/// OSPF has none of the attributes: to take them and do nothing would be a lie.
fn no_attributes(message: &v1::PrefixAttributes) -> Result<PathAttributes, FieldErrors> {
    let v1::PrefixAttributes { local_preference, communities, med, next_hop } = message;
    let mut errors = FieldErrors::new();
    for (field, is_set) in [
        ("local_preference", *local_preference != 0),
        ("communities", !communities.is_empty()),
        ("med", *med != 0),
        ("next_hop", !next_hop.is_empty()),
    ] {
        if is_set {
            errors.push(field, "is an attribute of BGP; leave it out for OSPF");
        }
    }
    errors.finish(Some(PathAttributes::default()))
}

/// What carries a prefix; it has to be said.
fn parse_protocol(number: i32) -> Result<Protocol, ValueError> {
    match v1::Protocol::try_from(number) {
        Ok(v1::Protocol::Bgp) => Ok(Protocol::Bgp),
        Ok(v1::Protocol::Ospf) => Ok(Protocol::Ospf),
        Ok(v1::Protocol::Unspecified) => {
            Err(ValueError::new("is needed: PROTOCOL_BGP or PROTOCOL_OSPF"))
        }
        Err(_) => Err(ValueError::new(format!("{number} is not PROTOCOL_BGP or PROTOCOL_OSPF"))),
    }
}

/// BGP attributes; a next hop is looked at even where the prefix itself is wrong.
fn attributes(
    message: &v1::PrefixAttributes,
    prefix: Option<Prefix>,
) -> Result<PathAttributes, FieldErrors> {
    let v1::PrefixAttributes { local_preference, communities, med, next_hop } = message;
    let mut errors = FieldErrors::new();
    let mut parsed = PathAttributes {
        local_preference: NonZeroU32::new(*local_preference),
        med: NonZeroU32::new(*med),
        communities: BTreeSet::new(),
        large_communities: BTreeSet::new(),
        next_hop: None,
    };
    if communities.len() > MAX_COMMUNITIES {
        let count = communities.len();
        errors.push("communities", format!("{count} are more than {MAX_COMMUNITIES}"));
    } else {
        for (index, text) in communities.iter().enumerate() {
            match errors.take(format!("communities[{index}]"), text.parse()) {
                Some(Community::Standard(community)) => {
                    parsed.communities.insert(community);
                }
                Some(Community::Large(community)) => {
                    parsed.large_communities.insert(community);
                }
                None => {}
            }
        }
    }
    if !next_hop.is_empty() {
        let prefix = prefix.or_else(|| of_family(next_hop));
        parsed.next_hop = prefix.and_then(|prefix| {
            errors.take("next_hop", PathAttributes::parse_next_hop(next_hop, prefix))
        });
    }
    errors.finish(Some(parsed))
}

/// The message of an advertised prefix.
pub(super) fn advertisement_message(ad: &PrefixAdvertisement) -> v1::PrefixAdvertisement {
    let PrefixAdvertisement { prefix, protocol, attributes } = ad;
    let protocol = match protocol {
        Protocol::Bgp => v1::Protocol::Bgp,
        Protocol::Ospf => v1::Protocol::Ospf,
    };
    v1::PrefixAdvertisement {
        prefix: prefix.to_string(),
        protocol: protocol.into(),
        attributes: Some(attributes_message(attributes)),
    }
}

fn attributes_message(attributes: &PathAttributes) -> v1::PrefixAttributes {
    let PathAttributes { local_preference, med, communities, large_communities, next_hop } =
        attributes;
    let standard = communities.iter().map(|community| Community::Standard(*community));
    let large = large_communities.iter().map(|community| Community::Large(*community));
    v1::PrefixAttributes {
        local_preference: local_preference.map(Into::into).unwrap_or_default(),
        communities: standard.chain(large).map(|community| community.to_string()).collect(),
        med: med.map(Into::into).unwrap_or_default(),
        next_hop: next_hop.map(|address| address.to_string()).unwrap_or_default(),
    }
}

/// Stands in for a prefix that is wrong itself, so that a next hop is looked at all the
/// same: any prefix of the family that the text seems to be of.
fn of_family(next_hop: &str) -> Option<Prefix> {
    if next_hop.contains(':') { "::/0".parse().ok() } else { "0.0.0.0/0".parse().ok() }
}

/// Parses a static route.
///
/// # Errors
/// Names `prefix`, `gateway`, `interface_name`, `blackhole`, `next_hop` (where there is none),
/// and `distance`.
pub fn static_route(message: &v1::StaticRoute) -> Result<StaticRoute, FieldErrors> {
    let v1::StaticRoute { prefix, next_hop, distance, tag } = message;
    let mut errors = FieldErrors::new();
    let prefix = errors.take("prefix", prefix.parse::<Prefix>());
    let next_hop = match next_hop {
        Some(NextHopMessage::Gateway(text)) => prefix
            .or_else(|| of_family(text))
            .and_then(|prefix| errors.take("gateway", NextHop::parse_gateway(text, prefix))),
        Some(NextHopMessage::InterfaceName(name)) => {
            errors.take("interface_name", name.parse()).map(NextHop::Interface)
        }
        Some(NextHopMessage::Blackhole(true)) => Some(NextHop::Blackhole),
        Some(NextHopMessage::Blackhole(false)) => {
            errors.push("blackhole", "is true, or another next hop is named");
            None
        }
        None => {
            errors.push("next_hop", "is needed: gateway, interface_name or blackhole");
            None
        }
    };
    let distance = errors.take("distance", self::distance(*distance));
    let route = (|| {
        Some(StaticRoute { prefix: prefix?, next_hop: next_hop?, distance: distance?, tag: *tag })
    })();
    errors.finish(route)
}

/// Administrative distance; 0 means the default.
fn distance(number: u32) -> Result<NonZeroU8, ValueError> {
    if number == 0 {
        return Ok(StaticRoute::DEFAULT_DISTANCE);
    }
    u8::try_from(number)
        .ok()
        .and_then(NonZeroU8::new)
        .ok_or_else(|| ValueError::new(format!("{number} is not 1 to 255, or 0 for 1")))
}

/// The message of a static route.
pub(super) fn static_route_message(route: &StaticRoute) -> v1::StaticRoute {
    let StaticRoute { prefix, next_hop, distance, tag } = route;
    v1::StaticRoute {
        prefix: prefix.to_string(),
        next_hop: Some(match next_hop {
            NextHop::Gateway(address) => NextHopMessage::Gateway(address.to_string()),
            NextHop::Interface(name) => NextHopMessage::InterfaceName(name.to_string()),
            NextHop::Blackhole => NextHopMessage::Blackhole(true),
        }),
        distance: distance.get().into(),
        tag: *tag,
    }
}
