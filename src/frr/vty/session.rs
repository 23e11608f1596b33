//! One connection to a daemon's VTY socket.
//!
//! A reply carries nothing that tells which command it answers, so replies are counted:
//! after any doubt (timeout, end of file, bytes that nobody asked for, a call that was
//! cancelled half-way) the session refuses further use.

use std::{io, path::Path, sync::Arc, time::Duration};

use futures::FutureExt;
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, split},
    task::unconstrained,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{
    bytes::{Buf, BytesMut},
    codec::{Decoder, Encoder},
};
use tracing::{Level, debug, enabled};

use super::{
    Endpoint, SocketFile, Stream, VtyError,
    codec::{CodecError, CommandError, Reply, VtyCodec},
    redact,
};

/// Commands that may be without a reply at a time. FRR reads 512 bytes at a time, about
/// ten commands, so that 64 never let it wait; more would only make more commands run
/// after the one that it refuses.
pub const MAX_OUTSTANDING: usize = 64;

/// Below this many outstanding commands more are written: half the window at once, so
/// that one write carries many commands.
const REFILL: usize = MAX_OUTSTANDING / 2;

/// Longest wait for the next reply. A running configuration of 100,000 prefixes takes
/// 0.1 s; a bgpd that works through a full table can be silent for some seconds; and a
/// client's deadline of usually 30 s has to outlast a failure and its undoing.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// Room for one read: a pipeline's 64 short replies as well as a slice of a long one.
const READ_SIZE: usize = 64 << 10;

/// Bytes of replies behind which the room that they took is given back: a table of 100,000 routes takes 16 MiB.
const KEPT: usize = 4 * READ_SIZE;

/// Characters of a reply that a log line shows.
const LOGGED: usize = 1024;

/// What became of a pipeline whose connection held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineOutcome {
    /// Replies to the first `replies.len()` commands: exactly those reached the daemon
    /// and were executed. The rest was never sent.
    pub replies: Vec<Reply>,
    /// Index of the first command whose reply was not accepted. Commands behind it that
    /// were on their way already have been executed too, and have a reply.
    pub refused: Option<usize>,
}

/// A connection to one daemon, in the enable node. Replies are counted, so a session
/// that failed or whose call was cancelled must be dropped.
#[derive(Debug)]
pub struct Session {
    stream: Box<dyn Stream>,
    codec: VtyCodec,
    /// Bytes read and not decoded yet.
    incoming: BytesMut,
    /// Commands encoded and not written yet.
    outgoing: BytesMut,
    reply_timeout: Duration,
    /// Set while replies are due; stays set where a call fails or is cancelled.
    poisoned: bool,
    /// File name of the socket, for log lines.
    daemon: String,
    endpoint: Arc<dyn Endpoint>,
    /// The file that was there when this session connected.
    file: Option<SocketFile>,
}

impl Session {
    /// Connects to a daemon's socket and enters the enable node.
    ///
    /// # Errors
    /// The daemon can't be reached, does not answer within `limit`, or refuses `enable`.
    pub async fn connect(path: &Path, limit: Duration) -> Result<Self, VtyError> {
        Self::connect_to(Arc::new(path.to_owned()), limit).await
    }

