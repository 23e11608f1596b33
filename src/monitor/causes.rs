//! Why sessions with neighbours were lost, or do not come up: bgpd is asked for one neighbour at a time, when the summary shows
//! that something happened to it.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use tokio::time::Instant;

use super::Neighbor;
use crate::protocol::bgp::reset::Causes;

/// Neighbours to which something happened that bgpd is asked for in one poll: some 0.2 ms each. Where a link is cut that many
/// sessions use, each event has its cause.
const CHANGED: usize = 64;

/// Neighbours without a session that are asked for again in one poll.
const WAITING: usize = 8;

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
    /// The neighbours to ask for now: first those to which something happened, then those that were asked for longest ago.
    pub(super) fn due(&mut self, neighbors: &BTreeMap<IpAddr, Neighbor>) -> Vec<IpAddr> {
        self.0.retain(|address, _| neighbors.contains_key(address));
        let (mut due, mut waiting) = (Vec::new(), Vec::new());
        for (address, neighbor) in neighbors {
            match self.0.get(address) {
                Some(known) if known.of == Fingerprint::of(neighbor) => {
                    if !neighbor.is_established() && known.at.elapsed() >= AGAIN {
                        waiting.push((known.at, *address));
                    }
                }
                Some(_) => due.insert(0, *address),
                None => due.push(*address),
            }
        }
        due.truncate(CHANGED);
        waiting.sort_unstable();
        due.extend(waiting.into_iter().take(WAITING).map(|(_, address)| address));
        due
    }

    /// What bgpd said of one. A notification is remembered behind what came after it.
    pub(super) fn learn(&mut self, address: IpAddr, neighbor: &Neighbor, mut causes: Causes) {
        let at = Instant::now();
        let before = self.0.remove(&address);
        // What was said before a change of the configuration says nothing of what is configured now.
        let changed =
            causes.reset.as_ref().is_some_and(|it| it.reason.to_lowercase().contains("chang"));
        if causes.notification.is_none()
            && !changed
            && let Some(before) = before
        {
            causes.notification = before.causes.after(at - before.at).notification;
        }
        self.0.insert(address, Asked { causes, at, of: Fingerprint::of(neighbor) });
    }

    /// Writes what is known into the neighbours. What was before something happened is no cause of it.
    pub(super) fn tell(&self, neighbors: &mut BTreeMap<IpAddr, Neighbor>) {
        for (address, neighbor) in neighbors {
            if let Some(known) = self.0.get(address) {
                neighbor.causes = known.causes.after(known.at.elapsed());
                if known.of != Fingerprint::of(neighbor) {
                    neighbor.causes.reset = None;
                    neighbor.causes.next_try = None;
                }
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
        let up = neighbors(70, Neighbor::ESTABLISHED, 7);
        let none = Causes::default();
        assert_eq!(learn(&mut known, &up, &none), CHANGED);
        assert_eq!(learn(&mut known, &up, &none), 70 - CHANGED);
        assert_eq!(learn(&mut known, &up, &none), 0);
        // Keepalives are no news.
        let later = neighbors(70, Neighbor::ESTABLISHED, 9);
        assert_eq!(learn(&mut known, &later, &none), 0);
        let down = neighbors(2, "Active", 9);
        assert_eq!(learn(&mut known, &down, &none), 2);
        assert_eq!(learn(&mut known, &down, &none), 0);
        // One more attempt, or time.
        assert_eq!(learn(&mut known, &neighbors(2, "Active", 10), &none), 2);
        tokio::time::advance(AGAIN).await;
        assert_eq!(learn(&mut known, &neighbors(2, "Active", 10), &none), 2);
        let many = neighbors(20, "Active", 10);
        assert_eq!(learn(&mut known, &many, &none), 18);
        tokio::time::advance(AGAIN).await;
        assert_eq!(learn(&mut known, &many, &none), WAITING);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_before_something_happened_is_no_cause_of_it() {
        let mut known = Known::default();
        let reset = Some(Reset { reason: "Interface down".into(), age: Duration::ZERO });
        let before = Causes { reset, ..Causes::default() };
        learn(&mut known, &neighbors(1, Neighbor::ESTABLISHED, 1), &before);
        let mut lost = neighbors(1, "Idle", 1);
        known.tell(&mut lost);
        assert_eq!(lost.into_values().next().unwrap().causes, Causes::default());
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
        // Another configuration is another matter.
        let changed = Causes { reset: reset("Password config change"), ..Causes::default() };
        learn(&mut known, &neighbors(1, "Idle", 3), &changed);
        let mut told = neighbors(1, "Idle", 3);
        known.tell(&mut told);
        assert_eq!(told.into_values().next().unwrap().causes.notification, None);
    }
}
