//! FRR's daemons hang and die, in turn and all at once.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use novaroute::proto::v1::Outcome;

use crate::{
    REFILL,
    agent::*,
    lab::{FRR_DAEMONS, Lab, LabOptions, Router, net, wait_for},
};

/// Each daemon in turn hangs and dies while an owner declares and withdraws without a pause. No call fails, and
/// in the end FRR has what was said last.
#[test]
fn daemons_hang_and_die_while_intents_flow() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| config["frr"]["connect_timeout"] = 1.into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let (stop, answered) = (AtomicBool::new(false), AtomicU32::new(0));
    let flow = || {
        let client = agent.client("admin");
        let mut count = 0_u32;
        while !stop.load(Ordering::Relaxed) {
            let n = count % 50;
            let (prefix, route) = (format!("192.0.2.{n}/32"), format!("203.0.{n}.0/24"));
            let changes = match count / 50 % 2 {
                0 => vec![change::prefix(&prefix), change::via(&route, net::TOR_V4)],
                _ => vec![change::no_prefix(&prefix), change::no_route(&route)],
            };
            let begun = Instant::now();
            // An answer may take what undoing takes, never a failure.
            client.apply(changes).unwrap_or_else(|status| {
                panic!("call {count} after {:?}: {status}\n{}", begun.elapsed(), agent.log())
            });
            count += 1;
            answered.store(count, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let flowing = scope.spawn(flow);
        for daemon in ["bgpd", "staticd", "mgmtd", "bfdd", "ospfd"] {
            // Intents flow before each of them is disturbed.
            let before = answered.load(Ordering::Relaxed);
            wait_for("a call to be answered", REFILL, || {
                let more = answered.load(Ordering::Relaxed) > before;
                if more || flowing.is_finished() { Ok(()) } else { Err("none is") }
            });
            if flowing.is_finished() {
                break;
            }
            lab.stop(Router::Node, daemon);
            thread::sleep(Duration::from_millis(300));
            lab.cont(Router::Node, daemon);
            thread::sleep(Duration::from_millis(200));
            lab.kill(Router::Node, daemon);
            thread::sleep(Duration::from_millis(200));
            lab.restart(Router::Node, daemon);
        }
        stop.store(true, Ordering::Relaxed);
        flowing.join().expect("no call fails");
    });
    lab.start_what_ended(Router::Node);
    // Its `show running-config` has none of them.
    let static_routes = || vty(&lab, "staticd", &["show configuration running json"]);
    let declared: Vec<_> = admin.status().prefixes.into_iter().map(|it| it.prefix).collect();
    wait_for("FRR to have what was said last", REFILL, || {
        let (bgpd, staticd) = (running(&lab, "bgpd"), static_routes());
        let has = |text: &str, word: &str| text.lines().any(|line| line.contains(word));
        for n in 0..50 {
            let (prefix, route) = (format!("192.0.2.{n}/32"), format!("\"203.0.{n}.0/24\""));
            let wanted = declared.contains(&prefix);
            if has(&bgpd, &format!("network {prefix}")) != wanted || has(&staticd, &route) != wanted
            {
                return Err(format!("{prefix}, {wanted}:\n{bgpd}\n{staticd}"));
            }
        }
        Ok(())
    });
    wait_for("/readyz", REFILL, || match agent.http("/readyz") {
        (200, _) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// The whole of FRR is stopped, dies, and comes back while intents flow. Calls are answered in the client's time
/// all along; in the end FRR has what was said, and somebody else's lines, once more.
#[test]
fn all_of_frr_hangs_dies_and_comes_back() {
    const FOREIGN: &str = "\
ip prefix-list THEIRS seq 5 permit 10.0.0.0/8
router bgp 65000
 bgp router-id 10.0.0.1
 no bgp network import-check
 neighbor 10.0.9.9 remote-as 65009
exit
";
    let lab = Lab::start(LabOptions::default().config(Router::Node, FOREIGN));
    let agent = Agent::start_with(&lab, |config| config["frr"]["connect_timeout"] = 1.into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let both = |n: u32| {
        vec![
            change::prefix(&format!("192.0.2.{n}/32")),
            change::via(&format!("203.0.{n}.0/24"), net::TOR_V4),
        ]
    };
    assert_eq!(admin.apply(both(0)).unwrap(), Outcome::Confirmed);

    FRR_DAEMONS.into_iter().for_each(|daemon| lab.stop(Router::Node, daemon));
    let mut said = Vec::new();
    for n in 1..4 {
        said.push(admin.apply(both(n)));
        assert_eq!(agent.http("/healthz").0, 200, "it lives while FRR hangs");
    }
    // The client has given up on none.
    let pending = |answer: &Result<Outcome, _>| matches!(answer, Ok(Outcome::Pending));
    assert!(said.iter().all(pending), "{said:?}\n{}", agent.log());
    assert_eq!(agent.http("/readyz").0, 503);

    FRR_DAEMONS.into_iter().for_each(|daemon| lab.kill(Router::Node, daemon));
    assert_eq!(admin.apply(both(4)).unwrap(), Outcome::Pending);
    FRR_DAEMONS.into_iter().for_each(|daemon| lab.restart(Router::Node, daemon));
    assert!(admin.apply(both(5)).is_ok());
    wait_for("FRR to have all that was said", REFILL, || {
        for n in 0..=5 {
            let network = format!("network 192.0.2.{n}/32");
            has_lines(&lab, &[&network]).map_err(|lacks| format!("{lacks}\n{}", agent.log()))?;
            let route = format!("203.0.{n}.0/24");
            if !kernel(&lab, &route).contains("proto static") {
                return Err(format!("no {route}:\n{}", agent.log()));
            }
        }
        Ok(())
    });
    has_lines(&lab, &["neighbor 10.0.9.9 remote-as 65009"]).expect("somebody else's");
    wait_for("/readyz", REFILL, || match agent.http("/readyz") {
        (200, _) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}
