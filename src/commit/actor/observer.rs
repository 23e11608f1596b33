//! Who is told how commits go.

use std::time::Duration;

use crate::commit::{CommitRequest, View};

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
    /// What was published before, and the store as it stands now with what FRR still lacks of it.
    fn state(&self, before: &View, now: &View);
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn beat(&self) {}
    fn transaction(&self, _: &'static str, _: Duration) {}
    fn request(&self, _: &CommitRequest, _: bool) {}
    fn resynchronised(&self, _: Duration) {}
    fn state(&self, _: &View, _: &View) {}
}
