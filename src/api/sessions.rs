//! Who is connected, and what happens to the intents of who is not.
//!
//! An owner is connected while a connection that authenticated as it is open. When the
//! last one closes, one task per owner waits for the grace period and then
//! withdraws the owner's intents, unless the owner comes back or its intents
//! are persistent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Directory,
    caller::{self, Caller},
    origin::{ConnectionId, MAX_CONNECTIONS},
};
use crate::{
    commit::{CommitError, CommitHandle, CommitRequest, Committed},
    events::{Bus, Event},
    failpoint,
    model::{Change, IntentKey, OwnerName},
    policy::Lifetime,
    protocol::kinds,
    store::Store,
    supervise::{Supervisor, Task},
    world,
};

/// Pause before a withdrawal that failed is tried again: FRR or the queue needs time
/// to recover, and intents without an owner should not stay for long.
const RETRY: Duration = Duration::from_secs(5);

/// An open connection.
struct Open {
    caller: Option<Caller>,
    /// What closes it.
    close: CancellationToken,
    /// Whether it never authenticated, and has not been told to make room.
    guest: bool,
}

/// What is known of one owner that has ever called.
#[derive(Default)]
struct Session {
    /// Name of the session; `None` where there is none.
    id: Option<String>,
    /// Open connections that authenticated as this owner.
    connections: BTreeSet<ConnectionId>,
    /// When the grace period ends; `None` while the owner is connected.
    deadline: Option<Instant>,
    /// Whether a task watches the deadline. There is at most one.
    watched: bool,
    /// Held during a withdrawal: an owner that comes back meanwhile waits, so that it sees, and
    /// declares anew, what is gone.
    ending: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    next: u64,
    open: BTreeMap<ConnectionId, Open>,
    owners: BTreeMap<OwnerName, Session>,
}

/// Most connections of one owner: a client needs one, and replaces it after an error.
pub const MAX_OWNER_CONNECTIONS: usize = 64;

/// Connections that all owners together leave to `admin`, and to callers that have not shown a token yet.
const KEPT: usize = 64;

/// An owner has as many connections as it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyConnections;

impl State {
    /// Whether this owner may have this connection too. `admin` always may: its oldest other connection closes for it.
    fn make_room(&mut self, owner: &OwnerName, id: ConnectionId) -> Result<(), TooManyConnections> {
        let mine = self.owners.get(owner).map(|session| &session.connections);
        let count = mine.map_or(0, BTreeSet::len);
        if mine.is_some_and(|mine| mine.contains(&id)) {
            return Ok(());
        }
        if owner.is_admin() {
            let open = mine.into_iter().flatten().filter_map(|id| self.open.get(id));
            let mut open = open.filter(|open| !open.close.is_cancelled()).peekable();
            let oldest = open.peek().map(|open| open.close.clone());
            if let Some(oldest) = oldest.filter(|_| open.count() >= MAX_OWNER_CONNECTIONS) {
                oldest.cancel();
            }
            return Ok(());
        }
        let others = self.owners.iter().filter(|(other, _)| !other.is_admin());
        let all: BTreeSet<_> = others.flat_map(|(_, session)| &session.connections).collect();
        let full = all.len() >= MAX_CONNECTIONS - KEPT && !all.contains(&id);
        if count >= MAX_OWNER_CONNECTIONS || full { Err(TooManyConnections) } else { Ok(()) }
    }
}

/// Sessions of all owners. One instance, shared through an [`Arc`].
pub struct Sessions {
    state: Mutex<State>,
    commit: CommitHandle,
    directory: Arc<dyn Directory>,
    bus: Bus,
    shutdown: CancellationToken,
    /// Connections are dropped wherever their task ends; tasks are started here.
    runtime: Handle,
    supervisor: Supervisor,
}

