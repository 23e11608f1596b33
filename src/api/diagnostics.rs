//! `novaroute.v1.Diagnostics`: what NovaRoute makes of the FRR in use.

use tonic::{Request, Response, Status, async_trait};

use super::{Api, codes, declared};
use crate::{
    coverage::Row,
    events::parse_owner_filter,
    model::FieldErrors,
    proto::v1::{self, diagnostics_server::Diagnostics},
};

#[async_trait]
impl Diagnostics for Api {
    type GetDeclaredStream = declared::Parts;

    async fn get_declared(
        &self,
        request: Request<v1::GetDeclaredRequest>,
    ) -> Result<Response<declared::Parts>, Status> {
        self.timed("GetDeclared", async {
            let (_, extensions, message) = request.into_parts();
            let mut errors = FieldErrors::new();
            let owner = parse_owner_filter(&mut errors, &message.owner_filter);
            let owner = errors.finish(Some(owner)).map_err(|errors| codes::invalid(&errors))?;
            let place = self.place(&extensions)?;
            Ok(declared::parts(self.deps.commit.view(), owner, place))
        })
        .await
    }

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
