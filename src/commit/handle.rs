//! The way in: a handle that every API task has a clone of.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Adopted, CommitError, CommitRequest, Committed, Lags, Plan, Request, Transaction,
    TransactionId,
    turns::{Places, QUEUE_OF_OWNER, Queued},
};
use crate::{
    daemon::Daemon,
    model::{BgpGlobal, Configured, Intent, IntentKey, OwnerName},
    protocol::{Shapes, kinds},
    store::Store,
    tree::Path,
};

/// Requests of all owners that may wait while a commit runs: those of sixteen that flood. A commit takes what
/// waits as its next batch, so that this bounds memory and not throughput.
pub const QUEUE: usize = 16 * QUEUE_OF_OWNER;

/// What the actor lets everybody see; replaced as a whole after each commit.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Every intent with its owner. Cheap to clone.
    pub store: Store,
    /// Daemons that may lack something of what is stored.
    pub lags: Lags,
    /// Intents that FRR refused when it got them, with its words; and those that were not sent, since something that
    /// an operator configured is in their place, with that line.
    pub rejected: BTreeMap<IntentKey, String>,
    /// Objects that are no longer declared and FRR refuses to lose, with its words.
    pub stuck: BTreeMap<(Daemon, Path), String>,
    /// Objects that are no longer declared and stay, since they hold foreign lines.
    pub kept: BTreeMap<Daemon, Vec<super::Kept>>,
    /// Intents that FRR had lost or changed when it was last compared, and that are being repaired.
    pub drifted: BTreeSet<IntentKey>,
    /// The latest transactions, oldest first.
    pub history: VecDeque<Arc<Transaction>>,
    /// What an operator has to know of the journal; empty where all is well.
    pub journal: Vec<String>,
    /// Objects of the configuration: they belong to `admin` and outlive its sessions.
    pub configured: Arc<BTreeSet<IntentKey>>,
    /// The instance that the configuration declares, whatever clients have set since.
    pub configured_bgp: Option<BgpGlobal>,
    /// What rendering has to know of the models in use.
    pub shapes: Option<Shapes>,
}

impl View {
    /// Whether all that is stored is also confirmed in FRR; else what is lacking and why.
    pub fn pending(&self) -> Option<String> {
        self.lags.words(&Daemon::ALL)
    }

    /// Whether FRR may lack this object: only where a daemon that executes it does.
    pub fn pending_of(&self, key: &IntentKey) -> Option<String> {
        match self.store.get(key).map(|owned| &owned.intent) {
            // Without BFD nothing of it is in bfdd.
            Some(Intent::Peer(peer)) if peer.bfd.is_none() => self.lags.words(&[Daemon::Bgpd]),
            _ => self.lags.words(kinds::of(key.kind()).executors),
        }
    }
}

/// Sends requests to the commit actor. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CommitHandle {
    queue: mpsc::Sender<Queued>,
    places: Places,
    view: watch::Receiver<Arc<View>>,
}

impl CommitHandle {
    /// A handle, and the two ends that the actor (or a test in its place) keeps: the
    /// queue that it empties and the view that it publishes.
    pub fn channel() -> (Self, mpsc::Receiver<Queued>, watch::Sender<Arc<View>>) {
        let (queue, requests) = mpsc::channel(QUEUE);
        let (publish, view) = watch::channel(Arc::default());
        (Self { queue, places: Places::default(), view }, requests, publish)
    }

    /// Has the changes applied and waits until they are confirmed, or refused.
    ///
    /// Cancel safety: dropping the future never cancels the commit; only its answer is lost.
    ///
    /// # Errors
    /// Why nothing was changed; see [`CommitError`].
    pub async fn commit(&self, request: CommitRequest) -> Result<Committed, CommitError> {
        self.ask(|answer| Request::Commit(request, answer)).await
    }

    /// What applying the changes would do. Changes nothing.
    ///
    /// # Errors
    /// Why they could not be applied.
    pub async fn plan(&self, request: CommitRequest) -> Result<Plan, CommitError> {
        self.ask(|answer| Request::Plan(request, answer)).await
    }

    /// Keeps a transaction that would roll back by itself.
    ///
    /// # Errors
    /// There is none of that name that waits, or it is another owner's.
    pub async fn confirm(&self, owner: OwnerName, id: TransactionId) -> Result<(), CommitError> {
        self.ask(|answer| Request::Confirm(owner, id, answer)).await
    }

    /// Puts back what stood before a transaction.
    ///
    /// # Errors
    /// There is none of that name, it is another owner's, something of it has been changed since, or
    /// FRR refuses.
    pub async fn roll_back(
        &self,
        owner: OwnerName,
        id: TransactionId,
    ) -> Result<Committed, CommitError> {
        self.ask(|answer| Request::RollBack(owner, id, answer)).await
    }

    /// Notes that an owner has left with all that it had: no transaction that waits to be confirmed gives it anything back.
    ///
    /// # Errors
    /// The agent is stopping.
    pub async fn renounce(&self, owner: OwnerName) -> Result<(), CommitError> {
        match self.view().history.iter().any(|transaction| transaction.owes(&owner)) {
            true => self.ask(|answer| Request::Renounce(owner, answer)).await,
            false => Ok(()),
        }
    }

    /// Has declared what the configuration says now, and withdrawn what it no longer says, in one
    /// transaction. Says how many objects changed.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub async fn configure(&self, configured: Configured) -> Result<usize, CommitError> {
        self.ask(|answer| Request::Configure(configured, answer)).await
    }

    /// What FRR runs as it is declared, though the journal does not say that we made it; unless `dry_run`, it is ours from
    /// then on.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub async fn adopt(&self, dry_run: bool) -> Result<Adopted, CommitError> {
        self.ask(|answer| Request::Adopt(dry_run, answer)).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, CommitError>>) -> Request,
    ) -> Result<T, CommitError> {
        let (answer, answered) = oneshot::channel();
        let request = request(answer);
        let _place = self.places.take(request.owner())?;
        self.queue.try_send(Queued { request, alone: false, _place }).map_err(
            |error| match error {
                mpsc::error::TrySendError::Full(_) => CommitError::Busy { waiting: QUEUE },
                mpsc::error::TrySendError::Closed(_) => CommitError::Stopped,
            },
        )?;
        answered.await.unwrap_or(Err(CommitError::Stopped))
    }

    /// Follows the view: notified after each commit.
    pub fn follow(&self) -> watch::Receiver<Arc<View>> {
        self.view.clone()
    }

    /// The intents as the last commit left them.
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }
}
