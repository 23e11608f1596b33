//! SIGHUP: all of a new configuration, or nothing.

use novaroute::proto::v1::EventType;
use serde_json::{Value, json};
use tonic::Code;

use super::configuration::wait_without;
use crate::{
    agent::*,
    lab::{Lab, LabOptions, net},
};

fn with_bgp(config: &mut Value) {
    config["bgp"] = json!({"local_as": net::NODE_AS, "router_id": "10.0.0.1"});
}

#[test]
fn a_bad_file_changes_nothing_and_says_every_error() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, with_bgp);
    let edge = agent.client("edge");
    edge.advertise("192.0.2.1/32").unwrap();
    agent.wait_ready();
    let before = all_running(&lab);
    let bad: [&dyn Fn(&mut Value); 3] = [
        &|config| {
            config["owners"]["edge"] = json!({"token": "new", "allowed_prefixes": {"type": "x"}});
            config["log_level"] = "loud".into();
            config["bgp"] = json!({"as_base": 1, "peers": 7});
        },
        &|config| *config = json!([]),
        &|config| *config = json!({"owners": {}}),
    ];
    let good = std::fs::read_to_string(agent.config_file()).unwrap();
    for edit in bad {
        assert!(!agent.reload(edit));
        std::fs::write(agent.config_file(), &good).unwrap();
    }
    std::fs::write(agent.config_file(), "{").unwrap();
    assert!(!agent.hang_up());
    std::fs::remove_file(agent.config_file()).unwrap();
    assert!(!agent.hang_up());
    let log = agent.log();
    for words in
        ["edge.allowed_prefixes.type", "log_level", "bgp.node_number", "bgp.peers", "not JSON"]
    {
        assert!(log.contains(words), "{words} in\n{log}");
    }
    assert!(agent.http("/metrics").1.contains("novaroute_config_last_reload_successful 0"));
    assert_eq!(agent.http("/healthz").0, 200);
    assert_eq!(all_running(&lab), before);
    edge.advertise("192.0.2.2/32").expect("the old token and policy");
    std::fs::write(agent.config_file(), &good).unwrap();
    assert!(agent.hang_up());
    assert!(agent.http("/metrics").1.contains("novaroute_config_last_reload_successful 1"));
}

#[test]
fn owners_tokens_policy_and_log_level_are_those_of_the_new_file() {
    let lab = Lab::start(LabOptions::default());
    let secret = lab.run_dir().join("secret");
    std::fs::write(&secret, "first\n").unwrap();
    let agent = Agent::start_with(&lab, |config| {
        with_bgp(config);
        let edge = config["owners"]["edge"].as_object_mut().unwrap();
        edge.remove("token");
        edge.insert("token_file".into(), json!(secret));
    });
    let edge = agent.client("edge").with_token("first");
    edge.advertise("192.0.2.1/32").unwrap();
    // The same file, another Secret.
    std::fs::write(&secret, "second\n").unwrap();
    edge.advertise("192.0.2.2/32").expect("nobody has asked it to read the Secret again");
    assert!(agent.hang_up());
    assert_eq!(edge.advertise("192.0.2.3/32").unwrap_err().code(), Code::Unauthenticated);
    // The same connection, with the new token.
    let edge = edge.with_token("second");
    edge.advertise("192.0.2.3/32").unwrap();

    let begin = agent.log().len();
    assert!(agent.reload(|config| {
        config["owners"]["edge"]["allowed_prefixes"]["allowed_cidrs"] = json!(["10.0.0.0/8"]);
        config["owners"]["fresh"] = json!({"token": "f", "allowed_prefixes": {"type": "any"}});
        config["log_level"] = "warn".into();
        config["metrics_address"] = "127.0.0.1:9109".into();
        config["frr"]["connect_timeout"] = 3.into();
    }));
    let log = agent.log()[begin..].to_owned();
    // What is logged between the two is still of the old level.
    let in_force = begin + log.len();
    for setting in ["metrics_address", "frr"] {
        let told = format!("setting=\"{setting}\"");
        assert!(
            log.contains(&told) && log.contains("takes effect when the agent is restarted"),
            "{log}"
        );
    }
    // What was declared stays; only what is declared from now on is judged anew.
    has_lines(&lab, &["network 192.0.2.1/32", "network 192.0.2.3/32"]).unwrap();
    assert_eq!(edge.advertise("192.0.2.4/32").unwrap_err().code(), Code::PermissionDenied);
    edge.withdraw("192.0.2.1/32").unwrap();
    edge.advertise("10.1.1.1/32").unwrap();
    let fresh = agent.client("fresh").with_token("f");
    fresh.advertise("198.51.100.0/24").unwrap();
    let (_, metrics) = agent.http("/metrics");
    let line = "novaroute_active_prefixes{owner=\"fresh\",protocol=\"bgp\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    let quiet = agent.log()[in_force..].to_owned();
    assert!(!quiet.contains("DEBUG") && !quiet.contains("call=\"AdvertisePrefix\""), "{quiet}");

    // A rollback is judged by the policy of now as well.
    let transactions =
        edge.block_on(edge.transactions().list(novaroute::proto::v1::ListTransactionsRequest {
            owner_filter: "edge".into(),
            limit: 0,
        }));
    let transactions = transactions.unwrap().into_inner().transactions;
    let withdrawn = transactions.iter().find(|it| it.origin == "WithdrawPrefix").unwrap();
    let request = novaroute::proto::v1::RollbackRequest {
        owner: edge.owner.clone(),
        token: edge.token.clone(),
        transaction_id: withdrawn.id.clone(),
    };
    let error = edge.block_on(edge.transactions().rollback(request)).unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied, "{error}");
    assert!(!running(&lab, "bgpd").contains("192.0.2.1/32"));
}

#[test]
fn a_removed_owner_is_out_at_once_and_its_routes_after_the_grace_period() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| {
        with_bgp(config);
        config["disconnect_grace_period"] = 60.into();
    });
    let (admin, edge, other) = (agent.client("admin"), agent.client("edge"), agent.client("net"));
    let events = admin.events(&["OWNER_DEREGISTERED"]);
    edge.advertise("192.0.2.1/32").unwrap();
    other.advertise("10.244.1.0/24").unwrap();
    // The new grace period is that of what ends from now on.
    assert!(agent.reload(|config| {
        config["owners"].as_object_mut().unwrap().remove("edge");
        config["disconnect_grace_period"] = 2.into();
    }));
    assert_eq!(edge.advertise("192.0.2.2/32").unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(edge.register().unwrap_err().code(), Code::Unauthenticated);
    has_lines(&lab, &["network 192.0.2.1/32"]).expect("it has the grace period");
    wait_without(&lab, "network 192.0.2.1/32");
    let (_, event) = events.wait_for_owner(EventType::OwnerDeregistered, "edge");
    assert!(event.detail.contains("withdrawn"), "{event:?}");
    has_lines(&lab, &["network 10.244.1.0/24"]).unwrap();
    let (_, metrics) = agent.http("/metrics");
    let line = "novaroute_active_prefixes{owner=\"edge\",protocol=\"bgp\"} 0";
    assert!(metrics.contains(line), "{metrics}");
}
