//! FRR's own gRPC in one daemon, as a second transport beside its VTY.
//!
//! bfdd and bgpd do what their gRPC says, where that module is loaded (it listens on every address
//! without authentication, so no deployment needs it). mgmtd's says yes and tells nobody: such an
//! endpoint is found out by reading the daemon back, and quarantined. (`frr::mgmtd` does that for mgmtd's.)
//!
//! | file | owns |
//! |---|---|
//! | `mod` | whether the transport is of use: asked, down, quarantined |
//! | `edits` | steps → edits of the models; pure |
//! | `memory` | that one lies, beyond the agent's end |
//! | `driver` | a daemon's driver: steps through the transport where they can, the rest typed |
//! | `frr_10_3` | what bgpd of FRR 10.3 does not survive; goes with 10.3 |

mod driver;
mod edits;
pub(crate) mod frr_10_3;
mod memory;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};
use tonic::transport::{Channel, Endpoint};
use tracing::{info, warn};

pub use driver::DaemonDriver;
pub(super) use memory::{Memory, Started};

use super::{
    northbound::{Answer, Capabilities, Edits, Error, Northbound},
    retry::{Backoff, Retry},
};
use crate::{
    coverage::{self, Revisions},
    daemon::Daemon,
};

/// Longest wait for one answer. A daemon answers in milliseconds, and whoever waits here has the VTY
/// for another way, within the deadline of one commit.
const ANSWER: Duration = Duration::from_secs(5);

/// Longest wait for what an endpoint says of itself: a commit waits meanwhile.
const PROBE: Duration = Duration::from_secs(2);

/// Longest pause before a transport that is down is tried again: it is no loss, the VTY does the same.
const RETRY_CAP: Duration = Duration::from_secs(60);

/// What is known of a transport.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Whether it is of use.
    pub state: State,
    /// Modules that it announces.
    pub announced: Revisions,
    /// How often it was quarantined.
    pub quarantines: u64,
    /// Why it was quarantined the last time.
    pub last_quarantine: String,
}

/// Whether a transport is of use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum State {
    /// Not asked since the daemon's start.
    #[default]
    Unknown,
    /// It answers, with the models that are loaded here.
    InUse,
    /// It can't be used.
    Down {
        /// Why.
        why: String,
    },
    /// It said yes and the daemon did not change.
    Quarantined {
        /// What was lacking.
        why: String,
    },
}

/// The transport. Clones share everything.
#[derive(Debug, Clone)]
pub struct GrpcTransport(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    daemon: Daemon,
    address: SocketAddr,
    northbound: Northbound<Channel>,
    /// Revisions of the models by which NovaRoute judges.
    loaded: Revisions,
    facts: watch::Sender<Facts>,
    next: Mutex<Next>,
}

/// When a transport that is down is tried again.
#[derive(Debug, Default)]
struct Next {
    backoff: Option<Backoff>,
    /// `None` where it is not before the daemon's restart.
    at: Option<Instant>,
}

