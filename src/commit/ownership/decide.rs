//! desired × ours × running → what is ours to make, what is satisfied, what is refused. Pure.

use std::borrow::Cow;

use super::{
    objects::{self, Kind, below},
    rival::rivals,
    words::Words,
};
use crate::{
    frr::vty::table::Running,
    journal::{Stood, StoodLine},
    tree::{Node, Path, Step, Tree},
};

/// What is known of one daemon.
pub(in crate::commit) struct Facts<'a> {
    /// What of ours it runs, as far as was confirmed.
    pub ours: &'a Tree,
    /// Marks of objects that are declared and that we did not make.
    pub theirs: &'a Tree,
    /// What it runs.
    pub running: &'a Running,
    /// What it shall run.
    pub desired: &'a Tree,
    /// Whether the daemon has just started, and may still be given its start-up file.
    pub starting: bool,
    /// What to do with theirs.
    pub taking: Taking<'a>,
    /// How the daemon says things.
    pub words: Words,
}

/// What to do with objects of theirs that are declared.
#[derive(Debug, Clone, Copy)]
pub(in crate::commit) enum Taking<'a> {
    /// They are satisfied or refused.
    Nothing,
    /// These are taken over, and what stood is remembered.
    Over(&'a Tree),
    /// Those of these that are equal are ours again, as after the loss of the journal.
    Back(&'a Tree),
}

/// Something declared that theirs is in the way of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commit) struct Refusal {
    /// Which object.
    pub path: Path,
    /// The line in the way and what to do; never a secret.
    pub message: String,
}

/// What follows for one daemon.
#[derive(Debug, Clone)]
pub(in crate::commit) struct Verdict<'a> {
    /// What of desired is ours to make.
    pub desired: Cow<'a, Tree>,
    /// What counts as ours already.
    pub ours: Cow<'a, Tree>,
    /// Marks of objects that are declared and are theirs: satisfied or refused.
    pub theirs: Tree,
    /// Marks of objects that are to be ours.
    pub freed: Tree,
    /// What is refused.
    pub refusals: Vec<Refusal>,
    /// What stood where objects are taken over.
    pub stood: Stood,
    /// Whether something of theirs is waited for, which a start-up file is to bring back.
    pub waits: bool,
}

/// Decides for each object that is declared.
pub(in crate::commit) fn decide<'a>(facts: &Facts<'a>) -> Verdict<'a> {
    let mut verdict = Verdict {
        desired: Cow::Borrowed(facts.desired),
        ours: Cow::Borrowed(facts.ours),
        theirs: Tree::new(),
        freed: Tree::new(),
        refusals: Vec::new(),
        stood: Stood::default(),
        waits: false,
    };
    let mut instance = Around::default();
    let mut left = Vec::new();
    let mut declared = objects::beyond(facts.desired, facts.ours);
    declared.extend(objects::marked(facts.theirs, facts.desired));
    // What holds others comes before these.
    declared.sort_by(|a, b| a.0.cmp(&b.0));
    declared.dedup_by(|a, b| a.0 == b.0);
    declared.retain(|(path, kind)| !facts.is_ours(path, *kind));
    for (path, kind) in &declared {
        let found = facts.object(path, *kind, &mut instance);
        if verdict.note(facts, path, *kind, found) {
            left.push((path.clone(), *kind));
        }
    }
    if !left.is_empty() {
        let desired = verdict.desired.to_mut();
        left.iter().rev().for_each(|(path, kind)| objects::strip(desired, path, *kind));
    }
    verdict
}

