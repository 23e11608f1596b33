//! A BGP neighbour, and the instance it belongs to.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    num::{NonZeroU8, NonZeroU16, NonZeroU32},
    time::Duration,
};

use super::{
    AddressFamily, AsNumber, BfdParameters, Description, ExchangeOptions, FieldErrors, Password,
    ProfileName, SessionOptions, ValueError, scalar::unicast_address,
};

/// The node's BGP instance (`frr-bgp:bgp/global`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BgpGlobal {
    /// The node's own autonomous system.
    pub local_as: AsNumber,
    /// BGP identifier (RFC 6286); without one FRR takes the highest address it has.
    pub router_id: Option<Ipv4Addr>,
}

/// Whether a neighbour is in another autonomous system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerType {
    /// eBGP.
    External,
    /// iBGP.
    Internal,
}

/// Keepalive and hold time (RFC 4271 section 10), which FRR only takes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    keepalive: u16,
    hold: u16,
}

impl Timers {
    /// From whole seconds; both 0 means FRR's own.
    ///
    /// # Errors
    /// Names `keepalive` or `hold_time` where one lacks the other, is out of
    /// range, or the hold time is under three keepalives.
    pub fn from_seconds(keepalive: u32, hold: u32) -> Result<Option<Self>, FieldErrors> {
        let mut errors = FieldErrors::new();
        let narrow = |seconds: u32| {
            u16::try_from(seconds).map_err(|_| ValueError::new("is at most 65535 seconds"))
        };
        let keepalive = errors.take("keepalive", narrow(keepalive));
        let hold = errors.take("hold_time", narrow(hold));
        match (keepalive, hold) {
            (Some(0), Some(0)) => return Ok(None),
            (Some(0), Some(_)) => errors.push("keepalive", "is needed together with hold_time"),
            (Some(_), Some(0)) => errors.push("hold_time", "is needed together with keepalive"),
            (Some(keepalive), Some(hold)) if u32::from(hold) < 3 * u32::from(keepalive) => errors
                .push(
                    "hold_time",
                    format!(
                        "{hold} s is less than three times keepalive ({keepalive} s): at least {} s",
                        3 * u32::from(keepalive)
                    ),
                ),
            _ => {}
        }
        let timers = keepalive.zip(hold).map(|(keepalive, hold)| Some(Self { keepalive, hold }));
        errors.finish(timers)
    }

    /// Time between two keepalive messages.
    pub fn keepalive(self) -> Duration {
        Duration::from_secs(self.keepalive.into())
    }

    /// Time without a message after which the session is down.
    pub fn hold(self) -> Duration {
        Duration::from_secs(self.hold.into())
    }
}

/// A BGP neighbour as its owner declares it (`frr-bgp:bgp/neighbors/neighbor`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Address of the neighbour.
    pub address: IpAddr,
    /// Its autonomous system.
    pub remote_as: AsNumber,
    /// What its owner expects it to be; checked against the node's own AS.
    pub peer_type: Option<PeerType>,
    /// Session timers; FRR's own where `None`.
    pub timers: Option<Timers>,
    /// Watched by BFD with these timers; defaults where it has a profile.
    pub bfd: Option<BfdParameters>,
    /// The profile that the timers of its BFD session are those of.
    pub bfd_profile: Option<ProfileName>,
    /// One line for people.
    pub description: Option<Description>,
    /// Never empty.
    pub families: BTreeSet<AddressFamily>,
    /// Local address of the session, of the neighbour's own family.
    pub source_address: Option<IpAddr>,
    /// Largest TTL of an eBGP neighbour that is not directly connected.
    pub ebgp_multihop: Option<NonZeroU8>,
    /// TCP port on which the neighbour listens; [`Peer::DEFAULT_PORT`] where `None`.
    pub port: Option<NonZeroU16>,
    /// TCP MD5 key.
    pub password: Option<Password>,
    /// Prefixes accepted before FRR warns.
    pub max_prefix: NonZeroU32,
    /// Seconds between two attempts to connect (RFC 4271 section 10); FRR's own where `None`.
    pub connect_retry: Option<NonZeroU16>,
    /// Whether only the neighbour connects (RFC 4271 section 8.1.1, PassiveTcpEstablishment).
    pub passive: bool,
    /// Whether an eBGP neighbour's address may be of no connected network.
    pub disable_connected_check: bool,
    /// How its session is kept.
    pub session: SessionOptions,
    /// What is exchanged in it.
    pub exchange: ExchangeOptions,
}

impl Peer {
    /// Prefixes accepted from a peer that names no limit, before FRR warns.
    pub const DEFAULT_MAX_PREFIX: NonZeroU32 = NonZeroU32::new(1000).unwrap();

    /// Port of BGP (RFC 4271 section 8.2.1).
    pub const DEFAULT_PORT: NonZeroU16 = NonZeroU16::new(179).unwrap();

    /// Parses the address of a neighbour.
    ///
    /// # Errors
    /// Not a unicast address, or a link-local one (it needs an interface, which
    /// the contract has no field for).
    pub fn parse_address(text: &str) -> Result<IpAddr, ValueError> {
        let address = unicast_address(text)?;
        match address {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Err(ValueError::new(format!(
                "{address} is link-local and needs an interface, which a peer can't name"
            ))),
            _ => Ok(address),
        }
    }

    /// Whether the session is iBGP, seen from `local_as`.
    pub fn is_internal(&self, local_as: AsNumber) -> bool {
        self.remote_as == local_as
    }
}
