//! NovaRoute as a whole against the floor: what FRR itself takes for the same work, in the same run.
//!
//! `make bench`, or `make bench-quick` (`--quick`: smaller sizes, for every day). Starts a lab and a
//! release agent in it; prints one line for each row of the table with its goal, and writes JSON,
//! Markdown and a plot (`--out DIR`). Only what FRR itself is seen to run counts as confirmed.
//! Absolute numbers depend on the machine: ratios to the floor are of one run.
//!
//! | file | owns |
//! |---|---|
//! | `agent` | the agent and its connections |
//! | `calls` | its calls, timed and checked |
//! | `work` | prefixes, messages, lines |
//! | `floor`, `vty`, `gobgp` | the same work by others |
//! | `rows` | the rows of the table, in the order of the run |
//! | `memory` | the most memory ever, in a control group |
//! | `stats`, `process`, `report` | numbers, the kernel's view, what is written |

#[path = "../../tests/lab/mod.rs"]
mod lab;

mod agent;
mod calls;
mod floor;
mod gobgp;
mod memory;
mod process;
mod report;
mod rows;
mod stats;
mod vty;
mod work;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use report::Report;

/// Above this share of the machine's processors used by others, numbers say little.
const TOO_BUSY: f64 = 0.15;

/// How large a run is, and how long it may take.
#[derive(Debug, Clone)]
pub struct Scale {
    /// Sizes of the store; the middle one is that of the bulk rows.
    pub stores: [u32; 3],
    /// Calls of a latency row, at most.
    pub calls: u32,
    /// Time of one latency row, at most.
    pub budget: Duration,
    /// Repeats of bulk rows.
    pub repeats: usize,
    /// Prefixes that `frr-reload.py` gets: it takes 20 ms for each that goes.
    pub reload: u32,
    /// Time over which an idle agent is watched.
    pub idle: Duration,
    /// When no further row is begun.
    pub end: Duration,
    /// Only rows whose name has this in it.
    pub only: Option<String>,
}

impl Scale {
    fn quick() -> Self {
        Self {
            stores: [0, 1_000, 5_000],
            calls: 100,
            budget: Duration::from_secs(3),
            repeats: 3,
            reload: 100,
            idle: Duration::from_secs(3),
            end: Duration::from_secs(75),
            only: None,
        }
    }

    fn full() -> Self {
        Self {
            stores: [0, 10_000, 100_000],
            calls: 1_000,
            budget: Duration::from_secs(15),
            repeats: 5,
            reload: 1_000,
            idle: Duration::from_secs(20),
            end: Duration::from_secs(13 * 60),
            only: None,
        }
    }
}

fn main() -> ExitCode {
    let mut out = None;
    let (mut quick, mut only, mut memory) = (false, None, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => quick = true,
            "--out" => out = args.next().map(PathBuf::from),
            "--only" => only = args.next(),
            "--memory" => memory = true,
            // cargo bench says so to every driver.
            "--bench" => {}
            other => {
                eprintln!("unknown argument {other}: --quick, --only ROW, --memory, --out DIR");
                return ExitCode::from(2);
            }
        }
    }
    let scale = if quick { Scale::quick() } else { Scale::full() };
    let scale = Scale { only, ..scale };
    let begun = Instant::now();
    let mut report = Report::default();
    report::about(&mut report);
    if cfg!(debug_assertions) {
        report.fact("WARNING", "this driver is a debug build: run it with make bench");
    }
    let busy = process::busy();
    report.fact("processors in use by others", format!("{:.0} %", busy * 100.0));
    let too_busy = busy > TOO_BUSY;
    if too_busy {
        report.fact("WARNING", "the machine is busy: only the ratios say something");
    }
    if !memory {
        rows::run(&scale, begun, &mut report);
    }
    if memory || (!quick && scale.only.is_none()) {
        memory::run(&scale, &mut report);
    }
    report.fact("took", format!("{:.0} s", begun.elapsed().as_secs_f64()));
    let after = process::busy();
    if after > TOO_BUSY && !too_busy {
        report.fact("WARNING", "the machine got busy meanwhile: only the ratios say something");
    }
    let (missed, failed) = report.count();
    println!("{missed} goals missed, {failed} rows failed");
    if let Some(dir) = out {
        let name = if quick { "quick" } else { "bench" };
        if let Err(error) = report.write(&dir, name) {
            eprintln!("{}: {error}", dir.display());
            return ExitCode::FAILURE;
        }
    }
    // A goal that is missed is a result; what is not in FRR, or can't be measured, is a failure.
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
