//! An interface on which OSPFv2 runs.

use std::{fmt, net::Ipv4Addr, num::NonZeroU16, str::FromStr, time::Duration};

use super::{FieldErrors, InterfaceName, ValueError, scalar::quote};

/// Number of an OSPF area (RFC 2328), shown as a dotted quad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaId(u32);

impl FromStr for AreaId {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let quad = text.parse::<Ipv4Addr>().map(u32::from).ok();
        // "+1" and the like are numbers to Rust and not to FRR.
        let number = || text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        quad.or_else(number).map(Self).ok_or_else(|| {
            ValueError::new(format!(
                "{} is not an area such as 0.0.0.1, or its number, 0 to 4294967295",
                quote(text)
            ))
        })
    }
}

impl fmt::Display for AreaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ipv4Addr::from(self.0).fmt(f)
    }
}

/// Hello and dead interval of an interface (RFC 2328 section 9.5) in whole seconds; each FRR's
/// own where it is not said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OspfTimers {
    hello: Option<NonZeroU16>,
    dead: Option<NonZeroU16>,
}

impl OspfTimers {
    /// FRR's hello interval. Its dead interval is four hello intervals.
    const DEFAULT_HELLO_SECONDS: u16 = 10;

    /// From whole seconds; 0 means FRR's own.
    ///
    /// # Errors
    /// Names `hello_interval` or `dead_interval` where one is out of range, or the dead interval is
    /// shorter than the hello interval.
    pub fn from_seconds(hello: u32, dead: u32) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let narrow = |seconds: u32| {
            u16::try_from(seconds).map(NonZeroU16::new).map_err(|_| "is at most 65535 seconds")
        };
        let hello = errors.take("hello_interval", narrow(hello));
        let dead = errors.take("dead_interval", narrow(dead));
        if let (Some(hello), Some(Some(dead))) = (hello, dead) {
            let (least, whose) = match hello {
                Some(hello) => (hello.get(), "hello_interval"),
                None => (Self::DEFAULT_HELLO_SECONDS, "FRR's hello interval"),
            };
            if dead.get() < least {
                let reason = format!("{dead} s is less than {whose}, {least} s");
                errors.push("dead_interval", reason);
            }
        }
        errors.finish(hello.zip(dead).map(|(hello, dead)| Self { hello, dead }))
    }

    /// Time between two Hello packets.
    pub fn hello(self) -> Option<Duration> {
        self.hello.map(|seconds| Duration::from_secs(seconds.get().into()))
    }

    /// Time without a Hello packet after which a neighbour is down.
    pub fn dead(self) -> Option<Duration> {
        self.dead.map(|seconds| Duration::from_secs(seconds.get().into()))
    }
}

/// An interface on which OSPF runs, as its owner declares it
/// (`frr-interface:lib/interface/frr-ospfd:ospf`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OspfInterface {
    /// The interface.
    pub name: InterfaceName,
    /// The area that it is in.
    pub area: AreaId,
    /// Its network is announced, and no neighbour is looked for on it.
    pub passive: bool,
    /// Output cost; from the bandwidth where `None`.
    pub cost: Option<NonZeroU16>,
    /// Hello and dead interval.
    pub timers: OspfTimers,
}
