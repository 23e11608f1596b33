//! Which daemons answer. All are asked at once, so that several that hang cost no more than one, and those
//! that answer get their part.

use std::{collections::BTreeSet, time::Duration};

use super::{Engine, outcome::ANSWER_DEADLINE};
use crate::{
    daemon::{Daemon, Forest},
    tree::Tree,
};

impl Engine {
    /// Daemons that have, or had, something of ours, or shall.
    pub(super) fn concerned(&self, desired: &Forest) -> BTreeSet<Daemon> {
        let wanted = |daemon| desired.get(daemon).is_some_and(|tree| !Tree::is_empty(tree));
        let members = self.members.iter();
        let concerned = members.filter(|(daemon, member)| member.has_ours() || wanted(daemon));
        concerned.map(|(daemon, _)| *daemon).collect()
    }

    /// Asks those of the daemons that are not known to be away, and notes which are.
    pub(super) async fn call_roll(&mut self, daemons: &BTreeSet<Daemon>, within: Duration) {
        let members = self.members.iter_mut().filter(|(daemon, _)| daemons.contains(daemon));
        let asking =
            members.filter(|(_, member)| member.away().is_none()).map(|(_, member)| async move {
                if let Err(error) = member.driver.answers(within).await {
                    member.lose(error.to_string());
                }
            });
        futures::future::join_all(asking).await;
    }

    /// Tries all daemons again that have something of ours, also those that were away the last time.
    pub async fn look_again(&mut self) {
        self.forget_away();
        let concerned = self.concerned(&Forest::new());
        self.call_roll(&concerned, ANSWER_DEADLINE).await;
    }

    /// Has all daemons tried again but those that lack a model.
    pub(super) fn forget_away(&mut self) {
        self.members.values_mut().for_each(super::member::Member::try_again);
    }

    /// A daemon can't be reached.
    pub(super) fn lose(&mut self, daemon: Daemon, why: String) {
        if let Some(member) = self.members.get_mut(&daemon) {
            member.lose(why);
        }
    }
}
