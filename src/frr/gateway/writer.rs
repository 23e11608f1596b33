//! The one session that writes to mgmtd, and what it holds beyond a single commit.
//!
//! All changes go through it, one after the other, so that two clients never mix in
//! mgmtd's candidate. A transaction between PREPARE and APPLY or ABORT keeps both locks,
//! `LockConfig` that of running. gRPC has no session whose end would give them back:
//! each has a deadline, and goes with the connection to mgmtd.

use std::{path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, sleep_until},
};
use tonic::{Code, Status};
use tracing::{info, warn};

use super::{
    candidates::Snapshot,
    change::Goal,
    commit::{self, CommitResult, Terms},
    connect, detached,
    locks::{self, Held},
    print::{self, Print},
    status::status,
};
use crate::frr::frontend::{Datastore, Error, Session};

/// FRR's words.
const NO_TRANSACTION: &str = "no transaction in progress";
pub(super) const IN_TRANSACTION: &str = "candidate is in the middle of a transaction";
const LOCKED: &str = "running configuration is locked already";
const NOT_LOCKED: &str = "failed to unlock the running configuration";

/// A transaction that is prepared.
#[derive(Debug)]
struct Prepared {
    candidate: u32,
    snapshot: Arc<Snapshot>,
    comment: String,
    until: Instant,
}

/// A transaction that was applied.
#[derive(Debug)]
pub(super) struct AppliedTransaction {
    pub(super) outcome: CommitResult,
    pub(super) snapshot: Arc<Snapshot>,
    /// As PREPARE gave it.
    pub(super) comment: String,
}

/// The session and what it holds.
#[derive(Debug)]
struct State {
    frontend: PathBuf,
    session: Option<Session>,
    prepared: Option<Prepared>,
    /// Until when `LockConfig` holds.
    locked: Option<Instant>,
    /// `LockConfig` held when the connection was lost; the next commit says so.
    lock_lost: bool,
}

/// Shared by all who write.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    state: Arc<Mutex<State>>,
    prepare_deadline: Duration,
    lock_deadline: Duration,
}

impl Writer {
    pub(super) fn new(
        frontend: PathBuf,
        prepare_deadline: Duration,
        lock_deadline: Duration,
    ) -> Self {
        let state =
            State { frontend, session: None, prepared: None, locked: None, lock_lost: false };
        Self { state: Arc::new(Mutex::new(state)), prepare_deadline, lock_deadline }
    }

    /// Clears mgmtd's candidate.
    pub(super) async fn reset(&self) -> Result<(), Status> {
        let writer = self.clone();
        detached(async move {
            let mut state = writer.state().await;
            match state.held() == Held::default() {
                true => state.work(|session, _| Box::pin(commit::reset(session))).await,
                // It is clean between the phases of a commit.
                false => Ok(()),
            }
        })
        .await
    }

    /// Whether this candidate is between PREPARE and APPLY or ABORT.
    pub(super) async fn is_prepared(&self, candidate: u32) -> bool {
        self.state().await.prepared(candidate).is_ok()
    }

    /// Asks whether a change would be accepted.
    pub(super) async fn validate(&self, snapshot: Arc<Snapshot>) -> Result<CommitResult, Status> {
        let writer = self.clone();
        detached(async move { writer.state().await.run(snapshot, Goal::Validate, false).await })
            .await
    }

    /// Applies a change at once.
    pub(super) async fn all(
        &self,
        candidate: u32,
        snapshot: Arc<Snapshot>,
        read_back: bool,
    ) -> Result<CommitResult, Status> {
        let writer = self.clone();
        detached(async move {
            let mut state = writer.state().await;
            state.check_free(candidate)?;
            if state.locked.is_some() {
                state.locked = Some(Instant::now() + writer.lock_deadline);
            }
            state.run(snapshot, Goal::Apply, read_back).await
        })
        .await
    }

    /// Validates a change and keeps both locks.
    pub(super) async fn prepare(
        &self,
        candidate: u32,
        snapshot: Arc<Snapshot>,
        comment: String,
    ) -> Result<CommitResult, Status> {
        let writer = self.clone();
        detached(async move {
            let mut state = writer.state().await;
            state.check_free(candidate)?;
            let outcome = state.run(Arc::clone(&snapshot), Goal::Prepare, false).await?;
            if outcome == CommitResult::Valid {
                let until = Instant::now() + writer.prepare_deadline;
                state.prepared = Some(Prepared { candidate, snapshot, comment, until });
                writer.watch();
            }
            Ok(outcome)
        })
        .await
    }

