//! Everybody who can be asked beforehand is asked before anything is changed.

use std::collections::BTreeMap;

use futures::FutureExt;

use super::{Engine, Failure, in_time, mgmtd, not_applied};
use crate::{
    commit::plan::{DaemonPlan, VtyPlan},
    daemon::Daemon,
};

impl Engine {
    /// Has mgmtd, and daemons by their own gRPC, judge what they would be sent. Changes nothing.
    pub(super) async fn judge(
        &mut self,
        plans: &BTreeMap<Daemon, DaemonPlan>,
    ) -> Result<(), Failure> {
        for (daemon, plan) in plans {
            match plan {
                DaemonPlan::Mgmtd(edits) => {
                    let valid = self.mgmtd.validate(edits, &self.yang);
                    in_time(self.by, *daemon, mgmtd(valid)).await?;
                }
                DaemonPlan::Vty(plan) => self.judge_steps(*daemon, plan).await?,
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
