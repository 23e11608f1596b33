//! bgpd's JSON to neighbours. Pure: no async, no I/O, no clock.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Map, Value};

use super::reset::Causes;
use crate::{model::AddressFamily, tree};

/// Prefixes that a session carries in one family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exchanged {
    /// Prefixes received and kept.
    pub received: u64,
    /// Prefixes sent.
    pub sent: u64,
}

/// A BGP neighbour as bgpd sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbor {
    /// Its AS; 0 where bgpd does not know yet.
    pub remote_as: u32,
    /// State in FRR's words: `Established`, `Active`, `Idle (Admin)`, …
    pub state: String,
    /// Time since the session was established; `None` while it is not.
    pub uptime: Option<Duration>,
    /// Prefixes received, all families together.
    pub prefixes_received: u64,
    /// Prefixes sent, all families together.
    pub prefixes_sent: u64,
    /// The same by family.
    pub families: BTreeMap<AddressFamily, Exchanged>,
    /// Its description, where it has one.
    pub description: Option<String>,
    /// How often a session was lost since bgpd started.
    pub connections_dropped: u64,
    /// How often a session was established since bgpd started.
    pub connections_established: u64,
    /// BGP messages sent and received.
    pub messages: u64,
    /// Why the session was lost, or does not come up. The summary does not say.
    pub causes: Causes,
}

impl Neighbor {
    /// FRR's word for a session that is up.
    pub const ESTABLISHED: &str = "Established";

    /// Whether the session is up.
    pub fn is_established(&self) -> bool {
        self.state == Self::ESTABLISHED
    }
}

/// An address family of BGP's unicast tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    pub(crate) const ALL: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// As bgpd's summary names it.
    pub(crate) fn summary_name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4Unicast",
            Self::Ipv6 => "ipv6Unicast",
        }
    }

    /// As it is declared.
    fn declared(self) -> AddressFamily {
        match self {
            Self::Ipv4 => AddressFamily::Ipv4Unicast,
            Self::Ipv6 => AddressFamily::Ipv6Unicast,
        }
    }

    /// As bgpd's commands name it.
    pub(crate) fn command_name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

/// One neighbour in one family of `show bgp summary json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PeerJson {
    #[serde(deserialize_with = "as_number")]
    remote_as: u32,
    state: String,
    peer_uptime_msec: u64,
    pfx_rcd: u64,
    pfx_snt: u64,
    msg_rcvd: u64,
    msg_sent: u64,
    connections_dropped: u64,
    connections_established: u64,
    table_version: u64,
    desc: Option<String>,
}

/// An AS number: as a number, or as a text where the instance's notation is `dot` or `dot+`.
fn as_number<'de, D: Deserializer<'de>>(json: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Shown {
        Number(u32),
        Text(String),
    }
    match Shown::deserialize(json)? {
        Shown::Number(number) => Ok(number),
        Shown::Text(text) => tree::as_number(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no AS number"))),
    }
}

/// What an outbound table depends on: as long as all of it stays, so does the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    table_version: u64,
    /// Of each established neighbour: its address, how often it was established, the version of the
    /// table that it was sent, and prefixes sent.
    peers: Vec<(IpAddr, u64, u64, u64)>,
}

impl Fingerprint {
    /// Prefixes sent, all neighbours together.
    pub(crate) fn sent(&self) -> u64 {
        self.peers.iter().map(|(.., sent)| sent).sum()
    }
}

/// What `show bgp summary json` says.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) neighbors: BTreeMap<IpAddr, Neighbor>,
    pub(crate) tables: BTreeMap<Family, Fingerprint>,
}

/// Reads `show bgp summary json`: one object per family, each with its peers. A
/// node without a BGP instance has none.
///
/// # Errors
/// No JSON, or not what bgpd writes.
pub(crate) fn summary(json: &str) -> Result<Summary, serde_json::Error> {
    let mut summary = Summary::default();
    let families: Map<String, Value> = serde_json::from_str(json)?;
    for (name, mut shown) in families {
        let Some(shown) = shown.as_object_mut() else { continue };
        let Some(peers) = shown.remove("peers") else { continue };
        let family = Family::ALL.into_iter().find(|family| family.summary_name() == name);
        let mut table = Fingerprint {
            table_version: shown.get("tableVersion").and_then(Value::as_u64).unwrap_or_default(),
            peers: Vec::new(),
        };
        for (address, peer) in BTreeMap::<String, PeerJson>::deserialize(peers)? {
            let Ok(address) = address.parse() else { continue };
            let neighbor = summary.neighbors.entry(address).or_default();
            let established = peer.state == Neighbor::ESTABLISHED;
            if established {
                let PeerJson { connections_established, table_version, pfx_snt, .. } = peer;
                table.peers.push((address, connections_established, table_version, pfx_snt));
            }
            neighbor.uptime = established.then(|| Duration::from_millis(peer.peer_uptime_msec));
            neighbor.remote_as = peer.remote_as;
            neighbor.state = peer.state;
            neighbor.prefixes_received += peer.pfx_rcd;
            neighbor.prefixes_sent += peer.pfx_snt;
            if let Some(family) = family {
                let exchanged = Exchanged { received: peer.pfx_rcd, sent: peer.pfx_snt };
                neighbor.families.insert(family.declared(), exchanged);
            }
            neighbor.description = peer.desc;
            neighbor.connections_dropped = peer.connections_dropped;
            neighbor.connections_established = peer.connections_established;
            neighbor.messages = peer.msg_rcvd + peer.msg_sent;
        }
        if let Some(family) = family {
            summary.tables.insert(family, table);
        }
    }
    Ok(summary)
}

