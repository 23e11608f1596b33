//! Several changes of one transaction.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    bfd_profile, bgp, limits, nested, ospf_interface, peer, prefix::read_advertisement, prefix_key,
    session::read_bfd_session, static_route,
};
use crate::{
    model::{BfdSession, Change, Drain, FieldErrors, Intent, IntentKey, Peer},
    proto::v1::{self, intent, intent_change, intent_ref},
};

/// Most changes of one request: they are one commit, during which everybody else waits and
/// FRR's configuration lock is held. Who has more sends several requests.
pub const MAX_CHANGES: usize = 100_000;

/// Wrong changes that are named before the rest is not looked at any more: the answer
/// has to fit a header.
const MAX_NAMED: usize = 50;

/// Parses the changes of one transaction.
///
/// # Errors
/// Names wrong fields as `changes[3].set.peer.remote_as`; also `changes` where there are
/// none or too many, and `changes[3]` where an earlier one is about the same object.
pub fn changes(messages: &[v1::IntentChange]) -> Result<Vec<Change>, FieldErrors> {
    if messages.is_empty() {
        let mut errors = FieldErrors::new();
        errors.push("changes", "is empty");
        return Err(errors);
    }
    replacing(messages)
}

/// Like [`changes`], for what an owner's intents become: there may be none.
///
/// # Errors
/// As there.
pub fn replacing(messages: &[v1::IntentChange]) -> Result<Vec<Change>, FieldErrors> {
    let mut errors = FieldErrors::new();
    if messages.len() > MAX_CHANGES {
        let count = messages.len();
        errors.push("changes", format!("{count} are more than {MAX_CHANGES} for one request"));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut seen = BTreeMap::new();
    let mut parsed = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        let field = format!("changes[{index}]");
        let Some(change) = nested_or_same(&mut errors, &field, change(message)) else {
            if errors.iter().count() >= MAX_NAMED {
                break;
            }
            continue;
        };
        match seen.entry(change.key()) {
            Entry::Vacant(place) => {
                place.insert(index);
                parsed.push(change);
            }
            Entry::Occupied(first) => {
                let (key, first) = (first.key(), first.get());
                errors.push(field, format!("is about {key} like changes[{first}]"));
            }
        }
    }
    errors.finish(Some(parsed))
}

/// Parses one intent, as this version or an earlier one took it: what FRR can't do is not refused.
///
/// # Errors
/// Names wrong fields as `set.peer.remote_as`.
pub fn intent(message: &v1::Intent) -> Result<Intent, FieldErrors> {
    set(message).map_err(|wrong| {
        let mut errors = FieldErrors::new();
        match wrong {
            Wrong::Whole(reason) => errors.push("intent", reason),
            Wrong::Fields(parent, inner) => errors.nest(parent, inner),
        }
        errors
    })
}

/// Like [`nested`], but what is wrong with the message as a whole is under its own name.
fn nested_or_same(
    errors: &mut FieldErrors,
    field: &str,
    value: Result<Change, Wrong>,
) -> Option<Change> {
    match value {
        Ok(change) => Some(change),
        Err(Wrong::Whole(reason)) => {
            errors.push(field, reason);
            None
        }
        Err(Wrong::Fields(parent, inner)) => {
            nested::<Change>(errors, &format!("{field}.{parent}"), Err(inner))
        }
    }
}

