//! Sessions and the grace period, with a clock that tests move.

use super::*;
use crate::{
    events::{Event, Filter},
    model::{BgpGlobal, Intent, PathAttributes, PrefixAdvertisement, Protocol},
};

const GRACE: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

impl Inner {
    async fn set(&self, name: &str, intent: Intent) {
        let changes = vec![Change::Set(intent)];
        let request = CommitRequest::new(owner(name), "test", changes);
        self.commit.commit(request).await.unwrap();
    }

    async fn with_prefixes(names: &[&str]) -> Self {
        Self::start(GRACE).having_prefixes(names).await
    }

    async fn having_prefixes(self, names: &[&str]) -> Self {
        let local_as = 65000.try_into().unwrap();
        self.set(names[0], Intent::Bgp(BgpGlobal { local_as, router_id: None })).await;
        for (index, name) in names.iter().enumerate() {
            let ad = PrefixAdvertisement {
                prefix: format!("10.0.0.{index}/32").parse().unwrap(),
                protocol: Protocol::Bgp,
                attributes: PathAttributes::default(),
            };
            self.set(name, Intent::Prefix(ad)).await;
        }
        self
    }

    fn prefixes(&self, name: &str) -> usize {
        self.commit.view().store.counts_of(&owner(name))[crate::model::IntentKind::BgpPrefix]
    }
}

