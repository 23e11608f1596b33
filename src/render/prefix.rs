//! Networks of BGP, and the route-maps that give them attributes.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{afi_safi, below, bgp_instance, entry, path, plain};
use crate::{
    model::{AddressFamily, PathAttributes, PrefixAdvertisement},
    tree::{Path, Tree},
};

/// Sequence number of the only entry of a route-map of ours.
const SEQUENCE: &str = "10";

pub(super) fn render(bgpd: &mut Tree, ad: &PrefixAdvertisement) {
    let family =
        if ad.prefix.is_ipv4() { AddressFamily::Ipv4Unicast } else { AddressFamily::Ipv6Unicast };
    let network = below(&bgp_instance(), &["global", "afi-safis"])
        .join(afi_safi(family))
        .join(plain(family.name()))
        .join(entry("network-config", [("prefix", &ad.prefix.to_string())]));
    bgpd.ensure(&network.0);
    if !ad.attributes.is_empty() {
        let name = route_map(bgpd, &ad.attributes);
        bgpd.set(&below(&network, &["rmap-policy-export"]), name);
    }
}

/// The route-map that sets these attributes: one for each distinct set of them, named by its
/// content, so that it is shared and never changed in place.
pub(super) fn route_map(bgpd: &mut Tree, attributes: &PathAttributes) -> String {
    let actions = actions(attributes);
    let mut digest = Sha256::new();
    for (action, leaf, value) in &actions {
        digest.update(format!("{action} {leaf} {value}\n"));
    }
    let name = digest.finalize()[..8].iter().fold("NR-".to_owned(), |mut name, byte| {
        // Writing to a String can't fail.
        let _ = write!(name, "{byte:02x}");
        name
    });
    let base = path([
        plain("frr-route-map:lib"),
        entry("route-map", [("name", &name)]),
        entry("entry", [("sequence", SEQUENCE)]),
    ]);
    bgpd.set(&below(&base, &["action"]), "permit");
    for (action, leaf, value) in actions {
        let at: Path = base.join(entry("set-action", [("action", action)]));
        bgpd.set(&below(&at, &["rmap-set-action", leaf]), value);
    }
    name
}

/// Action, leaf and value of each `set`, always in the same order.
fn actions(attributes: &PathAttributes) -> Vec<(&'static str, &'static str, String)> {
    fn words<T: ToString>(items: impl IntoIterator<Item = T>) -> Option<String> {
        let words: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
    let next_hop = attributes.next_hop.map(|address| {
        let (action, leaf) = if address.is_ipv4() {
            ("frr-route-map:ipv4-next-hop", "ipv4-address")
        } else {
            ("frr-bgp-route-map:ipv6-nexthop-global", "frr-bgp-route-map:ipv6-address")
        };
        (action, leaf, address.to_string())
    });
    let communities = words(&attributes.communities).map(|text| {
        ("frr-bgp-route-map:set-community", "frr-bgp-route-map:community-string", text)
    });
    let large = words(&attributes.large_communities).map(|text| {
        ("frr-bgp-route-map:set-large-community", "frr-bgp-route-map:large-community-string", text)
    });
    let local_preference = attributes.local_preference.map(|value| {
        (
            "frr-bgp-route-map:set-local-preference",
            "frr-bgp-route-map:local-pref",
            value.to_string(),
        )
    });
    let med = attributes.med.map(|value| ("frr-route-map:set-metric", "value", value.to_string()));
    [next_hop, communities, large, local_preference, med].into_iter().flatten().collect()
}
