//! Series of what is declared: sessions, static routes, prefixes, the drain.
//!
//! They are made anew at each scrape from what is declared then and from what FRR is known to do, so that a series comes
//! with its declaration and goes with it, and nothing is done between two scrapes.

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus::{
    IntCounterVec, IntGauge, IntGaugeVec, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use super::series::{constant, gauge};
use crate::model::{AddressFamily, OwnerName, Prefix, Protocol};

/// Static routes that have a series each. A node has a handful; one that has thousands is judged by how many are not
/// installed.
pub const STATIC_ROUTE_SERIES: usize = 1000;

/// A declared BGP peer, and what bgpd makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSeries {
    /// Its address.
    pub peer: IpAddr,
    /// Time since the session was established; `None` while it is not.
    pub established: Option<Duration>,
    /// Of each declared family, prefixes received and sent.
    pub families: Vec<(AddressFamily, u64, u64)>,
}

/// What is declared, and what FRR makes of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// BGP peers.
    pub peers: Vec<PeerSeries>,
    /// BFD sessions, those of peers too, and whether each is up.
    pub bfd_sessions: BTreeMap<IpAddr, bool>,
    /// Interfaces in OSPF, and how many neighbours of each are fully adjacent.
    pub ospf_neighbors: BTreeMap<String, usize>,
    /// Static routes, and whether zebra has installed each.
    pub static_routes: BTreeMap<Prefix, bool>,
    /// Prefixes that no neighbour is sent, by owner. `None` where nobody knows.
    pub not_advertised: Option<BTreeMap<(OwnerName, Protocol), usize>>,
    /// Whether the node is drained.
    pub drained: bool,
}

/// How often sessions of peers were lost since the agent started. A peer that is not declared any more is forgotten.
#[derive(Debug, Default)]
pub(super) struct Flaps(Mutex<BTreeMap<IpAddr, u64>>);

impl Flaps {
    /// A session that was established was lost.
    pub(super) fn lost(&self, peer: IpAddr) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(peer).or_default() += 1;
    }

    /// Keeps those of declared peers, and says each.
    fn of(&self, declared: &[PeerSeries]) -> Vec<u64> {
        let mut lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lost.retain(|peer, _| declared.iter().any(|it| it.peer == *peer));
        declared.iter().map(|it| lost.get(&it.peer).copied().unwrap_or_default()).collect()
    }
}

/// Makes the series at each scrape.
pub(super) struct SessionCollector {
    declared: Box<dyn Fn() -> Declared + Send + Sync>,
    flaps: Arc<Flaps>,
    vectors: Mutex<Vectors>,
}

struct Vectors {
    peer_up: IntGaugeVec,
    peer_established: IntGaugeVec,
    peer_flaps: IntCounterVec,
    prefixes_received: IntGaugeVec,
    prefixes_advertised: IntGaugeVec,
    bfd_up: IntGaugeVec,
    ospf_neighbors: IntGaugeVec,
    static_installed: IntGaugeVec,
    static_not_installed: IntGauge,
    not_advertised: IntGaugeVec,
    drained: IntGauge,
}

impl Vectors {
    fn new() -> Self {
        let gauges =
            |name, help, labels: &[&str]| constant(IntGaugeVec::new(Opts::new(name, help), labels));
        Self {
            peer_up: gauges(
                "novaroute_peer_up",
                "Whether the session of a declared BGP peer is established (1) or not (0).",
                &["peer"],
            ),
            peer_established: gauges(
                "novaroute_peer_established_seconds",
                "Time since the session of a declared BGP peer was established; 0 while it is not.",
                &["peer"],
            ),
            peer_flaps: constant(IntCounterVec::new(
                Opts::new(
                    "novaroute_peer_flaps_total",
                    "Times that the session of a declared BGP peer was lost.",
                ),
                &["peer"],
            )),
            prefixes_received: gauges(
                "novaroute_peer_prefixes_received",
                "Prefixes received from a declared BGP peer.",
                &["peer", "family"],
            ),
            prefixes_advertised: gauges(
                "novaroute_peer_prefixes_advertised",
                "Prefixes sent to a declared BGP peer.",
                &["peer", "family"],
            ),
            bfd_up: gauges(
                "novaroute_bfd_session_up",
                "Whether a declared BFD session, or that of a declared peer, is up (1) or not (0).",
                &["peer"],
            ),
            ospf_neighbors: gauges(
                "novaroute_ospf_neighbors",
                "OSPF neighbours on a declared interface that are fully adjacent.",
                &["interface"],
            ),
            static_installed: gauges(
                "novaroute_static_route_installed",
                "Whether zebra has installed a declared static route (1) or not (0).",
                &["prefix"],
            ),
            static_not_installed: constant(IntGauge::new(
                "novaroute_static_routes_not_installed",
                "Declared static routes that zebra has not installed.",
            )),
            not_advertised: gauges(
                "novaroute_prefixes_not_advertised",
                "Declared prefixes that no neighbour is sent.",
                &["owner", "protocol"],
            ),
            drained: constant(IntGauge::new(
                "novaroute_drained",
                "Whether the node is drained (1) or not (0).",
            )),
        }
    }

