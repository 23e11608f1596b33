//! The closed set of intents, what identifies each, and changes to them.

use std::{fmt, net::IpAddr};

use super::{
    BfdProfile, BfdSession, BgpGlobal, Drain, InterfaceName, OspfInterface, Peer, Prefix,
    PrefixAdvertisement, ProfileName, Protocol, StaticRoute,
};

/// What an owner can declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// The node's BGP instance.
    Bgp(BgpGlobal),
    /// That neighbours are asked to route around the node.
    Drain(Drain),
    /// A BGP neighbour.
    Peer(Box<Peer>),
    /// An advertised prefix.
    Prefix(PrefixAdvertisement),
    /// A static route.
    StaticRoute(StaticRoute),
    /// A BFD session.
    BfdSession(BfdSession),
    /// An interface on which OSPF runs.
    OspfInterface(OspfInterface),
    /// A BFD profile.
    BfdProfile(BfdProfile),
}

/// Boxed, so that the intents of which there are thousands do not take a peer's room.
impl From<Peer> for Intent {
    fn from(peer: Peer) -> Self {
        Self::Peer(Box::new(peer))
    }
}

impl Intent {
    /// What identifies it: two intents with the same key are about the same object.
    pub fn key(&self) -> IntentKey {
        match self {
            Self::Bgp(_) => IntentKey::Bgp,
            Self::Drain(_) => IntentKey::Drain,
            Self::Peer(peer) => IntentKey::Peer(peer.address),
            Self::Prefix(ad) => IntentKey::Prefix(ad.protocol, ad.prefix),
            Self::StaticRoute(route) => IntentKey::StaticRoute(route.prefix),
            Self::BfdSession(session) => IntentKey::BfdSession(session.peer),
            Self::OspfInterface(interface) => IntentKey::OspfInterface(interface.name),
            Self::BfdProfile(profile) => IntentKey::BfdProfile(profile.name),
        }
    }

    /// The BFD profile that it names.
    pub fn named_profile(&self) -> Option<ProfileName> {
        match self {
            Self::Peer(peer) => peer.bfd_profile,
            Self::BfdSession(session) => session.profile,
            Self::Bgp(_)
            | Self::Drain(_)
            | Self::Prefix(_)
            | Self::StaticRoute(_)
            | Self::OspfInterface(_)
            | Self::BfdProfile(_) => None,
        }
    }
}

/// Identity of the object that an intent is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntentKey {
    /// The node's BGP instance.
    Bgp,
    /// The node's drain.
    Drain,
    /// The neighbour with this address.
    Peer(IpAddr),
    /// The prefix in this protocol.
    Prefix(Protocol, Prefix),
    /// The static route to this destination.
    StaticRoute(Prefix),
    /// The BFD session with this address.
    BfdSession(IpAddr),
    /// The interface of this name.
    OspfInterface(InterfaceName),
    /// The BFD profile of this name.
    BfdProfile(ProfileName),
}

impl IntentKey {
    /// Which kind of object it is.
    pub fn kind(&self) -> IntentKind {
        match self {
            Self::Bgp => IntentKind::Bgp,
            Self::Drain => IntentKind::Drain,
            Self::Peer(_) => IntentKind::Peer,
            Self::Prefix(Protocol::Bgp, _) => IntentKind::BgpPrefix,
            Self::Prefix(Protocol::Ospf, _) => IntentKind::OspfPrefix,
            Self::StaticRoute(_) => IntentKind::StaticRoute,
            Self::BfdSession(_) => IntentKind::BfdSession,
            Self::OspfInterface(_) => IntentKind::OspfInterface,
            Self::BfdProfile(_) => IntentKind::BfdProfile,
        }
    }
}

impl IntentKey {
    /// The prefix that it is about.
    pub fn prefix(&self) -> Option<Prefix> {
        match self {
            Self::Prefix(_, prefix) | Self::StaticRoute(prefix) => Some(*prefix),
            Self::Bgp
            | Self::Drain
            | Self::Peer(_)
            | Self::BfdSession(_)
            | Self::OspfInterface(_)
            | Self::BfdProfile(_) => None,
        }
    }
}

impl fmt::Display for IntentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bgp => f.write_str("BGP instance"),
            Self::Drain => f.write_str("drain of the node"),
            Self::Peer(address) => write!(f, "peer {address}"),
            Self::Prefix(protocol, prefix) => write!(f, "{protocol} prefix {prefix}"),
            Self::StaticRoute(prefix) => write!(f, "static route {prefix}"),
            Self::BfdSession(address) => write!(f, "BFD session {address}"),
            Self::OspfInterface(name) => write!(f, "OSPF interface {name}"),
            Self::BfdProfile(name) => write!(f, "BFD profile {name}"),
        }
    }
}

/// Kind of an intent. What is so of all of a kind is in a table (`protocol::kinds`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntentKind {
    /// The node's BGP instance.
    Bgp,
    /// The node's drain.
    Drain,
    /// A BGP neighbour.
    Peer,
    /// A prefix that BGP advertises.
    BgpPrefix,
    /// A prefix that OSPF announces.
    OspfPrefix,
    /// A static route.
    StaticRoute,
    /// A BFD session.
    BfdSession,
    /// An interface on which OSPF runs.
    OspfInterface,
    /// A BFD profile.
    BfdProfile,
}

impl IntentKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Bgp,
        Self::Drain,
        Self::Peer,
        Self::BgpPrefix,
        Self::OspfPrefix,
        Self::StaticRoute,
        Self::BfdSession,
        Self::OspfInterface,
        Self::BfdProfile,
    ];
}

/// One change that an owner asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Declare this, or make it what is said here.
    Set(Intent),
    /// Withdraw it.
    Remove(IntentKey),
}

impl Change {
    /// The object that changes.
    pub fn key(&self) -> IntentKey {
        match self {
            Self::Set(intent) => intent.key(),
            Self::Remove(key) => *key,
        }
    }
}
