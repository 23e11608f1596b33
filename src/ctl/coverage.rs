//! `coverage`: which transport executes what of FRR's YANG, and why.

use super::{
    client::Client,
    error::CtlError,
    global::Global,
    output::{Coverage, Look},
};
use crate::proto::v1::GetCoverageRequest;

/// Asks the agent and shows it.
pub async fn coverage(global: &Global, look: Look) -> Result<String, CtlError> {
    let agent = Client::connect(global).await?;
    let mut client = agent.diagnostics();
    let answer = agent.answer(client.get_coverage(agent.request(GetCoverageRequest {}))).await?;
    Ok(look.show(&Coverage::from(answer)))
}
