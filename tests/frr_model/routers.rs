//! The lab that sequences are played in, and what FRR runs there as lines to be compared.

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net},
    model::{Model, OWNERS, set},
};

/// What the operator has in FRR's start-up configuration.
const FOREIGN: &str = "\
ip prefix-list THEIRS seq 5 permit 10.0.0.0/8 le 24
ip route 198.18.0.0/15 blackhole
bgp community-list standard THEIRS seq 5 permit 65000:1
route-map THEIRS permit 10
 set metric 5
exit
router bgp 65000
 bgp router-id 10.0.0.1
 no bgp network import-check
 neighbor 10.0.9.9 remote-as 65009
 neighbor 10.0.9.9 description theirs
 address-family ipv4 unicast
  network 192.0.2.3/32
  network 198.51.100.0/24
 exit-address-family
exit
bfd
 profile theirs
  detect-multiplier 7
 exit
exit
";

/// An agent whose owners have all the time to come back, with the instance in place.
pub fn start(lab: &Lab) -> Agent<'_> {
    let agent = Agent::start_with(lab, |config| {
        config["disconnect_grace_period"] = 3600.into();
        config["frr"]["connect_timeout"] = 1.into();
    });
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").expect("an instance");
    agent
}

pub fn a_lab() -> Lab {
    Lab::start(LabOptions::default().config(Router::Node, FOREIGN))
}

/// A configuration as lines with what they stand in, so that the order of blocks is no difference.
pub fn lines(lab: &Lab) -> Vec<String> {
    let mut all = Vec::new();
    for (daemon, text) in ["bgpd", "bfdd", "staticd", "ospfd"].iter().zip(all_running(lab)) {
        let mut open: Vec<(usize, String)> = Vec::new();
        for line in text.lines() {
            let body = line.trim();
            let none = ["!", "exit", "end", "log ", "hostname", "Building", "Current", "frr "];
            if body.is_empty() || none.iter().any(|it| body.starts_with(it)) {
                continue;
            }
            let indentation = line.len() - line.trim_start().len();
            open.retain(|(outer, _)| *outer < indentation);
            let context: Vec<_> = open.iter().map(|(_, line)| line.as_str()).collect();
            all.push(format!("{daemon}: {} / {body}", context.join(" / ")));
            open.push((indentation, body.to_owned()));
        }
    }
    all.extend(static_routes(lab));
    all.sort();
    all
}

/// The static routes that staticd itself has. Its `show running-config` has none of them: they are mgmtd's.
fn static_routes(lab: &Lab) -> Vec<String> {
    let text = vty(lab, "staticd", &["show configuration running json"]);
    let all: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let protocols =
        &all["frr-routing:routing"]["control-plane-protocols"]["control-plane-protocol"];
    let lists = protocols.as_array().into_iter().flatten();
    let routes = lists.flat_map(|it| it["frr-staticd:staticd"]["route-list"].as_array());
    routes.flatten().map(|route| format!("staticd: {route}")).collect()
}

/// What a fresh FRR and a fresh agent make of the model.
pub fn reference(model: &Model) -> Vec<String> {
    let lab = a_lab();
    let agent = start(&lab);
    for owner in OWNERS {
        let of_owner = model.iter().filter(|((it, _), _)| *it == owner);
        let changes: Vec<_> = of_owner.map(|(_, kind)| set(kind)).collect();
        if !changes.is_empty() {
            agent.client(owner).apply(changes).expect("what was taken before");
        }
    }
    agent.wait_ready();
    lines(&lab)
}
