//! The API in process: a real Unix socket, with a fake commit actor behind it.

mod bad_input;
mod codes;
mod contract;
mod events;
mod grace;
mod limits;
mod server;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::{
    net::UnixStream,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

use super::*;
use crate::{
    commit::{
        CommitError, CommitHandle, CommitRequest, Committed, Outcome, Queued, Request,
        TransactionId, View,
    },
    events::{Bus, of_change},
    model::{Change, OwnerName},
    policy::{Lifetime, OwnerPolicy, Policies, PrefixType, check_all},
    proto::v1::{
        self, route_control_client::RouteControlClient, transactions_client::TransactionsClient,
    },
    supervise::Supervisor,
};

/// Like an operator's: two clients and an administrator, each with the token `NAME-token`.
struct Owners {
    grace: Duration,
    /// Whom a reload has removed.
    removed: Mutex<Vec<OwnerName>>,
}

impl Owners {
    fn get(&self, owner: &OwnerName) -> Option<OwnerPolicy> {
        let removed = self.removed.lock().unwrap().contains(owner);
        policies().get(owner).filter(|_| !removed).cloned()
    }
}

fn policies() -> Policies {
    let policy = |prefix_type, cidrs: &[&str], lifetime| OwnerPolicy {
        prefix_type,
        allowed_cidrs: cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect(),
        may_configure_bgp: None,
        lifetime,
        quotas: Default::default(),
    };
    use Lifetime::{Connection, Persistent};
    Policies::from_iter([
        (owner("novaedge"), policy(PrefixType::HostOnly, &["10.0.0.0/8"], Connection)),
        (owner("novanet"), policy(PrefixType::Any, &[], Connection)),
        (owner("admin"), policy(PrefixType::Any, &[], Persistent)),
    ])
}

impl Directory for Owners {
    fn accepts(&self, owner: &OwnerName, token: &str) -> Option<bool> {
        self.get(owner).map(|_| token == format!("{owner}-token"))
    }
    fn lifetime(&self, owner: &OwnerName) -> Option<Lifetime> {
        self.get(owner).map(|policy| policy.lifetime)
    }
    fn grace_period(&self) -> Duration {
        self.grace
    }
    fn router_id(&self) -> Option<std::net::Ipv4Addr> {
        None
    }
}

fn owner(name: &str) -> OwnerName {
    name.parse().unwrap()
}

/// What the fake actor took, and what it shall refuse next.
#[derive(Default)]
struct Actor {
    origins: Vec<(OwnerName, &'static str)>,
    refuse: Option<CommitError>,
    /// Keeps every request, and answers none.
    silent: bool,
    kept: Vec<Queued>,
}

/// A commit actor without FRR: policy and store only.
async fn actor(
    mut requests: mpsc::Receiver<Queued>,
    publish: watch::Sender<Arc<View>>,
    bus: Bus,
    state: Arc<Mutex<Actor>>,
) {
    while let Some(queued) = requests.recv().await {
        if state.lock().unwrap().silent {
            state.lock().unwrap().kept.push(queued);
            continue;
        }
        let Request::Commit(request, answer) = queued.request else { continue };
        let refuse = {
            let mut state = state.lock().unwrap();
            state.origins.push((request.owner.clone(), request.origin));
            state.refuse.take()
        };
        let result = match refuse {
            Some(error) => Err(error),
            None => take(&request, &publish, &bus),
        };
        let _ = answer.send(result);
    }
}

fn take(
    request: &CommitRequest,
    publish: &watch::Sender<Arc<View>>,
    bus: &Bus,
) -> Result<Committed, CommitError> {
    let before = publish.borrow().store.clone();
    let store = check_all(&policies(), &before, &request.owner, &request.changes)
        .map_err(CommitError::Policy)?;
    let previous = |change: &Change| before.get(&change.key()).map(|owned| owned.intent.clone());
    let unchanged = store.diff(&before).next().is_none();
    store.diff(&before).filter_map(|(k, b, n)| of_change(k, b, n)).for_each(|e| bus.publish(e));
    let previous = request.changes.iter().map(previous).collect();
    publish.send_replace(Arc::new(View { store, ..View::default() }));
    let outcome = if unchanged { Outcome::Unchanged } else { Outcome::Confirmed };
    Ok(Committed { id: TransactionId::random(), outcome, previous })
}

/// Sessions with a fake actor behind them, and no socket.
struct Inner {
    commit: CommitHandle,
    sessions: Arc<Sessions>,
    bus: Bus,
    shutdown: CancellationToken,
    actor: Arc<Mutex<Actor>>,
    directory: Arc<Owners>,
}

impl Inner {
    fn start(grace: Duration) -> Self {
        let (commit, requests, publish) = CommitHandle::channel();
        let bus = Bus::default();
        let shutdown = CancellationToken::new();
        let state = Arc::new(Mutex::new(Actor::default()));
        tokio::spawn(actor(requests, publish, bus.clone(), state.clone()));
        let directory = Arc::new(Owners { grace, removed: Mutex::default() });
        let (supervisor, _) = Supervisor::new();
        let (told, stop) = (bus.clone(), shutdown.clone());
        let sessions = Sessions::new(commit.clone(), directory.clone(), told, stop, supervisor);
        Self { commit, sessions, bus, shutdown, actor: state, directory }
    }

