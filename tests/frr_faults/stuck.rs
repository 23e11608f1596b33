//! What FRR refuses while the agent brings it back, with a word or without: it is blamed on nothing else and holds up nothing
//! else.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::symlink,
        net::{UnixListener, UnixStream},
    },
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use novaroute::proto::v1::{Outcome, StuckObject};
use tonic::Code;

use crate::{
    REFILL,
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
    proxy::{Proxy, Spoil},
};

/// At the log level of production, by way of another socket directory.
fn start<'lab>(lab: &'lab Lab, sockets: &std::path::Path) -> Agent<'lab> {
    Agent::start_with(lab, |config| {
        config["frr"]["socket_dir"] = sockets.to_str().expect("a path of text").into();
        config["frr"]["connect_timeout"] = 1.into();
        config["log_level"] = "info".into();
    })
}

/// How often the agent has logged these words.
fn logged(agent: &Agent<'_>, words: &str) -> usize {
    agent.log().lines().filter(|line| line.contains(words)).count()
}

const STAYS: &str = "FRR refuses to lose what is no longer declared";

/// C1: a line of the operator's inside a neighbour that was removed while bgpd was dead.
#[test]
fn an_operators_line_in_what_goes_costs_nobody_anything() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start_with(&lab, |config| config["log_level"] = "info".into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    let line = "neighbor 10.0.1.2 timers connect 5";
    configure(&lab, &["router bgp 65000", line]);
    let written = running(&lab, "bgpd");
    lab.kill(Router::Node, "bgpd");
    admin.remove_peer(net::TOR_V4).unwrap();
    drop(admin);
    agent.kill();
    // As from FRR's start-up file.
    lab.restart(Router::Node, "bgpd");
    let begin = written.find("router bgp 65000").expect("the instance");
    let instance = &written[begin..];
    let end = instance.find("\nexit\n").expect("its end");
    configure(&lab, &instance[..end].lines().map(str::trim).collect::<Vec<_>>());
    assert!(running(&lab, "bgpd").contains(line));

    agent.launch();
    let admin = agent.client("admin");
    assert_eq!(admin.apply(vec![change::prefix("192.0.2.9/32")]).unwrap(), Outcome::Confirmed);
    agent.wait_ready();
    assert_eq!(admin.apply(vec![change::peer(bird())]).unwrap(), Outcome::Confirmed);
    assert_eq!(admin.peer_state(net::TOR_V4), None);
    wait_for("the prefix at a peer", SOON, || match admin.prefix_state("192.0.2.0/24") {
        Some(state) if state == "advertised" => Ok(()),
        state => Err(format!("{state:?}")),
    });
    let shown = running(&lab, "bgpd");
    assert!(shown.contains(line) && shown.contains("neighbor 10.0.1.2 remote-as"), "{shown}");
    let log = agent.log();
    assert!(log.contains("timers connect 5"), "it is said\n{log}");
    drop(admin);
    agent.stop();

    // The line goes, and the neighbour with it.
    agent.launch();
    configure(&lab, &["router bgp 65000", &format!("no {line}")]);
    wait_for("the neighbour to go", REFILL, || {
        let shown = running(&lab, "bgpd");
        if shown.contains("10.0.1.2") { Err(shown) } else { Ok(()) }
    });
}

