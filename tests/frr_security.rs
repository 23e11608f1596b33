//! What SECURITY.md claims of a whole agent: strangers keep no owner out, and nothing listens that is not
//! documented.

mod agent;
mod lab;

use std::{
    collections::BTreeSet,
    os::unix::{net::UnixStream, process::ExitStatusExt},
    process::{self, Child, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use agent::*;
use lab::{Lab, LabOptions, Router, net, wait_for};
use novaroute::{
    api::{MAX_CALLS, MAX_CONNECTIONS},
    commit::QUEUE_OF_OWNER,
    proto::v1::PlanRequest,
};
use tonic::Code;

/// Ends the flood also where the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_flood_without_a_token_keeps_no_owner_out() {
    const GUESS: &str = "a-guess-at-a-token";
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();

    // More silent connections than there may be.
    let open = || UnixStream::connect(agent.socket()).expect("the backlog has room");
    let silent: Vec<_> = (0..MAX_CONNECTIONS + 50).map(|_| open()).collect();
    let (stop, refused) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let ended = Stop(&stop);
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let stranger = agent.client("edge").with_token(GUESS);
                    for _ in 0..50 {
                        // Its connection may have been closed for others: then it comes anew.
                        match stranger.advertise("192.0.2.66/32") {
                            Ok(()) => panic!("a wrong token was taken"),
                            Err(status) if status.code() == Code::Unauthenticated => {
                                refused.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(_) => break,
                        }
                    }
                }
            });
        }
        wait_for("the flood", SOON, || match refused.load(Ordering::Relaxed) {
            100.. => Ok(()),
            count => Err(count.to_string()),
        });
        // Who is here stays, and who comes anew is let in.
        let old = admin.advertise("192.0.2.0/24");
        let edge = agent.client("edge");
        let new = edge.advertise("192.0.2.1/32");
        drop(ended);
        old.expect("an owner that was connected before the flood");
        new.expect("an owner that connects during the flood");
    });
    drop(silent);
    wait_lines(&lab, &["network 192.0.2.0/24", "network 192.0.2.1/32"]);
    assert!(!running(&lab, "bgpd").contains("192.0.2.66"));

    let (_, metrics) = agent.http("/metrics");
    let status = format!("{:?}", admin.status());
    for secret in [GUESS, &token("edge"), &token("admin")] {
        for (place, text) in [("log", &agent.log()), ("metrics", &metrics), ("status", &status)] {
            assert!(!text.contains(secret), "{secret} is in the {place}");
        }
    }
}

#[test]
fn nothing_listens_but_what_is_documented() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    // With all of its parts at work: BGP, BFD, static routes.
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let peer = novaroute::proto::v1::BgpPeer { bfd_enabled: true, ..tor() };
    admin.apply_peer(peer).unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    agent.wait_ready();

    let out = lab.exec(Router::Node, &["ss", "-H", "-lntuxp"]);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(text.contains("bgpd"), "ss sees others: {text}");
    let own = format!("pid={},", agent.pid());
    let seen: BTreeSet<_> = text
        .lines()
        .filter(|line| line.contains(&own))
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            // A socket is bound under this name and renamed when it has its mode.
            (words[0].to_owned(), words[4].trim_end_matches(".new").to_owned())
        })
        .collect();
    let socket = agent.socket().display().to_string();
    let wanted = [("tcp".to_owned(), "127.0.0.1:9102".to_owned()), ("u_str".to_owned(), socket)];
    assert_eq!(seen, BTreeSet::from(wanted), "{text}");
}

/// The kernel's word on who is at the other end: of an owner's connection, and of a refused token.
#[test]
fn who_connects_is_in_the_log() {
    const GUESS: &str = "another-guess-at-a-token";
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let me = format!("pid {} uid 0 gid 0", process::id());
    let lines = |word: &str| -> Vec<String> {
        let log = agent.log();
        log.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
    };
    let edge = agent.client("edge");
    edge.register().unwrap();
    edge.register().unwrap();
    let told = lines("an owner's call");
    assert_eq!(told.len(), 1, "once for a connection: {told:?}");
    assert!(told[0].contains(&me) && told[0].contains("edge"), "{told:?}");

    let stranger = agent.client("net").with_token(GUESS);
    for _ in 0..50 {
        assert_eq!(stranger.register().unwrap_err().code(), Code::Unauthenticated);
    }
    let told = lines("wrong token");
    assert!((1..10).contains(&told.len()), "one a second at the most: {told:?}");
    assert!(told.iter().all(|line| line.contains(&me)), "{told:?}");
    assert!(!agent.log().contains(GUESS));

    // Another process, of another user of the socket's group.
    let mut other = Command::new("setpriv");
    other.args(["--reuid=65534", "--regid=0", "--clear-groups"]);
    other.arg(env!("CARGO_BIN_EXE_novaroutectl")).arg("--socket").arg(agent.socket());
    other.args(["advertise", "--owner", "edge", "--token", GUESS, "--prefix", "10.0.0.1/32"]);
    thread::sleep(Duration::from_secs(1));
    let out = other.output().expect("running setpriv");
    assert!(!out.status.success());
    let told = lines("wrong token");
    assert!(told.last().expect("a line").contains("uid 65534 gid 0"), "{told:?} {out:?}");
}

