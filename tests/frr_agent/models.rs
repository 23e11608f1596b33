//! A YANG directory that lacks a model: what needs it is refused, with the file that is lacking, and all else works.

use std::path::PathBuf;

use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, net, wait_for},
};

/// A copy of FRR's models without one file.
fn without(lab: &Lab, file: &str) -> PathBuf {
    let copy = lab.run_dir().join(format!("without-{file}"));
    std::fs::create_dir(&copy).expect("a directory");
    for entry in std::fs::read_dir(lab.yang_dir()).expect("FRR's models").flatten() {
        if entry.file_name().to_str() != Some(file) {
            std::os::unix::fs::symlink(entry.path(), copy.join(entry.file_name())).expect("a link");
        }
    }
    copy
}

#[test]
fn what_needs_a_model_that_lacks_is_refused_and_all_else_works() {
    let lab = Lab::start(LabOptions::default());
    let dir = without(&lab, "frr-ospfd.yang");
    let mut agent = Agent::start_with(&lab, |config| {
        config["log_level"] = "info".into();
        config["frr"]["yang_dir"] = dir.to_str().expect("text").into();
    });
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    wait_tor(&lab, "192.0.2.0/24", |_| true);
    let file = "there is no frr-ospfd.yang";
    let interface = novaroute::proto::v1::OspfInterface {
        interface_name: net::NODE_TOR_INTERFACE.into(),
        area_id: "0".into(),
        ..Default::default()
    };
    let error = admin.enable_ospf(interface.clone()).unwrap_err();
    assert_eq!(error.code(), Code::Aborted, "{error}");
    assert!(error.message().contains(file) && error.message().contains("ospfd"), "{error}");
    let error = admin.advertise_ospf("198.51.100.1/32").unwrap_err();
    assert!(error.message().contains(file), "{error}");
    // Nothing is lacking of what was declared.
    wait_for("/readyz", SOON, || match agent.http("/readyz") {
        (200, text) if text.contains(file) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let row = wait_for("the row", SOON, || {
        let rows = admin.coverage();
        let row = rows.iter().find(|row| row.module == "frr-ospfd" && row.daemon == "ospfd");
        row.filter(|row| row.state == "down").cloned().ok_or_else(|| format!("{rows:#?}"))
    });
    assert!(row.why.contains(file) && row.loaded_revision.is_empty(), "{row:?}");
    assert!(agent.log().contains(file), "{}", agent.log());
    drop(admin);
    agent.stop();

    // With the model, and again without: what was declared of it waits, is said, and can be withdrawn.
    agent.edit(|config| config["frr"]["yang_dir"] = lab.yang_dir().to_str().expect("text").into());
    agent.launch();
    agent.client("admin").enable_ospf(interface).unwrap();
    let running_then = running(&lab, "ospfd");
    assert!(running_then.contains("ip ospf area"), "{running_then}");
    agent.stop();
    agent.edit(|config| config["frr"]["yang_dir"] = dir.to_str().expect("text").into());
    agent.launch();
    wait_for("/readyz", SOON, || match agent.http("/readyz") {
        (503, text) if text.contains(file) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(running(&lab, "ospfd"), running_then, "nothing of it is touched");
    let admin = agent.client("admin");
    admin.advertise("192.0.2.128/25").unwrap();
    wait_lines(&lab, &["network 192.0.2.128/25"]);
    admin.disable_ospf(net::NODE_TOR_INTERFACE).unwrap();
    drop(admin);
    agent.stop();
    agent.edit(|config| config["frr"]["yang_dir"] = lab.yang_dir().to_str().expect("text").into());
    agent.launch();
    agent.wait_ready();
    assert!(!running(&lab, "ospfd").contains("ip ospf area"));
}
