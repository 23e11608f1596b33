//! `transactions`, `confirm` and `rollback`: what was done, and what becomes of it.

use std::io::Write;

use clap::{Args, Subcommand};
use tonic::Request;

use super::{
    Terminal,
    client::{self, Client},
    credentials::Credentials,
    error::CtlError,
    global::Global,
    now,
    output::{self, ApplyResult, Done, Ended, Look},
    refusal::About,
    watch, write,
};
use crate::proto::v1::{
    ConfirmRequest, GetTransactionRequest, ListTransactionsRequest, RollbackRequest,
    WatchTransactionsRequest,
};

/// A screenful; more is a matter of asking.
const DEFAULT_LIMIT: u32 = 20;

/// Characters of a whole id, a UUID.
const ID_LENGTH: usize = 36;

/// `transactions`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Transactions {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the latest transactions, newest first
    List(List),
    /// Show a transaction and what it changed
    #[command(visible_alias = "get")]
    Show(Show),
    /// Show transactions as they end, until Ctrl-C
    Watch(Watch),
}

#[derive(Debug, Args)]
struct List {
    /// Only this owner's
    #[arg(long)]
    owner: Option<String>,
    /// At most this many; 0 shows all that are remembered
    #[arg(long, value_name = "NUMBER", default_value_t = DEFAULT_LIMIT)]
    limit: u32,
    #[command(flatten)]
    watch: watch::Watch,
}

#[derive(Debug, Args)]
struct Show {
    /// The transaction, or as much of its beginning as no other has
    id: String,
    #[command(flatten)]
    watch: watch::Watch,
}

#[derive(Debug, Args)]
struct Watch {
    /// Only this owner's
    #[arg(long)]
    owner: Option<String>,
}

/// `confirm` and `rollback`
#[derive(Debug, Args)]
pub struct Finish {
    /// The transaction, or as much of its beginning as no other has
    id: String,
    #[command(flatten)]
    credentials: Credentials,
}

impl Transactions {
    /// Shows what was asked for; only `watch` writes by itself, line by line.
    pub async fn run(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        match &self.command {
            None => self.list.run(global, look, terminal).await,
            Some(Command::List(list)) => list.run(global, look, terminal).await,
            Some(Command::Show(show)) => show.run(global, look, terminal).await,
            Some(Command::Watch(watch)) => watch.run(global, look, &mut terminal.out).await,
        }
    }
}

impl List {
    async fn run(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        let request = ListTransactionsRequest {
            owner_filter: self.owner.clone().unwrap_or_default(),
            limit: self.limit,
        };
        let ask = async || {
            let agent = Client::connect(global).await?;
            let request = agent.request(request.clone());
            let response = agent.answer(agent.transactions().list(request)).await?;
            Ok(output::Transactions::new(response, now()))
        };
        self.watch.show(look, terminal, ask).await
    }
}

impl Show {
    async fn run(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        let ask = async || {
            let agent = Client::connect(global).await?;
            let transaction_id = resolve(&agent, &self.id).await?;
            let request = agent.request(GetTransactionRequest { transaction_id });
            let answer = agent.answer(agent.transactions().get(request)).await;
            let transaction = answer.map_err(|error| error.about(About::Transaction))?;
            Ok(output::Transaction::new(transaction, now()))
        };
        self.watch.show(look, terminal, ask).await
    }
}

impl Watch {
    /// Writes transactions until the stream ends, which only the agent or a signal does.
    async fn run(&self, global: &Global, look: Look, out: &mut dyn Write) -> Result<(), CtlError> {
        let agent = Client::connect(global).await?;
        let request =
            WatchTransactionsRequest { owner_filter: self.owner.clone().unwrap_or_default() };
        // No time limit in the request: it would be one for the whole stream.
        let mut stream = agent.answer(agent.transactions().watch(Request::new(request))).await?;
        while let Some(transaction) = stream.message().await.map_err(client::refusal)? {
            let line = look.line(&Ended::new(transaction, now()));
            write(out, &line)?;
        }
        Err(CtlError::StreamEnded)
    }
}

impl Finish {
    /// Keeps the transaction.
    pub async fn confirm(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let token = self.credentials.token()?;
        let agent = Client::connect(global).await?;
        let request = ConfirmRequest {
            owner: self.credentials.owner.clone(),
            token,
            transaction_id: resolve(&agent, &self.id).await?,
        };
        let id = request.transaction_id.clone();
        let answer = agent.answer(agent.transactions().confirm(agent.request(request))).await;
        answer.map_err(|error| error.about(About::Transaction))?;
        Ok(look.show(&Done::new(format!("transaction {id} confirmed: it stays"))))
    }

    /// Restores what was declared before the transaction.
    pub async fn rollback(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<String, CtlError> {
        let token = self.credentials.token()?;
        let agent = Client::connect(global).await?;
        let request = RollbackRequest {
            owner: self.credentials.owner.clone(),
            token,
            transaction_id: resolve(&agent, &self.id).await?,
        };
        let id = request.transaction_id.clone();
        let mut client = agent.transactions();
        let call = client.rollback(agent.request(request));
        let answer = agent.answer_noting(&mut terminal.notes, "FRR to go back", call).await;
        let response = answer.map_err(|error| error.about(About::Transaction))?;
        Ok(look.show(&ApplyResult::rolled_back(&id, response)))
    }
}

/// The whole id of the one transaction whose id begins so: the agent takes whole ones only.
///
/// # Errors
/// [`CtlError::NoTransaction`], [`CtlError::ManyTransactions`], or the agent did not list them.
async fn resolve(agent: &Client, typed: &str) -> Result<String, CtlError> {
    if typed.len() == ID_LENGTH {
        return Ok(typed.to_owned());
    }
    let request = ListTransactionsRequest::default();
    let listed = agent.answer(agent.transactions().list(agent.request(request))).await?;
    let mut ids: Vec<String> = listed
        .transactions
        .into_iter()
        .map(|one| one.id)
        .filter(|id| !typed.is_empty() && id.starts_with(typed))
        .collect();
    match (ids.pop(), ids.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            ids.push(last);
            Err(CtlError::ManyTransactions { prefix: typed.to_owned(), ids })
        }
        (None, _) => Err(CtlError::NoTransaction { prefix: typed.to_owned() }),
    }
}
