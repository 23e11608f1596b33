//! The agent with FRR's own gRPC in bfdd and bgpd: what FRR runs is word for word what it runs without,
//! and an endpoint that is away, lies or refuses costs nothing. In mgmtd (`mgmtd`) FRR's own does lie.

#[path = "../agent/mod.rs"]
mod agent;
mod fake;
#[path = "../lab/mod.rs"]
mod lab;
mod mgmtd;

use agent::*;
use fake::{Answer, Fake};
use lab::{Lab, LabOptions, Router, net};
use novaroute::proto::frr::commit_request::Phase;
use novaroute::proto::v1::{BgpPeer, CoverageRow, EventType, PrefixAttributes};
use serde_json::json;
use tonic::Code;

/// What the agent logs when it commits through a door.
const IN_USE: &str = "FRR's own gRPC is in use";

fn grpc_lab() -> Lab {
    Lab::start(LabOptions::default().grpc(Router::Node, &["bfdd", "bgpd"]))
}

/// The port of a fake for bgpd.
const FAKE_PORT: u16 = 50999;

/// The agent, with a fake in the place of bgpd's gRPC, and BGP configured.
fn agent_with_fake(lab: &Lab) -> Agent<'_> {
    let agent = Agent::start_with(lab, |config| {
        config["frr"]["grpc"]["bgpd"] = json!(format!("127.0.0.1:{FAKE_PORT}"));
    });
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent
}

/// The agent, with the doors that the lab has.
fn start_agent(lab: &Lab) -> Agent<'_> {
    Agent::start_with(lab, |config| {
        for daemon in ["bfdd", "bgpd"] {
            let port = lab.grpc_port(Router::Node, daemon);
            config["frr"]["grpc"][daemon] = json!(format!("127.0.0.1:{port}"));
        }
    })
}

/// Waits for a row of the coverage that is as wanted.
#[track_caller]
fn wait_row(
    agent: &Agent<'_>,
    daemon: &str,
    module: &str,
    door: &str,
    wanted: impl Fn(&CoverageRow) -> bool,
) -> CoverageRow {
    let admin = agent.client("admin");
    lab::wait_for(&format!("{daemon} {module} {door}"), SOON, || {
        let rows = admin.coverage();
        let mut rows = rows.iter().filter(|row| row.daemon == daemon && row.module == module);
        match rows.find(|row| row.door == door) {
            Some(row) if wanted(row) => Ok(row.clone()),
            other => Err(format!("{other:?}")),
        }
    })
}

/// Waits for a line of the metrics.
#[track_caller]
fn wait_metric(agent: &Agent<'_>, line: &str) {
    lab::wait_for(line, SOON, || {
        let (_, text) = agent.http("/metrics");
        if text.lines().any(|it| it == line) { Ok(()) } else { Err(text) }
    });
}

fn bfd_peer(min_tx_ms: u32) -> BgpPeer {
    BgpPeer { bfd_enabled: true, bfd_min_tx_ms: min_tx_ms, bfd_detect_multiplier: 5, ..tor() }
}

fn attributes(med: u32, local_preference: u32) -> PrefixAttributes {
    PrefixAttributes {
        med,
        local_preference,
        communities: ["65000:100", "no-export", "65000:1:2"].map(Into::into).to_vec(),
        next_hop: String::new(),
    }
}

/// Everything that a door serves, added, changed, refused and taken away; with what every daemon shows
/// after each step.
fn scenario(lab: &Lab, agent: &Agent<'_>) -> Vec<(&'static str, Vec<String>)> {
    let mut told = Vec::new();
    let mut note = |what| told.push((what, all_running(lab)));
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    note("BGP");
    admin.apply_peer(bfd_peer(200)).unwrap();
    note("a peer with BFD");
    admin.advertise_with("192.0.2.0/24", attributes(50, 200)).unwrap();
    admin.advertise_with("2001:db8::/48", attributes(0, 0)).unwrap();
    note("prefixes with attributes");
    admin
        .advertise_with(
            "192.0.2.0/24",
            PrefixAttributes { next_hop: "10.0.2.2".into(), ..attributes(60, 0) },
        )
        .unwrap();
    admin.apply_peer(bfd_peer(400)).unwrap();
    note("other attributes, other timers");

    // FRR refuses the peer, when route-map and profile are there already.
    configure(
        lab,
        &[
            "router bgp 65000",
            "neighbor 10.0.2.2 remote-as 65002",
            "neighbor 10.0.2.2 ttl-security hops 2",
        ],
    );
    let refused = admin.apply(vec![
        change::prefix_with("198.51.100.0/24", attributes(70, 0)),
        change::peer(BgpPeer { ebgp_multihop: 3, bfd_enabled: true, bfd_min_rx_ms: 900, ..bird() }),
    ]);
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted, "{refused}");
    assert!(refused.message().contains("changes[1]"), "{refused}");
    note("refused and undone");

    admin.withdraw("192.0.2.0/24").unwrap();
    note("a prefix withdrawn");
    admin.remove_peer(net::TOR_V4).unwrap();
    admin.withdraw("2001:db8::/48").unwrap();
    note("all withdrawn");
    told
}