    /// Applies what was prepared. The transaction ends, also where it is refused.
    pub(super) async fn apply(
        &self,
        candidate: u32,
        read_back: bool,
    ) -> Result<AppliedTransaction, Status> {
        let writer = self.clone();
        detached(async move {
            let mut state = writer.state().await;
            let prepared = state.prepared(candidate)?;
            let snapshot = Arc::clone(&prepared.snapshot);
            let comment = prepared.comment.clone();
            // What was validated is validated again: up to FRR 10.5 an edit must not follow a
            // validation, and in 10.3 the candidate does not survive the time in between.
            let result = state.run(Arc::clone(&snapshot), Goal::Apply, read_back).await;
            let before = state.held();
            state.prepared = None;
            state.give_back(before).await;
            Ok(AppliedTransaction { outcome: result?, snapshot, comment })
        })
        .await
    }

    /// Ends what was prepared and gives the locks back.
    pub(super) async fn abort(&self, candidate: u32) -> Result<(), Status> {
        let writer = self.clone();
        detached(async move {
            let mut state = writer.state().await;
            state.prepared(candidate)?;
            let before = state.held();
            state.prepared = None;
            state.give_back(before).await;
            Ok(())
        })
        .await
    }

    /// Locks the running configuration for the clients of this gateway.
    pub(super) async fn lock(&self) -> Result<(), Status> {
        let writer = self.clone();
        detached(async move {
            let mut state = writer.state().await;
            state.lock_lost = false;
            if state.locked.is_some() {
                return Err(Status::failed_precondition(LOCKED));
            }
            if !state.held().running {
                let locked = state
                    .work(|session, _| Box::pin(async { session.lock(Datastore::Running).await }))
                    .await;
                locked.map_err(|why| match why.code() {
                    // Not because mgmtd is away: another session has it.
                    Code::Unavailable if state.session.is_some() => {
                        Status::failed_precondition(format!("{LOCKED}: {}", why.message()))
                    }
                    _ => why,
                })?;
            }
            state.locked = Some(Instant::now() + writer.lock_deadline);
            writer.watch();
            Ok(())
        })
        .await
    }

    /// Gives the lock of the running configuration back.
    pub(super) async fn unlock(&self) -> Result<(), Status> {
        let writer = self.clone();
        detached(async move {
            let mut state = writer.state().await;
            state.lock_lost = false;
            let before = state.held();
            if state.locked.take().is_none() {
                return Err(Status::failed_precondition(NOT_LOCKED));
            }
            state.give_back(before).await;
            Ok(())
        })
        .await
    }

    /// Prints a kept configuration another way.
    pub(super) async fn print(&self, kept: Arc<str>, how: Print) -> Result<String, Status> {
        let writer = self.clone();
        detached(async move {
            let mut state = writer.state().await;
            let printed = state.work(move |session, held| {
                let kept = Arc::clone(&kept);
                Box::pin(async move { print::print(session, &kept, how, held).await })
            });
            printed.await
        })
        .await
    }

    /// The state, without what is over.
    async fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().await;
        state.expire().await;
        state
    }

    /// Gives back what is no longer asked for, when its time has come.
    fn watch(&self) {
        let weak = Arc::downgrade(&self.state);
        tokio::spawn(async move {
            let mut next = None;
            loop {
                if let Some(next) = next {
                    sleep_until(next).await;
                }
                // Ends with the gateway, whose connection takes the locks with it.
                let Some(state) = weak.upgrade() else { return };
                let mut state = state.lock().await;
                state.expire().await;
                let prepared = state.prepared.as_ref().map(|prepared| prepared.until);
                next = prepared.into_iter().chain(state.locked).min();
                if next.is_none() {
                    return;
                }
            }
        });
    }
}

/// Something to do with the session, given the locks it holds.
type Work<'a, R> = Pin<Box<dyn Future<Output = Result<R, Error>> + Send + 'a>>;

impl State {
    /// Locks that the session has between two calls.
    fn held(&self) -> Held {
        let candidate = self.prepared.is_some();
        Held { candidate, running: candidate || self.locked.is_some() }
    }

