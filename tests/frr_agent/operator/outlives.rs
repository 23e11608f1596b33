//! What the operator configured outlives deaths, restarts, start-up files and a lost journal.

use std::{fs, path::PathBuf};

use super::*;

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

/// A network that an operator has just typed is the operator's, whether it was read since or not.
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
