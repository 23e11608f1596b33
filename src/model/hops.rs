//! Over how many hops a declared BFD session goes, as the peer of its address says. Pure.

use std::{net::IpAddr, num::NonZeroU8};

use super::{BfdSession, BgpGlobal, Peer};

/// Hops that bgpd counts on for an iBGP neighbour (RFC 4271 names no limit).
const IBGP_HOPS: NonZeroU8 = NonZeroU8::MAX;

impl BfdSession {
    /// Local address and number of hops, where it goes over several: as far as the declaration of the peer of its address
    /// tells, which has no BFD itself. bfdd can't do without the address. Who names an interface means the neighbour on it.
    pub fn several_hops(
        &self,
        peer: Option<&Peer>,
        instance: Option<&BgpGlobal>,
    ) -> Option<(IpAddr, NonZeroU8)> {
        let peer = peer.filter(|_| self.interface.is_none())?;
        let internal = instance.is_some_and(|bgp| peer.is_internal(bgp.local_as));
        let hops = if internal { Some(IBGP_HOPS) } else { peer.ebgp_multihop };
        let local = self.local_address.or(peer.source_address);
        local.zip(hops.filter(|hops| hops.get() > 1))
    }
}
