//! What intents claim of FRR: two kinds of intent can stand for one object of a daemon.
//!
//! A claim is a place in FRR's configuration and what an intent wants there. Equal claims are shared. Of different ones
//! the first stands and the second is refused, unless `admin` asks: then `render` decides which of them the daemon gets,
//! by what they are and not by who came last. Pure, like all of `policy`.
//!
//! Another kind of object that intents share takes a [`Place`], who may claim it ([`Place::claimants`]), and a line in
//! [`claims`].

use std::{net::IpAddr, num::NonZeroU8};

use super::{Violation, ViolationKind};
use crate::{
    model::{BfdParameters, Intent, IntentKey, NextHop, OwnerName, Prefix, Protocol, StaticRoute},
    store::Store,
};

/// An object of FRR that intents of several kinds stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// staticd's routes to a prefix at one administrative distance: a static route, or the anchor of an OSPF prefix.
    Route(Prefix, NonZeroU8),
    /// bfdd's session with an address: a declared one, or that of a peer with BFD.
    BfdSession(IpAddr),
}

/// What an intent wants in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A route there, with this tag.
    Route(NextHop, u32),
    /// A session with these timers.
    Timers(BfdParameters),
}

/// A place, and what is wanted there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Where.
    pub place: Place,
    /// What.
    pub wanted: Wanted,
    /// The same in words, for whoever is refused: "a blackhole route at distance 19".
    pub words: String,
}

impl Place {
    /// The intents that can claim this place.
    fn claimants(self) -> Vec<IntentKey> {
        match self {
            Self::Route(prefix, _) => {
                vec![IntentKey::StaticRoute(prefix), IntentKey::Prefix(Protocol::Ospf, prefix)]
            }
            Self::BfdSession(peer) => vec![IntentKey::Peer(peer), IntentKey::BfdSession(peer)],
        }
    }
}

/// What an intent claims, given what is declared beside it.
fn claims(intent: &Intent, _around: &Store) -> Vec<Claim> {
    let route = |route: &StaticRoute, words: &str| Claim {
        place: Place::Route(route.prefix, route.distance),
        wanted: Wanted::Route(route.next_hop.clone(), route.tag),
        words: format!("{words} at distance {}", route.distance),
    };
    let session = |peer: IpAddr, timers: BfdParameters| Claim {
        place: Place::BfdSession(peer),
        wanted: Wanted::Timers(timers),
        words: format!("a BFD session with {timers}"),
    };
    match intent {
        Intent::Peer(peer) => peer.bfd.map(|bfd| session(peer.address, bfd)).into_iter().collect(),
        Intent::BfdSession(declared) => vec![session(declared.peer, declared.timers)],
        Intent::StaticRoute(declared) => vec![route(declared, "a route")],
        Intent::Prefix(ad) if ad.protocol == Protocol::Ospf => {
            vec![route(&StaticRoute::anchor(ad.prefix), "its anchor, a blackhole route")]
        }
        Intent::Bgp(_) | Intent::Drain(_) | Intent::Prefix(_) | Intent::OspfInterface(_) => {
            Vec::new()
        }
    }
}

/// Whether an intent may have what it claims beside all others in the store.
///
/// # Errors
/// Another intent claims the same place and wants something else there.
pub(super) fn check(store: &Store, owner: &OwnerName, intent: &Intent) -> Result<(), Violation> {
    if owner.is_admin() {
        return Ok(());
    }
    let key = intent.key();
    for claim in claims(intent, store) {
        let others = claim.place.claimants().into_iter().filter(|other| *other != key);
        for (other, owned) in others.filter_map(|other| Some((other, store.get(&other)?))) {
            let theirs = claims(&owned.intent, store);
            let rival = theirs.iter().find(|it| it.place == claim.place);
            if let Some(rival) = rival.filter(|it| it.wanted != claim.wanted) {
                return Err(Violation {
                    kind: ViolationKind::ClaimConflict,
                    key,
                    existing_owner: Some(owned.owner.clone()),
                    message: format!(
                        "needs {}, where FRR has one object for this and the {other} of {}, which needs {}; \
                         choose other values, or remove that first",
                        claim.words, owned.owner, rival.words
                    ),
                    to_caller: None,
                });
            }
        }
    }
    Ok(())
}
