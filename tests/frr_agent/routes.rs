//! Static routes through mgmtd, and several intents at once, all or nothing.

use novaroute::{
    frr::frontend::{Datastore, Session},
    proto::v1::{Outcome, static_route::NextHop},
};
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// Waits until zebra and the kernel have a static route with these words, or none where there are
/// no words.
#[track_caller]
fn wait_kernel(lab: &Lab, prefix: &str, words: &str) {
    wait_for(&format!("{prefix} {words:?} in the kernel"), SOON, || {
        let shown = kernel(lab, prefix);
        let wanted = match words {
            "" => shown.is_empty(),
            words => shown.contains(words) && shown.contains("proto static"),
        };
        if wanted { Ok(()) } else { Err(shown) }
    });
    let family = if prefix.contains(':') { "ipv6" } else { "ip" };
    let rib = vty(lab, "zebra", &[&format!("show {family} route {prefix} json")]);
    assert_eq!(rib.contains("\"protocol\":\"static\""), !words.is_empty(), "{rib}");
}

#[test]
fn static_routes_reach_rib_and_kernel_and_go_again() {
    let lab = Lab::start(LabOptions::default());
    let foreign = "ip route 198.51.100.0/24 10.0.2.2";
    lab.vtysh(Router::Node, &["configure terminal", foreign]);
    let agent = Agent::start(&lab);
    agent.wait_ready();
    let admin = agent.client("admin");
    let apply = |changes| admin.apply(changes).unwrap();
    let interface = NextHop::InterfaceName(net::NODE_BIRD_INTERFACE.into());
    let changes = vec![
        change::via("203.0.113.0/24", net::TOR_V4),
        change::via("2001:db8:5::/48", net::TOR_V6),
        change::route("192.0.2.0/24", NextHop::Blackhole(true)),
        change::route("2001:db8:6::/48", NextHop::Blackhole(true)),
        change::route("172.16.0.0/16", interface),
    ];
    assert_eq!(apply(changes.clone()), Outcome::Confirmed);
    wait_kernel(&lab, "203.0.113.0/24", "via 10.0.1.2 dev tor0");
    wait_kernel(&lab, "2001:db8:5::/48", "via fd00:1::2 dev tor0");
    wait_kernel(&lab, "192.0.2.0/24", "blackhole");
    wait_kernel(&lab, "2001:db8:6::/48", "blackhole");
    wait_kernel(&lab, "172.16.0.0/16", "dev bird0");
    assert_eq!(apply(changes), Outcome::Unchanged);

    // Another gateway replaces the first: not a second path.
    assert_eq!(apply(vec![change::via("203.0.113.0/24", net::BIRD_V4)]), Outcome::Confirmed);
    wait_kernel(&lab, "203.0.113.0/24", "via 10.0.2.2 dev bird0");
    assert!(!kernel(&lab, "203.0.113.0/24").contains("10.0.1.2"));
    // Another kind of next hop likewise.
    let blackhole = change::route("203.0.113.0/24", NextHop::Blackhole(true));
    assert_eq!(apply(vec![blackhole]), Outcome::Confirmed);
    wait_kernel(&lab, "203.0.113.0/24", "blackhole");

    let ours =
        ["203.0.113.0/24", "2001:db8:5::/48", "192.0.2.0/24", "2001:db8:6::/48", "172.16.0.0/16"];
    assert_eq!(apply(ours.map(change::no_route).to_vec()), Outcome::Confirmed);
    for prefix in ours {
        wait_kernel(&lab, prefix, "");
    }
    wait_kernel(&lab, "198.51.100.0/24", "via 10.0.2.2");
    let config = lab.vtysh(Router::Node, &["show running-config"]);
    let routes: Vec<_> = config.lines().filter(|line| line.contains(" route ")).collect();
    assert_eq!(routes, [foreign]);
    let error = admin.apply(vec![change::no_route("203.0.113.0/24")]).unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

/// FRR refuses `ebgp-multihop` where somebody configured `ttl-security`; what is applied before and
/// after that, in other daemons too, goes again.
#[test]
fn a_transaction_of_which_frr_refuses_a_part_leaves_nothing() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    configure(&lab, &["router bgp 65000", "neighbor 10.0.1.2 ttl-security hops 2"]);
    let before = all_running(&lab);
    let mut watched = bird();
    (watched.bfd_enabled, watched.bfd_min_rx_ms) = (true, 150);
    let mut refused = tor();
    refused.ebgp_multihop = 3;
    let changes = |peer| {
        vec![
            change::bgp(net::NODE_AS, "10.0.0.9"),
            change::peer(watched.clone()),
            change::peer(peer),
            change::prefix("192.0.2.0/24"),
            change::prefix("2001:db8::/48"),
            change::via("203.0.113.0/24", net::TOR_V4),
        ]
    };
    let error = admin.apply(changes(refused)).unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    let words = "ebgp-multihop and ttl-security cannot be configured together";
    assert!(error.message().contains(words), "{error}");
    assert_eq!(all_running(&lab), before);
    wait_kernel(&lab, "203.0.113.0/24", "");
    let status = admin.status();
    assert!(status.peers.len() == 1 && status.prefixes.is_empty(), "{status:?}");
    agent.wait_ready();

    // Without what FRR refuses, all of it is applied.
    assert_eq!(admin.apply(changes(tor())).unwrap(), Outcome::Confirmed);
    wait_lines(&lab, &["bgp router-id 10.0.0.9", "network 192.0.2.0/24", "neighbor 10.0.2.2 bfd"]);
    wait_kernel(&lab, "203.0.113.0/24", "via 10.0.1.2");
    assert_eq!(admin.apply(changes(tor())).unwrap(), Outcome::Unchanged);
}