    fn prepared(&self, candidate: u32) -> Result<&Prepared, Status> {
        let prepared = self.prepared.as_ref().filter(|prepared| prepared.candidate == candidate);
        prepared.ok_or_else(|| Status::failed_precondition(NO_TRANSACTION))
    }

    /// Whether this candidate may begin a transaction.
    fn check_free(&mut self, candidate: u32) -> Result<(), Status> {
        if std::mem::take(&mut self.lock_lost) {
            return Err(Status::unavailable(
                "the connection to mgmtd was lost, and the lock of the running configuration with it",
            ));
        }
        match &self.prepared {
            None => Ok(()),
            Some(prepared) if prepared.candidate == candidate => {
                Err(Status::failed_precondition(IN_TRANSACTION))
            }
            Some(_) => {
                Err(Status::unavailable("another candidate is in the middle of a transaction"))
            }
        }
    }

    async fn run(
        &mut self,
        snapshot: Arc<Snapshot>,
        goal: Goal,
        read_back: bool,
    ) -> Result<CommitResult, Status> {
        if snapshot.change.is_empty() {
            let valid = goal == Goal::Validate;
            return Ok(if valid { CommitResult::Valid } else { CommitResult::Unchanged });
        }
        self.work(move |session, held| {
            let snapshot = Arc::clone(&snapshot);
            let terms = Terms { goal, held, read_back };
            Box::pin(async move { commit::run(session, &snapshot.change, terms).await })
        })
        .await
    }

    async fn work<R, F>(&mut self, work: F) -> Result<R, Status>
    where
        F: for<'a> Fn(&'a mut Session, Held) -> Work<'a, R> + Sync,
    {
        let held = self.held();
        let mut result = self.work_once(held, &work).await;
        // mgmtd was restarted while the session was idle; nothing was done yet.
        if held == Held::default() && matches!(result, Err(Error::Closed { request: "lock" })) {
            result = self.work_once(held, &work).await;
        }
        result.map_err(|error| status(&error))
    }

    async fn work_once<R, F>(&mut self, held: Held, work: &F) -> Result<R, Error>
    where
        F: for<'a> Fn(&'a mut Session, Held) -> Work<'a, R> + Sync,
    {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => connect(&self.frontend).await?,
        };
        let result = work(&mut session, held).await;
        if session.is_usable() {
            self.session = Some(session);
            return result;
        }
        // Half-way edits may be in the candidate; the locks go with the connection.
        drop(session);
        self.lost();
        if let Ok(mut session) = connect(&self.frontend).await {
            match commit::reset(&mut session).await {
                Ok(()) => info!("mgmtd's candidate cleared after a lost connection"),
                Err(error) => {
                    warn!(%error, "mgmtd's candidate not cleared after a lost connection")
                }
            }
            self.session = Some(session).filter(Session::is_usable);
        }
        result
    }

    /// Gives the locks back that were held before and are not any more.
    async fn give_back(&mut self, before: Held) {
        let now = self.held();
        let keep = Held {
            candidate: now.candidate || !before.candidate,
            running: now.running || !before.running,
        };
        if let Some(session) = &mut self.session {
            locks::leave(session, true, keep).await;
        }
        self.notice_loss();
    }

    /// Ends what has lasted too long, or went with the connection.
    async fn expire(&mut self) {
        self.notice_loss();
        let (now, before) = (Instant::now(), self.held());
        if self.prepared.as_ref().is_some_and(|prepared| prepared.until <= now) {
            warn!("a prepared transaction was neither applied nor aborted in time: aborted");
            self.prepared = None;
        }
        if self.locked.is_some_and(|until| until <= now) {
            warn!("LockConfig without UnlockConfig or a commit for too long: unlocked");
            self.locked = None;
        }
        if self.held() != before {
            self.give_back(before).await;
        }
    }

    fn notice_loss(&mut self) {
        if self.session.as_ref().is_some_and(|session| !session.is_usable()) {
            self.session = None;
            self.lost();
        }
    }

    fn lost(&mut self) {
        if self.held() != Held::default() {
            warn!("the connection to mgmtd was lost, and the locks that were held with it");
        }
        self.prepared = None;
        self.lock_lost |= self.locked.take().is_some();
    }
}