/// What is wrong with one change.
enum Wrong {
    /// It says nothing.
    Whole(&'static str),
    /// Some of its fields, under this parent.
    Fields(&'static str, FieldErrors),
}

/// Parses one change.
fn change(message: &v1::IntentChange) -> Result<Change, Wrong> {
    match &message.change {
        Some(intent_change::Change::Set(message)) => {
            let intent = set(message)?;
            let parent = field_of(&intent);
            limits::possible(intent).map(Change::Set).map_err(|it| Wrong::Fields(parent, it))
        }
        Some(intent_change::Change::Remove(reference)) => remove(reference).map(Change::Remove),
        None => Err(Wrong::Whole("is neither set nor remove")),
    }
}

/// Parses an intent.
fn set(message: &v1::Intent) -> Result<Intent, Wrong> {
    let at = |parent| move |errors| Wrong::Fields(parent, errors);
    match &message.kind {
        Some(intent::Kind::Bgp(message)) => {
            bgp(message.local_as, &message.router_id).map(Intent::Bgp).map_err(at("set.bgp"))
        }
        Some(intent::Kind::Peer(message)) => {
            peer(message).map(Intent::from).map_err(at("set.peer"))
        }
        Some(intent::Kind::Prefix(message)) => {
            read_advertisement(&message.prefix, message.protocol, message.attributes.as_ref())
                .map(Intent::Prefix)
                .map_err(at("set.prefix"))
        }
        Some(intent::Kind::StaticRoute(message)) => {
            static_route(message).map(Intent::StaticRoute).map_err(at("set.static_route"))
        }
        Some(intent::Kind::BfdSession(message)) => {
            read_bfd_session(message).map(Intent::BfdSession).map_err(at("set.bfd_session"))
        }
        Some(intent::Kind::OspfInterface(message)) => {
            ospf_interface(message).map(Intent::OspfInterface).map_err(at("set.ospf_interface"))
        }
        Some(intent::Kind::BfdProfile(message)) => {
            bfd_profile(message).map(Intent::BfdProfile).map_err(at("set.bfd_profile"))
        }
        Some(intent::Kind::Drain(message)) => {
            Ok(Intent::Drain(Drain { until_restart: message.until_restart }))
        }
        None => Err(Wrong::Whole("set names no intent")),
    }
}

/// Where a change has the fields of an intent.
fn field_of(intent: &Intent) -> &'static str {
    match intent {
        Intent::Bgp(_) => "set.bgp",
        Intent::Drain(_) => "set.drain",
        Intent::Peer(_) => "set.peer",
        Intent::Prefix(_) => "set.prefix",
        Intent::StaticRoute(_) => "set.static_route",
        Intent::BfdSession(_) => "set.bfd_session",
        Intent::OspfInterface(_) => "set.ospf_interface",
        Intent::BfdProfile(_) => "set.bfd_profile",
    }
}

/// Parses a reference to an object.
fn remove(message: &v1::IntentRef) -> Result<IntentKey, Wrong> {
    let one = |field, reason: &dyn std::fmt::Display| {
        let mut errors = FieldErrors::new();
        errors.push(field, reason);
        Wrong::Fields("remove", errors)
    };
    match &message.kind {
        Some(intent_ref::Kind::Peer(address)) => {
            Peer::parse_address(address).map(IntentKey::Peer).map_err(|e| one("peer", &e))
        }
        Some(intent_ref::Kind::Prefix(message)) => prefix_key(&message.prefix, message.protocol)
            .map_err(|errors| Wrong::Fields("remove.prefix", errors)),
        Some(intent_ref::Kind::StaticRoute(prefix)) => prefix
            .parse()
            .map(IntentKey::StaticRoute)
            .map_err(|e: crate::model::ValueError| one("static_route", &e)),
        Some(intent_ref::Kind::BfdSession(address)) => BfdSession::parse_address(address)
            .map(IntentKey::BfdSession)
            .map_err(|e| one("bfd_session", &e)),
        Some(intent_ref::Kind::OspfInterface(name)) => name
            .parse()
            .map(IntentKey::OspfInterface)
            .map_err(|e: crate::model::ValueError| one("ospf_interface", &e)),
        Some(intent_ref::Kind::BfdProfile(name)) => name
            .parse()
            .map(IntentKey::BfdProfile)
            .map_err(|e: crate::model::ValueError| one("bfd_profile", &e)),
        Some(intent_ref::Kind::Drain(v1::DrainRef {})) => Ok(IntentKey::Drain),
        None => Err(Wrong::Whole("remove names no object")),
    }
}
