//! BFD sessions and OSPF interfaces, in both directions.

use std::{net::IpAddr, num::NonZeroU16};

use super::{absorb, limits, millis, optional, seconds};
use crate::{
    model::{
        AreaId, BfdLimits, BfdParameters, BfdProfile, BfdSession, FieldErrors, IntentKey,
        InterfaceName, OspfInterface, OspfTimers, ProfileName, ValueError,
    },
    proto::v1,
};

/// Parses a BFD session that is asked for.
///
/// # Errors
/// Names every wrong field as `BFDSession` has it, also where bfdd can't do what it says.
pub fn bfd_session(message: &v1::BfdSession) -> Result<BfdSession, FieldErrors> {
    let session = read_bfd_session(message)?;
    limits::bfd_session(&session).map(|()| session)
}

/// Parses a BFD session as this version or an earlier one took it.
pub(super) fn read_bfd_session(message: &v1::BfdSession) -> Result<BfdSession, FieldErrors> {
    let v1::BfdSession {
        peer_address,
        min_rx_ms,
        min_tx_ms,
        detect_multiplier,
        interface_name,
        local_address,
        profile,
    } = message;
    let mut errors = FieldErrors::new();
    let peer = errors.take("peer_address", BfdSession::parse_address(peer_address));
    let (rx, tx) = (*min_rx_ms, *min_tx_ms);
    let timers = BfdParameters::new("", BfdLimits::SESSION, rx, tx, *detect_multiplier);
    let timers = absorb(&mut errors, timers);
    let profile = errors.take("profile", named_profile(profile, [rx, tx, *detect_multiplier]));
    let interface = errors.take("interface_name", optional(interface_name, interface));
    if interface == Some(None)
        && let Some(IpAddr::V6(peer)) = peer
        && peer.is_unicast_link_local()
    {
        errors.push("interface_name", format!("is needed: {peer} is link-local"));
    }
    let local_address =
        errors.take("local_address", optional(local_address, |text| local(text, peer)));
    let session = (|| {
        Some(BfdSession {
            peer: peer?,
            timers: timers?,
            profile: profile?,
            interface: interface?,
            local_address: local_address?,
        })
    })();
    errors.finish(session)
}

/// The message of a BFD session.
pub(super) fn bfd_message(session: &BfdSession) -> v1::BfdSession {
    let BfdSession { peer, timers, profile, interface, local_address } = session;
    let [min_rx_ms, min_tx_ms, detect_multiplier] = own_timers(*timers, *profile);
    v1::BfdSession {
        peer_address: peer.to_string(),
        min_rx_ms,
        min_tx_ms,
        detect_multiplier,
        profile: profile.map(|name| name.to_string()).unwrap_or_default(),
        interface_name: interface.map(|name| name.to_string()).unwrap_or_default(),
        local_address: local_address.map(|address| address.to_string()).unwrap_or_default(),
    }
}

/// Parses a BFD profile.
///
/// # Errors
/// Names every wrong field as `BFDProfile` has it.
pub fn bfd_profile(message: &v1::BfdProfile) -> Result<BfdProfile, FieldErrors> {
    let v1::BfdProfile { name, min_rx_ms, min_tx_ms, detect_multiplier } = message;
    let mut errors = FieldErrors::new();
    let name = errors.take("name", name.parse::<ProfileName>());
    let (rx, tx) = (*min_rx_ms, *min_tx_ms);
    let timers = BfdParameters::new("", BfdLimits::SESSION, rx, tx, *detect_multiplier);
    let timers = absorb(&mut errors, timers);
    errors.finish(name.zip(timers).map(|(name, timers)| BfdProfile { name, timers }))
}

/// The message of a BFD profile.
pub fn bfd_profile_message(profile: &BfdProfile) -> v1::BfdProfile {
    let BfdProfile { name, timers } = profile;
    let [min_rx_ms, min_tx_ms, detect_multiplier] = own_timers(*timers, None);
    v1::BfdProfile { name: name.to_string(), min_rx_ms, min_tx_ms, detect_multiplier }
}

