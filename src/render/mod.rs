//! Intents → trees in FRR's own models.
//!
//! Pure and deterministic: no async, no I/O, no clock; the same intents give the same trees in
//! whatever order they come. May import `model` and `tree`.
//!
//! | file | renders |
//! |---|---|
//! | `bfd` | BFD sessions, and profiles with their timers |
//! | `bgp` | the instance and what every deployment of ours needs in it |
//! | `ospf` | interfaces of OSPF, its process, and prefixes that it announces |
//! | `peer` | neighbours |
//! | `prefix` | networks, and the route-maps that give them attributes |
//! | `static_route` | routes of staticd |

mod bfd;
mod bgp;
mod ospf;
mod peer;
mod prefix;
mod static_route;

use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    daemon::{Daemon, Forest},
    model::{AddressFamily, BfdSession, BgpGlobal, Intent, Peer, Prefix, Protocol, StaticRoute},
    tree::{Path, Step, Tree},
    yang::Models,
};

pub use static_route::StaticShape;

/// What rendering has to know of the models: FRR's versions differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shapes {
    /// How `frr-staticd` lays out a route.
    pub static_routes: StaticShape,
}

impl Shapes {
    /// The shapes of the loaded models.
    pub fn of(models: &dyn Models) -> Self {
        Self { static_routes: StaticShape::of(models) }
    }
}

/// The trees that all of these intents stand for together.
pub fn render<'a>(intents: impl IntoIterator<Item = &'a Intent>, shapes: Shapes) -> Forest {
    let intents: Vec<&Intent> = intents.into_iter().collect();
    let mut context = Context::default();
    intents.iter().for_each(|intent| context.add(intent));
    let mut forest = Forest::new();
    for intent in intents {
        render_in(&mut forest, intent, shapes, &context);
    }
    forest
}

/// What an intent's trees say because of other intents.
///
/// A BFD session and the `bfd` line of a peer of the same address are one session, and go by the
/// timers of the first and the hops of the second; OSPF has the identifier of BGP; a static route can be the anchor of
/// an OSPF prefix.
#[derive(Default)]
struct Context<'a> {
    bgp: Option<&'a BgpGlobal>,
    peers: BTreeMap<IpAddr, &'a Peer>,
    sessions: BTreeMap<IpAddr, &'a BfdSession>,
    /// Static routes that staticd can't keep beside the anchor of an OSPF prefix; few of thousands.
    in_place_of_anchors: BTreeMap<Prefix, &'a StaticRoute>,
}

impl<'a> Context<'a> {
    fn add(&mut self, intent: &'a Intent) {
        match intent {
            Intent::Bgp(global) => self.bgp = Some(global),
            Intent::Peer(peer) => drop(self.peers.insert(peer.address, peer)),
            Intent::BfdSession(session) => drop(self.sessions.insert(session.peer, session)),
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

/// Adds what one intent stands for by itself. What intents share (a route-map) has one name and
/// one content, so that adding it twice changes nothing.
pub fn render_into(forest: &mut Forest, intent: &Intent, shapes: Shapes) {
    let mut context = Context::default();
    context.add(intent);
    render_in(forest, intent, shapes, &context);
}

fn render_in(forest: &mut Forest, intent: &Intent, shapes: Shapes, context: &Context) {
    match intent {
        Intent::Bgp(global) => bgp::render(tree(forest, Daemon::Bgpd), global),
        Intent::Drain(_) => bgp::drain(tree(forest, Daemon::Bgpd)),
        Intent::Peer(peer) => peer::render(forest, peer, context),
        Intent::Prefix(ad) => match ad.protocol {
            Protocol::Bgp => prefix::render(tree(forest, Daemon::Bgpd), ad),
            Protocol::Ospf => ospf::prefix(forest, ad.prefix, shapes, context),
        },
        Intent::StaticRoute(route) => {
            static_route::render(tree(forest, Daemon::Mgmtd), route, shapes.static_routes);
        }
        Intent::BfdSession(session) => {
            bfd::render(tree(forest, Daemon::Bfdd), session, context);
        }
        Intent::OspfInterface(interface) => {
            ospf::interface(tree(forest, Daemon::Ospfd), interface, context);
        }
    }
}

/// What sessions stood for in versions before this one, where they stand for something else now: bfdd had a session of
/// its configuration beside bgpd's.
pub fn render_former<'a>(intents: impl IntoIterator<Item = &'a Intent>) -> Forest {
    let intents: Vec<&Intent> = intents.into_iter().collect();
    let mut context = Context::default();
    intents.iter().for_each(|intent| context.add(intent));
    let mut forest = Forest::new();
    for session in context.sessions.values() {
        bfd::alone(tree(&mut forest, Daemon::Bfdd), session, &context);
    }
    forest
}

/// Adds what an intent stands for that others may stand for too: the route-map of its attributes.
pub fn render_shared(forest: &mut Forest, intent: &Intent) {
    if let Intent::Prefix(ad) = intent
        && !ad.attributes.is_empty()
    {
        prefix::route_map(tree(forest, Daemon::Bgpd), &ad.attributes);
    }
}

fn tree(forest: &mut Forest, daemon: Daemon) -> &mut Tree {
    forest.entry(daemon).or_default()
}

fn entry<const N: usize>(name: &str, keys: [(&str, &str); N]) -> Step {
    let keys = keys.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    Step { name: name.into(), keys }
}

/// A path from its steps; a name without keys may hold several, separated by `/`.
fn path<const N: usize>(steps: [Step; N]) -> Path {
    Path(steps.into_iter().collect())
}

fn plain(name: &str) -> Step {
    Step::plain(name)
}

/// The instance of a protocol in `frr-routing`.
fn protocol(kind: &str, name: &str) -> Path {
    path([
        plain("frr-routing:routing"),
        plain("control-plane-protocols"),
        entry("control-plane-protocol", [("type", kind), ("name", name), ("vrf", "default")]),
        plain(kind),
    ])
}

/// `frr-bgp:bgp` of the default VRF, which FRR names `bgp`.
fn bgp_instance() -> Path {
    protocol("frr-bgp:bgp", "bgp")
}

fn afi_safi(family: AddressFamily) -> Step {
    entry("afi-safi", [("afi-safi-name", &format!("frr-routing:{}", family.name()))])
}

/// The path, further down by these names.
fn below(base: &Path, names: &[&str]) -> Path {
    names.iter().fold(base.clone(), |path, name| path.join(Step::plain(*name)))
}
