//! `novaroute.v1.Transactions`: several intents of one owner, all or nothing; and what happened.

use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::Duration};

use tokio_stream::{Stream, StreamExt, wrappers::WatchStream};
use tonic::{Request, Response, Status, async_trait};

use super::{Api, codes, history};
use crate::{
    commit::{CommitRequest, Outcome, Transaction, TransactionId},
    events::parse_owner_filter,
    model::{Extras, FieldErrors, OwnerName, ValueError},
    proto::v1::{self, transactions_server::Transactions},
    wire,
};

/// Longest time that a transaction may wait to be confirmed: a client that needs longer has forgotten it.
const MAX_CONFIRM: Duration = Duration::from_secs(24 * 3600);

#[async_trait]
impl Transactions for Api {
    async fn apply(
        &self,
        request: Request<v1::ApplyRequest>,
    ) -> Result<Response<v1::ApplyResponse>, Status> {
        self.timed("Apply", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let asked = Asked::from(&message);
            let request = self.request(owner, "Apply", asked)?;
            let confirm_within = confirm_within(message.confirm_timeout)?;
            let withdrawn_after_s = self.withdrawn_after_s(&request.owner, &extensions);
            if message.dry_run {
                let plan =
                    v1::PlanResponse { withdrawn_after_s, ..self.plan_request(request).await? };
                return Ok(v1::ApplyResponse {
                    plan: Some(plan),
                    withdrawn_after_s,
                    ..Default::default()
                });
            }
            let committed =
                self.commit_request(CommitRequest { confirm_within, ..request }).await?;
            Ok(v1::ApplyResponse {
                transaction_id: committed.id.to_string(),
                outcome: outcome(committed.outcome).into(),
                plan: None,
                withdrawn_after_s,
            })
        })
        .await
    }

    async fn plan(
        &self,
        request: Request<v1::PlanRequest>,
    ) -> Result<Response<v1::PlanResponse>, Status> {
        self.timed("Plan", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.authenticate(&extensions, &message.owner, &message.token)?;
            let asked = Asked::from(&message);
            let withdrawn_after_s = self.withdrawn_after_s(&owner, &extensions);
            let plan = self.plan_request(self.request(owner, "Plan", asked)?).await?;
            Ok(v1::PlanResponse { withdrawn_after_s, ..plan })
        })
        .await
    }

    async fn confirm(
        &self,
        request: Request<v1::ConfirmRequest>,
    ) -> Result<Response<v1::ConfirmResponse>, Status> {
        self.timed("Confirm", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let id = id(&message.transaction_id)?;
            let confirmed = self.deps.commit.confirm(owner.clone(), id).await;
            confirmed.map_err(|error| self.refused(&owner, &error))?;
            Ok(v1::ConfirmResponse {})
        })
        .await
    }

    async fn rollback(
        &self,
        request: Request<v1::RollbackRequest>,
    ) -> Result<Response<v1::RollbackResponse>, Status> {
        self.timed("Rollback", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let id = id(&message.transaction_id)?;
            let rolled_back = self.deps.commit.roll_back(owner.clone(), id).await;
            let committed = rolled_back.map_err(|error| self.refused(&owner, &error))?;
            Ok(v1::RollbackResponse {
                transaction_id: committed.id.to_string(),
                outcome: outcome(committed.outcome).into(),
            })
        })
        .await
    }

    async fn list(
        &self,
        request: Request<v1::ListTransactionsRequest>,
    ) -> Result<Response<v1::ListTransactionsResponse>, Status> {
        self.timed("List", async {
            let message = request.into_inner();
            let limit = match message.limit {
                0 => usize::MAX,
                limit => limit as usize,
            };
            let owner = owner_filter(&message.owner_filter)?;
            let view = self.deps.commit.view();
            let latest = view.history.iter().rev();
            let wanted = latest.filter(|t| is_of(t, owner.as_ref())).take(limit);
            let told = |t: &Arc<Transaction>| history::told_by_now(t, &view, history::summary(t));
            Ok(v1::ListTransactionsResponse { transactions: wanted.map(told).collect() })
        })
        .await
    }

    async fn get(
        &self,
        request: Request<v1::GetTransactionRequest>,
    ) -> Result<Response<v1::Transaction>, Status> {
        self.timed("Get", async {
            let id = id(&request.into_inner().transaction_id)?;
            let view = self.deps.commit.view();
            let found = view.history.iter().find(|transaction| transaction.id == id);
            let found = found.map(|t| history::told_by_now(t, &view, history::whole(t)));
            found.ok_or_else(|| Status::not_found(format!("transaction {id} is not remembered")))
        })
        .await
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::Transaction, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<v1::WatchTransactionsRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (_, extensions, message) = request.into_parts();
        let owner = owner_filter(&message.owner_filter)?;
        let place = Arc::new(self.place(&extensions)?);
        let lost = Arc::clone(&place);
        let lost = futures::FutureExt::into_stream(async move { Err(lost.lost().await) });
        let mut told = Told::default();
        told.news(&self.deps.commit.view().history);
        let views = WatchStream::from_changes(self.deps.commit.follow());
        let stream = views.map(move |view| {
            let _held = &place;
            let news = told.news(&view.history);
            let owner = owner.clone();
            let wanted = news.into_iter().filter(move |t| is_of(t, owner.as_ref()));
            // Made into messages as they are read.
            tokio_stream::iter(wanted.map(|t| Ok(history::whole(&t))))
        });
        let stream = ending_with(futures::StreamExt::flatten(stream), lost);
        let stopped = self.deps.shutdown.clone().cancelled_owned();
        Ok(Response::new(Box::pin(futures::StreamExt::take_until(stream, stopped))))
    }
}

