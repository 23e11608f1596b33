//! The bodies of a call: what its client sends, and what it has not read yet.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};

use super::{
    charge::{Charge, Shared, held},
    limits::{Limits, Refusal},
    scan::Scan,
};
use crate::{api::directory::unauthenticated, model::OwnerName};

/// Longest time that a request may take to come to its end. Clients send one within milliseconds; the longest time
/// that they wait for an answer is as long.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// What tonic reserves for a call's messages as soon as there is a request, and again as soon as there is an answer.
pub(super) const BUFFER: usize = 8 * 1024;

/// What a piece of an answer takes beside its bytes while it waits to be written.
const PIECE: usize = 1024;

/// Returns the owner of a token; `None` where no owner has it.
pub type Authenticate = Arc<dyn Fn(&str, &str) -> Option<OwnerName> + Send + Sync>;

/// What a client sends.
pub(super) struct Asked {
    inner: Body,
    charge: Shared,
    /// Bytes that a caller without a token may send.
    limit: usize,
    sent: usize,
    scan: Scan,
    /// Asked once, when owner and token have come.
    authenticate: Option<Authenticate>,
    /// No owner has this name and token.
    unknown: bool,
    /// Runs while more is awaited: when it is late, and when the server ends.
    waiting: Option<(Pin<Box<Sleep>>, Ending)>,
    shutdown: CancellationToken,
}

type Ending = Pin<Box<WaitForCancellationFutureOwned>>;

impl Asked {
    pub(super) fn new(
        inner: Body,
        charge: Shared,
        limits: Limits,
        authenticate: Option<Authenticate>,
        shutdown: CancellationToken,
    ) -> Self {
        let (limit, scan) = (limits.guest_request, Scan::new(limits.per_byte));
        // Who is known pays already.
        let authenticate = authenticate.filter(|_| held(&charge).is_guest());
        Self {
            inner,
            charge,
            limit,
            sent: 0,
            scan,
            authenticate,
            unknown: false,
            waiting: None,
            shutdown,
        }
    }

    /// Pays for what came.
    fn pay(&mut self, bytes: &[u8]) -> Result<(), Status> {
        self.sent += bytes.len();
        let cost = self.scan.feed(bytes);
        let mut charge = held(&self.charge);
        if let Some(authenticate) = &self.authenticate
            && let Some((owner, token)) = self.scan.credentials()
        {
            match authenticate(owner, token) {
                Some(owner) => charge.pay_as(owner).map_err(|why| charge.refuse(why))?,
                None => self.unknown = true,
            }
            self.authenticate = None;
        }
        if charge.is_guest() && self.sent > self.limit {
            return Err(match self.unknown {
                true => unauthenticated(),
                false => charge.refuse(Refusal::Size),
            });
        }
        charge.grow(cost).map_err(|why| charge.refuse(why))
    }

    /// Ready with what ends a request of which more is awaited.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        let shutdown = &self.shutdown;
        let (late, ending) = self.waiting.get_or_insert_with(|| {
            (Box::pin(sleep(REQUEST_DEADLINE)), Box::pin(shutdown.clone().cancelled_owned()))
        });
        if ending.as_mut().poll(cx).is_ready() {
            return Poll::Ready(stopping());
        }
        ready!(late.as_mut().poll(cx));
        Poll::Ready(held(&self.charge).refuse(Refusal::Deadline))
    }
}

fn stopping() -> Status {
    Status::unavailable("the agent is stopping; try again")
}

impl http_body::Body for Asked {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let paid = frame.data_ref().map_or(Ok(()), |data| self.pay(data));
                Poll::Ready(Some(paid.map(|()| frame)))
            }
            Poll::Ready(end) => Poll::Ready(end),
            Poll::Pending => self.poll_late(cx).map(|status| Some(Err(status))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What a client gets.
pub(super) struct Answer {
    inner: Body,
    charge: Shared,
    ending: Option<Ending>,
    shutdown: CancellationToken,
    ended: bool,
    /// What its first piece pays for the buffer that it is a part of; 0 once it has.
    buffer: usize,
}

impl Answer {
    pub(super) fn new(inner: Body, charge: Shared, shutdown: CancellationToken) -> Self {
        Self { inner, charge, ending: None, shutdown, ended: false, buffer: BUFFER }
    }

    /// The bytes, paid for until they have been written.
    fn pay(&mut self, bytes: Bytes) -> Result<Bytes, Status> {
        let cost = bytes.len() + PIECE + std::mem::take(&mut self.buffer);
        let mut charge = held(&self.charge);
        charge.grow(cost).map_err(|why| charge.refuse(why))?;
        let charge = charge.split(cost);
        Ok(Bytes::from_owner(Paid { bytes, _charge: charge }))
    }

    /// The last frame of an answer that can't go on.
    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.ended = true;
        let mut trailers = http::HeaderMap::new();
        let added = status.add_header(&mut trailers);
        Poll::Ready(Some(added.map(|()| Frame::trailers(trailers))))
    }
}

/// Bytes that are charged until they are freed.
struct Paid {
    bytes: Bytes,
    _charge: Charge,
}

impl AsRef<[u8]> for Paid {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => match self.pay(data) {
                    Ok(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
                    Err(status) => self.end(&status),
                },
                Err(trailers) => Poll::Ready(Some(Ok(trailers))),
            },
            Poll::Ready(end) => Poll::Ready(end),
            Poll::Pending => {
                let shutdown = self.shutdown.clone();
                let ending =
                    self.ending.get_or_insert_with(|| Box::pin(shutdown.cancelled_owned()));
                ready!(ending.as_mut().poll(cx));
                self.end(&stopping())
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
