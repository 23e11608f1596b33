//! What intents claim of FRR: two kinds of intent can stand for one object of a daemon. Pure.
//!
//! A claim is a place in FRR's configuration and what an intent wants there. Equal claims are shared; of different ones
//! `policy` decides, by ownership, before anything is sent. Where `admin` has both, the rooms decide which of them the daemon
//! gets, by what they are and not by who came last.
//!
//! Another kind of object that intents share takes a [`Place`], who may claim it ([`Place::claimants`]), and a line in
//! [`claims`].

use std::{net::IpAddr, num::NonZeroU8};

use crate::model::{
    BfdParameters, Intent, IntentKey, NextHop, Prefix, ProfileName, Protocol, StaticRoute,
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
    /// A session with these timers, or those of a profile.
    Timers(BfdParameters, Option<ProfileName>),
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
    pub fn claimants(self) -> Vec<IntentKey> {
        match self {
            Self::Route(prefix, _) => {
                vec![IntentKey::StaticRoute(prefix), IntentKey::Prefix(Protocol::Ospf, prefix)]
            }
            Self::BfdSession(peer) => vec![IntentKey::Peer(peer), IntentKey::BfdSession(peer)],
        }
    }
}

/// What an intent claims.
pub fn claims(intent: &Intent) -> Vec<Claim> {
    let route = |route: &StaticRoute, words: &str| Claim {
        place: Place::Route(route.prefix, route.distance),
        wanted: Wanted::Route(route.next_hop.clone(), route.tag),
        words: format!("{words} at distance {}", route.distance),
    };
    let session = |peer: IpAddr, timers: BfdParameters, profile: Option<ProfileName>| Claim {
        place: Place::BfdSession(peer),
        wanted: Wanted::Timers(timers, profile),
        words: match profile {
            Some(name) => format!("a BFD session with the profile {name}"),
            None => format!("a BFD session with {timers}"),
        },
    };
    match intent {
        Intent::Peer(peer) => {
            let claim = peer.bfd.map(|bfd| session(peer.address, bfd, peer.bfd_profile));
            claim.into_iter().collect()
        }
        Intent::BfdSession(declared) => {
            vec![session(declared.peer, declared.timers, declared.profile)]
        }
        Intent::StaticRoute(declared) => vec![route(declared, "a route")],
        Intent::Prefix(ad) if ad.protocol == Protocol::Ospf => {
            vec![route(&StaticRoute::anchor(ad.prefix), "its anchor, a blackhole route")]
        }
        Intent::Bgp(_)
        | Intent::Drain(_)
        | Intent::Prefix(_)
        | Intent::OspfInterface(_)
        | Intent::BfdProfile(_) => Vec::new(),
    }
}
