//! Every metric of the agent, in a registry of its own.
//!
//! Dashboards and alerts rely on the names and labels (`api.md`, section 3); a test
//! holds them. Label values come from closed sets, from the configured owners, and from what owners with a token have
//! declared, as long as it is declared (`sessions`): no caller without a token makes a series, and quotas bound the rest.

mod record;

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use super::{
    commit_metrics::{CommitMetrics, SnapshotAge},
    labels::{GrpcMethod, Operation, Protocol, ReloadResult, TransactionResult},
    process::Process,
    series::{TRANSACTION_BUCKETS, event_label, event_types, register},
    sessions::{Declared, Flaps, SessionCollector},
};
use crate::{
    daemon::Daemon,
    model::{IntentKind, OwnerName, Protocol as PrefixProtocol},
    policy::ViolationKind,
    protocol::kinds,
    supervise::Task,
};

/// Upper bounds in seconds, from a status read (below a millisecond) to the longest deadline
/// that clients use.
const REQUEST_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// The limits of the gRPC socket, and `http`: connections for metrics and health.
pub const LIMITS: [&str; 6] = ["memory", "deadline", "size", "connections", "streams", "http"];

/// Every metric of the agent. Shared as an `Arc`; all methods are cheap and never block.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    owners: RwLock<BTreeSet<OwnerName>>,
    intents: IntCounterVec,
    transactions: IntCounterVec,
    policy_violations: IntCounterVec,
    events: IntCounterVec,
    events_dropped: IntCounter,
    monitoring_errors: IntCounterVec,
    active_peers: IntGaugeVec,
    active_prefixes: IntGaugeVec,
    active_bfd_sessions: IntGaugeVec,
    active_ospf_interfaces: IntGaugeVec,
    active_bfd_profiles: IntGaugeVec,
    active_static_routes: IntGaugeVec,
    registered_owners: IntGauge,
    frr_connected: IntGauge,
    grpc_request_duration: HistogramVec,
    grpc_requests_abandoned: IntCounterVec,
    tasks_died: IntCounterVec,
    panics: IntCounter,
    transaction_duration: Histogram,
    reconcile_cycle_duration: Histogram,
    coverage: IntGaugeVec,
    revision_mismatches: IntGauge,
    transports_quarantined: IntCounterVec,
    refused: IntCounterVec,
    config_reloads: IntCounterVec,
    config_reload_successful: IntGauge,
    commit: CommitMetrics,
    snapshot: SnapshotAge,
    process: Process,
    flaps: Arc<Flaps>,
}

impl Metrics {
    /// All metrics at zero. Series with an owner exist for these owners only; what is
    /// counted for another is not counted.
    pub fn new(owners: impl IntoIterator<Item = OwnerName>) -> Self {
        let registry = Registry::new();
        let counters = |name, help, labels: &[&str]| {
            let metric = IntCounterVec::new(Opts::new(name, help), labels);
            register(&registry, metric)
        };
        let gauges = |name, help, labels: &[&str]| {
            register(&registry, IntGaugeVec::new(Opts::new(name, help), labels))
        };
        let metrics = Self {
            owners: RwLock::default(),
            intents: counters(
                "novaroute_intents_total",
                "Intents that were declared (set) or withdrawn (remove).",
                &["owner", "type", "operation"],
            ),
            transactions: counters(
                "novaroute_frr_transactions_total",
                "Transactions that changed FRR (success) or were refused (failure).",
                &["result"],
            ),
            policy_violations: counters(
                "novaroute_policy_violations_total",
                "Changes that policy or ownership forbade.",
                &["owner", "reason"],
            ),
            events: counters("novaroute_events_total", "Events that were published.", &["type"]),
            events_dropped: register(
                &registry,
                IntCounter::new(
                    "novaroute_events_dropped_total",
                    "Events that a subscriber was too slow to get.",
                ),
            ),
            monitoring_errors: counters(
                "novaroute_monitoring_errors_total",
                "Failed attempts to read FRR's state.",
                &["protocol"],
            ),
            active_peers: gauges("novaroute_active_peers", "Declared BGP peers.", &["owner"]),
            active_prefixes: gauges(
                "novaroute_active_prefixes",
                "Declared prefixes.",
                &["owner", "protocol"],
            ),
            active_bfd_sessions: gauges(
                "novaroute_active_bfd_sessions",
                "Declared BFD sessions.",
                &["owner"],
            ),
            active_ospf_interfaces: gauges(
                "novaroute_active_ospf_interfaces",
                "Declared OSPF interfaces.",
                &["owner"],
            ),
            active_bfd_profiles: gauges(
                "novaroute_active_bfd_profiles",
                "Declared BFD profiles.",
                &["owner"],
            ),
            active_static_routes: gauges(
                "novaroute_active_static_routes",
                "Declared static routes.",
                &["owner"],
            ),
            registered_owners: register(
                &registry,
                IntGauge::new("novaroute_registered_owners", "Owners that are connected."),
            ),
            frr_connected: register(
                &registry,
                IntGauge::new(
                    "novaroute_frr_connected",
                    "Whether FRR is connected (1) or not (0).",
                ),
            ),
            grpc_request_duration: register(
                &registry,
                HistogramVec::new(
                    HistogramOpts::new(
                        "novaroute_grpc_request_duration_seconds",
                        "Time from a request to its answer, or until its client left.",
                    )
                    .buckets(REQUEST_BUCKETS.to_vec()),
                    &["method"],
                ),
            ),
            grpc_requests_abandoned: counters(
                "novaroute_grpc_requests_abandoned_total",
                "Requests whose client was gone before there was an answer.",
                &["method"],
            ),
            tasks_died: counters(
                "novaroute_tasks_died_total",
                "Parts of the agent that died, each of which ends it.",
                &["task"],
            ),
            panics: register(
                &registry,
                IntCounter::new("novaroute_panics_total", "Panics, those of single calls too."),
            ),
            transaction_duration: register(
                &registry,
                Histogram::with_opts(
                    HistogramOpts::new(
                        "novaroute_frr_transaction_duration_seconds",
                        "Time to apply and confirm one transaction.",
                    )
                    .buckets(TRANSACTION_BUCKETS.to_vec()),
                ),
            ),
            reconcile_cycle_duration: register(
                &registry,
                Histogram::with_opts(
                    HistogramOpts::new(
                        "novaroute_reconcile_cycle_duration_seconds",
                        "Time of one full comparison of FRR with the intents.",
                    )
                    .buckets(TRANSACTION_BUCKETS.to_vec()),
                ),
            ),
            coverage: gauges(
                "novaroute_coverage",
                "Whether changes of a YANG module go to a daemon through this transport (1) or not (0).",
                &["daemon", "module", "door"],
            ),
            revision_mismatches: register(
                &registry,
                IntGauge::new(
                    "novaroute_yang_revision_mismatches",
                    "YANG modules of which FRR announces another revision than the one loaded.",
                ),
            ),
            transports_quarantined: counters(
                "novaroute_doors_struck_out_total",
                "Transports that acknowledged a change that the daemon did not show.",
                &["daemon"],
            ),
            refused: counters(
                "novaroute_limits_reached_total",
                "Calls and connections that were not served because a limit was reached.",
                &["limit"],
            ),
            config_reloads: counters(
                "novaroute_config_reloads_total",
                "Times the configuration was read again (SIGHUP).",
                &["result"],
            ),
            config_reload_successful: register(
                &registry,
                IntGauge::new(
                    "novaroute_config_last_reload_successful",
                    "Whether the configuration that was last read is in force (1) or was refused (0).",
                ),
            ),
            commit: CommitMetrics::new(&registry),
            snapshot: SnapshotAge::new(&registry),
            process: Process::new(&registry),
            flaps: Arc::default(),
            registry,
        };
        metrics.build_info();
        metrics.create_series();
        metrics.config_reload_successful.set(1);
        metrics.add_owners(owners);
        metrics
    }

