//! `adopt`: what FRR runs as it is declared, taken for NovaRoute's own.

use clap::Args;

use super::{
    client::Client,
    credentials::Credentials,
    error::CtlError,
    global::Global,
    output::{Adopted, Look},
};
use crate::proto::v1::AdoptRequest;

/// `adopt`
#[derive(Debug, Args)]
#[command(after_help = "\
After the journal was lost, all that FRR runs counts as configured by others: it satisfies what is declared \
again, and stays in FRR when that ends. This takes what is as it is declared for NovaRoute's own.

Example:
  novaroutectl adopt --owner admin --dry-run")]
pub struct Adopt {
    #[command(flatten)]
    credentials: Credentials,
    /// Only show what would be taken
    #[arg(long)]
    dry_run: bool,
}

impl Adopt {
    /// Takes it.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let request = AdoptRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            dry_run: self.dry_run,
        };
        let agent = Client::connect(global).await?;
        let response = agent.answer(agent.maintenance().adopt(agent.request(request))).await?;
        Ok(look.show(&Adopted::new(response, self.dry_run)))
    }
}
