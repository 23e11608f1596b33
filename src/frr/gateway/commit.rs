//! The one sequence in which a change becomes running configuration:
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
//! edits are made again after the commit, until mgmtd says that they change nothing;
//! but for a client that checks itself.
//! And its validation is never asked to go well: see `settle`.

use tracing::debug;

use super::{
    change::{Change, Goal},
    locks::{self, Held},
    print::{Print, get_all, get_running, parse},
    replace, settle,
};
use crate::frr::frontend::{Action, Committed, Datastore, Error, Generation, Session};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CommitResult {
    Valid,
    Applied {
        /// What runs since, as compact JSON, where that was asked for.
        running: Option<String>,
    },
    Unchanged,
}

/// How a commit is run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) goal: Goal,
    /// Locks that the session has and keeps.
    pub(super) held: Held,
    /// Read what runs after an apply, before the locks are given back.
    pub(super) read_back: bool,
}

/// Runs the whole sequence. Leaves the candidate clean and the locks that were not held
/// before free, or the session unusable. A preparation that went well keeps both.
pub(super) async fn run(
    session: &mut Session,
    change: &Change,
    terms: Terms,
) -> Result<CommitResult, Error> {
    locks::take(session, terms.held).await?;
    let result = changed(session, change, terms.goal).await;
    let applied = matches!(result, Ok(true)) && terms.goal == Goal::Apply;
    let running = match applied && terms.read_back {
        true => read_running(session).await.inspect_err(|error| debug!(%error, "not read back")),
        false => Ok(None),
    };
    let result = result.map(|changed| match (terms.goal, changed) {
        (Goal::Validate, _) | (Goal::Prepare, true) => CommitResult::Valid,
        (Goal::Apply, true) => CommitResult::Applied { running: running.unwrap_or_default() },
        (Goal::Prepare | Goal::Apply, false) => CommitResult::Unchanged,
    });
    let prepared = terms.goal == Goal::Prepare && matches!(result, Ok(CommitResult::Valid));
    locks::leave(session, applied, if prepared { Held::BOTH } else { terms.held }).await;
    result
}

/// Makes the candidate clean, as after a connection that was lost mid-way.
pub(super) async fn reset(session: &mut Session) -> Result<(), Error> {
    locks::take(session, Held::default()).await?;
    locks::leave(session, false, Held::default()).await;
    Ok(())
}

/// Edits and validates or applies; whether there is or was a difference.
async fn changed(session: &mut Session, change: &Change, goal: Goal) -> Result<bool, Error> {
    session.commit(Action::Abort).await?;
    let edits = match change.replace {
        false => change.edits.clone(),
        true => {
            let mut edits = replace::edits(&get_running(session).await?)?;
            edits.extend_from_slice(&change.edits);
            edits
        }
    };
    match session.generation() {
        Generation::Native => {
            let committed = session.edit_and_commit(&edits, goal.action()).await?;
            Ok(committed == Committed::Changed)
        }
        Generation::Protobuf if goal == Goal::Apply => {
            settle::apply(session, &edits, change.looks).await
        }
        Generation::Protobuf => settle::ask(session, &edits, goal).await,
    }
}

/// What runs, with its defaults, without the indentation that 10.3 gives.
async fn read_running(session: &mut Session) -> Result<Option<String>, Error> {
    let running = get_all(session, Datastore::Running, Print::KEPT).await?;
    Ok(Some(parse(&running)?.to_string()))
}
