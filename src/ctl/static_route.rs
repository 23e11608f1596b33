//! `static-route add` and `static-route remove`: routes of staticd, through the
//! service `Transactions`.

use clap::{Args, Subcommand};

use super::{
    credentials::Credentials, error::CtlError, global::Global, one_change::apply_one, output::Look,
};
use crate::proto::v1::{
    self, Intent, IntentRef, intent, intent_change::Change, intent_ref, static_route::NextHop,
};

/// `static-route`
#[derive(Debug, Subcommand)]
pub enum StaticRoute {
    /// Add a static route, or make it what the options say
    Add(Add),
    /// Remove a static route
    Remove(Remove),
}

/// `static-route add`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  novaroutectl static-route add --owner net --prefix 10.9.0.0/16 \\
    --gateway 10.0.0.1
  novaroutectl static-route add --owner net --prefix 10.8.0.0/16 --blackhole")]
pub struct Add {
    #[command(flatten)]
    credentials: Credentials,
    /// Destination prefix
    #[arg(long)]
    prefix: String,
    #[command(flatten)]
    via: Via,
    /// Administrative distance, 1 to 255
    #[arg(long, value_name = "NUMBER", default_value_t, hide_default_value = true)]
    distance: u32,
    /// Route tag
    #[arg(long, value_name = "NUMBER", default_value_t, hide_default_value = true)]
    tag: u32,
}

/// Where the route leads.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Via {
    /// To a gateway
    #[arg(long, value_name = "ADDRESS")]
    gateway: Option<String>,
    /// Out of an interface
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// Nowhere: drop the traffic
    #[arg(long)]
    blackhole: bool,
}

impl Via {
    fn next_hop(&self) -> NextHop {
        match (&self.gateway, &self.interface) {
            (Some(gateway), _) => NextHop::Gateway(gateway.clone()),
            (None, Some(interface)) => NextHop::InterfaceName(interface.clone()),
            (None, None) => NextHop::Blackhole(self.blackhole),
        }
    }
}

/// `static-route remove`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  novaroutectl static-route remove --owner net --prefix 10.9.0.0/16")]
pub struct Remove {
    #[command(flatten)]
    credentials: Credentials,
    /// Destination prefix
    #[arg(long)]
    prefix: String,
}

impl StaticRoute {
    /// Applies the one change as a transaction.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let (credentials, change, done) = match self {
            Self::Add(add) => {
                (&add.credentials, add.change(), format!("static route {} added", add.prefix))
            }
            Self::Remove(remove) => (
                &remove.credentials,
                remove.change(),
                format!("static route {} removed", remove.prefix),
            ),
        };
        apply_one(global, look, credentials, change, done).await
    }
}

impl Add {
    fn change(&self) -> Change {
        Change::Set(Intent {
            kind: Some(intent::Kind::StaticRoute(v1::StaticRoute {
                prefix: self.prefix.clone(),
                next_hop: Some(self.via.next_hop()),
                distance: self.distance,
                tag: self.tag,
            })),
        })
    }
}

impl Remove {
    fn change(&self) -> Change {
        Change::Remove(IntentRef { kind: Some(intent_ref::Kind::StaticRoute(self.prefix.clone())) })
    }
}
