//! [`Session`]: one connection to mgmtd with one session on it.
//!
//! A task reads the socket all the time, so that mgmtd never has to keep
//! notifications for a client that is silent, and passes answers on. Requests
//! go out one after the other (edits in batches) and are matched by session and
//! request number; anything else that arrives is dropped.

use std::{collections::VecDeque, future::Future, path::Path, time::Duration};

use futures::{SinkExt, StreamExt};
use tokio::{
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::{
    codec::{FramedRead, FramedWrite},
    task::AbortOnDropHandle,
};
use tracing::debug;

use super::{
    error::Error,
    frame::{Frame, FrameCodec},
    message::{Action, Datastore, Edit, Format, Generation, Get, Message, Operation, Reply},
    native, protobuf,
};

/// mgmtd accepts at once or is not there.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// Sessions and locks are answered from mgmtd's memory, in well under a
/// millisecond; but mgmtd has one thread, and while it works off another client's
/// large commit nobody is answered.
const QUICK_DEADLINE: Duration = Duration::from_secs(10);

/// Parsing and merging 10,000 routes takes 0.4 s.
const EDIT_DEADLINE: Duration = Duration::from_secs(30);

/// Applying 10,000 routes takes 3 s. mgmtd itself gives up after 600 s, which no
/// caller waits for.
const COMMIT_DEADLINE: Duration = Duration::from_secs(60);

/// State comes from the daemons, which mgmtd waits for.
const GET_DEADLINE: Duration = Duration::from_secs(30);

/// Edits on their way at once: enough to hide the round trip, few enough that the
/// answers fit the channel below.
const EDITS_IN_FLIGHT: usize = 32;

/// Answers read but not taken. More than [`EDITS_IN_FLIGHT`] is never asked for; if
/// mgmtd sends more than that on its own, reading waits.
const ANSWERS: usize = 2 * EDITS_IN_FLIGHT;

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
    generation: Generation,
    id: u64,
    last_req_id: u64,
    usable: bool,
    /// A commit or validation has left a transaction behind. An edit now would make
    /// mgmtd up to 10.5 fail an assertion on the commit after it.
    transaction_open: bool,
    /// mgmtd itself refuses a commit beside another that is under way (10.7).
    guards_commits: bool,
    sink: FramedWrite<OwnedWriteHalf, FrameCodec>,
    answers: mpsc::Receiver<Result<Message, Error>>,
    _reader: AbortOnDropHandle<()>,
}

impl Session {
    /// Connects to `mgmtd_fe.sock`, opens a session under the given name and finds
    /// out which generation of the protocol the daemon speaks.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] where nobody listens, otherwise as for any request.
    pub async fn connect(socket: &Path, client: &str) -> Result<Self, Error> {
        let connect = |source| Error::Connect {
            path: socket.to_path_buf(),
            source,
        };
        let stream = timeout(CONNECT_DEADLINE, UnixStream::connect(socket))
            .await
            .map_err(|_| Error::Timeout {
                request: "connect",
                after: CONNECT_DEADLINE,
            })?
            .map_err(connect)?;
        let (read, write) = stream.into_split();
        let (sender, answers) = mpsc::channel(ANSWERS);
        let mut session = Self {
            generation: Generation::Native,
            id: 0,
            last_req_id: 0,
            usable: true,
            transaction_open: false,
            guards_commits: false,
            sink: FramedWrite::new(write, FrameCodec),
            answers,
            _reader: AbortOnDropHandle::new(tokio::spawn(read_all(read, sender))),
        };
        session.open(client).await?;
        session.generation = session.probe().await?;
        debug!(session = session.id, generation = %session.generation, "session with mgmtd");
        Ok(session)
    }

    /// Which protocol this mgmtd speaks.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether a request can succeed: the connection stands and no request was
    /// left half done.
    pub fn is_usable(&self) -> bool {
        self.usable && !self.answers.is_closed()
    }

    /// Lets no further request out: whoever finds the datastores in a state it
    /// cannot mend drops the session, and with it its locks.
    pub fn give_up(&mut self) {
        self.usable = false;
    }

    async fn open(&mut self, client: &str) -> Result<(), Error> {
        // mgmtd reads a NUL-ended name.
        let client = client.replace('\0', "");
        let reply = self
            .request("open session", QUICK_DEADLINE, |_, req_id| {
                Frame::Native(native::session_open(req_id, &client))
            })
            .await?;
        match reply {
            // Its number is in the header, which `request` has looked at.
            Reply::Session { created: true } => Ok(()),
            other => Err(unexpected("open session", &other)),
        }
    }

    async fn probe(&mut self) -> Result<Generation, Error> {
        let answer = self
            .request("probe", QUICK_DEADLINE, |id, req_id| {
                Frame::Native(native::probe(id, req_id))
            })
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
            Err(Error::Refused {
                errno: None,
                message,
                ..
            }) => Err(Error::Locked { datastore, message }),
            Err(Error::Refused {
                errno: Some(EBUSY),
                message,
                ..
            }) => Err(Error::Locked { datastore, message }),
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
            let mut replies = self.exchange(what, deadline, count, frame).await?;
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
            Reply::Error {
                errno: Some(EBUSY),
                message,
            } => Err(Error::Locked {
                datastore: Datastore::Candidate,
                message,
            }),
            Reply::Error { errno, message } => {
                let path = (edit.xpath != "/").then(|| edit.xpath.clone());
                Err(Error::Refused {
                    request: WHAT,
                    path,
                    errno,
                    message,
                })
            }
            other => {
                self.usable = false;
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
            data: String::new(),
        };
        self.edit(&[nothing]).await
    }

