//! `drain` and `undrain`: the node taken out of the way of traffic, and back.

use clap::Args;

use super::{
    client::Client,
    credentials::Credentials,
    error::CtlError,
    global::Global,
    output::{Drained, Look},
};
use crate::proto::v1::{DrainRequest, UndrainRequest};

/// `drain`
#[derive(Debug, Args)]
#[command(after_help = "\
Neighbours see the community 65535:0 (RFC 8326) on every route and prefer other ways; the node goes on
forwarding what still comes. Stays until undrain, also across restarts of the agent and of FRR.

Example:
  novaroutectl drain --owner admin")]
pub struct Drain {
    #[command(flatten)]
    credentials: Credentials,
    /// The next start of the agent ends the drain
    #[arg(long)]
    until_restart: bool,
}

impl Drain {
    /// Drains the node.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let request = DrainRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            until_restart: self.until_restart,
        };
        let agent = Client::connect(global).await?;
        let response = agent.answer(agent.maintenance().drain(agent.request(request))).await?;
        let outcome = response.outcome();
        Ok(look.show(&Drained::new("the node is drained", response.transaction_id, outcome)))
    }
}

/// `undrain`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  novaroutectl undrain --owner admin")]
pub struct Undrain {
    #[command(flatten)]
    credentials: Credentials,
}

impl Undrain {
    /// Ends the drain.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let request = UndrainRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
        };
        let agent = Client::connect(global).await?;
        let response = agent.answer(agent.maintenance().undrain(agent.request(request))).await?;
        let outcome = response.outcome();
        Ok(look.show(&Drained::new("the node is not drained", response.transaction_id, outcome)))
    }
}
