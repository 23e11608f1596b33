//! What would be done; and everybody who can be asked beforehand is asked before anything is changed.
//!
//! A commit asks mgmtd by committing: it is changed before all others, and begins with the same validation,
//! which costs it more than the change (0.7 s beside 10,000 routes).

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use tokio::time::Instant;

use super::{COMMIT_DEADLINE, Engine, EngineError, Failure, Prepared, Scope, in_time};
use crate::{
    commit::plan::{DaemonPlan, Plan},
    daemon::{Daemon, Forest},
};

impl Engine {
    /// What [`Engine::commit`] would do, said within as much time as that has. Changes nothing.
    ///
    /// # Errors
    /// libyang's or FRR's words, as far as they can be asked beforehand.
    pub async fn plan(&mut self, desired: &Forest, scope: &Scope) -> Result<Plan, EngineError> {
        self.by = Some(Instant::now() + COMMIT_DEADLINE);
        let plan = self.plan_in_time(desired, scope).await;
        self.by = None;
        plan
    }

    async fn plan_in_time(&mut self, desired: &Forest, scope: &Scope) -> Result<Plan, EngineError> {
        let keep = self.with_stuck(desired);
        let all = BTreeSet::from(Daemon::ALL);
        let Prepared { plans, unreachable, decided, .. } =
            self.prepare(&all, desired, &keep, scope, true).await?;
        scope.permits(&decided)?;
        for (daemon, plan) in &plans {
            self.ask_for(*daemon, plan).await.map_err(no_plan)?;
        }
        let daemons = plans.into_iter().map(|(daemon, plan)| {
            let diff = match &plan {
                DaemonPlan::Edits(edits) => edits.clone(),
                DaemonPlan::Commands(plan) => plan.diff.clone(),
            };
            (daemon, diff, plan)
        });
        let daemons = daemons.collect();
        let mut grpc = BTreeSet::new();
        for (daemon, driver) in &mut self.drivers {
            // A yes that comes too late is none.
            let answer = in_time(self.by, *daemon, driver.has_grpc().map(Ok)).await;
            if answer.unwrap_or_default() {
                grpc.insert(*daemon);
            }
        }
        Ok(Plan { daemons, grpc, unreachable })
    }

    /// Has daemons judge by their own gRPC what they would be sent. Changes nothing.
    pub(super) async fn judge(
        &mut self,
        plans: &BTreeMap<Daemon, DaemonPlan>,
    ) -> Result<(), Failure> {
        for (daemon, plan) in plans {
            if let DaemonPlan::Commands(_) = plan {
                self.ask_for(*daemon, plan).await?;
            }
        }
        Ok(())
    }

    /// Asks a daemon whether it would take a plan, as far as it can be asked.
    pub(super) async fn ask_for(
        &mut self,
        daemon: Daemon,
        plan: &DaemonPlan,
    ) -> Result<(), Failure> {
        let by = self.by;
        in_time(by, daemon, self.driver(daemon).validate(plan)).await
    }
}

/// Why there is no plan.
fn no_plan(failure: Failure) -> EngineError {
    match failure {
        Failure::Refused(message, at) => EngineError::Refused { message, at },
        Failure::Lost(daemon, why) => {
            EngineError::Refused { message: format!("{daemon}: {why}"), at: None }
        }
    }
}