/// The stream, up to the first item of `last`, which is the last.
fn ending_with<T: Send>(
    stream: impl Stream<Item = Result<T, Status>> + Send,
    last: impl Stream<Item = Result<T, Status>> + Send,
) -> impl Stream<Item = Result<T, Status>> + Send {
    let both = futures::stream::select(stream, last);
    futures::StreamExt::scan(both, false, |ended, item| {
        let before = std::mem::replace(ended, item.is_err());
        std::future::ready((!before).then_some(item))
    })
}

/// Which transactions a watcher was told of, and in which state.
#[derive(Default)]
struct Told(BTreeMap<TransactionId, (bool, bool)>);

impl Told {
    /// Those that have ended, or were confirmed or rolled back, since the last call.
    fn news(
        &mut self,
        history: &std::collections::VecDeque<std::sync::Arc<Transaction>>,
    ) -> Vec<std::sync::Arc<Transaction>> {
        let state = |t: &Transaction| (t.ending.is_some(), t.finish.is_some());
        let now: BTreeMap<_, _> = history.iter().map(|t| (t.id, state(t))).collect();
        let news =
            history.iter().filter(|t| t.ending.is_some() && self.0.get(&t.id) != Some(&state(t)));
        let news = news.cloned().collect();
        self.0 = now;
        news
    }
}

/// What Apply and Plan are asked alike.
struct Asked<'a> {
    changes: &'a [v1::IntentChange],
    take_over: bool,
    replace: bool,
    ignore_absent: bool,
}

impl<'a> From<&'a v1::ApplyRequest> for Asked<'a> {
    fn from(request: &'a v1::ApplyRequest) -> Self {
        let v1::ApplyRequest { changes, take_over, replace, ignore_absent, .. } = request;
        let (take_over, replace, ignore_absent) = (*take_over, *replace, *ignore_absent);
        Self { changes, take_over, replace, ignore_absent }
    }
}

impl<'a> From<&'a v1::PlanRequest> for Asked<'a> {
    fn from(request: &'a v1::PlanRequest) -> Self {
        let v1::PlanRequest { changes, take_over, replace, ignore_absent, .. } = request;
        let (take_over, replace, ignore_absent) = (*take_over, *replace, *ignore_absent);
        Self { changes, take_over, replace, ignore_absent }
    }
}

impl Api {
    /// What is asked, parsed and completed.
    fn request(
        &self,
        owner: OwnerName,
        origin: &'static str,
        asked: Asked<'_>,
    ) -> Result<CommitRequest, Status> {
        let Asked { changes: messages, take_over, replace, ignore_absent } = asked;
        let parse = if replace { wire::replacing } else { wire::changes };
        let changes = parse(messages).map_err(|errors| codes::invalid(&errors))?;
        let extras = wire::extras(messages, &changes).map_err(|errors| codes::invalid(&errors))?;
        let extras = Extras { replace, ignore_absent, ..extras };
        let changes = self.completed(changes)?;
        Ok(CommitRequest { take_over, extras, ..CommitRequest::new(owner, origin, changes) })
    }

    async fn plan_request(&self, request: CommitRequest) -> Result<v1::PlanResponse, Status> {
        let owner = request.owner.clone();
        let plan = self.deps.commit.plan(request).await;
        let plan = plan.map_err(|error| self.refused(&owner, &error))?;
        if let Some((daemon, why)) = plan.unreachable.first_key_value() {
            return Err(Status::unavailable(format!("{daemon} can't be asked: {why}")));
        }
        Ok(history::plan(&plan))
    }
}

fn is_of(transaction: &Transaction, owner: Option<&OwnerName>) -> bool {
    owner.is_none_or(|owner| transaction.owner == *owner)
}

fn owner_filter(text: &str) -> Result<Option<OwnerName>, Status> {
    let mut errors = FieldErrors::new();
    let owner = parse_owner_filter(&mut errors, text);
    errors.finish(Some(owner)).map_err(|errors| codes::invalid(&errors))
}

fn id(text: &str) -> Result<TransactionId, Status> {
    let parsed = text.parse::<TransactionId>();
    parsed.map_err(|error: ValueError| Status::invalid_argument(format!("transaction_id: {error}")))
}

fn confirm_within(seconds: u32) -> Result<Option<Duration>, Status> {
    let within = Duration::from_secs(seconds.into());
    if within > MAX_CONFIRM {
        let most = MAX_CONFIRM.as_secs();
        return Err(Status::invalid_argument(format!("confirm_timeout: is at most {most} s")));
    }
    Ok((seconds != 0).then_some(within))
}

/// The message of how a transaction ended well.
pub(super) fn outcome(outcome: Outcome) -> v1::Outcome {
    match outcome {
        Outcome::Confirmed => v1::Outcome::Confirmed,
        Outcome::Unchanged => v1::Outcome::Unchanged,
        Outcome::Pending => v1::Outcome::Pending,
    }
}
