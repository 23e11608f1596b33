//! `register` and `deregister`: an owner's session.

use clap::Args;

use super::{
    client::Client,
    credentials::Credentials,
    error::CtlError,
    global::Global,
    output::{Done, Look, Registered},
};
use crate::proto::v1::{DeregisterRequest, RegisterRequest};

/// `register`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  novaroutectl register --owner edge --reassert")]
pub struct Register {
    #[command(flatten)]
    credentials: Credentials,
    /// Replay what the owner had declared before its session ended
    #[arg(long)]
    reassert: bool,
}

impl Register {
    /// Opens the session.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let owner = &self.credentials.owner;
        let request = RegisterRequest {
            owner: owner.clone(),
            token: self.credentials.token()?,
            reassert_intents: self.reassert,
        };
        let agent = Client::connect(global).await?;
        let response = agent.answer(agent.routes().register(agent.request(request))).await?;
        Ok(look.show(&Registered::new(owner, response)))
    }
}

/// `deregister`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  novaroutectl deregister --owner edge --withdraw-all")]
pub struct Deregister {
    #[command(flatten)]
    credentials: Credentials,
    /// Also withdraw everything the owner has declared
    #[arg(long)]
    withdraw_all: bool,
}

impl Deregister {
    /// Ends the session.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let owner = &self.credentials.owner;
        let request = DeregisterRequest {
            owner: owner.clone(),
            token: self.credentials.token()?,
            withdraw_all: self.withdraw_all,
        };
        let agent = Client::connect(global).await?;
        agent.answer(agent.routes().deregister(agent.request(request))).await?;
        let what = if self.withdraw_all { ", everything of it withdrawn" } else { "" };
        Ok(look.show(&Done::new(format!("owner {owner} deregistered{what}"))))
    }
}
