//! Networks of BGP, and the route-maps that give them attributes.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::family_node;
use crate::{
    model::{AddressFamily, PathAttributes, PrefixAdvertisement},
    protocol::{
        cli::{RowSpec, row},
        path::{afi_safi, below, bgp_instance, entry, path, plain},
    },
    tree::{Path, Tree},
};

/// Sequence number of the only entry of a route-map of ours.
const SEQUENCE: &str = "10";

pub(crate) fn render(bgpd: &mut Tree, ad: &PrefixAdvertisement) {
    // Who calls this carries it by BGP.
    let PrefixAdvertisement { prefix, protocol: _, attributes } = ad;
    let family =
        if prefix.is_ipv4() { AddressFamily::Ipv4Unicast } else { AddressFamily::Ipv6Unicast };
    let network = below(&bgp_instance(), &["global", "afi-safis"])
        .join(afi_safi(family))
        .join(plain(family.name()))
        .join(entry("network-config", [("prefix", &prefix.to_string())]));
    bgpd.ensure(&network.0);
    if !attributes.is_empty() {
        let name = route_map(bgpd, attributes);
        bgpd.set(&below(&network, &["rmap-policy-export"]), name);
    }
}

/// The route-map that sets these attributes: one for each distinct set of them, named by its
/// content, so that it is shared and never changed in place.
pub(crate) fn route_map(bgpd: &mut Tree, attributes: &PathAttributes) -> String {
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
    let PathAttributes { local_preference, med, communities, large_communities, next_hop } =
        attributes;
    let next_hop = next_hop.map(|address| {
        let (action, leaf) = if address.is_ipv4() {
            ("frr-route-map:ipv4-next-hop", "ipv4-address")
        } else {
            ("frr-bgp-route-map:ipv6-nexthop-global", "frr-bgp-route-map:ipv6-address")
        };
        (action, leaf, address.to_string())
    });
    let communities = words(communities).map(|text| {
        ("frr-bgp-route-map:set-community", "frr-bgp-route-map:community-string", text)
    });
    let large = words(large_communities).map(|text| {
        ("frr-bgp-route-map:set-large-community", "frr-bgp-route-map:large-community-string", text)
    });
    let local_preference = local_preference.map(|value| {
        (
            "frr-bgp-route-map:set-local-preference",
            "frr-bgp-route-map:local-pref",
            value.to_string(),
        )
    });
    let med = med.map(|value| ("frr-route-map:set-metric", "value", value.to_string()));
    [next_hop, communities, large, local_preference, med].into_iter().flatten().collect()
}

/// The rows of a family's networks.
pub(super) fn rows(rows: &mut Vec<RowSpec>, family: AddressFamily) {
    let name = family.name();
    // A slot is a constant, so that each family has a name of its own.
    let (form, slot) = match family {
        AddressFamily::Ipv4Unicast => ("ip4net", "network 4"),
        AddressFamily::Ipv6Unicast => ("ip6net", "network 6"),
    };
    let node = family_node(family);
    let afi = format!("/afi-safis/afi-safi[afi-safi-name=frr-routing:{name}]");
    let network = format!("/global{afi}/{name}/network-config[prefix={{p:{form}}}]");
    // `backdoor` is not read: such a prefix is never announced, and so is none that could be taken for ours.
    rows.push(
        row(
            node,
            slot,
            &format!("network {{p:{form}}} [label-index {{label:num}}] [route-map {{rmap}}]"),
            "no network {p}",
            &[
                &network,
                &format!("?{network}/label-index={{label:num}}"),
                &format!("?{network}/rmap-policy-export={{rmap}}"),
            ],
        )
        .entry(),
    );
}
