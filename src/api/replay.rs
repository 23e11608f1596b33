//! The current state as events, for a subscriber that asks for it. Pure.

use std::collections::BTreeMap;

use super::bfd::{self, Live};
use crate::{
    commit::View,
    events::Event,
    model::{Intent, OwnerName},
    monitor::FrrStatus,
};

/// State before of what is replayed: nobody remembers it.
const UNKNOWN: &str = "Unknown";

/// An event for all that is up, advertised or connected: FRR, owners by their sessions, the BGP
/// instance, peers, BFD sessions, OSPF neighbours and prefixes, in this order.
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
    let (mut sessions, mut prefixes) = (Vec::new(), Vec::new());
    for (key, owned) in view.store.iter() {
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
            Intent::Prefix(ad) => {
                let lacking = view.rejected.contains_key(key) || view.pending_of(key).is_some();
                if !lacking {
                    let (prefix, protocol) = (ad.prefix, ad.protocol);
                    prefixes.push(Event::PrefixAdvertised { owner, prefix, protocol });
                }
            }
            Intent::Drain(_) | Intent::StaticRoute(_) => {}
        }
    }
    events.append(&mut sessions);
    events.append(&mut prefixes);
    events
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
