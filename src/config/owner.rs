//! Owners: their tokens, and what they may do. Tokens are never printed.

use std::{collections::BTreeMap, fmt};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    model::OwnerName,
    policy::{OwnerPolicy, Policies},
};

/// How the tokens of the guide's example begin.
const PLACEHOLDER: &str = "CHANGE-ME";

/// One owner of the configuration. Keeps its token's SHA-256 only.
#[derive(Clone)]
pub struct Owner {
    digest: [u8; 32],
    placeholder: bool,
    /// What it may do, and how long its intents live.
    pub policy: OwnerPolicy,
}

impl Owner {
    /// An owner with this token.
    pub fn new(token: &SecretString, policy: OwnerPolicy) -> Self {
        let token = token.expose_secret();
        Self { digest: digest(token), placeholder: token.starts_with(PLACEHOLDER), policy }
    }

    /// Whether this is the owner's token. Digests are compared in constant time, so that
    /// neither a common beginning nor the right token's length shows.
    pub fn accepts(&self, token: &str) -> bool {
        self.digest.ct_eq(&digest(token)).into()
    }

    /// Whether the token is still the guide's example.
    pub fn has_placeholder_token(&self) -> bool {
        self.placeholder
    }
}

/// Without the digest: a short token could be guessed from it.
impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").field("policy", &self.policy).finish_non_exhaustive()
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Every owner of the configuration.
#[derive(Debug, Clone)]
pub struct Owners(BTreeMap<OwnerName, Owner>);

impl Owners {
    /// The owner of that name.
    pub fn get(&self, name: &OwnerName) -> Option<&Owner> {
        self.0.get(name)
    }

    /// All owners in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&OwnerName, &Owner)> {
        self.0.iter()
    }

    /// All names in their order.
    pub fn names(&self) -> impl Iterator<Item = &OwnerName> {
        self.0.keys()
    }

    /// What all of them may do.
    pub fn policies(&self) -> Policies {
        self.iter().map(|(name, owner)| (name.clone(), owner.policy.clone())).collect()
    }
}

impl FromIterator<(OwnerName, Owner)> for Owners {
    fn from_iter<I: IntoIterator<Item = (OwnerName, Owner)>>(owners: I) -> Self {
        Self(owners.into_iter().collect())
    }
}
