//! How much the agent may hold: what it can bring back into an empty FRR within the memory that it has.
//!
//! An agent that is killed for its memory finds the same intents in its journal at the next start, and is killed
//! again, while FRR lacks them. So it refuses what it could not bring back, however small the calls that
//! would make it so much.

use super::{Violation, ViolationKind};
use crate::{
    model::{Change, IntentKey},
    store::{Counts, Store},
};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// What an agent without intents takes, with what libyang has of the models.
const BASE: u64 = 32 * MIB;

/// What one prefix takes at the most while all are brought into FRR: its intent, its part of the tree, libyang's
/// copy of that, its line. The benchmark's rows "at most" measure it (4.5 KiB).
const PREFIX: u64 = 5 * KIB;

/// The same for a static route, which mgmtd takes as JSON and shows as such (14.5 KiB).
const STATIC_ROUTE: u64 = 15 * KIB;

/// The same for a neighbour, a BFD session or an OSPF interface, of which a node has few.
const OTHER: u64 = 32 * KIB;

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
    let of =
        |count: usize, each: u64| each.saturating_mul(u64::try_from(count).unwrap_or(u64::MAX));
    let prefixes = counts.bgp_prefixes + counts.ospf_prefixes;
    let others = counts.total() - prefixes - counts.static_routes;
    BASE.saturating_add(of(prefixes, PREFIX))
        .saturating_add(of(counts.static_routes, STATIC_ROUTE))
        .saturating_add(of(others, OTHER))
}
