//! What is declared, read back and applied again: `get`, `export`, `apply --prune`, sources, and what a plan says of sessions.

use std::{fs, process::Output};

use novaroute::proto::v1::{
    self, BgpPeer, IntentChange, Outcome, PrefixAttributes, diagnostics_client::DiagnosticsClient,
};
use serde_json::{Value, json};
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, net, wait_for},
};

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(err));
    String::from_utf8(out.clone()).expect("text")
}

/// `novaroutectl export`.
#[track_caller]
fn export(agent: &Agent, owner: &str) -> String {
    text(&agent.ctl(&["export", "--owner", owner]))
}

/// Applies this text as a file.
#[track_caller]
fn apply(lab: &Lab, agent: &Agent, owner: &str, file: &str, more: &[&str]) -> Output {
    let path = lab.run_dir().join("intents.yaml");
    fs::write(&path, file).expect("writing the file");
    let token = token(owner);
    let path = path.to_str().expect("a path of text");
    let args = ["apply", "-f", path, "--owner", owner, "--token", &token, "-o", "json"];
    agent.ctl(&[&args[..], more].concat())
}

#[track_caller]
fn outcome(output: &Output) -> String {
    let answer: Value = serde_json::from_str(&text(output)).expect("JSON");
    answer["outcome"].as_str().expect("an outcome").to_owned()
}

fn sourced(change: IntentChange, source: &str) -> IntentChange {
    IntentChange { source: source.into(), ..change }
}

#[track_caller]
fn declared(client: &Client) -> (v1::NodeInstance, Vec<v1::DeclaredIntent>) {
    let mut diagnostics = DiagnosticsClient::new(client.channel());
    client.block_on(async move {
        let request = v1::GetDeclaredRequest::default();
        let mut parts = diagnostics.get_declared(request).await.expect("GetDeclared").into_inner();
        let (mut node, mut all) = (None, Vec::new());
        while let Some(part) = parts.message().await.expect("a part") {
            node = node.or(part.node);
            all.extend(part.intents);
        }
        (node.expect("the instance"), all)
    })
}

/// One of every kind.
fn of_every_kind() -> Vec<IntentChange> {
    let peer = BgpPeer {
        password: "hush-hush".into(),
        description: "top: of \"rack\" #7".into(),
        keepalive: 3,
        hold_time: 9,
        bfd_enabled: true,
        bfd_profile: "fast".into(),
        ..tor()
    };
    let attributes = PrefixAttributes {
        communities: vec!["65000:7".into(), "no-export".into()],
        med: 5,
        ..PrefixAttributes::default()
    };
    let drain = v1::intent::Kind::Drain(v1::Drain { until_restart: false });
    let drain = v1::intent_change::Change::Set(v1::Intent { kind: Some(drain) });
    vec![
        sourced(change::bgp(net::NODE_AS, "10.0.0.1"), "site"),
        change::profile("fast", 150),
        sourced(change::peer(peer), "racks/7"),
        sourced(change::prefix_with("192.0.2.0/24", attributes), "services/a"),
        change::prefix("2001:db8::/48"),
        change::ospf_prefix("198.51.100.0/24"),
        sourced(change::via("203.0.113.0/24", net::TOR_V4), "routes/1"),
        change::bfd(v1::BfdSession { peer_address: net::BIRD_V4.into(), ..Default::default() }),
        change::ospf(v1::OspfInterface {
            interface_name: net::NODE_BIRD_INTERFACE.into(),
            area_id: "0.0.0.0".into(),
            ..Default::default()
        }),
        IntentChange { change: Some(drain), source: "upgrade".into(), ..Default::default() },
    ]
}

