//! The one sequence in which edits become running configuration:
//!
//! lock candidate → lock running → abort (others may have left edits behind) →
//! edits → apply → unlock both; abort and unlock on every other way out. An apply
//! begins with the validation, which costs mgmtd more than all the rest (0.7 s beside
//! 10,000 routes), so it is not asked for before.
//!
//! FRR 10.3 needs more care. Whenever *any* session of mgmtd ends there, that of a
//! `vtysh` included, mgmtd makes the candidate a copy of running, locked or not. Edits
//! can so be lost between any two messages, and an apply that is under way can leave
//! mgmtd's running configuration without what the daemons have applied. Hence the
//! edits are made again after the commit, until mgmtd says that they change nothing.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use crate::frr::frontend::{
    Action, Committed, Datastore, Edit, Error, Generation, Operation, Session,
};

/// How long to wait for locks that others hold: longer than their ordinary commits
/// (10,000 routes take 3 s), shorter than a caller's patience.
const LOCK_DEADLINE: Duration = Duration::from_secs(5);

/// First pause between two attempts at the locks; a small commit takes about this.
const BACKOFF_FIRST: Duration = Duration::from_millis(5);

/// Longest pause, so that a lock that comes free is taken within a blink.
const BACKOFF_CAP: Duration = Duration::from_millis(200);

/// Rounds on 10.3: two suffice where nobody interferes, and each interference costs
/// one more. An apply of one route is disturbed by every second client that comes
/// and goes 140 times a second, and by one in 200 that does so every second.
const ROUNDS: u32 = 12;

/// "Nothing to change" is also what edits look like that were lost between their
/// arrival and their validation, some 50 µs. Without an apply before, ask twice.
const QUIET: u32 = 2;

/// What the commit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    Validate,
    Apply,
}

impl Goal {
    fn action(self) -> Action {
        match self {
            Self::Validate => Action::Validate,
            Self::Apply => Action::Apply,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Valid,
    Applied,
    Unchanged,
}

/// Runs the whole sequence. Leaves the candidate clean and both locks free, or the
/// session unusable.
pub(super) async fn run(
    session: &mut Session,
    edits: &[Edit],
    goal: Goal,
) -> Result<Outcome, Error> {
    lock_both(session).await?;
    let result = match session.generation() {
        Generation::Native => once(session, edits, goal).await,
        Generation::Protobuf => until_settled(session, edits, goal).await,
    };
    let clean = matches!(result, Ok(Outcome::Applied));
    leave(session, clean).await;
    result
}

/// Makes the candidate clean, as after a connection that was lost mid-way.
pub(super) async fn reset(session: &mut Session) -> Result<(), Error> {
    lock_both(session).await?;
    leave(session, false).await;
    Ok(())
}

async fn once(session: &mut Session, edits: &[Edit], goal: Goal) -> Result<Outcome, Error> {
    session.commit(Action::Abort).await?;
    let committed = session.edit_and_commit(edits, goal.action()).await?;
    Ok(outcome(goal, committed == Committed::Changed))
}

async fn until_settled(
    session: &mut Session,
    edits: &[Edit],
    goal: Goal,
) -> Result<Outcome, Error> {
    let mut again = edits.to_vec();
    for edit in &mut again {
        if edit.operation == Operation::Delete {
            edit.operation = Operation::Remove;
        }
    }
    session.commit(Action::Abort).await?;
    let mut applied = false;
    let mut quiet = 0;
    for round in 0..ROUNDS {
        // After an apply, and after "no changes", the candidate is as running is.
        let edits = if round == 0 { edits } else { &again };
        let action = if applied {
            Action::Validate
        } else {
            goal.action()
        };
        match (session.edit_and_commit(edits, action).await?, goal) {
            (Committed::NoChanges, _) => quiet += 1,
            (Committed::Changed, Goal::Validate) => return Ok(Outcome::Valid),
            (Committed::Changed, Goal::Apply) => {
                quiet = 0;
                if applied {
                    debug!(
                        round,
                        "another session of mgmtd reset the candidate during an apply"
                    );
                    session.commit(Action::Apply).await?;
                }
                applied = true;
            }
        }
        if quiet == QUIET || (applied && quiet > 0) {
            return Ok(outcome(goal, applied));
        }
    }
    Err(Error::Unexpected {
        request: "apply",
        got: format!("other sessions reset mgmtd's candidate {ROUNDS} times"),
    })
}

fn outcome(goal: Goal, changed: bool) -> Outcome {
    match (goal, changed) {
        (Goal::Validate, _) => Outcome::Valid,
        (Goal::Apply, true) => Outcome::Applied,
        (Goal::Apply, false) => Outcome::Unchanged,
    }
}

/// Takes both locks, waiting for others within [`LOCK_DEADLINE`].
async fn lock_both(session: &mut Session) -> Result<(), Error> {
    let deadline = Instant::now() + LOCK_DEADLINE;
    let mut pause = BACKOFF_FIRST;
    loop {
        let locked = try_lock_both(session).await;
        let Err(Error::Locked { .. }) = locked else {
            return locked;
        };
        let wait = jittered(pause);
        if Instant::now() + wait > deadline {
            return locked;
        }
        sleep(wait).await;
        pause = (pause * 2).min(BACKOFF_CAP);
    }
}

/// Takes both locks, or none.
async fn try_lock_both(session: &mut Session) -> Result<(), Error> {
    let mut held = Vec::with_capacity(2);
    let locked = async {
        for datastore in [Datastore::Candidate, Datastore::Running] {
            session.lock(datastore).await?;
            held.push(datastore);
        }
        session.check_idle().await
    }
    .await;
    if locked.is_err() && session.is_usable() {
        for datastore in held.into_iter().rev() {
            if session.unlock(datastore).await.is_err() {
                session.give_up();
                break;
            }
        }
    }
    locked
}

/// Half to all of a pause, so that two who wait for each other do not keep step.
fn jittered(pause: Duration) -> Duration {
    // A fresh hasher's keys are random; no generator is needed for this.
    let random = RandomState::new().hash_one(0u8) % 1024;
    pause / 2 + pause.mul_f64(random as f64 / 2048.0)
}

/// Cleans the candidate where it is not clean, and unlocks. What cannot be cleaned
/// is given up with the connection.
async fn leave(session: &mut Session, clean: bool) {
    if !session.is_usable() {
        return;
    }
    let left = async {
        if !clean {
            session.commit(Action::Abort).await?;
        }
        session.unlock(Datastore::Running).await?;
        session.unlock(Datastore::Candidate).await
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
    fn jitter_stays_between_half_and_all() {
        for _ in 0..100 {
            let pause = jittered(BACKOFF_CAP);
            assert!(
                pause >= BACKOFF_CAP / 2 && pause <= BACKOFF_CAP,
                "{pause:?}"
            );
        }
    }
}
