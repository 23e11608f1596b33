//! The actor: takes what queues as one batch, decides, has the engine apply it, answers.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{self, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    Applied, CommitError, CommitHandle, CommitRequest, Committed, Ending, Engine, EngineError,
    Finish, Outcome, Plan, Transaction, TransactionId, View, blame::blame, handle::Request,
};
use crate::{
    daemon::{Daemon, Forest},
    events::{Bus, Event, of_change},
    journal::{Journal, JournalError},
    model::{BgpGlobal, Change, Intent, IntentKey, IntentKind, OwnerName},
    policy::{Policies, check_all},
    render::{Shapes, render},
    store::Store,
};

/// Requests that are taken into one batch at the most: it bounds how long the first of
/// them waits for the others' lines.
const MAX_BATCH: usize = 1024;

/// Time between two full comparisons of FRR with what is desired while nothing happens. Drift is rare,
/// and reading a large configuration is not free.
const RESYNC: Duration = Duration::from_secs(30);

/// First wait before FRR is tried again after it went away; doubled up to the configured
/// interval. A daemon that was killed is back within a second or two.
const FIRST_RETRY: Duration = Duration::from_millis(200);

/// Time between two signs of life while there is nothing to do.
const BEAT: Duration = Duration::from_secs(2);

/// Is told how commits go: metrics and health.
pub trait Observer: Send + Sync {
    /// The actor makes progress: told every few seconds while it has nothing to do, and with
    /// each batch.
    fn beat(&self);
    /// A transaction with FRR has ended: `result` is confirmed, unchanged, pending or refused.
    fn transaction(&self, result: &'static str, took: Duration);
    /// One request was decided.
    fn request(&self, request: &CommitRequest, accepted: bool);
    /// A full comparison of FRR with what is desired has ended.
    fn resynchronised(&self, took: Duration);
    /// What was published before, and the store as it stands now with what FRR still lacks of it.
    fn state(&self, before: &View, now: &View);
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn beat(&self) {}
    fn transaction(&self, _: &'static str, _: Duration) {}
    fn request(&self, _: &CommitRequest, _: bool) {}
    fn resynchronised(&self, _: Duration) {}
    fn state(&self, _: &View, _: &View) {}
}

/// The one writer.
pub struct Actor {
    requests: mpsc::Receiver<Request>,
    publish: watch::Sender<Arc<View>>,
    policies: watch::Receiver<Arc<Policies>>,
    events: Bus,
    observer: Arc<dyn Observer>,
    engine: Engine,
    retry_interval: Duration,
    /// Every intent, what FRR may still have of earlier ones, and the history; all on disk.
    journal: Journal,
    /// Intents that FRR refused when it came back, with its words: left out until they change.
    rejected: BTreeMap<IntentKey, String>,
    /// What FRR still lacks.
    unreachable: BTreeMap<Daemon, String>,
    /// Set where FRR and the store may differ for another reason.
    out_of_step: Option<String>,
    /// Events of what is stored and not confirmed yet.
    unconfirmed: Vec<Event>,
    /// When a transaction that was not confirmed in time could not be rolled back.
    rollback_failed: Option<Instant>,
}

/// A request to commit, with the place for its answer.
type Enquiry = (CommitRequest, oneshot::Sender<Result<Committed, CommitError>>);

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
    /// The BGP instance that the configuration declares, and who owns it.
    pub configured: Option<(OwnerName, BgpGlobal)>,
}

impl Actor {
    /// The actor, and the handle that leads to it. What survived in the journal is adopted: it counts
    /// as being in FRR already, as far as FRR has it.
    ///
    /// # Errors
    /// The journal can't be written.
    pub fn new(mut parts: Parts) -> Result<(CommitHandle, Self), JournalError> {
        let (handle, requests, publish) = CommitHandle::channel();
        let shapes = parts.engine.shapes();
        let state = parts.journal.state();
        let stored = state.store.iter().map(|(_, owned)| &owned.intent);
        parts.engine.adopt(render(state.residue.iter().chain(stored), shapes));
        adopt_configured(&mut parts.journal, parts.configured)?;
        let actor = Self {
            requests,
            publish,
            policies: parts.policies,
            events: parts.events,
            observer: parts.observer,
            engine: parts.engine,
            retry_interval: parts.retry_interval,
            journal: parts.journal,
            rejected: BTreeMap::new(),
            unreachable: BTreeMap::new(),
            out_of_step: Some("FRR has not been read yet".to_owned()),
            unconfirmed: Vec::new(),
            rollback_failed: None,
        };
        actor.publish();
        Ok((handle, actor))
    }

