//! The part of what is desired that a batch changes.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    commit::engine::Part,
    daemon::{Daemon, Forest},
    model::{Intent, IntentKey, Protocol},
    protocol::kinds,
    render::{Shapes, render, render_shared},
    store::Store,
    tree::Tree,
};

/// The trees of these daemons. Of prefixes and routes, of which there are thousands, only those that stand in them
/// are rendered.
pub(super) fn render_for<'a>(
    daemons: &BTreeSet<Daemon>,
    intents: impl Iterator<Item = &'a Intent>,
    shapes: Shapes,
) -> Forest {
    let stands = |intent: &&Intent| {
        let kind = kinds::of(intent.key().kind());
        !kind.many || kind.executors.iter().any(|daemon| daemons.contains(daemon))
    };
    let mut forest = render(intents.filter(stands), shapes);
    forest.retain(|daemon, _| daemons.contains(daemon));
    forest
}

/// The instance in which the lines of these objects stand, and which does not change; `None` where they are not all prefixes of
/// BGP.
pub(super) fn instance(
    before: &Store,
    after: &Store,
    keys: &BTreeSet<IntentKey>,
) -> Option<Intent> {
    if !keys.iter().all(|key| matches!(key, IntentKey::Prefix(Protocol::Bgp, _))) {
        return None;
    }
    Some(Intent::Bgp(after.bgp().filter(|_| before.bgp() == after.bgp())?.clone()))
}

/// bgpd's tree of these objects.
pub(super) fn render_part(
    store: &Store,
    keys: &BTreeSet<IntentKey>,
    instance: &Intent,
    shapes: Shapes,
) -> Tree {
    let intents = keys.iter().filter_map(|key| store.get(key)).map(|owned| &owned.intent);
    render(intents.chain([instance]), shapes).remove(&Daemon::Bgpd).unwrap_or_default()
}

