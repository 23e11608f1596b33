//! How much an owner may declare: quotas, and what the memory can bring back.

use super::*;

pub(super) fn limited(kind: QuotaKind, limit: usize) -> Policies {
    let open = policy(PrefixType::Any, &[]);
    let limited = OwnerPolicy { quotas: Quotas::from_iter([(kind, limit)]), ..open.clone() };
    Policies::from_iter([(owner("a"), limited), (owner("b"), open.clone()), (owner("admin"), open)])
}

#[test]
fn a_quota_counts_the_whole_request() {
    let policies = limited(QuotaKind::Prefixes, 3);
    let (a, b) = (owner("a"), owner("b"));
    let held = store(&[("admin", bgp(65000)), ("a", advertise("10.0.0.1/32"))]);
    let two = [advertise("10.0.0.2/32"), advertise_in(Protocol::Ospf, "10.0.0.2/32")];
    let full = check_all(&policies, &held, &a, &two).unwrap();
    let three = [&two[..], &[advertise("10.0.0.3/32")]].concat();
    let refused = check_all(&policies, &held, &a, &three).unwrap_err();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].kind, refused[0].key), (ViolationKind::Quota, two[0].key()));
    let message =
        "bgp prefix 10.0.0.2/32: the quota of a is 3 prefixes; it has 1, and this would make 4";
    assert_eq!(refused[0].to_string(), message);
    assert!(check_all(&policies, &held, &b, &three).is_ok(), "others have no limit");
    // Full: it may repeat, replace, remove, and have other kinds.
    let more = |changes: &[Change]| check_all(&policies, &full, &a, changes).is_ok();
    assert!(more(&[advertise("10.0.0.1/32")]));
    assert!(!more(&[advertise("10.0.0.9/32")]));
    assert!(more(&[remove(&advertise("10.0.0.1/32")), advertise("10.0.0.9/32")]));
    assert!(more(&[remove(&advertise("10.0.0.1/32"))]));
    assert!(more(&[route("10.9.0.0/16"), peer(65001, None, 0)]));
}

#[test]
fn a_quota_of_each_kind() {
    for (kind, change) in [
        (QuotaKind::Peers, peer(65001, None, 0)),
        (QuotaKind::Prefixes, advertise("10.0.0.1/32")),
        (QuotaKind::Prefixes, advertise_in(Protocol::Ospf, "10.0.0.1/32")),
        (QuotaKind::StaticRoutes, route("10.0.0.0/8")),
        (QuotaKind::BfdSessions, bfd()),
        (QuotaKind::OspfInterfaces, ospf()),
    ] {
        let configured = store(&[("admin", bgp(65000))]);
        let try_it = |limit| {
            let policies = limited(kind, limit);
            check_all(&policies, &configured, &owner("a"), std::slice::from_ref(&change))
        };
        assert_eq!(try_it(0).unwrap_err()[0].kind, ViolationKind::Quota, "{kind:?}");
        assert!(try_it(1).is_ok(), "{kind:?}");
    }
}

#[test]
fn a_lowered_quota_removes_nothing_and_forbids_more() {
    let held = store(&[
        ("admin", bgp(65000)),
        ("a", advertise("10.0.0.1/32")),
        ("a", advertise("10.0.0.2/32")),
        ("a", advertise("10.0.0.3/32")),
    ]);
    let policies = limited(QuotaKind::Prefixes, 1);
    let may = |change: Change| check_all(&policies, &held, &owner("a"), &[change]).is_ok();
    assert!(may(advertise("10.0.0.1/32")), "a repeated call is a success");
    assert!(may(remove(&advertise("10.0.0.1/32"))));
    assert!(!may(advertise("10.0.0.4/32")));
}

/// What `admin` takes over counts for it, and no more for the one who had it.
#[test]
fn what_admin_takes_over_counts_for_admin() {
    let held = store(&[("admin", bgp(65000)), ("a", advertise("10.0.0.1/32"))]);
    let policies = limited(QuotaKind::Prefixes, 1);
    let after = check_all(&policies, &held, &owner("admin"), &[advertise("10.0.0.1/32")]).unwrap();
    assert!(check_all(&policies, &after, &owner("a"), &[advertise("10.0.0.2/32")]).is_ok());
    let narrow = Policies::from_iter(policies.iter().map(|(name, policy)| {
        let mut policy = policy.clone();
        if name.is_admin() {
            policy.quotas = Quotas::from_iter([(QuotaKind::Prefixes, 0)]);
        }
        (name.clone(), policy)
    }));
    let refused = check_all(&narrow, &held, &owner("admin"), &[advertise("10.0.0.1/32")]);
    assert_eq!(refused.unwrap_err()[0].kind, ViolationKind::Quota);
}

/// However small the calls: what counts is all of it together.
#[test]
fn what_could_not_be_brought_back_is_refused() {
    const MIB: u64 = 1 << 20;
    let prefix = |n: u32| advertise(&format!("10.{}.{}.0/24", n / 256, n % 256));
    let changes: Vec<_> = (0..1024).map(prefix).collect();
    let (a, before) = (owner("a"), store(&[("admin", bgp(65000))]));
    let mut after = before.clone();
    for change in &changes {
        after.apply(&a, change);
    }
    // 32 MiB for an agent without intents, 2 for a thousand prefixes.
    assert_eq!(Capacity::of(35 * MIB).check(&before, &after, &changes), Ok(()));
    let refused = Capacity::of(34 * MIB).check(&before, &after, &changes).unwrap_err();
    assert_eq!((refused.kind, refused.key), (ViolationKind::Quota, changes[0].key()));
    let message = "bgp prefix 10.0.0.0/24: this would make 1025 intents, and to bring so many into FRR takes up to \
                   35 MiB of memory: the agent may use 34 MiB; raise the memory limit of its container, or declare less";
    assert_eq!(refused.to_string(), message);
    // What there is already stays, may be repeated and taken away.
    let little = Capacity::of(MIB);
    assert_eq!(little.check(&after, &after, &changes), Ok(()));
    let less = [remove(&changes[0])];
    let mut fewer = after.clone();
    fewer.apply(&a, &less[0]);
    assert_eq!(little.check(&after, &fewer, &less), Ok(()));
    let more = [prefix(1024)];
    after.apply(&a, &more[0]);
    assert!(little.check(&fewer, &after, &more).is_err());
}
