//! `apply-peer` and `remove-peer`: BGP neighbours.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use secrecy::SecretString;

use super::{
    client::Client,
    credentials::{self, Credentials},
    error::CtlError,
    global::Global,
    output::{Done, Look},
    peer_options::{AddressFamily, PeerOptions},
};
use crate::proto::v1::{self, ApplyPeerRequest, BgpPeer, RemovePeerRequest};

/// `apply-peer`: what is not given is left to the agent's defaults, also where the
/// peer had it before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  novaroutectl apply-peer --owner edge --neighbor 10.0.0.1 --remote-as 65001
  novaroutectl apply-peer --owner edge --neighbor fd00::1 --remote-as 65001 \\
    --keepalive 3 --hold-time 9 \\
    --address-families ipv4-unicast,ipv6-unicast \\
    --password-file /run/secrets/bgp")]
pub struct ApplyPeer {
    #[command(flatten)]
    credentials: Credentials,
    /// The peer's address
    #[arg(long, value_name = "ADDRESS")]
    neighbor: String,
    /// The peer's autonomous system
    #[arg(long, value_name = "AS")]
    remote_as: u32,
    /// Of another autonomous system or of ours
    #[arg(long, value_enum, value_name = "TYPE")]
    peer_type: Option<PeerType>,
    /// Seconds between keepalives
    #[arg(long, value_name = "SECONDS", default_value_t, hide_default_value = true)]
    keepalive: u32,
    /// Seconds without a keepalive before the session is dropped, at least three times
    /// --keepalive
    #[arg(long, value_name = "SECONDS", default_value_t, hide_default_value = true)]
    hold_time: u32,
    /// Watch the peer with BFD
    #[arg(long)]
    bfd: bool,
    /// BFD profile that gives the session its timers, with --bfd
    #[arg(long, value_name = "NAME", requires = "bfd", default_value_t, hide_default_value = true)]
    bfd_profile: String,
    /// Largest number of hops to the peer, 1 to 255; without it, directly connected
    #[arg(long, value_name = "HOPS", default_value_t, hide_default_value = true)]
    ebgp_multihop: u32,
    /// TCP port on which the peer listens; without it, 179
    #[arg(long, value_name = "PORT", default_value_t, hide_default_value = true)]
    port: u32,
    /// Seconds between two attempts to connect; without it, FRR's own
    #[arg(long, value_name = "SECONDS", default_value_t, hide_default_value = true)]
    connect_retry: u32,
    /// Wait for the peer to connect, and never connect to it
    #[arg(long)]
    passive: bool,
    /// The address of an external peer need not be on a connected network
    #[arg(long)]
    disable_connected_check: bool,
    #[command(flatten)]
    options: PeerOptions,
    /// TCP MD5 password; other users of this machine can see it in the process list
    #[arg(long, conflicts_with = "password_file", value_parser = password)]
    password: Option<SecretString>,
    /// No password: what is said with neither --password nor --password-file, too
    #[arg(long, conflicts_with_all = ["password", "password_file"])]
    no_password: bool,
    /// File with the TCP MD5 password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Address of this node to speak from
    #[arg(long, value_name = "ADDRESS", default_value_t, hide_default_value = true)]
    source_address: String,
    /// Prefixes accepted before FRR warns
    #[arg(long, value_name = "COUNT", default_value_t, hide_default_value = true)]
    max_prefix: u32,
    /// Address families; without it, the one of --neighbor
    #[arg(long, value_enum, value_name = "FAMILY,...", value_delimiter = ',')]
    address_families: Vec<AddressFamily>,
    /// Free text
    #[arg(long, value_name = "TEXT", default_value_t, hide_default_value = true)]
    description: String,
}

/// Whether a peer is of another autonomous system.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum PeerType {
    External,
    Internal,
}

impl From<PeerType> for v1::PeerType {
    fn from(peer_type: PeerType) -> Self {
        match peer_type {
            PeerType::External => Self::External,
            PeerType::Internal => Self::Internal,
        }
    }
}

/// A variable that is not set makes an empty password, and that would take away the one that is there.
fn password(text: &str) -> Result<SecretString, String> {
    match text {
        "" => Err("it is empty; write --no-password for a session without one".to_owned()),
        text => Ok(text.into()),
    }
}

impl ApplyPeer {
    /// Declares the peer.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let request = ApplyPeerRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            peer: Some(self.peer()?),
        };
        let agent = Client::connect(global).await?;
        let response = agent.answer(agent.routes().apply_peer(agent.request(request))).await?;
        Ok(look.show(&Done::to_frr(format!("peer {} applied", self.neighbor), response.outcome())))
    }

    fn peer(&self) -> Result<BgpPeer, CtlError> {
        let password = credentials::secret(self.password.as_ref(), self.password_file.as_deref())?;
        let message = BgpPeer {
            neighbor_address: self.neighbor.clone(),
            remote_as: self.remote_as,
            peer_type: self.peer_type.map(v1::PeerType::from).unwrap_or_default().into(),
            keepalive: self.keepalive,
            hold_time: self.hold_time,
            bfd_enabled: self.bfd,
            description: self.description.clone(),
            address_families: self
                .address_families
                .iter()
                .map(|family| v1::AddressFamily::from(*family).into())
                .collect(),
            source_address: self.source_address.clone(),
            ebgp_multihop: self.ebgp_multihop,
            password: password.unwrap_or_default(),
            max_prefix: self.max_prefix,
            // The agent's defaults; flags for them come with the BFD commands.
            bfd_min_rx_ms: 0,
            bfd_min_tx_ms: 0,
            bfd_detect_multiplier: 0,
            port: self.port,
            bfd_profile: self.bfd_profile.clone(),
            connect_retry: self.connect_retry,
            passive: self.passive,
            disable_connected_check: self.disable_connected_check,
            ..BgpPeer::default()
        };
        Ok(self.options.on(message))
    }
}

/// `remove-peer`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  novaroutectl remove-peer --owner edge --neighbor 10.0.0.1")]
pub struct RemovePeer {
    #[command(flatten)]
    credentials: Credentials,
    /// The peer's address
    #[arg(long, value_name = "ADDRESS")]
    neighbor: String,
}

impl RemovePeer {
    /// Removes the peer.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let request = RemovePeerRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            neighbor_address: self.neighbor.clone(),
        };
        let agent = Client::connect(global).await?;
        let response = agent.answer(agent.routes().remove_peer(agent.request(request))).await?;
        Ok(look.show(&Done::to_frr(format!("peer {} removed", self.neighbor), response.outcome())))
    }
}