/// Where a core would be written, none of the agent is; a program without secrets shows that it would.
#[test]
fn a_dying_agent_leaves_no_core() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start(&lab);
    let (socket, config) = (agent.socket(), agent.config_file());
    agent.kill();
    let directory = lab.run_dir().join("cores");
    std::fs::create_dir(&directory).expect("a directory");
    let spawn = |program: &str, args: &[&str]| -> Child {
        let mut command = Command::new("prlimit");
        command.args(["--core=unlimited:unlimited", program]).args(args).current_dir(&directory);
        lab.spawn_in(Router::Node, &command)
    };
    let die = |mut child: Child| {
        let sent = Command::new("kill").args(["-ABRT", &child.id().to_string()]).status();
        assert!(sent.expect("running kill").success());
        let status = child.wait().expect("waiting");
        assert_eq!(status.signal(), Some(6), "{status}");
        status.core_dumped()
    };
    let other = spawn("sleep", &["60"]);
    // prlimit becomes the program; before that it could dump as well.
    wait_for("sleep", SOON, || {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", other.id()));
        name.ok().filter(|it| it.trim() == "sleep").ok_or("not yet")
    });
    assert!(die(other), "this machine writes no cores (kernel.core_pattern): nothing is shown");

    let config = config.to_str().expect("text");
    let child = spawn(env!("CARGO_BIN_EXE_novaroute-agent"), &["--config", config]);
    wait_for("the agent's socket", SOON, || UnixStream::connect(&socket).map(drop));
    assert!(!die(child), "the agent has left a core");
    for file in std::fs::read_dir(&directory).expect("a directory").flatten() {
        let core = std::fs::read(file.path()).expect("a core");
        let text = token("admin");
        assert!(!core.windows(text.len()).any(|it| it == text.as_bytes()), "{file:?}");
    }
}

/// What one owner has waiting is bounded, and the others have their turn before all of it is served.
#[test]
fn one_owners_flood_does_not_hold_up_another() {
    const CALLS: usize = QUEUE_OF_OWNER * 2;
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let net = agent.client("net");
    net.advertise("10.244.0.0/24").unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let _ended = Stop(&stop);
    let counts = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
    // Each connection has as many calls under way as it may.
    let connections = CALLS / MAX_CALLS;
    let floods: Vec<_> = (0..connections).map(|_| agent.client("edge")).collect();
    for at in 0..CALLS {
        let flood = &floods[at % floods.len()];
        let mut calls = flood.transactions();
        // Plans are the slowest: each has libyang validate it and FRR's configuration read.
        let prefix = format!("10.0.{}.{}/32", at / 250, at % 250);
        let (owner, token) = (flood.owner.clone(), flood.token.clone());
        let changes = vec![change::prefix(&prefix)];
        let request = PlanRequest { owner, token, changes, take_over: false, ..Default::default() };
        let (stop, counts) = (stop.clone(), counts.clone());
        flood.block_on(async {
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    match calls.plan(request.clone()).await {
                        Ok(_) => drop(counts[0].fetch_add(1, Ordering::Relaxed)),
                        Err(status) if status.code() == Code::ResourceExhausted => {
                            counts[1].fetch_add(1, Ordering::Relaxed);
                            tokio::time::sleep(Duration::from_millis(200)).await;
                        }
                        Err(_) => return,
                    }
                }
            });
        });
    }
    let [served, refused] = &*counts;
    wait_for("the flood", SOON, || {
        let both = (served.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
        if both.0 > 0 && both.1 > 0 { Ok(()) } else { Err(format!("{both:?}")) }
    });
    let before = served.load(Ordering::Relaxed);
    for at in 1..=20 {
        net.advertise(&format!("10.244.{at}.0/24")).expect("before its client gives up");
    }
    let during = served.load(Ordering::Relaxed) - before;
    println!("{during} plans of the flood meanwhile");
    // In order of arrival each of the twenty would wait for as many plans as may wait; in turn, for one or two.
    let in_order = 20 * u32::try_from(QUEUE_OF_OWNER).unwrap();
    assert!(during < in_order / 4, "{during} plans came before it, of {in_order}");
}
