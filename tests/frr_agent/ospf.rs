//! OSPF: interfaces and prefixes, with FRR and BIRD on the other side.

use novaroute::proto::v1::OspfInterface;
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// BIRD's part, beside what the lab gives it; intervals for a test that does not wait long. It takes a /30 for a
/// point-to-point link, FRR for a broadcast one.
const BIRD: &str = "protocol ospf v2 ospf_node { ipv4 { import all; export none; }; \
                    area 0 { interface \"node0\" { hello 1; dead 4; type bcast; }; }; }\n";

fn interface(name: &str) -> OspfInterface {
    OspfInterface {
        interface_name: name.to_owned(),
        area_id: "0".to_owned(),
        hello_interval: 1,
        dead_interval: 4,
        ..OspfInterface::default()
    }
}

fn bare(name: &str, area: &str) -> OspfInterface {
    let (interface_name, area_id) = (name.to_owned(), area.to_owned());
    OspfInterface { interface_name, area_id, ..OspfInterface::default() }
}

/// A lab in which both peers speak OSPF in the backbone.
fn lab() -> Lab {
    let bird = format!("{}{BIRD}", include_str!("../lab/bird.conf"));
    let options =
        LabOptions::default().config(Router::Bird, &bird).config(Router::Node, "log commands\n");
    let lab = Lab::start(options);
    lab.vtysh(
        Router::Tor,
        &[
            "configure terminal",
            "router ospf",
            "exit",
            "interface node0",
            "ip ospf area 0",
            "ip ospf hello-interval 1",
            "ip ospf dead-interval 4",
        ],
    );
    lab
}

/// Waits until `node` is fully adjacent on these interfaces and no other.
#[track_caller]
fn wait_full(lab: &Lab, interfaces: &[&str]) {
    // The wait for a designated router takes a dead interval, the exchange a few seconds more.
    wait_for(&format!("neighbours on {interfaces:?}"), 3 * SOON, || {
        let shown = vty(lab, "ospfd", &["show ip ospf neighbor"]);
        let full: Vec<&str> = shown.lines().filter(|line| line.contains("Full/")).collect();
        let all = interfaces.iter().all(|name| full.iter().any(|line| line.contains(name)));
        if all && full.len() == interfaces.len() { Ok(()) } else { Err(shown) }
    });
}

/// Waits until both peers have an OSPF route to the prefix, or neither.
#[track_caller]
fn wait_announced(lab: &Lab, prefix: &str, wanted: bool) {
    wait_for(&format!("{prefix} at the peers: {wanted}"), 3 * SOON, || {
        let at_tor = lab.vtysh(Router::Tor, &[&format!("show ip route {prefix} json")]);
        let at_bird = bird_route(lab, prefix);
        let seen = (at_tor.contains("\"protocol\":\"ospf\""), at_bird.contains("ospf"));
        if seen == (wanted, wanted) { Ok(()) } else { Err(format!("{seen:?} {at_tor} {at_bird}")) }
    });
}

