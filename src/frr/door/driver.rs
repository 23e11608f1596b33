//! A daemon's driver: steps whose data the daemon's own gRPC executes go there, in one commit; the rest
//! is typed. Reading, undoing and restoring are the VTY's: it is the same running configuration.

use std::{
    ops::{Deref, DerefMut},
    path::PathBuf,
    time::Duration,
};

use tracing::warn;

use super::{Door, State, edits};
use crate::{
    coverage,
    daemon::Daemon,
    failpoint,
    frr::{
        northbound::{self, Error},
        vty::{ApplyError, Question, VtyDriver, VtyError, redact, steps::Step, table::Defaults},
    },
    yang::Yang,
};

/// The driver of one daemon, with one door or two.
#[derive(Debug)]
pub struct DaemonDriver {
    daemon: Daemon,
    vty: VtyDriver,
    door: Option<Door>,
    /// Connection of the VTY on which the door was last asked: behind another one is another process.
    generation: Option<u64>,
}

impl DaemonDriver {
    /// A driver that connects when it is first used; it types everything until it has a door.
    ///
    /// `None` where the daemon is not configured over its VTY.
    pub fn new(daemon: Daemon, socket: PathBuf, connect_timeout: Duration) -> Option<Self> {
        let vty = VtyDriver::new(daemon, socket, connect_timeout)?;
        Some(Self { daemon, vty, door: None, generation: None })
    }

    /// Gives it the daemon's own gRPC.
    pub fn set_door(&mut self, door: Door) {
        self.door = Some(door);
    }

    /// Whether steps that the door serves would go through it now.
    pub async fn has_grpc(&mut self) -> bool {
        let Some(door) = &self.door else { return false };
        let generation = self.vty.generation();
        if generation.is_some() && generation != self.generation {
            self.generation = generation;
            door.restarted().await;
        }
        door.ready().await
    }

    /// Asks the door whether it would take what it serves of the steps. Changes nothing. That it does not
    /// answer is no refusal: the steps are typed then. It is not asked to prepare: bgpd 10.3 dies when a
    /// candidate that was prepared and aborted is deleted.
    ///
    /// # Errors
    /// FRR's words.
    pub async fn validate(&mut self, steps: &[Step], yang: &Yang) -> Result<(), ApplyError> {
        let (served, _) = self.served(steps);
        if served.is_empty() || !self.has_grpc().await {
            return Ok(());
        }
        let some: Vec<&Step> = served.iter().map(|at| &steps[*at]).collect();
        let (Some(door), Some(edits)) = (self.door.clone(), edits::edits(self.table(), &some))
        else {
            return Ok(());
        };
        let Ok(request) = northbound::request(&edits, yang).await else { return Ok(()) };
        match door.validate(request).await {
            Ok(()) => Ok(()),
            Err(Error::Refused { message }) => {
                Err(self.refused(&message, &some, &served, Vec::new()))
            }
            Err(error) => {
                door.failed(&error).await;
                Ok(())
            }
        }
    }

    /// Indexes of the steps that the door serves, and of those that are typed.
    fn served(&self, steps: &[Step]) -> (Vec<usize>, Vec<usize>) {
        let serves = |step: &Step| coverage::has_grpc(self.daemon, &step.path);
        match &self.door {
            Some(_) => (0..steps.len()).partition(|at| serves(&steps[*at])),
            None => (Vec::new(), (0..steps.len()).collect()),
        }
    }

    /// The door's no to `some` of the steps, which have these indexes.
    fn refused(
        &self,
        message: &str,
        some: &[&Step],
        indexes: &[usize],
        done: Vec<usize>,
    ) -> ApplyError {
        let named = edits::named(some, message);
        let about = named.map(|at| some[at].command.text.clone());
        ApplyError::Refused {
            daemon: self.daemon,
            command: redact(about.as_deref().unwrap_or("frr.Northbound Commit")).into_owned(),
            words: redact(message).into_owned(),
            step: named.map(|at| indexes[at]),
            done,
        }
    }

