//! Lines before × lines after → the steps between them, each with its inverse.
//!
//! Pure. Order: what stands in the way of everything else (an instance with another AS) goes first; then
//! lines are set in the table's order, so that what is named exists before it is named; what goes,
//! goes last and the other way round.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::table::{Foreign, Line, LineKey};
use crate::tree::{self, Path, plain_line};

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
    pub shows: Option<String>,
}

/// A command and the lines that lead from the top of the configuration to where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Lines that enter the node.
    pub context: Arc<[String]>,
    /// The command.
    pub text: String,
    /// Whether it enters a node of its own.
    pub opens: bool,
}

/// Removing something of ours would remove something of somebody else's with it.
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
/// Something that goes contains lines of somebody else's.
pub fn steps(
    before: &[Line],
    after: &[Line],
    foreign: &[Foreign],
) -> Result<Vec<Step>, WouldRemoveForeign> {
    let after_by_key: BTreeMap<_, _> = after.iter().map(|line| (&line.key, line)).collect();
    let mut standing: Vec<&Line> = before.iter().collect();
    let mut steps = Vec::new();

    // An instance can't change its AS: it goes, with all that is in it, and is made anew.
    let replaced = before.iter().find(|line| {
        line.entry
            && line.opens
            && after_by_key.get(&line.key).is_some_and(|new| new.text != line.text)
            && line.text.starts_with("router ")
    });
    if let Some(line) = replaced {
        steps.push(removal(line, &by_path(&standing), None, foreign)?);
        standing.retain(|other| !other.path.starts_with(&line.path));
    }

    let mut standing_by_key: BTreeMap<_, _> =
        standing.iter().map(|line| (&line.key, *line)).collect();
    for line in after {
        if standing_by_key.get(&line.key).is_some_and(|old| old.text == line.text) {
            continue;
        }
        overwrites_nothing(line, foreign)?;
        // What can't stand beside it, not even for a moment, goes before it comes.
        let rival = |other: &&&Line| {
            other.rival == line.rival
                && after_by_key.get(&other.key).is_none_or(|new| new.text != other.text)
        };
        let rivals: Vec<&Line> = match line.rival {
            Some(_) => standing.iter().filter(rival).copied().collect(),
            None => Vec::new(),
        };
        for rival in rivals {
            steps.push(removal(rival, &by_path(&standing), Some(&after_by_key), foreign)?);
            standing.retain(|other| {
                other.key != rival.key && !(rival.entry && other.path.starts_with(&rival.path))
            });
            standing_by_key = standing.iter().map(|line| (&line.key, *line)).collect();
        }
        let old = standing_by_key.get(&line.key);
        let inverse = match old {
            Some(old) => Command::set(old),
            None => Command::undo(line),
        };
        steps.push(Step {
            key: line.key.clone(),
            path: line.path.clone(),
            command: Command::set(line),
            inverse: vec![inverse],
            shows: Some(line.text.clone()),
        });
    }

    // A node that holds somebody else's lines stays, without what is ours in it; so does one that
    // lines elsewhere need.
    let orders: HashSet<usize> = after.iter().map(|line| line.key.order).collect();
    let stays = |line: &Line| {
        if line.kept_by.iter().any(|order| orders.contains(order)) {
            return true;
        }
        line.entry
            && line.opens
            && line.key.keys.is_empty()
            && foreign.iter().any(|f| is_inside(f, line))
    };
    let gone: Vec<&Line> = standing
        .iter()
        .filter(|line| !after_by_key.contains_key(&line.key) && !stays(line))
        .copied()
        .collect();
    let objects: HashSet<&[tree::Step]> =
        gone.iter().filter(|line| line.entry).map(|line| &*line.path.0).collect();
    let standing = by_path(&standing);
    for line in gone.iter().rev() {
        let path = &line.path.0;
        let around = (1..path.len()).any(|end| objects.contains(&path[..end]));
        if !around {
            steps.push(removal(line, &standing, Some(&after_by_key), foreign)?);
        }
    }
    Ok(steps)
}

/// Lines by where their data is: all that is inside an object stands together.
type ByPath<'a> = BTreeMap<(&'a Path, &'a LineKey), &'a Line>;

fn by_path<'a>(lines: &[&'a Line]) -> ByPath<'a> {
    lines.iter().map(|line| ((&*line.path, &line.key), *line)).collect()
}

