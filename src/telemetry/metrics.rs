//! Every metric of the agent, in a registry of its own.
//!
//! Dashboards and alerts rely on the names and labels (`api.md`, section 3); a test
//! holds them. Label values come from closed sets and from the configured owners only,
//! so that no caller makes new series.

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock},
    time::{Duration, Instant},
};

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use super::{
    commit_metrics::{CommitMetrics, SnapshotAge},
    labels::{GrpcMethod, Operation, Protocol, ReloadResult, TransactionResult},
    panics::panics,
};
use crate::{
    coverage::{DoorState, Row},
    daemon::Daemon,
    events::{Event, Observer},
    model::{IntentKind, OwnerName, Protocol as PrefixProtocol},
    policy::ViolationKind,
    proto::v1::EventType,
    supervise::Task,
};

/// Upper bounds in seconds, from a status read (below a millisecond) to the longest deadline
/// that clients use.
const REQUEST_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Upper bounds in seconds, from one prefix (milliseconds) to 100,000 of them.
pub(super) const TRANSACTION_BUCKETS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 60.0];

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
    doors_struck_out: IntCounterVec,
    refused: IntCounterVec,
    config_reloads: IntCounterVec,
    config_reload_successful: IntGauge,
    commit: CommitMetrics,
    snapshot: SnapshotAge,
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
                "Whether changes of a YANG module go to a daemon through this door (1) or not (0).",
                &["daemon", "module", "door"],
            ),
            revision_mismatches: register(
                &registry,
                IntGauge::new(
                    "novaroute_yang_revision_mismatches",
                    "YANG modules of which FRR announces another revision than the one loaded.",
                ),
            ),
            doors_struck_out: counters(
                "novaroute_doors_struck_out_total",
                "Doors that said yes while the daemon did not change.",
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
            registry,
        };
        metrics.create_series();
        metrics.config_reload_successful.set(1);
        metrics.add_owners(owners);
        metrics
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
            self.doors_struck_out.with_label_values(&[daemon.name()]);
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
            self.intents.with_label_values(&[owner, kind.label(), operation.label()]);
        }
        for kind in ViolationKind::OF_POLICY {
            self.policy_violations.with_label_values(&[owner, kind.label()]);
        }
        for gauge in [&self.active_peers, &self.active_bfd_sessions, &self.active_ospf_interfaces] {
            gauge.with_label_values(&[owner]);
        }
        for protocol in [PrefixProtocol::Bgp, PrefixProtocol::Ospf] {
            self.active_prefixes.with_label_values(&[owner, protocol.name()]);
        }
    }

    /// The configuration was read again.
    pub fn config_reload(&self, result: ReloadResult) {
        self.config_reloads.with_label_values(&[result.label()]).inc();
        self.config_reload_successful.set((result == ReloadResult::Success).into());
    }

    /// The owner as a label value, where the configuration names it.
    fn label<'a>(&self, owner: &'a OwnerName) -> Option<&'a str> {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        owners.contains(owner).then(|| owner.as_str())
    }

    /// An intent was declared or withdrawn.
    pub fn intent(&self, owner: &OwnerName, kind: IntentKind, operation: Operation) {
        if let Some(owner) = self.label(owner) {
            self.intents.with_label_values(&[owner, kind.label(), operation.label()]).inc();
        }
    }

    /// A transaction was applied and confirmed, or refused, after this time.
    pub fn transaction(&self, result: TransactionResult, took: Duration) {
        self.transactions.with_label_values(&[result.label()]).inc();
        self.transaction_duration.observe(took.as_secs_f64());
    }

    /// Policy forbade a change of an authenticated owner.
    pub fn policy_violation(&self, owner: &OwnerName, kind: ViolationKind) {
        if let Some(owner) = self.label(owner).filter(|_| kind.breaks_policy()) {
            self.policy_violations.with_label_values(&[owner, kind.label()]).inc();
        }
    }

    /// An event was published.
    pub fn event(&self, event: EventType) {
        self.events.with_label_values(&[event_label(event)]).inc();
    }

    /// A subscriber was too slow for this many events.
    pub fn events_dropped(&self, count: u64) {
        self.events_dropped.inc_by(count);
    }

    /// Reading FRR's state failed.
    pub fn monitoring_error(&self, protocol: Protocol) {
        self.monitoring_errors.with_label_values(&[protocol.label()]).inc();
    }

    /// Peers that an owner has declared now.
    pub fn set_active_peers(&self, owner: &OwnerName, count: usize) {
        self.set(&self.active_peers, owner, count);
    }

    /// Prefixes that an owner has declared now for one protocol.
    pub fn set_active_prefixes(&self, owner: &OwnerName, protocol: PrefixProtocol, count: usize) {
        if let Some(owner) = self.label(owner) {
            self.active_prefixes.with_label_values(&[owner, protocol.name()]).set(gauge(count));
        }
    }

    /// BFD sessions that an owner has declared now.
    pub fn set_active_bfd_sessions(&self, owner: &OwnerName, count: usize) {
        self.set(&self.active_bfd_sessions, owner, count);
    }

    /// OSPF interfaces that an owner has declared now.
    pub fn set_active_ospf_interfaces(&self, owner: &OwnerName, count: usize) {
        self.set(&self.active_ospf_interfaces, owner, count);
    }

    fn set(&self, metric: &IntGaugeVec, owner: &OwnerName, count: usize) {
        if let Some(owner) = self.label(owner) {
            metric.with_label_values(&[owner]).set(gauge(count));
        }
    }

    /// Owners that are connected now.
    pub fn set_registered_owners(&self, count: usize) {
        self.registered_owners.set(gauge(count));
    }

    /// Whether FRR is connected now.
    pub fn set_frr_connected(&self, connected: bool) {
        self.frr_connected.set(connected.into());
    }

    /// A request was answered after this time, well or not; or its client was gone by then.
    pub fn grpc_request(&self, method: GrpcMethod, took: Duration, answered: bool) {
        self.grpc_request_duration.with_label_values(&[method.label()]).observe(took.as_secs_f64());
        if !answered {
            self.grpc_requests_abandoned.with_label_values(&[method.label()]).inc();
        }
    }

    /// A part of the agent has died, which ends it.
    pub fn task_died(&self, task: Task) {
        self.tasks_died.with_label_values(&[task.name()]).inc();
    }

    /// FRR was compared with all intents in this time.
    pub fn reconcile_cycle(&self, took: Duration) {
        self.reconcile_cycle_duration.observe(took.as_secs_f64());
    }

    /// Which door executes what now. The rows come from NovaRoute's own data, not from FRR.
    pub fn set_coverage(&self, rows: &[Row]) {
        for row in rows {
            let labels = [row.daemon.name(), &row.module, row.door.name()];
            let in_use = row.state == DoorState::InUse;
            self.coverage.with_label_values(&labels).set(in_use.into());
        }
        let wrong: BTreeSet<_> =
            rows.iter().filter(|row| row.is_mismatch()).map(|r| (r.daemon, &r.module)).collect();
        self.revision_mismatches.set(gauge(wrong.len()));
    }

    /// A door said yes and the daemon did not change.
    pub fn door_struck_out(&self, daemon: Daemon) {
        self.doors_struck_out.with_label_values(&[daemon.name()]).inc();
    }

    /// A limit was reached, one of `LIMITS`: a call or a connection was not served.
    pub fn refused(&self, limit: &'static str) {
        if LIMITS.contains(&limit) {
            self.refused.with_label_values(&[limit]).inc();
        }
    }

    /// The path of a commit.
    pub fn commit(&self) -> &CommitMetrics {
        &self.commit
    }

    /// The daemon of FRR that was not heard of for longest was heard of then.
    pub fn snapshot_of(&self, heard: Instant) {
        self.snapshot.of(heard);
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self) -> String {
        self.snapshot.measure();
        self.panics.reset();
        self.panics.inc_by(panics());
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect("every registered metric has a name and is of the type of its family")
    }
}

