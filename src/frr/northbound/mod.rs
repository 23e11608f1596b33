//! The northbound driver: a client of `frr.Northbound`, wherever it is served.
//!
//! [`Northbound`] works over any tonic transport: a channel to a daemon that has
//! FRR's gRPC module, or [`crate::frr::gateway`] called in the same process. Owns the
//! life of candidates on the server and nothing else; what to change is decided
//! by its callers.

mod error;
mod request;

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    future::Future,
    time::Duration,
};

use bytes::Bytes;
use http_body::Body as HttpBody;
use serde_json::Value;
use tonic::{Status, body::Body, client::GrpcService, codegen::StdError};
use tracing::{debug, warn};

pub use error::Error;
pub use request::request;

pub use super::retry::Retry;

use crate::{
    proto::frr::{
        CommitRequest, CreateCandidateRequest, DataTree, DeleteCandidateRequest,
        EditCandidateRequest, Encoding, GetCapabilitiesRequest, GetRequest, LoadToCandidateRequest,
        PathValue, commit_request::Phase, get_request::DataType,
        load_to_candidate_request::LoadType, northbound_client::NorthboundClient,
    },
    tree::{Path, Step},
};

/// Everything but commits and reads is bookkeeping on the server.
const QUICK_DEADLINE: Duration = Duration::from_secs(10);

/// State comes from daemons that may be busy.
const GET_DEADLINE: Duration = Duration::from_secs(30);

/// Longer than the gateway's own deadlines for locks, edits, validation and apply of
/// 10,000 routes together, so that its answer, not this limit, says what happened.
const COMMIT_DEADLINE: Duration = Duration::from_secs(120);

/// Largest answer read: the configuration of 100,000 routes as FRR 10.3 indents it.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

/// FRR's words for a path that has no data.
const NO_DATA: &str = crate::frr::gateway::NO_DATA;

/// What to change: deletions first, then the merge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    /// Data paths of nodes that shall not be there. What is not there already is fine;
    /// a node below another one of this list may be left out.
    pub delete: Vec<String>,
    /// Any number of top-level nodes in one RFC 7951 document, merged into what is
    /// there.
    pub merge: Option<String>,
}

impl Edits {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.delete.is_empty() && self.merge.is_none()
    }
}

/// How a commit went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The server has applied it, under this number.
    Applied {
        /// The server's transaction number.
        transaction: u32,
    },
    /// Everything was so already.
    Unchanged,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied { .. } => f.write_str("it was applied"),
            Self::Unchanged => f.write_str("nothing was to be changed"),
        }
    }
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// "10.3"; empty where it is not known.
    pub frr_version: String,
    /// Name and revision of each YANG module.
    pub modules: Vec<(String, String)>,
}

/// A client of one `frr.Northbound` server.
///
/// # Cancel safety
///
/// [`Northbound::validate`] and [`Northbound::commit`] run in a task of their own: a
/// dropped future lets them finish, and their candidate is deleted. The rest can be
/// dropped freely.
#[derive(Debug, Clone)]
pub struct Northbound<T> {
    client: NorthboundClient<T>,
    /// Longest wait for one answer, where that is less than the constants above.
    limit: Duration,
}

