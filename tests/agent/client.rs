//! A connection to the agent, the calls of one owner on it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use hyper_util::rt::TokioIo;
use novaroute::proto::v1::{
    self, BgpPeer, EventType, GetStatusResponse, PrefixAttributes, Protocol, RouteEvent,
    diagnostics_client::DiagnosticsClient, maintenance_client::MaintenanceClient,
    route_control_client::RouteControlClient, transactions_client::TransactionsClient,
};
use tokio::{net::UnixStream, runtime::Runtime};
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};

use super::{SOON, token};
use crate::lab::wait_for;

/// When a call is given up, on a machine that stands still now and then. Tests of the promise to answer in time measure it.
const GIVES_UP: Duration = Duration::from_secs(60);

/// One connection, used as one owner. The connection closes when it is dropped.
pub struct Client {
    runtime: Arc<Runtime>,
    channel: Channel,
    /// Whose calls these are.
    pub owner: String,
    /// What it authenticates with.
    pub token: String,
}

impl Client {
    #[track_caller]
    pub(super) fn connect(runtime: Arc<Runtime>, socket: PathBuf, owner: &str) -> Self {
        let connect = tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://agent").timeout(GIVES_UP);
        let channel = runtime.block_on(endpoint.connect_with_connector(connect));
        let channel = channel.expect("connecting to the agent");
        Self { runtime, channel, owner: owner.to_owned(), token: token(owner) }
    }

