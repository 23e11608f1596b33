//! How much the agent may hold: what it can bring back into an empty FRR within the memory that it has.
//!
//! An agent that is killed for its memory finds the same intents in its journal at the next start, and is killed
//! again, while FRR lacks them. So it refuses what it could not bring back, however small the calls that
//! would make it so much.

use super::{Violation, ViolationKind};
use crate::{
    model::{Change, IntentKey, IntentKind},
    protocol::kinds,
    store::{Counts, Store},
};

const MIB: u64 = 1 << 20;

/// What an agent without intents takes, with what libyang has of the models.
const BASE: u64 = 32 * MIB;

/// The memory that the agent may use, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity(u64);

impl Capacity {
    /// Of this many bytes.
    pub fn of(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    pub(super) fn bytes(self) -> u64 {
        self.0
    }

    /// Whether all that would be in the store can be brought into FRR within this memory.
    ///
    /// # Errors
    /// It can't, and the changes make it more than it was. To take away is always permitted.
    pub fn check(self, before: &Store, after: &Store, changes: &[Change]) -> Result<(), Violation> {
        let needed = needed(after.count_all());
        if needed <= self.0 || needed <= self::needed(before.count_all()) {
            return Ok(());
        }
        let is_new = |key: &IntentKey| before.get(key).is_none();
        let Some(key) = changes.iter().map(Change::key).find(is_new) else { return Ok(()) };
        Err(Violation {
            kind: ViolationKind::Quota,
            key,
            existing_owner: None,
            message: format!(
                "this would make {} intents, and to bring so many into FRR takes up to {} MiB of memory: the \
                 agent may use {} MiB; raise the memory limit of its container, or declare less",
                after.len(),
                needed.div_ceil(MIB),
                self.0 / MIB,
            ),
            to_caller: None,
        })
    }
}

/// The memory that it takes at the most to bring so many intents into FRR, in bytes.
fn needed(counts: Counts) -> u64 {
    let of = |kind: IntentKind| {
        let count = u64::try_from(counts[kind]).unwrap_or(u64::MAX);
        count.saturating_mul(kinds::of(kind).memory)
    };
    IntentKind::ALL.into_iter().map(of).fold(BASE, u64::saturating_add)
}
