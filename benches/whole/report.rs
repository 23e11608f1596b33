//! What was measured: one line a row as it comes, then JSON, a Markdown table and a plot.

use std::{fmt::Write as _, fs, io, path::Path, process::Command};

use serde_json::{Map, Value, json};

use super::process;

/// How a row stands to its goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Missed,
    /// No goal, or not the size the goal is for.
    Told,
    /// It could not be measured.
    Failed,
}

impl Verdict {
    pub fn of(met: bool) -> Self {
        if met { Self::Met } else { Self::Missed }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "MISSED",
            Self::Told => "-",
            Self::Failed => "FAILED",
        }
    }
}

struct Row {
    work: String,
    goal: String,
    result: String,
    verdict: Verdict,
    values: Map<String, Value>,
}

/// One point of the plot: a curve's name, the size, milliseconds.
struct Point {
    curve: &'static str,
    size: u32,
    ms: f64,
}

/// All rows of a run.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    points: Vec<Point>,
    /// Facts about the run: machine, date, FRR, noise.
    pub facts: Vec<(&'static str, String)>,
}

impl Report {
    pub fn fact(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        println!("{name}: {value}");
        self.facts.push((name, value));
    }

    /// Takes a row and prints it. `values` is an object of plain numbers for the JSON.
    pub fn row(&mut self, work: &str, goal: &str, result: String, verdict: Verdict, values: Value) {
        println!("{:7} {work} | goal: {goal} | {result}", verdict.word());
        let values = values.as_object().cloned().unwrap_or_default();
        let (work, goal) = (work.to_owned(), goal.to_owned());
        self.rows.push(Row { work, goal, result, verdict, values });
    }

    pub fn failed(&mut self, work: &str, goal: &str, why: &str) {
        let why: String = why.chars().take(300).collect();
        self.row(work, goal, why.replace('\n', " "), Verdict::Failed, Value::Null);
    }

    pub fn point(&mut self, curve: &'static str, size: u32, took: std::time::Duration) {
        self.points.push(Point { curve, size, ms: took.as_secs_f64() * 1e3 });
    }

    /// Writes `NAME.json`, `NAME.md` and `NAME.svg` into a directory.
    pub fn write(&self, dir: &Path, name: &str) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        let rows = self.rows.iter().map(|row| {
            json!({
                "work": row.work, "goal": row.goal, "result": row.result,
                "verdict": row.verdict.word(), "values": row.values,
            })
        });
        let points = self
            .points
            .iter()
            .map(|it| json!({"curve": it.curve, "size": it.size, "milliseconds": it.ms}));
        let facts: Map<String, Value> =
            self.facts.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let all = json!({
            "facts": facts,
            "rows": rows.collect::<Vec<_>>(),
            "points": points.collect::<Vec<_>>(),
        });
        let text = serde_json::to_string_pretty(&all).expect("a value of ours prints");
        fs::write(dir.join(format!("{name}.json")), text + "\n")?;
        fs::write(dir.join(format!("{name}.md")), self.markdown(name))?;
        fs::write(dir.join(format!("{name}.svg")), self.plot())
    }

    fn markdown(&self, name: &str) -> String {
        let mut text = String::from("# Benchmark\n\n");
        for (name, value) in &self.facts {
            let _ = writeln!(text, "- {name}: {value}");
        }
        text.push_str("\n| work | goal | result | |\n|---|---|---|---|\n");
        for row in &self.rows {
            let cell = |text: &str| text.replace('|', "\\|");
            let (work, goal) = (cell(&row.work), cell(&row.goal));
            let _ = writeln!(
                text,
                "| {work} | {goal} | {} | {} |",
                cell(&row.result),
                row.verdict.word()
            );
        }
        let _ = writeln!(text, "\n![cost against size]({name}.svg)");
        text
    }

    /// Cost against size, both logarithmic.
    fn plot(&self) -> String {
        const COLOURS: [&str; 6] =
            ["#1b6ca8", "#d1495b", "#66a182", "#edae49", "#7b5ea7", "#555555"];
        let (width, height, left, top) = (560.0, 320.0, 70.0, 20.0);
        // A store of nothing stands at the left edge.
        let x_of = |size: u32| left + width * f64::from(size.max(10)).log10().sub(1.0) / 4.0;
        let low = -2.0;
        let y_of = |ms: f64| top + height * (1.0 - (ms.max(0.01).log10() - low) / 7.0);
        let mut svg = String::from(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 400\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"860\" height=\"400\" fill=\"white\"/>\n",
        );
        for decade in -2..=5 {
            let (y, label) = (y_of(10f64.powi(decade)), 10f64.powi(decade));
            let _ = writeln!(
                svg,
                "<path d=\"M{left} {y:.1}h{width}\" stroke=\"#ddd\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label} ms</text>",
                left - 6.0,
                y + 4.0
            );
        }
        for size in [10, 100, 1_000, 10_000, 100_000] {
            let x = x_of(size);
            let label = if size == 10 { "≤ 10".to_owned() } else { size.to_string() };
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
                top + height + 18.0
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">prefixes</text>",
            left + width / 2.0,
            top + height + 38.0
        );
        let mut curves: Vec<&str> = Vec::new();
        for point in &self.points {
            if !curves.contains(&point.curve) {
                curves.push(point.curve);
            }
        }
        for (at, curve) in curves.iter().enumerate() {
            let colour = COLOURS[at % COLOURS.len()];
            let mut points: Vec<_> = self.points.iter().filter(|it| it.curve == *curve).collect();
            points.sort_by_key(|point| point.size);
            let line: Vec<String> = points
                .iter()
                .map(|point| format!("{:.1},{:.1}", x_of(point.size), y_of(point.ms)))
                .collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                line.join(" ")
            );
            for point in &points {
                let (x, y) = (x_of(point.size), y_of(point.ms));
                let _ = writeln!(
                    svg,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
                );
            }
            let y = top + 14.0 + 20.0 * at as f64;
            let x = left + width + 12.0;
            let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\">{curve}</text>");
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// How many rows missed their goal, and how many could not be measured.
    pub fn count(&self) -> (usize, usize) {
        let of = |verdict| self.rows.iter().filter(|row| row.verdict == verdict).count();
        (of(Verdict::Missed), of(Verdict::Failed))
    }
}

/// Date and commit, and the machine.
pub fn about(report: &mut Report) {
    let run = |program: &str, args: &[&str]| {
        let out = Command::new(program).args(args).output();
        out.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default()
    };
    report.fact("date", run("date", &["-u", "+%Y-%m-%d %H:%M UTC"]));
    report.fact("commit", run("git", &["describe", "--always", "--dirty"]));
    report.fact("machine", process::machine());
}

use std::ops::Sub as _;
