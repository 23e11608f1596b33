//! What the agent says of FRR is what FRR does: states, events, metrics.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use novaroute::proto::v1::{
    BgpPeer, EnableBfdRequest, EnableOspfRequest, EventType, OspfInterface, RouteEvent,
};
use serde_json::Value;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, assert_well, net, python, wait_for},
};

/// How far PEER_UP may come behind Established. It takes a poll of 250 ms; the fault it is measured by took 27 s.
const AT_ONCE: Duration = Duration::from_secs(10);

/// How often a link is cut: each time is told about once.
const ROUNDS: usize = 2;

/// The comparison comes every 30 s.
const COMPARED: Duration = Duration::from_secs(60);

/// `tor` with the fastest BFD that the brief asks for.
fn tor_with_bfd() -> BgpPeer {
    BgpPeer {
        bfd_enabled: true,
        bfd_min_rx_ms: 100,
        bfd_min_tx_ms: 100,
        bfd_detect_multiplier: 3,
        ..tor()
    }
}

/// Has `tor` run BFD with `node`, at 100 ms.
fn bfd_at_tor(lab: &Lab) {
    let lines = [
        "configure terminal",
        "bfd",
        "peer 10.0.1.1",
        "receive-interval 100",
        "transmit-interval 100",
        "detect-multiplier 3",
        "end",
    ];
    lab.vtysh(Router::Tor, &lines);
}

