//! What owners may declare.

mod claims;
mod quotas;

use std::{collections::BTreeSet, net::IpAddr};

use proptest::prelude::*;

use super::*;
use crate::{
    model::{
        AddressFamily, BfdLimits, BfdParameters, BfdProfile, BfdSession, BgpGlobal, Change,
        ExchangeOptions, Intent, IntentKey, LocalAs, LocalAsMode, NextHop, OspfInterface,
        OspfTimers, OwnerName, PathAttributes, Peer, PeerType, Prefix, PrefixAdvertisement,
        Protocol, SessionOptions, StaticRoute,
    },
    store::{Owned, Store},
};

fn owner(name: &str) -> OwnerName {
    name.parse().unwrap()
}

fn net(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn policy(prefix_type: PrefixType, cidrs: &[&str]) -> OwnerPolicy {
    OwnerPolicy {
        prefix_type,
        allowed_cidrs: cidrs.iter().map(|cidr| net(cidr)).collect(),
        may_configure_bgp: None,
        lifetime: Lifetime::Connection,
        quotas: Quotas::default(),
    }
}

/// The owners of the deployment guide.
fn policies() -> Policies {
    Policies::from_iter([
        (
            owner("novaedge"),
            policy(PrefixType::HostOnly, &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]),
        ),
        (owner("novanet"), policy(PrefixType::Subnet, &["10.244.0.0/16"])),
        (owner("wide"), policy(PrefixType::Subnet, &[])),
        (owner("admin"), policy(PrefixType::Any, &[])),
    ])
}

fn bgp(local_as: u32) -> Change {
    Change::Set(Intent::Bgp(BgpGlobal { local_as: local_as.try_into().unwrap(), router_id: None }))
}

fn advertise(text: &str) -> Change {
    advertise_in(Protocol::Bgp, text)
}

fn advertise_in(protocol: Protocol, text: &str) -> Change {
    let attributes = PathAttributes::default();
    Change::Set(Intent::Prefix(PrefixAdvertisement { prefix: net(text), protocol, attributes }))
}

fn route(text: &str) -> Change {
    Change::Set(Intent::StaticRoute(StaticRoute {
        prefix: net(text),
        next_hop: NextHop::Blackhole,
        distance: StaticRoute::DEFAULT_DISTANCE,
        tag: 0,
    }))
}

fn peer(remote_as: u32, peer_type: Option<PeerType>, ebgp_multihop: u8) -> Change {
    let address: IpAddr = "10.0.0.2".parse().unwrap();
    Change::Set(Intent::from(Peer {
        address,
        remote_as: remote_as.try_into().unwrap(),
        peer_type,
        timers: None,
        bfd: None,
        description: None,
        families: BTreeSet::from([AddressFamily::Ipv4Unicast]),
        source_address: None,
        ebgp_multihop: ebgp_multihop.try_into().ok(),
        port: None,
        bfd_profile: None,
        password: None,
        max_prefix: Peer::DEFAULT_MAX_PREFIX,
        connect_retry: None,
        passive: false,
        disable_connected_check: false,
        session: SessionOptions::default(),
        exchange: ExchangeOptions::default(),
    }))
}

fn bfd() -> Change {
    Change::Set(Intent::BfdSession(BfdSession {
        peer: "10.0.0.2".parse().unwrap(),
        timers: BfdParameters::DEFAULT,
        profile: None,
        interface: None,
        local_address: None,
    }))
}

fn ospf() -> Change {
    Change::Set(Intent::OspfInterface(OspfInterface {
        name: "eth0".parse().unwrap(),
        area: "0".parse().unwrap(),
        passive: false,
        cost: None,
        timers: OspfTimers::default(),
    }))
}

fn remove(change: &Change) -> Change {
    Change::Remove(change.key())
}

/// A store that these changes lead to.
fn store(changes: &[(&str, Change)]) -> Store {
    let mut store = Store::new();
    for (who, change) in changes {
        store.apply(&owner(who), change);
    }
    store
}

/// The rule that a change breaks.
fn broken(store: &Store, who: &str, change: &Change) -> Option<ViolationKind> {
    check(&policies(), store, &owner(who), change).err().map(|violation| violation.kind)
}

