//! Owners: their tokens, and what they may do. Tokens are never printed.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    model::OwnerName,
    policy::{OwnerPolicy, Policies},
};

/// How the tokens of the guide's example begin.
const PLACEHOLDER: &str = "CHANGE-ME";

/// One owner of the configuration.
#[derive(Debug, Clone)]
pub struct Owner {
    token: SecretString,
    /// What it may do, and how long its intents live.
    pub policy: OwnerPolicy,
}

impl Owner {
    /// An owner with this token.
    pub fn new(token: SecretString, policy: OwnerPolicy) -> Self {
        Self { token, policy }
    }

    /// Whether this is the owner's token. Takes the same time for every wrong token
    /// of the same length: digests are compared, so the right one's length doesn't show.
    pub fn accepts(&self, token: &str) -> bool {
        digest(self.token.expose_secret()).ct_eq(&digest(token)).into()
    }

    /// Whether the token is still the guide's example.
    pub fn has_placeholder_token(&self) -> bool {
        self.token.expose_secret().starts_with(PLACEHOLDER)
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Every owner of the configuration.
#[derive(Debug, Clone)]
pub struct Owners(BTreeMap<OwnerName, Owner>);

impl Owners {
    /// The owner of that name, where it exists and this is its token. An unknown name and
    /// a wrong token are indistinguishable, in time too.
    pub fn authenticate(&self, name: &str, token: &str) -> Option<&OwnerName> {
        let found = name.parse().ok().and_then(|name: OwnerName| self.0.get_key_value(&name));
        // Somebody's token is compared in any case, so that unknown names take as long.
        let owner = found.map(|(_, owner)| owner).or_else(|| self.0.values().next())?;
        let accepted = owner.accepts(token);
        found.filter(|_| accepted).map(|(name, _)| name)
    }

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
