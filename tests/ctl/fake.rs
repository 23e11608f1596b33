//! A fake agent: notes what it is asked and answers what it is told to, on a thread
//! of its own so that tests stay synchronous.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use futures::stream::{self, BoxStream, StreamExt};
use novaroute::proto::v1::{
    diagnostics_server::{Diagnostics, DiagnosticsServer},
    maintenance_server::{Maintenance, MaintenanceServer},
    route_control_server::{RouteControl, RouteControlServer},
    transactions_server::{Transactions, TransactionsServer},
    *,
};
use tempfile::TempDir;
use tokio::{net::UnixListener, sync::oneshot};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Code, Request, Response, Status, transport::Server};

/// A request as the agent received it.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "one at a time")]
pub enum Seen {
    Register(RegisterRequest),
    Deregister(DeregisterRequest),
    ConfigureBgp(ConfigureBgpRequest),
    ApplyPeer(ApplyPeerRequest),
    RemovePeer(RemovePeerRequest),
    Advertise(AdvertisePrefixRequest),
    Withdraw(WithdrawPrefixRequest),
    EnableBfd(EnableBfdRequest),
    DisableBfd(DisableBfdRequest),
    EnableOspf(EnableOspfRequest),
    DisableOspf(DisableOspfRequest),
    GetStatus(GetStatusRequest),
    StreamEvents(StreamEventsRequest),
    Apply(ApplyRequest),
    Plan(PlanRequest),
    Confirm(ConfirmRequest),
    Rollback(RollbackRequest),
    List(ListTransactionsRequest),
    Get(GetTransactionRequest),
    Watch(WatchTransactionsRequest),
    Coverage(GetCoverageRequest),
    Declared(GetDeclaredRequest),
    Config(GetConfigRequest),
    Explain(ExplainRequest),
    Reload(ReloadRequest),
    Drain(DrainRequest),
    Undrain(UndrainRequest),
    Adopt(AdoptRequest),
}

/// What the fake answers.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// Refuse everything with this.
    pub refuse: Option<(Code, &'static str)>,
    /// Never answer.
    pub hang: bool,
    /// What changes of RouteControl came to.
    pub outcome: Outcome,
    pub register: RegisterResponse,
    pub configure_bgp: ConfigureBgpResponse,
    pub status: GetStatusResponse,
    /// What GetStatus answers the second time and later; the last stays.
    pub later: Vec<GetStatusResponse>,
    pub events: Vec<RouteEvent>,
    /// Leave the event stream open after the last event.
    pub keep_open: bool,
    pub apply: ApplyResponse,
    pub plan: PlanResponse,
    pub rollback: RollbackResponse,
    pub transactions: Vec<Transaction>,
    pub transaction: Transaction,
    pub coverage: GetCoverageResponse,
    pub declared: Vec<GetDeclaredResponse>,
    pub config: GetConfigResponse,
    pub explanation: Explanation,
    /// Answer nothing before this long.
    pub slow: Duration,
    /// How often GetStatus was called.
    pub asked: Arc<AtomicUsize>,
}

impl Script {
    fn next_status(&self) -> GetStatusResponse {
        let before = self.asked.fetch_add(1, Ordering::Relaxed);
        let later =
            before.checked_sub(1).and_then(|index| self.later.get(index).or(self.later.last()));
        later.unwrap_or(&self.status).clone()
    }
}

#[derive(Debug, Clone)]
struct Service {
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<(Seen, bool)>>>,
}