#[tokio::test(start_paused = true)]
async fn intents_go_when_the_grace_period_is_over() {
    let inner = Inner::with_prefixes(&["novaedge", "novanet"]).await;
    let mut events =
        inner.bus.subscribe(Filter::parse("", &["OWNER_DEREGISTERED".into()]).unwrap());
    let edge = inner.sessions.opened(None);
    let net = inner.sessions.opened(None);
    inner.sessions.enter(&owner("novaedge"), Some(edge)).await.unwrap();
    inner.sessions.enter(&owner("novanet"), Some(net)).await.unwrap();
    tokio::time::sleep(10 * GRACE).await;
    assert_eq!((inner.prefixes("novaedge"), inner.sessions.registered()), (1, 2), "connected");
    let after = |connection| inner.sessions.withdrawn_after(&owner("novaedge"), connection);
    assert_eq!(after(Some(edge)), Some(GRACE), "with its only connection all of it goes");
    assert_eq!(after(Some(net)), None, "another connection keeps it");
    assert_eq!(inner.sessions.withdrawn_after(&owner("admin"), None), None, "it is persistent");

    inner.sessions.closed(edge);
    tokio::time::sleep(GRACE - SECOND).await;
    assert_eq!(inner.prefixes("novaedge"), 1);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!((inner.prefixes("novaedge"), inner.sessions.registered()), (0, 1));
    assert!(inner.actor.lock().unwrap().origins.contains(&(owner("novaedge"), "GracePeriod")));
    let event = events.next().await.unwrap();
    assert_eq!(event.event.owner(), Some(&owner("novaedge")));
    // Nobody else's session or intents, and not the node's BGP instance.
    assert_eq!(inner.prefixes("novanet"), 1);
    assert!(inner.commit.view().store.bgp().is_some());
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_in_time_keeps_everything() {
    let inner = Inner::with_prefixes(&["novaedge"]).await;
    let first = inner.sessions.opened(None);
    inner.sessions.enter(&owner("novaedge"), Some(first)).await.unwrap();
    for _ in 0..5 {
        let connection = inner.sessions.opened(None);
        inner.sessions.closed(first);
        tokio::time::sleep(GRACE - SECOND).await;
        inner.sessions.enter(&owner("novaedge"), Some(connection)).await.unwrap();
        tokio::time::sleep(2 * GRACE).await;
        assert_eq!(inner.prefixes("novaedge"), 1);
        inner.sessions.closed(connection);
    }
    tokio::time::sleep(GRACE + SECOND).await;
    assert_eq!(inner.prefixes("novaedge"), 0);
}

#[tokio::test(start_paused = true)]
async fn only_the_last_connection_counts() {
    let inner = Inner::with_prefixes(&["novaedge"]).await;
    let (first, second) = (inner.sessions.opened(None), inner.sessions.opened(None));
    inner.sessions.enter(&owner("novaedge"), Some(first)).await.unwrap();
    inner.sessions.enter(&owner("novaedge"), Some(second)).await.unwrap();
    inner.sessions.closed(first);
    tokio::time::sleep(2 * GRACE).await;
    assert_eq!(inner.prefixes("novaedge"), 1);
    inner.sessions.closed(second);
    tokio::time::sleep(2 * GRACE).await;
    assert_eq!(inner.prefixes("novaedge"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_connection_is_gone_keeps_nobody_connected() {
    let inner = Inner::with_prefixes(&["novaedge"]).await;
    let gone = inner.sessions.opened(None);
    inner.sessions.closed(gone);
    inner.sessions.enter(&owner("novaedge"), Some(gone)).await.unwrap();
    tokio::time::sleep(2 * GRACE).await;
    assert_eq!((inner.prefixes("novaedge"), inner.sessions.registered()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn persistent_owners_lose_nothing() {
    let inner = Inner::with_prefixes(&["admin"]).await;
    let connection = inner.sessions.opened(None);
    inner.sessions.enter(&owner("admin"), Some(connection)).await.unwrap();
    inner.sessions.closed(connection);
    tokio::time::sleep(100 * GRACE).await;
    assert_eq!((inner.prefixes("admin"), inner.sessions.registered()), (1, 0));
    inner.sessions.deregister(&owner("admin"), false).await.unwrap();
    tokio::time::sleep(100 * GRACE).await;
    assert_eq!(inner.prefixes("admin"), 1);
    inner.sessions.deregister(&owner("admin"), true).await.unwrap();
    assert_eq!(inner.prefixes("admin"), 0);
}

#[tokio::test(start_paused = true)]
async fn deregister_ends_the_owners_own_session_only() {
    let inner = Inner::with_prefixes(&["novaedge", "novanet"]).await;
    let shared = inner.sessions.opened(None);
    let first = inner.sessions.register(&owner("novaedge"), Some(shared)).await.unwrap();
    assert_ne!(first, inner.sessions.register(&owner("novaedge"), Some(shared)).await.unwrap());
    inner.sessions.register(&owner("novanet"), Some(shared)).await.unwrap();
    inner.sessions.deregister(&owner("novaedge"), false).await.unwrap();
    assert_eq!((inner.prefixes("novaedge"), inner.sessions.registered()), (1, 1));
    // The connection stays open, yet the session has ended: like a disconnect.
    tokio::time::sleep(2 * GRACE).await;
    assert_eq!((inner.prefixes("novaedge"), inner.prefixes("novanet")), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_withdrawal_that_fails_is_tried_again() {
    let inner = Inner::with_prefixes(&["novaedge"]).await;
    let connection = inner.sessions.opened(None);
    inner.sessions.enter(&owner("novaedge"), Some(connection)).await.unwrap();
    inner.sessions.closed(connection);
    inner.refuse(CommitError::Busy { waiting: 1 });
    tokio::time::sleep(GRACE + SECOND).await;
    assert_eq!((inner.prefixes("novaedge"), inner.sessions.registered()), (1, 1));
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!((inner.prefixes("novaedge"), inner.sessions.registered()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn owners_that_never_come_back_after_a_restart() {
    let inner = Inner::with_prefixes(&["novaedge", "novanet", "admin"]).await;
    inner.sessions.expect_absent_owners();
    let connection = inner.sessions.opened(None);
    inner.sessions.enter(&owner("novanet"), Some(connection)).await.unwrap();
    tokio::time::sleep(2 * GRACE).await;
    let left = ["novaedge", "novanet", "admin"].map(|name| inner.prefixes(name));
    assert_eq!(left, [0, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_stopping_agent_withdraws_nothing() {
    let inner = Inner::with_prefixes(&["novaedge"]).await;
    let connection = inner.sessions.opened(None);
    inner.sessions.enter(&owner("novaedge"), Some(connection)).await.unwrap();
    inner.shutdown.cancel();
    inner.sessions.closed(connection);
    tokio::time::sleep(2 * GRACE).await;
    assert_eq!(inner.prefixes("novaedge"), 1);
}

/// The agent's end closes the connections; which of the two a task sees first is chance, so that it is tried often.
#[tokio::test(start_paused = true)]
async fn a_stopping_agent_without_a_grace_period_withdraws_nothing() {
    for _ in 0..32 {
        let inner = Inner::start(Duration::ZERO);
        let connection = inner.sessions.opened(None);
        inner.sessions.enter(&owner("novaedge"), Some(connection)).await.unwrap();
        let inner = inner.having_prefixes(&["novaedge"]).await;
        inner.shutdown.cancel();
        inner.sessions.closed(connection);
        tokio::time::sleep(GRACE).await;
        assert_eq!(inner.prefixes("novaedge"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_opens_a_session_once() {
    let inner = Inner::start(GRACE);
    let mut events = inner.bus.subscribe(Filter::default());
    let connection = inner.sessions.opened(None);
    for _ in 0..3 {
        inner.sessions.enter(&owner("novaedge"), Some(connection)).await.unwrap();
    }
    let named = inner.sessions.register(&owner("novaedge"), Some(connection)).await.unwrap();
    let registered = events.next().await.unwrap();
    assert!(matches!(registered.event, Event::OwnerRegistered { .. }));
    let session_id = match &events.next().await.unwrap().event {
        Event::OwnerRegistered { session_id, .. } => session_id.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(session_id, named);
}

#[tokio::test]
async fn closing_the_socket_is_what_disconnects() {
    let agent = Agent::with_grace(Duration::from_millis(100)).await;
    let mut admin = agent.client().await;
    admin.configure_bgp(configure_bgp("admin", 65000)).await.unwrap();
    let mut edge = agent.client().await;
    edge.advertise_prefix(advertise("novaedge", "10.0.0.1/32")).await.unwrap();
    let answer = edge.register(register("novaedge")).await.unwrap().into_inner();
    assert_eq!(answer.current_prefixes, ["10.0.0.1/32"]);
    // Three times the grace period.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(agent.inner.keys("novaedge").len(), 1, "connected");
    drop(edge);
    eventually("withdrawn", || agent.inner.keys("novaedge").is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn a_removed_owner_has_the_grace_period_though_its_connection_is_open() {
    let inner = Inner::with_prefixes(&["novaedge", "novanet"]).await;
    let mut events =
        inner.bus.subscribe(Filter::parse("", &["OWNER_DEREGISTERED".into()]).unwrap());
    let connections = (inner.sessions.opened(None), inner.sessions.opened(None));
    inner.sessions.enter(&owner("novaedge"), Some(connections.0)).await.unwrap();
    inner.sessions.enter(&owner("novanet"), Some(connections.1)).await.unwrap();
    inner.reload_without(&["novaedge"]);
    tokio::time::sleep(GRACE - SECOND).await;
    assert_eq!((inner.prefixes("novaedge"), inner.sessions.registered()), (1, 2));
    // Neither its connection's end nor a call that was under way makes it longer.
    inner.sessions.closed(connections.0);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!((inner.prefixes("novaedge"), inner.sessions.registered()), (0, 1));
    assert_eq!(events.next().await.unwrap().event.owner(), Some(&owner("novaedge")));
    assert_eq!(inner.prefixes("novanet"), 1, "others are none the wiser");
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_named_again_in_time_keeps_everything() {
    let inner = Inner::with_prefixes(&["novaedge"]).await;
    let connection = inner.sessions.opened(None);
    inner.sessions.enter(&owner("novaedge"), Some(connection)).await.unwrap();
    for _ in 0..3 {
        inner.reload_without(&["novaedge"]);
        tokio::time::sleep(GRACE - SECOND).await;
        inner.reload_without(&[]);
        tokio::time::sleep(2 * GRACE).await;
        assert_eq!(inner.prefixes("novaedge"), 1, "its connection is open all the time");
    }
    inner.reload_without(&["novaedge"]);
    inner.reload_without(&["novaedge", "novanet"]);
    tokio::time::sleep(GRACE + SECOND).await;
    assert_eq!(inner.prefixes("novaedge"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_reload_overtook_keeps_nobody_connected() {
    let inner = Inner::with_prefixes(&["novaedge"]).await;
    let connection = inner.sessions.opened(None);
    inner.reload_without(&["novaedge"]);
    // It was authenticated before.
    inner.sessions.enter(&owner("novaedge"), Some(connection)).await.unwrap();
    tokio::time::sleep(GRACE + SECOND).await;
    assert_eq!((inner.prefixes("novaedge"), inner.sessions.registered()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_removed_owner_that_was_persistent_has_the_grace_period_too() {
    let inner = Inner::with_prefixes(&["admin"]).await;
    let connection = inner.sessions.opened(None);
    inner.sessions.enter(&owner("admin"), Some(connection)).await.unwrap();
    inner.sessions.closed(connection);
    tokio::time::sleep(2 * GRACE).await;
    assert_eq!(inner.prefixes("admin"), 1, "persistent");
    inner.reload_without(&["admin"]);
    tokio::time::sleep(GRACE - SECOND).await;
    assert_eq!(inner.prefixes("admin"), 1);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(inner.prefixes("admin"), 0);
}
