//! bfdd's live sessions: a session counts as applied when it runs as declared, not when the configuration says so.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{Engine, Failure, in_time};
use crate::{
    daemon::{Daemon, Forest},
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
    /// Waits until bfdd runs the sessions that are declared now and were not before, with the declared timers. A session of
    /// bgpd's with others is given them.
    ///
    /// # Errors
    /// What it runs instead.
    pub(super) async fn confirm_live(&mut self, desired: &Forest) -> Result<(), Failure> {
        let former = self.wanted_sessions(&Forest::new());
        let mut wanted = self.wanted_sessions(desired);
        wanted.retain(|session| !former.contains(session));
        let wrong = match self.led_to(&wanted).await {
            // bgpd takes the line where no bfdd runs; nothing of ours is in one then.
            Err(Failure::Lost(daemon, why)) if !self.has_of_bfdd(desired) => {
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
    pub(super) async fn mend_live(&mut self, desired: &Forest) {
        let wanted = self.wanted_sessions(desired);
        if wanted.is_empty() || self.away.contains_key(&Daemon::Bfdd) {
            return;
        }
        let strayed = match self.otherwise(&wanted).await {
            Ok(wrong) => wrong.into_iter().filter(|it| it.mending().is_some()).map(|it| it.wanted),
            Err(_) => return,
        };
        let strayed: Vec<Wanted> = strayed.collect();
        let Ok(left) = self.led_to(&strayed).await else { return };
        for wrong in &left {
            warn!(session = %wrong, "not mended");
        }
        self.beyond_mending = left;
    }

    fn has_of_bfdd(&self, desired: &Forest) -> bool {
        let has = |forest: &Forest| forest.get(&Daemon::Bfdd).is_some_and(|tree| !tree.is_empty());
        has(desired) || has(&self.last)
    }

    /// Whether a session of bgpd's runs with other timers than declared, and was not found to be beyond mending.
    pub(super) async fn has_strayed(&mut self) -> bool {
        let wanted = self.wanted_sessions(&Forest::new());
        if wanted.is_empty() {
            return false;
        }
        let Ok(wrong) = self.otherwise(&wanted).await else { return false };
        wrong.iter().any(|it| it.mending().is_some() && !self.beyond_mending.contains(it))
    }

    /// Waits until bfdd runs these sessions as declared, and gives those that it does not.
    async fn led_to(&mut self, wanted: &[Wanted]) -> Result<Vec<Otherwise>, Failure> {
        if wanted.is_empty() || self.away.contains_key(&Daemon::Bfdd) {
            return Ok(Vec::new());
        }
        let begun = Instant::now();
        let mut mended = false;
        loop {
            let wrong = self.otherwise(wanted).await?;
            // bgpd makes its own when it can: what is lacking is not waited for for long.
            let waits = |it: &Otherwise| it.shown.is_some() || begun.elapsed() < HEARD;
            if begun.elapsed() >= RUNS || !wrong.iter().any(waits) {
                return Ok(wrong);
            }
            if !mended && begun.elapsed() >= HEARD {
                self.mend(&wrong).await?;
                mended = true;
            }
            sleep(LOOK).await;
        }
    }

    /// The sessions that are declared; what `desired` leaves out is as it was.
    fn wanted_sessions(&self, desired: &Forest) -> Vec<Wanted> {
        let none = Tree::new();
        let of = |daemon| desired.get(&daemon).or(self.last.get(&daemon)).unwrap_or(&none);
        live::wanted(of(Daemon::Bgpd), of(Daemon::Bfdd))
    }

    async fn otherwise(&mut self, wanted: &[Wanted]) -> Result<Vec<Otherwise>, Failure> {
        let by = self.by;
        in_time(by, Daemon::Bfdd, self.driver(Daemon::Bfdd).sessions(wanted)).await
    }

    async fn mend(&mut self, wrong: &[Otherwise]) -> Result<(), Failure> {
        let by = self.by;
        in_time(by, Daemon::Bfdd, self.driver(Daemon::Bfdd).mend(wrong)).await
    }
}
