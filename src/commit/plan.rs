//! last-applied × running × desired → what is sent to one daemon. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    daemon::Daemon,
    frr::vty::{
        redact,
        steps::{InTheWay, Step, spelled, steps},
        table::{Line, NoLine, Running, Table},
    },
    tree::{Edit, Path, Tree, diff, three_way},
};

/// What a commit would do, daemon by daemon; those of which nothing differs are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Difference in YANG and what is sent, in the order in which daemons are changed.
    pub daemons: Vec<(Daemon, Vec<Edit>, DaemonPlan)>,
    /// Daemons whose own gRPC takes what it can of the steps.
    pub grpc: BTreeSet<Daemon>,
    /// Daemons that can't be reached, with why: nobody knows what they lack.
    pub unreachable: BTreeMap<Daemon, String>,
}

/// What is sent to one daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaemonPlan {
    /// Edits of mgmtd's running configuration.
    Mgmtd(Vec<Edit>),
    /// Commands.
    Vty(VtyPlan),
}

impl DaemonPlan {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Mgmtd(edits) => edits.is_empty(),
            Self::Vty(plan) => plan.steps.is_empty(),
        }
    }
}

/// Why a daemon can't be planned, and which data is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unplannable {
    pub(super) message: String,
    pub(super) path: Path,
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
    /// Where those begin that take away for good.
    removals: usize,
}

impl VtyPlan {
    /// The steps that set, or those that take away, and the index of the first of them.
    pub fn phase(&self, removals: bool) -> (usize, &[Step]) {
        let (set, gone) = self.steps.split_at(self.removals);
        if removals { (self.removals, gone) } else { (0, set) }
    }

    /// These steps alone, all of which set or all of which take away.
    pub fn only(&self, which: &[usize]) -> Self {
        let steps: Vec<Step> = which.iter().map(|at| self.steps[*at].clone()).collect();
        let are_removals = which.first().is_some_and(|at| *at >= self.removals);
        let removals = if are_removals { 0 } else { steps.len() };
        Self { steps, diff: Vec::new(), removals }
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
            let text = found.map(|at| shown[at].text.as_str());
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

/// Plans one daemon that is configured over its VTY; `told` where somebody wants to see the difference of data.
///
/// # Errors
/// Data that no command stands for, or something of somebody else's in the way.
pub(super) fn plan_vty(
    table: &Table,
    last: &Tree,
    running: &Running,
    wanted: &Tree,
    keep: &Tree,
    told: bool,
) -> Result<VtyPlan, Unplannable> {
    let default = |path: &_| table.default_of(&running.defaults, path);
    let mut goal = three_way(last, &running.tree, wanted, keep, &default);
    table.give_back_defaults(&mut goal, running);
    table.hold_instance(&mut goal, &running.tree);
    if goal == running.tree {
        return Ok(VtyPlan { steps: Vec::new(), diff: Vec::new(), removals: 0 });
    }
    let before = table.lines(&running.tree);
    let after = table.lines_with(&goal, wanted)?;
    let mut steps = steps(&before, &after, &running.foreign)?;
    spelled(&mut steps, &running.spelling);
    let trailing = steps.iter().rev().take_while(|step| step.shows.is_none()).count();
    // An instance that is made anew goes first and is no removal for good.
    let removals = steps.len() - trailing;
    let diff = if told { diff(&running.tree, &goal) } else { Vec::new() };
    Ok(VtyPlan { steps, diff, removals })
}
