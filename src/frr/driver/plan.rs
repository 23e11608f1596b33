//! What is sent to one daemon. Pure.

use std::collections::BTreeMap;

use super::cut::{count, cut};
use crate::{
    frr::vty::{
        redact,
        steps::{InTheWay, Step, spelled, steps as lead},
        table::{Foreign, Line, NoLine, Running, Table},
    },
    tree::{Edit, Path, Tree, diff},
};

/// What is sent to one daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaemonPlan {
    /// Edits of the running configuration, in one transaction.
    Edits(Vec<Edit>),
    /// Commands.
    Commands(VtyPlan),
}

impl DaemonPlan {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Edits(edits) => edits.is_empty(),
            Self::Commands(plan) => plan.steps.is_empty(),
        }
    }

    /// Whether something is left for another plan.
    pub fn is_postponed(&self) -> bool {
        match self {
            Self::Edits(_) => false,
            Self::Commands(plan) => plan.postponed,
        }
    }

    /// Indexes of the commands of a phase; edits are one transaction, and have none.
    pub fn indexes(&self, phase: Phase) -> std::ops::Range<usize> {
        match self {
            Self::Edits(_) => 0..0,
            Self::Commands(plan) => {
                let (first, steps) = plan.phase(phase);
                first..first + steps.len()
            }
        }
    }

    /// Where the data of a command is.
    pub fn path(&self, index: usize) -> Option<&Path> {
        match self {
            Self::Edits(_) => None,
            Self::Commands(plan) => plan.steps.get(index).map(|step| &*step.path),
        }
    }

    /// How many commands or edits a phase has. Edits are one transaction, in which nothing is set before anything goes.
    pub fn len(&self, phase: Phase) -> usize {
        match (self, phase) {
            (Self::Edits(edits), Phase::Set) => edits.len(),
            (Self::Edits(_), Phase::Remove) => 0,
            (Self::Commands(plan), phase) => plan.phase(phase).1.len(),
        }
    }
}

/// A part of a plan: first everywhere what is set, then in reverse what goes, so that nothing names what is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// What sets.
    Set,
    /// What takes away.
    Remove,
}

/// What a plan leads to.
#[derive(Debug)]
pub struct Target<'a> {
    /// What the daemon runs.
    pub running: &'a Running,
    /// Those of the lines that the table can't read that stay.
    pub foreign: &'a [Foreign],
    /// What it shall run.
    pub goal: &'a Tree,
    /// All that is declared of that.
    pub wanted: &'a Tree,
    /// Steps that come behind all others.
    pub appended: Vec<Step>,
    /// Whether the difference of data is asked for.
    pub told: bool,
    /// Entries of long lists that are planned at the most; the rest is left for another plan.
    pub most: usize,
}

/// Why a daemon can't be planned, and which data is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplannable {
    /// In words.
    pub message: String,
    /// Where the data is.
    pub path: Path,
}

impl From<NoLine> for Unplannable {
    fn from(error: NoLine) -> Self {
        let message = error.to_string();
        Self { message, path: error.paths.into_iter().next().unwrap_or_default() }
    }
}

impl From<InTheWay> for Unplannable {
    fn from(error: InTheWay) -> Self {
        Self { message: error.to_string(), path: error.path().clone() }
    }
}

/// Commands for one daemon: all that is set, then all that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VtyPlan {
    /// The steps.
    pub steps: Vec<Step>,
    /// The same as a difference of data, where it is asked for: it takes as much room as the steps.
    pub diff: Vec<Edit>,
    /// Whether something is left for another plan.
    pub postponed: bool,
    /// Where those begin that take away for good.
    removals: usize,
}

/// Plans in which all of a long list comes, at the most: each looks at all that runs.
const PIECES: usize = 4;

/// The commands that lead to a target.
///
/// # Errors
/// Data that no command stands for, or something foreign in the way.
pub fn plan_commands(table: &Table, target: &Target<'_>) -> Result<VtyPlan, Unplannable> {
    let Target { running, foreign, goal, wanted, appended, told, most } = target;
    let (told, most) = (*told, *most);
    let (mut steps, mut postponed) = (Vec::new(), false);
    if **goal != running.tree {
        let cut = cut(&running.tree, goal, wanted, most.max(count(goal) / PIECES));
        let (from, to, wanted) = match &cut {
            Some(cut) => (&cut.running, &cut.goal, &cut.wanted),
            None => (&running.tree, *goal, *wanted),
        };
        postponed = cut.as_ref().is_some_and(|cut| cut.postponed);
        let before = table.lines(from);
        let after = table.lines_with(to, wanted)?;
        steps = lead(&before, &after, foreign)?;
        spelled(&mut steps, &running.spelling);
    }
    steps.extend(appended.iter().cloned());
    let trailing = steps.iter().rev().take_while(|step| step.shows.is_none()).count();
    // An instance that is made anew goes first and is no removal for good.
    let removals = steps.len() - trailing;
    let diff = if told { diff(&running.tree, goal) } else { Vec::new() };
    Ok(VtyPlan { steps, diff, postponed, removals })
}

impl VtyPlan {
    /// The steps of a phase, and the index of the first of them.
    pub fn phase(&self, phase: Phase) -> (usize, &[Step]) {
        let (set, gone) = self.steps.split_at(self.removals);
        match phase {
            Phase::Set => (0, set),
            Phase::Remove => (self.removals, gone),
        }
    }

    /// These steps alone, all of which are of one phase.
    #[must_use]
    pub fn only(&self, phase: Phase, which: &[usize]) -> Self {
        let steps: Vec<Step> = which.iter().map(|at| self.steps[*at].clone()).collect();
        let removals = match phase {
            Phase::Set => steps.len(),
            Phase::Remove => 0,
        };
        Self { steps, diff: Vec::new(), postponed: false, removals }
    }

    /// The steps whose effect the daemon does not show, each with that in words without secrets.
    pub fn unconfirmed(&self, shown: &[Line]) -> impl Iterator<Item = (&Step, String)> {
        // The last step about an object is the one whose effect stands.
        let last: BTreeMap<_, _> =
            self.steps.iter().enumerate().map(|(at, step)| (&step.key, at)).collect();
        self.steps.iter().enumerate().filter_map(move |(at, step)| {
            if last[&step.key] != at {
                return None;
            }
            let found = shown.binary_search_by(|line| line.key.cmp(&step.key)).ok();
            let text = found.map(|at| &*shown[at].text);
            (text != step.shows.as_deref()).then(|| {
                let what = match (&step.shows, text) {
                    (Some(wanted), None) => format!("{:?}", redact(wanted)),
                    (Some(wanted), Some(other)) => {
                        format!("{:?} but {:?}", redact(wanted), redact(other))
                    }
                    (None, _) => format!("that {:?} was carried out", redact(&step.command.text)),
                };
                (step, what)
            })
        })
    }
}