#[test]
fn prefix_types_and_allowed_networks() {
    use ViolationKind::{AllowedCidrs, PrefixType};
    let configured = store(&[("admin", bgp(65000))]);
    for (who, prefix, expected) in [
        ("novaedge", "10.0.0.1/32", None),
        ("novaedge", "10.0.0.0/31", Some(PrefixType)),
        ("novaedge", "11.0.0.1/32", Some(AllowedCidrs)),
        // A list with IPv4 networks only allows no IPv6.
        ("novaedge", "2001:db8::1/128", Some(AllowedCidrs)),
        ("novaedge", "2001:db8::/64", Some(PrefixType)),
        ("novanet", "10.244.1.0/24", None),
        ("novanet", "10.244.0.0/16", None),
        // Contained means the whole of it.
        ("novanet", "10.244.0.0/15", Some(AllowedCidrs)),
        ("novanet", "10.244.1.1/32", Some(PrefixType)),
        ("wide", "10.0.0.0/8", None),
        ("wide", "10.0.0.0/7", Some(PrefixType)),
        ("wide", "10.0.0.0/31", None),
        ("wide", "0.0.0.0/0", Some(PrefixType)),
        ("wide", "2001::/16", None),
        ("wide", "2000::/15", Some(PrefixType)),
        ("wide", "2001:db8::1/128", Some(PrefixType)),
        ("admin", "0.0.0.0/0", None),
        ("admin", "::/0", None),
        ("stranger", "10.0.0.1/32", Some(ViolationKind::NotOwner)),
    ] {
        assert_eq!(broken(&configured, who, &advertise(prefix)), expected, "{who} {prefix}");
        // The same limits hold for where a static route leads from.
        assert_eq!(broken(&configured, who, &route(prefix)), expected, "{who} {prefix}");
    }
}

#[test]
fn admin_is_bound_by_its_own_prefix_policy() {
    let configured = store(&[("admin", bgp(65000))]);
    let narrow = Policies::from_iter([(owner("admin"), policy(PrefixType::HostOnly, &[]))]);
    let refused = check(&narrow, &configured, &owner("admin"), &advertise("10.0.0.0/24"));
    assert_eq!(refused.unwrap_err().kind, ViolationKind::PrefixType);
}

fn route_at(text: &str, next_hop: NextHop, distance: u8, tag: u32) -> Change {
    let distance = distance.try_into().unwrap();
    Change::Set(Intent::StaticRoute(StaticRoute { prefix: net(text), next_hop, distance, tag }))
}

/// The anchor of an OSPF prefix and a static route to it at its distance are one object of staticd.
#[test]
fn one_object_of_frr_has_one_claim() {
    use ViolationKind::ClaimConflict;
    let p = "10.244.0.0/24";
    let ospf = advertise_in(Protocol::Ospf, p);
    let gateway = || NextHop::Gateway("10.0.0.2".parse().unwrap());
    let anchor = StaticRoute::anchor(net(p));
    let equal = Change::Set(Intent::StaticRoute(anchor.clone()));
    let ospf_first = store(&[("wide", ospf.clone())]);
    for (who, change, expected) in [
        ("novanet", route_at(p, gateway(), 19, 0), Some(ClaimConflict)),
        ("novanet", route_at(p, NextHop::Blackhole, 19, 0), Some(ClaimConflict)),
        // Whose the other is does not matter: FRR has one object for both.
        ("wide", route_at(p, gateway(), 19, 0), Some(ClaimConflict)),
        ("novanet", route_at(p, gateway(), 18, 0), None),
        ("novanet", route_at("10.244.1.0/24", gateway(), 19, 0), None),
        ("novanet", equal.clone(), None),
        ("admin", route_at(p, gateway(), 19, 0), None),
    ] {
        assert_eq!(broken(&ospf_first, who, &change), expected, "{who} {change:?}");
    }
    let refused = route_at(p, gateway(), 19, 0);
    let refused = check(&policies(), &ospf_first, &owner("novanet"), &refused).unwrap_err();
    assert_eq!(refused.existing_owner, Some(owner("wide")));
    assert!(refused.message.contains("distance 19"), "{refused}");

    let route_first = store(&[("novanet", route_at(p, gateway(), 19, 0))]);
    assert_eq!(broken(&route_first, "wide", &ospf), Some(ClaimConflict));
    assert_eq!(broken(&route_first, "admin", &ospf), None);
    assert_eq!(broken(&store(&[("novanet", equal)]), "wide", &ospf), None);

    // Both in one request are refused, one instead of the other is not, and what stands already is not judged again.
    let novanet = owner("novanet");
    let all =
        |before: &Store, changes: &[Change]| check_all(&policies(), before, &novanet, changes);
    let both = [route_at(p, gateway(), 19, 0), ospf.clone()];
    assert_eq!(all(&Store::new(), &both).unwrap_err().len(), 2);
    let instead = [remove(&both[0]), ospf.clone()];
    assert!(all(&route_first, &instead).is_ok());
    let by_admin = store(&[("admin", ospf), ("novanet", both[0].clone())]);
    assert_eq!(broken(&by_admin, "novanet", &both[0]), None);
}