#[test]
fn what_is_exported_and_applied_again_changes_nothing() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start_with(&lab, |config| {
        config["bgp"] = json!({
            "local_as": net::NODE_AS,
            "router_id": "10.0.0.1",
            "peers": [{"neighbor_address": net::BIRD_V4, "remote_as": net::BIRD_AS}],
        });
    });
    agent.wait_ready();
    let (admin, edge) = (agent.client("admin"), agent.client("edge"));
    assert_eq!(admin.apply(of_every_kind()).unwrap(), Outcome::Confirmed);
    edge.advertise("192.0.2.1/32").unwrap();
    let (before, sent) = (all_running(&lab), declared(&admin));
    let file = export(&agent, "admin");
    assert!(!file.contains("hush") && file.contains("password: unchanged"), "{file}");
    assert!(file.contains("configuration declares it: peer 10.0.2.2"), "{file}");
    for prune in [&["--prune"][..], &[]] {
        assert_eq!(outcome(&apply(&lab, &agent, "admin", &file, prune)), "unchanged", "{file}");
    }
    assert_eq!((all_running(&lab), declared(&admin)), (before.clone(), sent));
    // What survives the agent is the same, sources and password too.
    agent.kill();
    agent.launch();
    agent.wait_ready();
    let admin = agent.client("admin");
    assert_eq!(export(&agent, "admin"), file);
    assert_eq!(outcome(&apply(&lab, &agent, "admin", &file, &["--prune"])), "unchanged");
    assert_eq!(all_running(&lab), before);

    // What the file has no more goes, but for what is the node's, the configuration's, and others'.
    let shorter = "intents:\n- prefix: {prefix: 2001:db8::/48}\n  source: services/b\n";
    assert_eq!(outcome(&apply(&lab, &agent, "admin", shorter, &["--prune"])), "confirmed");
    let (node, left) = declared(&admin);
    let left: Vec<_> = left
        .iter()
        .map(|it| {
            let kind = it.intent.as_ref().and_then(|it| it.kind.clone()).expect("an intent");
            let kind = format!("{kind:?}").split('(').next().map(str::to_owned).unwrap_or_default();
            (kind, it.owner.clone(), it.from.clone(), it.source.clone())
        })
        .collect();
    let told = |kind: &str, owner: &str, from: &str, source: &str| {
        (kind.to_owned(), owner.to_owned(), from.to_owned(), source.to_owned())
    };
    assert_eq!(
        left,
        [
            told("Bgp", "admin", "configuration", "site"),
            told("Drain", "admin", "request", "upgrade"),
            told("Peer", "admin", "configuration", ""),
            told("Prefix", "edge", "request", ""),
            told("Prefix", "admin", "request", "services/b"),
        ]
    );
    assert_eq!((node.local_as, &*node.local_as_from), (net::NODE_AS, "configuration"));
    assert_eq!((&*node.router_id, &*node.router_id_from), ("10.0.0.1", "configuration"));
    let config = running(&lab, "bgpd");
    assert!(config.contains(net::BIRD_V4) && !config.contains(net::TOR_V4), "{config}");
    assert!(config.contains("192.0.2.1/32") && !config.contains("192.0.2.0/24"), "{config}");
}

/// What was declared and is not is no reason to refuse a file; nor is it removed twice.
#[test]
fn a_file_may_remove_what_is_not_there_and_not_what_is_anothers() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let net = agent.client("net");
    net.advertise("10.244.1.0/24").unwrap();
    let gone = "remove:\n- prefix: {prefix: 192.0.2.7/32, protocol: bgp}\n- peer: 10.0.9.9\n";
    assert_eq!(outcome(&apply(&lab, &agent, "edge", gone, &[])), "unchanged");
    let anothers = "remove: [{prefix: {prefix: 10.244.1.0/24, protocol: bgp}}]";
    let refused = apply(&lab, &agent, "edge", anothers, &[]);
    assert_eq!(refused.status.code(), Some(6), "{refused:?}");
    // Without being told to forgive it, the agent says it.
    let edge = agent.client("edge");
    assert_eq!(
        edge.apply(vec![change::no_prefix("192.0.2.7/32")]).unwrap_err().code(),
        Code::NotFound
    );
}

#[test]
fn a_password_that_is_to_stay_has_to_be_there() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let file = format!(
        "- prefix: {{prefix: 192.0.2.0/24}}\n- peer: {{neighbor_address: {}, remote_as: {}, password: unchanged}}\n",
        net::TOR_V4,
        net::TOR_AS,
    );
    let refused = |why: &str| {
        let refused = apply(&lab, &agent, "admin", &file, &[]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(8), "{told}");
        assert!(
            told.contains("intents.yaml:2: intents[1].peer.password") && told.contains(why),
            "{told}"
        );
        assert!(!running(&lab, "bgpd").contains("192.0.2.0/24"));
    };
    refused("the peer is not declared");
    admin.apply_peer(tor()).unwrap();
    refused("the peer has none");
    // Whether another's peer has one is not for others to know: it is the other's.
    for with in ["", "hush"] {
        admin.apply_peer(BgpPeer { password: with.into(), ..tor() }).unwrap();
        let told = apply(&lab, &agent, "edge", &file.replace("192.0.2.0/24", "192.0.2.1/32"), &[]);
        assert_eq!(told.status.code(), Some(6), "{with:?}: {told:?}");
    }
    assert_eq!(outcome(&apply(&lab, &agent, "admin", &file, &[])), "confirmed");
    has_lines(&lab, &[&format!("neighbor {} password hush", net::TOR_V4)]).unwrap();
}

