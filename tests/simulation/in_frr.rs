//! Whether FRR runs an object, in FRR's own words: knows nothing of how the product renders.

use novaroute::{
    daemon::Daemon,
    frr::vty::table::Table,
    model::Prefix,
    proto::v1::{intent::Kind, static_route::NextHop},
    yang::Yang,
};

use crate::{
    frr::{Frr, Inner},
    mgmtd::route,
    model::Object,
};

/// A prefix that the operator has too.
const THEIRS: &str = "192.0.2.3/32";

/// Holds what a daemon that answers runs against what it should: an object as it is declared, or none.
///
/// # Errors
/// What is wrong.
pub fn check(frr: &Frr, object: &Object, kind: Option<&Kind>) -> Result<(), String> {
    let inner = frr.lock();
    let daemon = executor(object);
    let process = &inner.daemons[&daemon];
    if !process.up || process.hangs() {
        return Ok(());
    }
    match (there(&inner, object, kind), kind) {
        (Some(false), Some(_)) => Err(format!("{object:?} is not in {daemon}: {kind:?}")),
        (Some(true), None) => Err(format!("{object:?} is in {daemon}")),
        _ => Ok(()),
    }
}

fn executor(object: &Object) -> Daemon {
    match object {
        Object::Peer(_) | Object::Prefix(_) => Daemon::Bgpd,
        Object::OspfPrefix(_) | Object::Route(_) => Daemon::Mgmtd,
        Object::Session(_) => Daemon::Bfdd,
        Object::Interface(_) => Daemon::Ospfd,
    }
}

/// Whether it is there, as it is declared where that is given; `None` where it can't be told.
fn there(inner: &Inner, object: &Object, kind: Option<&Kind>) -> Option<bool> {
    let lines = &inner.daemons[&executor(object)].lines;
    Some(match (object, kind) {
        (Object::Peer(address), Some(Kind::Peer(peer))) => {
            let described = format!("neighbor {address} description {}", peer.description);
            lines.has(&format!("neighbor {address} remote-as {}", peer.remote_as))
                && (peer.description.is_empty() || lines.has(&described))
        }
        (Object::Peer(address), _) => {
            lines.beginning(&format!("neighbor {address} remote-as ")).next().is_some()
        }
        (Object::Prefix(prefix), None) if prefix == THEIRS => return None,
        (Object::Prefix(prefix), kind) => {
            let network = format!("network {}", canonical(prefix));
            let line = lines.beginning(&network).find(|line| {
                line[network.len()..].is_empty() || line[network.len()..].starts_with(' ')
            });
            let med = match kind {
                Some(Kind::Prefix(it)) => it.attributes.as_ref().map_or(0, |it| it.med),
                _ => 0,
            };
            match line {
                Some(line) if med > 0 => {
                    let map = line.rsplit(' ').next().unwrap_or_default();
                    let entry = lines.beginning("route-map ").find(|it| it.contains(map));
                    let set = format!("set metric {med}");
                    entry.is_some_and(|entry| lines.inside(entry).any(|it| it == set))
                }
                line => line.is_some(),
            }
        }
        (Object::OspfPrefix(prefix), _) => {
            inner.daemons[&Daemon::Mgmtd].tree.contains(&route(&canonical(prefix)))
        }
        (Object::Route(prefix), kind) => {
            let tree = &inner.daemons[&Daemon::Mgmtd].tree;
            let mut all = Vec::new();
            if let Some(routes) = tree.subtree(&route(&canonical(prefix))) {
                routes.for_each_end(&mut |path, _| all.push(path.to_string()));
            }
            let hop = match kind {
                Some(Kind::StaticRoute(it)) => it.next_hop.clone(),
                _ => None,
            };
            match hop {
                Some(NextHop::Gateway(gateway)) => all.iter().any(|path| path.contains(&gateway)),
                Some(NextHop::Blackhole(_)) => all.iter().any(|path| path.contains("blackhole")),
                _ => !all.is_empty(),
            }
        }
        (Object::Session(address), _) => {
            // bgpd's own session takes its place.
            let bgpd = &inner.daemons[&Daemon::Bgpd].lines;
            if bgpd.beginning(&format!("neighbor {address} bfd")).next().is_some() {
                return None;
            }
            let peer = format!("peer {address}");
            lines.has(&peer) || lines.beginning(&format!("{peer} ")).next().is_some()
        }
        (Object::Interface(name), _) => {
            lines.inside(&format!("interface {name}")).any(|it| it.starts_with("ip ospf area"))
        }
    })
}

/// As FRR spells it.
fn canonical(prefix: &str) -> String {
    prefix.parse::<Prefix>().expect("a prefix of the model's").to_string()
}

/// All that a daemon runs, one value for each leaf; and what nobody but itself can read.
pub async fn all(frr: &Frr, daemon: Daemon, yang: &Yang) -> Vec<String> {
    let (tree, foreign) = match Table::of(daemon) {
        None => (frr.lock().of(daemon).tree.clone(), Vec::new()),
        Some(table) => {
            let defaults = yang.call(move |models| table.defaults(models)).await;
            let defaults = defaults.expect("models are there");
            frr.lock().of(daemon).lines.meaning(&defaults)
        }
    };
    let mut all = foreign;
    tree.for_each_end(&mut |path, value| all.push(format!("{path} {value:?}")));
    all
}