/// While somebody edits mgmtd's configuration, a transaction waits as a whole: not even its BGP part is
/// done, and nothing is called applied.
#[test]
fn a_transaction_waits_for_who_edits_mgmtds_configuration() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent.wait_ready();
    let socket = lab.socket_dir(Router::Node).join("mgmtd_fe.sock");
    let editor = admin.block_on(async {
        let mut session = Session::connect(&socket, "editor").await.expect("a session");
        session.lock(Datastore::Candidate).await.expect("the lock");
        session
    });
    let before = all_running(&lab);
    let changes = vec![change::prefix("192.0.2.0/24"), change::via("203.0.113.0/24", net::TOR_V4)];
    assert_eq!(admin.apply(changes).unwrap(), Outcome::Pending);
    assert_eq!(all_running(&lab), before);
    assert_eq!(admin.prefix_state("192.0.2.0/24").as_deref(), Some("pending"));
    let (code, body) = agent.http("/readyz");
    assert!(code == 503 && body.contains("mgmtd"), "{code} {body}");
    drop(editor);
    wait_kernel(&lab, "203.0.113.0/24", "via 10.0.1.2");
    wait_lines(&lab, &["network 192.0.2.0/24"]);
    agent.wait_ready();
}

/// C2: what mgmtd refuses is refused at every log level, and nobody else's is.
#[test]
fn what_mgmtd_refuses_is_refused_at_the_log_level_of_production() {
    let lab = Lab::start(LabOptions::default());
    let foreign = "ip route 10.5.0.1/32 10.0.1.2";
    lab.vtysh(Router::Node, &["configure terminal", foreign]);
    let agent = Agent::start_with(&lab, |config| config["log_level"] = "info".into());
    let (edge, admin) = (agent.client("edge"), agent.client("admin"));
    let blackhole = change::route("10.5.0.1/32", NextHop::Blackhole(true));
    let error = edge.apply(vec![blackhole]).unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    wait_kernel(&lab, "10.5.0.1/32", "via 10.0.1.2");
    let other = vec![change::via("203.0.113.0/24", net::TOR_V4)];
    assert_eq!(admin.apply(other).unwrap(), Outcome::Confirmed);
    assert_eq!(
        edge.apply(vec![change::via("10.5.0.2/32", net::TOR_V4)]).unwrap(),
        Outcome::Confirmed
    );
    agent.wait_ready();
    let shown = lab.vtysh(Router::Node, &["show running-config"]);
    assert!(shown.contains(foreign) && !shown.contains("blackhole"), "{shown}");
}

/// C3: an interface's name that FRR takes for another thing is refused before anything is sent.
#[test]
fn a_route_out_of_null0_is_refused_before_it_is_sent() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| config["log_level"] = "info".into());
    let admin = agent.client("admin");
    for name in ["Null0", "null0", "reject", "blackhole"] {
        let route = change::route("203.0.113.0/24", NextHop::InterfaceName(name.into()));
        let error = admin.apply(vec![route]).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert!(error.message().contains("interface_name"), "{error}");
    }
    let other = vec![change::via("203.0.114.0/24", net::TOR_V4)];
    assert_eq!(admin.apply(other).unwrap(), Outcome::Confirmed);
}

/// C3: the anchor of an OSPF prefix and a static route at its distance are one route of staticd. Who comes second is told so;
/// `admin` decides, and the prefix stays announced.
#[test]
fn an_anchor_and_a_static_route_in_its_place_are_one_claim() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| {
        config["log_level"] = "info".into();
        config["owners"]["edge"]["allowed_prefixes"] = serde_json::json!({"type": "any"});
    });
    let (edge, owner, admin) = (agent.client("edge"), agent.client("net"), agent.client("admin"));
    let prefix = "10.244.5.0/24";
    assert_eq!(edge.apply(vec![change::ospf_prefix(prefix)]).unwrap(), Outcome::Confirmed);
    let route = || {
        change::static_route(novaroute::proto::v1::StaticRoute {
            prefix: prefix.into(),
            next_hop: Some(NextHop::Gateway(net::TOR_V4.into())),
            distance: 19,
            tag: 0,
        })
    };
    let error = owner.apply(vec![route()]).unwrap_err();
    assert_eq!(error.code(), Code::AlreadyExists, "{error}");
    assert!(error.message().contains("distance 19"), "{error}");
    wait_kernel(&lab, prefix, "blackhole");
    let other = vec![change::via("10.244.6.0/24", net::TOR_V4)];
    assert_eq!(owner.apply(other).unwrap(), Outcome::Confirmed);

    assert_eq!(admin.apply(vec![route()]).unwrap(), Outcome::Confirmed);
    wait_kernel(&lab, prefix, "via 10.0.1.2");
    assert_eq!(admin.apply(vec![change::no_route(prefix)]).unwrap(), Outcome::Confirmed);
    wait_kernel(&lab, prefix, "blackhole");
    agent.wait_ready();
}
