//! The RPCs: requests parsed, answers and status codes as FRR's own service gives them.

use std::{
    collections::BTreeMap,
    pin::Pin,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::de::IgnoredAny;
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};
use tracing::{info, warn};

use super::{
    Gateway,
    commit::{Goal, Outcome},
    facts,
    path::DataPath,
};
use crate::{
    frr::frontend::{Content, Datastore, Defaults, Edit, Format, Get},
    proto::frr::{
        CommitRequest, CommitResponse, CreateCandidateRequest, CreateCandidateResponse, DataTree,
        DeleteCandidateRequest, DeleteCandidateResponse, EditCandidateRequest,
        EditCandidateResponse, Encoding, ExecuteRequest, ExecuteResponse, GetCapabilitiesRequest,
        GetCapabilitiesResponse, GetRequest, GetResponse, GetTransactionRequest,
        GetTransactionResponse, ListTransactionsRequest, ListTransactionsResponse,
        LoadToCandidateRequest, LoadToCandidateResponse, LockConfigRequest, LockConfigResponse,
        ModuleData, UnlockConfigRequest, UnlockConfigResponse, UpdateCandidateRequest,
        UpdateCandidateResponse, commit_request::Phase, get_request::DataType,
        load_to_candidate_request::LoadType, northbound_server::Northbound,
    },
};

