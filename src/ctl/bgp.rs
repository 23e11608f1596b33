//! `configure-bgp`: the node's autonomous system and router-id.

use clap::Args;

use super::{
    Terminal,
    client::Client,
    credentials::Credentials,
    error::CtlError,
    global::Global,
    output::{BgpConfigured, Look, text},
};
use crate::proto::v1::{ConfigureBgpRequest, GetStatusRequest};

/// What `--help` ends with.
const HELP: &str = "\
Another AS or router-id resets every BGP session of the node. On a terminal this is asked first, where a
session is up; --yes goes on without a question.

Example:
  novaroutectl configure-bgp --owner admin --local-as 65000 --router-id 10.0.0.1";

/// `configure-bgp`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ConfigureBgp {
    #[command(flatten)]
    credentials: Credentials,
    /// The node's autonomous system
    #[arg(long, value_name = "AS")]
    local_as: u32,
    /// BGP identifier, a dotted quad [default: that of the agent's configuration, else FRR's choice]
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    router_id: String,
    /// Go on without a question, though sessions are reset
    #[arg(short, long)]
    yes: bool,
}

impl ConfigureBgp {
    /// Configures BGP.
    ///
    /// # Errors
    /// [`CtlError::NotAgreed`] where a person was asked and does not agree; what the agent says.
    pub async fn run(
        &self,
        global: &Global,
        look: Look,
        terminal: &Terminal<'_>,
    ) -> Result<String, CtlError> {
        let request = ConfigureBgpRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            local_as: self.local_as,
            router_id: self.router_id.clone(),
        };
        let agent = Client::connect(global).await?;
        if let (Some(ask), false) = (terminal.ask, self.yes) {
            self.agree(&agent, ask).await?;
        }
        let response = agent.answer(agent.routes().configure_bgp(agent.request(request))).await?;
        Ok(look.show(&BgpConfigured::new(self.local_as, &self.router_id, response)))
    }

    /// Asks a person where a session is up.
    async fn agree(&self, agent: &Client, ask: super::Ask) -> Result<(), CtlError> {
        let request = agent.request(GetStatusRequest::default());
        let peers = agent.answer(agent.routes().get_status(request)).await?.peers;
        let up = peers.iter().filter(|peer| peer.state == "Established").count();
        if up == 0 {
            return Ok(());
        }
        let sessions = text::count(up, "BGP session is", "BGP sessions are");
        let question = format!(
            "{sessions} established on this node. Another AS or router-id than it has resets all of them. Go on? [y/N] "
        );
        let answer = ask(&question).map_err(CtlError::Write)?;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CtlError::NotAgreed),
        }
    }
}
