//! Whether bfdd's live sessions are those that are declared. Pure.
//!
//! bfdd keeps one session for an address, whoever asks for it: timers that were once set inside a configured session
//! outlive it where bgpd goes on using it, and overrule the profile that bgpd names (measured on 10.3). The running
//! configuration shows nothing of that, so the session itself is asked.

use std::net::IpAddr;

use super::session::bfd;
pub use super::state::{SHOW_SESSIONS, Shown, shown};
use crate::{
    protocol::{
        object,
        path::{below, bgp_instance},
    },
    tree::{Node, Path, Tree},
};

/// What a session runs with: intervals in milliseconds, and the multiplier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    receive: u32,
    transmit: u32,
    multiplier: u32,
}

impl Timers {
    /// bfdd's own.
    const DEFAULT: Self = Self { receive: 300, transmit: 300, multiplier: 3 };
}

/// Who asks bfdd for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asker {
    /// bgpd, for a neighbour: it knows the hops and the local address.
    Neighbor,
    /// bfdd's own configuration.
    Configuration { multihop: bool, local: Option<IpAddr>, interface: Option<String> },
}

/// A session that is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    peer: IpAddr,
    asker: Asker,
    timers: Timers,
    /// Where it is declared.
    pub path: Path,
}

/// A declared session that bfdd runs otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otherwise {
    /// What is declared.
    pub wanted: Wanted,
    /// What runs; `None` where there is no such session.
    pub shown: Option<Shown>,
}

/// The sessions that trees of bgpd and bfdd stand for.
pub fn wanted(bgpd: &Tree, bfdd: &Tree) -> Vec<Wanted> {
    let mut found = Vec::new();
    for (path, neighbor) in entries(bgpd, &below(&bgp_instance(), &["neighbors"]), "neighbor") {
        let leaf = |name: &str| neighbor.leaf(&below(&Path::default(), &["bfd-options", name]));
        if leaf("enable") != Some("true") {
            continue;
        }
        let timers = match leaf("novaroute-frr-bgp:profile") {
            Some(name) => profile(bfdd, name),
            None => Some(Timers::DEFAULT),
        };
        let peer = key(&path, "remote-address").and_then(|address| address.parse().ok());
        if let (Some(peer), Some(timers)) = (peer, timers) {
            found.push(Wanted { peer, asker: Asker::Neighbor, timers, path });
        }
    }
    for list in ["single-hop", "multi-hop"] {
        for (path, session) in entries(bfdd, &below(&bfd(), &["sessions"]), list) {
            let multihop = list == "multi-hop";
            let source = match multihop {
                true => key(&path, "source-addr"),
                false => session.leaf(&below(&Path::default(), &["source-addr"])),
            };
            let interface = key(&path, "interface").filter(|name| *name != "*").map(str::to_owned);
            let local = source.and_then(|address| address.parse().ok());
            let peer = key(&path, "dest-addr").and_then(|address| address.parse().ok());
            if let Some(peer) = peer {
                let asker = Asker::Configuration { multihop, local, interface };
                found.push(Wanted { peer, asker, timers: timers(session), path });
            }
        }
    }
    found
}

/// Which of the declared sessions bfdd runs otherwise. Where it can't be told which session is meant, none is named.
pub fn otherwise(wanted: &[Wanted], shown: &[Shown]) -> Vec<Otherwise> {
    let differs = |wanted: &Wanted| {
        let mut with = shown.iter().filter(|it| it.peer == wanted.peer);
        let session = match &wanted.asker {
            Asker::Neighbor => {
                let all: Vec<&Shown> = with.collect();
                let dynamic = all.iter().find(|it| it.is_dynamic()).copied();
                match (&all[..], dynamic) {
                    (_, Some(dynamic)) => Some(dynamic),
                    ([], None) => None,
                    ([one], None) => Some(*one),
                    // One of those that are configured.
                    _ => return None,
                }
            }
            Asker::Configuration { multihop, local, interface } => with.find(|it| {
                it.multihop == *multihop
                    && local.is_none_or(|local| it.local == Some(local))
                    && interface.as_ref().is_none_or(|name| it.interface == *name)
            }),
        };
        match session {
            Some(session) if session.timers() == wanted.timers => None,
            session => Some(Otherwise { wanted: wanted.clone(), shown: session.cloned() }),
        }
    };
    wanted.iter().filter_map(differs).collect()
}

impl Shown {
    fn timers(&self) -> Timers {
        let Self { receive_interval, transmit_interval, detect_multiplier, .. } = *self;
        Timers {
            receive: receive_interval,
            transmit: transmit_interval,
            multiplier: detect_multiplier,
        }
    }
}

