//! Every status code of the contract.

use super::*;
use crate::proto::v1::{intent, intent_change};

/// Code and message of a call that is refused.
fn refused<T: std::fmt::Debug>(answer: Result<T, tonic::Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), status.message().to_owned())
}

#[tokio::test]
async fn unknown_owner_and_wrong_token_look_alike() {
    let agent = Agent::start().await;
    let mut client = agent.client().await;
    let mut answers = Vec::new();
    for (owner, token) in [
        ("stranger", "novaedge-token"),
        ("novaedge", "wrong"),
        ("novaedge", ""),
        ("", ""),
        ("no\nname", "x"),
    ] {
        // Wrong fields are not looked at before the caller is known.
        let (owner, token) = (owner.to_owned(), token.to_owned());
        let request = v1::AdvertisePrefixRequest { owner, token, ..Default::default() };
        answers.push(refused(client.advertise_prefix(request).await));
    }
    answers.dedup();
    assert_eq!(answers, [(Code::Unauthenticated, "unknown owner or wrong token".to_owned())]);
    assert_eq!(agent.inner.sessions.registered(), 0);
}

#[tokio::test]
async fn every_rpc_with_a_token_checks_it() {
    let agent = Agent::start().await;
    let mut c = agent.client().await;
    let codes = [
        refused(c.register(v1::RegisterRequest::default()).await),
        refused(c.deregister(v1::DeregisterRequest::default()).await),
        refused(c.configure_bgp(v1::ConfigureBgpRequest::default()).await),
        refused(c.apply_peer(v1::ApplyPeerRequest::default()).await),
        refused(c.remove_peer(v1::RemovePeerRequest::default()).await),
        refused(c.advertise_prefix(v1::AdvertisePrefixRequest::default()).await),
        refused(c.withdraw_prefix(v1::WithdrawPrefixRequest::default()).await),
        refused(c.enable_bfd(v1::EnableBfdRequest::default()).await),
        refused(c.disable_bfd(v1::DisableBfdRequest::default()).await),
        refused(c.enable_ospf(v1::EnableOspfRequest::default()).await),
        refused(c.disable_ospf(v1::DisableOspfRequest::default()).await),
        refused(agent.transactions().await.apply(v1::ApplyRequest::default()).await),
    ];
    assert!(codes.iter().all(|(code, _)| *code == Code::Unauthenticated), "{codes:?}");
    assert_eq!(agent.calls.lock().unwrap().len(), codes.len());
}

#[tokio::test]
async fn policy_and_ownership() {
    let (agent, mut c) = Agent::configured().await;
    c.advertise_prefix(advertise("novanet", "10.1.0.0/24")).await.unwrap();
    c.advertise_prefix(advertise("novanet", "10.0.0.7/32")).await.unwrap();
    c.apply_peer(apply_peer("novanet", "10.0.0.2")).await.unwrap();

    for (answer, code, words) in [
        (
            c.advertise_prefix(advertise("novaedge", "10.2.0.0/24")).await.err(),
            Code::PermissionDenied,
            "host_only",
        ),
        (
            c.advertise_prefix(advertise("novaedge", "11.0.0.1/32")).await.err(),
            Code::PermissionDenied,
            "10.0.0.0/8",
        ),
        (
            c.advertise_prefix(advertise("novaedge", "10.0.0.7/32")).await.err(),
            Code::AlreadyExists,
            "novanet",
        ),
        (
            c.withdraw_prefix(withdraw("novaedge", "10.0.0.7/32")).await.err(),
            Code::PermissionDenied,
            "novanet",
        ),
        (
            c.withdraw_prefix(withdraw("novaedge", "10.0.0.8/32")).await.err(),
            Code::NotFound,
            "10.0.0.8/32",
        ),
        (
            c.apply_peer(apply_peer("novaedge", "10.0.0.2")).await.err(),
            Code::PermissionDenied,
            "novanet",
        ),
        (
            c.remove_peer(remove_peer("novaedge", "10.0.0.2")).await.err(),
            Code::PermissionDenied,
            "novanet",
        ),
        (
            c.remove_peer(remove_peer("novaedge", "10.0.0.3")).await.err(),
            Code::NotFound,
            "10.0.0.3",
        ),
    ] {
        let status = answer.expect(words);
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(words), "{status}");
    }
    // admin may, and the object is admin's afterwards.
    c.advertise_prefix(advertise("admin", "10.0.0.7/32")).await.unwrap();
    assert_eq!(agent.inner.keys("novanet"), ["peer 10.0.0.2", "bgp prefix 10.1.0.0/24"]);
    c.remove_peer(remove_peer("admin", "10.0.0.2")).await.unwrap();
}

