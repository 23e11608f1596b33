//! A request of very many prefixes is sent in slices (of 500 in a test's build), and is all or nothing all the same.

use std::time::Duration;

use novaroute::proto::v1::PrefixAttributes;
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, net, wait_for},
};

/// Longest wait for a look at all that runs, and 2,000 prefixes behind it.
const REFILL: Duration = Duration::from_secs(60);

fn networks(lab: &Lab) -> usize {
    running(lab, "bgpd").matches("\n  network ").count()
}

#[test]
fn what_is_refused_in_a_later_slice_leaves_nothing_of_the_earlier() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    let all: Vec<String> = (0..2000).map(|n| format!("10.{}.{}.0/24", n / 256, n % 256)).collect();
    let last = &all[1999];
    let router = format!("router bgp {}", net::NODE_AS);
    let theirs = format!("network {last} backdoor");
    configure(&lab, &[&router, "address-family ipv4 unicast", &theirs]);
    let before = all_running(&lab);
    let set = || all.iter().map(|it| change::prefix(it)).collect();
    // The first time it is found out before the last slice is sent, and all is compared; then it is known, and refused there.
    for _ in 0..2 {
        let refused = admin.apply(set()).expect_err("a line of theirs is in the way");
        assert_eq!(refused.code(), Code::Aborted, "{refused}");
        assert!(refused.message().contains(last), "{refused}");
        assert_eq!(all_running(&lab), before);
    }
    let gone = format!("no network {last}");
    configure(&lab, &[&router, "address-family ipv4 unicast", &gone]);
    // It is known to be gone with the next look at all that runs.
    wait_for("nothing to be in the way", REFILL, || admin.apply(set()));
    assert_eq!(networks(&lab), 2001);
    admin.apply(all.iter().map(|it| change::no_prefix(it)).collect()).expect("all of it goes");
    assert_eq!(networks(&lab), 1);
}

/// A route-map that prefixes of several slices share is there as long as one of them is.
#[test]
fn prefixes_of_several_slices_share_what_gives_them_attributes() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let plain = all_running(&lab);
    let all: Vec<String> = (0..1200).map(|n| format!("10.{}.{}.0/24", n / 256, n % 256)).collect();
    let with = |med| {
        let attributes = PrefixAttributes { med, ..Default::default() };
        all.iter().map(|it| change::prefix_with(it, attributes.clone())).collect::<Vec<_>>()
    };
    for med in [7, 8] {
        admin.apply(with(med)).expect("all of them");
        let shown = running(&lab, "bgpd");
        assert_eq!(shown.matches("\nroute-map ").count(), 1, "one for all");
        assert!(shown.contains(&format!(" set metric {med}\n")));
        assert_eq!(networks(&lab), 1200);
    }
    admin.apply(all.iter().map(|it| change::no_prefix(it)).collect()).expect("all of it goes");
    assert_eq!(all_running(&lab), plain);
}
