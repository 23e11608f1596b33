//! What the same work costs without us: raw lines, `vtysh -f`, `frr-reload.py`, mgmtd's socket.
//!
//! The agent does not run meanwhile, and everything is as before at the end.

use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use novaroute::{
    daemon::Daemon,
    frr::frontend::{Action, Datastore, Edit, Format, Session},
    model::Intent,
    render::{Shapes, render},
    wire,
    yang::{Models, Profile, Schema},
};

use super::{
    calls::{AT_PEER, LOOK},
    lab::{Lab, Router, net},
    stats::Samples,
    vty::Vty,
    work::{FLOOR, network_lines, prefix, static_route},
};

type Pair = (Duration, Duration);

/// Lines that lead to where `network` lines stand.
fn to_networks() -> Vec<String> {
    vec![
        "configure terminal".to_owned(),
        format!("router bgp {}", net::NODE_AS),
        "address-family ipv4 unicast".to_owned(),
    ]
}

/// Adds and removes networks over bgpd's socket, each time read back.
pub fn raw(lab: &Lab, count: u32) -> Result<Pair, String> {
    let go = || -> std::io::Result<Pair> {
        let mut vty = Vty::connect(lab, Router::Node, "bgpd")?;
        let mut took = [Duration::ZERO; 2];
        for (no, took) in [false, true].into_iter().zip(&mut took) {
            let mut lines = to_networks();
            lines.extend(network_lines(FLOOR, count, no));
            lines.push("end".to_owned());
            let begun = Instant::now();
            vty.pipeline(&lines)?;
            let there = vty.networks()?;
            *took = begun.elapsed();
            let right = (FLOOR..FLOOR + count).all(|at| there.contains(&prefix(at)) != no);
            if !right {
                return Err(std::io::Error::other("bgpd has not what it was told"));
            }
        }
        Ok((took[0], took[1]))
    };
    go().map_err(|error| error.to_string())
}

/// Networks in batches, each asked for before the next batch is typed: what as many callers as a batch has
/// would wait for if there was nothing between them and bgpd. All are gone afterwards.
pub fn raw_in_batches(lab: &Lab, count: u32, width: u32) -> Result<Duration, String> {
    let go = || -> std::io::Result<Duration> {
        let mut vty = Vty::connect(lab, Router::Node, "bgpd")?;
        let begun = Instant::now();
        for from in (FLOOR..FLOOR + count).step_by(width as usize) {
            let size = width.min(FLOOR + count - from);
            let mut lines = to_networks();
            lines.extend(network_lines(from, size, false));
            lines.push("end".to_owned());
            vty.pipeline(&lines)?;
            if !vty.has_routes(&(from..from + size).map(prefix).collect::<Vec<_>>())? {
                return Err(std::io::Error::other("bgpd has not what it was told"));
            }
        }
        let took = begun.elapsed();
        vty.pipeline(&to_networks())?;
        vty.pipeline(&network_lines(FLOOR, count, true))?;
        vty.command("end")?;
        Ok(took)
    };
    go().map_err(|error| error.to_string())
}

/// One `network` line, typed to bgpd's socket, to the moment in which `tor` has the route; each gone again
/// afterwards.
pub fn raw_to_peer(lab: &Lab, count: u32) -> Result<Samples, String> {
    let go = || -> std::io::Result<Samples> {
        let mut node = Vty::connect(lab, Router::Node, "bgpd")?;
        let mut tor = Vty::connect(lab, Router::Tor, "bgpd")?;
        node.pipeline(&to_networks())?;
        let mut samples = Samples::default();
        for at in FLOOR..FLOOR + count {
            let begun = Instant::now();
            node.pipeline(&network_lines(at, 1, false))?;
            while !tor.has_route(&prefix(at))? {
                if begun.elapsed() > AT_PEER {
                    let words = format!("{} does not reach tor", prefix(at));
                    return Err(std::io::Error::other(words));
                }
                thread::sleep(LOOK);
            }
            samples.push(begun.elapsed());
        }
        node.pipeline(&network_lines(FLOOR, count, true))?;
        node.command("end")?;
        Ok(samples)
    };
    go().map_err(|error| error.to_string())
}

/// A program of FRR's, as `node` sees the world, to its end.
fn inside(lab: &Lab, argv: &[&str]) -> Result<(Duration, String), String> {
    let pid = lab.pid(Router::Node, "bgpd").ok_or("bgpd does not run")?.to_string();
    let mut command = Command::new("nsenter");
    command.args(["--target", &pid, "--mount", "--net", "--root", "--wd=/", "--"]).args(argv);
    let begun = Instant::now();
    let out = command.env("HOME", "/tmp").output().map_err(|error| error.to_string())?;
    let took = begun.elapsed();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    if out.status.success() {
        return Ok((took, said));
    }
    let words = String::from_utf8_lossy(&out.stderr);
    let from = words.len().saturating_sub(300);
    Err(format!("{argv:?}: {} {}", out.status, words.get(from..).unwrap_or_default()))
}

/// A file of configuration, by the name that `node` knows.
fn file(lab: &Lab, name: &str, text: &str) -> Result<String, String> {
    let path = lab.run_dir().join("node/tmp").join(name);
    fs::write(&path, text).map_err(|error| error.to_string())?;
    Ok(format!("/tmp/{name}"))
}

