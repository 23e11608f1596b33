//! Lines before × lines after → the steps between them, each with its inverse.
//!
//! Pure. Order: what stands in the way of everything else (an instance with another AS) goes first; then
//! lines are set in the table's order, so that what is named exists before it is named; what goes,
//! goes last and the other way round.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{
    redact,
    table::{Foreign, Line, LineKey, Spelling, without_no},
};
use crate::{
    protocol::cli::is_instance,
    tree::{self, Path, plain_line},
};

/// One command with what leads to it and what takes it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which object it is about.
    pub key: LineKey,
    /// Where its data is.
    pub path: Arc<Path>,
    /// The command and where it stands.
    pub command: Command,
    /// What undoes it, in this order.
    pub inverse: Vec<Command>,
    /// What the daemon shows for the object once the step is done; `None` where nothing.
    pub shows: Option<Arc<str>>,
    /// Whether it makes an object, so that its inverse removes all that is in it by then.
    pub makes: bool,
}

/// So that it can be asked what proves it.
impl AsRef<Path> for Step {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// A command and the lines that lead from the top of the configuration to where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Lines that enter the node.
    pub context: Arc<[String]>,
    /// The command.
    pub text: Arc<str>,
    /// Whether it enters a node of its own.
    pub opens: bool,
}

/// Removing something of ours would remove something foreign with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{undo:?} would also remove what NovaRoute did not configure: {}; remove that first, or keep the object",
    .foreign.iter().map(|line| format!("{line:?}")).collect::<Vec<_>>().join(", ")
)]
pub struct WouldRemoveForeign {
    /// Where the data of the object is.
    pub path: Arc<Path>,
    /// The command that was not sent.
    pub undo: String,
    /// The lines that it would remove.
    pub foreign: Vec<String>,
}

/// A line that the table can't read is about the same as one that is about to be sent, and would be overwritten: it is
/// unknown, not absent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "FRR has {unreadable:?}, which NovaRoute cannot read; {line:?} would overwrite it: remove that line, or leave it to FRR's \
     own configuration"
)]
pub struct Unreadable {
    /// Where the data of the line is that was not sent.
    pub path: Arc<Path>,
    /// The line that was not sent, without secrets.
    pub line: String,
    /// The line that it would overwrite, without secrets.
    pub unreadable: String,
}

/// Why nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InTheWay {
    /// Something of somebody else's would be removed.
    #[error(transparent)]
    WouldRemove(#[from] WouldRemoveForeign),
    /// Something of somebody else's would be overwritten.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl InTheWay {
    /// Where the data is that can't be set or removed.
    pub fn path(&self) -> &Path {
        match self {
            Self::WouldRemove(error) => &error.path,
            Self::Unreadable(error) => &error.path,
        }
    }

    /// The lines that are in the way.
    pub fn lines(&self) -> &[String] {
        match self {
            Self::WouldRemove(error) => &error.foreign,
            Self::Unreadable(error) => std::slice::from_ref(&error.unreadable),
        }
    }
}

/// The steps whose inverses remove nothing but what these steps brought. The others made an object that holds more by now:
/// `shown` and `foreign` are what the daemon shows.
pub fn without_those_of_others<'a>(
    done: &[&'a Step],
    shown: &[Line],
    foreign: &[Foreign],
) -> Vec<&'a Step> {
    let makes: HashSet<&LineKey> = done.iter().filter(|it| it.makes).map(|it| &it.key).collect();
    let brought: HashSet<&LineKey> = done.iter().map(|step| &step.key).collect();
    let made: Vec<&Line> = shown.iter().filter(|it| it.entry && makes.contains(&it.key)).collect();
    let by_path: HashMap<&[tree::Step], &LineKey> =
        made.iter().map(|line| (&*line.path.0, &line.key)).collect();
    let mut more: HashSet<&LineKey> = HashSet::new();
    for line in shown.iter().filter(|line| !brought.contains(&line.key)) {
        let path = &line.path.0;
        more.extend((1..=path.len()).filter_map(|end| by_path.get(&path[..end]).copied()));
    }
    for line in made {
        if foreign.iter().any(|it| is_inside(it, line)) {
            more.insert(&line.key);
        }
    }
    done.iter().copied().filter(|step| !step.makes || !more.contains(&step.key)).collect()
}

/// The same steps as the daemon spells what they are about.
pub fn spelled(steps: &mut [Step], spelling: &Spelling) {
    if spelling.is_empty() {
        return;
    }
    // Most steps stand in one place: its lines are spelled once, and shared.
    let mut last: Option<[Arc<[String]>; 2]> = None;
    let mut command = |command: &mut Command| {
        let shown = spelling.of(&command.context, &command.text);
        if *shown != *command.text {
            command.text = shown.into();
        }
        let known = last.as_ref().filter(|[ours, _]| Arc::ptr_eq(ours, &command.context));
        let theirs = match known {
            Some([_, theirs]) => theirs.clone(),
            None => spelling.of_context(&command.context).into(),
        };
        last = Some([command.context.clone(), theirs.clone()]);
        command.context = theirs;
    };
    for step in steps {
        command(&mut step.command);
        step.inverse.iter_mut().for_each(&mut command);
    }
}