    /// Validates, applies or aborts what is in the candidate. Both locks have to be
    /// held.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with libyang's or a daemon's words. After
    /// [`Error::Timeout`] or [`Error::Closed`] of an apply nobody knows what
    /// happened: read it back.
    pub async fn commit(&mut self, action: Action) -> Result<Committed, Error> {
        let generation = self.generation;
        self.transaction_open = true;
        let frame = |id, req_id, _| commit_frame(generation, id, req_id, action);
        let mut replies = self
            .exchange(name(action), COMMIT_DEADLINE, 1, frame)
            .await?;
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
                return Err(Error::Refused {
                    request,
                    path: None,
                    errno,
                    message,
                });
            }
            other => {
                self.usable = false;
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

    /// Reads data. The answer is one document; `{}` (or nothing, in XML) where there
    /// is no such data.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where the path names nothing in mgmtd's schema.
    pub async fn get(&mut self, get: &Get) -> Result<String, Error> {
        const WHAT: &str = "get";
        let generation = self.generation;
        let reply = self
            .request(WHAT, GET_DEADLINE, |id, req_id| {
                Frame::Native(native::get(generation, id, req_id, get))
            })
            .await;
        match reply {
            Ok(Reply::Tree {
                partial_error: 0,
                more: false,
                data,
            }) => Ok(data),
            Ok(other) => {
                self.usable = false;
                Err(unexpected(WHAT, &other))
            }
            Err(Error::Refused {
                request,
                errno,
                message,
                ..
            }) => Err(Error::Refused {
                request,
                path: Some(get.xpath.clone()),
                errno,
                message,
            }),
            Err(other) => Err(other),
        }
    }

    /// One request, one reply; a refusal is an error.
    async fn request(
        &mut self,
        what: &'static str,
        deadline: Duration,
        frame: impl Fn(u64, u64) -> Frame,
    ) -> Result<Reply, Error> {
        let mut replies = self
            .exchange(what, deadline, 1, |id, req_id, _| frame(id, req_id))
            .await?;
        match replies.pop_front() {
            Some(Reply::Error { errno, message }) => Err(Error::Refused {
                request: what,
                path: None,
                errno,
                message,
            }),
            Some(reply) => Ok(reply),
            None => Err(Error::Closed { request: what }),
        }
    }

    /// Sends `count` requests and waits for as many replies, in order.
    async fn exchange(
        &mut self,
        what: &'static str,
        deadline: Duration,
        count: usize,
        frame: impl Fn(u64, u64, usize) -> Frame,
    ) -> Result<VecDeque<Reply>, Error> {
        if !self.is_usable() {
            return Err(Error::Closed { request: what });
        }
        // Until all is answered. Whoever drops the future in between has cut a
        // frame or left answers nobody waits for.
        self.usable = false;
        let first = self.last_req_id + 1;
        let replies = within(what, deadline, async {
            for i in 0..count {
                self.last_req_id += 1;
                let request = frame(self.id, self.last_req_id, i);
                self.sink.feed(request).await?;
            }
            SinkExt::<Frame>::flush(&mut self.sink).await?;
            let mut replies = VecDeque::with_capacity(count);
            for req_id in first..=self.last_req_id {
                replies.push_back(self.reply(what, req_id).await?);
            }
            Ok(replies)
        })
        .await?;
        self.usable = true;
        Ok(replies)
    }

    /// The reply to one request; what nobody asked for is passed over.
    async fn reply(&mut self, what: &'static str, req_id: u64) -> Result<Reply, Error> {
        loop {
            let message = self
                .answers
                .recv()
                .await
                .ok_or(Error::Closed { request: what })??;
            if let (0, Reply::Session { created: true }) = (self.id, &message.reply) {
                self.id = message.session;
            }
            if message.session == self.id
                && message.req_id == req_id
                && message.reply != Reply::Notify
            {
                return Ok(message.reply);
            }
            debug!(
                ?message,
                waiting_for = req_id,
                "unasked message of mgmtd passed over"
            );
        }
    }
}

/// "Device or resource busy".
const EBUSY: i32 = 16;

async fn within<T>(
    request: &'static str,
    after: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout(after, work)
        .await
        .unwrap_or(Err(Error::Timeout { request, after }))
}

fn unexpected(request: &'static str, got: &Reply) -> Error {
    let mut got = format!("{got:?}");
    // A whole tree would drown the message.
    if let Some((end, _)) = got.char_indices().nth(200) {
        got.truncate(end);
    }
    Error::Unexpected { request, got }
}

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

/// Reads until the connection ends or the session is gone.
async fn read_all(read: OwnedReadHalf, answers: mpsc::Sender<Result<Message, Error>>) {
    let mut frames = FramedRead::new(read, FrameCodec);
    while let Some(frame) = frames.next().await {
        let message = frame
            .map_err(Error::from)
            .and_then(|frame| Ok(Message::parse(&frame)?));
        let last = message.is_err();
        if matches!(
            &message,
            Ok(Message {
                reply: Reply::Notify,
                ..
            })
        ) {
            continue;
        }
        if answers.send(message).await.is_err() || last {
            break;
        }
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
