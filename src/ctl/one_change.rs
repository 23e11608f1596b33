//! One change, applied as a transaction by itself: commands for kinds of intent that RouteControl has no call for.

use super::{
    client::Client,
    credentials::Credentials,
    error::CtlError,
    global::Global,
    output::{ApplyResult, Look},
};
use crate::proto::v1::{ApplyRequest, IntentChange, intent_change::Change};

/// Applies the change, and shows what came of it; `done` says what was asked for, as done.
///
/// # Errors
/// The agent can't be reached, or refuses.
pub async fn apply_one(
    global: &Global,
    look: Look,
    credentials: &Credentials,
    change: Change,
    done: String,
) -> Result<String, CtlError> {
    let request = ApplyRequest {
        owner: credentials.owner.clone(),
        token: credentials.token()?,
        changes: vec![IntentChange { change: Some(change), ..Default::default() }],
        ..ApplyRequest::default()
    };
    let agent = Client::connect(global).await?;
    let response = agent.answer(agent.transactions().apply(agent.request(request))).await?;
    Ok(look.show(&ApplyResult::new(done, response).of(&credentials.owner)))
}
