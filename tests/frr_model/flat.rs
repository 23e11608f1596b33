//! Use without end leaves memory and descriptors as they are: the agent's, and those of FRR's daemons.

use std::{
    collections::BTreeMap,
    fmt, fs,
    time::{Duration, Instant},
};

use novaroute::proto::v1::{BfdSession, OspfInterface, PrefixAttributes};

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, resident},
    seconds,
};

/// What any of the processes may grow by between the end of the first rounds and the end, in kB. Allocators
/// keep some; what is lost in each round adds up to far more in minutes.
const GROWTH: u64 = 8 << 10;

/// Descriptors that may be open more than then: those of connections that close just now.
const DESCRIPTORS: usize = 4;

/// Rounds until most of what is bounded is full: the history keeps 256 transactions, ten of a round.
const WARM: u32 = 15;

/// Rounds of every run of the tests, with those.
const ROUNDS: u32 = 30;

const DAEMONS: [&str; 6] = ["mgmtd", "zebra", "staticd", "bgpd", "bfdd", "ospfd"];

/// What a process has.
#[derive(Clone, Copy)]
struct Use {
    /// Resident memory in kB.
    memory: u64,
    /// Open descriptors.
    descriptors: usize,
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7} kB {:>4} descriptors", self.memory, self.descriptors)
    }
}

#[track_caller]
fn used(pid: u32) -> Use {
    let memory = resident(pid);
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors").count();
    Use { memory, descriptors }
}

fn all_used(lab: &Lab, agent: &Agent<'_>) -> BTreeMap<&'static str, Use> {
    let daemons = DAEMONS.map(|it| (it, lab.pid(Router::Node, it).expect("it runs")));
    let all = daemons.into_iter().chain([("agent", agent.pid())]);
    all.map(|(name, pid)| (name, used(pid))).collect()
}

/// Everything that clients do, and all of it taken back.
fn round(agent: &Agent<'_>, number: u32) {
    let admin = agent.client("admin");
    let events = admin.events(&[]);
    let prefixes = || (0..40).map(|n| format!("10.{}.{n}.0/24", number % 200));
    let with = |n: u32| PrefixAttributes { med: n, ..PrefixAttributes::default() };
    let mut all: Vec<_> = prefixes().map(|it| change::prefix_with(&it, with(number % 9))).collect();
    all.push(change::via("203.0.113.0/24", net::TOR_V4));
    all.push(change::peer(tor()));
    admin.apply(all).expect("taken");
    let address = net::BIRD_V4.to_owned();
    admin.enable_bfd(BfdSession { peer_address: address, ..BfdSession::default() }).expect("taken");
    let interface_name = net::NODE_TOR_INTERFACE.to_owned();
    let area_id = "0".to_owned();
    let interface = OspfInterface { interface_name, area_id, ..OspfInterface::default() };
    admin.enable_ospf(interface).expect("taken");
    let edge = agent.client("edge");
    edge.register().expect("a session");
    edge.advertise("192.0.2.1/32").expect("taken");
    edge.advertise("203.0.113.7/32").expect_err("not allowed");
    agent.client("net").with_token("wrong").register().expect_err("unknown");
    admin.status();
    agent.http("/metrics");
    edge.withdraw("192.0.2.1/32").expect("withdrawn");
    edge.deregister(true).expect("ended");
    admin.disable_ospf(net::NODE_TOR_INTERFACE).expect("withdrawn");
    admin.disable_bfd(net::BIRD_V4).expect("withdrawn");
    let mut none: Vec<_> = prefixes().map(|it| change::no_prefix(&it)).collect();
    none.push(change::no_route("203.0.113.0/24"));
    none.push(change::no_peer(net::TOR_V4));
    admin.apply(none).expect("withdrawn");
    assert!(!events.all().is_empty(), "events come");
}

#[test]
fn memory_and_descriptors_stay_flat() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| config["log_level"] = "warn".into());
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let end = seconds().map(|time| Instant::now() + time);
    let (mut rounds, mut before) = (0, None);
    while rounds < ROUNDS || end.is_some_and(|end| Instant::now() < end) {
        round(&agent, rounds);
        rounds += 1;
        if rounds == WARM {
            before = Some(all_used(&lab, &agent));
        }
    }
    // Connections that were closed are noticed.
    std::thread::sleep(Duration::from_secs(1));
    let (before, after) = (before.expect("warm"), all_used(&lab, &agent));
    let mut grown = Vec::new();
    eprintln!("{rounds} rounds; at most {GROWTH} kB and {DESCRIPTORS} descriptors more:");
    for (name, after) in after {
        let before = before[name];
        eprintln!("{name:8} {before} -> {after}");
        let flat = after.memory <= before.memory + GROWTH
            && after.descriptors <= before.descriptors + DESCRIPTORS;
        if !flat {
            grown.push(name);
        }
    }
    assert!(grown.is_empty(), "{grown:?} have grown");
}
