//! What is known of FRR at one moment. Pure: no async, no I/O, no clock.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use super::{Advertised, BfdKey, BfdSession, Neighbor, OspfInterface, advertised::MAX_SENT};
use crate::{daemon::Daemon, model::AddressFamily};

/// Whether a daemon answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaemonState {
    /// It answers.
    Connected {
        /// FRR's version, such as `10.3`.
        version: String,
        /// Counts connections: a daemon that restarted, however fast, has another number.
        generation: u64,
        /// Time since it started, where it tells (bgpd does).
        uptime: Option<Duration>,
    },
    /// It does not.
    Disconnected {
        /// Why.
        reason: String,
    },
}

/// What is known of FRR at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrrStatus {
    /// Every daemon of [`Daemon::ALL`].
    pub daemons: BTreeMap<Daemon, DaemonState>,
    /// Neighbours of the default instance that have an active family; without those that
    /// are named by an interface. Empty while bgpd does not answer.
    pub neighbors: BTreeMap<IpAddr, Neighbor>,
    /// BFD sessions of the default VRF. Empty while bfdd does not answer.
    pub bfd_sessions: BTreeMap<BfdKey, BfdSession>,
    /// Interfaces on which OSPF runs. Empty while ospfd does not answer.
    pub ospf_interfaces: BTreeMap<String, OspfInterface>,
    /// What neighbours are sent.
    pub advertised: Advertised,
    /// When each daemon was last heard of, if only that it does not answer; on the monitor's own clock,
    /// which counts from its start.
    pub heard: BTreeMap<Daemon, Duration>,
}

impl Default for FrrStatus {
    fn default() -> Self {
        let unknown = DaemonState::Disconnected { reason: "not connected yet".to_owned() };
        Self {
            daemons: Daemon::ALL.into_iter().map(|daemon| (daemon, unknown.clone())).collect(),
            neighbors: BTreeMap::new(),
            bfd_sessions: BTreeMap::new(),
            ospf_interfaces: BTreeMap::new(),
            advertised: Advertised::default(),
            heard: BTreeMap::new(),
        }
    }
}

impl FrrStatus {
    /// FRR's version where FRR counts as connected: bgpd answers, which carries all peers and
    /// prefixes.
    ///
    /// # Errors
    /// Why it does not.
    pub fn frr(&self) -> Result<&str, &str> {
        match self.daemons.get(&Daemon::Bgpd) {
            Some(DaemonState::Connected { version, .. }) => Ok(version),
            Some(DaemonState::Disconnected { reason }) => Err(reason),
            None => Err("not watched"),
        }
    }

    /// The BFD session that bgpd has with a neighbour: one that no configuration names; else the only one there is, or
    /// of several the one over as many hops.
    pub fn bfd_of_neighbor(&self, peer: IpAddr, multihop: bool) -> Option<(&BfdKey, &BfdSession)> {
        let all: Vec<_> = self.bfd_sessions.iter().filter(|(key, _)| key.peer == peer).collect();
        let dynamic = all.iter().find(|(_, session)| session.dynamic);
        let fits = |found: &&(&BfdKey, &BfdSession)| found.0.multihop == multihop;
        let one = || all.first().filter(|_| all.len() == 1);
        dynamic.or_else(one).or_else(|| all.iter().find(fits)).copied()
    }

    /// The BFD session that bfdd's configuration has with an address, over one hop or several, and from this address and
    /// interface where one is named.
    pub fn bfd_configured(
        &self,
        peer: IpAddr,
        multihop: bool,
        local: Option<IpAddr>,
        interface: Option<&str>,
    ) -> Option<(&BfdKey, &BfdSession)> {
        let fits = |(key, session): &(&BfdKey, &BfdSession)| {
            key.peer == peer
                && key.multihop == multihop
                && !session.dynamic
                && local.is_none_or(|local| key.local == Some(local))
                && interface.is_none_or(|name| key.interface == name)
        };
        self.bfd_sessions.iter().find(fits)
    }

    /// Whether bgpd's outbound tables are read: not those of a node that carries the Internet's.
    pub fn knows_advertised(&self) -> bool {
        let sent = |family| {
            let of = |neighbor: &Neighbor| neighbor.families.get(&family).map(|it| it.sent);
            self.neighbors.values().filter_map(of).sum::<u64>()
        };
        AddressFamily::ALL.into_iter().all(|family| sent(family) <= MAX_SENT)
    }

    /// Time since bgpd started, as of the last poll.
    pub fn uptime(&self) -> Option<Duration> {
        match self.daemons.get(&Daemon::Bgpd) {
            Some(DaemonState::Connected { uptime, .. }) => *uptime,
            _ => None,
        }
    }

    /// Number of the connection to a daemon; `None` while it does not answer.
    pub fn generation(&self, daemon: Daemon) -> Option<u64> {
        match self.daemons.get(&daemon) {
            Some(DaemonState::Connected { generation, .. }) => Some(*generation),
            _ => None,
        }
    }
}
