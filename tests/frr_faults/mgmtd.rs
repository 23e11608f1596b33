//! What mgmtd forgets, and locks of somebody else.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use novaroute::{
    frr::frontend::{Datastore, Session},
    proto::v1::{Outcome, StaticRoute, static_route::NextHop},
};

use crate::{
    REFILL,
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
    proxy::Relay,
};

/// A mgmtd that starts anew has forgotten what staticd runs, and takes nothing of it away.
#[test]
fn a_route_that_is_withdrawn_while_mgmtd_is_dead_leaves_staticd() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let foreign = "ip route 203.0.99.0/24 10.0.1.2";
    lab.vtysh(Router::Node, &["configure terminal", foreign]);
    let (stays, goes) = ("203.0.1.0/24", "203.0.2.0/24");
    let both = vec![change::via(stays, net::TOR_V4), change::via(goes, net::TOR_V4)];
    admin.apply(both).unwrap();
    lab.kill(Router::Node, "mgmtd");
    admin.apply(vec![change::no_route(goes)]).unwrap();
    lab.restart(Router::Node, "mgmtd");
    wait_for("staticd to lose it", REFILL, || {
        let runs = vty(&lab, "staticd", &["show configuration running json"]);
        let has = |prefix: &str| runs.contains(&format!("\"{prefix}\""));
        if has(stays) && has("203.0.99.0/24") && !has(goes) { Ok(()) } else { Err(runs) }
    });
    agent.wait_ready();
}

/// The operator's route to the same prefix is no part of what is taken away.
#[test]
fn a_foreign_route_to_the_same_prefix_outlives_what_mgmtd_has_forgotten() {
    const PREFIX: &str = "203.0.2.0/24";
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    lab.vtysh(Router::Node, &["configure terminal", &format!("ip route {PREFIX} 10.0.1.2")]);
    let next_hop = Some(NextHop::Gateway(net::TOR_V4.to_owned()));
    let ours = StaticRoute { prefix: PREFIX.to_owned(), distance: 20, next_hop, tag: 0 };
    admin.apply(vec![change::static_route(ours)]).unwrap();
    let runs = || {
        let shown = vty(&lab, "staticd", &["show configuration running json"]);
        let at = |distance: u8| shown.contains(&format!("\"distance\": {distance},"));
        ((at(1), at(20)), shown)
    };
    let (paths, shown) = runs();
    assert_eq!(paths, (true, true), "{shown}");
    lab.kill(Router::Node, "mgmtd");
    admin.apply(vec![change::no_route(PREFIX)]).unwrap();
    lab.restart(Router::Node, "mgmtd");
    wait_for("ours to go", REFILL, || match runs() {
        ((_, false), _) => Ok(()),
        (_, shown) => Err(shown),
    });
    let (paths, shown) = runs();
    assert_eq!(paths, (true, false), "{shown}");
    agent.wait_ready();
}

/// Somebody edits mgmtd's configuration for long. Calls about it wait their time and are pending then, others
/// are not held up, and all is done when the lock is free.
#[test]
fn a_lock_of_somebody_else_for_long_makes_pending_and_costs_nothing() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    let socket = lab.socket_dir(Router::Node).join("mgmtd_fe.sock");
    let mut other = admin.block_on(Session::connect(&socket, "somebody")).expect("a session");
    admin.block_on(other.lock(Datastore::Candidate)).expect("the lock");
    admin.block_on(other.lock(Datastore::Running)).expect("the lock");

    let begun = Instant::now();
    let waiting = admin.apply(vec![change::via("203.0.114.0/24", net::TOR_V4)]);
    let took = begun.elapsed();
    let outcome = waiting.unwrap_or_else(|status| panic!("after {took:?}: {status}"));
    assert_eq!(outcome, Outcome::Pending, "after {took:?}");
    assert!(kernel(&lab, "203.0.114.0/24").is_empty(), "the lock was not honoured");
    admin.advertise("192.0.2.1/32").unwrap();
    wait_lines(&lab, &["network 192.0.2.1/32"]);
    assert!(kernel(&lab, "203.0.113.0/24").contains("proto static"), "what was there stays");

    admin.block_on(other.unlock(Datastore::Running)).expect("unlocked");
    admin.block_on(other.unlock(Datastore::Candidate)).expect("unlocked");
    wait_for("the route", REFILL, || match kernel(&lab, "203.0.114.0/24") {
        shown if shown.contains("proto static") => Ok(()),
        shown => Err(shown),
    });
    agent.wait_ready();
    // And nobody is left with a lock.
    admin.block_on(other.lock(Datastore::Candidate)).expect("the lock is free");
}