impl Command {
    fn set(line: &Line) -> Self {
        Self { context: line.context.clone(), text: line.text.clone(), opens: line.opens }
    }

    fn undo(line: &Line) -> Self {
        Self { context: line.context.clone(), text: line.undo.clone(), opens: false }
    }
}

/// The steps that turn a daemon that shows `before` into one that shows `after`.
///
/// # Errors
/// Something that goes contains foreign lines, or something that comes would overwrite one.
pub fn steps(before: &[Line], after: &[Line], foreign: &[Foreign]) -> Result<Vec<Step>, InTheWay> {
    let theirs = Theirs::of(foreign);
    let mut planned = Planned {
        after: after.iter().map(|line| (&line.key, line)).collect(),
        standing: before.iter().collect(),
        by_key: BTreeMap::new(),
        foreign,
        steps: Vec::new(),
    };
    planned.replace_the_instance(before)?;
    for line in after {
        if planned.by_key.get(&line.key).is_some_and(|old| old.text == line.text) {
            continue;
        }
        if !planned.by_key.contains_key(&line.key) {
            theirs.let_stand(line)?;
        }
        planned.remove_rivals(line)?;
        planned.set(line);
    }
    planned.remove_what_goes(after)?;
    Ok(planned.steps)
}

/// What is planned so far, and what stands then.
struct Planned<'a> {
    after: BTreeMap<&'a LineKey, &'a Line>,
    standing: Vec<&'a Line>,
    by_key: BTreeMap<&'a LineKey, &'a Line>,
    foreign: &'a [Foreign],
    steps: Vec<Step>,
}

impl<'a> Planned<'a> {
    /// An instance can't change its AS: it goes, with all that is in it, and is made anew.
    fn replace_the_instance(&mut self, before: &'a [Line]) -> Result<(), WouldRemoveForeign> {
        let replaced = before.iter().find(|line| {
            line.entry
                && line.opens
                && self.after.get(&line.key).is_some_and(|new| new.text != line.text)
                && is_instance(&line.text)
        });
        if let Some(line) = replaced {
            self.steps.push(removal(line, &by_path(&self.standing), None, self.foreign)?);
            self.standing.retain(|other| !other.path.starts_with(&line.path));
        }
        self.by_key = self.standing.iter().map(|line| (&line.key, *line)).collect();
        Ok(())
    }

    /// What can't stand beside a line, not even for a moment, goes before it comes.
    fn remove_rivals(&mut self, line: &Line) -> Result<(), WouldRemoveForeign> {
        if line.rival.is_none() {
            return Ok(());
        }
        let rival = |other: &&&Line| {
            other.rival == line.rival
                && self.after.get(&other.key).is_none_or(|new| new.text != other.text)
        };
        let rivals: Vec<&Line> = self.standing.iter().filter(rival).copied().collect();
        for rival in rivals {
            // The same object with other words is made anew, with all that is to be in it.
            let kept = (rival.key != line.key).then_some(&self.after);
            self.steps.push(removal(rival, &by_path(&self.standing), kept, self.foreign)?);
            self.standing.retain(|other| {
                other.key != rival.key && !(rival.entry && other.path.starts_with(&rival.path))
            });
            self.by_key = self.standing.iter().map(|line| (&line.key, *line)).collect();
        }
        Ok(())
    }

    fn set(&mut self, line: &Line) {
        let old = self.by_key.get(&line.key);
        let inverse = match old {
            Some(old) => Command::set(old),
            None => Command::undo(line),
        };
        self.steps.push(Step {
            key: line.key.clone(),
            path: line.path.clone(),
            command: Command::set(line),
            inverse: vec![inverse],
            shows: Some(line.text.clone()),
            makes: line.entry && old.is_none(),
        });
    }

    /// What goes, the last line first. A node that holds foreign lines stays, without what is ours in it; so does one that
    /// lines elsewhere need.
    fn remove_what_goes(&mut self, after: &[Line]) -> Result<(), WouldRemoveForeign> {
        let orders: HashSet<usize> = after.iter().map(|line| line.key.order).collect();
        let stays = |line: &Line| {
            if line.kept_by.iter().any(|order| orders.contains(order)) {
                return true;
            }
            line.entry
                && line.opens
                && line.key.keys.is_empty()
                && self.foreign.iter().any(|f| is_inside(f, line))
        };
        let goes = |line: &&&Line| !self.after.contains_key(&line.key) && !stays(line);
        let gone: Vec<&Line> = self.standing.iter().filter(goes).copied().collect();
        let objects: HashSet<&[tree::Step]> =
            gone.iter().filter(|line| line.entry).map(|line| &*line.path.0).collect();
        let standing = by_path(&self.standing);
        for line in gone.iter().rev() {
            let path = &line.path.0;
            let around = (1..path.len()).any(|end| objects.contains(&path[..end]));
            if !around {
                self.steps.push(removal(line, &standing, Some(&self.after), self.foreign)?);
            }
        }
        Ok(())
    }
}