impl Otherwise {
    /// Whether bgpd asks for the session, and not bfdd's configuration.
    pub fn is_of_bgpd(&self) -> bool {
        self.wanted.asker == Asker::Neighbor
    }

    /// What gives a session of bgpd's its timers without interrupting it: it is configured for a moment, as it is. `None`
    /// where the session is in bfdd's configuration, which is somebody's.
    ///
    /// The commands are typed from the configuration's top, all at once.
    pub fn mending(&self) -> Option<Vec<String>> {
        let session = self.shown.as_ref().filter(|it| it.is_dynamic())?;
        let mut name = format!("peer {}", session.peer);
        if session.multihop {
            name.push_str(" multihop");
        }
        if let Some(local) = session.local {
            name.push_str(&format!(" local-address {local}"));
        }
        if !session.interface.is_empty() {
            name.push_str(&format!(" interface {}", session.interface));
        }
        let (wanted, shown, own) = (self.wanted.timers, session.timers(), Timers::DEFAULT);
        let mut commands = vec!["bfd".to_owned(), name.clone()];
        for (line, wanted, shown, own) in [
            ("detect-multiplier", wanted.multiplier, shown.multiplier, own.multiplier),
            ("receive-interval", wanted.receive, shown.receive, own.receive),
            ("transmit-interval", wanted.transmit, shown.transmit, own.transmit),
        ] {
            // A configured session begins with bfdd's own values, so typing one of them changes nothing, and the
            // session keeps what lingers: another value has to come before it.
            if wanted == own && shown != wanted {
                commands.push(format!("{line} {}", wanted + 1));
            }
            commands.push(format!("{line} {wanted}"));
        }
        commands.extend(["bfd".to_owned(), format!("no {name}")]);
        Some(commands)
    }
}

impl std::fmt::Display for Otherwise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let say = |timers: Timers| {
            let Timers { receive, transmit, multiplier } = timers;
            format!(
                "receive-interval {receive}, transmit-interval {transmit}, detect-multiplier {multiplier}"
            )
        };
        let (peer, wanted) = (self.wanted.peer, say(self.wanted.timers));
        match &self.shown {
            Some(shown) => {
                let runs = say(shown.timers());
                write!(f, "bfdd runs its session with {peer} at {runs}, not at {wanted}")
            }
            None => write!(f, "bfdd has no such session with {peer}"),
        }
    }
}

/// The timers of a profile.
fn profile(bfdd: &Tree, name: &str) -> Option<Timers> {
    let profiles = entries(bfdd, &bfd(), "profile");
    let named = |(path, _): &(Path, &Tree)| key(path, "name") == Some(name);
    profiles.into_iter().find(named).map(|(_, profile)| timers(profile))
}

/// The timers that stand in a session or profile; bfdd's own where they do not. The model counts microseconds.
fn timers(inside: &Tree) -> Timers {
    let leaf = |name: &str| {
        let text = inside.leaf(&below(&Path::default(), &[name]))?;
        text.parse::<u32>().ok()
    };
    let millis = |name: &str, default| leaf(name).map_or(default, |micros| micros / 1000);
    Timers {
        receive: millis("required-receive-interval", Timers::DEFAULT.receive),
        transmit: millis("desired-transmission-interval", Timers::DEFAULT.transmit),
        multiplier: leaf("detection-multiplier").unwrap_or(Timers::DEFAULT.multiplier),
    }
}

/// The entries of a list, each with its path.
fn entries<'a>(tree: &'a Tree, at: &Path, list: &str) -> Vec<(Path, &'a Tree)> {
    let Some(inside) = tree.subtree(at) else { return Vec::new() };
    let Some((name, Node::List(entries))) = inside.iter().find(|(name, _)| &***name == list) else {
        return Vec::new();
    };
    let entry = |(keys, entry)| (at.join(entries.step(name, keys)), entry);
    entries.entries.iter().map(entry).collect()
}

