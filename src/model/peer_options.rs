//! What a BGP neighbour can have beside the essential: how its session is kept, and what is exchanged in it.

use std::{
    collections::BTreeSet,
    fmt,
    num::{NonZeroU8, NonZeroU16},
    str::FromStr,
};

use super::{AddressFamily, AsNumber, ValueError, scalar::one_line};

/// How the session with a neighbour is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// Whether it is kept down (`admin-shutdown`).
    pub shutdown: bool,
    /// What the neighbour's operator is told of that; kept while the session is not shut down.
    pub shutdown_message: Option<ShutdownMessage>,
    /// Hops from which its packets may come at the most (GTSM, RFC 5082); from anywhere where `None`.
    pub ttl_security_hops: Option<NonZeroU8>,
    /// Another AS number of this node in this session.
    pub local_as: Option<LocalAs>,
    /// Graceful restart (RFC 4724); the instance's where `None`.
    pub graceful_restart: Option<GracefulRestart>,
    /// Seconds at least between two updates of a prefix (RFC 4271 section 9.2.1.1); FRR's own where `None`.
    pub advertisement_interval: Option<NonZeroU16>,
    /// Whether IPv4 prefixes may have IPv6 next hops (RFC 8950).
    pub extended_next_hop: bool,
}

/// What is exchanged in the session, in each of its families unless they are named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExchangeOptions {
    /// How often the node's own AS may be in the path of a route that is taken.
    pub allowas_in: Option<NonZeroU8>,
    /// Families in which this node is the next hop of what it passes on.
    pub next_hop_self: BTreeSet<AddressFamily>,
    /// The same, also for what is reflected; none that is in `next_hop_self`.
    pub next_hop_self_force: BTreeSet<AddressFamily>,
    /// Weight of what the neighbour announces.
    pub weight: Option<NonZeroU16>,
    /// Kinds of communities that it is sent; all where `None`.
    pub send_community: Option<BTreeSet<CommunityKind>>,
    /// Families in which it is announced a default route.
    pub default_originate: BTreeSet<AddressFamily>,
    /// Whether what it announces is not kept as it was before policy.
    pub no_soft_reconfiguration: bool,
}

/// Another AS number of this node in the session with an external neighbour (`local-as`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalAs {
    /// The number.
    pub number: AsNumber,
    /// Where it stands in AS paths.
    pub mode: LocalAsMode,
}

/// Where a local AS number stands in AS paths beside the node's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LocalAsMode {
    /// Before the node's own AS in what is sent, and before what is received.
    Prepend,
    /// Not in what is received.
    NoPrepend,
    /// Nor is the node's own AS in what is sent.
    ReplaceAs,
    /// The neighbour may use either number to reach this node.
    DualAs,
}

/// A kind of communities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommunityKind {
    /// RFC 1997.
    Standard,
    /// RFC 4360.
    Extended,
    /// RFC 8092.
    Large,
}

impl CommunityKind {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Extended, Self::Large];
}

/// What a neighbour and this node do for one another when one of them restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GracefulRestart {
    /// Each keeps the other's routes.
    Restart,
    /// This node keeps the neighbour's.
    Helper,
    /// Neither.
    Off,
}

/// Longest shutdown message in bytes: what a neighbour that only knows RFC 8203 takes. RFC 9003 has room for 255.
const MAX_SHUTDOWN_MESSAGE: usize = 128;

/// What the operator of a neighbour is told of a shutdown (RFC 9003): one line, as a description is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutdownMessage(String);

impl FromStr for ShutdownMessage {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        one_line(text, MAX_SHUTDOWN_MESSAGE).map(Self)
    }
}

impl fmt::Display for ShutdownMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
