//! Options of `apply-peer` beside the essential. What is not given is not there.

use clap::{Args, ValueEnum};

use crate::proto::v1::{self, BgpPeer};

/// How the session is kept, and what is exchanged in it.
#[derive(Debug, Args)]
pub struct PeerOptions {
    /// Keep the session down
    #[arg(long)]
    shutdown: bool,
    /// What the peer's operator is told with --shutdown, at most 128 bytes
    #[arg(long, value_name = "TEXT", default_value_t, hide_default_value = true)]
    shutdown_message: String,
    /// Take packets from at most so many hops away, 1 to 254 (GTSM); without it, from anywhere
    #[arg(long, value_name = "HOPS", default_value_t, hide_default_value = true)]
    ttl_security_hops: u32,
    /// AS number of this node in the session; without it, its own
    #[arg(long, value_name = "AS", default_value_t, hide_default_value = true)]
    local_as: u32,
    /// Where --local-as stands in AS paths; without it, before all that is received and sent
    #[arg(long, value_enum, value_name = "MODE", requires = "local_as")]
    local_as_mode: Option<LocalAsMode>,
    /// Take routes with this node's AS so often in their path, 1 to 10; without it, none
    #[arg(long, value_name = "TIMES", default_value_t, hide_default_value = true)]
    allowas_in: u32,
    /// Families in which this node is the next hop of what it passes on
    #[arg(long, value_enum, value_name = "FAMILY,...", value_delimiter = ',')]
    next_hop_self: Vec<AddressFamily>,
    /// The same, also for what it reflects
    #[arg(long, value_enum, value_name = "FAMILY,...", value_delimiter = ',')]
    next_hop_self_force: Vec<AddressFamily>,
    /// Seconds at least between two updates of a prefix, 1 to 600; without it, none
    #[arg(long, value_name = "SECONDS", default_value_t, hide_default_value = true)]
    advertisement_interval: u32,
    /// Weight of what the peer announces, 1 to 65535; without it, none
    #[arg(long, value_name = "WEIGHT", default_value_t, hide_default_value = true)]
    weight: u32,
    /// Kinds of communities that the peer is sent; without it, all
    #[arg(long, value_enum, value_name = "KIND,...", value_delimiter = ',')]
    send_community: Vec<CommunityKind>,
    /// Families in which the peer is announced a default route
    #[arg(long, value_enum, value_name = "FAMILY,...", value_delimiter = ',')]
    default_originate: Vec<AddressFamily>,
    /// Graceful restart with the peer; without it, as the instance has it
    #[arg(long, value_enum, value_name = "MODE")]
    graceful_restart: Option<GracefulRestart>,
    /// Keep no copy of what the peer announces before policy
    #[arg(long)]
    no_soft_reconfiguration: bool,
    /// IPv4 prefixes may have IPv6 next hops in this session, which runs over IPv6
    #[arg(long)]
    extended_next_hop: bool,
}

/// What a session carries.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum AddressFamily {
    Ipv4Unicast,
    Ipv6Unicast,
}

impl From<AddressFamily> for v1::AddressFamily {
    fn from(family: AddressFamily) -> Self {
        match family {
            AddressFamily::Ipv4Unicast => Self::Ipv4Unicast,
            AddressFamily::Ipv6Unicast => Self::Ipv6Unicast,
        }
    }
}

/// Where a local AS stands in AS paths.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LocalAsMode {
    NoPrepend,
    ReplaceAs,
    DualAs,
}

/// Kinds of communities.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum CommunityKind {
    Standard,
    Extended,
    Large,
    None,
}

/// Graceful restart with a peer.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum GracefulRestart {
    Restart,
    Helper,
    Off,
}

impl From<LocalAsMode> for v1::LocalAsMode {
    fn from(mode: LocalAsMode) -> Self {
        match mode {
            LocalAsMode::NoPrepend => Self::NoPrepend,
            LocalAsMode::ReplaceAs => Self::ReplaceAs,
            LocalAsMode::DualAs => Self::DualAs,
        }
    }
}

impl From<CommunityKind> for v1::CommunityKind {
    fn from(kind: CommunityKind) -> Self {
        match kind {
            CommunityKind::Standard => Self::Standard,
            CommunityKind::Extended => Self::Extended,
            CommunityKind::Large => Self::Large,
            CommunityKind::None => Self::None,
        }
    }
}

impl From<GracefulRestart> for v1::GracefulRestart {
    fn from(mode: GracefulRestart) -> Self {
        match mode {
            GracefulRestart::Restart => Self::Restart,
            GracefulRestart::Helper => Self::Helper,
            GracefulRestart::Off => Self::Off,
        }
    }
}

impl PeerOptions {
    /// The peer with them.
    pub fn on(&self, peer: BgpPeer) -> BgpPeer {
        let families = |all: &[AddressFamily]| {
            all.iter().map(|family| v1::AddressFamily::from(*family).into()).collect()
        };
        let kind = |kind: &CommunityKind| v1::CommunityKind::from(*kind).into();
        let mode = self.local_as_mode.map(v1::LocalAsMode::from);
        let restart = self.graceful_restart.map(v1::GracefulRestart::from);
        BgpPeer {
            shutdown: self.shutdown,
            shutdown_message: self.shutdown_message.clone(),
            ttl_security_hops: self.ttl_security_hops,
            local_as: self.local_as,
            local_as_mode: mode.unwrap_or_default().into(),
            allowas_in: self.allowas_in,
            next_hop_self: families(&self.next_hop_self),
            next_hop_self_force: families(&self.next_hop_self_force),
            advertisement_interval: self.advertisement_interval,
            weight: self.weight,
            send_community: self.send_community.iter().map(kind).collect(),
            default_originate: families(&self.default_originate),
            graceful_restart: restart.unwrap_or_default().into(),
            no_soft_reconfiguration: self.no_soft_reconfiguration,
            extended_next_hop: self.extended_next_hop,
            ..peer
        }
    }
}
