//! An operator's FRR in other spellings: read as what it is, or not touched; and in the end as it was, word for word.

use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

fn beside(text: &str) -> (Lab, String) {
    let lab = Lab::start(LabOptions::default().config(Router::Node, text));
    let before = running(&lab, "bgpd");
    (lab, before)
}

fn start(lab: &Lab) -> Agent<'_> {
    Agent::start_with(lab, |config| {
        config["log_level"] = "info".into();
        config["bgp"] = serde_json::json!({"local_as": net::NODE_AS, "router_id": "10.0.0.1"});
    })
}

/// The lines of the operator's configuration, each with the one it stands in.
fn theirs_stands(before: &str, lab: &Lab, when: &str) {
    let now = running(lab, "bgpd");
    for line in before.lines().filter(|it| !it.trim().is_empty()) {
        assert!(now.lines().any(|it| it == line), "{line:?} is gone after {when}:\n{now}");
    }
}

/// metallb's FRR mode, #2863 and #2188: the instance was made over it, and "undone" with all that was in it.
#[test]
fn an_instance_in_another_notation_is_the_nodes_own() {
    for router in ["router bgp 0.65000", "router bgp 65000 as-notation dot+"] {
        let (lab, before) = beside(&format!(
            "{router}\n bgp router-id 10.0.0.1\n no bgp network import-check\n \
             neighbor 10.0.2.2 remote-as 0.65002\n \
             neighbor 10.0.2.2 description theirs\n address-family ipv4 unicast\n  \
             network 198.51.100.0/24\n exit-address-family\nexit\n"
        ));
        assert!(before.lines().any(|line| line == router), "{before}");
        let agent = start(&lab);
        agent.wait_ready();
        let admin = agent.client("admin");
        admin.apply_peer(tor()).expect("taken");
        admin.advertise("192.0.2.1/32").expect("taken");
        theirs_stands(&before, &lab, "a peer and a prefix");
        // What bgpd shows in its notation, the monitor reads.
        wait_for("the session in status", SOON, || {
            let state = admin.peer_state(net::TOR_V4);
            if state.as_deref() == Some("Established") { Ok(()) } else { Err(format!("{state:?}")) }
        });
        let peers = admin.status().peers;
        let tor = peers.iter().find(|it| it.neighbor_address == net::TOR_V4).expect("listed");
        assert_eq!(tor.remote_as, net::TOR_AS);
        assert!(!agent.log().contains("no router bgp"), "{}", agent.log());
        admin.deregister(true).expect("withdrawn");
        theirs_stands(&before, &lab, "withdrawing");
        let now = running(&lab, "bgpd");
        assert!(!now.contains(net::TOR_V4) && !now.contains("192.0.2.1"), "{now}");
    }
}

/// metallb#1100, #12954: activation is what it is under the instance's default.
#[test]
fn a_peer_is_applied_whatever_the_instance_activates_by_default() {
    for default in ["no bgp default ipv4-unicast", "bgp default ipv6-unicast"] {
        let (lab, before) = beside(&format!(
            "router bgp 65000\n bgp router-id 10.0.0.1\n {default}\n \
             neighbor 10.0.2.2 remote-as 65002\nexit\n"
        ));
        let agent = start(&lab);
        let admin = agent.client("admin");
        for families in [[2, 2], [1, 1], [1, 2]] {
            let peer = novaroute::proto::v1::BgpPeer {
                address_families: families.to_vec(),
                ..peer(net::TOR_V6, net::TOR_AS)
            };
            admin.apply_peer(peer).unwrap_or_else(|e| panic!("{default}, {families:?}: {e}"));
            theirs_stands(&before, &lab, "a peer");
            let shown = neighbor(&lab, net::TOR_V6);
            let carried = |family: &str| shown["addressFamilyInfo"].get(family).is_some();
            let wanted = [families.contains(&1), families.contains(&2)];
            assert_eq!([carried("ipv4Unicast"), carried("ipv6Unicast")], wanted, "{shown}");
        }
        agent.wait_ready();
        admin.remove_peer(net::TOR_V6).expect("withdrawn");
        assert!(!running(&lab, "bgpd").contains(net::TOR_V6));
        theirs_stands(&before, &lab, "withdrawing");
    }
}

/// What the table can't read is unknown, never absent: nothing is sent, nothing is undone.
#[test]
fn nothing_is_set_over_a_line_that_cannot_be_read() {
    let (lab, before) = beside(
        "router bgp 65000\n bgp router-id 10.0.0.1\n neighbor PG peer-group\n \
         neighbor PG remote-as 65001\n neighbor 10.0.1.2 peer-group PG\n \
         neighbor 10.0.2.2 remote-as auto\n neighbor 10.0.2.2 description theirs\n \
         address-family ipv4 unicast\n  network 192.0.2.1/32 backdoor\n exit-address-family\nexit\n",
    );
    let agent = start(&lab);
    agent.wait_ready();
    let began = running(&lab, "bgpd");
    theirs_stands(&before, &lab, "the start");
    let admin = agent.client("admin");
    for (outcome, unreadable) in [
        (admin.apply_peer(tor()), "neighbor 10.0.1.2 peer-group PG"),
        (admin.apply_peer(bird()), "neighbor 10.0.2.2 remote-as auto"),
        (admin.advertise("192.0.2.1/32"), "network 192.0.2.1/32 backdoor"),
    ] {
        let status = outcome.expect_err(unreadable);
        assert_eq!(status.code(), Code::Aborted, "{status}");
        let words = format!("bgpd runs {unreadable:?}, which NovaRoute did not configure");
        assert!(status.message().contains(&words), "{status}");
        assert_eq!(running(&lab, "bgpd"), began, "{unreadable}");
    }
    agent.wait_ready();
}

#[test]
fn instances_of_vrfs_and_views_are_others() {
    let theirs = "router bgp 65000 vrf RED\n neighbor 10.0.1.2 remote-as 65001\n \
                  address-family ipv4 unicast\n  network 192.0.2.1/32\n exit-address-family\nexit\n\
                  router bgp 65011 view MONITOR\n neighbor 10.0.2.2 remote-as 65002\nexit\n";
    let (lab, before) = beside(theirs);
    let agent = start(&lab);
    agent.wait_ready();
    let admin = agent.client("admin");
    admin.apply_peer(tor()).expect("taken");
    admin.advertise("192.0.2.1/32").expect("taken");
    theirs_stands(&before, &lab, "a peer and a prefix");
    admin.withdraw("192.0.2.1/32").expect("withdrawn");
    admin.remove_peer(net::TOR_V4).expect("withdrawn");
    theirs_stands(&before, &lab, "withdrawing");
}
