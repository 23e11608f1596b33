//! Which events a subscriber wants.

use std::collections::BTreeSet;

use super::{
    Event, EventType,
    kind::{all_types, parse_type, short_name},
};
use crate::model::{FieldErrors, OwnerName};

/// Which events a subscriber wants; the default wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only events about this owner; then none about FRR as a whole.
    pub owner: Option<OwnerName>,
    /// Only these types; empty means every type.
    pub types: BTreeSet<EventType>,
}

impl Filter {
    /// Parses the fields of `StreamEventsRequest`; names of types with or without `EVENT_TYPE_`.
    ///
    /// # Errors
    /// Names `owner_filter` or `event_types[i]`, and the types that there are.
    pub fn parse(owner_filter: &str, event_types: &[String]) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let owner = parse_owner_filter(&mut errors, owner_filter);
        let mut types = BTreeSet::new();
        for (index, name) in event_types.iter().enumerate() {
            match parse_type(name) {
                Some(kind) => {
                    types.insert(kind);
                }
                None => {
                    let names: Vec<_> = all_types().map(short_name).collect();
                    let reason = format!("is none of {}", names.join(", "));
                    errors.push(format!("event_types[{index}]"), reason);
                    // The list of names once is enough, however many are wrong.
                    break;
                }
            }
        }
        errors.finish(Some(Self { owner, types }))
    }

    /// Whether a subscriber with this filter gets the event.
    pub fn matches(&self, event: &Event) -> bool {
        (self.types.is_empty() || self.types.contains(&event.kind()))
            && self.owner.as_ref().is_none_or(|owner| event.owner() == Some(owner))
    }
}

/// Parses an `owner_filter`: empty means every owner.
pub(crate) fn parse_owner_filter(errors: &mut FieldErrors, text: &str) -> Option<OwnerName> {
    if text.is_empty() {
        return None;
    }
    errors.take("owner_filter", text.parse())
}
