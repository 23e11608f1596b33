//! A daemon's driver: steps whose data the daemon's own gRPC executes go there, in one commit; the rest
//! is typed. Reading, undoing and restoring are the VTY's: it is the same running configuration.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tracing::{info, warn};

use super::{GrpcTransport, Started, State, edits, frr_10_3::Aggregates};
use crate::{
    coverage,
    daemon::Daemon,
    failpoint,
    frr::{
        driver::{
            Before, Confirmed, DaemonPlan, Driver, DriverError, NotShown, Phase, Proof, Proven,
            Start, Target, Unplannable, VtyPlan, plan_commands, unusable,
        },
        northbound::{self, Error},
        vty::{
            ApplyError, Endpoint, Question, Snapshot, VtyDriver, VtyError, chain,
            live::{self, Otherwise, Wanted},
            redact,
            steps::Step,
            table::{Defaults, Running, Table},
            unproven,
        },
    },
    tree::{Path, Tree},
    yang::{Profile, Yang, YangError},
};

/// The driver of one daemon, with one transport or two.
#[derive(Debug)]
pub struct DaemonDriver {
    daemon: Daemon,
    endpoint: Arc<dyn Endpoint>,
    vty: VtyDriver,
    /// What the daemon does not show.
    defaults: Defaults,
    yang: Yang,
    transport: Option<GrpcTransport>,
    /// Connection of the VTY on which the transport was last asked: behind another one is another process.
    generation: Option<u64>,
    aggregates: Aggregates,
}

impl DaemonDriver {
    /// A driver that connects when it is first used; it types everything until it has a transport.
    ///
    /// `None` where the daemon is not configured over its VTY.
    pub fn new(
        daemon: Daemon,
        endpoint: Arc<dyn Endpoint>,
        connect_timeout: Duration,
        yang: Yang,
    ) -> Option<Self> {
        let vty = VtyDriver::new(daemon, endpoint.clone(), connect_timeout)?;
        let defaults = Defaults::default();
        let (transport, generation, aggregates) = (None, None, Aggregates::default());
        Some(Self { daemon, endpoint, vty, defaults, yang, transport, generation, aggregates })
    }

    /// Takes the defaults of the models that are loaded.
    ///
    /// # Errors
    /// The thread of libyang is gone.
    pub async fn load_defaults(&mut self) -> Result<(), YangError> {
        let table = self.vty.table();
        self.defaults = self.yang.call(move |schema| table.defaults(schema)).await?;
        Ok(())
    }

    /// Gives it the daemon's own gRPC.
    pub fn set_transport(&mut self, transport: GrpcTransport) {
        self.transport = Some(transport);
    }

