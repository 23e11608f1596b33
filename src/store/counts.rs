//! How many intents of each kind there are: what the gauges show.

use std::{iter::Sum, ops::Index};

use crate::model::IntentKind;

/// Intents of one owner by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([usize; IntentKind::ALL.len()]);

impl Counts {
    /// All of them together.
    pub fn total(self) -> usize {
        self.0.iter().sum()
    }

    /// Those of these kinds together.
    pub fn of(self, kinds: impl IntoIterator<Item = IntentKind>) -> usize {
        kinds.into_iter().map(|kind| self[kind]).sum()
    }

    /// Counts one more.
    pub(super) fn add(&mut self, kind: IntentKind) {
        self.0[kind as usize] += 1;
    }

    /// Counts one less.
    pub(super) fn subtract(&mut self, kind: IntentKind) {
        let count = &mut self.0[kind as usize];
        *count = count.saturating_sub(1);
    }
}

impl Index<IntentKind> for Counts {
    type Output = usize;

    fn index(&self, kind: IntentKind) -> &usize {
        &self.0[kind as usize]
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut all, some| {
            all.0.iter_mut().zip(some.0).for_each(|(all, some)| *all += some);
            all
        })
    }
}
