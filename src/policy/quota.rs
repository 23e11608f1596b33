//! How many objects an owner may have.

use std::collections::BTreeMap;

use super::{Policies, Violation, ViolationKind};
pub use crate::protocol::kinds::QuotaKind;
use crate::{
    model::{Change, IntentKey, OwnerName},
    protocol::kinds,
    store::Store,
};

/// The most that one owner may have of each kind; what is not named has no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quotas(BTreeMap<QuotaKind, usize>);

impl Quotas {
    /// The limit of a kind, where there is one.
    pub fn limit(&self, kind: QuotaKind) -> Option<usize> {
        self.0.get(&kind).copied()
    }

    /// All limits.
    pub fn iter(&self) -> impl Iterator<Item = (QuotaKind, usize)> {
        self.0.iter().map(|(kind, limit)| (*kind, *limit))
    }
}

impl FromIterator<(QuotaKind, usize)> for Quotas {
    fn from_iter<I: IntoIterator<Item = (QuotaKind, usize)>>(limits: I) -> Self {
        Self(limits.into_iter().collect())
    }
}

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
