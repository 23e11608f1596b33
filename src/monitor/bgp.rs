//! bgpd's JSON to neighbours. Pure: no async, no I/O, no clock.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Neighbor;

/// One neighbour in one family of `show bgp summary json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PeerJson {
    remote_as: u32,
    state: String,
    peer_uptime_msec: u64,
    pfx_rcd: u64,
    pfx_snt: u64,
    connections_dropped: u64,
    desc: Option<String>,
}

/// Reads `show bgp summary json`: one object per family, each with its peers. A
/// node without a BGP instance has none.
///
/// # Errors
/// No JSON, or not what bgpd writes.
pub(super) fn neighbors(json: &str) -> Result<BTreeMap<IpAddr, Neighbor>, serde_json::Error> {
    let mut neighbors: BTreeMap<IpAddr, Neighbor> = BTreeMap::new();
    let families: Map<String, Value> = serde_json::from_str(json)?;
    for peers in families.into_iter().filter_map(|(_, mut family)| {
        family.as_object_mut().and_then(|family| family.remove("peers"))
    }) {
        for (address, peer) in BTreeMap::<String, PeerJson>::deserialize(peers)? {
            let Ok(address) = address.parse() else { continue };
            let neighbor = neighbors.entry(address).or_default();
            let established = peer.state == Neighbor::ESTABLISHED;
            neighbor.uptime = established.then(|| Duration::from_millis(peer.peer_uptime_msec));
            neighbor.remote_as = peer.remote_as;
            neighbor.state = peer.state;
            neighbor.prefixes_received += peer.pfx_rcd;
            neighbor.prefixes_sent += peer.pfx_snt;
            neighbor.description = peer.desc;
            neighbor.connections_dropped = peer.connections_dropped;
        }
    }
    Ok(neighbors)
}

/// `show bgp router json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Router {
    /// When bgpd started, in seconds since 1970.
    pub(super) bgp_started_at: u64,
}

/// Version in the first line of `show version`: `FRRouting 10.3 (host) on …`.
pub(super) fn version(text: &str) -> Option<&str> {
    text.lines().next()?.strip_prefix("FRRouting ")?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTABLISHED: &str =
        include_str!("../../tests/fixtures/bgpd-10.3/summary-established.json");

    #[test]
    fn families_are_summed_and_the_rest_is_as_frr_names_it() {
        let neighbors = neighbors(ESTABLISHED).unwrap();
        let addresses: Vec<_> = neighbors.keys().map(ToString::to_string).collect();
        assert_eq!(addresses, ["10.7.0.2", "10.7.0.8", "10.7.0.9", "fd00:7::9"]);
        let expected = Neighbor {
            remote_as: 65001,
            state: "Established".into(),
            uptime: Some(Duration::from_secs(47)),
            prefixes_received: 2,
            prefixes_sent: 5,
            description: Some("to the \"tor\" % é".into()),
            connections_dropped: 0,
        };
        assert_eq!(neighbors[&"10.7.0.2".parse().unwrap()], expected);
        let admin = &neighbors[&"10.7.0.8".parse().unwrap()];
        assert_eq!((admin.state.as_str(), admin.uptime), ("Idle (Admin)", None));
        assert_eq!(neighbors[&"fd00:7::9".parse().unwrap()].state, "Active");
    }

    #[test]
    fn a_node_without_bgp_has_no_neighbors() {
        assert!(neighbors("{}\n").unwrap().is_empty());
        assert!(neighbors("{\"warning\": \"none\", \"ipv4Unicast\": {}}").unwrap().is_empty());
    }

    #[test]
    fn what_bgpd_does_not_write_is_an_error() {
        for text in ["", "[]", "% no", "{\"ipv4Unicast\": {\"peers\": {\"10.0.0.1\": 1}}}"] {
            assert!(neighbors(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_version_stands_in_the_first_line() {
        let text = include_str!("../../tests/fixtures/bgpd-10.3/version.txt");
        assert_eq!(version(text), Some("10.3"));
        assert_eq!(version("Quagga 1.0"), None);
        let router: Router =
            serde_json::from_str(include_str!("../../tests/fixtures/bgpd-10.3/router.json"))
                .unwrap();
        assert_eq!(router.bgp_started_at, 1_795_469_263);
    }
}