#[test]
fn objects_belong_to_who_made_them() {
    use ViolationKind::{NotFound, NotOwner, PrefixConflict};
    let prefix = advertise("10.244.0.0/24");
    let peer = peer(65001, None, 0);
    let static_route = route("10.244.0.0/24");
    let full = store(&[
        ("admin", bgp(65000)),
        ("novanet", prefix.clone()),
        ("novanet", peer.clone()),
        ("novanet", static_route.clone()),
    ]);
    for (who, change, expected) in [
        ("novanet", prefix.clone(), None),
        ("novanet", remove(&prefix), None),
        ("novanet", remove(&peer), None),
        ("wide", prefix.clone(), Some(PrefixConflict)),
        ("wide", remove(&prefix), Some(NotOwner)),
        ("wide", peer.clone(), Some(NotOwner)),
        ("wide", remove(&peer), Some(NotOwner)),
        ("wide", static_route.clone(), Some(NotOwner)),
        ("wide", remove(&static_route), Some(NotOwner)),
        ("wide", remove(&advertise("10.1.0.0/24")), Some(NotFound)),
        ("admin", remove(&advertise("10.1.0.0/24")), Some(NotFound)),
        ("admin", prefix.clone(), None),
        ("admin", remove(&prefix), None),
        ("admin", peer.clone(), None),
        ("admin", remove(&static_route), None),
        // One prefix in two protocols is two objects.
        ("wide", advertise_in(Protocol::Ospf, "10.244.0.0/24"), None),
    ] {
        assert_eq!(broken(&full, who, &change), expected, "{who} {change:?}");
    }
    let refused = check(&policies(), &full, &owner("wide"), &prefix).unwrap_err();
    assert_eq!(refused.existing_owner, Some(owner("novanet")));
    assert_eq!(refused.to_string(), "bgp prefix 10.244.0.0/24: novanet advertises it already");
}

#[test]
fn who_may_configure_bgp() {
    let change = bgp(65000);
    let empty = Store::new();
    assert_eq!(broken(&empty, "novaedge", &change), None, "nobody has the key");
    assert_eq!(broken(&empty, "stranger", &change), Some(ViolationKind::NotOwner));

    let keyed = |may| {
        Policies::from_iter(policies().iter().map(|(name, policy)| {
            let mut policy = policy.clone();
            if name.as_str() == "novanet" {
                policy.may_configure_bgp = Some(may);
            }
            (name.clone(), policy)
        }))
    };
    for (may, who, allowed) in [
        (true, "novanet", true),
        (true, "novaedge", false),
        (true, "admin", true),
        (false, "novanet", false),
        (false, "novaedge", false),
        (false, "admin", true),
    ] {
        let answer = check(&keyed(may), &empty, &owner(who), &change);
        assert_eq!(answer.is_ok(), allowed, "{may} {who}");
    }
    // The instance is the node's: whoever may, may change what another set.
    let configured = store(&[("admin", bgp(65000))]);
    assert_eq!(broken(&configured, "novanet", &bgp(65001)), None);
}

