//! Steps → edits of the models that they stand for. Pure.
//!
//! The steps decide what is sent, not a difference of trees: what the plan leaves standing, because it
//! holds something foreign, has no step.

use crate::{
    frr::vty::{
        steps::{Command, Step},
        table::{Defaults, Line, Table},
    },
    tree::{Edit, Path, Tree, diff},
};

/// A route-map's `set`, in bgpd 10.3: without its value it is taken, and kills bgpd when it is shown.
const WHOLE: &str = "set-action";

/// The edits that do what the steps do; `None` where the table can't read one of its own lines.
pub(super) fn edits(table: &Table, steps: &[&Step]) -> Option<Vec<Edit>> {
    let set: Vec<&Step> = steps.iter().filter(|step| step.shows.is_some()).copied().collect();
    let new = data(table, set.iter().map(|step| &step.command))?;
    // What a line replaces; the inverse of a line that is new is none that stands for data.
    let mut old = Tree::new();
    for before in set.iter().flat_map(|step| &step.inverse) {
        if let Some(data) = data(table, [before].into_iter()) {
            old.merge(&data);
        }
    }
    let mut edits: Vec<Edit> = diff(&old, &new)
        .into_iter()
        .map(|edit| match edit.new {
            Some(_) => edit,
            None => Edit { path: lifted(edit.path), ..edit },
        })
        .collect();
    let gone = steps.iter().filter(|step| step.shows.is_none());
    edits.extend(gone.map(|step| Edit {
        path: lifted(Path::clone(&step.path)),
        old: None,
        new: None,
    }));
    Some(edits)
}

