//! `validate`: files of intents and configurations of the agent, checked without an agent.
//!
//! | file | owns |
//! |---|---|
//! | `lines` | the line of a configuration file on which a key is |
//! | `report` | findings as text, JSON, SARIF and JUnit |

mod lines;
mod report;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use self::report::{Checked, Problem};
use super::{Terminal, error::CtlError, file, global::Global, output::Format, write};
use crate::{
    config::{ConfigError, DEFAULT_YANG_DIR, Source, without_mark},
    daemon::Forest,
    model::{FieldError, OwnerName},
    proto::v1::IntentChange,
    validate::{Finding, Ground, Validator, wrong_fields},
};

/// `validate`
#[derive(Debug, Args)]
pub struct Validate {
    /// Files of intents; one that has `owners` is a configuration of the agent
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Configuration of the agent that the intents are for: its policy and its BGP instance count
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Whose intents these are
    #[arg(long, default_value = OwnerName::ADMIN, value_name = "NAME")]
    owner: OwnerName,
    /// YANG models of the FRR that they are for
    #[arg(long, default_value = DEFAULT_YANG_DIR, value_name = "DIR")]
    yang_dir: PathBuf,
    /// Show what FRR would get, passwords masked
    #[arg(long, value_enum)]
    show: Option<Show>,
    /// Write the result for a machine
    #[arg(long, value_enum, conflicts_with = "show")]
    report: Option<Report>,
}

/// What FRR would get.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Show {
    /// YANG data in FRR's models, as JSON (RFC 7951)
    Yang,
    /// Lines of FRR's configuration
    Cli,
}

/// Formats that programs read.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Report {
    /// SARIF 2.1.0, which code hosts show beside the lines
    Sarif,
    /// JUnit XML, which CI servers show as tests
    Junit,
}

impl Validate {
    /// Judges every file and writes what it found.
    ///
    /// # Errors
    /// [`CtlError::NotValid`] where a file is wrong; the models or the configuration can't be used.
    pub fn run(&self, global: &Global, terminal: &mut Terminal<'_>) -> Result<String, CtlError> {
        let validator =
            Validator::load(&self.yang_dir).map_err(|e| CtlError::Models(Box::new(e)))?;
        let ground = match &self.config {
            None => Ground::open(&self.owner),
            Some(path) => match Source::new(path).load() {
                Ok(config) => Ground::of(&config),
                Err(error) => {
                    let problems = problems_of_config(path, &error);
                    let checked = Checked { file: path.display().to_string(), problems };
                    return self.finish(global, terminal, &[checked], String::new());
                }
            },
        };
        let mut shown = String::new();
        let mut checked = Vec::new();
        for path in &self.files {
            let forest = self.check(&validator, &ground, path);
            let problems = match forest {
                Ok(forest) => {
                    shown.push_str(&self.show(&validator, path, &forest)?);
                    Vec::new()
                }
                Err(problems) => problems,
            };
            checked.push(Checked { file: path.display().to_string(), problems });
        }
        self.finish(global, terminal, &checked, shown)
    }

    fn check(
        &self,
        validator: &Validator,
        ground: &Ground,
        path: &Path,
    ) -> Result<Forest, Vec<Problem>> {
        if is_configuration(path) {
            let config = Source::new(path).load();
            let config = config.map_err(|error| problems_of_config(path, &error))?;
            let checked = validator.configuration(&config);
            return checked.map_err(|found| found.into_iter().map(Problem::of_whole).collect());
        }
        let file::Looked { intents, doubtful, problems, .. } =
            file::look_at(path).map_err(|error| vec![unreadable(&error)])?;
        let places = &intents.places;
        let mut found: Vec<Problem> = problems.iter().map(Problem::of_syntax).collect();
        for item in &doubtful {
            found.extend(beside(item, &problems));
        }
        // What could not be read may have been what these need.
        let blind = |finding: &Finding| !doubtful.is_empty() && finding.lacks_instance();
        let checked = match intents.changes.is_empty() {
            true => Ok(Forest::new()),
            false => validator.intents(ground, &self.owner, &intents.changes),
        };
        let findings = match checked {
            Ok(forest) if found.is_empty() => return Ok(forest),
            Ok(_) => Vec::new(),
            Err(findings) => findings,
        };
        found.extend(findings.into_iter().filter(|it| !blind(it)).map(|mut finding| {
            finding.message = places.translate(&finding.message);
            let place = finding.change.and_then(|index| places.of(index));
            let problem = Problem::of_whole(finding);
            match place {
                Some((line, path)) => {
                    Problem { line: Some(line), path: path.to_owned(), ..problem }
                }
                None => problem,
            }
        }));
        if !problems.is_empty() {
            found.sort_by_key(|problem| problem.line);
        }
        Err(found)
    }

