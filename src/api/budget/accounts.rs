//! What every connection and owner holds. Memory is taken and given back here, and connections that have to make room are
//! closed.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::limits::Refusal;
use crate::{
    api::{caller::Caller, origin::ConnectionId},
    model::OwnerName,
};

/// An open connection.
pub(super) struct Account {
    pub(super) caller: Option<Caller>,
    /// The owner whose token it showed last.
    pub(super) owner: Option<OwnerName>,
    /// What it took as a guest.
    pub(super) held: usize,
    /// Event streams that it opened as a guest, the oldest first.
    pub(super) streams: VecDeque<(u64, CancellationToken)>,
    /// Closes it.
    pub(super) close: CancellationToken,
    /// It is closed, or told to: what it holds is soon given back.
    pub(super) closing: bool,
}

/// All accounts, and their sums.
#[derive(Default)]
pub(super) struct State {
    pub(super) accounts: BTreeMap<ConnectionId, Account>,
    /// What guests hold on connections that are not closing.
    pub(super) guests: usize,
    /// What connections that are closing have not given back yet.
    pub(super) leaving: usize,
    pub(super) guest_streams: usize,
    pub(super) owners: BTreeMap<OwnerName, Held>,
    pub(super) owned: usize,
    /// The number of the next event stream.
    pub(super) next: u64,
    /// When each kind of refusal was last logged, and how many were not.
    pub(super) logged: BTreeMap<&'static str, (Instant, u64)>,
}

/// What an owner holds on all its connections.
#[derive(Default)]
pub(super) struct Held {
    pub(super) bytes: usize,
    pub(super) streams: usize,
}

impl State {
    /// Counts a connection as closed, and closes it.
    pub(super) fn closing(&mut self, id: ConnectionId) {
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
    pub(super) fn take_as_guest(
        &mut self,
        id: ConnectionId,
        bytes: usize,
        limit: usize,
    ) -> Result<(), Refusal> {
        let of = |account: &Account| if account.closing { 0 } else { account.held };
        let account = self.accounts.get(&id).filter(|account| !account.closing);
        let mine = account.ok_or(Refusal::Memory)?.held + bytes;
        // A caller that opens connections faster than they close gets no more for it.
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

    /// Takes bytes for an owner, which leaves others as much as it has.
    pub(super) fn take_as_owner(
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
