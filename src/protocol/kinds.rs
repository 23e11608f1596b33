//! The table of the kinds of intent: what is so of every intent of a kind. Pure.
//!
//! A new kind takes a row; without one it does not compile.

use crate::{daemon::Daemon, model::IntentKind};

/// What is so of every intent of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Metric label `type`.
    pub label: &'static str,
    /// Its field in the contract's `Intent`, which is its name in intent files too.
    pub field: &'static str,
    /// Who may declare it.
    pub permission: Permission,
    /// The quota that it counts for.
    pub quota: Option<QuotaKind>,
    /// Whether it stands in the BGP instance, and so needs one.
    pub needs_bgp: bool,
    /// Daemons that may have to change for it.
    pub executors: &'static [Daemon],
    /// Daemons whose trees may differ where it changes: its executors, and those in which others stand that are rendered
    /// by it.
    pub touches: &'static [Daemon],
    /// Whether it renders to something else beside another intent than by itself.
    pub goes_by_others: bool,
    /// Whether a node can have thousands of it.
    pub many: bool,
    /// What one takes at the most, in bytes of memory, while all are brought into FRR.
    pub memory: u64,
}

/// Who may declare an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Who may configure BGP (`may_configure_bgp`). It is the node's: whoever declared it before, it is changed and
    /// withdrawn by who may declare it, and no session's end ends it.
    ConfigureBgp,
    /// Every owner, for a prefix within its `allowed_prefixes`.
    AllowedPrefixes,
    /// Every owner.
    Every,
}

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
    /// BFD profiles.
    BfdProfiles,
}

/// For a prefix of BGP twice what its parts come to: its intent, in a request and in the store, its part of some trees, and its
/// share of one slice of lines. The benchmark's rows "most memory ever" measure it.
const BGP_PREFIX: u64 = 2 << 10;

/// What was measured for a prefix of OSPF, whose anchor mgmtd takes as JSON.
const OSPF_PREFIX: u64 = 5 << 10;

/// The same for a static route (14.5 KiB).
const STATIC_ROUTE: u64 = 15 << 10;

/// The same for what a node has few of.
const FEW: u64 = 32 << 10;