#[tokio::test]
async fn bgp_comes_first() {
    let agent = Agent::start().await;
    let mut c = agent.client().await;
    let (code, message) = refused(c.advertise_prefix(advertise("novaedge", "10.0.0.1/32")).await);
    assert_eq!((code, message.contains("ConfigureBGP")), (Code::FailedPrecondition, true));
    let first = c.configure_bgp(configure_bgp("novaedge", 65000)).await.unwrap().into_inner();
    assert_eq!((first.previous_as, first.previous_router_id.as_str()), (0, ""));
    let again = c.configure_bgp(configure_bgp("novaedge", 65000)).await.unwrap().into_inner();
    assert_eq!((again.previous_as, again.previous_router_id.as_str()), (65000, "10.0.0.1"));
    c.advertise_prefix(advertise("novaedge", "10.0.0.1/32")).await.unwrap();
}

#[tokio::test]
async fn the_actors_words_reach_the_caller() {
    let (agent, mut c) = Agent::configured().await;
    let say = |text: &str| text.to_owned();
    for (error, code) in [
        (CommitError::Refused { message: say("% Unknown command: nonsense") }, Code::Aborted),
        (CommitError::NotUndone { message: say("a"), undo: say("b") }, Code::Internal),
        (CommitError::Busy { waiting: 4096 }, Code::ResourceExhausted),
        (CommitError::Stopped, Code::Unavailable),
    ] {
        let words = error.to_string();
        agent.inner.refuse(error);
        let answer = c.advertise_prefix(advertise("novaedge", "10.0.0.1/32")).await;
        assert_eq!(refused(answer), (code, words));
    }
}

#[tokio::test]
async fn every_wrong_field_is_named_in_one_answer() {
    let (_agent, mut c) = Agent::configured().await;
    let mut request = advertise("novaedge", "10.0.0.1/24");
    request.protocol = 0;
    request.attributes = Some(v1::PrefixAttributes {
        communities: vec!["1:1".into(), "1:1".into(), "x".into()],
        ..Default::default()
    });
    let (code, message) = refused(c.advertise_prefix(request).await);
    assert_eq!(code, Code::InvalidArgument);
    let fields: Vec<_> =
        message.split("; ").filter(|f| f.contains(": ")).map(|f| f.split(':').next()).collect();
    for field in ["prefix", "protocol", "attributes.communities[2]"] {
        assert!(fields.contains(&Some(field)), "{message}");
    }
    let mut typed = apply_peer("novaedge", "10.0.0.2");
    typed.peer.as_mut().unwrap().peer_type = v1::PeerType::Internal as i32;
    let (code, message) = refused(c.apply_peer(typed).await);
    assert_eq!(code, Code::InvalidArgument);
    assert!(message.contains("65000") && message.contains("65001"), "{message}");
    let none = v1::ApplyPeerRequest { peer: None, ..apply_peer("novaedge", "x") };
    assert_eq!(refused(c.apply_peer(none).await).1, "peer: is needed");
}

