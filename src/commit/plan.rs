//! last-applied × running × desired → what is sent to one daemon. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    daemon::Daemon,
    frr::vty::{
        redact,
        steps::{Step, steps},
        table::{Defaults, Line, Running, Table},
    },
    tree::{Edit, Tree, diff, three_way},
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

    /// The first step whose effect the daemon does not show, and that in words without secrets.
    pub fn unconfirmed(&self, shown: &[Line]) -> Option<(&Step, String)> {
        // The last step about an object is the one whose effect stands.
        let last: BTreeMap<_, _> =
            self.steps.iter().enumerate().map(|(at, step)| (&step.key, at)).collect();
        self.steps.iter().enumerate().find_map(|(at, step)| {
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
/// Data that no command stands for, or something of somebody else's in the way; in words.
pub(super) fn plan_vty(
    table: &Table,
    defaults: &Defaults,
    last: &Tree,
    running: &Running,
    wanted: &Tree,
    keep: &Tree,
    told: bool,
) -> Result<VtyPlan, String> {
    let default = |path: &_| table.default_of(defaults, path);
    let mut goal = three_way(last, &running.tree, wanted, keep, &default);
    table.hold_instance(&mut goal, &running.tree);
    if goal == running.tree {
        return Ok(VtyPlan { steps: Vec::new(), diff: Vec::new(), removals: 0 });
    }
    let before = table.lines(&running.tree);
    let after = table.lines_with(&goal, wanted).map_err(|error| error.to_string())?;
    let steps = steps(&before, &after, &running.foreign).map_err(|error| error.to_string())?;
    let trailing = steps.iter().rev().take_while(|step| step.shows.is_none()).count();
    // An instance that is made anew goes first and is no removal for good.
    let removals = steps.len() - trailing;
    let diff = if told { diff(&running.tree, &goal) } else { Vec::new() };
    Ok(VtyPlan { steps, diff, removals })
}
