//! FRR of another version after a restart, as far as one FRR can show it: a bgpd that says another version when it
//! comes back, and models of another revision than the daemons announce. A whole other FRR under all tests is what
//! `FRR_ROOT` is for.

use std::{fs, path::Path};

use crate::{
    REFILL,
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
    proxy::{Proxy, Spoil},
};

#[test]
fn a_bgpd_of_another_version_is_told_and_filled() {
    let lab = Lab::start(LabOptions::default());
    let proxy = Proxy::start(&lab, "bgpd");
    let agent = Agent::start_with(&lab, |config| {
        config["frr"]["socket_dir"] = proxy.dir().to_str().expect("a path of text").into();
    });
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.1/32").unwrap();
    let version = wait_for("FRR's version", SOON, || match admin.status().frr_status {
        Some(frr) if !frr.version.is_empty() => Ok(frr.version),
        other => Err(format!("{other:?}")),
    });
    let version: &'static str = version.leak();
    lab.kill(Router::Node, "bgpd");
    proxy.spoil(Spoil::Version(version, "99.1"));
    lab.restart(Router::Node, "bgpd");
    wait_for("the new version", REFILL, || {
        let frr = admin.status().frr_status.unwrap_or_default();
        let bgpd = frr.daemons.iter().find(|daemon| daemon.name == "bgpd");
        match bgpd {
            Some(bgpd) if bgpd.version == "99.1" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    wait_for("bgpd to be filled", REFILL, || has_lines(&lab, &["network 192.0.2.1/32"]));
    admin.advertise("192.0.2.2/32").unwrap();
    wait_lines(&lab, &["network 192.0.2.1/32", "network 192.0.2.2/32"]);
    agent.wait_ready();
}

/// The package was upgraded and the daemons were not, or the other way round: an alarm says so, and what both
/// know goes on.
#[test]
fn models_of_another_revision_alarm_and_lose_nothing() {
    const MODULE: &str = "frr-route-map";
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin
        .apply(vec![change::prefix("192.0.2.1/32"), change::via("203.0.113.0/24", net::TOR_V4)])
        .unwrap();
    drop(admin);
    agent.stop();
    let before = all_running(&lab);

    let models = lab.run_dir().join("models");
    copy(&lab.yang_dir(), &models);
    let file = models.join(format!("{MODULE}.yang"));
    let text = fs::read_to_string(&file).expect("the module");
    let newer = text.replacen(
        "revision ",
        "revision 2099-01-01 {\n    description \"newer\";\n  }\n  revision ",
        1,
    );
    fs::write(&file, newer).expect("a newer module");
    agent.edit(|config| config["frr"]["yang_dir"] = models.to_str().expect("text").into());
    agent.launch();
    agent.wait_ready();
    let admin = agent.client("admin");
    wait_for("the alarm", SOON, || {
        let rows = admin.coverage();
        let told = rows.iter().any(|row| row.module == MODULE && row.revision_differs);
        let metrics = agent.http("/metrics").1;
        let alarm = metrics.lines().any(|line| line == "novaroute_yang_revision_mismatches 1");
        if told && alarm { Ok(()) } else { Err(format!("{told} {alarm} {rows:#?}")) }
    });
    assert_eq!(all_running(&lab), before, "nothing is lost or sent again");
    admin.advertise("192.0.2.2/32").unwrap();
    wait_lines(&lab, &["network 192.0.2.1/32", "network 192.0.2.2/32"]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("the models") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("its type").is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
}
