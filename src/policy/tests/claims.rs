//! One claim for one object, what comes back, and what is there before it is named.

use std::sync::Arc;

use super::{quotas::limited, *};

/// A peer of this address with BFD at these intervals, and a session of its own.
fn watched(ms: u32) -> [Change; 2] {
    let timers = BfdParameters::new("", BfdLimits::PEER, ms, ms, 0).unwrap();
    let (mut peer, mut session) = (peer(65001, None, 0), bfd());
    if let Change::Set(Intent::Peer(peer)) = &mut peer {
        peer.bfd = Some(timers);
    }
    if let Change::Set(Intent::BfdSession(session)) = &mut session {
        session.timers = timers;
    }
    [peer, session]
}

#[test]
fn one_bfd_session_has_one_claim_and_a_peer_of_admin_overrules() {
    use ViolationKind::ClaimConflict;
    let [peer, session] = watched(100);
    let [other_peer, other_session] = watched(200);
    let mut held = store(&[("admin", bgp(65000)), ("novaedge", peer.clone())]);
    for (who, change, expected) in [
        ("novanet", &session, None),
        ("novanet", &other_session, Some(ClaimConflict)),
        ("novaedge", &other_session, Some(ClaimConflict)),
        ("admin", &other_session, None),
    ] {
        assert_eq!(broken(&held, who, change), expected, "{who} {change:?}");
    }
    let refused = check(&policies(), &held, &owner("novanet"), &other_session).unwrap_err();
    assert_eq!(refused.existing_owner, Some(owner("novaedge")));
    for words in ["peer 10.0.0.2 of novaedge", "min_rx_ms 100", "min_rx_ms 200"] {
        assert!(refused.message.contains(words), "{refused}");
    }
    // The other way round; what stands may be repeated, and a peer without BFD claims nothing.
    held.apply(&owner("novanet"), &session);
    assert_eq!(broken(&held, "novaedge", &other_peer), Some(ClaimConflict));
    assert_eq!(broken(&held, "novaedge", &peer), None);
    assert_eq!(broken(&held, "novaedge", &self::peer(65001, None, 0)), None);
    // A peer of admin with other timers overrules the session, and only that.
    held.apply(&owner("admin"), &other_peer);
    let key = session.key();
    assert!(held.is_overruled(held.get(&key).unwrap()));
    assert!(!held.is_overruled(held.get(&peer.key()).unwrap()));
    assert_eq!(broken(&held, "novanet", &session), None, "repeated");
    held.apply(&owner("admin"), &peer);
    assert!(!held.is_overruled(held.get(&key).unwrap()));
}

