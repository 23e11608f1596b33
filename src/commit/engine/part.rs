//! A commit of a part of what is desired: it costs what it changes, however much is in the store.
//!
//! Works from what is known since the daemon was read last (`last` is ours, [`Known`] the rest), sends the
//! difference, and asks for what was changed alone. Where anything is in doubt it does nothing, and the
//! whole is compared instead.

use std::{collections::BTreeMap, sync::Arc};

use tokio::time::Instant;
use tracing::{debug, warn};

use super::{
    Applied, COMMIT_DEADLINE, Done, Engine, EngineError, Failure, Judged, Notes, RESYNC_DEADLINE,
    Stage, Way, in_time, undone_in_time,
};
use crate::{
    commit::{
        ownership::{Taking, objects},
        plan::{DaemonPlan, Decided, Situation, VtyPlan, plan},
    },
    daemon::Daemon,
    failpoint,
    frr::{
        driver::{Before, Phase, Proof, Proven, Unplannable},
        vty::{Question, Snapshot, steps::Step, table::Running},
    },
    journal::{Claim, Claims, Gone, Remembered},
    tree::{Tree, advance, without},
};

/// Questions that are asked for one line of a whole running configuration that would be read instead:
/// bgpd answers one in 40 µs and writes a line in 0.5 µs.
const LINES_PER_QUESTION: usize = 64;

/// Lines that a configuration counts for at least: to read one costs a round trip.
const FEWEST_LINES: usize = 1024;

/// A part of what one daemon shall run.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which daemon.
    pub daemon: Daemon,
    /// What the intents that change stood for.
    pub last: Tree,
    /// What they stand for now. Shared with libyang's thread while it is judged.
    pub desired: Arc<Tree>,
    /// What stays of `last`: all of `desired`, and what others use.
    pub keep: Tree,
}

/// A [`Part`] that libyang is judging: in the meantime its transaction can go to disk.
pub struct Judging {
    part: Part,
    judged: Judged,
}

/// What a daemon ran beside what is ours when it was read last.
#[derive(Debug)]
pub(super) struct Known {
    /// The connection on which it was read.
    generation: u64,
    /// What the table knows and is not ours, and what it does not know.
    others: Running,
    /// Lines of the configuration, about.
    lines: usize,
    /// Of the configuration's text, unless something was changed since.
    digest: Option<u32>,
}

fn first_two_words(line: &str) -> &str {
    let line = line.trim();
    let end = line.match_indices(' ').nth(1).map_or(line.len(), |(at, _)| at);
    &line[..end]
}

impl Known {
    pub(super) fn new(generation: u64, snapshot: Snapshot, ours: &Tree) -> Self {
        let Snapshot { text, running } = snapshot;
        let tree = without(&running.tree, ours);
        Self {
            generation,
            others: Running { tree, ..running },
            lines: text.lines().count(),
            digest: Some(crc32fast::hash(text.as_bytes())),
        }
    }
}

impl Engine {
    /// Has libyang judge a part, which it begins at once. `None` where it takes a look at the whole.
    pub fn judge_part(&self, part: Part) -> Option<Judging> {
        if !self.knows(part.daemon) {
            return None;
        }
        let judged = self.validate([part.desired.clone()]);
        Some(Judging { part, judged })
    }

    /// Makes FRR run a part that libyang finds valid. `None` where that takes a look at the whole; then nothing
    /// was done.
    ///
    /// # Errors
    /// libyang's or FRR's words; everything that was done is undone.
    pub async fn commit_part(
        &mut self,
        judging: Judging,
        notes: &mut dyn Notes,
    ) -> Result<Option<Applied>, EngineError> {
        self.by = Some(Instant::now() + COMMIT_DEADLINE);
        let applied = Box::pin(self.commit_part_in_time(judging, notes)).await;
        self.by = None;
        applied
    }

