//! FRR's `frr.Northbound` service, served on mgmtd's frontend socket.
//!
//! FRR's own gRPC module in mgmtd accepts commits that reach no daemon. This one
//! commits through the socket that FRR's shell uses, so what it says is applied is
//! applied. Owns the connections to mgmtd, the candidates of its clients and the
//! commit sequence.
//!
//! Where it differs from FRR's module, on purpose:
//! - a candidate is a list of edits, not a copy of running, so the commit of an old
//!   candidate does not undo what others have committed since; `UpdateCandidate` has
//!   nothing to do;
//! - edits are judged when the candidate is validated or committed, not when they are
//!   made: mgmtd has one candidate for everybody, and it is held as briefly as possible.
//!   Paths, encodings and module names are judged at once;
//! - after a commit the candidate is empty.
//!
//! Like there, deleting a node that is not there is an error, and so is reading one.

mod candidates;
mod commit;
mod facts;
mod path;
mod service;
mod status;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

pub(crate) use service::NO_DATA;
use tokio::sync::Mutex;
use tonic::Status;
use tracing::{info, warn};

use self::{
    candidates::Candidates,
    commit::{Goal, Outcome},
    facts::Modules,
    status::status,
};
use crate::{
    frr::frontend::{Edit, Error, Get, Session},
    proto::frr::northbound_server::NorthboundServer,
};

/// Name of the gateway's sessions in `show mgmt frontend-adapter all`.
const CLIENT_NAME: &str = "novaroute";

/// Largest request taken from a client: the largest message mgmtd takes, with room
/// for the envelope.
const MAX_REQUEST: usize = crate::frr::frontend::MAX_FRAME_OUT + 64 * 1024;

/// The gateway. Clones share everything.
#[derive(Debug, Clone)]
pub struct Gateway(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// mgmtd's frontend socket.
    frontend: PathBuf,
    /// Where to ask for the version.
    vty: PathBuf,
    candidates: Candidates,
    /// Everything that touches mgmtd's candidate goes through this one session, one
    /// commit after the other, so that two clients never mix there.
    writer: Mutex<Option<Session>>,
    /// Reads have their own, so that they do not wait for a large commit.
    reader: Mutex<Option<Reader>>,
    last_transaction: AtomicU32,
}

#[derive(Debug)]
struct Reader {
    session: Session,
    /// As long as the session stands, mgmtd is the same.
    modules: Option<Arc<Modules>>,
}

impl Gateway {
    /// A gateway to the FRR whose sockets are in `run_dir` (`/run/frr`). Connects when
    /// it is needed, and again when mgmtd was restarted.
    pub fn new(run_dir: &Path) -> Self {
        Self(Arc::new(Inner {
            frontend: run_dir.join("mgmtd_fe.sock"),
            vty: run_dir.join("zebra.vty"),
            candidates: Candidates::default(),
            writer: Mutex::new(None),
            reader: Mutex::new(None),
            last_transaction: AtomicU32::new(0),
        }))
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
    /// somebody is editing.
    pub async fn reset(&self) -> Result<(), Status> {
        self.write(|session| Box::pin(commit::reset(session))).await
    }

    /// Runs a commit in a task of its own: a client that goes away never leaves locks
    /// or edits behind.
    async fn run_commit(&self, edits: Vec<Edit>, goal: Goal) -> Result<Outcome, Status> {
        let edits = Arc::<[Edit]>::from(edits);
        self.write(move |session| {
            let edits = Arc::clone(&edits);
            Box::pin(async move { commit::run(session, &edits, goal).await })
        })
        .await
    }

    async fn write<R, F>(&self, work: F) -> Result<R, Status>
    where
        R: Send + 'static,
        F: for<'a> Fn(&'a mut Session) -> Work<'a, R> + Send + Sync + 'static,
    {
        let inner = Arc::clone(&self.0);
        let task = tokio::spawn(async move {
            let mut slot = inner.writer.lock().await;
            let mut result = inner.write_once(&mut slot, &work).await;
            // mgmtd was restarted while the session was idle; nothing was done yet.
            if matches!(
                &result,
                Err(Error::Closed { request: "lock" } | Error::Frame(_))
            ) && slot.is_none()
            {
                result = inner.write_once(&mut slot, &work).await;
            }
            result
        });
        let result = task
            .await
            .map_err(|error| Status::internal(format!("commit task: {error}")))?;
        result.map_err(|error| status(&error))
    }

    /// Reads in a task of its own: hanging up in the middle of an answer would cost the
    /// session, and with 10.3 the candidate of whoever is editing.
    async fn read(&self, get: Get) -> Result<String, Status> {
        let inner = Arc::clone(&self.0);
        let task = tokio::spawn(async move {
            let mut slot = inner.reader.lock().await;
            inner.reader(&mut slot).await?.session.get(&get).await
        });
        let result = task
            .await
            .map_err(|error| Status::internal(format!("read task: {error}")))?;
        result.map_err(|error| status(&error))
    }

    /// The modules of the mgmtd that is running.
    async fn modules(&self) -> Result<Arc<Modules>, Status> {
        let inner = Arc::clone(&self.0);
        let task = tokio::spawn(async move {
            let mut slot = inner.reader.lock().await;
            let reader = inner.reader(&mut slot).await?;
            if let Some(modules) = &reader.modules {
                return Ok(Arc::clone(modules));
            }
            let modules = Arc::new(facts::modules(&mut reader.session).await?);
            reader.modules = Some(Arc::clone(&modules));
            Ok(modules)
        });
        let result = task
            .await
            .map_err(|error| Status::internal(format!("read task: {error}")))?;
        result.map_err(|error: Error| status(&error))
    }

    /// Number for a commit that went through. The counter starts with the gateway.
    fn next_transaction(&self) -> u32 {
        self.0
            .last_transaction
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(1)
    }
}

type Work<'a, R> = std::pin::Pin<Box<dyn Future<Output = Result<R, Error>> + Send + 'a>>;

impl Inner {
    async fn write_once<R, F>(&self, slot: &mut Option<Session>, work: &F) -> Result<R, Error>
    where
        F: for<'a> Fn(&'a mut Session) -> Work<'a, R> + Sync,
    {
        let mut session = match slot.take().filter(Session::is_usable) {
            Some(session) => session,
            None => self.connect().await?,
        };
        let result = work(&mut session).await;
        if session.is_usable() {
            *slot = Some(session);
            return result;
        }
        // Half-way edits may be in the candidate; the locks go with the connection.
        drop(session);
        if let Ok(mut session) = self.connect().await {
            match commit::reset(&mut session).await {
                Ok(()) => info!("mgmtd's candidate cleared after a lost connection"),
                Err(error) => {
                    warn!(%error, "mgmtd's candidate not cleared after a lost connection")
                }
            }
        }
        result
    }

    async fn reader<'a>(&self, slot: &'a mut Option<Reader>) -> Result<&'a mut Reader, Error> {
        let reader = match slot.take().filter(|reader| reader.session.is_usable()) {
            Some(reader) => reader,
            None => Reader {
                session: self.connect().await?,
                modules: None,
            },
        };
        Ok(slot.insert(reader))
    }

    async fn connect(&self) -> Result<Session, Error> {
        let session = Session::connect(&self.frontend, CLIENT_NAME).await?;
        info!(socket = %self.frontend.display(), generation = %session.generation(), "connected to mgmtd");
        Ok(session)
    }
}