impl Sessions {
    /// Sessions that withdraw through `commit`. Nothing is withdrawn any more once `shutdown`
    /// is cancelled: a restart must not cost routes.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(
        commit: CommitHandle,
        directory: Arc<dyn Directory>,
        bus: Bus,
        shutdown: CancellationToken,
        supervisor: Supervisor,
    ) -> Arc<Self> {
        let (state, runtime) = (Mutex::default(), Handle::current());
        Arc::new(Self { state, commit, directory, bus, shutdown, runtime, supervisor })
    }

    /// The sessions by their owners.
    pub(super) fn names(&self) -> BTreeMap<OwnerName, String> {
        let state = self.state();
        let named = state.owners.iter().filter_map(|(owner, session)| {
            session.id.as_ref().map(|id| (owner.clone(), id.clone()))
        });
        named.collect()
    }

    /// How many owners have a session: the gauge `novaroute_registered_owners`.
    pub fn registered(&self) -> usize {
        self.state().owners.values().filter(|session| session.id.is_some()).count()
    }

    /// Starts the grace period of every owner that has intents and is not connected:
    /// for the start of the agent, when intents are there before their owners.
    pub fn expect_absent_owners(self: &Arc<Self>) {
        let view = self.commit.view();
        let mut state = self.state();
        let has = view.store.counts().map(|(owner, _)| owner);
        // What is not confirmed in time gives them back what they had.
        let owed = view.history.iter().flat_map(|transaction| transaction.owed());
        for owner in has.chain(owed) {
            let session = state.owners.entry(owner.clone()).or_default();
            if session.connections.is_empty() && session.deadline.is_none() {
                self.start_grace(owner, session);
            }
        }
    }

    /// Takes note of another configuration. An owner that it does not name has the grace period to
    /// be named again, and then its intents go, whether its connections are open or not. So have owners
    /// that are not connected and whose intents stay for good no longer.
    pub fn reconfigured(self: &Arc<Self>) {
        for (owner, session) in &mut self.state().owners {
            let named = self.directory.lifetime(owner).is_some();
            let connected = !session.connections.is_empty();
            if named && connected {
                session.deadline = None;
            } else if !named && session.deadline.is_none() && (connected || session.id.is_some()) {
                self.start_grace(owner, session);
            }
        }
        self.expect_absent_owners();
    }

    /// Time after the end of this connection in which what the owner has is withdrawn; `None` where it stays, or where another
    /// connection of the owner keeps it.
    pub(super) fn withdrawn_after(
        &self,
        owner: &OwnerName,
        connection: Option<ConnectionId>,
    ) -> Option<Duration> {
        if self.directory.lifetime(owner)? == Lifetime::Persistent {
            return None;
        }
        let state = self.state();
        let mut open =
            state.owners.get(owner).map(|session| &session.connections).into_iter().flatten();
        let another = open.any(|id| Some(*id) != connection);
        (!another).then(|| self.directory.grace_period())
    }

    /// Notes a connection that was accepted, and who opened it.
    pub fn opened(&self, caller: Option<Caller>) -> ConnectionId {
        let mut state = self.state();
        state.next += 1;
        let id = ConnectionId::new(state.next);
        state.open.insert(id, Open { caller, close: CancellationToken::new(), guest: true });
        id
    }

    /// What is cancelled when a connection has to make room.
    pub fn eviction(&self, id: ConnectionId) -> CancellationToken {
        self.state().open.get(&id).map(|open| open.close.clone()).unwrap_or_default()
    }

    /// Has the oldest connection closed that never authenticated, if there is one.
    pub fn evict_guest(&self) {
        if let Some(oldest) = self.state().open.values_mut().find(|open| open.guest) {
            oldest.guest = false;
            oldest.close.cancel();
        }
    }

    /// Notes that a connection closed; starts the grace period of owners that have no other.
    pub fn closed(self: &Arc<Self>, id: ConnectionId) {
        let mut state = self.state();
        state.open.remove(&id);
        for (owner, session) in &mut state.owners {
            let last = session.connections.remove(&id) && session.connections.is_empty();
            // An owner that is not named any more has its deadline already.
            if last && session.deadline.is_none() {
                self.start_grace(owner, session);
            }
        }
    }

    /// Notes that a call authenticated as this owner, which opens a session where there is none.
    /// Waits while the owner's earlier intents are being withdrawn.
    ///
    /// Cancel safety: the session is noted before the first wait.
    ///
    /// # Errors
    /// The owner has as many connections as it may have.
    pub async fn enter(
        self: &Arc<Self>,
        owner: &OwnerName,
        connection: Option<ConnectionId>,
    ) -> Result<(), TooManyConnections> {
        let (ending, _) = self.attach(owner, connection, false)?;
        drop(ending.lock().await);
        Ok(())
    }

    /// Like [`enter`](Self::enter), and the session gets a new name, which is returned.
    ///
    /// Cancel safety: as `enter`.
    ///
    /// # Errors
    /// As `enter`.
    pub async fn register(
        self: &Arc<Self>,
        owner: &OwnerName,
        connection: Option<ConnectionId>,
    ) -> Result<String, TooManyConnections> {
        let (ending, id) = self.attach(owner, connection, true)?;
        drop(ending.lock().await);
        Ok(id)
    }

    /// Makes the owner connected; returns what is held during a withdrawal, and the name of
    /// the session: a new one where there was none, or where `rename` says so.
    fn attach(
        self: &Arc<Self>,
        owner: &OwnerName,
        connection: Option<ConnectionId>,
        rename: bool,
    ) -> Result<(Arc<tokio::sync::Mutex<()>>, String), TooManyConnections> {
        let mut state = self.state();
        let open = connection.filter(|id| state.open.contains_key(id));
        if let Some(id) = open {
            state.make_room(owner, id)?;
        }
        let mut caller = None;
        if let Some(open) = open.and_then(|id| state.open.get_mut(&id)) {
            open.guest = false;
            caller = open.caller;
        }
        let session = state.owners.entry(owner.clone()).or_default();
        session.deadline = None;
        if let Some(id) = open
            && session.connections.insert(id)
        {
            tracing::info!(%owner, caller = %caller::shown(caller), connection = %id, "an owner's call");
        }
        if session.connections.is_empty() || self.directory.lifetime(owner).is_none() {
            // The connection closed, or a reload removed the owner, before its call came here.
            self.start_grace(owner, session);
        }
        let ending = Arc::clone(&session.ending);
        match &session.id {
            Some(id) if !rename => Ok((ending, id.clone())),
            _ => {
                let id = world::uuid().to_string();
                session.id = Some(id.clone());
                drop(state);
                let (owner, session_id) = (owner.clone(), id.clone());
                self.bus.publish(Event::OwnerRegistered { owner, session_id });
                Ok((ending, id))
            }
        }
    }

    /// Ends an owner's session. With `withdraw` its intents go in one commit first; without, they
    /// stay as after a disconnect: for the grace period, or for good where they are persistent.
    ///
    /// # Errors
    /// Why the intents could not be withdrawn; then the session stays.
    pub async fn deregister(
        self: &Arc<Self>,
        owner: &OwnerName,
        withdraw: bool,
    ) -> Result<(), CommitError> {
        if withdraw {
            self.withdraw_for_good(owner, "Deregister").await?;
        }
        let had_session = {
            let mut state = self.state();
            let session = state.owners.entry(owner.clone()).or_default();
            // Its connections may stay open; only a new call makes the owner connected again.
            session.connections.clear();
            // After a withdrawal too: a call that was under way may still declare something.
            self.start_grace(owner, session);
            session.id.take().is_some()
        };
        if !had_session && !withdraw {
            return Ok(());
        }
        let reason = match withdraw {
            true => "asked to, intents withdrawn",
            false => "asked to",
        };
        self.ended(owner, reason);
        Ok(())
    }

    /// Starts the grace period, and the task that watches it.
    fn start_grace(self: &Arc<Self>, owner: &OwnerName, session: &mut Session) {
        session.deadline = Some(Instant::now() + self.directory.grace_period());
        if !session.watched {
            session.watched = true;
            let watch = Arc::clone(self).watch(owner.clone());
            self.supervisor.spawn_errand(&self.runtime, Task::Sessions, watch);
        }
    }

    /// Waits for the end of an owner's grace period and ends its session.
    async fn watch(self: Arc<Self>, owner: OwnerName) {
        while let Some(deadline) = self.deadline_or_leave(&owner) {
            failpoint::die("sessions");
            // Without a grace period both are ready at once, for the agent's end is what closes the connections.
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep_until(deadline) => {}
            }
            self.expire(&owner, deadline).await;
        }
    }

    /// When the grace period ends; `None` where the owner is back, and then no task watches.
    fn deadline_or_leave(&self, owner: &OwnerName) -> Option<Instant> {
        let mut state = self.state();
        let session = state.owners.get_mut(owner)?;
        session.watched = session.deadline.is_some();
        session.deadline
    }

    /// Ends the session of an owner whose grace period ended at `deadline`, unless it came back.
    async fn expire(&self, owner: &OwnerName, deadline: Instant) {
        let ending = match self.state().owners.get(owner) {
            Some(session) => Arc::clone(&session.ending),
            None => return,
        };
        let _ending = ending.lock().await;
        let still_absent = |state: &State| {
            state.owners.get(owner).is_some_and(|session| session.deadline == Some(deadline))
        };
        if !still_absent(&self.state()) {
            return;
        }
        let persistent = self.directory.lifetime(owner) == Some(Lifetime::Persistent);
        if !persistent && let Err(error) = self.withdraw_absent(owner).await {
            tracing::warn!(%owner, %error, "intents of an absent owner can't be withdrawn yet");
            let mut state = self.state();
            if still_absent(&state)
                && let Some(session) = state.owners.get_mut(owner)
            {
                session.deadline = Some(Instant::now() + RETRY);
            }
            return;
        }
        let ended = {
            let mut state = self.state();
            let absent = still_absent(&state);
            state.owners.get_mut(owner).filter(|_| absent).and_then(|session| {
                session.deadline = None;
                session.id.take()
            })
        };
        if ended.is_some() {
            let reason = match persistent {
                true => "disconnected, intents stay",
                false => "disconnected, intents withdrawn",
            };
            self.ended(owner, reason);
        }
    }

    /// Withdraws what an absent owner has, also what a call of a connection that is closed by now
    /// brought in meanwhile.
    async fn withdraw_absent(&self, owner: &OwnerName) -> Result<(), CommitError> {
        self.withdraw_for_good(owner, "GracePeriod").await
    }

    /// Withdraws all that an owner has, and has nothing given back to it when a transaction is not confirmed in time.
    async fn withdraw_for_good(
        &self,
        owner: &OwnerName,
        origin: &'static str,
    ) -> Result<(), CommitError> {
        while self.withdraw_all(owner, origin).await?.is_some() {}
        self.commit.renounce(owner.clone()).await?;
        // It may have been given back just before.
        while self.withdraw_all(owner, origin).await?.is_some() {}
        Ok(())
    }

    /// Withdraws all that an owner has in one commit, but for the BGP instance and the drain, which are
    /// the node's (the first carries other owners' peers and prefixes), what the configuration declares, and BFD profiles
    /// that others name.
    async fn withdraw_all(
        &self,
        owner: &OwnerName,
        origin: &'static str,
    ) -> Result<Option<Committed>, CommitError> {
        let view = self.commit.view();
        let changes: Vec<_> = view
            .store
            .of_owner(owner)
            .filter(|(key, _)| !kinds::of(key.kind()).is_the_nodes())
            .filter(|(key, _)| !view.configured.contains(key))
            .filter(|(key, _)| !is_named_by_others(&view.store, owner, key))
            .map(|(key, _)| Change::Remove(*key))
            .collect();
        if changes.is_empty() {
            return Ok(None);
        }
        let request = CommitRequest::new(owner.clone(), origin, changes);
        self.commit.commit(request).await.map(Some)
    }

    fn ended(&self, owner: &OwnerName, reason: &str) {
        let (owner, reason) = (owner.clone(), reason.to_owned());
        self.bus.publish(Event::OwnerDeregistered { owner, reason });
    }

    /// The state; never locked across a wait, and no panic can leave it half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this is a BFD profile that another owner's intent names: it stays, since that needs it.
fn is_named_by_others(store: &Store, owner: &OwnerName, key: &IntentKey) -> bool {
    match key {
        IntentKey::BfdProfile(name) => store.that_name(*name).any(|it| it.owner != *owner),
        _ => false,
    }
}
