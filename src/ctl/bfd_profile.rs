//! `bfd-profile add` and `bfd-profile remove`: profiles of bfdd, through the service `Transactions`.

use clap::{Args, Subcommand};

use super::{
    credentials::Credentials, error::CtlError, global::Global, one_change::apply_one, output::Look,
};
use crate::proto::v1::{self, Intent, IntentRef, intent, intent_change::Change, intent_ref};

/// `bfd-profile`
#[derive(Debug, Subcommand)]
pub enum BfdProfile {
    /// Add a BFD profile, or make it what the options say
    Add(Add),
    /// Remove a BFD profile that nothing names
    Remove(Remove),
}

/// `bfd-profile add`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  novaroutectl bfd-profile add --owner admin --name fast --min-rx 50 \\
    --min-tx 50 --detect-multiplier 3")]
pub struct Add {
    #[command(flatten)]
    credentials: Credentials,
    /// Name of the profile
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Milliseconds between packets that this node can take [default: 300]
    #[arg(long, value_name = "MS", default_value_t, hide_default_value = true)]
    min_rx: u32,
    /// Milliseconds between packets that this node sends [default: 300]
    #[arg(long, value_name = "MS", default_value_t, hide_default_value = true)]
    min_tx: u32,
    /// Packets that may be missed in a row [default: 3]
    #[arg(long, value_name = "NUMBER", default_value_t, hide_default_value = true)]
    detect_multiplier: u32,
}

/// `bfd-profile remove`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  novaroutectl bfd-profile remove --owner admin --name fast")]
pub struct Remove {
    #[command(flatten)]
    credentials: Credentials,
    /// Name of the profile
    #[arg(long, value_name = "NAME")]
    name: String,
}

impl BfdProfile {
    /// Applies the one change as a transaction.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let (credentials, change, done) = match self {
            Self::Add(add) => {
                (&add.credentials, add.change(), format!("BFD profile {} added", add.name))
            }
            Self::Remove(remove) => {
                let change = intent_ref::Kind::BfdProfile(remove.name.clone());
                (
                    &remove.credentials,
                    Change::Remove(IntentRef { kind: Some(change) }),
                    format!("BFD profile {} removed", remove.name),
                )
            }
        };
        apply_one(global, look, credentials, change, done).await
    }
}

impl Add {
    fn change(&self) -> Change {
        Change::Set(Intent {
            kind: Some(intent::Kind::BfdProfile(v1::BfdProfile {
                name: self.name.clone(),
                min_rx_ms: self.min_rx,
                min_tx_ms: self.min_tx,
                detect_multiplier: self.detect_multiplier,
            })),
        })
    }
}
