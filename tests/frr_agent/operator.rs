//! What the operator configured is the operator's: it satisfies, it refuses, it keeps; and it outlives everything.

use std::{fs, path::PathBuf, time::Duration};

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
        let request = v1::PlanRequest { owner, token, changes: changes.clone(), take_over: over };
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

/// One line of somebody else's in one object holds up nothing else, whoever leaves in whatever way.
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

/// `write memory` while it is declared; it is withdrawn; FRR starts anew from its file.
#[test]
fn what_was_withdrawn_stays_withdrawn_when_a_start_up_file_brings_it_back() {
    let lab = a_lab(
        "log commands\nrouter bgp 65000\n no bgp network import-check\n \
         address-family ipv4 unicast\n  network 192.0.2.9/32\n exit-address-family\nexit\n",
    );
    let mut agent = start(&lab);
    let ours = ["192.0.2.1/32", "10.0.1.2", "203.0.113.0/24", "ip ospf area"];
    for restart_agent in [false, true] {
        let (admin, edge) = (agent.client("admin"), agent.client("edge"));
        admin.configure_bgp(net::NODE_AS, "").unwrap();
        admin.apply_peer(BgpPeer { bfd_enabled: true, ..tor() }).unwrap();
        edge.advertise("192.0.2.1/32").unwrap();
        edge.advertise(NETWORK).unwrap();
        edge.enable_bfd(session()).unwrap();
        edge.enable_ospf(interface("0")).unwrap();
        admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
        lab.vtysh(Router::Node, &["write memory"]);
        edge.deregister(true).unwrap();
        admin.remove_peer(net::TOR_V4).unwrap();
        admin.apply(vec![change::no_route("203.0.113.0/24")]).unwrap();
        drop((admin, edge));
        if restart_agent {
            agent.kill();
            agent.launch();
            agent.wait_ready();
        }
        for daemon in ["bgpd", "bfdd", "ospfd", "staticd", "mgmtd"] {
            lab.kill(Router::Node, daemon);
            lab.restart(Router::Node, daemon);
        }
        wait_for("what was withdrawn to be gone again", NEXT_LOOK, || {
            let all = all_running(&lab).concat();
            match ours.iter().find(|word| all.contains(*word)) {
                Some(word) => Err(format!("{word} in {all}")),
                None if kernel(&lab, "203.0.113.0/24").is_empty() => Ok(()),
                None => Err("the kernel's route".to_owned()),
            }
        });
        has_lines(&lab, &["network 192.0.2.9/32"]).unwrap();
        agent.wait_ready();
    }
    // What somebody types by hand afterwards stays.
    configure(&lab, &["router bgp 65000", "address-family ipv4 unicast", "network 192.0.2.1/32"]);
    agent.client("edge").advertise("192.0.2.2/32").unwrap();
    wait_for("a comparison with everything", NEXT_LOOK, || {
        has_lines(&lab, &["network 192.0.2.1/32", "network 192.0.2.2/32"])
    });
    agent.kill();
    agent.launch();
    agent.wait_ready();
    has_lines(&lab, &["network 192.0.2.1/32"]).unwrap();
}

/// A network that somebody has just typed is theirs, whether it was read since or not.
#[test]
fn a_network_typed_a_moment_ago_is_not_taken_for_ours() {
    let lab = Lab::start(LabOptions::default());
    let agent = start(&lab);
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let edge = agent.client("edge");
    edge.advertise("192.0.2.1/32").unwrap();
    for n in 2..6 {
        let line = format!("network 192.0.2.{n}/32");
        configure(&lab, &["router bgp 65000", "address-family ipv4 unicast", &line]);
        edge.advertise(&format!("192.0.2.{n}/32")).unwrap();
        edge.withdraw(&format!("192.0.2.{n}/32")).unwrap();
        has_lines(&lab, &[&line]).unwrap();
    }
}

/// Wherever the agent dies while it declares what the operator has, it is the operator's afterwards.
#[test]
fn wherever_the_agent_dies_what_is_theirs_stays_theirs() {
    let lab = a_lab(OPERATORS);
    let before = all_running(&lab);
    let mut agent = start(&lab);
    for place in ["journal-prepared", "engine-planned", "journal-claimed", "vty-applied"] {
        agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
        agent.stop();
        // In that commit alone: what compares FRR at the start passes these as well.
        let place = format!("journal-appended,{place}");
        agent.launch_with(&[("NOVAROUTE_FAILPOINT", &place)]);
        let changes = vec![
            change::peer(ipv4(net::BIRD_V4, net::BIRD_AS)),
            change::prefix(NETWORK),
            change::prefix("192.0.2.77/32"),
            change::via(ROUTE, net::TOR_V4),
        ];
        let admin = agent.client("admin");
        assert!(admin.apply(changes).is_err(), "{place}: answered");
        drop(admin);
        agent.wait_dead();
        for _ in 0..2 {
            agent.launch();
            agent.wait_ready();
            agent.kill();
        }
        agent.launch();
        agent.wait_ready();
        wait_lines(&lab, &["network 192.0.2.77/32"]);
        agent.client("admin").deregister(true).unwrap();
        assert_eq!(all_running(&lab), before, "{place}");
    }
}

