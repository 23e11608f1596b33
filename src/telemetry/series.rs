//! What the metrics have in common: registering, buckets, values.

use prometheus::Registry;

use crate::proto::v1::EventType;

/// Upper bounds in seconds, from one prefix (milliseconds) to 100,000 of them.
pub(super) const TRANSACTION_BUCKETS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 60.0];

/// Every type of the contract; it has none beyond 1000.
pub(super) fn event_types() -> impl Iterator<Item = EventType> {
    (1..1000).filter_map(|number| EventType::try_from(number).ok())
}

/// Its name as the value of a label.
pub(super) fn event_label(event: EventType) -> &'static str {
    let name = event.as_str_name();
    name.strip_prefix("EVENT_TYPE_").unwrap_or(name)
}

/// Gauges are signed.
pub(super) fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A metric whose name and labels are constants.
pub(super) fn constant<C>(metric: Result<C, prometheus::Error>) -> C {
    metric.expect("the name and labels are constants and valid")
}

/// Puts a metric into the registry.
pub(super) fn register<C: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    metric: Result<C, prometheus::Error>,
) -> C {
    let metric = constant(metric);
    registry.register(Box::new(metric.clone())).expect("no two metrics have one name");
    metric
}
