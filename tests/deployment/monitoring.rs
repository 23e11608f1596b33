//! Alerts, dashboards and documents name metrics that the program has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;

use super::*;

/// All Rust files below a directory.
pub fn sources(directory: &str) -> Vec<String> {
    let mut texts = vec![];
    for entry in fs::read_dir(Path::new(HERE).join(directory)).expect("a directory").flatten() {
        let path = entry.path();
        let below = path.strip_prefix(HERE).expect("below").to_str().expect("text").to_owned();
        if path.is_dir() {
            texts.extend(sources(&below));
        } else if below.ends_with(".rs") && !below.contains("tests") {
            texts.push(read(&below));
        }
    }
    texts
}

/// Every metric of the program, by its declaration, and its labels.
fn metrics() -> BTreeMap<String, BTreeSet<String>> {
    let files = sources("src/telemetry");
    let declared = files.iter().filter_map(|text| text.split("#[cfg(test)]\nmod tests").next());
    let text = declared.collect::<String>();
    let mut metrics = BTreeMap::new();
    let pieces: Vec<_> = text.split("\"novaroute_").collect();
    for piece in &pieces[1..] {
        let (name, rest) = piece.split_once('"').expect("the end of a text");
        // The labels stand beside the name: `&["a", "b"]`.
        let declaration = rest.split("fn ").next().expect("a first part");
        let labels = declaration.split_once("&[").and_then(|(_, list)| list.split_once(']'));
        let labels = labels.map_or("", |(list, _)| list);
        let labels = labels.split(',').map(|it| it.trim().trim_matches('"').to_owned());
        let known: &mut BTreeSet<String> = metrics.entry(format!("novaroute_{name}")).or_default();
        known.extend(labels.filter(|it| !it.is_empty()));
    }
    metrics
}

/// The PromQL of every alert and every panel.
fn expressions() -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| match value {
                Value::String(text) if key == "expr" => found.push(text.clone()),
                Value::String(text) if key == "query" => found.push(text.clone()),
                _ => collect(value, found),
            }),
            Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = vec![];
    collect(by_kind(&render(&["production"]), "PrometheusRule"), &mut found);
    for board in ["overview", "operations"] {
        let text = read(&format!("deploy/monitoring/dashboards/{board}.json"));
        collect(&serde_json::from_str(&text).expect("JSON"), &mut found);
    }
    found
}

/// The metrics that a text names, without a histogram's suffix where the metric has one.
fn named(text: &str, metrics: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !word(c)).filter(|it| it.starts_with("novaroute_"));
    // Python's names of the contract.
    let words = words.filter(|it| !it.contains("_pb2"));
    let base = |name: &str| {
        let stem =
            ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        stem.filter(|stem| metrics.contains_key(*stem)).unwrap_or(name).to_owned()
    };
    words.map(base).collect()
}

#[test]
fn alerts_and_dashboards_use_metrics_and_labels_that_exist() {
    let metrics = metrics();
    assert!(metrics["novaroute_intents_total"].contains("operation"), "{metrics:?}");
    assert!(metrics["novaroute_frr_connected"].is_empty(), "{metrics:?}");
    let expressions = expressions();
    assert!(expressions.len() > 30, "{expressions:?}");
    for expression in &expressions {
        let mut labels = BTreeSet::from(["instance", "job", "le", "node"].map(str::to_owned));
        for name in named(expression, &metrics) {
            let of = metrics.get(&name).unwrap_or_else(|| panic!("no metric {name}: {expression}"));
            labels.extend(of.iter().cloned());
        }
        // Labels in selectors, and those that are grouped by.
        let mut used = vec![];
        for selector in expression.split('{').skip(1) {
            let selector = selector.split('}').next().expect("an end");
            // `"` begins and ends a value, in which there may be anything.
            let outside: String = selector.split('"').step_by(2).collect::<Vec<_>>().join(" ");
            used.extend(
                outside
                    .split([',', ' '])
                    .map(|it| it.trim_end_matches(['=', '~', '!']))
                    .map(str::to_owned),
            );
        }
        for group in expression.split("by (").skip(1) {
            let group = group.split(')').next().expect("an end");
            used.extend(group.split(',').map(|it| it.trim().to_owned()));
        }
        for label in used.iter().filter(|it| !it.is_empty()) {
            assert!(labels.contains(label), "no label {label}: {expression}");
        }
    }
}

