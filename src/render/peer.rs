//! BGP neighbours, and the BFD profiles that they name.

use super::{afi_safi, below, bgp_instance, entry, path, plain, tree};
use crate::{
    daemon::{Daemon, Forest},
    model::{AddressFamily, BfdParameters, Peer},
    tree::{Path, Tree},
};

pub(super) fn render(forest: &mut Forest, peer: &Peer) {
    if let Some(profile) = peer.bfd.and_then(|bfd| bfd_profile(forest, bfd)) {
        let at = below(&neighbor(peer), &["bfd-options", "novaroute-frr-bgp:profile"]);
        tree(forest, Daemon::Bgpd).set(&at, profile);
    }
    let bgpd = tree(forest, Daemon::Bgpd);
    session(bgpd, peer);
    for family in AddressFamily::ALL {
        address_family(bgpd, peer, family);
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
    if let Some(ttl) = peer.ebgp_multihop {
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
        let limit = below(&base, &["prefix-limit"])
            .join(entry("direction-list", [("direction", "in")]));
        bgpd.set(&below(&limit, &["max-prefixes"]), peer.max_prefix.to_string());
        bgpd.set(&below(&limit, &["options", "warning-only"]), "true");
    }
}

/// bgpd shows the timers of a neighbour's own `bfd` line nowhere in its configuration, so that they
/// could not be confirmed: other timers than FRR's go into a profile of bfdd, named by what is in it.
fn bfd_profile(forest: &mut Forest, bfd: BfdParameters) -> Option<String> {
    if bfd == BfdParameters::DEFAULT {
        return None;
    }
    let (rx, tx) = (bfd.min_rx(), bfd.min_tx());
    let multiplier = bfd.detect_multiplier();
    let name = format!("NR-{}-{}-{multiplier}", rx.as_millis(), tx.as_millis());
    let bfdd = tree(forest, Daemon::Bfdd);
    let bfd = path([plain("frr-bfdd:bfdd"), plain("bfd")]);
    bfdd.ensure_presence(&bfd);
    let profile = bfd.join(entry("profile", [("name", &name)]));
    let mut set = |leaf: &str, value: String| bfdd.set(&below(&profile, &[leaf]), value);
    set("detection-multiplier", multiplier.to_string());
    set("required-receive-interval", rx.as_micros().to_string());
    set("desired-transmission-interval", tx.as_micros().to_string());
    Some(name)
}
