//! `status`, `peers` and `prefixes`: what is declared and what FRR makes of it.

use clap::Args;

use super::{
    agent::Agent,
    cli::Global,
    error::CtlError,
    render::{Look, Peers, Prefixes, Status},
};
use crate::proto::v1::{GetStatusRequest, GetStatusResponse};

/// `status`, `peers` and `prefixes`
#[derive(Debug, Args)]
pub struct Show {
    /// Only what this owner has declared
    #[arg(long)]
    owner: Option<String>,
}

impl Show {
    /// Everything.
    pub async fn status(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        Ok(look.show(&Status::from(self.ask(global).await?)))
    }

    /// The peers alone.
    pub async fn peers(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        Ok(look.show(&Peers::from(self.ask(global).await?.peers)))
    }

    /// The prefixes alone.
    pub async fn prefixes(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        Ok(look.show(&Prefixes::from(self.ask(global).await?.prefixes)))
    }

    async fn ask(&self, global: &Global) -> Result<GetStatusResponse, CtlError> {
        let request = GetStatusRequest { owner_filter: self.owner.clone().unwrap_or_default() };
        let agent = Agent::connect(global).await?;
        agent.answer(agent.routes().get_status(agent.request(request))).await
    }
}
