//! One budget for all that is not decided yet: requests that have not come to their end, headers, calls under way, and
//! answers that their clients have not read.
//!
//! | who | may take |
//! |---|---|
//! | callers that never showed a token | together [`Limits::guests`]; where that is full, the connection that holds the most is closed for another that holds less |
//! | an owner | as much as it leaves for others of [`Limits::owners`]: half of it where it is alone |
//! | `admin` | all that is left |
//!
//! What is charged is given back when its memory is: bytes of an answer when they have been written to the socket.

mod body;
mod layer;
mod scan;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

pub use self::layer::{Admission, AdmissionLayer, Authenticate};
use super::{
    caller::{self, Caller},
    sessions::ConnectionId,
};
use crate::model::OwnerName;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Event streams of all callers without a token: each holds a place in the bus.
pub const MAX_GUEST_STREAMS: usize = 32;

/// Event streams of one owner, on connections that showed its token.
pub const MAX_OWNER_STREAMS: usize = 16;

/// Shortest time between two lines in the log about one kind of refusal: a flood shall not fill the log.
const LOG_PAUSE: Duration = Duration::from_secs(1);

/// What may be taken, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// By all callers together that never showed a token.
    pub guests: usize,
    /// By all owners together.
    pub owners: usize,
    /// By one request of a caller that never showed a token.
    pub guest_request: usize,
    /// What each byte of a large element of a request can take when it is decoded.
    pub per_byte: usize,
}

impl Limits {
    /// For an agent that may use so much memory: a sixteenth for guests and a quarter for owners. So much is over
    /// when all intents that it takes are brought into FRR.
    pub fn of(memory: Option<u64>) -> Self {
        let memory = memory.and_then(|memory| usize::try_from(memory).ok()).unwrap_or(usize::MAX);
        Self {
            guests: (memory / 16).clamp(4 * MIB, 64 * MIB),
            owners: (memory / 4).clamp(16 * MIB, 512 * MIB),
            // The largest request without a token in it names a few types of events.
            guest_request: 64 * KIB,
            // Two bytes are an empty string in a list, which takes 24.
            per_byte: 12,
        }
    }
}

/// Why a call or connection is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The budget is used up.
    Memory,
    /// A request did not come to its end in time.
    Deadline,
    /// A request without a token is larger than such may be.
    Size,
    /// An owner has as many connections as it may have.
    Connections,
    /// There are as many event streams as there may be.
    Streams,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Memory, Self::Deadline, Self::Size, Self::Connections, Self::Streams];

    /// As a label of a metric.
    pub fn label(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Deadline => "deadline",
            Self::Size => "size",
            Self::Connections => "connections",
            Self::Streams => "streams",
        }
    }

    /// The answer to a call.
    pub(super) fn status(self) -> Status {
        match self {
            Self::Memory => Status::resource_exhausted(
                "too much is under way for this caller: end calls or read their answers, then try again",
            ),
            Self::Deadline => {
                Status::deadline_exceeded("the request did not come to its end in time")
            }
            Self::Size => Status::resource_exhausted(
                "the request is too large for a caller without a token: call Register on this connection first",
            ),
            Self::Connections => Status::resource_exhausted(
                "the owner has too many connections: close some, or use one for several calls",
            ),
            Self::Streams => Status::resource_exhausted("too many event streams: end some"),
        }
    }
}

/// Told of each refusal.
pub type ObserveRefusal = Box<dyn Fn(Refusal) + Send + Sync>;

/// An open connection.
struct Account {
    caller: Option<Caller>,
    /// The owner whose token it showed last.
    owner: Option<OwnerName>,
    /// What it took as a guest.
    held: usize,
    /// Event streams that it opened as a guest, the oldest first.
    streams: VecDeque<(u64, CancellationToken)>,
    /// Closes it.
    close: CancellationToken,
    /// It is closed, or told to: what it holds is soon given back.
    closing: bool,
}

#[derive(Default)]
struct State {
    accounts: BTreeMap<ConnectionId, Account>,
    /// What guests hold on connections that are not closing.
    guests: usize,
    /// What connections that are closing have not given back yet.
    leaving: usize,
    guest_streams: usize,
    owners: BTreeMap<OwnerName, Held>,
    owned: usize,
    /// The number of the next event stream.
    next: u64,
    /// When each kind of refusal was last logged, and how many were not.
    logged: BTreeMap<&'static str, (Instant, u64)>,
}

#[derive(Default)]
struct Held {
    bytes: usize,
    streams: usize,
}

/// The budget. One instance for all that one process serves.
pub struct Budget {
    limits: Limits,
    state: Mutex<State>,
    observe: ObserveRefusal,
}

