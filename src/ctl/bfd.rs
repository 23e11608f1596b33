//! `enable-bfd` and `disable-bfd`: BFD sessions.

use clap::Args;

use super::{
    client::Client,
    credentials::Credentials,
    error::CtlError,
    global::Global,
    output::{Done, Look},
};
use crate::proto::v1::{DisableBfdRequest, EnableBfdRequest};

/// `enable-bfd`
#[derive(Debug, Args)]
pub struct EnableBfd {
    #[command(flatten)]
    credentials: Credentials,
    /// Address of the other end
    #[arg(long, value_name = "ADDRESS")]
    peer: String,
    /// Milliseconds between packets that this node can take [default: 300]
    #[arg(long, value_name = "MS", default_value_t, hide_default_value = true)]
    min_rx: u32,
    /// Milliseconds between packets that this node sends [default: 300]
    #[arg(long, value_name = "MS", default_value_t, hide_default_value = true)]
    min_tx: u32,
    /// Packets that may be missed in a row [default: 3]
    #[arg(long, value_name = "NUMBER", default_value_t, hide_default_value = true)]
    detect_multiplier: u32,
    /// Interface that the session is bound to; a link-local address needs one
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// This end's address; without it FRR chooses, and for a link-local peer the agent
    #[arg(long, value_name = "ADDRESS")]
    local_address: Option<String>,
    /// BFD profile that gives the session its timers, in the place of --min-rx and the like
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["min_rx", "min_tx", "detect_multiplier"],
        default_value_t,
        hide_default_value = true
    )]
    profile: String,
}

impl EnableBfd {
    /// Declares the session.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let request = EnableBfdRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            peer_address: self.peer.clone(),
            min_rx_ms: self.min_rx,
            min_tx_ms: self.min_tx,
            detect_multiplier: self.detect_multiplier,
            interface_name: self.interface.clone().unwrap_or_default(),
            local_address: self.local_address.clone().unwrap_or_default(),
            profile: self.profile.clone(),
        };
        let agent = Client::connect(global).await?;
        let response = agent.answer(agent.routes().enable_bfd(agent.request(request))).await?;
        Ok(look
            .show(&Done::to_frr(format!("BFD session {} enabled", self.peer), response.outcome())))
    }
}

/// `disable-bfd`
#[derive(Debug, Args)]
pub struct DisableBfd {
    #[command(flatten)]
    credentials: Credentials,
    /// Address of the other end
    #[arg(long, value_name = "ADDRESS")]
    peer: String,
}

impl DisableBfd {
    /// Removes the session.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let request = DisableBfdRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            peer_address: self.peer.clone(),
        };
        let agent = Client::connect(global).await?;
        let response = agent.answer(agent.routes().disable_bfd(agent.request(request))).await?;
        Ok(look
            .show(&Done::to_frr(format!("BFD session {} disabled", self.peer), response.outcome())))
    }
}
