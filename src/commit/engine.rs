//! Brings FRR from what it runs to what is desired, all or nothing, and proves it.
//!
//! validate → read → plan → apply → confirm; after a refusal undo, the last step first. Owns the
//! drivers and what was last applied. Knows trees, not intents.
//!
//! | file | owns |
//! |---|---|
//! | `judge` | what would be done, and what those say of it who can be asked beforehand |
//! | `part` | a commit that costs what it changes |
//! | `roll` | which daemons answer |
//! | `outcome` | how a commit can end, and by when |

mod judge;
mod outcome;
mod part;
mod roll;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path as FilePath,
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, TryFutureExt, future::BoxFuture};
use tokio::time::Instant;
use tracing::{debug, info, warn};

pub use outcome::{Applied, EngineError};
use outcome::{
    COMMIT_DEADLINE, Failure, RESYNC_DEADLINE, in_time, mgmtd, mgmtd_failure, not_applied,
    undone_in_time,
};
use part::Known;
pub use part::{Judging, Part};

use super::{
    Door as Way, NoObserver, Observer, Stage,
    plan::{DaemonPlan, VtyPlan, plan_vty},
};
use crate::{
    coverage::Revisions,
    daemon::{Daemon, Forest},
    failpoint,
    frr::{
        door::{DaemonDriver, Door},
        gateway::Gateway,
        mgmtd::{self, MgmtdDriver, MgmtdError},
        vty::{ApplyError, Question, Snapshot, chain, table::Defaults},
    },
    render::Shapes,
    tree::{Path, Tree, three_way},
    yang::{Profile, Yang, YangError},
};

#[derive(Debug)]
struct VtyPart {
    driver: DaemonDriver,
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
    /// Daemons that could not be reached when they were last tried, with why.
    away: BTreeMap<Daemon, String>,
    /// When the commit under way has to be over.
    by: Option<Instant>,
    /// What each daemon ran when it was read last, in the commit that is under way.
    seen: BTreeMap<Daemon, (u64, Snapshot)>,
    /// What each daemon runs beside what is ours, where all of it is known.
    known: BTreeMap<Daemon, Known>,
    /// Whether FRR has all that was desired when the whole was committed last, and since.
    in_step: bool,
    observer: Arc<dyn Observer>,
}

/// What a daemon runs, before anything is changed.
enum Before {
    Vty(Snapshot),
    Mgmtd(Tree),
}

/// What is known before anything is changed.
#[derive(Default)]
struct Prepared {
    /// What each daemon runs that has a plan.
    before: BTreeMap<Daemon, Before>,
    /// Of which daemons something differs.
    plans: BTreeMap<Daemon, DaemonPlan>,
    unreachable: BTreeMap<Daemon, String>,
}

/// What libyang says of something, as soon as it has.
pub type Judged = BoxFuture<'static, Result<(), EngineError>>;

