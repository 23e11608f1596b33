//! What happened, for logs, metrics and subscribers.
//!
//! Owns the events of the contract and the bus that carries them. One event
//! defines its log line, its metric label and its stream message.

mod bus;
mod changes;
mod event;
mod filter;
mod kind;
mod lost;
#[cfg(test)]
mod tests;

pub use bus::{Bus, CAPACITY, EventObserver, NoEventObserver, Stamped, Subscription};
pub use changes::of_change;
pub use event::Event;
pub use filter::Filter;
pub(crate) use filter::parse_owner_filter;
pub use lost::{LostSession, Notification};

/// Type of an event, as the contract numbers it.
pub use crate::proto::v1::EventType;