    /// Carries the steps out, in order, until one is refused: those that set through gRPC before those
    /// that are typed, since what is named must be there before; those that take away behind them.
    ///
    /// What the door does not take, or takes without effect, is typed in the same call. Where all is typed, the
    /// questions go behind the steps and cost no round trip of their own: whether the answers are those that are
    /// wanted; `None` where they were not asked.
    ///
    /// Cancel safety: none; the caller is the commit actor.
    ///
    /// # Errors
    /// FRR's words, with what was carried out until then.
    pub async fn apply(
        &mut self,
        steps: &[Step],
        questions: &[Question],
        defaults: &Defaults,
        yang: &Yang,
    ) -> Result<Option<bool>, ApplyError> {
        let (served, mut typed) = self.served(steps);
        if served.is_empty() || !self.has_grpc().await {
            return self.vty.apply_and_prove(steps, questions).await.map(Some);
        }
        let mut done = Vec::new();
        if steps.iter().all(|step| step.shows.is_none()) {
            self.type_in(steps, &typed, &mut done).await?;
            typed = self.send(steps, &served, defaults, yang, &mut done).await?;
        } else {
            typed.extend(self.send(steps, &served, defaults, yang, &mut done).await?);
            typed.sort_unstable();
        }
        self.type_in(steps, &typed, &mut done).await.map(|()| None)
    }

    /// Types those of the steps that are given by their indexes.
    async fn type_in(
        &mut self,
        steps: &[Step],
        which: &[usize],
        done: &mut Vec<usize>,
    ) -> Result<(), ApplyError> {
        if which.is_empty() {
            return Ok(());
        }
        let some: Vec<Step> = which.iter().map(|at| steps[*at].clone()).collect();
        match self.vty.apply(&some).await {
            Ok(()) => {
                done.extend(which);
                Ok(())
            }
            Err(ApplyError::Refused { daemon, command, words, step, done: carried_out }) => {
                done.extend(carried_out.into_iter().map(|at| which[at]));
                let (step, done) = (step.map(|at| which[at]), std::mem::take(done));
                Err(ApplyError::Refused { daemon, command, words, step, done })
            }
            Err(lost) => Err(lost),
        }
    }

    /// Sends steps through the door as one commit, and gives the indexes of those that have to be typed
    /// because the daemon does not show them.
    async fn send(
        &mut self,
        steps: &[Step],
        served: &[usize],
        defaults: &Defaults,
        yang: &Yang,
        done: &mut Vec<usize>,
    ) -> Result<Vec<usize>, ApplyError> {
        let some: Vec<&Step> = served.iter().map(|at| &steps[*at]).collect();
        let request = match edits::edits(self.table(), &some) {
            Some(edits) => northbound::request(&edits, yang).await.map_err(|e| e.to_string()),
            None => Err("a line that the table can't read".to_owned()),
        };
        let (Some(door), Ok(request)) = (self.door.clone(), request.as_ref()) else {
            // The models can't say it, the command line can.
            warn!(daemon = %self.daemon, error = ?request.err(), "typed, not sent through gRPC");
            return Ok(served.to_vec());
        };
        let result = door.commit(request.clone()).await;
        failpoint::hit("door-committed");
        if let Err(Error::Refused { message }) = result {
            return Err(self.refused(&message, &some, served, std::mem::take(done)));
        }
        if let Err(error) = &result {
            door.failed(error).await;
        }
        // The proof, or how far it got.
        let lost = |source| ApplyError::Lost { daemon: self.daemon, source };
        let shown = self.vty.read(defaults).await.map_err(lost)?;
        if self.vty.generation() != self.generation {
            // What was read is a daemon that started meanwhile.
            return Err(ApplyError::Lost { daemon: self.daemon, source: VtyError::Gone });
        }
        let lines = self.table().lines(&shown.running.tree);
        let lacking = edits::unshown(&some, &lines);
        if let (Ok(outcome), Some(first)) = (&result, lacking.first()) {
            let what = redact(&some[*first].command.text);
            door.strike_out(format!("answered that {outcome}, and {what:?} had no effect")).await;
        }
        let is_lacking = |at: &usize| lacking.contains(at);
        let (again, sent): (Vec<usize>, Vec<usize>) = (0..some.len()).partition(is_lacking);
        done.extend(sent.into_iter().map(|at| served[at]));
        Ok(again.into_iter().map(|at| served[at]).collect())
    }
}

/// Everything else is the VTY's.
impl Deref for DaemonDriver {
    type Target = VtyDriver;

    fn deref(&self) -> &VtyDriver {
        &self.vty
    }
}

impl DerefMut for DaemonDriver {
    fn deref_mut(&mut self) -> &mut VtyDriver {
        &mut self.vty
    }
}

impl State {
    /// Why the door is of no use; `None` where it is.
    pub fn why_down(&self) -> Option<&str> {
        match self {
            Self::InUse | Self::StruckOut { .. } => None,
            Self::Unknown => Some("not asked yet"),
            Self::Down { why } => Some(why),
        }
    }
}
