//! A transaction from the journal to FRR and back: prepared on disk, sent by the engine, settled on disk, told.

use std::{collections::BTreeSet, sync::Arc};

use futures::FutureExt;
use tokio::time::Instant;
use tracing::{debug, error};

use super::{Actor, Stage, Via, change, slices::Judging};
use crate::{
    commit::{
        Applied, CommitError, CommitRequest, Ending, EngineError, Outcome, Plan, Transaction,
        TransactionId, blame::blame, sessions,
    },
    daemon::{Daemon, Forest},
    events::of_change,
    journal::JournalError,
    model::{Change, Intent, IntentKey},
    protocol::kinds,
    render::{Shapes, render},
    store::Store,
    tree::{Path, Tree},
};

impl Actor {
    /// What carrying out a request would do.
    pub(super) async fn plan(&mut self, request: &CommitRequest) -> Result<Plan, CommitError> {
        let request = &self.resolved(request)?;
        let before = self.store().clone();
        let after = self.permit(&before, request)?;
        let plan = match self.engine.validate(self.fragment(&after, &[request])).await {
            Ok(_) => {
                let desired = self.desired(&after, request.changes.iter().map(Change::key));
                let terms = self.terms_of(&before, &[request]);
                self.engine.plan(&desired, &terms).await
            }
            Err(error) => Err(error),
        };
        let plan =
            plan.map_err(|error| refusal(error, &[request], self.engine.shapes(), &before))?;
        Ok(Plan { sessions: sessions::changes(&before, &after), ..plan })
    }

    /// Carries out what was permitted, where FRR takes it, or will as soon as it can be reached.
    pub(super) async fn carry_out(
        &mut self,
        after: Store,
        transactions: &[Arc<Transaction>],
        requests: &[&CommitRequest],
    ) -> Result<Outcome, CommitError> {
        let begun = Instant::now();
        let before = self.store().clone();
        let judging = self.validate_part(&after, requests);
        // On disk before FRR is touched. That takes the disk about as long as it takes libyang to judge.
        let prepared = self.journal.prepare(transactions.to_vec()).await;
        self.tell_of_journal();
        if let Err(error) = prepared {
            // Status and probes say why.
            self.publish();
            return Err(error.into());
        }
        self.observer.stage(Stage::Journal, Via::Agent, begun.elapsed(), 0);

        self.try_stuck_again(requests);
        let mut result = self.send(&after, requests, judging).await;
        if let Err(EngineError::Refused { at, .. }) = &result
            && self.is_about_others(at.as_ref(), requests)
        {
            // What was left to do before stands in the way: it is left out first.
            self.resynchronise().boxed().await;
            result = self.send(&after, requests, None).await;
        }
        let outcome = match result {
            Ok(applied) => self.accepted(applied, requests),
            Err(error) => {
                self.observer.transaction("refused", begun.elapsed());
                return Err(self.refused(error, transactions, requests, &before, begun).await);
            }
        };
        debug!(?outcome, took = ?begun.elapsed(), "commit");
        let clean = !self.is_behind() && self.stuck.is_empty();
        let ids = ids_of(transactions);
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

    /// FRR has it, or will as soon as it can be reached.
    fn accepted(&mut self, applied: Applied, requests: &[&CommitRequest]) -> Outcome {
        let changes = || requests.iter().flat_map(|request| &request.changes);
        for change in changes() {
            self.rejected.remove(&change.key());
        }
        self.lags.set_away(applied.unreachable);
        self.note_others();
        let waits = changes().any(|change| self.is_unreachable(&change.key()));
        match (waits, applied.sent) {
            (true, _) => Outcome::Pending,
            (false, 0) => Outcome::Unchanged,
            (false, _) => Outcome::Confirmed,
        }
    }

    /// FRR or libyang has refused it: in the client's terms, and in the journal.
    async fn refused(
        &mut self,
        error: EngineError,
        transactions: &[Arc<Transaction>],
        requests: &[&CommitRequest],
        before: &Store,
        begun: Instant,
    ) -> CommitError {
        if let EngineError::NotUndone { .. } = error {
            error!(%error, "FRR is not as it was");
            self.lags.doubt(&error.to_string());
            let set = transactions.iter().flat_map(|t| &t.changes);
            let set = set.filter_map(|change| change.after.as_ref());
            let suspects: Vec<_> = set.map(|owned| owned.intent.clone()).collect();
            self.journal.suspect(suspects).await;
        }
        let error = refusal(error, requests, self.engine.shapes(), before);
        let ending = Ending::Refused(error.to_string());
        let settled = self.settle(ids_of(transactions), ending, begun, false).await;
        self.publish();
        match settled {
            Ok(()) => error,
            Err(doubt) => error.not_kept(&doubt),
        }
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
            None => self.is_behind() || !self.journal.state().orphaned.is_empty(),
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
            && let Some(applied) = self.send_part(after, judging).await?
        {
            return Ok(applied);
        }
        let judged = self.engine.validate(self.fragment(after, requests));
        let keys: BTreeSet<IntentKey> =
            requests.iter().flat_map(|request| &request.changes).map(Change::key).collect();
        let daemons = match self.lags.out_of_step() {
            Some(_) => BTreeSet::from(Daemon::ALL),
            None => keys.iter().flat_map(|key| kinds::of(key.kind()).touches).copied().collect(),
        };
        let desired = self.desired_of(&daemons, after, &keys);
        let terms = self.terms_of(&self.store().clone(), requests);
        let applied =
            self.engine.commit_to(&daemons, &desired, &terms, judged, &mut self.journal).await?;
        Ok(self.with_others(applied, &daemons))
    }

    /// What could not be reached before and was not tried now is out of reach as far as is known.
    pub(super) fn with_others(&self, mut applied: Applied, tried: &BTreeSet<Daemon>) -> Applied {
        let others = self.lags.away().filter(|(daemon, _)| !tried.contains(daemon));
        applied.unreachable.extend(others.map(|(daemon, why)| (daemon, why.to_owned())));
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
    pub(super) async fn settle(
        &mut self,
        ids: Vec<TransactionId>,
        ending: Ending,
        begun: Instant,
        clean: bool,
    ) -> Result<(), JournalError> {
        let settling = Instant::now();
        let settled = self.journal.settle(ids, ending, begun.elapsed(), clean).await;
        self.observer.stage(Stage::Journal, Via::Agent, settling.elapsed(), 0);
        self.observer.journal_size(self.journal.size());
        self.tell_of_journal();
        settled
    }

    /// The trees of all intents that FRR did not refuse; `anew` are tried again.
    pub(super) fn desired(&self, store: &Store, anew: impl Iterator<Item = IntentKey>) -> Forest {
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
}

fn ids_of(transactions: &[Arc<Transaction>]) -> Vec<TransactionId> {
    transactions.iter().map(|transaction| transaction.id).collect()
}

/// The engine's error in the client's terms: with the change that is to blame, where that is known.
pub(super) fn refusal(
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
        error @ EngineError::NotDurable { .. } => {
            CommitError::NotDurable { message: error.to_string() }
        }
        EngineError::NotUndone { message, undo } => CommitError::NotUndone { message, undo },
    }
}
