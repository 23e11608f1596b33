//! What callers can't take from others.

use bytes::Bytes;
use h2::client::SendRequest;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::*;

/// A connection on which frames are sent by hand.
async fn raw(agent: &Agent) -> SendRequest<Bytes> {
    let stream = UnixStream::connect(agent.socket()).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    requests.ready().await.unwrap()
}

/// Sends a request of so many bytes that begins with this message and never ends; the status that comes all the same.
async fn unfinished(agent: &Agent, begins: v1::PlanRequest, bytes: usize) -> Option<Code> {
    let mut requests = raw(agent).await;
    let request = http::Request::post("http://agent/novaroute.v1.Transactions/Plan")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let (answer, mut body) = requests.send_request(request.body(()).unwrap(), false).unwrap();
    let mut message = vec![0, 1, 0, 0, 0];
    message.extend(prost::Message::encode_to_vec(&begins));
    message.resize(message.len() + bytes, 0);
    // A field of bytes that nobody knows.
    let at = message.len() - bytes;
    message[at..at + 5].copy_from_slice(&[0xfa, 0x01, 0x80, 0x80, 0x20]);
    let mut rest = Bytes::from(message);
    while !rest.is_empty() {
        body.reserve_capacity(rest.len());
        let Some(Ok(room)) = std::future::poll_fn(|cx| body.poll_capacity(cx)).await else { break };
        if body.send_data(rest.split_to(room.min(rest.len())), false).is_err() {
            break;
        }
    }
    let answer = tokio::time::timeout(Duration::from_millis(300), answer).await.ok()?.ok()?;
    let status = answer.headers().get("grpc-status")?.to_str().ok()?.parse::<i32>().ok()?;
    Some(Code::from(status))
}

fn plan(owner: &str, token: &str) -> v1::PlanRequest {
    v1::PlanRequest { owner: owner.into(), token: token.into(), ..Default::default() }
}

/// C17.
#[tokio::test]
async fn an_unfinished_request_without_a_token_is_refused_early() {
    let agent = Agent::start().await;
    let nobody = unfinished(&agent, plan("nobody", "x"), 200_000).await;
    assert_eq!(nobody, Some(Code::Unauthenticated));
    let wrong = unfinished(&agent, plan("novaedge", "wrong"), 200_000).await;
    assert_eq!(wrong, Some(Code::Unauthenticated));
    let (guests, owners) = agent.budget.held();
    assert!(guests < 20_000 && owners == 0, "{guests} {owners}");
    let known = unfinished(&agent, plan("novaedge", &token("novaedge")), 200_000).await;
    assert_eq!(known, None, "an owner may send more");
    let status = unfinished(&agent, v1::PlanRequest::default(), 200_000).await;
    assert_eq!(status, Some(Code::ResourceExhausted));
    assert!(agent.refused.lock().unwrap().contains(&Refusal::Size));
}

/// C17: what never ends has a deadline.
#[tokio::test]
async fn a_request_that_does_not_end_has_a_deadline() {
    let agent = Agent::start().await;
    let mut requests = raw(&agent).await;
    let request = http::Request::post("http://agent/novaroute.v1.RouteControl/GetStatus")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let (answer, _body) = requests.send_request(request.body(()).unwrap(), false).unwrap();
    eventually("the call to be there", || agent.budget.held().0 > 0).await;
    tokio::time::pause();
    let answer = answer.await.unwrap();
    tokio::time::resume();
    assert_eq!(answer.headers()["grpc-status"], (Code::DeadlineExceeded as i32).to_string());
    assert!(agent.refused.lock().unwrap().contains(&Refusal::Deadline));
}

/// C20.
#[tokio::test]
async fn one_owners_connections_lock_nobody_out() {
    let agent = Agent::start().await;
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..MAX_CONNECTIONS {
        let mut client = agent.client().await;
        match client.register(register("novaedge")).await {
            Ok(_) => {}
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                refused += 1;
            }
        }
        open.push(client);
    }
    assert_eq!(refused, MAX_CONNECTIONS - MAX_OWNER_CONNECTIONS);
    for name in ["admin", "novanet"] {
        agent.client().await.register(register(name)).await.unwrap();
    }
    // Places come free again.
    drop(open.drain(..2));
    for _ in 0..200 {
        if agent.client().await.register(register("novaedge")).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the places of closed connections are not free again");
}