impl Service {
    async fn note<T>(&self, request: Request<T>, seen: fn(T) -> Seen) -> Result<(), Status> {
        let limited = request.metadata().contains_key("grpc-timeout");
        self.seen.lock().unwrap().push((seen(request.into_inner()), limited));
        if self.script.hang {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(self.script.slow).await;
        match self.script.refuse {
            Some((code, message)) => Err(Status::new(code, message)),
            None => Ok(()),
        }
    }
}

/// A service each of whose methods notes the request and answers from the script;
/// `missing` are those that novaroutectl has no command for yet.
// The attribute stands inside: it has to see the methods, not a macro call.
macro_rules! service {
    (
        $service:ident { $($types:item)* }
        missing { $($gone:ident: $gone_request:ty => $gone_response:ty;)* }
        $($name:ident: $request:ty => $response:ty, $seen:expr, |$script:ident| $answer:expr;)*
    ) => {
        #[tonic::async_trait]
        impl $service for Service {
            $($types)*
            $(async fn $name(&self, request: Request<$request>)
                -> Result<Response<$response>, Status>
            {
                self.note(request, $seen).await?;
                let $script = &self.script;
                Ok(Response::new($answer))
            })*
            $(async fn $gone(&self, _: Request<$gone_request>)
                -> Result<Response<$gone_response>, Status>
            {
                Err(Status::unimplemented(""))
            })*
        }
    };
}

type Events = BoxStream<'static, Result<RouteEvent, Status>>;
type Declared = BoxStream<'static, Result<GetDeclaredResponse, Status>>;
type Ended = BoxStream<'static, Result<Transaction, Status>>;

service! {
    RouteControl { type StreamEventsStream = Events; }
    missing {}
    register: RegisterRequest => RegisterResponse, Seen::Register, |s| s.register.clone();
    deregister: DeregisterRequest => DeregisterResponse, Seen::Deregister,
        |_s| DeregisterResponse {};
    configure_bgp: ConfigureBgpRequest => ConfigureBgpResponse, Seen::ConfigureBgp,
        |s| s.configure_bgp.clone();
    apply_peer: ApplyPeerRequest => ApplyPeerResponse, Seen::ApplyPeer, |s| ApplyPeerResponse { outcome: s.outcome.into() };
    remove_peer: RemovePeerRequest => RemovePeerResponse, Seen::RemovePeer,
        |s| RemovePeerResponse { outcome: s.outcome.into() };
    advertise_prefix: AdvertisePrefixRequest => AdvertisePrefixResponse, Seen::Advertise,
        |s| AdvertisePrefixResponse { outcome: s.outcome.into() };
    withdraw_prefix: WithdrawPrefixRequest => WithdrawPrefixResponse, Seen::Withdraw,
        |s| WithdrawPrefixResponse { outcome: s.outcome.into() };
    enable_bfd: EnableBfdRequest => EnableBfdResponse, Seen::EnableBfd,
        |s| EnableBfdResponse { outcome: s.outcome.into() };
    disable_bfd: DisableBfdRequest => DisableBfdResponse, Seen::DisableBfd,
        |s| DisableBfdResponse { outcome: s.outcome.into() };
    enable_ospf: EnableOspfRequest => EnableOspfResponse, Seen::EnableOspf,
        |s| EnableOspfResponse { outcome: s.outcome.into() };
    disable_ospf: DisableOspfRequest => DisableOspfResponse, Seen::DisableOspf,
        |s| DisableOspfResponse { outcome: s.outcome.into() };
    get_status: GetStatusRequest => GetStatusResponse, Seen::GetStatus, |s| s.next_status();
    stream_events: StreamEventsRequest => Events, Seen::StreamEvents, |s| {
        let events = stream::iter(s.events.clone().into_iter().map(Ok));
        if s.keep_open { events.chain(stream::pending()).boxed() } else { events.boxed() }
    };
}

service! {
    Transactions { type WatchStream = Ended; }
    missing {}
    apply: ApplyRequest => ApplyResponse, Seen::Apply, |s| s.apply.clone();
    plan: PlanRequest => PlanResponse, Seen::Plan, |s| s.plan.clone();
    confirm: ConfirmRequest => ConfirmResponse, Seen::Confirm, |_s| ConfirmResponse {};
    rollback: RollbackRequest => RollbackResponse, Seen::Rollback, |s| s.rollback.clone();
    list: ListTransactionsRequest => ListTransactionsResponse, Seen::List,
        |s| ListTransactionsResponse { transactions: s.transactions.clone() };
    get: GetTransactionRequest => Transaction, Seen::Get, |s| s.transaction.clone();
    watch: WatchTransactionsRequest => Ended, Seen::Watch,
        |s| {
            let ended = stream::iter(s.transactions.clone().into_iter().map(Ok));
            if s.keep_open { ended.chain(stream::pending()).boxed() } else { ended.boxed() }
        };
}

service! {
    Maintenance {}
    missing {}
    drain: DrainRequest => DrainResponse, Seen::Drain, |s| DrainResponse {
        transaction_id: s.apply.transaction_id.clone(), outcome: s.apply.outcome,
    };
    undrain: UndrainRequest => UndrainResponse, Seen::Undrain, |s| UndrainResponse {
        transaction_id: s.apply.transaction_id.clone(), outcome: s.apply.outcome,
    };
    reload: ReloadRequest => ReloadResponse, Seen::Reload, |_s| ReloadResponse {
        changed: 2, waits_for_restart: vec!["metrics_address".into()],
    };
    adopt: AdoptRequest => AdoptResponse, Seen::Adopt, |_s| AdoptResponse {
        objects: vec![AdoptedObject { daemon: "bgpd".into(), path: "/frr-x:one".into() }],
    };
}

service! {
    Diagnostics { type GetDeclaredStream = Declared; }
    missing {}
    get_coverage: GetCoverageRequest => GetCoverageResponse, Seen::Coverage, |s| s.coverage.clone();
    explain: ExplainRequest => Explanation, Seen::Explain, |s| s.explanation.clone();
    get_config: GetConfigRequest => GetConfigResponse, Seen::Config, |s| s.config.clone();
    get_declared: GetDeclaredRequest => Declared, Seen::Declared,
        |s| stream::iter(s.declared.clone().into_iter().map(Ok)).boxed();
}

/// A running fake agent; dropping it stops it.
pub struct Fake {
    pub dir: TempDir,
    service: Service,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    pub fn start(script: Script) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let service = Service { script: Arc::new(script), seen: Arc::default() };
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, listening) = std::sync::mpsc::channel();
        let (served, path) = (service.clone(), dir.path().join("agent.sock"));
        let thread = thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = UnixListener::bind(path).unwrap();
                ready.send(()).unwrap();
                let server = Server::builder()
                    .add_service(RouteControlServer::new(served.clone()))
                    .add_service(TransactionsServer::new(served.clone()))
                    .add_service(MaintenanceServer::new(served.clone()))
                    .add_service(DiagnosticsServer::new(served))
                    .serve_with_incoming(UnixListenerStream::new(listener));
                tokio::select! {
                    result = server => result.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        listening.recv().unwrap();
        Self { dir, service, stop: Some(stop), thread: Some(thread) }
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("agent.sock")
    }

