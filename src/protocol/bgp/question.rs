//! What proves a change of few networks: bgpd is asked for each of them, so that the proof costs what it changes.
//!
//! It never says yes where the table, which reads all that bgpd runs, would say no; where it can't say yes, the caller reads
//! with the table.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{
    model::Community,
    tree::{Node, Path, Step, Tree, is_same_address},
};

/// What bgpd is asked for, and what it has to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The command.
    pub command: String,
    wanted: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// A route with these attributes, of `network` and nothing else.
    Route(Attributes),
    /// No such route.
    NoRoute,
    /// Nothing at all.
    Nothing,
    /// No route that an aggregate suppresses.
    Unsuppressed,
}

/// What a route-map of ours sets, in bgpd's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Attributes {
    metric: u32,
    local_preference: Option<u32>,
    communities: BTreeSet<Community>,
    large_communities: BTreeSet<Community>,
    next_hop: Option<String>,
}

/// bgpd's answer about one prefix, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Route {
    #[serde(default)]
    paths: Vec<RoutePath>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoutePath {
    #[serde(default)]
    sourced: bool,
    #[serde(default)]
    local: bool,
    /// By an aggregate.
    #[serde(default)]
    suppressed: bool,
    /// Taken away, and not yet swept out.
    #[serde(default)]
    removed: bool,
    #[serde(default)]
    origin: String,
    #[serde(default)]
    metric: u32,
    #[serde(rename = "locPrf")]
    local_preference: Option<u32>,
    community: Option<Communities>,
    large_community: Option<Communities>,
    #[serde(default)]
    nexthops: Vec<RouteNextHop>,
}

#[derive(Debug, Deserialize)]
struct Communities {
    string: String,
}

#[derive(Debug, Deserialize)]
struct RouteNextHop {
    ip: Option<String>,
}

impl Question {
    /// What proves that a daemon runs `desired` and nothing of `last` that is in neither `desired` nor
    /// `keep`; `None` where that is not all prefixes and their route-maps. What the trees have in common
    /// (the instance around the prefixes) is not asked for.
    ///
    /// A route-map that is there needs no question of its own: what it does is seen on the prefix that
    /// names it.
    pub fn of<'a, S: AsRef<Path> + 'a>(
        steps: impl IntoIterator<Item = &'a S>,
        last: &Tree,
        desired: &Tree,
        keep: &Tree,
    ) -> Option<Vec<Self>> {
        let can_be_asked = |path: &Path| network(path).is_some() || is_route_map(path);
        if !steps.into_iter().all(|step| can_be_asked(step.as_ref())) {
            return None;
        }
        let mut used = BTreeSet::new();
        let mut questions = Vec::new();
        for (path, entry) in networks(desired) {
            let attributes = match entry.child("rmap-policy-export") {
                Some(Node::Leaf(map)) => {
                    used.insert(&**map);
                    attributes(desired, map)?
                }
                _ => Attributes::default(),
            };
            questions.push(Self { command: show(&path)?, wanted: Answer::Route(attributes) });
        }
        for (path, _) in networks(last) {
            if !desired.contains(&path) && !keep.contains(&path) {
                questions.push(Self { command: show(&path)?, wanted: Answer::NoRoute });
            }
        }
        for map in route_maps(last) {
            let path = route_map(map);
            if !desired.contains(&path) && !keep.contains(&path) {
                let command = format!("show route-map {map} json");
                questions.push(Self { command, wanted: Answer::Nothing });
            }
        }
        route_maps(desired).all(|map| used.contains(map)).then_some(questions)
    }

    /// What proves that nobody has configured these networks; `None` where that can't be asked of one of them.
    /// Route-maps are named by their content, so that it does not matter who made one.
    pub fn whether_free<'a>(paths: impl Iterator<Item = &'a Path>) -> Option<Vec<Self>> {
        let networks = paths.filter(|path| !is_route_map(path));
        networks.map(|path| Some(Self { command: show(path)?, wanted: Answer::NoRoute })).collect()
    }

    /// What proves that no aggregate suppresses these networks; `None` where that can't be asked of one of them.
    pub fn whether_unsuppressed<'a>(paths: impl Iterator<Item = &'a Path>) -> Option<Vec<Self>> {
        let networks = paths.filter(|path| !is_route_map(path));
        networks
            .map(|path| Some(Self { command: show(path)?, wanted: Answer::Unsuppressed }))
            .collect()
    }

    /// Whether bgpd's answer is the one that is wanted.
    pub fn is_proven_by(&self, answer: &str) -> bool {
        if self.wanted == Answer::Nothing {
            let json = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(answer);
            return json.is_ok_and(|json| json.is_empty());
        }
        let Ok(route) = serde_json::from_str::<Route>(answer) else { return false };
        // Of `network` and nothing else: what is redistributed has another origin.
        let ours =
            |path: &&RoutePath| path.sourced && path.local && !path.removed && path.origin == "IGP";
        let path = route.paths.iter().find(ours);
        match (&self.wanted, path) {
            (Answer::NoRoute, None) => true,
            (Answer::Unsuppressed, _) => !route.paths.iter().any(|path| path.suppressed),
            (Answer::Route(wanted), Some(path)) => wanted.are_those_of(path),
            _ => false,
        }
    }
}

