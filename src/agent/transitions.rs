//! What the monitor saw → events, with the owner of the neighbour; and health.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::{
    commit::CommitHandle,
    events::{Bus, Event},
    model::{IntentKey, OwnerName},
    monitor::{FrrStatus, Transition},
    telemetry::Health,
};

/// Tells until the monitor ends. A neighbour that nobody declared is nobody's news.
pub(super) async fn tell(
    mut transitions: mpsc::Receiver<Transition>,
    commit: CommitHandle,
    bus: Bus,
    status: watch::Receiver<Arc<FrrStatus>>,
    health: Arc<Health>,
) {
    // A session that goes down with its neighbour's removal is told of the one who had it.
    let mut owners = std::collections::BTreeMap::<_, OwnerName>::new();
    while let Some(transition) = transitions.recv().await {
        health.set_frr(status.borrow().frr().map(str::to_owned).map_err(str::to_owned));
        let event = match transition {
            Transition::FrrConnected { version } => Some(Event::FrrConnected { version }),
            Transition::FrrDisconnected { reason } => Some(Event::FrrDisconnected { reason }),
            Transition::DaemonConnected { .. } | Transition::DaemonDisconnected { .. } => None,
            Transition::PeerUp { peer, state, previous_state } => {
                let view = commit.view();
                view.store.get(&IntentKey::Peer(peer)).map(|owned| {
                    owners.insert(peer, owned.owner.clone());
                    Event::PeerUp { owner: owned.owner.clone(), peer, state, previous_state }
                })
            }
            Transition::PeerDown { peer, state, previous_state } => owners
                .remove(&peer)
                .map(|owner| Event::PeerDown { owner, peer, state, previous_state }),
        };
        if let Some(event) = event {
            bus.publish(event);
        }
    }
}