    fn store(&self) -> &Store {
        &self.journal.state().store
    }

    /// Runs until all handles are gone or `stop` is cancelled; a commit that runs is finished first.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut wait = FIRST_RETRY;
        let mut retry_at = time::Instant::now();
        let mut full = time::interval(RESYNC);
        full.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beat = time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut taken = Vec::new();
        loop {
            self.observer.beat();
            let behind = self.is_behind();
            let overdue = self.next_deadline();
            // Requests come last, so that a flood of them holds up nothing that is due.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = time::sleep(overdue.unwrap_or_default()), if overdue.is_some() => {
                    self.roll_back_overdue().await;
                }
                daemon = self.engine.closed() => {
                    info!(%daemon, "FRR's daemon hung up");
                    self.out_of_step = Some(format!("{daemon} was restarted"));
                    wait = FIRST_RETRY;
                    retry_at = time::Instant::now() + wait;
                }
                () = time::sleep_until(retry_at), if behind => {
                    self.resynchronise().await;
                    wait = (wait * 2).min(self.retry_interval);
                    if !self.is_behind() {
                        wait = FIRST_RETRY;
                    }
                    retry_at = time::Instant::now() + wait;
                }
                _ = full.tick() => self.resynchronise().await,
                count = self.requests.recv_many(&mut taken, MAX_BATCH) => {
                    if count == 0 {
                        break;
                    }
                    self.serve(std::mem::take(&mut taken)).await;
                }
                _ = beat.tick() => {}
            }
        }
        self.requests.close();
    }

    /// Serves requests in their order; commits that stand together are one batch.
    async fn serve(&mut self, requests: Vec<Request>) {
        let mut batch = Vec::new();
        for request in requests {
            match request {
                Request::Commit(request, answer) => batch.push((request, answer)),
                other => {
                    self.batch(std::mem::take(&mut batch)).await;
                    self.serve_one(other).await;
                }
            }
        }
        self.batch(batch).await;
    }

    async fn serve_one(&mut self, request: Request) {
        // A client that went away does not get its answer.
        match request {
            Request::Commit(request, answer) => self.batch(vec![(request, answer)]).await,
            Request::Plan(request, answer) => drop(answer.send(self.plan(&request).await)),
            Request::Confirm(owner, id, answer) => drop(answer.send(self.confirm(&owner, id))),
            Request::RollBack(owner, id, answer) => {
                drop(answer.send(self.roll_back(&owner, id).await));
            }
        }
    }

    async fn plan(&mut self, request: &CommitRequest) -> Result<Plan, CommitError> {
        let before = self.store().clone();
        let after = self.permit(&before, request)?;
        let plan = match self.engine.validate(self.fragment(&after, &[request])).await {
            Ok(()) => {
                let desired = self.desired(&after, request.changes.iter().map(Change::key));
                self.engine.plan(&desired).await
            }
            Err(error) => Err(error),
        };
        plan.map_err(|error| refusal(error, &[request], self.engine.shapes(), &before))
    }

    /// The transaction of this name, if this owner may decide over it.
    fn remembered(
        &self,
        owner: &OwnerName,
        id: TransactionId,
    ) -> Result<Arc<Transaction>, CommitError> {
        let found = self.journal.state().history.iter().find(|t| t.id == id);
        let message = || format!("transaction {id} is not remembered; see 'transactions'");
        let transaction =
            found.ok_or_else(|| CommitError::NoSuchTransaction { message: message() })?;
        if transaction.owner != *owner && !owner.is_admin() {
            return Err(CommitError::NotYours { id, owner: transaction.owner.clone() });
        }
        Ok(transaction.clone())
    }

    fn confirm(&mut self, owner: &OwnerName, id: TransactionId) -> Result<(), CommitError> {
        let transaction = self.remembered(owner, id)?;
        if !transaction.awaits_confirmation() {
            let state = match transaction.finish {
                Some(finish) => format!("is {finish} already"),
                None => "does not wait to be confirmed".to_owned(),
            };
            let message = format!("transaction {id} {state}");
            return Err(CommitError::NoSuchTransaction { message });
        }
        info!(%owner, transaction = %id, "confirmed");
        let finished = self.journal.finish(id, Finish::Confirmed);
        self.publish();
        finished.map_err(|error| CommitError::NotDurable { message: error.to_string() })
    }

    /// Puts back what stood before a transaction, where nothing of it has been changed since.
    async fn roll_back(
        &mut self,
        owner: &OwnerName,
        id: TransactionId,
    ) -> Result<Committed, CommitError> {
        let transaction = self.remembered(owner, id)?;
        let unfit = match (&transaction.ending, transaction.finish) {
            (_, Some(Finish::RolledBack)) => Some("is rolled back already"),
            (Some(Ending::Refused(_)), _) => Some("was refused: nothing of it is there"),
            _ => None,
        };
        if let Some(unfit) = unfit {
            let message = format!("transaction {id} {unfit}");
            return Err(CommitError::NoSuchTransaction { message });
        }
        let changed =
            |change: &&super::Changed| self.store().get(&change.key) != change.after.as_ref();
        let keys: Vec<_> = transaction.changes.iter().filter(changed).map(|c| c.key).collect();
        if !keys.is_empty() {
            return Err(CommitError::ChangedSince { keys });
        }
        self.put_back(&transaction, owner, "Rollback").await
    }

    /// Applies what puts a transaction back, as a transaction of its own.
    async fn put_back(
        &mut self,
        transaction: &Transaction,
        owner: &OwnerName,
        origin: &'static str,
    ) -> Result<Committed, CommitError> {
        let before = self.store().clone();
        let mut after = before.clone();
        let mut changes = Vec::new();
        for change in transaction.changes.iter().rev() {
            // What somebody has changed since is theirs.
            if before.get(&change.key) == change.after.as_ref() {
                after.restore(change.key, change.before.clone());
                changes.push(match &change.before {
                    Some(owned) => Change::Set(owned.intent.clone()),
                    None => Change::Remove(change.key),
                });
            }
        }
        let needs_bgp =
            |key: &IntentKey| matches!(key.kind(), IntentKind::Peer | IntentKind::Prefix);
        if after.bgp().is_none() && after.iter().any(|(key, _)| needs_bgp(key)) {
            let message =
                "it set up BGP, which peers and prefixes declared since need; withdraw them first";
            return Err(CommitError::Refused { message: message.to_owned() });
        }
        let request = CommitRequest { owner: owner.clone(), origin, changes, confirm_within: None };
        let back = Transaction::new(owner, origin, &request.changes, &before, &after);
        let id = back.id;
        let outcome = self.carry_out(after, vec![back], &[&request]).await?;
        let finished = self.journal.finish(transaction.id, Finish::RolledBack);
        if let Err(error) = finished {
            error!(%error, "the journal lacks a rollback");
        }
        info!(%owner, transaction = %transaction.id, ?outcome, "rolled back");
        self.publish();
        let previous = transaction.changes.iter().rev().map(|c| c.after.clone());
        let previous = previous.map(|owned| owned.map(|owned| owned.intent)).collect();
        Ok(Committed { id, outcome, previous })
    }

    /// Time until the next transaction rolls back by itself.
    fn next_deadline(&self) -> Option<Duration> {
        let history = self.journal.state().history.iter();
        let deadlines = history.filter(|t| t.awaits_confirmation()).filter_map(|t| t.confirm_by);
        let next = deadlines.min()?.duration_since(SystemTime::now()).unwrap_or_default();
        let tried = self.rollback_failed.map(|at| (at + self.retry_interval) - Instant::now());
        Some(next.max(tried.unwrap_or_default()))
    }

    async fn roll_back_overdue(&mut self) {
        let now = SystemTime::now();
        let history = self.journal.state().history.iter().rev();
        let overdue: Vec<_> = history
            .filter(|t| t.awaits_confirmation() && t.confirm_by.is_some_and(|by| by <= now))
            .cloned()
            .collect();
        for transaction in overdue {
            warn!(transaction = %transaction.id, "not confirmed in time");
            let owner = transaction.owner.clone();
            if let Err(error) = self.put_back(&transaction, &owner, "ConfirmTimeout").await {
                // FRR refuses what it had, or others need it: later perhaps.
                error!(transaction = %transaction.id, %error, "can't be rolled back");
                self.rollback_failed = Some(Instant::now());
                return;
            }
        }
        self.rollback_failed = None;
    }

    fn is_behind(&self) -> bool {
        self.out_of_step.is_some() || !self.unreachable.is_empty()
    }

    /// Decides a batch: together where FRR takes all of it, else each request alone.
    async fn batch(&mut self, batch: Vec<Enquiry>) {
        let before = self.store().clone();
        let mut accepted = Vec::new();
        let mut store = before.clone();
        for (request, answer) in batch {
            match self.permit(&store, &request) {
                Ok(after) => {
                    store = after;
                    accepted.push((request, answer));
                }
                Err(error) => self.answer(&request, answer, Err(error)),
            }
        }
        if accepted.is_empty() {
            return;
        }
        let requests: Vec<&CommitRequest> = accepted.iter().map(|(request, _)| request).collect();
        match self.apply(store, &requests).await {
            Ok((outcome, ids)) => {
                let mut seen = before;
                for ((request, answer), id) in accepted.into_iter().zip(ids) {
                    let committed = committed(&mut seen, &request, id, outcome);
                    self.answer(&request, answer, Ok(committed));
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
                    let before = self.store().clone();
                    let result = match self.permit(&before, &request) {
                        Ok(after) => self.apply(after, &[&request]).await,
                        Err(error) => Err(error),
                    };
                    let result = result.map(|(outcome, ids)| {
                        committed(&mut before.clone(), &request, ids[0], outcome)
                    });
                    self.answer(&request, answer, result);
                }
            }
        }
    }

    /// The store as the request leaves it, where its owner may do that.
    fn permit(&self, store: &Store, request: &CommitRequest) -> Result<Store, CommitError> {
        let policies = self.policies.borrow().clone();
        check_all(&policies, store, &request.owner, &request.changes).map_err(CommitError::Policy)
    }

    /// Makes `after` the store where FRR takes it, or will as soon as it can be reached. Gives the ids of
    /// the transactions, one for each request.
    async fn apply(
        &mut self,
        after: Store,
        requests: &[&CommitRequest],
    ) -> Result<(Outcome, Vec<TransactionId>), CommitError> {
        let mut seen = self.store().clone();
        let mut transactions = Vec::with_capacity(requests.len());
        for request in requests {
            let mut next = seen.clone();
            for change in &request.changes {
                next.apply(&request.owner, change);
            }
            let (owner, origin) = (&request.owner, request.origin);
            let mut transaction = Transaction::new(owner, origin, &request.changes, &seen, &next);
            transaction.confirm_by =
                request.confirm_within.map(|within| transaction.begun + within);
            transactions.push(transaction);
            seen = next;
        }
        let ids = transactions.iter().map(|transaction| transaction.id).collect();
        let outcome = self.carry_out(after, transactions, requests).await?;
        Ok((outcome, ids))
    }

    async fn carry_out(
        &mut self,
        after: Store,
        transactions: Vec<Transaction>,
        requests: &[&CommitRequest],
    ) -> Result<Outcome, CommitError> {
        let begun = Instant::now();
        let before = self.store().clone();
        let ids: Vec<_> = transactions.iter().map(|transaction| transaction.id).collect();
        // On disk before FRR is touched.
        self.journal
            .prepare(&transactions)
            .map_err(|error| CommitError::NotDurable { message: error.to_string() })?;

        let result = self.send(&after, requests).await;
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
                    if let Err(error) = self.journal.suspect(&suspects) {
                        error!(%error, "the journal lacks what FRR may have");
                    }
                }
                let error = refusal(error, requests, self.engine.shapes(), &before);
                self.settle(&ids, Ending::Refused(error.to_string()), begun, false);
                self.publish();
                return Err(error);
            }
        };
        let changes = || requests.iter().flat_map(|request| &request.changes);
        for change in changes() {
            self.rejected.remove(&change.key());
        }
        self.unreachable = unreachable;
        let waits = changes().any(|change| self.is_unreachable(change.key().kind()));
        let outcome = match (waits, sent) {
            (true, _) => Outcome::Pending,
            (false, 0) => Outcome::Unchanged,
            (false, _) => Outcome::Confirmed,
        };
        debug!(sent, ?outcome, took = ?begun.elapsed(), "commit");
        self.settle(&ids, Ending::Done(outcome), begun, !self.is_behind());
        let store = self.store().clone();
        let differences = store.diff(&before);
        self.unconfirmed.extend(differences.filter_map(|(key, b, n)| of_change(key, b, n)));
        self.tell(outcome, begun);
        Ok(outcome)
    }

    /// Has the changes judged and applied.
    async fn send(
        &mut self,
        after: &Store,
        requests: &[&CommitRequest],
    ) -> Result<Applied, EngineError> {
        self.engine.validate(self.fragment(after, requests)).await?;
        let keys = requests.iter().flat_map(|request| &request.changes).map(Change::key);
        let desired = self.desired(after, keys);
        self.engine.commit(&desired).await
    }

    /// What the requests set, in an instance, without which a neighbour is not valid.
    fn fragment(&self, after: &Store, requests: &[&CommitRequest]) -> Forest {
        let changes = requests.iter().flat_map(|request| &request.changes);
        let set = changes.filter_map(|change| match change {
            Change::Set(intent) => Some(intent),
            Change::Remove(_) => None,
        });
        let instance = after.bgp().cloned().map(Intent::Bgp);
        render(set.chain(&instance), self.engine.shapes())
    }

    /// Writes how transactions ended. That the disk refuses this is no reason to refuse the client: it has
    /// the preparation, and would apply it again.
    fn settle(&mut self, ids: &[TransactionId], ending: Ending, begun: Instant, clean: bool) {
        if let Err(error) = self.journal.settle(ids, &ending, begun.elapsed(), clean) {
            error!(%error, "the journal lacks how a transaction ended");
        }
    }

    /// Whether a daemon that executes this kind of intent can't be reached.
    fn is_unreachable(&self, kind: IntentKind) -> bool {
        let daemons: &[Daemon] = match kind {
            IntentKind::StaticRoute => &[Daemon::Mgmtd],
            IntentKind::Peer => &[Daemon::Bgpd, Daemon::Bfdd],
            IntentKind::Bgp | IntentKind::Prefix => &[Daemon::Bgpd],
        };
        daemons.iter().any(|daemon| self.unreachable.contains_key(daemon))
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
        // All that waits here is told of BGP.
        if !self.unreachable.contains_key(&Daemon::Bgpd) {
            for event in std::mem::take(&mut self.unconfirmed) {
                let refused = match &event {
                    Event::PrefixAdvertised { prefix, protocol, .. } => {
                        self.rejected.contains_key(&IntentKey::Prefix(*protocol, *prefix))
                    }
                    _ => false,
                };
                if !refused {
                    self.events.publish(event);
                }
            }
        }
    }

    /// The trees of all intents that FRR did not refuse; `anew` are tried again.
    fn desired(&self, store: &Store, anew: impl Iterator<Item = IntentKey>) -> Forest {
        let anew: std::collections::BTreeSet<_> = anew.collect();
        let wanted = store
            .iter()
            .filter(|(key, _)| anew.contains(key) || !self.rejected.contains_key(key))
            .map(|(_, owned)| &owned.intent);
        render(wanted, self.engine.shapes())
    }

    /// Compares FRR with all that is desired and repairs what differs.
    async fn resynchronise(&mut self) {
        let begun = Instant::now();
        let desired = self.desired(self.store(), std::iter::empty());
        match self.engine.resynchronise(&desired).await {
            Ok(Applied { sent, unreachable }) => {
                if sent > 0 {
                    info!(sent, took = ?begun.elapsed(), "FRR brought back to what is desired");
                }
                if unreachable != self.unreachable {
                    for (daemon, why) in &unreachable {
                        warn!(%daemon, why, "FRR can't be reached");
                    }
                }
                self.unreachable = unreachable;
                self.out_of_step = None;
                let reached = self.unreachable.is_empty();
                if reached && !self.journal.state().residue.is_empty() {
                    // Nothing of ours is in FRR any more but what is stored.
                    self.settle(&[], Ending::Done(Outcome::Confirmed), begun, true);
                }
                self.tell(if reached { Outcome::Confirmed } else { Outcome::Pending }, begun);
            }
            Err(error) => {
                warn!(%error, "FRR refuses what is desired");
                self.observer.transaction("refused", begun.elapsed());
                self.out_of_step = Some(error.to_string());
                self.reject_one_by_one().await;
            }
        }
        self.observer.resynchronised(begun.elapsed());
    }

    /// Finds out which intents FRR refuses, by halving, so that it gets all the others. What it
    /// runs already stays meanwhile.
    async fn reject_one_by_one(&mut self) {
        let keep = self.desired(self.store(), std::iter::empty());
        let suspects: Vec<_> = self
            .store()
            .iter()
            .filter(|(key, _)| !self.rejected.contains_key(key))
            .map(|(_, owned)| owned.intent.clone())
            .collect();
        let mut taken: Vec<Intent> = Vec::new();
        let mut slices = vec![(0, suspects.len())];
        while let Some((from, to)) = slices.pop() {
            let range = from..to;
            let tried = taken.iter().chain(&suspects[range.clone()]);
            let part = render(tried, self.engine.shapes());
            match self.engine.commit_part(&part, &keep, true).await {
                Ok(applied) if applied.unreachable.is_empty() => {
                    taken.extend_from_slice(&suspects[range]);
                }
                Ok(applied) => {
                    self.unreachable = applied.unreachable;
                    return self.publish();
                }
                Err(error) if range.len() == 1 => {
                    let key = suspects[range.start].key();
                    error!(intent = %key, %error, "FRR refuses this intent");
                    self.rejected.insert(key, error.to_string());
                }
                Err(_) => {
                    let middle = range.start + range.len() / 2;
                    slices.push((middle, to));
                    slices.push((from, middle));
                }
            }
        }
        self.out_of_step = None;
        self.publish();
    }

    fn publish(&self) {
        let lacking: Vec<String> = self
            .unreachable
            .iter()
            .map(|(daemon, why)| format!("{daemon}: {why}"))
            .chain(self.out_of_step.clone())
            .collect();
        let pending = (!lacking.is_empty()).then(|| lacking.join("; "));
        let view = View {
            store: self.store().clone(),
            pending,
            rejected: self.rejected.clone(),
            history: self.journal.state().history.clone(),
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

/// Declares what the configuration says, where it says something else than at the last start; what
/// clients have set since then stands otherwise.
fn adopt_configured(
    journal: &mut Journal,
    configured: Option<(OwnerName, BgpGlobal)>,
) -> Result<(), JournalError> {
    let bgp = configured.as_ref().map(|(_, bgp)| bgp.clone());
    let news = bgp != journal.state().configured_bgp || journal.state().store.bgp().is_none();
    if let Some((owner, bgp)) = configured.filter(|_| news) {
        let before = journal.state().store.clone();
        let change = [Change::Set(Intent::Bgp(bgp))];
        let mut after = before.clone();
        after.apply(&owner, &change[0]);
        let transaction = Transaction::new(&owner, "configuration", &change, &before, &after);
        let id = transaction.id;
        journal.prepare(&[transaction])?;
        journal.settle(&[id], &Ending::Done(Outcome::Pending), Duration::ZERO, false)?;
    }
    journal.configured(bgp)
}

/// The answer to one request of a batch, and the store as the next one met it.
fn committed(
    store: &mut Store,
    request: &CommitRequest,
    id: TransactionId,
    outcome: Outcome,
) -> Committed {
    let previous = request
        .changes
        .iter()
        .map(|change| store.apply(&request.owner, change).map(|owned| owned.intent))
        .collect();
    Committed { id, outcome, previous }
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