/// Whether a line would put itself in the place of one of somebody else's.
fn overwrites_nothing(line: &Line, foreign: &[Foreign]) -> Result<(), WouldRemoveForeign> {
    let Some(words) = line.alone else { return Ok(()) };
    let in_place = |f: &&Foreign| {
        let rest = f.text.strip_prefix(words);
        f.context[..] == line.context[..]
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    match foreign.iter().find(in_place) {
        Some(theirs) => {
            let (path, undo) = (line.path.clone(), line.text.clone());
            Err(WouldRemoveForeign { path, undo, foreign: vec![theirs.text.clone()] })
        }
        None => Ok(()),
    }
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
        let first = LineKey { order: 0, keys: Vec::new() };
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
                lost.push(other.text.clone());
            }
        }
        inverse.extend(inside.into_iter().map(Command::set));
        lost.extend(foreign.iter().filter(|f| is_inside(f, line)).map(|f| f.text.clone()));
        if !lost.is_empty() {
            let (path, undo) = (line.path.clone(), line.undo.clone());
            return Err(WouldRemoveForeign { path, undo, foreign: lost });
        }
    }
    Ok(Step {
        key: line.key.clone(),
        path: line.path.clone(),
        command: Command::undo(line),
        inverse,
        shows: None,
    })
}

