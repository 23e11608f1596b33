//! What OSPF's interfaces and prefixes render to: the process that they need, and what lets a prefix be redistributed.

use crate::{
    daemon::{Daemon, Forest},
    model::{OspfInterface, Prefix, StaticRoute},
    protocol::{
        Context, Shapes,
        path::{below, entry, path, plain, protocol},
        statics, tree,
    },
    tree::{Path, Tree},
};

/// The route-map of all that OSPF announces for us.
const ROUTE_MAP: &str = "NR-ospf";

/// What a prefix that is announced can be in the node's routing table: our anchor, or what the
/// node itself has for it.
const REDISTRIBUTED: [&str; 3] = ["static", "connected", "kernel"];

/// The process, with the identifier that BGP has.
fn process(ospfd: &mut Tree, context: &Context) -> Path {
    let process = protocol("frr-ospfd:ospf", "ospf");
    // The last step is a container, which is nothing by itself.
    ospfd.ensure(&process.0[..process.0.len() - 1]);
    if let Some(id) = context.bgp.and_then(|bgp| bgp.router_id) {
        ospfd.set(&below(&process, &["ospf", "router-id"]), id.to_string());
    }
    process
}

pub(crate) fn interface(ospfd: &mut Tree, interface: &OspfInterface, context: &Context) {
    let OspfInterface { name, area, passive, cost, timers } = interface;
    process(ospfd, context);
    let base = path([
        plain("frr-interface:lib"),
        entry("interface", [("name", name.as_str())]),
        plain("frr-ospfd:ospf"),
        entry("instance", [("id", "0")]),
    ]);
    let mut set = |names: &[&str], value: String| ospfd.set(&below(&base, names), value);
    set(&["area"], area.to_string());
    if *passive {
        set(&["novaroute-frr-ospf:passive"], "true".into());
    }
    if let Some(cost) = cost {
        set(&["cost"], cost.to_string());
    }
    let (hello, dead) = timers.in_frr();
    if let Some(hello) = hello {
        set(&["hello-interval"], hello.to_string());
    }
    if let Some(dead) = dead {
        set(&["dead-interval", "interval"], dead.to_string());
    }
}

/// A prefix that OSPF announces: an anchor in the routing table, and leave for it to be redistributed.
///
/// The anchor has a tag of ours. Where the node itself has a route for the prefix (an address of its own, a
/// pod behind an interface), zebra prefers that one to the anchor, and only what zebra prefers is
/// redistributed: so prefix-lists, one for each length, name what else may pass. A static route that is declared for
/// the prefix in the anchor's place is the anchor.
pub(crate) fn prefix(forest: &mut Forest, prefix: Prefix, shapes: Shapes, context: &Context) {
    let anchor = StaticRoute::anchor(prefix);
    let declared = context.in_place_of_anchors.get(&prefix);
    if !declared.is_some_and(|route| statics::are_one(route, &anchor, shapes.static_routes)) {
        statics::render(tree(forest, Daemon::Mgmtd), &anchor, shapes.static_routes);
    }
    let ospfd = tree(forest, Daemon::Ospfd);
    let length = prefix.net().prefix_len();
    let list = format!("{ROUTE_MAP}-{length}");
    let at = path([
        plain("frr-filter:lib"),
        entry("prefix-list", [("type", "ipv4"), ("name", &list)]),
        entry("entry", [("sequence", &sequence(prefix))]),
    ]);
    ospfd.set(&below(&at, &["action"]), "permit");
    ospfd.set(&below(&at, &["ipv4-prefix"]), prefix.to_string());
    condition(ospfd, "10", "frr-route-map:match-tag", "tag", anchor.tag.to_string());
    let sequence = (100 + u16::from(length)).to_string();
    condition(ospfd, &sequence, "frr-route-map:ipv4-prefix-list", "list-name", list);
    let process = process(ospfd, context);
    for protocol in REDISTRIBUTED {
        let at = process.join(entry("redistribute", [("protocol", protocol)]));
        ospfd.set(&below(&at, &["route-map"]), ROUTE_MAP);
    }
}

/// An entry of the route-map that lets pass what it matches.
fn condition(ospfd: &mut Tree, sequence: &str, condition: &str, leaf: &str, value: String) {
    let at = path([
        plain("frr-route-map:lib"),
        entry("route-map", [("name", ROUTE_MAP)]),
        entry("entry", [("sequence", sequence)]),
    ]);
    ospfd.set(&below(&at, &["action"]), "permit");
    let at = at.join(entry("match-condition", [("condition", condition)]));
    ospfd.set(&below(&at, &["rmap-match-condition", leaf]), value);
}

/// Place of a prefix in the list of its length: its address, so that it has the same place whatever else
/// is in the list. A list begins at 1.
fn sequence(prefix: Prefix) -> String {
    match prefix.net().network() {
        std::net::IpAddr::V4(address) => u32::from(address).saturating_add(1).to_string(),
        // No advertisement of OSPFv2 is IPv6: `wire` refuses it.
        std::net::IpAddr::V6(_) => "1".to_owned(),
    }
}
