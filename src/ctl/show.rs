//! `status`, `peers`, `prefixes`, `bfd` and `ospf`: what is declared and what FRR makes of it.

use clap::Args;

use super::{
    Terminal,
    client::Client,
    error::CtlError,
    global::Global,
    output::{BfdSessions, Look, OspfInterfaces, Peers, Prefixes, Status, View},
    watch::Watch,
};
use crate::proto::v1::{GetStatusRequest, GetStatusResponse};

/// What `--help` ends with.
const EXAMPLES: &str = "\
Examples, for each of status, peers, prefixes, bfd and ospf:
  novaroutectl peers --owner edge -o wide
  novaroutectl status --watch
  novaroutectl prefixes -o json | jq -r '.prefixes[] | select(.state != \"advertised\").prefix'
  novaroutectl peers --watch -o json    one document a line, whenever something changes";

/// `status`, `peers`, `prefixes`, `bfd` and `ospf`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Show {
    /// Only what this owner has declared
    #[arg(long)]
    owner: Option<String>,
    #[command(flatten)]
    watch: Watch,
}

impl Show {
    /// Everything.
    pub async fn status(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        self.show(global, look, terminal, Status::from).await
    }

    /// The peers alone.
    pub async fn peers(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        self.show(global, look, terminal, |status| Peers::from(status.peers)).await
    }

    /// The prefixes alone.
    pub async fn prefixes(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        self.show(global, look, terminal, |status| Prefixes::from(status.prefixes)).await
    }

    /// The BFD sessions alone.
    pub async fn bfd(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        self.show(global, look, terminal, |status| BfdSessions::from(status.bfd_sessions)).await
    }

    /// The interfaces in OSPF alone.
    pub async fn ospf(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        self.show(global, look, terminal, |status| OspfInterfaces::from(status.ospf_interfaces))
            .await
    }

    async fn show<V: View>(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
        view: fn(GetStatusResponse) -> V,
    ) -> Result<(), CtlError> {
        let request = GetStatusRequest { owner_filter: self.owner.clone().unwrap_or_default() };
        let ask = async || {
            // A connection each time: a watch goes on when the agent has started again.
            let agent = Client::connect(global).await?;
            let request = agent.request(request.clone());
            agent.answer(agent.routes().get_status(request)).await.map(view)
        };
        self.watch.show(look, terminal, ask).await
    }
}
