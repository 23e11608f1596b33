//! What the monitor saw → events, with the owner of what they are about; and health.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::mpsc;

use crate::{
    commit::CommitHandle,
    events::{self, Bus, Event, LostSession},
    failpoint,
    model::{IntentKey, OwnerName},
    monitor::{BfdChange, Causes, OspfChange, Snapshots, Transition},
    telemetry::Health,
};

/// Tells until the monitor ends. A change of what no owner declared is no event.
pub(super) async fn tell(
    mut transitions: mpsc::Receiver<Transition>,
    commit: CommitHandle,
    bus: Bus,
    status: Snapshots,
    health: Arc<Health>,
) {
    let mut owners = Owners { commit, told: BTreeMap::new() };
    while let Some(transition) = transitions.recv().await {
        failpoint::die("transitions");
        health.set_frr(status.latest().frr().map(str::to_owned).map_err(str::to_owned));
        if let Some(event) = owners.event(transition) {
            bus.publish(event);
        }
    }
}

/// Why a session was lost, as far as bgpd says.
fn why(causes: &Causes) -> LostSession {
    let Some(reset) = &causes.reset else { return LostSession::default() };
    LostSession {
        reason: reset.reason.clone(),
        notification: causes.of_last_reset().map(|one| events::Notification {
            sent: one.sent,
            code: one.code,
            subcode: one.subcode,
            text: one.text.clone(),
            message: one.message.clone(),
        }),
    }
}

/// Who has what came up and goes down.
struct Owners {
    commit: CommitHandle,
    /// To whom it was told that something came up. What goes down with its intent is told of the one who
    /// had it.
    told: BTreeMap<Subject, OwnerName>,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Peer(std::net::IpAddr),
    Bfd(std::net::IpAddr),
    OspfNeighbor(String, std::net::Ipv4Addr),
}

impl Owners {
    fn event(&mut self, transition: Transition) -> Option<Event> {
        Some(match transition {
            Transition::DaemonConnected { .. } | Transition::DaemonDisconnected { .. } => None?,
            Transition::FrrConnected { version } => Event::FrrConnected { version },
            Transition::FrrDisconnected { reason } => Event::FrrDisconnected { reason },
            Transition::PeerUp { peer, state, previous_state } => {
                let owner = self.came(Subject::Peer(peer))?;
                Event::PeerUp { owner, peer, state, previous_state }
            }
            Transition::PeerDown { peer, state, previous_state, causes } => {
                let owner = self.went(&Subject::Peer(peer))?;
                Event::PeerDown { owner, peer, state, previous_state, why: why(&causes) }
            }
            Transition::BfdUp(BfdChange { peer, interface, status, previous_status, .. }) => {
                let owner = self.came(Subject::Bfd(peer))?;
                Event::BfdUp { owner, peer, interface, status, previous_status }
            }
            Transition::BfdDown(change) => {
                let BfdChange { peer, interface, status, previous_status, diagnostic } = change;
                let owner = self.went(&Subject::Bfd(peer))?;
                Event::BfdDown { owner, peer, interface, status, previous_status, diagnostic }
            }
            Transition::OspfNeighborUp(change) => {
                let OspfChange { neighbor_id, interface, state, previous_state } = change;
                let owner = self.came(Subject::OspfNeighbor(interface.clone(), neighbor_id))?;
                Event::OspfNeighborUp { owner, neighbor_id, interface, state, previous_state }
            }
            Transition::OspfNeighborDown(change) => {
                let OspfChange { neighbor_id, interface, state, previous_state } = change;
                let owner = self.went(&Subject::OspfNeighbor(interface.clone(), neighbor_id))?;
                Event::OspfNeighborDown { owner, neighbor_id, interface, state, previous_state }
            }
        })
    }

    fn came(&mut self, subject: Subject) -> Option<OwnerName> {
        let owner = self.declared(&subject)?;
        self.told.insert(subject, owner.clone());
        Some(owner)
    }

    fn went(&mut self, subject: &Subject) -> Option<OwnerName> {
        self.told.remove(subject).or_else(|| self.declared(subject))
    }

    /// Who declared it; a neighbour's BFD session is the neighbour's owner's.
    fn declared(&self, subject: &Subject) -> Option<OwnerName> {
        let keys = match subject {
            Subject::Peer(address) => vec![IntentKey::Peer(*address)],
            Subject::Bfd(address) => {
                vec![IntentKey::BfdSession(*address), IntentKey::Peer(*address)]
            }
            Subject::OspfNeighbor(interface, _) => {
                interface.parse().ok().map(IntentKey::OspfInterface).into_iter().collect()
            }
        };
        let view = self.commit.view();
        keys.iter().find_map(|key| view.store.get(key)).map(|owned| owned.owner.clone())
    }
}
