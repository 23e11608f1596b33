//! Asks the agent, for as long as anybody looks; connects again when it was away.

use std::time::Duration;

use tokio::{
    sync::mpsc::Sender,
    time::{self, Instant},
};
use tonic::Request;

use super::data::Update;
use crate::{
    ctl::{
        client::{self, Client},
        error::CtlError,
        global::Global,
    },
    proto::v1::{
        GetStatusRequest, ListTransactionsRequest, StreamEventsRequest, WatchTransactionsRequest,
    },
};

/// An agent that starts again takes about this long; more often would only fill its log.
const RETRY: Duration = Duration::from_secs(1);

/// Enough for a 99th percentile.
const HISTORY: u32 = 200;

/// A look at a large status may take this part of the time: the agent has better things to do.
const SHARE: u32 = 20;

/// What is asked, and where.
pub struct Feed<'a> {
    global: &'a Global,
    owner: String,
    interval: Duration,
    begun: Instant,
}

impl<'a> Feed<'a> {
    /// Asks for what one owner has, or with an empty name everybody.
    pub fn new(global: &'a Global, owner: String, interval: Duration) -> Self {
        Self { global, owner, interval, begun: Instant::now() }
    }

    /// Sends what the agent says until the receiver is gone.
    pub async fn run(&self, updates: Sender<Update>) {
        while !updates.is_closed() {
            let why = match self.session(&updates).await {
                Ok(()) => return,
                Err(error) => error.report(),
            };
            // One line: what it is; what to try is for people at a prompt.
            let why = why.lines().next().unwrap_or_default();
            let why = why.strip_prefix("error: ").unwrap_or(why).to_owned();
            if updates.send(Update::Lost(why)).await.is_err() {
                return;
            }
            time::sleep(RETRY).await;
        }
    }

    /// One connection; ends well only when the receiver is gone.
    async fn session(&self, updates: &Sender<Update>) -> Result<(), CtlError> {
        let agent = Client::connect(self.global).await?;
        let (mut routes, mut transactions) = (agent.routes(), agent.transactions());
        // The streams first: what happens while the lists are asked for is not lost.
        let request = StreamEventsRequest {
            owner_filter: self.owner.clone(),
            ..StreamEventsRequest::default()
        };
        let mut events = agent.answer(routes.stream_events(Request::new(request))).await?;
        let request = WatchTransactionsRequest { owner_filter: self.owner.clone() };
        let mut ended = agent.answer(transactions.watch(Request::new(request))).await?;
        if updates.send(Update::Linked).await.is_err() {
            return Ok(());
        }
        let request = ListTransactionsRequest { owner_filter: self.owner.clone(), limit: HISTORY };
        let listed = agent.answer(transactions.list(agent.request(request))).await?;
        for transaction in listed.transactions {
            if updates.send(Update::Transaction(Box::new(transaction))).await.is_err() {
                return Ok(());
            }
        }
        let mut next = time::Instant::now();
        loop {
            let update = tokio::select! {
                () = time::sleep_until(next) => {
                    let asked = Instant::now();
                    let request = GetStatusRequest { owner_filter: self.owner.clone() };
                    let status = agent.answer(routes.get_status(agent.request(request))).await?;
                    next = time::Instant::now() + self.interval.max(asked.elapsed() * SHARE);
                    Update::Status(Box::new(status), self.begun.elapsed())
                }
                event = events.message() => {
                    let event = event.map_err(client::refusal)?;
                    Update::Event(event.ok_or(CtlError::StreamEnded)?)
                }
                transaction = ended.message() => {
                    let transaction = transaction.map_err(client::refusal)?;
                    Update::Transaction(Box::new(transaction.ok_or(CtlError::StreamEnded)?))
                }
            };
            if updates.send(update).await.is_err() {
                return Ok(());
            }
        }
    }
}
