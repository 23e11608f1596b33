//! What is counted and measured, as it happens.

use std::{collections::BTreeSet, net::IpAddr, sync::PoisonError, time::Duration};

use prometheus::{IntGaugeVec, TextEncoder};
use tokio::time::Instant;

use super::{LIMITS, Metrics};
use crate::{
    coverage::{Row, TransportState},
    daemon::Daemon,
    events::{Event, EventObserver},
    model::{IntentKind, OwnerName, Protocol as PrefixProtocol},
    policy::ViolationKind,
    proto::v1::EventType,
    protocol::kinds,
    supervise::Task,
    telemetry::{
        commit_metrics::CommitMetrics,
        labels::{GrpcMethod, Operation, Protocol, ReloadResult, TransactionResult},
        panics::panics,
        series::{event_label, gauge},
    },
};

impl Metrics {
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
            self.intents
                .with_label_values(&[owner, kinds::of(kind).label, operation.label()])
                .inc();
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

    /// BFD profiles that an owner has declared now.
    pub fn set_active_bfd_profiles(&self, owner: &OwnerName, count: usize) {
        self.set(&self.active_bfd_profiles, owner, count);
    }

    /// Static routes that an owner has declared now.
    pub fn set_active_static_routes(&self, owner: &OwnerName, count: usize) {
        self.set(&self.active_static_routes, owner, count);
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

    /// Which transport executes what now. The rows come from NovaRoute's own data, not from FRR.
    pub fn set_coverage(&self, rows: &[Row]) {
        for row in rows {
            let labels = [row.daemon.name(), &row.module, row.transport.name()];
            let in_use = row.state == TransportState::InUse;
            self.coverage.with_label_values(&labels).set(in_use.into());
        }
        let wrong: BTreeSet<_> =
            rows.iter().filter(|row| row.is_mismatch()).map(|r| (r.daemon, &r.module)).collect();
        self.revision_mismatches.set(gauge(wrong.len()));
    }

    /// A transport acknowledged a change that the daemon does not show.
    pub fn transport_quarantined(&self, daemon: Daemon) {
        self.transports_quarantined.with_label_values(&[daemon.name()]).inc();
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

    /// The session with this declared peer was established, and was lost.
    pub fn lost_session(&self, peer: IpAddr) {
        self.flaps.lost(peer);
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self) -> String {
        self.snapshot.measure();
        self.process.measure();
        self.panics.reset();
        self.panics.inc_by(panics());
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect("every registered metric has a name and is of the type of its family")
    }
}

/// The bus tells of each event.
impl EventObserver for Metrics {
    fn published(&self, event: &Event) {
        self.event(event.kind());
        match event {
            Event::PolicyViolation { owner, violation } => {
                self.policy_violation(owner, violation.kind);
            }
            Event::PeerDown { peer, .. } => self.lost_session(*peer),
            _ => {}
        }
    }

    fn dropped(&self, count: u64) {
        self.events_dropped(count);
    }
}
