//! What one call holds of the budget.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tonic::Status;

use super::{Budget, limits::Refusal};
use crate::{api::origin::ConnectionId, model::OwnerName};

/// What one call holds. Given back when it is dropped.
pub(super) struct Charge {
    budget: Arc<Budget>,
    /// `None` for calls inside the process, which are not limited.
    connection: Option<ConnectionId>,
    owner: Option<OwnerName>,
    held: usize,
}

impl Budget {
    /// An account for a call on this connection, with nothing on it yet.
    pub(super) fn charge(self: &Arc<Self>, connection: Option<ConnectionId>) -> Charge {
        let owner = connection.and_then(|id| self.state().accounts.get(&id)?.owner.clone());
        Charge { budget: Arc::clone(self), connection, owner, held: 0 }
    }
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

    /// Whether its caller has shown no token.
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

/// What a call holds, in its request's body and in its answer.
pub(super) type Shared = Arc<Mutex<Charge>>;

/// No code panics while it holds the lock.
pub(super) fn held(shared: &Shared) -> MutexGuard<'_, Charge> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
