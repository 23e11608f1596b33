//! How many intents of each kind there are: what the gauges show.

use std::iter::Sum;

use crate::model::{IntentKey, Protocol};

/// Intents of one owner by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// 1 where the BGP instance is this owner's.
    pub bgp: usize,
    /// 1 where this owner drains the node.
    pub drains: usize,
    /// BGP neighbours.
    pub peers: usize,
    /// Prefixes advertised through BGP.
    pub bgp_prefixes: usize,
    /// Prefixes advertised through OSPF.
    pub ospf_prefixes: usize,
    /// Static routes.
    pub static_routes: usize,
    /// BFD sessions.
    pub bfd_sessions: usize,
    /// Interfaces on which OSPF runs.
    pub ospf_interfaces: usize,
}

impl Counts {
    /// All of them together.
    pub fn total(self) -> usize {
        self.bgp
            + self.drains
            + self.peers
            + self.bgp_prefixes
            + self.ospf_prefixes
            + self.static_routes
            + self.bfd_sessions
            + self.ospf_interfaces
    }

    /// Counts one more.
    pub(super) fn add(&mut self, key: &IntentKey) {
        *self.of(key) += 1;
    }

    /// Counts one less.
    pub(super) fn subtract(&mut self, key: &IntentKey) {
        let count = self.of(key);
        *count = count.saturating_sub(1);
    }

    /// The count that this key belongs to.
    fn of(&mut self, key: &IntentKey) -> &mut usize {
        match key {
            IntentKey::Bgp => &mut self.bgp,
            IntentKey::Drain => &mut self.drains,
            IntentKey::Peer(_) => &mut self.peers,
            IntentKey::Prefix(Protocol::Bgp, _) => &mut self.bgp_prefixes,
            IntentKey::Prefix(Protocol::Ospf, _) => &mut self.ospf_prefixes,
            IntentKey::StaticRoute(_) => &mut self.static_routes,
            IntentKey::BfdSession(_) => &mut self.bfd_sessions,
            IntentKey::OspfInterface(_) => &mut self.ospf_interfaces,
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |all, some| Self {
            bgp: all.bgp + some.bgp,
            drains: all.drains + some.drains,
            peers: all.peers + some.peers,
            bgp_prefixes: all.bgp_prefixes + some.bgp_prefixes,
            ospf_prefixes: all.ospf_prefixes + some.ospf_prefixes,
            static_routes: all.static_routes + some.static_routes,
            bfd_sessions: all.bfd_sessions + some.bfd_sessions,
            ospf_interfaces: all.ospf_interfaces + some.ospf_interfaces,
        })
    }
}