    fn table(&self) -> &'static Table {
        self.vty.table()
    }

    /// Whether steps that the transport serves would go through it now.
    async fn can_use_transport(&mut self) -> bool {
        let Some(transport) = &self.transport else { return false };
        let generation = self.vty.generation();
        if generation.is_some() && generation != self.generation {
            self.generation = generation;
            transport.restarted().await;
        }
        transport.ready().await
    }

    /// Reads; where the daemon runs with other defaults than the models were loaded with, with those.
    async fn read_now(&mut self) -> Result<Snapshot, DriverError> {
        let snapshot = self.vty.read(&self.defaults).await?;
        self.aggregates.note(self.vty.generation(), &snapshot.running);
        let profile = snapshot.running.profile.as_deref().map(Profile::from_name);
        let profile = profile.unwrap_or_default();
        // Only bgpd's defaults differ in the models.
        if self.daemon != Daemon::Bgpd || profile == self.yang.profile() {
            return Ok(snapshot);
        }
        info!(?profile, "FRR's profile");
        let refused = |error: YangError| DriverError::refused(error.to_string());
        self.yang.use_profile(profile).await.map_err(refused)?;
        self.load_defaults().await.map_err(refused)?;
        match unusable(self.daemon, &self.yang) {
            Some(why) => Err(DriverError::Lost { why }),
            None => Ok(self.vty.read(&self.defaults).await?),
        }
    }

    /// Asks the transport whether it would take what it serves of the steps. Changes nothing. That it does not
    /// answer is no refusal: the steps are typed then. It is not asked to prepare: bgpd 10.3 dies when a
    /// candidate that was prepared and aborted is deleted.
    ///
    /// # Errors
    /// FRR's words.
    async fn validate_steps(&mut self, steps: &[Step]) -> Result<(), ApplyError> {
        let (served, _) = self.served(steps);
        if served.is_empty() || !self.can_use_transport().await {
            return Ok(());
        }
        let some: Vec<&Step> = served.iter().map(|at| &steps[*at]).collect();
        let (Some(transport), Some(edits)) =
            (self.transport.clone(), edits::edits(self.table(), &some))
        else {
            return Ok(());
        };
        let Ok(request) = northbound::request(&edits, &self.yang).await else { return Ok(()) };
        match transport.validate(request).await {
            Ok(()) => Ok(()),
            Err(Error::Refused { message }) => {
                Err(self.refused(&message, &some, &served, Vec::new()))
            }
            Err(error) => {
                transport.failed(&error).await;
                Ok(())
            }
        }
    }

    /// Indexes of the steps that the transport serves, and of those that are typed.
    fn served(&self, steps: &[Step]) -> (Vec<usize>, Vec<usize>) {
        let serves = |step: &Step| coverage::has_grpc(self.daemon, &step.path);
        match &self.transport {
            Some(_) => (0..steps.len()).partition(|at| serves(&steps[*at])),
            None => (Vec::new(), (0..steps.len()).collect()),
        }
    }

    /// The transport's no to `some` of the steps, which have these indexes.
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
    /// What the transport does not take, or takes without effect, is typed in the same call. Where all is typed, the
    /// questions go behind the steps and cost no round trip of their own.
    ///
    /// Cancel safety: none; the caller is the commit actor.
    ///
    /// # Errors
    /// FRR's words, with what was carried out until then.
    async fn apply_steps(
        &mut self,
        steps: &[Step],
        questions: Option<&[Question]>,
    ) -> Result<Proven, ApplyError> {
        let (served, mut typed) = self.served(steps);
        if served.is_empty() || !self.can_use_transport().await {
            let asked = questions.unwrap_or_default();
            let proven = self.vty.apply_and_prove(steps, asked).await?;
            return Ok(match (questions, proven) {
                (None, _) => Proven::NotAsked,
                (Some(_), true) => Proven::Yes,
                (Some(_), false) => Proven::No,
            });
        }
        let mut done = Vec::new();
        if steps.iter().all(|step| step.shows.is_none()) {
            self.type_in(steps, &typed, &mut done).await?;
            typed = self.send(steps, &served, &mut done).await?;
        } else {
            typed.extend(self.send(steps, &served, &mut done).await?);
            typed.sort_unstable();
        }
        self.type_in(steps, &typed, &mut done).await.map(|()| Proven::NotAsked)
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

    /// Sends steps through the transport as one commit, and gives the indexes of those that have to be typed
    /// because the daemon does not show them.
    async fn send(
        &mut self,
        steps: &[Step],
        served: &[usize],
        done: &mut Vec<usize>,
    ) -> Result<Vec<usize>, ApplyError> {
        let some: Vec<&Step> = served.iter().map(|at| &steps[*at]).collect();
        let request = match edits::edits(self.table(), &some) {
            Some(edits) => northbound::request(&edits, &self.yang).await.map_err(|e| e.to_string()),
            None => Err("a line that the table can't read".to_owned()),
        };
        let (Some(transport), Ok(request)) = (self.transport.clone(), request.as_ref()) else {
            // The models can't say it, the command line can.
            warn!(daemon = %self.daemon, error = ?request.err(), "typed, not sent through gRPC");
            return Ok(served.to_vec());
        };
        let result = transport.commit(request.clone()).await;
        failpoint::hit("transport-committed");
        if let Err(Error::Refused { message }) = result {
            return Err(self.refused(&message, &some, served, std::mem::take(done)));
        }
        if let Err(error) = &result {
            transport.failed(error).await;
        }
        // The proof, or how far it got.
        let lost = |source| ApplyError::Lost { daemon: self.daemon, source };
        let shown = self.vty.read(&self.defaults).await.map_err(lost)?;
        if self.vty.generation() != self.generation {
            // What was read is a daemon that started meanwhile.
            return Err(ApplyError::Lost { daemon: self.daemon, source: VtyError::Gone });
        }
        let lines = self.table().lines(&shown.running.tree);
        let lacking = edits::unshown(&some, &lines);
        if let (Ok(outcome), Some(first)) = (&result, lacking.first()) {
            let what = redact(&some[*first].command.text);
            transport
                .quarantine(format!("answered that {outcome}, and {what:?} had no effect"))
                .await;
        }
        let is_lacking = |at: &usize| lacking.contains(at);
        let (again, sent): (Vec<usize>, Vec<usize>) = (0..some.len()).partition(is_lacking);
        done.extend(sent.into_iter().map(|at| served[at]));
        Ok(again.into_iter().map(|at| served[at]).collect())
    }
}

