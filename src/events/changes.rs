//! Which event a change of the store is. Pure.

use super::Event;
use crate::{
    model::{Intent, IntentKey},
    store::Owned,
};

/// The event that one difference between two stores is, if it is one.
///
/// For the commit actor: `after.diff(&before).filter_map(|(k, b, n)| of_change(k, b, n))`.
pub fn of_change(key: &IntentKey, before: Option<&Owned>, now: Option<&Owned>) -> Option<Event> {
    // Where its owner has it from is nothing that others are told.
    let is_same = match (before, now) {
        (Some(before), Some(now)) => (&before.owner, &before.intent) == (&now.owner, &now.intent),
        (before, now) => before.is_none() && now.is_none(),
    };
    if is_same {
        return None;
    }
    match (*key, now) {
        (IntentKey::Prefix(protocol, prefix), Some(now)) => {
            Some(Event::PrefixAdvertised { owner: now.owner.clone(), prefix, protocol })
        }
        (IntentKey::Prefix(protocol, prefix), None) => {
            Some(Event::PrefixWithdrawn { owner: before?.owner.clone(), prefix, protocol })
        }
        (IntentKey::Bgp, Some(Owned { owner, intent: Intent::Bgp(bgp), .. })) => {
            let previous = match before.map(|owned| &owned.intent) {
                Some(Intent::Bgp(previous)) => Some(previous.clone()),
                _ => None,
            };
            // The same instance under another owner is no change of BGP.
            (previous.as_ref() != Some(bgp)).then(|| Event::BgpConfigChanged {
                owner: owner.clone(),
                now: bgp.clone(),
                previous,
            })
        }
        _ => None,
    }
}