/// C14: what comes back is judged as if its owner declared it now, and what may not is left out, and said.
#[test]
fn what_is_put_back_is_judged_as_if_it_were_declared_now() {
    let with = |who: &str, text: &str| {
        let Change::Set(intent) = advertise(text) else { unreachable!("it sets") };
        Some(Arc::new(Owned::new(owner(who), intent)))
    };
    let key = |text: &str| advertise(text).key();
    let steps = |texts: &[&str]| -> Vec<PutBack> {
        texts.iter().map(|text| (key(text), with("a", text))).collect()
    };
    let bgp = || ("admin", bgp(65000));
    let policies = limited(QuotaKind::Prefixes, 2);
    // One has room, in the order of the transaction.
    let here = store(&[bgp(), ("a", advertise("10.9.0.0/24"))]);
    let back = undo(&policies, None, &here, steps(&["10.1.0.0/24", "10.2.0.0/24"]));
    assert_eq!(back.steps, steps(&["10.1.0.0/24"]));
    assert_eq!(back.refused.len(), 1);
    assert_eq!(
        (back.refused[0].kind, back.refused[0].key),
        (ViolationKind::Quota, key("10.2.0.0/24"))
    );
    assert_eq!(back.after.len(), 3);
    // What goes with it makes room.
    let mut swap = steps(&["10.1.0.0/24", "10.2.0.0/24"]);
    swap.push((key("10.9.0.0/24"), None));
    let back = undo(&policies, None, &here, swap.clone());
    assert_eq!((back.steps, back.refused), (swap, vec![]));
    // An owner that is not configured has nothing back; who took it over loses it all the same.
    let taken = store(&[bgp(), ("a", advertise("10.1.0.0/24"))]);
    let gone = vec![(key("10.1.0.0/24"), with("nobody", "10.1.0.0/24"))];
    let back = undo(&policies, None, &taken, gone);
    assert_eq!(back.refused[0].kind, ViolationKind::NotOwner);
    assert_eq!(back.steps, [(key("10.1.0.0/24"), None)]);
    assert_eq!(back.after.len(), 1);
    // An instance that others need by now stays.
    let back = undo(&policies, None, &here, vec![(IntentKey::Bgp, None)]);
    assert_eq!(back.refused[0].kind, ViolationKind::BgpNotConfigured);
    assert!(back.steps.is_empty() && back.after.bgp().is_some());
    // Nor is the agent's memory exceeded.
    let back = undo(&policies, Some(Capacity::of(1)), &store(&[bgp()]), steps(&["10.1.0.0/24"]));
    assert_eq!((back.steps.len(), back.refused[0].kind), (0, ViolationKind::Quota));
    // Who may not change the node's instance does not put it back either.
    let instance = (IntentKey::Bgp, None);
    assert!(may_undo(&Policies::default(), &owner("a"), &instance).is_err());
}

fn profile(name: &str) -> Change {
    let timers = BfdParameters::DEFAULT;
    Change::Set(Intent::BfdProfile(BfdProfile { name: name.parse().unwrap(), timers }))
}

/// A BFD session that names a profile.
fn profiled(name: &str) -> Change {
    let mut session = bfd();
    if let Change::Set(Intent::BfdSession(session)) = &mut session {
        session.profile = Some(name.parse().unwrap());
    }
    session
}

#[test]
fn a_profile_is_there_before_it_is_named_and_goes_after() {
    let needed = Some(ViolationKind::BfdProfileNeeded);
    let (fast, session) = (profile("fast"), profiled("fast"));
    let empty = Store::new();
    assert_eq!(broken(&empty, "novanet", &session), needed);
    // With it in one request, in any order; one of its own, or of admin.
    for changes in [[fast.clone(), session.clone()], [session.clone(), fast.clone()]] {
        assert!(check_all(&policies(), &empty, &owner("novanet"), &changes).is_ok());
    }
    for (whose, expected) in [("novanet", None), ("admin", None), ("novaedge", needed)] {
        assert_eq!(
            broken(&store(&[(whose, fast.clone())]), "novanet", &session),
            expected,
            "{whose}"
        );
    }
    // While it is named it stays, whoever asks; with what names it, it goes.
    let held = store(&[("admin", fast.clone()), ("novanet", session.clone())]);
    assert_eq!(broken(&held, "admin", &remove(&fast)), needed);
    assert_eq!(broken(&held, "novanet", &remove(&fast)), Some(ViolationKind::NotOwner));
    let held = store(&[("novanet", fast.clone()), ("novanet", session.clone())]);
    let both = [remove(&fast), remove(&session)];
    assert!(check_all(&policies(), &held, &owner("novanet"), &both).is_ok());
    // Nor is it taken away, or what names it put back without it, by an undoing.
    let gone = undo(&policies(), None, &held, vec![(fast.key(), None)]);
    assert_eq!((gone.steps.len(), gone.refused[0].kind), (0, ViolationKind::BfdProfileNeeded));
    let Change::Set(intent) = session.clone() else { panic!("it is set") };
    let back = vec![(session.key(), Some(Arc::new(Owned::new(owner("novanet"), intent))))];
    let back = undo(&policies(), None, &empty, back);
    assert_eq!((back.steps.len(), back.refused[0].kind), (0, ViolationKind::BfdProfileNeeded));
}
