//! Brings FRR from what it runs to what is desired, all or nothing, and proves it.
//!
//! validate → read → plan → apply → confirm; after a refusal undo, the last step first. Owns the
//! drivers and what was last applied. Knows trees, not intents.

use std::{collections::BTreeMap, path::Path as FilePath, time::Duration};

use tracing::{debug, info, warn};

use super::plan::{DaemonPlan, VtyPlan, plan_vty};
use crate::{
    daemon::{Daemon, Forest},
    frr::{
        mgmtd::{self, MgmtdDriver, MgmtdError},
        northbound,
        vty::{ApplyError, Snapshot, VtyDriver, chain, table::Defaults},
    },
    render::Shapes,
    tree::{Tree, three_way},
    yang::{Profile, Yang, YangError},
};

/// How a commit of the engine went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Commands and northbound edits that were sent.
    pub sent: usize,
    /// Daemons that could not be reached, each with why: their part is still to be done.
    pub unreachable: BTreeMap<Daemon, String>,
}

/// Why nothing was changed, or what remains of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// libyang or FRR refused; FRR is as it was.
    #[error("{message}")]
    Refused {
        /// Their words.
        message: String,
    },
    /// Refused, and FRR could not be brought back.
    #[error("{message}; {undo}")]
    NotUndone {
        /// What was refused.
        message: String,
        /// Why it could not be undone.
        undo: String,
    },
}

#[derive(Debug)]
struct VtyPart {
    driver: VtyDriver,
    defaults: Defaults,
}

/// The drivers and what was last applied through them.
pub struct Engine {
    yang: Yang,
    yang_dir: std::path::PathBuf,
    profile: Profile,
    shapes: Shapes,
    vty: BTreeMap<Daemon, VtyPart>,
    mgmtd: MgmtdDriver,
    /// What of ours each daemon runs, as far as was confirmed.
    last: Forest,
    /// FRR's version, once a daemon has told it.
    version: Option<String>,
}

/// What a daemon runs, before anything is changed.
enum Before {
    Vty(Snapshot),
    Mgmtd(Tree),
}

/// Why a phase ended early.
enum Failure {
    /// FRR said no.
    Refused(String),
    /// The daemon can't be asked.
    Lost(Daemon, String),
}

impl Engine {
    /// Loads the models; nothing of FRR has to run yet.
    ///
    /// # Errors
    /// A model is lacking or broken.
    pub async fn new(
        socket_dir: &FilePath,
        yang_dir: &FilePath,
        connect_timeout: Duration,
    ) -> Result<Self, YangError> {
        let profile = Profile::default();
        let yang = Yang::start(yang_dir, profile).await?;
        let shapes = yang.call(|schema| Shapes::of(schema)).await?;
        let mut engine = Self {
            yang,
            yang_dir: yang_dir.to_owned(),
            profile,
            shapes,
            vty: BTreeMap::new(),
            mgmtd: MgmtdDriver::new(socket_dir, connect_timeout),
            last: Forest::new(),
            version: None,
        };
        for daemon in Daemon::ALL {
            let socket = socket_dir.join(format!("{daemon}.vty"));
            if let Some(driver) = VtyDriver::new(daemon, socket, connect_timeout) {
                engine.vty.insert(daemon, VtyPart { driver, defaults: Defaults::default() });
            }
        }
        engine.load_defaults().await?;
        Ok(engine)
    }

    /// How the models in use lay things out.
    pub fn shapes(&self) -> Shapes {
        self.shapes
    }

    /// FRR's version, once known.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Waits until a daemon hangs up, and says which. Cancel safe.
    pub async fn closed(&mut self) -> Daemon {
        let (mgmtd, vty) = (&mut self.mgmtd, &mut self.vty);
        let parts = vty.iter_mut().map(|(daemon, part)| {
            Box::pin(async move {
                part.driver.closed().await;
                *daemon
            })
        });
        tokio::select! {
            () = mgmtd.closed() => Daemon::Mgmtd,
            (daemon, ..) = futures::future::select_all(parts) => daemon,
        }
    }

