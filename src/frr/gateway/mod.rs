//! FRR's `frr.Northbound` service, served on mgmtd's frontend socket.
//!
//! FRR's own gRPC module in mgmtd accepts commits that reach no daemon. This one
//! commits through the socket that FRR's shell uses, so what it says is applied is
//! applied. Owns the connections to mgmtd, the candidates of its clients, the commit
//! sequence and the list of the commits that went through it.
//!
//! Where it differs from FRR's module, on purpose:
//! - a candidate is a list of edits, not a copy of running, so the commit of an old
//!   candidate does not undo what others have committed since; `UpdateCandidate` has
//!   nothing to do. After a commit the candidate is empty. One that was not touched for
//!   an hour is gone;
//! - edits are validated when the candidate is validated or committed, not when they are
//!   made: mgmtd has one candidate for everybody, and it is held as briefly as possible.
//!   Paths, encodings and module names are validated at once;
//! - `LoadToCandidate` REPLACE means "exactly this" at the time of the commit, whatever
//!   runs then. It reaches what mgmtd manages (staticd, zebra, ripd, ripngd), nothing of
//!   daemons that have their configuration from elsewhere. Interfaces, VRFs and the instance
//!   of staticd lose their content, not their entry (`replace`);
//! - PREPARE validates and keeps mgmtd's locks, so that no other session changes what was validated.
//!   VALIDATE and PREPARE ask libyang, and from FRR 10.6 on the daemons' own validation (up
//!   to 10.3 for what `settle` says); no daemon reserves resources for it. So APPLY can still
//!   be refused, and then the transaction is over. A prepared one aborts by itself after
//!   [`Limits::prepared`];
//! - `LockConfig` is one lock for all clients of this gateway, as it is there: it keeps
//!   others out (the shell, other gateways), commits through this one go on. It ends by
//!   itself when nothing was committed for [`Limits::locked`], and with the connection to
//!   mgmtd;
//! - `ListTransactions` has the newest first and no invented rows; commits of others than
//!   this gateway are not in it, and it ends with the process;
//! - `Get` answers in the order of the paths (there: the reverse);
//! - `Execute` reaches the RPCs that mgmtd passes on to its daemons, and gives all leaves of
//!   the output, not the top level alone.
//!
//! What FRR leaves open: a process that is killed frees its locks at once. From 10.4 on what it
//! was editing stays in mgmtd's candidate until the next abort (`novaroute-northbound` has a
//! guard for that, and every start aborts, the agent's too). The mgmtd of 10.3 forgets the edits by itself, but
//! does not always survive the end of a client whose commit it is applying.
//!
//! Like there, deleting a node that is not there is an error, and so is reading one.

mod candidates;
mod change;
mod commit;
mod execute;
mod facts;
mod history;
mod locks;
mod organization;
mod path;
mod print;
mod replace;
mod service;
mod settle;
mod status;
mod writer;
mod xml;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError},
    time::Duration,
};

pub(crate) use service::NO_DATA;
use tokio::sync::Mutex;
use tonic::Status;
use tracing::info;

use self::{
    candidates::Candidates, facts::Modules, history::History, status::status, writer::Writer,
};
use crate::{
    frr::frontend::{Error, Get, Session},
    proto::frr::northbound_server::NorthboundServer,
};

/// Name of the gateway's sessions in `show mgmt frontend-adapter all`.
const CLIENT_NAME: &str = "novaroute";

/// Largest request taken from a client: the largest message mgmtd takes, with room
/// for the envelope.
pub const MAX_REQUEST: usize = crate::frr::frontend::MAX_FRAME_OUT + 64 * 1024;

/// Rounds on 10.3: two suffice where no session interferes, and each interference costs
/// one more. An apply of one route is disturbed by every second client that comes
/// and goes 140 times a second, and by one in 200 that does so every second.
pub(crate) const ROUNDS: u32 = 12;