    /// Connects to a daemon wherever it is, and enters the enable node.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn connect_to(
        endpoint: Arc<dyn Endpoint>,
        limit: Duration,
    ) -> Result<Self, VtyError> {
        let path = endpoint.path().to_owned();
        let deadline = Instant::now() + limit;
        let late = |_| VtyError::ConnectTimeout { path: path.clone(), waited: limit };
        // Before connecting: what is put there in between is noticed.
        let file = endpoint.file();
        let stream = timeout(limit, endpoint.connect())
            .await
            .map_err(late)?
            .map_err(|source| VtyError::Connect { path: path.clone(), source })?;
        let daemon = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut session = Self {
            stream,
            codec: VtyCodec::default(),
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            reply_timeout: REPLY_TIMEOUT,
            poisoned: false,
            daemon,
            endpoint,
            file,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        timeout(left, session.show("enable")).await.map_err(late)??;
        Ok(session)
    }

    /// The same session with another limit than [`REPLY_TIMEOUT`].
    #[must_use]
    pub fn with_reply_timeout(mut self, limit: Duration) -> Self {
        self.reply_timeout = limit;
        self
    }

    /// Sends one command and waits for its reply, whatever its return code.
    ///
    /// Cancel safety: a call that is dropped poisons the session.
    ///
    /// # Errors
    /// The command can't be sent, or the connection failed. See [`VtyError::is_fatal`].
    pub async fn command(&mut self, command: &str) -> Result<Reply, VtyError> {
        let mut outcome = self.pipeline(&[command], |_, _| true).await?;
        Ok(outcome.replies.pop().expect("one reply per command, or an error"))
    }

    /// Sends commands without waiting for each reply, at most [`MAX_OUTSTANDING`] ahead.
    ///
    /// `accept` is asked about every reply with the command's index. After the first
    /// reply that it does not accept nothing more is written, and the replies to what
    /// was written already are awaited. Whether a warning is acceptable is thus
    /// the caller's decision.
    ///
    /// Every command is checked before the first is sent.
    ///
    /// Cancel safety: a call that is dropped poisons the session.
    ///
    /// # Errors
    /// A command can't be sent (then none was), or the connection failed: then commands
    /// beyond the index in the error may have been executed as well.
    pub async fn pipeline<S: AsRef<str>>(
        &mut self,
        commands: &[S],
        accept: impl FnMut(usize, &Reply) -> bool,
    ) -> Result<PipelineOutcome, VtyError> {
        if self.poisoned {
            return Err(VtyError::Poisoned);
        }
        for (command, text) in commands.iter().enumerate() {
            CommandError::check(text.as_ref())
                .map_err(|source| VtyError::Command { command, source })?;
        }
        self.poisoned = true;
        self.refuse_unsolicited()?;
        self.refuse_predecessor()?;
        let outcome = self.exchange(commands, accept).await?;
        self.poisoned = false;
        Ok(outcome)
    }

    /// Runs one command and gives its text.
    ///
    /// # Errors
    /// As [`Session::command`]; also any return code but ok.
    pub async fn show(&mut self, command: &str) -> Result<String, VtyError> {
        self.command(command).await?.taken()
    }

    /// `show running-config`, word for word, when all of it is there. May hold passwords.
    ///
    /// # Errors
    /// As [`Session::show`]; also a text that stops in the middle of a line, and so lacks what comes
    /// behind. FRR marks its end by nothing else.
    pub async fn running_config(&mut self) -> Result<String, VtyError> {
        let text = self.show("show running-config").await?;
        if !text.ends_with('\n') {
            self.poisoned = true;
            return Err(VtyError::CutOff);
        }
        Ok(text)
    }

    /// Runs one command and gives its JSON.
    ///
    /// # Errors
    /// As [`Session::show`]; also JSON that does not fit `T`.
    pub async fn show_json<T: DeserializeOwned>(&mut self, command: &str) -> Result<T, VtyError> {
        let text = self.show(command).await?;
        let mut json = serde_json::Deserializer::from_str(&text);
        serde_path_to_error::deserialize(&mut json).map_err(|error| VtyError::Json {
            path: error.path().to_string(),
            source: error.into_inner(),
        })
    }

    /// Waits until the daemon closes the idle connection, as it does when it stops.
    ///
    /// Cancel safe: nothing is read that a later command would miss.
    pub async fn closed(&mut self) -> VtyError {
        let read = self.stream.read_buf(&mut self.incoming).await;
        self.poisoned = true;
        unsolicited(read)
    }

    /// Notices what came while no reply was due: the end of the stream, or bytes.
    fn refuse_unsolicited(&mut self) -> Result<(), VtyError> {
        // However much this task has done already: what is there is there.
        let read = unconstrained(self.stream.read_buf(&mut self.incoming)).now_or_never();
        read.map_or(Ok(()), |read| Err(unsolicited(read)))
    }

    /// Notices that the socket is another daemon's by now, while the one of this session lives on: it is not
    /// the node's FRR any more. A socket that was taken away without another in its place says nothing.
    fn refuse_predecessor(&self) -> Result<(), VtyError> {
        match (self.endpoint.file(), self.file) {
            (Some(now), Some(then)) if now.is(&then) => Ok(()),
            (Some(_), _) => Err(VtyError::Replaced),
            (None, _) => Ok(()),
        }
    }

    async fn exchange<S: AsRef<str>>(
        &mut self,
        commands: &[S],
        mut accept: impl FnMut(usize, &Reply) -> bool,
    ) -> Result<PipelineOutcome, VtyError> {
        let mut turn = Exchange::default();
        let late = sleep_until(Instant::now() + self.reply_timeout);
        tokio::pin!(late);
        loop {
            self.refill(&mut turn, commands)?;
            let command = turn.replies.len();
            if command == turn.sent {
                break;
            }
            self.incoming.reserve(READ_SIZE);
            let (mut reader, mut writer) = split(&mut self.stream);
            // In this order, so that a simulation repeats itself.
            tokio::select! {
                biased;
                written = writer.write(&self.outgoing), if !self.outgoing.is_empty() => {
                    let count = written.map_err(|source| VtyError::Io { command, source })?;
                    if count == 0 {
                        return Err(VtyError::Closed { command });
                    }
                    turn.whole = self.outgoing[count - 1] == 0;
                    self.outgoing.advance(count);
                }
                read = reader.read_buf(&mut self.incoming) => {
                    let count = read.map_err(|source| VtyError::Io { command, source })?;
                    if count == 0 {
                        return Err(VtyError::Closed { command });
                    }
                    turn.received += count;
                    self.take_replies(&mut turn, &mut accept)?;
                    if turn.replies.len() > command {
                        late.as_mut().reset(Instant::now() + self.reply_timeout);
                    }
                }
                () = &mut late => {
                    return Err(VtyError::Timeout { command, waited: self.reply_timeout });
                }
            }
        }
        if !self.incoming.is_empty() {
            let (command, source) = (turn.replies.len(), CodecError::Unsolicited);
            return Err(VtyError::Protocol { command, source });
        }
        if turn.received > KEPT {
            self.incoming = BytesMut::new();
        }
        Ok(PipelineOutcome { replies: turn.replies, refused: turn.refused })
    }

    /// Encodes commands that may be on their way by now; none after a refusal.
    fn refill<S: AsRef<str>>(
        &mut self,
        turn: &mut Exchange,
        commands: &[S],
    ) -> Result<(), VtyError> {
        let answered = turn.replies.len();
        if turn.refused.is_some() || turn.sent - answered > REFILL {
            return Ok(());
        }
        let end = commands.len().min(answered + MAX_OUTSTANDING);
        for (command, text) in commands.iter().enumerate().take(end).skip(turn.sent) {
            log_command(&self.daemon, command, text.as_ref());
            self.codec
                .encode(text.as_ref(), &mut self.outgoing)
                .map_err(|source| VtyError::Protocol { command, source })?;
        }
        turn.sent = end;
        Ok(())
    }

    /// Decodes the replies that are there, and shows each to `accept`.
    fn take_replies(
        &mut self,
        turn: &mut Exchange,
        accept: &mut impl FnMut(usize, &Reply) -> bool,
    ) -> Result<(), VtyError> {
        loop {
            let command = turn.replies.len();
            let protocol = |source| VtyError::Protocol { command, source };
            let Some(reply) = self.codec.decode(&mut self.incoming).map_err(protocol)? else {
                return Ok(());
            };
            if command == turn.sent {
                return Err(protocol(CodecError::Unsolicited));
            }
            log_reply(&self.daemon, command, &reply);
            if !accept(command, &reply) && turn.refused.is_none() {
                turn.refused = Some(command);
                turn.sent -= take_back(&mut self.outgoing, turn.whole);
            }
            turn.replies.push(reply);
        }
    }
}

