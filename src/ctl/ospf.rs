//! `enable-ospf` and `disable-ospf`: interfaces on which OSPF runs.

use clap::Args;

use super::{
    client::Client,
    credentials::Credentials,
    error::CtlError,
    global::Global,
    output::{Done, Look},
};
use crate::proto::v1::{DisableOspfRequest, EnableOspfRequest};

/// `enable-ospf`
#[derive(Debug, Args)]
pub struct EnableOspf {
    #[command(flatten)]
    credentials: Credentials,
    /// Name of the interface
    #[arg(long, value_name = "NAME")]
    interface: String,
    /// Area: a dotted quad such as 0.0.0.1, or its number
    #[arg(long, value_name = "AREA")]
    area: String,
    /// Announce the interface's network and look for no neighbour on it
    #[arg(long)]
    passive: bool,
    /// Output cost, 1 to 65535; without it, from the bandwidth
    #[arg(long, value_name = "NUMBER", default_value_t, hide_default_value = true)]
    cost: u32,
    /// Seconds between Hello packets [default: 10]
    #[arg(long, value_name = "SECONDS", default_value_t, hide_default_value = true)]
    hello_interval: u32,
    /// Seconds without a Hello packet until a neighbour is down [default: 4 x hello]
    #[arg(long, value_name = "SECONDS", default_value_t, hide_default_value = true)]
    dead_interval: u32,
}

impl EnableOspf {
    /// Declares the interface.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let request = EnableOspfRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            interface_name: self.interface.clone(),
            area_id: self.area.clone(),
            passive: self.passive,
            cost: self.cost,
            hello_interval: self.hello_interval,
            dead_interval: self.dead_interval,
        };
        let agent = Client::connect(global).await?;
        let response = agent.answer(agent.routes().enable_ospf(agent.request(request))).await?;
        let done = format!("OSPF enabled on {} in area {}", self.interface, self.area);
        Ok(look.show(&Done::to_frr(done, response.outcome())))
    }
}

/// `disable-ospf`
#[derive(Debug, Args)]
pub struct DisableOspf {
    #[command(flatten)]
    credentials: Credentials,
    /// Name of the interface
    #[arg(long, value_name = "NAME")]
    interface: String,
}

impl DisableOspf {
    /// Takes the interface out of OSPF.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let request = DisableOspfRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            interface_name: self.interface.clone(),
        };
        let agent = Client::connect(global).await?;
        let response = agent.answer(agent.routes().disable_ospf(agent.request(request))).await?;
        Ok(look.show(&Done::to_frr(
            format!("OSPF disabled on {}", self.interface),
            response.outcome(),
        )))
    }
}
