//! Whose objects are, as far as the intents do not tell: what is remembered, and its records. Pure.

use std::{collections::BTreeMap, sync::Arc};

use super::message::Unreadable;
use crate::{
    daemon::Daemon,
    proto::journal::v1,
    tree::{List, Node, Path, Tree},
};

/// Objects that are remembered after they were taken away, for each daemon: more than an owner withdraws between
/// two restarts of FRR, and less than a megabyte.
const GONE: usize = 10_000;

/// What changes of what is remembered, before FRR is touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// By daemon.
    pub daemons: BTreeMap<Daemon, Claim>,
    /// Whether what is prepared is about to be sent.
    pub touching: bool,
}

/// What changes of one daemon. The default changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// Marks of objects that are declared and that we did not make.
    pub theirs: Tree,
    /// Marks that no longer hold.
    pub freed: Tree,
    /// What of ours stays though it is not declared, where that changes.
    pub kept: Option<Tree>,
    /// What was configured where something was taken over, where that changes.
    pub stood: Option<Stood>,
    /// What is taken away, by the incarnation of the daemon that ran it.
    pub gone: Vec<Gone>,
    /// What of that is forgotten; of an incarnation without nodes all.
    pub forgotten: Vec<Gone>,
}

/// What was configured where something was taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stood {
    /// What the table can read.
    pub tree: Tree,
    /// What it can't.
    pub lines: Vec<StoodLine>,
}

/// A line that the table can't read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoodLine {
    /// The object that it is about.
    pub path: Path,
    /// Lines that lead to its context.
    pub context: Vec<String>,
    /// The line.
    pub text: String,
}

/// Objects that were taken away from one incarnation of a daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone {
    /// Which: a number that another start of the daemon does not have.
    pub incarnation: u64,
    /// The objects with what was in them.
    pub tree: Tree,
}

/// What is remembered of one daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Marks of objects that are declared and that we did not make.
    pub theirs: Tree,
    /// What of ours stays though it is not declared.
    pub kept: Tree,
    /// What was configured where something was taken over.
    pub stood: Stood,
    /// What was taken away, the oldest first.
    pub gone: Vec<Gone>,
    /// Leaves and empty entries in there, at the most.
    ends: usize,
}

impl Claims {
    /// Whether nothing changes.
    pub fn is_trivial(&self) -> bool {
        self.daemons.values().all(|claim| *claim == Claim::default())
    }

    /// Whether it says of something that it is foreign, or ours: a power cut must not lose that.
    pub fn must_last(&self) -> bool {
        self.daemons
            .values()
            .any(|claim| !claim.theirs.is_empty() || claim.kept.is_some() || claim.stood.is_some())
    }
}

impl Gone {
    fn same_incarnation(&self, other: &Self) -> bool {
        self.incarnation == other.incarnation
    }
}

impl Stood {
    /// Whether nothing was configured.
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty() && self.lines.is_empty()
    }
}

impl Remembered {
    /// Takes note of a change.
    pub fn apply(&mut self, claim: &Claim) {
        claim.freed.for_each_leaf(&mut |path, _| {
            self.theirs.remove_with_shells(path, &|_| false);
        });
        self.theirs.merge(&claim.theirs);
        if let Some(kept) = &claim.kept {
            self.kept.clone_from(kept);
        }
        if let Some(stood) = &claim.stood {
            self.stood.clone_from(stood);
        }
        for forgotten in &claim.forgotten {
            for gone in self.gone.iter_mut().filter(|gone| gone.same_incarnation(forgotten)) {
                match forgotten.tree.is_empty() {
                    true => gone.tree = Tree::new(),
                    false => gone.forget(&forgotten.tree),
                }
            }
        }
        for gone in claim.gone.iter().filter(|gone| !gone.tree.is_empty()) {
            self.ends += ends(&gone.tree);
            match self.gone.iter_mut().find(|all| all.same_incarnation(gone)) {
                Some(all) => all.tree.merge(&gone.tree),
                None => self.gone.push(gone.clone()),
            }
        }
        self.gone.retain(|gone| !gone.tree.is_empty());
        self.bound();
    }

    /// Forgets what is too much; which of them does not matter, since a file that brings so much back was not
    /// written by chance.
    fn bound(&mut self) {
        while self.ends > GONE * ENDS {
            self.ends = self.gone.iter().map(|gone| ends(&gone.tree)).sum();
            if self.ends > GONE * ENDS {
                self.gone.remove(0);
            }
        }
        if self.gone.is_empty() {
            self.ends = 0;
        }
    }
}

/// Leaves and empty entries that an object counts for.
const ENDS: usize = 4;

fn ends(tree: &Tree) -> usize {
    let mut count = 0;
    tree.for_each_end(&mut |_, _| count += 1);
    count
}

