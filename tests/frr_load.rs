//! Load: 50 clients of 8 owners call at once, everything mixed, while FRR's daemons die and come back. The error
//! budget is none: every call is answered, within the client's 20 s, with success; what waits for a daemon that is
//! away is answered as pending. At the end FRR has what clients were told, no more and no less, and so says
//! GetStatus. Latencies before, during and after are printed.
//!
//! `NOVAROUTE_LOAD_SECONDS=N` (`make load`) does so for as long.

mod agent;
mod lab;

use std::{
    collections::BTreeSet,
    env,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use agent::*;
use lab::{Lab, LabOptions, Router, net, wait_for};
use novaroute::proto::v1::{GetStatusRequest, PrefixAttributes};
use serde_json::json;

const CLIENTS: usize = 50;
const OWNERS: usize = 8;

/// All of it in every run of the tests.
const SECONDS: u64 = 24;

/// Pause between two calls of a client: together they make about 1,000 in a second.
const PAUSE: Duration = Duration::from_millis(50);

/// FRR comes back several times in a row; the rest is room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is going on: each has its own latencies.
const PHASES: [&str; 3] = ["before", "during", "after"];

/// Upper bounds of the histogram's buckets in milliseconds.
const BUCKETS: [u128; 8] = [5, 10, 25, 50, 100, 500, 2_000, 20_000];

/// What a client is and has declared.
struct Caller {
    number: usize,
    prefixes: BTreeSet<String>,
    routes: BTreeSet<String>,
    calls: usize,
    /// By phase: which call, how long.
    took: [Vec<(&'static str, Duration)>; 3],
    failed: Vec<String>,
}

impl Caller {
    fn new(number: usize) -> Self {
        Self {
            number,
            prefixes: BTreeSet::new(),
            routes: BTreeSet::new(),
            calls: 0,
            took: Default::default(),
            failed: Vec::new(),
        }
    }

    fn owner(&self) -> String {
        format!("load{}", self.number % OWNERS)
    }

    /// The next of its calls: they follow from how many there were.
    fn call(&mut self, client: &Client, phase: usize) {
        let (n, count) = (self.number, self.calls);
        self.calls += 1;
        let prefix = format!("10.{n}.{}.0/24", count / 6 % 40);
        let host = format!("10.{n}.{}.1/32", count / 6 % 40);
        let route = format!("203.{n}.{}.0/24", count / 6 % 5);
        let begun = Instant::now();
        let (name, answer) = match count % 6 {
            0 => ("advertise", client.advertise(&prefix)),
            1 => (
                "GetStatus",
                client
                    .call(|mut c| async move { c.get_status(GetStatusRequest::default()).await })
                    .map(drop),
            ),
            2 => {
                let med = u32::try_from(count % 3).expect("small");
                let with = PrefixAttributes { med, ..PrefixAttributes::default() };
                let both = vec![change::prefix_with(&host, with), change::via(&route, net::TOR_V4)];
                ("Apply", client.apply(both).map(drop))
            }
            3 if count / 240 % 2 == 0 => ("advertise", client.advertise(&prefix)),
            3 => ("withdraw", client.withdraw(&prefix)),
            4 => ("Apply", client.apply(vec![change::no_route(&route)]).map(drop)),
            _ => ("register", client.register().map(drop)),
        };
        self.took[phase].push((name, begun.elapsed()));
        if let Err(status) = answer {
            self.failed.push(format!("client {n}, call {count}, {name}: {status}"));
            return;
        }
        match count % 6 {
            0 => drop(self.prefixes.insert(prefix)),
            2 => {
                self.prefixes.insert(host);
                self.routes.insert(route);
            }
            3 if name == "withdraw" => drop(self.prefixes.remove(&prefix)),
            4 => drop(self.routes.remove(&route)),
            _ => {}
        }
    }
}

fn print(callers: &[Caller]) {
    let heads: Vec<_> = BUCKETS.iter().map(|it| format!("{:>7}", format!("<{it}ms"))).collect();
    println!("{:7} {:>6} {} {:>9} {:>9}", "phase", "calls", heads.join(" "), "median", "longest");
    for (phase, name) in PHASES.iter().enumerate() {
        let mut all: Vec<_> =
            callers.iter().flat_map(|it| &it.took[phase]).map(|(_, took)| *took).collect();
        all.sort_unstable();
        let mut below = 0;
        let counts = BUCKETS.map(|limit| {
            let now = all.partition_point(|took| took.as_millis() < limit);
            let count = now - below;
            below = now;
            format!("{count:>7}")
        });
        let median = all.get(all.len() / 2).copied().unwrap_or_default();
        let longest = all.last().copied().unwrap_or_default();
        let (median, longest) = (format!("{median:.1?}"), format!("{longest:.1?}"));
        println!("{name:7} {:>6} {} {median:>9} {longest:>9}", all.len(), counts.join(" "));
    }
}

/// Daemons die one by one, some hang before, until the time is over; at least each once.
fn disturb(lab: &Lab, until: Instant) {
    let daemons = ["bgpd", "staticd", "mgmtd", "bfdd"];
    for (turn, daemon) in daemons.iter().cycle().enumerate() {
        if turn >= daemons.len() && Instant::now() > until {
            return;
        }
        if turn % 2 == 1 {
            lab.stop(Router::Node, daemon);
            thread::sleep(Duration::from_millis(300));
            lab.cont(Router::Node, daemon);
        }
        lab.kill(Router::Node, daemon);
        thread::sleep(Duration::from_millis(200));
        lab.restart(Router::Node, daemon);
        thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn fifty_clients_lose_nothing_while_frr_restarts() {
    let seconds = env::var("NOVAROUTE_LOAD_SECONDS").ok();
    let seconds = seconds.map_or(SECONDS, |text| text.parse().expect("a number of seconds"));
    let third = Duration::from_secs(seconds) / 3;
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| {
        for number in 0..OWNERS {
            let owner = format!("load{number}");
            config["owners"][&owner] =
                json!({"token": token(&owner), "allowed_prefixes": {"type": "any"}});
        }
        config["disconnect_grace_period"] = 3600.into();
        config["log_level"] = "info".into();
    });
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent.client("admin").apply_peer(tor()).unwrap();

    let phase = AtomicUsize::new(0);
    let callers: Vec<Caller> = thread::scope(|scope| {
        let running: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (agent, phase) = (&agent, &phase);
                scope.spawn(move || {
                    let mut caller = Caller::new(number);
                    let client = agent.client(&caller.owner());
                    let events = (number % 10 == 0).then(|| client.events(&[]));
                    loop {
                        match phase.load(Ordering::Relaxed) {
                            now if now < PHASES.len() => caller.call(&client, now),
                            _ => break,
                        }
                        thread::sleep(PAUSE);
                    }
                    if let Some(events) = events {
                        assert!(!events.ended() && !events.all().is_empty(), "events come");
                    }
                    caller
                })
            })
            .collect();
        thread::sleep(third);
        phase.store(1, Ordering::Relaxed);
        disturb(&lab, Instant::now() + third);
        phase.store(2, Ordering::Relaxed);
        thread::sleep(third);
        phase.store(3, Ordering::Relaxed);
        running.into_iter().map(|it| it.join().expect("no panic")).collect()
    });
    print(&callers);
    let failed: Vec<_> = callers.iter().flat_map(|it| &it.failed).collect();
    assert!(failed.is_empty(), "{} calls failed: {failed:#?}", failed.len());
    for (phase, name) in PHASES.iter().enumerate() {
        let calls: usize = callers.iter().map(|it| it.took[phase].len()).sum();
        assert!(calls > CLIENTS, "{name}: clients called: {calls}");
    }

    lab.start_what_ended(Router::Node);
    let prefixes: BTreeSet<_> = callers.iter().flat_map(|it| it.prefixes.clone()).collect();
    let routes: BTreeSet<_> = callers.iter().flat_map(|it| it.routes.clone()).collect();
    assert!(prefixes.len() > CLIENTS, "{}", prefixes.len());
    wait_for("FRR to have what clients were told", PATIENCE, || {
        let text = running(&lab, "bgpd");
        let shown = text.lines().filter_map(|line| line.trim().strip_prefix("network "));
        let bgpd: BTreeSet<_> =
            shown.map(|it| it.split(' ').next().unwrap_or_default().to_owned()).collect();
        let json = vty(&lab, "staticd", &["show configuration running json"]);
        let staticd: BTreeSet<_> =
            json.split('"').filter(|word| word.starts_with("203.")).map(str::to_owned).collect();
        let differ = |wanted: &BTreeSet<String>, has: &BTreeSet<String>| {
            wanted.symmetric_difference(has).cloned().collect::<Vec<_>>()
        };
        match (differ(&prefixes, &bgpd), differ(&routes, &staticd)) {
            (a, b) if a.is_empty() && b.is_empty() => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    wait_for("/readyz", PATIENCE, || match agent.http("/readyz") {
        (200, _) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let told: BTreeSet<_> =
        agent.client("admin").status().prefixes.into_iter().map(|it| it.prefix).collect();
    assert_eq!(told, prefixes);
}
