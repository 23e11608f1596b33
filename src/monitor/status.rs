//! What is known of FRR at one moment. Pure: no async, no I/O, no clock.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::Advertised;
use crate::daemon::Daemon;

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

/// A BGP neighbour as bgpd sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbor {
    /// Its AS; 0 where bgpd does not know yet.
    pub remote_as: u32,
    /// State in FRR's words: `Established`, `Active`, `Idle (Admin)`, …
    pub state: String,
    /// Time since the session was established; `None` while it is not.
    pub uptime: Option<Duration>,
    /// Prefixes received, all families together.
    pub prefixes_received: u64,
    /// Prefixes sent, all families together.
    pub prefixes_sent: u64,
    /// Its description, where it has one.
    pub description: Option<String>,
    /// How often a session was lost since bgpd started.
    pub connections_dropped: u64,
}

impl Neighbor {
    /// FRR's word for a session that is up.
    pub const ESTABLISHED: &str = "Established";

    /// Whether the session is up.
    pub fn is_established(&self) -> bool {
        self.state == Self::ESTABLISHED
    }
}

/// An address family of BGP's unicast tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    pub(super) const ALL: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// As bgpd's summary names it.
    pub(super) fn summary_name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4Unicast",
            Self::Ipv6 => "ipv6Unicast",
        }
    }

    /// As bgpd's commands name it.
    pub(super) fn command_name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

/// What tells one session of bfdd from another; two can go to one address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BfdKey {
    /// Address of the other end.
    pub peer: IpAddr,
    /// Whether it goes over several hops.
    pub multihop: bool,
    /// This end's address; `None` until bfdd has one.
    pub local: Option<IpAddr>,
    /// The interface that it is bound to; empty where it is to none.
    pub interface: String,
}

/// A BFD session as bfdd sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BfdSession {
    /// State in FRR's words: `up`, `down`, `init`, `shutdown`.
    pub status: String,
    /// Whether no configuration of bfdd names it: another daemon asked for it.
    pub dynamic: bool,
    /// bfdd's reason for the last change of state; `ok` where there is none.
    pub diagnostic: String,
    /// Time since it is up; `None` while it is not.
    pub up_for: Option<Duration>,
    /// Shortest interval between packets that this side takes.
    pub min_rx: Duration,
    /// Shortest interval at which this side sends.
    pub min_tx: Duration,
    /// Packets that the other side may miss.
    pub detect_multiplier: u32,
    /// As negotiated: the interval at which this side sends, and the silence after which the session is
    /// down. `None` while it is not up.
    pub negotiated: Option<(Duration, Duration)>,
}

impl BfdSession {
    /// FRR's word for a session that is up.
    pub const UP: &str = "up";

    /// Whether the session is up.
    pub fn is_up(&self) -> bool {
        self.status == Self::UP
    }
}

/// An OSPF neighbour as ospfd sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OspfNeighbor {
    /// Its address on the link.
    pub address: Ipv4Addr,
    /// State (RFC 2328 section 10.1) in FRR's words: `Full`, `2-Way`, `ExStart`, …
    pub state: String,
}

impl OspfNeighbor {
    /// FRR's word for an adjacency that is complete.
    pub const FULL: &str = "Full";

    /// Whether the adjacency is complete.
    pub fn is_full(&self) -> bool {
        self.state == Self::FULL
    }
}

/// An interface on which ospfd runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OspfInterface {
    /// Its area, a dotted quad.
    pub area: String,
    /// State (RFC 2328 section 9.1) in FRR's words: `DR`, `Backup`, `Point-To-Point`, …
    pub state: String,
    /// Its cost.
    pub cost: u32,
    /// Its neighbours by router-id.
    pub neighbors: BTreeMap<Ipv4Addr, OspfNeighbor>,
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
