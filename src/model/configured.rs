//! What the configuration itself declares, without a client.

use std::collections::BTreeSet;

use super::{BfdProfile, BgpGlobal, Intent, IntentKey, Peer};

/// The node's BGP instance, and the neighbours and BFD profiles of the configuration. They belong to the owner `admin`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configured {
    /// The instance, where the configuration says enough for one.
    pub bgp: Option<BgpGlobal>,
    /// Neighbours, none twice.
    pub peers: Vec<Peer>,
    /// BFD profiles, none twice.
    pub profiles: Vec<BfdProfile>,
}

impl Configured {
    /// The keys of all but the instance.
    pub fn keys(&self) -> BTreeSet<IntentKey> {
        self.intents().map(|intent| intent.key()).collect()
    }

    /// All but the instance, as intents.
    pub fn intents(&self) -> impl Iterator<Item = Intent> {
        let peers = self.peers.iter().cloned().map(Intent::from);
        peers.chain(self.profiles.iter().cloned().map(Intent::BfdProfile))
    }

    /// The instance of `self`, and all that either has otherwise; of what both have, as `self` has it.
    #[must_use]
    pub fn with_others_of(mut self, other: &Self) -> Self {
        let known = self.keys();
        let unknown = |key: IntentKey| !known.contains(&key);
        let peers = other.peers.iter().filter(|peer| unknown(IntentKey::Peer(peer.address)));
        self.peers.extend(peers.cloned());
        let profiles = other.profiles.iter().filter(|it| unknown(IntentKey::BfdProfile(it.name)));
        self.profiles.extend(profiles.cloned());
        self
    }
}
