//! Pure parts, at 10,000 prefixes: rendering, differences, lines, libyang, the journal.
//!
//! `cargo bench --bench pure [NAME]`. Needs FRR's models (`make setup`), no lab and no root.

use std::{path::PathBuf, process::Command, time::Duration};

use divan::{Bencher, black_box};
use novaroute::{
    daemon::{Daemon, Forest},
    frr::vty::{steps::steps, table::Table},
    journal::Journal,
    model::{Change, Intent, OwnerName},
    render::{Shapes, render},
    store::Store,
    transaction::{Ending, Outcome, Transaction},
    tree::{Tree, diff, three_way},
    wire,
    yang::{Profile, Schema},
};

/// Sizes at which cost against size can be seen.
const SIZES: [usize; 3] = [100, 1_000, 10_000];

fn main() {
    divan::main();
}

/// The models of the FRR that labs use.
fn schema() -> Schema {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/common.sh");
    let out = Command::new("bash")
        .args(["-c", &format!(". {script}; frr_root")])
        .output()
        .expect("running bash");
    let root = String::from_utf8(out.stdout).expect("a path of text");
    let dir = PathBuf::from(root.trim()).join("usr/share/yang");
    Schema::load(&dir, Profile::Datacenter).expect("FRR's models: run 'make setup'")
}

fn prefix(at: usize) -> Intent {
    let text = format!("10.{}.{}.{}/32", at >> 16, (at >> 8) & 255, at & 255);
    Intent::Prefix(wire::advertisement(&text, 1, None).expect("a valid prefix"))
}

fn intents(count: usize) -> Vec<Intent> {
    let bgp = Intent::Bgp(wire::bgp(65000, "10.0.0.1").expect("a valid instance"));
    std::iter::once(bgp).chain((0..count).map(prefix)).collect()
}

fn bgpd(forest: Forest) -> Tree {
    forest.into_iter().find(|(daemon, _)| *daemon == Daemon::Bgpd).expect("bgpd has a tree").1
}

fn tree(count: usize, shapes: Shapes) -> Tree {
    bgpd(render(&intents(count), shapes))
}

/// What bgpd prints for a tree: each line in the nodes that lead to it.
fn running(table: &Table, tree: &Tree) -> String {
    let mut text = String::from("frr defaults datacenter\n!\n");
    let mut open: Vec<&str> = Vec::new();
    let lines = table.all_lines(tree).expect("a row for each leaf");
    for line in &lines {
        let context: Vec<&str> = line.context.iter().map(AsRef::as_ref).collect();
        let shared = open.iter().zip(&context).take_while(|(a, b)| a == b).count();
        for depth in (shared..open.len()).rev() {
            let end = if depth == 0 { "exit" } else { " exit-address-family" };
            text.push_str(&format!("{end}\n"));
        }
        for (depth, name) in context.iter().enumerate().skip(shared) {
            text.push_str(&format!("{}{name}\n", " ".repeat(depth)));
        }
        text.push_str(&format!("{}{}\n", " ".repeat(context.len()), line.text));
        open = context;
        if line.opens {
            open.push(&line.text);
        }
    }
    text
}

#[divan::bench(args = SIZES)]
fn render_all(bencher: Bencher, count: usize) {
    let (intents, shapes) = (intents(count), Shapes::of(&schema()));
    bencher.bench_local(|| render(black_box(&intents), shapes));
}

#[divan::bench(args = SIZES)]
fn diff_of_one_prefix(bencher: Bencher, count: usize) {
    let shapes = Shapes::of(&schema());
    let (old, new) = (tree(count, shapes), tree(count + 1, shapes));
    bencher.bench_local(|| {
        let edits = diff(black_box(&old), black_box(&new));
        assert!(!edits.is_empty());
        edits
    });
}

#[divan::bench(args = SIZES)]
fn three_way_of_one_prefix(bencher: Bencher, count: usize) {
    let shapes = Shapes::of(&schema());
    let (old, new) = (tree(count, shapes), tree(count + 1, shapes));
    bencher.bench_local(|| three_way(black_box(&old), &old, &new, &new, &|_| None));
}

#[divan::bench(args = SIZES)]
fn lines_of_a_tree(bencher: Bencher, count: usize) {
    let tree = tree(count, Shapes::of(&schema()));
    let table = Table::of(Daemon::Bgpd).expect("bgpd has a table");
    bencher.bench_local(|| table.all_lines(black_box(&tree)).expect("a row for each leaf").len());
}

#[divan::bench(args = SIZES)]
fn parse_running_configuration(bencher: Bencher, count: usize) {
    let schema = schema();
    let tree = tree(count, Shapes::of(&schema));
    let table = Table::of(Daemon::Bgpd).expect("bgpd has a table");
    let defaults = table.defaults(&schema);
    let text = running(table, &tree);
    let networks = text.lines().filter(|line| line.trim().starts_with("network "));
    assert_eq!(networks.count(), count);
    let foreign = table.parse(&text, &defaults).foreign;
    assert!(foreign.is_empty(), "{foreign:?}");
    bencher.bench_local(|| table.parse(black_box(&text), &defaults));
}

#[divan::bench(args = SIZES)]
fn steps_of_all(bencher: Bencher, count: usize) {
    let shapes = Shapes::of(&schema());
    let table = Table::of(Daemon::Bgpd).expect("bgpd has a table");
    let lines = |count| table.all_lines(&tree(count, shapes)).expect("a row for each leaf");
    let (old, new) = (lines(0), lines(count));
    bencher.bench_local(|| {
        let steps = steps(black_box(&old), black_box(&new), &[]).expect("nothing foreign");
        assert!(steps.len() >= count);
        steps
    });
}

#[divan::bench(args = SIZES, sample_count = 20)]
fn yang_validation(bencher: Bencher, count: usize) {
    let schema = schema();
    let tree = tree(count, Shapes::of(&schema));
    bencher.bench_local(|| schema.validate(black_box(&tree)).expect("valid"));
}

/// One transaction of one prefix beside this many: on disk before FRR is touched, and settled.
#[divan::bench(args = SIZES, sample_count = 50)]
fn journal_append(bencher: Bencher, count: usize) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut journal = Journal::open(dir.path()).expect("a journal");
    let owner: OwnerName = "admin".parse().expect("a name");
    let mut store = Store::new();
    let mut next = 0;
    let mut append = |count: usize| {
        let before = store.clone();
        let changes: Vec<_> = (next..next + count).map(|at| Change::Set(prefix(at))).collect();
        next += count;
        for change in &changes {
            store.apply(&owner, change);
        }
        let one = Transaction::new(&owner, "bench", &changes, &before, &store);
        let id = one.id;
        journal.prepare(&[one.into()]).expect("the disk takes it");
        let done = Ending::Done(Outcome::Confirmed);
        journal.settle(&[id], &done, Duration::ZERO, true).expect("the disk takes it");
    };
    append(count);
    bencher.bench_local(|| append(1));
}
