//! What the operator configured is the operator's: it satisfies, it refuses, it keeps.

mod outlives;

use std::time::Duration;

use novaroute::proto::v1::{
    self, AdoptRequest, BfdSession, BgpPeer, IntentChange, OspfInterface,
    maintenance_client::MaintenanceClient,
};
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// Time until the next comparison with everything: a minute at the most, on a machine that is busy.
const NEXT_LOOK: Duration = Duration::from_secs(90);

const ROUTE: &str = "198.18.0.0/15";
const NETWORK: &str = "192.0.2.9/32";

/// One of each kind, in the start-up configuration.
const OPERATORS: &str = "\
ip route 198.18.0.0/15 10.0.1.2
router bgp 65000
 bgp router-id 10.0.0.1
 no bgp network import-check
 neighbor 10.0.2.2 remote-as 65002
 neighbor 10.0.2.2 password theirs
 address-family ipv4 unicast
  network 192.0.2.9/32
 exit-address-family
exit
bfd
 peer 10.0.1.2
 exit
exit
interface tor0
 ip ospf area 0.0.0.5
exit
router ospf
exit
";

fn a_lab(config: &str) -> Lab {
    Lab::start(LabOptions::default().config(Router::Node, config))
}

fn start(lab: &Lab) -> Agent<'_> {
    Agent::start_with(lab, |config| config["log_level"] = "info".into())
}

fn session() -> BfdSession {
    BfdSession { peer_address: net::TOR_V4.into(), ..Default::default() }
}

/// A peer of one address family.
fn ipv4(address: &str, remote_as: u32) -> BgpPeer {
    BgpPeer {
        address_families: vec![v1::AddressFamily::Ipv4Unicast as i32],
        ..peer(address, remote_as)
    }
}

fn interface(area: &str) -> OspfInterface {
    OspfInterface {
        interface_name: net::NODE_TOR_INTERFACE.into(),
        area_id: area.into(),
        ..Default::default()
    }
}

/// Applies changes, taking over what is in their way.
fn take_over(
    client: &Client,
    owner: &str,
    changes: Vec<IntentChange>,
) -> Result<(), tonic::Status> {
    let (owner, token) = (owner.to_owned(), token(owner));
    let request = v1::ApplyRequest { owner, token, changes, take_over: true, ..Default::default() };
    let mut transactions = client.transactions();
    client.block_on(transactions.apply(request)).map(drop)
}

fn aborted<T: std::fmt::Debug>(result: Result<T, tonic::Status>, line: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    assert!(error.message().contains(line), "{line:?} in {error}");
}

#[test]
fn what_the_operator_has_already_satisfies_and_outlives_the_intent() {
    let lab = a_lab(OPERATORS);
    let before = all_running(&lab);
    let mut agent = start(&lab);
    let declare = |agent: &Agent<'_>| {
        let (admin, edge) = (agent.client("admin"), agent.client("edge"));
        admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
        admin.apply_peer(ipv4(net::BIRD_V4, net::BIRD_AS)).unwrap();
        edge.advertise(NETWORK).unwrap();
        edge.enable_bfd(session()).unwrap();
        edge.enable_ospf(interface("0.0.0.5")).unwrap();
        admin.apply(vec![change::via(ROUTE, net::TOR_V4)]).unwrap();
        assert!(edge.in_frr(NETWORK), "{:?}", edge.prefix_state(NETWORK));
        (admin, edge)
    };
    for die in [false, true] {
        let (mut admin, mut edge) = declare(&agent);
        // bfdd has a profile of ours meanwhile, which the session does not name.
        let now = all_running(&lab);
        assert_eq!((&now[0], &now[2..]), (&before[0], &before[2..]));
        if die {
            agent.kill();
            agent.launch();
            agent.wait_ready();
            (admin, edge) = (agent.client("admin"), agent.client("edge"));
        }
        edge.deregister(true).unwrap();
        admin.deregister(true).unwrap();
        assert_eq!(all_running(&lab), before, "died: {die}");
    }
    agent.wait_ready();
}

