//! Random sequences of intents from several owners, faults and restarts on real FRR. After each, FRR's
//! configuration is what a fresh FRR gets from the intents that the model says are there, line for line; and
//! an operator's lines are as they were. Beside that, hours of use leave memory and descriptors flat.
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
//! | `model` | what may be declared, and what is |
//! | `play` | the steps of a sequence |
//! | `routers` | the lab, and what FRR runs as lines |
//! | `tests/sequence` | seeds, faults, and the fewest steps that fail |
//! | `flat` | memory and descriptors of the agent and of FRR |
//!
//! What it found is in `docs/src/faults.md`.

#[path = "../agent/mod.rs"]
mod agent;
#[path = "../lab/mod.rs"]
mod lab;
#[path = "../sequence/mod.rs"]
mod sequence;

mod flat;
mod model;
mod play;
mod routers;

use std::time::{Duration, Instant};

use sequence::{chosen, dice, fresh_seed, variable};

/// The sequences of every run of the tests: those of the seeds from 1 to this.
const SEEDS: u64 = 3;

/// Steps of a sequence, beside those that put right.
const STEPS: u64 = 14;

/// How long the tests of this file have to go on; `None` where they are to be short.
fn seconds() -> Option<Duration> {
    variable("NOVAROUTE_MODEL_SECONDS").map(Duration::from_secs)
}

/// Plays the sequence of a seed; where it fails, says with which of its steps alone it fails as well.
fn play_seed(seed: u64) {
    let count = variable("NOVAROUTE_MODEL_STEPS").unwrap_or(STEPS);
    let steps = chosen(play::sequence(seed, count), "NOVAROUTE_MODEL_ONLY");
    eprintln!("seed {seed}, {} steps: NOVAROUTE_MODEL_SEED={seed}", steps.len());
    let name = format!("seed {seed}");
    let played = sequence::play(&name, &steps, "NOVAROUTE_MODEL_SHRINK", play::play);
    if let Err((only, left)) = played {
        panic!(
            "{name} fails; so do these steps of it alone (NOVAROUTE_MODEL_SEED={seed} \
             NOVAROUTE_MODEL_ONLY={only}): {left:#?}"
        );
    }
}

#[test]
fn random_sequences_with_faults_end_as_the_model_says() {
    if let Some(seed) = variable("NOVAROUTE_MODEL_SEED") {
        play_seed(seed);
    } else if let Some(time) = seconds() {
        let end = Instant::now() + time;
        let mut seed = fresh_seed();
        while Instant::now() < end {
            play_seed(seed);
            seed += 1;
        }
    } else {
        (1..=variable("NOVAROUTE_MODEL_SEEDS").unwrap_or(SEEDS)).for_each(play_seed);
    }
}