    fn show(
        &self,
        validator: &Validator,
        path: &Path,
        forest: &Forest,
    ) -> Result<String, CtlError> {
        let mut text = String::new();
        match self.show {
            None => {}
            Some(Show::Yang) => {
                let trees = validator.yang(forest).map_err(|e| CtlError::Models(Box::new(e)))?;
                for (daemon, json) in trees {
                    text.push_str(&format!(
                        "# {}: {daemon}\n{}\n",
                        path.display(),
                        json.trim_end()
                    ));
                }
            }
            Some(Show::Cli) => {
                for (daemon, lines) in validator.cli(forest) {
                    text.push_str(&format!("! {}: {daemon}\n", path.display()));
                    match lines {
                        Some(lines) => {
                            lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
                        }
                        None => text.push_str("! over its northbound: --show yang\n"),
                    }
                }
            }
        }
        Ok(text)
    }

    fn finish(
        &self,
        global: &Global,
        terminal: &mut Terminal<'_>,
        checked: &[Checked],
        shown: String,
    ) -> Result<String, CtlError> {
        let text = match (self.report, global.output) {
            (Some(Report::Sarif), _) => report::sarif(checked),
            (Some(Report::Junit), _) => report::junit(checked),
            (None, Format::Json) if self.show.is_none() => report::json(checked),
            (None, _) => shown + &report::text(checked, self.show.is_some()),
        };
        let mistakes = checked.iter().map(|file| file.problems.len()).sum();
        if mistakes == 0 {
            return Ok(text);
        }
        write(terminal.out, &text)?;
        Err(CtlError::NotValid { mistakes })
    }
}

/// Whether a file is a configuration of the agent. One that can't be read is for the reader to say.
fn is_configuration(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let json: Option<serde_json::Value> = serde_json::from_str(without_mark(&text)).ok();
    json.is_some_and(|json| json.get("owners").is_some())
}

fn problems_of_config(path: &Path, error: &ConfigError) -> Vec<Problem> {
    let ConfigError::Invalid(errors) = error else {
        let line = match error {
            ConfigError::Syntax(error) => Some(error.line()),
            _ => None,
        };
        let source = std::error::Error::source(error).map(|it| format!(": {it}"));
        let message = format!("{error}{}", source.unwrap_or_default());
        return vec![Problem { line, ..Problem::new("syntax", message) }];
    };
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = lines::Lines::of(&text);
    let problem = |error: &crate::model::FieldError| Problem {
        line: lines.find(&error.field),
        path: error.field.clone(),
        ..Problem::new("field", error.reason.clone())
    };
    errors.iter().map(problem).collect()
}

/// A file that can't be read at all.
fn unreadable(error: &CtlError) -> Problem {
    let source = std::error::Error::source(error).map(|it| format!(": {it}"));
    Problem::new("syntax", format!("{error}{}", source.unwrap_or_default()))
}

/// What is wrong with the fields of an item beside what its spelling has wrong: of that nothing more is said.
fn beside(item: &file::Doubtful, problems: &[file::Problem]) -> Vec<Problem> {
    let file::Doubtful { place, change } = item;
    let Some(change) = change else { return Vec::new() };
    let wrong = wrong_fields(&IntentChange { change: Some(change.clone()), ..Default::default() });
    let mut found = Vec::new();
    for FieldError { field, reason } in wrong {
        let path = format!("{}.{field}", place.path);
        let said = |problem: &file::Problem| {
            problem.path == path || is_below(&problem.path, &path) || is_below(&path, &problem.path)
        };
        if !problems.iter().any(said) {
            let message = format!("{field}: {reason}");
            let problem = Problem::new("field", message);
            found.push(Problem { line: Some(place.line), path: place.path.clone(), ..problem });
        }
    }
    found
}

/// Whether a path leads into what another names.
fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with(['.', '[']))
}