    async fn commit_part_in_time(
        &mut self,
        judging: Judging,
        notes: &mut dyn Notes,
    ) -> Result<Option<Applied>, EngineError> {
        let Judging { mut part, judged } = judging;
        let daemon = part.daemon;
        let begun = Instant::now();
        // Changes nothing, and libyang takes longer.
        let planned = self.plan_part(&part);
        judged.await?;
        self.observer.stage(Stage::Validate, Way::Agent, begun.elapsed(), 0);
        let Some((plan, mut decided)) = planned? else { return Ok(None) };
        if !decided.refusals.is_empty() {
            let first = decided.refusals.first().map(|refusal| (daemon, refusal.path.clone()));
            let mut messages: Vec<&str> = Vec::new();
            for refusal in &decided.refusals {
                if !messages.contains(&&*refusal.message) {
                    messages.push(&refusal.message);
                }
            }
            return Err(EngineError::Refused { message: messages.join("; "), at: first });
        }
        failpoint::hit("engine-planned");
        let DaemonPlan::Commands(VtyPlan { steps, .. }) = &plan else { return Ok(None) };
        if !self.is_still_free(&part, steps).await {
            debug!(%daemon, "somebody has typed what is to be set");
            return Ok(None);
        }
        let claims = self.claims_of_part(daemon, &decided, !plan.is_empty());
        let former = self.remembered_of(&claims);
        self.claim(notes, &claims).await?;
        if let Some(ours) = decided.last.take() {
            part.last = ours;
        }
        // What is theirs and satisfies is asked for as well.
        let questions = self.questions(&part, steps);
        if let Some(ours) = decided.desired.take() {
            part.desired = Arc::new(ours);
        }
        let mut applied = Applied { sent: 0, unreachable: BTreeMap::new() };
        if plan.is_empty() {
            // A call that is repeated: does FRR still have it?
            let holds = self.is_answered(daemon, questions.as_deref()).await;
            return Ok((holds == Some(true)).then_some(applied));
        }
        let mut done = Done::new();
        let carried_out =
            self.carry_out_part(daemon, &plan, questions, &mut applied.sent, &mut done).await;
        match carried_out {
            Ok(()) => {
                let ours = self.last.entry(daemon).or_default();
                advance(ours, &part.last, &part.desired, &part.keep, &|_| None);
                if let Some(known) = self.known.get_mut(&daemon) {
                    known.lines = (known.lines + plan.len(Phase::Set))
                        .saturating_sub(plan.len(Phase::Remove));
                    known.digest = None;
                }
                Ok(Some(applied))
            }
            Err(Failure::Lost(daemon, why)) => {
                warn!(%daemon, why, "lost while applying");
                self.perhaps_ours(daemon, &part.desired);
                self.away.insert(daemon, why.clone());
                applied.unreachable.insert(daemon, why);
                Ok(Some(applied))
            }
            Err(Failure::Refused(message, at)) => {
                failpoint::hit("engine-undoing");
                match undone_in_time(self.undo_part(&part, &plan, &done)).await {
                    Ok(()) => {
                        failpoint::hit("engine-undone");
                        self.disclaim(notes, &claims, &former).await;
                        Err(EngineError::Refused { message, at })
                    }
                    Err(undo) => {
                        self.perhaps_ours(daemon, &part.desired);
                        Err(EngineError::NotUndone { message, undo })
                    }
                }
            }
        }
    }

    /// Whether what the daemon runs is known: it was read, on the connection that there still is.
    fn knows(&self, daemon: Daemon) -> bool {
        let connection = self.drivers.get(&daemon).and_then(|driver| driver.connection());
        let known = self.known.get(&daemon).map(|known| known.generation);
        known.is_some() && connection == known
    }

    /// The steps, and whose all of it is; `None` where that takes a look at the whole.
    fn plan_part(&mut self, part: &Part) -> Result<Option<(DaemonPlan, Decided)>, EngineError> {
        let Part { daemon, last, desired, keep } = part;
        let (Some(driver), Some(known)) = (self.drivers.get(daemon), self.known.get_mut(daemon))
        else {
            return Ok(None);
        };
        let (none, nothing) = (Tree::new(), Remembered::default());
        let held = self.held.get(daemon).unwrap_or(&nothing);
        let mut shape = last.clone();
        shape.merge(desired);
        // To put something back, or to leave something of ours, takes a look at the whole.
        let mut special = false;
        objects::each(&shape, &mut |path, kind| {
            special |= objects::stands(&held.stood.tree, path, kind)
                || objects::stands(&held.kept, path, kind)
                || held.stood.lines.iter().any(|line| line.path == *path);
        });
        if special {
            return Ok(None);
        }
        let ours = self.last.get(daemon).map(|ours| ours.overlap(&shape)).unwrap_or_default();
        let mut of_part = Remembered::default();
        of_part.theirs = held.theirs.overlap(&shape);
        let mut tree = ours.clone();
        tree.merge(&known.others.tree.overlap(&shape));
        let foreign = std::mem::take(&mut known.others.foreign);
        let (defaults, spelling) = (known.others.defaults.clone(), known.others.spelling.clone());
        let running = Running { tree, foreign, defaults, spelling, ..Running::default() };
        let situation = Situation {
            daemon: *daemon,
            lead: &|target| driver.plan(target),
            ours: &ours,
            part: Some(last),
            held: &of_part,
            returned: &none,
            running: &running,
            desired,
            keep,
            // What was read on this connection is there.
            starting: false,
            taking: Taking::Nothing,
            forced: &none,
            told: false,
        };
        let decided = plan(&situation);
        known.others.foreign = running.foreign;
        let mut decided = decided.map_err(|Unplannable { message, path }| {
            EngineError::Refused { message, at: Some((*daemon, path)) }
        })?;
        let plan = std::mem::replace(&mut decided.plan, DaemonPlan::Edits(Vec::new()));
        let DaemonPlan::Commands(commands) = &plan else { return Ok(None) };
        let shared = commands.steps.iter().any(|step| known.others.tree.contains(&step.path));
        Ok((!shared && decided.kept.is_empty()).then_some((plan, decided)))
    }