/// A key of the last step.
fn key<'a>(path: &'a Path, name: &str) -> Option<&'a str> {
    object::key(path.0.last()?, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        daemon::Daemon,
        frr::vty::table::{Defaults, Table},
    };

    fn tree(daemon: Daemon, text: &str) -> Tree {
        Table::of(daemon).expect("a table").parse(text, &Defaults::default()).tree
    }

    const BGPD: &str = "router bgp 65000\n neighbor 10.0.1.2 remote-as 65001\n neighbor 10.0.1.2 bfd\n \
         neighbor 10.0.1.2 bfd profile NR-100-150-5\n neighbor 10.0.2.2 remote-as 65002\n neighbor 10.0.2.2 bfd\n \
         neighbor 10.0.3.2 remote-as 65003\nexit\n";

    const BFDD: &str = "bfd\n profile NR-100-150-5\n  detect-multiplier 5\n  transmit-interval 150\n  \
         receive-interval 100\n exit\n peer 10.0.9.2 interface tor0\n  receive-interval 50\n exit\n \
         peer 10.0.8.2 multihop local-address 10.0.8.1\n exit\nexit\n";

    fn session(peer: &str, kind: &str, timers: (u32, u32, u32)) -> Shown {
        Shown {
            receive_interval: timers.0,
            transmit_interval: timers.1,
            detect_multiplier: timers.2,
            ..Shown::down(peer.parse().expect("an address"), kind)
        }
    }

    fn all_well() -> Vec<Shown> {
        vec![
            session("10.0.1.2", "dynamic", (100, 150, 5)),
            session("10.0.2.2", "dynamic", (300, 300, 3)),
            Shown { interface: "tor0".into(), ..session("10.0.9.2", "configured", (50, 300, 3)) },
            Shown {
                multihop: true,
                local: "10.0.8.1".parse().ok(),
                ..session("10.0.8.2", "configured", (300, 300, 3))
            },
        ]
    }

    #[test]
    fn what_runs_as_declared_differs_in_nothing() {
        let wanted = wanted(&tree(Daemon::Bgpd, BGPD), &tree(Daemon::Bfdd, BFDD));
        assert_eq!(wanted.len(), 4);
        assert_eq!(otherwise(&wanted, &all_well()), []);
        // None of it is there.
        assert_eq!(otherwise(&wanted, &[]).len(), 4);
    }

    #[test]
    fn timers_that_linger_are_found_and_mended_on_the_session_itself() {
        let wanted = wanted(&tree(Daemon::Bgpd, BGPD), &tree(Daemon::Bfdd, BFDD));
        let mut shown = all_well();
        shown[0] = Shown {
            local: "10.0.1.1".parse().ok(),
            interface: "tor0".into(),
            ..session("10.0.1.2", "dynamic", (60_000, 60_000, 255))
        };
        let wrong = otherwise(&wanted, &shown);
        assert_eq!(wrong.len(), 1);
        assert_eq!(
            wrong[0].mending().expect("it is bgpd's"),
            [
                "bfd",
                "peer 10.0.1.2 local-address 10.0.1.1 interface tor0",
                "detect-multiplier 5",
                "receive-interval 100",
                "transmit-interval 150",
                "bfd",
                "no peer 10.0.1.2 local-address 10.0.1.1 interface tor0",
            ]
        );
        assert_eq!(
            wrong[0].to_string(),
            "bfdd runs its session with 10.0.1.2 at receive-interval 60000, transmit-interval 60000, \
             detect-multiplier 255, not at receive-interval 100, transmit-interval 150, detect-multiplier 5"
        );
        // bfdd's own values are typed after another: of a value that is there it tells nobody.
        let mut defaults = all_well();
        defaults[1] = session("10.0.2.2", "dynamic", (100, 300, 5));
        assert_eq!(
            otherwise(&wanted, &defaults)[0].mending().expect("it is bgpd's"),
            [
                "bfd",
                "peer 10.0.2.2",
                "detect-multiplier 4",
                "detect-multiplier 3",
                "receive-interval 301",
                "receive-interval 300",
                "transmit-interval 300",
                "bfd",
                "no peer 10.0.2.2",
            ]
        );
        // One that is configured is somebody's.
        shown[0].kind = "configured".into();
        assert_eq!(otherwise(&wanted, &shown)[0].mending(), None);
    }

    #[test]
    fn of_two_sessions_bgpds_is_the_one_that_nobody_configured() {
        let wanted = wanted(&tree(Daemon::Bgpd, BGPD), &tree(Daemon::Bfdd, BFDD));
        let mut shown = all_well();
        let theirs = Shown { multihop: true, ..session("10.0.1.2", "configured", (999, 999, 9)) };
        shown.insert(0, theirs);
        assert_eq!(otherwise(&wanted, &shown), []);
        // A session over another interface is not the declared one.
        shown[3].interface = "bird0".into();
        assert_eq!(otherwise(&wanted, &shown).len(), 1);
    }

    #[test]
    fn what_bfdd_writes_is_read() {
        let json = include_str!("../../../tests/fixtures/bfdd-10.3/peers.json");
        assert!(!shown(json).expect("JSON").is_empty());
        assert!(shown("% no").is_err());
    }
}