/// A source is given back wherever the intent is, and is nothing that FRR or listeners are told.
#[test]
fn a_source_is_given_back_and_sends_nothing() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let with = |source: &str| vec![sourced(change::prefix("192.0.2.0/24"), source)];
    let seen = |source: &str| {
        let status = admin.status().prefixes;
        assert_eq!(status[0].source, source);
        let (_, declared) = declared(&admin);
        assert_eq!(declared.last().expect("the prefix").source, source);
    };
    let events = admin.events(&["PREFIX_ADVERTISED"]);
    assert_eq!(admin.apply(with("a")).unwrap(), Outcome::Confirmed);
    seen("a");
    assert_eq!(admin.apply(with("b")).unwrap(), Outcome::Unchanged);
    seen("b");
    let request = v1::ListTransactionsRequest::default();
    let list = admin.block_on(admin.transactions().list(request)).unwrap().into_inner();
    let get = v1::GetTransactionRequest { transaction_id: list.transactions[0].id.clone() };
    let last = admin.block_on(admin.transactions().get(get)).unwrap().into_inner();
    let change = &last.changes[0];
    assert_eq!((&*change.before_source, &*change.after_source), ("a", "b"));
    // A rollback brings it back; a call without one takes it away.
    let rollback = v1::RollbackRequest {
        owner: admin.owner.clone(),
        token: admin.token.clone(),
        transaction_id: last.id.clone(),
    };
    admin.block_on(admin.transactions().rollback(rollback)).unwrap();
    seen("a");
    admin.advertise("192.0.2.0/24").unwrap();
    seen("");
    // The event of another prefix comes behind all that there were of the first.
    admin.advertise("192.0.3.0/24").unwrap();
    events.wait(v1::EventType::PrefixAdvertised, "192.0.3.0/24");
    assert_eq!(events.all().len(), 2, "{:?}", events.all());
    let long = vec![sourced(change::prefix("192.0.2.0/24"), &"x".repeat(254))];
    let error = admin.apply(long).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains("changes[0].source"), "{error}");
}

/// Whether bgpd has lost the session since it had lost so many.
fn is_lost(lab: &Lab, peer: &str, dropped_before: u64) -> bool {
    let shown = neighbor(lab, peer);
    shown["bgpState"] != json!("Established")
        || shown["connectionsDropped"].as_u64() != Some(dropped_before)
}

/// What the plan says of a peer's session, what it names for that, and whether bgpd has lost it when the change is made and
/// the session had time for what it sends each second.
#[track_caller]
fn planned_and_done(
    lab: &Lab,
    admin: &Client,
    peer: &str,
    changes: Vec<IntentChange>,
) -> (String, String, bool) {
    wait_established(lab, peer);
    let request = v1::PlanRequest {
        owner: admin.owner.clone(),
        token: admin.token.clone(),
        changes: changes.clone(),
        ..Default::default()
    };
    let plan = admin.block_on(admin.transactions().plan(request)).expect("a plan").into_inner();
    let told = plan.sessions.into_iter().find(|it| it.neighbor_address == peer);
    let told = told.unwrap_or_default();
    let shown = neighbor(lab, peer);
    let before = shown["connectionsDropped"].as_u64().expect("a number");
    let sent = |shown: &Value| shown["messageStats"]["keepalivesSent"].as_u64();
    assert_eq!(admin.apply(changes).unwrap(), Outcome::Confirmed);
    let from = sent(&shown).expect("a number") + 2;
    let lost = wait_for("a reset, or a session that goes on", SOON, || {
        if is_lost(lab, peer, before) {
            return Ok(true);
        }
        match sent(&neighbor(lab, peer)) {
            Some(now) if now > from => Ok(false),
            now => Err(format!("{now:?} of {from}")),
        }
    });
    (told.effect, told.why, lost)
}

