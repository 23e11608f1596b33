//! Whether a request keeps to the quotas of its owner.

use super::{Policies, Violation, ViolationKind};
use crate::{
    model::{Change, IntentKey, OwnerName},
    protocol::kinds,
    store::Store,
};

/// Where a request takes its owner over a quota, one violation for each. A request that makes
/// nothing more is never one, even where a lowered quota is under what there is.
pub(super) fn exceeded(
    policies: &Policies,
    before: &Store,
    after: &Store,
    owner: &OwnerName,
    changes: &[Change],
) -> Vec<Violation> {
    let Some(policy) = policies.get(owner) else { return Vec::new() };
    let (had, has) = (before.counts_of(owner), after.counts_of(owner));
    let over = policy.quotas.iter().filter_map(|(kind, limit)| {
        let (had, would) = (had.of(kind.kinds()), has.of(kind.kinds()));
        if would <= limit || would <= had {
            return None;
        }
        let is_new = |key: &IntentKey| {
            kinds::of(key.kind()).quota == Some(kind)
                && before.get(key).is_none_or(|owned| owned.owner != *owner)
        };
        let sets = changes.iter().filter(|change| matches!(change, Change::Set(_)));
        let key = sets.map(Change::key).find(is_new)?;
        let limit = kind.words(limit);
        Some(Violation {
            kind: ViolationKind::Quota,
            key,
            existing_owner: None,
            message: format!(
                "the quota of {owner} is {limit}; it has {had}, and this would make {would}"
            ),
            to_caller: None,
        })
    });
    over.collect()
}
