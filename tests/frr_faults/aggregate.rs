//! An operator's aggregate that suppresses what is declared: bgpd 10.3 crashes when the attributes of such a network change.

use novaroute::proto::v1::PrefixAttributes;
use tonic::{Code, Status};

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net},
};

const LINE: &str = "aggregate-address 192.0.2.0/24 summary-only";

/// Whatever would change the attributes of a suppressed network is refused where bgpd has that fault, with the operator's
/// line, and done where it has not. bgpd never dies of it; without the line all of it is done.
#[test]
fn no_drain_or_attribute_ends_a_bgpd_that_suppresses_a_network() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.1/32").unwrap();
    configure(&lab, &["router bgp 65000", "address-family ipv4 unicast", LINE]);
    let bgpd = lab.pid(Router::Node, "bgpd").expect("bgpd runs");
    let has_fault = running(&lab, "bgpd").lines().any(|line| line == "frr version 10.3");
    let of_fault = |result: Result<(), Status>| match result {
        Ok(()) => assert!(!has_fault, "bgpd 10.3 does not survive it"),
        Err(status) => {
            assert!(has_fault, "{status}");
            assert_eq!(status.code(), Code::Aborted, "{status}");
            let said = status.message();
            assert!(said.contains("192.0.2.1/32") && said.contains(LINE), "{said}");
            assert!(said.contains("10.3.1"), "it says what to do: {said}");
        }
    };
    let with_med = PrefixAttributes { med: 7, ..Default::default() };
    let change = || admin.advertise_with("192.0.2.1/32", with_med.clone());
    of_fault(change());
    of_fault(admin.drain(false).map(drop));
    // More networks, and fewer, change the attributes of none.
    admin.advertise("192.0.2.2/32").unwrap();
    admin.withdraw("192.0.2.2/32").unwrap();
    assert_eq!(lab.pid(Router::Node, "bgpd"), Some(bgpd));

    // Without the line bgpd has the fault still, for what was suppressed once: until it starts again.
    configure(&lab, &["router bgp 65000", "address-family ipv4 unicast", &format!("no {LINE}")]);
    of_fault(change());
    of_fault(admin.drain(false).map(drop));
    assert_eq!(lab.pid(Router::Node, "bgpd"), Some(bgpd));
    lab.kill(Router::Node, "bgpd");
    lab.restart(Router::Node, "bgpd");
    wait_lines(&lab, &["network 192.0.2.1/32"]);
    agent.wait_ready();
    let bgpd = lab.pid(Router::Node, "bgpd").expect("bgpd runs");
    change().unwrap();
    has_lines(&lab, &["set metric 7"]).unwrap();
    let drained = admin.drain(false).map(drop);
    assert!(drained.is_ok(), "{drained:?}");
    has_lines(&lab, &["bgp graceful-shutdown"]).unwrap();
    // The operator types it while the node is drained.
    configure(&lab, &["router bgp 65000", "address-family ipv4 unicast", LINE]);
    of_fault(admin.undrain().map(drop));
    assert_eq!(lab.pid(Router::Node, "bgpd"), Some(bgpd));
    agent.stop();
    agent.launch();
    agent.wait_ready();
    assert_eq!(lab.pid(Router::Node, "bgpd"), Some(bgpd), "nor does the agent's restart");
}
