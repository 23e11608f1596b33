//! SIGHUP: all of a new configuration, or nothing.

use std::sync::atomic::{AtomicU32, Ordering};

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

/// A directory as the kubelet mounts a ConfigMap or a Secret: files are links into `..data`, which is swapped as a whole.
struct Volume(std::path::PathBuf);

impl Volume {
    fn new(at: std::path::PathBuf, files: &[(&str, &str)]) -> Self {
        std::fs::create_dir(&at).unwrap();
        let volume = Self(at);
        volume.swap(files);
        for (name, _) in files {
            std::os::unix::fs::symlink(format!("..data/{name}"), volume.0.join(name)).unwrap();
        }
        volume
    }

    /// What the kubelet's atomic writer does.
    fn swap(&self, files: &[(&str, &str)]) {
        static SWAPS: AtomicU32 = AtomicU32::new(0);
        let count = SWAPS.fetch_add(1, Ordering::Relaxed);
        let (stamp, data) = (format!("..2026_12_01_{count}"), self.0.join("..data"));
        std::fs::create_dir(self.0.join(&stamp)).unwrap();
        for (name, text) in files {
            std::fs::write(self.0.join(&stamp).join(name), text).unwrap();
        }
        let before = std::fs::read_link(&data).ok();
        std::os::unix::fs::symlink(&stamp, self.0.join("..data_tmp")).unwrap();
        std::fs::rename(self.0.join("..data_tmp"), &data).unwrap();
        if let Some(before) = before {
            std::fs::remove_dir_all(self.0.join(before)).unwrap();
        }
    }
}

/// The sessions' own counters: how often each was established and lost.
fn counters(lab: &Lab) -> Vec<[Value; 2]> {
    let names = ["connectionsEstablished", "connectionsDropped"];
    let of = |peer: &str| names.map(|name| neighbor(lab, peer)[name].clone());
    vec![of(net::TOR_V4), of(net::BIRD_V4)]
}

/// What admin is told of the configuration.
#[track_caller]
fn told(agent: &Agent) -> Value {
    let token = token("admin");
    let out = agent.ctl(&["config", "--owner", "admin", "--token", &token, "-o", "json"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("JSON")
}

#[test]
fn a_swapped_config_map_changes_a_token_and_resets_no_session() {
    let lab = Lab::start(LabOptions::default());
    let tokens = Volume::new(lab.run_dir().join("tokens"), &[("edge", "first\n")]);
    let agent = Agent::start_with(&lab, |config| {
        with_bgp(config);
        config["watch_interval"] = 1.into();
        let edge = config["owners"]["edge"].as_object_mut().unwrap();
        edge.remove("token");
        edge.insert("token_file".into(), json!(tokens.0.join("edge")));
    });
    // From here on the configuration is a ConfigMap too.
    let text = std::fs::read_to_string(agent.config_file()).unwrap();
    let config = Volume::new(lab.run_dir().join("config"), &[("config.json", &text)]);
    let link = lab.run_dir().join("link");
    std::os::unix::fs::symlink(config.0.join("config.json"), &link).unwrap();
    std::fs::rename(&link, agent.config_file()).unwrap();
    let swapped = |edit: &dyn Fn(&mut Value)| {
        let mut changed: Value = serde_json::from_str(&text).unwrap();
        edit(&mut changed);
        config.swap(&[("config.json", &changed.to_string())]);
    };

    let admin = agent.client("admin");
    admin.apply_peer(tor()).unwrap();
    admin.apply_peer(bird()).unwrap();
    let edge = agent.client("edge").with_token("first");
    edge.advertise("192.0.2.1/32").unwrap();
    wait_established(&lab, net::TOR_V4);
    wait_established(&lab, net::BIRD_V4);
    let (before, config_before) = (counters(&lab), all_running(&lab));

    // A token.
    tokens.swap(&[("edge", "second\n")]);
    let renewed = agent.client("edge").with_token("second");
    crate::lab::wait_for("the new token", SOON, || renewed.register().map_err(|e| e.to_string()));
    assert_eq!(edge.advertise("192.0.2.2/32").unwrap_err().code(), Code::Unauthenticated);

    // A policy, a log level, and a router-id, which would reset every session.
    swapped(&|config| {
        config["owners"]["edge"]["quotas"] = json!({"prefixes": 1});
        config["log_level"] = "warn".into();
        config["bgp"]["router_id"] = "10.0.0.9".into();
        config["metrics_address"] = "127.0.0.1:9109".into();
    });
    crate::lab::wait_for("what waits", SOON, || match told(&agent) {
        it if it["waits_for_reload"] == json!(["bgp"]) => Ok(()),
        it => Err(it.to_string()),
    });
    let now = told(&agent);
    assert_eq!(now["by"], "watch");
    assert_eq!(now["waits_for_restart"], json!(["metrics_address"]));
    assert_eq!(now["config"]["bgp"]["router_id"], "10.0.0.1", "it is not in force");
    assert_eq!(now["config"]["log_level"], "warn");
    assert!(!now.to_string().contains("second"), "{now}");
    assert_eq!(renewed.advertise("192.0.2.3/32").unwrap_err().code(), Code::ResourceExhausted);

    // What is wrong changes nothing, and is told.
    config.swap(&[("config.json", "{")]);
    crate::lab::wait_for("the error", SOON, || match told(&agent) {
        it if it["last_error"].as_str().is_some_and(|why| why.contains("not JSON")) => Ok(()),
        it => Err(it.to_string()),
    });
    assert_eq!(told(&agent)["config"]["log_level"], "warn");
    renewed.register().expect("what was in force is");

    // Nobody but admin is told, and nothing of all this touched a session.
    let denied = agent.ctl(&["config", "--owner", "edge", "--token", "second"]);
    assert_eq!(denied.status.code(), Some(6), "{denied:?}");
    assert_eq!((counters(&lab), all_running(&lab)), (before.clone(), config_before));

    // Asked for, the rest is in force.
    let reload = |expected| {
        let token = token("admin");
        let out = agent.ctl(&["reload", "--owner", "admin", "--token", &token]);
        assert_eq!(out.status.code(), Some(expected), "{out:?}");
    };
    reload(8);
    swapped(&|config| config["bgp"]["router_id"] = "10.0.0.9".into());
    reload(0);
    has_lines(&lab, &["bgp router-id 10.0.0.9"]).unwrap();
    assert_eq!(told(&agent)["waits_for_reload"], json!([]));
    crate::lab::wait_for("the resets that had to be asked for", SOON, || match counters(&lab) {
        now if now != before => Ok(()),
        now => Err(format!("{now:?}")),
    });
}
