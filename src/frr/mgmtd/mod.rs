//! Configures what hangs on mgmtd (staticd, zebra) through `frr.Northbound`, and reads back
//! from the daemon that executes it.
//!
//! mgmtd's own word is no proof: its gRPC module answers OK and tells no daemon. So a change counts
//! as applied when the executing daemon itself shows it (`show configuration running json`). Two transports lead in:
//! that module, where the configuration names it, until it is found to lie; and the gateway on mgmtd's
//! frontend socket. That mgmtd itself has kept it is looked up in its running configuration.
//!
//! | file | owns |
//! |---|---|
//! | `mod` | the connections, and what mgmtd says that it runs |
//! | `driver` | all of it as a driver |
//! | `commit` | a commit, by either way in, and taking it back |
//! | `executor` | who really applied it: staticd |
//! | `edits` | what is edited, and the documents that are read; pure |
//! | `frr_10_3` | repairs of what FRR 10.3 gets wrong; they go with it |
//! | `verdict` | what the executing daemon does not show: its no, or not handed over yet |

mod commit;
mod driver;
mod edits;
mod executor;
mod frr_10_3;
mod verdict;

use std::{
    path::{Path as FilePath, PathBuf},
    time::Duration,
};

pub use edits::edits;
use edits::{STATICD, rooted};
use tracing::{debug, warn};
pub(crate) use verdict::object;

use super::{
    driver::NotShown,
    gateway::Gateway,
    northbound::{self, Edits, Error, Northbound},
    retry::Retry,
    transport::{GrpcTransport, Memory, Started},
    vty::{AGAIN, Session, VtyError, chain},
};
use crate::{
    proto::frr::northbound_server::NorthboundServer,
    tree::{Edit, Path, Tree},
    yang::{Yang, YangError},
};

/// Time between two looks meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// Why mgmtd's part failed.
#[derive(Debug, thiserror::Error)]
pub enum MgmtdError {
    /// mgmtd refused, or could not be asked.
    #[error("mgmtd: {0}")]
    Northbound(#[from] Error),
    /// The executing daemon could not be read.
    #[error("{daemon}: {}", chain(source))]
    ReadBack {
        /// Which daemon.
        daemon: &'static str,
        /// What happened.
        source: VtyError,
    },
    /// What was read does not fit the models.
    #[error("what {daemon} runs does not fit the YANG models: {source}")]
    Yang {
        /// Which daemon.
        daemon: &'static str,
        /// libyang's words.
        source: YangError,
    },
    /// mgmtd said yes, and has not handed it over to the daemon.
    #[error("mgmtd has not handed over to {daemon} what it committed: {path}")]
    NotHandedOver {
        /// Which daemon.
        daemon: &'static str,
        /// The first node that is not as it should be.
        path: Path,
    },
    /// mgmtd said yes and has handed it over; the daemon shows something else.
    #[error("{}", .0.words)]
    NotApplied(Box<NotShown>),
}

impl MgmtdError {
    /// Name of the kind, for metrics and logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Northbound(error) => error.kind(),
            Self::ReadBack { source, .. } => source.kind(),
            Self::Yang { .. } => "yang",
            Self::NotHandedOver { .. } => "not_handed_over",
            Self::NotApplied(_) => "not_applied",
        }
    }

    /// What to do about it. What mgmtd has committed and not handed over may still come.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Northbound(error) => error.retry(),
            Self::Yang { .. } | Self::NotApplied(_) => Retry::Never,
            Self::NotHandedOver { .. } | Self::ReadBack { .. } => Retry::ReadBack,
        }
    }
}

/// The driver: a northbound client on the gateway in this process.
#[derive(Debug)]
pub struct MgmtdDriver {
    gateway: Gateway,
    northbound: Northbound<NorthboundServer<Gateway>>,
    /// mgmtd's own gRPC, tried before the gateway.
    transport: Option<GrpcTransport>,
    /// Where it is kept that this lies.
    memory: Option<Memory>,
    /// When the mgmtd started that is connected.
    started: Option<Started>,
    socket_dir: PathBuf,
    connect_timeout: Duration,
    yang: Yang,
    /// On the executing daemon, to read back.
    session: Option<Session>,
    /// Whether mgmtd or the executing daemon could not be asked the last time: then it has a moment to
    /// answer, since clients wait behind each attempt.
    failed: bool,
    /// On mgmtd itself, only to notice that it stops or hangs.
    canary: Option<Session>,
    /// Whether mgmtd's candidate was cleared of what a predecessor may have left there.
    cleared: bool,
    /// Whether the executing daemon has shown that it runs what mgmtd does, since both were connected.
    in_step: bool,
    /// What the executing daemon was seen to run, since anything was committed; kept until it is known to be
    /// in step.
    shown: Option<Tree>,
}

impl MgmtdDriver {
    /// A driver for the FRR whose sockets are in `socket_dir`; connects when it is first used.
    pub fn new(
        gateway: Gateway,
        socket_dir: &FilePath,
        connect_timeout: Duration,
        yang: Yang,
    ) -> Self {
        Self {
            yang,
            northbound: Northbound::new(gateway.for_who_looks().service()),
            gateway,
            transport: None,
            memory: None,
            started: None,
            socket_dir: socket_dir.to_owned(),
            connect_timeout,
            session: None,
            failed: false,
            canary: None,
            cleared: false,
            in_step: false,
            shown: None,
        }
    }

    /// Gives it mgmtd's own gRPC.
    pub fn set_transport(&mut self, transport: GrpcTransport) {
        self.transport = Some(transport);
    }

