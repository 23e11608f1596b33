//! What was taken away and runs again since the daemon has started anew. Pure.

use super::objects::{self, mark};
use crate::{
    journal::{Gone, Remembered},
    tree::Tree,
};

/// The start of a daemon in which it is looked at.
#[derive(Debug, Clone, Copy)]
pub(in crate::commit) struct Start {
    /// Which start: a number that no other start of the daemon has.
    pub incarnation: u64,
    /// Whether the daemon may still be given its start-up file.
    pub starting: bool,
}

/// What FRR's start-up file has brought back of what was taken away (`held.gone`), and what need not be remembered any more.
///
/// What has returned is ours, whether or not it was declared again meanwhile: taken for the operator's it would stay for good.
/// An object that differs from what was taken away is the operator's. While the daemon starts, that is not judged yet: it
/// reads its file line by line, and may have read that object in part.
pub(in crate::commit) fn returned(
    held: &Remembered,
    start: Start,
    running: &Tree,
) -> (Tree, Vec<Gone>) {
    let (mut returned, mut forgotten) = (Tree::new(), Vec::new());
    for gone in &held.gone {
        let another_start = gone.incarnation != start.incarnation;
        let mut judged = Tree::new();
        objects::each(&gone.tree, &mut |path, kind| {
            if !objects::stands(running, path, kind) {
                return;
            }
            let own = |tree: &Tree| without_bfd_profile(objects::own(tree, path, kind));
            // Typed after we had taken ours away, in the same start or in this one.
            let theirs = !another_start || objects::is_marked(&held.theirs, path);
            if !theirs && own(&gone.tree) == own(running) {
                objects::put(&mut returned, path, kind, &objects::own(running, path, kind));
            } else if !theirs && start.starting {
                return;
            }
            mark(&mut judged, path);
        });
        if !judged.is_empty() {
            forgotten.push(Gone { incarnation: gone.incarnation, tree: judged });
        }
        if another_start && !start.starting {
            forgotten.push(Gone { incarnation: gone.incarnation, tree: Tree::new() });
        }
    }
    (returned, forgotten)
}

/// Which profile an object names follows from other intents, which may have ended before it.
fn without_bfd_profile(mut own: Tree) -> Tree {
    own.put(&"bfd-options".into(), None);
    own
}

#[cfg(test)]
mod tests {
    use super::{super::tests::tree, *};
    use crate::daemon::Daemon;

    const INSTANCE: &str = "router bgp 65000\n no bgp network import-check\n";
    const PEER: &str = " neighbor 10.0.2.2 remote-as 65002\n neighbor 10.0.2.2 description ours\n";

    fn bgpd(lines: &str) -> Tree {
        tree(Daemon::Bgpd, &format!("{INSTANCE}{lines}"))
    }

    /// The neighbour was taken away in start 1.
    fn held() -> Remembered {
        let mut tree = Tree::new();
        objects::each(&bgpd(PEER), &mut |path, kind| {
            if path.to_string().contains("neighbor") {
                objects::put(&mut tree, path, kind, &objects::own(&bgpd(PEER), path, kind));
            }
        });
        assert!(!tree.is_empty());
        let mut held = Remembered::default();
        held.gone.push(Gone { incarnation: 1, tree });
        held
    }

    fn judged(incarnation: u64, starting: bool, lines: &str) -> (bool, bool) {
        let (back, forgotten) = returned(&held(), Start { incarnation, starting }, &bgpd(lines));
        (!back.is_empty(), !forgotten.is_empty())
    }

    #[test]
    fn what_a_start_up_file_brings_back_is_ours() {
        assert_eq!(judged(2, true, PEER), (true, true));
        assert_eq!(judged(2, false, PEER), (true, true));
    }

    #[test]
    fn what_is_read_in_part_is_judged_when_it_is_whole() {
        let part = " neighbor 10.0.2.2 remote-as 65002\n";
        assert_eq!(judged(2, true, part), (false, false));
        assert_eq!(judged(2, false, part), (false, true));
        assert_eq!(judged(2, true, ""), (false, false));
        assert_eq!(judged(2, false, ""), (false, true));
    }

    #[test]
    fn what_is_typed_in_the_same_start_is_the_operators() {
        assert_eq!(judged(1, false, PEER), (false, true));
        assert_eq!(judged(1, false, ""), (false, false));
    }

    #[test]
    fn what_is_known_as_theirs_stays_theirs() {
        let mut held = held();
        held.theirs = {
            let mut marks = Tree::new();
            objects::each(&held.gone[0].tree, &mut |path, _| mark(&mut marks, path));
            marks
        };
        let (back, forgotten) =
            returned(&held, Start { incarnation: 2, starting: true }, &bgpd(PEER));
        assert!(back.is_empty());
        assert!(!forgotten.is_empty());
    }
}
