//! Which daemons answer. All are asked at once, so that several that hang cost no more than one, and those
//! that answer get their part.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::{Engine, outcome::ANSWER_DEADLINE};
use crate::{
    daemon::{Daemon, Forest},
    tree::Tree,
};

impl Engine {
    /// Daemons that have, or had, something of ours.
    pub(super) fn concerned(&self, desired: &Forest) -> BTreeSet<Daemon> {
        let has = |forest: &Forest, daemon| forest.get(&daemon).is_some_and(|t| !Tree::is_empty(t));
        let concerned = |daemon: &Daemon| {
            has(desired, *daemon) || has(&self.last, *daemon) || self.held.contains_key(daemon)
        };
        Daemon::ALL.into_iter().filter(concerned).collect()
    }

    /// Asks those of the daemons that are not known to be away, and notes which are.
    pub(super) async fn call_roll(&mut self, daemons: &BTreeSet<Daemon>) {
        let left = self.by.map(|by| by.saturating_duration_since(Instant::now()));
        let within = left.map_or(ANSWER_DEADLINE, |left| left.min(ANSWER_DEADLINE));
        let asked = |daemon: &Daemon| daemons.contains(daemon) && !self.away.contains_key(daemon);
        let drivers = self.drivers.iter_mut().filter(|(daemon, _)| asked(daemon));
        let asking = drivers.map(|(daemon, driver)| async move {
            let answer = driver.answers(within).await;
            (*daemon, answer.err().map(|error| error.to_string()))
        });
        for (daemon, why) in futures::future::join_all(asking).await {
            if let Some(why) = why {
                self.away.insert(daemon, why);
            }
        }
    }

    /// Tries all daemons again that have something of ours, also those that were away the last time.
    pub async fn look_again(&mut self) {
        self.forget_away();
        let concerned = self.concerned(&Forest::new());
        self.call_roll(&concerned).await;
    }

    /// Has all daemons tried again but those that lack a model.
    pub(super) fn forget_away(&mut self) {
        let drivers = self.drivers.iter();
        self.away = drivers.filter_map(|(daemon, it)| Some((*daemon, it.unusable()?))).collect();
    }

    /// Whether a daemon is away that may be back by now.
    pub(super) fn is_one_away(&self) -> bool {
        self.away.keys().any(|daemon| self.unusable(*daemon).is_none())
    }
}
