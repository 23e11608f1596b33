//! [`Session`]: what can be asked of mgmtd, whichever generation it is.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::debug;

use super::{
    connection::{Connection, EDITS_IN_FLIGHT, unexpected},
    error::Error,
    frame::Frame,
    message::{Action, Datastore, Edit, Format, Generation, Operation, Reply},
    native, protobuf,
};

/// Sessions and locks are answered from mgmtd's memory, in well under a
/// millisecond; but mgmtd has one thread, and while it works off another client's
/// large commit no request is answered.
const QUICK_DEADLINE: Duration = Duration::from_secs(10);

/// Parsing and merging 10,000 routes takes 0.4 s.
const EDIT_DEADLINE: Duration = Duration::from_secs(30);

/// Applying 10,000 routes takes 3 s. mgmtd itself gives up after 600 s, which no
/// caller waits for.
const COMMIT_DEADLINE: Duration = Duration::from_secs(60);

/// FRR up to 10.5 ends the transaction of a commit 10 µs after it has answered, and 10.3
/// then resets the candidate; what is edited before that is lost, or worse.
const SETTLE: Duration = Duration::from_millis(1);

/// What mgmtd says to a commit that changes nothing.
const NO_CHANGES: &str = "No changes found";

/// How a commit, or the validation of one, went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// There is a difference, and it is valid or applied. FRR 10.4 to 10.6 say
    /// this also where there is none.
    Changed,
    /// The candidate says what the running configuration says already.
    NoChanges,
}

/// A session with mgmtd.
///
/// # Cancel safety
///
/// Dropping the future of a request leaves the session unusable: every later
/// request fails with [`Error::Closed`], and [`Session::is_usable`] says so.
/// Dropping the session closes the connection, which frees its locks.
#[derive(Debug)]
pub struct Session {
    pub(super) connection: Connection,
    pub(super) generation: Generation,
    /// A commit or validation has left a transaction behind. An edit now would make
    /// mgmtd up to 10.5 fail an assertion on the commit after it.
    transaction_open: bool,
    /// mgmtd itself refuses a commit beside another that is under way (10.7).
    guards_commits: bool,
}

impl Session {
    /// Connects to `mgmtd_fe.sock`, opens a session under the given name and finds
    /// out which generation of the protocol the daemon speaks.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] where no process listens, otherwise as for any request.
    pub async fn connect(socket: &Path, client: &str) -> Result<Self, Error> {
        let mut session = Self {
            connection: Connection::open(socket).await?,
            generation: Generation::Native,
            transaction_open: false,
            guards_commits: false,
        };
        session.open(client).await?;
        session.generation = session.probe().await?;
        debug!(generation = %session.generation, "session with mgmtd");
        Ok(session)
    }

    /// Which protocol this mgmtd speaks.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether a request can succeed: the connection is open and no request was
    /// left half done.
    pub fn is_usable(&self) -> bool {
        self.connection.is_usable()
    }

    /// Lets no further request out: a caller that finds the datastores in a state it
    /// cannot mend drops the session, and with it its locks.
    pub fn give_up(&mut self) {
        self.connection.give_up();
    }

    async fn open(&mut self, client: &str) -> Result<(), Error> {
        // mgmtd reads a NUL-ended name.
        let client = client.replace('\0', "");
        let reply = self
            .connection
            .request("open session", QUICK_DEADLINE, |_, req_id| {
                Frame::Native(native::session_open(req_id, &client))
            })
            .await?;
        match reply {
            // Its number is in the header, which the connection has looked at.
            Reply::Session { created: true } => Ok(()),
            other => Err(unexpected("open session", &other)),
        }
    }

    async fn probe(&mut self) -> Result<Generation, Error> {
        let answer = self
            .connection
            .request("probe", QUICK_DEADLINE, |id, req_id| Frame::Native(native::probe(id, req_id)))
            .await;
        match answer {
            Err(Error::Refused { message, .. }) if message == native::PROBE_ANSWER_OF_10_3 => {
                Ok(Generation::Protobuf)
            }
            Err(Error::Refused { .. } | Error::Locked { .. }) => Ok(Generation::Native),
            Err(other) => Err(other),
            Ok(other) => Err(unexpected("probe", &other)),
        }
    }

