//! One room for each protocol that FRR runs for us. Pure: no async, no I/O, no clock.
//!
//! A room says what an object renders to, which lines it has in the daemon's configuration, what of it stands alone, what
//! several intents claim, how a change of it is proven and how its state is read. What all kinds of intent have in common
//! is a table ([`kinds`]).
//!
//! | file | owns |
//! |---|---|
//! | `kinds` | the table of the kinds of intent |
//! | `claims` | what intents claim of FRR, where several can stand for one object |
//! | `object` | the objects in a daemon's tree, and which intent declares each |
//! | `bgp`, `bfd`, `ospf`, `statics` | a protocol each |
//! | `filter` | prefix-lists and route-maps, which several daemons have |
//! | `cli` | the lines of a daemon's configuration, as constants |
//! | `path` | paths in FRR's models |

pub mod bfd;
pub mod bgp;
pub mod claims;
pub(crate) mod cli;
mod filter;
pub mod kinds;
pub mod object;
pub(crate) mod ospf;
mod path;
pub(crate) mod statics;

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use cli::Lines;
use object::{Object, Place};
pub use statics::StaticShape;

use crate::{
    daemon::{Daemon, Forest},
    model::{
        BfdProfile, BfdSession, BgpGlobal, Intent, IntentKey, Peer, Prefix, ProfileName,
        StaticRoute,
    },
    tree::{Node, Path, Tree},
    yang::Models,
};

/// What rendering has to know of the models, since FRR's versions differ, and of the agent's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shapes {
    /// How `frr-staticd` lays out a route.
    pub static_routes: StaticShape,
    /// How long bgpd waits for other sessions before it sends a new one its routes; `None` leaves that to FRR.
    pub coalesce_time: Option<Duration>,
}

impl Shapes {
    /// The shapes of the loaded models, and no setting.
    pub fn of(models: &dyn Models) -> Self {
        Self { static_routes: StaticShape::of(models), coalesce_time: None }
    }
}

/// What an intent's trees say because of other intents.
///
/// A BFD session and the `bfd` line of a peer of the same address are one session, and go by the
/// timers of the first and the hops of the second; it has the timers of the profile that it names; OSPF has the identifier of BGP; a static route can be the anchor of
/// an OSPF prefix.
#[derive(Default)]
pub(crate) struct Context<'a> {
    pub(crate) bgp: Option<&'a BgpGlobal>,
    pub(crate) peers: BTreeMap<IpAddr, &'a Peer>,
    pub(crate) sessions: BTreeMap<IpAddr, &'a BfdSession>,
    pub(crate) profiles: BTreeMap<ProfileName, &'a BfdProfile>,
    /// Static routes that staticd can't keep beside the anchor of an OSPF prefix; few of thousands.
    pub(crate) in_place_of_anchors: BTreeMap<Prefix, &'a StaticRoute>,
}

impl<'a> Context<'a> {
    /// Adds what an intent says of others.
    pub(crate) fn add(&mut self, intent: &'a Intent) {
        match intent {
            Intent::Bgp(global) => self.bgp = Some(global),
            Intent::Peer(peer) => drop(self.peers.insert(peer.address, peer)),
            Intent::BfdSession(session) => drop(self.sessions.insert(session.peer, session)),
            Intent::BfdProfile(profile) => drop(self.profiles.insert(profile.name, profile)),
            Intent::StaticRoute(route) if route.is_in_place_of_anchor() => {
                self.in_place_of_anchors.insert(route.prefix, route);
            }
            Intent::Drain(_)
            | Intent::Prefix(_)
            | Intent::StaticRoute(_)
            | Intent::OspfInterface(_) => {}
        }
    }
}

/// The tree of a daemon.
pub(crate) fn tree(forest: &mut Forest, daemon: Daemon) -> &mut Tree {
    forest.entry(daemon).or_default()
}

/// The lines of a daemon that is configured by lines.
pub(crate) fn lines(daemon: Daemon) -> Option<Lines> {
    match daemon {
        Daemon::Bgpd => Some(bgp::lines()),
        Daemon::Bfdd => Some(bfd::lines()),
        Daemon::Ospfd => Some(ospf::lines()),
        Daemon::Mgmtd => None,
    }
}

/// What object a node is.
pub fn object_at(path: &Path, node: &Node) -> Option<Object> {
    let place = Place::of(path)?;
    let rooms = [bgp::object, bfd::object, ospf::object, statics::object, filter::object];
    rooms.into_iter().find_map(|object| object(&place, node))
}

/// What declares the object at a path, where its path tells; an anchor of OSPF is told as the static route that it is.
pub fn declared_by(path: &Path) -> Option<IntentKey> {
    let place = Place::of(path)?;
    let rooms = [bgp::declared_by, bfd::declared_by, ospf::declared_by, statics::declared_by];
    rooms.into_iter().find_map(|declared_by| declared_by(&place, path))
}
