//! Static routes, executed by staticd and configured through mgmtd.

pub(crate) mod state;

use crate::{
    model::{AddressFamily, IntentKey, NextHop, StaticRoute},
    protocol::{
        object::{self, Object, Place},
        path::{below, entry, protocol},
    },
    tree::{Node, Path, Tree},
    yang::Models,
};

/// How `frr-staticd` lays out a route; told from the models, not from a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaticShape {
    /// `path-list[table-id distance]/frr-nexthops/nexthop[nh-type vrf gateway interface]`.
    Nested,
    /// `path-list[table-id nh-type vrf gateway interface]` with `distance` a leaf.
    Flat,
}

impl StaticShape {
    /// The shape of the loaded models.
    pub(crate) fn of(models: &dyn Models) -> Self {
        let nested = "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
                      /frr-staticd:staticd/route-list/path-list/frr-nexthops";
        if models.has(nested) { Self::Nested } else { Self::Flat }
    }
}

/// Whether staticd has one object for two routes to a prefix.
pub(crate) fn are_one(one: &StaticRoute, other: &StaticRoute, shape: StaticShape) -> bool {
    match shape {
        StaticShape::Nested => one.distance == other.distance,
        StaticShape::Flat => one.distance == other.distance || one.next_hop == other.next_hop,
    }
}

/// Table of the VRF itself.
const TABLE: &str = "0";

pub(crate) fn render(mgmtd: &mut Tree, route: &StaticRoute, shape: StaticShape) {
    let StaticRoute { prefix, next_hop, distance, tag } = route;
    let ipv4 = prefix.is_ipv4();
    let family = if ipv4 { AddressFamily::Ipv4Unicast } else { AddressFamily::Ipv6Unicast };
    let prefix = prefix.to_string();
    let afi_safi = format!("frr-routing:{}", family.name());
    let base = protocol("frr-staticd:staticd", "staticd").join(entry(
        "route-list",
        [("prefix", &prefix), ("src-prefix", "::/0"), ("afi-safi", &afi_safi)],
    ));
    // FRR's own notation where a key has no value: '' and '(null)'.
    let (kind, gateway, interface) = match next_hop {
        NextHop::Gateway(address) => {
            (if ipv4 { "ip4" } else { "ip6" }, address.to_string(), "(null)".to_owned())
        }
        NextHop::Interface(name) => ("ifindex", String::new(), name.to_string()),
        NextHop::Blackhole => ("blackhole", String::new(), "(null)".to_owned()),
    };
    let kept_silent = *distance == StaticRoute::DEFAULT_DISTANCE;
    let distance = distance.to_string();
    let (path_list, leaf) = match shape {
        StaticShape::Nested => {
            let path =
                base.join(entry("path-list", [("table-id", TABLE), ("distance", &distance)]));
            let next_hop = below(&path, &["frr-nexthops"]).join(entry(
                "nexthop",
                [
                    ("nh-type", kind),
                    ("vrf", "default"),
                    ("gateway", &gateway),
                    ("interface", &interface),
                ],
            ));
            (path, next_hop)
        }
        StaticShape::Flat => {
            let path = base.join(entry(
                "path-list",
                [
                    ("table-id", TABLE),
                    ("nh-type", kind),
                    ("vrf", "default"),
                    ("gateway", &gateway),
                    ("interface", &interface),
                ],
            ));
            // FRR says nothing of what is at its default.
            if !kept_silent {
                mgmtd.set(&below(&path, &["distance"]), distance);
            }
            (path.clone(), path)
        }
    };
    mgmtd.ensure(&leaf.0);
    if *tag != 0 {
        mgmtd.set(&below(&path_list, &["tag"]), tag.to_string());
    }
    if *next_hop == NextHop::Blackhole {
        // `blackhole` of the command line; `null`, the model's default, is never shown and so could
        // not be confirmed.
        mgmtd.set(&below(&leaf, &["bh-type"]), "unspec");
    }
}

/// What object of staticd a node is.
pub(super) fn object(at: &Place, node: &Node) -> Option<Object> {
    matches!((&*at.step.name, node), ("path-list", Node::List(_))).then_some(Object::Route)
}

/// What declares an object of staticd.
pub(super) fn declared_by(at: &Place, path: &Path) -> Option<IntentKey> {
    if &*at.step.name != "path-list" {
        return None;
    }
    let route = path.0.iter().find(|step| &*step.name == "route-list")?;
    Some(IntentKey::StaticRoute(object::key(route, "prefix")?.parse().ok()?))
}
