//! What every call has in common: who asks, is it timed, how is it committed.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Extensions, Response, Status};

use super::{
    Budget, Directory, Sessions,
    budget::{Place, Refusal},
    caller::Refusals,
    codes,
    directory::authenticate,
    encoded::Encoded,
    link_local,
    origin::{ConnectionId, Origin},
    sessions::TooManyConnections,
};
use crate::{
    commit::{CommitError, CommitHandle, CommitRequest, Committed},
    coverage::Row,
    events::{Bus, Event},
    failpoint,
    model::{Change, FieldErrors, Intent, OwnerName},
    monitor::Snapshots,
};

/// Told of each call: its method, how long it took and how it ended; `None` where its client was gone before there was
/// an answer. The method is one of the contract's, never a client's text.
pub type ObserveCall = Arc<dyn Fn(&'static str, Duration, Option<Code>) + Send + Sync>;

/// A call under way: told of where its client leaves, too.
struct Timed<'a> {
    observe: &'a ObserveCall,
    method: &'static str,
    started: Instant,
    answer: Option<Code>,
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        (self.observe)(self.method, self.started.elapsed(), self.answer);
    }
}

/// What the services are made of.
pub struct Dependencies {
    /// The way to the commit actor.
    pub commit: CommitHandle,
    /// Owners of the configuration.
    pub directory: Arc<dyn Directory>,
    /// Who is connected.
    pub sessions: Arc<Sessions>,
    /// What pays for all that is not decided yet.
    pub budget: Arc<Budget>,
    /// Whether FRR has everything: what the health service says.
    pub ready: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Where events go and come from.
    pub bus: Bus,
    /// What FRR last said.
    pub status: Snapshots,
    /// Which transport executes what.
    pub coverage: watch::Receiver<Arc<Vec<Row>>>,
    /// Told of each call.
    pub observe: ObserveCall,
    /// Ends event streams when it is cancelled.
    pub shutdown: CancellationToken,
}

/// The services of the contract. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub(super) deps: Arc<Dependencies>,
    pub(super) encoded: Arc<Encoded>,
    refusals: Arc<Refusals>,
}

impl Api {
    /// The services, on top of these.
    pub fn new(deps: Dependencies) -> Self {
        let (encoded, refusals) = Default::default();
        Self { deps: Arc::new(deps), encoded, refusals }
    }

    /// The changes, with the node's own BGP identifier where an instance names none, and this node's link-local address
    /// where a BFD session needs it.
    ///
    /// # Errors
    /// INVALID_ARGUMENT: there is no such address.
    pub(super) fn completed(&self, mut changes: Vec<Change>) -> Result<Vec<Change>, Status> {
        let mut errors = FieldErrors::new();
        for (index, change) in changes.iter_mut().enumerate() {
            match change {
                Change::Set(Intent::Bgp(bgp)) => {
                    bgp.router_id = bgp.router_id.or_else(|| self.deps.directory.router_id());
                }
                Change::Set(Intent::BfdSession(session)) => {
                    if let Err(wrong) = link_local::complete(session) {
                        errors.nest(&format!("changes[{index}].set.bfd_session"), wrong);
                    }
                }
                _ => {}
            }
        }
        errors.finish(Some(changes)).map_err(|errors| codes::invalid(&errors))
    }

    /// Times a call and tells the observer. That a client went away shows in that its call is dropped.
    pub(super) async fn timed<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, Status>>,
    ) -> Result<Response<T>, Status> {
        let (observe, started) = (&self.deps.observe, Instant::now());
        let mut timed = Timed { observe, method, started, answer: None };
        failpoint::die("call");
        let result = call.await;
        timed.answer = Some(result.as_ref().err().map_or(Code::Ok, Status::code));
        drop(timed);
        result.map(Response::new)
    }

    /// Who calls, before anything else of the request is looked at.
    ///
    /// # Errors
    /// UNAUTHENTICATED.
    pub(super) fn authenticate(
        &self,
        extensions: &Extensions,
        owner: &str,
        token: &str,
    ) -> Result<OwnerName, Status> {
        let known = authenticate(&*self.deps.directory, owner, token);
        if known.is_err() {
            self.refusals.note(extensions.get::<Origin>().and_then(|origin| origin.caller));
        }
        known
    }

    /// Like [`authenticate`](Self::authenticate), and the call counts as the owner's session.
    ///
    /// # Errors
    /// UNAUTHENTICATED.
    pub(super) async fn enter(
        &self,
        extensions: &Extensions,
        owner: &str,
        token: &str,
    ) -> Result<OwnerName, Status> {
        let owner = self.authenticate(extensions, owner, token)?;
        let entered = self.deps.sessions.enter(&owner, connection(extensions)).await;
        self.entered(&owner, extensions, entered)?;
        Ok(owner)
    }

    /// From here on the connection is the owner's, where it may have so many.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED.
    pub(super) fn entered<T>(
        &self,
        owner: &OwnerName,
        extensions: &Extensions,
        entered: Result<T, TooManyConnections>,
    ) -> Result<T, Status> {
        let (budget, connection) = (&self.deps.budget, connection(extensions));
        let entered = entered.map_err(|_| budget.refuse(Refusal::Connections, connection))?;
        if let Some(id) = connection {
            budget.belongs(id, owner);
        }
        Ok(entered)
    }

    /// Seconds after the end of a call's connection in which what the owner has is withdrawn; `None` where it stays.
    pub(super) fn withdrawn_after_s(
        &self,
        owner: &OwnerName,
        extensions: &Extensions,
    ) -> Option<u64> {
        let after = self.deps.sessions.withdrawn_after(owner, connection(extensions))?;
        Some(after.as_secs())
    }

    /// A place for a stream of events.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED.
    pub(super) fn place(&self, extensions: &Extensions) -> Result<Place, Status> {
        self.deps.budget.stream(connection(extensions))
    }

    /// Has changes of an owner applied.
    ///
    /// # Errors
    /// By the table of `codes`.
    pub(super) async fn commit(
        &self,
        owner: OwnerName,
        origin: &'static str,
        changes: Vec<Change>,
    ) -> Result<Committed, Status> {
        self.commit_request(CommitRequest::new(owner, origin, changes)).await
    }

    /// Has a request carried out.
    ///
    /// # Errors
    /// By the table of `codes`.
    pub(super) async fn commit_request(&self, request: CommitRequest) -> Result<Committed, Status> {
        let owner = request.owner.clone();
        self.deps.commit.commit(request).await.map_err(|error| self.refused(&owner, &error))
    }

    /// Publishes what policy forbade and answers with what went wrong.
    pub(super) fn refused(&self, owner: &OwnerName, error: &CommitError) -> Status {
        if let CommitError::Policy(violations) = error {
            for violation in violations.iter().filter(|it| it.kind.breaks_policy()) {
                let (owner, violation) = (owner.clone(), violation.clone());
                self.deps.bus.publish(Event::PolicyViolation { owner, violation });
            }
        }
        codes::refused(error)
    }
}

/// The connection that a request came on; `None` where it came on none of ours.
pub(super) fn connection(extensions: &Extensions) -> Option<ConnectionId> {
    extensions.get::<Origin>().map(|origin| origin.id)
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}
