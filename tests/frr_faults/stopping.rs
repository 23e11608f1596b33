//! The agent ends in time whatever FRR does, and what it was about is not lost.

use std::thread;

use crate::{
    REFILL,
    agent::*,
    lab::{FRR_DAEMONS, Lab, LabOptions, Router, net, wait_for},
    proxy::{Proxy, Spoil},
};

fn hang(lab: &Lab) {
    FRR_DAEMONS.iter().for_each(|daemon| lab.stop(Router::Node, daemon));
}

fn run_on(lab: &Lab) {
    FRR_DAEMONS.iter().for_each(|daemon| lab.cont(Router::Node, daemon));
}

/// bgpd takes a line of a commit and answers nothing. The commit is cut off and in doubt, and the next start carries it out.
#[test]
fn a_commit_that_hangs_at_the_end_is_cut_off_and_not_lost() {
    let lab = Lab::start(LabOptions::default());
    let proxy = Proxy::start(&lab, "bgpd");
    let mut agent = Agent::start_with(&lab, |config| {
        config["frr"]["socket_dir"] = proxy.dir().to_str().expect("a path of text").into();
        config["log_level"] = "info".into();
    });
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent.wait_ready();
    proxy.spoil(Spoil::Swallow("network "));
    let caller = agent.client("admin");
    let call = thread::spawn(move || caller.apply(vec![change::prefix("192.0.2.1/32")]));
    wait_for("the commit under way", SOON, || match proxy.swallowed() {
        0 => Err("nothing was sent"),
        _ => Ok(()),
    });
    drop(admin);
    agent.stop();
    let answer = call.join().expect("no panic");
    assert!(agent.log().contains("the commit under way is in doubt"), "{answer:?} {}", agent.log());
    assert_eq!(answer.expect_err("nobody knows").code(), tonic::Code::Unavailable);
    proxy.spoil(Spoil::Nothing);
    agent.launch();
    wait_lines(&lab, &["network 192.0.2.1/32"]);
    agent.wait_ready();
}

/// All of FRR hangs, calls wait, and what was taken is not lost.
#[test]
fn an_agent_whose_frr_hangs_ends_in_time_and_loses_nothing() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start_with(&lab, |config| config["log_level"] = "info".into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    agent.wait_ready();
    drop(admin);
    hang(&lab);
    let calls: Vec<_> = (0..3)
        .map(|n| {
            let admin = agent.client("admin");
            let prefix = format!("192.0.2.{n}/32");
            thread::spawn(move || (admin.apply(vec![change::prefix(&prefix)]), prefix))
        })
        .collect();
    agent.stop();
    let answers: Vec<_> = calls.into_iter().map(|call| call.join().expect("no panic")).collect();
    run_on(&lab);
    agent.launch();
    agent.wait_ready();
    let admin = agent.client("admin");
    for (_, prefix) in answers.iter().filter(|(answer, _)| answer.is_ok()) {
        wait_for(&format!("{prefix}, which was taken"), REFILL, || {
            let state = admin.prefix_state(prefix);
            if admin.in_frr(prefix) { Ok(()) } else { Err(format!("{state:?}")) }
        });
    }
    let route = kernel(&lab, "203.0.113.0/24");
    assert!(route.contains("proto static"), "{route}");
}

#[test]
fn an_agent_that_is_to_withdraw_from_a_frr_that_hangs_says_so_in_time() {
    let lab = Lab::start(LabOptions::default());
    let edit = |config: &mut serde_json::Value| {
        config["log_level"] = "info".into();
        config["withdraw_on_exit"] = true.into();
    };
    let mut agent = Agent::start_with(&lab, edit);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    agent.wait_ready();
    drop(admin);
    hang(&lab);
    agent.stop_failing(WITHDRAWS);
    run_on(&lab);
    // It stays declared, and is taken up again.
    agent.launch();
    agent.wait_ready();
    assert!(agent.client("admin").in_frr("192.0.2.0/24"));
}
