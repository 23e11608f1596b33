//! What queues during a commit is the next batch: decided together where FRR takes all of it, else each request alone.

use std::sync::Arc;

use tokio::{sync::oneshot, time::Instant};
use tracing::info;

use super::Actor;
use crate::{
    commit::{
        CommitError, CommitRequest, Committed, Outcome, Transaction, TransactionId, turns::Enquiry,
    },
    daemon::Daemon,
    model::{Change, Intent},
    policy::{Waiting, check_all},
    protocol::kinds,
    store::Store,
};

impl Actor {
    /// Decides a batch: together where FRR takes all of it, else each request alone.
    pub(super) async fn batch(&mut self, batch: Vec<Enquiry>) {
        if batch.iter().any(|(request, _)| request.extras.are_relative()) {
            return self.alone_or_later(batch).await;
        }
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
            return self.alone_or_later(accepted).await;
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
            Err(_) => self.alone_or_later(accepted).await,
        }
    }

    /// Decides a request by itself, by what the ones before it have left. Of several each has a turn of its own, so that as many
    /// refusals, each of which may take seconds, hold up no other owner.
    async fn alone_or_later(&mut self, mut batch: Vec<Enquiry>) {
        if batch.len() > 1 {
            return self.turns.put_back(batch);
        }
        let Some((request, answer)) = batch.pop() else { return };
        let result = match self.resolved(&request) {
            Ok(request) => self.alone(&request).await,
            Err(error) => Err(error),
        };
        self.answer(&request, answer, result);
    }

    /// The store as the request leaves it, where its owner may do that.
    pub(super) fn permit(
        &self,
        store: &Store,
        request: &CommitRequest,
    ) -> Result<Store, CommitError> {
        let policies = self.policies.borrow().clone();
        let changes = self.changes_to_judge(store, request)?;
        let mut after =
            check_all(&policies, store, &request.owner, &changes).map_err(CommitError::Policy)?;
        for (key, source) in &request.extras.sources {
            after.note_source(key, source.clone());
        }
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
        if request.changes.is_empty() {
            // Nothing was asked for, and the owner has nothing that goes.
            let (id, outcome) = (TransactionId::random(), Outcome::Unchanged);
            return Ok(Committed { id, outcome, previous: Vec::new() });
        }
        let before = self.store().clone();
        let transaction = Arc::new(self.transaction(request, &before, &after));
        let outcome = self.carry_out(after, std::slice::from_ref(&transaction), &[request]).await?;
        Ok(committed(&transaction, outcome))
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
pub(super) fn committed(transaction: &Transaction, outcome: Outcome) -> Committed {
    let before = transaction.changes.iter().map(|change| change.before.as_ref());
    let previous = before.map(|owned| owned.map(|owned| owned.intent.clone())).collect();
    Committed { id: transaction.id, outcome, previous }
}
