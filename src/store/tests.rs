use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{
    BfdParameters, BfdSession, NextHop, PathAttributes, Prefix, PrefixAdvertisement, Protocol,
    StaticRoute,
};

fn owner(name: &str) -> OwnerName {
    name.parse().unwrap()
}

fn prefix(protocol: Protocol, prefix: Prefix, med: Option<u32>) -> Intent {
    let med = med.and_then(std::num::NonZeroU32::new);
    let attributes = PathAttributes { med, ..PathAttributes::default() };
    Intent::Prefix(PrefixAdvertisement { prefix, protocol, attributes })
}

/// A number that most runs draw twice, so that changes meet.
fn net() -> impl Strategy<Value = Prefix> {
    (0u8..12).prop_map(|n| format!("10.0.0.{n}/32").parse().unwrap())
}

/// One of the two whose keys are the first and the last.
fn peer(last: bool) -> Peer {
    let message = crate::proto::v1::BgpPeer {
        neighbor_address: "10.0.0.1".to_owned(),
        remote_as: 65001,
        ..Default::default()
    };
    let peer = crate::wire::peer(&message).unwrap();
    let last = last.then(|| IpAddr::V6(Ipv6Addr::from(u128::MAX)));
    Peer { address: last.unwrap_or(peer.address), ..peer }
}

fn change() -> impl Strategy<Value = Change> {
    let intent = prop_oneof![
        (net(), 0u32..3).prop_map(|(net, med)| prefix(Protocol::Bgp, net, Some(med))),
        net().prop_map(|net| prefix(Protocol::Ospf, net, None)),
        net().prop_map(|net| Intent::StaticRoute(StaticRoute {
            prefix: net,
            next_hop: NextHop::Blackhole,
            distance: StaticRoute::DEFAULT_DISTANCE,
            tag: 0,
        })),
        any::<bool>().prop_map(|first| Intent::BfdSession(BfdSession {
            peer: if first { "0.0.0.0" } else { "2001:db8::1" }.parse().unwrap(),
            timers: BfdParameters::DEFAULT,
            profile: None,
            interface: None,
            local_address: None,
        })),
        any::<bool>().prop_map(|last| Intent::from(peer(last))),
        (1u32..3).prop_map(|n| Intent::Bgp(BgpGlobal {
            local_as: n.try_into().unwrap(),
            router_id: None
        })),
    ];
    (intent, any::<bool>()).prop_map(|(intent, set)| {
        if set { Change::Set(intent) } else { Change::Remove(intent.key()) }
    })
}

proptest! {
    /// The oracle is a plain map.
    #[test]
    fn is_a_map_with_an_index_by_owner(
        steps in prop::collection::vec((0usize..3, change()), 0..60)
    ) {
        let owners = [owner("a"), owner("b"), owner("admin")];
        let mut store = Store::new();
        let mut plain: BTreeMap<IntentKey, Owned> = BTreeMap::new();
        for (who, change) in &steps {
            let who = &owners[*who];
            let snapshot = store.clone();
            let before = plain.get(&change.key()).cloned();
            match change {
                Change::Set(intent) => {
                    plain.insert(change.key(), Owned::new(who.clone(), intent.clone()));
                }
                Change::Remove(key) => {
                    plain.remove(key);
                }
            }
            let stood = store.apply(who, change);
            prop_assert_eq!(stood.as_deref(), before.as_ref());
            let key = change.key();
            let changed: Vec<_> = store.diff(&snapshot).collect();
            if before.as_ref() == plain.get(&change.key()) {
                prop_assert!(changed.is_empty());
            } else {
                prop_assert_eq!(changed, vec![(&key, before.as_ref(), plain.get(&key))]);
            }
            let mut undone = store.clone();
            undone.restore(change.key(), before.map(Arc::new));
            prop_assert!(undone.iter().eq(snapshot.iter()));
        }
        prop_assert!(store.iter().eq(plain.iter()));
        for who in &owners {
            prop_assert!(store.of_owner(who).eq(plain.iter().filter(|(_, o)| o.owner == *who)));
            let total = plain.values().filter(|o| o.owner == *who).count();
            prop_assert_eq!(store.counts_of(who).total(), total);
        }
        let is_route = |owned: &&Owned| {
            matches!(owned.intent.key(), IntentKey::Prefix(..) | IntentKey::StaticRoute(_))
        };
        for of in owners.iter().map(Some).chain([None]) {
            let of_them = |owned: &&Owned| of.is_none_or(|of| owned.owner == *of);
            let few = plain.values().filter(|owned| !is_route(owned)).filter(of_them);
            prop_assert!(store.but_routes(of).eq(few));
        }
        prop_assert_eq!(store.counts().map(|(_, c)| c.total()).sum::<usize>(), store.len());
    }
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let mut store = Store::new();
    let who = owner("novaedge");
    let net: Prefix = "10.0.0.1/32".parse().unwrap();
    store.apply(&who, &Change::Set(prefix(Protocol::Bgp, net, None)));
    let snapshot = store.clone();
    store.apply(&who, &Change::Remove(IntentKey::Prefix(Protocol::Bgp, net)));
    assert!(store.is_empty());
    assert_eq!(snapshot.len(), 1);
    let counts = snapshot.counts_of(&who);
    assert_eq!((counts[IntentKind::BgpPrefix], counts.total()), (1, 1));
}

#[test]
fn debug_output_stays_short() {
    let mut store = Store::new();
    let who = owner("novaedge");
    for n in 0..1000u32 {
        let net = format!("10.0.{}.{}/32", n / 256, n % 256).parse().unwrap();
        store.apply(&who, &Change::Set(prefix(Protocol::Bgp, net, None)));
    }
    assert_eq!(format!("{store:?}"), "Store { intents: 1000, owners: 1 }");
}
