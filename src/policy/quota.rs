//! How many objects an owner may have.

use std::collections::BTreeMap;

use super::{Policies, Violation, ViolationKind};
use crate::{
    model::{Change, IntentKey, OwnerName},
    store::{Counts, Store},
};

/// What can be limited (`owners.NAME.quotas`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuotaKind {
    /// BGP neighbours.
    Peers,
    /// Advertised prefixes, of BGP and OSPF together.
    Prefixes,
    /// BFD sessions of their own, not those of peers.
    BfdSessions,
    /// OSPF interfaces.
    OspfInterfaces,
    /// Static routes.
    StaticRoutes,
}

impl QuotaKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Peers, Self::Prefixes, Self::BfdSessions, Self::OspfInterfaces, Self::StaticRoutes];

    /// Key in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::Peers => "peers",
            Self::Prefixes => "prefixes",
            Self::BfdSessions => "bfd_sessions",
            Self::OspfInterfaces => "ospf_interfaces",
            Self::StaticRoutes => "static_routes",
        }
    }

    /// In a sentence: `1 peer`, `2 peers`.
    fn words(self, count: usize) -> String {
        let word = match self {
            Self::Peers => "peer",
            Self::Prefixes => "prefix",
            Self::BfdSessions => "BFD session",
            Self::OspfInterfaces => "OSPF interface",
            Self::StaticRoutes => "static route",
        };
        let ending = match (count, self) {
            (1, _) => "",
            (_, Self::Prefixes) => "es",
            _ => "s",
        };
        format!("{count} {word}{ending}")
    }

    /// The quota that an object counts for; the BGP instance and the drain count for none.
    pub(super) fn of(key: &IntentKey) -> Option<Self> {
        match key {
            IntentKey::Bgp | IntentKey::Drain => None,
            IntentKey::Peer(_) => Some(Self::Peers),
            IntentKey::Prefix(..) => Some(Self::Prefixes),
            IntentKey::StaticRoute(_) => Some(Self::StaticRoutes),
            IntentKey::BfdSession(_) => Some(Self::BfdSessions),
            IntentKey::OspfInterface(_) => Some(Self::OspfInterfaces),
        }
    }

    /// How many of them there are.
    fn count(self, counts: Counts) -> usize {
        match self {
            Self::Peers => counts.peers,
            Self::Prefixes => counts.bgp_prefixes + counts.ospf_prefixes,
            Self::BfdSessions => counts.bfd_sessions,
            Self::OspfInterfaces => counts.ospf_interfaces,
            Self::StaticRoutes => counts.static_routes,
        }
    }
}

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
        let (had, would) = (kind.count(had), kind.count(has));
        if would <= limit || would <= had {
            return None;
        }
        let is_new = |key: &IntentKey| {
            QuotaKind::of(key) == Some(kind)
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
