//! What would be done; everybody who can be asked beforehand is asked. Changes nothing.

use std::{borrow::Cow, collections::BTreeSet};

use futures::FutureExt;

use super::{
    COMMIT_DEADLINE, Engine, EngineError, Failure, Terms,
    candidate::{Behind, Commit, Scope},
    in_time,
};
use crate::{
    commit::plan::{DaemonPlan, Plan},
    daemon::{Daemon, Forest},
};

impl Engine {
    /// What a commit of this would do, said within as much time as that has.
    ///
    /// # Errors
    /// libyang's or FRR's words, as far as they can be asked beforehand.
    pub async fn plan(&mut self, desired: &Forest, terms: &Terms) -> Result<Plan, EngineError> {
        let all = BTreeSet::from(Daemon::ALL);
        let (scope, keep) = (Scope::Daemons(&all, desired), self.with_stuck(desired));
        let mut commit =
            Commit::new(scope, Cow::Borrowed(terms), keep, Behind::Ends, COMMIT_DEADLINE);
        self.prepare_daemons(&mut commit, &all, desired, true).await?;
        commit.permits()?;
        for (daemon, share) in commit.changed() {
            self.ask_for(commit.by, daemon, &share.plan).await.map_err(no_plan)?;
        }
        let mut grpc = BTreeSet::new();
        for (daemon, member) in &mut self.members {
            // A yes that comes too late is none.
            let answer = in_time(commit.by, *daemon, member.driver.has_grpc().map(Ok)).await;
            if answer.unwrap_or_default() {
                grpc.insert(*daemon);
            }
        }
        let Commit { shares, unreachable, .. } = commit;
        let plans = shares.into_iter().map(|(daemon, share)| (daemon, share.plan));
        let changed = plans.filter(|(_, plan)| !plan.is_empty());
        let daemons = changed.map(|(daemon, plan)| {
            let diff = match &plan {
                DaemonPlan::Edits(edits) => edits.clone(),
                DaemonPlan::Commands(plan) => plan.diff.clone(),
            };
            (daemon, diff, plan)
        });
        let sessions = Vec::new();
        Ok(Plan { daemons: daemons.collect(), grpc, unreachable, sessions })
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