impl<T> Northbound<T>
where
    T: GrpcService<Body> + Clone + Send + Sync + 'static,
    T::Error: Into<StdError>,
    T::Future: Send,
    T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
{
    /// A client over a transport: a channel, or a service in this process.
    pub fn new(transport: T) -> Self {
        let client = NorthboundClient::new(transport).max_decoding_message_size(MAX_ANSWER);
        Self { client, limit: COMMIT_DEADLINE }
    }

    /// The same client, which waits no longer than this for any one answer.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Asks what the server is and has.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] where it does not answer.
    pub async fn capabilities(&self) -> Result<Capabilities, Error> {
        let mut client = self.client.clone();
        let answer =
            self.answer(QUICK_DEADLINE, client.get_capabilities(GetCapabilitiesRequest {})).await?;
        let answer = answer.into_inner();
        let modules =
            answer.supported_modules.into_iter().map(|module| (module.name, module.revision));
        Ok(Capabilities { frr_version: answer.frr_version, modules: modules.collect() })
    }

    /// The running configuration at a data path, as RFC 7951 JSON whose root is that
    /// node; `None` where there is none.
    ///
    /// Ask FRR's own servers for a top-level node only. Of others 10.3 gives neighbours as well, or
    /// nothing, and mgmtd crashes when asked for `frr-staticd:staticd`.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where the path names nothing in the schema.
    pub async fn get_config(&self, path: &str) -> Result<Option<String>, Error> {
        self.get(path, DataType::Config).await
    }

    /// The state at a data path, as RFC 7951 JSON whose root is that node; `None`
    /// where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where the path names nothing in the schema.
    pub async fn get_state(&self, path: &str) -> Result<Option<String>, Error> {
        self.get(path, DataType::State).await
    }

    async fn get(&self, path: &str, data: DataType) -> Result<Option<String>, Error> {
        if !is_data_path(path) {
            // FRR's own servers crash.
            return Err(Error::Refused { message: format!("{path:?} is no data path") });
        }
        let mut client = self.client.clone();
        let request = GetRequest {
            r#type: data.into(),
            encoding: Encoding::Json.into(),
            with_defaults: false,
            path: vec![path.to_owned()],
        };
        let answer = self.answer(GET_DEADLINE, async {
            let mut answers = client.get(request).await?.into_inner();
            let answer = answers.message().await?;
            // FRR's own server says what is wrong only behind an empty answer.
            while answers.message().await?.is_some() {}
            Ok(answer)
        });
        match answer.await {
            Ok(answer) => Ok(answer.and_then(|answer| answer.data).map(|tree| tree.data)),
            Err(Error::Refused { message }) if message == NO_DATA => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks whether edits would be accepted. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with FRR's or libyang's words.
    pub async fn validate(&self, edits: Edits) -> Result<(), Error> {
        self.transact(edits, Phase::Validate, String::new()).await.map(drop)
    }

    /// Commits edits. The server says that it has applied them; whether the daemon
    /// that executes them has is for the caller to read back.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with FRR's or libyang's words, and nothing is changed. After
    /// an error whose [`Error::retry`] is [`Retry::ReadBack`] it is unknown.
    pub async fn commit(&self, edits: Edits, comment: impl Into<String>) -> Result<Answer, Error> {
        self.transact(edits, Phase::All, comment.into()).await
    }

    async fn transact(
        &self,
        mut edits: Edits,
        phase: Phase,
        comment: String,
    ) -> Result<Answer, Error> {
        if let Some(path) = edits.delete.iter().find(|path| !is_data_path(path)) {
            // Some servers take these for the whole configuration.
            return Err(Error::Refused { message: format!("{path:?} is no data path") });
        }
        edits.delete = outermost(edits.delete);
        if edits.is_empty() {
            return Ok(Answer::Unchanged);
        }
        let driver = self.clone();
        let task = tokio::spawn(async move {
            let first = driver.candidate(&edits, phase, &comment).await;
            if !matches!(first, Err(Error::Refused { .. })) || edits.delete.is_empty() {
                return first;
            }
            // FRR refuses to delete what is not there. Only then look what is there.
            let before = edits.delete.len();
            edits.delete = driver.existing(edits.delete).await?;
            if edits.delete.len() == before {
                return first;
            }
            debug!(missing = before - edits.delete.len(), "nodes to delete were not there");
            if edits.is_empty() {
                return Ok(Answer::Unchanged);
            }
            driver.candidate(&edits, phase, &comment).await
        });
        task.await
            .map_err(|error| Error::Failed { message: format!("northbound task: {error}") })?
    }

    /// A candidate from its creation to its deletion, on every path.
    async fn candidate(&self, edits: &Edits, phase: Phase, comment: &str) -> Result<Answer, Error> {
        let mut client = self.client.clone();
        let created =
            self.answer(QUICK_DEADLINE, client.create_candidate(CreateCandidateRequest {})).await?;
        let candidate_id = created.into_inner().candidate_id;
        let result = self.fill_and_commit(&mut client, candidate_id, edits, phase, comment).await;
        let deleted = self
            .answer(
                QUICK_DEADLINE,
                client.delete_candidate(DeleteCandidateRequest { candidate_id }),
            )
            .await;
        if let Err(error) = deleted {
            warn!(candidate_id, %error, "candidate not deleted");
        }
        result
    }

    async fn fill_and_commit(
        &self,
        client: &mut NorthboundClient<T>,
        candidate_id: u32,
        edits: &Edits,
        phase: Phase,
        comment: &str,
    ) -> Result<Answer, Error> {
        if !edits.delete.is_empty() {
            let delete = edits
                .delete
                .iter()
                .map(|path| PathValue { path: path.clone(), value: String::new() });
            let request =
                EditCandidateRequest { candidate_id, update: Vec::new(), delete: delete.collect() };
            self.answer(QUICK_DEADLINE, client.edit_candidate(request)).await?;
        }
        if let Some(merge) = &edits.merge {
            let config = DataTree { encoding: Encoding::Json.into(), data: merge.clone() };
            let request = LoadToCandidateRequest {
                candidate_id,
                r#type: LoadType::Merge.into(),
                config: Some(config),
            };
            let loaded = self.answer(QUICK_DEADLINE, client.load_to_candidate(request)).await;
            // FRR's own servers call data that they cannot take an internal error.
            loaded.map_err(|error| match error {
                Error::Failed { message } => Error::Refused { message },
                error => error,
            })?;
        }
        let request =
            CommitRequest { candidate_id, phase: phase.into(), comment: comment.to_owned() };
        match self.answer(COMMIT_DEADLINE, client.commit(request)).await {
            Ok(answer) => Ok(Answer::Applied { transaction: answer.into_inner().transaction_id }),
            Err(Error::Unchanged) => Ok(Answer::Unchanged),
            Err(error) => Err(error),
        }
    }

    async fn answer<R>(
        &self,
        deadline: Duration,
        call: impl Future<Output = Result<R, Status>>,
    ) -> Result<R, Error> {
        let deadline = deadline.min(self.limit);
        match tokio::time::timeout(deadline, call).await {
            Ok(answer) => answer.map_err(|status| Error::from(&status)),
            Err(_) => Err(Error::Unknown { message: format!("no answer within {deadline:?}") }),
        }
    }

    /// Those of the paths that have configuration. Asks for top-level nodes and looks inside: see
    /// [`Northbound::get_config`].
    async fn existing(&self, paths: Vec<String>) -> Result<Vec<String>, Error> {
        let mut tops = BTreeMap::new();
        let mut existing = Vec::with_capacity(paths.len());
        for text in paths {
            // What we do not understand is for the server to decide.
            let there = match text.parse::<Path>() {
                Ok(path) => match path.0.first() {
                    Some(top) => {
                        let name = &top.name;
                        if !tops.contains_key(name) {
                            let json = self.get_config(&format!("/{name}")).await?;
                            tops.insert(name.clone(), json.map(|json| parse(&json)).transpose()?);
                        }
                        tops[name].as_ref().is_some_and(|json| holds(json, &path.0))
                    }
                    None => true,
                },
                Err(_) => true,
            };
            if there {
                existing.push(text);
            }
        }
        Ok(existing)
    }
}

/// Some servers take other texts for the whole configuration, or worse.
fn is_data_path(path: &str) -> bool {
    path.starts_with('/') && path.len() > 1
}

fn parse(json: &str) -> Result<Value, Error> {
    serde_json::from_str(json).map_err(|error| Error::Failed {
        message: format!("the running configuration is no JSON: {error}"),
    })
}

/// Whether a node is in an RFC 7951 document.
fn holds(mut json: &Value, steps: &[Step]) -> bool {
    for step in steps {
        let Some(node) = child(json, &step.name) else { return false };
        json = node;
        if !step.is_entry() {
            continue;
        }
        let is_entry = |entry: &&Value| {
            step.keys().all(|(key, value)| {
                let found = if &**key == "." { Some(*entry) } else { child(entry, key) };
                let found = found.map(|found| match found {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                });
                found.as_deref() == Some(value)
            })
        };
        match json.as_array().and_then(|entries| entries.iter().find(is_entry)) {
            Some(entry) => json = entry,
            None => return false,
        }
    }
    true
}

/// A member of an object; its name may be given with a module that is not written there.
fn child<'a>(json: &'a Value, name: &str) -> Option<&'a Value> {
    json.get(name).or_else(|| json.get(name.split_once(':')?.1))
}

