//! What policy forbids, in words for the caller and a label for the metric.

use std::fmt;

use crate::model::{IntentKey, OwnerName};

/// Which rule a change breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ViolationKind {
    /// The prefix's length is not of the owner's type.
    PrefixType,
    /// The prefix is outside the owner's `allowed_cidrs`.
    AllowedCidrs,
    /// Another owner has this object.
    NotOwner,
    /// Another owner advertises this prefix.
    PrefixConflict,
    /// Another intent stands for the same object of FRR and wants something else of it.
    ClaimConflict,
    /// This owner may not configure the BGP instance.
    MayNotConfigureBgp,
    /// BGP has to be configured first.
    BgpNotConfigured,
    /// The peer's type does not fit its AS and the node's.
    PeerType,
    /// This owner has no such object.
    NotFound,
    /// The owner has as many objects of this kind as it may have.
    Quota,
    /// A BFD profile that is named is not there for it, or one that goes is named.
    BfdProfileNeeded,
}

impl ViolationKind {
    /// Those that break policy: each is an event, a count and a cause for an alert.
    pub const OF_POLICY: [Self; 10] = [
        Self::PrefixType,
        Self::AllowedCidrs,
        Self::NotOwner,
        Self::PrefixConflict,
        Self::MayNotConfigureBgp,
        Self::BgpNotConfigured,
        Self::PeerType,
        Self::Quota,
        Self::ClaimConflict,
        Self::BfdProfileNeeded,
    ];

    /// Whether it breaks policy. To remove what is not there is refused and breaks none: a client that withdraws
    /// twice is careful, not hostile.
    pub fn breaks_policy(self) -> bool {
        self != Self::NotFound
    }

    /// Metric label `reason`.
    pub fn label(self) -> &'static str {
        match self {
            Self::PrefixType => "prefix_type",
            Self::AllowedCidrs => "allowed_cidrs",
            Self::NotOwner => "not_owner",
            Self::PrefixConflict => "prefix_conflict",
            Self::ClaimConflict => "claim_conflict",
            Self::MayNotConfigureBgp => "may_not_configure_bgp",
            Self::BgpNotConfigured => "bgp_not_configured",
            Self::PeerType => "peer_type",
            Self::NotFound => "not_found",
            Self::Quota => "quota",
            Self::BfdProfileNeeded => "bfd_profile_needed",
        }
    }
}

/// A change that is forbidden, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub kind: ViolationKind,
    /// About which object.
    pub key: IntentKey,
    /// Who has it, where that is why.
    pub existing_owner: Option<OwnerName>,
    /// What is wrong and what would be right: everybody who follows events reads it.
    pub message: String,
    /// What only the caller may read of it: limits from its own configuration.
    pub to_caller: Option<String>,
}

impl Violation {
    /// In words for everybody.
    pub fn public(&self) -> String {
        format!("{}: {}", self.key, self.message)
    }
}

/// In words for the caller.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public())?;
        match &self.to_caller {
            Some(words) => write!(f, ": {words}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_breaks_no_policy() {
        assert!(ViolationKind::OF_POLICY.into_iter().all(ViolationKind::breaks_policy));
        assert!(!ViolationKind::NotFound.breaks_policy());
    }
}
