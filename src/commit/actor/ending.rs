//! What the agent's end and its next start take away: a drain until the restart, and, where it is
//! asked for, all of ours in FRR.

use std::{collections::BTreeSet, time::Duration};

use tracing::info;

use super::{Actor, resync::ROUNDS};
use crate::{
    commit::{Applied, EngineError, engine::Terms},
    daemon::{Daemon, Forest},
    failpoint,
    journal::{Journal, JournalError},
    model::{Change, IntentKey},
    render::render,
    transaction::Transaction,
    tree::Path,
};

/// Origin of the transaction that ends a drain.
const ORIGIN: &str = "restart";

/// Time to take all of ours out of FRR. With what calls and the commit under way have before, the
/// whole stop stays below the 60 s that the pod is given.
const WITHDRAW: Duration = Duration::from_secs(20);

/// Time that bgpd has to send withdrawals before its sessions end: it gathers updates for up to a second.
const UPDATES: Duration = Duration::from_secs(2);

/// Why something of ours is left in FRR.
#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    /// FRR refused; all of it is as it was.
    #[error(transparent)]
    Refused(#[from] EngineError),
    /// FRR refuses to lose an object; all else is out.
    #[error("{daemon} keeps {path}: {message}")]
    Stuck {
        /// Which daemon.
        daemon: Daemon,
        /// The first of its objects that stays.
        path: Path,
        /// Why.
        message: String,
    },
    /// Daemons that could not be reached keep what they have.
    #[error("not reached: {daemons}")]
    Unreachable {
        /// Which, each with why.
        daemons: String,
    },
    /// FRR did not answer; it may have any part of it.
    #[error("FRR has not confirmed it within {WITHDRAW:?}")]
    TimedOut,
}

/// Ends a drain that was to last until this start: its line leaves FRR with the first comparison.
pub(super) fn end_drain(journal: &mut Journal) -> Result<(), JournalError> {
    let before = journal.state().store.clone();
    let Some((owner, drain)) = before.drain() else { return Ok(()) };
    if !drain.until_restart {
        return Ok(());
    }
    let changes = [Change::Remove(IntentKey::Drain)];
    let mut after = before.clone();
    after.apply(owner, &changes[0]);
    let id = journal.declare(Transaction::new(owner, ORIGIN, &changes, &before, &after))?;
    failpoint::hit("drain-ended");
    info!(%owner, transaction = %id, "the drain was until this restart; it ends");
    Ok(())
}

impl Actor {
    /// Takes all of ours out of FRR, read back. What is declared stays declared: the next start
    /// brings it back.
    pub(super) async fn leave(&mut self) -> Result<(), LeaveError> {
        let withdrawn = tokio::time::timeout(WITHDRAW, self.withdraw()).await;
        let Applied { sent, unreachable, .. } = withdrawn.map_err(|_| LeaveError::TimedOut)??;
        if let Some(((daemon, path), message)) = self.stuck.first_key_value() {
            let (daemon, path) = (*daemon, path.clone());
            return Err(LeaveError::Stuck { daemon, path, message: message.clone() });
        }
        if unreachable.is_empty() {
            info!(sent, "all of ours is out of FRR");
            return Ok(());
        }
        let daemons: Vec<_> = unreachable.iter().map(|(d, why)| format!("{d}: {why}")).collect();
        Err(LeaveError::Unreachable { daemons: daemons.join("; ") })
    }

    /// Prefixes first: a neighbour whose session ends before keeps them as stale (RFC 8538).
    async fn withdraw(&mut self) -> Result<Applied, EngineError> {
        let rest = self.store().iter().filter(|(key, _)| {
            !matches!(key, IntentKey::Prefix(..)) && !self.rejected.contains_key(key)
        });
        let rest = render(rest.map(|(_, owned)| &owned.intent), self.engine.shapes());
        self.forget_stuck(|_| true);
        let routes = self.take_away(&rest).await?;
        if routes.sent > 0 {
            tokio::time::sleep(UPDATES).await;
        }
        failpoint::hit("withdraw-half");
        let mut all = self.take_away(&Forest::new()).await?;
        failpoint::hit("withdraw-done");
        all.sent += routes.sent;
        Ok(all)
    }

    /// Takes all of ours away but this; what FRR refuses to lose holds up nothing else.
    async fn take_away(&mut self, but: &Forest) -> Result<Applied, EngineError> {
        let all = BTreeSet::from(Daemon::ALL);
        let mut rounds = 0..ROUNDS;
        let terms = Terms::default();
        loop {
            match self.engine.resynchronise(&all, but, &terms, &mut self.journal).await {
                Ok(applied) => return Ok(applied),
                Err(rejected) => {
                    let error = rejected.error.clone();
                    if rounds.next().is_none() || !self.leave_out(rejected, but) {
                        return Err(error);
                    }
                }
            }
        }
    }
}