/// bgpd refuses to lose a neighbour. What else was withdrawn meanwhile goes, what came comes, no intent is blamed, and it is
/// tried again with pauses.
#[test]
fn what_bgpd_refuses_to_lose_is_blamed_on_nothing_and_holds_up_nothing() {
    let lab = Lab::start(LabOptions::default());
    let proxy = Proxy::start(&lab, "bgpd");
    let mut agent = start(&lab, proxy.dir());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply(vec![change::peer(tor()), change::peer(bird())]).unwrap();
    admin.apply(vec![change::prefix("192.0.2.1/32"), change::prefix("192.0.2.2/32")]).unwrap();
    proxy.spoil(Spoil::Silent);
    let gone = vec![change::no_peer(net::TOR_V4), change::no_prefix("192.0.2.1/32")];
    assert_eq!(admin.apply(gone).unwrap(), Outcome::Pending);
    admin.apply(vec![change::prefix("192.0.2.3/32")]).unwrap();
    drop(admin);
    agent.kill();
    proxy.spoil(Spoil::Deny("no neighbor 10.0.1.2"));
    agent.launch();

    wait_lines(&lab, &["network 192.0.2.2/32", "network 192.0.2.3/32"]);
    agent.wait_ready();
    let shown = running(&lab, "bgpd");
    assert!(!shown.contains("192.0.2.1/32"), "{shown}");
    assert!(shown.contains("neighbor 10.0.1.2 remote-as 65001"), "{shown}");
    assert_eq!(logged(&agent, "FRR refuses this intent"), 0, "{}", agent.log());
    assert_eq!(logged(&agent, STAYS), 1, "{}", agent.log());
    let edge = agent.client("edge");
    assert_eq!(edge.apply(vec![change::prefix("192.0.2.4/32")]).unwrap(), Outcome::Confirmed);
    // Not even together with it: the whole of bgpd is looked at.
    let admin = agent.client("admin");
    let mut watched = bird();
    watched.description = "changed".into();
    assert_eq!(admin.apply(vec![change::peer(watched)]).unwrap(), Outcome::Confirmed);
    assert_eq!(admin.peer_state(net::TOR_V4), None);
    // The owner takes it up again, and away: FRR's words are the answer to who asks for it.
    let error = {
        admin.apply_peer(tor()).unwrap();
        admin.remove_peer(net::TOR_V4).unwrap_err()
    };
    assert_eq!(error.code(), Code::Aborted, "{error}");
    admin.apply_peer(tor()).unwrap();
    proxy.spoil(Spoil::Nothing);
    admin.remove_peer(net::TOR_V4).unwrap();
    assert!(!running(&lab, "bgpd").contains("10.0.1.2"));
    drop((admin, edge));
    agent.stop();
}

/// What stays since FRR refused to lose it is tried again by itself, and survives a restart of the agent as ours.
#[test]
fn what_frr_refused_to_lose_goes_when_frr_lets_it() {
    let lab = Lab::start(LabOptions::default());
    let proxy = Proxy::start(&lab, "bgpd");
    let mut agent = start(&lab, proxy.dir());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply(vec![change::peer(tor()), change::prefix("192.0.2.1/32")]).unwrap();
    proxy.spoil(Spoil::Silent);
    assert_eq!(admin.apply(vec![change::no_peer(net::TOR_V4)]).unwrap(), Outcome::Pending);
    proxy.spoil(Spoil::Deny("no neighbor 10.0.1.2"));
    agent.wait_ready();
    wait_for("the refusal", REFILL, || match logged(&agent, STAYS) {
        0 => Err(agent.log()),
        _ => Ok(()),
    });
    drop(admin);
    agent.stop();
    agent.launch();
    agent.wait_ready();
    assert!(running(&lab, "bgpd").contains("neighbor 10.0.1.2"));
    proxy.spoil(Spoil::Nothing);
    wait_for("the neighbour to go", REFILL, || {
        let shown = running(&lab, "bgpd");
        if shown.contains("10.0.1.2") { Err(shown) } else { Ok(()) }
    });
    assert!(agent.client("admin").in_frr("192.0.2.1/32"));
}

/// A frontend of mgmtd that refuses to delete what has these words in its path, and counts how often it is asked.
struct Frontend {
    dir: PathBuf,
    refuses: Arc<Mutex<Option<&'static str>>>,
    asked: Arc<AtomicUsize>,
}

impl Frontend {
    fn start(lab: &Lab) -> Self {
        let real = lab.socket_dir(Router::Node);
        let dir = lab.run_dir().join("behind-frontend");
        fs::create_dir(&dir).expect("a directory");
        for entry in fs::read_dir(&real).expect("FRR's sockets") {
            let name = entry.expect("an entry").file_name();
            if name != "mgmtd_fe.sock" {
                symlink(real.join(&name), dir.join(&name)).expect("a link");
            }
        }
        let listener = UnixListener::bind(dir.join("mgmtd_fe.sock")).expect("a socket");
        let (refuses, asked) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
        let (told, counted) = (refuses.clone(), asked.clone());
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let Ok(mgmtd) = UnixStream::connect(real.join("mgmtd_fe.sock")) else { continue };
                let clone = |stream: &UnixStream| stream.try_clone().expect("a second handle");
                let (mut from, mut to) = (clone(&mgmtd), clone(&client));
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
                let (told, counted) = (told.clone(), counted.clone());
                thread::spawn(move || {
                    let _ = requests(client, &mgmtd, &told, &counted);
                    let _ = mgmtd.shutdown(std::net::Shutdown::Both);
                });
            }
        });
        Self { dir, refuses, asked }
    }
}

