//! `novaroutectl explain`: what holds an object up is named, by what FRR itself says.

use novaroute::proto::v1::{BgpPeer, PrefixAttributes};
use serde_json::Value;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, net, wait_for},
};

/// The page as JSON, and whether the command ended with success.
#[track_caller]
fn explain(agent: &Agent, args: &[&str]) -> (bool, Value) {
    let out = agent.ctl(&[&["explain", "-o", "json"], args].concat());
    let page = serde_json::from_slice(&out.stdout);
    (out.status.success(), page.unwrap_or_else(|error| panic!("{error}: {out:?}")))
}

/// Result, cause and text of a step.
fn of(page: &Value, step: &str, subject: &str) -> Option<(String, String, String)> {
    let steps = page["steps"].as_array().expect("steps");
    let found = steps.iter().find(|it| it["step"] == step && it["subject"] == subject)?;
    let text = |name: &str| found[name].as_str().expect("text").to_owned();
    Some((text("result"), text("cause"), text("text")))
}

/// Waits until a step of the explanation has this cause; empty for one that is well.
#[track_caller]
fn wait_cause(agent: &Agent, args: &[&str], step: &str, subject: &str, cause: &str) -> Value {
    wait_for(&format!("{args:?}: {step} {subject} {cause:?}"), SOON, || {
        let (well, page) = explain(agent, args);
        let reached = page["reached"] == true;
        assert_eq!(well, reached, "{page}");
        match of(&page, step, subject) {
            Some((result, found, _)) if found == cause && (result == "ok") == cause.is_empty() => {
                Ok(page)
            }
            other => Err(format!("{other:?}")),
        }
    })
}

#[test]
fn what_holds_a_prefix_back_is_named_for_each_neighbour() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let (admin, edge) = (agent.client("admin"), agent.client("edge"));
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    edge.advertise("192.0.2.1/32").unwrap();
    let target: &[&str] = &["192.0.2.1/32"];
    wait_cause(&agent, target, "neighbour", "", "no_neighbour");
    admin.apply_peer(tor()).unwrap();
    admin.apply_peer(BgpPeer { address_families: vec![1], ..bird() }).unwrap();
    // Nobody is there.
    admin.apply_peer(peer("10.0.1.9", 65009)).unwrap();
    wait_established(&lab, net::TOR_V4);
    wait_established(&lab, net::BIRD_V4);
    let page = wait_cause(&agent, target, "neighbour", net::TOR_V4, "");
    assert_eq!(page["reached"], false, "{page}");
    assert_eq!(of(&page, "neighbour", "10.0.1.9").expect("a step").1, "no_session", "{page}");
    assert_eq!(of(&page, "best path", "bgpd").expect("a step").0, "ok", "{page}");
    assert_eq!(of(&page, "declared", "edge").expect("a step").0, "ok", "{page}");
    let text = page.to_string();
    assert!(text.contains("network 192.0.2.1/32") && text.contains("AdvertisePrefix"), "{text}");
    let (_, page) = explain(&agent, &["10.0.1.9"]);
    assert!(page["candidates"].as_array().is_some_and(|it| !it.is_empty()), "{page}");
    admin.remove_peer("10.0.1.9").unwrap();
    wait_cause(&agent, target, "neighbour", net::BIRD_V4, "");
    let (well, page) = explain(&agent, target);
    assert!(well, "{page}");

    // An operator's filter, and one neighbour without the family.
    configure(&lab, &["route-map deny deny 10"]);
    let enter = format!("router bgp {}", net::NODE_AS);
    let filter = format!("neighbor {} route-map deny out", net::TOR_V4);
    configure(&lab, &[&enter, "address-family ipv4 unicast", &filter]);
    let page = wait_cause(&agent, target, "neighbour", net::TOR_V4, "filter");
    let told = of(&page, "neighbour", net::TOR_V4).expect("a step").2;
    assert!(told.contains("deny"), "{told}");
    configure(&lab, &[&enter, "address-family ipv4 unicast", &format!("no {filter}")]);
    wait_cause(&agent, target, "neighbour", net::TOR_V4, "");
    edge.advertise("2001:db8::1/128").unwrap();
    let page = wait_cause(&agent, &["2001:db8::1/128"], "neighbour", net::TOR_V4, "");
    assert_eq!(of(&page, "neighbour", net::BIRD_V4).expect("a step").0, "info", "{page}");

    // A community, and what nobody has declared.
    let communities = vec!["no-export".to_owned()];
    let attributes = PrefixAttributes { communities, ..PrefixAttributes::default() };
    edge.advertise_with("192.0.2.1/32", attributes).unwrap();
    wait_cause(&agent, target, "neighbour", net::TOR_V4, "no_export");
    wait_cause(&agent, &["203.0.113.0/24"], "declared", "", "not_declared");
}

#[test]
fn peers_and_static_routes_are_explained_to_the_kernel() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    // Another AS than the neighbour has: it says so itself.
    let wrong = BgpPeer { remote_as: 65009, password: String::new(), ..tor() };
    admin.apply_peer(wrong).unwrap();
    let page = wait_for("the neighbour's word", SOON, || {
        let (_, page) = explain(&agent, &[net::TOR_V4]);
        let told = page["candidates"].to_string();
        if told.contains("is not in AS 65009") { Ok(page) } else { Err(page.to_string()) }
    });
    assert_eq!(page["reached"], false);
    admin.remove_peer(net::TOR_V4).unwrap();
    admin.apply_peer(tor()).unwrap();
    wait_established(&lab, net::TOR_V4);
    let (well, page) = explain(&agent, &[net::TOR_V4]);
    assert!(well, "{page}");

    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    let page = wait_cause(&agent, &["203.0.113.0/24"], "kernel", "", "");
    assert_eq!(of(&page, "rib", "zebra").expect("a step").0, "ok", "{page}");
    assert!(page.to_string().contains("via 10.0.1.2 dev tor0"), "{page}");
    admin.apply(vec![change::via("198.51.100.0/24", "10.77.0.1")]).unwrap();
    let page = wait_cause(&agent, &["198.51.100.0/24"], "rib", "zebra", "next_hop_unreachable");
    assert_eq!(of(&page, "kernel", "").expect("a step").1, "not_in_kernel", "{page}");
    let page =
        wait_cause(&agent, &["203.0.113.0/24", "--kind", "bgp"], "declared", "", "not_declared");
    assert_eq!(page["object"], "bgp prefix 203.0.113.0/24", "{page}");
}
