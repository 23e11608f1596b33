//! `novaroute.v1.Diagnostics`: what NovaRoute makes of the FRR in use.

use tonic::{Request, Response, Status, async_trait};

use super::Api;
use crate::{
    coverage::Row,
    proto::v1::{self, diagnostics_server::Diagnostics},
};

#[async_trait]
impl Diagnostics for Api {
    async fn get_coverage(
        &self,
        _: Request<v1::GetCoverageRequest>,
    ) -> Result<Response<v1::GetCoverageResponse>, Status> {
        self.timed("GetCoverage", async {
            let rows = self.deps.coverage.borrow().clone();
            Ok(v1::GetCoverageResponse { rows: rows.iter().map(message).collect() })
        })
        .await
    }
}

fn message(row: &Row) -> v1::CoverageRow {
    v1::CoverageRow {
        daemon: row.daemon.to_string(),
        module: row.module.clone(),
        door: row.transport.to_string(),
        state: row.state.name().to_owned(),
        loaded_revision: row.loaded.clone(),
        announced_revision: row.announced.clone(),
        revision_differs: row.is_mismatch(),
        why: row.why.clone(),
    }
}