impl Gone {
    /// Takes the objects out whose marks these are.
    fn forget(&mut self, marks: &Tree) {
        marks.for_each_leaf(&mut |path, _| {
            let object = Path(path.0[..path.0.len() - 1].to_vec());
            self.tree.remove_with_shells(&object, &|_| false);
        });
    }
}

fn nodes(tree: &Tree) -> Vec<v1::Node> {
    let mut nodes = Vec::new();
    for (name, node) in tree.iter() {
        let plain = v1::Node { name: name.to_string(), ..v1::Node::default() };
        match node {
            Node::Leaf(value) => {
                nodes.push(v1::Node { value: Some(value.to_string()), ..plain });
            }
            Node::Container(inside) => {
                nodes.push(v1::Node { children: self::nodes(inside), ..plain })
            }
            Node::Presence(inside) => {
                nodes.push(v1::Node { children: self::nodes(inside), presence: true, ..plain });
            }
            Node::List(list) => {
                for (keys, entry) in &list.entries {
                    let step = list.step(name, keys);
                    let pairs = step.keys().flat_map(|(k, v)| [k.to_string(), v.to_string()]);
                    let keys = pairs.collect();
                    nodes.push(v1::Node { keys, children: self::nodes(entry), ..plain.clone() });
                }
            }
            // No object of ours has any.
            Node::LeafList(_) => {}
        }
    }
    nodes
}

fn tree(nodes: &[v1::Node]) -> Result<Tree, Unreadable> {
    let mut tree = Tree::new();
    for node in nodes {
        let name = node.name.as_str().into();
        let inside = self::tree(&node.children)?;
        match (&node.value, node.keys.is_empty()) {
            (Some(value), _) => tree.put(&name, Some(Node::Leaf(value.as_str().into()))),
            (None, true) if node.presence => tree.put(&name, Some(Node::Presence(inside))),
            (None, true) => tree.put(&name, Some(Node::Container(inside))),
            (None, false) => {
                let (names, values): (Vec<_>, Vec<_>) =
                    node.keys.chunks(2).map(|pair| (pair.first(), pair.get(1))).unzip();
                let lacking = || Unreadable("a key without a value".to_owned());
                let values: Option<Vec<Box<str>>> =
                    values.into_iter().map(|value| value.map(|it| it.as_str().into())).collect();
                let values = values.ok_or_else(lacking)?;
                let list = tree.child_or_insert(&name, || {
                    let keys = names.into_iter().flatten().map(|name| name.as_str().into());
                    Node::List(List { keys: keys.collect(), entries: BTreeMap::new() })
                });
                let Node::List(list) = list else { return Err(lacking()) };
                list.entries.insert(values.into(), inside);
            }
        }
    }
    Ok(tree)
}

fn daemon(name: &str) -> Result<Daemon, Unreadable> {
    let found = Daemon::ALL.into_iter().find(|daemon| daemon.name() == name);
    found.ok_or_else(|| Unreadable(format!("no daemon is called {name:?}")))
}

fn stood_message(stood: &Stood) -> v1::Stood {
    let lines = stood.lines.iter().map(|line| v1::StoodLine {
        path: line.path.to_string(),
        context: line.context.clone(),
        text: line.text.clone(),
    });
    v1::Stood { nodes: nodes(&stood.tree), lines: lines.collect() }
}

fn to_stood(message: &v1::Stood) -> Result<Stood, Unreadable> {
    let line = |line: &v1::StoodLine| {
        let path = line.path.parse();
        let path = path.map_err(|error| Unreadable(format!("{}: {error}", line.path)))?;
        Ok(StoodLine { path, context: line.context.clone(), text: line.text.clone() })
    };
    let lines = message.lines.iter().map(line).collect::<Result<_, Unreadable>>()?;
    Ok(Stood { tree: tree(&message.nodes)?, lines })
}

fn gone_messages(gone: &[Gone]) -> Vec<v1::Gone> {
    let message =
        |gone: &Gone| v1::Gone { incarnation: gone.incarnation, nodes: nodes(&gone.tree) };
    gone.iter().map(message).collect()
}

fn to_gone(messages: &[v1::Gone]) -> Result<Vec<Gone>, Unreadable> {
    let gone = messages
        .iter()
        .map(|gone| Ok(Gone { incarnation: gone.incarnation, tree: tree(&gone.nodes)? }));
    gone.collect()
}

pub(super) fn message(claims: &Claims) -> v1::Claims {
    let daemons = claims.daemons.iter().map(|(daemon, claim)| v1::Claim {
        daemon: daemon.name().to_owned(),
        theirs: nodes(&claim.theirs),
        freed: nodes(&claim.freed),
        kept: claim.kept.as_ref().map(|kept| v1::Nodes { nodes: nodes(kept) }),
        stood: claim.stood.as_ref().map(stood_message),
        gone: gone_messages(&claim.gone),
        forgotten: gone_messages(&claim.forgotten),
    });
    v1::Claims { daemons: daemons.collect(), touching: claims.touching }
}

