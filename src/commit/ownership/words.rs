//! The operator's lines in FRR's words: what refusals name. Pure.

use super::objects::{self, Kind, below};
use crate::{
    daemon::Daemon,
    frr::vty::{
        redact,
        table::{Foreign, Running, Table},
    },
    tree::{Node, Path, Tree},
};

/// How a daemon says what it runs.
#[derive(Debug, Clone, Copy)]
pub(in crate::commit) struct Words {
    daemon: Daemon,
    table: Option<&'static Table>,
}

/// What can be done about a line in the way.
const WAYS_OUT: &str = "change or remove it in FRR, declare the same, or have admin take it over \
                        (take_over)";

impl Words {
    pub(in crate::commit) fn of(daemon: Daemon) -> Self {
        Self { daemon, table: Table::of(daemon) }
    }

    /// That a line is in the way; and what is declared there.
    pub(super) fn in_the_way(&self, line: &str, wanted: Option<&str>) -> String {
        let line = redact(line);
        let declared = wanted.map(|it| format!(" and {:?} is declared", redact(it)));
        format!(
            "{} runs {line:?}, which NovaRoute did not configure{}: {WAYS_OUT}",
            self.daemon,
            declared.unwrap_or_default()
        )
    }

    /// That their instance has another AS, which only they can change.
    pub(super) fn other_as(&self, line: &str, wanted: &str) -> String {
        format!(
            "{} runs {line:?}, which NovaRoute did not configure, and AS {wanted} is declared: an instance with another AS \
             is not taken over, since all that is in it would go; declare its AS (configure-bgp), or remove it in FRR",
            self.daemon
        )
    }

    /// That something of theirs is waited for.
    pub(super) fn not_back_yet(&self) -> String {
        format!(
            "{} has just started, and what others configured here is not back yet; try again in a moment",
            self.daemon
        )
    }

    /// That another object is in the way.
    pub(super) fn in_the_way_at(
        &self,
        path: &Path,
        kind: Kind,
        own: &Tree,
        running: &Running,
    ) -> String {
        let lines = self.lines(path, kind, own, &running.tree);
        self.in_the_way(lines.first().map_or(&*path.to_string(), |line| line), None)
    }

    /// That a statement does not hold: with the line that says otherwise, or the object that says nothing of it.
    pub(super) fn differs(
        &self,
        path: &Path,
        kind: Kind,
        leaf: &Path,
        wanted: &Tree,
        found: &Tree,
        (desired, running): (&Tree, &Running),
    ) -> String {
        let line = |own: &Tree, context: &Tree| self.line_of(path, kind, leaf, own, context);
        let declared = line(wanted, desired);
        // FRR shows no line for a family that is as it is by itself.
        let is_shown = found.contains(leaf) && leaf.leaf_name() != "enabled";
        let theirs = match is_shown {
            true => line(found, &running.tree),
            false => {
                let unread =
                    declared.as_deref().and_then(|it| self.unread(path, kind, it, running));
                let first = || self.lines(path, kind, found, &running.tree).first().cloned();
                unread.map(str::to_owned).or_else(first)
            }
        };
        let object = self.lines(path, kind, found, &running.tree).into_iter().next();
        let theirs = match (object, theirs) {
            // Lines inside say nothing without the object that they are in.
            (Some(object), Some(line)) if kind == Kind::Session && object != line => {
                format!("{object} / {line}")
            }
            (object, theirs) => theirs.or(object).unwrap_or_else(|| path.to_string()),
        };
        self.in_the_way(&theirs, declared.as_deref())
    }

    /// The line that says what an object has of a leaf; the object's first where none does.
    pub(super) fn line_of(
        &self,
        path: &Path,
        kind: Kind,
        leaf: &Path,
        own: &Tree,
        context: &Tree,
    ) -> Option<String> {
        let mut without = own.clone();
        without.remove(leaf);
        let all = self.lines(path, kind, own, context);
        let mut rest = self.lines(path, kind, &without, context);
        // The same words may stand in each address family.
        let said = |line: &&String| match rest.iter().position(|other| other == *line) {
            Some(at) => {
                rest.remove(at);
                false
            }
            None => true,
        };
        all.iter().find(said).or(all.first()).cloned()
    }