    fn build_info(&self) {
        let info = IntGaugeVec::new(
            Opts::new("novaroute_build_info", "1; what runs is in the labels."),
            &["version"],
        );
        register(&self.registry, info).with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    }

    /// Has each scrape show what is declared then. To be called once.
    pub fn watch_declared(&self, declared: impl Fn() -> Declared + Send + Sync + 'static) {
        let collector = SessionCollector::new(declared, self.flaps.clone());
        self.registry.register(Box::new(collector)).expect("called once");
    }

    /// Makes the series of owners that the configuration names. Those of owners that it named
    /// before stay: what they had is withdrawn later.
    pub fn add_owners(&self, owners: impl IntoIterator<Item = OwnerName>) {
        for owner in owners {
            self.create_series_of(owner.as_str());
            self.owners.write().unwrap_or_else(PoisonError::into_inner).insert(owner);
        }
    }

    /// Every series whose labels are a closed set, before anything is counted: `increase()` sees a change from 0 to
    /// 1, and no series that begins with 1.
    fn create_series(&self) {
        for event in event_types() {
            self.events.with_label_values(&[event_label(event)]);
        }
        for result in TransactionResult::ALL {
            self.transactions.with_label_values(&[result.label()]);
        }
        for protocol in Protocol::ALL {
            self.monitoring_errors.with_label_values(&[protocol.label()]);
        }
        for daemon in Daemon::ALL {
            self.transports_quarantined.with_label_values(&[daemon.name()]);
        }
        for limit in LIMITS {
            self.refused.with_label_values(&[limit]);
        }
        self.commit.create_series(["vty", "northbound"]);
        for method in GrpcMethod::all() {
            self.grpc_request_duration.with_label_values(&[method.label()]);
            self.grpc_requests_abandoned.with_label_values(&[method.label()]);
        }
        for task in Task::ALL {
            self.tasks_died.with_label_values(&[task.name()]);
        }
        for result in ReloadResult::ALL {
            self.config_reloads.with_label_values(&[result.label()]);
        }
    }

    fn create_series_of(&self, owner: &str) {
        for (kind, operation) in
            IntentKind::ALL.iter().flat_map(|k| Operation::ALL.iter().map(move |o| (k, o)))
        {
            self.intents.with_label_values(&[owner, kinds::of(*kind).label, operation.label()]);
        }
        for kind in ViolationKind::OF_POLICY {
            self.policy_violations.with_label_values(&[owner, kind.label()]);
        }
        for gauge in [
            &self.active_peers,
            &self.active_bfd_sessions,
            &self.active_ospf_interfaces,
            &self.active_bfd_profiles,
            &self.active_static_routes,
        ] {
            gauge.with_label_values(&[owner]);
        }
        for protocol in [PrefixProtocol::Bgp, PrefixProtocol::Ospf] {
            self.active_prefixes.with_label_values(&[owner, protocol.name()]);
        }
    }
}

#[cfg(test)]
mod tests;
