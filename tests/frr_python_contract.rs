//! The contract as a client in the field speaks it: `tests/python/contract.py`, in Python, with a
//! description of the contract of its own.

mod agent;
mod lab;

use std::{fs, process::Command};

use agent::{Agent, token, wait_lines};
use lab::{Lab, LabOptions, Router, assert_well, net, python};

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
            // Before the area: ospfd waits as long as the dead interval was when it began.
            "ip ospf hello-interval 1",
            "ip ospf dead-interval 4",
            "ip ospf area 0.0.0.0",
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

/// The client of the book, word for word, with stubs made of the contract as the book says.
#[test]
fn the_client_of_the_book_works() {
    let page = fs::read_to_string(format!("{ROOT}/docs/src/clients.md")).expect("the page");
    let (_, rest) = page.split_once("```python\n").expect("the client");
    let (client, _) = rest.split_once("```").expect("its end");
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("client.py"), client).expect("writing");
    let mut stubs = Command::new(python());
    stubs.args(["-m", "grpc_tools.protoc", &format!("-I{ROOT}/proto")]);
    stubs.args(["--python_out=.", "--grpc_python_out=.", &format!("{ROOT}/proto/novaroute.proto")]);
    assert_well(&stubs.current_dir(&directory).output().expect("running protoc"));

    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let edge = agent.client("edge");
    edge.advertise("10.0.0.3/32").unwrap();
    let run = |token: &str| {
        let mut client = Command::new(python());
        client.arg("client.py").current_dir(&directory).env("NOVAROUTE_OWNER", "edge");
        client.env("NOVAROUTE_TARGET", format!("unix:{}", agent.socket().display()));
        client.env("NOVAROUTE_TOKEN", token).output().expect("running the client")
    };
    let out = run(&token("edge"));
    assert_well(&out);
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(said, "10.0.0.1/32 applied\n10.0.0.2/32 applied\n");
    wait_lines(&lab, &["network 10.0.0.1/32", "network 10.0.0.2/32"]);
    assert_eq!(admin.prefix_state("10.0.0.3/32"), None, "it was withdrawn");
    let out = run("wrong");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && said.contains("UNAUTHENTICATED"), "{said}");
}
