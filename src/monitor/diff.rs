//! What changed between two moments. Pure: no async, no I/O, no clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

use super::{BfdKey, BfdSession, Causes, DaemonState, FrrStatus, Neighbor, OspfNeighbor};
use crate::daemon::Daemon;

/// State of a neighbour of which nothing is known: not configured, or bgpd does not answer.
const UNKNOWN: &str = "Unknown";

/// One change that somebody may wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transition {
    /// bgpd answers: FRR counts as connected. Also the end of a restart.
    FrrConnected {
        /// FRR's version.
        version: String,
    },
    /// bgpd does not answer any more.
    FrrDisconnected {
        /// Why.
        reason: String,
    },
    /// A daemon answers (bgpd too).
    DaemonConnected {
        /// Which.
        daemon: Daemon,
    },
    /// A daemon does not answer any more (bgpd too).
    DaemonDisconnected {
        /// Which.
        daemon: Daemon,
        /// Why.
        reason: String,
    },
    /// A session was established.
    PeerUp {
        /// Which.
        peer: IpAddr,
        /// FRR's word: `Established`.
        state: String,
        /// FRR's word for what it was before; `Unknown` for a neighbour that is new here.
        previous_state: String,
    },
    /// An established session was lost, or its neighbour was removed.
    PeerDown {
        /// Which.
        peer: IpAddr,
        /// FRR's word for what it is now; `Unknown` where bgpd does not say.
        state: String,
        /// FRR's word: `Established`.
        previous_state: String,
        /// Why; nothing where bgpd does not say.
        causes: Box<Causes>,
    },
    /// A BFD session is up.
    BfdUp(BfdChange),
    /// A BFD session that was up is not any more, or was removed.
    BfdDown(BfdChange),
    /// An OSPF neighbour is fully adjacent.
    OspfNeighborUp(OspfChange),
    /// An OSPF neighbour that was fully adjacent is not any more.
    OspfNeighborDown(OspfChange),
}

/// A change of a BFD session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BfdChange {
    /// With whom.
    pub peer: IpAddr,
    /// The interface that the session is bound to, if it is to one.
    pub interface: String,
    /// FRR's word for what it is now; `Unknown` where bfdd does not say.
    pub status: String,
    /// FRR's word for what it was; `Unknown` for a session that is new here.
    pub previous_status: String,
    /// bfdd's reason for the last change of state; `ok` or nothing where it has none.
    pub diagnostic: String,
}

/// A change of an OSPF neighbour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OspfChange {
    /// Its router-id.
    pub neighbor_id: Ipv4Addr,
    /// The interface behind which it is.
    pub interface: String,
    /// FRR's word for what it is now; `Unknown` where ospfd does not say.
    pub state: String,
    /// FRR's word for what it was; `Unknown` for a neighbour that is new here.
    pub previous_state: String,
}

/// What happened between two moments: first what was lost, then what came. A session
/// that was lost and came back in between is told as both.
pub fn diff(before: &FrrStatus, after: &FrrStatus) -> Vec<Transition> {
    let mut lost = vec![];
    let mut came = vec![];
    for daemon in Daemon::ALL {
        daemon_changes(daemon, before, after, &mut lost, &mut came);
    }
    for (peer, old, new) in pairs(&before.neighbors, &after.neighbors) {
        let (was, is) = (is_established(old), is_established(new));
        let flapped = match (old, new) {
            (Some(old), Some(new)) => {
                was && is && new.connections_dropped != old.connections_dropped
            }
            _ => false,
        };
        let (state, previous_state) = (state(new), state(old));
        let causes = Box::new(new.map(|new| new.causes.clone()).unwrap_or_default());
        if flapped {
            let idle = "Idle".to_owned();
            let (peer, state_then) = (*peer, idle.clone());
            lost.push(Transition::PeerDown { peer, state: state_then, previous_state, causes });
            came.push(Transition::PeerUp { peer, state, previous_state: idle });
        } else if was && !is {
            lost.push(Transition::PeerDown { peer: *peer, state, previous_state, causes });
        } else if is && !was {
            came.push(Transition::PeerUp { peer: *peer, state, previous_state });
        }
    }
    bfd_changes(before, after, &mut lost, &mut came);
    ospf_changes(before, after, &mut lost, &mut came);
    lost.append(&mut came);
    lost
}