/// What a gateway keeps, and for how long.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a transaction may stay between PREPARE and APPLY or ABORT. Nobody else can
    /// configure anything meanwhile: the default, 30 s, is for programs that prepare several
    /// routers, not for people that think it over.
    pub prepared: Duration,
    /// How long `LockConfig` holds after the last commit. The default, 10 minutes, is a
    /// maintenance step; a client that died must not lock the router for the night.
    pub locked: Duration,
    /// Bytes of configurations that `GetTransaction` can return, of all commits together. 0,
    /// the default, keeps none: each commit would have to read all that runs.
    pub history: usize,
    /// Bytes of edits of all candidates together. The default, 256 MiB, is what four commits of 100,000 routes need.
    pub candidates: usize,
    /// Where FRR's YANG modules are, to say which organization they come from.
    pub yang_dir: Option<PathBuf>,
}

/// Who calls, as an extension of a request, where that is known.
#[derive(Debug, Clone)]
pub struct Client {
    /// What the list of transactions says.
    pub name: String,
    /// The number of its connection.
    pub connection: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            prepared: Duration::from_secs(30),
            locked: Duration::from_secs(600),
            history: 0,
            candidates: candidates::MAX_TOTAL,
            yang_dir: None,
        }
    }
}

/// The gateway. Clones share everything.
#[derive(Debug, Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
    /// Whether its clients look themselves at what runs after a commit.
    looks: bool,
}

#[derive(Debug)]
struct Inner {
    /// mgmtd's frontend socket.
    frontend: PathBuf,
    /// Where to ask for the version.
    vty: PathBuf,
    yang_dir: Option<PathBuf>,
    candidates: Candidates,
    writer: Writer,
    /// Reads have their own session, so that they do not wait for a large commit.
    reader: Mutex<Option<Reader>>,
    /// YANG RPCs too: a daemon may take a minute for one.
    executor: Mutex<Option<Session>>,
    history: SyncMutex<History>,
}

#[derive(Debug)]
struct Reader {
    session: Session,
    /// As long as the session is open, mgmtd is the same.
    modules: Option<Arc<Modules>>,
}

impl Gateway {
    /// A gateway to the FRR whose sockets are in `run_dir` (`/run/frr`). Connects when
    /// it is needed, and again when mgmtd was restarted.
    pub fn new(run_dir: &Path) -> Self {
        Self::with_limits(run_dir, Limits::default())
    }

    /// As [`Gateway::new`], with other limits than the default.
    pub fn with_limits(run_dir: &Path, limits: Limits) -> Self {
        let frontend = run_dir.join("mgmtd_fe.sock");
        let inner = Arc::new(Inner {
            writer: Writer::new(frontend.clone(), limits.prepared, limits.locked),
            frontend,
            vty: run_dir.join("zebra.vty"),
            yang_dir: limits.yang_dir,
            candidates: Candidates::of(limits.candidates),
            reader: Mutex::new(None),
            executor: Mutex::new(None),
            history: SyncMutex::new(History::new(limits.history)),
        });
        Self { inner, looks: false }
    }

    /// The same gateway for a client that looks after a commit whether the running configuration has its first
    /// edit, and commits again where not: with FRR 10.3 mgmtd can lose the first edits of a commit, or all.
    #[must_use]
    pub fn for_who_looks(&self) -> Self {
        Self { looks: true, ..self.clone() }
    }

    /// The service, for a tonic server or, without any socket, for a tonic client:
    /// `NorthboundClient::new(gateway.service())`.
    pub fn service(&self) -> NorthboundServer<Self> {
        NorthboundServer::new(self.clone()).max_decoding_message_size(MAX_REQUEST)
    }

    /// Clears mgmtd's candidate of what a predecessor that was killed may have left
    /// there. For the start.
    ///
    /// # Errors
    ///
    /// The status a commit would end with: UNAVAILABLE where mgmtd is not there or
    /// another session is editing.
    pub async fn reset(&self) -> Result<(), Status> {
        self.inner.writer.reset().await
    }