/// Steps that were carried out, by daemon and in their order; of mgmtd, whose edits are one
/// transaction, whether it was committed.
type Done = BTreeMap<Daemon, Vec<usize>>;

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
            away: BTreeMap::new(),
            by: None,
            seen: BTreeMap::new(),
            known: BTreeMap::new(),
            in_step: false,
            observer: Arc::new(NoObserver),
        };
        for daemon in Daemon::ALL {
            let socket = socket_dir.join(format!("{daemon}.vty"));
            if let Some(driver) = DaemonDriver::new(daemon, socket, connect_timeout) {
                engine.vty.insert(daemon, VtyPart { driver, defaults: Defaults::default() });
            }
        }
        engine.load_defaults().await?;
        Ok(engine)
    }

    /// Tells this observer of the stages of commits from now on.
    pub fn tell(&mut self, observer: Arc<dyn Observer>) {
        self.observer = observer;
    }

    /// Takes what a predecessor has applied for ours: it stays where it is desired, and goes
    /// where it is not.
    pub fn adopt(&mut self, applied: Forest) {
        self.last = applied;
    }

    /// Has daemons' own gRPC take what it can.
    pub fn set_doors(&mut self, doors: &BTreeMap<Daemon, Door>) {
        for (daemon, door) in doors {
            match self.vty.get_mut(daemon) {
                Some(part) => part.driver.set_door(door.clone()),
                None => self.mgmtd.set_door(door.clone()),
            }
        }
    }

    /// Revisions of the models that are loaded.
    ///
    /// # Errors
    /// The thread of libyang is gone.
    pub async fn revisions(&self) -> Result<Revisions, YangError> {
        let modules = self.yang.call(|schema| schema.modules()).await?;
        let modules = modules.into_iter();
        Ok(modules.map(|(name, revision)| (name, revision.unwrap_or_default())).collect())
    }

    /// The gateway through which mgmtd is configured, to ask what mgmtd has.
    pub fn gateway(&self) -> Gateway {
        self.mgmtd.gateway()
    }

    /// How the models in use lay things out.
    pub fn shapes(&self) -> Shapes {
        self.shapes
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

    /// Has libyang judge trees before anything is sent. libyang begins at once, on its own thread.
    ///
    /// # Errors
    /// libyang's words and path.
    pub fn validate(&self, trees: impl IntoIterator<Item = Arc<Tree>>) -> Judged {
        let refused =
            |error| EngineError::Refused { message: format!("YANG validation: {error}"), at: None };
        self.yang.check(trees.into_iter().collect()).map_err(refused).boxed()
    }

    /// Makes FRR run `desired`, and nothing any more of what was last applied and is not in it.
    ///
    /// A daemon that can't be reached is left for later, and said so; the others get their part.
    ///
    /// # Errors
    /// libyang's or FRR's words; everything that was done is undone.
    pub async fn commit(&mut self, desired: &Forest) -> Result<Applied, EngineError> {
        let all = BTreeSet::from(Daemon::ALL);
        self.commit_within(COMMIT_DEADLINE, &all, desired, desired, None).await
    }

    /// Like [`Engine::commit`], where only these daemons have something to change, and `desired` is what each of them
    /// shall run. The others are not looked at. What runs is read and the plan made while libyang judges; nothing is
    /// changed before it has.
    ///
    /// # Errors
    /// As there, and what libyang says.
    pub async fn commit_to(
        &mut self,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        judged: Judged,
    ) -> Result<Applied, EngineError> {
        self.commit_within(COMMIT_DEADLINE, daemons, desired, desired, Some(judged)).await
    }

    /// Like [`Engine::commit`], and tries daemons again that could not be reached the last time. To
    /// wait for one that hangs is not for every call.
    ///
    /// # Errors
    /// As there.
    pub async fn resynchronise(&mut self, desired: &Forest) -> Result<Applied, EngineError> {
        self.resynchronise_part(desired, desired).await
    }

    /// Like [`Engine::resynchronise`], where `desired` is a part of `keep`: what was last applied and is in
    /// `keep` stays.
    ///
    /// # Errors
    /// As there.
    pub async fn resynchronise_part(
        &mut self,
        desired: &Forest,
        keep: &Forest,
    ) -> Result<Applied, EngineError> {
        self.away.clear();
        let all = BTreeSet::from(Daemon::ALL);
        self.commit_within(RESYNC_DEADLINE, &all, desired, keep, None).await
    }

    async fn commit_within(
        &mut self,
        deadline: Duration,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        keep: &Forest,
        judged: Option<Judged>,
    ) -> Result<Applied, EngineError> {
        self.by = Some(Instant::now() + deadline);
        let applied = self.commit_in_time(daemons, desired, keep, judged).await;
        self.by = None;
        applied
    }

    async fn commit_in_time(
        &mut self,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        keep: &Forest,
        judged: Option<Judged>,
    ) -> Result<Applied, EngineError> {
        let none = Tree::new();
        self.seen.clear();
        let begun = Instant::now();
        let prepared = self.prepare(daemons, desired, keep, false).await;
        if let Some(judged) = judged {
            judged.await?;
            self.observer.stage(Stage::Validate, Way::Agent, begun.elapsed(), 0);
        }
        self.known.retain(|daemon, _| !daemons.contains(daemon));
        let others_in_step =
            std::mem::take(&mut self.in_step) || daemons.len() == Daemon::ALL.len();
        let Prepared { before, plans, unreachable } = prepared?;
        let mut applied = Applied { sent: 0, unreachable };
        failpoint::hit("engine-planned");
        let mut done = Done::new();
        let mut carried_out = self.carry_out(&plans, &mut applied.sent, &mut done).await;
        let in_use = |forest: &Forest| forest.get(&Daemon::Mgmtd).is_some_and(|t| !t.is_empty());
        let reached =
            daemons.contains(&Daemon::Mgmtd) && !applied.unreachable.contains_key(&Daemon::Mgmtd);
        if carried_out.is_ok() && reached && (in_use(desired) || in_use(&self.last)) {
            let wanted = desired.get(&Daemon::Mgmtd).unwrap_or(&none);
            let kept = keep.get(&Daemon::Mgmtd).unwrap_or(&none);
            let last = self.last.get(&Daemon::Mgmtd).unwrap_or(&none);
            let swept = self.mgmtd.sweep(last, kept, &self.yang);
            carried_out = in_time(self.by, Daemon::Mgmtd, mgmtd(swept)).await;
            if carried_out.is_ok() {
                let in_step = self.mgmtd.confirm_in_step(wanted, &self.yang);
                carried_out = in_time(self.by, Daemon::Mgmtd, mgmtd(in_step)).await;
            }
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
                self.away.insert(daemon, why.clone());
                applied.unreachable.insert(daemon, why);
                return Ok(applied);
            }
            Err(Failure::Refused(message, at)) => {
                failpoint::hit("engine-undoing");
                let undone = undone_in_time(self.undo(&plans, &before, &done, desired)).await;
                return Err(match undone {
                    Ok(()) => {
                        failpoint::hit("engine-undone");
                        EngineError::Refused { message, at }
                    }
                    Err(undo) => {
                        self.perhaps_applied(&plans, desired);
                        EngineError::NotUndone { message, undo }
                    }
                });
            }
        }
        let mut former = Vec::new();
        for daemon in daemons.iter().copied() {
            if !applied.unreachable.contains_key(&daemon) {
                let last = self.last.remove(&daemon).unwrap_or_default();
                let wanted = desired.get(&daemon).unwrap_or(&none);
                let kept = keep.get(&daemon).unwrap_or(&none);
                let now = match std::ptr::eq(desired, keep) {
                    true => wanted.clone(),
                    false => three_way(&last, &last, wanted, kept, &|_| None),
                };
                if let Some((generation, snapshot)) = self.seen.remove(&daemon) {
                    self.known.insert(daemon, Known::new(generation, snapshot, &now));
                }
                if !now.is_empty() {
                    self.last.insert(daemon, now);
                }
                former.push(last);
            }
        }
        // To free what 10,000 routes took is 60 ms that nobody has to wait for.
        drop(tokio::task::spawn_blocking(move || drop((plans, before, former))));
        self.seen.clear();
        self.in_step = others_in_step && desired == keep && applied.unreachable.is_empty();
        Ok(applied)
    }

    /// Reads every one of these daemons that is concerned, and plans; `told` where somebody wants to see the plan.
    async fn prepare(
        &mut self,
        daemons: &BTreeSet<Daemon>,
        desired: &Forest,
        keep: &Forest,
        told: bool,
    ) -> Result<Prepared, EngineError> {
        let none = Tree::new();
        let mut prepared = Prepared::default();
        let mut concerned = self.concerned(desired);
        concerned.retain(|daemon| daemons.contains(daemon));
        self.call_roll(&concerned).await;
        for daemon in concerned {
            let wanted = desired.get(&daemon).unwrap_or(&none);
            let kept = keep.get(&daemon).unwrap_or(&none);
            if let Some(why) = self.away.get(&daemon) {
                prepared.unreachable.insert(daemon, why.clone());
                continue;
            }
            let begun = Instant::now();
            match in_time(self.by, daemon, self.read(daemon)).await {
                Ok(running) => {
                    self.observer.stage(Stage::Read, Way::of(daemon), begun.elapsed(), 0);
                    if let Before::Mgmtd(running) = &running {
                        let last = self.last.get(&daemon).unwrap_or(&none);
                        self.mgmtd.compare_with_last(running, last, wanted);
                    }
                    let plan = self.plan_daemon(daemon, &running, wanted, kept, told)?;
                    if !plan.is_empty() {
                        prepared.plans.insert(daemon, plan);
                        prepared.before.insert(daemon, running);
                    } else if let Before::Vty(snapshot) = running {
                        self.remember(daemon, snapshot);
                    }
                }
                Err(Failure::Lost(_, why)) => {
                    self.away.insert(daemon, why.clone());
                    prepared.unreachable.insert(daemon, why);
                }
                Err(Failure::Refused(message, at)) => {
                    return Err(EngineError::Refused { message, at });
                }
            }
        }
        Ok(prepared)
    }

    /// Nobody knows how much of it FRR has.
    fn perhaps_applied(&mut self, plans: &BTreeMap<Daemon, DaemonPlan>, desired: &Forest) {
        for (daemon, wanted) in desired.iter().filter(|(daemon, _)| plans.contains_key(daemon)) {
            self.perhaps_ours(*daemon, wanted);
        }
    }

    /// Nobody knows how much of it the daemon has: the whole is compared next, and all of it counts as
    /// ours from now on, so that it is taken away should it no longer be desired.
    fn perhaps_ours(&mut self, daemon: Daemon, desired: &Tree) {
        self.known.remove(&daemon);
        self.last.entry(daemon).or_default().merge(desired);
    }

    async fn read(&mut self, daemon: Daemon) -> Result<Before, Failure> {
        let Some(part) = self.vty.get_mut(&daemon) else {
            let tree = self.mgmtd.read(&self.yang).await;
            return tree.map(Before::Mgmtd).map_err(|error| mgmtd_failure(&error));
        };
        let lost = |error| Failure::Lost(daemon, chain(&error));
        let snapshot = part.driver.read(&part.defaults).await.map_err(lost)?;
        let profile = snapshot.running.profile.as_deref().map(Profile::from_name);
        let profile = profile.unwrap_or_default();
        // Only bgpd's defaults differ in the models.
        if profile == self.profile || daemon != Daemon::Bgpd {
            return Ok(Before::Vty(snapshot));
        }
        // The daemons run with other defaults than the models were loaded with.
        info!(?profile, "FRR's profile");
        self.profile = profile;
        let yang = Yang::start(&self.yang_dir, profile).await;
        let refused = |error: YangError| Failure::Refused(error.to_string(), None);
        self.yang = yang.map_err(refused)?;
        self.load_defaults().await.map_err(refused)?;
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

    fn plan_daemon(
        &self,
        daemon: Daemon,
        before: &Before,
        wanted: &Tree,
        keep: &Tree,
        told: bool,
    ) -> Result<DaemonPlan, EngineError> {
        let none = Tree::new();
        let last = self.last.get(&daemon).unwrap_or(&none);
        match before {
            Before::Mgmtd(running) => {
                let goal = three_way(last, running, wanted, keep, &|_| None);
                Ok(DaemonPlan::Mgmtd(mgmtd::edits(running, &goal)))
            }
            Before::Vty(snapshot) => {
                let (part, running) = (&self.vty[&daemon], &snapshot.running);
                let table = part.driver.table();
                plan_vty(table, &part.defaults, last, running, wanted, keep, told)
                    .map(DaemonPlan::Vty)
                    .map_err(|message| EngineError::Refused { message, at: None })
            }
        }
    }

    /// Applies and confirms: first everywhere what is set, then in reverse what goes, so that nothing
    /// names what is not there.
    async fn carry_out(
        &mut self,
        plans: &BTreeMap<Daemon, DaemonPlan>,
        sent: &mut usize,
        done: &mut Done,
    ) -> Result<(), Failure> {
        self.judge(plans).await?;
        for daemon in Daemon::ALL {
            match plans.get(&daemon) {
                Some(DaemonPlan::Mgmtd(edits)) => {
                    *sent += edits.len();
                    done.insert(daemon, Vec::new());
                    let (door, begun) = (Way::of(daemon), Instant::now());
                    let outcome = self.mgmtd.commit(edits, &self.yang);
                    let outcome = in_time(self.by, daemon, mgmtd(outcome)).await;
                    self.observer.stage(Stage::Apply, door, begun.elapsed(), edits.len());
                    debug!(outcome = ?outcome?, "mgmtd");
                    failpoint::hit("mgmtd-committed");
                    let begun = Instant::now();
                    let confirmed = self.mgmtd.confirm(edits, &self.yang);
                    let confirmed = in_time(self.by, daemon, confirmed.map(Ok)).await?;
                    self.observer.stage(Stage::Confirm, door, begun.elapsed(), 0);
                    if let Err(MgmtdError::NotApplied { .. }) = confirmed {
                        self.observer.not_confirmed(door);
                    }
                    confirmed.map_err(|error| mgmtd_failure(&error))?;
                }
                Some(DaemonPlan::Vty(plan)) => {
                    self.apply(daemon, plan, false, None, sent, done).await?;
                }
                None => {}
            }
        }
        for daemon in Daemon::ALL.into_iter().rev() {
            if let Some(DaemonPlan::Vty(plan)) = plans.get(&daemon) {
                self.apply(daemon, plan, true, None, sent, done).await?;
            }
        }
        for (daemon, plan) in plans {
            if let DaemonPlan::Vty(plan) = plan {
                self.confirm(*daemon, plan).await?;
            }
        }
        failpoint::hit("engine-confirmed");
        Ok(())
    }

    /// Sends what sets, or what takes away, and asks the questions behind it. Whether the answers are those that
    /// are wanted; `None` where the daemon was not asked.
    async fn apply(
        &mut self,
        daemon: Daemon,
        plan: &VtyPlan,
        removals: bool,
        questions: Option<&[Question]>,
        sent: &mut usize,
        done: &mut Done,
    ) -> Result<Option<bool>, Failure> {
        let (first, steps) = plan.phase(removals);
        if steps.is_empty() {
            return Ok(None);
        }
        *sent += steps.len();
        let done = done.entry(daemon).or_default();
        let part = self.vty.get_mut(&daemon).expect("only VTY daemons have such plans");
        let begun = Instant::now();
        let asked = questions.unwrap_or_default();
        let carried_out = part.driver.apply(steps, asked, &part.defaults, &self.yang);
        let applied = in_time(self.by, daemon, carried_out.map(Ok)).await;
        self.observer.stage(Stage::Apply, Way::of(daemon), begun.elapsed(), steps.len());
        match applied? {
            Ok(proven) => {
                done.extend(first..first + steps.len());
                Ok(proven.filter(|_| questions.is_some()))
            }
            Err(mut error) => {
                if let ApplyError::Refused { done: carried_out, .. } = &mut error {
                    done.extend(carried_out.drain(..).map(|step| first + step));
                }
                Err(not_applied(daemon, error, steps))
            }
        }
    }

    async fn confirm(&mut self, daemon: Daemon, plan: &VtyPlan) -> Result<(), Failure> {
        let part = self.vty.get_mut(&daemon).expect("only VTY daemons have such plans");
        let lost = |error| Failure::Lost(daemon, chain(&error));
        let begun = Instant::now();
        let shown = part.driver.read(&part.defaults).map_err(lost);
        let shown = in_time(self.by, daemon, shown).await;
        self.observer.stage(Stage::Confirm, Way::of(daemon), begun.elapsed(), 0);
        let shown = shown?;
        let lines = part.driver.table().lines(&shown.running.tree);
        if let Some((step, what)) = plan.unconfirmed(&lines) {
            self.observer.not_confirmed(Way::of(daemon));
            return Err(Failure::Refused(
                format!("{daemon} does not show {what}"),
                Some((daemon, Path::clone(&step.path))),
            ));
        }
        self.remember(daemon, shown);
        Ok(())
    }

    /// Keeps what a daemon was seen to run, until the commit has ended.
    fn remember(&mut self, daemon: Daemon, snapshot: Snapshot) {
        let generation = self.vty.get(&daemon).and_then(|part| part.driver.generation());
        if let Some(generation) = generation {
            self.seen.insert(daemon, (generation, snapshot));
        }
    }

    /// Brings every daemon that was touched back to what it ran before: the inverses of what was
    /// carried out, the last first, and then a comparison with every word that it showed before. Of
    /// `desired` and of what was last applied it takes away what was not there; never anything else.
    async fn undo(
        &mut self,
        plans: &BTreeMap<Daemon, DaemonPlan>,
        before: &BTreeMap<Daemon, Before>,
        done: &Done,
        desired: &Forest,
    ) -> Result<(), String> {
        let mut failed = Vec::new();
        for (daemon, done) in done.iter().rev() {
            let begun = Instant::now();
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
                    let carried_out = done.iter().map(|step| &plan.steps[*step]);
                    let inverse = part.driver.undo(carried_out).await;
                    if let Err(error) = inverse {
                        warn!(%daemon, %error, "undoing step by step failed");
                    }
                    let mut ours = self.last.get(daemon).cloned().unwrap_or_default();
                    desired.get(daemon).into_iter().for_each(|wanted| ours.merge(wanted));
                    let back = part.driver.restore(snapshot, &ours, &part.defaults).await;
                    failed.extend(back.err());
                }
                _ => {}
            }
            self.observer.stage(Stage::Undo, Way::of(*daemon), begun.elapsed(), 0);
        }
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }
}