impl Budget {
    /// A budget of which nothing is used.
    pub fn new(limits: Limits, observe: ObserveRefusal) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default(), observe })
    }

    /// Its limits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What all callers hold now, in bytes: guests and owners.
    pub fn held(&self) -> (usize, usize) {
        let state = self.state();
        (state.guests, state.owned)
    }

    /// Notes a connection, which is closed when the budget cancels `close`.
    pub(super) fn opened(
        &self,
        id: ConnectionId,
        caller: Option<Caller>,
        close: CancellationToken,
    ) {
        let account = Account {
            caller,
            owner: None,
            held: 0,
            streams: VecDeque::new(),
            close,
            closing: false,
        };
        self.state().accounts.insert(id, account);
    }

    /// Notes that a connection closed.
    pub(super) fn closed(&self, id: ConnectionId) {
        let mut state = self.state();
        state.closing(id);
        if state.accounts.get(&id).is_some_and(|account| account.held == 0) {
            state.accounts.remove(&id);
        }
    }

    /// A name for a connection that no session has.
    pub(super) fn name(&self) -> ConnectionId {
        let mut state = self.state();
        state.next += 1;
        ConnectionId::new(state.next)
    }

    /// How many connections are open.
    pub(super) fn connections(&self) -> usize {
        self.state().accounts.values().filter(|account| !account.closing).count()
    }

    /// Has the connection closed that holds least and is the oldest of those, to make room for another.
    pub(super) fn make_room(&self) {
        let mut state = self.state();
        let open = state.accounts.iter().filter(|(_, account)| !account.closing);
        let idle = open.min_by_key(|(id, account)| (account.held > 0, **id));
        if let Some(id) = idle.map(|(id, _)| *id) {
            state.closing(id);
        }
    }

    /// Notes that a connection showed an owner's token.
    pub(super) fn belongs(&self, id: ConnectionId, owner: &OwnerName) {
        if let Some(account) = self.state().accounts.get_mut(&id) {
            account.owner = Some(owner.clone());
        }
    }

    /// An account for a call on this connection, with nothing on it yet.
    pub(super) fn charge(self: &Arc<Self>, connection: Option<ConnectionId>) -> Charge {
        let owner = connection.and_then(|id| self.state().accounts.get(&id)?.owner.clone());
        Charge { budget: Arc::clone(self), connection, owner, held: 0 }
    }

    /// A place for a stream of events.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED: the owner, or this guest, has as many as it may have.
    pub(super) fn stream(
        self: &Arc<Self>,
        connection: Option<ConnectionId>,
    ) -> Result<Place, Status> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        let mut place =
            Place { budget: Arc::clone(self), of: Of::None, ended: CancellationToken::new() };
        let Some(id) = connection else { return Ok(place) };
        let Some(account) = state.accounts.get(&id) else { return Ok(place) };
        if let Some(owner) = account.owner.clone() {
            let held = state.owners.entry(owner.clone()).or_default();
            if held.streams >= MAX_OWNER_STREAMS {
                drop(state);
                return Err(self.refuse(Refusal::Streams, connection));
            }
            held.streams += 1;
            place.of = Of::Owner(owner);
            return Ok(place);
        }
        if state.guest_streams >= MAX_GUEST_STREAMS {
            let mine = account.streams.len();
            // The oldest stream of who has the most, where that is more than the new one's.
            let most = state.accounts.values_mut().max_by_key(|account| {
                let oldest = account.streams.front().map_or(u64::MAX, |(number, _)| *number);
                (account.streams.len(), std::cmp::Reverse(oldest))
            });
            let evicted = most.filter(|most| most.streams.len() > mine);
            let Some((_, ended)) = evicted.and_then(|most| most.streams.pop_front()) else {
                drop(state);
                return Err(self.refuse(Refusal::Streams, connection));
            };
            state.guest_streams -= 1;
            ended.cancel();
        }
        state.guest_streams += 1;
        if let Some(account) = state.accounts.get_mut(&id) {
            account.streams.push_back((number, place.ended.clone()));
        }
        place.of = Of::Guest(id, number);
        Ok(place)
    }

    /// Logs and counts a refusal; returns the answer.
    pub(super) fn refuse(&self, why: Refusal, connection: Option<ConnectionId>) -> Status {
        (self.observe)(why);
        let (caller, refused) = {
            let mut state = self.state();
            let caller = connection.and_then(|id| state.accounts.get(&id)?.caller);
            let now = Instant::now();
            let (last, untold) = state.logged.entry(why.label()).or_insert((now, 0));
            let first = *last == now && *untold == 0;
            *untold += 1;
            if !first && last.elapsed() < LOG_PAUSE {
                return why.status();
            }
            *last = now;
            (caller, std::mem::take(untold))
        };
        let (reason, caller) = (why.label(), caller::shown(caller));
        tracing::warn!(reason, %caller, refused, "a limit was reached; calls are refused");
        why.status()
    }

    /// The state; no code panics while it holds the lock, and if one did, the sums are still right.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a connection as closed, and closes it.
    fn closing(&mut self, id: ConnectionId) {
        let Some(account) = self.accounts.get_mut(&id).filter(|account| !account.closing) else {
            return;
        };
        account.closing = true;
        account.close.cancel();
        self.guests -= account.held;
        self.leaving += account.held;
        self.guest_streams -= account.streams.len();
        account.streams.clear();
    }

    /// Takes bytes for a guest; who holds the most makes room, where that is another.
    fn take_as_guest(
        &mut self,
        id: ConnectionId,
        bytes: usize,
        limit: usize,
    ) -> Result<(), Refusal> {
        let of = |account: &Account| if account.closing { 0 } else { account.held };
        let account = self.accounts.get(&id).filter(|account| !account.closing);
        let mine = account.ok_or(Refusal::Memory)?.held + bytes;
        // Whoever opens connections faster than they close gets no more for it.
        if self.guests + self.leaving + bytes > 2 * limit {
            return Err(Refusal::Memory);
        }
        while self.guests + bytes > limit {
            let most = self.accounts.iter().max_by_key(|(_, account)| of(account));
            let most = most.filter(|(other, account)| **other != id && of(account) >= mine);
            let Some(other) = most.map(|(other, _)| *other) else { return Err(Refusal::Memory) };
            tracing::debug!(connection = %other, held = self.accounts[&other].held, "closed: it holds the most");
            self.closing(other);
        }
        self.guests += bytes;
        if let Some(account) = self.accounts.get_mut(&id) {
            account.held += bytes;
        }
        Ok(())
    }

    fn take_as_owner(
        &mut self,
        owner: &OwnerName,
        bytes: usize,
        limit: usize,
    ) -> Result<(), Refusal> {
        let held = self.owners.entry(owner.clone()).or_default();
        let left = limit.saturating_sub(self.owned + bytes);
        // No one owner may take more than it leaves.
        let enough = if owner.is_admin() { 0 } else { held.bytes + bytes };
        if self.owned + bytes > limit || enough > left {
            return Err(Refusal::Memory);
        }
        held.bytes += bytes;
        self.owned += bytes;
        Ok(())
    }
}

