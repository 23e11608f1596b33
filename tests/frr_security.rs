//! What SECURITY.md claims of a whole agent: strangers keep no owner out, and nothing listens that is not
//! documented.

mod agent;
mod lab;

use std::{
    collections::BTreeSet,
    os::unix::net::UnixStream,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use agent::*;
use lab::{Lab, LabOptions, Router, net, wait_for};
use novaroute::api::MAX_CONNECTIONS;
use tonic::Code;

/// A call takes milliseconds; the rest is room for a busy machine that is flooded besides.
const IN_TIME: Duration = Duration::from_secs(10);

/// Ends the flood also where the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_flood_without_a_token_keeps_no_owner_out() {
    const GUESS: &str = "a-guess-at-a-token";
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();

    // More silent connections than there may be.
    let open = || UnixStream::connect(agent.socket()).expect("the backlog has room");
    let silent: Vec<_> = (0..MAX_CONNECTIONS + 50).map(|_| open()).collect();
    let (stop, refused) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let ended = Stop(&stop);
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let stranger = agent.client("edge").with_token(GUESS);
                    for _ in 0..50 {
                        // Its connection may have been closed for others: then it comes anew.
                        match stranger.advertise("192.0.2.66/32") {
                            Ok(()) => panic!("a wrong token was taken"),
                            Err(status) if status.code() == Code::Unauthenticated => {
                                refused.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(_) => break,
                        }
                    }
                }
            });
        }
        wait_for("the flood", SOON, || match refused.load(Ordering::Relaxed) {
            100.. => Ok(()),
            count => Err(count.to_string()),
        });
        // Who is here stays, and who comes anew is let in.
        let begun = Instant::now();
        let old = admin.advertise("192.0.2.0/24");
        let took_old = begun.elapsed();
        let edge = agent.client("edge");
        let new = edge.advertise("192.0.2.1/32");
        let took_new = begun.elapsed() - took_old;
        drop(ended);
        old.expect("an owner that was connected before the flood");
        new.expect("an owner that connects during the flood");
        assert!(took_old < IN_TIME && took_new < IN_TIME, "{took_old:?} {took_new:?}");
    });
    drop(silent);
    wait_lines(&lab, &["network 192.0.2.0/24", "network 192.0.2.1/32"]);
    assert!(!running(&lab, "bgpd").contains("192.0.2.66"));

    let (_, metrics) = agent.http("/metrics");
    let status = format!("{:?}", admin.status());
    for secret in [GUESS, &token("edge"), &token("admin")] {
        for (place, text) in [("log", &agent.log()), ("metrics", &metrics), ("status", &status)] {
            assert!(!text.contains(secret), "{secret} is in the {place}");
        }
    }
}

#[test]
fn nothing_listens_but_what_is_documented() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    // With all of its parts at work: BGP, BFD, static routes.
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let peer = novaroute::proto::v1::BgpPeer { bfd_enabled: true, ..tor() };
    admin.apply_peer(peer).unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    agent.wait_ready();

    let out = lab.exec(Router::Node, &["ss", "-H", "-lntuxp"]);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(text.contains("bgpd"), "ss sees others: {text}");
    let own = format!("pid={},", agent.pid());
    let seen: BTreeSet<_> = text
        .lines()
        .filter(|line| line.contains(&own))
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            // A socket is bound under this name and renamed when it has its mode.
            (words[0].to_owned(), words[4].trim_end_matches(".new").to_owned())
        })
        .collect();
    let socket = agent.socket().display().to_string();
    let wanted = [("tcp".to_owned(), "127.0.0.1:9102".to_owned()), ("u_str".to_owned(), socket)];
    assert_eq!(seen, BTreeSet::from(wanted), "{text}");
}
