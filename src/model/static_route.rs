//! A static route (`frr-staticd`), which zebra installs in the kernel.

use std::{fmt, net::IpAddr, num::NonZeroU8};

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

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(address) => address.fmt(f),
            Self::Interface(name) => write!(f, "dev {name}"),
            Self::Blackhole => f.write_str("blackhole"),
        }
    }
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

    /// Whether FRR takes the interface for one. What was stored before this was asked is not asked.
    ///
    /// # Errors
    /// Its name means another thing to FRR.
    pub fn check(&self) -> Result<(), ValueError> {
        match self {
            Self::Interface(name) if means_no_interface(name.as_str()) => {
                Err(ValueError::new(format!(
                    "FRR does not take {name} for an interface in a static route; set blackhole to drop the traffic"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Names that FRR takes for a route to nowhere or for no interface, in any letter case: mgmtd takes a route out of such an
/// interface, and staticd never makes it.
const NO_INTERFACES: [&str; 4] = ["null0", "reject", "blackhole", "(null)"];

fn means_no_interface(name: &str) -> bool {
    NO_INTERFACES.iter().any(|word| name.eq_ignore_ascii_case(word))
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

/// Tag of the anchors: "NROS" in ASCII, so that nobody uses it by chance.
const ANCHOR_TAG: u32 = 0x4e52_4f53;

/// Administrative distance of the anchors.
///
/// Above a connected, kernel (0) and static route (1), so that an address that the node itself serves is
/// served as before. Below eBGP (20) and OSPF (110): another node that announces the same prefix must not
/// hide our anchor, or the two would take turns in withdrawing it.
const ANCHOR_DISTANCE: NonZeroU8 = NonZeroU8::new(19).unwrap();

impl StaticRoute {
    /// Administrative distance of a route that names none.
    pub const DEFAULT_DISTANCE: NonZeroU8 = NonZeroU8::new(1).unwrap();

    /// The route that has a prefix of OSPF in the routing table, from which OSPF redistributes it.
    pub fn anchor(prefix: Prefix) -> Self {
        Self { prefix, next_hop: NextHop::Blackhole, distance: ANCHOR_DISTANCE, tag: ANCHOR_TAG }
    }

    /// Whether staticd can't keep this route beside the anchor of its prefix as an object of its own: up to FRR 10.5 it has
    /// one for each distance, later one for each next hop.
    pub fn is_in_place_of_anchor(&self) -> bool {
        self.distance == ANCHOR_DISTANCE || self.next_hop == NextHop::Blackhole
    }
}
