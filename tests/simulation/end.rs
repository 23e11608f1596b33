//! The end of a history: all is put right, and FRR becomes what a fresh one gets from what the clients know.

use std::time::Duration;

use novaroute::{commit::Outcome, daemon::Daemon, journal::simulated::Simulated, model::Change};
use tokio::time::{Instant, sleep};

use crate::{
    dice::Dice,
    frr::Frr,
    in_frr,
    model::OWNERS,
    owners::{Known, intent},
    play::{Play, lock, request},
};

/// After the last fault FRR is as the model says within this time: what FRR refused is tried again every ten minutes.
const CONVERGES: Duration = Duration::from_secs(1200);

/// Time in which the agent notices that FRR is not what it was.
const NOTICED: Duration = Duration::from_secs(10);

impl Play {
    /// All is put right: FRR becomes what a fresh one gets from what the clients know.
    pub async fn converge(&self) {
        self.frr.step("fault", "none any more");
        if self.disk.is_dead() {
            self.restart(&mut Dice(1)).await;
        }
        self.cure();
        self.put_right(&mut Dice(1));
        let by = Instant::now() + CONVERGES;
        // That a daemon has died and is back is noticed by the next comparison with everything.
        sleep(NOTICED).await;
        loop {
            let unconnected =
                lock(&self.owners).values().find(|it| !it.connected).map(|it| it.name);
            unconnected.into_iter().for_each(|name| self.connection(name));
            let view = self.node().view();
            let unfinished = lock(&self.owners)
                .values()
                .find(|it| it.busy || !it.connected || it.awaiting.is_some())
                .map(|it| {
                    format!("{} is not done: {:?}", it.name, (it.busy, it.connected, &it.awaiting))
                });
            let stays = view.pending().or_else(|| {
                let rejected =
                    view.rejected.iter().next().map(|(key, why)| format!("{key}: {why}"));
                let stuck = view.stuck.values().next().cloned();
                let journal = view.journal.first().cloned();
                rejected.or(stuck).or(journal).or(unfinished)
            });
            match stays {
                None => break,
                Some(why) if Instant::now() > by => {
                    self.frr.wrong(format!("not over {CONVERGES:?} after the last fault: {why}"));
                    return;
                }
                Some(_) => sleep(Duration::from_secs(1)).await,
            }
            if !self.is_right() {
                return;
            }
        }
        self.compare().await;
    }

    /// Holds FRR against a fresh one.
    pub async fn compare(&self) {
        let fresh = Frr::new(0, false);
        let disk = Simulated::new(0).at_once();
        let other =
            Box::pin(Self::new(fresh.clone(), disk, self.yang.clone(), self.world.clone())).await;
        for name in OWNERS {
            let have = self.of(name, |it| it.known.have.clone());
            let changes: Vec<Change> =
                have.values().map(|kind| Change::Set(intent(kind))).collect();
            other.of(name, |it| it.told(Known { have, ..Known::default() }, true));
            if changes.is_empty() {
                continue;
            }
            let answer = other.node().commit.commit(request(name, changes, None)).await;
            // Of what the operator has as well nothing is sent: what it runs is compared in any case.
            if !answer.as_ref().is_ok_and(|it| it.outcome != Outcome::Pending) {
                self.frr.wrong(format!("a fresh FRR does not take what {name} has: {answer:?}"));
            }
        }
        other.node().kill();
        for daemon in Daemon::ALL {
            let (now, wanted) = (
                in_frr::all(&self.frr, daemon, &self.yang),
                in_frr::all(&fresh, daemon, &self.yang),
            );
            let (now, wanted) = (now.await, wanted.await);
            let less: Vec<_> = wanted.iter().filter(|it| !now.contains(it)).collect();
            let more: Vec<_> = now.iter().filter(|it| !wanted.contains(it)).collect();
            if !less.is_empty() || !more.is_empty() {
                let have: Vec<_> =
                    OWNERS.map(|name| self.of(name, |it| it.known.have.clone())).into();
                self.frr.wrong(format!(
                    "{daemon} lacks {less:#?} and has besides {more:#?} in the end; declared: {have:?}"
                ));
            }
        }
    }
}
