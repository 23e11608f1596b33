//! One daemon as the engine knows it: whether it is reached, what of ours it runs, and what beside that.

use tokio::time::Instant;

use super::{InTheWay, claims::STARTING};
use crate::{
    commit::ownership::{Kept, Start},
    frr::{
        driver::Driver,
        vty::{Snapshot, table::Running},
    },
    journal::Remembered,
    tree::{Path, Tree, without},
};

/// A daemon, its driver, and all that is known of it.
pub(super) struct Member {
    pub(super) driver: Box<dyn Driver>,
    pub(super) standing: Standing,
    /// What of ours it runs, as far as was confirmed.
    pub(super) last: Tree,
    /// Whose objects are, as far as `last` does not tell; the same as in the journal.
    pub(super) held: Option<Remembered>,
    /// Objects of ours that could not go.
    pub(super) kept: Vec<Kept>,
    /// What is declared and not done, since something foreign is in the way.
    pub(super) in_the_way: Vec<InTheWay>,
    /// What goes and FRR refuses to lose.
    pub(super) stuck: Vec<Path>,
    /// What it ran where something declared is not ours.
    pub(super) beside: Option<Tree>,
    /// Whether it was not given back yet what an operator has in its start-up file.
    pub(super) waits: bool,
    /// Which start of it was seen last, and when first.
    started: Option<(u64, Instant)>,
}

/// How a daemon stands to what is desired of it.
#[derive(Debug)]
pub(super) enum Standing {
    /// It could not be reached when it was last tried, or its models can't be loaded.
    Away {
        /// Why.
        why: String,
    },
    /// It answers, as far as is known.
    Reached {
        /// Whether it has all that was desired when it was compared last, and since.
        in_step: bool,
        /// What it runs beside what is ours, where all of it is known.
        known: Option<Known>,
    },
}

/// What a daemon ran beside what is ours when it was read last.
#[derive(Debug)]
pub(super) struct Known {
    /// The connection on which it was read.
    connection: u64,
    /// What the table knows and is not ours, and what it does not know.
    pub(super) others: Running,
    /// Lines of the configuration, about.
    pub(super) lines: usize,
    /// Of the configuration's text, unless something was changed since.
    digest: Option<u32>,
}

impl Known {
    /// What was read on a connection, without what is ours.
    pub(super) fn new(connection: u64, snapshot: Snapshot, ours: &Tree) -> Self {
        let Snapshot { text, running } = snapshot;
        let tree = without(&running.tree, ours);
        Self {
            connection,
            others: Running { tree, ..running },
            lines: text.lines().count(),
            digest: Some(crc32fast::hash(text.as_bytes())),
        }
    }

    /// A commit has set so many lines and taken so many away since.
    pub(super) fn changed(&mut self, set: usize, gone: usize) {
        self.lines = (self.lines + set).saturating_sub(gone);
        self.digest = None;
    }
}

impl Member {
    pub(super) fn new(driver: Box<dyn Driver>) -> Self {
        let mut member = Self {
            driver,
            standing: Standing::UNKNOWN,
            last: Tree::new(),
            held: None,
            kept: Vec::new(),
            in_the_way: Vec::new(),
            stuck: Vec::new(),
            beside: None,
            waits: false,
            started: None,
        };
        member.try_again();
        member
    }

    /// Whether it has, or had, something of ours.
    pub(super) fn has_ours(&self) -> bool {
        !self.last.is_empty() || self.held.is_some()
    }

    /// Has it tried again, unless it lacks a model.
    pub(super) fn try_again(&mut self) {
        match (self.driver.unusable(), &self.standing) {
            (Some(why), _) => self.lose(why),
            (None, Standing::Away { .. }) => self.standing = Standing::UNKNOWN,
            (None, Standing::Reached { .. }) => {}
        }
    }

    /// It can't be reached: nothing is known of it any more.
    pub(super) fn lose(&mut self, why: String) {
        self.standing = Standing::Away { why };
    }

    /// Why it can't be reached.
    pub(super) fn away(&self) -> Option<&str> {
        match &self.standing {
            Standing::Away { why } => Some(why),
            Standing::Reached { .. } => None,
        }
    }

    /// Whether it is away and may be back by now.
    pub(super) fn may_be_back(&self) -> bool {
        self.away().is_some() && self.driver.unusable().is_none()
    }

    /// What it runs beside ours, where that is known: it was read, on the connection that there still is.
    pub(super) fn known(&self) -> Option<&Known> {
        match &self.standing {
            Standing::Reached { known: Some(known), .. }
                if self.driver.connection() == Some(known.connection) =>
            {
                Some(known)
            }
            _ => None,
        }
    }

    /// Lines of its configuration, about; 0 where that is not known.
    pub(super) fn lines(&self) -> usize {
        self.known().map_or(0, |known| known.lines)
    }

    /// What it runs is about to be compared, or is no longer known.
    pub(super) fn doubt(&mut self) {
        if let Standing::Reached { .. } = self.standing {
            self.standing = Standing::UNKNOWN;
        }
    }

    /// It is not known how much of it the daemon has: the whole is compared next, and all of it counts as ours from now on, so
    /// that it is taken away should it no longer be desired.
    pub(super) fn perhaps_has(&mut self, desired: &Tree) {
        self.doubt();
        self.last.merge(desired);
    }

    /// Whether a text of all that it runs is what it ran when it was compared last, with what was changed since.
    pub(super) fn is_as_known(&mut self, text: &str) -> bool {
        let connection = self.driver.connection();
        let Standing::Reached { known: Some(known), .. } = &mut self.standing else { return false };
        if connection != Some(known.connection) {
            return false;
        }
        let digest = Some(crc32fast::hash(text.as_bytes()));
        if known.digest.is_none() {
            let running = self.driver.parse(text);
            let mut expected = self.last.clone();
            expected.merge(&known.others.tree);
            if running.tree == expected && running.foreign == known.others.foreign {
                known.lines = text.lines().count();
                known.digest = digest;
            }
        }
        known.digest == digest
    }

    /// Which start of the daemon runs, and whether it is so young that it may still be given its start-up file.
    pub(super) fn start(&mut self) -> Start {
        let start = self.driver.start();
        let seen = self.started.get_or_insert((start.incarnation, Instant::now()));
        if seen.0 != start.incarnation {
            *seen = (start.incarnation, Instant::now());
        }
        let young = seen.1.elapsed() <= STARTING && start.age.is_none_or(|age| age <= STARTING);
        Start { incarnation: start.incarnation, starting: young }
    }
}

impl Standing {
    /// It answers, and nothing is known of it.
    const UNKNOWN: Self = Self::Reached { in_step: false, known: None };
}