    /// Runs novaroutectl with these arguments, which must succeed.
    pub fn ok(&self, args: &[&str]) -> String {
        let run = ctl(&self.socket(), args);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{args:?}");
        run.stdout
    }

    /// Every request received so far.
    pub fn all_seen(&self) -> Vec<Seen> {
        self.service.seen.lock().unwrap().iter().map(|(seen, _)| seen.clone()).collect()
    }

    /// The one request received so far, and whether it carried a time limit.
    pub fn seen(&self) -> (Seen, bool) {
        match self.service.seen.lock().unwrap().as_slice() {
            [one] => one.clone(),
            other => panic!("expected one request, got {other:?}"),
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        drop(self.stop.take());
        let result = self.thread.take().unwrap().join();
        assert!(result.is_ok() || thread::panicking(), "the fake agent panicked");
    }
}

/// How one run of novaroutectl ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The real binary, without what the caller's environment would tell it.
pub fn command(socket: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_novaroutectl"));
    command
        .arg("--socket")
        .arg(socket)
        .args(args)
        .env_remove("NOVAROUTE_SOCKET")
        .env_remove("NOVAROUTE_TOKEN")
        .stdin(Stdio::null());
    command
}

/// Runs the real binary.
pub fn ctl(socket: &Path, args: &[&str]) -> Run {
    finish(&mut command(socket, args))
}

/// Runs a prepared command.
pub fn finish(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