    /// As [`Gateway::reset`], for the guard of a process that was killed; whether there was
    /// something to do. FRR 10.3 clears its candidate itself when a session ends, and one
    /// more session that ends would only disturb those that are committing.
    ///
    /// # Errors
    ///
    /// As [`Gateway::reset`].
    pub async fn reset_after_kill(&self) -> Result<bool, Status> {
        if facts::version(&self.inner.vty).await.is_ok_and(|version| version.starts_with("10.3")) {
            return Ok(false);
        }
        self.reset().await.map(|()| true)
    }

    /// Whether mgmtd is there: connects where that was not done before or was lost.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE where it is not.
    pub async fn check(&self) -> Result<(), Status> {
        let inner = Arc::clone(&self.inner);
        detached(async move {
            let mut slot = inner.reader.lock().await;
            inner.reader(&mut slot).await.map(drop).map_err(|error| status(&error))
        })
        .await
    }

    /// Reads in a task of its own: hanging up in the middle of an answer would cost the
    /// session, and with 10.3 the candidate of the session that edits.
    async fn read(&self, get: Get) -> Result<String, Status> {
        let inner = Arc::clone(&self.inner);
        detached(async move {
            let mut slot = inner.reader.lock().await;
            let reader = inner.reader(&mut slot).await.map_err(|error| status(&error))?;
            reader.session.get(&get).await.map_err(|error| status(&error))
        })
        .await
    }

    /// The modules of the mgmtd that is running.
    async fn modules(&self) -> Result<Arc<Modules>, Status> {
        let inner = Arc::clone(&self.inner);
        detached(async move {
            let mut slot = inner.reader.lock().await;
            let reader = inner.reader(&mut slot).await.map_err(|error| status(&error))?;
            if let Some(modules) = &reader.modules {
                return Ok(Arc::clone(modules));
            }
            let mut modules =
                facts::modules(&mut reader.session).await.map_err(|error| status(&error))?;
            if let Some(dir) = inner.yang_dir.clone() {
                let named = tokio::task::spawn_blocking(move || {
                    organization::fill(&dir, &mut modules);
                    modules
                });
                modules = named.await.map_err(|error| Status::internal(error.to_string()))?;
            }
            let modules = Arc::new(modules);
            reader.modules = Some(Arc::clone(&modules));
            Ok(modules)
        })
        .await
    }

    /// Executes a YANG RPC, in a task of its own as reads are.
    async fn rpc(&self, call: execute::Call) -> Result<String, Status> {
        let inner = Arc::clone(&self.inner);
        detached(async move {
            let mut slot = inner.executor.lock().await;
            let mut session = match slot.take().filter(Session::is_usable) {
                Some(session) => session,
                None => connect(&inner.frontend).await.map_err(|error| status(&error))?,
            };
            let result = session.rpc(&call.xpath, execute::FORMAT, &call.input).await;
            *slot = Some(session);
            result.map_err(|error| status(&error))
        })
        .await
    }

    /// No code panics while it holds the lock; if one did, the list is still whole.
    fn history(&self) -> MutexGuard<'_, History> {
        self.inner.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    async fn reader<'a>(&self, slot: &'a mut Option<Reader>) -> Result<&'a mut Reader, Error> {
        let reader = match slot.take().filter(|reader| reader.session.is_usable()) {
            Some(reader) => reader,
            None => Reader { session: connect(&self.frontend).await?, modules: None },
        };
        Ok(slot.insert(reader))
    }
}

async fn connect(frontend: &Path) -> Result<Session, Error> {
    let session = Session::connect(frontend, CLIENT_NAME).await?;
    info!(socket = %frontend.display(), generation = %session.generation(), "connected to mgmtd");
    Ok(session)
}

/// Works in a task of its own: a client that goes away never leaves locks, edits or half
/// an answer behind.
async fn detached<R: Send + 'static>(
    work: impl Future<Output = Result<R, Status>> + Send + 'static,
) -> Result<R, Status> {
    tokio::spawn(work).await.map_err(|error| Status::internal(format!("task: {error}")))?
}
