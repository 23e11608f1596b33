//! Intents → trees in FRR's own models.
//!
//! Pure and deterministic: no async, no I/O, no clock; the same intents give the same trees in
//! whatever order they come. What one kind of object renders to is in its protocol's room ([`crate::protocol`]).

use crate::{
    daemon::{Daemon, Forest},
    model::{Intent, Protocol},
    protocol::{
        Context, bfd,
        bgp::{instance, network, peer},
        ospf, statics, tree,
    },
};

pub use crate::protocol::{Shapes, StaticShape};

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

/// Adds what one intent stands for by itself. What intents share (a route-map) has one name and
/// one content, so that adding it twice changes nothing.
pub fn render_into(forest: &mut Forest, intent: &Intent, shapes: Shapes) {
    let mut context = Context::default();
    context.add(intent);
    render_in(forest, intent, shapes, &context);
}

fn render_in(forest: &mut Forest, intent: &Intent, shapes: Shapes, context: &Context) {
    match intent {
        Intent::Bgp(global) => {
            instance::render(tree(forest, Daemon::Bgpd), global, shapes.coalesce_time);
        }
        Intent::Drain(_) => instance::drain(tree(forest, Daemon::Bgpd)),
        Intent::Peer(peer) => peer::render(forest, peer, context),
        Intent::Prefix(ad) => match ad.protocol {
            Protocol::Bgp => network::render(tree(forest, Daemon::Bgpd), ad),
            Protocol::Ospf => ospf::prefix(forest, ad.prefix, shapes, context),
        },
        Intent::StaticRoute(route) => {
            statics::render(tree(forest, Daemon::Mgmtd), route, shapes.static_routes);
        }
        Intent::BfdSession(session) => {
            bfd::render(tree(forest, Daemon::Bfdd), session, context);
        }
        Intent::BfdProfile(profile) => bfd::declared(tree(forest, Daemon::Bfdd), profile),
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
        network::route_map(tree(forest, Daemon::Bgpd), &ad.attributes);
    }
}
