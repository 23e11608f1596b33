//! The RPCs: requests parsed, answers and status codes as FRR's own service gives them.

use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::UNIX_EPOCH};

use serde::de::IgnoredAny;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use tracing::{info, warn};

use super::{
    Client, Gateway,
    candidates::Snapshot,
    commit::CommitResult,
    detached, execute, facts, history,
    path::{DataPath, PathError},
    print::Print,
};
use crate::{
    frr::frontend::{Content, Datastore, Defaults, Edit, Format, Get, is_nothing},
    proto::frr::{
        CommitRequest, CommitResponse, CreateCandidateRequest, CreateCandidateResponse, DataTree,
        DeleteCandidateRequest, DeleteCandidateResponse, EditCandidateRequest,
        EditCandidateResponse, Encoding, ExecuteRequest, ExecuteResponse, GetCapabilitiesRequest,
        GetCapabilitiesResponse, GetRequest, GetResponse, GetTransactionRequest,
        GetTransactionResponse, ListTransactionsRequest, ListTransactionsResponse,
        LoadToCandidateRequest, LoadToCandidateResponse, LockConfigRequest, LockConfigResponse,
        ModuleData, PathValue, UnlockConfigRequest, UnlockConfigResponse, UpdateCandidateRequest,
        UpdateCandidateResponse, commit_request::Phase, get_request::DataType,
        load_to_candidate_request::LoadType, northbound_server::Northbound,
    },
    world,
};

