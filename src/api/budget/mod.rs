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

mod accounts;
mod body;
mod charge;
mod layer;
mod limits;
mod scan;
mod stream;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use self::accounts::{Account, State};
pub(super) use self::stream::Place;
pub use self::{
    body::Authenticate,
    layer::{Admission, AdmissionLayer},
    limits::{Limits, ObserveRefusal, Refusal},
    stream::{MAX_GUEST_STREAMS, MAX_OWNER_STREAMS},
};
use super::{
    caller::{self, Caller},
    origin::ConnectionId,
};
use crate::model::OwnerName;

/// Shortest time between two lines in the log about one kind of refusal: a flood shall not fill the log.
const LOG_PAUSE: Duration = Duration::from_secs(1);

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

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
