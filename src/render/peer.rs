//! BGP neighbours.

use super::{Context, afi_safi, below, bfd, bgp_instance, entry, tree};
use crate::{
    daemon::{Daemon, Forest},
    model::{AddressFamily, BfdParameters, Peer},
    tree::{Path, Tree},
};

pub(super) fn render(forest: &mut Forest, peer: &Peer, context: &Context) {
    if let Some(timers) = peer.bfd.and_then(|bfd| said_timers(peer, bfd, context)) {
        let profile = bfd::profile(tree(forest, Daemon::Bfdd), timers);
        let at = below(&neighbor(peer), &["bfd-options", "novaroute-frr-bgp:profile"]);
        tree(forest, Daemon::Bgpd).set(&at, profile);
    }
    let bgpd = tree(forest, Daemon::Bgpd);
    session(bgpd, peer);
    for family in AddressFamily::ALL {
        address_family(bgpd, peer, family);
    }
}

/// The timers that a neighbour's `bfd` line names by a profile; `None` where they are FRR's own.
///
/// bgpd shows the timers of a `bfd` line nowhere in its configuration, so that they could not be
/// confirmed; those of a profile can. Where a session of its own is declared for the address, both name
/// the same profile: bfdd would use that of whoever came last.
fn said_timers(peer: &Peer, bfd: BfdParameters, context: &Context) -> Option<BfdParameters> {
    match context.sessions.get(&peer.address) {
        Some(session) => Some(session.timers),
        None => Some(bfd).filter(|bfd| *bfd != BfdParameters::DEFAULT),
    }
}

fn neighbor(peer: &Peer) -> Path {
    below(&bgp_instance(), &["neighbors"])
        .join(entry("neighbor", [("remote-address", &peer.address.to_string())]))
}

fn session(bgpd: &mut Tree, peer: &Peer) {
    let base = neighbor(peer);
    let mut set = |names: &[&str], value: String| bgpd.set(&below(&base, names), value);
    set(&["neighbor-remote-as", "remote-as-type"], "as-specified".into());
    set(&["neighbor-remote-as", "remote-as"], peer.remote_as.to_string());
    if let Some(description) = &peer.description {
        set(&["description"], description.to_string());
    }
    if let Some(password) = &peer.password {
        set(&["password"], password.expose().to_owned());
    }
    if let Some(source) = peer.source_address {
        set(&["update-source", "ip"], source.to_string());
    }
    // One hop is how eBGP is; FRR takes the line and shows none.
    if let Some(ttl) = peer.ebgp_multihop.filter(|ttl| ttl.get() > 1) {
        set(&["ebgp-multihop", "multihop-ttl"], ttl.to_string());
    }
    if let Some(timers) = peer.timers {
        set(&["timers", "keepalive"], timers.keepalive().as_secs().to_string());
        set(&["timers", "hold-time"], timers.hold().as_secs().to_string());
    }
    if peer.bfd.is_some() {
        set(&["bfd-options", "enable"], "true".into());
    }
}

/// Each family is stated, also that it is off: FRR carries IPv4 unicast unless told not to.
fn address_family(bgpd: &mut Tree, peer: &Peer, family: AddressFamily) {
    let active = peer.families.contains(&family);
    let base = below(&neighbor(peer), &["afi-safis"]).join(afi_safi(family));
    bgpd.set(&below(&base, &["enabled"]), active.to_string());
    if active {
        let base = below(&base, &[family.name()]);
        bgpd.set(&below(&base, &["soft-reconfiguration"]), "true");
        let limit =
            below(&base, &["prefix-limit"]).join(entry("direction-list", [("direction", "in")]));
        bgpd.set(&below(&limit, &["max-prefixes"]), peer.max_prefix.to_string());
        bgpd.set(&below(&limit, &["options", "warning-only"]), "true");
    }
}