/// `show bgp router json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Router {
    /// When bgpd started, in seconds since 1970.
    pub(crate) bgp_started_at: u64,
}

/// Version in the first line of `show version`: `FRRouting 10.3 (host) on …`.
pub(crate) fn version(text: &str) -> Option<&str> {
    text.lines().next()?.strip_prefix("FRRouting ")?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTABLISHED: &str =
        include_str!("../../../tests/fixtures/bgpd-10.3/summary-established.json");

    #[test]
    fn families_are_summed_and_the_rest_is_as_frr_names_it() {
        let Summary { neighbors, tables } = summary(ESTABLISHED).unwrap();
        let addresses: Vec<_> = neighbors.keys().map(ToString::to_string).collect();
        assert_eq!(addresses, ["10.7.0.2", "10.7.0.8", "10.7.0.9", "fd00:7::9"]);
        let expected = Neighbor {
            remote_as: 65001,
            state: "Established".into(),
            uptime: Some(Duration::from_secs(47)),
            prefixes_received: 2,
            prefixes_sent: 5,
            families: BTreeMap::from([
                (AddressFamily::Ipv4Unicast, Exchanged { received: 1, sent: 3 }),
                (AddressFamily::Ipv6Unicast, Exchanged { received: 1, sent: 2 }),
            ]),
            description: Some("to the \"tor\" % é".into()),
            connections_dropped: 0,
            connections_established: 1,
            messages: 46,
            causes: Causes::default(),
        };
        assert_eq!(neighbors[&"10.7.0.2".parse().unwrap()], expected);
        let admin = &neighbors[&"10.7.0.8".parse().unwrap()];
        assert_eq!((admin.state.as_str(), admin.uptime), ("Idle (Admin)", None));
        assert_eq!(neighbors[&"fd00:7::9".parse().unwrap()].state, "Active");
        assert_eq!(tables[&Family::Ipv4].sent() + tables[&Family::Ipv6].sent(), 5);
    }

    /// As 10.3 writes with `router bgp 65000 as-notation dot+`, and with `dot`.
    #[test]
    fn an_as_number_is_read_in_every_notation() {
        for (shown, number) in [
            ("65002", 65002),
            ("\"0.65002\"", 65002),
            ("\"64086.59904\"", 4_200_000_000),
            ("\"65002\"", 65002),
        ] {
            let json = format!(
                r#"{{"ipv4Unicast": {{"as": "0.65000", "peers": {{"10.0.0.1": {{"remoteAs": {shown}}}}}}}}}"#
            );
            let neighbors = summary(&json).unwrap().neighbors;
            assert_eq!(neighbors[&"10.0.0.1".parse().unwrap()].remote_as, number, "{shown}");
        }
        for wrong in ["\"0.65536\"", "\"65002.\"", "\"x\"", "-1", "\"+1\""] {
            let json = format!(
                r#"{{"ipv4Unicast": {{"peers": {{"10.0.0.1": {{"remoteAs": {wrong}}}}}}}}}"#
            );
            assert!(summary(&json).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_node_without_bgp_has_no_neighbors() {
        assert!(summary("{}\n").unwrap().neighbors.is_empty());
        assert!(
            summary("{\"warning\": \"none\", \"ipv4Unicast\": {}}").unwrap().neighbors.is_empty()
        );
    }

    #[test]
    fn what_bgpd_does_not_write_is_an_error() {
        for text in ["", "[]", "% no", "{\"ipv4Unicast\": {\"peers\": {\"10.0.0.1\": 1}}}"] {
            assert!(summary(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_version_stands_in_the_first_line() {
        let text = include_str!("../../../tests/fixtures/bgpd-10.3/version.txt");
        assert_eq!(version(text), Some("10.3"));
        assert_eq!(version("Quagga 1.0"), None);
        let router: Router =
            serde_json::from_str(include_str!("../../../tests/fixtures/bgpd-10.3/router.json"))
                .unwrap();
        assert_eq!(router.bgp_started_at, 1_795_469_263);
    }
}