    /// Takes the lock of a datastore.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] where another session has it.
    pub async fn lock(&mut self, datastore: Datastore) -> Result<(), Error> {
        match self.set_lock(datastore, true).await {
            // 10.3 gives no number, and no other reason to refuse these two locks.
            Err(Error::Refused { errno: None, message, .. }) => {
                Err(Error::Locked { datastore, message })
            }
            Err(Error::Refused { errno: Some(EBUSY), message, .. }) => {
                Err(Error::Locked { datastore, message })
            }
            other => other,
        }
    }

    /// Gives the lock of a datastore back.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where this session does not have it (10.3 only).
    pub async fn unlock(&mut self, datastore: Datastore) -> Result<(), Error> {
        self.set_lock(datastore, false).await
    }

    async fn set_lock(&mut self, datastore: Datastore, lock: bool) -> Result<(), Error> {
        let what = if lock { "lock" } else { "unlock" };
        let generation = self.generation;
        let reply = self
            .connection
            .request(what, QUICK_DEADLINE, |id, req_id| match generation {
                Generation::Protobuf => {
                    Frame::Protobuf(protobuf::lock(id, req_id, datastore, lock))
                }
                Generation::Native => Frame::Native(native::lock(id, req_id, datastore, lock)),
            })
            .await?;
        match reply {
            Reply::Lock => Ok(()),
            other => Err(unexpected(what, &other)),
        }
    }

    /// Makes edits in the candidate, in order. The candidate's lock has to be held.
    ///
    /// Edits are sent in batches: those after a refused one may have been made as
    /// well. Abort before the next attempt.
    ///
    /// # Errors
    ///
    /// The first edit's that failed; [`Error::Refused`] names its path.
    pub async fn edit(&mut self, edits: &[Edit]) -> Result<(), Error> {
        self.batches(edits, None).await.map(drop)
    }

    /// Makes edits as [`Session::edit`] does, then validates or applies what is in the
    /// candidate. Both locks have to be held.
    ///
    /// Where it is safe the commit is sent with the last edits, so that mgmtd does
    /// nothing else in between: a validation always, an apply only after a single edit
    /// (of several, one could be refused and the rest applied).
    ///
    /// # Errors
    ///
    /// As for [`Session::edit`] and [`Session::commit`].
    pub async fn edit_and_commit(
        &mut self,
        edits: &[Edit],
        action: Action,
    ) -> Result<Committed, Error> {
        if edits.is_empty() || (action == Action::Apply && edits.len() > 1) {
            self.edit(edits).await?;
            return self.commit(action).await;
        }
        let reply = self.batches(edits, Some(action)).await?;
        self.committed(action, reply).await
    }

    /// Sends edits, and with the last of them a commit, whose reply is returned.
    async fn batches(
        &mut self,
        edits: &[Edit],
        action: Option<Action>,
    ) -> Result<Option<Reply>, Error> {
        if self.transaction_open {
            return Err(Error::TransactionOpen);
        }
        let generation = self.generation;
        let batches = edits.chunks(EDITS_IN_FLIGHT);
        let last = batches.len().saturating_sub(1);
        let mut committed = None;
        for (i, batch) in batches.enumerate() {
            let action = action.filter(|_| i == last);
            self.transaction_open = action.is_some();
            let (what, deadline) = match action {
                Some(action) => (name(action), COMMIT_DEADLINE),
                None => ("edit", EDIT_DEADLINE),
            };
            let frame = |id, req_id, i| match (batch.get(i), action) {
                (Some(edit), _) => Frame::Native(native::edit(generation, id, req_id, edit)),
                (None, action) => {
                    // There is one more request than edits only where there is an action.
                    commit_frame(generation, id, req_id, action.unwrap_or(Action::Abort))
                }
            };
            let count = batch.len() + usize::from(action.is_some());
            let mut replies = self.connection.exchange(what, deadline, count, frame).await?;
            if action.is_some() {
                committed = replies.pop_back();
            }
            for (edit, reply) in batch.iter().zip(replies) {
                self.edited(edit, reply)?;
            }
        }
        Ok(committed)
    }