#[test]
fn what_is_otherwise_than_the_operator_has_it_is_refused_with_the_line() {
    let lab = a_lab(OPERATORS);
    let before = all_running(&lab);
    let agent = start(&lab);
    let (admin, edge) = (agent.client("admin"), agent.client("edge"));
    aborted(admin.configure_bgp(64999, "10.0.0.1"), "router bgp 65000");
    aborted(admin.configure_bgp(net::NODE_AS, "10.0.0.2"), "bgp router-id 10.0.0.1");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let peer = ipv4(net::BIRD_V4, net::BIRD_AS);
    aborted(
        admin.apply_peer(BgpPeer { remote_as: 65009, ..peer.clone() }),
        "neighbor 10.0.2.2 remote-as 65002",
    );
    let error = admin.apply_peer(BgpPeer { password: "ours".into(), ..peer }).unwrap_err();
    assert!(error.message().contains("neighbor 10.0.2.2 password"), "{error}");
    assert!(!error.message().contains("password theirs"), "{error}");
    let with = v1::PrefixAttributes { med: 7, ..Default::default() };
    aborted(edge.advertise_with(NETWORK, with), "network 192.0.2.9/32");
    let slower = BfdSession { min_rx_ms: 1000, ..session() };
    aborted(edge.enable_bfd(slower), "peer 10.0.1.2");
    aborted(edge.enable_ospf(interface("0")), "ip ospf area 0.0.0.5");
    aborted(
        edge.enable_ospf(OspfInterface { cost: 7, ..interface("0.0.0.5") }),
        "ip ospf area 0.0.0.5",
    );
    let via_bird = vec![change::via(ROUTE, net::BIRD_V4)];
    aborted(admin.apply(via_bird.clone()), "ip route 198.18.0.0/15 10.0.1.2");
    let error = take_over(&edge, "edge", vec![change::prefix(NETWORK)]).unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied, "{error}");
    edge.deregister(true).unwrap();
    admin.deregister(true).unwrap();
    assert_eq!(all_running(&lab), before);
    agent.wait_ready();
}

/// An instance that is refused holds up what is added to it, and nothing that goes from it.
#[test]
fn what_only_goes_is_not_held_up_by_what_is_refused_around_it() {
    let lab = a_lab(OPERATORS);
    let agent = start(&lab);
    let (admin, edge) = (agent.client("admin"), agent.client("edge"));
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    edge.advertise("192.0.2.1/32").unwrap();
    edge.advertise("192.0.2.2/32").unwrap();
    let instance = format!("router bgp {}", net::NODE_AS);
    lab.vtysh(Router::Node, &["configure", &instance, "bgp router-id 10.9.9.9"]);
    aborted(admin.configure_bgp(net::NODE_AS, "10.0.0.1"), "bgp router-id 10.9.9.9");
    aborted(edge.advertise("192.0.2.3/32"), "bgp router-id 10.9.9.9");
    edge.withdraw("192.0.2.1/32").unwrap();
    edge.deregister(true).unwrap();
    let now = running(&lab, "bgpd");
    assert!(
        !now.contains("network 192.0.2.1/32") && !now.contains("network 192.0.2.2/32"),
        "{now}"
    );
    assert!(now.contains("bgp router-id 10.9.9.9"), "{now}");
}

/// Lines that no row of the table stands for are not absent.
#[test]
fn what_cannot_be_read_is_not_overwritten() {
    let lab = a_lab(
        "router bgp 65000\n no bgp network import-check\n neighbor 10.0.1.2 remote-as auto\n \
         neighbor 10.0.2.2 remote-as 65002\n address-family ipv4 unicast\n  \
         network 192.0.2.9/32 backdoor\n  neighbor 10.0.2.2 maximum-prefix 500 90 restart 5\n",
    );
    let before = running(&lab, "bgpd");
    let agent = start(&lab);
    let (admin, edge) = (agent.client("admin"), agent.client("edge"));
    admin.configure_bgp(net::NODE_AS, "").unwrap();
    aborted(edge.advertise(NETWORK), "network 192.0.2.9/32 backdoor");
    aborted(admin.apply_peer(tor()), "neighbor 10.0.1.2 remote-as auto");
    // What else a limit does is not stated: the number alone is compared.
    let limited = |to| BgpPeer { max_prefix: to, ..ipv4(net::BIRD_V4, net::BIRD_AS) };
    aborted(admin.apply_peer(limited(400)), "neighbor 10.0.2.2 maximum-prefix 500 90 restart 5");
    admin.apply_peer(limited(500)).unwrap();
    admin.remove_peer(net::BIRD_V4).unwrap();
    assert_eq!(running(&lab, "bgpd"), before);
    agent.wait_ready();
}

/// In an instance of the operator's a network is not announced without its own settings.
#[test]
fn what_their_instance_would_keep_silent_is_refused_until_it_is_taken_over() {
    let lab = a_lab("router bgp 65000\n neighbor 10.0.9.9 remote-as 65009\n");
    let before = running(&lab, "bgpd");
    let mut agent = start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "").unwrap();
    aborted(agent.client("edge").advertise("192.0.2.1/32"), "bgp network import-check");
    assert_eq!(running(&lab, "bgpd"), before);
    take_over(&admin, "admin", vec![change::bgp(net::NODE_AS, "")]).unwrap();
    has_lines(&lab, &["no bgp network import-check", "neighbor 10.0.9.9 remote-as 65009"]).unwrap();
    agent.kill();
    agent.launch();
    let edge = agent.client("edge");
    edge.advertise("192.0.2.1/32").unwrap();
    edge.withdraw("192.0.2.1/32").unwrap();
    has_lines(&lab, &["neighbor 10.0.9.9 remote-as 65009"]).unwrap();
}

