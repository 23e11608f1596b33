//! Why sessions with neighbours were lost, or do not come up: bgpd is asked for one neighbour at a time, when the summary shows
//! that something happened to it.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use tokio::time::Instant;

use super::Neighbor;
use crate::protocol::bgp::reset::Causes;

/// Neighbours that bgpd is asked for in one poll: some 0.2 ms each.
const ASKED: usize = 8;

/// Pause after which a neighbour without a session is asked for again: bgpd starts its timers anew.
const AGAIN: Duration = Duration::from_secs(5);

/// What is known of each neighbour. One per connection to bgpd.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<IpAddr, Asked>);

#[derive(Debug)]
struct Asked {
    causes: Causes,
    at: Instant,
    of: Fingerprint,
}

/// What the causes depend on: as long as all of it stays, so do they.
#[derive(Debug, PartialEq, Eq)]
struct Fingerprint {
    state: String,
    established: u64,
    dropped: u64,
    /// Messages tell one attempt from the next; those of a session that is up tell nothing.
    messages: Option<u64>,
}

impl Fingerprint {
    fn of(neighbor: &Neighbor) -> Self {
        Self {
            state: neighbor.state.clone(),
            established: neighbor.connections_established,
            dropped: neighbor.connections_dropped,
            messages: (!neighbor.is_established()).then_some(neighbor.messages),
        }
    }
}

impl Known {
    /// The neighbours to ask for now: those of which most has changed or that were asked for longest ago.
    pub(super) fn due(&mut self, neighbors: &BTreeMap<IpAddr, Neighbor>) -> Vec<IpAddr> {
        self.0.retain(|address, _| neighbors.contains_key(address));
        let is_due = |address: &IpAddr, neighbor: &Neighbor| match self.0.get(address) {
            None => true,
            Some(known) => {
                known.of != Fingerprint::of(neighbor)
                    || (!neighbor.is_established() && known.at.elapsed() >= AGAIN)
            }
        };
        let mut due: Vec<IpAddr> = neighbors
            .iter()
            .filter(|(address, neighbor)| is_due(address, neighbor))
            .map(|(address, _)| *address)
            .collect();
        due.sort_by_key(|address| self.0.get(address).map(|known| known.at));
        due.truncate(ASKED);
        due
    }

    /// What bgpd said of one. A notification is remembered behind what came after it.
    pub(super) fn learn(&mut self, address: IpAddr, neighbor: &Neighbor, mut causes: Causes) {
        let at = Instant::now();
        let before = self.0.remove(&address);
        if causes.notification.is_none()
            && let Some(before) = before
        {
            causes.notification = before.causes.after(at - before.at).notification;
        }
        self.0.insert(address, Asked { causes, at, of: Fingerprint::of(neighbor) });
    }

    /// Writes what is known into the neighbours.
    pub(super) fn tell(&self, neighbors: &mut BTreeMap<IpAddr, Neighbor>) {
        for (address, neighbor) in neighbors {
            if let Some(known) = self.0.get(address) {
                neighbor.causes = known.causes.after(known.at.elapsed());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::bgp::reset::{Notification, Reset};

    fn neighbors(count: u8, state: &str, messages: u64) -> BTreeMap<IpAddr, Neighbor> {
        let neighbor = Neighbor { state: state.into(), messages, ..Neighbor::default() };
        (1..=count).map(|n| (IpAddr::from([10, 0, 0, n]), neighbor.clone())).collect()
    }

    fn learn(known: &mut Known, neighbors: &BTreeMap<IpAddr, Neighbor>, causes: &Causes) -> usize {
        let due = known.due(neighbors);
        for address in &due {
            known.learn(*address, &neighbors[address], causes.clone());
        }
        due.len()
    }

    #[tokio::test(start_paused = true)]
    async fn each_is_asked_for_once_and_again_where_something_happened() {
        let mut known = Known::default();
        let up = neighbors(10, Neighbor::ESTABLISHED, 7);
        let none = Causes::default();
        assert_eq!(learn(&mut known, &up, &none), ASKED);
        assert_eq!(learn(&mut known, &up, &none), 2);
        assert_eq!(learn(&mut known, &up, &none), 0);
        // Keepalives are no news.
        let later = neighbors(10, Neighbor::ESTABLISHED, 9);
        assert_eq!(learn(&mut known, &later, &none), 0);
        let down = neighbors(2, "Active", 9);
        assert_eq!(learn(&mut known, &down, &none), 2);
        assert_eq!(learn(&mut known, &down, &none), 0);
        // One more attempt, or time.
        assert_eq!(learn(&mut known, &neighbors(2, "Active", 10), &none), 2);
        tokio::time::advance(AGAIN).await;
        assert_eq!(learn(&mut known, &neighbors(2, "Active", 10), &none), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_notification_is_remembered_behind_what_came_after_it() {
        let mut known = Known::default();
        let reset = |reason: &str| Some(Reset { reason: reason.into(), age: Duration::ZERO });
        let notification = Notification {
            sent: true,
            code: 2,
            subcode: 2,
            text: "OPEN Message Error/Bad Peer AS".into(),
            message: String::new(),
            age: Duration::ZERO,
        };
        let refused = Causes {
            reset: reset("BGP Notification send"),
            notification: Some(notification.clone()),
            next_try: None,
        };
        learn(&mut known, &neighbors(1, "Idle", 1), &refused);
        tokio::time::advance(Duration::from_secs(3)).await;
        let waiting = Causes { reset: reset("Waiting for peer OPEN"), ..Causes::default() };
        learn(&mut known, &neighbors(1, "Active", 2), &waiting);
        tokio::time::advance(Duration::from_secs(1)).await;
        let mut told = neighbors(1, "Active", 2);
        known.tell(&mut told);
        let causes = told.into_values().next().unwrap().causes;
        let age = Duration::from_secs(4);
        assert_eq!(causes.notification, Some(Notification { age, ..notification }));
        assert_eq!(causes.of_last_reset(), None, "it is not what ended the last attempt");
        assert_eq!(causes.reset.unwrap().age, Duration::from_secs(1));
    }
}