impl Verdict<'_> {
    /// Takes note of what stands where an object is declared; whether it is not ours to make.
    fn note(&mut self, facts: &Facts<'_>, path: &Path, kind: Kind, found: Found) -> bool {
        if matches!(found, Found::Nothing | Found::Taken { .. } | Found::Instead(_))
            && objects::is_marked(facts.theirs, path)
        {
            objects::mark_wholly(&mut self.freed, path);
        }
        match found {
            Found::Nothing => return false,
            Found::Equal => {
                objects::mark(&mut self.theirs, path);
            }
            Found::NotBackYet => {
                self.waits = true;
                objects::mark(&mut self.theirs, path);
                let message = facts.words.not_back_yet();
                self.refusals.push(Refusal { path: path.clone(), message });
            }
            Found::InTheWay(message) => {
                objects::mark(&mut self.theirs, path);
                self.refusals.push(Refusal { path: path.clone(), message });
            }
            Found::Closed(message) => {
                // A mark that it was seen would have it wait for a start-up file that does not have it.
                match facts.was_seen(path, kind) {
                    true => objects::mark(&mut self.theirs, path),
                    false => objects::mark_unseen(&mut self.theirs, path),
                }
                self.refusals.push(Refusal { path: path.clone(), message });
            }
            Found::Instead(rivals) => {
                for rival in rivals {
                    let own = objects::own(&facts.running.tree, &rival, kind);
                    objects::put(self.ours.to_mut(), &rival, kind, &own);
                    objects::put(&mut self.stood.tree, &rival, kind, &own);
                }
                return false;
            }
            Found::Taken { remember } => {
                if objects::stands(&facts.running.tree, path, kind) {
                    let own = objects::own(&facts.running.tree, path, kind);
                    objects::put(self.ours.to_mut(), path, kind, &own);
                    if remember {
                        objects::put(&mut self.stood.tree, path, kind, &own);
                    }
                }
                if remember {
                    let lines = facts.words.foreign_of(path, kind, &facts.running.foreign);
                    self.stood.lines.extend(lines.map(|line| StoodLine {
                        path: path.clone(),
                        context: line.context.clone(),
                        text: line.text.clone(),
                    }));
                }
                return false;
            }
        }
        true
    }
}

/// What of `tree`, as intents render, is ours: without objects that we did not make.
pub(in crate::commit) fn only_ours<'a>(
    tree: &'a Tree,
    ours: &Tree,
    theirs: &Tree,
) -> Cow<'a, Tree> {
    let mut left = Vec::new();
    objects::each(tree, &mut |path, kind| {
        if objects::is_marked(theirs, path) || !objects::stands(ours, path, kind) {
            left.push((path.clone(), kind));
        }
    });
    let mut rest = Cow::Borrowed(tree);
    if !left.is_empty() {
        let tree = rest.to_mut();
        left.iter().rev().for_each(|(path, kind)| objects::strip(tree, path, *kind));
    }
    rest
}

/// Marks of what is desired, not ours, and was not seen as theirs: it was not made yet, and nobody can look for it.
pub(in crate::commit) fn unmade(desired: &Tree, ours: &Tree, theirs: &Tree) -> Tree {
    let mut marks = Tree::new();
    let mut declared = objects::beyond(desired, ours);
    declared.extend(objects::marked(theirs, desired));
    for (path, kind) in declared {
        let ours = objects::stands(ours, &path, kind) && !objects::is_marked(theirs, &path);
        if !ours && !objects::is_seen(theirs, &path) {
            objects::mark_unseen(&mut marks, &path);
        }
    }
    marks
}

/// What is found where an object shall be that is not ours.
enum Found {
    /// It is ours to make.
    Nothing,
    Equal,
    InTheWay(String),
    /// The instance around it can't take it, or would not announce it.
    Closed(String),
    /// It is theirs, and their start-up file is to bring it back.
    NotBackYet,
    /// It is ours from now on.
    Taken {
        remember: bool,
    },
    /// It is ours to make instead of these of theirs, which are remembered.
    Instead(Vec<Path>),
}

/// The instance around neighbours and networks.
#[derive(Default)]
struct Around {
    /// Nothing can be made in it.
    closed: Option<String>,
    /// A network would not be announced.
    silent: Option<String>,
}

impl<'a> Facts<'a> {
    fn is_ours(&self, path: &Path, kind: Kind) -> bool {
        !objects::is_marked(self.theirs, path) && objects::stands(self.ours, path, kind)
    }

