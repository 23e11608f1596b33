//! What a commit does in the daemons, and what it refuses.

use novaroute::{
    frr::northbound::{Answer, Edits, Error},
    proto::frr::{
        CommitRequest, CreateCandidateRequest, DeleteCandidateRequest, EditCandidateRequest,
        PathValue, commit_request::Phase, northbound_client::NorthboundClient,
    },
};
use tonic::Code;

use crate::{
    bed::*,
    lab::{Router, net},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_static_route_reaches_staticd_zebra_and_the_kernel_and_goes_again() {
    let bed = Bed::start();
    let edits = bed.add(&["10.99.1.0/24"]);
    bed.driver.validate(edits.clone()).await.unwrap();
    assert!(!bed.staticd().contains("10.99.1.0"), "validation changes nothing");

    let outcome = bed.driver.commit(edits.clone(), "add").await.unwrap();
    assert_eq!(outcome, Answer::Applied { transaction: 1 });
    bed.assert_routed("10.99.1.0/24");
    let config =
        bed.driver.get_config(&route_path("10.99.1.0/24")).await.unwrap().expect("is configured");
    assert!(config.contains(net::TOR_V4), "{config}");

    if bed.lab_says_no_changes() {
        assert_eq!(bed.driver.commit(edits, "again").await.unwrap(), Answer::Unchanged);
    }

    let delete = Edits { delete: vec![route_path("10.99.1.0/24")], merge: None };
    let outcome = bed.driver.commit(delete.clone(), "remove").await.unwrap();
    assert!(matches!(outcome, Answer::Applied { .. }), "{outcome:?}");
    bed.assert_not_routed("10.99.1.0/24");
    assert_eq!(bed.driver.get_config(&route_path("10.99.1.0/24")).await.unwrap(), None);
    assert_eq!(bed.driver.commit(delete, "remove again").await.unwrap(), Answer::Unchanged);
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_nodes_do_not_keep_the_rest_of_a_commit() {
    let bed = Bed::start();
    bed.driver.commit(bed.add(&["10.99.1.0/24"]), "").await.unwrap();
    let mut edits = bed.add(&["10.99.3.0/24"]);
    edits.delete = vec![route_path("10.99.1.0/24"), route_path("10.99.2.0/24")];
    bed.driver.commit(edits, "one of two is there").await.unwrap();
    bed.assert_not_routed("10.99.1.0/24");
    bed.assert_routed("10.99.3.0/24");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_data_is_refused_with_libyangs_words_and_leaves_the_candidate_clean() {
    let bed = Bed::start();
    let refused = |result: Result<Answer, Error>| match result {
        Err(Error::Refused { message }) => message,
        other => panic!("{other:?}"),
    };
    let bogus = Edits { merge: Some(bed.routes(&["10.99.1.0/24"], "fish")), ..Edits::default() };
    let message = refused(bed.driver.commit(bogus, "").await);
    assert!(message.contains("gateway") && message.contains("fish"), "{message}");
    bed.assert_clean().await;

    // Only the validation of the whole finds this one.
    let incomplete = r#"{"frr-route-map:lib":{"route-map":[{"name":"M","entry":[{"sequence":1,"description":"x"}]}]}}"#;
    let incomplete = Edits { merge: Some(incomplete.into()), ..Edits::default() };
    let message = refused(bed.driver.commit(incomplete.clone(), "").await);
    assert!(message.contains(r#"Mandatory node "action""#), "{message}");
    assert!(matches!(bed.driver.validate(incomplete).await, Err(Error::Refused { .. })));
    bed.assert_clean().await;

    for no_json in ["{", "[]", "{\"a\":1}x", "{\"frr-nosuch:x\":{}}"] {
        let edits = Edits { merge: Some(no_json.into()), ..Edits::default() };
        refused(bed.driver.commit(edits, "").await);
    }
    for no_path in ["", "/", "x", "/frr-filter:lib[", "/frr-filter:lib\0", "/frr-filter:lib\n/x"] {
        let edits = Edits { delete: vec![no_path.into()], ..Edits::default() };
        refused(bed.driver.commit(edits, "").await);
    }
    bed.driver.commit(bed.add(&["10.99.1.0/24"]), "").await.unwrap();
    bed.assert_routed("10.99.1.0/24");
}

/// The RPCs as any gRPC client uses them: values by path, several candidates, status codes.
#[tokio::test(flavor = "multi_thread")]
async fn values_are_set_and_deleted_by_path() {
    let bed = Bed::start();
    let mut client = NorthboundClient::new(bed.gateway.service());
    let pv = |path: &str, value: &str| PathValue { path: path.into(), value: value.into() };
    let route = route_path("10.99.1.0/24");
    let hop = "nh-type='ip4'][vrf='default'][gateway='10.0.1.2'][interface='(null)'";
    let (path, tag) = if bed.flat() {
        let path = format!("{route}/path-list[table-id='0'][{hop}]");
        (path.clone(), format!("{path}/tag"))
    } else {
        let path = format!("{route}/path-list[table-id='0'][distance='1']");
        (format!("{path}/frr-nexthops/nexthop[{hop}]"), format!("{path}/tag"))
    };
    let description = "/frr-interface:lib/interface[name='tor0']/description";

    let mut new =
        async || client.create_candidate(CreateCandidateRequest {}).await.unwrap().into_inner();
    let candidate_id = new().await.candidate_id;
    let idle = new().await.candidate_id;
    assert_ne!(candidate_id, idle);
    let update = vec![pv(&path, ""), pv(&tag, "77"), pv(description, "to <tor> & \"back\"")];
    let edit = EditCandidateRequest { candidate_id, update, delete: vec![] };
    client.edit_candidate(edit).await.unwrap();
    let commit = |candidate_id, phase: Phase| CommitRequest {
        candidate_id,
        phase: phase.into(),
        comment: String::new(),
    };
    client.commit(commit(candidate_id, Phase::Validate)).await.unwrap();
    client.commit(commit(candidate_id, Phase::All)).await.unwrap();
    bed.assert_routed("10.99.1.0/24");
    let running = bed.lab.vtysh(Router::Node, &["show running-config"]);
    assert!(running.contains("tag 77"), "{running}");
    assert!(running.contains("description to <tor> & \"back\""), "{running}");

    let code = |status: tonic::Status| (status.code(), status.message().to_owned());
    let all = client.commit(commit(idle, Phase::All)).await.unwrap_err();
    assert_eq!(all.code(), Code::Aborted, "nothing to change");
    for (phase, expected) in [
        (Phase::Prepare, Code::Aborted),
        (Phase::Abort, Code::FailedPrecondition),
        (Phase::Apply, Code::FailedPrecondition),
    ] {
        assert_eq!(client.commit(commit(idle, phase)).await.unwrap_err().code(), expected);
    }
    assert_eq!(client.commit(commit(4711, Phase::All)).await.unwrap_err().code(), Code::NotFound);

    let missing = EditCandidateRequest {
        candidate_id: idle,
        update: vec![],
        delete: vec![pv(&route_path("10.98.0.0/24"), "")],
    };
    client.edit_candidate(missing).await.unwrap();
    let (status, words) = code(client.commit(commit(idle, Phase::All)).await.unwrap_err());
    assert_eq!(status, Code::InvalidArgument);
    assert!(words.contains("10.98.0.0/24") && words.contains("Data missing"), "{words}");

    let delete =
        EditCandidateRequest { candidate_id, update: vec![], delete: vec![pv(&route, "")] };
    client.edit_candidate(delete).await.unwrap();
    client.commit(commit(candidate_id, Phase::All)).await.unwrap();
    bed.assert_not_routed("10.99.1.0/24");
    for id in [candidate_id, idle] {
        client.delete_candidate(DeleteCandidateRequest { candidate_id: id }).await.unwrap();
    }
    let gone = client.delete_candidate(DeleteCandidateRequest { candidate_id }).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

/// In FRR 10.3 a validation that goes well leaves its edits in the daemons, and the next
/// commit applies them.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_only_asked_is_not_applied_with_the_next_commit() {
    let bed = Bed::start();
    let mut client = bed.client();
    let asked = client.merged(bed.routes(&["10.99.1.0/24"], net::TOR_V4)).await;
    client.commit(asked, Phase::Validate).await.unwrap();
    bed.driver.validate(bed.add(&["10.99.2.0/24"])).await.unwrap();
    client.commit(asked, Phase::Prepare).await.unwrap();
    client.commit(asked, Phase::Abort).await.unwrap();
    bed.driver.commit(bed.add(&["10.99.3.0/24"]), "").await.unwrap();
    bed.assert_routed("10.99.3.0/24");
    bed.assert_not_routed("10.99.1.0/24");
    bed.assert_not_routed("10.99.2.0/24");

    // And what is wrong is found in every module.
    for wrong in [
        r#"{"frr-route-map:lib":{"route-map":[{"name":"M","entry":[{"sequence":1}]}]}}"#,
        r#"{"frr-filter:lib":{"prefix-list":[{"type":"ipv4","name":"P","entry":[{"sequence":1}]}]}}"#,
        r#"{"frr-ripd:ripd":{"instance":[{"vrf":"default","offset-list":[{"interface":"*","direction":"in"}]}]}}"#,
    ] {
        let id = client.merged(wrong.into()).await;
        for phase in [Phase::Validate, Phase::Prepare, Phase::All] {
            let refused = client.commit(id, phase).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{phase:?}");
            assert!(refused.message().contains("Mandatory"), "{phase:?}: {refused:?}");
        }
    }
    bed.assert_clean().await;
}
