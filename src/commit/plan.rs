//! last-applied × running × desired → what is sent to one daemon. Pure.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    SessionChange,
    ownership::{
        Ended, Ending, Facts, Kept, Refusal, Taking, Verdict, Words, decide, objects, only_ours,
    },
};
pub use crate::frr::driver::{DaemonPlan, VtyPlan};
use crate::{
    daemon::Daemon,
    frr::{
        driver::{Target, Unplannable},
        vty::{
            steps::{Command, Step},
            table::{Foreign, LineKey, Running, Table},
        },
    },
    journal::{Remembered, Stood, StoodLine},
    tree::{Edit, Tree, three_way},
};

/// What a commit would do, daemon by daemon; those of which nothing differs are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Difference in YANG and what is sent, in the order in which daemons are changed.
    pub daemons: Vec<(Daemon, Vec<Edit>, DaemonPlan)>,
    /// Daemons whose own gRPC takes what it can of the steps.
    pub grpc: BTreeSet<Daemon>,
    /// Daemons that can't be reached, with why: what they lack is not known.
    pub unreachable: BTreeMap<Daemon, String>,
    /// What becomes of BGP sessions.
    pub sessions: Vec<SessionChange>,
}

/// What one daemon runs, what it shall run, and whose it is.
pub(super) struct Situation<'a> {
    pub(super) daemon: Daemon,
    /// The plan of the daemon's driver.
    pub(super) lead: &'a dyn Fn(Target<'_>) -> Result<DaemonPlan, Unplannable>,
    /// What of ours it runs, as far as was confirmed.
    pub(super) ours: &'a Tree,
    /// Where only a part changes: what that part stood for.
    pub(super) part: Option<&'a Tree>,
    /// What is remembered of whose its objects are.
    pub(super) held: &'a Remembered,
    /// What was taken away and a start-up file has brought back.
    pub(super) returned: &'a Tree,
    pub(super) running: &'a Running,
    pub(super) desired: &'a Tree,
    pub(super) keep: &'a Tree,
    /// Whether the daemon has just started.
    pub(super) starting: bool,
    pub(super) taking: Taking<'a>,
    /// What goes with all that is in it.
    pub(super) forced: &'a Tree,
    /// Whether somebody wants to see the difference of data.
    pub(super) told: bool,
    /// Entries of long lists that are planned at the most.
    pub(super) most: usize,
}

impl Situation<'_> {
    /// What is decided by, where this is what of ours the daemon runs.
    fn facts<'b>(&'b self, ours: &'b Tree, words: Words) -> Facts<'b> {
        Facts {
            ours,
            theirs: &self.held.theirs,
            running: self.running,
            desired: self.desired,
            starting: self.starting,
            taking: self.taking,
            words,
        }
    }
}

/// What is sent to one daemon, and whose what it runs is then.
pub(super) struct Decided {
    pub(super) plan: DaemonPlan,
    /// Of a part: what it stood for that is ours, where that is not all.
    pub(super) last: Option<Tree>,
    /// What of desired is ours to make; `None` where that is all.
    pub(super) desired: Option<Tree>,
    /// What is ours already, where that is more than was known.
    pub(super) ours: Option<Tree>,
    /// Marks of what is declared and theirs.
    pub(super) theirs: Tree,
    /// Marks of what is to be ours.
    pub(super) freed: Tree,
    pub(super) refusals: Vec<Refusal>,
    /// Whether something of theirs is waited for.
    pub(super) waits: bool,
    pub(super) kept: Vec<Kept>,
    /// What a start-up file had brought back.
    pub(super) returned: Tree,
    /// What runs where something declared is not ours.
    pub(super) beside: Tree,
    /// Marks of what is put back by this commit.
    pub(super) put_back: Tree,
    /// What goes, as it ran.
    pub(super) gone: Tree,
    /// What is to be put back one day, and by this commit.
    pub(super) stood: Stood,
    /// What is to be put back one day, after it.
    pub(super) still_stood: Stood,
}