/// Answers of a `Get` that wait for the client; each can be large.
const ANSWERS: usize = 2;

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
        let frr_version = facts::version(&self.0.vty).await.unwrap_or_else(|error| {
            warn!(socket = %self.0.vty.display(), %error, "version of FRR not known");
            String::new()
        });
        let module = |module: &facts::Module| ModuleData {
            name: module.name.clone(),
            // mgmtd does not tell.
            organization: String::new(),
            revision: module.revision.clone(),
        };
        Ok(Response::new(GetCapabilitiesResponse {
            frr_version,
            rollback_support: false,
            supported_modules: modules.implemented.iter().map(module).collect(),
            supported_encodings: vec![Encoding::Json.into(), Encoding::Xml.into()],
        }))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Self::GetStream>, Status> {
        let request = request.into_inner();
        let gets = gets(&request)?;
        let (answers, stream) = mpsc::channel(ANSWERS);
        let gateway = self.clone();
        tokio::spawn(async move {
            for get in gets {
                let answer = gateway.answer(get, request.encoding).await;
                let failed = answer.is_err();
                if answers.send(answer).await.is_err() || failed {
                    break;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn create_candidate(
        &self,
        _: Request<CreateCandidateRequest>,
    ) -> Result<Response<CreateCandidateResponse>, Status> {
        let candidate_id = self.0.candidates.create()?;
        Ok(Response::new(CreateCandidateResponse { candidate_id }))
    }

    async fn delete_candidate(
        &self,
        request: Request<DeleteCandidateRequest>,
    ) -> Result<Response<DeleteCandidateResponse>, Status> {
        self.0
            .candidates
            .delete(request.into_inner().candidate_id)?;
        Ok(Response::new(DeleteCandidateResponse {}))
    }

    async fn update_candidate(
        &self,
        request: Request<UpdateCandidateRequest>,
    ) -> Result<Response<UpdateCandidateResponse>, Status> {
        // Edits apply to what runs when they are committed.
        self.0.candidates.check(request.into_inner().candidate_id)?;
        Ok(Response::new(UpdateCandidateResponse {}))
    }

    async fn edit_candidate(
        &self,
        request: Request<EditCandidateRequest>,
    ) -> Result<Response<EditCandidateResponse>, Status> {
        let EditCandidateRequest {
            candidate_id,
            update,
            delete,
        } = request.into_inner();
        self.0.candidates.check(candidate_id)?;
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
        self.0.candidates.extend(candidate_id, edits)?;
        Ok(Response::new(EditCandidateResponse {}))
    }

    async fn load_to_candidate(
        &self,
        request: Request<LoadToCandidateRequest>,
    ) -> Result<Response<LoadToCandidateResponse>, Status> {
        let request = request.into_inner();
        self.0.candidates.check(request.candidate_id)?;
        match request.r#type() {
            LoadType::Merge => {}
            LoadType::Replace => return Err(Status::unimplemented("LoadToCandidate REPLACE")),
        }
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
        if !empty {
            self.0
                .candidates
                .extend(request.candidate_id, vec![Edit::merge(format, data)])?;
        }
        Ok(Response::new(LoadToCandidateResponse {}))
    }

    async fn commit(
        &self,
        request: Request<CommitRequest>,
    ) -> Result<Response<CommitResponse>, Status> {
        let request = request.into_inner();
        let id = request.candidate_id;
        let edits = self.0.candidates.edits(id)?;
        let goal = match Phase::try_from(request.phase) {
            Ok(Phase::Validate) => Goal::Validate,
            Ok(Phase::All) => Goal::Apply,
            Ok(Phase::Prepare) => {
                return Err(Status::unimplemented(
                    "Commit PREPARE; use VALIDATE and ALL",
                ));
            }
            Ok(Phase::Abort | Phase::Apply) => {
                return Err(Status::failed_precondition("no transaction in progress"));
            }
            Err(_) => return Err(Status::invalid_argument("unknown phase")),
        };
        let count = edits.len();
        match self.run(edits, goal).await? {
            Outcome::Valid => Ok(Response::new(CommitResponse::default())),
            Outcome::Unchanged => Err(Status::aborted("No changes to apply")),
            Outcome::Applied => {
                self.0.candidates.committed(id, count);
                let transaction_id = self.next_transaction();
                info!(transaction_id, comment = ?request.comment, edits = count, "committed");
                Ok(Response::new(CommitResponse {
                    transaction_id,
                    error_message: String::new(),
                }))
            }
        }
    }

    async fn list_transactions(
        &self,
        _: Request<ListTransactionsRequest>,
    ) -> Result<Response<Self::ListTransactionsStream>, Status> {
        Err(Status::unimplemented("ListTransactions"))
    }

    async fn get_transaction(
        &self,
        _: Request<GetTransactionRequest>,
    ) -> Result<Response<GetTransactionResponse>, Status> {
        Err(Status::unimplemented("GetTransaction"))
    }

    async fn lock_config(
        &self,
        _: Request<LockConfigRequest>,
    ) -> Result<Response<LockConfigResponse>, Status> {
        Err(Status::unimplemented("LockConfig"))
    }

    async fn unlock_config(
        &self,
        _: Request<UnlockConfigRequest>,
    ) -> Result<Response<UnlockConfigResponse>, Status> {
        Err(Status::unimplemented("UnlockConfig"))
    }

    async fn execute(
        &self,
        _: Request<ExecuteRequest>,
    ) -> Result<Response<ExecuteResponse>, Status> {
        Err(Status::unimplemented("Execute"))
    }
}

impl Gateway {
    async fn run(&self, edits: Vec<Edit>, goal: Goal) -> Result<Outcome, Status> {
        if edits.is_empty() {
            return Ok(if goal == Goal::Validate {
                Outcome::Valid
            } else {
                Outcome::Unchanged
            });
        }
        self.run_commit(edits, goal).await
    }

    async fn answer(&self, get: Get, encoding: i32) -> Result<GetResponse, Status> {
        let data = self.read(get).await?;
        if matches!(
            data.split_whitespace().collect::<String>().as_str(),
            "" | "{}"
        ) {
            return Err(Status::invalid_argument(NO_DATA));
        }
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Ok(GetResponse {
            timestamp: i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX),
            data: Some(DataTree { encoding, data }),
        })
    }
}

/// One question to mgmtd for each path; all are judged before the first is asked.
fn gets(request: &GetRequest) -> Result<Vec<Get>, Status> {
    let (datastore, content) = match DataType::try_from(request.r#type) {
        Ok(DataType::All) => (Datastore::Operational, Content::All),
        Ok(DataType::Config) => (Datastore::Running, Content::Config),
        Ok(DataType::State) => (Datastore::Operational, Content::State),
        Err(_) => return Err(Status::invalid_argument("unknown data type")),
    };
    let format = format(request.encoding)?;
    let defaults = if request.with_defaults {
        Defaults::All
    } else {
        Defaults::Trim
    };
    let get = |path: &String| {
        let everything = matches!(path.as_str(), "" | "/" | "/*");
        if !everything {
            DataPath::parse(path).map_err(|error| refused("read", path, &error))?;
        }
        let xpath = if everything {
            "/*".to_owned()
        } else {
            path.clone()
        };
        Ok(Get {
            xpath,
            datastore,
            content,
            defaults,
            format,
            exact: !everything,
        })
    };
    request.path.iter().map(get).collect()
}

fn format(encoding: i32) -> Result<Format, Status> {
    match Encoding::try_from(encoding) {
        Ok(Encoding::Json) => Ok(Format::Json),
        Ok(Encoding::Xml) => Ok(Format::Xml),
        Err(_) => Err(Status::invalid_argument("unknown encoding")),
    }
}

/// FRR's words, and why.
fn refused(verb: &str, path: &str, why: &super::path::PathError) -> Status {
    Status::invalid_argument(format!(
        "Failed to {verb} \"{}\": {why}",
        path.escape_debug()
    ))
}

/// XML cannot carry control characters, and FRR's strings end at a NUL.
fn text(value: &str) -> Result<(), super::path::PathError> {
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    if value.contains(control) {
        Err(super::path::PathError::Value)
    } else {
        Ok(())
    }
}
