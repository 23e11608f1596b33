//! Several clients, and sessions of mgmtd that come, go and leave something.

use std::time::Duration;

use novaroute::frr::{
    frontend::{Datastore, Edit, Error as FrontendError, Format, Session},
    gateway::Gateway,
    northbound::{Answer, Error, Northbound, Retry},
};

use crate::{
    bed::*,
    lab::{Router, net},
};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_clients_lose_nothing() {
    let bed = Bed::start();
    // Another gateway, as another process would be: they contend for mgmtd's locks.
    let other = Northbound::new(Gateway::new(&bed.lab.socket_dir(Router::Node)).service());
    let prefixes: Vec<String> = (0..40).map(|i| format!("10.99.{i}.0/24")).collect();
    let mut commits = tokio::task::JoinSet::new();
    for (i, prefix) in prefixes.iter().enumerate() {
        let driver = if i % 2 == 0 { bed.driver.clone() } else { other.clone() };
        let edits = bed.add(&[prefix]);
        commits.spawn(async move {
            loop {
                match driver.commit(edits.clone(), "").await {
                    Err(error) if error.retry() == Retry::Later => {}
                    outcome => return outcome,
                }
            }
        });
    }
    for outcome in commits.join_all().await {
        assert!(matches!(outcome, Ok(Answer::Applied { .. })), "{outcome:?}");
    }
    let staticd = bed.staticd();
    for prefix in &prefixes {
        assert!(staticd.contains(prefix.as_str()), "staticd has {prefix}");
    }
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dropped_session_left_in_the_candidate_is_not_applied() {
    let bed = Bed::start();
    let mut dirty = bed.session().await;
    dirty.lock(Datastore::Candidate).await.unwrap();
    dirty
        .edit(&[Edit::merge(Format::Json, bed.routes(&["10.66.0.0/24"], net::TOR_V4))])
        .await
        .unwrap();
    drop(dirty);

    bed.driver.commit(bed.add(&["10.99.1.0/24"]), "").await.unwrap();
    bed.assert_routed("10.99.1.0/24");
    assert!(!bed.staticd().contains("10.66.0.0"), "foreign edit is not applied");
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_another_is_waited_for_then_unavailable_and_nothing_is_left() {
    let bed = Bed::start();
    let mut holder = bed.session().await;
    holder.lock(Datastore::Running).await.unwrap();
    let error = bed.driver.commit(bed.add(&["10.99.1.0/24"]), "").await.unwrap_err();
    let Error::Unavailable { message } = &error else { panic!("{error:?}") };
    assert!(message.contains("Lock already taken"), "{message}");
    assert_eq!(error.retry(), Retry::Later);
    assert!(!bed.staticd().contains("10.99.1.0"));

    // Freed in time, it is not noticed.
    let commit = tokio::spawn({
        let (driver, edits) = (bed.driver.clone(), bed.add(&["10.99.1.0/24"]));
        async move { driver.commit(edits, "").await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    holder.unlock(Datastore::Running).await.unwrap();
    assert!(matches!(commit.await.unwrap(), Ok(Answer::Applied { .. })));
    bed.assert_routed("10.99.1.0/24");
    bed.assert_clean().await;
}

/// In FRR 10.3 every `vtysh` that ends resets mgmtd's candidate, whoever edits it.
#[tokio::test(flavor = "multi_thread")]
async fn shells_that_come_and_go_do_not_cost_an_edit() {
    let bed = Bed::start();
    let socket = bed.lab.socket_dir(Router::Node).join("mgmtd.vty");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let noise = std::thread::spawn({
        let (stop, ended) = (stop.clone(), ended.clone());
        move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                vty(&socket, "show version");
                ended.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    });
    let mut i = 0;
    // Until enough of them have ended, however fast edits are.
    while i < 50 || (i < 250 && ended.load(std::sync::atomic::Ordering::Relaxed) < 10) {
        let (new, old) = (format!("10.99.{i}.0/24"), format!("10.99.{}.0/24", i - 1));
        let mut edits = bed.add(&[&new]);
        if i > 0 {
            edits.delete = vec![route_path(&old)];
        }
        let outcome = bed.driver.commit(edits, "").await.unwrap();
        assert!(matches!(outcome, Answer::Applied { .. }), "{new}: {outcome:?}");
        let staticd = bed.staticd();
        assert!(staticd.contains(&new), "staticd has {new}");
        assert!(i == 0 || !staticd.contains(&old), "staticd does not have {old}");
        let mgmtd = bed.driver.get_config(STATICD).await.unwrap().unwrap();
        assert!(mgmtd.contains(&new) && (i == 0 || !mgmtd.contains(&old)), "{mgmtd}");
        i += 1;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    noise.join().expect("no shell fails");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_says_who_has_the_lock_and_survives_a_refusal() {
    let bed = Bed::start();
    let mut one = bed.session().await;
    let mut two = bed.session().await;
    one.lock(Datastore::Candidate).await.unwrap();
    let error = two.lock(Datastore::Candidate).await.unwrap_err();
    assert!(
        matches!(error, FrontendError::Locked { datastore: Datastore::Candidate, .. }),
        "{error:?}"
    );
    assert!(two.is_usable());
    // Dropped in the middle of a request, a session is not used on.
    let mut edits = Vec::new();
    for i in 0..200 {
        edits.push(Edit::merge(
            Format::Json,
            bed.routes(&[&format!("10.98.{i}.0/24")], net::TOR_V4),
        ));
    }
    {
        let mut call = std::pin::pin!(one.edit(&edits));
        assert!(futures::poll!(&mut call).is_pending(), "mgmtd has not answered yet");
    }
    assert!(!one.is_usable());
    let error = one.lock(Datastore::Running).await.unwrap_err();
    assert!(matches!(error, FrontendError::Closed { .. }), "{error:?}");
    drop(one);
    wait_for_lock(&mut two).await;
}

async fn wait_for_lock(session: &mut Session) {
    for _ in 0..100 {
        if session.lock(Datastore::Candidate).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the lock of a dropped session is not free");
}
