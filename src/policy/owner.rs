//! What the configuration lets each owner do.

use std::collections::BTreeMap;

use crate::model::{OwnerName, Prefix};
pub use crate::protocol::kinds::QuotaKind;

/// Which lengths an owner's prefixes may have (`allowed_prefixes.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrefixType {
    /// `host_only`: /32 and /128.
    HostOnly,
    /// `subnet`: no host routes, nothing shorter than /8 (IPv4) or /16 (IPv6).
    Subnet,
    /// `any`: every length.
    Any,
}

impl PrefixType {
    /// Shortest IPv4 prefix of type `subnet` in bits: the largest block that anybody was ever
    /// given; a shorter one is a default route in disguise.
    pub const SHORTEST_IPV4_SUBNET: u8 = 8;
    /// Shortest IPv6 prefix of type `subnet` in bits.
    pub const SHORTEST_IPV6_SUBNET: u8 = 16;

    /// Name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::HostOnly => "host_only",
            Self::Subnet => "subnet",
            Self::Any => "any",
        }
    }

    /// Whether a prefix has an allowed length.
    pub fn allows(self, prefix: Prefix) -> bool {
        match self {
            Self::HostOnly => prefix.is_host(),
            Self::Subnet => {
                let shortest = match prefix.is_ipv4() {
                    true => Self::SHORTEST_IPV4_SUBNET,
                    false => Self::SHORTEST_IPV6_SUBNET,
                };
                !prefix.is_host() && prefix.net().prefix_len() >= shortest
            }
            Self::Any => true,
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

/// How long an owner's intents outlive its last connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// For the grace period.
    Connection,
    /// Until they are withdrawn.
    Persistent,
}

/// What one owner may do, and how long its intents live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerPolicy {
    /// Which lengths its prefixes may have.
    pub prefix_type: PrefixType,
    /// Where its prefixes may lie; empty means anywhere. A list with prefixes of
    /// one family only allows nothing of the other.
    pub allowed_cidrs: Vec<Prefix>,
    /// The key `may_configure_bgp`; `None` where the configuration does not have it.
    pub may_configure_bgp: Option<bool>,
    /// How long its intents outlive its last connection.
    pub lifetime: Lifetime,
    /// How much it may have.
    pub quotas: Quotas,
}

impl OwnerPolicy {
    /// Whether one of the allowed networks contains the whole prefix.
    pub fn covers(&self, prefix: Prefix) -> bool {
        // IpNet::contains is false between families.
        self.allowed_cidrs.is_empty()
            || self.allowed_cidrs.iter().any(|cidr| cidr.net().contains(&prefix.net()))
    }
}

/// Every owner of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies(BTreeMap<OwnerName, OwnerPolicy>);

impl Policies {
    /// What this owner may do; `None` where the configuration does not name it.
    pub fn get(&self, owner: &OwnerName) -> Option<&OwnerPolicy> {
        self.0.get(owner)
    }

    /// All owners in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&OwnerName, &OwnerPolicy)> {
        self.0.iter()
    }

    /// Whether this owner may set the node's BGP instance: `admin`, and who has
    /// `may_configure_bgp: true`; everybody where no owner has that key.
    pub fn may_configure_bgp(&self, owner: &OwnerName) -> bool {
        if owner.is_admin() {
            return true;
        }
        let Some(policy) = self.get(owner) else { return false };
        policy.may_configure_bgp == Some(true)
            || self.0.values().all(|policy| policy.may_configure_bgp.is_none())
    }
}

impl FromIterator<(OwnerName, OwnerPolicy)> for Policies {
    fn from_iter<I: IntoIterator<Item = (OwnerName, OwnerPolicy)>>(owners: I) -> Self {
        Self(owners.into_iter().collect())
    }
}