fn wait_state(client: &Client, prefix: &str, wanted: &str, limit: Duration) {
    wait_for(&format!("{prefix} {wanted}"), limit, || match client.prefix_state(prefix) {
        Some(state) if state == wanted => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// How often an event of this type was told about this value.
fn told(events: &[RouteEvent], kind: EventType, value: &str) -> usize {
    let about = |it: &&RouteEvent| it.metadata.values().any(|it| it == value);
    events.iter().filter(|it| it.r#type() == kind).filter(about).count()
}

/// The events of a session that is up, and that is down.
const SESSIONS: [(EventType, EventType); 2] =
    [(EventType::BfdUp, EventType::BfdDown), (EventType::PeerUp, EventType::PeerDown)];

/// The transitions of a session that were told, in their order: `true` where it came up.
fn transitions(
    events: &[RouteEvent],
    (up, down): (EventType, EventType),
    value: &str,
) -> Vec<bool> {
    let about = |it: &&RouteEvent| it.metadata.values().any(|it| it == value);
    let of_session = |it: &RouteEvent| match it.r#type() {
        kind if kind == up => Some(true),
        kind if kind == down => Some(false),
        _ => None,
    };
    events.iter().filter(about).filter_map(of_session).collect()
}

#[test]
fn a_cut_link_is_told_by_bfd_and_by_bgp() {
    let lab = Lab::start(LabOptions::default());
    bfd_at_tor(&lab);
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let events = admin.events(&[]);
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor_with_bfd()).unwrap();
    let (_, up) = events.wait(EventType::BfdUp, net::TOR_V4);
    assert_eq!((up.owner.as_str(), up.metadata["status"].as_str()), ("admin", "up"));
    events.wait(EventType::PeerUp, net::TOR_V4);
    let peer = wait_for("the negotiated session", SOON, || {
        let peer = admin.status().peers.remove(0);
        if peer.bfd_status == "up" { Ok(peer) } else { Err(format!("{peer:?}")) }
    });
    let timers = (peer.bfd_min_rx_ms, peer.bfd_min_tx_ms, peer.bfd_detect_multiplier);
    assert_eq!(timers, (100, 100, 3));

    for _ in 0..ROUNDS {
        let before = events.all();
        let nth = |kind| told(&before, kind, net::TOR_V4) + 1;
        let cut = Instant::now();
        lab.link_down(Router::Tor);
        let (bfd_at, down) =
            events.wait_nth(nth(EventType::BfdDown), EventType::BfdDown, net::TOR_V4);
        let (bgp_at, _) =
            events.wait_nth(nth(EventType::PeerDown), EventType::PeerDown, net::TOR_V4);
        assert_eq!(down.metadata["previous_status"], "up");
        println!("after the cut: BFD_DOWN {:?}, PEER_DOWN {:?}", bfd_at - cut, bgp_at - cut);

        lab.link_up(Router::Tor);
        wait_for("both sessions again", SOON, || {
            let all = events.all();
            let now = SESSIONS.map(|session| transitions(&all, session, net::TOR_V4).pop());
            if now == [Some(true); 2] { Ok(()) } else { Err(format!("{now:?}")) }
        });
        // A session may flap once more where the machine stands still for longer than BFD's 300 ms; it is told as well.
        let all = events.all();
        for session in SESSIONS {
            let told = transitions(&all, session, net::TOR_V4);
            let once = told.iter().enumerate().all(|(at, up)| *up == (at % 2 == 0));
            assert!(once, "once for each transition: {told:?} of {all:?}");
        }
    }
}

/// The first implementation said so 27 s later.
#[test]
fn peer_up_comes_with_established() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let events = admin.events(&["PEER_UP"]);
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    wait_established(&lab, net::TOR_V4);
    let established = Instant::now();
    let (told, _) = events.wait(EventType::PeerUp, net::TOR_V4);
    let late = told.saturating_duration_since(established);
    assert!(late < AT_ONCE, "PEER_UP came {late:?} after Established");
}

/// The state of a prefix was a constant.
#[test]
fn the_state_of_a_prefix_is_what_frr_makes_of_it() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    admin.advertise("2001:db8:1::/48").unwrap();
    assert_eq!(admin.prefix_state("192.0.2.0/24").as_deref(), Some("applied"));
    admin.apply_peer(tor()).unwrap();
    for prefix in ["192.0.2.0/24", "2001:db8:1::/48"] {
        wait_tor(&lab, prefix, |_| true);
        wait_state(&admin, prefix, "advertised", SOON);
    }
    // Advertised by a name that the agent did not have when it read the table first.
    admin.advertise("198.51.100.0/24").unwrap();
    wait_state(&admin, "198.51.100.0/24", "advertised", SOON);
    let status = admin.status();
    assert!(status.snapshot_age_ms < 10_000, "{}", status.snapshot_age_ms);
    let frr = status.frr_status.unwrap();
    for daemon in ["mgmtd", "bfdd", "ospfd", "bgpd"] {
        let shown = frr.daemons.iter().find(|it| it.name == daemon).unwrap();
        assert!(shown.connected && shown.version.starts_with("10."), "{shown:?}");
    }
    admin.remove_peer(net::TOR_V4).unwrap();
    wait_state(&admin, "192.0.2.0/24", "applied", SOON);

    lab.kill(Router::Node, "bgpd");
    wait_state(&admin, "192.0.2.0/24", "pending", SOON);
    let lost = admin.status();
    assert!(!lost.prefixes[0].reason.is_empty(), "{:?}", lost.prefixes[0]);
    lab.restart(Router::Node, "bgpd");
    wait_state(&admin, "192.0.2.0/24", "applied", SOON);
}

#[test]
fn drift_is_noticed_repaired_and_counted() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    admin.advertise("198.51.100.0/24").unwrap();
    agent.wait_ready();
    assert!(agent.http("/metrics").1.contains("\nnovaroute_drift_repaired_total 0\n"));
    let drift = ["router bgp 65000", "address-family ipv4 unicast", "no network 192.0.2.0/24"];
    configure(&lab, &drift);
    wait_for("the repair", COMPARED, || has_lines(&lab, &["network 192.0.2.0/24"]));
    wait_for("the count", SOON, || {
        let text = agent.http("/metrics").1;
        if text.contains("\nnovaroute_drift_repaired_total 1\n") { Ok(()) } else { Err(text) }
    });
    assert_eq!(admin.prefix_state("192.0.2.0/24").as_deref(), Some("applied"));
    assert!(agent.log().contains("FRR had lost or changed what is ours; repaired"));
}

