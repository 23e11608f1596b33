//! The listening socket.

use std::{fs, os::unix::fs::PermissionsExt};

use super::*;

#[tokio::test]
async fn only_owner_and_group_may_connect() {
    let agent = Agent::start().await;
    let mode = fs::metadata(agent.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let names: Vec<_> = fs::read_dir(agent.dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "no temporary name is left");
}

#[tokio::test]
async fn a_live_agent_keeps_its_socket() {
    let agent = Agent::start().await;
    let error = bind(&agent.socket()).await.unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }), "{error}");
    agent.client().await.get_status(v1::GetStatusRequest::default()).await.unwrap();
}

#[tokio::test]
async fn a_stale_socket_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("api.sock");
    drop(bind(&path).await.unwrap());
    assert!(path.exists(), "a killed agent leaves it");
    let _listener = bind(&path).await.unwrap();
    UnixStream::connect(&path).await.unwrap();
}

#[tokio::test]
async fn what_is_not_a_socket_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("api.sock");
    fs::write(&path, "precious").unwrap();
    let error = bind(&path).await.unwrap_err();
    assert!(matches!(error, BindError::NotASocket { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    let missing = bind(&dir.path().join("no/such/dir/api.sock")).await.unwrap_err();
    assert!(matches!(missing, BindError::Io { .. }), "{missing}");
}

#[tokio::test]
async fn calls_are_observed_with_their_code() {
    let agent = Agent::start().await;
    let mut c = agent.client().await;
    c.register(register("novaedge")).await.unwrap();
    c.remove_peer(remove_peer("novaedge", "10.0.0.1")).await.unwrap_err();
    c.deregister(deregister("novaedge", true)).await.unwrap();
    let calls = agent.calls.lock().unwrap().clone();
    assert_eq!(
        calls,
        [
            ("Register", Some(Code::Ok)),
            ("RemovePeer", Some(Code::NotFound)),
            ("Deregister", Some(Code::Ok))
        ]
    );
}

/// A client that gives up is one whose calls take too long: without them no histogram would show that.
#[tokio::test]
async fn a_call_whose_client_leaves_is_observed() {
    let agent = Agent::start().await;
    let mut c = agent.client().await;
    agent.inner.actor.lock().unwrap().silent = true;
    let call = c.configure_bgp(configure_bgp("admin", 65000));
    tokio::time::timeout(Duration::from_millis(200), call).await.expect_err("no answer");
    for _ in 0..500 {
        if *agent.calls.lock().unwrap() == [("ConfigureBGP", None)] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?}", agent.calls.lock().unwrap());
}

#[tokio::test]
async fn the_socket_of_another_outlives_the_agents_end() {
    let agent = Agent::start().await;
    let path = agent.socket();
    fs::remove_file(&path).unwrap();
    let _theirs = std::os::unix::net::UnixListener::bind(&path).unwrap();
    agent.inner.shutdown.cancel();
    agent.served.await.unwrap().unwrap();
    std::os::unix::net::UnixStream::connect(&path).expect("it is served");

    let agent = Agent::start().await;
    let path = agent.socket();
    agent.inner.shutdown.cancel();
    agent.served.await.unwrap().unwrap();
    assert!(!path.exists(), "its own goes");
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused() {
    let (agent, mut client) = Agent::configured().await;
    let huge = advertise("novanet", &"x".repeat(MAX_REQUEST + 1));
    assert!(client.advertise_prefix(huge).await.is_err());
    client.advertise_prefix(advertise("novanet", "10.1.0.0/24")).await.unwrap();
    assert_eq!(agent.inner.keys("novanet").len(), 1);
}
