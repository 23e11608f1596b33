//! A failing history with as few turns as possible: turns are left out while something is wrong still.

use std::collections::BTreeSet;

use crate::{
    play::{Script, play},
    yang,
};

/// Histories that are tried at the most.
const ATTEMPTS: usize = 300;

/// The least of a failing history of so many turns that was found, and what is wrong in it. Blocks of turns are left out, each
/// time half as long, by delta debugging.
pub fn shrink(script: &Script, turns: u64, wrong: &str) -> (Script, String) {
    let mut least: Vec<u64> = (0..turns).collect();
    let (mut wrong, mut attempts) = (wrong.to_owned(), 0);
    let mut block = least.len().div_ceil(2);
    while block > 0 && attempts < ATTEMPTS {
        let mut at = 0;
        while at < least.len() && attempts < ATTEMPTS {
            let end = least.len().min(at + block);
            let fewer: BTreeSet<u64> = least[..at].iter().chain(&least[end..]).copied().collect();
            attempts += 1;
            match play(&Script { turns: Some(fewer.clone()), ..script.clone() }, yang).wrong {
                Some(now) => (least, wrong) = (fewer.into_iter().collect(), now),
                None => at = end,
            }
        }
        block /= 2;
    }
    (Script { turns: Some(least.into_iter().collect()), ..script.clone() }, wrong)
}
