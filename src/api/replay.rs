//! The current state as events, for a subscriber that asks for it. Pure.

use std::collections::BTreeMap;

use super::bfd::{self, Live};
use crate::{
    commit::View,
    events::Event,
    model::{Intent, IntentKey, OwnerName},
    monitor::FrrStatus,
};

/// State before of what is replayed: it is not remembered.
const UNKNOWN: &str = "Unknown";

/// An event for all that is up or connected: FRR, owners by their sessions, the BGP instance, peers, BFD sessions and
/// OSPF neighbours, in this order. What is advertised comes after it, by [`next_prefix`].
pub(super) fn current_state(
    view: &View,
    frr: &FrrStatus,
    sessions: BTreeMap<OwnerName, String>,
) -> Vec<Event> {
    let mut events = vec![match frr.frr() {
        Ok(version) => Event::FrrConnected { version: version.to_owned() },
        Err(reason) => Event::FrrDisconnected { reason: reason.to_owned() },
    }];
    events.extend(
        sessions
            .into_iter()
            .map(|(owner, session_id)| Event::OwnerRegistered { owner, session_id }),
    );
    let previous = || UNKNOWN.to_owned();
    let mut sessions = Vec::new();
    for owned in view.store.but_routes(None) {
        let owner = owned.owner.clone();
        match &owned.intent {
            Intent::Bgp(bgp) => {
                events.push(Event::BgpConfigChanged { owner, now: bgp.clone(), previous: None })
            }
            Intent::Peer(peer) => {
                let seen = frr.neighbors.get(&peer.address).filter(|it| it.is_established());
                if let Some(seen) = seen {
                    let (peer, state) = (peer.address, seen.state.clone());
                    let previous_state = previous();
                    sessions.push(Event::PeerUp {
                        owner: owner.clone(),
                        peer,
                        state,
                        previous_state,
                    });
                }
                // A BFD session of its own is told of its own owner.
                let alone = crate::model::IntentKey::BfdSession(peer.address);
                if peer.bfd.is_some() && view.store.get(&alone).is_none() {
                    sessions.extend(bfd_up(bfd::of_peer(peer, frr), owner));
                }
            }
            Intent::BfdSession(session) => {
                sessions.extend(bfd_up(bfd::of_session(session, view, frr), owner));
            }
            Intent::OspfInterface(it) => {
                let interface = it.name.to_string();
                let seen = frr.ospf_interfaces.get(&interface).map(|seen| &seen.neighbors);
                let full = seen.into_iter().flatten().filter(|(_, neighbor)| neighbor.is_full());
                sessions.extend(full.map(|(id, neighbor)| Event::OspfNeighborUp {
                    owner: owner.clone(),
                    neighbor_id: *id,
                    interface: interface.clone(),
                    state: neighbor.state.clone(),
                    previous_state: previous(),
                }));
            }
            Intent::Prefix(_)
            | Intent::Drain(_)
            | Intent::StaticRoute(_)
            | Intent::BfdProfile(_) => {}
        }
    }
    events.append(&mut sessions);
    events
}

/// The prefix after `last`, with its event where it is advertised. The view may be a later one each time.
pub(super) fn next_prefix(
    view: &View,
    last: Option<IntentKey>,
) -> Option<(IntentKey, Option<Event>)> {
    let (key, owned, ad) = view.store.prefix_after(last)?;
    let lacking = view.rejected.contains_key(key) || view.pending_of(key).is_some();
    let (owner, prefix, protocol) = (owned.owner.clone(), ad.prefix, ad.protocol);
    let event = (!lacking).then_some(Event::PrefixAdvertised { owner, prefix, protocol });
    Some((*key, event))
}

fn bfd_up(live: Live<'_>, owner: OwnerName) -> Option<Event> {
    let (key, seen) = live.ok().filter(|(_, session)| session.is_up())?;
    Some(Event::BfdUp {
        owner,
        peer: key.peer,
        interface: key.interface.clone(),
        status: seen.status.clone(),
        previous_status: UNKNOWN.to_owned(),
    })
}