/// What commands stand for, read as the daemon would show them.
fn data<'a>(table: &Table, commands: impl Iterator<Item = &'a Command>) -> Option<Tree> {
    let mut text = String::new();
    for command in commands {
        let lines = command.context.iter().map(String::as_str).chain([&*command.text]);
        lines.for_each(|line| push(&mut text, line));
        let depth = command.context.len() + usize::from(command.opens);
        (0..depth).for_each(|_| push(&mut text, "exit"));
    }
    let read = table.parse(&text, &Defaults::default());
    read.foreign.is_empty().then_some(read.tree)
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// The entry as a whole, where a part of it must not be left.
fn lifted(mut path: Path) -> Path {
    if let Some(at) = path.0.iter().position(|step| &*step.name == WHOLE) {
        path.0.truncate(at + 1);
    }
    path
}

/// Indexes of those steps whose effect the daemon does not show. Of several about one object the last
/// decides.
pub(super) fn unshown(steps: &[&Step], shown: &[Line]) -> Vec<usize> {
    let is_shown = |step: &Step| {
        let found = shown.binary_search_by(|line| line.key.cmp(&step.key)).ok();
        found.map(|at| &*shown[at].text) == step.shows.as_deref()
    };
    let stands = |at: usize| steps[at + 1..].iter().all(|later| later.key != steps[at].key);
    (0..steps.len()).filter(|at| stands(*at) && !is_shown(steps[*at])).collect()
}

/// The step that FRR's words name by its path, or by that of what it stands in: the longest.
pub(super) fn named(steps: &[&Step], words: &str) -> Option<usize> {
    if steps.len() == 1 {
        return Some(0);
    }
    let length = |step: &Step| {
        let whole = step.path.0.len();
        // The top alone names nothing.
        (2..=whole)
            .rev()
            .find(|end| words.contains(&Path(step.path.0[..*end].to_vec()).to_string()))
    };
    let named = steps.iter().enumerate().filter_map(|(at, step)| Some((length(step)?, at)));
    named.max_by_key(|(length, at)| (*length, std::cmp::Reverse(*at))).map(|(_, at)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{daemon::Daemon, frr::vty::steps::steps};

    fn bgpd() -> &'static Table {
        Table::of(Daemon::Bgpd).expect("a table")
    }

    fn between(before: &str, after: &str) -> Vec<Step> {
        let read = |text| bgpd().parse(text, &Defaults::default()).tree;
        steps(&bgpd().lines(&read(before)), &bgpd().lines(&read(after)), &[]).expect("no foreign")
    }

    /// Paths that are set, with values, and paths that are deleted.
    fn told(steps: &[Step]) -> (Vec<String>, Vec<String>) {
        let edits = edits(bgpd(), &steps.iter().collect::<Vec<_>>()).expect("readable");
        let (set, gone): (Vec<_>, Vec<_>) = edits.into_iter().partition(|e| e.new.is_some());
        let mut merge = Tree::new();
        crate::tree::apply(&mut merge, &set);
        let mut leaves = Vec::new();
        merge.for_each_leaf(&mut |path, value| leaves.push(format!("{path} = {value}")));
        (leaves, gone.iter().map(|edit| edit.path.to_string()).collect())
    }

    const MAP: &str = "/frr-route-map:lib/route-map[name='A']/entry[sequence='10']";

    #[test]
    fn a_route_map_is_set_and_changed_and_goes() {
        let one = "route-map A permit 10\n set metric 5\n set local-preference 7\nexit\n";
        let two = "route-map A permit 10\n set metric 6\nexit\n";
        let metric =
            format!("{MAP}/set-action[action='frr-route-map:set-metric']/rmap-set-action/value");
        let (set, gone) = told(&between("", one));
        assert_eq!(gone, [""; 0]);
        assert!(set.contains(&format!("{MAP}/action = permit")), "{set:?}");
        assert!(set.contains(&format!("{metric} = 5")), "{set:?}");
        assert_eq!(set.len(), 3, "{set:?}");

        let (set, gone) = told(&between(one, two));
        assert_eq!(set, [format!("{metric} = 6")]);
        let local = format!("{MAP}/set-action[action='frr-bgp-route-map:set-local-preference']");
        assert_eq!(gone, [local], "as a whole");
        assert_eq!(told(&between(two, "")), (vec![], vec![MAP.to_owned()]));
    }

    #[test]
    fn what_a_changed_line_says_no_more_is_deleted() {
        let line = |rest: &str| format!("ip prefix-list L seq 5 permit 10.0.0.0/8{rest}\n");
        let (set, gone) = told(&between(&line(" ge 24 le 28"), &line(" le 30")));
        let entry = "/frr-filter:lib/prefix-list[type='ipv4'][name='L']/entry[sequence='5']";
        assert_eq!(set, [format!("{entry}/ipv4-prefix-length-lesser-or-equal = 30")]);
        assert_eq!(gone, [format!("{entry}/ipv4-prefix-length-greater-or-equal")]);
    }

    #[test]
    fn what_is_not_shown_is_found() {
        let after = "route-map A permit 10\n set metric 5\nexit\n";
        let steps = between("", after);
        let steps: Vec<&Step> = steps.iter().collect();
        let lines = |text| bgpd().lines(&bgpd().parse(text, &Defaults::default()).tree);
        assert_eq!(unshown(&steps, &lines(after)), [0; 0]);
        assert_eq!(unshown(&steps, &lines("route-map A permit 10\nexit\n")), [1]);
        assert_eq!(unshown(&steps, &[]), [0, 1]);
    }

    #[test]
    fn words_with_a_path_name_a_step() {
        let steps = between(
            "",
            "route-map A permit 10\n set metric 5\nexit\nroute-map B permit 10\nexit\n",
        );
        let steps: Vec<&Step> = steps.iter().collect();
        assert_eq!(named(&steps, "something is wrong"), None);
        assert_eq!(named(&steps, &format!("no: {}", steps[1].path)), Some(1));
        let other = "Path: /frr-route-map:lib/route-map[name='B']";
        let at = named(&steps, other).expect("named");
        assert!(steps[at].path.to_string().contains("[name='B']"));
        assert_eq!(named(&steps[..1], "wrong"), Some(0));
    }
}