    /// Has libyang judge trees before anything is stored or sent.
    ///
    /// # Errors
    /// libyang's words and path.
    pub async fn validate(&self, forest: Forest) -> Result<(), EngineError> {
        let judged = self.yang.call(move |schema| {
            forest.values().try_for_each(|tree| schema.validate(tree).map(drop))
        });
        judged
            .await
            .and_then(|result| result)
            .map_err(|error| EngineError::Refused { message: format!("YANG validation: {error}") })
    }

    /// Makes FRR run `desired`, and nothing any more of what was last applied and is not in it.
    ///
    /// A daemon that can't be reached is left for later, and said so; the others get their part.
    ///
    /// # Errors
    /// libyang's or FRR's words; everything that was done is undone.
    pub async fn commit(&mut self, desired: &Forest) -> Result<Applied, EngineError> {
        self.commit_part(desired, desired).await
    }

    /// Like [`Engine::commit`], where `desired` is a part of `keep`: what was last applied and is in
    /// `keep` stays.
    ///
    /// # Errors
    /// As there.
    pub async fn commit_part(
        &mut self,
        desired: &Forest,
        keep: &Forest,
    ) -> Result<Applied, EngineError> {
        let mut applied = Applied { sent: 0, unreachable: BTreeMap::new() };
        let none = Tree::new();
        let mut before = BTreeMap::new();
        let mut plans = BTreeMap::new();
        for daemon in Daemon::ALL {
            let wanted = desired.get(&daemon).unwrap_or(&none);
            let kept = keep.get(&daemon).unwrap_or(&none);
            if wanted.is_empty() && self.last.get(&daemon).is_none_or(Tree::is_empty) {
                continue;
            }
            match self.read(daemon).await {
                Ok(running) => {
                    plans.insert(daemon, self.plan(daemon, &running, wanted, kept)?);
                    before.insert(daemon, running);
                }
                Err(Failure::Lost(_, why)) => {
                    applied.unreachable.insert(daemon, why);
                }
                Err(Failure::Refused(message)) => return Err(EngineError::Refused { message }),
            }
        }
        plans.retain(|_, plan| !plan.is_empty());
        let mut carried_out = self.carry_out(&plans, &before, &mut applied.sent).await;
        if carried_out.is_ok() && before.contains_key(&Daemon::Mgmtd) {
            let wanted = desired.get(&Daemon::Mgmtd).unwrap_or(&none);
            let in_step = self.mgmtd.confirm_in_step(wanted, &self.yang).await;
            carried_out = in_step.map_err(|error| mgmtd_failure(&error));
        }
        match carried_out {
            Ok(()) => {}
            Err(Failure::Lost(daemon, why)) => {
                self.perhaps_applied(&plans, desired);
                // How far the others got is not known either.
                for other in plans.keys().filter(|other| **other != daemon) {
                    applied.unreachable.insert(*other, format!("waits for {daemon}"));
                }
                // What is known is only read back from a daemon that answers again: the next
                // resynchronisation does that, towards the same goal.
                warn!(%daemon, why, "lost while applying");
                applied.unreachable.insert(daemon, why);
                return Ok(applied);
            }
            Err(Failure::Refused(message)) => {
                let undone = self.undo(&plans, &before).await;
                return Err(match undone {
                    Ok(()) => EngineError::Refused { message },
                    Err(undo) => {
                        self.perhaps_applied(&plans, desired);
                        EngineError::NotUndone { message, undo }
                    }
                });
            }
        }
        for daemon in Daemon::ALL {
            if !applied.unreachable.contains_key(&daemon) {
                let last = self.last.remove(&daemon).unwrap_or_default();
                let wanted = desired.get(&daemon).unwrap_or(&none);
                let kept = keep.get(&daemon).unwrap_or(&none);
                let now = three_way(&last, &last, wanted, kept, &|_| None);
                if !now.is_empty() {
                    self.last.insert(daemon, now);
                }
            }
        }
        Ok(applied)
    }

