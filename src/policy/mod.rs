//! May this owner do this? Pure: no async, no I/O, no clock.
//!
//! Owns what the configuration allows each owner, the rules, and the words of a
//! refusal.

mod capacity;
mod check;
mod claims;
mod owner;
mod quota;
#[cfg(test)]
mod tests;
mod undo;
mod violation;
mod waiting;

pub use capacity::Capacity;
pub use check::{check, check_all, peer_fits};
pub use owner::{Lifetime, OwnerPolicy, Policies, PrefixType, QuotaKind, Quotas};
pub use undo::{Permitted, PutBack, may_undo, undo};
pub use violation::{Violation, ViolationKind};
pub use waiting::Waiting;
