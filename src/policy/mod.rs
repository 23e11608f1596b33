//! May this owner do this? Pure: no async, no I/O, no clock.

mod owner;
mod violation;

pub use owner::{Lifetime, OwnerPolicy, Policies, PrefixType};
pub use violation::{Violation, ViolationKind};