    fn edited(&mut self, edit: &Edit, reply: Reply) -> Result<(), Error> {
        const WHAT: &str = "edit";
        match reply {
            Reply::Edited => Ok(()),
            Reply::Error { errno: Some(EBUSY), message } => {
                Err(Error::Locked { datastore: Datastore::Candidate, message })
            }
            Reply::Error { errno, message } => {
                let path = (edit.xpath != "/").then(|| edit.xpath.clone());
                Err(Error::Refused { request: WHAT, path, errno, message })
            }
            other => {
                self.give_up();
                Err(unexpected(WHAT, &other))
            }
        }
    }

    /// Makes sure that no commit is under way. Both locks have to be held; they are not
    /// enough: a client that hangs up during its commit frees its locks at once, while
    /// its commit goes on, and up to 10.5 the next one's would end mgmtd with a failed
    /// assertion. An edit is refused in that state, so one that does nothing is tried.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] where one is.
    pub async fn check_idle(&mut self) -> Result<(), Error> {
        if self.guards_commits {
            return Ok(());
        }
        let nothing = Edit {
            operation: Operation::Remove,
            xpath: "/frr-vrf:lib/vrf[name='/']".into(),
            format: Format::Json,
            data: Arc::from(""),
        };
        self.edit(&[nothing]).await
    }

    /// Validates, applies or aborts what is in the candidate. Both locks have to be
    /// held.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with libyang's or a daemon's words. After
    /// [`Error::Timeout`] or [`Error::Closed`] of an apply it is unknown what
    /// happened: read it back.
    pub async fn commit(&mut self, action: Action) -> Result<Committed, Error> {
        let generation = self.generation;
        self.transaction_open = true;
        let frame = |id, req_id, _| commit_frame(generation, id, req_id, action);
        let mut replies = self.connection.exchange(name(action), COMMIT_DEADLINE, 1, frame).await?;
        self.committed(action, replies.pop_front()).await
    }

    /// Reads the reply to a commit, and lets mgmtd finish what it does after it.
    async fn committed(
        &mut self,
        action: Action,
        reply: Option<Reply>,
    ) -> Result<Committed, Error> {
        let request = name(action);
        let committed = match reply {
            Some(Reply::Commit { info: Some(info) }) if info.starts_with(NO_CHANGES) => {
                Committed::NoChanges
            }
            Some(Reply::Commit { info }) => {
                self.guards_commits |= action == Action::Abort && info.is_some();
                Committed::Changed
            }
            Some(Reply::Error { errno, message }) => {
                let message = without_envelope(message);
                return Err(Error::Refused { request, path: None, errno, message });
            }
            other => {
                self.give_up();
                return Err(unexpected(request, &other.unwrap_or(Reply::Other(0))));
            }
        };
        let ends_transaction = action != Action::Validate || committed == Committed::NoChanges;
        if ends_transaction {
            sleep(SETTLE).await;
            self.transaction_open = false;
        }
        Ok(committed)
    }
}

/// "Device or resource busy".
const EBUSY: i32 = 16;

/// From 10.4 the reason of a failed commit is wrapped in numbers that say nothing
/// to the one who asked: `commit failed session-id … reason: 'WHY'`.
fn without_envelope(message: String) -> String {
    let reason = message
        .strip_prefix("commit failed session-id")
        .and_then(|rest| rest.split_once("reason: '"))
        .map(|(_, reason)| reason.strip_suffix('\'').unwrap_or(reason))
        .filter(|reason| !reason.is_empty());
    reason.map(str::to_owned).unwrap_or(message)
}

fn name(action: Action) -> &'static str {
    match action {
        Action::Apply => "apply",
        Action::Abort => "abort",
        Action::Validate => "validate",
    }
}

fn commit_frame(generation: Generation, id: u64, req_id: u64, action: Action) -> Frame {
    match generation {
        Generation::Protobuf => Frame::Protobuf(protobuf::commit(id, req_id, action)),
        Generation::Native => Frame::Native(native::commit(id, req_id, action)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_of_a_failed_commit_is_taken_off() {
        let wrapped = "commit failed session-id 7 on x req-id 9 source-ds: candidate target-ds: running \
             validate-only: 1: reason: 'it's wrong'";
        assert_eq!(without_envelope(wrapped.into()), "it's wrong");
        assert_eq!(without_envelope("plain words".into()), "plain words");
    }
}
