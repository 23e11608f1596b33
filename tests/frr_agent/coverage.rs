//! What the agent knows of the FRR in use: which door executes which module, in which revision.

use std::collections::BTreeSet;

use novaroute::{
    coverage::CATALOGUE,
    proto::v1::CoverageRow,
    yang::{Profile, Schema},
};

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, wait_for},
};

/// Waits until all that is sent somewhere is in use.
#[track_caller]
fn wait_in_use(client: &Client) -> Vec<CoverageRow> {
    wait_for("all doors in use", SOON, || {
        let rows = client.coverage();
        let well = |row: &CoverageRow| row.state == "in use" || row.state == "unused";
        let asked = rows.iter().filter(|row| row.announced_revision.is_some()).count();
        let all = !rows.is_empty() && rows.iter().all(well) && asked >= 7;
        if all { Ok(rows) } else { Err(format!("{rows:#?}")) }
    })
}

#[test]
fn each_module_has_its_door_and_the_revision_that_frr_announces() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let rows = wait_in_use(&admin);
    let row = |rows: &[CoverageRow], daemon: &str, module: &str| {
        let found = rows.iter().find(|row| row.daemon == daemon && row.module == module);
        found.cloned().unwrap_or_else(|| panic!("{daemon} {module}"))
    };
    for (daemon, module, door) in [
        ("mgmtd", "frr-staticd", "mgmtd"),
        ("bfdd", "frr-bfdd", "vty"),
        ("bgpd", "frr-filter", "vty"),
        ("bgpd", "frr-route-map", "vty"),
    ] {
        let row = row(&rows, daemon, module);
        assert_eq!(row.door, door, "{row:?}");
        assert_eq!(row.announced_revision, Some(row.loaded_revision.clone()), "{row:?}");
        assert!(!row.why.is_empty() && !row.revision_differs, "{row:?}");
    }
    // Nobody implements it.
    let bgp = row(&rows, "bgpd", "frr-bgp");
    assert_eq!((bgp.announced_revision, bgp.revision_differs), (None, false));
    assert!(!bgp.loaded_revision.is_empty());
    assert_eq!(row(&rows, "mgmtd", "frr-vrf").door, "none");

    // Probed again after a restart; meanwhile it is down, and says why.
    lab.kill(Router::Node, "bgpd");
    wait_for("bgpd to be down", SOON, || {
        let row = row(&admin.coverage(), "bgpd", "frr-bgp");
        if row.state == "down" && !row.why.is_empty() { Ok(()) } else { Err(format!("{row:?}")) }
    });
    lab.restart(Router::Node, "bgpd");
    wait_in_use(&admin);

    let shown = agent.ctl(&["coverage"]);
    let text = String::from_utf8(shown.stdout).expect("text");
    assert!(text.lines().any(|line| line.starts_with("mgmtd   frr-staticd")), "{text}");
    let json = agent.ctl(&["coverage", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["rows"].as_array().map(Vec::len), Some(rows.len()));
}

/// What is loaded to be rendered into has a row that says what becomes of it.
#[test]
fn every_module_that_is_loaded_is_covered() {
    let lab = Lab::start(LabOptions::default());
    let schema = Schema::load(&lab.yang_dir(), Profile::Traditional).expect("FRR's models");
    let covered: BTreeSet<_> = CATALOGUE.iter().map(|entry| entry.module.as_str()).collect();
    let loaded = schema.modules();
    let ours = |name: &&str| name.starts_with("frr-") || name.starts_with("novaroute-");
    let loaded: BTreeSet<_> = loaded.iter().map(|(name, _)| name.as_str()).filter(ours).collect();
    let lacking: Vec<_> = loaded.difference(&covered).collect();
    assert!(lacking.is_empty(), "yang/coverage.json lacks {lacking:?}");
    let used = CATALOGUE.iter().filter(|entry| !entry.transports.is_empty());
    let strange: Vec<_> = used.filter(|entry| !loaded.contains(&*entry.module)).collect();
    assert!(strange.is_empty(), "yang/coverage.json has what nobody loads: {strange:?}");
}
