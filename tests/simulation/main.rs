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
//! | `NOVAROUTE_SIMULATION_HARSH=1` | daemons lie too, and come back with all that they ran; that finds faults that are not mended yet |
//!
//! | file | owns |
//! |---|---|
//! | `cli` | the configuration of a daemon, as lines |
//! | `frr` | the daemons, and what happens to them |
//! | `vty` | a daemon's VTY socket |
//! | `mgmtd` | mgmtd, at the seam of the drivers |
//! | `node` | the agent |
//! | `owners` | what clients know |
//! | `in_frr` | whether FRR runs an object |
//! | `play` | one history |
//! | `calls` | clients' calls, and their answers |
//! | `faults` | what happens to FRR, the disk and the agent |
//! | `end` | all put right, and held against a fresh FRR |

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

mod calls;
mod cli;
mod end;
mod faults;
mod frr;
mod in_frr;
mod mgmtd;
mod node;
mod owners;
mod play;
mod vty;

use std::{
    env,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use novaroute::yang::{Models, Quick, Yang};

use play::{Report, play};

/// The histories of every run of the tests: those of the seeds from 1 to this.
const SEEDS: u64 = 5;

/// Messages of a history, beside those of its end.
const STEPS: u64 = 1_500;

fn variable(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

/// Names and types alone.
fn quick() -> Yang {
    let load = |_| {
        let models = Quick::read(include_str!("models.txt"))?;
        Ok(Box::new(models) as Box<dyn Models>)
    };
    Yang::here(load).expect("readable")
}

fn history(seed: u64, aloud: bool) -> Report {
    let steps = variable("NOVAROUTE_SIMULATION_STEPS").unwrap_or(STEPS);
    let report = play(seed, steps, quick, aloud);
    if let Some(wrong) = &report.wrong {
        panic!("NOVAROUTE_SIMULATION_SEED={seed}: {wrong}");
    }
    report
}

#[test]
fn whatever_happens_what_was_answered_holds() {
    if let Some(seed) = variable("NOVAROUTE_SIMULATION_SEED") {
        history(seed, true);
        return;
    }
    let seconds = variable("NOVAROUTE_SIMULATION_SECONDS").map(Duration::from_secs);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let first = if seconds.is_some() { now.as_secs() << 16 } else { 1 };
    let last = first + variable("NOVAROUTE_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let (begun, mut steps, mut seed) = (Instant::now(), 0, first);
    while seconds.map_or(seed < last, |seconds| begun.elapsed() < seconds) {
        steps += history(seed, false).steps;
        seed += 1;
    }
    let took = begun.elapsed().as_secs_f64();
    let rate = steps as f64 * 60.0 / took;
    eprintln!("{} histories of {steps} steps in {took:.1} s: {rate:.0} a minute", seed - first);
}

#[test]
fn a_seed_plays_the_same_history() {
    let (first, again) = (history(7, false), history(7, false));
    assert_eq!((first.steps, first.digest), (again.steps, again.digest));
    assert_ne!(first.digest, history(8, false).digest);
}
