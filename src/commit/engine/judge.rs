//! What would be done; and everybody who can be asked beforehand is asked before anything is changed.
//!
//! A commit asks mgmtd by committing: it is changed before all others, and begins with the same validation,
//! which costs it more than the change (0.7 s beside 10,000 routes).

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use tokio::time::Instant;

use super::{
    COMMIT_DEADLINE, Engine, EngineError, Failure, Prepared, Scope, in_time, mgmtd, not_applied,
};
use crate::{
    commit::plan::{DaemonPlan, Plan, VtyPlan},
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
        if let Some(DaemonPlan::Mgmtd(edits)) = plans.get(&Daemon::Mgmtd) {
            let valid = mgmtd(self.mgmtd.validate(edits, &self.yang));
            in_time(self.by, Daemon::Mgmtd, valid).await.map_err(no_plan)?;
        }
        self.judge(&plans).await.map_err(no_plan)?;
        let daemons = plans.into_iter().map(|(daemon, plan)| {
            let diff = match &plan {
                DaemonPlan::Mgmtd(edits) => edits.clone(),
                DaemonPlan::Vty(plan) => plan.diff.clone(),
            };
            (daemon, diff, plan)
        });
        let daemons = daemons.collect();
        let mut grpc = BTreeSet::new();
        for (daemon, part) in &mut self.vty {
            if answers_in_time(self.by, *daemon, part.driver.has_grpc()).await {
                grpc.insert(*daemon);
            }
        }
        if answers_in_time(self.by, Daemon::Mgmtd, self.mgmtd.has_grpc()).await {
            grpc.insert(Daemon::Mgmtd);
        }
        Ok(Plan { daemons, grpc, unreachable })
    }

    /// Has daemons judge by their own gRPC what they would be sent. Changes nothing.
    pub(super) async fn judge(
        &mut self,
        plans: &BTreeMap<Daemon, DaemonPlan>,
    ) -> Result<(), Failure> {
        for (daemon, plan) in plans {
            if let DaemonPlan::Vty(plan) = plan {
                self.judge_steps(*daemon, plan).await?;
            }
        }
        Ok(())
    }

    /// Has a daemon's own gRPC judge what it serves of a plan; a command line can't be asked.
    pub(super) async fn judge_steps(
        &mut self,
        daemon: Daemon,
        plan: &VtyPlan,
    ) -> Result<(), Failure> {
        let part = self.vty.get_mut(&daemon).expect("only VTY daemons have such plans");
        let valid = part.driver.validate(&plan.steps, &self.yang);
        let valid = in_time(self.by, daemon, valid.map(Ok)).await?;
        valid.map_err(|error| not_applied(daemon, error, &plan.steps))
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

/// A yes that comes too late is none.
async fn answers_in_time(
    by: Option<Instant>,
    daemon: Daemon,
    answer: impl Future<Output = bool>,
) -> bool {
    in_time(by, daemon, answer.map(Ok)).await.unwrap_or_default()
}
