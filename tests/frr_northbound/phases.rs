//! Commits in phases, the lock, and the list of commits.

use std::time::Duration;

use novaroute::{
    frr::{frontend::Datastore, gateway::Limits},
    proto::frr::{
        DeleteCandidateRequest, Encoding, GetTransactionRequest, ListTransactionsRequest,
        LockConfigRequest, UnlockConfigRequest, UpdateCandidateRequest, commit_request::Phase,
        load_to_candidate_request::LoadType,
    },
};
use tonic::Code;

use crate::{
    bed::*,
    lab::{Router, net},
};

/// Long enough for the steps of a test, short enough to wait for.
const SHORT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_prepared_is_applied_or_aborted_and_nobody_comes_between() {
    let bed = Bed::start();
    let mut client = bed.client();
    let one = client.merged(bed.routes(&["10.99.1.0/24"], net::TOR_V4)).await;
    let two = client.merged(bed.routes(&["10.99.2.0/24"], net::TOR_V4)).await;
    let code = |result: Result<u32, tonic::Status>| result.unwrap_err().code();

    assert_eq!(client.commit(one, Phase::Prepare).await.unwrap(), 0);
    assert!(!bed.staticd().contains("10.99.1.0"), "nothing is applied yet");
    // Misuse, and others, who can ask but not change.
    assert_eq!(code(client.commit(one, Phase::Prepare).await), Code::FailedPrecondition);
    assert_eq!(code(client.commit(one, Phase::All).await), Code::FailedPrecondition);
    assert_eq!(code(client.commit(two, Phase::Prepare).await), Code::Unavailable);
    assert_eq!(code(client.commit(two, Phase::All).await), Code::Unavailable);
    assert_eq!(code(client.commit(two, Phase::Apply).await), Code::FailedPrecondition);
    assert_eq!(code(client.commit(two, Phase::Abort).await), Code::FailedPrecondition);
    client.commit(two, Phase::Validate).await.unwrap();
    let update = client.0.update_candidate(UpdateCandidateRequest { candidate_id: one }).await;
    assert_eq!(update.unwrap_err().code(), Code::FailedPrecondition);
    let mut other = bed.session().await;
    assert!(other.lock(Datastore::Running).await.is_err(), "the locks are held");
    drop(other);

    // What is edited since belongs to the next commit.
    let later = bed.routes(&["10.99.3.0/24"], net::TOR_V4);
    client.load(one, LoadType::Merge, 0, later).await.unwrap();
    let transaction = client.commit(one, Phase::Apply).await.unwrap();
    assert_eq!(transaction, 1);
    bed.assert_routed("10.99.1.0/24");
    assert!(!bed.staticd().contains("10.99.3.0"));
    bed.assert_clean().await;
    assert_eq!(code(client.commit(one, Phase::Apply).await), Code::FailedPrecondition);
    assert_eq!(client.commit(one, Phase::All).await.unwrap(), 2);
    bed.assert_routed("10.99.3.0/24");

    client.commit(two, Phase::Prepare).await.unwrap();
    client.commit(two, Phase::Abort).await.unwrap();
    assert!(!bed.staticd().contains("10.99.2.0"));
    bed.assert_clean().await;

    // A candidate that is deleted takes its transaction along.
    client.commit(two, Phase::Prepare).await.unwrap();
    client.0.delete_candidate(DeleteCandidateRequest { candidate_id: two }).await.unwrap();
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_applied_cannot_be_prepared() {
    let bed = Bed::start();
    let mut client = bed.client();
    let bad = client.merged(bed.routes(&["10.99.1.0/24"], "fish")).await;
    let refused = client.commit(bad, Phase::Prepare).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("fish"), "{refused:?}");
    bed.assert_clean().await;
    if bed.lab_says_no_changes() {
        let routes = bed.routes(&["10.99.2.0/24"], net::TOR_V4);
        let good = client.merged(routes.clone()).await;
        client.commit(good, Phase::All).await.unwrap();
        let same = client.merged(routes).await;
        let nothing = client.commit(same, Phase::Prepare).await.unwrap_err();
        assert_eq!(nothing.code(), Code::Aborted);
    }
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_of_a_client_that_vanished_aborts_by_itself() {
    let bed = Bed::with_limits(Limits { prepared: SHORT, ..Limits::default() });
    let mut client = bed.client();
    let one = client.merged(bed.routes(&["10.99.1.0/24"], net::TOR_V4)).await;
    client.commit(one, Phase::Prepare).await.unwrap();
    // Nobody calls the gateway in the meantime.
    bed.wait_unlocked().await;
    bed.assert_clean().await;
    let late = client.commit(one, Phase::Apply).await.unwrap_err();
    assert_eq!(late.code(), Code::FailedPrecondition);
    assert!(!bed.staticd().contains("10.99.1.0"));
    client.commit(one, Phase::All).await.unwrap();
    bed.assert_routed("10.99.1.0/24");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_keeps_others_out_and_lets_the_clients_of_this_gateway_commit() {
    let bed = Bed::start();
    let mut client = bed.client();
    let lock = async |client: &mut Client| client.0.lock_config(LockConfigRequest {}).await;
    let unlock = async |client: &mut Client| client.0.unlock_config(UnlockConfigRequest {}).await;

    let none = unlock(&mut client).await.unwrap_err();
    assert_eq!(none.code(), Code::FailedPrecondition);
    lock(&mut client).await.unwrap();
    let twice = lock(&mut bed.client()).await.unwrap_err();
    assert_eq!(twice.code(), Code::FailedPrecondition);
    let mut other = bed.session().await;
    assert!(other.lock(Datastore::Running).await.is_err(), "mgmtd keeps others out");

    let one = client.merged(bed.routes(&["10.99.1.0/24"], net::TOR_V4)).await;
    client.commit(one, Phase::All).await.unwrap();
    let two = client.merged(bed.routes(&["10.99.2.0/24"], net::TOR_V4)).await;
    client.commit(two, Phase::Prepare).await.unwrap();
    client.commit(two, Phase::Apply).await.unwrap();
    bed.assert_routed("10.99.2.0/24");
    assert!(other.lock(Datastore::Running).await.is_err(), "a commit does not unlock");
    unlock(&mut client).await.unwrap();
    other.lock(Datastore::Running).await.unwrap();
    let taken = lock(&mut client).await.unwrap_err();
    assert_eq!(taken.code(), Code::FailedPrecondition);
    assert!(taken.message().contains("locked already"), "{taken:?}");
    other.unlock(Datastore::Running).await.unwrap();
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_nobody_gives_back_ends_by_itself() {
    let bed = Bed::with_limits(Limits { locked: SHORT, ..Limits::default() });
    let mut client = bed.client();
    client.0.lock_config(LockConfigRequest {}).await.unwrap();
    bed.wait_unlocked().await;
    let late = client.0.unlock_config(UnlockConfigRequest {}).await.unwrap_err();
    assert_eq!(late.code(), Code::FailedPrecondition);
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_mgmtd_forgot_is_not_pretended() {
    let bed = Bed::start();
    let mut client = bed.client();
    client.0.lock_config(LockConfigRequest {}).await.unwrap();
    bed.lab.restart(Router::Node, "mgmtd");
    let one = client.merged(bed.routes(&["10.99.1.0/24"], net::TOR_V4)).await;
    let lost = client.commit(one, Phase::All).await.unwrap_err();
    assert_eq!(lost.code(), Code::Unavailable);
    assert!(lost.message().contains("lock"), "{lost:?}");
    let unlocked = client.0.unlock_config(UnlockConfigRequest {}).await.unwrap_err();
    assert_eq!(unlocked.code(), Code::FailedPrecondition);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_are_listed_and_what_they_left_can_be_read_and_brought_back() {
    let bed = Bed::with_limits(Limits { history: 1 << 20, ..Limits::default() });
    let mut client = bed.client();
    let one = client.merged(bed.routes(&["10.99.1.0/24"], net::TOR_V4)).await;
    client.commit(one, Phase::All).await.unwrap();
    let two = client.merged(bed.routes(&["10.99.2.0/24"], net::TOR_V4)).await;
    client.commit(two, Phase::Prepare).await.unwrap();
    client.commit(two, Phase::Apply).await.unwrap();

    let mut list =
        client.0.list_transactions(ListTransactionsRequest {}).await.unwrap().into_inner();
    let mut listed = Vec::new();
    while let Some(transaction) = list.message().await.unwrap() {
        assert_eq!(transaction.client, "gRPC");
        assert_eq!(transaction.date.len(), "2026-08-21 11:22:20".len());
        listed.push((transaction.id, transaction.comment));
    }
    assert_eq!(listed, [(2, format!("Prepare of {two}")), (1, format!("All of {one}"))]);

    let mut get = async |transaction_id, encoding: Encoding, with_defaults| {
        let encoding = encoding.into();
        let request = GetTransactionRequest { transaction_id, encoding, with_defaults };
        Ok::<_, tonic::Status>(
            client.0.get_transaction(request).await?.into_inner().config.unwrap().data,
        )
    };
    let first = get(1, Encoding::Json, false).await.unwrap();
    assert!(first.contains("10.99.1.0") && !first.contains("10.99.2.0"), "{first}");
    let second = get(2, Encoding::Json, false).await.unwrap();
    assert!(second.contains("10.99.1.0") && second.contains("10.99.2.0"), "{second}");
    let xml = get(1, Encoding::Xml, true).await.unwrap();
    assert!(xml.contains("<prefix>10.99.1.0/24</prefix>"), "{xml}");
    assert!(xml.contains("<onlink>false</onlink>") && !xml.contains("10.99.2.0"), "{xml}");
    bed.assert_clean().await;
    assert!(bed.staticd().contains("10.99.2.0"), "reading changes nothing");
    assert_eq!(get(3, Encoding::Json, false).await.unwrap_err().code(), Code::InvalidArgument);

    // Back to the first.
    let back = client.create().await;
    client.load(back, LoadType::Replace, 0, first).await.unwrap();
    assert_eq!(client.commit(back, Phase::All).await.unwrap(), 3);
    bed.assert_not_routed("10.99.2.0/24");
    bed.assert_routed("10.99.1.0/24");
    bed.assert_clean().await;
}