/// Whether a line of somebody else's stands inside the object that `line` makes: in the node
/// that it enters, or, where it enters none (a neighbour), in a line that names the same object.
fn is_inside(foreign: &Foreign, line: &Line) -> bool {
    if line.opens {
        let opened = foreign.context.get(line.context.len());
        return foreign.context.starts_with(&line.context) && opened == Some(&line.text);
    }
    // "no neighbor X" removes every line that starts with "neighbor X".
    let object = line.undo.strip_prefix("no ").unwrap_or(&line.undo);
    let text = plain_line(&foreign.text);
    let text = text.strip_prefix("no ").unwrap_or(&text);
    foreign.context.starts_with(&line.context)
        && text.strip_prefix(object).is_some_and(|rest| rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        daemon::Daemon,
        frr::vty::table::{Defaults, Running, Table},
    };

    fn running(text: &str) -> Running {
        Table::of(Daemon::Bgpd).expect("a table").parse(text, &Defaults::default())
    }

    fn between(before: &str, after: &str) -> Result<Vec<Step>, WouldRemoveForeign> {
        let table = Table::of(Daemon::Bgpd).expect("a table");
        let (before, after) = (running(before), running(after));
        steps(&table.lines(&before.tree), &table.lines(&after.tree), &before.foreign)
    }

    fn commands(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|step| step.command.text.as_str()).collect()
    }

    const ROUTER: &str = "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001\n";

    #[test]
    fn nothing_differs_nothing_is_sent() {
        assert_eq!(between(ROUTER, ROUTER), Ok(vec![]));
    }

    #[test]
    fn what_is_named_exists_first_and_goes_last() {
        let plain = "router bgp 65000\n address-family ipv4 unicast\n  network 10.1.0.0/16\n";
        let named = "route-map A permit 10\n set metric 5\nexit\nrouter bgp 65000\n \
                     address-family ipv4 unicast\n  network 10.1.0.0/16 route-map A\n";
        assert_eq!(
            commands(&between(plain, named).expect("no foreign lines")),
            ["route-map A permit 10", "set metric 5", "network 10.1.0.0/16 route-map A"]
        );
        assert_eq!(
            commands(&between(named, plain).expect("no foreign lines")),
            ["network 10.1.0.0/16", "no route-map A permit 10"]
        );
    }

    #[test]
    fn taking_a_neighbour_back_restores_all_of_it() {
        let with = "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001\n \
                    neighbor 10.0.0.1 description a b\n address-family ipv4 unicast\n  \
                    neighbor 10.0.0.1 maximum-prefix 10 warning-only\n";
        let steps = between(with, "router bgp 65000\n").expect("no foreign lines");
        assert_eq!(commands(&steps), ["no neighbor 10.0.0.1"]);
        let inverse: Vec<_> = steps[0].inverse.iter().map(|c| c.text.as_str()).collect();
        assert_eq!(
            inverse,
            [
                "neighbor 10.0.0.1 remote-as 65001",
                "neighbor 10.0.0.1 description a b",
                "neighbor 10.0.0.1 maximum-prefix 10 warning-only",
            ]
        );
        assert_eq!(
            steps[0].inverse[2].context[..],
            ["router bgp 65000", "address-family ipv4 unicast"]
        );
    }

    #[test]
    fn a_neighbour_with_somebody_elses_lines_is_not_removed() {
        let with = "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001\n \
                    address-family ipv4 unicast\n  neighbor 10.0.0.1 route-map IN in\n  \
                    neighbor 10.0.0.11 route-map IN in\n";
        let refused = between(with, "router bgp 65000\n").expect_err("foreign lines");
        assert_eq!(refused.foreign, ["neighbor 10.0.0.1 route-map IN in"]);
    }

    #[test]
    fn a_node_with_somebody_elses_lines_stays_without_ours() {
        let theirs = " bgp bestpath as-path multipath-relax\n";
        let steps = between(&format!("{ROUTER}{theirs}"), "").expect("nothing of theirs goes");
        assert_eq!(commands(&steps), ["no neighbor 10.0.0.1"]);
        let other = between(&format!("{ROUTER}{theirs}"), "router bgp 65009\n");
        assert_eq!(other.expect_err("can't be kept").foreign, [theirs.trim()]);
    }

    fn in_daemon(
        daemon: Daemon,
        before: &str,
        after: &str,
    ) -> Result<Vec<Step>, WouldRemoveForeign> {
        let table = Table::of(daemon).expect("a table");
        let read = |text| table.parse(text, &Defaults::default());
        let (before, after) = (read(before), read(after));
        steps(&table.lines(&before.tree), &table.lines(&after.tree), &before.foreign)
    }

    #[test]
    fn an_interface_leaves_its_area_before_it_enters_another() {
        let steps = in_daemon(
            Daemon::Ospfd,
            "interface eth0\n ip ospf cost 5\n ip ospf area 0\n",
            "interface eth0\n ip ospf cost 5\n ip ospf area 0.0.0.1\n",
        );
        let steps = steps.expect("no foreign lines");
        assert_eq!(commands(&steps), ["no ip ospf area", "ip ospf area 0.0.0.1"]);
        let inverse: Vec<_> =
            steps.iter().flat_map(|step| &step.inverse).map(|c| c.text.as_str()).collect();
        assert_eq!(inverse, ["ip ospf area 0.0.0.0", "no ip ospf area"]);
    }

    #[test]
    fn a_session_leaves_its_interface_before_it_is_bound_to_another() {
        let steps = in_daemon(
            Daemon::Bfdd,
            "bfd\n peer 10.0.0.1\n  profile A\n exit\n",
            "bfd\n peer 10.0.0.1 interface eth0\n  profile A\n exit\n",
        );
        let steps = steps.expect("no foreign lines");
        assert_eq!(
            commands(&steps),
            ["no peer 10.0.0.1", "peer 10.0.0.1 interface eth0", "profile A"]
        );
        let back: Vec<_> = steps[0].inverse.iter().map(|c| c.text.as_str()).collect();
        assert_eq!(back, ["peer 10.0.0.1", "profile A"]);
    }

    #[test]
    fn the_process_stays_while_somebody_elses_interface_needs_it() {
        let ours = "router ospf\n ospf router-id 10.0.0.1\nexit\n\
                    interface eth0\n ip ospf area 0\nexit\n";
        let theirs = "interface eth1\n ip ospf area 0\nexit\n";
        let steps = in_daemon(Daemon::Ospfd, &format!("{ours}{theirs}"), theirs);
        assert_eq!(
            commands(&steps.expect("no foreign lines")),
            ["no ip ospf area", "no ospf router-id"]
        );
        let steps = in_daemon(Daemon::Ospfd, ours, "").expect("no foreign lines");
        assert_eq!(commands(&steps), ["no ip ospf area", "no router ospf"]);
    }

    #[test]
    fn somebody_elses_redistribution_is_not_overwritten() {
        let ours = "router ospf\n redistribute static route-map NR-ospf\n";
        for theirs in ["redistribute static", "redistribute static metric 5 route-map MINE"] {
            let steps = in_daemon(Daemon::Ospfd, &format!("router ospf\n {theirs}\n"), ours);
            assert_eq!(steps.expect_err("in the way").foreign, [theirs]);
        }
        let other = "router ospf\n redistribute static-like\n";
        assert_eq!(in_daemon(Daemon::Ospfd, other, ours).map(|steps| steps.len()), Ok(1));
    }

    #[test]
    fn another_as_makes_the_instance_anew() {
        let other = ROUTER.replace("65000", "65009");
        let steps = between(ROUTER, &other).expect("no foreign lines");
        assert_eq!(
            commands(&steps),
            ["no router bgp 65000", "router bgp 65009", "neighbor 10.0.0.1 remote-as 65001"]
        );
    }
}