#[test]
fn prometheus_takes_every_expression_and_every_alert_fires_for_its_reason() {
    let scratch = tempfile::tempdir().expect("a directory");
    let rules = by_kind(&render(&["production"]), "PrometheusRule")["spec"].clone();
    let write = |name: &str, value: &Value| {
        let file = scratch.path().join(name);
        // JSON is YAML.
        fs::write(&file, value.to_string()).expect("a file");
        file
    };
    let file = write("rules.yaml", &rules);
    good(output(tool("promtool").args(["check", "rules"]).arg(&file)));
    let test = scratch.path().join("alerts_test.yaml");
    let text = read("tests/deploy/alerts_test.yaml");
    for rule in rules["groups"][0]["rules"].as_array().expect("rules") {
        let name = rule["alert"].as_str().expect("a name");
        assert!(text.contains(&format!("alertname=\"{name}\"")), "no test has {name} fire");
    }
    fs::write(&test, text).expect("a file");
    good(output(tool("promtool").args(["test", "rules"]).arg(&test)));

    // Panels: as recording rules, with Grafana's variable filled in.
    let panels: Vec<Value> = expressions()
        .iter()
        .filter(|it| !it.starts_with("label_values(") && *it != "prometheus")
        .enumerate()
        .map(
            |(i, it)| json!({"record": format!("panel{i}"), "expr": it.replace("$instance", ".*")}),
        )
        .collect();
    let file = write("panels.yaml", &json!({"groups": [{"name": "panels", "rules": panels}]}));
    good(output(tool("promtool").args(["check", "rules"]).arg(&file)));
}

#[test]
fn documents_name_metrics_and_alerts_that_exist() {
    let metrics = metrics();
    let rules = read("deploy/monitoring/prometheusrule.yaml");
    let mut pages = vec!["README.md".to_owned(), "deploy/README.md".to_owned()];
    for entry in fs::read_dir(Path::new(HERE).join("docs/src")).expect("docs/src").flatten() {
        pages.push(format!("docs/src/{}", entry.file_name().to_str().expect("text")));
    }
    for page in pages.iter().filter(|it| it.ends_with(".md")) {
        let text = read(page);
        for name in named(&text, &metrics) {
            assert!(metrics.contains_key(&name), "{page}: no metric {name}");
        }
        for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
            let alert = word.starts_with("NovaRoute") && word.len() > "NovaRoute".len();
            assert!(
                !alert || rules.contains(&format!("alert: {word}\n")),
                "{page}: no alert {word}"
            );
        }
    }
}

#[test]
fn the_book_says_what_to_do_at_every_alert() {
    let page = read("docs/src/monitoring.md");
    let rules = read("deploy/monitoring/prometheusrule.yaml");
    let alerts: Vec<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 8, "{alerts:?}");
    for alert in alerts {
        let row = page.lines().any(|line| line.starts_with("| ") && line.contains(alert));
        assert!(row, "docs/src/monitoring.md has no row for {alert}");
    }
}

/// The last part of a `runbook_url` is the name by which a link leads to a heading of the page.
#[test]
fn each_alert_leads_to_its_section_of_the_runbook() {
    let page = read("docs/src/runbook.md");
    let rules = by_kind(&render(&["production"]), "PrometheusRule")["spec"].clone();
    let rules = rules["groups"][0]["rules"].as_array().expect("rules").clone();
    let mut headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    for rule in &rules {
        let name = rule["alert"].as_str().expect("a name");
        let url = rule["annotations"]["runbook_url"].as_str().expect("a runbook_url");
        let (file, anchor) = url.split_once('#').expect("a section");
        assert!(file.ends_with("/docs/src/runbook.md"), "{url}");
        assert_eq!(anchor, name.to_lowercase());
        assert!(headings.contains(&name), "the runbook has no section {name}");
        headings.retain(|heading| *heading != name);
    }
    assert_eq!(headings, Vec::<&str>::new(), "sections of no alert");
}

/// One row for each metric, with its labels.
#[test]
fn the_readme_lists_every_metric() {
    let readme = read("README.md");
    for (name, labels) in metrics() {
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("README.md lacks {name}"));
        let cell = row.split('|').nth(3).expect("a row of four cells");
        let told: BTreeSet<_> = cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        assert_eq!(told, labels, "{name}");
    }
}