/// Leaves out what is below another path of the list, or there twice: it is gone with
/// the other, and could not be deleted again.
fn outermost(mut paths: Vec<String>) -> Vec<String> {
    paths.sort_unstable();
    paths.dedup();
    // What is below a path begins with it, and so does all that is sorted in between.
    if !paths.is_sorted_by(|path, next| !next.starts_with(path.as_str())) {
        let all: HashSet<String> = paths.iter().cloned().collect();
        paths.retain(|path| {
            let above = path.match_indices('/').filter_map(|(end, _)| path.get(..end));
            // A slash inside a quoted key cuts nowhere that is a path of the list.
            above.filter(|above| !above.is_empty()).all(|above| !all.contains(above))
        });
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_another_deletion_is_left_out() {
        let paths = ["/a:b/c[k='1/2']", "/a:b/c[k='1/2']/d", "/a:b/e", "/a:b/ef", "/a:b/e"];
        let kept = outermost(paths.map(Into::into).into());
        assert_eq!(kept, ["/a:b/c[k='1/2']", "/a:b/e", "/a:b/ef"]);
    }

    #[test]
    fn nodes_are_found_in_a_document() {
        let json = parse(
            r#"{"a:b":{"c":[{"k":10,"l":"x"},{"k":11,"l":"x","o:p":true}],"e":["1","2"],"f":[null]}}"#,
        );
        let json = json.expect("JSON");
        let holds = |path: &str| holds(&json, &path.parse::<Path>().expect("a path").0);
        for there in [
            "/a:b",
            "/a:b/c[k='10'][l='x']",
            "/a:b/a:c[k='11'][l='x']/o:p",
            "/a:b/e[.='2']",
            "/a:b/f",
        ] {
            assert!(holds(there), "{there}");
        }
        for lacking in [
            "/a:c",
            "/a:b/c[k='1'][l='x']",
            "/a:b/c[k='10'][l='x']/o:p",
            "/a:b/e[.='3']",
            "/a:b/f/g",
        ] {
            assert!(!holds(lacking), "{lacking}");
        }
    }
}
