//! BGP, executed by bgpd.
//!
//! | file | owns |
//! |---|---|
//! | `instance` | the instance, its drain, and what every deployment of ours needs in it |
//! | `peer` | neighbours |
//! | `peer_options` | what neighbours have beside the essential |
//! | `network` | networks, and the route-maps that give them attributes |
//! | `question` | the proof of a change of few networks: what bgpd is asked, and has to answer |
//! | `state` | bgpd's JSON to neighbours |

pub(crate) mod instance;
pub(crate) mod network;
pub(crate) mod peer;
mod peer_options;
pub(crate) mod question;
pub(crate) mod reset;
pub(crate) mod state;

pub use question::Question;

use super::{
    cli::{Lines, NodeSpec, TOP, TOP_NODE},
    filter::{self, ROUTE_MAP_NODE},
    object::{Object, Place},
};
use crate::{
    model::{AddressFamily, IntentKey, Protocol},
    tree::{Node, Path},
};

/// `frr-bgp:bgp` of the default VRF; FRR calls the instance `bgp`.
const BGP: &str = "/frr-routing:routing/control-plane-protocols\
    /control-plane-protocol[type=frr-bgp:bgp][name=bgp][vrf=default]/frr-bgp:bgp";

const ROUTER_BGP: &str = "router bgp";
const BGP_IPV4: &str = "address-family ipv4 unicast";
const BGP_IPV6: &str = "address-family ipv6 unicast";

fn nodes() -> Vec<NodeSpec> {
    vec![
        TOP_NODE,
        ROUTE_MAP_NODE,
        NodeSpec {
            name: ROUTER_BGP,
            parent: Some(TOP),
            enter: "router bgp {as}",
            root: BGP,
            context: &["/global/local-as={as}"],
        },
        NodeSpec {
            name: BGP_IPV4,
            parent: Some(ROUTER_BGP),
            enter: "address-family ipv4 unicast",
            root: BGP,
            context: &["/global/local-as={as}"],
        },
        NodeSpec {
            name: BGP_IPV6,
            parent: Some(ROUTER_BGP),
            enter: "address-family ipv6 unicast",
            root: BGP,
            context: &["/global/local-as={as}"],
        },
    ]
}

/// bgpd: prefix-lists, route-maps, then the instance, its neighbours, what each family says of
/// them, and the networks.
pub(super) fn lines() -> Lines {
    let mut rows = Vec::new();
    filter::prefix_lists(&mut rows);
    rows.push(filter::route_map_entry());
    filter::sets(&mut rows);
    instance::rows(&mut rows);
    peer::rows(&mut rows);
    for family in AddressFamily::ALL {
        peer::family_rows(&mut rows, family);
        network::rows(&mut rows, family);
    }
    Lines { nodes: nodes(), rows, hidden: [&instance::HIDDEN[..], &peer::HIDDEN].concat() }
}

/// The node in which the lines of a family stand.
fn family_node(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Ipv4Unicast => BGP_IPV4,
        AddressFamily::Ipv6Unicast => BGP_IPV6,
    }
}

/// What object of BGP a node is.
pub(super) fn object(at: &Place, node: &Node) -> Option<Object> {
    match (&*at.step.name, node) {
        ("frr-bgp:bgp", Node::Presence(_)) => Some(Object::Instance),
        ("neighbor", Node::List(_)) if at.above == Some("neighbors") => Some(Object::Neighbor),
        ("network-config", Node::List(_)) => Some(Object::Network),
        ("enable", Node::Leaf(_)) if at.above == Some("graceful-shutdown") => Some(Object::Drain),
        _ => None,
    }
}

/// What declares an object of BGP.
pub(super) fn declared_by(at: &Place, _: &Path) -> Option<IntentKey> {
    match &*at.step.name {
        "frr-bgp:bgp" => Some(IntentKey::Bgp),
        "enable" => Some(IntentKey::Drain),
        "neighbor" => Some(IntentKey::Peer(at.key("remote-address")?.parse().ok()?)),
        "network-config" => Some(IntentKey::Prefix(Protocol::Bgp, at.key("prefix")?.parse().ok()?)),
        _ => None,
    }
}
