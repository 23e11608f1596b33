//! A part of what is desired, planned from what is known since the daemon was read last: it costs what it changes, however
//! much is in the store.
//!
//! Where anything is in doubt nothing is done, and the whole is compared instead.

use std::collections::HashSet;

use super::{
    Engine, EngineError,
    candidate::{Commit, Evidence, Extent, Part, Scope, Share},
    member::Standing,
};
use crate::{
    commit::{
        ownership::{Taking, objects},
        plan::{DaemonPlan, Situation, VtyPlan, plan},
    },
    frr::{
        transport::frr_10_3,
        vty::{Question, steps::Step, table::Running},
    },
    journal::Remembered,
    tree::Tree,
};

/// Questions that are asked for one line of a whole running configuration that would be read instead:
/// bgpd answers one in 40 µs and writes a line in 0.5 µs.
const LINES_PER_QUESTION: usize = 64;

/// Lines that a configuration counts for at least: to read one costs a round trip.
const FEWEST_LINES: usize = 1024;

fn first_two_words(line: &str) -> &str {
    let line = line.trim();
    let end = line.match_indices(' ').nth(1).map_or(line.len(), |(at, _)| at);
    &line[..end]
}

/// Whether to ask so many questions is less work than to read a configuration of so many lines.
fn is_few(questions: usize, lines: usize) -> bool {
    questions * LINES_PER_QUESTION <= lines.max(FEWEST_LINES)
}

/// Whether what a part is about was taken over, or was kept, or may be what a start-up file brings back: to put something back,
/// to leave something of ours, or to tell whose it is takes a look at the whole.
fn is_special(held: &Remembered, shape: &Tree, returns: bool) -> bool {
    let mut special = false;
    objects::each(shape, &mut |path, kind| {
        special |= objects::stands(&held.stood.tree, path, kind)
            || objects::stands(&held.kept, path, kind)
            || returns && held.gone.iter().any(|gone| objects::stands(&gone.tree, path, kind))
            || held.stood.lines.iter().any(|line| line.path == *path);
    });
    special
}

/// What a daemon is asked to confirm the steps; where that is more work than reading all, their lines are looked for.
fn evidence(part: &Part, steps: &[Step], lines: usize) -> Evidence {
    if !is_few(steps.len(), lines) {
        return Evidence::Lines;
    }
    Question::of(steps, &part.last, &part.desired, &part.keep)
        .filter(|questions| is_few(questions.len(), lines))
        .map_or(Evidence::Lines, Evidence::Questions)
}

impl Engine {
    /// The steps, and whose all of it is; `None` where that takes a look at the whole.
    pub(super) fn plan_part(&mut self, part: &Part) -> Result<Option<Share>, EngineError> {
        let Part { daemon, last, desired, keep } = part;
        let member = self.member_mut(*daemon);
        let (none, nothing) = (Tree::new(), Remembered::default());
        let lines = member.lines();
        let held = member.held.as_ref().unwrap_or(&nothing);
        let mut shape = last.clone();
        shape.merge(desired);
        if is_special(held, &shape, member.awaits_start_up_file()) {
            return Ok(None);
        }
        let Standing::Reached { known: Some(known), .. } = &mut member.standing else {
            return Ok(None);
        };
        let ours = member.last.overlap(&shape);
        let mut of_part = Remembered::default();
        of_part.theirs = held.theirs.overlap(&shape);
        let mut tree = ours.clone();
        tree.merge(&known.others.tree.overlap(&shape));
        let foreign = std::mem::take(&mut known.others.foreign);
        let Running { version, defaults, spelling, .. } = &known.others;
        let (version, defaults) = (version.clone(), defaults.clone());
        let spelling = spelling.clone();
        let running = Running { tree, foreign, version, defaults, spelling, ..Running::default() };
        let driver = &member.driver;
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
            most: usize::MAX,
        };
        let decided = plan(&situation);
        known.others.foreign = running.foreign;
        // What is in the way may be gone since: a look at the whole says so, or what it is.
        let Ok(mut decided) = decided else { return Ok(None) };
        let plan = std::mem::replace(&mut decided.plan, DaemonPlan::Edits(Vec::new()));
        let DaemonPlan::Commands(VtyPlan { steps, .. }) = &plan else { return Ok(None) };
        let shared = steps.iter().any(|step| known.others.tree.contains(&step.path));
        if shared || !decided.kept.is_empty() {
            return Ok(None);
        }
        // What is theirs and satisfies is asked for as well.
        let evidence = evidence(part, steps, lines);
        let forgets = !decided.gone.is_empty();
        let incarnation = if forgets { member.driver.start().incarnation } else { 0 };
        Ok(Some(Share { evidence, incarnation, ..Share::new(plan, decided) }))
    }

    /// Whether what a part is to make anew is not there since somebody has typed it after the last look at all that runs:
    /// then it is theirs. On FRR 10.3 also whether no aggregate suppresses a network that changes: bgpd would crash.
    pub(super) async fn is_still_free(&mut self, commit: &Commit<'_>) -> bool {
        let Scope::Objects(Part { daemon, .. }) = commit.scope else { return true };
        let Some(DaemonPlan::Commands(VtyPlan { steps, .. })) =
            commit.shares.get(&daemon).map(|share| &share.plan)
        else {
            return true;
        };
        let member = self.member_mut(daemon);
        let is_new = |step: &&Step| step.shows.is_some() && !member.last.contains(&step.path);
        let new: Vec<&Step> = steps.iter().filter(is_new).collect();
        let Some(mut questions) = Question::whether_free(new.iter().map(|step| &*step.path)) else {
            return false;
        };
        if member.known().is_some_and(|known| frr_10_3::is(&known.others)) {
            let changes = |step: &&Step| step.shows.is_some() && member.last.contains(&step.path);
            let changed = steps.iter().filter(changes).map(|step| &*step.path);
            match Question::whether_unsuppressed(changed) {
                Some(more) if is_few(questions.len() + more.len(), member.lines()) => {
                    questions.extend(more);
                }
                Some(none) if none.is_empty() => {}
                _ => return false,
            }
        }
        if questions.is_empty() {
            return true;
        }
        if is_few(questions.len(), member.lines()) {
            // Who is away is found out when the lines are sent.
            return member.driver.proves(&questions).await.unwrap_or(true);
        }
        let Ok(Some(text)) = member.driver.text().await else { return true };
        let shown: HashSet<&str> = text.lines().map(first_two_words).collect();
        !new.iter().any(|step| shown.contains(first_two_words(&step.command.text)))
    }

    /// Whether FRR still has a part that is asked for again; where it can't be asked for that alone, that takes the whole.
    pub(super) async fn still_has(&mut self, commit: &Commit<'_>) -> Extent {
        for (daemon, share) in &commit.shares {
            let proven = match share.evidence.questions() {
                Some(questions) => self.driver(*daemon).proves(questions).await,
                None => Ok(false),
            };
            if proven != Ok(true) {
                return Extent::TakesTheWhole;
            }
        }
        Extent::Enough
    }
}