/// Plans one daemon.
///
/// # Errors
/// Data that no command stands for, or something foreign in the way.
pub(super) fn plan(situation: &Situation<'_>) -> Result<Decided, Unplannable> {
    let Situation { daemon, held, running, keep, .. } = *situation;
    let words = Words::of(daemon);
    let mut ours = Cow::Borrowed(situation.ours);
    if !situation.returned.is_empty() {
        ours.to_mut().merge(situation.returned);
    }
    let facts = situation.facts(&ours, words);
    let verdict = decide(&facts);
    let mut stood = held.stood.clone();
    stood.tree.merge(&verdict.stood.tree);
    stood.lines.extend(verdict.stood.lines.iter().cloned());
    let last = match situation.part {
        Some(part) => only_ours(part, &verdict.ours, &held.theirs),
        None => known_ours(&verdict, held),
    };
    let mut goal = goal(daemon, &last, running, &verdict.desired, keep);
    let ending = Ending {
        ours: &last,
        theirs: &held.theirs,
        keep,
        running,
        stood: &stood,
        forced: situation.forced,
        words,
    };
    let Ended { kept, gone, put_back } = ending.correct(&mut goal);
    let appended = ending.lines_back().enumerate().map(|(at, line)| typed(at, line)).collect();
    let still_stood = ending.still_stood();
    let taken = &verdict.stood.lines;
    let foreign = Foreigners { words, forced: situation.forced, taken, running };
    let plan = (situation.lead)(Target {
        running,
        foreign: &foreign.that_stay(),
        goal: &goal,
        wanted: &verdict.desired,
        appended,
        told: situation.told,
        most: situation.most,
    })?;
    let beside = objects::of_marks(&verdict.theirs, &running.tree);
    let last = owned(last);
    let all_known = situation.returned.is_empty() && matches!(verdict.ours, Cow::Borrowed(_));
    Ok(Decided {
        plan,
        last,
        desired: owned(verdict.desired),
        ours: (!all_known).then(|| verdict.ours.into_owned()),
        theirs: verdict.theirs,
        freed: verdict.freed,
        refusals: verdict.refusals,
        waits: verdict.waits,
        kept,
        returned: situation.returned.clone(),
        beside,
        put_back,
        gone,
        stood,
        still_stood,
    })
}

/// What of ours runs: what perhaps was sent counts as ours; what is known to be theirs never does.
fn known_ours<'a>(verdict: &'a Verdict<'_>, held: &Remembered) -> Cow<'a, Tree> {
    let mut known = Cow::Borrowed(&*verdict.ours);
    for (path, kind) in objects::marked(&held.theirs, &verdict.ours) {
        if !objects::is_marked(&verdict.freed, &path) {
            objects::strip(known.to_mut(), &path, kind);
        }
    }
    known
}

/// What the daemon shall run: what is desired beside what is not ours.
fn goal(daemon: Daemon, last: &Tree, running: &Running, desired: &Tree, keep: &Tree) -> Tree {
    let table = Table::of(daemon);
    let default =
        |path: &_| table.and_then(|table: &Table| table.default_of(&running.defaults, path));
    let mut goal = three_way(last, &running.tree, desired, keep, &default);
    if let Some(table) = table {
        table.give_back_defaults(&mut goal, running);
    }
    goal
}

/// A tree that is another than the one that it was made of.
fn owned(tree: Cow<'_, Tree>) -> Option<Tree> {
    match tree {
        Cow::Borrowed(_) => None,
        Cow::Owned(tree) => Some(tree),
    }
}

/// Lines that the table can't read, where some of them go with what is taken away by force.
struct Foreigners<'a> {
    words: Words,
    forced: &'a Tree,
    /// Those of what is taken over now.
    taken: &'a [StoodLine],
    running: &'a Running,
}

impl Foreigners<'_> {
    fn that_stay(&self) -> Cow<'_, [Foreign]> {
        let mut all = Cow::Borrowed(&self.running.foreign[..]);
        objects::each(self.forced, &mut |path, kind| {
            all.to_mut().retain(|line| !self.words.is_inside(path, kind, line));
        });
        if !self.taken.is_empty() {
            let is =
                |line: &Foreign, it: &StoodLine| line.context == it.context && line.text == it.text;
            all.to_mut().retain(|line| !self.taken.iter().any(|it| is(line, it)));
        }
        all
    }
}

/// The step that types a line again that the table can't read. It comes last, when its object is as it was.
fn typed(at: usize, line: &StoodLine) -> Step {
    let command = |text: &str| Command {
        context: line.context.clone().into(),
        text: text.into(),
        opens: false,
    };
    let inverse = match line.text.strip_prefix("no ") {
        Some(text) => text.to_owned(),
        None => format!("no {}", line.text),
    };
    Step {
        key: LineKey { order: usize::MAX, keys: [at.to_string().into()].into() },
        path: Arc::new(line.path.clone()),
        command: command(&line.text),
        inverse: vec![command(&inverse)],
        shows: None,
        makes: false,
    }
}
