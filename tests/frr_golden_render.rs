//! What intents become: files that libyang and FRR's command line print, reviewed by people.
//!
//! `tests/golden/render/NN-name.json` is the YANG of every daemon as libyang writes it from FRR's own
//! models, `.cli` the lines that bgpd and bfdd get. `UPDATE_GOLDEN=1` writes them anew. The shape of static
//! routes differs between FRR's versions, so that their JSON has a file of its own for the newer one.

mod intents;
mod lab;

use std::{fs, path::PathBuf};

use intents::{any_intents, scenarios};
use lab::{Lab, LabOptions};
use novaroute::{
    daemon::{Daemon, Forest},
    frr::vty::table::Table,
    model::Intent,
    render::{Shapes, StaticShape, render},
    yang::{Profile, Schema},
};
use proptest::test_runner::{Config, TestRunner};

struct Bench {
    schema: Schema,
    shapes: Shapes,
    // The models are read from the lab's root, and the lab says where that is.
    _lab: Lab,
}

impl Bench {
    fn start() -> Self {
        let lab = Lab::start(LabOptions::default());
        let schema = Schema::load(&lab.yang_dir(), Profile::Datacenter).expect("FRR's models");
        let shapes = Shapes::of(&schema);
        Self { schema, shapes, _lab: lab }
    }

    fn render<'a>(&self, intents: impl IntoIterator<Item = &'a Intent>) -> Forest {
        render(intents, self.shapes)
    }

    /// Every daemon's tree, judged by libyang and printed by it.
    fn json(&self, forest: &Forest) -> String {
        let mut text = String::new();
        for (daemon, tree) in forest {
            let canonical = self.schema.validate(tree).unwrap_or_else(|e| panic!("{daemon}: {e}"));
            assert_eq!(&canonical, tree, "{daemon}: rendered in canonical form");
            let json = self.schema.print_json(tree).expect("JSON");
            assert_eq!(&self.schema.parse_json(&json).expect("its own JSON"), tree);
            text.push_str(&format!("// {daemon}\n{}\n", json.trim_end()));
        }
        text
    }
}

/// The lines of the daemons that are configured by lines, with their nodes.
fn cli(forest: &Forest) -> String {
    let mut text = String::new();
    for (daemon, tree) in forest {
        let Some(table) = Table::of(*daemon) else { continue };
        text.push_str(&format!("! {daemon}\n"));
        for line in table.all_lines(tree).unwrap_or_else(|e| panic!("{daemon}: {e}")) {
            for outer in &line.context[..] {
                text.push_str(&format!("{outer} / "));
            }
            text.push_str(&format!("{}\n", line.text));
        }
    }
    text
}

fn compare(name: &str, text: &str, stale: &mut Vec<String>) {
    let file =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/render")).join(name);
    let old = fs::read_to_string(&file).unwrap_or_default();
    if old == text {
        return;
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(file.parent().expect("a directory")).expect("making the directory");
        return fs::write(&file, text).expect("writing a golden file");
    }
    let pairs = old.lines().chain([""]).zip(text.lines().chain([""]));
    let first = pairs.enumerate().find(|(_, (old, new))| old != new);
    stale.push(format!("{name}, first difference (line, file, now): {first:?}"));
}

#[test]
fn scenarios_render_as_the_golden_files_say() {
    let bench = Bench::start();
    let mut stale = Vec::new();
    for (name, intents) in scenarios() {
        let forest = bench.render(&intents);
        let newer =
            forest.contains_key(&Daemon::Mgmtd) && bench.shapes.static_routes == StaticShape::Flat;
        let json = if newer { format!("{name}.flat.json") } else { format!("{name}.json") };
        compare(&json, &bench.json(&forest), &mut stale);
        compare(&format!("{name}.cli"), &cli(&forest), &mut stale);
    }
    assert!(stale.is_empty(), "look at them, then UPDATE_GOLDEN=1:\n{}", stale.join("\n"));
}

#[test]
fn whatever_is_declared_is_valid_and_has_lines_in_any_order() {
    let bench = Bench::start();
    let mut runner =
        TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let result = runner.run(&any_intents(), |intents| {
        let forest = bench.render(&intents);
        let (json, lines) = (bench.json(&forest), cli(&forest));
        for turn in 0..intents.len() {
            let mut other: Vec<_> = intents.iter().collect();
            other.rotate_left(turn);
            if turn % 2 == 1 {
                other.reverse();
            }
            let again = bench.render(other);
            assert_eq!(again, forest);
            assert_eq!((bench.json(&again), cli(&again)), (json.clone(), lines.clone()));
        }
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{e}"));
}