    /// Has it remember in the agent's state directory that mgmtd's own gRPC lies.
    pub fn remember_in(&mut self, state_dir: &FilePath) {
        self.memory = Some(Memory::new(state_dir, "mgmtd"));
    }

    /// Waits until mgmtd or the executing daemon hangs up; for ever where neither is connected.
    /// Cancel safe.
    async fn either_closed(&mut self) {
        let (session, canary) = (&mut self.session, &mut self.canary);
        tokio::select! {
            () = hung_up(session) => *session = None,
            () = hung_up(canary) => *canary = None,
        }
    }

    /// Whether mgmtd and the executing daemon answer. A mgmtd that hangs takes a frontend session and answers
    /// nothing for long: here that is found out in time.
    ///
    /// # Errors
    /// One of them does not, within this time.
    async fn both_answer(&mut self, within: Duration) -> Result<(), MgmtdError> {
        let late = |daemon| {
            let source = VtyError::Timeout { command: 0, waited: within };
            MgmtdError::ReadBack { daemon, source }
        };
        let asked = async {
            self.answer_of("mgmtd").await?;
            self.answer_of(STATICD.1).await
        };
        let answer = tokio::time::timeout(within, asked).await;
        let answer = answer.unwrap_or_else(|_| Err(late("mgmtd or staticd")));
        self.failed = answer.is_err();
        if self.failed {
            // What hung is asked on new connections the next time.
            (self.canary, self.session) = (None, None);
        }
        answer
    }

    async fn answer_of(&mut self, daemon: &'static str) -> Result<(), MgmtdError> {
        let is_mgmtd = daemon != STATICD.1;
        let slot = if is_mgmtd { &mut self.canary } else { &mut self.session };
        if let Some(session) = slot
            && let Err(error) = session.command("enable").await
        {
            *slot = None;
            if !matches!(error, VtyError::Gone | VtyError::Replaced | VtyError::Io { .. }) {
                return Err(MgmtdError::ReadBack { daemon, source: error });
            }
        }
        match (slot.is_none(), is_mgmtd) {
            (false, _) => Ok(()),
            (true, true) => self.meet_mgmtd().await,
            (true, false) => self.meet_executor().await,
        }
    }

    /// Connects to mgmtd: another one, as far as is known.
    async fn meet_mgmtd(&mut self) -> Result<(), MgmtdError> {
        self.in_step = false;
        // Before it is met: one that starts in between is another, of which nothing is remembered.
        self.started = Started::of(&self.socket_dir.join("mgmtd.vty"));
        self.canary = Some(self.connect("mgmtd").await?);
        if let Some(transport) = &self.transport {
            // This one may be honest.
            transport.restarted().await;
            if let (Some(memory), Some(started)) = (&self.memory, self.started)
                && let Some(why) = memory.recall(transport.address(), started).await
            {
                transport.known_to_lie(why).await;
            }
        }
        self.clear_candidate().await;
        Ok(())
    }

    /// The part of mgmtd's running configuration that is ours to change.
    ///
    /// # Errors
    /// mgmtd or the executing daemon can't be reached.
    async fn read_tree(&mut self) -> Result<Tree, MgmtdError> {
        self.shown = None;
        let read = self.read_running().await;
        self.failed = matches!(&read, Err(error) if error.retry() != Retry::Never);
        if self.failed {
            // One that hung is asked on a new connection the next time.
            self.canary = None;
        }
        read
    }

    async fn read_running(&mut self) -> Result<Tree, MgmtdError> {
        if self.canary.is_none() {
            self.meet_mgmtd().await?;
        }
        // Fails here where the executing daemon is away, before anything is changed.
        if self.session.is_none() {
            self.meet_executor().await?;
        }
        let json = self.northbound.get_config(STATICD.0).await?;
        match json {
            None => Ok(Tree::new()),
            Some(json) => self.parse("mgmtd", &json).await,
        }
    }

    /// From FRR 10.4 on, what an agent was editing when it was killed stays in mgmtd's candidate, and
    /// whoever commits next, the shell too, would apply it. Tried once: each commit of ours clears it too.
    async fn clear_candidate(&mut self) {
        if self.cleared {
            return;
        }
        self.cleared = true;
        match self.gateway.reset_after_kill().await {
            Ok(cleared) => debug!(cleared, "mgmtd's candidate"),
            Err(status) => warn!(reason = status.message(), "mgmtd's candidate not cleared"),
        }
    }

    async fn connect(&self, daemon: &'static str) -> Result<Session, MgmtdError> {
        let socket = self.socket_dir.join(format!("{daemon}.vty"));
        let limit =
            if self.failed { self.connect_timeout.min(AGAIN) } else { self.connect_timeout };
        Session::connect(&socket, limit)
            .await
            .map_err(|source| MgmtdError::ReadBack { daemon, source })
    }

    /// Reads a daemon's data; what our models don't have is not ours and left out.
    async fn parse(&self, daemon: &'static str, json: &str) -> Result<Tree, MgmtdError> {
        let tree = self.yang.parse_known_json(rooted(json).into_owned()).await;
        tree.map_err(|source| MgmtdError::Yang { daemon, source })
    }
}

async fn hung_up(session: &mut Option<Session>) {
    match session {
        Some(session) => drop(session.closed().await),
        None => std::future::pending().await,
    }
}

/// The edits as the northbound takes them.
async fn request(edits: &[Edit], yang: &Yang) -> Result<Edits, MgmtdError> {
    let request = northbound::request(edits, yang).await;
    request.map_err(|source| MgmtdError::Yang { daemon: "mgmtd", source })
}