    fn all(&self) -> [&dyn Collector; 11] {
        [
            &self.peer_up,
            &self.peer_established,
            &self.peer_flaps,
            &self.prefixes_received,
            &self.prefixes_advertised,
            &self.bfd_up,
            &self.ospf_neighbors,
            &self.static_installed,
            &self.static_not_installed,
            &self.not_advertised,
            &self.drained,
        ]
    }

    /// Has exactly the series of what is declared.
    fn set(&self, declared: &Declared, flaps: &[u64]) {
        self.peers(&declared.peers, flaps);
        self.bfd_up.reset();
        for (peer, up) in &declared.bfd_sessions {
            self.bfd_up.with_label_values(&[peer.to_string()]).set((*up).into());
        }
        self.ospf_neighbors.reset();
        for (interface, full) in &declared.ospf_neighbors {
            self.ospf_neighbors.with_label_values(&[interface]).set(gauge(*full));
        }
        self.static_installed.reset();
        for (prefix, installed) in declared.static_routes.iter().take(STATIC_ROUTE_SERIES) {
            let labels = [prefix.to_string()];
            self.static_installed.with_label_values(&labels).set((*installed).into());
        }
        let missing = declared.static_routes.values().filter(|installed| !**installed);
        self.static_not_installed.set(gauge(missing.count()));
        self.not_advertised.reset();
        for ((owner, protocol), count) in declared.not_advertised.iter().flatten() {
            let labels = [owner.as_str(), protocol.name()];
            self.not_advertised.with_label_values(&labels).set(gauge(*count));
        }
        self.drained.set(declared.drained.into());
    }

    fn peers(&self, peers: &[PeerSeries], flaps: &[u64]) {
        self.peer_up.reset();
        self.peer_established.reset();
        self.peer_flaps.reset();
        self.prefixes_received.reset();
        self.prefixes_advertised.reset();
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for (declared, flaps) in peers.iter().zip(flaps) {
            let peer = declared.peer.to_string();
            let peer = peer.as_str();
            self.peer_up.with_label_values(&[peer]).set(declared.established.is_some().into());
            let seconds = declared.established.unwrap_or_default().as_secs();
            self.peer_established.with_label_values(&[peer]).set(whole(seconds));
            self.peer_flaps.with_label_values(&[peer]).inc_by(*flaps);
            for (family, received, sent) in &declared.families {
                let labels = [peer, family.name()];
                self.prefixes_received.with_label_values(&labels).set(whole(*received));
                self.prefixes_advertised.with_label_values(&labels).set(whole(*sent));
            }
        }
    }
}

impl SessionCollector {
    pub(super) fn new(
        declared: impl Fn() -> Declared + Send + Sync + 'static,
        flaps: Arc<Flaps>,
    ) -> Self {
        Self { declared: Box::new(declared), flaps, vectors: Mutex::new(Vectors::new()) }
    }
}

impl Collector for SessionCollector {
    fn desc(&self) -> Vec<&Desc> {
        // The descriptions are those of vectors behind a lock, and a registry needs none to gather.
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let declared = (self.declared)();
        let vectors = self.vectors.lock().unwrap_or_else(PoisonError::into_inner);
        vectors.set(&declared, &self.flaps.of(&declared.peers));
        vectors.all().into_iter().flat_map(Collector::collect).collect()
    }
}