#[test]
fn peers_and_prefixes_need_bgp() {
    let none = Some(ViolationKind::BgpNotConfigured);
    assert_eq!(broken(&Store::new(), "admin", &advertise("10.0.0.1/32")), none);
    assert_eq!(broken(&Store::new(), "admin", &peer(65001, None, 0)), none);
    assert_eq!(broken(&Store::new(), "admin", &route("10.0.0.1/32")), None);
    assert_eq!(broken(&Store::new(), "admin", &advertise_in(Protocol::Ospf, "10.0.0.1/32")), None);
    let used = store(&[("admin", bgp(65000)), ("admin", peer(65001, None, 0))]);
    assert_eq!(broken(&used, "admin", &Change::Remove(IntentKey::Bgp)), none);
    let unused = store(&[("admin", bgp(65000))]);
    assert_eq!(broken(&unused, "admin", &Change::Remove(IntentKey::Bgp)), None);
}

#[test]
fn a_peer_is_what_its_owner_expects() {
    let configured = store(&[("admin", bgp(65000))]);
    let misfit = Some(ViolationKind::PeerType);
    for (remote_as, peer_type, multihop, expected) in [
        (65001, None, 0, None),
        (65001, None, 2, None),
        (65001, Some(PeerType::External), 2, None),
        (65001, Some(PeerType::Internal), 0, misfit),
        (65000, None, 0, None),
        (65000, Some(PeerType::Internal), 0, None),
        (65000, Some(PeerType::External), 0, misfit),
        (65000, None, 2, misfit),
        (65000, Some(PeerType::Internal), 1, misfit),
    ] {
        let change = peer(remote_as, peer_type, multihop);
        assert_eq!(broken(&configured, "wide", &change), expected, "{change:?}");
        if let Err(violation) = check(&policies(), &configured, &owner("wide"), &change) {
            assert!(violation.message.contains("65000"), "{violation}");
            assert!(violation.message.contains(&remote_as.to_string()), "{violation}");
        }
    }
}

#[test]
fn the_nodes_as_changes_only_where_every_peer_still_fits() {
    let typed = peer(65001, Some(PeerType::External), 0);
    let used = store(&[("admin", bgp(65000)), ("wide", typed.clone())]);
    assert_eq!(broken(&used, "admin", &bgp(65002)), None);
    let refused = check(&policies(), &used, &owner("admin"), &bgp(65001)).unwrap_err();
    assert_eq!(refused.kind, ViolationKind::PeerType);
    assert_eq!(refused.existing_owner, Some(owner("wide")));
    // Changed together it fits.
    let both = [bgp(65001), peer(65001, Some(PeerType::Internal), 0)];
    assert!(check_all(&policies(), &used, &owner("admin"), &both).is_ok());
}

#[test]
fn what_is_for_external_peers_is_judged_by_both_as_numbers() {
    let own = LocalAs { number: 65100.try_into().unwrap(), mode: LocalAsMode::Prepend };
    type Edit = fn(&mut Peer, LocalAs);
    let edits: [(&str, Edit); 2] = [
        ("disable_connected_check", |peer, _| peer.disable_connected_check = true),
        ("local_as", |peer, own| peer.session.local_as = Some(own)),
    ];
    for (field, edit) in edits {
        let with = |remote_as| {
            let Change::Set(Intent::Peer(mut it)) = peer(remote_as, None, 0) else { panic!() };
            edit(&mut it, own);
            Change::Set(Intent::Peer(it))
        };
        let used = store(&[("admin", bgp(65000)), ("wide", with(65001))]);
        let refused = check(&policies(), &used, &owner("wide"), &with(65000)).unwrap_err();
        assert_eq!(refused.kind, ViolationKind::PeerType, "{field}");
        assert!(refused.message.contains(field), "{refused}");
        // The node may not become the peer's AS under it either.
        assert_eq!(broken(&used, "admin", &bgp(65001)), Some(ViolationKind::PeerType), "{field}");
        let same = broken(&used, "admin", &bgp(65100));
        assert_eq!(same, (field == "local_as").then_some(ViolationKind::PeerType), "{field}");
    }
}

/// An owner that the configuration does not have (any more) declares nothing, of no kind.
#[test]
fn a_removed_owner_declares_nothing_and_may_still_withdraw() {
    let own = peer(65001, None, 0);
    let used = store(&[("admin", bgp(65000)), ("gone", own.clone())]);
    for change in [
        bgp(65001),
        peer(65002, None, 0),
        advertise("10.0.0.1/32"),
        route("10.1.0.0/16"),
        bfd(),
        ospf(),
    ] {
        let refused = check(&policies(), &used, &owner("gone"), &change).unwrap_err();
        assert_eq!(refused.kind, ViolationKind::NotOwner, "{change:?}");
        assert!(refused.message.contains("has no owner gone"), "{refused}");
    }
    assert_eq!(broken(&used, "gone", &remove(&own)), None, "its grace period ends");
}

