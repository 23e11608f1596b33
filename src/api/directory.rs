//! What the API asks of the configuration.

use std::{
    net::Ipv4Addr,
    pin::Pin,
    time::{Duration, SystemTime},
};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tonic::Status;

use crate::{model::OwnerName, policy::Lifetime};

/// Stands for the token of an owner that does not exist; it opens nothing.
const DECOY: &str = "a token of the usual length: 32 B";

/// The configuration that is in force, and what of its file is not.
#[derive(Debug, Clone, Default)]
pub struct InForce {
    /// Path of the file.
    pub file: String,
    /// As the file would say it (JSON), without secrets.
    pub json: String,
    /// Since when.
    pub since: Option<SystemTime>,
    /// What put it in force.
    pub by: &'static str,
    /// Sections that are changed in the file and wait for a reload.
    pub waits_for_reload: Vec<&'static str>,
    /// Settings that are changed in the file and wait for the next start.
    pub waits_for_restart: Vec<&'static str>,
    /// When and why the file as it is now was not taken.
    pub error: Option<(SystemTime, String)>,
}

/// What a reload came to: how many objects changed, and which settings wait for the next start; or why nothing changed.
pub type Reloaded = Result<(usize, Vec<&'static str>), String>;

/// The owners of the configuration. Asked anew at each call, so that a reload
/// takes effect at once.
pub trait Directory: Send + Sync + 'static {
    /// Whether this token is the owner's; `None` where there is no such owner. Compares in
    /// constant time.
    fn accepts(&self, owner: &OwnerName, token: &str) -> Option<bool>;

    /// How long the owner's intents outlive its last connection; `None` where there is
    /// no such owner (any more).
    fn lifetime(&self, owner: &OwnerName) -> Option<Lifetime>;

    /// How long intents stay when the last connection of their owner has closed
    /// (`disconnect_grace_period`).
    fn grace_period(&self) -> Duration;

    /// The BGP identifier of the node (`bgp.router_id`), for a client that names none.
    fn router_id(&self) -> Option<Ipv4Addr>;

    /// The configuration that is in force.
    fn in_force(&self) -> InForce {
        InForce::default()
    }

    /// Has the configuration read again.
    fn reload(&self) -> Pin<Box<dyn Future<Output = Reloaded> + Send + '_>> {
        Box::pin(std::future::ready(Err("there is no file to read".to_owned())))
    }

    /// Does for a token of no owner what [`accepts`](Self::accepts) does for a wrong one, so
    /// that the time of an answer doesn't tell which owners there are. As it is, it does what the
    /// configuration does: it hashes two tokens and compares the digests.
    fn burn(&self, token: &str) {
        let given = Sha256::digest(token.as_bytes());
        let other = Sha256::digest(DECOY.as_bytes());
        std::hint::black_box(given.as_slice().ct_eq(other.as_slice()));
    }
}

/// The owner that calls, if the token is its own.
///
/// # Errors
/// UNAUTHENTICATED with one message, whether the owner is unknown or the token wrong.
pub(super) fn authenticate(
    directory: &dyn Directory,
    owner: &str,
    token: &str,
) -> Result<OwnerName, Status> {
    let name = owner.parse::<OwnerName>().ok();
    let accepted = name.as_ref().and_then(|name| directory.accepts(name, token));
    if accepted.is_none() {
        directory.burn(token);
    }
    match (name, accepted) {
        (Some(name), Some(true)) => Ok(name),
        _ => Err(unauthenticated()),
    }
}

/// The answer to a caller that shows no token of the owner that it names.
pub(super) fn unauthenticated() -> Status {
    Status::unauthenticated("unknown owner or wrong token")
}
