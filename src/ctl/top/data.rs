//! What the agent has said, as far as it is shown. Pure: times are given.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use crate::proto::v1::{GetStatusResponse, RouteEvent, Transaction};

/// More than a screen has lines, and enough for a 99th percentile.
const REMEMBERED: usize = 500;

/// Something new from the agent.
#[derive(Debug)]
pub enum Update {
    /// A connection is open.
    Linked,
    /// There is none, and why.
    Lost(String),
    /// What is declared and what FRR makes of it, at a time since some fixed point.
    Status(Box<GetStatusResponse>, Duration),
    /// An event.
    Event(RouteEvent),
    /// A transaction, new or with something new about it.
    Transaction(Box<Transaction>),
}

/// All that is known.
#[derive(Debug, Clone, Default)]
pub struct Data {
    /// The latest status, none before the first.
    pub status: Option<GetStatusResponse>,
    /// When it came.
    at: Duration,
    /// Changes of prefix counts per second of each peer, by address.
    pub rates: HashMap<String, Rate>,
    /// Newest first.
    pub events: VecDeque<RouteEvent>,
    /// Newest first.
    pub transactions: VecDeque<Transaction>,
}

/// How fast the prefixes of a peer change, per second; down is negative.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rate {
    /// Of those received.
    pub received: f64,
    /// Of those sent.
    pub sent: f64,
}

impl Data {
    /// Takes a status that came at a time since some fixed point.
    pub fn take_status(&mut self, status: GetStatusResponse, at: Duration) {
        let seconds = at.saturating_sub(self.at).as_secs_f64();
        let mut rates = HashMap::new();
        if let (Some(last), true) = (&self.status, seconds > 0.0) {
            let last: HashMap<_, _> =
                last.peers.iter().map(|peer| (peer.neighbor_address.as_str(), peer)).collect();
            for peer in &status.peers {
                let Some(last) = last.get(peer.neighbor_address.as_str()) else { continue };
                let per_second = |now: u32, then: u32| (f64::from(now) - f64::from(then)) / seconds;
                let rate = Rate {
                    received: per_second(peer.prefixes_received, last.prefixes_received),
                    sent: per_second(peer.prefixes_sent, last.prefixes_sent),
                };
                rates.insert(peer.neighbor_address.clone(), rate);
            }
        }
        (self.status, self.at, self.rates) = (Some(status), at, rates);
    }

    /// Takes an event.
    pub fn take_event(&mut self, event: RouteEvent) {
        self.events.push_front(event);
        self.events.truncate(REMEMBERED);
    }

    /// Takes a transaction; one that is known already is replaced.
    pub fn take_transaction(&mut self, new: Transaction) {
        if let Some(known) = self.transactions.iter_mut().find(|known| known.id == new.id) {
            *known = new;
            return;
        }
        let later = |known: &Transaction| known.begun_unix_ms > new.begun_unix_ms;
        let at = self.transactions.iter().take_while(|known| later(known)).count();
        self.transactions.insert(at, new);
        self.transactions.truncate(REMEMBERED);
    }

    /// How long the remembered transactions that FRR confirmed took, in microseconds, sorted.
    pub fn latencies(&self) -> Vec<u64> {
        let confirmed = self.transactions.iter().filter(|one| one.result == "confirmed");
        let mut latencies: Vec<u64> = confirmed.map(|one| one.duration_us).collect();
        latencies.sort_unstable();
        latencies
    }
}

/// The value that so many percent of sorted values do not exceed (nearest rank).
pub fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}
