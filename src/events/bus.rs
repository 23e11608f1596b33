//! Carries events to everybody who listens and never waits for anybody.

use std::{fmt, sync::Arc, time::SystemTime};

use tokio::sync::broadcast;

use super::{Event, Filter};
use crate::world;

/// Events that a subscriber may lag behind before it loses the oldest. One commit can
/// withdraw thousands of prefixes at once; at about 200 bytes each, shared by
/// all subscribers, this many take under a megabyte.
pub const CAPACITY: usize = 4096;

/// Counts what happens on the bus: `novaroute_events_total`, `novaroute_events_dropped_total`.
pub trait EventObserver: Send + Sync {
    /// An event was published; its label is [`Event::type_name`].
    fn published(&self, event: &Event);
    /// A slow subscriber lost this many events.
    fn dropped(&self, count: u64);
}

/// Counts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEventObserver;

impl EventObserver for NoEventObserver {
    fn published(&self, _: &Event) {}
    fn dropped(&self, _: u64) {}
}

/// An event and when it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// When.
    pub at: SystemTime,
    /// What.
    pub event: Event,
}

/// Where events are published and subscribed to. Cheap to clone; all clones are one bus.
#[derive(Clone)]
pub struct Bus {
    sender: broadcast::Sender<Arc<Stamped>>,
    observer: Arc<dyn EventObserver>,
}

impl Bus {
    /// A bus whose events are counted by `observer`.
    pub fn new(observer: Arc<dyn EventObserver>) -> Self {
        Self { sender: broadcast::Sender::new(CAPACITY), observer }
    }

    /// Logs the event, counts it and hands it to every subscriber. Never waits.
    pub fn publish(&self, event: Event) {
        event.log();
        self.observer.published(&event);
        // An error says that there is no subscriber.
        let _ = self.sender.send(Arc::new(Stamped { at: world::time_of_day(), event }));
    }

    /// Listens to what is published from now on.
    pub fn subscribe(&self, filter: Filter) -> Subscription {
        let receiver = self.sender.subscribe();
        Subscription { receiver, filter, observer: Arc::clone(&self.observer) }
    }

    /// How many listen.
    pub fn subscribers(&self) -> usize {
        self.sender.receiver_count()
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self::new(Arc::new(NoEventObserver))
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("subscribers", &self.subscribers()).finish()
    }
}

/// One who listens.
pub struct Subscription {
    receiver: broadcast::Receiver<Arc<Stamped>>,
    filter: Filter,
    observer: Arc<dyn EventObserver>,
}

impl Subscription {
    /// The next event that the filter lets through; `None` when the bus is gone.
    ///
    /// One who lags more than [`CAPACITY`] behind loses the oldest events, which
    /// are counted, and goes on with the rest.
    ///
    /// Cancel safety: no event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Arc<Stamped>> {
        loop {
            match self.receiver.recv().await {
                Ok(stamped) if self.filter.matches(&stamped.event) => return Some(stamped),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(count)) => {
                    tracing::warn!(count, "an event subscriber is too slow and lost events");
                    self.observer.dropped(count);
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("filter", &self.filter).finish()
    }
}