/// A profile that a session names, in the place of these timers of its own.
pub(super) fn named_profile(
    text: &str,
    timers: [u32; 3],
) -> Result<Option<ProfileName>, ValueError> {
    match optional(text, str::parse)? {
        Some(_) if timers != [0; 3] => {
            Err(ValueError::new("conflicts with the session's own timers; set only one of them"))
        }
        name => Ok(name),
    }
}

/// Timers in milliseconds, and the multiplier, as a message has them: none beside a profile.
pub(super) fn own_timers(timers: BfdParameters, profile: Option<ProfileName>) -> [u32; 3] {
    match profile {
        Some(_) => [0; 3],
        None => {
            [millis(timers.min_rx()), millis(timers.min_tx()), timers.detect_multiplier().into()]
        }
    }
}

/// Local address of a session.
fn local(text: &str, peer: Option<IpAddr>) -> Result<IpAddr, ValueError> {
    let local = BfdSession::parse_address(text)?;
    match peer {
        Some(peer) if peer.is_ipv4() != local.is_ipv4() => {
            Err(ValueError::new(format!("{local} is not of the family of {peer}")))
        }
        Some(peer) if peer == local => {
            Err(ValueError::new(format!("{local} is the address of the other end")))
        }
        _ => Ok(local),
    }
}

/// Parses the key of a BFD session.
///
/// # Errors
/// Names `peer_address`.
pub fn bfd_key(peer_address: &str) -> Result<IntentKey, FieldErrors> {
    let mut errors = FieldErrors::new();
    let peer = errors.take("peer_address", BfdSession::parse_address(peer_address));
    errors.finish(peer.map(IntentKey::BfdSession))
}

/// Parses an interface on which OSPF shall run.
///
/// # Errors
/// Names every wrong field as `OSPFInterface` has it.
pub fn ospf_interface(message: &v1::OspfInterface) -> Result<OspfInterface, FieldErrors> {
    let v1::OspfInterface { interface_name, area_id, passive, cost, hello_interval, dead_interval } =
        message;
    let mut errors = FieldErrors::new();
    let name = errors.take("interface_name", interface(interface_name));
    let area = errors.take("area_id", area_id.parse::<AreaId>());
    let cost = errors.take("cost", self::cost(*cost));
    let timers = OspfTimers::from_seconds(*hello_interval, *dead_interval);
    let timers = absorb(&mut errors, timers);
    let interface = (|| {
        Some(OspfInterface {
            name: name?,
            area: area?,
            passive: *passive,
            cost: cost?,
            timers: timers?,
        })
    })();
    errors.finish(interface)
}

/// The message of an interface on which OSPF runs.
pub(super) fn ospf_message(interface: &OspfInterface) -> v1::OspfInterface {
    let OspfInterface { name, area, passive, cost, timers } = interface;
    v1::OspfInterface {
        interface_name: name.to_string(),
        area_id: area.to_string(),
        passive: *passive,
        cost: cost.map(|cost| cost.get().into()).unwrap_or_default(),
        hello_interval: timers.hello().map(seconds).unwrap_or_default(),
        dead_interval: timers.dead().map(seconds).unwrap_or_default(),
    }
}

/// Parses the key of an interface on which OSPF runs.
///
/// # Errors
/// Names `interface_name`.
pub fn ospf_key(interface_name: &str) -> Result<IntentKey, FieldErrors> {
    let mut errors = FieldErrors::new();
    let name = errors.take("interface_name", interface(interface_name));
    errors.finish(name.map(IntentKey::OspfInterface))
}

fn interface(text: &str) -> Result<InterfaceName, ValueError> {
    text.parse()
}

/// Output cost; 0 leaves it to FRR.
fn cost(number: u32) -> Result<Option<NonZeroU16>, ValueError> {
    u16::try_from(number)
        .map(NonZeroU16::new)
        .map_err(|_| ValueError::new(format!("{number} is not 1 to 65535, or 0 for FRR's own")))
}