/// Has the shells end with the test.
struct Stop<'flag>(&'flag AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// In FRR 10.3 every session of mgmtd that ends, a shell's too, takes from everybody what is edited and not committed.
/// Of hundreds of routes in one call none is lost by that, nor kept.
#[test]
fn shells_that_come_and_go_cost_no_route_of_many() {
    const ROUTES: u8 = 200;
    const ROUNDS: u32 = 8;
    const SHELLS: u32 = 20;
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let (stop, ended) = (AtomicBool::new(false), AtomicU32::new(0));
    let noise = || {
        while !stop.load(Ordering::Relaxed) {
            vty(&lab, "mgmtd", &["show version"]);
            ended.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(150));
        }
    };
    let there = || {
        let runs = vty(&lab, "staticd", &["show configuration running json"]);
        (0..ROUTES).filter(|n| runs.contains(&format!("\"203.0.{n}.0/24\""))).count()
    };
    let kept = || {
        let runs = vty(&lab, "mgmtd", &["show running-config"]);
        (0..ROUTES).filter(|n| runs.contains(&format!("ip route 203.0.{n}.0/24 "))).count()
    };
    thread::scope(|scope| {
        let noise = scope.spawn(noise);
        // Also where the test fails.
        let _ended = Stop(&stop);
        let mut round = 0;
        // Until enough of them have ended, however fast routes are committed; the last round takes all away.
        while round < ROUNDS || round % 2 == 1 || ended.load(Ordering::Relaxed) < SHELLS {
            assert!(!noise.is_finished(), "no shell fails");
            let prefixes = (0..ROUTES).map(|n| format!("203.0.{n}.0/24"));
            let set = round % 2 == 0;
            let changes = prefixes.map(|prefix| match set {
                true => change::via(&prefix, net::TOR_V4),
                false => change::no_route(&prefix),
            });
            let outcome = admin.apply(changes.collect()).expect("no call fails");
            let wanted = if set { usize::from(ROUTES) } else { 0 };
            if outcome == Outcome::Confirmed {
                assert_eq!(there(), wanted, "confirmed, round {round}");
                assert_eq!(kept(), wanted, "in mgmtd, round {round}");
            }
            wait_for("staticd to run what was said", REFILL, || match there() {
                count if count == wanted => Ok(()),
                count => Err(format!("{count} of {wanted}, round {round}, {outcome:?}")),
            });
            round += 1;
        }
    });
    agent.wait_ready();
}

/// A plan, and the comparison that notices drift, have as much time as a commit: nobody waits for a daemon behind them.
#[test]
fn a_plan_is_over_in_the_time_of_a_commit() {
    let lab = Lab::start(LabOptions::default());
    let relay = Relay::start(&lab);
    let agent = Agent::start_with(&lab, |config| {
        config["log_level"] = "info".into();
        config["frr"]["socket_dir"] = relay.dir().to_str().expect("text").into();
    });
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply(vec![change::via("203.0.1.0/24", net::TOR_V4)]).unwrap();
    agent.wait_ready();
    let plan = || {
        let request = novaroute::proto::v1::PlanRequest {
            owner: admin.owner.clone(),
            token: admin.token.clone(),
            changes: vec![change::via("203.0.2.0/24", net::TOR_V4)],
            ..Default::default()
        };
        admin.block_on(async { admin.transactions().plan(request).await })
    };
    assert_eq!(plan().unwrap().into_inner().daemons.len(), 1);
    // Its VTY answers, so that it counts as there; what it is asked on the other socket is not answered for 30 s.
    relay.stall(true);
    let begun = Instant::now();
    let late = plan();
    let took = begun.elapsed();
    // As long as a commit, behind a comparison that began before it.
    assert!(took < Duration::from_secs(27), "{took:?}: {late:?}");
    match late {
        Ok(plan) => {
            let away = format!("{:?}", plan.into_inner());
            assert!(away.contains("mgmtd"), "{away}");
        }
        Err(status) => assert!(status.message().contains("mgmtd"), "{status}"),
    }
    assert_eq!(agent.http("/healthz").0, 200);
    relay.stall(false);
    wait_for("a plan", REFILL, || match plan() {
        Ok(plan) if plan.get_ref().daemons.len() == 1 => Ok(()),
        other => Err(format!("{other:?}")),
    });
}