#[test]
fn with_and_without_the_door_frr_runs_the_same() {
    let without = {
        let lab = Lab::start(LabOptions::default());
        let agent = Agent::start(&lab);
        scenario(&lab, &agent)
    };
    let lab = grpc_lab();
    let agent = start_agent(&lab);
    let with = scenario(&lab, &agent);
    for ((what, with), (_, without)) in with.iter().zip(&without) {
        assert_eq!(with, without, "{what}");
    }
    assert_eq!(with.len(), without.len());
    // It did go through the doors: nothing of it was typed.
    let log = agent.log();
    for daemon in ["bfdd", "bgpd"] {
        let opened =
            log.lines().any(|l| l.contains(IN_USE) && l.contains(&format!("daemon={daemon}")));
        assert!(opened, "{daemon}: {log}");
    }
    let typed: Vec<_> = log
        .lines()
        .filter(|line| line.contains("VTY command"))
        .filter(|line| line.contains("set metric") || line.contains("transmit-interval"))
        .collect();
    for (daemon, module) in [
        ("bfdd", "frr-bfdd"),
        ("bgpd", "frr-filter"),
        ("bgpd", "frr-route-map"),
        ("bgpd", "frr-bgp-route-map"),
    ] {
        let row = wait_row(&agent, daemon, module, "grpc", |row| row.state == "in use");
        assert_eq!(row.announced_revision, Some(row.loaded_revision), "{module}");
        wait_row(&agent, daemon, module, "vty", |row| row.state == "standby");
        let labels = |door| format!("daemon=\"{daemon}\",door=\"{door}\",module=\"{module}\"");
        wait_metric(&agent, &format!("novaroute_coverage{{{}}} 1", labels("grpc")));
        wait_metric(&agent, &format!("novaroute_coverage{{{}}} 0", labels("vty")));
    }
    wait_metric(&agent, "novaroute_yang_revision_mismatches 0");
    // Only what undid the refused transaction, and it takes away.
    assert!(typed.iter().all(|line| line.contains("text=no ")), "{typed:#?}");
    let shown = |step: usize| with[step].1.concat();
    assert!(shown(1).contains("transmit-interval 200") && shown(2).contains("set metric 50"));
}

