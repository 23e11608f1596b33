//! FRR of another version after a restart: the whole of it is replaced under an agent that runs, and back again; a
//! bgpd alone says another version when it comes back; models are of another revision than the daemons announce.
//!
//! The other FRR is the one of `NOVAROUTE_LAB_OTHER_FRR`, a root file system: `lane.sh` names there the lab's usual
//! FRR while the tests run on a newer one. Without it the same FRR takes over from itself.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use novaroute::proto::v1::{BfdSession, OspfInterface, PrefixAttributes};

use crate::{
    REFILL,
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
    proxy::{Proxy, Spoil},
};

/// What `show version` of a daemon begins with.
fn version(lab: &Lab) -> String {
    let text = vty(lab, "bgpd", &["show version"]);
    text.lines().next().and_then(|it| it.split_whitespace().nth(1)).unwrap_or_default().to_owned()
}

/// How many of the models are of another revision than the daemons announce, by the metric.
fn mismatches(agent: &Agent<'_>) -> Option<u32> {
    let metrics = agent.http("/metrics").1;
    let value = |line: &str| line.strip_prefix("novaroute_yang_revision_mismatches ")?.parse().ok();
    metrics.lines().find_map(value)
}

/// Lines of every kind of intent but the static route, in the daemons that have them; `more` are bgpd's.
#[track_caller]
fn wait_filled(lab: &Lab, more: &[&str]) {
    let bgpd = ["network 192.0.2.1/32", "bgp router-id 10.0.0.1", "set metric 7"];
    for (daemon, lines) in [
        ("bgpd", &[&bgpd[..], more].concat()[..]),
        ("bfdd", &["detect-multiplier 5"]),
        ("ospfd", &["ip ospf cost 77"]),
    ] {
        wait_for(&format!("{daemon} to be filled"), REFILL, || {
            let text = running(lab, daemon);
            if lines.iter().all(|line| text.contains(line)) { Ok(()) } else { Err(text) }
        });
    }
}

/// Waits for the static route. Models of another FRR may say otherwise how one is written (10.3 and 10.7 do): then it is
/// told as rejected, with mgmtd's words, and the agent is not ready.
#[track_caller]
fn wait_routed(lab: &Lab, agent: &Agent<'_>, other_models: bool) {
    wait_for("the static route", REFILL, || {
        let (shown, ready) = (kernel(lab, "203.0.113.0/24"), agent.http("/readyz"));
        let told =
            ready.0 == 503 && ready.1.contains("static route 203.0.113.0/24: mgmtd: YANG error");
        match shown.contains("proto static") || other_models && told {
            true => Ok(()),
            false => Err(format!("{shown} {ready:?}")),
        }
    });
}

/// An upgrade of the package and its return: every daemon ends and one of another version comes, under an agent
/// that runs on, with the models of the one before. All that both write alike is there again, somebody else's too; what
/// is new goes to the new one; an agent that starts anew with the new models does the rest, and nothing twice.
#[test]
fn the_whole_of_frr_is_replaced_and_comes_back() {
    const FOREIGN: &str = "ip prefix-list THEIRS seq 5 permit 10.0.0.0/8\n";
    let lab = Lab::start(LabOptions::default().config(Router::Node, FOREIGN));
    let newer = lab.frr_root().to_owned();
    let older = env::var_os("NOVAROUTE_LAB_OTHER_FRR").map_or_else(|| newer.clone(), PathBuf::from);
    let models = |root: &Path| root.join("usr/share/yang").to_str().expect("text").to_owned();
    lab.replace_frr(Router::Node, &older);
    let old_version = version(&lab);
    let mut agent = Agent::start_with(&lab, |config| {
        config["frr"]["yang_dir"] = models(&older).into();
        config["frr"]["connect_timeout"] = 1.into();
    });
    let admin = agent.client("admin");
    let with = PrefixAttributes { med: 7, ..PrefixAttributes::default() };
    let bfd = BfdSession {
        peer_address: net::BIRD_V4.to_owned(),
        detect_multiplier: 5,
        ..BfdSession::default()
    };
    let ospf = OspfInterface {
        interface_name: net::NODE_TOR_INTERFACE.to_owned(),
        area_id: "0.0.0.0".to_owned(),
        cost: 77,
        ..OspfInterface::default()
    };
    let first = admin.apply(vec![
        change::bgp(net::NODE_AS, "10.0.0.1"),
        change::peer(tor()),
        change::prefix_with("192.0.2.1/32", with),
        change::via("203.0.113.0/24", net::TOR_V4),
        change::bfd(bfd),
        change::ospf(ospf),
    ]);
    first.expect("all of it");
    wait_filled(&lab, &[]);
    wait_routed(&lab, &agent, false);

    lab.replace_frr(Router::Node, &newer);
    let new_version = version(&lab);
    let other = older != newer;
    assert_eq!(new_version != old_version, other, "{old_version} {new_version}");
    wait_filled(&lab, &[]);
    wait_routed(&lab, &agent, other);
    wait_for("the new version and the alarm of the models", REFILL, || {
        let frr = admin.status().frr_status.unwrap_or_default();
        let alarm = mismatches(&agent).map(|count| count > 0);
        let told = frr.daemons.iter().all(|it| !it.connected || it.version == new_version);
        match frr.version == new_version && told && alarm == Some(other) {
            true => Ok(()),
            false => Err(format!("{frr:?}, alarm: {alarm:?}")),
        }
    });
    admin.advertise("192.0.2.2/32").expect("a prefix for the new one");
    wait_filled(&lab, &["network 192.0.2.2/32"]);
    wait_tor(&lab, "192.0.2.2/32", |_| true);
    assert!(running(&lab, "bgpd").contains("THEIRS"), "somebody else's");

    // With the models of the new one all is there, nothing is done twice, and nothing differs.
    let before = all_running(&lab);
    agent.stop();
    agent.edit(|config| config["frr"]["yang_dir"] = models(&newer).into());
    agent.launch();
    agent.wait_ready();
    wait_routed(&lab, &agent, false);
    assert_eq!(all_running(&lab), before);
    wait_for("the models to be the daemons'", SOON, || match mismatches(&agent) {
        Some(0) => Ok(()),
        other => Err(format!("{other:?}")),
    });

    lab.replace_frr(Router::Node, &older);
    wait_filled(&lab, &["network 192.0.2.2/32"]);
    let admin = agent.client("admin");
    admin.withdraw("192.0.2.2/32").expect("a change of the old one");
    wait_for("the prefix to be gone", REFILL, || {
        let text = running(&lab, "bgpd");
        if text.contains("192.0.2.2/32") { Err(text) } else { Ok(()) }
    });
    wait_filled(&lab, &[]);
    wait_routed(&lab, &agent, other);
    agent.stop();
    agent.edit(|config| config["frr"]["yang_dir"] = models(&older).into());
    agent.launch();
    agent.wait_ready();
    wait_routed(&lab, &agent, false);
}

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
        let alarm = mismatches(&agent) == Some(1);
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
