//! Metrics of the path of a commit, and of the age of what is known of FRR.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry,
};
use tokio::time::Instant;

use super::series::{TRANSACTION_BUCKETS, gauge, register};

/// Upper bounds of requests in one batch, from one alone to the most that there are.
const BATCH_BUCKETS: [f64; 8] = [1.0, 2.0, 4.0, 16.0, 64.0, 256.0, 512.0, 1024.0];

/// What a commit spends its time on, and what goes wrong with it. Labels are `commit::Stage`'s and
/// `commit::Via`'s.
#[derive(Debug)]
pub struct CommitMetrics {
    stages: HistogramVec,
    lines_sent: IntCounterVec,
    batch_size: Histogram,
    queue_depth: IntGauge,
    not_confirmed: IntCounterVec,
    rollbacks: IntCounter,
    drift_repaired: IntCounter,
    journal_size: IntGauge,
    stuck: IntGauge,
    journal_writable: IntGauge,
    journal_damaged: IntGauge,
    kept_objects: IntGauge,
}

impl CommitMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let counters = |name, help, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let counter = |name, help| register(registry, IntCounter::new(name, help));
        let gauge = |name, help| register(registry, IntGauge::new(name, help));
        let stages = HistogramOpts::new(
            "novaroute_commit_stage_duration_seconds",
            "Time of one stage of a commit, by the way into the daemon.",
        );
        let stages = stages.buckets(TRANSACTION_BUCKETS.to_vec());
        let stages = HistogramVec::new(stages, &["stage", "door"]);
        let batch = HistogramOpts::new(
            "novaroute_commit_batch_size",
            "Requests that were decided together.",
        );
        Self {
            stages: register(registry, stages),
            lines_sent: counters(
                "novaroute_frr_lines_sent_total",
                "Commands and northbound edits that were sent to FRR.",
                &["door"],
            ),
            batch_size: register(
                registry,
                Histogram::with_opts(batch.buckets(BATCH_BUCKETS.to_vec())),
            ),
            queue_depth: gauge(
                "novaroute_commit_queue_depth",
                "Requests that waited when the last batch was begun.",
            ),
            not_confirmed: counters(
                "novaroute_confirmations_failed_total",
                "Changes that FRR took and did not show afterwards.",
                &["door"],
            ),
            rollbacks: counter("novaroute_rollbacks_total", "Transactions that were rolled back."),
            drift_repaired: counter(
                "novaroute_drift_repaired_total",
                "Nodes that FRR had lost or changed and has again.",
            ),
            journal_size: gauge("novaroute_journal_size_bytes", "Size of the journal."),
            stuck: gauge(
                "novaroute_frr_stuck_objects",
                "Objects that are no longer declared and that FRR refuses to remove.",
            ),
            journal_writable: {
                let help = "1 where all that was taken is on disk and more can be.";
                let writable = gauge("novaroute_journal_writable", help);
                writable.set(1);
                writable
            },
            journal_damaged: gauge(
                "novaroute_journal_damaged_files",
                "Damaged journals that were set aside and not taken away yet.",
            ),
            kept_objects: gauge(
                "novaroute_kept_objects",
                "Objects that are no longer declared and stay in FRR for the lines of others in them.",
            ),
        }
    }

    /// Makes the series of these transports, before anything is counted.
    pub(super) fn create_series(&self, transports: impl IntoIterator<Item = &'static str>) {
        for transport in transports {
            self.lines_sent.with_label_values(&[transport]);
            self.not_confirmed.with_label_values(&[transport]);
        }
    }

    /// Makes the series of these stages, each with its transport.
    pub fn create_stages(&self, stages: impl IntoIterator<Item = (&'static str, &'static str)>) {
        for (stage, transport) in stages {
            self.stages.with_label_values(&[stage, transport]);
        }
    }

    /// A stage has ended after this time, and sent so many commands or edits.
    pub fn stage(&self, stage: &'static str, transport: &'static str, took: Duration, sent: usize) {
        self.stages.with_label_values(&[stage, transport]).observe(took.as_secs_f64());
        if sent > 0 {
            self.lines_sent.with_label_values(&[transport]).inc_by(sent as u64);
        }
    }

    /// So many requests are decided together while so many wait.
    pub fn batch(&self, requests: usize, waiting: usize) {
        self.batch_size.observe(requests as f64);
        self.queue_depth.set(gauge(waiting));
    }

    /// A daemon took a change and did not show it.
    pub fn not_confirmed(&self, transport: &'static str) {
        self.not_confirmed.with_label_values(&[transport]).inc();
    }

    /// A transaction was rolled back.
    pub fn rolled_back(&self) {
        self.rollbacks.inc();
    }

    /// FRR has so many nodes again that it had lost or changed.
    pub fn drift_repaired(&self, nodes: usize) {
        self.drift_repaired.inc_by(nodes as u64);
    }

    /// So many objects are no longer declared, and FRR refuses to lose them.
    pub fn stuck(&self, objects: usize) {
        self.stuck.set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// So many objects are no longer declared and stay in FRR.
    pub fn kept_objects(&self, objects: usize) {
        self.kept_objects.set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// The journal has this many bytes.
    pub fn journal_size(&self, bytes: u64) {
        self.journal_size.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Whether the journal can be written, and how many damaged ones were set aside.
    pub fn journal(&self, writable: bool, damaged: usize) {
        self.journal_writable.set(i64::from(writable));
        self.journal_damaged.set(gauge(damaged));
    }
}

/// The age of what is known of FRR. Measured when it is asked for: a monitor that hangs could not say it.
#[derive(Debug)]
pub(super) struct SnapshotAge {
    metric: Gauge,
    heard: Mutex<Instant>,
}

impl SnapshotAge {
    pub(super) fn new(registry: &Registry) -> Self {
        let metric = Gauge::new(
            "novaroute_snapshot_age_seconds",
            "Time since the daemon of FRR was heard of that was not heard of for longest.",
        );
        Self { metric: register(registry, metric), heard: Mutex::new(Instant::now()) }
    }

    pub(super) fn of(&self, heard: Instant) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = heard;
    }

    pub(super) fn measure(&self) {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        self.metric.set(heard.elapsed().as_secs_f64());
    }
}
