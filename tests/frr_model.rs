//! Random sequences of intents from several owners, faults and restarts on real FRR. After each, FRR's
//! configuration is what a fresh FRR gets from the intents that the model says are there, line for line; and
//! somebody else's lines are as they were.
//!
//! The seed is printed. `NOVAROUTE_MODEL_SEED=N` plays that sequence, `NOVAROUTE_MODEL_SECONDS=N` new ones for
//! as long (`make soak`), `NOVAROUTE_MODEL_STEPS=N` longer ones.
//!
//! Found by it (seed 1795582675): `a_route_that_is_withdrawn_while_mgmtd_is_dead_leaves_staticd`.

mod agent;
mod lab;

use std::{
    collections::BTreeMap,
    env, thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use agent::*;
use lab::{Lab, LabOptions, Router, net, wait_for};
use novaroute::proto::v1::{
    BfdSession, BgpPeer, Intent, IntentChange, IntentRef, OspfInterface, PrefixAdvertisement,
    PrefixAttributes, PrefixRef, StaticRoute, intent::Kind, intent_change::Change, intent_ref,
    static_route::NextHop,
};
use tonic::Code;

/// FRR comes back several times in a row; the rest is room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The sequences of every run of the tests.
const SEEDS: [u64; 3] = [1, 2, 3];

/// Steps of a sequence.
const STEPS: u64 = 14;

/// What the operator has in FRR's start-up configuration.
const FOREIGN: &str = "\
ip prefix-list THEIRS seq 5 permit 10.0.0.0/8 le 24
ip route 198.18.0.0/15 blackhole
bgp community-list standard THEIRS seq 5 permit 65000:1
route-map THEIRS permit 10
 set metric 5
exit
router bgp 65000
 bgp router-id 10.0.0.1
 neighbor 10.0.9.9 remote-as 65009
 neighbor 10.0.9.9 description theirs
 address-family ipv4 unicast
  network 198.51.100.0/24
 exit-address-family
exit
bfd
 profile theirs
  detect-multiplier 7
 exit
exit
";

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn number(&mut self, limit: u32) -> u32 {
        u32::try_from(self.below(limit.into())).expect("below a u32")
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).expect("an index")]
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// An object of FRR's that an owner may declare.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Object {
    Peer(&'static str),
    Prefix(String),
    OspfPrefix(String),
    Route(String),
    Session(&'static str),
    Interface(&'static str),
}

impl Object {
    fn any(owner: &str, dice: &mut Dice) -> Self {
        let n = dice.below(4);
        match owner {
            "edge" if dice.coin() => Self::Prefix(format!("192.0.2.{n}/32")),
            "edge" if dice.below(3) == 0 => Self::Session(net::BIRD_V4),
            "edge" => Self::Prefix(format!("2001:db8::{n}/128")),
            "net" => Self::Prefix(format!("10.244.{n}.0/24")),
            _ => match dice.below(6) {
                0 | 1 => Self::Peer(dice.one(&[net::TOR_V4, net::TOR_V6, net::BIRD_V4])),
                2 => Self::Route(format!("203.0.{n}.0/24")),
                3 => {
                    Self::Interface(dice.one(&[net::NODE_TOR_INTERFACE, net::NODE_BIRD_INTERFACE]))
                }
                4 => Self::Session(net::TOR_V6),
                _ => Self::OspfPrefix(format!("172.16.{n}.0/24")),
            },
        }
    }

    /// The object with fields at random.
    fn declared(&self, dice: &mut Dice) -> Kind {
        match self {
            Self::Peer(address) => {
                let remote_as = if *address == net::BIRD_V4 { net::BIRD_AS } else { net::TOR_AS };
                let timers = dice.coin();
                Kind::Peer(BgpPeer {
                    description: dice.one(&["", "100% of \"it\"", "another"]).to_owned(),
                    keepalive: if timers { 3 } else { 0 },
                    hold_time: if timers { 9 + dice.number(9) } else { 0 },
                    bfd_enabled: dice.coin(),
                    bfd_min_rx_ms: 100 * dice.number(4),
                    max_prefix: 100 * dice.number(3),
                    ebgp_multihop: dice.one(&[0, 0, 3]),
                    address_families: dice.one(&[[1, 2], [1, 1], [2, 2]]).to_vec(),
                    ..peer(address, remote_as)
                })
            }
            Self::Prefix(prefix) => {
                let sets = [&[][..], &["65000:1"], &["65000:1", "65000:1:2"]];
                let attributes = PrefixAttributes {
                    med: dice.number(3),
                    local_preference: 100 * dice.number(3),
                    communities: dice.one(&sets).iter().map(|it| (*it).to_owned()).collect(),
                    ..Default::default()
                };
                let (prefix, attributes) = (prefix.clone(), Some(attributes));
                Kind::Prefix(PrefixAdvertisement { prefix, protocol: 1, attributes })
            }
            Self::OspfPrefix(prefix) => {
                let prefix = prefix.clone();
                Kind::Prefix(PrefixAdvertisement { prefix, protocol: 2, attributes: None })
            }
            Self::Route(prefix) => Kind::StaticRoute(StaticRoute {
                prefix: prefix.clone(),
                next_hop: Some(match dice.coin() {
                    true => NextHop::Gateway(dice.one(&[net::TOR_V4, net::BIRD_V4]).to_owned()),
                    false => NextHop::Blackhole(true),
                }),
                distance: dice.number(3),
                tag: dice.number(3),
            }),
            Self::Session(address) => Kind::BfdSession(BfdSession {
                peer_address: (*address).to_owned(),
                min_rx_ms: 100 * dice.number(4),
                ..Default::default()
            }),
            Self::Interface(name) => Kind::OspfInterface(OspfInterface {
                interface_name: (*name).to_owned(),
                area_id: dice.number(2).to_string(),
                passive: dice.coin(),
                cost: dice.number(20),
                hello_interval: dice.number(8),
                dead_interval: 0,
            }),
        }
    }

    fn reference(&self) -> IntentRef {
        let of = |prefix: &String, protocol| {
            intent_ref::Kind::Prefix(PrefixRef { prefix: prefix.clone(), protocol })
        };
        IntentRef {
            kind: Some(match self {
                Self::Peer(address) => intent_ref::Kind::Peer((*address).to_owned()),
                Self::Prefix(prefix) => of(prefix, 1),
                Self::OspfPrefix(prefix) => of(prefix, 2),
                Self::Route(prefix) => intent_ref::Kind::StaticRoute(prefix.clone()),
                Self::Session(address) => intent_ref::Kind::BfdSession((*address).to_owned()),
                Self::Interface(name) => intent_ref::Kind::OspfInterface((*name).to_owned()),
            }),
        }
    }
}

/// What is declared, by its owner.
type Model = BTreeMap<(&'static str, Object), Kind>;

const OWNERS: [&str; 3] = ["admin", "edge", "net"];

fn set(kind: &Kind) -> IntentChange {
    IntentChange { change: Some(Change::Set(Intent { kind: Some(kind.clone()) })) }
}

fn remove(object: &Object) -> IntentChange {
    IntentChange { change: Some(Change::Remove(object.reference())) }
}

/// A few changes of one owner, and the model after them.
fn changes(model: &Model, dice: &mut Dice) -> (&'static str, Vec<IntentChange>, Model) {
    let owner = dice.one(&["admin", "admin", "edge", "net"]);
    let (mut after, mut changes) = (model.clone(), BTreeMap::new());
    for _ in 0..=dice.below(4) {
        let object = Object::any(owner, dice);
        let key = (owner, object.clone());
        if changes.contains_key(&object) {
            continue;
        }
        if after.contains_key(&key) && dice.below(3) == 0 {
            after.remove(&key);
            changes.insert(object.clone(), remove(&object));
        } else {
            let kind = object.declared(dice);
            changes.insert(object, set(&kind));
            after.insert(key, kind);
        }
    }
    (owner, changes.into_values().collect(), after)
}

/// An agent whose owners have all the time to come back, with the instance in place.
fn start(lab: &Lab) -> Agent<'_> {
    let agent = Agent::start_with(lab, |config| {
        config["disconnect_grace_period"] = 3600.into();
        config["frr"]["connect_timeout"] = 1.into();
    });
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").expect("an instance");
    agent
}

fn a_lab() -> Lab {
    Lab::start(LabOptions::default().config(Router::Node, FOREIGN))
}

/// A configuration as lines with what they stand in, so that the order of blocks is no difference.
fn lines(lab: &Lab) -> Vec<String> {
    let mut all = Vec::new();
    for (daemon, text) in ["bgpd", "bfdd", "staticd", "ospfd"].iter().zip(all_running(lab)) {
        let mut open: Vec<(usize, String)> = Vec::new();
        for line in text.lines() {
            let body = line.trim();
            let none = ["!", "exit", "end", "log ", "hostname", "Building", "Current", "frr "];
            if body.is_empty() || none.iter().any(|it| body.starts_with(it)) {
                continue;
            }
            let indentation = line.len() - line.trim_start().len();
            open.retain(|(outer, _)| *outer < indentation);
            let context: Vec<_> = open.iter().map(|(_, line)| line.as_str()).collect();
            all.push(format!("{daemon}: {} / {body}", context.join(" / ")));
            open.push((indentation, body.to_owned()));
        }
    }
    all.extend(static_routes(lab));
    all.sort();
    all
}

/// The static routes that staticd itself has. Its `show running-config` has none of them: they are mgmtd's.
fn static_routes(lab: &Lab) -> Vec<String> {
    let text = vty(lab, "staticd", &["show configuration running json"]);
    let all: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let protocols =
        &all["frr-routing:routing"]["control-plane-protocols"]["control-plane-protocol"];
    let lists = protocols.as_array().into_iter().flatten();
    let routes = lists.flat_map(|it| it["frr-staticd:staticd"]["route-list"].as_array());
    routes.flatten().map(|route| format!("staticd: {route}")).collect()
}

/// What a fresh FRR and a fresh agent make of the model.
fn reference(model: &Model) -> Vec<String> {
    let lab = a_lab();
    let agent = start(&lab);
    for owner in OWNERS {
        let of_owner = model.iter().filter(|((it, _), _)| *it == owner);
        let changes: Vec<_> = of_owner.map(|(_, kind)| set(kind)).collect();
        if !changes.is_empty() {
            agent.client(owner).apply(changes).expect("what was taken before");
        }
    }
    agent.wait_ready();
    lines(&lab)
}

/// A daemon that does not run as it should, until it is put right.
#[derive(Clone, Copy)]
enum Down {
    Killed(&'static str),
    Frozen(&'static str),
}

impl Down {
    fn put_right(self, lab: &Lab) {
        match self {
            Self::Killed(daemon) => lab.restart(Router::Node, daemon),
            Self::Frozen(daemon) => lab.cont(Router::Node, daemon),
        }
    }
}

/// Asks again for what may have been done already.
fn again(client: &Client, changes: &[IntentChange]) {
    for change in changes {
        let asked = || client.apply(vec![change.clone()]);
        let outcome = match asked() {
            Err(status) if status.code() == Code::Cancelled => asked(),
            outcome => outcome,
        };
        match outcome {
            Ok(_) => {}
            Err(status) if status.code() == Code::NotFound => {
                assert!(matches!(change.change, Some(Change::Remove(_))), "{status}");
            }
            Err(status) => panic!("{change:?}: {status}"),
        }
    }
}

/// One sequence. Panics where FRR and the model differ at its end.
fn play(seed: u64, steps: u64) {
    let mut dice = Dice(seed);
    let lab = a_lab();
    let before = lines(&lab);
    for word in ["bgpd: route-map THEIRS permit 10", "198.18.0.0/15", "profile theirs"] {
        assert!(before.iter().any(|line| line.contains(word)), "{word} in {before:#?}");
    }
    let mut agent = start(&lab);
    let mut model = Model::new();
    let mut down: Option<Down> = None;
    for step in 0..steps {
        if let Some(it) = down
            && dice.coin()
        {
            it.put_right(&lab);
            down = None;
        }
        match dice.below(8) {
            0 if down.is_none() => {
                let daemon = dice.one(&["bgpd", "staticd", "bfdd", "ospfd", "mgmtd"]);
                eprintln!("{step}: {daemon} is killed");
                lab.kill(Router::Node, daemon);
                down = Some(Down::Killed(daemon));
            }
            1 if down.is_none() => {
                let daemon = dice.one(&["bgpd", "staticd", "bfdd", "ospfd", "mgmtd"]);
                eprintln!("{step}: {daemon} hangs");
                lab.stop(Router::Node, daemon);
                down = Some(Down::Frozen(daemon));
            }
            2 => {
                eprintln!("{step}: the agent is killed");
                agent.kill();
                agent.launch();
            }
            3 => {
                let (owner, changes, after) = changes(&model, &mut dice);
                eprintln!("{step}: {owner}, and the agent is killed meanwhile: {changes:?}");
                let client = agent.client(owner);
                let pause = Duration::from_millis(dice.below(30));
                thread::scope(|scope| {
                    let call = scope.spawn(|| client.apply(changes.clone()));
                    thread::sleep(pause);
                    agent.kill();
                    // Whether it was answered is chance; it is repeated below.
                    let _ = call.join().expect("no panic");
                });
                agent.launch();
                again(&agent.client(owner), &changes);
                model = after;
            }
            _ => {
                let (owner, changes, after) = changes(&model, &mut dice);
                eprintln!("{step}: {owner}: {changes:?}");
                let begun = Instant::now();
                let outcome = agent.client(owner).apply(changes.clone());
                eprintln!("{step}: {outcome:?} in {:?}", begun.elapsed());
                match outcome {
                    Ok(_) => {}
                    // It waited behind a resynchronisation that a daemon hung in: the client asks again.
                    Err(status) if status.code() == Code::Cancelled => {
                        again(&agent.client(owner), &changes);
                    }
                    Err(status) => panic!("{step}: {status}\n{}", agent.log()),
                }
                model = after;
            }
        }
    }
    if let Some(it) = down {
        it.put_right(&lab);
    }
    let wanted = reference(&model);
    wait_for("FRR to be as the model", PATIENCE, || {
        let now = lines(&lab);
        if now == wanted {
            return Ok(());
        }
        let less: Vec<_> = wanted.iter().filter(|line| !now.contains(line)).collect();
        let more: Vec<_> = now.iter().filter(|line| !wanted.contains(line)).collect();
        Err(format!("lacks {less:#?}, has besides {more:#?}, of {model:#?}"))
    });
    wait_for("/readyz", PATIENCE, || match agent.http("/readyz") {
        (200, _) => Ok(()),
        other => Err(format!("{other:?}")),
    });

    // All goes, and what is not ours stays.
    for owner in OWNERS {
        agent.client(owner).deregister(true).expect("withdrawn");
    }
    let now = lines(&lab);
    for line in &before {
        assert!(now.contains(line), "{line} is gone:\n{now:#?}");
    }
    for (_, object) in model.keys() {
        let (Object::Peer(word) | Object::Session(word)) = object else { continue };
        assert!(!now.iter().any(|line| line.contains(word)), "{object:?} is left:\n{now:#?}");
    }
    assert!(!now.iter().any(|line| line.contains("NR-") && line.contains("network")), "{now:#?}");
}

fn variable(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

#[test]
fn random_sequences_with_faults_end_as_the_model_says() {
    let steps = variable("NOVAROUTE_MODEL_STEPS").unwrap_or(STEPS);
    let play = |seed| {
        eprintln!("seed {seed}, {steps} steps: NOVAROUTE_MODEL_SEED={seed}");
        let begun = Instant::now();
        play(seed, steps);
        eprintln!("seed {seed} took {:?}", begun.elapsed());
    };
    if let Some(seed) = variable("NOVAROUTE_MODEL_SEED") {
        play(seed);
    } else if let Some(seconds) = variable("NOVAROUTE_MODEL_SECONDS") {
        let end = Instant::now() + Duration::from_secs(seconds);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let mut seed = now.as_secs();
        while Instant::now() < end {
            play(seed);
            seed += 1;
        }
    } else {
        SEEDS.into_iter().for_each(play);
    }
}