/// C20.
#[tokio::test]
async fn admin_always_has_a_connection() {
    let agent = Agent::start().await;
    let mut open = Vec::new();
    for _ in 0..MAX_OWNER_CONNECTIONS + 3 {
        let mut client = agent.client().await;
        client.register(register("admin")).await.unwrap();
        open.push(client);
    }
    let budget = &agent.budget;
    eventually("the oldest to make room", || budget.connections() == MAX_OWNER_CONNECTIONS).await;
}

/// C18: answers that are not read are paid for until they are, wherever in the server they wait; small ones with the
/// buffer that they are a part of.
#[tokio::test]
async fn answers_that_nobody_reads_are_paid_for() {
    // The window of one call has room for its answer, that of the connection for a few.
    unread_answers(500, 1 << 20, 0).await;
    unread_answers(1, 1, 8 * 1024).await;
}

/// Asks for the status with so many prefixes on a connection with this window for each call: what is not read is paid
/// for, and so much more for each.
async fn unread_answers(prefixes: u32, window: u32, more: usize) {
    const CALLS: usize = 20;
    let (agent, mut c) = Agent::configured().await;
    for n in 0..prefixes {
        let prefix = format!("10.0.{}.{}/32", n / 250, n % 250);
        c.advertise_prefix(advertise("novaedge", &prefix)).await.unwrap();
    }
    let ageless = |status| v1::GetStatusResponse { snapshot_age_ms: 0, ..status };
    let status = c.get_status(v1::GetStatusRequest::default()).await.unwrap().into_inner();
    let status = ageless(status);
    // At least: an answer's age takes bytes as well.
    let size = 5 + prost::Message::encoded_len(&status);
    drop(c);
    let budget = &agent.budget;
    eventually("nothing to be under way", || budget.held() == (0, 0)).await;

    let stream = UnixStream::connect(agent.socket()).await.unwrap();
    let mut builder = h2::client::Builder::new();
    let handshake = builder.initial_window_size(window).handshake::<_, Bytes>(stream);
    let (requests, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let mut requests = requests.ready().await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..CALLS {
        let request = http::Request::post("http://agent/novaroute.v1.RouteControl/GetStatus")
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let request = request.body(()).unwrap();
        let (answer, mut body) = requests.send_request(request, false).unwrap();
        body.send_data(Bytes::from_static(&[0; 5]), true).unwrap();
        answers.push(answer);
    }
    // Every call is answered, so that nothing but the answers is left to pay for.
    let answers = futures::future::try_join_all(answers).await.unwrap();
    let unread = CALLS * (size + more) - 65_535_usize.min(CALLS * window as usize);
    eventually("what is not read to be paid for", || budget.held().0 >= unread).await;
    // All at a time: they share the connection's window.
    let read = answers.into_iter().map(async |answer| {
        let (mut body, mut read) = (answer.into_body(), Vec::new());
        while let Some(bytes) = body.data().await {
            let bytes = bytes.unwrap();
            read.extend_from_slice(&bytes);
            body.flow_control().release_capacity(bytes.len()).unwrap();
        }
        prost::Message::decode(&read[5..]).unwrap()
    });
    for answer in futures::future::join_all(read).await {
        assert_eq!(ageless(answer), status);
    }
    eventually("what is read to be given back", || budget.held() == (0, 0)).await;
}

#[tokio::test]
async fn health_and_reflection_are_served() {
    let agent = Agent::start().await;
    let mut health = HealthClient::new(agent.channel().await);
    for service in ["", "novaroute.v1.RouteControl"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        for attempt in 0.. {
            let status = health.check(request.clone()).await.unwrap().into_inner().status();
            if status == tonic_health::pb::health_check_response::ServingStatus::Serving {
                break;
            }
            assert!(attempt < 200, "{service}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let mut reflection = ServerReflectionClient::new(agent.channel().await);
    let list = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let asked = reflection.server_reflection_info(tokio_stream::once(request)).await.unwrap();
    let answer = asked.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(services)) = answer.message_response else {
        panic!("{answer:?}")
    };
    let names: Vec<_> = services.service.into_iter().map(|it| it.name).collect();
    for name in ["novaroute.v1.RouteControl", "grpc.health.v1.Health"] {
        assert!(names.iter().any(|it| it == name), "{names:?}");
    }
    assert!(!names.iter().any(|it| it.starts_with("frr.")), "{names:?}");
}
