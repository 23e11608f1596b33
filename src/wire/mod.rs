//! Protobuf messages into model types. Pure: no async, no I/O, no clock.
//!
//! The one place where strings of clients become types; every wrong field of a
//! request is named at once, under the name that the contract gives it.

mod change;
mod extras;
mod limits;
mod message;
mod peer;
mod peer_options;
mod prefix;
mod session;
#[cfg(test)]
mod tests;

use std::{net::Ipv4Addr, time::Duration};

pub use change::{MAX_CHANGES, changes, intent, replacing};
pub use extras::extras;
pub use message::intent_message;
pub use peer::{peer, peer_message};
pub use prefix::{MAX_COMMUNITIES, advertisement, prefix_key, static_route};
pub use session::{
    bfd_key, bfd_profile, bfd_profile_message, bfd_session, ospf_interface, ospf_key,
};

use crate::{
    model::{BgpGlobal, FieldErrors, ValueError, router_id},
    proto::v1,
};

/// Parses the node's BGP instance.
///
/// # Errors
/// Names `local_as` and `router_id`.
pub fn bgp(local_as: u32, router_id: &str) -> Result<BgpGlobal, FieldErrors> {
    let mut errors = FieldErrors::new();
    let local_as = errors.take("local_as", local_as.try_into());
    let router_id = errors.take("router_id", parse_router_id(router_id));
    let bgp = local_as.zip(router_id);
    errors.finish(bgp.map(|(local_as, router_id)| BgpGlobal { local_as, router_id }))
}

/// The message of the node's BGP instance.
pub fn bgp_message(global: &BgpGlobal) -> v1::BgpConfig {
    let BgpGlobal { local_as, router_id } = global;
    v1::BgpConfig {
        local_as: local_as.get(),
        router_id: router_id.map(|id| id.to_string()).unwrap_or_default(),
    }
}

/// A BGP identifier (RFC 6286); empty leaves the choice to FRR.
fn parse_router_id(text: &str) -> Result<Option<Ipv4Addr>, ValueError> {
    if text.is_empty() {
        return Ok(None);
    }
    router_id(text).map(Some)
}

/// Takes the value, or takes over the wrong fields under the names that they have.
fn absorb<T>(errors: &mut FieldErrors, value: Result<T, FieldErrors>) -> Option<T> {
    value.map_err(|inner| inner.iter().for_each(|e| errors.push(e.field.clone(), &e.reason))).ok()
}

/// Takes the value, or takes over the wrong fields under `parent.`.
fn nested<T>(errors: &mut FieldErrors, parent: &str, value: Result<T, FieldErrors>) -> Option<T> {
    value.map_err(|inner| errors.nest(parent, inner)).ok()
}

/// Parses a text that may be left empty.
fn optional<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, ValueError>,
) -> Result<Option<T>, ValueError> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

/// Whole seconds; every duration of the model fits.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// Milliseconds; every duration of the model fits.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
