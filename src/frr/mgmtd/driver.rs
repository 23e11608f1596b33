//! mgmtd and the daemon that executes, as one [`Driver`].

use std::time::Duration;

use futures::future::BoxFuture;
use tracing::debug;

use super::{MgmtdDriver, MgmtdError, edits::edits};
use crate::{
    daemon::Daemon,
    failpoint,
    frr::{
        driver::{
            Before, Confirmed, DaemonPlan, Driver, DriverError, NotShown, Phase, Proof, Proven,
            Start, Target, Unplannable, unusable,
        },
        retry::Retry,
        transport::Started,
        vty::{Endpoint, Question, Snapshot, table::Running},
    },
    tree::{Edit, Path, Tree},
};

impl From<MgmtdError> for DriverError {
    fn from(error: MgmtdError) -> Self {
        debug!(kind = error.kind(), retry = ?error.retry(), "mgmtd");
        match error.retry() {
            Retry::Never => Self::refused(error.to_string()),
            Retry::Later | Retry::ReadBack => Self::Lost { why: error.to_string() },
        }
    }
}

/// The edits of a plan. A plan of this driver's has nothing else.
fn edits_of(plan: &DaemonPlan) -> Result<&[Edit], DriverError> {
    match plan {
        DaemonPlan::Edits(edits) => Ok(edits),
        DaemonPlan::Commands(_) => Err(DriverError::refused("a plan for another daemon")),
    }
}

impl Driver for MgmtdDriver {
    fn daemon(&self) -> Daemon {
        Daemon::Mgmtd
    }

    fn unusable(&self) -> Option<String> {
        unusable(Daemon::Mgmtd, &self.yang)
    }

    /// Others change what mgmtd runs without this connection noticing: nothing is known by it.
    fn connection(&self) -> Option<u64> {
        None
    }

    fn start(&self) -> Start {
        Started::start(self.socket_dir.join("mgmtd.vty").file())
    }

    fn closed(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.either_closed())
    }

    fn answers(&mut self, within: Duration) -> BoxFuture<'_, Result<(), DriverError>> {
        // That it does not answer is never a refusal.
        Box::pin(async move {
            let answer = self.both_answer(within).await;
            answer.map_err(|error| DriverError::Lost { why: error.to_string() })
        })
    }

    fn has_grpc(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            match &self.transport {
                Some(transport) => transport.ready().await,
                None => false,
            }
        })
    }

    fn read(&mut self) -> BoxFuture<'_, Result<Snapshot, DriverError>> {
        Box::pin(async {
            let tree = self.read_tree().await?;
            let running = Running { tree, ..Running::default() };
            Ok(Snapshot { text: String::new(), running })
        })
    }

    fn compare(&mut self, running: &Tree, last: &Tree, wanted: &Tree) {
        self.compare_with_last(running, last, wanted);
    }

    fn plan(&self, target: Target<'_>) -> Result<DaemonPlan, Unplannable> {
        Ok(DaemonPlan::Edits(edits(&target.running.tree, target.goal)))
    }

    fn validate<'a>(&'a mut self, plan: &'a DaemonPlan) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move { Ok(self.validate_edits(edits_of(plan)?).await?) })
    }

    fn apply<'a>(
        &'a mut self,
        plan: &'a DaemonPlan,
        phase: Phase,
        _questions: Option<&'a [Question]>,
    ) -> BoxFuture<'a, Result<Proven, DriverError>> {
        Box::pin(async move {
            let edits = edits_of(plan)?;
            if phase == Phase::Remove {
                return Ok(Proven::NotAsked);
            }
            let outcome = self.commit(edits).await.map_err(|error| {
                let mut error = DriverError::from(error);
                if let DriverError::Refused { message, at, .. } = &mut error {
                    *at = named(edits, message);
                }
                error
            })?;
            debug!(?outcome, "mgmtd");
            failpoint::hit("mgmtd-committed");
            Ok(Proven::NotAsked)
        })
    }

    fn proves<'a>(
        &'a mut self,
        _questions: &'a [Question],
    ) -> BoxFuture<'a, Result<bool, DriverError>> {
        // It has no words for them.
        Box::pin(async { Ok(false) })
    }

    fn confirm<'a>(
        &'a mut self,
        plan: &'a DaemonPlan,
        _proof: Proof<'a>,
    ) -> BoxFuture<'a, Result<Confirmed, DriverError>> {
        Box::pin(async move {
            let not_shown = self.read_back(edits_of(plan)?).await?;
            Ok(Confirmed { not_shown, seen: None })
        })
    }

    fn undo<'a>(
        &'a mut self,
        plan: &'a DaemonPlan,
        _done: &'a [usize],
        before: Before<'a>,
        _ours: &'a Tree,
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let edits = edits_of(plan).map_err(|error| error.to_string())?;
            let undone = match self.read_tree().await {
                Ok(now) if now == *before.tree() => Ok(()),
                Ok(now) => self.take_back(edits, &now).await,
                Err(error) => Err(error),
            };
            undone.map_err(|error| error.to_string())
        })
    }

    fn reconcile<'a>(
        &'a mut self,
        last: &'a Tree,
        keep: &'a Tree,
        wanted: &'a Tree,
    ) -> BoxFuture<'a, Result<Vec<NotShown>, DriverError>> {
        Box::pin(async move {
            let mut not_shown = self.sweep(last, keep).await?;
            not_shown.extend(self.confirm_in_step(wanted).await?);
            Ok(not_shown)
        })
    }
}

/// The data that a refusal of mgmtd is about: all there is, or what its words name.
fn named(edits: &[Edit], message: &str) -> Option<Path> {
    let names = |edit: &&Edit| {
        let prefix = super::object(&edit.path).map(|(_, prefix)| format!("'{prefix}'"));
        prefix.is_some_and(|prefix| message.contains(&prefix))
    };
    let edit = match edits {
        [one] => Some(one),
        several => several.iter().find(names),
    };
    edit.map(|edit| edit.path.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_of_the_route_that_its_words_name() {
        let edit = |prefix: &str, below: &str| {
            let path = format!(
                "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
                 [type='frr-staticd:staticd'][name='staticd'][vrf='default']/frr-staticd:staticd/\
                 route-list[prefix='{prefix}'][src-prefix='::/0'][afi-safi='frr-routing:ipv4-unicast']{below}"
            );
            Edit { path: path.parse().expect("a path"), old: None, new: None }
        };
        let edits = [edit("10.0.0.0/8", "/a"), edit("11.0.0.0/8", "")];
        let at = |message| named(&edits, message);
        assert_eq!(at("Path: /x/route-list[prefix='11.0.0.0/8']/y"), Some(edits[1].path.clone()));
        assert_eq!(at("No room"), None);
        assert_eq!(named(&edits[..1], "No room"), Some(edits[0].path.clone()));
    }
}
