//! The contract as a client in the field speaks it: `tests/python/contract.py`, in Python, with a
//! description of the contract of its own.

mod agent;
mod lab;

use agent::Agent;
use lab::{Lab, LabOptions, Router, assert_well, python};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// tor speaks OSPF on its link as fast as it may, and takes part in every area that the node tries.
fn tor_runs_ospf_and_bfd(lab: &Lab) {
    lab.vtysh(
        Router::Tor,
        &[
            "configure terminal",
            "router bgp",
            "neighbor 10.0.1.1 bfd",
            "exit",
            "router ospf",
            "exit",
            "interface node0",
            "ip ospf area 0.0.0.0",
            "ip ospf hello-interval 1",
            "ip ospf dead-interval 4",
        ],
    );
}

#[test]
fn a_python_client_runs_every_call_and_every_status_code_of_the_contract() {
    let lab = Lab::start(LabOptions::default());
    tor_runs_ospf_and_bfd(&lab);
    let agent = Agent::start_with(&lab, |config| {
        config["owners"]["edge"]["may_configure_bgp"] = true.into();
        config["owners"]["net"]["quotas"] = serde_json::json!({"prefixes": 1});
    });
    let output = lab
        .command(Router::Node, python())
        .arg(format!("{ROOT}/tests/python/contract.py"))
        .arg(format!("unix:{}", agent.socket().display()))
        .arg(format!("{ROOT}/tests/lab/lab.sh"))
        .args(["-l", lab.id()])
        .output()
        .unwrap();
    assert_well(&output);
}