/// The row of a kind.
#[allow(clippy::too_many_lines, reason = "a table")]
pub const fn of(kind: IntentKind) -> Kind {
    match kind {
        IntentKind::Bgp => Kind {
            label: "bgp",
            field: "bgp",
            permission: Permission::ConfigureBgp,
            quota: None,
            needs_bgp: false,
            executors: &[Daemon::Bgpd],
            // OSPF has the identifier of BGP.
            touches: &[Daemon::Bgpd, Daemon::Ospfd],
            goes_by_others: false,
            many: false,
            memory: FEW,
        },
        IntentKind::Drain => Kind {
            label: "drain",
            field: "drain",
            permission: Permission::ConfigureBgp,
            quota: None,
            needs_bgp: true,
            executors: &[Daemon::Bgpd],
            touches: &[Daemon::Bgpd],
            goes_by_others: false,
            many: false,
            memory: FEW,
        },
        IntentKind::Peer => Kind {
            label: "peer",
            field: "peer",
            permission: Permission::Every,
            quota: Some(QuotaKind::Peers),
            needs_bgp: true,
            executors: &[Daemon::Bgpd, Daemon::Bfdd],
            touches: &[Daemon::Bgpd, Daemon::Bfdd],
            goes_by_others: true,
            many: false,
            memory: FEW,
        },
        IntentKind::BgpPrefix => Kind {
            label: "prefix",
            field: "prefix",
            permission: Permission::AllowedPrefixes,
            quota: Some(QuotaKind::Prefixes),
            needs_bgp: true,
            executors: &[Daemon::Bgpd],
            touches: &[Daemon::Bgpd],
            goes_by_others: false,
            many: true,
            memory: BGP_PREFIX,
        },
        IntentKind::OspfPrefix => Kind {
            label: "prefix",
            field: "prefix",
            permission: Permission::AllowedPrefixes,
            quota: Some(QuotaKind::Prefixes),
            needs_bgp: false,
            executors: &[Daemon::Mgmtd, Daemon::Ospfd],
            touches: &[Daemon::Mgmtd, Daemon::Ospfd],
            goes_by_others: true,
            many: true,
            memory: OSPF_PREFIX,
        },
        IntentKind::StaticRoute => Kind {
            label: "static_route",
            field: "static_route",
            permission: Permission::AllowedPrefixes,
            quota: Some(QuotaKind::StaticRoutes),
            needs_bgp: false,
            executors: &[Daemon::Mgmtd],
            touches: &[Daemon::Mgmtd],
            goes_by_others: false,
            many: true,
            memory: STATIC_ROUTE,
        },
        IntentKind::BfdSession => Kind {
            label: "bfd",
            field: "bfd_session",
            permission: Permission::Every,
            quota: Some(QuotaKind::BfdSessions),
            needs_bgp: false,
            executors: &[Daemon::Bfdd],
            // A peer of the same address goes by it.
            touches: &[Daemon::Bgpd, Daemon::Bfdd],
            goes_by_others: true,
            many: false,
            memory: FEW,
        },
        IntentKind::OspfInterface => Kind {
            label: "ospf",
            field: "ospf_interface",
            permission: Permission::Every,
            quota: Some(QuotaKind::OspfInterfaces),
            needs_bgp: false,
            executors: &[Daemon::Ospfd],
            touches: &[Daemon::Ospfd],
            goes_by_others: false,
            many: false,
            memory: FEW,
        },
        IntentKind::BfdProfile => Kind {
            label: "bfd_profile",
            field: "bfd_profile",
            permission: Permission::Every,
            quota: Some(QuotaKind::BfdProfiles),
            needs_bgp: false,
            executors: &[Daemon::Bfdd],
            // Sessions that name it have its timers; peers name it and say no more.
            touches: &[Daemon::Bfdd],
            goes_by_others: false,
            many: false,
            memory: FEW,
        },
    }
}

impl Kind {
    /// Whether it is the node's, whoever declares it.
    pub fn is_the_nodes(&self) -> bool {
        self.permission == Permission::ConfigureBgp
    }
}

impl QuotaKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Peers,
        Self::Prefixes,
        Self::BfdSessions,
        Self::OspfInterfaces,
        Self::StaticRoutes,
        Self::BfdProfiles,
    ];

    /// Key in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::Peers => "peers",
            Self::Prefixes => "prefixes",
            Self::BfdSessions => "bfd_sessions",
            Self::OspfInterfaces => "ospf_interfaces",
            Self::StaticRoutes => "static_routes",
            Self::BfdProfiles => "bfd_profiles",
        }
    }

    /// In a sentence: `1 peer`, `2 peers`.
    pub fn words(self, count: usize) -> String {
        let (one, more) = match self {
            Self::Peers => ("peer", "peers"),
            Self::Prefixes => ("prefix", "prefixes"),
            Self::BfdSessions => ("BFD session", "BFD sessions"),
            Self::OspfInterfaces => ("OSPF interface", "OSPF interfaces"),
            Self::StaticRoutes => ("static route", "static routes"),
            Self::BfdProfiles => ("BFD profile", "BFD profiles"),
        };
        format!("{count} {}", if count == 1 { one } else { more })
    }

    /// The kinds of intent that count for it.
    pub fn kinds(self) -> impl Iterator<Item = IntentKind> {
        IntentKind::ALL.into_iter().filter(move |kind| of(*kind).quota == Some(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_executes_a_kind_is_touched_by_it() {
        for kind in IntentKind::ALL {
            let Kind { executors, touches, .. } = of(kind);
            assert!(executors.iter().all(|daemon| touches.contains(daemon)), "{kind:?}");
            assert!(!executors.is_empty(), "{kind:?}");
        }
        assert!(QuotaKind::ALL.into_iter().all(|quota| quota.kinds().next().is_some()));
    }
}