fn bfd_changes(
    before: &FrrStatus,
    after: &FrrStatus,
    lost: &mut Vec<Transition>,
    came: &mut Vec<Transition>,
) {
    for (key, old, new) in same_sessions(&before.bfd_sessions, &after.bfd_sessions) {
        let up = |session: Option<&BfdSession>| session.is_some_and(BfdSession::is_up);
        let status = |session: Option<&BfdSession>| {
            session.map_or_else(|| UNKNOWN.to_owned(), |session| session.status.clone())
        };
        let change = |status, previous_status| BfdChange {
            peer: key.peer,
            interface: key.interface.clone(),
            status,
            previous_status,
            diagnostic: new.map(|new| new.diagnostic.clone()).unwrap_or_default(),
        };
        // A session that is up for less time than before went down in between.
        let since = |session: Option<&BfdSession>| session.and_then(|session| session.up_for);
        match (up(old), up(new)) {
            (true, true) if since(new) < since(old) => {
                let down = "down".to_owned();
                lost.push(Transition::BfdDown(change(down.clone(), status(old))));
                came.push(Transition::BfdUp(change(status(new), down)));
            }
            (true, false) => lost.push(Transition::BfdDown(change(status(new), status(old)))),
            (false, true) => came.push(Transition::BfdUp(change(status(new), status(old)))),
            _ => {}
        }
    }
}

/// Each session before and after. bfdd makes a session anew when it learns from which address or interface it goes: where
/// one of the same peer and hops went and one came, it is that one.
fn same_sessions<'a>(
    before: &'a BTreeMap<BfdKey, BfdSession>,
    after: &'a BTreeMap<BfdKey, BfdSession>,
) -> Vec<(&'a BfdKey, Option<&'a BfdSession>, Option<&'a BfdSession>)> {
    let (gone, mut found): (Vec<_>, Vec<_>) =
        pairs(before, after).partition(|(_, _, new)| new.is_none());
    for (key, old, new) in gone {
        let renewed = found.iter_mut().find(|(other, before, _)| {
            before.is_none() && other.peer == key.peer && other.multihop == key.multihop
        });
        match renewed {
            Some((_, before, _)) => *before = old,
            None => found.push((key, old, new)),
        }
    }
    found
}

fn ospf_changes(
    before: &FrrStatus,
    after: &FrrStatus,
    lost: &mut Vec<Transition>,
    came: &mut Vec<Transition>,
) {
    let none = BTreeMap::new();
    for (name, old, new) in pairs(&before.ospf_interfaces, &after.ospf_interfaces) {
        let old = old.map_or(&none, |interface| &interface.neighbors);
        let new = new.map_or(&none, |interface| &interface.neighbors);
        for (id, old, new) in pairs(old, new) {
            let full =
                |neighbor: Option<&OspfNeighbor>| neighbor.is_some_and(OspfNeighbor::is_full);
            let state = |neighbor: Option<&OspfNeighbor>| {
                neighbor.map_or_else(|| UNKNOWN.to_owned(), |neighbor| neighbor.state.clone())
            };
            let change = || OspfChange {
                neighbor_id: *id,
                interface: name.clone(),
                state: state(new),
                previous_state: state(old),
            };
            match (full(old), full(new)) {
                (true, false) => lost.push(Transition::OspfNeighborDown(change())),
                (false, true) => came.push(Transition::OspfNeighborUp(change())),
                _ => {}
            }
        }
    }
}

/// What two maps have under each key that one of them has.
fn pairs<'a, K: Ord, V>(
    before: &'a BTreeMap<K, V>,
    after: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, Option<&'a V>, Option<&'a V>)> {
    let keys: BTreeSet<&K> = before.keys().chain(after.keys()).collect();
    keys.into_iter().map(|key| (key, before.get(key), after.get(key)))
}

fn daemon_changes(
    daemon: Daemon,
    before: &FrrStatus,
    after: &FrrStatus,
    lost: &mut Vec<Transition>,
    came: &mut Vec<Transition>,
) {
    let (was, is) = (before.generation(daemon), after.generation(daemon));
    if was == is {
        return;
    }
    if was.is_some() {
        let reason = match after.daemons.get(&daemon) {
            Some(DaemonState::Disconnected { reason }) => reason.clone(),
            _ => "it restarted".to_owned(),
        };
        if daemon == Daemon::Bgpd {
            lost.push(Transition::FrrDisconnected { reason: reason.clone() });
        }
        lost.push(Transition::DaemonDisconnected { daemon, reason });
    }
    if let Some(DaemonState::Connected { version, .. }) = after.daemons.get(&daemon) {
        came.push(Transition::DaemonConnected { daemon });
        if daemon == Daemon::Bgpd {
            came.push(Transition::FrrConnected { version: version.clone() });
        }
    }
}

fn is_established(neighbor: Option<&Neighbor>) -> bool {
    neighbor.is_some_and(Neighbor::is_established)
}

fn state(neighbor: Option<&Neighbor>) -> String {
    neighbor.map_or_else(|| UNKNOWN.to_owned(), |neighbor| neighbor.state.clone())
}