/// What one call holds. Given back when it is dropped.
pub(super) struct Charge {
    budget: Arc<Budget>,
    /// `None` for calls inside the process, which are not limited.
    connection: Option<ConnectionId>,
    owner: Option<OwnerName>,
    held: usize,
}

impl Charge {
    /// Takes more.
    ///
    /// # Errors
    /// There is no more for this caller.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let Some(id) = self.connection else { return Ok(()) };
        let limits = self.budget.limits;
        let mut state = self.budget.state();
        match &self.owner {
            Some(owner) => state.take_as_owner(owner, bytes, limits.owners)?,
            None => state.take_as_guest(id, bytes, limits.guests)?,
        }
        self.held += bytes;
        Ok(())
    }

    /// Gives all back but so much.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        drop(self.split(self.held.saturating_sub(bytes)));
    }

    /// A part of what is held, to be given back by itself.
    pub(super) fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.held);
        self.held -= bytes;
        let (budget, owner) = (Arc::clone(&self.budget), self.owner.clone());
        Self { budget, connection: self.connection, owner, held: bytes }
    }

    /// Has an owner pay, which has shown its token.
    ///
    /// # Errors
    /// There is not so much for it.
    pub(super) fn pay_as(&mut self, owner: OwnerName) -> Result<(), Refusal> {
        if self.owner.as_ref() == Some(&owner) {
            return Ok(());
        }
        let held = self.held;
        self.shrink_to(0);
        self.owner = Some(owner);
        self.grow(held)
    }

    /// Whether nobody has shown a token for it.
    pub(super) fn is_guest(&self) -> bool {
        self.owner.is_none() && self.connection.is_some()
    }

    /// The answer to a call that can't be served.
    pub(super) fn refuse(&self, why: Refusal) -> Status {
        self.budget.refuse(why, self.connection)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let Some(id) = self.connection.filter(|_| self.held > 0) else { return };
        let mut state = self.budget.state();
        if let Some(owner) = &self.owner {
            state.owned -= self.held;
            if let Some(held) = state.owners.get_mut(owner) {
                held.bytes -= self.held;
            }
            return;
        }
        let Some(account) = state.accounts.get_mut(&id) else { return };
        account.held -= self.held;
        let (closing, empty) = (account.closing, account.held == 0);
        if !closing {
            state.guests -= self.held;
            return;
        }
        state.leaving -= self.held;
        if empty {
            state.accounts.remove(&id);
        }
    }
}

/// Whose place in the bus it is.
enum Of {
    None,
    Owner(OwnerName),
    Guest(ConnectionId, u64),
}

/// A place for a stream of events. Free again when it is dropped.
pub(super) struct Place {
    budget: Arc<Budget>,
    of: Of,
    ended: CancellationToken,
}

impl Place {
    /// Waits until the stream has to end for another; then this is how it ends.
    pub(super) async fn lost(&self) -> Status {
        self.ended.cancelled().await;
        let connection = if let Of::Guest(id, _) = self.of { Some(id) } else { None };
        self.budget.refuse(Refusal::Streams, connection)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.budget.state();
        match &self.of {
            Of::None => {}
            Of::Owner(owner) => {
                if let Some(held) = state.owners.get_mut(owner) {
                    held.streams -= 1;
                }
            }
            Of::Guest(id, number) => {
                let Some(account) = state.accounts.get_mut(id) else { return };
                let before = account.streams.len();
                account.streams.retain(|(other, _)| other != number);
                // One that made room, or whose connection is closing, is not counted any more.
                state.guest_streams -= before - account.streams.len();
            }
        }
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
