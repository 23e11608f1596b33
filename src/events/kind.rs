//! The types of events, by the names that the contract gives them.

use crate::proto::v1::EventType;

/// What every name of the contract begins with.
const PREFIX: &str = "EVENT_TYPE_";

/// Name of a type without `EVENT_TYPE_`.
pub(super) fn short_name(kind: EventType) -> &'static str {
    let name = kind.as_str_name();
    name.strip_prefix(PREFIX).unwrap_or(name)
}

/// Every type that an event can have.
pub(super) fn all_types() -> impl Iterator<Item = EventType> {
    // The first contract's 14, and ours from 100 on.
    (1..200).filter_map(|number| EventType::try_from(number).ok())
}

/// The type of this name.
pub(super) fn parse_type(name: &str) -> Option<EventType> {
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    all_types().find(|kind| short_name(*kind) == name)
}