/// The comparison hangs at ospfd when it has seen what bgpd lacks: long enough to be looked at.
#[test]
fn a_prefix_that_somebody_took_away_is_drifted_until_it_is_back() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    admin.advertise("198.51.100.0/24").unwrap();
    let interface = OspfInterface {
        interface_name: net::NODE_TOR_INTERFACE.into(),
        area_id: "0".into(),
        ..OspfInterface::default()
    };
    admin.enable_ospf(interface).unwrap();
    agent.wait_ready();
    lab.stop(Router::Node, "ospfd");
    let drift = ["router bgp 65000", "address-family ipv4 unicast", "no network 192.0.2.0/24"];
    configure(&lab, &drift);
    wait_state(&admin, "192.0.2.0/24", "drifted", COMPARED);
    let status = admin.status();
    let of = |prefix: &str| status.prefixes.iter().find(|it| it.prefix == prefix).unwrap();
    assert!(of("192.0.2.0/24").reason.contains("lost or changed"), "{status:?}");
    assert_eq!(of("198.51.100.0/24").state, "applied", "the others are as they were");
    lab.cont(Router::Node, "ospfd");
    wait_state(&admin, "192.0.2.0/24", "applied", COMPARED);
    has_lines(&lab, &["network 192.0.2.0/24"]).unwrap();
    agent.wait_ready();
}