    /// Nobody knows how much of it FRR has: all of it counts as ours from now on, so that it is
    /// taken away should it no longer be desired.
    fn perhaps_applied(&mut self, plans: &BTreeMap<Daemon, DaemonPlan>, desired: &Forest) {
        for (daemon, wanted) in desired.iter().filter(|(daemon, _)| plans.contains_key(daemon)) {
            self.last.entry(*daemon).or_default().merge(wanted);
        }
    }

    async fn read(&mut self, daemon: Daemon) -> Result<Before, Failure> {
        let Some(part) = self.vty.get_mut(&daemon) else {
            let tree = self.mgmtd.read(&self.yang).await;
            return tree.map(Before::Mgmtd).map_err(|error| mgmtd_failure(&error));
        };
        let lost = |error| Failure::Lost(daemon, chain(&error));
        let snapshot = part.driver.read(&part.defaults).await.map_err(lost)?;
        if let Some(version) = &snapshot.running.version {
            self.version = Some(version.clone());
        }
        let profile = snapshot.running.profile.as_deref().map(Profile::from_name);
        let profile = profile.unwrap_or_default();
        if profile == self.profile {
            return Ok(Before::Vty(snapshot));
        }
        // The daemons run with other defaults than the models were loaded with.
        info!(?profile, "FRR's profile");
        self.profile = profile;
        let yang = Yang::start(&self.yang_dir, profile).await;
        self.yang = yang.map_err(|error| Failure::Refused(error.to_string()))?;
        self.load_defaults().await.map_err(|error| Failure::Refused(error.to_string()))?;
        let part = self.vty.get_mut(&daemon).expect("found above, and parts never go");
        part.driver.read(&part.defaults).await.map(Before::Vty).map_err(lost)
    }

    async fn load_defaults(&mut self) -> Result<(), YangError> {
        for part in self.vty.values_mut() {
            let table = part.driver.table();
            part.defaults = self.yang.call(move |schema| table.defaults(schema)).await?;
        }
        Ok(())
    }

    fn plan(
        &self,
        daemon: Daemon,
        before: &Before,
        wanted: &Tree,
        keep: &Tree,
    ) -> Result<DaemonPlan, EngineError> {
        let none = Tree::new();
        let last = self.last.get(&daemon).unwrap_or(&none);
        match before {
            Before::Mgmtd(running) => {
                let goal = three_way(last, running, wanted, keep, &|_| None);
                Ok(DaemonPlan::Mgmtd(mgmtd::edits(running, &goal)))
            }
            Before::Vty(snapshot) => {
                let part = &self.vty[&daemon];
                plan_vty(part.driver.table(), &part.defaults, last, &snapshot.running, wanted, keep)
                    .map(DaemonPlan::Vty)
                    .map_err(|message| EngineError::Refused { message })
            }
        }
    }

