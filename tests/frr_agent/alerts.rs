//! Alerts on what a real agent counts: Prometheus sees the first of each, and nothing where nothing is wrong.

use std::collections::BTreeMap;

use serde_json::json;
use tonic::Code;

use crate::{
    agent::{
        prometheus::{alerts, scrape},
        *,
    },
    lab::{Lab, LabOptions, net, wait_for},
};

const VIOLATIONS: &str = "NovaRoutePolicyViolations";
const FAILURES: &str = "NovaRouteTransactionsFail";

/// A counter that first appears as 1 has not increased: the alert would never fire.
#[test]
fn the_first_violation_is_an_alert() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| config["log_level"] = "info".into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent.wait_ready();
    let before = scrape(&agent);
    let violation = |scrape: &BTreeMap<String, f64>, owner: &str| {
        scrape[&format!(
            "novaroute_policy_violations_total{{owner=\"{owner}\",reason=\"allowed_cidrs\"}}"
        )]
    };
    assert_eq!(violation(&before, "edge"), 0.0);
    assert_eq!(before["novaroute_events_total{type=\"POLICY_VIOLATION\"}"], 0.0);
    let events = admin.events(&["POLICY_VIOLATION"]);
    let error = agent.client("edge").advertise("203.0.113.1/32").unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied, "{error}");
    // Its own limits are for its own eyes.
    assert!(error.message().contains("10.0.0.0/8"), "{error}");
    wait_for("the event", SOON, || if events.all().is_empty() { Err("none") } else { Ok(()) });
    let event = events.all().remove(0);
    assert!(!format!("{event:?}").contains("10.0.0.0/8"), "{event:?}");
    let after = scrape(&agent);
    assert_eq!(violation(&after, "edge"), 1.0);
    assert_eq!(alerts(&[before, after.clone()], &[VIOLATIONS, FAILURES]), [VIOLATIONS]);

    // The same of an owner that a reload brings.
    assert!(agent.reload(|config| {
        config["owners"]["late"] = json!({
            "token": token("late"),
            "allowed_prefixes": {"type": "any", "allowed_cidrs": ["10.0.0.0/8"]},
        });
    }));
    let before = scrape(&agent);
    assert_eq!(violation(&before, "late"), 0.0);
    agent.client("late").advertise("203.0.113.0/24").unwrap_err();
    let after = scrape(&agent);
    let without = |scrape: &BTreeMap<String, f64>| {
        let late = scrape.iter().filter(|(series, _)| !series.contains("\"edge\""));
        late.map(|(series, value)| (series.clone(), *value)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(alerts(&[without(&before), without(&after)], &[VIOLATIONS]), [VIOLATIONS]);
}

/// Who withdraws twice is careful, and breaks no policy.
#[test]
fn to_remove_what_is_not_there_is_no_violation() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| config["log_level"] = "info".into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent.wait_ready();
    let events = admin.events(&["POLICY_VIOLATION"]);
    let before = scrape(&agent);
    let edge = agent.client("edge");
    for _ in 0..3 {
        assert_eq!(edge.withdraw("192.0.2.1/32").unwrap_err().code(), Code::NotFound);
    }
    assert_eq!(edge.remove_peer("10.0.1.9").unwrap_err().code(), Code::NotFound);
    assert_eq!(edge.disable_bfd("10.0.1.9").unwrap_err().code(), Code::NotFound);
    assert_eq!(edge.disable_ospf("tor0").unwrap_err().code(), Code::NotFound);
    let after = scrape(&agent);
    let violations = |scrape: &BTreeMap<String, f64>| -> f64 {
        scrape
            .iter()
            .filter(|(series, _)| series.contains("policy_violations"))
            .map(|(_, value)| value)
            .sum()
    };
    assert_eq!((violations(&before), violations(&after)), (0.0, 0.0));
    assert!(!after.keys().any(|series| series.contains("not_found")), "no such series");
    // One that does break it comes behind them: had there been an event for them, it would be here by then.
    edge.advertise("203.0.113.1/32").unwrap_err();
    wait_for("the event", SOON, || if events.all().is_empty() { Err("none") } else { Ok(()) });
    assert_eq!(events.all().len(), 1, "{:?}", events.all());
    assert_eq!(alerts(&[before, after], &[VIOLATIONS, FAILURES]), Vec::<String>::new());
}