    /// The same connection with another token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = token.to_owned();
        self
    }

    /// A client for calls that are under way at the same time.
    pub fn route_control(&self) -> RouteControlClient<Channel> {
        RouteControlClient::new(self.channel.clone())
    }

    /// The other service, on the same connection.
    pub fn transactions(&self) -> TransactionsClient<Channel> {
        TransactionsClient::new(self.channel.clone())
    }

    /// The connection, for clients of other services.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Which door executes what.
    #[track_caller]
    pub fn coverage(&self) -> Vec<v1::CoverageRow> {
        let mut client = DiagnosticsClient::new(self.channel.clone());
        let asked = self.runtime.block_on(client.get_coverage(v1::GetCoverageRequest {}));
        asked.expect("GetCoverage").into_inner().rows
    }

    /// Runs futures made of [`Client::route_control`].
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// One call of `RouteControl`.
    pub fn call<T, F: Future<Output = Result<tonic::Response<T>, Status>>>(
        &self,
        call: impl FnOnce(RouteControlClient<Channel>) -> F,
    ) -> Result<T, Status> {
        self.runtime.block_on(call(self.route_control())).map(tonic::Response::into_inner)
    }

    /// Drains the node; for good, or until the agent starts anew.
    pub fn drain(&self, until_restart: bool) -> Result<v1::DrainResponse, Status> {
        let (owner, token) = (self.owner.clone(), self.token.clone());
        let request = v1::DrainRequest { owner, token, until_restart };
        let mut client = MaintenanceClient::new(self.channel.clone());
        self.runtime.block_on(client.drain(request)).map(tonic::Response::into_inner)
    }

    pub fn undrain(&self) -> Result<v1::UndrainResponse, Status> {
        let (owner, token) = (self.owner.clone(), self.token.clone());
        let mut client = MaintenanceClient::new(self.channel.clone());
        let asked = self.runtime.block_on(client.undrain(v1::UndrainRequest { owner, token }));
        asked.map(tonic::Response::into_inner)
    }

    pub fn register(&self) -> Result<v1::RegisterResponse, Status> {
        let (owner, token) = (self.owner.clone(), self.token.clone());
        let request = v1::RegisterRequest { owner, token, reassert_intents: false };
        self.call(|mut c| async move { c.register(request).await })
    }

    pub fn deregister(&self, withdraw_all: bool) -> Result<v1::DeregisterResponse, Status> {
        let (owner, token) = (self.owner.clone(), self.token.clone());
        let request = v1::DeregisterRequest { owner, token, withdraw_all };
        self.call(|mut c| async move { c.deregister(request).await })
    }

    pub fn configure_bgp(
        &self,
        local_as: u32,
        router_id: &str,
    ) -> Result<v1::ConfigureBgpResponse, Status> {
        let (owner, token, router_id) =
            (self.owner.clone(), self.token.clone(), router_id.to_owned());
        let request = v1::ConfigureBgpRequest { owner, token, local_as, router_id };
        self.call(|mut c| async move { c.configure_bgp(request).await })
    }

    pub fn apply_peer(&self, peer: BgpPeer) -> Result<(), Status> {
        let (owner, token) = (self.owner.clone(), self.token.clone());
        let request = v1::ApplyPeerRequest { owner, token, peer: Some(peer) };
        self.call(|mut c| async move { c.apply_peer(request).await }).map(drop)
    }

    pub fn remove_peer(&self, address: &str) -> Result<(), Status> {
        let (owner, token) = (self.owner.clone(), self.token.clone());
        let request = v1::RemovePeerRequest { owner, token, neighbor_address: address.to_owned() };
        self.call(|mut c| async move { c.remove_peer(request).await }).map(drop)
    }

    pub fn enable_bfd(&self, session: v1::BfdSession) -> Result<(), Status> {
        let request = v1::EnableBfdRequest {
            owner: self.owner.clone(),
            token: self.token.clone(),
            peer_address: session.peer_address,
            min_rx_ms: session.min_rx_ms,
            min_tx_ms: session.min_tx_ms,
            detect_multiplier: session.detect_multiplier,
            interface_name: session.interface_name,
            local_address: session.local_address,
            profile: session.profile,
        };
        self.call(|mut c| async move { c.enable_bfd(request).await }).map(drop)
    }

    pub fn disable_bfd(&self, address: &str) -> Result<(), Status> {
        let (owner, token) = (self.owner.clone(), self.token.clone());
        let request = v1::DisableBfdRequest { owner, token, peer_address: address.to_owned() };
        self.call(|mut c| async move { c.disable_bfd(request).await }).map(drop)
    }

    pub fn enable_ospf(&self, interface: v1::OspfInterface) -> Result<(), Status> {
        let request = v1::EnableOspfRequest {
            owner: self.owner.clone(),
            token: self.token.clone(),
            interface_name: interface.interface_name,
            area_id: interface.area_id,
            passive: interface.passive,
            cost: interface.cost,
            hello_interval: interface.hello_interval,
            dead_interval: interface.dead_interval,
        };
        self.call(|mut c| async move { c.enable_ospf(request).await }).map(drop)
    }

    pub fn disable_ospf(&self, name: &str) -> Result<(), Status> {
        let (owner, token) = (self.owner.clone(), self.token.clone());
        let request = v1::DisableOspfRequest { owner, token, interface_name: name.to_owned() };
        self.call(|mut c| async move { c.disable_ospf(request).await }).map(drop)
    }

    pub fn advertise_ospf(&self, prefix: &str) -> Result<(), Status> {
        let protocol = Protocol::Ospf as i32;
        let request = v1::AdvertisePrefixRequest { protocol, ..self.advertise_request(prefix) };
        self.call(|mut c| async move { c.advertise_prefix(request).await }).map(drop)
    }

    pub fn withdraw_ospf(&self, prefix: &str) -> Result<(), Status> {
        let (owner, token) = (self.owner.clone(), self.token.clone());
        let (prefix, protocol) = (prefix.to_owned(), Protocol::Ospf as i32);
        let request = v1::WithdrawPrefixRequest { owner, token, prefix, protocol };
        self.call(|mut c| async move { c.withdraw_prefix(request).await }).map(drop)
    }

    pub fn advertise_request(&self, prefix: &str) -> v1::AdvertisePrefixRequest {
        v1::AdvertisePrefixRequest {
            owner: self.owner.clone(),
            token: self.token.clone(),
            prefix: prefix.to_owned(),
            protocol: Protocol::Bgp as i32,
            attributes: None,
        }
    }

    pub fn advertise(&self, prefix: &str) -> Result<(), Status> {
        self.advertise_with(prefix, PrefixAttributes::default())
    }

    pub fn advertise_with(&self, prefix: &str, with: PrefixAttributes) -> Result<(), Status> {
        let request =
            v1::AdvertisePrefixRequest { attributes: Some(with), ..self.advertise_request(prefix) };
        self.call(|mut c| async move { c.advertise_prefix(request).await }).map(drop)
    }

    pub fn withdraw(&self, prefix: &str) -> Result<(), Status> {
        let v1::AdvertisePrefixRequest { owner, token, prefix, protocol, .. } =
            self.advertise_request(prefix);
        let request = v1::WithdrawPrefixRequest { owner, token, prefix, protocol };
        self.call(|mut c| async move { c.withdraw_prefix(request).await }).map(drop)
    }

    /// Several changes, all or nothing.
    pub fn apply(&self, changes: Vec<v1::IntentChange>) -> Result<v1::Outcome, Status> {
        let (owner, token) = (self.owner.clone(), self.token.clone());
        let request = v1::ApplyRequest { owner, token, changes, ..Default::default() };
        let mut client = TransactionsClient::new(self.channel.clone());
        let response = self.runtime.block_on(client.apply(request))?.into_inner();
        assert!(!response.transaction_id.is_empty());
        Ok(response.outcome())
    }

    #[track_caller]
    pub fn status(&self) -> GetStatusResponse {
        let request = v1::GetStatusRequest::default();
        self.call(|mut c| async move { c.get_status(request).await }).expect("GetStatus")
    }

    /// The state that the agent gives a peer; `None` where it does not list it.
    #[track_caller]
    pub fn peer_state(&self, address: &str) -> Option<String> {
        let peers = self.status().peers;
        peers.into_iter().find(|peer| peer.neighbor_address == address).map(|peer| peer.state)
    }

    /// The state that the agent gives a prefix; `None` where it does not list it.
    #[track_caller]
    pub fn prefix_state(&self, prefix: &str) -> Option<String> {
        let prefixes = self.status().prefixes;
        prefixes.into_iter().find(|it| it.prefix == prefix).map(|it| it.state)
    }

    /// Whether a prefix is applied, or advertised already.
    #[track_caller]
    pub fn in_frr(&self, prefix: &str) -> bool {
        matches!(self.prefix_state(prefix).as_deref(), Some("applied" | "advertised"))
    }

    /// Collects events of these types, of all where none is named, from now on.
    #[track_caller]
    pub fn events(&self, types: &[&str]) -> Events {
        self.stream(types, false)
    }

    /// Like [`Client::events`], the current state first.
    #[track_caller]
    pub fn current_events(&self, types: &[&str]) -> Events {
        self.stream(types, true)
    }

    #[track_caller]
    fn stream(&self, types: &[&str], current_state_first: bool) -> Events {
        let event_types = types.iter().map(|name| (*name).to_owned()).collect();
        let request =
            v1::StreamEventsRequest { event_types, current_state_first, ..Default::default() };
        let mut stream =
            self.call(|mut c| async move { c.stream_events(request).await }).expect("StreamEvents");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let into = seen.clone();
        let task = self.runtime.spawn(async move {
            while let Ok(Some(event)) = stream.message().await {
                into.lock().unwrap().events.push((Instant::now(), event));
            }
            into.lock().unwrap().ended = true;
        });
        Events { seen, task }
    }
}

