//! What one part asks of another, without the parts knowing each other.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use tracing::error;

use crate::{
    api::{Directory, InForce, Reloaded},
    commit::{CommitRequest, Observer, Stage, Via, View},
    config::{Config, Owners},
    model::{Change, IntentKind, OwnerName, Protocol},
    policy::Lifetime,
    telemetry::{Health, Metrics, Operation, TransactionResult},
};

/// Counts commits, and tells health.
pub(super) struct CommitMetrics {
    metrics: Arc<Metrics>,
    health: Arc<Health>,
}

impl CommitMetrics {
    pub(super) fn new(metrics: Arc<Metrics>, health: Arc<Health>) -> Self {
        let stages = Stage::ALL.map(|stage| stage.vias().iter().map(move |via| (stage, via)));
        let labels = stages.into_iter().flatten().map(|(stage, via)| (stage.label(), via.label()));
        metrics.commit().create_stages(labels);
        Self { metrics, health }
    }
}

impl Observer for CommitMetrics {
    fn beat(&self) {
        self.health.beat();
    }

    fn transaction(&self, result: &'static str, took: Duration) {
        // One that sent nothing is none of FRR's.
        match result {
            "confirmed" => self.metrics.transaction(TransactionResult::Success, took),
            "refused" => self.metrics.transaction(TransactionResult::Failure, took),
            _ => {}
        }
    }

    fn resynchronised(&self, took: Duration) {
        self.metrics.reconcile_cycle(took);
    }

    fn request(&self, request: &CommitRequest, accepted: bool) {
        for change in request.changes.iter().filter(|_| accepted) {
            let operation = match change {
                Change::Set(_) => Operation::Set,
                Change::Remove(_) => Operation::Remove,
            };
            self.metrics.intent(&request.owner, change.key().kind(), operation);
        }
    }

    fn drift_repaired(&self, nodes: usize) {
        self.metrics.commit().drift_repaired(nodes);
    }

    fn batch(&self, requests: usize, waiting: usize) {
        self.metrics.commit().batch(requests, waiting);
    }

    fn stage(&self, stage: Stage, via: Via, took: Duration, sent: usize) {
        self.metrics.commit().stage(stage.label(), via.label(), took, sent);
    }

    fn not_confirmed(&self, via: Via) {
        self.metrics.commit().not_confirmed(via.label());
    }

    fn rolled_back(&self) {
        self.metrics.commit().rolled_back();
    }

    fn journal_size(&self, bytes: u64) {
        self.metrics.commit().journal_size(bytes);
    }

    fn models_missing(&self, missing: &BTreeMap<String, String>) {
        for (module, why) in missing {
            error!(module, why, "a YANG module can't be loaded; what needs it is refused");
        }
        let note = |(module, why)| format!("YANG module {module} can't be loaded: {why}");
        self.health.set_notes(missing.iter().map(note).collect());
    }

    fn journal(&self, writable: bool, damaged: usize, concerns: &[String]) {
        self.metrics.commit().journal(writable, damaged);
        self.health.set_journal(concerns);
    }

    fn state(&self, before: &View, now: &View) {
        let owners = before.store.counts().chain(now.store.counts()).map(|(owner, _)| owner);
        for owner in owners {
            let counts = now.store.counts_of(owner);
            self.metrics.set_active_peers(owner, counts[IntentKind::Peer]);
            self.metrics.set_active_prefixes(owner, Protocol::Bgp, counts[IntentKind::BgpPrefix]);
            self.metrics.set_active_prefixes(owner, Protocol::Ospf, counts[IntentKind::OspfPrefix]);
            self.metrics.set_active_bfd_sessions(owner, counts[IntentKind::BfdSession]);
            self.metrics.set_active_ospf_interfaces(owner, counts[IntentKind::OspfInterface]);
            self.metrics.set_active_bfd_profiles(owner, counts[IntentKind::BfdProfile]);
            self.metrics.set_active_static_routes(owner, counts[IntentKind::StaticRoute]);
        }
        self.metrics.commit().stuck(now.stuck.len());
        let kept = now.kept.values().flatten().filter(|kept| !kept.is_shared());
        self.metrics.commit().kept_objects(kept.count());
        let lacking = now.pending().or_else(|| {
            let rejected = now.rejected.iter().next();
            rejected.map(|(key, why)| format!("FRR refuses {key}: {why}"))
        });
        self.health.set_last_commit(lacking.map_or(Ok(()), Err));
    }
}

/// A reload that is asked for, and where its answer goes.
pub(super) type Ask = oneshot::Sender<Reloaded>;

/// What the API asks of the configuration that is in force.
pub(super) struct Owned {
    held: RwLock<Held>,
    in_force: RwLock<InForce>,
    asks: mpsc::Sender<Ask>,
}

struct Held {
    owners: Owners,
    grace_period: Duration,
    router_id: Option<Ipv4Addr>,
}

impl From<&Config> for Held {
    fn from(config: &Config) -> Self {
        Self {
            owners: config.owners.clone(),
            grace_period: config.disconnect_grace_period,
            router_id: config.bgp.router_id,
        }
    }
}

impl Owned {
    /// Reloads that are asked for go to `asks`.
    pub(super) fn new(config: &Config, in_force: InForce, asks: mpsc::Sender<Ask>) -> Self {
        let (held, in_force) = (RwLock::new(config.into()), RwLock::new(in_force));
        Self { held, in_force, asks }
    }

    /// Says what is in force now.
    pub(super) fn say(&self, in_force: InForce) {
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = in_force;
    }

    /// Puts another configuration's owners and grace period in force, for every call that is still to be
    /// authenticated and every connection that is still to close.
    pub(super) fn replace(&self, config: &Config) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = config.into();
    }

    fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Directory for Owned {
    fn accepts(&self, owner: &OwnerName, token: &str) -> Option<bool> {
        self.held().owners.get(owner).map(|owner| owner.accepts(token))
    }

    fn lifetime(&self, owner: &OwnerName) -> Option<Lifetime> {
        self.held().owners.get(owner).map(|owner| owner.policy.lifetime)
    }

    fn grace_period(&self) -> Duration {
        self.held().grace_period
    }

    fn router_id(&self) -> Option<Ipv4Addr> {
        self.held().router_id
    }

    fn in_force(&self) -> InForce {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reload(&self) -> Pin<Box<dyn Future<Output = Reloaded> + Send + '_>> {
        Box::pin(async {
            let (answer, answered) = oneshot::channel();
            let stopping = |_| "the agent is stopping".to_owned();
            self.asks.send(answer).await.map_err(|_| stopping(()))?;
            answered.await.map_err(|_| stopping(()))?
        })
    }
}
