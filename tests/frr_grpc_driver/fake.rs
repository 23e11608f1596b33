//! A `frr.Northbound` that changes nothing, on a port of the node's loopback: it says yes as mgmtd's own
//! module does, or no, or nothing.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex},
};

use novaroute::{
    proto::frr::{
        northbound_server::{Northbound, NorthboundServer},
        *,
    },
    yang::{Profile, Schema},
};
use tokio::runtime::Runtime;
use tokio_stream::{Stream, wrappers::TcpListenerStream};
use tonic::{Request, Response, Status, transport::Server};

use crate::lab::{Lab, Router};

/// What it answers to a commit.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Yes.
    Yes,
    /// No, with these words.
    No(String),
    /// Nothing at all.
    Nothing,
    /// That it can't now.
    Unavailable,
}

/// The server; it ends with this.
pub struct Fake {
    _runtime: Runtime,
    seen: Arc<Mutex<Seen>>,
}

/// What it was asked.
#[derive(Debug, Default)]
pub struct Seen {
    pub merged: Vec<String>,
    pub deleted: Vec<String>,
    pub phases: Vec<commit_request::Phase>,
}

#[derive(Clone)]
struct Service {
    modules: Arc<BTreeMap<String, String>>,
    answer: Answer,
    seen: Arc<Mutex<Seen>>,
}

impl Fake {
    /// Serves on a port of `node`'s loopback, with the revisions that FRR's models have; `edit` may
    /// change those.
    pub fn serve(
        lab: &Lab,
        port: u16,
        answer: Answer,
        edit: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Self {
        let schema = Schema::load(&lab.yang_dir(), Profile::Datacenter).expect("FRR's models");
        let modules = schema.modules().into_iter();
        let mut modules =
            modules.map(|(name, revision)| (name, revision.unwrap_or_default())).collect();
        edit(&mut modules);
        let seen = Arc::default();
        let service = Service { modules: Arc::new(modules), answer, seen: Arc::clone(&seen) };
        let listener = lab.listen(Router::Node, port).expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime");
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let server = Server::builder().add_service(NorthboundServer::new(service));
            server.serve_with_incoming(TcpListenerStream::new(listener)).await
        });
        Self { _runtime: runtime, seen }
    }

    /// How many commits it was asked for.
    pub fn commits(&self) -> usize {
        self.asked(commit_request::Phase::All)
    }

    /// How often it was asked for this phase of one.
    pub fn asked(&self, phase: commit_request::Phase) -> usize {
        self.seen.lock().unwrap().phases.iter().filter(|it| **it == phase).count()
    }

    /// All documents that it was to merge, and paths to delete.
    pub fn edits(&self) -> (Vec<String>, Vec<String>) {
        let seen = self.seen.lock().unwrap();
        (seen.merged.clone(), seen.deleted.clone())
    }
}

type Nothing<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn nothing<T: Send + 'static>() -> Result<Response<Nothing<T>>, Status> {
    Ok(Response::new(Box::pin(tokio_stream::empty())))
}

#[tonic::async_trait]
impl Northbound for Service {
    type GetStream = Nothing<GetResponse>;
    type ListTransactionsStream = Nothing<ListTransactionsResponse>;

    async fn get_capabilities(
        &self,
        _: Request<GetCapabilitiesRequest>,
    ) -> Result<Response<GetCapabilitiesResponse>, Status> {
        let module = |(name, revision): (&String, &String)| ModuleData {
            name: name.clone(),
            organization: String::new(),
            revision: revision.clone(),
        };
        let supported_modules = self.modules.iter().map(module).collect();
        Ok(Response::new(GetCapabilitiesResponse { supported_modules, ..Default::default() }))
    }

    async fn get(&self, _: Request<GetRequest>) -> Result<Response<Self::GetStream>, Status> {
        nothing()
    }

    async fn create_candidate(
        &self,
        _: Request<CreateCandidateRequest>,
    ) -> Result<Response<CreateCandidateResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn delete_candidate(
        &self,
        _: Request<DeleteCandidateRequest>,
    ) -> Result<Response<DeleteCandidateResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn update_candidate(
        &self,
        _: Request<UpdateCandidateRequest>,
    ) -> Result<Response<UpdateCandidateResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn edit_candidate(
        &self,
        request: Request<EditCandidateRequest>,
    ) -> Result<Response<EditCandidateResponse>, Status> {
        let deleted = request.into_inner().delete.into_iter().map(|value| value.path);
        self.seen.lock().unwrap().deleted.extend(deleted);
        Ok(Response::new(Default::default()))
    }

    async fn load_to_candidate(
        &self,
        request: Request<LoadToCandidateRequest>,
    ) -> Result<Response<LoadToCandidateResponse>, Status> {
        let merged = request.into_inner().config.into_iter().map(|config| config.data);
        self.seen.lock().unwrap().merged.extend(merged);
        Ok(Response::new(Default::default()))
    }

    async fn commit(
        &self,
        request: Request<CommitRequest>,
    ) -> Result<Response<CommitResponse>, Status> {
        self.seen.lock().unwrap().phases.push(request.into_inner().phase());
        match &self.answer {
            Answer::Yes => {
                Ok(Response::new(CommitResponse { transaction_id: 1, ..Default::default() }))
            }
            Answer::No(words) => Err(Status::invalid_argument(words)),
            Answer::Nothing => std::future::pending().await,
            Answer::Unavailable => Err(Status::unavailable("the configuration is locked")),
        }
    }

    async fn list_transactions(
        &self,
        _: Request<ListTransactionsRequest>,
    ) -> Result<Response<Self::ListTransactionsStream>, Status> {
        nothing()
    }

    async fn get_transaction(
        &self,
        _: Request<GetTransactionRequest>,
    ) -> Result<Response<GetTransactionResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn lock_config(
        &self,
        _: Request<LockConfigRequest>,
    ) -> Result<Response<LockConfigResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn unlock_config(
        &self,
        _: Request<UnlockConfigRequest>,
    ) -> Result<Response<UnlockConfigResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn execute(
        &self,
        _: Request<ExecuteRequest>,
    ) -> Result<Response<ExecuteResponse>, Status> {
        Ok(Response::new(Default::default()))
    }
}
