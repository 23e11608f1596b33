//! Who is told how commits go.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    commit::{CommitRequest, View},
    daemon::Daemon,
};

/// What a commit spends its time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Making it durable, before and after.
    Journal,
    /// libyang.
    Validate,
    /// Reading what a daemon runs.
    Read,
    /// Sending the change.
    Apply,
    /// Reading back what the daemon made of it.
    Confirm,
    /// Taking back what was refused.
    Undo,
}

/// The way into a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// None: a stage within the agent.
    Agent,
    /// Commands on the daemon's socket.
    Vty,
    /// `frr.Northbound`.
    Northbound,
}

/// Is told how commits go: metrics and health.
pub trait Observer: Send + Sync {
    /// The actor makes progress: told every few seconds while it has nothing to do, and with
    /// each batch.
    fn beat(&self);
    /// A transaction with FRR has ended: `result` is confirmed, unchanged, pending or refused.
    fn transaction(&self, result: &'static str, took: Duration);
    /// One request was decided.
    fn request(&self, request: &CommitRequest, accepted: bool);
    /// A full comparison of FRR with what is desired has ended.
    fn resynchronised(&self, took: Duration);
    /// FRR had lost or changed this many nodes of what is ours, and has them again.
    fn drift_repaired(&self, _nodes: usize) {}
    /// So many requests are decided together, and so many wait for the next batch.
    fn batch(&self, _requests: usize, _waiting: usize) {}
    /// One stage of a commit has ended, and sent so many commands or edits.
    fn stage(&self, _stage: Stage, _via: Via, _took: Duration, _sent: usize) {}
    /// A daemon took a change and did not show it afterwards.
    fn not_confirmed(&self, _via: Via) {}
    /// A transaction was rolled back: by its owner, or since nobody confirmed it.
    fn rolled_back(&self) {}
    /// The journal has this many bytes now.
    fn journal_size(&self, _bytes: u64) {}
    /// These YANG modules can't be loaded, each with why.
    fn models_missing(&self, _missing: &BTreeMap<String, String>) {}
    /// Whether all that was taken is on disk and more can be; how many damaged files there are; and all that an operator
    /// has to know of it.
    fn journal(&self, _writable: bool, _damaged: usize, _concerns: &[String]) {}
    /// What was published before, and the store as it stands now with what FRR still lacks of it.
    fn state(&self, before: &View, now: &View);
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Stage {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Journal, Self::Validate, Self::Read, Self::Apply, Self::Confirm, Self::Undo];

    /// The ways that it goes.
    pub fn vias(self) -> &'static [Via] {
        match self {
            Self::Journal | Self::Validate => &[Via::Agent],
            Self::Read | Self::Apply | Self::Confirm | Self::Undo => &[Via::Vty, Via::Northbound],
        }
    }

    /// Metric label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Validate => "validate",
            Self::Read => "read",
            Self::Apply => "apply",
            Self::Confirm => "confirm",
            Self::Undo => "undo",
        }
    }
}

impl Via {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Vty, Self::Northbound];

    /// Metric label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Vty => "vty",
            Self::Northbound => "northbound",
        }
    }

    /// The way into this daemon.
    pub fn of(daemon: Daemon) -> Self {
        match daemon {
            Daemon::Mgmtd => Self::Northbound,
            Daemon::Bfdd | Daemon::Ospfd | Daemon::Bgpd => Self::Vty,
        }
    }
}

impl Observer for NoObserver {
    fn beat(&self) {}
    fn transaction(&self, _: &'static str, _: Duration) {}
    fn request(&self, _: &CommitRequest, _: bool) {}
    fn resynchronised(&self, _: Duration) {}
    fn state(&self, _: &View, _: &View) {}
}