    /// The line of an object that the table can't read and that is about the same as this one.
    pub(super) fn unread<'f>(
        &self,
        path: &Path,
        kind: Kind,
        declared: &str,
        running: &'f Running,
    ) -> Option<&'f str> {
        let start = || declared.split(' ').take(3);
        let is = |line: &&Foreign| {
            self.is_inside(path, kind, line) && line.text.split(' ').take(3).eq(start())
        };
        running.foreign.iter().find(is).map(|line| &*line.text)
    }

    /// The lines of an object's own.
    pub(super) fn lines(&self, path: &Path, kind: Kind, own: &Tree, context: &Tree) -> Vec<String> {
        let Some(table) = self.table else { return vec![route(path, own)] };
        let mut tree = Tree::new();
        // What the lines around it say.
        if let Some(end) = path.0.iter().position(|step| &*step.name == "frr-bgp:bgp") {
            let instance = Path(path.0[..=end].to_vec());
            let local_as = below(&instance, "global/local-as");
            if let Some(value) = context.leaf(&local_as) {
                tree.set(&local_as, value);
            }
        }
        objects::put(&mut tree, path, kind, own);
        let lines = table.lines(&tree);
        let inside = lines.iter().filter(|line| match kind {
            Kind::Instance => true,
            _ => line.path.starts_with(path),
        });
        inside.map(|line| line.text.to_string()).collect()
    }

    /// An unknown line that stands in the place of an object.
    pub(super) fn in_place<'f>(
        &self,
        path: &Path,
        kind: Kind,
        foreign: &'f [Foreign],
    ) -> Option<&'f str> {
        let begins = |text: &str, words: &str| {
            text.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let at = |line: &&Foreign| match kind {
            Kind::Instance => {
                line.context.is_empty()
                    && begins(&line.text, "router bgp")
                    && is_of_default_vrf(&line.text)
            }
            Kind::Interface => {
                let Some(words) = interface_words(path) else { return false };
                let name = key(path, "interface", "name");
                line.context.len() == 1
                    && line.context[0].strip_prefix("interface ") == name
                    && begins(&line.text, words)
            }
            Kind::Redistribute => {
                let words = format!("redistribute {}", last_key(path).unwrap_or_default());
                line.context.first().is_some_and(|node| node == "router ospf")
                    && begins(&line.text, &words)
            }
            Kind::Neighbor => self.is_inside(path, kind, line) && !line.text.starts_with("no "),
            Kind::Network | Kind::Session => {
                self.is_inside(path, kind, line) && is_of_default_vrf(&line.text)
            }
            _ => false,
        };
        foreign.iter().find(at).map(|line| &*line.text)
    }

    /// The unknown lines of an object: inside it, or in its place.
    pub(in crate::commit) fn foreign_of<'f>(
        &self,
        path: &'f Path,
        kind: Kind,
        foreign: &'f [Foreign],
    ) -> impl Iterator<Item = &'f Foreign> {
        let this = *self;
        foreign.iter().filter(move |line| this.is_inside(path, kind, line))
    }

    /// Whether an unknown line is about the object and goes with it.
    pub(in crate::commit) fn is_inside(&self, path: &Path, kind: Kind, line: &Foreign) -> bool {
        let node = |at: usize| line.context.get(at).map_or("", |text| text);
        let text = line.text.strip_prefix("no ").unwrap_or(&line.text);
        let about = |words: &str| {
            text.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let in_node = |words: &str, node: &str| {
            node.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let bgp = node(0).starts_with("router bgp ") && is_of_default_vrf(node(0));
        let last = last_key(path).unwrap_or_default();
        match kind {
            Kind::Instance => bgp,
            Kind::Process => node(0) == "router ospf",
            Kind::Bfd => node(0) == "bfd",
            Kind::Neighbor => bgp && about(&format!("neighbor {last}")),
            Kind::Network => {
                let family = if last.contains(':') { "ipv6" } else { "ipv4" };
                bgp && node(1) == format!("address-family {family} unicast")
                    && about(&format!("network {last}"))
            }
            Kind::Profile => node(0) == "bfd" && node(1) == format!("profile {last}"),
            Kind::Session => {
                let words = format!("peer {}", key_of_last(path, "dest-addr").unwrap_or_default());
                let own = if line.context.len() == 1 { text } else { node(1) };
                node(0) == "bfd" && in_node(&words, own)
            }
            Kind::Entry => {
                let name = key(path, "route-map", "name").unwrap_or_default();
                let words = node(0).split(' ').collect::<Vec<_>>();
                words.len() == 4 && words[0] == "route-map" && words[1] == name && words[3] == last
            }
            Kind::Drain | Kind::Interface | Kind::Redistribute | Kind::Route => false,
        }
    }

    /// Why networks that we add to an instance of theirs would not be announced.
    pub(super) fn silent(&self, running: &Tree, instance: &Path) -> Option<String> {
        let global = |leaf: &str| running.leaf(&below(instance, &format!("global/{leaf}")));
        let line = if global("import-check") == Some("true") {
            "bgp network import-check"
        } else if global("ebgp-requires-policy") == Some("true") {
            "bgp ebgp-requires-policy"
        } else {
            return None;
        };
        Some(format!(
            "bgpd runs an instance that NovaRoute did not configure, with {line:?}, which keeps this prefix from \
             being announced: set {:?} there, or have admin take the instance over (take_over)",
            format!("no {line}"),
        ))
    }
}

/// Whether a line is about the node itself: an instance of a VRF or a view is another one.
fn is_of_default_vrf(line: &str) -> bool {
    !line.contains(" vrf ") && !line.contains(" view ")
}

/// What begins a line about a setting of an interface.
fn interface_words(path: &Path) -> Option<&'static str> {
    Some(match path.leaf_name() {
        "area" => "ip ospf area",
        "cost" => "ip ospf cost",
        "hello-interval" => "ip ospf hello-interval",
        "interval" => "ip ospf dead-interval",
        "passive" => "ip ospf passive",
        _ => return None,
    })
}

