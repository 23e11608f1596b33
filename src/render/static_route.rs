//! Routes of staticd.

use super::{below, entry, protocol};
use crate::{
    model::{AddressFamily, NextHop, StaticRoute},
    tree::Tree,
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
    pub(super) fn of(models: &dyn Models) -> Self {
        let nested = "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
                      /frr-staticd:staticd/route-list/path-list/frr-nexthops";
        if models.has(nested) { Self::Nested } else { Self::Flat }
    }
}

/// Whether staticd has one object for two routes to a prefix.
pub(super) fn are_one(one: &StaticRoute, other: &StaticRoute, shape: StaticShape) -> bool {
    match shape {
        StaticShape::Nested => one.distance == other.distance,
        StaticShape::Flat => one.distance == other.distance || one.next_hop == other.next_hop,
    }
}

/// Table of the VRF itself.
const TABLE: &str = "0";

pub(super) fn render(mgmtd: &mut Tree, route: &StaticRoute, shape: StaticShape) {
    let ipv4 = route.prefix.is_ipv4();
    let family = if ipv4 { AddressFamily::Ipv4Unicast } else { AddressFamily::Ipv6Unicast };
    let prefix = route.prefix.to_string();
    let afi_safi = format!("frr-routing:{}", family.name());
    let base = protocol("frr-staticd:staticd", "staticd").join(entry(
        "route-list",
        [("prefix", &prefix), ("src-prefix", "::/0"), ("afi-safi", &afi_safi)],
    ));
    // FRR's own notation where a key has no value: '' and '(null)'.
    let (kind, gateway, interface) = match &route.next_hop {
        NextHop::Gateway(address) => {
            (if ipv4 { "ip4" } else { "ip6" }, address.to_string(), "(null)".to_owned())
        }
        NextHop::Interface(name) => ("ifindex", String::new(), name.to_string()),
        NextHop::Blackhole => ("blackhole", String::new(), "(null)".to_owned()),
    };
    let distance = route.distance.to_string();
    let (path_list, next_hop) = match shape {
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
            if route.distance != StaticRoute::DEFAULT_DISTANCE {
                mgmtd.set(&below(&path, &["distance"]), distance);
            }
            (path.clone(), path)
        }
    };
    mgmtd.ensure(&next_hop.0);
    if route.tag != 0 {
        mgmtd.set(&below(&path_list, &["tag"]), route.tag.to_string());
    }
    if route.next_hop == NextHop::Blackhole {
        // `blackhole` of the command line; `null`, the model's default, is never shown and so could
        // not be confirmed.
        mgmtd.set(&below(&next_hop, &["bh-type"]), "unspec");
    }
}
