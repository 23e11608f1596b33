//! What the API asks of the configuration.

use std::time::Duration;

use tonic::Status;

use crate::{model::OwnerName, policy::Lifetime};

/// The owners of the configuration. Asked anew at each call, so that a reload
/// takes effect at once.
pub trait Directory: Send + Sync + 'static {
    /// The owner of this name, where there is one and the token is its. The name is as the
    /// client wrote it. A name that does not exist takes as long as a wrong token.
    fn authenticate(&self, owner: &str, token: &str) -> Option<OwnerName>;

    /// How long the owner's intents outlive its last connection; `None` where there is
    /// no such owner (any more).
    fn lifetime(&self, owner: &OwnerName) -> Option<Lifetime>;

    /// How long intents stay when the last connection of their owner has closed
    /// (`disconnect_grace_period`).
    fn grace_period(&self) -> Duration;
}

/// Who calls, if the token is theirs.
///
/// # Errors
/// UNAUTHENTICATED with one message, whether the owner is unknown or the token wrong.
pub(super) fn authenticate(
    directory: &dyn Directory,
    owner: &str,
    token: &str,
) -> Result<OwnerName, Status> {
    directory
        .authenticate(owner, token)
        .ok_or_else(|| Status::unauthenticated("unknown owner or wrong token"))
}
