//! What the configuration itself declares, without a client.

use std::collections::BTreeSet;

use super::{BgpGlobal, Intent, IntentKey, Peer};

/// The node's BGP instance and the neighbours of the configuration. They belong to the owner `admin`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configured {
    /// The instance, where the configuration says enough for one.
    pub bgp: Option<BgpGlobal>,
    /// Neighbours, none twice.
    pub peers: Vec<Peer>,
}

impl Configured {
    /// The neighbours' keys.
    pub fn peer_keys(&self) -> BTreeSet<IntentKey> {
        self.peers.iter().map(|peer| IntentKey::Peer(peer.address)).collect()
    }

    /// The neighbours as intents.
    pub fn peer_intents(&self) -> impl Iterator<Item = Intent> {
        self.peers.iter().cloned().map(Intent::Peer)
    }

    /// Those of `self`, and those of `other` that `self` does not have.
    #[must_use]
    pub fn with_peers_of(mut self, other: &Self) -> Self {
        let known = self.peer_keys();
        let unknown = |peer: &&Peer| !known.contains(&IntentKey::Peer(peer.address));
        self.peers.extend(other.peers.iter().filter(unknown).cloned());
        self
    }
}
