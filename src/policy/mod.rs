//! May this owner do this? Pure: no async, no I/O, no clock.

mod violation;

pub use violation::{Violation, ViolationKind};
