//! The actor: takes what queues as one batch, decides, has the engine apply it, answers.
//!
//! | file | owns |
//! |---|---|
//! | `adopt` | what FRR may have of ours at the start |
//! | `history` | what is done with a transaction afterwards: confirm, roll back |
//! | `resync` | FRR compared with all that is desired |
//! | `left_out` | what FRR refuses of that, so that it holds up nothing else |
//! | `configured` | what the configuration declares by itself |
//! | `ending` | what the agent's end and its next start take away |
//! | `change` | the part of what is desired that a batch changes |
//! | `others` | what of somebody else's is in the way, or keeps something of ours; taking it over |
//! | `observer` | who is told how commits go |

mod adopt;
mod change;
mod configured;
mod ending;
mod history;
mod left_out;
mod observer;
mod others;
mod resync;

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
    sync::{mpsc, oneshot, watch},
    time::{self, Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

pub use ending::LeaveError;
pub use observer::{Door, NoObserver, Observer, Stage};

use super::{
    Applied, CommitError, CommitHandle, CommitRequest, Committed, Ending, Engine, EngineError,
    Outcome, Plan, Transaction, TransactionId, View,
    blame::blame,
    engine::Judging,
    handle::Request,
    turns::{Enquiry, Queued, Turn, Turns},
};
use crate::{
    daemon::{Daemon, Forest},
    events::{Bus, Event, of_change},
    failpoint,
    frr::retry::Backoff,
    journal::{Journal, JournalError, Ledger},
    model::{Change, Configured, Intent, IntentKey},
    policy::{Capacity, Policies, Waiting, check_all},
    protocol::kinds,
    render::{Shapes, render},
    store::Store,
    tree::{Path, Tree},
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
    retry_at: time::Instant,
    resync_at: time::Instant,
    mend_at: time::Instant,
    beat: time::Interval,
}

impl Due {
    fn new(retry_interval: Duration) -> Self {
        let mut beat = time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now = time::Instant::now();
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
    /// Objects that nobody declares any more and FRR refuses to lose, with its words.
    stuck: BTreeMap<(Daemon, Path), String>,
    /// When both are tried again.
    rejected_again: Option<resync::Again>,
    /// Intents that were not sent, since something of somebody else's is in their place, with the line.
    hindered: BTreeMap<IntentKey, String>,
    /// Objects that were said to be kept.
    kept: BTreeSet<String>,
    /// Intents that FRR was found to have lost or changed, until they are repaired.
    drifted: BTreeSet<IntentKey>,
    /// What FRR still lacks.
    unreachable: BTreeMap<Daemon, String>,
    /// Set where FRR and the store may differ for another reason.
    out_of_step: Option<String>,
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
            unreachable: BTreeMap::new(),
            out_of_step: Some("FRR has not been read yet".to_owned()),
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
                self.unreachable.insert(daemon, "it was restarted".to_owned());
                // What it had is not applied any more.
                self.publish();
                due.backoff = Backoff::until(self.retry_interval);
                due.retry_at = time::Instant::now() + due.backoff.pause();
            }
            () = time::sleep_until(due.retry_at), if behind => {
                self.resynchronise().await;
                if !self.is_behind() {
                    due.backoff = Backoff::until(self.retry_interval);
                }
                due.retry_at = time::Instant::now() + due.backoff.pause();
            }
            // The disk's pace is not FRR's: it is tried again whatever a comparison took.
            () = time::sleep_until(due.mend_at) => {
                self.mend_journal().await;
                due.mend_at = time::Instant::now() + MEND;
            }
            () = time::sleep_until(due.resync_at) => {
                let begun = Instant::now();
                self.resynchronise().await;
                let pause = (begun.elapsed() * RESYNC_SHARE).clamp(RESYNC, LONGEST_RESYNC);
                due.resync_at = time::Instant::now() + pause;
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
        state.residue.extend(after);
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
            // A commit is never a turn of its own.
            Some(Turn::Other(Request::Commit(request, answer))) => {
                self.batch(vec![(request, answer)]).await;
            }
            None => {}
        }
    }

    async fn plan(&mut self, request: &CommitRequest) -> Result<Plan, CommitError> {
        let before = self.store().clone();
        let after = self.permit(&before, request)?;
        let plan = match self.engine.validate(self.fragment(&after, &[request])).await {
            Ok(_) => {
                let desired = self.desired(&after, request.changes.iter().map(Change::key));
                let scope = self.scope_of(&before, &[request]);
                self.engine.plan(&desired, &scope).await
            }
            Err(error) => Err(error),
        };
        plan.map_err(|error| refusal(error, &[request], self.engine.shapes(), &before))
    }

    fn is_behind(&self) -> bool {
        self.out_of_step.is_some() || !self.unreachable.is_empty()
    }

    /// Decides a batch: together where FRR takes all of it, else each request alone.
    async fn batch(&mut self, batch: Vec<Enquiry>) {
        let mut accepted = Vec::new();
        let mut transactions: Vec<Arc<Transaction>> = Vec::new();
        let mut store = self.store().clone();
        for (request, answer) in batch {
            let permitted = self.permit(&store, &request);
            match permitted.and_then(|after| self.may_wait(&request, &transactions).map(|()| after))
            {
                Ok(after) => {
                    transactions.push(Arc::new(self.transaction(&request, &store, &after)));
                    store = after;
                    accepted.push((request, answer));
                }
                Err(error) => self.answer(&request, answer, Err(error)),
            }
        }
        if accepted.is_empty() {
            return;
        }
        // What takes over has a scope of its own.
        if accepted.len() > 1 && accepted.iter().any(|(request, _)| request.take_over) {
            for (request, answer) in accepted {
                let result = self.alone(&request).await;
                self.answer(&request, answer, result);
            }
            return;
        }
        self.observer.batch(accepted.len(), self.turns.len() + self.requests.len());
        let requests: Vec<&CommitRequest> = accepted.iter().map(|(request, _)| request).collect();
        match self.carry_out(store, &transactions, &requests).await {
            Ok(outcome) => {
                for ((request, answer), transaction) in accepted.into_iter().zip(&transactions) {
                    self.answer(&request, answer, Ok(committed(transaction, outcome)));
                }
            }
            Err(error) if accepted.len() == 1 => {
                for (request, answer) in accepted {
                    self.answer(&request, answer, Err(error.clone()));
                }
            }
            // One of them is to blame: the others shall not suffer for it.
            Err(_) => {
                for (request, answer) in accepted {
                    let result = self.alone(&request).await;
                    self.answer(&request, answer, result);
                }
            }
        }
    }

    /// The store as the request leaves it, where its owner may do that.
    fn permit(&self, store: &Store, request: &CommitRequest) -> Result<Store, CommitError> {
        let policies = self.policies.borrow().clone();
        let changes = self.changes_to_judge(store, request)?;
        let after =
            check_all(&policies, store, &request.owner, &changes).map_err(CommitError::Policy)?;
        self.has_models_for(&request.changes)?;
        if let Some(capacity) = self.capacity {
            capacity
                .check(store, &after, &request.changes)
                .map_err(|violation| CommitError::Policy(vec![violation]))?;
        }
        Ok(after)
    }

    /// Whether what is declared can be configured with the models that are loaded. To take away is always permitted: it
    /// is carried out when they are back.
    fn has_models_for(&self, changes: &[Change]) -> Result<(), CommitError> {
        for change in changes {
            let Change::Set(intent) = change else { continue };
            let key = intent.key();
            let daemons = match intent {
                Intent::Peer(peer) if peer.bfd.is_none() => &[Daemon::Bgpd],
                _ => kinds::of(key.kind()).executors,
            };
            let lacks = |daemon: &Daemon| Some((*daemon, self.engine.unusable(*daemon)?));
            if let Some((daemon, why)) = daemons.iter().find_map(lacks) {
                let message = format!("{key}: nothing can be configured in {daemon}: {why}");
                return Err(CommitError::Refused { message });
            }
        }
        Ok(())
    }

    /// Whether what the request changes may wait to be confirmed, beside what does already and `others` of its batch.
    fn may_wait(
        &self,
        request: &CommitRequest,
        others: &[Arc<Transaction>],
    ) -> Result<(), CommitError> {
        let Some(first) = request.changes.first().filter(|_| request.confirm_within.is_some())
        else {
            return Ok(());
        };
        let mut waiting = Waiting::default();
        let history = self.journal.state().history.iter().filter(|t| t.awaits_confirmation());
        let others = others.iter().filter(|t| t.confirm_by.is_some());
        for transaction in history.chain(others) {
            waiting.add(&transaction.owner, transaction.changes.iter().map(|change| &change.key));
        }
        let keys: Vec<_> = request.changes.iter().map(Change::key).collect();
        waiting.add(&request.owner, &keys);
        let policies = self.policies.borrow().clone();
        waiting
            .check(&policies, self.capacity, &request.owner, first.key())
            .map_err(|violation| CommitError::Policy(vec![violation]))
    }

    /// The transaction that carries out a request.
    fn transaction(
        &mut self,
        request: &CommitRequest,
        before: &Store,
        after: &Store,
    ) -> Transaction {
        let CommitRequest { owner, origin, changes, .. } = request;
        let stands = |change: &&Change| {
            // What is only kept in FRR is declared no more.
            let key = change.key();
            before.get(&key).is_some() || after.get(&key).is_some()
        };
        let changes: Vec<Change> = changes.iter().filter(stands).cloned().collect();
        let mut transaction = Transaction::new(owner, origin, &changes, before, after);
        if let Some(within) = request.confirm_within {
            transaction.confirm_by = Some(transaction.begun + within);
            self.deadlines.insert(transaction.id, Instant::now() + within);
        }
        transaction
    }

    /// Decides one request by itself.
    async fn alone(&mut self, request: &CommitRequest) -> Result<Committed, CommitError> {
        let after = self.permit(self.store(), request)?;
        self.may_wait(request, &[])?;
        let before = self.store().clone();
        let transaction = Arc::new(self.transaction(request, &before, &after));
        let outcome = self.carry_out(after, std::slice::from_ref(&transaction), &[request]).await?;
        Ok(committed(&transaction, outcome))
    }

    /// Carries out what was permitted, where FRR takes it, or will as soon as it can be reached.
    async fn carry_out(
        &mut self,
        after: Store,
        transactions: &[Arc<Transaction>],
        requests: &[&CommitRequest],
    ) -> Result<Outcome, CommitError> {
        let begun = Instant::now();
        let before = self.store().clone();
        let ids: Vec<_> = transactions.iter().map(|transaction| transaction.id).collect();
        let judging = self.judge_part(&after, requests);
        // On disk before FRR is touched. That takes the disk about as long as it takes libyang to judge.
        let prepared = self.journal.prepare(transactions.to_vec()).await;
        self.tell_of_journal();
        if let Err(error) = prepared {
            // Status and probes say why.
            self.publish();
            return Err(error.into());
        }
        self.observer.stage(Stage::Journal, Door::Agent, begun.elapsed(), 0);

        self.try_stuck_again(requests);
        let mut result = self.send(&after, requests, judging).await;
        if let Err(EngineError::Refused { at, .. }) = &result
            && self.is_about_others(at.as_ref(), requests)
        {
            // What was left to do before stands in the way: it is left out first.
            self.resynchronise().boxed().await;
            result = self.send(&after, requests, None).await;
        }
        let Applied { sent, unreachable } = match result {
            Ok(applied) => applied,
            Err(error) => {
                self.observer.transaction("refused", begun.elapsed());
                if let EngineError::NotUndone { .. } = error {
                    error!(%error, "FRR is not as it was");
                    self.out_of_step = Some(error.to_string());
                    let set = transactions.iter().flat_map(|t| &t.changes);
                    let set = set.filter_map(|change| change.after.as_ref());
                    let suspects: Vec<_> = set.map(|owned| owned.intent.clone()).collect();
                    self.journal.suspect(suspects).await;
                }
                let error = refusal(error, requests, self.engine.shapes(), &before);
                let ending = Ending::Refused(error.to_string());
                let settled = self.settle(ids, ending, begun, false).await;
                self.publish();
                return Err(match settled {
                    Ok(()) => error,
                    Err(doubt) => error.not_kept(&doubt),
                });
            }
        };
        let changes = || requests.iter().flat_map(|request| &request.changes);
        for change in changes() {
            self.rejected.remove(&change.key());
        }
        self.unreachable = unreachable;
        self.note_others();
        let waits = changes().any(|change| self.is_unreachable(&change.key()));
        let outcome = match (waits, sent) {
            (true, _) => Outcome::Pending,
            (false, 0) => Outcome::Unchanged,
            (false, _) => Outcome::Confirmed,
        };
        debug!(sent, ?outcome, took = ?begun.elapsed(), "commit");
        let clean = !self.is_behind() && self.stuck.is_empty();
        if let Err(error) = self.settle(ids, Ending::Done(outcome), begun, clean).await {
            // It is prepared on disk: the next start applies it.
            error!(%error, "the journal lacks how a transaction ended");
        }
        let store = self.store().clone();
        let differences = store.diff(&before);
        self.unconfirmed.extend(differences.filter_map(|(key, b, n)| of_change(key, b, n)));
        self.tell(outcome, begun);
        Ok(outcome)
    }

    /// Whether a refusal is about something that these requests do not change.
    fn is_about_others(&self, at: Option<&(Daemon, Path)>, requests: &[&CommitRequest]) -> bool {
        let (store, shapes) = (self.store(), self.engine.shapes());
        match at {
            Some((daemon, path)) => {
                let is_of = |request: &&CommitRequest| {
                    blame(&request.changes, *daemon, path, shapes, store).is_some()
                };
                !requests.iter().any(is_of)
            }
            None => self.is_behind() || !self.journal.state().residue.is_empty(),
        }
    }

    /// Has the changes judged and applied.
    async fn send(
        &mut self,
        after: &Store,
        requests: &[&CommitRequest],
        judging: Option<Judging>,
    ) -> Result<Applied, EngineError> {
        if let Some(judging) = judging
            && let Some(applied) = self.send_part(judging).await?
        {
            return Ok(applied);
        }
        let judged = self.engine.validate(self.fragment(after, requests));
        let keys: BTreeSet<IntentKey> =
            requests.iter().flat_map(|request| &request.changes).map(Change::key).collect();
        let daemons = match self.out_of_step {
            Some(_) => BTreeSet::from(Daemon::ALL),
            None => keys.iter().flat_map(|key| kinds::of(key.kind()).touches).copied().collect(),
        };
        let desired = self.desired_of(&daemons, after, &keys);
        let scope = self.scope_of(&self.store().clone(), requests);
        let applied =
            self.engine.commit_to(&daemons, &desired, &scope, judged, &mut self.journal).await?;
        Ok(self.with_others(applied, &daemons))
    }

    /// What could not be reached before and was not tried now is out of reach as far as is known.
    fn with_others(&self, mut applied: Applied, tried: &BTreeSet<Daemon>) -> Applied {
        let others = self.unreachable.iter().filter(|(daemon, _)| !tried.contains(daemon));
        applied.unreachable.extend(others.map(|(daemon, why)| (*daemon, why.clone())));
        applied
    }

    /// What the requests set, in an instance, without which a neighbour is not valid.
    fn fragment(
        &self,
        after: &Store,
        requests: &[&CommitRequest],
    ) -> impl Iterator<Item = Arc<Tree>> + use<> {
        let changes = requests.iter().flat_map(|request| &request.changes);
        let set = changes.filter_map(|change| match change {
            Change::Set(intent) => Some(intent),
            Change::Remove(_) => None,
        });
        let instance = after.bgp().cloned().map(Intent::Bgp);
        render(set.chain(&instance), self.engine.shapes()).into_values().map(Arc::new)
    }

    /// Writes how transactions ended.
    ///
    /// # Errors
    /// That they were refused is not on disk.
    async fn settle(
        &mut self,
        ids: Vec<TransactionId>,
        ending: Ending,
        begun: Instant,
        clean: bool,
    ) -> Result<(), JournalError> {
        let settling = Instant::now();
        let settled = self.journal.settle(ids, ending, begun.elapsed(), clean).await;
        self.observer.stage(Stage::Journal, Door::Agent, settling.elapsed(), 0);
        self.observer.journal_size(self.journal.size());
        self.tell_of_journal();
        settled
    }

    /// Tells what is the matter with the journal.
    fn tell_of_journal(&self) {
        let (writable, damaged) = (self.journal.is_writable(), self.journal.damaged());
        self.observer.journal(writable, damaged, self.journal.concerns());
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

    /// Whether a daemon that executes this intent can't be reached.
    fn is_unreachable(&self, key: &IntentKey) -> bool {
        kinds::of(key.kind()).executors.iter().any(|daemon| self.unreachable.contains_key(daemon))
    }

    /// Tells everybody how a transaction with FRR ended.
    fn tell(&mut self, outcome: Outcome, begun: Instant) {
        let result = match outcome {
            Outcome::Confirmed => "confirmed",
            Outcome::Unchanged => "unchanged",
            Outcome::Pending => "pending",
        };
        self.observer.transaction(result, begun.elapsed());
        self.publish();
        for event in std::mem::take(&mut self.unconfirmed) {
            let key = match &event {
                Event::PrefixAdvertised { prefix, protocol, .. }
                | Event::PrefixWithdrawn { prefix, protocol, .. } => {
                    IntentKey::Prefix(*protocol, *prefix)
                }
                // All else that waits here is told of the instance.
                _ => IntentKey::Bgp,
            };
            let advertised = matches!(event, Event::PrefixAdvertised { .. });
            if self.is_unreachable(&key) {
                self.unconfirmed.push(event);
            } else if !(advertised
                && (self.rejected.contains_key(&key) || self.hindered.contains_key(&key)))
            {
                self.events.publish(event);
            }
        }
    }

    /// The trees of all intents that FRR did not refuse; `anew` are tried again.
    fn desired(&self, store: &Store, anew: impl Iterator<Item = IntentKey>) -> Forest {
        self.desired_of(&BTreeSet::from(Daemon::ALL), store, &anew.collect())
    }

    /// The trees of these daemons alone.
    fn desired_of(
        &self,
        daemons: &BTreeSet<Daemon>,
        store: &Store,
        anew: &BTreeSet<IntentKey>,
    ) -> Forest {
        let wanted = store
            .iter()
            .filter(|(key, _)| anew.contains(key) || !self.rejected.contains_key(key))
            .filter(|(_, owned)| !store.is_overruled(owned))
            .map(|(_, owned)| &owned.intent);
        change::render_for(daemons, wanted, self.engine.shapes())
    }

    fn publish(&self) {
        let view = View {
            store: self.store().clone(),
            unreachable: self.unreachable.clone(),
            out_of_step: self.out_of_step.clone(),
            rejected: self
                .rejected
                .iter()
                .chain(&self.hindered)
                .map(|(k, v)| (*k, v.clone()))
                .collect(),
            stuck: self.stuck.clone(),
            kept: self.engine.kept().clone(),
            drifted: self.drifted.clone(),
            history: self.journal.state().history.clone(),
            journal: self.journal.concerns().to_vec(),
            configured: self.configured.clone(),
        };
        let now = Arc::new(view);
        let before = self.publish.send_replace(now.clone());
        self.observer.state(&before, &now);
    }

    fn answer(
        &self,
        request: &CommitRequest,
        answer: oneshot::Sender<Result<Committed, CommitError>>,
        result: Result<Committed, CommitError>,
    ) {
        self.observer.request(request, result.is_ok());
        match &result {
            Ok(committed) => info!(
                transaction = %committed.id, owner = %request.owner, call = request.origin,
                changes = request.changes.len(), outcome = ?committed.outcome, "committed"
            ),
            Err(error) => info!(
                owner = %request.owner, call = request.origin, changes = request.changes.len(),
                %error, "refused"
            ),
        }
        // A client that went away does not get its answer.
        let _ = answer.send(result);
    }
}

/// The answer to the request that a transaction carried out.
fn committed(transaction: &Transaction, outcome: Outcome) -> Committed {
    let before = transaction.changes.iter().map(|change| change.before.as_ref());
    let previous = before.map(|owned| owned.map(|owned| owned.intent.clone())).collect();
    Committed { id: transaction.id, outcome, previous }
}

/// The engine's error in the client's terms: with the change that is to blame, where that is known.
fn refusal(
    error: EngineError,
    requests: &[&CommitRequest],
    shapes: Shapes,
    before: &Store,
) -> CommitError {
    match error {
        EngineError::Refused { message, at } => {
            let [request] = requests else { return CommitError::Refused { message } };
            let blamed = at
                .and_then(|(daemon, path)| blame(&request.changes, daemon, &path, shapes, before));
            let message = match blamed {
                Some(index) if request.changes.len() > 1 => {
                    format!("changes[{index}] ({}): {message}", request.changes[index].key())
                }
                _ => message,
            };
            CommitError::Refused { message }
        }
        EngineError::NotUndone { message, undo } => CommitError::NotUndone { message, undo },
    }
}