fn block(count: u32, no: bool) -> String {
    let mut text = format!("router bgp {}\n address-family ipv4 unicast\n", net::NODE_AS);
    for line in network_lines(FLOOR, count, no) {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str(" exit-address-family\nexit\n");
    text
}

/// How many of the floor's prefixes bgpd has.
fn standing(lab: &Lab, count: u32) -> Result<usize, String> {
    let mut vty = Vty::connect(lab, Router::Node, "bgpd").map_err(|error| error.to_string())?;
    let there = vty.networks().map_err(|error| error.to_string())?;
    Ok((FLOOR..FLOOR + count).filter(|at| there.contains(&prefix(*at))).count())
}

fn expect(lab: &Lab, count: u32, wanted: usize) -> Result<(), String> {
    match standing(lab, count)? {
        there if there == wanted => Ok(()),
        there => Err(format!("bgpd has {there} of {wanted}")),
    }
}

/// `vtysh -f`, which says nothing of the outcome.
pub fn vtysh(lab: &Lab, count: u32) -> Result<Pair, String> {
    let add = file(lab, "bench-add.conf", &block(count, false))?;
    let remove = file(lab, "bench-remove.conf", &block(count, true))?;
    let added = inside(lab, &["vtysh", "-f", &add])?.0;
    expect(lab, count, count as usize)?;
    let removed = inside(lab, &["vtysh", "-f", &remove])?.0;
    expect(lab, count, 0)?;
    Ok((added, removed))
}

/// `frr-reload.py --reload` with a whole configuration.
pub fn reload(lab: &Lab, count: u32) -> Result<Pair, String> {
    let shown = inside(lab, &["vtysh", "-c", "show running-config"])?.1;
    let from = shown.find("frr version").ok_or("no running configuration")?;
    let before = &shown[from..];
    let base = file(lab, "bench-base.conf", before)?;
    let with = format!("{}\n{}", before.trim_end().trim_end_matches("end"), block(count, false));
    let with = file(lab, "bench-with.conf", &with)?;
    let go = |file: &str| {
        let script = "/usr/lib/frr/frr-reload.py";
        inside(lab, &["python3", script, "--reload", "--stdout", "--overwrite", file])
            .or_else(|_| inside(lab, &["python3", script, "--reload", "--stdout", file]))
    };
    let added = go(&with)?.0;
    expect(lab, count, count as usize)?;
    let removed = go(&base)?.0;
    expect(lab, count, 0)?;
    Ok((added, removed))
}

/// Adds and deletes static routes over mgmtd's frontend socket, and asks staticd each time.
pub async fn routes(lab: &Lab, count: u32) -> Result<Pair, String> {
    let schema = Schema::load(&lab.yang_dir(), Profile::Datacenter).map_err(|e| e.to_string())?;
    let intents: Vec<Intent> = (FLOOR..FLOOR + count)
        .map(|at| wire::static_route(&static_route(at)).map(Intent::StaticRoute))
        .collect::<Result<_, _>>()
        .map_err(|_| "a route is wrong")?;
    let forest = render(&intents, Shapes::of(&schema));
    let tree = forest.get(&Daemon::Mgmtd).ok_or("no tree of mgmtd")?;
    let json = schema.print_compact_json(tree).map_err(|error| error.to_string())?;
    let list = "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
        [type='frr-staticd:staticd'][name='staticd'][vrf='default']/frr-staticd:staticd/route-list";
    let deletes: Vec<Edit> = (FLOOR..FLOOR + count)
        .map(|at| {
            Edit::delete(format!(
                "{list}[prefix='{}'][src-prefix='::/0'][afi-safi='frr-routing:ipv4-unicast']",
                prefix(at)
            ))
        })
        .collect();
    let words = |error: novaroute::frr::frontend::Error| error.to_string();
    let socket = lab.socket_dir(Router::Node).join("mgmtd_fe.sock");
    let mut session = Session::connect(&socket, "bench").await.map_err(words)?;
    let mut took = [Duration::ZERO; 2];
    for (no, took) in [false, true].into_iter().zip(&mut took) {
        let edits = if no { deletes.clone() } else { vec![Edit::merge(Format::Json, &*json)] };
        let begun = Instant::now();
        session.lock(Datastore::Candidate).await.map_err(words)?;
        session.lock(Datastore::Running).await.map_err(words)?;
        session.commit(Action::Abort).await.map_err(words)?;
        session.edit_and_commit(&edits, Action::Apply).await.map_err(words)?;
        session.unlock(Datastore::Running).await.map_err(words)?;
        session.unlock(Datastore::Candidate).await.map_err(words)?;
        let there = routes_there(lab, FLOOR, count)?;
        *took = begun.elapsed();
        if there != if no { 0 } else { count as usize } {
            return Err(format!("staticd has {there} of {count}"));
        }
    }
    Ok((took[0], took[1]))
}

/// How many of these routes staticd itself runs.
pub fn routes_there(lab: &Lab, from: u32, count: u32) -> Result<usize, String> {
    let words = |error: std::io::Error| error.to_string();
    let mut vty = Vty::connect(lab, Router::Node, "staticd").map_err(words)?;
    let text = vty.command("show configuration running json").map_err(words)?;
    let there: std::collections::HashSet<&str> = text.split('"').collect();
    let plain = |at| there.contains(prefix(at).as_str());
    let escaped = |at| there.contains(prefix(at).replace('/', "\\/").as_str());
    Ok((from..from + count).filter(|at| plain(*at) || escaped(*at)).count())
}
