//! `novaroute.v1.Diagnostics`: what NovaRoute makes of the FRR in use.

use std::time::{SystemTime, UNIX_EPOCH};

use tonic::{Request, Response, Status, async_trait};

use super::{Api, InForce, codes, declared, explain};
use crate::{
    coverage::Row,
    events::parse_owner_filter,
    model::FieldErrors,
    proto::v1::{self, diagnostics_server::Diagnostics},
};

#[async_trait]
impl Diagnostics for Api {
    async fn get_config(
        &self,
        request: Request<v1::GetConfigRequest>,
    ) -> Result<Response<v1::GetConfigResponse>, Status> {
        self.timed("GetConfig", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.authenticate(&extensions, &message.owner, &message.token)?;
            if !owner.is_admin() {
                return Err(Status::permission_denied("only admin is told what others may do"));
            }
            Ok(config(self.deps.directory.in_force()))
        })
        .await
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::Explanation>, Status> {
        self.timed("Explain", explain::explain(self, request.into_inner())).await
    }

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

fn config(in_force: InForce) -> v1::GetConfigResponse {
    let millis = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    };
    let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    let (at, last_error) = in_force.error.unzip();
    v1::GetConfigResponse {
        file: in_force.file,
        config_json: in_force.json,
        since_unix_ms: in_force.since.map(millis).unwrap_or_default(),
        by: in_force.by.to_owned(),
        waits_for_reload: names(in_force.waits_for_reload),
        waits_for_restart: names(in_force.waits_for_restart),
        last_error: last_error.unwrap_or_default(),
        last_error_unix_ms: at.map(millis).unwrap_or_default(),
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