    /// Whether what is to be made anew is not there since somebody has typed it after the last look at all that runs:
    /// then it is theirs.
    async fn is_still_free(&mut self, part: &Part, steps: &[Step]) -> bool {
        let ours = self.last.get(&part.daemon);
        let is_new = |path: &_| ours.is_none_or(|ours| !ours.contains(path));
        let new: Vec<_> =
            steps.iter().filter(|step| step.shows.is_some() && is_new(&step.path)).collect();
        let Some(questions) = Question::whether_free(new.iter().map(|step| &*step.path)) else {
            return false;
        };
        if questions.is_empty() {
            return true;
        }
        let lines = self.known.get(&part.daemon).map_or(0, |known| known.lines).max(FEWEST_LINES);
        if questions.len() * LINES_PER_QUESTION <= lines {
            let asked = self.driver(part.daemon).proves(&questions).await;
            // Who is away is found out when the lines are sent.
            return asked.unwrap_or(true);
        }
        let Ok(Some(text)) = self.driver(part.daemon).text().await else { return true };
        let shown: std::collections::HashSet<&str> = text.lines().map(first_two_words).collect();
        !new.iter().any(|step| shown.contains(first_two_words(&step.command.text)))
    }

    /// What changes of what is remembered.
    fn claims_of_part(&self, daemon: Daemon, decided: &Decided, touching: bool) -> Claims {
        let nothing = Tree::new();
        let held = self.held.get(&daemon).map_or(&nothing, |held| &held.theirs);
        let mut gone = Vec::new();
        if !decided.gone.is_empty() {
            gone.push(Gone { incarnation: self.incarnation(daemon), tree: decided.gone.clone() });
        }
        let claim = Claim {
            theirs: without(&decided.theirs, held),
            freed: decided.freed.clone(),
            gone,
            ..Claim::default()
        };
        let mut claims = Claims { touching, ..Claims::default() };
        if claim != Claim::default() {
            claims.daemons.insert(daemon, claim);
        }
        claims
    }

    /// What bgpd is asked to confirm the plan; `None` where that is more work than reading all.
    fn questions(&self, part: &Part, steps: &[Step]) -> Option<Vec<Question>> {
        let lines = self.known.get(&part.daemon).map_or(0, |known| known.lines).max(FEWEST_LINES);
        let few = |count: usize| count * LINES_PER_QUESTION <= lines;
        if !few(steps.len()) {
            return None;
        }
        Question::of(steps, &part.last, &part.desired, &part.keep)
            .filter(|questions| few(questions.len()))
    }

    /// Whether the daemon's answers are those that are wanted; `None` where it was not asked or did not
    /// answer.
    async fn is_answered(
        &mut self,
        daemon: Daemon,
        questions: Option<&[Question]>,
    ) -> Option<bool> {
        self.driver(daemon).proves(questions?).await.ok()
    }

