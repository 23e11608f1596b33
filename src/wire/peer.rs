//! A BGP neighbour.

use std::{collections::BTreeSet, net::IpAddr, num::NonZeroU8};

use super::{absorb, optional};
use crate::{
    model::{
        AddressFamily, BfdLimits, BfdParameters, FieldErrors, Peer, PeerType, Timers, ValueError,
    },
    proto::v1,
};

/// Parses a neighbour.
///
/// BFD timers are looked at only with `bfd_enabled`: without it they mean nothing.
///
/// # Errors
/// Names every wrong field as `BGPPeer` has it.
pub fn peer(message: &v1::BgpPeer) -> Result<Peer, FieldErrors> {
    let mut errors = FieldErrors::new();
    let address = errors.take("neighbor_address", Peer::parse_address(&message.neighbor_address));
    let remote_as = errors.take("remote_as", message.remote_as.try_into());
    let peer_type = errors.take("peer_type", peer_type(message.peer_type));
    let timers = absorb(&mut errors, Timers::from_seconds(message.keepalive, message.hold_time));
    let bfd = absorb(&mut errors, bfd(message));
    let description = errors.take("description", optional(&message.description, str::parse));
    let families = absorb(&mut errors, families(&message.address_families, address));
    let source_address =
        errors.take("source_address", optional(&message.source_address, |t| source(t, address)));
    let ebgp_multihop =
        errors.take("ebgp_multihop", multihop(message.ebgp_multihop, peer_type.flatten()));
    let password = errors.take("password", optional(&message.password, str::parse));
    let max_prefix = message.max_prefix.try_into().unwrap_or(Peer::DEFAULT_MAX_PREFIX);

    let peer = (|| {
        Some(Peer {
            address: address?,
            remote_as: remote_as?,
            peer_type: peer_type?,
            timers: timers?,
            bfd: bfd?,
            description: description?,
            families: families?,
            source_address: source_address?,
            ebgp_multihop: ebgp_multihop?,
            password: password?,
            max_prefix,
        })
    })();
    errors.finish(peer)
}

/// What the owner expects the peer to be; unspecified expects nothing.
fn peer_type(number: i32) -> Result<Option<PeerType>, ValueError> {
    match v1::PeerType::try_from(number) {
        Ok(v1::PeerType::Unspecified) => Ok(None),
        Ok(v1::PeerType::External) => Ok(Some(PeerType::External)),
        Ok(v1::PeerType::Internal) => Ok(Some(PeerType::Internal)),
        Err(_) => Err(ValueError::new(format!(
            "{number} is not PEER_TYPE_EXTERNAL, PEER_TYPE_INTERNAL or unspecified"
        ))),
    }
}

/// BFD timers, where BFD is wanted.
fn bfd(message: &v1::BgpPeer) -> Result<Option<BfdParameters>, FieldErrors> {
    if !message.bfd_enabled {
        return Ok(None);
    }
    BfdParameters::new(
        "bfd_",
        BfdLimits::PEER,
        message.bfd_min_rx_ms,
        message.bfd_min_tx_ms,
        message.bfd_detect_multiplier,
    )
    .map(Some)
}

/// The families of the session; none named means that of the neighbour's address.
fn families(
    numbers: &[i32],
    address: Option<IpAddr>,
) -> Result<BTreeSet<AddressFamily>, FieldErrors> {
    if numbers.is_empty() {
        return Ok(address.as_ref().map(AddressFamily::of).into_iter().collect());
    }
    let mut errors = FieldErrors::new();
    let mut families = BTreeSet::new();
    for (index, number) in numbers.iter().enumerate() {
        let family = match v1::AddressFamily::try_from(*number) {
            Ok(v1::AddressFamily::Ipv4Unicast) => AddressFamily::Ipv4Unicast,
            Ok(v1::AddressFamily::Ipv6Unicast) => AddressFamily::Ipv6Unicast,
            Ok(v1::AddressFamily::Unspecified) | Err(_) => {
                errors.push(
                    format!("address_families[{index}]"),
                    format!(
                        "{number} is not ADDRESS_FAMILY_IPV4_UNICAST or ADDRESS_FAMILY_IPV6_UNICAST"
                    ),
                );
                // One is enough: a repeated field has room for millions.
                break;
            }
        };
        families.insert(family);
    }
    errors.finish(Some(families))
}

/// Local address of the session.
fn source(text: &str, neighbor: Option<IpAddr>) -> Result<IpAddr, ValueError> {
    let source = Peer::parse_address(text)?;
    match neighbor {
        Some(neighbor) if neighbor.is_ipv4() != source.is_ipv4() => {
            Err(ValueError::new(format!("{source} is not of the family of {neighbor}")))
        }
        Some(neighbor) if neighbor == source => {
            Err(ValueError::new(format!("{source} is the neighbour's own address")))
        }
        _ => Ok(source),
    }
}

/// Largest TTL; 0 means directly connected.
fn multihop(hops: u32, peer_type: Option<PeerType>) -> Result<Option<NonZeroU8>, ValueError> {
    match u8::try_from(hops) {
        Ok(0) => Ok(None),
        // FRR takes the line and ignores it.
        Ok(_) if peer_type == Some(PeerType::Internal) => {
            Err(ValueError::new("is for external peers; leave it 0 for an internal one"))
        }
        Ok(hops) => Ok(NonZeroU8::new(hops)),
        Err(_) => Err(ValueError::new(format!("{hops} is not 1 to 255 hops, or 0 for none"))),
    }
}
