//! One connection to mgmtd: requests out, the replies to them back.
//!
//! A task reads the socket all the time, so that mgmtd never has to keep
//! notifications for a client that is silent, and passes answers on. Replies are
//! matched by session and request number; anything else that arrives is dropped.

use std::{collections::VecDeque, future::Future, path::Path, time::Duration};

use futures::{SinkExt, StreamExt};
use tokio::{
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::timeout,
};
use tokio_util::{
    codec::{FramedRead, FramedWrite},
    task::AbortOnDropHandle,
};
use tracing::debug;

use super::{
    error::{Error, FrameError},
    frame::{Frame, FrameCodec},
    message::{Message, Reply},
};

/// mgmtd accepts at once or is not there.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// Edits on their way at once: enough to hide the round trip, few enough that the
/// answers fit the channel below.
pub(super) const EDITS_IN_FLIGHT: usize = 32;

/// Answers read but not taken. More than [`EDITS_IN_FLIGHT`] is never asked for; if
/// mgmtd sends more than that on its own, reading waits.
const ANSWERS: usize = 2 * EDITS_IN_FLIGHT;

/// A connection with at most one session on it.
#[derive(Debug)]
pub(super) struct Connection {
    /// mgmtd's number of the session; 0 before there is one.
    id: u64,
    last_req_id: u64,
    usable: bool,
    sink: FramedWrite<OwnedWriteHalf, FrameCodec>,
    answers: mpsc::Receiver<Result<Message, Error>>,
    _reader: AbortOnDropHandle<()>,
}

impl Connection {
    pub(super) async fn open(socket: &Path) -> Result<Self, Error> {
        let connect = |source| Error::Connect { path: socket.to_path_buf(), source };
        let stream = timeout(CONNECT_DEADLINE, UnixStream::connect(socket))
            .await
            .map_err(|_| Error::Timeout { request: "connect", after: CONNECT_DEADLINE })?
            .map_err(connect)?;
        let (read, write) = stream.into_split();
        let (sender, answers) = mpsc::channel(ANSWERS);
        Ok(Self {
            id: 0,
            last_req_id: 0,
            usable: true,
            sink: FramedWrite::new(write, FrameCodec),
            answers,
            _reader: AbortOnDropHandle::new(tokio::spawn(read_all(read, sender))),
        })
    }

    /// The connection is open and no request was left half done.
    pub(super) fn is_usable(&self) -> bool {
        self.usable && !self.answers.is_closed()
    }

    /// Lets no further request out.
    pub(super) fn give_up(&mut self) {
        self.usable = false;
    }

    /// One request, one reply; a refusal is an error.
    pub(super) async fn request(
        &mut self,
        what: &'static str,
        deadline: Duration,
        frame: impl Fn(u64, u64) -> Frame,
    ) -> Result<Reply, Error> {
        let mut replies =
            self.exchange(what, deadline, 1, |id, req_id, _| frame(id, req_id)).await?;
        match replies.pop_front() {
            Some(Reply::Error { errno, message }) => {
                Err(Error::Refused { request: what, path: None, errno, message })
            }
            Some(reply) => Ok(reply),
            None => Err(Error::Closed { request: what }),
        }
    }

    /// Sends `count` requests and waits for as many replies, in order.
    pub(super) async fn exchange(
        &mut self,
        what: &'static str,
        deadline: Duration,
        count: usize,
        frame: impl Fn(u64, u64, usize) -> Frame,
    ) -> Result<VecDeque<Reply>, Error> {
        if !self.is_usable() {
            return Err(Error::Closed { request: what });
        }
        // Until all is answered. A caller that drops the future in between has cut a
        // frame or left answers that no caller waits for.
        self.usable = false;
        let first = self.last_req_id + 1;
        let replies = within(what, deadline, async {
            for i in 0..count {
                self.last_req_id += 1;
                let request = frame(self.id, self.last_req_id, i);
                self.sink.feed(request).await.map_err(|error| hung_up(what, error))?;
            }
            SinkExt::<Frame>::flush(&mut self.sink).await.map_err(|error| hung_up(what, error))?;
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

    /// The reply to one request; what answers no request is skipped.
    async fn reply(&mut self, what: &'static str, req_id: u64) -> Result<Reply, Error> {
        loop {
            let message = self.answers.recv().await.ok_or(Error::Closed { request: what })??;
            if let (0, Reply::Session { created: true }) = (self.id, &message.reply) {
                self.id = message.session;
            }
            if message.session == self.id
                && message.req_id == req_id
                && message.reply != Reply::Notify
            {
                return Ok(message.reply);
            }
            debug!(?message, waiting_for = req_id, "unasked message of mgmtd passed over");
        }
    }
}

/// A socket that cannot be written to is a connection that has ended.
fn hung_up(request: &'static str, error: FrameError) -> Error {
    match error {
        FrameError::Io(_) => Error::Closed { request },
        other => other.into(),
    }
}

async fn within<T>(
    request: &'static str,
    after: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout(after, work).await.unwrap_or(Err(Error::Timeout { request, after }))
}

/// An error for a reply that does not belong to the request.
pub(super) fn unexpected(request: &'static str, got: &Reply) -> Error {
    Error::Unexpected { request, got: got.to_string() }
}

/// Reads until the connection ends or the session is gone.
async fn read_all(read: OwnedReadHalf, answers: mpsc::Sender<Result<Message, Error>>) {
    let mut frames = FramedRead::new(read, FrameCodec);
    while let Some(frame) = frames.next().await {
        let message = frame.map_err(Error::from).and_then(|frame| Ok(Message::parse(&frame)?));
        let last = message.is_err();
        if matches!(&message, Ok(Message { reply: Reply::Notify, .. })) {
            continue;
        }
        if answers.send(message).await.is_err() || last {
            break;
        }
    }
}
