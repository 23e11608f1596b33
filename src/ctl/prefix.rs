//! `advertise` and `withdraw`: prefixes in BGP or OSPF.

use clap::{Args, ValueEnum};

use super::{
    client::Client,
    credentials::Credentials,
    error::CtlError,
    global::Global,
    output::{Done, Look},
};
use crate::proto::v1::{self, AdvertisePrefixRequest, PrefixAttributes, WithdrawPrefixRequest};

/// The protocol that carries a prefix.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Protocol {
    #[default]
    Bgp,
    Ospf,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Self::Bgp => "BGP",
            Self::Ospf => "OSPF",
        }
    }
}

impl From<Protocol> for v1::Protocol {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Bgp => Self::Bgp,
            Protocol::Ospf => Self::Ospf,
        }
    }
}

/// `advertise`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  novaroutectl advertise --owner edge --prefix 192.0.2.10/32
  novaroutectl advertise --owner edge --prefix 2001:db8::/48 \\
    --communities 65000:100,no-export --med 50")]
pub struct Advertise {
    #[command(flatten)]
    credentials: Credentials,
    /// Prefix, such as 192.0.2.1/32 or 2001:db8::/64
    #[arg(long)]
    prefix: String,
    /// Protocol that carries it
    #[arg(long, value_enum, default_value_t)]
    protocol: Protocol,
    /// BGP local preference
    #[arg(long, value_name = "NUMBER")]
    local_pref: Option<u32>,
    /// BGP communities: 65000:1, 65000:1:2 or a well-known name
    #[arg(long, value_name = "COMMUNITY,...", value_delimiter = ',')]
    communities: Vec<String>,
    /// BGP multi-exit discriminator
    #[arg(long, value_name = "NUMBER")]
    med: Option<u32>,
    /// BGP next hop; without it, this node
    #[arg(long, value_name = "ADDRESS")]
    next_hop: Option<String>,
}

impl Advertise {
    /// Advertises the prefix.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let request = AdvertisePrefixRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            prefix: self.prefix.clone(),
            protocol: v1::Protocol::from(self.protocol).into(),
            attributes: self.attributes(),
        };
        let agent = Client::connect(global).await?;
        let response =
            agent.answer(agent.routes().advertise_prefix(agent.request(request))).await?;
        let (prefix, protocol) = (&self.prefix, self.protocol.name());
        Ok(look.show(&Done::to_frr(
            format!("prefix {prefix} advertised in {protocol}"),
            response.outcome(),
        )))
    }

    /// The attributes, where any is given.
    fn attributes(&self) -> Option<PrefixAttributes> {
        let attributes = PrefixAttributes {
            local_preference: self.local_pref.unwrap_or_default(),
            communities: self.communities.clone(),
            med: self.med.unwrap_or_default(),
            next_hop: self.next_hop.clone().unwrap_or_default(),
        };
        (attributes != PrefixAttributes::default()).then_some(attributes)
    }
}

/// `withdraw`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  novaroutectl withdraw --owner edge --prefix 192.0.2.10/32")]
pub struct Withdraw {
    #[command(flatten)]
    credentials: Credentials,
    /// Prefix, as it was advertised
    #[arg(long)]
    prefix: String,
    /// Protocol that carries it
    #[arg(long, value_enum, default_value_t)]
    protocol: Protocol,
}

impl Withdraw {
    /// Withdraws the prefix.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let request = WithdrawPrefixRequest {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            prefix: self.prefix.clone(),
            protocol: v1::Protocol::from(self.protocol).into(),
        };
        let agent = Client::connect(global).await?;
        let response = agent.answer(agent.routes().withdraw_prefix(agent.request(request))).await?;
        let (prefix, protocol) = (&self.prefix, self.protocol.name());
        Ok(look.show(&Done::to_frr(
            format!("prefix {prefix} withdrawn from {protocol}"),
            response.outcome(),
        )))
    }
}
