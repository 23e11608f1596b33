//! BGP communities: standard (RFC 1997), well-known and large (RFC 8092).

use std::{fmt, str::FromStr};

use super::{ValueError, scalar::quote};

/// Names that FRR's `set community` takes and its running configuration shows (`bgpd/bgp_community.c`, swept
/// on 10.3): bgpd shows no number where it has a name.
const WELL_KNOWN: [(&str, u32); 14] = [
    ("graceful-shutdown", 0xFFFF_0000),
    ("accept-own", 0xFFFF_0001),
    ("route-filter-translated-v4", 0xFFFF_0002),
    ("route-filter-v4", 0xFFFF_0003),
    ("route-filter-translated-v6", 0xFFFF_0004),
    ("route-filter-v6", 0xFFFF_0005),
    ("llgr-stale", 0xFFFF_0006),
    ("no-llgr", 0xFFFF_0007),
    ("accept-own-nexthop", 0xFFFF_0008),
    ("blackhole", 0xFFFF_029A),
    ("no-export", 0xFFFF_FF01),
    ("no-advertise", 0xFFFF_FF02),
    ("local-AS", 0xFFFF_FF03),
    ("no-peer", 0xFFFF_FF04),
];

/// A standard community (RFC 1997); displayed as FRR shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StandardCommunity(pub u32);

impl fmt::Display for StandardCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match WELL_KNOWN.iter().find(|(_, value)| *value == self.0) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{}:{}", self.0 >> 16, self.0 & 0xFFFF),
        }
    }
}

/// A large community (RFC 8092): three 32-bit numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LargeCommunity(pub u32, pub u32, pub u32);

impl fmt::Display for LargeCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.0, self.1, self.2)
    }
}

/// A community of either kind, as a client writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Community {
    /// Standard or well-known.
    Standard(StandardCommunity),
    /// Large.
    Large(LargeCommunity),
}

impl FromStr for Community {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || {
            ValueError::new(format!(
                "{} is not a community such as 65000:1, no-export or 65000:1:2",
                quote(text)
            ))
        };
        if let Some((_, value)) = WELL_KNOWN.iter().find(|(n, _)| n.eq_ignore_ascii_case(text)) {
            return Ok(Self::Standard(StandardCommunity(*value)));
        }
        let parts: Vec<u32> = text
            .split(':')
            .map(|part| decimal(part).ok_or_else(wrong))
            .collect::<Result<_, _>>()?;
        match parts[..] {
            [high, low] => {
                let high = u16::try_from(high).map_err(|_| wrong())?;
                let low = u16::try_from(low).map_err(|_| wrong())?;
                Ok(Self::Standard(StandardCommunity(u32::from(high) << 16 | u32::from(low))))
            }
            [a, b, c] => Ok(Self::Large(LargeCommunity(a, b, c))),
            _ => Err(wrong()),
        }
    }
}

/// Digits only: Rust's own parser would also take a sign.
fn decimal(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(standard) => standard.fmt(f),
            Self::Large(large) => large.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_community_has_one_spelling() {
        for (text, canonical) in [
            ("65000:1", "65000:1"),
            ("065000:01", "65000:1"),
            ("65535:65281", "no-export"),
            ("NO-EXPORT", "no-export"),
            ("65535:65284", "no-peer"),
            ("no-peer", "no-peer"),
            ("65535:4", "route-filter-translated-v6"),
            ("65535:5", "route-filter-v6"),
            ("65535:8", "accept-own-nexthop"),
            ("local-as", "local-AS"),
            ("65535:9", "65535:9"),
            ("0:0", "0:0"),
            ("00000000004200000000:1:2", "4200000000:1:2"),
            ("4200000000:1:2", "4200000000:1:2"),
        ] {
            assert_eq!(text.parse::<Community>().map(|c| c.to_string()).as_deref(), Ok(canonical));
        }
    }

    #[test]
    fn what_is_no_community_is_refused() {
        for text in
            ["", "1", "65536:1", "1:65536", "a:b", "+1:2", "1:2:3:4", "1::2", "1:2\n", "1 2"]
        {
            assert!(text.parse::<Community>().is_err(), "{text:?}");
        }
    }
}