#[test]
fn a_new_subscriber_may_ask_for_the_current_state() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.register().unwrap();
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    wait_for("the peer", SOON, || match admin.peer_state(net::TOR_V4) {
        Some(state) if state == "Established" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let events = admin.current_events(&[]);
    events.wait(EventType::PrefixAdvertised, "192.0.2.0/24");
    let kinds: Vec<_> = events.all().iter().map(RouteEvent::r#type).collect();
    use EventType::{BgpConfigChanged, FrrConnected, OwnerRegistered, PeerUp, PrefixAdvertised};
    let expected = [FrrConnected, OwnerRegistered, BgpConfigChanged, PeerUp, PrefixAdvertised];
    assert_eq!(kinds, expected);
    assert!(events.all().iter().all(|event| event.metadata["replayed"] == "true"));
    admin.advertise("198.51.100.0/24").unwrap();
    let (_, live) = events.wait(EventType::PrefixAdvertised, "198.51.100.0/24");
    assert!(!live.metadata.contains_key("replayed"));
    // Filters hold for the past as well.
    let peers = admin.current_events(&["peer_up".to_uppercase().as_str()]);
    peers.wait(EventType::PeerUp, net::TOR_V4);
    assert_eq!(peers.all().len(), 1);
}

#[test]
fn a_bfd_session_of_its_own_has_a_state() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let edge = agent.client("edge");
    let events = edge.events(&["BFD_UP", "BFD_DOWN"]);
    let request = EnableBfdRequest {
        owner: "edge".into(),
        token: token("edge"),
        peer_address: net::TOR_V4.into(),
        min_rx_ms: 100,
        min_tx_ms: 100,
        detect_multiplier: 3,
        ..EnableBfdRequest::default()
    };
    edge.call(|mut c| async move { c.enable_bfd(request).await }).unwrap();
    let session = || edge.status().bfd_sessions.remove(0);
    wait_for("a state", SOON, || match session() {
        it if it.state == "down" => Ok(()),
        it => Err(format!("{it:?}")),
    });
    bfd_at_tor(&lab);
    let (_, up) = events.wait(EventType::BfdUp, net::TOR_V4);
    assert_eq!(up.owner, "edge");
    wait_for("negotiated timers", SOON, || match session() {
        it if it.state == "up" && (it.negotiated_tx_ms, it.detection_time_ms) == (100, 300) => {
            Ok(())
        }
        it => Err(format!("{it:?}")),
    });
    lab.stop(Router::Tor, "bfdd");
    events.wait(EventType::BfdDown, net::TOR_V4);
    wait_for("the reason", SOON, || match session() {
        it if it.state == "down" && !it.reason.is_empty() => Ok(()),
        it => Err(format!("{it:?}")),
    });
    lab.cont(Router::Tor, "bfdd");
}

/// It never started, and the count was always 0.
#[test]
fn ospf_neighbours_are_counted_and_told() {
    let lab = Lab::start(LabOptions::default());
    let lines = [
        "configure terminal",
        "interface node0",
        "ip ospf area 0",
        "ip ospf hello-interval 1",
        "ip ospf dead-interval 4",
        "exit",
        "router ospf",
        "ospf router-id 10.0.0.77",
        "end",
    ];
    lab.vtysh(Router::Tor, &lines);
    let agent = Agent::start(&lab);
    let net_owner = agent.client("net");
    let events = net_owner.events(&["OSPF_NEIGHBOR_UP", "OSPF_NEIGHBOR_DOWN"]);
    let request = EnableOspfRequest {
        owner: "net".into(),
        token: token("net"),
        interface_name: "tor0".into(),
        area_id: "0".into(),
        hello_interval: 1,
        dead_interval: 4,
        ..EnableOspfRequest::default()
    };
    net_owner.call(|mut c| async move { c.enable_ospf(request).await }).unwrap();
    let (_, up) = events.wait(EventType::OspfNeighborUp, "10.0.0.77");
    assert_eq!((up.owner.as_str(), up.metadata["interface"].as_str()), ("net", "tor0"));
    assert_eq!(up.metadata["state"], "Full");
    let status = net_owner.status().ospf_interfaces.remove(0);
    assert_eq!((status.area_id.as_str(), status.neighbor_count), ("0.0.0.0", 1), "{status:?}");
    assert_eq!(status.neighbors[0].neighbor_id, "10.0.0.77");
    lab.stop(Router::Tor, "ospfd");
    let (_, down) = events.wait(EventType::OspfNeighborDown, "10.0.0.77");
    assert_eq!(down.metadata["previous_state"], "Full");
    lab.cont(Router::Tor, "ospfd");
}

/// Prometheus' own parser of Python reads every line.
#[test]
fn metrics_are_read_by_prometheus_own_parser() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    agent.wait_ready();
    let (code, text) = agent.http("/metrics");
    assert_eq!(code, 200);
    let mut command = Command::new(python());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/metrics.py"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert_well(&out);
    let families: Value = serde_json::from_slice(&out.stdout).unwrap();
    let kind = |name: &str| families[name]["type"].as_str();
    assert_eq!(kind("novaroute_intents"), Some("counter"));
    assert_eq!(kind("novaroute_active_prefixes"), Some("gauge"));
    assert_eq!(kind("novaroute_commit_stage_duration_seconds"), Some("histogram"));
    let samples = &families["novaroute_commit_stage_duration_seconds"]["labels"];
    let seen = samples.to_string();
    for stage in ["journal", "validate", "read", "apply", "confirm"] {
        assert!(seen.contains(&format!("\"stage\":\"{stage}\"")), "{stage}: {seen}");
    }
    let sent = families["novaroute_frr_lines_sent"]["sum"].as_f64().unwrap();
    assert!(sent > 3.0, "{sent}");
    let size = families["novaroute_journal_size_bytes"]["sum"].as_f64().unwrap();
    assert!(size > 0.0, "{size}");
}

/// A change of one prefix alone has its stages as well: libyang, and sending with the questions that confirm; it reads
/// nothing else.
#[test]
fn the_stages_of_one_prefix_are_counted() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    agent.wait_ready();
    let count = |stage: &str, door: &str| -> u64 {
        let name = "novaroute_commit_stage_duration_seconds_count";
        let line = format!("{name}{{door=\"{door}\",stage=\"{stage}\"}} ");
        let text = agent.http("/metrics").1;
        text.lines().find_map(|it| it.strip_prefix(&line)).map_or(0, |it| it.parse().unwrap())
    };
    let counts = || {
        [("validate", "agent"), ("apply", "vty"), ("confirm", "vty"), ("read", "vty")]
            .map(|(stage, door)| count(stage, door))
    };
    let [validate, apply, confirm, read] = counts();
    admin.advertise("198.51.100.0/24").unwrap();
    assert_eq!(counts(), [validate + 1, apply + 1, confirm, read]);
}