#[test]
fn what_was_taken_over_is_put_back_when_the_intent_ends() {
    let lab = a_lab(OPERATORS);
    configure(&lab, &["router bgp 65000", "neighbor 10.0.2.2 timers connect 5"]);
    let before = all_running(&lab);
    let mut agent = start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let other = BgpPeer {
        description: "taken over".into(),
        remote_as: 65009,
        ..ipv4(net::BIRD_V4, net::BIRD_AS)
    };
    let changes =
        vec![change::peer(other), change::via(ROUTE, net::BIRD_V4), change::ospf(interface("0"))];
    let plan = |client: &Client, over| {
        let (owner, token) = (client.owner.clone(), client.token.clone());
        let request = v1::PlanRequest {
            owner,
            token,
            changes: changes.clone(),
            take_over: over,
            ..Default::default()
        };
        client.block_on(client.transactions().plan(request)).map(|it| it.into_inner().daemons)
    };
    aborted(plan(&admin, false), "which NovaRoute did not configure");
    let theirs = plan(&agent.client("edge"), true).unwrap_err();
    assert_eq!(theirs.code(), Code::PermissionDenied, "{theirs}");
    let planned = format!("{:?}", plan(&admin, true).unwrap());
    assert!(planned.contains("neighbor 10.0.2.2 remote-as 65009"), "{planned}");
    assert_eq!(all_running(&lab), before);
    take_over(&admin, "admin", changes.clone()).unwrap();
    has_lines(&lab, &["neighbor 10.0.2.2 remote-as 65009"]).unwrap();
    assert!(!running(&lab, "bgpd").contains("password"));
    drop(admin);
    agent.kill();
    agent.launch();
    agent.wait_ready();
    let admin = agent.client("admin");
    has_lines(&lab, &["neighbor 10.0.2.2 remote-as 65009"]).unwrap();
    admin.deregister(true).unwrap();
    assert_eq!(all_running(&lab), before);
}

/// One foreign line in one object holds up nothing else, whichever owner leaves in whatever way.
#[test]
fn an_object_that_holds_the_operators_line_is_kept_and_holds_up_nothing() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| {
        config["log_level"] = "info".into();
        config["disconnect_grace_period"] = 1.into();
    });
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let prefixes: Vec<String> = (1..=5).map(|n| format!("192.0.2.{n}/32")).collect();
    let declare = || {
        let edge = agent.client("edge");
        edge.apply_peer(tor()).unwrap();
        prefixes.iter().for_each(|prefix| edge.advertise(prefix).unwrap());
        edge
    };
    let description = "neighbor 10.0.1.2 description x";
    for by_hand in [true, false] {
        let edge = declare();
        configure(&lab, &["router bgp 65000", description]);
        if by_hand {
            edge.deregister(true).unwrap();
        }
        drop(edge);
        wait_for("the prefixes to go", SOON, || {
            let shown = running(&lab, "bgpd");
            if shown.contains("  network ") { Err(shown) } else { Ok(()) }
        });
        has_lines(&lab, &[description, "neighbor 10.0.1.2 remote-as 65001"]).unwrap();
        wait_for("it to be said", SOON, || {
            let status = agent.client("admin").status();
            let kept: Vec<_> = status.kept.iter().filter(|it| !it.lines.is_empty()).collect();
            match &kept[..] {
                [it] if it.lines == [description] && status.peers.is_empty() => Ok(()),
                _ => Err(format!("{status:?}")),
            }
        });
        assert!(agent.http("/metrics").1.contains("novaroute_kept_objects 1"));
        agent.wait_ready();
        configure(&lab, &["router bgp 65000", &format!("no {description}")]);
        wait_for("the neighbour to go", NEXT_LOOK, || {
            let shown = running(&lab, "bgpd");
            if shown.contains(net::TOR_V4) { Err(shown) } else { Ok(()) }
        });
        wait_for("nothing to be kept", SOON, || {
            let metrics = agent.http("/metrics").1;
            if metrics.contains("novaroute_kept_objects 0") { Ok(()) } else { Err(metrics) }
        });
    }
}

#[test]
fn admin_removes_with_the_operators_line_by_force() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    for late in [false, true] {
        let admin = agent.client("admin");
        admin.apply_peer(tor()).unwrap();
        configure(&lab, &["router bgp 65000", "neighbor 10.0.1.2 timers connect 5"]);
        if late {
            admin.remove_peer(net::TOR_V4).unwrap();
            has_lines(&lab, &["neighbor 10.0.1.2 timers connect 5"]).unwrap();
            drop(admin);
            agent.kill();
            agent.launch();
            agent.wait_ready();
        }
        let admin = agent.client("admin");
        take_over(&admin, "admin", vec![change::no_peer(net::TOR_V4)]).unwrap();
        let shown = running(&lab, "bgpd");
        assert!(!shown.contains(net::TOR_V4), "{shown}");
    }
}
