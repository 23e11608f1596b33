//! What Prometheus makes of the agent's metrics: scrapes of a real agent, played to the alerts of `deploy/` by promtool.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::Agent;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// Every series with its value.
pub type Scrape = BTreeMap<String, f64>;

/// Every series of the agent with its value.
#[track_caller]
pub fn scrape(agent: &Agent<'_>) -> Scrape {
    let (code, text) = agent.http("/metrics");
    assert_eq!(code, 200);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let series = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        (series.to_owned(), value.parse().expect("a number"))
    });
    series.collect()
}

/// The alerts of `deploy/`, as Prometheus reads them.
fn rules() -> String {
    let file = format!("{HERE}/deploy/monitoring/prometheusrule.yaml");
    let rules = std::fs::read_to_string(file).expect("the rules");
    // They stand below `spec`.
    rules.split_once("\nspec:\n").expect("the spec").1.to_owned()
}

/// The names of all alerts.
pub fn alert_names() -> Vec<String> {
    let rules = rules();
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    names.map(str::to_owned).collect()
}

fn promtool() -> PathBuf {
    let tools = Command::new(format!("{HERE}/tests/deploy/tools.sh")).stdin(Stdio::null()).output();
    let tools = tools.expect("tools.sh");
    assert!(tools.status.success(), "{tools:?}");
    PathBuf::from(String::from_utf8(tools.stdout).expect("text").trim()).join("promtool")
}

/// Scrapes as promtool's input: a minute apart, the last for so many minutes in all.
fn input(scrapes: &[Scrape], minutes: usize) -> String {
    let mut series: BTreeMap<&String, Vec<Option<f64>>> = BTreeMap::new();
    for (at, scrape) in scrapes.iter().enumerate() {
        for (name, value) in scrape {
            let values = series.entry(name).or_default();
            values.resize(at, None);
            values.push(Some(*value));
        }
    }
    let mut input = String::new();
    for (name, mut values) in series {
        // One that is gone stays away.
        let last = values.last().copied().flatten().filter(|_| values.len() == scrapes.len());
        values.resize(minutes, last);
        let values: Vec<_> = values
            .iter()
            .map(|value| value.map_or("_".to_owned(), |value| value.to_string()))
            .collect();
        // As Prometheus has it of one agent.
        let labelled = match name.split_once('{') {
            Some((name, labels)) => {
                format!("{name}{{instance=\"node\",job=\"novaroute-agent\",{labels}")
            }
            None => format!("{name}{{instance=\"node\",job=\"novaroute-agent\"}}"),
        };
        let name = labelled.replace('\\', "\\\\").replace('\'', "''");
        writeln!(input, "      - series: '{name}'\n        values: '{}'", values.join(" "))
            .expect("a string");
    }
    input
}

/// The values of a label that an expression's samples have at the end of these minutes, by promtool's word for what it got.
fn label_values(
    rules: &[(&str, String)],
    input: &str,
    minutes: usize,
    expression: &str,
    label: &str,
) -> BTreeSet<String> {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in rules {
        std::fs::write(dir.path().join(name), text).expect("writing");
    }
    let files: Vec<_> = rules.iter().map(|(name, _)| *name).collect();
    let expression = format!("group by ({label}) ({expression})").replace('\'', "''");
    // Never so: promtool says what it got in its place.
    let test = format!(
        "rule_files: [{}]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n{input}    \
         promql_expr_test:\n      - expr: '{expression}'\n        eval_time: {}m\n        exp_samples: [{{labels: \
         '{{}}', value: 0}}]\n",
        files.join(", "),
        minutes - 1
    );
    std::fs::write(dir.path().join("test.yaml"), test).expect("writing");
    let out = Command::new(promtool())
        .args(["test", "rules", "test.yaml"])
        .current_dir(dir.path())
        .output();
    let out = out.expect("promtool");
    let said =
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    let (_, got) = said.split_once("got:").unwrap_or_else(|| panic!("{said}"));
    let marker = format!("{label}=\"");
    let values = got.split(marker.as_str()).skip(1);
    values.filter_map(|rest| rest.split_once('"')).map(|(value, _)| value.to_owned()).collect()
}

/// Has promtool play scrapes, a minute apart and the last for eight minutes in all, to the alerts of `deploy/`; those of
/// these names that fire.
pub fn alerts(scrapes: &[Scrape], names: &[&str]) -> Vec<String> {
    alerts_after(8, scrapes, names)
}

/// The same after so many minutes in all.
pub fn alerts_after(minutes: usize, scrapes: &[Scrape], names: &[&str]) -> Vec<String> {
    let firing = "ALERTS{alertstate=\"firing\"}";
    let rules = [("rules.yaml", rules())];
    let fire = label_values(&rules, &input(scrapes, minutes), minutes, firing, "alertname");
    names.iter().filter(|name| fire.contains(**name)).map(|name| (*name).to_owned()).collect()
}

/// Those of all alerts that fire.
pub fn all_alerts(scrapes: &[Scrape]) -> Vec<String> {
    let names = alert_names();
    alerts(scrapes, &names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Those of these expressions that have no sample on these scrapes.
pub fn without_samples(scrapes: &[Scrape], expressions: &[String]) -> Vec<String> {
    let mut panels = "groups:\n  - name: panels\n    rules:\n".to_owned();
    for (number, expression) in expressions.iter().enumerate() {
        let expression = expression.replace('\'', "''");
        let rule = format!(
            "      - record: panel\n        expr: '{expression}'\n        labels: {{panel: 'p{number}'}}\n"
        );
        panels.push_str(&rule);
    }
    let rules = [("panels.yaml", panels)];
    let shown = label_values(&rules, &input(scrapes, 8), 8, "panel", "panel");
    let is_empty = |(number, _): &(usize, &String)| !shown.contains(&format!("p{number}"));
    expressions.iter().enumerate().filter(is_empty).map(|(_, it)| it.clone()).collect()
}