/// The bus tells of each event.
impl Observer for Metrics {
    fn published(&self, event: &Event) {
        self.event(event.kind());
        if let Event::PolicyViolation { owner, violation } = event {
            self.policy_violation(owner, violation.kind);
        }
    }

    fn dropped(&self, count: u64) {
        self.events_dropped(count);
    }
}

/// Every type of the contract; it has none beyond 1000.
fn event_types() -> impl Iterator<Item = EventType> {
    (1..1000).filter_map(|number| EventType::try_from(number).ok())
}

fn event_label(event: EventType) -> &'static str {
    let name = event.as_str_name();
    name.strip_prefix("EVENT_TYPE_").unwrap_or(name)
}

/// Gauges are signed.
pub(super) fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn register<C: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    metric: Result<C, prometheus::Error>,
) -> C {
    let metric = metric.expect("the name and labels are constants of this file and valid");
    registry.register(Box::new(metric.clone())).expect("no name of this file stands there twice");
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> OwnerName {
        name.parse().unwrap()
    }

    /// A metric with everything counted once.
    fn full() -> Metrics {
        let metrics = Metrics::new([owner("a"), owner("b")]);
        let a = owner("a");
        metrics.intent(&a, IntentKind::Peer, Operation::Set);
        metrics.transaction(TransactionResult::Failure, Duration::from_millis(3));
        metrics.policy_violation(&a, ViolationKind::AllowedCidrs);
        metrics.event(EventType::PeerUp);
        metrics.events_dropped(2);
        metrics.monitoring_error(Protocol::Bgp);
        metrics.set_active_peers(&a, 3);
        metrics.set_active_prefixes(&a, PrefixProtocol::Bgp, 4);
        metrics.set_active_bfd_sessions(&a, 5);
        metrics.set_active_ospf_interfaces(&a, 6);
        metrics.set_registered_owners(7);
        metrics.set_frr_connected(true);
        metrics.commit().stage("apply", "vty", Duration::from_millis(2), 5);
        metrics.commit().batch(7, 3);
        metrics.commit().not_confirmed("vty");
        metrics.commit().rolled_back();
        metrics.commit().drift_repaired(4);
        metrics.commit().journal_size(100);
        metrics.commit().stuck(2);
        metrics.snapshot_of(Instant::now());
        let method = GrpcMethod::named("GetStatus").unwrap();
        metrics.grpc_request(method, Duration::from_millis(1), true);
        metrics.grpc_request(method, Duration::from_millis(1), false);
        metrics.task_died(Task::Monitor);
        metrics.reconcile_cycle(Duration::from_secs(1));
        metrics.config_reload(ReloadResult::Failure);
        metrics.refused("memory");
        metrics
    }

    #[test]
    fn names_and_labels_are_those_that_dashboards_use() {
        let text = full().render();
        for line in [
            "novaroute_intents_total{operation=\"set\",owner=\"a\",type=\"peer\"} 1",
            "novaroute_intents_total{operation=\"remove\",owner=\"b\",type=\"prefix\"} 0",
            "novaroute_frr_transactions_total{result=\"failure\"} 1",
            "novaroute_frr_transactions_total{result=\"success\"} 0",
            "novaroute_policy_violations_total{owner=\"a\",reason=\"allowed_cidrs\"} 1",
            "novaroute_events_total{type=\"PEER_UP\"} 1",
            "novaroute_events_dropped_total 2",
            "novaroute_monitoring_errors_total{protocol=\"bgp\"} 1",
            "novaroute_active_peers{owner=\"a\"} 3",
            "novaroute_active_peers{owner=\"b\"} 0",
            "novaroute_active_prefixes{owner=\"a\",protocol=\"bgp\"} 4",
            "novaroute_active_bfd_sessions{owner=\"a\"} 5",
            "novaroute_active_ospf_interfaces{owner=\"a\"} 6",
            "novaroute_registered_owners 7",
            "novaroute_frr_connected 1",
            "novaroute_grpc_request_duration_seconds_count{method=\"GetStatus\"} 2",
            "novaroute_grpc_requests_abandoned_total{method=\"GetStatus\"} 1",
            "novaroute_grpc_requests_abandoned_total{method=\"Watch\"} 0",
            "novaroute_tasks_died_total{task=\"monitor\"} 1",
            "novaroute_tasks_died_total{task=\"http\"} 0",
            "novaroute_frr_transaction_duration_seconds_count 1",
            "novaroute_reconcile_cycle_duration_seconds_sum 1",
            "novaroute_config_reloads_total{result=\"failure\"} 1",
            "novaroute_config_reloads_total{result=\"success\"} 0",
            "novaroute_config_last_reload_successful 0",
            "novaroute_commit_stage_duration_seconds_count{door=\"vty\",stage=\"apply\"} 1",
            "novaroute_frr_lines_sent_total{door=\"vty\"} 5",
            "novaroute_frr_lines_sent_total{door=\"northbound\"} 0",
            "novaroute_commit_batch_size_sum 7",
            "novaroute_commit_queue_depth 3",
            "novaroute_confirmations_failed_total{door=\"vty\"} 1",
            "novaroute_rollbacks_total 1",
            "novaroute_limits_reached_total{limit=\"memory\"} 1",
            "novaroute_limits_reached_total{limit=\"http\"} 0",
            "novaroute_drift_repaired_total 4",
            "novaroute_journal_size_bytes 100",
            "novaroute_frr_stuck_objects 2",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }

    /// `increase()` of a series that begins with 1 is 0, and its alert stays silent.
    #[test]
    fn every_series_is_there_before_it_is_counted() {
        let series = |text: &str| -> BTreeSet<String> {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
        };
        let fresh = Metrics::new([owner("a"), owner("b")]);
        fresh.commit().create_stages([("apply", "vty")]);
        let counted = full();
        for kind in ViolationKind::OF_POLICY {
            counted.policy_violation(&owner("b"), kind);
        }
        event_types().for_each(|event| counted.event(event));
        counted.policy_violation(&owner("a"), ViolationKind::NotFound);
        assert_eq!(series(&fresh.render()), series(&counted.render()));
        // An owner that a reload brings has as many.
        let owners = |text: &str, name: &str| text.matches(&format!("owner=\"{name}\"")).count();
        fresh.add_owners([owner("late")]);
        let text = fresh.render();
        assert_eq!(owners(&text, "late"), owners(&text, "a"));
    }

    /// The whole list: a dashboard may rely on each of them, so that none goes or comes unnoticed.
    #[test]
    fn these_metrics_and_no_others() {
        let text = full().render();
        let mut names: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
            .map(|(name, kind)| format!("{} {kind}", name.strip_prefix("novaroute_").unwrap()))
            .collect();
        names.sort_unstable();
        let expected = [
            "active_bfd_sessions gauge",
            "active_ospf_interfaces gauge",
            "active_peers gauge",
            "active_prefixes gauge",
            "commit_batch_size histogram",
            "commit_queue_depth gauge",
            "commit_stage_duration_seconds histogram",
            "config_last_reload_successful gauge",
            "config_reloads_total counter",
            "confirmations_failed_total counter",
            "doors_struck_out_total counter",
            "drift_repaired_total counter",
            "events_dropped_total counter",
            "events_total counter",
            "frr_connected gauge",
            "frr_lines_sent_total counter",
            "frr_stuck_objects gauge",
            "frr_transaction_duration_seconds histogram",
            "frr_transactions_total counter",
            "grpc_request_duration_seconds histogram",
            "grpc_requests_abandoned_total counter",
            "intents_total counter",
            "journal_damaged_files gauge",
            "journal_size_bytes gauge",
            "journal_writable gauge",
            "kept_objects gauge",
            "limits_reached_total counter",
            "monitoring_errors_total counter",
            "panics_total counter",
            "policy_violations_total counter",
            "reconcile_cycle_duration_seconds histogram",
            "registered_owners gauge",
            "rollbacks_total counter",
            "snapshot_age_seconds gauge",
            "tasks_died_total counter",
            "yang_revision_mismatches gauge",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn an_owner_that_is_not_configured_makes_no_series() {
        let metrics = full();
        let before = metrics.render();
        let stranger = owner("stranger");
        metrics.intent(&stranger, IntentKind::Peer, Operation::Set);
        metrics.policy_violation(&stranger, ViolationKind::NotOwner);
        metrics.set_active_peers(&stranger, 1);
        metrics.set_active_prefixes(&stranger, PrefixProtocol::Bgp, 1);
        let but_the_age = |text: &str| {
            let lines = text.lines().filter(|line| !line.contains("snapshot_age"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(but_the_age(&metrics.render()), but_the_age(&before));
        // A reload that names it makes them.
        metrics.add_owners([stranger.clone()]);
        metrics.policy_violation(&stranger, ViolationKind::Quota);
        let line = "novaroute_policy_violations_total{owner=\"stranger\",reason=\"quota\"} 1";
        assert!(metrics.render().contains(line));
        assert!(metrics.render().contains("novaroute_active_peers{owner=\"a\"} 3"));
    }
}