impl Attributes {
    fn are_those_of(&self, path: &RoutePath) -> bool {
        let shown = |shown: &Option<Communities>| {
            communities(shown.as_ref().map_or("", |communities| &*communities.string))
        };
        let next_hop = path.nexthops.first().and_then(|hop| hop.ip.as_deref());
        self.metric == path.metric
            // bgpd shows its default of 100 or nothing where none is set.
            && self.local_preference.is_none_or(|wanted| path.local_preference == Some(wanted))
            && (self.local_preference.is_some() || path.local_preference.is_none_or(|it| it == 100))
            && shown(&path.community).as_ref() == Some(&self.communities)
            && shown(&path.large_community).as_ref() == Some(&self.large_communities)
            && match &self.next_hop {
                Some(wanted) => next_hop.is_some_and(|shown| is_same_address(shown, wanted)),
                None => next_hop.is_none_or(|ip| matches!(ip, "0.0.0.0" | "::")),
            }
    }
}

/// Family and prefix of a `network-config` entry.
fn network(path: &Path) -> Option<(&'static str, &str)> {
    let (last, above) = path.0.split_last()?;
    let family = match &*above.last()?.name {
        "ipv4-unicast" => "ipv4",
        "ipv6-unicast" => "ipv6",
        _ => return None,
    };
    let prefix = last.key_values.first().filter(|_| &*last.name == "network-config")?;
    Some((family, prefix))
}

/// The question for a prefix. bgpd takes half again as long for `show bgp FAMILY unicast PREFIX json`, which
/// shows the same: it is the words that it searches longest for.
fn show(path: &Path) -> Option<String> {
    Some(match network(path)? {
        ("ipv4", prefix) => format!("show ip bgp {prefix} json"),
        (_, prefix) => format!("show bgp {prefix} json"),
    })
}

/// Every `network-config` entry with its path.
fn networks(tree: &Tree) -> Vec<(Path, &Tree)> {
    let mut found = Vec::new();
    find_networks(&mut Path::default(), tree, &mut found);
    found
}

fn find_networks<'a>(path: &mut Path, tree: &'a Tree, found: &mut Vec<(Path, &'a Tree)>) {
    for (name, node) in tree.iter() {
        match node {
            Node::Container(inside) | Node::Presence(inside) => {
                path.0.push(Step::plain(name.clone()));
                find_networks(path, inside, found);
                path.0.pop();
            }
            Node::List(list) => {
                for (keys, entry) in &list.entries {
                    path.0.push(list.step(name, keys));
                    if &**name == "network-config" {
                        found.push((path.clone(), entry));
                    } else {
                        find_networks(path, entry, found);
                    }
                    path.0.pop();
                }
            }
            Node::Leaf(_) | Node::LeafList(_) => {}
        }
    }
}

const ROUTE_MAPS: &str = "frr-route-map:lib";

fn is_route_map(path: &Path) -> bool {
    path.0.first().is_some_and(|lib| &*lib.name == ROUTE_MAPS)
}

/// Names of the route-maps in a tree.
fn route_maps(tree: &Tree) -> impl Iterator<Item = &str> {
    let list =
        match tree.child(ROUTE_MAPS).and_then(Node::tree).and_then(|lib| lib.child("route-map")) {
            Some(Node::List(list)) => Some(list),
            _ => None,
        };
    list.into_iter().flat_map(|list| list.entries.keys()).filter_map(|keys| Some(&**keys.first()?))
}

fn route_map(name: &str) -> Path {
    let map = Step::entry("route-map", [("name".into(), name.into())]);
    Path(vec![Step::plain(ROUTE_MAPS), map])
}

/// What a route-map sets; `None` where it has more than one entry, or sets what is not known here.
fn attributes(tree: &Tree, map: &str) -> Option<Attributes> {
    let Node::List(entries) = tree.subtree(&route_map(map))?.child("entry")? else { return None };
    let mut entries = entries.entries.values();
    let (entry, None) = (entries.next()?, entries.next()) else { return None };
    let mut found = Attributes::default();
    let (mut known, mut legible) = (true, true);
    let mut read = |text: &str| match communities(text) {
        Some(communities) => communities,
        None => {
            legible = false;
            BTreeSet::new()
        }
    };
    entry.for_each_leaf(&mut |path, value| match path.leaf_name() {
        "action" => known &= value == "permit",
        "value" => match value.parse() {
            Ok(metric) => found.metric = metric,
            Err(_) => known = false,
        },
        "local-pref" => found.local_preference = value.parse().ok(),
        "community-string" => found.communities = read(value),
        "large-community-string" => found.large_communities = read(value),
        "ipv4-address" | "ipv6-address" => found.next_hop = Some(value.to_owned()),
        _ => known = false,
    });
    (known && legible).then_some(found)
}