/// What a stream of events has brought. It ends when this is dropped.
pub struct Events {
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Events {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug, Default)]
struct Seen {
    /// Each with the moment in which it came.
    events: Vec<(Instant, RouteEvent)>,
    /// Whether the stream has ended.
    ended: bool,
}

impl Events {
    pub fn all(&self) -> Vec<RouteEvent> {
        self.seen.lock().unwrap().events.iter().map(|(_, event)| event.clone()).collect()
    }

    pub fn ended(&self) -> bool {
        self.seen.lock().unwrap().ended
    }

    /// Waits for an event of this type that is this owner's.
    #[track_caller]
    pub fn wait_for_owner(&self, kind: EventType, owner: &str) -> (Instant, RouteEvent) {
        self.wait_until(1, kind, owner, |event| event.owner == owner)
    }

    /// Waits for an event of this type, about `value` (a value of its metadata).
    #[track_caller]
    pub fn wait(&self, kind: EventType, value: &str) -> (Instant, RouteEvent) {
        self.wait_nth(1, kind, value)
    }

    /// Like [`Events::wait`], for the event of this number from the first on (1).
    #[track_caller]
    pub fn wait_nth(&self, nth: usize, kind: EventType, value: &str) -> (Instant, RouteEvent) {
        let about = |event: &RouteEvent| event.metadata.values().any(|it| it == value);
        self.wait_until(nth, kind, value, about)
    }

    #[track_caller]
    fn wait_until(
        &self,
        nth: usize,
        kind: EventType,
        what: &str,
        wanted: impl Fn(&RouteEvent) -> bool,
    ) -> (Instant, RouteEvent) {
        wait_for(&format!("{kind:?} {what}"), SOON, || {
            let seen = self.seen.lock().unwrap();
            let mut events = seen.events.iter();
            let mut found =
                events.by_ref().filter(|(_, event)| event.r#type() == kind && wanted(event));
            found.nth(nth - 1).cloned().ok_or_else(|| format!("{:?}", seen.events))
        })
    }
}
