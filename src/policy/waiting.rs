//! What waits to be confirmed. Pure.
//!
//! The agent remembers what stood before a transaction until that is confirmed or rolled back, up to a day: in memory and
//! in its journal. So that counts, like what is declared.

use std::collections::BTreeMap;

use super::{Capacity, Policies, QuotaKind, Violation, ViolationKind};
use crate::{
    model::{IntentKey, OwnerName},
    protocol::kinds,
};

/// Changes that a transaction counts as beside its own.
const TRANSACTION: usize = 16;

/// Most changes that wait where the agent's memory has no limit.
const MOST: usize = 1_000_000;

/// Memory of a change that waits: the object before and after, and what the journal has of it.
const CHANGE: u64 = 512;

/// A sixteenth of the memory is for what waits.
const SHARE: u64 = 16;

/// The changes of transactions that wait to be confirmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    all: usize,
    owners: BTreeMap<OwnerName, usize>,
    kinds: BTreeMap<(OwnerName, QuotaKind), usize>,
}

impl Waiting {
    /// One more transaction, with these objects.
    pub fn add<'a>(&mut self, owner: &OwnerName, keys: impl IntoIterator<Item = &'a IntentKey>) {
        let mut count = TRANSACTION;
        for key in keys {
            count += 1;
            if let Some(kind) = kinds::of(key.kind()).quota {
                *self.kinds.entry((owner.clone(), kind)).or_default() += 1;
            }
        }
        self.all += count;
        *self.owners.entry(owner.clone()).or_default() += count;
    }

    /// Whether all of this may wait, where the last that was added is this owner's.
    ///
    /// An owner may have twice its quota waiting, what goes and what comes; and of all that may wait, as much as it
    /// leaves for others. `admin` may have the rest.
    ///
    /// # Errors
    /// It may not.
    pub fn check(
        &self,
        policies: &Policies,
        capacity: Option<Capacity>,
        owner: &OwnerName,
        key: IntentKey,
    ) -> Result<(), Violation> {
        let refuse = |to_caller: String| {
            let message = "more changes would wait to be confirmed than may: confirm transactions or roll them back first";
            Err(Violation {
                kind: ViolationKind::Quota,
                key,
                existing_owner: None,
                message: message.to_owned(),
                to_caller: Some(to_caller),
            })
        };
        let quotas = policies.get(owner).into_iter().flat_map(|policy| policy.quotas.iter());
        for (kind, limit) in quotas {
            let would = self.kinds.get(&(owner.clone(), kind)).copied().unwrap_or_default();
            if would > 2 * limit {
                return refuse(format!(
                    "{would} would wait, and {owner}, whose quota is {limit}, may have {}",
                    2 * limit,
                ));
            }
        }
        let most = capacity.map_or(MOST, |capacity| {
            usize::try_from(capacity.bytes() / SHARE / CHANGE).unwrap_or(MOST).min(MOST)
        });
        let mine = self.owners.get(owner).copied().unwrap_or_default();
        let kept = if owner.is_admin() { 0 } else { mine };
        if self.all + kept > most {
            return refuse(format!(
                "{} would wait, {mine} of them {owner}'s, and the agent has room for {most}",
                self.all,
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Lifetime, OwnerPolicy, PrefixType, Quotas};

    fn owner(name: &str) -> OwnerName {
        name.parse().unwrap()
    }

    fn keys(count: usize) -> Vec<IntentKey> {
        (0..count).map(|n| IntentKey::Peer(std::net::Ipv4Addr::from(n as u32 + 1).into())).collect()
    }

    /// Whether owners may have so many changes waiting, one transaction each; the last is judged.
    fn judge(quota: Option<usize>, capacity: Option<u64>, waiting: &[(&str, usize)]) -> bool {
        let policy = OwnerPolicy {
            quotas: Quotas::from_iter(quota.map(|limit| (QuotaKind::Peers, limit))),
            prefix_type: PrefixType::Any,
            allowed_cidrs: Vec::new(),
            may_configure_bgp: None,
            lifetime: Lifetime::Connection,
        };
        let policies = Policies::from_iter([(owner("edge"), policy)]);
        let mut all = Waiting::default();
        for (name, count) in waiting {
            all.add(&owner(name), &keys(*count));
        }
        let last = owner(waiting.last().unwrap().0);
        all.check(&policies, capacity.map(Capacity::of), &last, IntentKey::Bgp).is_ok()
    }

    #[test]
    fn twice_the_quota_may_wait() {
        assert!(judge(Some(10), None, &[("edge", 10), ("edge", 10)]));
        assert!(!judge(Some(10), None, &[("edge", 10), ("edge", 11)]));
        assert!(judge(Some(10), None, &[("edge", 20), ("net", 100)]), "each owner has its own");
    }

    #[test]
    fn what_waits_fits_into_the_memory_and_an_owner_leaves_as_much_as_it_takes() {
        // 16 Ki changes.
        let memory = Some(128 << 20);
        assert!(judge(None, memory, &[("edge", 8000)]));
        assert!(!judge(None, memory, &[("edge", 8000), ("edge", 200)]));
        assert!(judge(None, memory, &[("edge", 8000), ("net", 4000)]));
        assert!(!judge(None, memory, &[("edge", 8000), ("net", 4200)]));
        assert!(judge(None, memory, &[("edge", 8000), ("admin", 8300)]));
        assert!(!judge(None, memory, &[("edge", 8000), ("admin", 8400)]));
    }

    #[test]
    fn transactions_without_changes_count_too() {
        let many: Vec<_> = (0..600).map(|_| ("edge", 0)).collect();
        assert!(!judge(None, Some(128 << 20), &many));
    }
}