/// Carries requests to mgmtd, but for those that are refused.
fn requests(
    mut from: UnixStream,
    mut mgmtd: &UnixStream,
    refuses: &Mutex<Option<&'static str>>,
    asked: &AtomicUsize,
) -> std::io::Result<()> {
    loop {
        let mut head = [0; 8];
        from.read_exact(&mut head)?;
        let length = u32::from_ne_bytes(head[4..].try_into().expect("four bytes")) as usize;
        let mut message = vec![0; length - head.len()];
        from.read_exact(&mut message)?;
        // A native EDIT whose operation is remove or delete.
        let deletes =
            head[0] == 1 && message[..2] == 5_u16.to_ne_bytes() && (3..=4).contains(&message[27]);
        let words = *refuses.lock().expect("no panic");
        let named = |words: &str| String::from_utf8_lossy(&message[32..]).contains(words);
        if deletes && words.is_some_and(named) {
            asked.fetch_add(1, Ordering::Relaxed);
            // A path that is none: mgmtd itself refuses it, in its turn among the requests that are on their way.
            let list = message.windows(10).position(|it| it == b"route-list").expect("a route");
            message[list..list + 10].copy_from_slice(b"route-lost");
        }
        mgmtd.write_all(&head)?;
        mgmtd.write_all(&message)?;
    }
}

/// C1b: mgmtd refuses to lose a route.
#[test]
fn what_mgmtd_refuses_to_lose_makes_no_hot_loop() {
    let lab = Lab::start(LabOptions::default());
    let frontend = Frontend::start(&lab);
    let mut agent = start(&lab, &frontend.dir);
    let admin = agent.client("admin");
    let routes: Vec<String> = (0..8).map(|n| format!("203.0.{n}.0/24")).collect();
    admin.apply(routes.iter().map(|it| change::via(it, net::TOR_V4)).collect()).unwrap();
    lab.kill(Router::Node, "staticd");
    let gone = routes[..6].iter().map(|it| change::no_route(it)).collect();
    assert_eq!(admin.apply(gone).unwrap(), Outcome::Pending);
    *frontend.refuses.lock().expect("no panic") = Some("203.0.3.0/24");
    lab.restart(Router::Node, "staticd");

    let in_mgmtd = || lab.vtysh(Router::Node, &["show running-config"]);
    wait_for("the others to go", REFILL, || {
        let shown = in_mgmtd();
        let has = |n: usize| shown.contains(&format!("ip route {}", routes[n]));
        let right = (0..8).all(|n| has(n) == [3, 6, 7].contains(&n));
        if right { Ok(()) } else { Err(shown) }
    });
    agent.wait_ready();
    assert_eq!(logged(&agent, STAYS), 1, "{}", agent.log());
    // A whole pause of ten seconds begins with the refusal: nobody asks meanwhile.
    let before = frontend.asked.load(Ordering::Relaxed);
    thread::sleep(Duration::from_secs(6));
    let asked = frontend.asked.load(Ordering::Relaxed) - before;
    assert!(asked <= 16, "mgmtd was asked {asked} times in six seconds");
    let edge = agent.client("net");
    let other = vec![change::via("10.244.9.0/24", net::TOR_V4)];
    assert_eq!(edge.apply(other).unwrap(), Outcome::Confirmed);
    *frontend.refuses.lock().expect("no panic") = None;
    wait_for("the route to go", REFILL, || {
        let shown = in_mgmtd();
        if shown.contains("203.0.3.0/24") { Err(shown) } else { Ok(()) }
    });
    drop((admin, edge));
    agent.stop();
}

/// More is refused than one round finds out: it takes some rounds, and an end all the same.
#[test]
fn more_refusals_than_one_round_finds_come_to_an_end() {
    let lab = Lab::start(LabOptions::default());
    let frontend = Frontend::start(&lab);
    let agent = start(&lab, &frontend.dir);
    let admin = agent.client("admin");
    let stay: Vec<String> = (0..40).map(|n| format!("203.0.{n}.0/24")).collect();
    let go: Vec<String> = (0..8).map(|n| format!("198.51.{n}.0/24")).collect();
    let all = stay.iter().chain(&go);
    admin.apply(all.clone().map(|it| change::via(it, net::TOR_V4)).collect()).unwrap();
    lab.kill(Router::Node, "staticd");
    let gone = all.clone().map(|it| change::no_route(it)).collect();
    assert_eq!(admin.apply(gone).unwrap(), Outcome::Pending);
    *frontend.refuses.lock().expect("no panic") = Some("prefix='203.0.");
    lab.restart(Router::Node, "staticd");
    wait_for("all to go that can", REFILL, || {
        let shown = lab.vtysh(Router::Node, &["show running-config"]);
        let left = shown.lines().filter(|line| line.starts_with("ip route 198.51.")).count();
        let kept = shown.lines().filter(|line| line.starts_with("ip route 203.0.")).count();
        let (code, body) = agent.http("/readyz");
        match (left, kept, code) {
            (0, 40, 200) => Ok(()),
            seen => Err(format!("{seen:?} {body}")),
        }
    });
    let (_, metrics) = agent.http("/metrics");
    assert!(metrics.contains("novaroute_frr_stuck_objects 40"), "{metrics}");
    let listed = admin.status().stuck;
    assert_eq!(listed.len(), 40, "{listed:?}");
    let is_said = |it: &StuckObject| {
        it.daemon == "mgmtd" && it.path.contains("203.0.") && !it.reason.is_empty()
    };
    assert!(listed.iter().all(is_said), "{listed:?}");
    let other = vec![change::via("10.244.9.0/24", net::TOR_V4)];
    assert_eq!(agent.client("net").apply(other).unwrap(), Outcome::Confirmed);
}

