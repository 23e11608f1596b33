//! BFD sessions and OSPF interfaces, in both directions.

use std::{net::IpAddr, num::NonZeroU16};

use super::{absorb, limits, millis, optional, seconds};
use crate::{
    model::{
        AreaId, BfdLimits, BfdParameters, BfdSession, FieldErrors, IntentKey, InterfaceName,
        OspfInterface, OspfTimers, ValueError,
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
    } = message;
    let mut errors = FieldErrors::new();
    let peer = errors.take("peer_address", BfdSession::parse_address(peer_address));
    let (rx, tx) = (*min_rx_ms, *min_tx_ms);
    let timers = BfdParameters::new("", BfdLimits::SESSION, rx, tx, *detect_multiplier);
    let timers = absorb(&mut errors, timers);
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
            interface: interface?,
            local_address: local_address?,
        })
    })();
    errors.finish(session)
}

/// The message of a BFD session.
pub(super) fn bfd_message(session: &BfdSession) -> v1::BfdSession {
    let BfdSession { peer, timers, interface, local_address } = session;
    v1::BfdSession {
        peer_address: peer.to_string(),
        min_rx_ms: millis(timers.min_rx()),
        min_tx_ms: millis(timers.min_tx()),
        detect_multiplier: timers.detect_multiplier().into(),
        interface_name: interface.map(|name| name.to_string()).unwrap_or_default(),
        local_address: local_address.map(|address| address.to_string()).unwrap_or_default(),
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
