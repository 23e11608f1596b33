//! What a request comes to by what is declared when it is decided.

use std::collections::BTreeSet;

use super::Actor;
use crate::{
    commit::{CommitError, CommitRequest},
    model::{Change, Intent, IntentKey},
    protocol::kinds,
    store::Store,
};

impl Actor {
    /// The request with the passwords that are kept, and, where it replaces what its owner has, with all that goes.
    /// What goes comes last, so that changes keep their numbers.
    ///
    /// # Errors
    /// A password that is to be kept is not there.
    pub(super) fn resolved(&self, request: &CommitRequest) -> Result<CommitRequest, CommitError> {
        let store = self.store();
        let mut resolved = request.clone();
        for (index, change) in resolved.changes.iter_mut().enumerate() {
            keep_password(store, request, index, change)?;
        }
        if request.extras.replace {
            let named: BTreeSet<IntentKey> = request.changes.iter().map(Change::key).collect();
            let gone = store.of_owner(&request.owner).map(|(key, _)| *key).filter(|key| {
                !named.contains(key)
                    && !kinds::of(key.kind()).is_the_nodes()
                    && !self.configured.contains(key)
            });
            resolved.changes.extend(gone.map(Change::Remove));
        }
        Ok(resolved)
    }
}

/// Gives a peer that is set the password that it has, where that is asked for.
fn keep_password(
    store: &Store,
    request: &CommitRequest,
    index: usize,
    change: &mut Change,
) -> Result<(), CommitError> {
    let Change::Set(Intent::Peer(peer)) = change else { return Ok(()) };
    if !request.extras.keep_passwords.contains(&peer.address) {
        return Ok(());
    }
    let stands = store.get(&IntentKey::Peer(peer.address));
    // Whether another's peer has one is not told: whose it is, policy says.
    if stands.is_some_and(|it| it.owner != request.owner && !request.owner.is_admin()) {
        return Ok(());
    }
    let password = match stands.map(|owned| &owned.intent) {
        Some(Intent::Peer(before)) => before.password.clone().ok_or("the peer has none"),
        _ => Err("the peer is not declared"),
    };
    peer.password = Some(password.map_err(|why| CommitError::NoPassword { index, why })?);
    Ok(())
}
