//! BFD: timers, and sessions that are declared for themselves.

use std::{fmt, net::IpAddr, time::Duration};

use super::{FieldErrors, InterfaceName, ProfileName, ValueError, scalar::unicast_address};

/// What timers may be; FRR's daemons differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BfdLimits {
    shortest_ms: u32,
    longest_ms: u32,
    least_multiplier: u8,
}

impl BfdLimits {
    /// Of a neighbour's session: what bgpd's and bfdd's command lines both take.
    pub const PEER: Self = Self { shortest_ms: 50, longest_ms: 60_000, least_multiplier: 2 };
    /// Of a session of its own: what bfdd's model and command line take.
    pub const SESSION: Self = Self { shortest_ms: 10, longest_ms: 4_294_967, least_multiplier: 1 };
}

/// BFD timers (RFC 5880); FRR's units are milliseconds on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BfdParameters {
    min_rx_ms: u32,
    min_tx_ms: u32,
    detect_multiplier: u8,
}

impl BfdParameters {
    /// What a session gets where it says nothing: FRR's own defaults.
    pub const DEFAULT: Self = Self { min_rx_ms: 300, min_tx_ms: 300, detect_multiplier: 3 };

    /// From the numbers of a request; 0 means the default (300 ms, 300 ms, 3).
    ///
    /// # Errors
    /// Names `min_rx_ms`, `min_tx_ms` or `detect_multiplier`, with `prefix` before each, where one is out
    /// of `limits`.
    pub fn new(
        prefix: &str,
        limits: BfdLimits,
        rx: u32,
        tx: u32,
        multiplier: u32,
    ) -> Result<Self, FieldErrors> {
        let BfdLimits { shortest_ms, longest_ms, least_multiplier } = limits;
        let mut errors = FieldErrors::new();
        let mut interval = |name: &str, ms: u32, default: u32| match ms {
            0 => default,
            ms if (shortest_ms..=longest_ms).contains(&ms) => ms,
            _ => {
                let reason = format!("is {shortest_ms} to {longest_ms} ms");
                errors.push(format!("{prefix}{name}"), reason);
                default
            }
        };
        let min_rx_ms = interval("min_rx_ms", rx, Self::DEFAULT.min_rx_ms);
        let min_tx_ms = interval("min_tx_ms", tx, Self::DEFAULT.min_tx_ms);
        let detect_multiplier = match u8::try_from(multiplier) {
            Ok(0) => Self::DEFAULT.detect_multiplier,
            Ok(multiplier) if multiplier >= least_multiplier => multiplier,
            _ => {
                let reason = format!("is {least_multiplier} to 255");
                errors.push(format!("{prefix}detect_multiplier"), reason);
                Self::DEFAULT.detect_multiplier
            }
        };
        errors.finish(Some(Self { min_rx_ms, min_tx_ms, detect_multiplier }))
    }

    /// Required Min RX Interval.
    pub fn min_rx(self) -> Duration {
        Duration::from_millis(self.min_rx_ms.into())
    }

    /// Desired Min TX Interval.
    pub fn min_tx(self) -> Duration {
        Duration::from_millis(self.min_tx_ms.into())
    }

    /// Packets that may be missed in a row.
    pub fn detect_multiplier(self) -> u8 {
        self.detect_multiplier
    }
}

impl fmt::Display for BfdParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min_rx_ms, min_tx_ms, detect_multiplier } = self;
        write!(
            f,
            "min_rx_ms {min_rx_ms}, min_tx_ms {min_tx_ms}, detect_multiplier {detect_multiplier}"
        )
    }
}

/// Timers under a name (`frr-bfdd:bfdd/bfd/profile`), which peers and sessions name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BfdProfile {
    /// Its name.
    pub name: ProfileName,
    /// Its timers.
    pub timers: BfdParameters,
}

/// A BFD session as its owner declares it (`frr-bfdd:bfdd/bfd/sessions`).
///
/// Whether it goes over one hop or several is not said here: it follows the BGP peer of the
/// same address, where there is one. Where that has BFD itself, the session is bgpd's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BfdSession {
    /// Address of the other end.
    pub peer: IpAddr,
    /// Its timers; defaults where it has a profile.
    pub timers: BfdParameters,
    /// The profile that its timers are those of.
    pub profile: Option<ProfileName>,
    /// The interface it is bound to; a link-local peer has one.
    pub interface: Option<InterfaceName>,
    /// This end's address; bfdd's choice where `None`, which for a link-local peer is the wrong one where the interface
    /// has a global address as well.
    pub local_address: Option<IpAddr>,
}

impl BfdSession {
    /// Parses the address of the other end.
    ///
    /// # Errors
    /// Not a unicast address.
    pub fn parse_address(text: &str) -> Result<IpAddr, ValueError> {
        unicast_address(text)
    }
}
