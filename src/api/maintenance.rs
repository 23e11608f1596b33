//! `novaroute.v1.Maintenance`: the node drained, and back; the configuration read again.

use tonic::{Request, Response, Status, async_trait};

use super::{Api, codes, transactions::outcome};
use crate::{
    model::{Change, Drain, Intent, IntentKey},
    proto::v1::{self, maintenance_server::Maintenance},
};

#[async_trait]
impl Maintenance for Api {
    async fn drain(
        &self,
        request: Request<v1::DrainRequest>,
    ) -> Result<Response<v1::DrainResponse>, Status> {
        self.timed("Drain", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            // The hook of a pod that goes takes nothing from a drain that was made to stay.
            let view = self.deps.commit.view();
            let stays = view.store.drain().is_some_and(|(_, drain)| !drain.until_restart);
            let drain = Drain { until_restart: message.until_restart && !stays };
            let drain = Intent::Drain(drain);
            let committed = self.commit(owner, "Drain", vec![Change::Set(drain)]).await?;
            Ok(v1::DrainResponse {
                transaction_id: committed.id.to_string(),
                outcome: outcome(committed.outcome).into(),
            })
        })
        .await
    }

    async fn undrain(
        &self,
        request: Request<v1::UndrainRequest>,
    ) -> Result<Response<v1::UndrainResponse>, Status> {
        self.timed("Undrain", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let changes = vec![Change::Remove(IntentKey::Drain)];
            let committed = self.commit(owner, "Undrain", changes).await?;
            Ok(v1::UndrainResponse {
                transaction_id: committed.id.to_string(),
                outcome: outcome(committed.outcome).into(),
            })
        })
        .await
    }

    async fn adopt(
        &self,
        request: Request<v1::AdoptRequest>,
    ) -> Result<Response<v1::AdoptResponse>, Status> {
        self.timed("Adopt", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            if !owner.is_admin() {
                let why = "only admin may take what FRR runs for NovaRoute's own";
                return Err(Status::permission_denied(why));
            }
            let adopted = self.deps.commit.adopt(message.dry_run).await;
            let adopted = adopted.map_err(|error| self.refused(&owner, &error))?;
            let objects = adopted
                .objects
                .into_iter()
                .map(|(daemon, path)| v1::AdoptedObject { daemon: daemon.name().to_owned(), path });
            Ok(v1::AdoptResponse { objects: objects.collect() })
        })
        .await
    }

    async fn reload(
        &self,
        request: Request<v1::ReloadRequest>,
    ) -> Result<Response<v1::ReloadResponse>, Status> {
        self.timed("Reload", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            if !owner.is_admin() {
                let why = "only admin may have the configuration read again";
                return Err(Status::permission_denied(why));
            }
            let reloaded = self.deps.directory.reload().await;
            let (changed, waits) = reloaded.map_err(|why| {
                let told = format!("the configuration is not in force, nothing is changed: {why}");
                codes::not_in_force(told)
            })?;
            Ok(v1::ReloadResponse {
                changed: u32::try_from(changed).unwrap_or(u32::MAX),
                waits_for_restart: waits.into_iter().map(str::to_owned).collect(),
            })
        })
        .await
    }
}