pub(super) fn to_claims(message: &v1::Claims) -> Result<Claims, Unreadable> {
    let mut claims = Claims { touching: message.touching, ..Claims::default() };
    for claim in &message.daemons {
        let read = Claim {
            theirs: tree(&claim.theirs)?,
            freed: tree(&claim.freed)?,
            kept: claim.kept.as_ref().map(|kept| tree(&kept.nodes)).transpose()?,
            stood: claim.stood.as_ref().map(to_stood).transpose()?,
            gone: to_gone(&claim.gone)?,
            forgotten: to_gone(&claim.forgotten)?,
        };
        claims.daemons.insert(daemon(&claim.daemon)?, read);
    }
    Ok(claims)
}

/// All that is remembered, as one change of nothing.
pub(super) fn snapshot(all: &BTreeMap<Daemon, Arc<Remembered>>) -> Option<Claims> {
    let claim = |held: &Remembered| Claim {
        theirs: held.theirs.clone(),
        kept: (!held.kept.is_empty()).then(|| held.kept.clone()),
        stood: (!held.stood.is_empty()).then(|| held.stood.clone()),
        gone: held.gone.clone(),
        ..Claim::default()
    };
    let claims = Claims {
        daemons: all.iter().map(|(daemon, held)| (*daemon, claim(held))).collect(),
        touching: false,
    };
    (!claims.is_trivial()).then_some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_tree(leaves: &[&str]) -> Tree {
        let mut tree = Tree::new();
        leaves.iter().for_each(|path| tree.set(&path.parse().expect("a path"), "v"));
        tree
    }

    #[test]
    fn what_is_written_is_read() {
        let mut kept = a_tree(&["/m:a/l[k='1'][j='(null)']/x", "/m:a/l[k='2'][j='']/x"]);
        kept.ensure_presence(&"/m:p".parse().expect("a path"));
        let line = StoodLine {
            path: "/m:a/l[k='1'][j='2']".parse().expect("a path"),
            context: vec!["router bgp 1".into()],
            text: "network 10.0.0.0/8 backdoor".into(),
        };
        let claim = Claim {
            theirs: a_tree(&["/m:a/l[k='1'][j='2']/*"]),
            freed: a_tree(&["/m:b/*"]),
            kept: Some(kept.clone()),
            stood: Some(Stood { tree: kept.clone(), lines: vec![line] }),
            gone: vec![Gone { incarnation: 7, tree: kept }],
            forgotten: vec![Gone { incarnation: 8, tree: Tree::new() }],
        };
        let claims = Claims { daemons: [(Daemon::Bgpd, claim)].into(), touching: true };
        assert_eq!(to_claims(&message(&claims)).expect("readable"), claims);
    }

    #[test]
    fn marks_come_and_go_and_a_snapshot_has_what_is_left() {
        let mut held = Remembered::default();
        let theirs = a_tree(&["/m:a/l[k='1']/*", "/m:a/l[k='2']/*"]);
        held.apply(&Claim { theirs, ..Claim::default() });
        let freed = a_tree(&["/m:a/l[k='1']/*"]);
        held.apply(&Claim { freed, ..Claim::default() });
        assert_eq!(held.theirs, a_tree(&["/m:a/l[k='2']/*"]));
        let all = BTreeMap::from([(Daemon::Bfdd, Arc::new(held.clone()))]);
        let mut again = Remembered::default();
        again.apply(&snapshot(&all).expect("something").daemons[&Daemon::Bfdd]);
        assert_eq!(again, held);
    }

    #[test]
    fn what_was_taken_away_is_forgotten_by_object_by_incarnation_and_where_it_is_too_much() {
        let gone = |incarnation, leaves: &[&str]| Gone { incarnation, tree: a_tree(leaves) };
        let mut held = Remembered::default();
        let first = gone(1, &["/m:a/l[k='1']/x", "/m:a/l[k='2']/x"]);
        held.apply(&Claim { gone: vec![first, gone(2, &["/m:b/x"])], ..Claim::default() });
        let forgotten = vec![gone(1, &["/m:a/l[k='1']/*"]), gone(2, &[])];
        held.apply(&Claim { forgotten, ..Claim::default() });
        assert_eq!(held.gone, [gone(1, &["/m:a/l[k='2']/x"])]);
        let mut many = Tree::new();
        for n in 0..GONE * ENDS {
            many.set(&format!("/m:a/l[k='{n}']/x").parse().expect("a path"), "v");
        }
        held.apply(&Claim { gone: vec![Gone { incarnation: 3, tree: many }], ..Claim::default() });
        assert_eq!(held.gone.iter().map(|gone| gone.incarnation).collect::<Vec<_>>(), [3]);
        held.apply(&Claim { gone: vec![gone(3, &["/m:b/x"])], ..Claim::default() });
        assert_eq!(held, Remembered::default());
    }
}
