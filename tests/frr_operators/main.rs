//! The operator's FRR outlives NovaRoute. FRR starts with an operator's configuration; the agent runs intents of all kinds beside it,
//! among them such that name the operator's own objects, with equal and with other values, while daemons and the agent die and hang; all
//! is withdrawn. The operator's lines are there the whole time, and in the end FRR's configuration is the operator's, byte for byte.
//!
//! The configurations are in `tests/operators`, each with a first line that says what it is. A few of them are played in every run
//! of the tests; `make operators` plays all, with more intents each. The seed is printed; of a sequence that fails, the fewest
//! steps that still fail.
//!
//! | variable | does |
//! |---|---|
//! | `NOVAROUTE_OPERATORS_SEED=N` | plays that seed |
//! | `NOVAROUTE_OPERATORS_ONLY=A,B` | … with the configurations whose names contain one of these |
//! | `NOVAROUTE_OPERATORS_INTENTS=N` | intents for each configuration |
//! | `NOVAROUTE_OPERATORS_STEPS=0,3,7` | … these steps alone |
//! | `NOVAROUTE_OPERATORS_SHRINK=N` | seconds to find the fewest steps of a failure |
//!
//! | file | owns |
//! |---|---|
//! | `operator` | an operator's configuration, and which objects it names |
//! | `intents` | what owners declare, at random |
//! | `play` | the steps of a sequence, and how it is played |
//! | `tests/sequence` | seeds, faults, and the fewest steps that fail |

#[path = "../agent/mod.rs"]
mod agent;
#[path = "../lab/mod.rs"]
mod lab;
#[path = "../sequence/mod.rs"]
mod sequence;

mod intents;
mod operator;
mod play;

use std::env;

use operator::Operator;
use sequence::{
    dice::{self, Dice},
    fresh_seed, variable,
};

/// The seed of every run of the tests.
const SEED: u64 = 13;

/// Configurations of such a run, and intents for each: what fits into a minute.
const SAMPLE: usize = 4;
const INTENTS: u64 = 8;

/// Plays a seed beside one operator's configuration; where it fails, with what and with which of its steps alone.
fn play_beside(operator: &Operator, seed: u64, intents: u64) -> Result<(), String> {
    let steps = play::sequence(operator, seed, intents);
    let steps = sequence::chosen(steps, "NOVAROUTE_OPERATORS_STEPS");
    let name = &operator.name;
    eprintln!("{name} ({}): seed {seed}, {} steps", operator.what, steps.len());
    let act = |steps: &[play::Step]| play::play(operator, steps);
    let played = sequence::play(name, &steps, "NOVAROUTE_OPERATORS_SHRINK", act);
    played.map_err(|(only, left)| {
        format!(
            "{name} fails; so do these steps alone (NOVAROUTE_OPERATORS_SEED={seed} \
             NOVAROUTE_OPERATORS_INTENTS={intents} NOVAROUTE_OPERATORS_ONLY={name} \
             NOVAROUTE_OPERATORS_STEPS={only}): {left:#?}"
        )
    })
}

/// The configurations of this run.
fn chosen(seed: u64) -> Vec<Operator> {
    let mut all = operator::all();
    if let Ok(only) = env::var("NOVAROUTE_OPERATORS_ONLY") {
        let words: Vec<&str> = only.split(',').collect();
        all.retain(|it| words.iter().any(|word| it.name.contains(word)));
        assert!(!all.is_empty(), "no configuration has a name with one of {words:?}");
    } else if variable("NOVAROUTE_OPERATORS_INTENTS").is_none() {
        let mut dice = Dice(seed);
        while all.len() > SAMPLE {
            let one = dice.below(all.len() as u64);
            all.remove(usize::try_from(one).expect("an index"));
        }
    }
    all
}

#[test]
fn what_an_operator_configured_outlives_all_that_is_declared_beside_it() {
    let intents = variable("NOVAROUTE_OPERATORS_INTENTS");
    let fresh = if intents.is_some() { fresh_seed() } else { SEED };
    let seed = variable("NOVAROUTE_OPERATORS_SEED").unwrap_or(fresh);
    let all = chosen(seed);
    let played = all.iter().map(|it| play_beside(it, seed, intents.unwrap_or(INTENTS)));
    let failed: Vec<String> = played.filter_map(Result::err).collect();
    assert!(
        failed.is_empty(),
        "seed {seed}: {} of {} fail:\n{}",
        failed.len(),
        all.len(),
        failed.join("\n")
    );
}

#[test]
fn every_operators_configuration_says_what_it_is() {
    let all = operator::all();
    assert!(all.len() >= 40, "{}", all.len());
    for operator in &all {
        assert!(operator.what.len() > 20 && operator.what.ends_with('.'), "{}", operator.name);
    }
}
