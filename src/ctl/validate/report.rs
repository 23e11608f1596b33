//! Findings as text, JSON, SARIF and JUnit. Pure.

use std::fmt::Write;

use serde_json::{Value, json};

use super::super::{
    file,
    output::text::{count, printable},
};
use crate::validate::Finding;

/// Where the schema of SARIF 2.1.0 is.
const SARIF_SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// One file and what is wrong with it.
pub(super) struct Checked {
    pub(super) file: String,
    pub(super) problems: Vec<Problem>,
}

/// One thing that is wrong with a file.
pub(super) struct Problem {
    /// Counted from 1, where it is known.
    pub(super) line: Option<usize>,
    /// Such as `intents[3]`; may be empty.
    pub(super) path: String,
    pub(super) rule: &'static str,
    pub(super) message: String,
    pub(super) yang_path: Option<String>,
}

impl Problem {
    pub(super) fn new(rule: &'static str, message: String) -> Self {
        Self { line: None, path: String::new(), rule, message, yang_path: None }
    }

    /// What the spelling of a file has wrong.
    pub(super) fn of_syntax(problem: &file::Problem) -> Self {
        let line = (problem.line > 0).then_some(problem.line);
        Self { line, path: problem.path.clone(), ..Self::new("syntax", problem.reason.clone()) }
    }

    /// About a file as a whole.
    pub(super) fn of_whole(finding: Finding) -> Self {
        Self { yang_path: finding.yang_path, ..Self::new(finding.rule, finding.message) }
    }

    /// What is wrong, and where in the file and the data.
    fn words(&self) -> String {
        let mut words = match self.path.as_str() {
            "" => self.message.clone(),
            path => format!("{path}: {}", self.message),
        };
        if let Some(path) = &self.yang_path {
            let _ = write!(words, " ({path})");
        }
        words
    }
}

/// One line for each mistake, and one that sums up, where nothing else is shown.
pub(super) fn text(checked: &[Checked], quiet: bool) -> String {
    let mut text: String = checked.iter().map(mistakes).collect();
    if text.is_empty() && !quiet {
        let _ = writeln!(text, "ok: {}", count(checked.len(), "file", "files"));
    }
    text
}

fn mistakes(file: &Checked) -> String {
    let mut text = String::new();
    for problem in &file.problems {
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        let words = problem.words();
        let _ = writeln!(text, "{}{line}: {} [{}]", file.file, printable(&words), problem.rule);
    }
    text
}

pub(super) fn json(checked: &[Checked]) -> String {
    let problem = |problem: &Problem| {
        json!({
            "line": problem.line,
            "path": problem.path,
            "rule": problem.rule,
            "message": problem.message,
            "yang_path": problem.yang_path,
        })
    };
    let file = |file: &Checked| {
        let problems: Vec<_> = file.problems.iter().map(problem).collect();
        json!({ "file": file.file, "valid": problems.is_empty(), "problems": problems })
    };
    let files: Vec<_> = checked.iter().map(file).collect();
    format!("{:#}\n", json!({ "files": files }))
}

pub(super) fn sarif(checked: &[Checked]) -> String {
    let mut rules: Vec<&str> =
        checked.iter().flat_map(|file| &file.problems).map(|problem| problem.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let result = |file: &Checked, problem: &Problem| {
        let mut location = json!({
            "physicalLocation": { "artifactLocation": { "uri": uri(&file.file) } },
        });
        if let Some(line) = problem.line {
            location["physicalLocation"]["region"] = json!({ "startLine": line });
        }
        let logical: Vec<Value> = [Some(problem.path.clone()), problem.yang_path.clone()]
            .into_iter()
            .flatten()
            .filter(|path| !path.is_empty())
            .map(|path| json!({ "fullyQualifiedName": path }))
            .collect();
        if !logical.is_empty() {
            location["logicalLocations"] = logical.into();
        }
        json!({
            "ruleId": problem.rule,
            "level": "error",
            "message": { "text": problem.words() },
            "locations": [location],
        })
    };
    let results: Vec<_> = checked
        .iter()
        .flat_map(|file| file.problems.iter().map(move |problem| result(file, problem)))
        .collect();
    let rules: Vec<_> = rules.into_iter().map(|rule| json!({ "id": rule })).collect();
    let log = json!({
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "novaroutectl",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

/// A path as a relative reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

pub(super) fn junit(checked: &[Checked]) -> String {
    let failed = checked.iter().filter(|file| !file.problems.is_empty()).count();
    let counts = format!("tests=\"{}\" failures=\"{failed}\" errors=\"0\"", checked.len());
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites {counts}>");
    let _ = writeln!(xml, "  <testsuite name=\"novaroutectl validate\" {counts}>");
    for file in checked {
        let name = escaped(&file.file);
        let _ = write!(xml, "    <testcase classname=\"novaroutectl.validate\" name=\"{name}\"");
        let Some(first) = file.problems.first() else {
            xml.push_str("/>\n");
            continue;
        };
        // A test case has one failure: all mistakes of the file are its text.
        let (message, rule, all) = (escaped(&first.words()), first.rule, escaped(&mistakes(file)));
        let _ = writeln!(
            xml,
            ">\n      <failure message=\"{message}\" type=\"{rule}\">{all}</failure>"
        );
        xml.push_str("    </testcase>\n");
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// Text for an attribute or element; what XML 1.0 can't say is left out.
fn escaped(text: &str) -> String {
    let mut xml = String::new();
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' | '\t' => xml.push(c),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => {}
            c => xml.push(c),
        }
    }
    xml
}
