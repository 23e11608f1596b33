//! ospfd's JSON to interfaces, neighbours and external routes. Pure: no async, no I/O, no clock.

use std::{
    collections::{BTreeMap, HashSet},
    net::Ipv4Addr,
};

use serde::Deserialize;

use crate::model::Prefix;

/// An OSPF neighbour as ospfd sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OspfNeighbor {
    /// Its address on the link.
    pub address: Ipv4Addr,
    /// State (RFC 2328 section 10.1) in FRR's words: `Full`, `2-Way`, `ExStart`, …
    pub state: String,
}

impl OspfNeighbor {
    /// FRR's word for an adjacency that is complete.
    pub const FULL: &str = "Full";

    /// Whether the adjacency is complete.
    pub fn is_full(&self) -> bool {
        self.state == Self::FULL
    }
}

/// An interface on which ospfd runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OspfInterface {
    /// Its area, a dotted quad.
    pub area: String,
    /// State (RFC 2328 section 9.1) in FRR's words: `DR`, `Backup`, `Point-To-Point`, …
    pub state: String,
    /// Its cost.
    pub cost: u32,
    /// Its neighbours by router-id.
    pub neighbors: BTreeMap<Ipv4Addr, OspfNeighbor>,
}

#[derive(Debug, Deserialize)]
struct InterfacesJson {
    #[serde(default)]
    interfaces: BTreeMap<String, InterfaceJson>,
}

/// One interface of `show ip ospf interface json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InterfaceJson {
    #[serde(default)]
    area: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    cost: u32,
}

#[derive(Debug, Deserialize)]
struct NeighborsJson {
    #[serde(default)]
    neighbors: BTreeMap<Ipv4Addr, Vec<NeighborJson>>,
}

/// One neighbour of `show ip ospf neighbor json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NeighborJson {
    nbr_state: String,
    iface_address: Ipv4Addr,
    /// The interface and its address: `eth0:10.0.0.1`.
    iface_name: String,
}

/// `show ip ospf json`, as far as it tells whether external routes changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Externals {
    pub(crate) lsa_external_counter: u64,
    lsa_external_checksum: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DatabaseJson {
    #[serde(default)]
    as_external_link_states: Vec<ExternalJson>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalJson {
    link_state_id: Ipv4Addr,
    network_mask: u8,
}

/// Reads `show ip ospf interface json` and `show ip ospf neighbor json`. A node on which OSPF does not
/// run has none.
///
/// # Errors
/// No JSON, or not what ospfd writes.
pub(crate) fn interfaces(
    interfaces: &str,
    neighbors: &str,
) -> Result<BTreeMap<String, OspfInterface>, serde_json::Error> {
    let shown: InterfacesJson = serde_json::from_str(interfaces)?;
    let mut found: BTreeMap<_, _> = shown
        .interfaces
        .into_iter()
        .map(|(name, InterfaceJson { area, state, cost })| {
            (name, OspfInterface { area, state, cost, neighbors: BTreeMap::new() })
        })
        .collect();
    let shown: NeighborsJson = serde_json::from_str(neighbors)?;
    for (id, neighbor) in
        shown.neighbors.into_iter().flat_map(|(id, all)| all.into_iter().map(move |n| (id, n)))
    {
        let name = neighbor.iface_name.split(':').next().unwrap_or_default();
        if let Some(interface) = found.get_mut(name) {
            // `Full/Backup`: its state, and its role on the link.
            let state = neighbor.nbr_state.split('/').next().unwrap_or_default().to_owned();
            let address = neighbor.iface_address;
            interface.neighbors.insert(id, OspfNeighbor { address, state });
        }
    }
    Ok(found)
}

/// Reads `show ip ospf json`.
///
/// # Errors
/// No JSON, or not what ospfd writes.
pub(crate) fn externals(json: &str) -> Result<Externals, serde_json::Error> {
    serde_json::from_str(json)
}

/// Reads `show ip ospf database external self-originate json`: what ospfd itself announces.
///
/// # Errors
/// No JSON, or not what ospfd writes.
pub(crate) fn announced(json: &str) -> Result<HashSet<Prefix>, serde_json::Error> {
    let shown: DatabaseJson = serde_json::from_str(json)?;
    // The link state id may have host bits (RFC 2328 appendix E).
    let networks = shown.as_external_link_states.into_iter().filter_map(|lsa| {
        let net = ipnet::Ipv4Net::new(lsa.link_state_id, lsa.network_mask).ok()?;
        Prefix::try_from(ipnet::IpNet::from(net.trunc())).ok()
    });
    Ok(networks.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERFACES: &str = include_str!("../../../tests/fixtures/ospfd-10.3/interfaces.json");
    const NEIGHBORS: &str = include_str!("../../../tests/fixtures/ospfd-10.3/neighbors.json");

    #[test]
    fn neighbours_belong_to_their_interface() {
        let found = interfaces(INTERFACES, NEIGHBORS).unwrap();
        let neighbor = OspfNeighbor { address: "10.0.1.2".parse().unwrap(), state: "Full".into() };
        assert!(neighbor.is_full());
        let expected = OspfInterface {
            area: "0.0.0.0".into(),
            state: "DR".into(),
            cost: 10,
            neighbors: [("10.0.1.2".parse().unwrap(), neighbor)].into(),
        };
        assert_eq!(found, [("tor0".to_owned(), expected)].into());
        assert!(interfaces("{}", "{}").unwrap().is_empty());
    }

    #[test]
    fn external_routes_are_announced() {
        let text = include_str!("../../../tests/fixtures/ospfd-10.3/external.json");
        assert_eq!(announced(text).unwrap(), ["198.51.100.7/32".parse().unwrap()].into());
        let host_bits =
            r#"{"asExternalLinkStates": [{"linkStateId": "10.0.0.255", "networkMask": 24}]}"#;
        assert_eq!(announced(host_bits).unwrap(), ["10.0.0.0/24".parse().unwrap()].into());
        let state =
            externals(include_str!("../../../tests/fixtures/ospfd-10.3/ospf.json")).unwrap();
        assert_eq!(state.lsa_external_counter, 1);
        assert_eq!(externals("{}").unwrap(), Externals::default());
        assert!(announced("% no").is_err());
    }
}