/// It is stored while bgpd is away, the agent starts anew, and bgpd comes back with the operator's.
#[test]
fn what_waited_for_a_daemon_does_not_make_the_operators_ours() {
    let lab = a_lab(OPERATORS);
    let mut agent = start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let before = running(&lab, "bgpd");
    lab.kill(Router::Node, "bgpd");
    admin.apply_peer(ipv4(net::BIRD_V4, net::BIRD_AS)).unwrap();
    agent.client("edge").advertise(NETWORK).unwrap();
    drop(admin);
    agent.kill();
    agent.launch();
    lab.restart(Router::Node, "bgpd");
    agent.wait_ready();
    agent.client("edge").deregister(true).unwrap();
    agent.client("admin").deregister(true).unwrap();
    assert_eq!(running(&lab, "bgpd"), before);
    // Satisfied by theirs, bgpd starts anew, and it is theirs still.
    agent.client("edge").advertise(NETWORK).unwrap();
    lab.kill(Router::Node, "bgpd");
    lab.restart(Router::Node, "bgpd");
    wait_for("the network", NEXT_LOOK, || {
        let edge = agent.client("edge");
        if edge.in_frr(NETWORK) { Ok(()) } else { Err(format!("{:?}", edge.prefix_state(NETWORK))) }
    });
    agent.client("edge").deregister(true).unwrap();
    assert_eq!(running(&lab, "bgpd"), before);
}

#[test]
fn without_a_journal_all_is_theirs_until_admin_adopts_it() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = start(&lab);
    let declare = |agent: &Agent<'_>| {
        let admin = agent.client("admin");
        admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
        admin.apply_peer(tor()).unwrap();
        admin
            .advertise_with("192.0.2.0/24", v1::PrefixAttributes { med: 7, ..Default::default() })
            .unwrap();
        admin
    };
    declare(&agent);
    let full = all_running(&lab);
    let lose = |agent: &mut Agent<'_>| {
        agent.kill();
        fs::remove_file(journal(agent)).expect("the journal");
        agent.launch();
        agent.wait_ready();
    };
    lose(&mut agent);
    let admin = declare(&agent);
    assert_eq!(all_running(&lab), full, "satisfied");
    admin.withdraw("192.0.2.0/24").unwrap();
    assert_eq!(all_running(&lab), full, "theirs");
    declare(&agent);
    let adopt = |owner: &str, dry_run: bool| {
        let client = agent.client(owner);
        let (owner, token) = (owner.to_owned(), token(owner));
        let mut maintenance = MaintenanceClient::new(client.channel());
        let answer = client.block_on(maintenance.adopt(AdoptRequest { owner, token, dry_run }));
        answer.map(|answer| answer.into_inner().objects)
    };
    assert_eq!(adopt("edge", false).unwrap_err().code(), Code::PermissionDenied);
    let listed = adopt("admin", true).unwrap();
    assert!(listed.iter().any(|it| it.path.contains("192.0.2.0/24")), "{listed:?}");
    assert_eq!(adopt("admin", true).unwrap(), listed, "a dry run takes nothing");
    let out = agent.ctl(&["adopt", "--owner", "admin", "--token", &token("admin")]);
    assert!(out.status.success(), "{out:?}");
    assert_eq!(adopt("admin", true).unwrap(), [], "all is taken");
    admin.withdraw("192.0.2.0/24").unwrap();
    admin.remove_peer(net::TOR_V4).unwrap();
    let left = running(&lab, "bgpd");
    assert!(!left.contains("192.0.2.0") && !left.contains(net::TOR_V4), "{left}");
}

fn journal(agent: &Agent<'_>) -> PathBuf {
    let beside = agent.socket().parent().expect("a directory").to_owned();
    let found =
        walk(&beside).into_iter().find(|path| path.file_name().is_some_and(|it| it == "journal"));
    found.expect("a journal")
}

fn walk(dir: &std::path::Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    entries
        .flat_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path()),
            _ => vec![entry.path()],
        })
        .collect()
}