    /// What an owner has, as text.
    fn keys(&self, name: &str) -> Vec<String> {
        let view = self.commit.view();
        view.store.of_owner(&owner(name)).map(|(key, _)| key.to_string()).collect()
    }

    /// A reload after which the configuration lacks these owners.
    fn reload_without(&self, names: &[&str]) {
        *self.directory.removed.lock().unwrap() = names.iter().map(|name| owner(name)).collect();
        self.sessions.reconfigured();
    }

    fn refuse(&self, error: CommitError) {
        self.actor.lock().unwrap().refuse = Some(error);
    }
}

/// A call's method, and how it was answered.
type Observed = (&'static str, Option<Code>);

/// A served API.
struct Agent {
    inner: Inner,
    dir: TempDir,
    served: JoinHandle<Result<(), tonic::transport::Error>>,
    calls: Arc<Mutex<Vec<Observed>>>,
    budget: Arc<Budget>,
    refused: Arc<Mutex<Vec<Refusal>>>,
}

type Client = RouteControlClient<Channel>;

impl Agent {
    async fn start() -> Self {
        Self::with_grace(Duration::from_secs(30)).await
    }

    async fn with_grace(grace: Duration) -> Self {
        let inner = Inner::start(grace);
        let dir = tempfile::tempdir().unwrap();
        let listener = Socket::open(&dir.path().join("api.sock")).await.unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let refused = Arc::new(Mutex::new(Vec::new()));
        let note = refused.clone();
        let limits = Limits::of(Some(128 << 20));
        let budget = Budget::new(limits, Box::new(move |why| note.lock().unwrap().push(why)));
        let (noted, (_, status)) = (calls.clone(), watch::channel(Arc::default()));
        let api = Api::new(Dependencies {
            commit: inner.commit.clone(),
            directory: inner.directory.clone(),
            sessions: inner.sessions.clone(),
            budget: budget.clone(),
            ready: Arc::new(|| true),
            bus: inner.bus.clone(),
            status: crate::monitor::Snapshots::new(status),
            coverage: tokio::sync::watch::channel(Arc::default()).1,
            observe: Arc::new(move |method, _, code| noted.lock().unwrap().push((method, code))),
            shutdown: inner.shutdown.clone(),
        });
        let served = tokio::spawn(serve(listener, api));
        Self { inner, dir, served, calls, budget, refused }
    }

    /// An agent whose BGP is configured.
    async fn configured() -> (Self, Client) {
        let agent = Self::start().await;
        let mut client = agent.client().await;
        client.configure_bgp(configure_bgp("admin", 65000)).await.unwrap();
        (agent, client)
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("api.sock")
    }

    /// A new connection.
    async fn channel(&self) -> Channel {
        let path = self.socket();
        let connect = tower::service_fn(move |_| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        Endpoint::from_static("http://agent").connect_with_connector(connect).await.unwrap()
    }

    async fn client(&self) -> Client {
        RouteControlClient::new(self.channel().await)
    }

    async fn maintenance(&self) -> v1::maintenance_client::MaintenanceClient<Channel> {
        v1::maintenance_client::MaintenanceClient::new(self.channel().await)
    }

    async fn transactions(&self) -> TransactionsClient<Channel> {
        TransactionsClient::new(self.channel().await)
    }
}

fn token(owner: &str) -> String {
    format!("{owner}-token")
}

fn register(owner: &str) -> v1::RegisterRequest {
    v1::RegisterRequest { owner: owner.into(), token: token(owner), reassert_intents: true }
}

fn deregister(owner: &str, withdraw_all: bool) -> v1::DeregisterRequest {
    v1::DeregisterRequest { owner: owner.into(), token: token(owner), withdraw_all }
}

fn configure_bgp(owner: &str, local_as: u32) -> v1::ConfigureBgpRequest {
    v1::ConfigureBgpRequest {
        owner: owner.into(),
        token: token(owner),
        local_as,
        router_id: "10.0.0.1".into(),
    }
}

fn bgp_peer(address: &str) -> v1::BgpPeer {
    v1::BgpPeer { neighbor_address: address.into(), remote_as: 65001, ..Default::default() }
}

fn apply_peer(owner: &str, address: &str) -> v1::ApplyPeerRequest {
    let peer = Some(bgp_peer(address));
    v1::ApplyPeerRequest { owner: owner.into(), token: token(owner), peer }
}

fn remove_peer(owner: &str, address: &str) -> v1::RemovePeerRequest {
    let neighbor_address = address.into();
    v1::RemovePeerRequest { owner: owner.into(), token: token(owner), neighbor_address }
}

fn advertise(owner: &str, prefix: &str) -> v1::AdvertisePrefixRequest {
    v1::AdvertisePrefixRequest {
        owner: owner.into(),
        token: token(owner),
        prefix: prefix.into(),
        protocol: v1::Protocol::Bgp as i32,
        attributes: None,
    }
}

fn withdraw(owner: &str, prefix: &str) -> v1::WithdrawPrefixRequest {
    v1::WithdrawPrefixRequest {
        owner: owner.into(),
        token: token(owner),
        prefix: prefix.into(),
        protocol: v1::Protocol::Bgp as i32,
    }
}

/// Waits in real time until something holds; tests that use it have real sockets.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came: {what}");
}