impl fmt::Debug for SessionCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCollector").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    fn peer(address: &str, established: Option<u64>) -> PeerSeries {
        PeerSeries {
            peer: address.parse().unwrap(),
            established: established.map(Duration::from_secs),
            families: vec![(AddressFamily::Ipv4Unicast, 7, 3)],
        }
    }

    fn series(metrics: &Metrics, of: &str) -> Vec<String> {
        let text = metrics.render();
        text.lines().filter(|line| line.starts_with(of)).map(str::to_owned).collect()
    }

    #[test]
    fn a_series_comes_and_goes_with_its_declaration() {
        let metrics = Metrics::new([]);
        let now = Arc::new(Mutex::new(Declared::default()));
        let shown = now.clone();
        metrics.watch_declared(move || shown.lock().unwrap().clone());
        assert_eq!(series(&metrics, "novaroute_peer"), [""; 0]);
        assert_eq!(series(&metrics, "novaroute_drained"), ["novaroute_drained 0"]);

        let first = peer("10.0.0.1", Some(47));
        let declared = Declared {
            peers: vec![first.clone(), peer("fd00::1", None)],
            bfd_sessions: [(first.peer, true)].into(),
            ospf_neighbors: [("eth0".to_owned(), 2)].into(),
            static_routes: [("192.0.2.0/24".parse().unwrap(), false)].into(),
            not_advertised: Some([(("a".parse().unwrap(), Protocol::Bgp), 4)].into()),
            drained: true,
        };
        *now.lock().unwrap() = declared;
        metrics.lost_session(first.peer);
        let text = metrics.render();
        for line in [
            "novaroute_peer_up{peer=\"10.0.0.1\"} 1",
            "novaroute_peer_up{peer=\"fd00::1\"} 0",
            "novaroute_peer_established_seconds{peer=\"10.0.0.1\"} 47",
            "novaroute_peer_established_seconds{peer=\"fd00::1\"} 0",
            "novaroute_peer_flaps_total{peer=\"10.0.0.1\"} 1",
            "novaroute_peer_flaps_total{peer=\"fd00::1\"} 0",
            "novaroute_peer_prefixes_received{family=\"ipv4-unicast\",peer=\"10.0.0.1\"} 7",
            "novaroute_peer_prefixes_advertised{family=\"ipv4-unicast\",peer=\"10.0.0.1\"} 3",
            "novaroute_bfd_session_up{peer=\"10.0.0.1\"} 1",
            "novaroute_ospf_neighbors{interface=\"eth0\"} 2",
            "novaroute_static_route_installed{prefix=\"192.0.2.0/24\"} 0",
            "novaroute_static_routes_not_installed 1",
            "novaroute_prefixes_not_advertised{owner=\"a\",protocol=\"bgp\"} 4",
            "novaroute_drained 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }

        *now.lock().unwrap() = Declared::default();
        let left = ["novaroute_peer", "novaroute_bfd", "novaroute_ospf", "novaroute_static_route_"];
        for name in left {
            assert_eq!(series(&metrics, name), [""; 0]);
        }
        // Declared anew it begins anew.
        now.lock().unwrap().peers = vec![first];
        let flaps = ["novaroute_peer_flaps_total{peer=\"10.0.0.1\"} 0"];
        assert_eq!(series(&metrics, "novaroute_peer_flaps"), flaps);
    }

    #[test]
    fn static_routes_have_a_bounded_number_of_series() {
        let metrics = Metrics::new([]);
        let route =
            |n: u32| -> Prefix { format!("{}/32", std::net::Ipv4Addr::from(n)).parse().unwrap() };
        let static_routes = (0..1500).map(|n| (route(n), false)).collect();
        let declared = Declared { static_routes, ..Declared::default() };
        metrics.watch_declared(move || declared.clone());
        assert_eq!(
            series(&metrics, "novaroute_static_route_installed{").len(),
            STATIC_ROUTE_SERIES
        );
        let all = ["novaroute_static_routes_not_installed 1500"];
        assert_eq!(series(&metrics, "novaroute_static_routes_not"), all);
    }
}
