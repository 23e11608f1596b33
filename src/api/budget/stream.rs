//! Places for event streams: of all guests together, and of each owner.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{Budget, limits::Refusal};
use crate::{api::origin::ConnectionId, model::OwnerName};

/// Event streams of all callers without a token: each holds a place in the bus.
pub const MAX_GUEST_STREAMS: usize = 32;

/// Event streams of one owner, on connections that showed its token.
pub const MAX_OWNER_STREAMS: usize = 16;

impl Budget {
    /// A place for a stream of events.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED: the owner, or this guest, has as many as it may have.
    pub(in crate::api) fn stream(
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
}

/// Whose place in the bus it is.
enum Of {
    None,
    Owner(OwnerName),
    Guest(ConnectionId, u64),
}

/// A place for a stream of events. Free again when it is dropped.
pub(in crate::api) struct Place {
    budget: Arc<Budget>,
    of: Of,
    pub(super) ended: CancellationToken,
}

impl Place {
    /// Waits until the stream has to end for another; then this is how it ends.
    pub(in crate::api) async fn lost(&self) -> Status {
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