    /// Applies and confirms: first everywhere what is set, then in reverse what goes, so that nothing
    /// names what is not there.
    async fn carry_out(
        &mut self,
        plans: &BTreeMap<Daemon, DaemonPlan>,
        before: &BTreeMap<Daemon, Before>,
        sent: &mut usize,
    ) -> Result<(), Failure> {
        if let Some(DaemonPlan::Mgmtd(edits)) = plans.get(&Daemon::Mgmtd) {
            // All that can be asked beforehand is asked beforehand.
            let valid = self.mgmtd.validate(edits, &self.yang).await;
            valid.map_err(|error| mgmtd_failure(&error))?;
        }
        for daemon in Daemon::ALL {
            match plans.get(&daemon) {
                Some(DaemonPlan::Mgmtd(edits)) => {
                    *sent += edits.len();
                    let outcome = self.mgmtd.commit(edits, &self.yang).await;
                    let outcome = outcome.map_err(|error| mgmtd_failure(&error))?;
                    debug!(?outcome, "mgmtd");
                    let confirmed = self.mgmtd.confirm(edits, &self.yang).await;
                    confirmed.map_err(|error| mgmtd_failure(&error))?;
                }
                Some(DaemonPlan::Vty(plan)) => self.apply(daemon, plan, false, sent).await?,
                None => {}
            }
        }
        for daemon in Daemon::ALL.into_iter().rev() {
            if let Some(DaemonPlan::Vty(plan)) = plans.get(&daemon) {
                self.apply(daemon, plan, true, sent).await?;
            }
        }
        for (daemon, plan) in plans {
            if let (DaemonPlan::Vty(plan), Some(Before::Vty(_))) = (plan, before.get(daemon)) {
                self.confirm(*daemon, plan).await?;
            }
        }
        Ok(())
    }

    async fn apply(
        &mut self,
        daemon: Daemon,
        plan: &VtyPlan,
        removals: bool,
        sent: &mut usize,
    ) -> Result<(), Failure> {
        let steps = plan.phase(removals);
        if steps.is_empty() {
            return Ok(());
        }
        *sent += steps.len();
        let part = self.vty.get_mut(&daemon).expect("only VTY daemons have such plans");
        part.driver.apply(steps).await.map_err(|error| match error {
            ApplyError::Refused { .. } => Failure::Refused(error.to_string()),
            ApplyError::Lost { .. } => Failure::Lost(daemon, error.to_string()),
        })
    }

    async fn confirm(&mut self, daemon: Daemon, plan: &VtyPlan) -> Result<(), Failure> {
        let part = self.vty.get_mut(&daemon).expect("only VTY daemons have such plans");
        let shown = part.driver.read(&part.defaults).await;
        let shown = shown.map_err(|error| Failure::Lost(daemon, chain(&error)))?;
        let lines = part.driver.table().lines(&shown.running.tree);
        plan.unconfirmed(&lines)
            .map_or(Ok(()), |what| Err(Failure::Refused(format!("{daemon} does not show {what}"))))
    }

    /// Brings every daemon that had a plan back to what it ran before.
    async fn undo(
        &mut self,
        plans: &BTreeMap<Daemon, DaemonPlan>,
        before: &BTreeMap<Daemon, Before>,
    ) -> Result<(), String> {
        let mut failed = Vec::new();
        for daemon in plans.keys().rev() {
            match (&plans[daemon], &before[daemon]) {
                (DaemonPlan::Mgmtd(edits), Before::Mgmtd(running)) => {
                    let now = self.mgmtd.read(&self.yang).await;
                    let undone = match now {
                        Ok(now) if now == *running => Ok(()),
                        Ok(_) => self.mgmtd.undo(edits, &self.yang).await,
                        Err(error) => Err(error),
                    };
                    failed.extend(undone.err().map(|error| error.to_string()));
                }
                (DaemonPlan::Vty(plan), Before::Vty(snapshot)) => {
                    let part = self.vty.get_mut(daemon).expect("only VTY daemons have such plans");
                    let inverse = part.driver.undo(plan.steps.iter()).await;
                    if let Err(error) = inverse {
                        warn!(%daemon, %error, "undoing step by step failed");
                    }
                    let back = part.driver.restore(snapshot, &part.defaults).await;
                    failed.extend(back.err());
                }
                _ => {}
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }
}

fn mgmtd_failure(error: &MgmtdError) -> Failure {
    match error {
        MgmtdError::Northbound(northbound::Error::Unavailable { .. }) => {
            Failure::Lost(Daemon::Mgmtd, error.to_string())
        }
        error if error.is_refusal() => Failure::Refused(error.to_string()),
        error => Failure::Lost(Daemon::Mgmtd, error.to_string()),
    }
}
