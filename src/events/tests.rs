use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use super::*;
use crate::{
    model::{BgpGlobal, IntentKey, OwnerName, Prefix, Protocol},
    policy::{Violation, ViolationKind},
};

fn owner(name: &str) -> OwnerName {
    name.parse().unwrap()
}

fn net(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn bgp(local_as: u32, router_id: Option<&str>) -> BgpGlobal {
    BgpGlobal {
        local_as: local_as.try_into().unwrap(),
        router_id: router_id.map(|id| id.parse().unwrap()),
    }
}

fn advertised(who: &str, prefix: &str) -> Event {
    Event::PrefixAdvertised { owner: owner(who), prefix: net(prefix), protocol: Protocol::Bgp }
}

#[derive(Default)]
struct Counts {
    published: AtomicU64,
    dropped: AtomicU64,
}

impl EventObserver for Counts {
    fn published(&self, _: &Event) {
        self.published.fetch_add(1, Ordering::Relaxed);
    }
    fn dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }
}

/// Metadata keys are a contract with dashboards: exactly these.
#[test]
fn metadata_is_that_of_the_contract() {
    let peer = "10.0.0.2".parse().unwrap();
    let (state, previous_state) = ("Established".to_owned(), "OpenConfirm".to_owned());
    let violation = |key, existing_owner| Violation {
        kind: ViolationKind::NotOwner,
        key,
        existing_owner,
        message: "belongs to novanet".into(),
        // Never in an event.
        to_caller: Some("10.244.0.0/16".into()),
    };
    let a = || owner("a");
    for (event, name, expected) in [
        (
            Event::PeerUp {
                owner: a(),
                peer,
                state: state.clone(),
                previous_state: previous_state.clone(),
            },
            "PEER_UP",
            "peer=10.0.0.2 previous_state=OpenConfirm state=Established",
        ),
        (
            Event::PeerDown {
                owner: a(),
                peer,
                state: "Idle".into(),
                previous_state: state.clone(),
                why: LostSession::default(),
            },
            "PEER_DOWN",
            "peer=10.0.0.2 previous_state=Established state=Idle",
        ),
        (
            Event::PeerDown {
                owner: a(),
                peer,
                state: "Idle".into(),
                previous_state: state,
                why: LostSession {
                    reason: "BGP Notification received".into(),
                    notification: Some(Notification {
                        sent: false,
                        code: 6,
                        subcode: 2,
                        text: "Cease/Administrative Shutdown".into(),
                        message: "tonight".into(),
                    }),
                },
            },
            "PEER_DOWN",
            "notification=Cease/Administrative Shutdown notification_code=6/2 notification_direction=received \
             peer=10.0.0.2 previous_state=Established reset_reason=BGP Notification received \
             shutdown_message=tonight state=Idle",
        ),
        (
            Event::BfdUp {
                owner: a(),
                peer,
                interface: String::new(),
                status: "up".into(),
                previous_status: "init".into(),
            },
            "BFD_UP",
            "peer=10.0.0.2 previous_status=init status=up",
        ),
        (
            Event::BfdDown {
                owner: a(),
                peer,
                interface: "eth0".into(),
                status: "down".into(),
                previous_status: "up".into(),
                diagnostic: "control detection time expired".into(),
            },
            "BFD_DOWN",
            "diagnostic=control detection time expired interface=eth0 peer=10.0.0.2 previous_status=up status=down",
        ),
        (
            Event::OspfNeighborUp {
                owner: a(),
                neighbor_id: "10.0.0.9".parse().unwrap(),
                interface: "eth0".into(),
                state: "Full".into(),
                previous_state: "Loading".into(),
            },
            "OSPF_NEIGHBOR_UP",
            "interface=eth0 neighbor_id=10.0.0.9 previous_state=Loading state=Full",
        ),
        (
            Event::OspfNeighborDown {
                owner: a(),
                neighbor_id: "10.0.0.9".parse().unwrap(),
                interface: "eth0".into(),
                state: "Unknown".into(),
                previous_state: "Full".into(),
            },
            "OSPF_NEIGHBOR_DOWN",
            "interface=eth0 neighbor_id=10.0.0.9 previous_state=Full state=Unknown",
        ),
        (advertised("a", "10.0.0.1/32"), "PREFIX_ADVERTISED", "prefix=10.0.0.1/32 protocol=bgp"),
        (
            Event::PrefixWithdrawn {
                owner: a(),
                prefix: net("2001:db8::/64"),
                protocol: Protocol::Ospf,
            },
            "PREFIX_WITHDRAWN",
            "prefix=2001:db8::/64 protocol=ospf",
        ),
        (Event::FrrConnected { version: "10.3".into() }, "FRR_CONNECTED", ""),
        (Event::FrrDisconnected { reason: "gone".into() }, "FRR_DISCONNECTED", ""),
        (
            Event::TransportQuarantined {
                daemon: crate::daemon::Daemon::Bgpd,
                transport: "grpc",
                reason: "lied".into(),
            },
            "DOOR_STRUCK_OUT",
            "daemon=bgpd door=grpc reason=lied",
        ),
        (
            Event::OwnerRegistered { owner: a(), session_id: "s".into() },
            "OWNER_REGISTERED",
            "session_id=s",
        ),
        (
            Event::OwnerDeregistered { owner: a(), reason: "asked to".into() },
            "OWNER_DEREGISTERED",
            "",
        ),
        (
            Event::PolicyViolation {
                owner: a(),
                violation: violation(
                    IntentKey::Prefix(Protocol::Bgp, net("10.0.0.1/32")),
                    Some(owner("novanet")),
                ),
            },
            "POLICY_VIOLATION",
            "existing_owner=novanet prefix=10.0.0.1/32 protocol=bgp",
        ),
        (
            Event::PolicyViolation { owner: a(), violation: violation(IntentKey::Bgp, None) },
            "POLICY_VIOLATION",
            "",
        ),
        (
            Event::BgpConfigChanged { owner: a(), now: bgp(65000, None), previous: None },
            "BGP_CONFIG_CHANGED",
            "local_as=65000 previous_as=0 previous_router_id= router_id=",
        ),
        (
            Event::BgpConfigChanged {
                owner: a(),
                now: bgp(65001, Some("10.0.0.1")),
                previous: Some(bgp(65000, Some("10.0.0.9"))),
            },
            "BGP_CONFIG_CHANGED",
            "local_as=65001 previous_as=65000 previous_router_id=10.0.0.9 router_id=10.0.0.1",
        ),
    ] {
        let message = event.to_message(UNIX_EPOCH + Duration::from_secs(7));
        let data: Vec<_> = message.metadata.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(data.join(" "), expected, "{name}");
        assert_eq!(event.type_name(), name);
        assert_eq!(message.r#type().as_str_name(), format!("EVENT_TYPE_{name}"));
        assert_eq!(message.timestamp_unix, 7);
        assert!(!message.detail.is_empty());
        assert_eq!(message.owner, event.owner().map(ToString::to_string).unwrap_or_default());
    }
}

#[test]
fn filters_take_names_with_and_without_prefix() {
    let parse = |names: &[&str]| {
        Filter::parse("", &names.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let filter = parse(&[
        "PEER_UP",
        "EVENT_TYPE_PEER_DOWN",
        "OSPF_NEIGHBOR_UP",
        "PEER_UP",
        "DOOR_STRUCK_OUT",
    ])
    .unwrap();
    use EventType::{DoorStruckOut, OspfNeighborUp, PeerDown, PeerUp};
    assert_eq!(
        filter.types.into_iter().collect::<Vec<_>>(),
        [PeerUp, PeerDown, OspfNeighborUp, DoorStruckOut]
    );
    for wrong in ["", "UNSPECIFIED", "EVENT_TYPE_UNSPECIFIED", "EVENT_TYPE_", "PEER\n", "peers"] {
        let errors = parse(&["PEER_UP", wrong]).unwrap_err().to_string();
        assert!(errors.starts_with("event_types[1]: is none of PEER_UP, "), "{errors}");
        assert!(errors.contains(", BGP_CONFIG_CHANGED, "), "{errors}");
    }
    let errors = Filter::parse("no owner\n", &["x".into()]).unwrap_err();
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["owner_filter", "event_types[0]"]);
}

#[test]
fn filters_choose_by_owner_and_type() {
    let event = advertised("a", "10.0.0.1/32");
    for (who, names, expected) in [
        ("", vec![], true),
        ("a", vec![], true),
        ("b", vec![], false),
        ("a", vec!["PREFIX_ADVERTISED".to_owned()], true),
        ("", vec!["PREFIX_WITHDRAWN".to_owned()], false),
    ] {
        assert_eq!(
            Filter::parse(who, &names).unwrap().matches(&event),
            expected,
            "{who} {names:?}"
        );
    }
    let about_frr = Event::FrrConnected { version: "10.3".into() };
    assert!(!Filter::parse("a", &[]).unwrap().matches(&about_frr));
}

#[tokio::test]
async fn a_slow_subscriber_loses_countably_and_slows_nobody() {
    let counts = Arc::new(Counts::default());
    let bus = Bus::new(counts.clone());
    let mut slow = bus.subscribe(Filter::default());
    let last = Filter { owner: Some(owner("last")), ..Filter::default() };
    let mut quick = bus.subscribe(last);
    let extra = 10;
    for _ in 0..CAPACITY + extra - 1 {
        bus.publish(advertised("a", "10.0.0.1/32"));
    }
    bus.publish(advertised("last", "10.0.0.1/32"));
    assert_eq!(quick.next().await.unwrap().event, advertised("last", "10.0.0.1/32"));
    for _ in 0..CAPACITY {
        slow.next().await.unwrap();
    }
    assert_eq!(counts.published.load(Ordering::Relaxed), (CAPACITY + extra) as u64);
    // Both lagged behind by as many.
    assert_eq!(counts.dropped.load(Ordering::Relaxed), 2 * extra as u64);
    drop(bus);
    assert_eq!(slow.next().await, None);
}

#[test]
fn changes_of_the_store_are_events() {
    use crate::{
        model::{Change, Intent, PathAttributes, PrefixAdvertisement},
        store::Store,
    };
    let prefix = |med| {
        Change::Set(Intent::Prefix(PrefixAdvertisement {
            prefix: net("10.0.0.1/32"),
            protocol: Protocol::Bgp,
            attributes: PathAttributes {
                med: std::num::NonZeroU32::new(med),
                ..PathAttributes::default()
            },
        }))
    };
    let set_bgp = |n| Change::Set(Intent::Bgp(bgp(n, None)));
    let mut store = Store::new();
    let mut step = |who: &str, change: Change| {
        let before = store.clone();
        store.apply(&owner(who), &change);
        store.diff(&before).filter_map(|(k, b, n)| of_change(k, b, n)).collect::<Vec<_>>()
    };
    let changed = |who: &str, now, previous: Option<u32>| {
        let previous = previous.map(|n| bgp(n, None));
        vec![Event::BgpConfigChanged { owner: owner(who), now: bgp(now, None), previous }]
    };
    assert_eq!(step("a", set_bgp(1)), changed("a", 1, None));
    assert_eq!(step("a", set_bgp(1)), []);
    assert_eq!(step("b", set_bgp(1)), []);
    assert_eq!(step("b", set_bgp(2)), changed("b", 2, Some(1)));
    assert_eq!(step("a", prefix(0)), [advertised("a", "10.0.0.1/32")]);
    assert_eq!(step("a", prefix(0)), []);
    assert_eq!(step("a", prefix(5)), [advertised("a", "10.0.0.1/32")]);
    assert_eq!(
        step("a", Change::Remove(prefix(0).key())),
        [Event::PrefixWithdrawn {
            owner: owner("a"),
            prefix: net("10.0.0.1/32"),
            protocol: Protocol::Bgp
        }]
    );
}
