//! BFD: sessions, and the profiles that they and neighbours take their timers from.

use std::{net::IpAddr, num::NonZeroU8};

use super::{Context, below, entry, path, plain};
use crate::{
    model::{BfdParameters, BfdSession, Peer},
    tree::{Path, Tree},
};

/// Hops that bgpd counts on for an iBGP neighbour (RFC 4271 names no limit).
const IBGP_HOPS: NonZeroU8 = NonZeroU8::MAX;

/// A declared session. bgpd asks bfdd for a session with each neighbour that has `bfd`; the two are one
/// session of bfdd where they go to the same address and both over one hop, or both over several.
pub(super) fn render(bfdd: &mut Tree, session: &BfdSession, context: &Context) {
    let profile = profile(bfdd, session.timers);
    let peer = session.peer.to_string();
    let sessions = below(&bfd(), &["sessions"]);
    let hops = match session.interface {
        // Who names an interface means the neighbour on it.
        Some(_) => None,
        None => context.peers.get(&session.peer).and_then(|peer| several_hops(peer, context)),
    };
    let session_path = match hops {
        Some((source, _)) => sessions.join(entry(
            "multi-hop",
            [("source-addr", &source.to_string()), ("dest-addr", &peer), ("vrf", "default")],
        )),
        None => {
            // FRR's own notation for no interface.
            let interface = session.interface.map_or("*".to_owned(), |name| name.to_string());
            let keys = [("dest-addr", &*peer), ("interface", &interface), ("vrf", "default")];
            sessions.join(entry("single-hop", keys))
        }
    };
    bfdd.set(&below(&session_path, &["profile"]), profile);
    timers(bfdd, &session_path, session.timers);
    if let Some((_, hops)) = hops {
        // A packet that comes over one hop has TTL 255.
        let ttl = 256 - u16::from(hops.get());
        bfdd.set(&below(&session_path, &["minimum-ttl"]), ttl.to_string());
    }
}

/// Local address and number of hops of a neighbour that is further away than one hop, as far as its
/// declaration tells; bfdd can't do without the address.
fn several_hops(peer: &Peer, context: &Context) -> Option<(IpAddr, NonZeroU8)> {
    let internal = context.bgp.is_some_and(|bgp| peer.is_internal(bgp.local_as));
    let hops = if internal { Some(IBGP_HOPS) } else { peer.ebgp_multihop };
    peer.source_address.zip(hops.filter(|hops| hops.get() > 1))
}

/// Makes sure of the profile with these timers; it is named by what is in it, so that it is shared
/// and never changed in place.
pub(super) fn profile(bfdd: &mut Tree, parameters: BfdParameters) -> String {
    let (rx, tx) = (parameters.min_rx().as_millis(), parameters.min_tx().as_millis());
    let name = format!("NR-{rx}-{tx}-{}", parameters.detect_multiplier());
    bfdd.ensure_presence(&bfd());
    timers(bfdd, &bfd().join(entry("profile", [("name", &name)])), parameters);
    name
}

/// The timers of a session or profile; the model counts microseconds.
fn timers(bfdd: &mut Tree, base: &Path, parameters: BfdParameters) {
    let mut set = |leaf: &str, value: String| bfdd.set(&below(base, &[leaf]), value);
    set("detection-multiplier", parameters.detect_multiplier().to_string());
    set("required-receive-interval", parameters.min_rx().as_micros().to_string());
    set("desired-transmission-interval", parameters.min_tx().as_micros().to_string());
}

fn bfd() -> Path {
    path([plain("frr-bfdd:bfdd"), plain("bfd")])
}