    /// Sends and confirms.
    async fn carry_out_part(
        &mut self,
        daemon: Daemon,
        plan: &DaemonPlan,
        questions: Option<Vec<Question>>,
        sent: &mut usize,
        done: &mut Done,
    ) -> Result<(), Failure> {
        self.ask_for(daemon, plan).await?;
        // They are about the end, and so go with what is sent last.
        let (set, gone) = match plan.len(Phase::Remove) {
            0 => (questions.as_deref(), None),
            _ => (None, questions.as_deref()),
        };
        let mut proven = self.apply(daemon, plan, Phase::Set, set, sent, done).await?;
        if plan.len(Phase::Remove) > 0 {
            proven = self.apply(daemon, plan, Phase::Remove, gone, sent, done).await?;
        }
        let proof = match (proven, &questions) {
            (Proven::Yes, _) => None,
            (Proven::No, _) => Some(Proof::Whole),
            (Proven::NotAsked, Some(questions)) => Some(Proof::Questions(questions)),
            (Proven::NotAsked, None) => Some(Proof::Lines),
        };
        if let Some(proof) = proof {
            self.confirm(daemon, plan, proof).await?;
        }
        self.seen.clear();
        failpoint::hit("engine-confirmed");
        Ok(())
    }

    /// Whether FRR still runs what it was brought to, and what others had beside it: then there is nothing
    /// to compare. Costs a look at the text of each configuration, unless something was changed since
    /// the last look.
    pub async fn is_in_step(&mut self) -> bool {
        // A daemon that does not say so in time does not: the comparison of all says why.
        tokio::time::timeout(COMMIT_DEADLINE, self.compare_all()).await.unwrap_or_default()
    }

    async fn compare_all(&mut self) -> bool {
        if !self.in_step
            || self.is_one_away()
            || self.awaits_start_up_file()
            || !self.waiting.is_empty()
        {
            return false;
        }
        for daemon in Daemon::ALL {
            let none_is_ours = self.last.get(&daemon).is_none_or(Tree::is_empty);
            let nothing = none_is_ours && !self.held.contains_key(&daemon);
            if nothing || self.unusable(daemon).is_some() {
                continue;
            }
            let same = match self.driver(daemon).text().await {
                Ok(Some(text)) => self.is_as_known(daemon, &text),
                Ok(None) => self.has_all(daemon).await,
                Err(_) => false,
            };
            if !same {
                return false;
            }
        }
        !self.has_strayed().await
    }

    fn is_as_known(&mut self, daemon: Daemon, text: &str) -> bool {
        if !self.knows(daemon) {
            return false;
        }
        let (Some(driver), Some(known)) = (self.drivers.get(&daemon), self.known.get_mut(&daemon))
        else {
            return false;
        };
        let digest = Some(crc32fast::hash(text.as_bytes()));
        if known.digest.is_none() {
            let running = driver.parse(text);
            let mut expected = self.last.get(&daemon).cloned().unwrap_or_default();
            expected.merge(&known.others.tree);
            if running.tree == expected && running.foreign == known.others.foreign {
                known.lines = text.lines().count();
                known.digest = digest;
            }
        }
        known.digest == digest
    }

    async fn has_all(&mut self, daemon: Daemon) -> bool {
        let Ok(Snapshot { running, .. }) = self.driver(daemon).read().await else { return false };
        let running = running.tree;
        let none = Tree::new();
        let ours = self.last.get(&daemon).unwrap_or(&none);
        if !running.includes(ours) {
            return false;
        }
        if let Some(held) = self.held.get(&daemon) {
            let same = self.beside.as_ref() == Some(&objects::of_marks(&held.theirs, &running));
            // What was taken away and somebody has typed since is theirs.
            let typed = held.gone.iter().any(|gone| {
                let mut typed = false;
                objects::each(&gone.tree, &mut |path, _| typed |= running.contains(path));
                typed
            });
            if !same || typed {
                return false;
            }
        }
        let Some(driver) = self.drivers.get_mut(&daemon) else { return false };
        let by = Some(Instant::now() + RESYNC_DEADLINE);
        let apart = in_time(by, daemon, driver.reconcile(ours, ours, ours)).await;
        apart.is_ok_and(|not_shown| not_shown.is_empty())
    }

    /// Takes back what was carried out, and compares the whole with what was known before.
    async fn undo_part(
        &mut self,
        part: &Part,
        plan: &DaemonPlan,
        done: &Done,
    ) -> Result<(), String> {
        let daemon = part.daemon;
        let Some(done) = done.get(&daemon) else { return Ok(()) };
        let Some(known) = self.known.get(&daemon) else { return Err("nothing known".to_owned()) };
        let begun = Instant::now();
        let mut before = self.last.get(&daemon).cloned().unwrap_or_default();
        let mut ours = before.clone();
        ours.merge(&part.desired);
        before.merge(&known.others.tree);
        let before = Before::Meaning(&before);
        let back = self.driver(daemon).undo(plan, done, before, &ours).await;
        self.observer.stage(Stage::Undo, Way::of(daemon), begun.elapsed(), 0);
        back
    }
}