    /// Whether an object stands, or once stood, that is theirs.
    fn was_seen(&self, path: &Path, kind: Kind) -> bool {
        objects::is_seen(self.theirs, path) || objects::stands(&self.running.tree, path, kind)
    }

    fn object(&self, path: &Path, kind: Kind, around: &mut Around) -> Found {
        let inside_instance = matches!(kind, Kind::Neighbor | Kind::Network | Kind::Drain);
        if let Some(why) = around.closed.as_ref().filter(|_| inside_instance) {
            return Found::Closed(why.clone());
        }
        let running = &self.running.tree;
        let (over, back) = match self.taking {
            Taking::Nothing => (false, false),
            Taking::Over(these) => (objects::stands(these, path, kind), false),
            Taking::Back(these) => (false, objects::stands(these, path, kind)),
        };
        if !objects::stands(running, path, kind) {
            return self.absent(path, kind, around, over);
        }
        let differs = self.differs(path, kind);
        if kind == Kind::Instance {
            let leaf = |tree: &Tree| tree.leaf(&below(path, "global/local-as")).map(str::to_owned);
            if leaf(running) != leaf(self.desired) {
                let why = self.other_as(path);
                around.closed = Some(why.clone());
                return Found::InTheWay(why);
            }
            if !over {
                around.silent = self.words.silent(running, path);
            }
        }
        match differs {
            _ if over => Found::Taken { remember: true },
            Some(why) => Found::InTheWay(why),
            None if back => Found::Taken { remember: false },
            None => Found::Equal,
        }
    }

    /// Where an object does not stand, with `over` set where it is taken over.
    fn absent(&self, path: &Path, kind: Kind, around: &mut Around, over: bool) -> Found {
        // What was only declared while the daemon was away waits for no start-up file.
        if self.starting && objects::is_seen(self.theirs, path) {
            if kind == Kind::Instance {
                around.closed = Some(self.words.not_back_yet());
            }
            return Found::NotBackYet;
        }
        let line = self.words.in_place(path, kind, &self.running.foreign);
        if let Some(line) = line {
            let why = self.words.in_the_way(line, None);
            if kind == Kind::Instance {
                around.closed = Some(why.clone());
                return Found::InTheWay(why);
            }
            return if over { Found::Taken { remember: true } } else { Found::InTheWay(why) };
        }
        let rivals = self.rivals(path, kind);
        if let Some(first) = rivals.first() {
            return match over {
                true => Found::Instead(rivals),
                false => Found::InTheWay(self.in_the_way_at(first, kind)),
            };
        }
        if let Some(other) = self.session_beside(path, kind) {
            // It is another object, which taking this one over does not touch.
            return Found::InTheWay(self.in_the_way_at(&other, kind));
        }
        if let Some(why) = self.incomplete_interface(path, kind) {
            return if over { Found::Nothing } else { Found::InTheWay(why) };
        }
        match around.silent.as_ref().filter(|_| kind == Kind::Network) {
            Some(why) => Found::Closed(why.clone()),
            None => Found::Nothing,
        }
    }

    /// A statement that does not hold of what runs, in words: one that a line is about that can't be read, or the first.
    fn differs(&self, path: &Path, kind: Kind) -> Option<String> {
        let (wanted, found) = self.both(path, kind);
        let mut differ = Vec::new();
        wanted.for_each_end(&mut |leaf, value| {
            let holds = match value {
                None => found.contains(leaf),
                Some(value) => {
                    found.leaf(leaf) == Some(value)
                        || !stated(kind, leaf, value)
                        || (kind == Kind::Interface && self.follows(path, value))
                }
            };
            if !holds {
                differ.push(leaf.clone());
            }
        });
        let is_unread = |leaf: &&Path| {
            let declared = self.words.line_of(path, kind, leaf, &wanted, self.desired);
            declared
                .filter(|_| !found.contains(leaf))
                .is_some_and(|it| self.words.unread(path, kind, &it, self.running).is_some())
        };
        let leaf = differ.iter().find(is_unread).or(differ.first())?;
        Some(self.words.differs(path, kind, leaf, &wanted, &found, (self.desired, self.running)))
    }