/// C3: staticd ignores a route that mgmtd has taken. It is refused, with what staticd shows instead; the routes and OSPF
/// prefixes of others go through, in the same batch too.
#[test]
fn a_route_that_staticd_ignores_is_refused_and_holds_up_nobody() {
    let lab = Lab::start(LabOptions::default());
    let proxy = Proxy::start(&lab, "staticd");
    let agent = start(&lab, proxy.dir());
    let (admin, owner) = (agent.client("admin"), agent.client("net"));
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    agent.wait_ready();
    proxy.spoil(Spoil::Version("10.244.7.0/24", "10.99.9.0/24"));
    let (bad, good) = admin.block_on(async {
        let request = |client: &Client, change| novaroute::proto::v1::ApplyRequest {
            owner: client.owner.clone(),
            token: client.token.clone(),
            changes: vec![change],
            ..novaroute::proto::v1::ApplyRequest::default()
        };
        let bad = request(&owner, change::via("10.244.7.0/24", net::TOR_V4));
        let good = request(&admin, change::via("203.0.114.0/24", net::TOR_V4));
        let (mut one, mut other) = (owner.transactions(), admin.transactions());
        futures::future::join(one.apply(bad), other.apply(good)).await
    });
    let error = bad.expect_err("staticd shows another route");
    assert_eq!(error.code(), Code::Aborted, "{error}");
    assert!(
        error.message().contains("staticd") && error.message().contains("10.244.7.0/24"),
        "{error}"
    );
    good.expect("another owner's");
    let ospf = admin.apply(vec![change::ospf_prefix("198.51.100.0/24")]).unwrap();
    assert_eq!(ospf, Outcome::Confirmed);
    assert_eq!(admin.apply(vec![change::no_route("203.0.113.0/24")]).unwrap(), Outcome::Confirmed);
    agent.wait_ready();
    let shown = lab.vtysh(Router::Node, &["show running-config"]);
    assert!(!shown.contains("10.244.7.0/24") && shown.contains("203.0.114.0/24"), "{shown}");
    proxy.spoil(Spoil::Nothing);
    let again = owner.apply(vec![change::via("10.244.7.0/24", net::TOR_V4)]).unwrap();
    assert_eq!(again, Outcome::Confirmed);
}

/// Whom staticd's silence is no refusal of: it is away, or does not answer.
#[test]
fn a_staticd_that_is_away_or_hangs_refuses_nothing() {
    let lab = Lab::start(LabOptions::default());
    let agent = start(&lab, &lab.socket_dir(Router::Node));
    let admin = agent.client("admin");
    admin.apply(vec![change::via("203.0.1.0/24", net::TOR_V4)]).unwrap();
    lab.kill(Router::Node, "staticd");
    let pending = admin.apply(vec![change::via("203.0.2.0/24", net::TOR_V4)]).unwrap();
    assert_eq!(pending, Outcome::Pending);
    lab.restart(Router::Node, "staticd");
    agent.wait_ready();
    lab.stop(Router::Node, "staticd");
    let pending = admin.apply(vec![change::via("203.0.3.0/24", net::TOR_V4)]).unwrap();
    assert_eq!(pending, Outcome::Pending);
    lab.cont(Router::Node, "staticd");
    agent.wait_ready();
    for prefix in ["203.0.1.0/24", "203.0.2.0/24", "203.0.3.0/24"] {
        wait_for(prefix, REFILL, || {
            let route = kernel(&lab, prefix);
            if route.contains("proto static") { Ok(()) } else { Err(route) }
        });
    }
    assert_eq!(logged(&agent, "FRR refuses this intent"), 0, "{}", agent.log());
}