/// How far the commands of one pipeline are.
struct Exchange {
    replies: Vec<Reply>,
    /// The first command that was not accepted.
    refused: Option<usize>,
    /// Commands encoded so far; after a refusal those that are not on their way are taken back.
    sent: usize,
    /// Whether the last byte written ended a command.
    whole: bool,
    /// Bytes of replies.
    received: usize,
}

impl Default for Exchange {
    fn default() -> Self {
        Self { replies: Vec::new(), refused: None, sent: 0, whole: true, received: 0 }
    }
}

impl Reply {
    /// The text of a command that was executed without a remark.
    ///
    /// # Errors
    /// Any other return code.
    pub(super) fn taken(self) -> Result<String, VtyError> {
        if !self.is_ok() {
            return Err(VtyError::Refused { code: self.code, message: self.message() });
        }
        Ok(self.text)
    }
}

/// What came while no reply was due.
fn unsolicited(read: io::Result<usize>) -> VtyError {
    match read {
        Ok(0) => VtyError::Gone,
        Ok(_) => VtyError::Protocol { command: 0, source: CodecError::Unsolicited },
        Err(source) => VtyError::Io { command: 0, source },
    }
}

/// Drops the commands of which no byte was written, and says how many; a command that
/// was written in part has to be completed.
fn take_back(outgoing: &mut BytesMut, whole: bool) -> usize {
    let keep = match outgoing.iter().position(|byte| *byte == 0) {
        Some(end) if !whole => end + 1,
        _ => 0,
    };
    let dropped = outgoing[keep..].iter().filter(|byte| **byte == 0).count();
    outgoing.truncate(keep);
    dropped
}

fn log_command(daemon: &str, command: usize, text: &str) {
    if enabled!(Level::DEBUG) {
        debug!(daemon, command, text = %redact(text), "VTY command");
    }
}

fn log_reply(daemon: &str, command: usize, reply: &Reply) {
    if enabled!(Level::DEBUG) {
        let text: String = redact(&reply.text).chars().take(LOGGED).collect();
        debug!(daemon, command, code = %reply.code, bytes = reply.text.len(), %text, "VTY reply");
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
