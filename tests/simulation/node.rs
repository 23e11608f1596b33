//! The agent, from the sessions down: started, stopped, killed.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, LazyLock, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use novaroute::{
    api::{ConnectionId, Directory, Sessions},
    commit::{Actor, CommitHandle, Engine, NoObserver, Parts, View},
    daemon::Daemon,
    events::Bus,
    frr::{driver::Driver, transport::DaemonDriver},
    journal::simulated::Simulated,
    model::{Configured, OwnerName},
    policy::{Lifetime, OwnerPolicy, Policies, PrefixType, QuotaKind, Quotas},
    supervise::Supervisor,
    yang::Yang,
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{frr::Frr, mgmtd::Mgmtd, vty::Socket};

/// How long an owner's intents outlive its last connection.
pub const GRACE: Duration = Duration::from_secs(60);

/// Prefixes that `edge` may have: fewer than it wants now and then.
pub const EDGE_PREFIXES: usize = 5;

/// Longest wait between two attempts to reach FRR.
const RETRY: Duration = Duration::from_secs(1);

const CONNECT: Duration = Duration::from_secs(1);

pub fn owner(name: &str) -> OwnerName {
    name.parse().expect("a name")
}

/// Owners as those of the soak, and a quota.
static POLICIES: LazyLock<Policies> = LazyLock::new(|| {
    let policy = |prefix_type, cidrs: &[&str], lifetime, quotas| OwnerPolicy {
        prefix_type,
        allowed_cidrs: cidrs.iter().map(|cidr| cidr.parse().expect("a prefix")).collect(),
        may_configure_bgp: None,
        lifetime,
        quotas,
    };
    let few = Quotas::from_iter([(QuotaKind::Prefixes, EDGE_PREFIXES)]);
    let edge = ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"];
    Policies::from_iter([
        (owner("admin"), policy(PrefixType::Any, &[], Lifetime::Persistent, Quotas::default())),
        (owner("edge"), policy(PrefixType::HostOnly, &edge, Lifetime::Connection, few)),
        (
            owner("net"),
            policy(PrefixType::Subnet, &["10.244.0.0/16"], Lifetime::Connection, Quotas::default()),
        ),
    ])
});

struct Owners;

impl Directory for Owners {
    fn accepts(&self, owner: &OwnerName, _: &str) -> Option<bool> {
        POLICIES.get(owner).map(|_| true)
    }
    fn lifetime(&self, owner: &OwnerName) -> Option<Lifetime> {
        POLICIES.get(owner).map(|policy| policy.lifetime)
    }
    fn grace_period(&self) -> Duration {
        GRACE
    }
    fn router_id(&self) -> Option<Ipv4Addr> {
        None
    }
}

/// One process of the agent.
pub struct Node {
    pub commit: CommitHandle,
    pub sessions: Arc<Sessions>,
    actor: JoinHandle<()>,
    quiet: CancellationToken,
    connections: Mutex<BTreeMap<&'static str, ConnectionId>>,
}

impl Node {
    /// Starts it on what the disk has.
    ///
    /// # Errors
    /// Why it ends at once; whoever supervises it starts it again.
    pub async fn start(frr: &Frr, disk: &Simulated, yang: &Yang) -> Result<Self, String> {
        let journal = disk.open_journal().map_err(|error| error.to_string())?;
        let mut drivers: Vec<Box<dyn Driver>> = vec![Box::new(Mgmtd::new(frr, disk))];
        for daemon in [Daemon::Bfdd, Daemon::Ospfd, Daemon::Bgpd] {
            let socket = Socket::of(frr, disk, daemon);
            let driver = DaemonDriver::new(daemon, socket, CONNECT, yang.clone());
            let mut driver = driver.expect("a daemon with a VTY");
            driver.load_defaults().await.map_err(|error| error.to_string())?;
            drivers.push(Box::new(driver));
        }
        let engine = Engine::new(drivers, yang.clone()).await.map_err(|error| error.to_string())?;
        let bus = Bus::default();
        let (_, policies) = watch::channel(Arc::new(POLICIES.clone()));
        let parts = Parts {
            engine,
            policies,
            events: bus.clone(),
            observer: Arc::new(NoObserver),
            retry_interval: RETRY,
            journal,
            configured: Configured::default(),
            withdraw_on_exit: Arc::new(AtomicBool::new(false)),
            capacity: None,
        };
        let (commit, actor) = Actor::new(parts).map_err(|error| error.to_string())?;
        let never = CancellationToken::new();
        let actor = tokio::spawn(async move { drop(actor.run(never.clone(), never).await) });
        let (quiet, (supervisor, _)) = (CancellationToken::new(), Supervisor::new());
        let (told, stop) = (bus, quiet.clone());
        let sessions = Sessions::new(commit.clone(), Arc::new(Owners), told, stop, supervisor);
        sessions.expect_absent_owners();
        Ok(Self { commit, sessions, actor, quiet, connections: Mutex::default() })
    }

    /// The process is gone in the middle of whatever it did.
    pub fn kill(&self) {
        self.actor.abort();
        self.quiet.cancel();
    }

    pub fn has_ended(&self) -> bool {
        self.quiet.is_cancelled()
    }

    pub fn view(&self) -> Arc<View> {
        self.commit.view()
    }

    /// The owner's connection; made where there is none.
    pub fn connection(&self, owner: &'static str) -> ConnectionId {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        *connections.entry(owner).or_insert_with(|| self.sessions.opened(None))
    }

    pub fn disconnect(&self, owner: &'static str) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = connections.remove(owner) {
            self.sessions.closed(id);
        }
    }
}
