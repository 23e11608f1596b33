//! What of ours stays since it holds something of theirs, and what is put back where something taken over ends. Pure.

use super::{
    objects::{self, Kind},
    rival::rivals,
    words::Words,
};
use crate::{
    frr::vty::{
        redact,
        table::{Foreign, Running},
    },
    journal::{Stood, StoodLine},
    model::IntentKey,
    tree::{Node, Path, Step, Tree},
};

/// An object of ours that is no longer declared, and stays since it holds something of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Which.
    pub path: Path,
    pub(super) kind: Kind,
    /// What of it is ours.
    pub(super) own: Tree,
    /// Their lines; never a secret.
    pub lines: Vec<String>,
}

/// What becomes of what ends.
#[derive(Debug, Clone, Default)]
pub(in crate::commit) struct Ended {
    /// What stays since it holds something of theirs.
    pub kept: Vec<Kept>,
    /// What goes, as it ran.
    pub gone: Tree,
    /// Marks of what is put back.
    pub put_back: Tree,
}

/// What ends with a commit.
pub(in crate::commit) struct Ending<'a> {
    /// What of ours the daemon runs.
    pub ours: &'a Tree,
    /// Marks of what we did not make.
    pub theirs: &'a Tree,
    /// What stays desired.
    pub keep: &'a Tree,
    /// What the daemon runs.
    pub running: &'a Running,
    /// What stood where objects were taken over.
    pub stood: &'a Stood,
    /// Objects that `admin` has taken away with all that is in them.
    pub forced: &'a Tree,
    /// How the daemon says things.
    pub words: Words,
}

impl Ending<'_> {
    /// Corrects the goal: objects that hold something of theirs stay in it, and what was taken over is put back.
    pub(in crate::commit) fn correct(&self, goal: &mut Tree) -> Ended {
        let mut ended = Ended::default();
        let stands = objects::stands;
        let mut going = objects::beyond(self.ours, self.keep);
        going.retain(|(path, kind)| !stands(self.keep, path, *kind));
        // What holds others is looked at when these are decided.
        for (path, kind) in going.into_iter().rev() {
            if !stands(&self.running.tree, &path, kind) || stands(&self.stood.tree, &path, kind) {
                continue;
            }
            if objects::is_marked(self.theirs, &path) {
                // It is theirs: what was ours stood in it.
                if kind == Kind::Process {
                    goal.ensure(&path.0);
                }
                continue;
            }
            let running = objects::own(&self.running.tree, &path, kind);
            if stands(self.forced, &path, kind) {
                objects::strip(goal, &path, kind);
            } else if let Some(lines) = self.theirs_in(goal, &path, kind) {
                let (mut own, mut ours) = (running, objects::own(self.ours, &path, kind));
                if kind == Kind::Neighbor && ours.child(BFD).is_some() {
                    own.put(&BFD.into(), None);
                    ours.put(&BFD.into(), None);
                    goal.remove(&path.join(Step::plain(BFD)));
                }
                objects::put(goal, &path, kind, &own);
                ended.kept.push(Kept { path, kind, own: ours, lines });
                continue;
            }
            if !stands(goal, &path, kind) {
                let own = objects::own(&self.running.tree, &path, kind);
                objects::put(&mut ended.gone, &path, kind, &own);
            }
        }
        let mut put_back = Vec::new();
        objects::each(&self.stood.tree, &mut |path, kind| {
            if self.has_ended(path, kind) {
                put_back.push((path.clone(), kind));
            }
        });
        for (path, kind) in put_back {
            objects::strip(goal, &path, kind);
            objects::put(goal, &path, kind, &objects::own(&self.stood.tree, &path, kind));
            objects::mark(&mut ended.put_back, &path);
        }
        ended
    }

    /// Lines that the table can't read and that are to be put back: those of what was taken over and ends.
    pub(in crate::commit) fn lines_back(&self) -> impl Iterator<Item = &StoodLine> {
        self.stood.lines.iter().filter(|line| {
            let is = |f: &Foreign| f.context == line.context && f.text == line.text;
            !self.keep.contains(&line.path) && !self.running.foreign.iter().any(is)
        })
    }

    /// What is still to be put back one day.
    pub(in crate::commit) fn still_stood(&self) -> Stood {
        let mut rest = self.stood.clone();
        rest.lines.retain(|line| self.keep.contains(&line.path));
        let mut ended = Vec::new();
        objects::each(&self.stood.tree, &mut |path, kind| {
            if self.has_ended(path, kind) {
                ended.push((path.clone(), kind));
            }
        });
        ended.iter().rev().for_each(|(path, kind)| objects::strip(&mut rest.tree, path, *kind));
        rest
    }

    /// Whether nothing is declared any more in the place of what stood.
    fn has_ended(&self, path: &Path, kind: Kind) -> bool {
        !objects::stands(self.keep, path, kind)
            && rivals(path, kind, &self.stood.tree, self.keep).is_empty()
    }

    /// Their lines in an object that goes; `None` where there are none.
    fn theirs_in(&self, goal: &Tree, path: &Path, kind: Kind) -> Option<Vec<String>> {
        let foreign = self.words.foreign_of(path, kind, &self.running.foreign);
        let mut lines: Vec<String> = foreign.map(text).collect();
        let left = objects::own(goal, path, kind);
        if !left.is_empty() {
            let running = objects::own(&self.running.tree, path, kind);
            let ours = objects::own(self.ours, path, kind);
            let of = |own: &Tree| self.words.lines(path, kind, own, &self.running.tree);
            let known = of(&ours);
            lines.extend(of(&running).into_iter().filter(|line| !known.contains(line)));
            if lines.is_empty() {
                lines.extend(of(&left));
            }
        }
        let needed = match kind {
            Kind::Instance | Kind::Bfd => objects::has_inside(goal, path, kind),
            Kind::Process => objects::has_inside(goal, path, kind) || has_area(goal),
            _ => goal.contains(path),
        };
        (needed || !lines.is_empty())
            .then(|| lines.iter().map(|line| redact(line).into_owned()).collect())
    }
}

/// What asks bfdd for a session: without its owner it has no profile there.
const BFD: &str = "bfd-options";

fn text(line: &Foreign) -> String {
    line.text.clone()
}

/// Whether an interface is in an area, which needs the process.
fn has_area(goal: &Tree) -> bool {
    let Some(Node::List(list)) =
        goal.child("frr-interface:lib").and_then(Node::tree).and_then(|lib| lib.child("interface"))
    else {
        return false;
    };
    let mut found = false;
    for entry in list.entries.values() {
        entry.for_each_leaf(&mut |path, _| found |= path.leaf_name() == "area");
    }
    found
}

impl Kept {
    /// What declares such an object.
    pub fn intent(&self) -> Option<IntentKey> {
        super::declared_by(&self.path)
    }

    /// Adds what of it is ours.
    pub(in crate::commit) fn add_to(&self, ours: &mut Tree) {
        objects::put(ours, &self.path, self.kind, &self.own);
    }

    /// Whether it only stays since other objects stand in it.
    pub fn is_shared(&self) -> bool {
        self.lines.is_empty()
    }

    /// Where it is, in words.
    pub fn name(&self) -> String {
        self.path.to_string()
    }
}
