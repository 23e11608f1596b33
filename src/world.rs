//! What the agent takes from the world beside files, sockets and tokio's clock: the time of day, and chance.
//!
//! A test hands its thread both ([`simulate`]): with tokio's clock paused, the same seed plays the same history. All that
//! has to repeat asks here.

use std::{
    cell::RefCell,
    hash::{BuildHasher, RandomState},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

/// The day on which simulations begin: 2026-01-01.
const FIRST_DAY: Duration = Duration::from_secs(1_767_225_600);

struct Simulated {
    /// splitmix64.
    chance: u64,
    begun: Instant,
    today: SystemTime,
}

thread_local! {
    static SIMULATED: RefCell<Option<Simulated>> = const { RefCell::new(None) };
}

/// The time of day. It may step back: what has to last a time is measured by [`Instant`].
#[allow(clippy::disallowed_methods, reason = "the one place that asks")]
pub fn time_of_day() -> SystemTime {
    SIMULATED.with_borrow(|simulated| match simulated {
        Some(it) => it.today + it.begun.elapsed(),
        None => SystemTime::now(),
    })
}

/// A number that nobody can expect.
pub fn random() -> u64 {
    SIMULATED.with_borrow_mut(|simulated| match simulated {
        Some(it) => split_mix(&mut it.chance),
        // A fresh hasher's keys are random; no generator is needed for this.
        None => RandomState::new().hash_one(0u8),
    })
}

/// A name that nothing else has.
#[allow(clippy::disallowed_methods, reason = "the one place that asks")]
pub fn uuid() -> uuid::Uuid {
    SIMULATED.with_borrow_mut(|simulated| match simulated {
        Some(it) => {
            let (high, low) = (split_mix(&mut it.chance), split_mix(&mut it.chance));
            uuid::Builder::from_random_bytes(
                (u128::from(high) << 64 | u128::from(low)).to_be_bytes(),
            )
            .into_uuid()
        }
        None => uuid::Uuid::new_v4(),
    })
}

/// Gives this thread a time of day that goes with tokio's clock, and chance from a seed, until the answer is dropped.
#[must_use = "the world is as it was when this is dropped"]
pub fn simulate(seed: u64) -> Simulation {
    let today = SystemTime::UNIX_EPOCH + FIRST_DAY;
    SIMULATED.set(Some(Simulated { chance: seed, begun: Instant::now(), today }));
    Simulation(())
}

/// The world of a thread is simulated for as long as this is there.
#[derive(Debug)]
pub struct Simulation(());

impl Simulation {
    /// Somebody sets the time of day, forward.
    pub fn step_forward(&self, by: Duration) {
        SIMULATED.with_borrow_mut(|it| it.iter_mut().for_each(|it| it.today += by));
    }

    /// Somebody sets the time of day, back.
    pub fn step_back(&self, by: Duration) {
        SIMULATED.with_borrow_mut(|it| it.iter_mut().for_each(|it| it.today -= by));
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        SIMULATED.set(None);
    }
}

/// The next number of splitmix64.
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_seed_repeats_and_time_goes_with_the_clock() {
        let draw = || {
            let _world = simulate(7);
            (random(), uuid(), time_of_day())
        };
        let first = draw();
        assert_eq!(draw(), first);
        assert_ne!(first.0, random(), "the world is as it was");
        let world = simulate(7);
        tokio::time::advance(Duration::from_secs(3)).await;
        world.step_back(Duration::from_secs(1));
        assert_eq!(time_of_day(), first.2 + Duration::from_secs(2));
        world.step_forward(Duration::from_secs(1));
        assert_eq!(time_of_day(), first.2 + Duration::from_secs(3));
    }
}
