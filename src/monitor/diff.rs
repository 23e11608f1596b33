//! What changed between two moments. Pure: no async, no I/O, no clock.

use std::net::IpAddr;

use super::{Daemon, DaemonState, FrrStatus, Neighbor};

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
    },
}

/// What happened between two moments: first what was lost, then what came. A session
/// that was lost and came back in between is told as both.
pub fn diff(before: &FrrStatus, after: &FrrStatus) -> Vec<Transition> {
    let mut lost = vec![];
    let mut came = vec![];
    for daemon in Daemon::ALL {
        daemon_changes(daemon, before, after, &mut lost, &mut came);
    }
    let mut peers: Vec<_> = before.neighbors.keys().chain(after.neighbors.keys()).collect();
    peers.sort_unstable();
    peers.dedup();
    for peer in peers {
        let (old, new) = (before.neighbors.get(peer), after.neighbors.get(peer));
        let (was, is) = (is_established(old), is_established(new));
        let flapped = match (old, new) {
            (Some(old), Some(new)) => {
                was && is && new.connections_dropped != old.connections_dropped
            }
            _ => false,
        };
        let (state, previous_state) = (state(new), state(old));
        if flapped {
            let idle = "Idle".to_owned();
            lost.push(Transition::PeerDown { peer: *peer, state: idle.clone(), previous_state });
            came.push(Transition::PeerUp { peer: *peer, state, previous_state: idle });
        } else if was && !is {
            lost.push(Transition::PeerDown { peer: *peer, state, previous_state });
        } else if is && !was {
            came.push(Transition::PeerUp { peer: *peer, state, previous_state });
        }
    }
    lost.append(&mut came);
    lost
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
