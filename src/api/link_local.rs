//! The link-local address of an interface of this node, for BFD sessions with link-local peers.
//!
//! bfdd takes the interface's global address for such a session where it is not given another, and the session stays
//! down (FRRouting/frr#20330). Read from the kernel: the agent shares FRR's network namespace.

use std::net::{IpAddr, Ipv6Addr};

use crate::model::{BfdSession, FieldErrors};

/// Addresses of this network namespace.
const ADDRESSES: &str = "/proc/self/net/if_inet6";

/// Gives a session with a link-local peer the link-local address of its interface, unless it names one.
///
/// # Errors
/// Names `local_address` where the interface has none, or several.
pub(super) fn complete(session: &mut BfdSession) -> Result<(), FieldErrors> {
    let is_link_local = matches!(session.peer, IpAddr::V6(peer) if peer.is_unicast_link_local());
    if !is_link_local || session.local_address.is_some() {
        return Ok(());
    }
    let Some(interface) = session.interface else { return Ok(()) };
    let table = std::fs::read_to_string(ADDRESSES).unwrap_or_default();
    let mut errors = FieldErrors::new();
    match link_local(&table, interface.as_str())[..] {
        [address] => session.local_address = Some(address.into()),
        ref found => {
            let count = if found.is_empty() { "no" } else { "more than one" };
            let reason = format!(
                "is needed: {} is link-local, and {interface} has {count} link-local address here; name this end's",
                session.peer
            );
            errors.push("local_address", reason);
        }
    }
    errors.finish(Some(()))
}

/// The link-local addresses of an interface in the kernel's table: address, index, length, scope, flags, name.
fn link_local(table: &str, interface: &str) -> Vec<Ipv6Addr> {
    let address = |line: &str| {
        let mut fields = line.split_whitespace();
        let address = u128::from_str_radix(fields.next()?, 16).ok()?;
        (fields.next_back()? == interface).then_some(Ipv6Addr::from(address))
    };
    table.lines().filter_map(address).filter(Ipv6Addr::is_unicast_link_local).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
fd000001000000000000000000000001 02 40 00 80     tor0
fe80000000000000a4bf25fffe119eba 02 40 20 80     tor0
fe80000000000000a40543fffe7e693c 03 40 20 80    bird0
00000000000000000000000000000001 01 80 10 80       lo
";

    #[test]
    fn the_link_local_address_is_that_of_the_interface() {
        let expected: Ipv6Addr = "fe80::a4bf:25ff:fe11:9eba".parse().unwrap();
        assert_eq!(link_local(TABLE, "tor0"), [expected]);
        for none in ["lo", "tor", "eth0", ""] {
            assert!(link_local(TABLE, none).is_empty(), "{none}");
        }
    }
}