/// The commands of a plan. A plan of this driver's has nothing else.
fn commands(plan: &DaemonPlan) -> Result<&VtyPlan, DriverError> {
    match plan {
        DaemonPlan::Commands(plan) => Ok(plan),
        DaemonPlan::Edits(_) => Err(DriverError::refused("a plan for another daemon")),
    }
}

impl From<VtyError> for DriverError {
    fn from(error: VtyError) -> Self {
        Self::Lost { why: chain(&error) }
    }
}

impl DriverError {
    /// A daemon's no, or that it is gone, to these steps.
    fn of(error: ApplyError, steps: &[Step]) -> Self {
        let message = error.to_string();
        tracing::debug!(kind = error.kind(), retry = ?error.retry(), message, "not applied");
        match error {
            ApplyError::Refused { step, done, .. } => {
                let at = step.and_then(|step| steps.get(step));
                Self::Refused { message, at: at.map(|step| Path::clone(&step.path)), done }
            }
            ApplyError::Lost { .. } => Self::Lost { why: message },
        }
    }
}

impl Driver for DaemonDriver {
    fn daemon(&self) -> Daemon {
        self.daemon
    }

    fn unusable(&self) -> Option<String> {
        unusable(self.daemon, &self.yang)
    }

    fn connection(&self) -> Option<u64> {
        self.vty.generation()
    }

    fn start(&self) -> Start {
        Started::start(self.endpoint.file())
    }

