//! What a change does to BGP sessions. Pure.
//!
//! bgpd resets an established session for some lines and not for others. Which those are is read from no model: the test
//! `a_plan_says_which_sessions_it_resets` compares this table with the counters of a real bgpd, field by field.

use std::net::IpAddr;

use crate::{
    model::{GracefulRestart, Intent, IntentKey, LocalAsMode, Peer},
    store::{Owned, Store},
};

/// What becomes of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// There was none.
    Begins,
    /// It ends and is set up anew, with the time without routes that this takes.
    Resets,
    /// The same, unless both ends have the capability to change capabilities in a session (dynamic capability), which FRR
    /// has among its own.
    MayReset,
    /// There is none afterwards.
    Ends,
}

impl Effect {
    /// Its name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Begins => "begins",
            Self::Resets => "resets",
            Self::MayReset => "may reset",
            Self::Ends => "ends",
        }
    }
}

/// What a change does to the session with one neighbour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionChange {
    /// The neighbour.
    pub peer: IpAddr,
    /// What becomes of it.
    pub effect: Effect,
    /// The fields that have this effect; empty where the peer itself comes or goes.
    pub why: Vec<&'static str>,
}

/// The sessions that begin, reset or end where one store becomes another, in the order of their addresses.
pub(super) fn changes(before: &Store, after: &Store) -> Vec<SessionChange> {
    let instance = instance(before, after);
    let internal = |peer: &Peer| after.bgp().is_some_and(|bgp| peer.is_internal(bgp.local_as));
    let mut changes: Vec<SessionChange> = after
        .diff(before)
        .filter_map(|(key, was, is)| {
            let IntentKey::Peer(peer) = *key else { return None };
            let up = |peer: &Peer| !peer.session.shutdown;
            let (was, is) = (was.and_then(peer_of), is.and_then(peer_of));
            let (effect, why) = match (was, is) {
                (Some(was), Some(is)) if up(was) && up(is) => {
                    changed(was, is, &instance, internal)?
                }
                (Some(was), Some(is)) if up(was) != up(is) => {
                    (if up(is) { Effect::Begins } else { Effect::Ends }, vec!["shutdown"])
                }
                (None, Some(is)) if up(is) => (Effect::Begins, Vec::new()),
                (Some(was), None) if up(was) => (Effect::Ends, Vec::new()),
                // No session before, and none after.
                _ => return None,
            };
            Some(SessionChange { peer, effect, why })
        })
        .collect();
    if !instance.is_empty() {
        // Peers that do not change themselves.
        let told: Vec<IpAddr> = changes.iter().map(|change| change.peer).collect();
        let goes_on = |peer: &Peer| !peer.session.shutdown && !told.contains(&peer.address);
        let stay = after.peers().filter(|(_, peer)| goes_on(peer));
        let why = &instance;
        changes.extend(stay.map(|(_, peer)| SessionChange {
            peer: peer.address,
            effect: Effect::Resets,
            why: why.clone(),
        }));
        changes.sort_by_key(|change| change.peer);
    }
    changes
}

fn peer_of(owned: &Owned) -> Option<&Peer> {
    match &owned.intent {
        Intent::Peer(peer) => Some(peer),
        _ => None,
    }
}

/// What of the instance's change resets every session.
fn instance(before: &Store, after: &Store) -> Vec<&'static str> {
    let (Some(was), Some(is)) = (before.bgp(), after.bgp()) else { return Vec::new() };
    let local_as = (was.local_as != is.local_as).then_some("local_as");
    let router_id = (was.router_id != is.router_id).then_some("router_id");
    local_as.into_iter().chain(router_id).collect()
}

/// What becomes of the session of a neighbour that changes; `None` where it goes on.
fn changed(
    was: &Peer,
    is: &Peer,
    instance: &[&'static str],
    internal: impl Fn(&Peer) -> bool,
) -> Option<(Effect, Vec<&'static str>)> {
    let mut why = fields(was, is);
    // An internal session has the largest TTL in any case: bgpd tells its socket which to take, and that is all.
    let hops = (was.session.ttl_security_hops, is.session.ttl_security_hops);
    if hops.0 != hops.1 && !internal(is) {
        why.push("ttl_security_hops");
    }
    why.extend(instance);
    if !why.is_empty() {
        return Some((Effect::Resets, why));
    }
    (was.families != is.families).then(|| (Effect::MayReset, vec!["address_families"]))
}

/// Fields of a neighbour whose change resets its session; those of which bgpd takes note for later, or at once in the
/// session, are absent.
fn fields(was: &Peer, is: &Peer) -> Vec<&'static str> {
    let number = |peer: &Peer| peer.session.local_as.map(|it| it.number);
    // The instance has it on.
    let restart = |peer: &Peer| match peer.session.graceful_restart {
        None | Some(GracefulRestart::Restart) => GracefulRestart::Restart,
        Some(other) => other,
    };
    let mode = |peer: &Peer| peer.session.local_as.map_or(LocalAsMode::Prepend, |it| it.mode);
    [
        ("remote_as", was.remote_as != is.remote_as),
        ("source_address", was.source_address != is.source_address),
        ("port", was.port != is.port),
        ("ebgp_multihop", was.ebgp_multihop != is.ebgp_multihop),
        ("password", was.password != is.password),
        ("passive", was.passive != is.passive),
        ("disable_connected_check", was.disable_connected_check != is.disable_connected_check),
        ("local_as", number(was) != number(is)),
        ("local_as_mode", mode(was) != mode(is)),
        ("graceful_restart", restart(was) != restart(is)),
        ("extended_next_hop", was.session.extended_next_hop != is.session.extended_next_hop),
    ]
    .into_iter()
    .filter_map(|(field, differs)| differs.then_some(field))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Change, proto::v1, wire};

    fn store(local_as: u32, peers: &[(&str, u32)]) -> Store {
        let owner = "admin".parse().expect("a name");
        let mut store = Store::new();
        let bgp = wire::bgp(local_as, "10.0.0.1").expect("an instance");
        store.apply(&owner, &Change::Set(Intent::Bgp(bgp)));
        for (address, max_prefix) in peers {
            let message = v1::BgpPeer {
                neighbor_address: (*address).into(),
                remote_as: 65001,
                max_prefix: *max_prefix,
                ..v1::BgpPeer::default()
            };
            let peer = wire::peer(&message).expect("a peer");
            store.apply(&owner, &Change::Set(Intent::Peer(Box::new(peer))));
        }
        store
    }

    #[test]
    fn peers_come_and_go_and_the_instance_resets_the_others() {
        let before = store(65000, &[("10.0.0.2", 0), ("10.0.0.3", 0)]);
        let told = |after: &Store| -> Vec<String> {
            let told = changes(&before, after).into_iter();
            told.map(|it| format!("{} {} {}", it.peer, it.effect.name(), it.why.join(",")))
                .collect()
        };
        assert!(told(&before.clone()).is_empty());
        let after = store(65000, &[("10.0.0.3", 7), ("10.0.0.4", 0)]);
        assert_eq!(told(&after), ["10.0.0.2 ends ", "10.0.0.4 begins "]);
        let after = store(65010, &[("10.0.0.2", 0), ("10.0.0.3", 7), ("10.0.0.4", 0)]);
        assert_eq!(
            told(&after),
            ["10.0.0.2 resets local_as", "10.0.0.3 resets local_as", "10.0.0.4 begins "]
        );
    }
}
