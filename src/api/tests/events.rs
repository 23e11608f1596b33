//! Streams of events.

use tokio_stream::StreamExt;

use super::*;
use crate::events::Event;

fn stream(owner: &str, types: &[&str]) -> v1::StreamEventsRequest {
    let event_types = types.iter().map(ToString::to_string).collect();
    v1::StreamEventsRequest { owner_filter: owner.into(), event_types, ..Default::default() }
}

#[tokio::test]
async fn streams_are_filtered() {
    let (agent, mut c) = Agent::configured().await;
    let mut edge = c.stream_events(stream("novaedge", &[])).await.unwrap().into_inner();
    let mut gone = c
        .stream_events(stream("", &["PREFIX_WITHDRAWN", "EVENT_TYPE_POLICY_VIOLATION"]))
        .await
        .unwrap()
        .into_inner();
    c.advertise_prefix(advertise("novanet", "10.0.0.1/32")).await.unwrap();
    c.advertise_prefix(advertise("novaedge", "10.0.0.2/32")).await.unwrap();
    c.advertise_prefix(advertise("novaedge", "10.0.0.1/32")).await.unwrap_err();
    c.withdraw_prefix(withdraw("novaedge", "10.0.0.2/32")).await.unwrap();
    use v1::EventType::{OwnerRegistered, PolicyViolation, PrefixAdvertised, PrefixWithdrawn};
    for expected in [OwnerRegistered, PrefixAdvertised, PolicyViolation, PrefixWithdrawn] {
        let event = edge.next().await.unwrap().unwrap();
        assert_eq!((event.r#type(), event.owner.as_str()), (expected, "novaedge"));
        assert!(event.timestamp_unix > 0);
    }
    let violation = gone.next().await.unwrap().unwrap();
    let (key, other) = ("existing_owner".to_owned(), "novanet".to_owned());
    assert_eq!(violation.metadata.get(&key), Some(&other));
    assert_eq!(gone.next().await.unwrap().unwrap().r#type(), PrefixWithdrawn);
    let unknown = c.stream_events(stream("", &["PEER_SIDEWAYS"])).await.unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
    assert!(unknown.message().contains("PEER_UP"), "{unknown}");
    drop(agent);
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_slows_nobody() {
    let (agent, mut c) = Agent::configured().await;
    let mut idle = c.stream_events(stream("", &[])).await.unwrap().into_inner();
    for n in 0..3 * crate::events::CAPACITY {
        let version = format!("{n} {}", "x".repeat(100));
        agent.inner.bus.publish(Event::FrrConnected { version });
        if n % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    c.advertise_prefix(advertise("novaedge", "10.0.0.1/32")).await.unwrap();
    // It still gets what it did not lose, up to the last one.
    loop {
        let event = idle.next().await.unwrap().unwrap();
        if event.r#type() == v1::EventType::PrefixAdvertised {
            break;
        }
    }
}

#[tokio::test]
async fn the_number_of_streams_is_bounded() {
    let (_agent, mut c) = Agent::configured().await;
    let mut open = Vec::new();
    for _ in 0..MAX_OWNER_STREAMS {
        open.push(c.stream_events(stream("", &[])).await.unwrap());
    }
    let one_more = c.stream_events(stream("", &[])).await.unwrap_err();
    assert_eq!(one_more.code(), Code::ResourceExhausted);
    drop(open);
    for _ in 0..100 {
        if c.stream_events(stream("", &[])).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("places of closed streams are not free again");
}

#[tokio::test]
async fn stopping_ends_open_streams() {
    let (agent, mut c) = Agent::configured().await;
    let mut events = c.stream_events(stream("", &[])).await.unwrap().into_inner();
    agent.inner.shutdown.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(5), agent.served).await;
    stopped.expect("stops while a stream is open").unwrap().unwrap();
    assert!(events.next().await.is_none_or(|end| end.is_err()));
}
