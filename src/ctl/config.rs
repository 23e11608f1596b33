//! `config` and `reload`: what is in force of the agent's configuration, and the rest of it put in force.

use clap::Args;

use super::{
    client::Client,
    credentials::Credentials,
    error::CtlError,
    global::Global,
    now,
    output::{self, Look},
};
use crate::proto::v1::{GetConfigRequest, ReloadRequest};

/// `config`
#[derive(Debug, Args)]
#[command(after_help = "\
The agent takes changes of its files by itself, but for what may reset sessions, which waits for `reload`, and what \
only its start reads. Secrets are masked.

Example:
  novaroutectl config --owner admin")]
pub struct Config {
    #[command(flatten)]
    credentials: Credentials,
}

/// `reload`
#[derive(Debug, Args)]
#[command(after_help = "\
All of the file is in force afterwards, or nothing of it, as after SIGHUP.

Example:
  novaroutectl reload --owner admin")]
pub struct Reload {
    #[command(flatten)]
    credentials: Credentials,
}

impl Config {
    /// Asks the agent and shows it.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let owner = self.credentials.owner.clone();
        let request = GetConfigRequest { owner, token: self.credentials.token()? };
        let agent = Client::connect(global).await?;
        let answer = agent.answer(agent.diagnostics().get_config(agent.request(request))).await?;
        Ok(look.show(&output::Config::new(answer, now())))
    }
}

impl Reload {
    /// Has the agent read its files, and says what came of it.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let owner = self.credentials.owner.clone();
        let request = ReloadRequest { owner, token: self.credentials.token()? };
        let agent = Client::connect(global).await?;
        let answer = agent.answer(agent.maintenance().reload(agent.request(request))).await?;
        Ok(look.show(&output::Reloaded::from(answer)))
    }
}
