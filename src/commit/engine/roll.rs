//! Which daemons answer. All are asked at once, so that several that hang cost no more than one, and those
//! that answer get their part.

use std::{collections::BTreeSet, future::Future, pin::Pin};

use tokio::time::Instant;

use super::{Engine, outcome::ANSWER_DEADLINE};
use crate::{
    daemon::{Daemon, Forest},
    tree::Tree,
};

/// Asks a daemon; `None` where it answers, else why not.
type Asking<'a> = Pin<Box<dyn Future<Output = (Daemon, Option<String>)> + Send + 'a>>;

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
        let mut asking: Vec<Asking<'_>> = Vec::new();
        if asked(&Daemon::Mgmtd) {
            let mgmtd = &mut self.mgmtd;
            asking.push(Box::pin(async move {
                let answer = mgmtd.answers(within).await;
                (Daemon::Mgmtd, answer.err().map(|error| error.to_string()))
            }));
        }
        for (daemon, part) in self.vty.iter_mut().filter(|(daemon, _)| asked(daemon)) {
            asking.push(Box::pin(async move {
                let answer = part.driver.answers(within).await;
                (*daemon, answer.err().map(|error| crate::frr::vty::chain(&error)))
            }));
        }
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
}
