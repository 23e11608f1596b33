//! bfdd's live sessions: a session counts as applied when it runs as declared, not when the configuration says so.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{
    COMMIT_DEADLINE, Engine, Failure,
    candidate::{Behind, Commit},
    in_time,
};
use crate::{
    daemon::Daemon,
    frr::vty::live::{self, Otherwise, Wanted},
    tree::Tree,
};

/// Time in which bfdd hears of a change by itself: bgpd tells zebra, and zebra tells bfdd.
const HEARD: Duration = Duration::from_millis(500);

/// Time in which it has to run what is declared, once it was told directly.
const RUNS: Duration = Duration::from_secs(3);

/// Time between two looks meanwhile.
const LOOK: Duration = Duration::from_millis(25);

impl Engine {
    /// Brings bfdd's sessions to what is declared: a commit for a client waits for its own, one for many mends what strayed.
    pub(super) async fn reconcile_sessions(&mut self, commit: &Commit<'_>) -> Result<(), Failure> {
        match (commit.daemons().contains(&Daemon::Bfdd), commit.progress.behind) {
            (false, _) => Ok(()),
            (true, Behind::Ends) => self.confirm_live(commit).await,
            (true, Behind::GoesOn) => {
                self.mend_live(commit).await;
                Ok(())
            }
        }
    }

    /// Waits until bfdd runs the sessions that are declared now and were not before, with the declared timers. A session of
    /// bgpd's with others is given them.
    ///
    /// # Errors
    /// What it runs instead.
    async fn confirm_live(&mut self, commit: &Commit<'_>) -> Result<(), Failure> {
        let former = self.wanted_sessions(None);
        let mut wanted = self.wanted_sessions(Some(commit));
        wanted.retain(|session| !former.contains(session));
        let wrong = match self.led_to(commit.by, &wanted).await {
            // bgpd takes the line where no bfdd runs; nothing of ours is in one then.
            Err(Failure::Lost(daemon, why)) if !self.has_of_bfdd(commit) => {
                warn!(%daemon, why, "BFD sessions were not looked at");
                return Ok(());
            }
            wrong => wrong?,
        };
        match wrong.into_iter().find(|wrong| wrong.shown.is_some()) {
            None => Ok(()),
            Some(wrong) => {
                let at = if wrong.is_of_bgpd() { Daemon::Bgpd } else { Daemon::Bfdd };
                Err(Failure::Refused(wrong.to_string(), Some((at, wrong.wanted.path))))
            }
        }
    }

    /// Gives sessions of bgpd's their timers, in a comparison with everything. What is beyond mending is said, and
    /// refuses nothing: status shows what runs.
    async fn mend_live(&mut self, commit: &Commit<'_>) {
        let wanted = self.wanted_sessions(Some(commit));
        if wanted.is_empty() || self.is_away(Daemon::Bfdd) {
            return;
        }
        let strayed = match self.otherwise(commit.by, &wanted).await {
            Ok(wrong) => wrong.into_iter().filter(|it| it.mending().is_some()).map(|it| it.wanted),
            Err(_) => return,
        };
        let strayed: Vec<Wanted> = strayed.collect();
        let Ok(left) = self.led_to(commit.by, &strayed).await else { return };
        for wrong in &left {
            warn!(session = %wrong, "not mended");
        }
        self.beyond_mending = left;
    }

    fn has_of_bfdd(&self, commit: &Commit<'_>) -> bool {
        let last = self.member(Daemon::Bfdd).map(|member| &member.last);
        let of = [commit.make(Daemon::Bfdd), last];
        of.into_iter().flatten().any(|tree| !tree.is_empty())
    }

    /// Whether a session of bgpd's runs with other timers than declared, and was not found to be beyond mending.
    pub(super) async fn has_strayed(&mut self) -> bool {
        let wanted = self.wanted_sessions(None);
        if wanted.is_empty() {
            return false;
        }
        let by = Instant::now() + COMMIT_DEADLINE;
        let Ok(wrong) = self.otherwise(by, &wanted).await else { return false };
        wrong.iter().any(|it| it.mending().is_some() && !self.beyond_mending.contains(it))
    }

    /// Waits until bfdd runs these sessions as declared, and gives those that it does not.
    async fn led_to(&mut self, by: Instant, wanted: &[Wanted]) -> Result<Vec<Otherwise>, Failure> {
        if wanted.is_empty() || self.is_away(Daemon::Bfdd) {
            return Ok(Vec::new());
        }
        let begun = Instant::now();
        let mut mended = false;
        loop {
            let wrong = self.otherwise(by, wanted).await?;
            // bgpd makes its own when it can: what is lacking is not waited for for long.
            let waits = |it: &Otherwise| it.shown.is_some() || begun.elapsed() < HEARD;
            if begun.elapsed() >= RUNS || !wrong.iter().any(waits) {
                return Ok(wrong);
            }
            if !mended && begun.elapsed() >= HEARD {
                self.mend(by, &wrong).await?;
                mended = true;
            }
            sleep(LOOK).await;
        }
    }

    /// The sessions that are declared; what a commit does not cover is as it was.
    fn wanted_sessions(&self, commit: Option<&Commit<'_>>) -> Vec<Wanted> {
        let none = Tree::new();
        let of = |daemon| {
            let made = commit.and_then(|commit| commit.make(daemon));
            made.or(self.member(daemon).map(|member| &member.last)).unwrap_or(&none)
        };
        live::wanted(of(Daemon::Bgpd), of(Daemon::Bfdd))
    }

    fn is_away(&self, daemon: Daemon) -> bool {
        self.member(daemon).is_none_or(|member| member.away().is_some())
    }

    async fn otherwise(
        &mut self,
        by: Instant,
        wanted: &[Wanted],
    ) -> Result<Vec<Otherwise>, Failure> {
        in_time(by, Daemon::Bfdd, self.driver(Daemon::Bfdd).sessions(wanted)).await
    }

    async fn mend(&mut self, by: Instant, wrong: &[Otherwise]) -> Result<(), Failure> {
        in_time(by, Daemon::Bfdd, self.driver(Daemon::Bfdd).mend(wrong)).await
    }
}
