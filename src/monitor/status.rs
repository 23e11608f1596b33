//! What is known of FRR at one moment. Pure: no async, no I/O, no clock.

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

/// A daemon of FRR that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Daemon {
    /// BGP.
    Bgpd,
    /// The kernel's routing table.
    Zebra,
    /// The datastore of zebra and staticd.
    Mgmtd,
    /// Static routes.
    Staticd,
    /// BFD.
    Bfdd,
    /// OSPF for IPv4.
    Ospfd,
}

impl Daemon {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Bgpd, Self::Zebra, Self::Mgmtd, Self::Staticd, Self::Bfdd, Self::Ospfd];

    /// Name of its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bgpd => "bgpd",
            Self::Zebra => "zebra",
            Self::Mgmtd => "mgmtd",
            Self::Staticd => "staticd",
            Self::Bfdd => "bfdd",
            Self::Ospfd => "ospfd",
        }
    }

    /// File name of its VTY socket.
    pub fn socket(self) -> String {
        format!("{}.vty", self.name())
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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

/// What is known of FRR at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrrStatus {
    /// Every daemon of [`Daemon::ALL`].
    pub daemons: BTreeMap<Daemon, DaemonState>,
    /// Neighbours of the default instance that have an active family; without those that
    /// are named by an interface. Empty while bgpd does not answer.
    pub neighbors: BTreeMap<IpAddr, Neighbor>,
}

impl Default for FrrStatus {
    fn default() -> Self {
        let unknown = DaemonState::Disconnected { reason: "not connected yet".to_owned() };
        Self {
            daemons: Daemon::ALL.into_iter().map(|daemon| (daemon, unknown.clone())).collect(),
            neighbors: BTreeMap::new(),
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
