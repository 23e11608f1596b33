//! What BFD sessions render to, and the profiles that they and neighbours take their timers from.

use crate::{
    model::{BfdParameters, BfdProfile, BfdSession, ProfileName},
    protocol::{
        Context,
        path::{below, entry, path, plain},
    },
    tree::{Path, Tree},
};

/// A declared session. Where bgpd asks bfdd for a session with a neighbour of the same address, that one is meant: bgpd
/// knows over which hops, and from which address, and names the profile of the declared one.
pub(crate) fn render(bfdd: &mut Tree, session: &BfdSession, context: &Context) {
    let peer = context.peers.get(&session.peer);
    if peer.is_none_or(|peer| peer.bfd.is_none()) {
        alone(bfdd, session, context);
    }
}

/// A session in bfdd's own configuration.
pub(crate) fn alone(bfdd: &mut Tree, session: &BfdSession, context: &Context) {
    let BfdSession { peer, timers: parameters, profile, interface, local_address } = session;
    let name = named(bfdd, *profile, *parameters);
    // By itself the session does not know the timers of a profile.
    let parameters = match profile {
        Some(name) => context.profiles.get(name).map(|profile| profile.timers),
        None => Some(*parameters),
    };
    let neighbor = context.peers.get(peer).copied();
    let peer = peer.to_string();
    let sessions = below(&bfd(), &["sessions"]);
    let hops = session.several_hops(neighbor, context.bgp);
    let session_path = match hops {
        Some((source, _)) => sessions.join(entry(
            "multi-hop",
            [("source-addr", &source.to_string()), ("dest-addr", &peer), ("vrf", "default")],
        )),
        None => {
            // FRR's own notation for no interface.
            let interface = interface.map_or("*".to_owned(), |name| name.to_string());
            let keys = [("dest-addr", &*peer), ("interface", &interface), ("vrf", "default")];
            sessions.join(entry("single-hop", keys))
        }
    };
    bfdd.set(&below(&session_path, &["profile"]), name);
    if let Some(parameters) = parameters {
        timers(bfdd, &session_path, parameters);
    }
    match (hops, local_address) {
        (Some((_, hops)), _) => {
            // A packet that comes over one hop has TTL 255.
            let ttl = 256 - u16::from(hops.get());
            bfdd.set(&below(&session_path, &["minimum-ttl"]), ttl.to_string());
        }
        (None, Some(local)) => {
            bfdd.set(&below(&session_path, &["source-addr"]), local.to_string());
        }
        (None, None) => {}
    }
}

/// A profile that is declared.
pub(crate) fn declared(bfdd: &mut Tree, profile: &BfdProfile) {
    let BfdProfile { name, timers: parameters } = profile;
    bfdd.ensure_presence(&bfd());
    timers(bfdd, &bfd().join(entry("profile", [("name", name.as_str())])), *parameters);
}

/// The name of the profile that a session has: the declared one, or that of its timers.
pub(crate) fn named(
    bfdd: &mut Tree,
    declared: Option<ProfileName>,
    parameters: BfdParameters,
) -> String {
    match declared {
        Some(name) => {
            bfdd.ensure_presence(&bfd());
            name.to_string()
        }
        None => profile(bfdd, parameters),
    }
}

/// Makes sure of the profile with these timers; it is named by what is in it, so that it is shared
/// and never changed in place.
fn profile(bfdd: &mut Tree, parameters: BfdParameters) -> String {
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

/// `bfd`, in bfdd.
pub(super) fn bfd() -> Path {
    path([plain("frr-bfdd:bfdd"), plain("bfd")])
}