/// What changes where these objects change; `None` where they are not all prefixes of BGP.
pub(super) fn part(
    before: &Store,
    after: &Store,
    keys: &BTreeSet<IntentKey>,
    shapes: Shapes,
) -> Option<Part> {
    let daemon = Daemon::Bgpd;
    let instance = instance(before, after, keys)?;
    let of = |store| render_part(store, keys, &instance, shapes);
    let (last, desired) = (of(before), of(after));
    let mut keep = Forest::from([(daemon, desired.clone())]);
    for intent in keys.iter().filter_map(|key| before.get(key)).map(|owned| &owned.intent) {
        if let Intent::Prefix(ad) = intent
            && after.users_of(&ad.attributes) > 0
        {
            render_shared(&mut keep, intent);
        }
    }
    let keep = keep.remove(&daemon).unwrap_or_default();
    Some(Part { daemon, last, desired: Arc::new(desired), keep })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Change, OwnerName, PathAttributes, PrefixAdvertisement},
        render::StaticShape,
        tree::advance,
    };

    const SHAPES: Shapes = Shapes { static_routes: StaticShape::Nested, coalesce_time: None };

    fn prefix(text: &str, med: Option<u32>) -> Intent {
        let med = med.and_then(std::num::NonZeroU32::new);
        Intent::Prefix(PrefixAdvertisement {
            prefix: text.parse().expect("a prefix"),
            protocol: Protocol::Bgp,
            attributes: PathAttributes { med, ..PathAttributes::default() },
        })
    }

    fn store(intents: impl IntoIterator<Item = Intent>) -> Store {
        let owner: OwnerName = "admin".parse().expect("a name");
        let bgp = crate::model::BgpGlobal {
            local_as: 65000.try_into().expect("an AS number"),
            router_id: None,
        };
        let mut store = Store::new();
        for intent in std::iter::once(Intent::Bgp(bgp)).chain(intents) {
            store.apply(&owner, &Change::Set(intent));
        }
        store
    }

    fn whole(store: &Store) -> Tree {
        let mut forest = render(store.iter().map(|(_, owned)| &owned.intent), SHAPES);
        forest.remove(&Daemon::Bgpd).unwrap_or_default()
    }

    /// One of every kind, with all in which one goes by another.
    fn every_kind() -> Vec<Intent> {
        use crate::{proto::v1, wire};
        let peer = |address: &str, bfd: bool| {
            let peer = v1::BgpPeer {
                neighbor_address: address.into(),
                remote_as: 65001,
                bfd_enabled: bfd,
                ebgp_multihop: 5,
                address_families: vec![v1::AddressFamily::Ipv4Unicast as i32],
                ..v1::BgpPeer::default()
            };
            Intent::from(wire::peer(&peer).expect("a peer"))
        };
        let bfd = |address: &str, multiplier: u32| {
            let session = v1::BfdSession {
                peer_address: address.into(),
                detect_multiplier: multiplier,
                ..v1::BfdSession::default()
            };
            Intent::BfdSession(wire::bfd_session(&session).expect("a session"))
        };
        let profile = |multiplier: u32| {
            let profile = v1::BfdProfile {
                name: "fast".into(),
                detect_multiplier: multiplier,
                ..v1::BfdProfile::default()
            };
            Intent::BfdProfile(wire::bfd_profile(&profile).expect("a profile"))
        };
        let named = |address: &str| {
            let session = v1::BfdSession {
                peer_address: address.into(),
                profile: "fast".into(),
                ..v1::BfdSession::default()
            };
            Intent::BfdSession(wire::bfd_session(&session).expect("a session"))
        };
        let ospf = v1::OspfInterface {
            interface_name: "eth0".into(),
            area_id: "0".into(),
            ..v1::OspfInterface::default()
        };
        let route = v1::StaticRoute {
            prefix: "10.9.0.0/16".into(),
            next_hop: Some(v1::static_route::NextHop::Gateway("10.0.0.2".into())),
            ..v1::StaticRoute::default()
        };
        let mut announced = prefix("10.8.0.0/16", None);
        if let Intent::Prefix(ad) = &mut announced {
            ad.protocol = Protocol::Ospf;
        }
        let bgp = |router_id: Option<&str>| {
            Intent::Bgp(crate::model::BgpGlobal {
                local_as: 65000.try_into().expect("an AS number"),
                router_id: router_id.map(|id| id.parse().expect("an identifier")),
            })
        };
        vec![
            bgp(None),
            bgp(Some("10.0.0.9")),
            Intent::Drain(crate::model::Drain { until_restart: false }),
            peer("10.0.0.2", false),
            peer("10.0.0.2", true),
            bfd("10.0.0.2", 5),
            bfd("10.0.0.3", 7),
            profile(7),
            profile(9),
            named("10.0.0.2"),
            named("10.0.0.4"),
            Intent::OspfInterface(wire::ospf_interface(&ospf).expect("an interface")),
            Intent::StaticRoute(wire::static_route(&route).expect("a route")),
            announced,
            prefix("10.0.0.1/32", Some(5)),
            // In the place of the anchor of what is announced.
            Intent::StaticRoute(crate::model::StaticRoute {
                tag: 0,
                ..crate::model::StaticRoute::anchor("10.8.0.0/16".parse().expect("a prefix"))
            }),
        ]
    }

    proptest::proptest! {
        /// Daemons that an object is said not to touch run the same without it, and those that it touches get all that they run.
        #[test]
        fn what_is_not_touched_does_not_change(
            before in proptest::collection::vec(0_usize..16, 0..16),
            after in proptest::collection::vec(0_usize..16, 0..16),
        ) {
            let kinds = every_kind();
            let of = |which: &[usize]| store(which.iter().map(|at| kinds[*at].clone()));
            let (before, after) = (of(&before), of(&after));
            let keys: BTreeSet<IntentKey> = after.diff(&before).map(|(key, ..)| *key).collect();
            let daemons: BTreeSet<Daemon> = keys.iter().flat_map(|key| kinds::of(key.kind()).touches).copied().collect();
            let whole = |store: &Store| render(store.iter().map(|(_, owned)| &owned.intent), SHAPES);
            let (was, mut is) = (whole(&before), whole(&after));
            let intents = after.iter().map(|(_, owned)| &owned.intent);
            let part = render_for(&daemons, intents, SHAPES);
            for daemon in Daemon::ALL {
                if !daemons.contains(&daemon) {
                    proptest::prop_assert_eq!(was.get(&daemon), is.get(&daemon), "{:?}: {:?}", daemon, keys);
                }
            }
            is.retain(|daemon, _| daemons.contains(daemon));
            proptest::prop_assert_eq!(part, is);
        }
    }

    /// What the parts make of all that was ours is what all that is desired renders to.
    #[test]
    fn a_part_leads_to_the_whole() {
        let (one, two) = (prefix("10.0.0.1/32", Some(5)), prefix("10.0.0.2/32", Some(5)));
        let plain = prefix("10.0.0.1/32", None);
        let other = prefix("10.0.0.1/32", Some(6));
        let states = [
            vec![],
            vec![one.clone()],
            vec![one.clone(), two.clone()],
            vec![other.clone(), two.clone()],
            vec![plain.clone(), two.clone()],
            vec![two],
            vec![other],
            vec![plain],
        ];
        for before in &states {
            for after in &states {
                let keys = before.iter().chain(after).map(Intent::key).collect();
                let (before, after) = (store(before.clone()), store(after.clone()));
                let part = part(&before, &after, &keys, SHAPES).expect("prefixes only");
                let mut tree = whole(&before);
                advance(&mut tree, &part.last, &part.desired, &part.keep, &|_| None);
                assert_eq!(tree, whole(&after));
            }
        }
    }
}