/// Communities as values; `None` where one of the words is none.
fn communities(text: &str) -> Option<BTreeSet<Community>> {
    text.split_whitespace().map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        daemon::Daemon,
        frr::vty::{
            steps::{Step, steps},
            table::{Defaults, Running, Table},
        },
    };

    fn running(text: &str) -> Running {
        Table::of(Daemon::Bgpd).expect("a table").parse(text, &Defaults::default())
    }

    fn between(before: &str, after: &str) -> (Vec<Step>, Option<Vec<Question>>) {
        let table = Table::of(Daemon::Bgpd).expect("a table");
        let (before, after) = (running(before), running(after));
        let steps = steps(&table.lines(&before.tree), &table.lines(&after.tree), &[]);
        let steps = steps.expect("nothing foreign");
        let questions = Question::of(&steps, &before.tree, &after.tree, &after.tree);
        (steps, questions)
    }

    const NONE: &str = "router bgp 65000\n";
    const PLAIN: &str = "router bgp 65000\n !\n address-family ipv4 unicast\n  network 10.1.0.0/16\n \
                         exit-address-family\nexit\n";
    const MAPPED: &str = "router bgp 65000\n address-family ipv4 unicast\n  \
                          network 10.1.0.0/16 route-map NR-a\n exit-address-family\nexit\n\
                          route-map NR-a permit 10\n set metric 5\n set community 65000:1 no-export\nexit\n";

    /// As FRR 10.3 answers.
    fn answer(more: &str) -> String {
        format!(
            r#"{{"prefix":"10.1.0.0/16","paths":[{{"origin":"incomplete","sourced":true,"metric":0}},
            {{"origin":"IGP","weight":32768,"sourced":true,"local":true,{more}
            "nexthops":[{{"ip":"0.0.0.0","afi":"ipv4"}}],"peer":{{"peerId":"0.0.0.0"}}}}]}}"#
        )
    }

    #[test]
    fn a_route_with_its_attributes_proves_a_network() {
        let questions = between(NONE, MAPPED).1.expect("all can be asked");
        let [question] = &*questions else { panic!("{questions:?}") };
        assert_eq!(question.command, "show ip bgp 10.1.0.0/16 json");
        let right = r#""metric":5,"community":{"string":"65000:1 no-export"},"#;
        assert!(question.is_proven_by(&answer(right)));
        for wrong in [
            r#""metric":5,"#,
            r#""metric":6,"community":{"string":"65000:1 no-export"},"#,
            r#""metric":5,"removed":true,"community":{"string":"65000:1 no-export"},"#,
            r#""metric":5,"locPrf":200,"community":{"string":"65000:1 no-export"},"#,
            r#""metric":5,"largeCommunity":{"string":"1:2:3"},"community":{"string":"65000:1 no-export"},"#,
        ] {
            assert!(!question.is_proven_by(&answer(wrong)), "{wrong}");
        }
        assert!(!question.is_proven_by("{}") && !question.is_proven_by("% what?"));
    }

    #[test]
    fn a_route_that_is_gone_or_about_to_go_proves_a_removal() {
        let questions = between(PLAIN, NONE).1.expect("all can be asked");
        let [question] = &*questions else { panic!("{questions:?}") };
        assert!(question.is_proven_by("{}\n"));
        assert!(question.is_proven_by(&answer(r#""removed":true,"#)));
        assert!(!question.is_proven_by(&answer("")));
    }

    #[test]
    fn a_route_map_that_nobody_shows_is_gone() {
        let questions = between(MAPPED, NONE).1.expect("all can be asked");
        let [network, map] = &*questions else { panic!("{questions:?}") };
        assert_eq!(network.command, "show ip bgp 10.1.0.0/16 json");
        assert_eq!(map.command, "show route-map NR-a json");
        assert!(map.is_proven_by("{}\n"));
        assert!(!map.is_proven_by(r#"{"NR-a":{"invoked":1}}"#) && !map.is_proven_by(""));
    }

    #[test]
    fn what_no_route_shows_is_not_asked() {
        let neighbor = "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001\n";
        assert_eq!(between(NONE, neighbor).1, None);
        let unused = "router bgp 65000\nexit\nroute-map NR-a permit 10\n set metric 5\nexit\n";
        assert_eq!(between(NONE, unused).1, None);
    }

    #[test]
    fn what_is_repeated_is_asked_for_all_the_same() {
        let (steps, questions) = between(PLAIN, PLAIN);
        assert_eq!(steps, []);
        assert_eq!(questions.map(|questions| questions.len()), Some(1));
    }
}
