//! mgmtd's two locks: taken together, given back together, and what is kept longer.
//!
//! A lock belongs to a session of mgmtd. The gateway has one that writes, so what it
//! holds beyond one commit (a prepared transaction, `LockConfig`) it holds there.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::frr::{
    frontend::{Action, Datastore, Error, Session},
    retry::Backoff,
};

/// How long to wait for locks that others hold: longer than their ordinary commits
/// (10,000 routes take 3 s), shorter than a caller's patience.
const LOCK_DEADLINE: Duration = Duration::from_secs(5);

/// First pause between two attempts at the locks; a small commit takes about this.
const BACKOFF_FIRST: Duration = Duration::from_millis(5);

/// Longest pause, so that a lock that comes free is taken within a blink.
const BACKOFF_CAP: Duration = Duration::from_millis(200);

/// Locks that the session has and keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) candidate: bool,
    pub(super) running: bool,
}

impl Held {
    /// Both, between `PREPARE` and what ends it.
    pub(super) const BOTH: Self = Self { candidate: true, running: true };

    /// Those of both that are not among these, in the order in which they are taken.
    fn missing(self) -> impl DoubleEndedIterator<Item = Datastore> {
        let all = [(Datastore::Candidate, self.candidate), (Datastore::Running, self.running)];
        all.into_iter().filter(|(_, held)| !held).map(|(datastore, _)| datastore)
    }
}

/// Takes the locks that are not held already, waiting for others within
/// [`LOCK_DEADLINE`].
pub(super) async fn take(session: &mut Session, held: Held) -> Result<(), Error> {
    let deadline = Instant::now() + LOCK_DEADLINE;
    let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_CAP);
    loop {
        let locked = try_take(session, held).await;
        let Err(Error::Locked { .. }) = locked else {
            return locked;
        };
        let wait = backoff.pause();
        if Instant::now() + wait > deadline {
            return locked;
        }
        sleep(wait).await;
    }
}

/// Takes all that are missing, or none.
async fn try_take(session: &mut Session, held: Held) -> Result<(), Error> {
    let mut taken = Vec::with_capacity(2);
    let locked = async {
        for datastore in held.missing() {
            session.lock(datastore).await?;
            taken.push(datastore);
        }
        session.check_idle().await
    }
    .await;
    if locked.is_err() && session.is_usable() {
        for datastore in taken.into_iter().rev() {
            if session.unlock(datastore).await.is_err() {
                session.give_up();
                break;
            }
        }
    }
    locked
}

/// Cleans the candidate where it is not clean, and gives back all locks but those to
/// keep. What cannot be cleaned is given up with the connection.
pub(super) async fn leave(session: &mut Session, clean: bool, keep: Held) {
    if !session.is_usable() {
        return;
    }
    let left = async {
        if !clean {
            session.commit(Action::Abort).await?;
        }
        for datastore in keep.missing().rev() {
            session.unlock(datastore).await?;
        }
        Ok::<(), Error>(())
    }
    .await;
    if let Err(error) = left {
        warn!(%error, "mgmtd's candidate could not be left clean; giving the connection up");
        session.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_taken_in_one_order_and_given_back_in_the_other() {
        let missing: Vec<_> = Held::default().missing().collect();
        assert_eq!(missing, [Datastore::Candidate, Datastore::Running]);
        let running = Held { running: true, ..Held::default() };
        assert_eq!(running.missing().rev().collect::<Vec<_>>(), [Datastore::Candidate]);
        assert_eq!(Held::BOTH.missing().count(), 0);
    }
}
