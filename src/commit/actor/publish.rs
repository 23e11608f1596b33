//! What everybody is told: the view, events, metrics.

use std::sync::Arc;

use tokio::time::Instant;

use super::Actor;
use crate::{
    commit::{Outcome, View},
    events::Event,
    model::IntentKey,
    protocol::kinds,
};

impl Actor {
    /// Whether a daemon that executes this intent can't be reached.
    pub(super) fn is_unreachable(&self, key: &IntentKey) -> bool {
        kinds::of(key.kind()).executors.iter().any(|daemon| self.lags.is_away(*daemon))
    }

    /// Tells everybody how a transaction with FRR ended.
    pub(super) fn tell(&mut self, outcome: Outcome, begun: Instant) {
        let result = match outcome {
            Outcome::Confirmed => "confirmed",
            Outcome::Unchanged => "unchanged",
            Outcome::Pending => "pending",
        };
        self.observer.transaction(result, begun.elapsed());
        self.publish();
        for event in std::mem::take(&mut self.unconfirmed) {
            let key = match &event {
                Event::PrefixAdvertised { prefix, protocol, .. }
                | Event::PrefixWithdrawn { prefix, protocol, .. } => {
                    IntentKey::Prefix(*protocol, *prefix)
                }
                // All else that waits here is told of the instance.
                _ => IntentKey::Bgp,
            };
            let advertised = matches!(event, Event::PrefixAdvertised { .. });
            if self.is_unreachable(&key) {
                self.unconfirmed.push(event);
            } else if !(advertised
                && (self.rejected.contains_key(&key) || self.hindered.contains_key(&key)))
            {
                self.events.publish(event);
            }
        }
    }

    pub(super) fn publish(&self) {
        let view = View {
            store: self.store().clone(),
            lags: self.lags.clone(),
            rejected: self
                .rejected
                .iter()
                .chain(&self.hindered)
                .map(|(k, v)| (*k, v.clone()))
                .collect(),
            stuck: self.stuck.clone(),
            kept: self.engine.kept().map(|(daemon, kept)| (daemon, kept.to_vec())).collect(),
            drifted: self.drifted.clone(),
            history: self.journal.state().history.clone(),
            journal: self.journal.concerns().to_vec(),
            configured: self.configured.clone(),
            shapes: Some(self.engine.shapes()),
            configured_bgp: self.journal.state().configured.bgp.clone(),
        };
        let now = Arc::new(view);
        let before = self.publish.send_replace(now.clone());
        self.observer.state(&before, &now);
    }

    /// Tells what is the matter with the journal.
    pub(super) fn tell_of_journal(&self) {
        let (writable, damaged) = (self.journal.is_writable(), self.journal.damaged());
        self.observer.journal(writable, damaged, self.journal.concerns());
    }
}
