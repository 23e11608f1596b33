//! A prefix that its owner wants advertised, and the attributes it carries.

use std::{collections::BTreeSet, fmt, net::IpAddr, num::NonZeroU32};

use super::{LargeCommunity, Prefix, StandardCommunity, ValueError, scalar::unicast_address};

/// Routing protocol that carries a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// bgpd.
    Bgp,
    /// ospfd.
    Ospf,
}

impl Protocol {
    /// Lower-case name, as a metric label and in event metadata.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bgp => "bgp",
            Self::Ospf => "ospf",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// BGP path attributes (RFC 4271 section 5) of an advertised prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathAttributes {
    /// LOCAL_PREF; seen by iBGP neighbours only.
    pub local_preference: Option<NonZeroU32>,
    /// MULTI_EXIT_DISC.
    pub med: Option<NonZeroU32>,
    /// COMMUNITIES (RFC 1997).
    pub communities: BTreeSet<StandardCommunity>,
    /// LARGE_COMMUNITY (RFC 8092).
    pub large_communities: BTreeSet<LargeCommunity>,
    /// NEXT_HOP, of the prefix's own family; this router where `None`.
    pub next_hop: Option<IpAddr>,
}

impl PathAttributes {
    /// Whether nothing is set: then no route-map is needed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Parses a next hop for a prefix of the given family.
    ///
    /// # Errors
    /// Not a unicast address, or one of the other family.
    pub fn parse_next_hop(text: &str, prefix: Prefix) -> Result<IpAddr, ValueError> {
        let address = unicast_address(text)?;
        if address.is_ipv4() != prefix.is_ipv4() {
            return Err(ValueError::new(format!("{address} is not of the family of {prefix}")));
        }
        Ok(address)
    }
}

/// A prefix that its owner wants advertised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixAdvertisement {
    /// The prefix.
    pub prefix: Prefix,
    /// What carries it.
    pub protocol: Protocol,
    /// Its BGP attributes.
    pub attributes: PathAttributes,
}