fn key<'p>(path: &'p Path, list: &str, name: &str) -> Option<&'p str> {
    let step = path.0.iter().find(|step| &*step.name == list)?;
    step.key(name)
}

fn key_of_last<'p>(path: &'p Path, name: &str) -> Option<&'p str> {
    let step = path.0.last()?;
    step.key(name)
}

fn last_key(path: &Path) -> Option<&str> {
    path.0.last()?.key_values.last().map(|value| &**value)
}

/// A static route as it is typed, about.
fn route(path: &Path, own: &Tree) -> String {
    let prefix = key(path, "route-list", "prefix").unwrap_or_default();
    let words = if prefix.contains(':') { "ipv6 route" } else { "ip route" };
    let mut line = format!("{words} {prefix}");
    let mut hop = |step: &crate::tree::Step| {
        let value = |name: &str| step.key(name).filter(|value| !matches!(*value, "" | "(null)"));
        if value("nh-type") == Some("blackhole") {
            line.push_str(" blackhole");
        }
        for part in [value("gateway"), value("interface")].into_iter().flatten() {
            line.push(' ');
            line.push_str(part);
        }
    };
    match own.child("frr-nexthops").and_then(Node::tree).and_then(|inside| inside.child("nexthop"))
    {
        Some(Node::List(list)) => {
            list.entries.keys().take(1).for_each(|keys| hop(&list.step(&"nexthop".into(), keys)));
        }
        _ => path.0.last().into_iter().for_each(&mut hop),
    }
    if let Some(distance) = key_of_last(path, "distance").filter(|distance| *distance != "1") {
        line.push(' ');
        line.push_str(distance);
    }
    line
}
