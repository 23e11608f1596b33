//! Random sequences of intents from several owners, faults and restarts on real FRR. After each, FRR's
//! configuration is what a fresh FRR gets from the intents that the model says are there, line for line; and
//! somebody else's lines are as they were. Beside that, hours of use leave memory and descriptors flat.
//!
//! The seed is printed; of a sequence that fails, the fewest steps that still fail.
//!
//! | variable | does |
//! |---|---|
//! | `NOVAROUTE_MODEL_SEED=N` | plays that sequence |
//! | `NOVAROUTE_MODEL_ONLY=0,3,7` | … these steps of it alone |
//! | `NOVAROUTE_MODEL_SEEDS=N` | plays those of the seeds 1 to N (CI) |
//! | `NOVAROUTE_MODEL_SECONDS=N` | new sequences for as long (`make soak`) |
//! | `NOVAROUTE_MODEL_STEPS=N` | longer ones |
//! | `NOVAROUTE_MODEL_SHRINK=N` | seconds to find the fewest steps |
//!
//! | file | owns |
//! |---|---|
//! | `dice` | numbers from a seed |
//! | `model` | what may be declared, and what is |
//! | `play` | the steps of a sequence |
//! | `routers` | the lab, and what FRR runs as lines |
//! | `shrink` | the fewest steps that fail |
//! | `flat` | memory and descriptors of the agent and of FRR |
//!
//! What it found is in `docs/src/faults.md`.

#[path = "../agent/mod.rs"]
mod agent;
#[path = "../lab/mod.rs"]
mod lab;

mod dice;
mod flat;
mod model;
mod play;
mod routers;
mod shrink;

use std::{
    env,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use play::{Step, play, sequence};
use shrink::{panics, shrink};

/// The sequences of every run of the tests: those of the seeds from 1 to this.
const SEEDS: u64 = 3;

/// Steps of a sequence, beside those that put right.
const STEPS: u64 = 14;

/// Seconds to find the fewest steps; a test has three minutes.
const SHRINK: u64 = 60;

fn variable(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

/// How long the tests of this file have to go on; `None` where they are to be short.
fn seconds() -> Option<Duration> {
    variable("NOVAROUTE_MODEL_SECONDS").map(Duration::from_secs)
}

fn some(steps: &[Step], which: &[usize]) -> Vec<Step> {
    which.iter().map(|at| steps[*at].clone()).collect()
}

/// Plays the sequence of a seed; where it fails, says with which of its steps alone it fails as well.
fn play_seed(seed: u64) {
    let count = variable("NOVAROUTE_MODEL_STEPS").unwrap_or(STEPS);
    let mut steps = sequence(seed, count);
    if let Ok(only) = env::var("NOVAROUTE_MODEL_ONLY") {
        let which: Vec<usize> = only.split(',').map(|at| at.parse().expect("a position")).collect();
        steps = some(&steps, &which);
    }
    eprintln!("seed {seed}, {} steps: NOVAROUTE_MODEL_SEED={seed}", steps.len());
    let begun = Instant::now();
    if panics(|| play(&steps)) {
        let within = Duration::from_secs(variable("NOVAROUTE_MODEL_SHRINK").unwrap_or(SHRINK));
        let left = shrink(steps.len(), within, |fewer| panics(|| play(&some(&steps, fewer))));
        let only: Vec<_> = left.iter().map(usize::to_string).collect();
        panic!(
            "seed {seed} fails; so do these steps of it alone (NOVAROUTE_MODEL_SEED={seed} \
             NOVAROUTE_MODEL_ONLY={}): {:#?}",
            only.join(","),
            some(&steps, &left)
        );
    }
    eprintln!("seed {seed} took {:?}", begun.elapsed());
}

#[test]
fn random_sequences_with_faults_end_as_the_model_says() {
    if let Some(seed) = variable("NOVAROUTE_MODEL_SEED") {
        play_seed(seed);
    } else if let Some(time) = seconds() {
        let end = Instant::now() + time;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let mut seed = now.as_secs();
        while Instant::now() < end {
            play_seed(seed);
            seed += 1;
        }
    } else {
        (1..=variable("NOVAROUTE_MODEL_SEEDS").unwrap_or(SEEDS)).for_each(play_seed);
    }
}
