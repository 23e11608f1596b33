//! The actor: takes what queues as one batch, decides, has the engine apply it, answers.
//!
//! | file | owns |
//! |---|---|
//! | `mod` | what is due next |
//! | `batch` | what queued, decided together or each alone |
//! | `carry_out` | a transaction from the journal to FRR and back |
//! | `resolve` | what a request comes to by what is declared |
//! | `publish` | what everybody is told |
//! | `adopt` | what FRR may have of ours at the start |
//! | `history` | what is done with a transaction afterwards: confirm, roll back |
//! | `resync` | FRR compared with all that is desired |
//! | `left_out` | what FRR refuses of that, so that it holds up nothing else |
//! | `configured` | what the configuration declares by itself |
//! | `ending` | what the agent's end and its next start take away |
//! | `change` | the part of what is desired that a batch changes |
//! | `slices` | prefixes alone, sent without a look at the rest: very many in slices |
//! | `others` | what is foreign and in the way, or keeps something of ours; taking it over |
//! | `observer` | who is told how commits go |

mod adopt;
mod batch;
mod carry_out;
mod change;
mod configured;
mod ending;
mod history;
mod left_out;
mod observer;
mod others;
mod publish;
mod resolve;
mod resync;
mod slices;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    sync::{mpsc, watch},
    time::{self, Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use ending::LeaveError;
pub use observer::{NoObserver, Observer, Stage, Via};

use super::{
    CommitError, CommitHandle, Engine, Lags, Request, TransactionId, View,
    turns::{Queued, Turn, Turns},
};
use crate::{
    daemon::Daemon,
    events::{Bus, Event},
    failpoint,
    frr::retry::Backoff,
    journal::{Journal, JournalError, Ledger},
    model::{Configured, Intent, IntentKey},
    policy::{Capacity, Policies},
    store::Store,
    tree::Path,
};

/// Requests that are taken into one batch at the most: it bounds how long the first of
/// them waits for the others' lines.
const MAX_BATCH: usize = 1024;

/// Shortest time between two comparisons of all that FRR runs with what is desired: somebody who
/// types into FRR is corrected before he has finished wondering.
const RESYNC: Duration = Duration::from_secs(5);

/// Longest.
const LONGEST_RESYNC: Duration = Duration::from_secs(60);

/// Time between two comparisons in times of what the last one took: it has half a per cent of one core.
const RESYNC_SHARE: u32 = 200;

/// Time between two looks whether the state directory can be written again, and whether damaged files are gone.
const MEND: Duration = Duration::from_secs(5);

/// Time between two signs of life while there is nothing to do.
const BEAT: Duration = Duration::from_secs(2);

/// Time that the turn under way has when the agent is asked to stop. Calls have 10 s to end, and Kubernetes kills after 30 s as
/// a rule.
const CUT_OFF: Duration = Duration::from_secs(5);

/// When something is due without being asked for.
struct Due {
    backoff: Backoff,
    retry_at: Instant,
    resync_at: Instant,
    mend_at: Instant,
    beat: time::Interval,
}

impl Due {
    fn new(retry_interval: Duration) -> Self {
        let mut beat = time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now = Instant::now();
        Self {
            backoff: Backoff::until(retry_interval),
            retry_at: now,
            resync_at: now,
            mend_at: now,
            beat,
        }
    }
}

/// The one writer.
pub struct Actor {
    requests: mpsc::Receiver<Queued>,
    /// What was taken from there and waits for its turn.
    turns: Turns,
    publish: watch::Sender<Arc<View>>,
    policies: watch::Receiver<Arc<Policies>>,
    events: Bus,
    observer: Arc<dyn Observer>,
    engine: Engine,
    retry_interval: Duration,
    /// Every intent, what FRR may still have of earlier ones, and the history; all on disk.
    journal: Ledger,
    /// What the configuration declares and the disk had no room for.
    owed: Option<Configured>,
    /// Intents that FRR refused when it came back, with its words: left out until they change.
    rejected: BTreeMap<IntentKey, String>,
    /// Objects that are no longer declared and FRR refuses to lose, with its words.
    stuck: BTreeMap<(Daemon, Path), String>,
    /// When both are tried again.
    rejected_again: Option<resync::Again>,
    /// Intents that were not sent, since something foreign is in their place, with the line.
    hindered: BTreeMap<IntentKey, String>,
    /// Objects that were said to be kept.
    kept: BTreeSet<String>,
    /// Intents that FRR was found to have lost or changed, until they are repaired.
    drifted: BTreeSet<IntentKey>,
    /// Which daemons may lack something of what is stored.
    lags: Lags,
    /// Events of what is stored and not confirmed yet.
    unconfirmed: Vec<Event>,
    /// When transactions that wait to be confirmed roll back by themselves.
    deadlines: BTreeMap<TransactionId, Instant>,
    /// When a transaction that was not confirmed in time could not be rolled back.
    rollback_failed: Option<Instant>,
    /// Objects of the configuration.
    configured: Arc<BTreeSet<IntentKey>>,
    /// Whether the end takes all of ours out of FRR.
    withdraw_on_exit: Arc<AtomicBool>,
    /// How much may be held; `None` where nothing limits it.
    capacity: Option<Capacity>,
}

/// What an actor is made of.
pub struct Parts {
    /// The drivers.
    pub engine: Engine,
    /// Who may do what; may be replaced while the actor runs.
    pub policies: watch::Receiver<Arc<Policies>>,
    /// Where confirmed changes are told.
    pub events: Bus,
    /// Is told how commits go.
    pub observer: Arc<dyn Observer>,
    /// Longest wait between two attempts to reach FRR.
    pub retry_interval: Duration,
    /// What survived, and where what changes is written.
    pub journal: Journal,
    /// What the configuration declares.
    pub configured: Configured,
    /// Whether the end takes all of ours out of FRR.
    pub withdraw_on_exit: Arc<AtomicBool>,
    /// How much may be held; `None` where nothing limits it.
    pub capacity: Option<Capacity>,
}

impl Actor {
    /// The actor, and the handle that leads to it. What survived in the journal is adopted: it counts
    /// as being in FRR already, as far as FRR has it.
    ///
    /// Blocks for as long as the disk takes.
    ///
    /// # Errors
    /// The journal can't be written, though its disk is neither full nor read-only.
    pub fn new(mut parts: Parts) -> Result<(CommitHandle, Self), JournalError> {
        let (handle, requests, publish) = CommitHandle::channel();
        let shapes = parts.engine.shapes();
        let state = parts.journal.state();
        let remembered = state.remembered.iter().map(|(daemon, held)| (*daemon, (**held).clone()));
        let remembered = remembered.collect();
        parts.engine.adopt(adopt::adopted(state, shapes), remembered);
        ending::end_drain(&mut parts.journal)?;
        let (configured, owed) = configured::adopt(&mut parts.journal, parts.configured);
        parts.engine.tell(parts.observer.clone());
        let actor = Self {
            requests,
            turns: Turns::default(),
            publish,
            policies: parts.policies,
            events: parts.events,
            observer: parts.observer,
            engine: parts.engine,
            retry_interval: parts.retry_interval,
            journal: Ledger::new(parts.journal),
            owed,
            rejected: BTreeMap::new(),
            stuck: BTreeMap::new(),
            rejected_again: None,
            hindered: BTreeMap::new(),
            kept: BTreeSet::new(),
            drifted: BTreeSet::new(),
            lags: Lags::unknown("FRR has not been read yet"),
            unconfirmed: Vec::new(),
            deadlines: BTreeMap::new(),
            rollback_failed: None,
            configured: Arc::new(configured),
            withdraw_on_exit: parts.withdraw_on_exit,
            capacity: parts.capacity,
        };
        actor.tell_of_journal();
        actor.publish();
        Ok((handle, actor))
    }

    fn store(&self) -> &Store {
        &self.journal.state().store
    }

    /// Runs until all handles are gone or `stop` is cancelled; a turn that runs is finished first. From when the agent is
    /// `asked` to stop it has 5 s (`CUT_OFF`) for that, whatever FRR does: what is cut off then is in doubt, and has no ending in
    /// the journal, as after a crash.
    ///
    /// # Errors
    /// All of ours was to leave FRR at the end, and something of it has not.
    pub async fn run(
        mut self,
        asked: CancellationToken,
        stop: CancellationToken,
    ) -> Result<(), LeaveError> {
        let mut due = Due::new(self.retry_interval);
        let over = async {
            asked.cancelled().await;
            time::sleep(CUT_OFF).await;
        };
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                () = &mut over => {
                    self.cut_off();
                    break;
                }
                more = self.turn(&mut due, &stop).boxed() => if !more { break },
            }
        }
        self.requests.close();
        if self.withdraw_on_exit.load(Ordering::Relaxed) { self.leave().await } else { Ok(()) }
    }

    /// Does what is due next. `false` where nothing can be due any more.
    async fn turn(&mut self, due: &mut Due, stop: &CancellationToken) -> bool {
        failpoint::die("commits");
        self.observer.beat();
        let behind = self.is_behind();
        let overdue = self.next_deadline();
        // Requests come last, so that a flood of them holds up nothing that is due.
        tokio::select! {
            biased;
            () = stop.cancelled() => return false,
            () = time::sleep(overdue.unwrap_or_default()), if overdue.is_some() => {
                self.roll_back_overdue().await;
            }
            daemon = self.engine.closed() => {
                info!(%daemon, "FRR's daemon hung up");
                self.lags.lose(daemon, "it was restarted");
                // What it had is not applied any more.
                self.publish();
                due.backoff = Backoff::until(self.retry_interval);
                due.retry_at = Instant::now() + due.backoff.pause();
            }
            () = time::sleep_until(due.retry_at), if behind => {
                self.resynchronise().await;
                if !self.is_behind() {
                    due.backoff = Backoff::until(self.retry_interval);
                }
                due.retry_at = Instant::now() + due.backoff.pause();
            }
            // The disk's pace is not FRR's: it is tried again whatever a comparison took.
            () = time::sleep_until(due.mend_at) => {
                self.mend_journal().await;
                due.mend_at = Instant::now() + MEND;
            }
            () = time::sleep_until(due.resync_at) => {
                let begun = Instant::now();
                self.resynchronise().await;
                let pause = (begun.elapsed() * RESYNC_SHARE).clamp(RESYNC, LONGEST_RESYNC);
                due.resync_at = Instant::now() + pause;
            }
            more = self.turns.arrivals(&mut self.requests) => {
                if !more {
                    return false;
                }
                self.serve().await;
            }
            _ = due.beat.tick() => {}
        }
        true
    }

    /// A turn was cut off, if one was under way: what it was about may be in FRR, as it was and as it was to be.
    fn cut_off(&mut self) {
        let mut state = self.journal.state().clone();
        let mut unsettled =
            state.history.iter().filter(|transaction| transaction.ending.is_none()).peekable();
        if unsettled.peek().is_some() {
            warn!("FRR does not let the agent end in time; the commit under way is in doubt");
        }
        let changes = unsettled.flat_map(|transaction| &transaction.changes);
        let after: Vec<Intent> =
            changes.filter_map(|it| it.after.as_ref()).map(|it| it.intent.clone()).collect();
        state.orphaned.extend(after);
        self.engine.cut_off(&adopt::adopted(&state, self.engine.shapes()));
    }

    /// Serves the next turn.
    async fn serve(&mut self) {
        // A client that went away does not get its answer.
        match self.turns.next(MAX_BATCH) {
            Some(Turn::Commits(batch)) => self.batch(batch).await,
            Some(Turn::Other(Request::Plan(request, answer))) => {
                drop(answer.send(self.plan(&request).await));
            }
            Some(Turn::Other(Request::Confirm(owner, id, answer))) => {
                drop(answer.send(self.confirm(&owner, id).await));
            }
            Some(Turn::Other(Request::RollBack(owner, id, answer))) => {
                drop(answer.send(self.roll_back(&owner, id).await));
            }
            Some(Turn::Other(Request::Renounce(owner, answer))) => {
                self.journal.renounce(owner).await;
                self.publish();
                drop(answer.send(Ok(())));
            }
            Some(Turn::Other(Request::Adopt(dry_run, answer))) => {
                drop(answer.send(self.take_back(dry_run).await));
            }
            Some(Turn::Other(Request::Configure(configured, answer))) => {
                drop(answer.send(self.configure(configured).await));
            }
            Some(Turn::Other(Request::Commit(request, answer))) => {
                self.batch(vec![(request, answer)]).await;
            }
            None => {}
        }
    }

    fn is_behind(&self) -> bool {
        !self.lags.is_empty()
    }

    /// Tries again what the disk refused, and what the configuration declares that it had no room for.
    async fn mend_journal(&mut self) {
        let before = self.journal.concerns().to_vec();
        self.journal.mend().await;
        self.tell_of_journal();
        if self.journal.concerns() != before {
            self.publish();
        }
        if self.journal.is_writable()
            && let Some(owed) = self.owed.take()
            && let Err(error) = self.configure(owed.clone()).await
        {
            error!(%error, "what the configuration declares is not taken");
            if let CommitError::NotDurable { .. } = error {
                self.owed = Some(owed);
            }
        }
    }
}
