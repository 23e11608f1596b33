//! The daemons of FRR that execute configuration.

use std::{collections::BTreeMap, fmt};

use crate::tree::Tree;

/// Who executes a piece of configuration. Each has a tree of its own: a route-map in bgpd
/// and one of the same name in zebra are two objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Daemon {
    /// staticd, zebra and the others that take their configuration from mgmtd.
    Mgmtd,
    /// BFD.
    Bfdd,
    /// OSPFv2.
    Ospfd,
    /// BGP.
    Bgpd,
}

impl Daemon {
    /// All of them, in the order in which they are changed: what is named (a BFD
    /// profile) before what names it (a neighbour).
    pub const ALL: [Self; 4] = [Self::Mgmtd, Self::Bfdd, Self::Ospfd, Self::Bgpd];

    /// Name of the program, of its socket and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mgmtd => "mgmtd",
            Self::Bfdd => "bfdd",
            Self::Ospfd => "ospfd",
            Self::Bgpd => "bgpd",
        }
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A tree for each daemon that has one.
pub type Forest = BTreeMap<Daemon, Tree>;
