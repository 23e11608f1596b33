//! A BGP neighbour, in both directions.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    num::{NonZeroU8, NonZeroU16},
};

use super::{
    absorb, optional, peer_options, seconds,
    session::{named_profile, own_timers},
};
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
    let v1::BgpPeer {
        neighbor_address,
        remote_as,
        peer_type,
        keepalive,
        hold_time,
        bfd_enabled,
        description,
        address_families,
        source_address,
        ebgp_multihop,
        password,
        max_prefix,
        bfd_min_rx_ms,
        bfd_min_tx_ms,
        bfd_detect_multiplier,
        port,
        bfd_profile,
        connect_retry,
        passive,
        disable_connected_check,
        // Read in `peer_options`.
        shutdown: _,
        shutdown_message: _,
        ttl_security_hops: _,
        local_as: _,
        local_as_mode: _,
        allowas_in: _,
        next_hop_self: _,
        next_hop_self_force: _,
        advertisement_interval: _,
        weight: _,
        send_community: _,
        default_originate: _,
        graceful_restart: _,
        no_soft_reconfiguration: _,
        extended_next_hop: _,
    } = message;
    let mut errors = FieldErrors::new();
    let address = errors.take("neighbor_address", Peer::parse_address(neighbor_address));
    let remote_as = errors.take("remote_as", (*remote_as).try_into());
    let peer_type = errors.take("peer_type", self::peer_type(*peer_type));
    let timers = absorb(&mut errors, Timers::from_seconds(*keepalive, *hold_time));
    let bfd = bfd_enabled.then(|| {
        let (rx, tx) = (*bfd_min_rx_ms, *bfd_min_tx_ms);
        BfdParameters::new("bfd_", BfdLimits::PEER, rx, tx, *bfd_detect_multiplier)
    });
    let bfd = absorb(&mut errors, bfd.transpose());
    let bfd_profile = match bfd_enabled {
        true => {
            let timers = [*bfd_min_rx_ms, *bfd_min_tx_ms, *bfd_detect_multiplier];
            errors.take("bfd_profile", named_profile(bfd_profile, timers))
        }
        false => Some(None),
    };
    let description = errors.take("description", optional(description, str::parse));
    let families = absorb(&mut errors, families(address_families, address));
    let source_address =
        errors.take("source_address", optional(source_address, |text| source(text, address)));
    let ebgp_multihop = errors.take("ebgp_multihop", multihop(*ebgp_multihop, peer_type.flatten()));
    let port = errors.take("port", self::port(*port));
    let password = errors.take("password", optional(password, str::parse));
    let connect_retry = errors.take("connect_retry", self::connect_retry(*connect_retry));
    let disable_connected_check = errors.take(
        "disable_connected_check",
        connected_check(*disable_connected_check, peer_type.flatten()),
    );
    let session = absorb(&mut errors, peer_options::session(message, address, peer_type.flatten()));
    let exchange = absorb(&mut errors, peer_options::exchange(message, families.as_ref()));

    let peer = (|| {
        Some(Peer {
            address: address?,
            remote_as: remote_as?,
            peer_type: peer_type?,
            timers: timers?,
            bfd: bfd?,
            bfd_profile: bfd_profile?,
            description: description?,
            families: families?,
            source_address: source_address?,
            ebgp_multihop: ebgp_multihop?,
            port: port?,
            password: password?,
            max_prefix: (*max_prefix).try_into().unwrap_or(Peer::DEFAULT_MAX_PREFIX),
            connect_retry: connect_retry?,
            passive: *passive,
            disable_connected_check: disable_connected_check?,
            session: session?,
            exchange: exchange?,
        })
    })();
    errors.finish(peer)
}

/// The message of a neighbour. Holds its password.
pub fn peer_message(peer: &Peer) -> v1::BgpPeer {
    let Peer {
        address,
        remote_as,
        peer_type,
        timers,
        bfd,
        bfd_profile,
        description,
        families,
        source_address,
        ebgp_multihop,
        port,
        password,
        max_prefix,
        connect_retry,
        passive,
        disable_connected_check,
        session,
        exchange,
    } = peer;
    let [bfd_min_rx_ms, bfd_min_tx_ms, bfd_detect_multiplier] =
        bfd.map(|bfd| own_timers(bfd, *bfd_profile)).unwrap_or_default();
    let mut message = v1::BgpPeer {
        neighbor_address: address.to_string(),
        remote_as: remote_as.get(),
        peer_type: match peer_type {
            None => v1::PeerType::Unspecified,
            Some(PeerType::External) => v1::PeerType::External,
            Some(PeerType::Internal) => v1::PeerType::Internal,
        }
        .into(),
        keepalive: timers.map(|timers| seconds(timers.keepalive())).unwrap_or_default(),
        hold_time: timers.map(|timers| seconds(timers.hold())).unwrap_or_default(),
        bfd_enabled: bfd.is_some(),
        description: description.as_ref().map(ToString::to_string).unwrap_or_default(),
        address_families: families.iter().map(peer_options::number).collect(),
        source_address: source_address.map(|address| address.to_string()).unwrap_or_default(),
        ebgp_multihop: ebgp_multihop.map(|ttl| ttl.get().into()).unwrap_or_default(),
        password: password.as_ref().map(|key| key.expose().to_owned()).unwrap_or_default(),
        max_prefix: max_prefix.get(),
        bfd_min_rx_ms,
        bfd_min_tx_ms,
        bfd_detect_multiplier,
        bfd_profile: bfd_profile.map(|name| name.to_string()).unwrap_or_default(),
        port: port.map(|port| port.get().into()).unwrap_or_default(),
        connect_retry: connect_retry.map(|seconds| seconds.get().into()).unwrap_or_default(),
        passive: *passive,
        disable_connected_check: *disable_connected_check,
        ..v1::BgpPeer::default()
    };
    peer_options::say_session(session, &mut message);
    peer_options::say_exchange(exchange, &mut message);
    message
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
        // One that is wrong is enough: a repeated field has room for millions.
        match errors.take(format!("address_families[{index}]"), peer_options::family(*number)) {
            Some(family) => families.insert(family),
            None => break,
        };
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

/// TCP port; 0 means that of BGP.
fn port(number: u32) -> Result<Option<NonZeroU16>, ValueError> {
    u16::try_from(number).map(NonZeroU16::new).map_err(|_| {
        ValueError::new(format!("{number} is not 1 to 65535, or 0 for {}", Peer::DEFAULT_PORT))
    })
}

/// Seconds between two attempts to connect; 0 means FRR's own.
fn connect_retry(seconds: u32) -> Result<Option<NonZeroU16>, ValueError> {
    u16::try_from(seconds).map(NonZeroU16::new).map_err(|_| {
        ValueError::new(format!("{seconds} is not 1 to 65535 seconds, or 0 for FRR's own"))
    })
}

/// FRR takes the line of an internal neighbour, and looks at no connected network in any case.
fn connected_check(disabled: bool, peer_type: Option<PeerType>) -> Result<bool, ValueError> {
    match (disabled, peer_type) {
        (true, Some(PeerType::Internal)) => {
            Err(ValueError::new("is for external peers; leave it out for an internal one"))
        }
        _ => Ok(disabled),
    }
}