    fn closed(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.vty.closed())
    }

    fn answers(&mut self, within: Duration) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async move { Ok(self.vty.answers(within).await?) })
    }

    fn has_grpc(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(self.can_use_transport())
    }

    fn read(&mut self) -> BoxFuture<'_, Result<Snapshot, DriverError>> {
        Box::pin(self.read_now())
    }

    fn text(&mut self) -> BoxFuture<'_, Result<Option<String>, DriverError>> {
        Box::pin(async { Ok(Some(self.vty.show_running().await?)) })
    }

    fn parse(&self, text: &str) -> Running {
        self.table().parse(text, &self.defaults)
    }

    fn plan(&self, target: Target<'_>) -> Result<DaemonPlan, Unplannable> {
        let plan = plan_commands(self.table(), &target)?;
        self.aggregates.spare(&target, &plan)?;
        Ok(DaemonPlan::Commands(plan))
    }

    fn validate<'a>(&'a mut self, plan: &'a DaemonPlan) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            let steps = &commands(plan)?.steps;
            let valid = self.validate_steps(steps).await;
            valid.map_err(|error| DriverError::of(error, steps))
        })
    }

    fn apply<'a>(
        &'a mut self,
        plan: &'a DaemonPlan,
        phase: Phase,
        questions: Option<&'a [Question]>,
    ) -> BoxFuture<'a, Result<Proven, DriverError>> {
        Box::pin(async move {
            let (first, steps) = commands(plan)?.phase(phase);
            let applied = self.apply_steps(steps, questions).await;
            applied.map_err(|error| {
                let mut error = DriverError::of(error, steps);
                if let DriverError::Refused { done, .. } = &mut error {
                    done.iter_mut().for_each(|step| *step += first);
                }
                error
            })
        })
    }

    fn proves<'a>(
        &'a mut self,
        questions: &'a [Question],
    ) -> BoxFuture<'a, Result<bool, DriverError>> {
        Box::pin(async move { Ok(self.vty.proves(questions).await?) })
    }

    fn confirm<'a>(
        &'a mut self,
        plan: &'a DaemonPlan,
        proof: Proof<'a>,
    ) -> BoxFuture<'a, Result<Confirmed, DriverError>> {
        Box::pin(async move {
            let plan = commands(plan)?;
            let proven = match proof {
                Proof::Whole => false,
                Proof::Questions(questions) => self.vty.proves(questions).await?,
                Proof::Lines => unproven(&plan.steps, &self.vty.show_running().await?).is_none(),
            };
            if proven {
                return Ok(Confirmed::default());
            }
            let seen = self.vty.read(&self.defaults).await?;
            // Lines are looked for before a second list of all of them is made.
            if unproven(&plan.steps, &seen.text).is_none() {
                return Ok(Confirmed { not_shown: Vec::new(), seen: Some(seen) });
            }
            let lines = self.table().lines(&seen.running.tree);
            let not_shown = plan.unconfirmed(&lines).map(|(step, what)| NotShown {
                path: Path::clone(&step.path),
                words: format!("{} does not show {what}", self.daemon),
            });
            Ok(Confirmed { not_shown: not_shown.collect(), seen: Some(seen) })
        })
    }

    fn undo<'a>(
        &'a mut self,
        plan: &'a DaemonPlan,
        done: &'a [usize],
        before: Before<'a>,
        ours: &'a Tree,
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let plan = commands(plan).map_err(|error| error.to_string())?;
            let inverse = self.vty.undo(done.iter().map(|step| &plan.steps[*step])).await;
            if let Err(error) = inverse {
                warn!(daemon = %self.daemon, %error, "undoing step by step failed");
            }
            match before {
                Before::Snapshot(before) => self.vty.restore(before, ours, &self.defaults).await,
                Before::Meaning(before) => {
                    self.vty.restore_tree(before, ours, &self.defaults).await
                }
            }
        })
    }

    fn sessions<'a>(
        &'a mut self,
        wanted: &'a [Wanted],
    ) -> BoxFuture<'a, Result<Vec<Otherwise>, DriverError>> {
        Box::pin(async move {
            let answer = self.vty.show(live::SHOW_SESSIONS).await?;
            let shown = live::shown(&answer).map_err(|error| DriverError::Lost {
                why: format!("{}: {error}", live::SHOW_SESSIONS),
            })?;
            Ok(live::otherwise(wanted, &shown))
        })
    }

    fn mend<'a>(&'a mut self, wrong: &'a [Otherwise]) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            for wrong in wrong {
                let Some(mut commands) = wrong.mending() else { continue };
                info!(session = %wrong, "mending");
                let running = self.vty.show_running().await?;
                // bfdd shows the empty node that it was in, for ever.
                if !running.lines().any(|line| line.trim_end() == "bfd") {
                    commands.push("no bfd".to_owned());
                }
                if let Some(words) = self.vty.type_at_once(&commands).await? {
                    tracing::debug!(words, "not mended");
                }
            }
            Ok(())
        })
    }
}

impl State {
    /// Why the transport is of no use; `None` where it is.
    pub fn why_down(&self) -> Option<&str> {
        match self {
            Self::InUse | Self::Quarantined { .. } => None,
            Self::Unknown => Some("not asked yet"),
            Self::Down { why } => Some(why),
        }
    }
}
