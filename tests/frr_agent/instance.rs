//! ConfigureBGP once and again.

use novaroute::proto::v1::{ConfigureBgpResponse, PrefixAttributes};
use serde_json::json;
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// The instance of before, as an answer tells it.
fn told(answer: ConfigureBgpResponse) -> (u32, String) {
    (answer.previous_as, answer.previous_router_id)
}

fn previous(previous_as: u32, previous_router_id: &str) -> (u32, String) {
    (previous_as, previous_router_id.to_owned())
}

#[test]
fn another_as_brings_everything_back_in_the_new_instance() {
    // `tor` takes either AS.
    let tor_conf = "router bgp 65001\n bgp router-id 10.0.1.2\n no bgp ebgp-requires-policy\n \
         neighbor 10.0.1.1 remote-as external\n neighbor 10.0.1.1 timers connect 1\nexit\n";
    let lab = Lab::start(LabOptions::default().config(Router::Tor, tor_conf));
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    assert_eq!(told(admin.configure_bgp(65010, "10.0.0.1").unwrap()), previous(0, ""));
    admin.apply_peer(tor()).unwrap();
    let with = PrefixAttributes { med: 7, ..Default::default() };
    admin.advertise_with("192.0.2.0/24", with).unwrap();
    agent.client("edge").advertise("10.1.1.1/32").unwrap();
    let path = wait_tor(&lab, "192.0.2.0/24", |_| true);
    assert_eq!(path["aspath"]["string"], json!("65010"));
    let before = all_running(&lab);

    assert_eq!(told(admin.configure_bgp(65020, "10.0.0.2").unwrap()), previous(65010, "10.0.0.1"));
    let path = wait_tor(&lab, "192.0.2.0/24", |path| path["aspath"]["string"] == json!("65020"));
    assert_eq!(path["metric"], json!(7), "{path}");
    wait_tor(&lab, "10.1.1.1/32", |path| path["aspath"]["string"] == json!("65020"));
    let config = running(&lab, "bgpd");
    assert!(!config.contains("65010"), "{config}");
    assert_eq!(told(admin.configure_bgp(65010, "10.0.0.1").unwrap()), previous(65020, "10.0.0.2"));
    assert_eq!(all_running(&lab), before);

    // Somebody else's lines would go with the old instance.
    configure(&lab, &["router bgp 65010", "bgp bestpath as-path multipath-relax"]);
    let before = all_running(&lab);
    let error = admin.configure_bgp(65020, "10.0.0.2").unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    assert!(error.message().contains("bgp bestpath as-path multipath-relax"), "{error}");
    assert_eq!(all_running(&lab), before);
    assert_eq!(told(admin.configure_bgp(65010, "10.0.0.1").unwrap()), previous(65010, "10.0.0.1"));
    assert_eq!(all_running(&lab), before);
}

#[test]
fn a_router_id_can_be_left_out_set_and_left_out_again() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, "log commands\n"));
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let error = admin.advertise("192.0.2.0/24").unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition, "{error}");
    let error = agent.client("admin").apply_peer(tor()).unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition, "{error}");
    assert_eq!(told(admin.configure_bgp(net::NODE_AS, "").unwrap()), previous(0, ""));
    let without = all_running(&lab);
    assert!(!without[0].contains("router-id"), "{}", without[0]);
    let commands = commands_run(&lab);
    assert_eq!(told(admin.configure_bgp(net::NODE_AS, "").unwrap()), previous(65000, ""));
    assert_eq!(commands_run(&lab), commands, "the same again sends nothing");
    assert_eq!(told(admin.configure_bgp(net::NODE_AS, "10.0.0.7").unwrap()), previous(65000, ""));
    has_lines(&lab, &["bgp router-id 10.0.0.7"]).unwrap();
    assert_eq!(told(admin.configure_bgp(net::NODE_AS, "").unwrap()), previous(65000, "10.0.0.7"));
    assert_eq!(all_running(&lab), without);
    assert_eq!(
        told(agent.client("edge").configure_bgp(65001, "").unwrap()),
        previous(65000, ""),
        "as in the field"
    );
}

/// An instance of the same AS is joined as it is; one of another AS takes nothing in.
#[test]
fn an_instance_that_runs_already_is_joined() {
    let lab = Lab::start(LabOptions::default());
    let theirs =
        ["router bgp 65000", "no bgp network import-check", "neighbor 10.0.9.9 remote-as 65009"];
    configure(&lab, &theirs);
    let before = all_running(&lab);
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let error = admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    assert!(error.message().contains("router bgp 65000"), "{error}");
    admin.configure_bgp(net::NODE_AS, "").unwrap();
    assert_eq!(all_running(&lab), before, "nothing is added to it");
    admin.advertise("192.0.2.0/24").unwrap();
    has_lines(&lab, &[theirs[0], theirs[2], "network 192.0.2.0/24"]).unwrap();
    admin.withdraw("192.0.2.0/24").unwrap();
    assert_eq!(all_running(&lab), before);

    let other = Lab::start(LabOptions::default());
    let line = "bgp bestpath as-path multipath-relax";
    configure(&other, &["router bgp 64999", "neighbor 10.0.9.9 remote-as 65009", line]);
    let before = all_running(&other);
    let agent = Agent::start(&other);
    let admin = agent.client("admin");
    let error = admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    assert!(error.message().contains("router bgp 64999"), "{error}");
    assert_eq!(all_running(&other), before);
    configure(&other, &["no router bgp 64999"]);
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    has_lines(&other, &["router bgp 65000", "bgp router-id 10.0.0.1"]).unwrap();
}

/// The instance of the configuration file is there without any client.
#[test]
fn the_configuration_file_may_declare_the_instance() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| {
        config["bgp"] = json!({"local_as": 65000, "router_id": "10.0.0.5"});
    });
    wait_lines(&lab, &["router bgp 65000", "bgp router-id 10.0.0.5"]);
    agent.client("edge").advertise("192.0.2.1/32").unwrap();
}

/// bgpd's own timer holds up a session's first route for a second, and longer with many neighbours configured.
#[test]
fn the_coalesce_time_is_the_agents_and_an_operators_instance_keeps_its_own() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start_with(&lab, |config| config["bgp"]["coalesce_time"] = json!(70));
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    has_lines(&lab, &["coalesce-time 70"]).unwrap();
    agent.stop();
    agent.edit(|config| drop(config["bgp"].as_object_mut().unwrap().remove("coalesce_time")));
    agent.launch();
    wait_for("the default", SOON, || has_lines(&lab, &["coalesce-time 100"]));
    drop(agent);

    let theirs = format!("router bgp {}\n bgp router-id 10.0.0.1\nexit\n", net::NODE_AS);
    let lab = Lab::start(LabOptions::default().config(Router::Node, &theirs));
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    assert!(!running(&lab, "bgpd").contains("coalesce-time"));
}