#[test]
fn neighbours_are_full_and_have_the_prefixes_and_nothing_else() {
    let lab = lab();
    // Somebody else's routes and addresses are not announced.
    lab.vtysh(Router::Node, &["configure terminal", "ip route 198.51.100.0/24 10.0.2.2"]);
    lab.exec(Router::Node, &["ip", "address", "add", "203.0.113.77/32", "dev", "lo"]);
    let agent = Agent::start(&lab);
    let (admin, edge) = (agent.client("admin"), agent.client("edge"));
    agent.wait_ready();
    let before = all_running(&lab);
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    // Before there is an interface: announced as soon as there is one.
    edge.advertise_ospf("192.0.2.1/32").unwrap();
    admin.enable_ospf(interface(net::NODE_TOR_INTERFACE)).unwrap();
    admin.enable_ospf(interface(net::NODE_BIRD_INTERFACE)).unwrap();
    wait_full(&lab, &[net::NODE_TOR_INTERFACE, net::NODE_BIRD_INTERFACE]);
    wait_announced(&lab, "192.0.2.1/32", true);
    let router_id = vty(&lab, "ospfd", &["show ip ospf"]);
    assert!(router_id.contains("Router ID: 10.0.0.1"), "BGP's: {router_id}");

    // An address that the node serves itself is announced and served as before, whichever came first.
    let serve = |address: &str| {
        lab.exec(Router::Node, &["ip", "address", "add", address, "dev", "lo"]);
    };
    serve("192.0.2.2/32");
    edge.advertise_ospf("192.0.2.2/32").unwrap();
    serve("192.0.2.1/32");
    for address in ["192.0.2.1", "192.0.2.2"] {
        wait_announced(&lab, &format!("{address}/32"), true);
        // What comes from tor ends here: it is not dropped by the anchor.
        let way = ["ip", "route", "get", address, "from", net::TOR_V4, "iif", "tor0"];
        let out = lab.exec(Router::Node, &way);
        let way = String::from_utf8_lossy(&out.stdout);
        assert!(way.starts_with(&format!("local {address} ")), "{out:?}");
    }
    lab.exec(Router::Node, &["ip", "address", "del", "192.0.2.1/32", "dev", "lo"]);
    wait_announced(&lab, "192.0.2.1/32", true);

    // All of this came after the others' routes and addresses did.
    for other in ["198.51.100.0/24", "203.0.113.77/32"] {
        wait_announced(&lab, other, false);
    }
    let commands = commands_run(&lab);
    edge.advertise_ospf("192.0.2.2/32").unwrap();
    assert_eq!(commands_run(&lab), commands, "said again: nothing is sent");
    let error = agent.client("net").advertise_ospf("192.0.2.2/32").unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied, "{error}");

    edge.withdraw_ospf("192.0.2.2/32").unwrap();
    wait_announced(&lab, "192.0.2.2/32", false);
    wait_announced(&lab, "192.0.2.1/32", true);
    edge.withdraw_ospf("192.0.2.1/32").unwrap();
    wait_announced(&lab, "192.0.2.1/32", false);
    let text = running(&lab, "ospfd");
    assert!(!text.contains("NR-") && text.contains("router ospf"), "{text}");
    for name in [net::NODE_TOR_INTERFACE, net::NODE_BIRD_INTERFACE] {
        admin.disable_ospf(name).unwrap();
    }
    assert_eq!(all_running(&lab)[1..], before[1..]);
}

#[test]
fn an_interface_changes_in_every_field_and_goes_with_its_process() {
    let lab = lab();
    let agent = Agent::start(&lab);
    agent.wait_ready();
    let before = all_running(&lab);
    let admin = agent.client("admin");
    let name = net::NODE_TOR_INTERFACE;
    admin.enable_ospf(interface(name)).unwrap();
    wait_full(&lab, &[name]);

    let commands = commands_run(&lab);
    admin.enable_ospf(OspfInterface { area_id: "0.0.0.0".into(), ..interface(name) }).unwrap();
    assert_eq!(commands_run(&lab), commands, "the same area in another spelling");

    // Moved to another area, with everything else: never in two.
    let moved = OspfInterface { area_id: "7".into(), passive: true, cost: 77, ..interface(name) };
    admin.enable_ospf(moved).unwrap();
    let text = running(&lab, "ospfd");
    let areas: Vec<_> = text.lines().filter(|line| line.contains("ip ospf area")).collect();
    assert_eq!(areas, [" ip ospf area 0.0.0.7"], "{text}");
    assert!(text.contains("ip ospf passive") && text.contains("ip ospf cost 77"), "{text}");
    wait_full(&lab, &[]);

    // What is cleared is FRR's own again, and what it runs says so.
    admin.enable_ospf(bare(name, "0")).unwrap();
    let shown = vty(&lab, "ospfd", &[&format!("show ip ospf interface {name}")]);
    for words in ["Area 0.0.0.0", "Cost: 10", "Hello 10s, Dead 40s"] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    assert!(!shown.contains("No Hellos (Passive interface)"), "{shown}");
    let twenty = OspfInterface { hello_interval: 20, ..bare(name, "0") };
    admin.enable_ospf(twenty).unwrap();
    let shown = vty(&lab, "ospfd", &[&format!("show ip ospf interface {name}")]);
    assert!(shown.contains("Hello 20s, Dead 80s"), "{shown}");
    admin.enable_ospf(interface(name)).unwrap();
    wait_full(&lab, &[name]);

    // Another owner may not touch it; the process goes with the last interface.
    let edge = agent.client("edge");
    for error in [edge.enable_ospf(bare(name, "5")), edge.disable_ospf(name)] {
        let error = error.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied, "{error}");
    }
    edge.enable_ospf(bare(net::NODE_BIRD_INTERFACE, "0")).unwrap();
    admin.disable_ospf(name).unwrap();
    assert!(running(&lab, "ospfd").contains("router ospf"));
    edge.disable_ospf(net::NODE_BIRD_INTERFACE).unwrap();
    let text = running(&lab, "ospfd");
    assert!(!text.contains("router ospf"), "{text}");
    assert_eq!(all_running(&lab), before);
    assert_eq!(edge.disable_ospf(name).unwrap_err().code(), Code::NotFound);
}

