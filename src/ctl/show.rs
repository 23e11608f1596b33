//! `status`, `peers`, `prefixes`, `bfd` and `ospf`: what is declared and what FRR makes of it.

use std::net::IpAddr;

use clap::Args;

use super::{
    Terminal,
    client::Client,
    error::CtlError,
    global::Global,
    output::{BfdSessions, Look, OnePeer, OspfInterfaces, Peers, Prefixes, Status, View},
    watch::Watch,
};
use crate::proto::v1::{GetStatusRequest, GetStatusResponse};

/// What `--help` ends with.
const EXAMPLES: &str = "\
Examples, for each of status, peers, prefixes, bfd and ospf:
  novaroutectl peers --owner edge -o wide
  novaroutectl status --watch
  novaroutectl prefixes -o json | jq '.prefixes[] | select(.state == \"applied\")'
One document a line, whenever something changes:
  novaroutectl peers --watch -o json";

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
        self.show(global, look, terminal, |status| Ok(Status::from(status))).await
    }

    /// The prefixes alone.
    pub async fn prefixes(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        self.show(global, look, terminal, |status| Ok(Prefixes::from(status.prefixes))).await
    }

    /// The BFD sessions alone.
    pub async fn bfd(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        let view =
            |status: GetStatusResponse| Ok(BfdSessions::of(status.bfd_sessions, &status.peers));
        self.show(global, look, terminal, view).await
    }

    /// The interfaces in OSPF alone.
    pub async fn ospf(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        let view = |status: GetStatusResponse| Ok(OspfInterfaces::from(status.ospf_interfaces));
        self.show(global, look, terminal, view).await
    }

    async fn show<V: View>(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
        view: impl Fn(GetStatusResponse) -> Result<V, CtlError>,
    ) -> Result<(), CtlError> {
        let request = GetStatusRequest { owner_filter: self.owner.clone().unwrap_or_default() };
        let ask = async || {
            // A connection each time: a watch goes on when the agent has started again.
            let agent = Client::connect(global).await?;
            let request = agent.request(request.clone());
            agent.answer(agent.routes().get_status(request)).await.and_then(&view)
        };
        self.watch.show(look, terminal, ask).await
    }
}

/// What `peers --help` ends with.
const PEERS: &str = "\
Examples:
  novaroutectl peers
Why each is not established, as far as bgpd says:
  novaroutectl peers -o wide
One peer: all that is known, and the likely cause:
  novaroutectl peers 10.0.1.2
One document a line, whenever something changes:
  novaroutectl peers --watch -o json";

/// `peers`
#[derive(Debug, Args)]
#[command(after_help = PEERS)]
pub struct ShowPeers {
    /// The one peer of this address, with all that is known of it
    address: Option<IpAddr>,
    #[command(flatten)]
    show: Show,
}

impl ShowPeers {
    /// The peers alone, or one of them.
    pub async fn run(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        let Some(address) = self.address else {
            let view = |status: GetStatusResponse| Ok(Peers::from(status.peers));
            return self.show.show(global, look, terminal, view).await;
        };
        let view = |status: GetStatusResponse| {
            OnePeer::among(status.peers, address).ok_or(CtlError::NoPeer { address })
        };
        self.show.show(global, look, terminal, view).await
    }
}
