//! The way in: a handle that every API task has a clone of.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{mpsc, oneshot, watch};

use super::{CommitError, CommitRequest, Committed};
use crate::{model::IntentKey, store::Store};

/// Requests that may wait while a commit runs. A commit takes what waits as its
/// next batch, so that this bounds memory and not throughput.
pub const QUEUE: usize = 4096;

/// A request with the place for its answer.
pub type Envelope = (CommitRequest, oneshot::Sender<Result<Committed, CommitError>>);

/// What the actor lets everybody see; replaced as a whole after each commit.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Every intent with its owner. Cheap to clone.
    pub store: Store,
    /// Whether what is stored is also confirmed in FRR; else what is lacking and why.
    pub pending: Option<String>,
    /// Intents that FRR refused when it got them, with its words.
    pub rejected: BTreeMap<IntentKey, String>,
}

/// Sends requests to the commit actor. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CommitHandle {
    queue: mpsc::Sender<Envelope>,
    view: watch::Receiver<Arc<View>>,
}

impl CommitHandle {
    /// A handle, and the two ends that the actor (or a test in its place) keeps: the
    /// queue that it empties and the view that it publishes.
    pub fn channel() -> (Self, mpsc::Receiver<Envelope>, watch::Sender<Arc<View>>) {
        let (queue, requests) = mpsc::channel(QUEUE);
        let (publish, view) = watch::channel(Arc::default());
        (Self { queue, view }, requests, publish)
    }

    /// Has the changes applied and waits until they are confirmed, or refused.
    ///
    /// Cancel safety: dropping the future never cancels the commit; only its answer is lost.
    ///
    /// # Errors
    /// Why nothing was changed; see [`CommitError`].
    pub async fn commit(&self, request: CommitRequest) -> Result<Committed, CommitError> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send((request, answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CommitError::Busy { waiting: QUEUE },
            mpsc::error::TrySendError::Closed(_) => CommitError::Stopped,
        })?;
        answered.await.unwrap_or(Err(CommitError::Stopped))
    }

    /// The intents as the last commit left them.
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }
}