/// A file with a session, an interface and a prefix: planned, applied, said again, and taken back.
#[test]
fn a_file_of_intents_has_sessions_and_interfaces() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    agent.wait_ready();
    let before = all_running(&lab);
    let file = lab.run_dir().join("intents.yaml");
    let intents = "intents:\n- bfd_session: {peer_address: 10.0.1.2, min_rx_ms: 100}\n\
                   - ospf_interface: {interface_name: tor0, area_id: 1}\n\
                   - prefix: {prefix: 192.0.2.0/24, protocol: ospf}\n";
    std::fs::write(&file, intents).unwrap();
    let file = file.to_str().unwrap();
    let token = token("admin");
    let run = |command: &[&str]| {
        let out = agent.ctl(&[command, &["--owner", "admin", "--token", &token]].concat());
        assert!(out.status.success(), "{out:?}");
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let plan = run(&["plan", "-f", file]);
    for line in ["peer 10.0.1.2", "ip ospf area 0.0.0.1", "redistribute static route-map NR-ospf"] {
        assert!(plan.contains(line), "{line} in {plan}");
    }
    assert_eq!(all_running(&lab), before);
    assert!(run(&["apply", "-f", file]).contains("confirmed"));
    let with = all_running(&lab);
    assert!(run(&["apply", "-f", file]).contains("unchanged"), "said again");
    assert_eq!(all_running(&lab), with);
    run(&["withdraw", "--prefix", "192.0.2.0/24", "--protocol", "ospf"]);
    run(&["disable-ospf", "--interface", "tor0"]);
    run(&["disable-bfd", "--peer", "10.0.1.2"]);
    assert_eq!(all_running(&lab), before);
}

#[test]
fn what_others_configured_in_ospf_stays() {
    let lab = Lab::start(LabOptions::default());
    let theirs = [
        "configure terminal",
        "router ospf",
        "log-adjacency-changes",
        "redistribute connected metric 7",
        "exit",
        "interface bird0",
        "ip ospf area 0.0.0.9",
        "ip ospf network point-to-point",
        "exit",
        "interface tor0",
        "ip ospf priority 3",
    ];
    vty(&lab, "ospfd", &theirs);
    let before = all_running(&lab);
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.enable_ospf(interface(net::NODE_TOR_INTERFACE)).unwrap();
    // Their redistribution would have to give way: refused, with nothing of ours left behind.
    let with = all_running(&lab);
    let error = admin.advertise_ospf("192.0.2.1/32").unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    assert!(error.message().contains("redistribute connected metric 7"), "{error}");
    assert_eq!(all_running(&lab), with);
    admin.disable_ospf(net::NODE_TOR_INTERFACE).unwrap();
    assert_eq!(all_running(&lab), before);

    // A process in which nothing of theirs stands serves their interface all the same.
    let without = ["configure terminal", "router ospf", "no log-adjacency-changes"];
    vty(&lab, "ospfd", &without);
    vty(&lab, "ospfd", &["configure terminal", "router ospf", "no redistribute connected"]);
    admin.enable_ospf(interface(net::NODE_TOR_INTERFACE)).unwrap();
    admin.disable_ospf(net::NODE_TOR_INTERFACE).unwrap();
    let text = running(&lab, "ospfd");
    assert!(text.contains("router ospf") && text.contains("ip ospf area 0.0.0.9"), "{text}");
}

#[test]
fn ospf_survives_both_sides() {
    let lab = lab();
    let mut agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.enable_ospf(interface(net::NODE_TOR_INTERFACE)).unwrap();
    admin.enable_ospf(interface(net::NODE_BIRD_INTERFACE)).unwrap();
    admin.advertise_ospf("192.0.2.0/24").unwrap();
    wait_announced(&lab, "192.0.2.0/24", true);
    let (before, commands) = (all_running(&lab), commands_run(&lab));
    agent.kill();
    agent.launch();
    agent.wait_ready();
    assert_eq!(all_running(&lab), before);
    assert_eq!(commands_run(&lab), commands, "FRR was sent nothing");

    lab.kill(Router::Node, "ospfd");
    wait_for("/readyz to say that ospfd is away", SOON, || match agent.http("/readyz") {
        (503, body) if body.contains("ospfd") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    lab.restart(Router::Node, "ospfd");
    wait_for("ospfd to be refilled", SOON, || match all_running(&lab) {
        now if now == before => Ok(()),
        now => Err(now.join("\n")),
    });
    agent.wait_ready();
    wait_announced(&lab, "192.0.2.0/24", true);
}
