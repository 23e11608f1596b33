//! The agent without FRR, root and the wall clock: histories that a seed decides, of clients, faults and restarts, held after
//! every step against what was answered.
//!
//! From the sessions down everything is the agent's own: sessions, turns, actor, engine, journal, drivers and codec of the
//! VTY. tokio's clock is paused and goes on when nobody has anything to do; the disk is the simulated one of the journal;
//! models are names and types in memory. Daemons keep lines, which the product's table reads and prints; mgmtd keeps a tree.
//!
//! A step is one message delivered: a client's call or its answer, a command to a daemon or its reply, a fault.
//!
//! | invariant | held |
//! |---|---|
//! | what was answered as confirmed is in FRR, or FRR is away | at each answer, in FRR's own words |
//! | what was refused is nowhere | at each answer |
//! | what the agent has is what was answered, also after a restart | at each view that it publishes, and at its start |
//! | somebody else's lines are as they were | at each command |
//! | quotas hold; nobody is blamed for what FRR refuses to lose | at each view |
//! | every call is answered in time: no owner starves, no deadline passes | at each answer |
//! | after the last fault FRR is what a fresh one gets from what was answered | at the end, within twenty minutes of its clock |
//!
//! | variable | does |
//! |---|---|
//! | `NOVAROUTE_SIMULATION_SEED=N` | plays that history, each step printed |
//! | `NOVAROUTE_SIMULATION_SEEDS=N` | plays those of the seeds 1 to N |
//! | `NOVAROUTE_SIMULATION_SECONDS=N` | new histories for as long (`make simulation`) |
//! | `NOVAROUTE_SIMULATION_STEPS=N` | longer ones |
//! | `NOVAROUTE_SIMULATION_TURNS=1,5,9` | of the seed's history those turns alone, as a shrunk failure names them |
//! | `NOVAROUTE_SIMULATION_SHRINK=0` | a history that fails is not shrunk |
//! | `NOVAROUTE_SIMULATION_YANG=DIR` | libyang judges, by FRR's models in that directory: slower |
//!
//! | file | owns |
//! |---|---|
//! | `by_hand` | histories by hand: what chance found once |
//! | `cli` | the configuration of a daemon, as lines |
//! | `frr` | the daemons, and what happens to them |
//! | `vty` | a daemon's VTY socket |
//! | `mgmtd` | mgmtd, at the seam of the drivers |
//! | `node` | the agent |
//! | `owners` | what clients know |
//! | `in_frr` | whether FRR runs an object |
//! | `play` | one history |
//! | `weather` | what happens how often in it |
//! | `calls` | clients' calls, and their answers |
//! | `flood` | many calls of one owner at once |
//! | `faults` | what happens to FRR, the disk and the agent |
//! | `end` | all put right, and held against a fresh FRR |
//! | `shrink` | a failing history with as few turns as possible |

/// What it shares with the soak.
#[allow(dead_code)]
#[path = "../sequence/dice.rs"]
mod dice;
#[allow(dead_code)]
#[path = "../frr_model/model.rs"]
mod model;

#[allow(dead_code)]
#[path = "../lab/net.rs"]
mod net;

mod lab {
    pub(crate) use crate::net;
}

#[allow(dead_code)]
#[path = "../agent/messages.rs"]
mod agent;

mod by_hand;
mod calls;
mod cli;
mod end;
mod faults;
mod flood;
mod frr;
mod in_frr;
mod mgmtd;
mod node;
mod owners;
mod play;
mod shrink;
mod vty;
mod weather;

use std::{
    env,
    path::PathBuf,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use novaroute::yang::{Models, Quick, Schema, Yang};

use play::{Report, Script, play};

/// The histories of every run of the tests: those of the seeds from 1 to this.
const SEEDS: u64 = 5;

/// Messages of a history, beside those of its end.
const STEPS: u64 = 1_500;

fn variable(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

/// Names and types alone, or libyang.
fn yang() -> Yang {
    let directory = env::var_os("NOVAROUTE_SIMULATION_YANG").map(PathBuf::from);
    let load = move |profile| match &directory {
        Some(directory) => Ok(Box::new(Schema::load(directory, profile)?) as Box<dyn Models>),
        None => Ok(Box::new(Quick::read(include_str!("models.txt"))?) as Box<dyn Models>),
    };
    Yang::here(load).expect("readable")
}

fn script(seed: u64) -> Script {
    let steps = variable("NOVAROUTE_SIMULATION_STEPS").unwrap_or(STEPS);
    Script { seed, steps, turns: None, aloud: false }
}

/// Plays the history of a seed.
///
/// # Panics
/// Something is wrong: with the turns of it that are enough for that.
fn history(seed: u64) -> Report {
    let script = script(seed);
    let report = play(&script, yang);
    if let Some(wrong) = &report.wrong {
        eprintln!("NOVAROUTE_SIMULATION_SEED={seed}: {wrong}");
        assert_ne!(variable("NOVAROUTE_SIMULATION_SHRINK"), Some(0), "{wrong}");
        let (least, wrong) = shrink::shrink(&script, report.turns, wrong);
        let turns: Vec<_> = least.turns.iter().flatten().map(u64::to_string).collect();
        let turns = turns.join(",");
        panic!("NOVAROUTE_SIMULATION_SEED={seed} NOVAROUTE_SIMULATION_TURNS={turns}: {wrong}");
    }
    report
}

/// Plays the one that is asked for, each step printed.
fn again(seed: u64) {
    let turns = env::var("NOVAROUTE_SIMULATION_TURNS").ok().map(|text| {
        let turn = |it: &str| it.parse().unwrap_or_else(|error| panic!("turn {it:?}: {error}"));
        text.split(',').map(turn).collect()
    });
    let report = play(&Script { turns, aloud: true, ..script(seed) }, yang);
    if let Some(wrong) = report.wrong {
        panic!("NOVAROUTE_SIMULATION_SEED={seed}: {wrong}");
    }
}

#[test]
fn whatever_happens_what_was_answered_holds() {
    if let Some(seed) = variable("NOVAROUTE_SIMULATION_SEED") {
        again(seed);
        return;
    }
    let seconds = variable("NOVAROUTE_SIMULATION_SECONDS").map(Duration::from_secs);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let first = if seconds.is_some() { now.as_secs() << 16 } else { 1 };
    let last = first + variable("NOVAROUTE_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let (begun, mut steps, mut seed) = (Instant::now(), 0, first);
    let mut longest = Duration::ZERO;
    while seconds.map_or(seed < last, |seconds| begun.elapsed() < seconds) {
        let report = history(seed);
        steps += report.steps;
        longest = longest.max(report.longest);
        seed += 1;
    }
    let took = begun.elapsed().as_secs_f64();
    let (rate, count) = (steps as f64 * 60.0 / took, seed - first);
    eprintln!(
        "{count} histories of {steps} steps in {took:.1} s: {rate:.0} a minute; longest wait {longest:?}"
    );
}

#[test]
fn a_seed_plays_the_same_history() {
    let (first, again) = (history(7), history(7));
    assert_eq!((first.steps, first.digest), (again.steps, again.digest));
    assert_ne!(first.digest, history(8).digest);
}
