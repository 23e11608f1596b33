//! `novaroute.v1.Transactions`: several intents of one owner, all or nothing.

use tonic::{Request, Response, Status, async_trait};

use super::{Api, codes, parse};
use crate::{
    commit::Outcome,
    proto::v1::{self, transactions_server::Transactions},
};

#[async_trait]
impl Transactions for Api {
    async fn apply(
        &self,
        request: Request<v1::ApplyRequest>,
    ) -> Result<Response<v1::ApplyResponse>, Status> {
        self.timed("Apply", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let changes =
                parse::changes(&message.changes).map_err(|errors| codes::invalid(&errors))?;
            let committed = self.commit(owner, "Apply", changes).await?;
            let outcome = match committed.outcome {
                Outcome::Confirmed => v1::Outcome::Confirmed,
                Outcome::Unchanged => v1::Outcome::Unchanged,
                Outcome::Pending => v1::Outcome::Pending,
            };
            Ok(v1::ApplyResponse {
                transaction_id: committed.id.to_string(),
                outcome: outcome as i32,
                plan: None,
            })
        })
        .await
    }
}