#[test]
fn allowed_networks_of_both_families() {
    let both = policy(PrefixType::HostOnly, &["10.0.0.0/8", "2001:db8::/32"]);
    let six = policy(PrefixType::Any, &["2001:db8::/32"]);
    let policies = Policies::from_iter([(owner("both"), both), (owner("six"), six)]);
    let configured = store(&[("admin", bgp(65000))]);
    let may = |who: &str, prefix: &str| {
        check(&policies, &configured, &owner(who), &advertise(prefix)).is_ok()
    };
    for (who, prefix, allowed) in [
        ("both", "10.1.2.3/32", true),
        ("both", "11.1.2.3/32", false),
        ("both", "2001:db8::1/128", true),
        ("both", "2001:db9::1/128", false),
        ("six", "2001:db8::/32", true),
        ("six", "2001:db8::/31", false),
        ("six", "10.0.0.0/8", false),
    ] {
        assert_eq!(may(who, prefix), allowed, "{who} {prefix}");
    }
}

#[test]
fn a_request_is_checked_as_a_whole() {
    let policies = policies();
    let admin = owner("admin");
    // BGP and what needs it, in any order.
    let changes = [advertise("10.0.0.1/32"), peer(65001, None, 0), bgp(65000)];
    let after = check_all(&policies, &Store::new(), &admin, &changes).unwrap();
    assert_eq!(after.len(), 3);
    let gone: Vec<_> = changes.iter().map(remove).collect();
    assert!(check_all(&policies, &after, &admin, &gone).unwrap().is_empty());
    // Every violation is named, in the order of the request.
    let kinds: Vec<_> = check_all(
        &policies,
        &after,
        &owner("novaedge"),
        &[advertise("10.0.0.1/32"), peer(65001, None, 0), remove(&advertise("10.9.9.9/32"))],
    )
    .unwrap_err()
    .into_iter()
    .map(|violation| violation.kind)
    .collect();
    use ViolationKind::{NotFound, NotOwner, PrefixConflict};
    assert_eq!(kinds, [PrefixConflict, NotOwner, NotFound]);
}

proptest! {
    /// What `allowed_cidrs` lets through lies in one of them, address by address.
    #[test]
    fn covered_prefixes_lie_inside(addr in any::<u32>(), len in 0u8..=32, cidr_len in 0u8..=32) {
        let cut = |len: u8| {
            let net: ipnet::IpNet = ipnet::Ipv4Net::new(addr.into(), len).unwrap().trunc().into();
            Prefix::try_from(net).unwrap()
        };
        let (prefix, cidr) = (cut(len), cut(cidr_len));
        let policy = OwnerPolicy { allowed_cidrs: vec![cidr], ..policy(PrefixType::Any, &[]) };
        prop_assert_eq!(policy.covers(prefix), cidr_len <= len);
    }

    /// No length is both a host route and a subnet.
    #[test]
    fn types_do_not_overlap(bits in any::<u128>(), len in 0u8..=128) {
        let net: ipnet::IpNet = ipnet::Ipv6Net::new(bits.into(), len).unwrap().trunc().into();
        if let Ok(prefix) = Prefix::try_from(net) {
            prop_assert!(!(PrefixType::HostOnly.allows(prefix) && PrefixType::Subnet.allows(prefix)));
            prop_assert!(PrefixType::Any.allows(prefix));
        }
    }
}

#[test]
fn a_session_and_an_interface_belong_to_who_declared_them() {
    for change in [bfd(), ospf()] {
        let held = store(&[("novanet", change.clone())]);
        for (who, expected) in
            [("novanet", None), ("novaedge", Some(ViolationKind::NotOwner)), ("admin", None)]
        {
            assert_eq!(broken(&held, who, &change), expected, "{who} sets");
            assert_eq!(broken(&held, who, &remove(&change)), expected, "{who} removes");
        }
        let none = Some(ViolationKind::NotFound);
        assert_eq!(broken(&Store::new(), "novanet", &remove(&change)), none);
    }
}