impl GrpcTransport {
    /// The transport of a daemon at an address. Connects when it is used. Needs a tokio runtime.
    pub fn new(daemon: Daemon, address: SocketAddr, loaded: Revisions) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .expect("an address and port make an authority")
            .connect_timeout(PROBE);
        Self(Arc::new(Inner {
            daemon,
            address,
            northbound: Northbound::new(endpoint.connect_lazy()).within(ANSWER),
            loaded,
            facts: watch::Sender::default(),
            next: Mutex::default(),
        }))
    }

    /// What is known of it.
    pub fn facts(&self) -> Facts {
        self.0.facts.borrow().clone()
    }

    /// Follows what is known of it.
    pub fn follow(&self) -> watch::Receiver<Facts> {
        self.0.facts.subscribe()
    }

    /// Whether it can be used now: asks it where that was not done since the daemon's start, or where
    /// it was down and it is time to try again.
    pub async fn ready(&self) -> bool {
        let mut next = self.0.next.lock().await;
        let state = self.0.facts.borrow().state.clone();
        match state {
            State::InUse => true,
            State::Quarantined { .. } => false,
            State::Unknown => self.probe(&mut next).await,
            State::Down { .. } if next.at.is_some_and(|at| at <= Instant::now()) => {
                self.probe(&mut next).await
            }
            State::Down { .. } => false,
        }
    }

    /// Asks it anew, unless it is quarantined: the daemon seems to be another.
    pub async fn ask_again(&self) {
        let mut next = self.0.next.lock().await;
        if !matches!(self.0.facts.borrow().state, State::Quarantined { .. }) {
            next.backoff = None;
            self.probe(&mut next).await;
        }
    }

    /// The daemon was started anew: nothing is known of it, not even that it lies.
    pub(super) async fn restarted(&self) {
        *self.0.next.lock().await = Next::default();
        self.0.facts.send_modify(|facts| facts.state = State::Unknown);
    }

    pub(super) async fn commit(&self, edits: Edits) -> Result<Answer, Error> {
        let result = self.0.northbound.commit(edits, "novaroute").await;
        if result.is_ok() {
            self.0.next.lock().await.backoff = None;
        }
        result
    }

    async fn validate(&self, edits: Edits) -> Result<(), Error> {
        self.0.northbound.validate(edits).await
    }

    /// It did not answer, or not as a northbound does.
    pub(super) async fn failed(&self, error: &Error) {
        let mut next = self.0.next.lock().await;
        self.down(&mut next, error.to_string(), error.retry());
    }

    /// Where it is.
    pub(super) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// This very daemon was found to lie by an agent before this one.
    pub(super) async fn known_to_lie(&self, why: String) {
        let _next = self.0.next.lock().await;
        let Inner { daemon, address, .. } = &*self.0;
        info!(%daemon, %address, why, "FRR's own gRPC is known to lie; not used until the daemon restarts");
        self.0.facts.send_modify(|facts| facts.state = State::Quarantined { why });
    }

    /// It said yes and the daemon did not change.
    pub(super) async fn quarantine(&self, why: String) {
        // A probe that is under way ends first: its answer would hide this.
        let _next = self.0.next.lock().await;
        let Inner { daemon, address, .. } = &*self.0;
        warn!(%daemon, %address, why, "FRR's own gRPC lies; quarantined until the daemon restarts");
        self.0.facts.send_modify(|facts| {
            facts.last_quarantine.clone_from(&why);
            facts.state = State::Quarantined { why };
            facts.quarantines += 1;
        });
    }

    async fn probe(&self, next: &mut Next) -> bool {
        let asked = tokio::time::timeout(PROBE, self.0.northbound.capabilities()).await;
        let late = || Error::Unknown { message: format!("no answer within {PROBE:?}") };
        match asked.unwrap_or_else(|_| Err(late())) {
            Ok(told) => self.judge(next, told),
            Err(error) => {
                self.down(next, error.to_string(), error.retry());
                false
            }
        }
    }

    /// A model of another revision is another model: nobody guesses what it means.
    fn judge(&self, next: &mut Next, told: Capabilities) -> bool {
        let Inner { daemon, address, .. } = &*self.0;
        let announced: Revisions = told.modules.into_iter().collect();
        let wrong = coverage::grpc_modules(*daemon).find_map(|module| {
            let loaded = self.0.loaded.get(module)?;
            match announced.get(module) {
                None => Some(format!("does not announce {module}")),
                Some(other) if other != loaded => {
                    Some(format!("announces {module} {other}, loaded is {loaded}"))
                }
                Some(_) => None,
            }
        });
        self.0.facts.send_modify(|facts| facts.announced = announced);
        if let Some(wrong) = wrong {
            self.down(next, wrong, Retry::Never);
            return false;
        }
        info!(%daemon, %address, version = told.frr_version, "FRR's own gRPC is in use");
        // The pauses go on growing until a commit goes through: one that answers and does nothing else
        // costs each commit that tries it a wait.
        next.at = None;
        self.0.facts.send_modify(|facts| facts.state = State::InUse);
        true
    }

    fn down(&self, next: &mut Next, why: String, retry: Retry) {
        let Inner { daemon, address, facts, .. } = &*self.0;
        if !matches!(&facts.borrow().state, State::Down { why: known } if *known == why) {
            warn!(%daemon, %address, why, "FRR's own gRPC can't be used; the next transport is used");
        }
        if next.backoff.is_none() {
            next.backoff = retry.backoff(RETRY_CAP);
        }
        let again = if retry == Retry::Never { None } else { next.backoff.as_mut() };
        next.at = again.map(|backoff| Instant::now() + backoff.pause());
        facts.send_modify(|facts| facts.state = State::Down { why });
    }
}

/// The transports of the configuration, for models of these revisions. Needs a tokio runtime.
pub fn open(
    addresses: &BTreeMap<Daemon, SocketAddr>,
    loaded: &Revisions,
) -> BTreeMap<Daemon, GrpcTransport> {
    let transport = |(daemon, address): (&Daemon, &SocketAddr)| {
        (*daemon, GrpcTransport::new(*daemon, *address, loaded.clone()))
    };
    addresses.iter().map(transport).collect()
}
