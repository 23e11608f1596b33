//! `events`: the agent's event stream, one line an event.

use std::io::Write;

use clap::Args;
use tonic::Request;

use super::{
    client::{self, Client},
    error::CtlError,
    global::Global,
    output::{Event, Look},
    write,
};
use crate::proto::v1::StreamEventsRequest;

/// What `--help` ends with.
const EXAMPLES: &str = "\
Examples:
  novaroutectl events --current
  novaroutectl events --types peer_up,peer_down -o json | jq .metadata";

/// `events`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Events {
    /// Only events of this owner
    #[arg(long)]
    owner: Option<String>,
    /// Only events of these types, such as peer_up,peer_down
    #[arg(long, value_name = "TYPE,...", value_delimiter = ',')]
    types: Vec<String>,
    /// First an event for each thing that is up, advertised or connected now
    #[arg(long)]
    current: bool,
}

impl Events {
    /// Writes events until the stream ends, which only the agent or a signal does.
    pub async fn run(
        &self,
        global: &Global,
        look: Look,
        out: &mut dyn Write,
    ) -> Result<(), CtlError> {
        let request = StreamEventsRequest {
            owner_filter: self.owner.clone().unwrap_or_default(),
            // Shown in lower case, so taken in lower case too.
            event_types: self.types.iter().map(|name| name.to_ascii_uppercase()).collect(),
            current_state_first: self.current,
        };
        let agent = Client::connect(global).await?;
        // No time limit in the request: it would be one for the whole stream.
        let mut stream = agent.answer(agent.routes().stream_events(Request::new(request))).await?;
        while let Some(event) = stream.message().await.map_err(client::refusal)? {
            let line = look.line(&Event::from(event));
            write(out, &line)?;
        }
        Err(CtlError::StreamEnded)
    }
}