/// Each field of a peer, changed while its session is up: the plan says of it what bgpd itself says afterwards.
#[test]
fn a_plan_says_which_sessions_it_resets() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let timers = |peer: BgpPeer| BgpPeer { keepalive: 1, hold_time: 30, ..peer };
    let (base, other) = (timers(tor()), timers(bird()));
    let one_family = vec![v1::AddressFamily::Ipv4Unicast.into()];
    let source = net::NODE_TOR_V4.to_owned();
    let fields: [(&str, &str, BgpPeer); 23] = [
        ("port", "resets", BgpPeer { port: 1790, ..base.clone() }),
        ("description", "", BgpPeer { description: "other".into(), ..base.clone() }),
        ("max_prefix", "", BgpPeer { max_prefix: 7, ..base.clone() }),
        ("hold_time", "", BgpPeer { hold_time: 60, ..base.clone() }),
        ("bfd_enabled", "", BgpPeer { bfd_enabled: true, ..base.clone() }),
        // Both are FRR; BIRD can't change it in a session.
        (
            "address_families",
            "may reset",
            BgpPeer { address_families: one_family.clone(), ..base.clone() },
        ),
        (
            "address_families",
            "may reset",
            BgpPeer { address_families: one_family, ..other.clone() },
        ),
        ("source_address", "resets", BgpPeer { source_address: source, ..base.clone() }),
        ("ebgp_multihop", "resets", BgpPeer { ebgp_multihop: 3, ..base.clone() }),
        ("password", "resets", BgpPeer { password: "hush".into(), ..base.clone() }),
        ("remote_as", "resets", BgpPeer { remote_as: 65009, ..base.clone() }),
        ("shutdown", "ends", BgpPeer { shutdown: true, ..base.clone() }),
        ("ttl_security_hops", "resets", BgpPeer { ttl_security_hops: 1, ..base.clone() }),
        ("local_as", "resets", BgpPeer { local_as: 65100, ..base.clone() }),
        // As the instance has it.
        ("graceful_restart", "", BgpPeer { graceful_restart: 1, ..base.clone() }),
        ("graceful_restart", "resets", BgpPeer { graceful_restart: 2, ..base.clone() }),
        ("graceful_restart", "resets", BgpPeer { graceful_restart: 3, ..base.clone() }),
        ("advertisement_interval", "", BgpPeer { advertisement_interval: 1, ..base.clone() }),
        ("allowas_in", "", BgpPeer { allowas_in: 2, ..base.clone() }),
        ("weight", "", BgpPeer { weight: 2, ..base.clone() }),
        ("send_community", "", BgpPeer { send_community: vec![4], ..base.clone() }),
        ("no_soft_reconfiguration", "", BgpPeer { no_soft_reconfiguration: true, ..base.clone() }),
        ("default_originate", "", BgpPeer { default_originate: vec![1], ..base.clone() }),
    ];
    let mut wrong = Vec::new();
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    for (field, effect, changed) in fields {
        // Anew, so that nothing of the change before is left, nor a pause after a failure.
        let peer = changed.neighbor_address.clone();
        drop(admin.remove_peer(&peer));
        let before = if peer == net::TOR_V4 { base.clone() } else { other.clone() };
        admin.apply_peer(before).unwrap();
        let told = planned_and_done(&lab, &admin, &peer, vec![change::peer(changed)]);
        let lost =
            matches!(effect, "resets" | "ends") || (effect == "may reset" && peer == net::BIRD_V4);
        let why = if effect.is_empty() { "" } else { field };
        if told != (effect.to_owned(), why.to_owned(), lost) {
            let why = ["lastResetDueTo", "lastNotificationReason", "bgpState"];
            let shown = neighbor(&lab, &peer);
            wrong.push((field, told, why.map(|name| shown[name].to_string())));
        }
    }
    for (field, changed) in [
        ("router_id", change::bgp(net::NODE_AS, "10.0.0.7")),
        ("local_as", change::bgp(65077, "10.0.0.1")),
    ] {
        drop(admin.remove_peer(net::TOR_V4));
        admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
        admin.apply_peer(base.clone()).unwrap();
        let told = planned_and_done(&lab, &admin, net::TOR_V4, vec![changed]);
        if told != ("resets".to_owned(), field.to_owned(), true) {
            wrong.push((field, told, [(); 3].map(|()| String::new())));
        }
    }
    assert!(wrong.is_empty(), "field, (said, why, done), bgpd: {wrong:#?}");
}
