//! `get` and `export`: all that is declared, for people and as a file of intents.

use clap::Args;

use super::{
    client::{Client, refusal},
    error::CtlError,
    global::Global,
    now,
    output::{Declared, Exported, Look},
};
use crate::proto::v1::{DeclaredIntent, GetDeclaredRequest, NodeInstance};

/// `get`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  novaroutectl get
  novaroutectl get --owner edge -o wide
  novaroutectl get -o json

FROM is `request`, or `configuration` where the agent's file declares it. DECLARED is when the latest \
transaction that is remembered changed it.")]
pub struct Get {
    /// Only what this owner has declared
    #[arg(long)]
    owner: Option<String>,
}

/// `export`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  novaroutectl export --owner edge
  novaroutectl export --owner edge -o json

What it prints can be given to `apply --prune -f -` of the same owner: that changes
nothing. Passwords are not told: in their place the file says `unchanged`, which a peer that has one keeps. What the \
agent's configuration declares is left out: its file is that.")]
pub struct Export {
    /// Whose intents; a file is applied as one owner
    #[arg(long)]
    owner: String,
}

impl Get {
    /// Asks the agent and shows it.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let (node, intents) = declared(global, self.owner.clone().unwrap_or_default()).await?;
        Ok(look.show(&Declared::new(node, intents, now())))
    }
}

impl Export {
    /// Asks the agent and writes the file.
    pub async fn run(&self, global: &Global, look: Look) -> Result<String, CtlError> {
        let (_, intents) = declared(global, self.owner.clone()).await?;
        Ok(look.show(&Exported::new(&self.owner, &intents)))
    }
}

/// All that an owner has declared, or all owners.
async fn declared(
    global: &Global,
    owner_filter: String,
) -> Result<(NodeInstance, Vec<DeclaredIntent>), CtlError> {
    let agent = Client::connect(global).await?;
    let mut client = agent.diagnostics();
    let request = agent.request(GetDeclaredRequest { owner_filter });
    let mut parts = agent.answer(client.get_declared(request)).await?;
    let (mut node, mut intents) = (NodeInstance::default(), Vec::new());
    while let Some(part) = parts.message().await.map_err(refusal)? {
        node = part.node.unwrap_or(node);
        intents.extend(part.intents);
    }
    Ok((node, intents))
}