    fn both(&self, path: &Path, kind: Kind) -> (Tree, Tree) {
        (objects::own(self.desired, path, kind), objects::own(&self.running.tree, path, kind))
    }

    /// Whether a dead interval is the one that ospfd derives from the hello interval by itself.
    fn follows(&self, path: &Path, value: &str) -> bool {
        let Some((_, above)) = path.0.split_last().filter(|_| path.leaf_name() == "interval")
        else {
            return false;
        };
        let hello = Path(above[..above.len() - 1].to_vec()).join(Step::plain("hello-interval"));
        let hello = self.desired.leaf(&hello).and_then(|hello| hello.parse::<u32>().ok());
        self.running.tree.leaf(path).is_none()
            && hello.is_some_and(|hello| value.parse() == Ok(4 * hello))
    }

    fn other_as(&self, path: &Path) -> String {
        let leaf = below(path, "global/local-as");
        let wanted = self.desired.leaf(&leaf).unwrap_or_default();
        let found = objects::own(&self.running.tree, path, Kind::Instance);
        let lines = self.words.lines(path, Kind::Instance, &found, &self.running.tree);
        self.words.other_as(lines.first().map_or("router bgp", |line| line), wanted)
    }

    /// Routes of theirs that are one route with this one.
    fn rivals(&self, path: &Path, kind: Kind) -> Vec<Path> {
        let mut all = rivals(path, kind, self.desired, &self.running.tree);
        all.retain(|other| !self.is_ours(other, kind));
        all
    }

    /// A session of theirs with the same address, over other hops or another interface, beside which this one can't be.
    fn session_beside(&self, path: &Path, kind: Kind) -> Option<Path> {
        let (last, parents) = path.0.split_last().filter(|_| kind == Kind::Session)?;
        let above = Path(parents.to_vec());
        let parent = self.running.tree.subtree(&above)?;
        let address = |step: &Step| step.key("dest-addr").map(str::to_owned);
        ["single-hop", "multi-hop"].into_iter().find_map(|name| {
            let Some(Node::List(list)) = parent.child(name) else { return None };
            let mut steps = list.entries.keys().map(|keys| list.step(&name.into(), keys));
            steps.find_map(|step| {
                let same = address(&step) == address(last);
                let other = above.join(step);
                (same && !self.is_ours(&other, kind)).then_some(other)
            })
        })
    }

    /// That an object of theirs is in the way.
    fn in_the_way_at(&self, other: &Path, kind: Kind) -> String {
        let own = objects::own(&self.running.tree, other, kind);
        self.words.in_the_way_at(other, kind, &own, self.running)
    }

    /// An interface that is in an area of theirs is theirs: nothing is added to it.
    fn incomplete_interface(&self, path: &Path, kind: Kind) -> Option<String> {
        if kind != Kind::Interface {
            return None;
        }
        let end = path.0.iter().position(|step| &*step.name == "instance")?;
        let area = Path(path.0[..=end].to_vec()).join(Step::plain("area"));
        let follows = |value: &str| self.follows(path, value);
        if area == *path
            || self.is_ours(&area, kind)
            || self.running.tree.leaf(&area).is_none()
            || self.desired.leaf(path).is_some_and(follows)
        {
            return None;
        }
        Some(self.in_the_way_at(&area, kind))
    }
}

/// Whether the owner stated this, or rendering added it: see the module.
pub(in crate::commit) fn stated(kind: Kind, leaf: &Path, value: &str) -> bool {
    let name = leaf.leaf_name();
    match kind {
        Kind::Instance => matches!(name, "local-as" | "router-id"),
        Kind::Process => false,
        Kind::Neighbor => match name {
            "soft-reconfiguration" | "warning-only" => false,
            "max-prefixes" => value != "1000",
            "enabled" => value == "true",
            _ => true,
        },
        Kind::Session => match name {
            "detection-multiplier" => value != "3",
            "required-receive-interval" | "desired-transmission-interval" => value != "300000",
            _ => false,
        },
        _ => true,
    }
}
