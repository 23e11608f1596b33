//! Clients that go away in the middle, and daemons that do.

use std::time::Duration;

use novaroute::{
    frr::{
        frontend::{Action, Datastore, Edit, Format},
        northbound::{Edits, Error, Retry},
    },
    proto::frr::{
        CommitRequest, CreateCandidateRequest, DataTree, LoadToCandidateRequest,
        commit_request::Phase, northbound_client::NorthboundClient,
    },
};

use crate::{
    bed::*,
    lab::{Router, net},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_neither_locks_nor_edits() {
    let bed = Bed::start();
    let mut client = NorthboundClient::new(bed.gateway.service());
    let prefixes: Vec<String> =
        (0..2000).map(|i| format!("10.{}.{}.0/24", 100 + i / 250, i % 250)).collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    let data = bed.routes(&prefixes, net::TOR_V4);
    let created = client.create_candidate(CreateCandidateRequest {}).await.unwrap();
    let candidate_id = created.into_inner().candidate_id;
    let config = Some(DataTree { encoding: 0, data });
    client
        .load_to_candidate(LoadToCandidateRequest { candidate_id, r#type: 0, config })
        .await
        .unwrap();
    for wait in [0, 1, 5, 20, 100] {
        let phase = if wait < 20 { Phase::Validate } else { Phase::All };
        let request = CommitRequest { candidate_id, phase: phase.into(), comment: String::new() };
        let call = client.commit(request);
        let cut = tokio::time::timeout(Duration::from_millis(wait), call).await;
        println!("cut after {wait} ms: {}", cut.is_err());
    }
    // Ours waits for those that were cut.
    bed.driver.commit(bed.add(&["10.99.1.0/24"]), "").await.unwrap();
    bed.assert_routed("10.99.1.0/24");
    bed.assert_clean().await;
}

/// Up to FRR 10.5, a commit beside the one of a client that has just hung up ends mgmtd
/// with a failed assertion.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_a_client_that_hung_up_is_waited_for() {
    let bed = Bed::start();
    let mgmtd = bed.lab.pid(Router::Node, "mgmtd").expect("mgmtd runs");
    for i in 0..20u64 {
        let mut victim = bed.session().await;
        while victim.lock(Datastore::Candidate).await.is_err() {}
        while victim.lock(Datastore::Running).await.is_err() {}
        let prefixes: Vec<String> = (0..200).map(|j| format!("10.{}.{j}.0/24", 100 + i)).collect();
        let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
        let edit = Edit::merge(Format::Json, bed.routes(&prefixes, net::TOR_V4));
        victim.check_idle().await.unwrap();
        victim.edit(&[edit]).await.unwrap();
        let apply = victim.commit(Action::Apply);
        let _ = tokio::time::timeout(Duration::from_micros(200 * i), apply).await;
        drop(victim);
        let prefix = format!("10.99.{i}.0/24");
        bed.driver.commit(bed.add(&[&prefix]), "").await.unwrap();
        assert!(bed.staticd().contains(&prefix), "staticd has {prefix}");
        assert_eq!(bed.lab.pid(Router::Node, "mgmtd"), Some(mgmtd), "mgmtd still runs");
    }
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_mgmtd_is_found_again() {
    let bed = Bed::start();
    bed.driver.commit(bed.add(&["10.99.1.0/24"]), "").await.unwrap();
    bed.lab.kill(Router::Node, "mgmtd");
    let error = bed.driver.commit(bed.add(&["10.99.2.0/24"]), "").await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    let error = bed.driver.get_config("/frr-filter:lib").await.unwrap_err();
    assert_eq!(error.retry(), Retry::Later);
    bed.lab.restart(Router::Node, "mgmtd");
    // The daemons come back to mgmtd within a second or so.
    let mut tries = 0;
    loop {
        match bed.driver.commit(bed.add(&["10.99.2.0/24"]), "").await {
            Ok(_) if bed.staticd().contains("10.99.2.0/24") => break,
            outcome if tries > 100 => panic!("{outcome:?}"),
            _ => tries += 1,
        }
        bed.driver
            .commit(Edits { delete: vec![route_path("10.99.2.0/24")], merge: None }, "")
            .await
            .ok();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // While a daemon gets its configuration after the restart, mgmtd itself has a lock.
    bed.gateway.reset().await.unwrap();
    bed.assert_clean().await;
}