/// FRR's words for a path that has no data.
pub(crate) const NO_DATA: &str = "Data path not found";

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Northbound for Gateway {
    type GetStream = Answers<GetResponse>;
    type ListTransactionsStream = Answers<ListTransactionsResponse>;

    async fn get_capabilities(
        &self,
        _: Request<GetCapabilitiesRequest>,
    ) -> Result<Response<GetCapabilitiesResponse>, Status> {
        let modules = self.modules().await?;
        let frr_version = facts::version(&self.inner.vty).await.unwrap_or_else(|error| {
            warn!(socket = %self.inner.vty.display(), %error, "version of FRR not known");
            String::new()
        });
        let module = |module: &facts::Module| ModuleData {
            name: module.name.clone(),
            organization: module.organization.clone(),
            revision: module.revision.clone(),
        };
        Ok(Response::new(GetCapabilitiesResponse {
            frr_version,
            // By GetTransaction, LoadToCandidate REPLACE and Commit, as long as this process
            // lives.
            rollback_support: self.history().keeps_configurations(),
            supported_modules: modules.implemented.iter().map(module).collect(),
            supported_encodings: vec![Encoding::Json.into(), Encoding::Xml.into()],
        }))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Self::GetStream>, Status> {
        let request = request.into_inner();
        let gets = gets(&request)?;
        // One is read when the client has taken the one before: each can be large.
        let state = Some((self.clone(), gets.into_iter()));
        let answers = futures::stream::unfold(state, move |state| async move {
            let (gateway, mut gets) = state?;
            let answer = gateway.answer(gets.next()?, request.encoding).await;
            let more = answer.is_ok().then_some((gateway, gets));
            Some((answer, more))
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn create_candidate(
        &self,
        request: Request<CreateCandidateRequest>,
    ) -> Result<Response<CreateCandidateResponse>, Status> {
        let client = request.extensions().get::<Client>();
        let candidate_id = self.inner.candidates.create(client.map(|client| client.connection))?;
        Ok(Response::new(CreateCandidateResponse { candidate_id }))
    }

    async fn delete_candidate(
        &self,
        request: Request<DeleteCandidateRequest>,
    ) -> Result<Response<DeleteCandidateResponse>, Status> {
        let id = request.into_inner().candidate_id;
        self.inner.candidates.check(id)?;
        if self.inner.writer.abort(id).await.is_ok() {
            info!(candidate = id, "deleted between PREPARE and APPLY: aborted");
        }
        self.inner.candidates.delete(id)?;
        Ok(Response::new(DeleteCandidateResponse {}))
    }

    async fn update_candidate(
        &self,
        request: Request<UpdateCandidateRequest>,
    ) -> Result<Response<UpdateCandidateResponse>, Status> {
        // Edits apply to what runs when they are committed.
        let id = request.into_inner().candidate_id;
        self.inner.candidates.check(id)?;
        if self.inner.writer.is_prepared(id).await {
            return Err(Status::failed_precondition(super::writer::IN_TRANSACTION));
        }
        Ok(Response::new(UpdateCandidateResponse {}))
    }

    async fn edit_candidate(
        &self,
        request: Request<EditCandidateRequest>,
    ) -> Result<Response<EditCandidateResponse>, Status> {
        let EditCandidateRequest { candidate_id, update, delete } = request.into_inner();
        self.inner.candidates.check(candidate_id)?;
        let mut edits = Vec::with_capacity(update.len() + delete.len());
        if !update.is_empty() {
            let modules = self.modules().await?;
            for pv in update {
                let xml = text(&pv.value)
                    .and_then(|()| DataPath::parse(&pv.path))
                    .and_then(|path| path.to_xml(&pv.value, &modules.namespaces));
                let xml = xml.map_err(|error| refused("update", &pv.path, &error))?;
                edits.push(Edit::merge(Format::Xml, xml));
            }
        }
        for pv in delete {
            DataPath::parse(&pv.path).map_err(|error| refused("remove", &pv.path, &error))?;
            edits.push(Edit::delete(pv.path));
        }
        self.inner.candidates.extend(candidate_id, edits)?;
        Ok(Response::new(EditCandidateResponse {}))
    }

    async fn load_to_candidate(
        &self,
        request: Request<LoadToCandidateRequest>,
    ) -> Result<Response<LoadToCandidateResponse>, Status> {
        let request = request.into_inner();
        self.inner.candidates.check(request.candidate_id)?;
        let load = LoadType::try_from(request.r#type)
            .map_err(|_| Status::invalid_argument("unknown type of load"))?;
        let DataTree { encoding, data } = request.config.unwrap_or_default();
        let format = format(encoding)?;
        let empty = match format {
            Format::Json => {
                let nodes: BTreeMap<String, IgnoredAny> = serde_json::from_str(&data)
                    .map_err(|error| Status::invalid_argument(format!("configuration: {error}")))?;
                nodes.is_empty()
            }
            Format::Xml => data.trim().is_empty(),
        };
        if data.contains('\0') {
            // mgmtd would read up to there and find nothing wrong.
            return Err(Status::invalid_argument("configuration: NUL"));
        }
        let edits = if empty { Vec::new() } else { vec![Edit::merge(format, data)] };
        match load {
            LoadType::Merge => self.inner.candidates.extend(request.candidate_id, edits)?,
            LoadType::Replace => self.inner.candidates.replace(request.candidate_id, edits)?,
        }
        Ok(Response::new(LoadToCandidateResponse {}))
    }

    async fn commit(
        &self,
        request: Request<CommitRequest>,
    ) -> Result<Response<CommitResponse>, Status> {
        let client = client(&request);
        let request = request.into_inner();
        let phase = Phase::try_from(request.phase)
            .map_err(|_| Status::invalid_argument("unknown phase"))?;
        let gateway = self.clone();
        // To its end, also when the client does not wait for it: the list shall be right.
        let transaction_id =
            detached(async move { gateway.run_phase(phase, &client, request).await }).await?;
        Ok(Response::new(CommitResponse { transaction_id, error_message: String::new() }))
    }

    async fn list_transactions(
        &self,
        _: Request<ListTransactionsRequest>,
    ) -> Result<Response<Self::ListTransactionsStream>, Status> {
        let transactions = self.history().list().into_iter().map(|transaction| {
            Ok(ListTransactionsResponse {
                id: transaction.id,
                client: transaction.client,
                date: history::date(transaction.date),
                comment: transaction.comment,
            })
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(transactions.collect::<Vec<_>>()))))
    }

    async fn get_transaction(
        &self,
        request: Request<GetTransactionRequest>,
    ) -> Result<Response<GetTransactionResponse>, Status> {
        let GetTransactionRequest { transaction_id, encoding, with_defaults } =
            request.into_inner();
        let how = print(encoding, with_defaults)?;
        let running = {
            let history = self.history();
            let transaction = history.get(transaction_id);
            transaction
                .ok_or_else(|| Status::invalid_argument("Transaction not found"))?
                .running
                .clone()
        };
        let kept = running.ok_or_else(|| {
            Status::failed_precondition(format!(
                "the configuration of transaction {transaction_id} is not kept"
            ))
        })?;
        let data = if how == Print::KEPT {
            kept.to_string()
        } else {
            self.inner.writer.print(kept, how).await?
        };
        Ok(Response::new(GetTransactionResponse { config: Some(DataTree { encoding, data }) }))
    }

    async fn lock_config(
        &self,
        _: Request<LockConfigRequest>,
    ) -> Result<Response<LockConfigResponse>, Status> {
        self.inner.writer.lock().await?;
        Ok(Response::new(LockConfigResponse {}))
    }

    async fn unlock_config(
        &self,
        _: Request<UnlockConfigRequest>,
    ) -> Result<Response<UnlockConfigResponse>, Status> {
        self.inner.writer.unlock().await?;
        Ok(Response::new(UnlockConfigResponse {}))
    }

    async fn execute(
        &self,
        request: Request<ExecuteRequest>,
    ) -> Result<Response<ExecuteResponse>, Status> {
        let ExecuteRequest { path, input } = request.into_inner();
        if path.is_empty() {
            return Err(Status::invalid_argument("Data path is empty"));
        }
        let modules = self.modules().await?;
        let input: Vec<_> = input.into_iter().map(|pv| (pv.path, pv.value)).collect();
        let call = execute::call(&path, &input, &modules.namespaces)
            .map_err(|(path, error)| refused("execute", &path, &error))?;
        let output = self.rpc(call).await?;
        let leaves = execute::output(&path, &output, &modules.namespaces)
            .map_err(|error| Status::internal(format!("output of {path}: {error}")))?;
        info!(rpc = path, "executed");
        let output = leaves.into_iter().map(|(path, value)| PathValue { path, value }).collect();
        Ok(Response::new(ExecuteResponse { output }))
    }
}

impl Gateway {
    /// Runs one phase of a commit; the number of the transaction where that was applied.
    async fn run_phase(
        &self,
        phase: Phase,
        client: &str,
        request: CommitRequest,
    ) -> Result<u32, Status> {
        let id = request.candidate_id;
        let mut snapshot = self.inner.candidates.snapshot(id)?;
        snapshot.change.looks = self.looks;
        let snapshot = Arc::new(snapshot);
        let read_back = self.history().keeps_configurations();
        let writer = &self.inner.writer;
        let (outcome, snapshot, comment) = match phase {
            Phase::Validate => {
                (writer.validate(Arc::clone(&snapshot)).await?, snapshot, request.comment)
            }
            Phase::Prepare => {
                let comment = request.comment.clone();
                let outcome = writer.prepare(id, Arc::clone(&snapshot), comment).await?;
                (outcome, snapshot, request.comment)
            }
            Phase::Abort => {
                writer.abort(id).await?;
                return Ok(0);
            }
            Phase::Apply => {
                let applied = writer.apply(id, read_back).await?;
                (applied.outcome, applied.snapshot, applied.comment)
            }
            Phase::All => {
                let outcome = writer.all(id, Arc::clone(&snapshot), read_back).await?;
                (outcome, snapshot, request.comment)
            }
        };
        self.concluded(id, outcome, &snapshot, client, &comment)
    }

    fn concluded(
        &self,
        candidate: u32,
        outcome: CommitResult,
        done: &Snapshot,
        client: &str,
        comment: &str,
    ) -> Result<u32, Status> {
        match outcome {
            CommitResult::Valid => Ok(0),
            CommitResult::Unchanged => Err(Status::aborted("No changes to apply")),
            CommitResult::Applied { running } => {
                let edits = done.change.edits.len();
                self.inner.candidates.committed(candidate, done.generation, edits);
                let transaction_id = self.history().add(client, comment, running);
                info!(transaction_id, client, ?comment, edits, "committed");
                Ok(transaction_id)
            }
        }
    }

    async fn answer(&self, get: Get, encoding: i32) -> Result<GetResponse, Status> {
        let data = self.read(get).await?;
        if is_nothing(&data) {
            return Err(Status::invalid_argument(NO_DATA));
        }
        let since_epoch = world::time_of_day().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(GetResponse {
            timestamp: i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX),
            data: Some(DataTree { encoding, data }),
        })
    }
}

/// Who asks, as far as the transport tells.
fn client<T>(request: &Request<T>) -> String {
    let client = request.extensions().get::<Client>();
    client.map_or_else(|| "gRPC".to_owned(), |client| client.name.clone())
}

/// One question to mgmtd for each path; all are checked before the first is asked.
fn gets(request: &GetRequest) -> Result<Vec<Get>, Status> {
    let (datastore, content) = match DataType::try_from(request.r#type) {
        Ok(DataType::All) => (Datastore::Operational, Content::All),
        Ok(DataType::Config) => (Datastore::Running, Content::Config),
        Ok(DataType::State) => (Datastore::Operational, Content::State),
        Err(_) => return Err(Status::invalid_argument("unknown data type")),
    };
    let Print { format, defaults } = print(request.encoding, request.with_defaults)?;
    let get = |path: &String| {
        let everything = matches!(path.as_str(), "" | "/" | "/*");
        if !everything {
            DataPath::parse(path).map_err(|error| refused("read", path, &error))?;
        }
        let xpath = if everything { "/*".to_owned() } else { path.clone() };
        Ok(Get { xpath, datastore, content, defaults, format, exact: !everything })
    };
    request.path.iter().map(get).collect()
}

fn print(encoding: i32, with_defaults: bool) -> Result<Print, Status> {
    let defaults = if with_defaults { Defaults::All } else { Defaults::Trim };
    Ok(Print { format: format(encoding)?, defaults })
}

fn format(encoding: i32) -> Result<Format, Status> {
    match Encoding::try_from(encoding) {
        Ok(Encoding::Json) => Ok(Format::Json),
        Ok(Encoding::Xml) => Ok(Format::Xml),
        Err(_) => Err(Status::invalid_argument("unknown encoding")),
    }
}

/// FRR's words, and why.
fn refused(verb: &str, path: &str, why: &PathError) -> Status {
    Status::invalid_argument(format!("Failed to {verb} \"{}\": {why}", path.escape_debug()))
}

/// XML cannot carry control characters, and FRR's strings end at a NUL.
fn text(value: &str) -> Result<(), PathError> {
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    if value.contains(control) { Err(PathError::Value) } else { Ok(()) }
}