/// Lines by where their data is: all that is inside an object stands together.
type ByPath<'a> = BTreeMap<(&'a Path, &'a LineKey), &'a Line>;

fn by_path<'a>(lines: &[&'a Line]) -> ByPath<'a> {
    lines.iter().map(|line| ((&*line.path, &line.key), *line)).collect()
}

/// Lines that the table can't read, by where they stand and by their first word.
struct Theirs<'a>(HashMap<(&'a [String], &'a str), Vec<&'a str>>);

impl<'a> Theirs<'a> {
    fn of(foreign: &'a [Foreign]) -> Self {
        let mut theirs = HashMap::<_, Vec<&str>>::new();
        for line in foreign {
            theirs.entry((&*line.context, first_word(&line.text))).or_default().push(&line.text);
        }
        Self(theirs)
    }

    fn beside<'b>(&'b self, context: &'b [String], line: &'b str) -> &'b [&'b str] {
        self.0.get(&(context, first_word(line))).map_or(&[], Vec::as_slice)
    }

    /// That a line that comes is about nothing that is unknown, and neither is a node in which it stands.
    fn let_stand(&self, line: &Line) -> Result<(), Unreadable> {
        let refuse = |unreadable: &str| Unreadable {
            path: line.path.clone(),
            line: redact(&line.text).into_owned(),
            unreadable: redact(unreadable).into_owned(),
        };
        if self.0.is_empty() {
            return Ok(());
        }
        if let Some(other) =
            self.beside(&line.context, &line.text).iter().find(|it| line.overwrites(it))
        {
            return Err(refuse(other));
        }
        for (at, node) in line.context.iter().enumerate() {
            // The same node in another spelling; an instance has a line of its own, which is looked at by itself.
            let same = |other: &&&str| {
                let rest = other.strip_prefix(node.as_str());
                !is_instance(node) && rest.is_some_and(|rest| rest.starts_with(' '))
            };
            if let Some(other) = self.beside(&line.context[..at], node).iter().find(same) {
                return Err(refuse(other));
            }
        }
        Ok(())
    }
}

/// The first word of a line, whether it sets or takes away.
fn first_word(line: &str) -> &str {
    without_no(line).split(' ').next().unwrap_or_default()
}

/// The step that takes a line away, with all inside where it makes an object. `kept` is what shall
/// still be there afterwards, where the object is not made anew.
fn removal(
    line: &Line,
    standing: &ByPath<'_>,
    kept: Option<&BTreeMap<&LineKey, &Line>>,
    foreign: &[Foreign],
) -> Result<Step, WouldRemoveForeign> {
    let mut inverse = vec![Command::set(line)];
    if line.entry {
        let first = LineKey { order: 0, keys: [].into() };
        let mut inside: Vec<&Line> = standing
            .range((&*line.path, &first)..)
            .take_while(|((path, _), _)| path.starts_with(&line.path))
            .map(|(_, other)| *other)
            .filter(|other| other.key != line.key)
            .collect();
        inside.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let mut lost = Vec::new();
        for other in &inside {
            if kept.is_some_and(|kept| kept.contains_key(&other.key)) {
                lost.push(other.text.to_string());
            }
        }
        inverse.extend(inside.into_iter().map(Command::set));
        lost.extend(foreign.iter().filter(|f| is_inside(f, line)).map(|f| f.text.clone()));
        if !lost.is_empty() {
            let foreign = lost.iter().map(|line| redact(line).into_owned()).collect();
            let (path, undo) = (line.path.clone(), line.undo.to_string());
            return Err(WouldRemoveForeign { path, undo, foreign });
        }
    }
    Ok(Step {
        key: line.key.clone(),
        path: line.path.clone(),
        command: Command::undo(line),
        inverse,
        shows: None,
        makes: false,
    })
}

/// Whether a foreign line stands inside the object that `line` makes: in the node
/// that it enters, or, where it enters none (a neighbour), in a line that names the same object.
fn is_inside(foreign: &Foreign, line: &Line) -> bool {
    if line.opens {
        let opened = foreign.context.get(line.context.len());
        return foreign.context.starts_with(&line.context)
            && opened.is_some_and(|it| **it == *line.text);
    }
    // "no neighbor X" removes every line that starts with "neighbor X".
    let (object, text) = (without_no(&line.undo), plain_line(&foreign.text));
    let text = without_no(&text);
    foreign.context.starts_with(&line.context)
        && text.strip_prefix(object).is_some_and(|rest| rest.starts_with(' '))
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
