//! Random sequences of intents and faults on real FRR, from a seed: what those beside a model and those beside an operator's
//! configuration have in common.
//!
//! | file | owns |
//! |---|---|
//! | `dice` | numbers from a seed |
//! | `faults` | daemons and the agent killed, frozen and brought back |
//! | `shrink` | the fewest steps that fail |

pub mod dice;
pub mod faults;
mod shrink;

use std::{
    env,
    fmt::Debug,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use dice::Dice;
use shrink::{panics, shrink};

/// Daemons that are killed and frozen.
const DAEMONS: [&str; 5] = ["bgpd", "staticd", "bfdd", "ospfd", "mgmtd"];

/// Seconds to find the fewest steps; a test has three minutes.
const SHRINK: u64 = 60;

/// What happens next. Whatever chance decides is decided in it, so that any part of a sequence can be played.
#[derive(Debug, Clone)]
pub enum Step<W> {
    /// The daemon that is down, if one is, runs again.
    PutRight,
    /// A daemon dies, unless another is down.
    Kill(&'static str),
    /// A daemon hangs, unless another is down.
    Hang(&'static str),
    /// The agent is killed and starts anew.
    KillAgent,
    /// The agent is killed so long after the call began.
    KillAgentDuring(W, Duration),
    /// An owner declares and withdraws.
    Declare(W),
}

impl<W> Step<W> {
    /// One of four in `of` is a fault. The agent is killed within so many milliseconds of a call.
    pub fn any(dice: &mut Dice, of: u64, within: u64, wish: impl FnOnce(&mut Dice) -> W) -> Self {
        match dice.below(of) {
            0 => Self::Kill(dice.one(&DAEMONS)),
            1 => Self::Hang(dice.one(&DAEMONS)),
            2 => Self::KillAgent,
            3 => {
                let wish = wish(dice);
                Self::KillAgentDuring(wish, Duration::from_millis(dice.below(within)))
            }
            _ => Self::Declare(wish(dice)),
        }
    }
}

/// A number from the environment.
pub fn variable(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

/// A seed that was never played.
pub fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// The steps at the positions that this variable names; all of them without it.
pub fn chosen<S: Clone>(steps: Vec<S>, variable: &str) -> Vec<S> {
    let Ok(only) = env::var(variable) else { return steps };
    let which: Vec<usize> = only.split(',').map(|at| at.parse().expect("a position")).collect();
    some(&steps, &which)
}

fn some<S: Clone>(steps: &[S], which: &[usize]) -> Vec<S> {
    which.iter().map(|at| steps[*at].clone()).collect()
}

/// Plays steps.
///
/// # Errors
/// They fail: the positions of the fewest that still do, as [`chosen`] reads them, and these steps. `limit` is the variable
/// that says how many seconds may be spent to find them.
pub fn play<S: Clone + Debug>(
    name: &str,
    steps: &[S],
    limit: &str,
    act: impl Fn(&[S]),
) -> Result<(), (String, Vec<S>)> {
    let begun = Instant::now();
    if !panics(|| act(steps)) {
        eprintln!("{name} took {:?}", begun.elapsed());
        return Ok(());
    }
    let within = Duration::from_secs(variable(limit).unwrap_or(SHRINK));
    let left = shrink(steps.len(), within, |fewer| panics(|| act(&some(steps, fewer))));
    let only: Vec<_> = left.iter().map(usize::to_string).collect();
    Err((only.join(","), some(steps, &left)))
}
