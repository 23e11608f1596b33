//! `configure-bgp`: the node's autonomous system and router-id.

use clap::Args;

use super::{
    client::Client,
    credentials::Credentials,
    error::CtlError,
    global::Global,
    output::{BgpConfigured, Look},
};
use crate::proto::v1::ConfigureBgpRequest;

/// `configure-bgp`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  novaroutectl configure-bgp --owner admin --local-as 65000 --router-id 10.0.0.1")]
pub struct ConfigureBgp {
    #[command(flatten)]
    credentials: Credentials,
    /// The node's autonomous system
    #[arg(long, value_name = "AS")]
    local_as: u32,
    /// BGP identifier, a dotted quad [default: that of the agent's configuration, else FRR's choice]
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    router_id: String,
}

impl ConfigureBgp {
    /// Configures BGP.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let request = ConfigureBgpRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            local_as: self.local_as,
            router_id: self.router_id.clone(),
        };
        let agent = Client::connect(global).await?;
        let response = agent.answer(agent.routes().configure_bgp(agent.request(request))).await?;
        Ok(look.show(&BgpConfigured::new(self.local_as, &self.router_id, response)))
    }
}
