//! BFD sessions and OSPF interfaces.

use std::{net::IpAddr, num::NonZeroU16};

use super::{absorb, limits, optional};
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
    let mut errors = FieldErrors::new();
    let peer = errors.take("peer_address", BfdSession::parse_address(&message.peer_address));
    let timers = BfdParameters::new(
        "",
        BfdLimits::SESSION,
        message.min_rx_ms,
        message.min_tx_ms,
        message.detect_multiplier,
    );
    let timers = absorb(&mut errors, timers);
    let interface = errors.take("interface_name", optional(&message.interface_name, interface));
    if interface == Some(None)
        && let Some(IpAddr::V6(peer)) = peer
        && peer.is_unicast_link_local()
    {
        errors.push("interface_name", format!("is needed: {peer} is link-local"));
    }
    let local_address =
        errors.take("local_address", optional(&message.local_address, |text| local(text, peer)));
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
    let mut errors = FieldErrors::new();
    let name = errors.take("interface_name", interface(&message.interface_name));
    let area = errors.take("area_id", message.area_id.parse::<AreaId>());
    let cost = errors.take("cost", cost(message.cost));
    let timers = OspfTimers::from_seconds(message.hello_interval, message.dead_interval);
    let timers = absorb(&mut errors, timers);
    let interface = (|| {
        Some(OspfInterface {
            name: name?,
            area: area?,
            passive: message.passive,
            cost: cost?,
            timers: timers?,
        })
    })();
    errors.finish(interface)
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