#[tokio::test]
async fn sessions_and_interfaces_have_owners() {
    let (agent, mut c) = Agent::configured().await;
    let bfd = |who: &str| v1::EnableBfdRequest {
        owner: who.into(),
        token: token(who),
        peer_address: "10.0.0.2".into(),
        ..Default::default()
    };
    let ospf = |who: &str| v1::EnableOspfRequest {
        owner: who.into(),
        token: token(who),
        interface_name: "eth0".into(),
        area_id: "0".into(),
        ..Default::default()
    };
    let no_bfd = |who: &str| v1::DisableBfdRequest {
        owner: who.into(),
        token: token(who),
        peer_address: "10.0.0.2".into(),
    };
    let no_ospf = |who: &str| v1::DisableOspfRequest {
        owner: who.into(),
        token: token(who),
        interface_name: "eth0".into(),
    };
    for _ in 0..2 {
        c.enable_bfd(bfd("novaedge")).await.unwrap();
        c.enable_ospf(ospf("novaedge")).await.unwrap();
    }
    assert_eq!(agent.inner.keys("novaedge"), ["BFD session 10.0.0.2", "OSPF interface eth0"]);
    let codes = [
        refused(c.enable_bfd(bfd("novanet")).await).0,
        refused(c.disable_bfd(no_bfd("novanet")).await).0,
        refused(c.enable_ospf(ospf("novanet")).await).0,
        refused(c.disable_ospf(no_ospf("novanet")).await).0,
    ];
    assert_eq!(codes, [Code::PermissionDenied; 4]);
    c.disable_bfd(no_bfd("admin")).await.unwrap();
    c.disable_ospf(no_ospf("novaedge")).await.unwrap();
    let codes = [
        refused(c.disable_bfd(no_bfd("novaedge")).await).0,
        refused(c.disable_ospf(no_ospf("novaedge")).await).0,
    ];
    assert_eq!(codes, [Code::NotFound; 2]);
    let mut v6 = advertise("admin", "2001:db8::/64");
    v6.protocol = v1::Protocol::Ospf as i32;
    assert_eq!(refused(c.advertise_prefix(v6).await).0, Code::InvalidArgument);
}

#[tokio::test]
async fn two_spellings_of_one_prefix_are_one_intent() {
    let (agent, mut c) = Agent::configured().await;
    for spelling in ["2001:db8::/64", "2001:0db8:0:0::/64", "2001:DB8:0000::/64"] {
        c.advertise_prefix(advertise("novanet", spelling)).await.unwrap();
    }
    assert_eq!(agent.inner.keys("novanet"), ["bgp prefix 2001:db8::/64"]);
    c.withdraw_prefix(withdraw("novanet", "2001:db8:0::/64")).await.unwrap();
    assert!(agent.inner.keys("novanet").is_empty());
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing() {
    let agent = Agent::start().await;
    let mut c = agent.transactions().await;
    let set = |kind| v1::IntentChange {
        change: Some(intent_change::Change::Set(v1::Intent { kind: Some(kind) })),
        ..Default::default()
    };
    let peer = set(intent::Kind::Peer(bgp_peer("10.0.0.2")));
    let bgp = set(intent::Kind::Bgp(v1::BgpConfig { local_as: 65000, ..Default::default() }));
    let request = |changes| v1::ApplyRequest {
        owner: "novaedge".into(),
        token: token("novaedge"),
        changes,
        ..Default::default()
    };
    let (code, message) = refused(c.apply(request(vec![peer.clone(), peer.clone()])).await);
    assert_eq!((code, message.contains("changes[1]")), (Code::InvalidArgument, true), "{message}");
    let (code, _) = refused(c.apply(request(vec![peer.clone()])).await);
    assert_eq!(code, Code::FailedPrecondition);
    assert!(agent.inner.keys("novaedge").is_empty());
    for expected in [v1::Outcome::Confirmed, v1::Outcome::Unchanged] {
        let answer = c.apply(request(vec![peer.clone(), bgp.clone()])).await.unwrap().into_inner();
        assert_eq!(answer.outcome(), expected);
        assert!(!answer.transaction_id.is_empty());
    }
    assert_eq!(agent.inner.keys("novaedge"), ["BGP instance", "peer 10.0.0.2"]);
}

#[tokio::test]
async fn status_filters_by_owner() {
    let (_agent, mut c) = Agent::configured().await;
    c.apply_peer(apply_peer("novaedge", "10.0.0.2")).await.unwrap();
    c.advertise_prefix(advertise("novanet", "10.1.0.0/24")).await.unwrap();
    for (filter, peers, prefixes) in
        [("", 1, 1), ("novaedge", 1, 0), ("novanet", 0, 1), ("who", 0, 0)]
    {
        let request = v1::GetStatusRequest { owner_filter: filter.into() };
        let status = c.get_status(request).await.unwrap().into_inner();
        assert_eq!((status.peers.len(), status.prefixes.len()), (peers, prefixes), "{filter}");
        assert!(!status.frr_status.unwrap().connected);
        assert!(status.prefixes.iter().all(|prefix| prefix.state == "applied"));
        assert!(status.peers.iter().all(|peer| peer.state == "pending"));
    }
}
