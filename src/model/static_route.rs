//! A static route (`frr-staticd`), which zebra installs in the kernel.

use std::{net::IpAddr, num::NonZeroU8};

use super::{InterfaceName, Prefix, ValueError, scalar::unicast_address};

/// Where a static route leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NextHop {
    /// To a gateway of the prefix's own family.
    Gateway(IpAddr),
    /// Out of an interface, without a gateway.
    Interface(InterfaceName),
    /// Nowhere: traffic is dropped.
    Blackhole,
}

impl NextHop {
    /// Parses a gateway for a prefix.
    ///
    /// # Errors
    /// Not a unicast address, or one of the other family.
    pub fn parse_gateway(text: &str, prefix: Prefix) -> Result<Self, ValueError> {
        let address = unicast_address(text)?;
        if address.is_ipv4() != prefix.is_ipv4() {
            return Err(ValueError::new(format!("{address} is not of the family of {prefix}")));
        }
        Ok(Self::Gateway(address))
    }
}

/// A route of staticd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticRoute {
    /// Destination.
    pub prefix: Prefix,
    /// Where it leads.
    pub next_hop: NextHop,
    /// Administrative distance.
    pub distance: NonZeroU8,
    /// Route tag; 0 means none.
    pub tag: u32,
}

impl StaticRoute {
    /// Administrative distance of a route that names none.
    pub const DEFAULT_DISTANCE: NonZeroU8 = NonZeroU8::new(1).unwrap();
}
