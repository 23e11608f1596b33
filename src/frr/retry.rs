//! What to do after an error, and how long to wait before it is done: one policy for each class.

use std::time::Duration;

use crate::world;

/// What to do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request fails again, until FRR or the request is another.
    Never,
    /// Nothing was changed; the same request may succeed in a moment.
    Later,
    /// Nobody knows whether something was changed: read it back first.
    ReadBack,
}

/// First pause after which what was not there is tried again: a daemon that was killed is back within
/// a second or two, and one attempt costs it nothing.
const FIRST: Duration = Duration::from_millis(200);

impl Retry {
    /// The pauses between attempts, none longer than `cap`; `None` where there is nothing to wait for.
    pub fn backoff(self, cap: Duration) -> Option<Backoff> {
        match self {
            Self::Never => None,
            // To read back is an attempt like any other, on a daemon that has just failed.
            Self::Later | Self::ReadBack => Some(Backoff::until(cap)),
        }
    }
}

/// Pauses that double up to a cap, each somewhat shorter by chance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    next: Duration,
    cap: Duration,
}

impl Backoff {
    /// Pauses from `first` to `cap`.
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self { next: first.min(cap), cap }
    }

    /// Pauses for what was there and went away, none longer than `cap`.
    pub fn until(cap: Duration) -> Self {
        Self::new(FIRST, cap)
    }

    /// The pause before the next attempt.
    pub fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.cap);
        jittered(pause)
    }
}

/// Half to all of a pause, so that two who wait for each other, or all nodes of a cluster for the
/// same moment, do not keep step.
pub fn jittered(pause: Duration) -> Duration {
    let random = world::random() % 1024;
    pause / 2 + pause.mul_f64(random as f64 / 2048.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_between_half_and_all() {
        for _ in 0..100 {
            let pause = jittered(Duration::from_secs(1));
            assert!(pause >= Duration::from_millis(500) && pause <= Duration::from_secs(1));
        }
    }

    #[test]
    fn pauses_double_up_to_the_cap() {
        let cap = Duration::from_secs(1);
        let mut backoff = Retry::Later.backoff(cap).expect("it is tried again");
        for longest in [200, 400, 800, 1000, 1000].map(Duration::from_millis) {
            let pause = backoff.pause();
            assert!(pause >= longest / 2 && pause <= longest, "{pause:?} of {longest:?}");
        }
        assert_eq!(Retry::Never.backoff(cap), None);
    }
}