/// A plan names the door of each step.
#[test]
fn a_plan_says_which_step_takes_which_door() {
    let lab = grpc_lab();
    let agent = start_agent(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let changes =
        vec![change::prefix_with("192.0.2.0/24", attributes(50, 0)), change::peer(bfd_peer(200))];
    let request = novaroute::proto::v1::PlanRequest {
        owner: admin.owner.clone(),
        token: admin.token.clone(),
        changes,
        ..Default::default()
    };
    let plan = admin.block_on(async { admin.transactions().plan(request).await });
    let mut seen = 0;
    for daemon in plan.unwrap().into_inner().daemons {
        for step in &daemon.steps {
            let of_door = daemon.daemon == "bfdd"
                || step.command.starts_with("route-map ")
                || step.command.starts_with("set ");
            assert_eq!(step.door, if of_door { "grpc" } else { "vty" }, "{step:?}");
            seen += usize::from(of_door);
        }
    }
    assert!(seen >= 6, "{seen} steps by gRPC");
    assert!(!running(&lab, "bgpd").contains("set metric"), "a plan changes nothing");
}

/// An endpoint that says yes and does nothing, as mgmtd's own does: the change is there all the same,
/// in the same commit, and the endpoint is not believed again.
#[test]
fn an_endpoint_that_lies_is_struck_out_and_the_change_is_made() {
    let lab = Lab::start(LabOptions::default());
    let fake = Fake::serve(&lab, FAKE_PORT, Answer::Yes, |_| {});
    let agent = agent_with_fake(&lab);
    let admin = agent.client("admin");
    let events = admin.events(&["DOOR_STRUCK_OUT"]);
    let changes = vec![change::prefix_with("192.0.2.0/24", attributes(50, 0))];
    assert_eq!(admin.apply(changes).unwrap(), novaroute::proto::v1::Outcome::Confirmed);
    let shown = running(&lab, "bgpd");
    assert!(shown.contains("set metric 50") && shown.contains("network 192.0.2.0/24 route-map"));
    assert_eq!(fake.commits(), 1);
    let (merged, _) = fake.edits();
    assert!(merged[0].contains("\"value\":50"), "{merged:?}");
    admin.advertise_with("198.51.100.0/24", attributes(60, 0)).unwrap();
    assert!(running(&lab, "bgpd").contains("set metric 60"));
    assert_eq!(fake.commits(), 1, "it was asked again");

    let (_, event) = events.wait(EventType::DoorStruckOut, "bgpd");
    assert_eq!(event.metadata["door"], "grpc");
    let reason = &event.metadata["reason"];
    assert!(reason.contains("had no effect") && event.detail.contains(reason), "{event:?}");
    let row = wait_row(&agent, "bgpd", "frr-route-map", "grpc", |row| row.state == "struck out");
    assert_eq!(row.why, *reason);
    wait_row(&agent, "bgpd", "frr-route-map", "vty", |row| row.state == "in use");
    wait_metric(&agent, "novaroute_doors_struck_out_total{daemon=\"bgpd\"} 1");
    let shown = agent.ctl(&["coverage"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("struck out"), "{shown:?}");

    // A bgpd that starts anew is another one.
    lab.restart(Router::Node, "bgpd");
    wait_lines(&lab, &["set metric 50", "set metric 60"]);
    lab::wait_for("the endpoint to be asked again", SOON, || match fake.commits() {
        2 => Ok(()),
        other => Err(format!("{other} commits")),
    });
    wait_metric(&agent, "novaroute_doors_struck_out_total{daemon=\"bgpd\"} 2");
    agent.wait_ready();
}

/// A door that was down is tried again by itself.
#[test]
fn a_door_that_comes_later_is_found() {
    let lab = Lab::start(LabOptions::default());
    let agent = agent_with_fake(&lab);
    wait_row(&agent, "bgpd", "frr-filter", "grpc", |row| row.state == "down");
    let _fake = Fake::serve(&lab, FAKE_PORT, Answer::Yes, |_| {});
    wait_row(&agent, "bgpd", "frr-filter", "grpc", |row| row.state == "in use");
}

/// No is no: FRR's words come back, with the change that they are about, and nothing is there.
#[test]
fn what_the_door_refuses_is_refused_with_its_words() {
    let lab = Lab::start(LabOptions::default());
    let words =
        "YANG error(s): Path: /frr-route-map:lib/route-map Error: such maps are not for you.";
    let fake = Fake::serve(&lab, FAKE_PORT, Answer::No(words.into()), |_| {});
    let agent = agent_with_fake(&lab);
    let admin = agent.client("admin");
    configure(&lab, &["log commands"]);
    let (before, commands) = (all_running(&lab), commands_run(&lab).len());
    let refused = admin.apply(vec![
        change::peer(bfd_peer(200)),
        change::prefix_with("192.0.2.0/24", attributes(50, 0)),
    ]);
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted, "{refused}");
    assert!(refused.message().contains("such maps are not for you"), "{refused}");
    // It was asked before anything was changed, in any daemon.
    assert_eq!((fake.asked(Phase::Validate), fake.commits()), (1, 0));
    assert_eq!(commands_run(&lab).len(), commands);
    assert_eq!(all_running(&lab), before);
    admin.advertise("192.0.2.0/24").unwrap();
    agent.wait_ready();
}

/// Nobody there, no answer, another model: the VTY does the same, in the same call.
#[test]
fn a_door_that_is_of_no_use_costs_nothing() {
    let lab = Lab::start(LabOptions::default());
    let agent = agent_with_fake(&lab);
    let admin = agent.client("admin");
    admin.advertise_with("192.0.2.0/24", attributes(1, 0)).unwrap();
    assert!(running(&lab, "bgpd").contains("set metric 1"));
    wait_row(&agent, "bgpd", "frr-filter", "grpc", |row| row.state == "down");
    wait_row(&agent, "bgpd", "frr-filter", "vty", |row| row.state == "in use");
    admin.withdraw("192.0.2.0/24").unwrap();
    drop(admin);
    drop(agent);
    let older = |modules: &mut std::collections::BTreeMap<String, String>| {
        modules.insert("frr-filter".into(), "2001-01-01".into());
    };
    let cases: [(Answer, bool, u32); 3] =
        [(Answer::Yes, true, 2), (Answer::Unavailable, false, 3), (Answer::Nothing, false, 4)];
    for (answer, other_model, med) in cases {
        let what = format!("{answer:?}, another model: {other_model}");
        let fake = Fake::serve(&lab, FAKE_PORT, answer, |modules| {
            if other_model {
                older(modules);
            }
        });
        let agent = agent_with_fake(&lab);
        let admin = agent.client("admin");
        admin.advertise_with("192.0.2.0/24", attributes(med, 0)).unwrap();
        let shown = running(&lab, "bgpd");
        assert!(shown.contains(&format!("set metric {med}")), "{what}: {shown}");
        assert_eq!(shown.matches("set metric").count(), 1, "{what}: {shown}");
        let asked = fake.asked(Phase::Validate);
        assert_eq!((asked, fake.commits()), (usize::from(!other_model), 0), "{what}");
        if other_model {
            // Before the door is asked it counts as down as well.
            let row = wait_row(&agent, "bgpd", "frr-filter", "grpc", |row| row.revision_differs);
            assert_eq!(row.state, "down", "{row:?}");
            assert!(row.why.contains("announces frr-filter 2001-01-01"), "{row:?}");
            wait_metric(&agent, "novaroute_yang_revision_mismatches 1");
            let log = agent.log();
            assert!(log.contains("bgpd announces frr-filter 2001-01-01 by grpc"), "{log}");
        }
        admin.withdraw("192.0.2.0/24").unwrap();
        let shown = running(&lab, "bgpd");
        assert!(!shown.contains("route-map"), "{what}: {shown}");
    }
}
