//! A session with a real bgpd: replies are counted, and exactly what has one was executed.

mod lab;

use std::time::Duration;

use lab::{Lab, LabOptions, Router, net};
use novaroute::frr::vty::{Reply, ReturnCode, Session};

const CONNECT: Duration = Duration::from_secs(5);

async fn bgpd(lab: &Lab) -> Session {
    let socket = lab.socket_dir(Router::Node).join("bgpd.vty");
    Session::connect(&socket, CONNECT).await.expect("connected")
}

#[tokio::test]
async fn bgpd_answers_ten_thousand_commands_in_their_order() {
    let lab = Lab::start(LabOptions::default());
    let mut session = bgpd(&lab).await;
    assert!(session.show("show version").await.unwrap().starts_with("FRRouting "));
    let reply = session.command("neighbor 1.2.3.4 password hush hush").await.unwrap();
    assert_eq!(reply.code, ReturnCode::NoMatch);
    assert!(reply.message().ends_with("password ***"), "{reply:?}");
    let commands: Vec<_> =
        (0..10_000).map(|n| if n % 2 == 0 { "show version" } else { "show nothing" }).collect();
    let outcome = session.pipeline(&commands, |_, _| true).await.unwrap();
    assert_eq!(outcome.replies.len(), commands.len());
    for (n, reply) in outcome.replies.iter().enumerate() {
        assert_eq!(reply.is_ok(), n % 2 == 0, "{n}: {reply:?}");
    }
}

#[tokio::test]
async fn what_has_a_reply_was_executed_and_nothing_else() {
    let lab = Lab::start(LabOptions::default());
    let mut session = bgpd(&lab).await;
    let router = format!("router bgp {}", net::NODE_AS);
    let enter = ["configure terminal", &router, "address-family ipv4 unicast"];
    let ok = |_: usize, reply: &Reply| reply.is_ok();
    assert_eq!(session.pipeline(&enter, ok).await.unwrap().refused, None);
    let mut all: Vec<_> =
        (0..10_000).map(|n| format!("network 172.{}.{}.0/24", 16 + n / 256, n % 256)).collect();
    all[5_000] = "network 300.1.1.0/24".into();
    let outcome = session.pipeline(&all, ok).await.unwrap();
    assert_eq!(outcome.refused, Some(5_000));
    let running = session.show("do show running-config").await.unwrap();
    let shown = running.lines().filter(|line| line.contains("network 172.")).count();
    assert_eq!(shown, outcome.replies.iter().filter(|reply| reply.is_ok()).count());
    assert!(shown < 5_100, "nothing is sent behind a refusal: {shown}");
}
