//! Whether FRR still runs what it was brought to.

use tokio::time::Instant;

use super::{
    COMMIT_DEADLINE, Engine, RESYNC_DEADLINE, in_time,
    member::{Member, Standing},
};
use crate::{commit::ownership::objects, daemon::Daemon, frr::vty::Snapshot};

impl Engine {
    /// Whether FRR still runs what it was brought to, and what others had beside it: then there is nothing
    /// to compare. Costs a look at the text of each configuration, unless something was changed since
    /// the last look.
    pub async fn is_in_step(&mut self) -> bool {
        // A daemon that does not say so in time does not: the comparison of all says why.
        tokio::time::timeout(COMMIT_DEADLINE, self.compare_all()).await.unwrap_or_default()
    }

    async fn compare_all(&mut self) -> bool {
        let mut members = self.members.values();
        if members.any(|it| it.may_be_back() || it.waits || it.awaits_start_up_file()) {
            return false;
        }
        for (daemon, member) in &mut self.members {
            if !member.has_ours() || member.driver.unusable().is_some() {
                continue;
            }
            if !matches!(member.standing, Standing::Reached { in_step: true, .. }) {
                return false;
            }
            let same = match member.driver.text().await {
                Ok(Some(text)) => member.is_as_known(&text),
                Ok(None) => member.has_all(*daemon).await,
                Err(_) => false,
            };
            if !same {
                return false;
            }
        }
        !self.has_strayed().await
    }
}

impl Member {
    /// Whether something was taken away from a daemon that has started anew since, and it is not over yet what its start-up
    /// file brings back.
    pub(super) fn awaits_start_up_file(&self) -> bool {
        let Some(held) = self.held.as_ref().filter(|held| !held.gone.is_empty()) else {
            return false;
        };
        let now = self.driver.start().incarnation;
        held.gone.iter().any(|gone| gone.incarnation != now)
    }

    /// Whether a daemon that has no text runs all of ours, and so do those behind it.
    async fn has_all(&mut self, daemon: Daemon) -> bool {
        let Ok(Snapshot { running, .. }) = self.driver.read().await else { return false };
        let running = running.tree;
        if !running.includes(&self.last) {
            return false;
        }
        if let Some(held) = &self.held {
            let same = self.beside.as_ref() == Some(&objects::of_marks(&held.theirs, &running));
            // What was taken away and somebody has typed since is theirs.
            let typed = held.gone.iter().any(|gone| {
                let mut typed = false;
                objects::each(&gone.tree, &mut |path, _| typed |= running.contains(path));
                typed
            });
            if !same || typed {
                return false;
            }
        }
        let by = Instant::now() + RESYNC_DEADLINE;
        let last = &self.last;
        let apart = in_time(by, daemon, self.driver.reconcile(last, last, last)).await;
        apart.is_ok_and(|not_shown| not_shown.is_empty())
    }
}
