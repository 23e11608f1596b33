//! The table YANG ⇄ CLI without FRR: whatever it can say, it reads back.

use std::collections::HashMap;

use novaroute::{
    daemon::Daemon,
    frr::vty::table::{Defaults, Line, Table},
    tree::Tree,
};
use proptest::{prelude::*, sample::Index};

/// A value for a variable; `n` chooses among a few, so that objects meet.
fn value(slot: &str, variable: &str, n: usize) -> String {
    let six = slot.ends_with('6');
    match (slot, variable) {
        ("set ipv6 next-hop global", "v") => format!("2001:db8::{}", n + 1),
        ("set ip next-hop", "v") => format!("192.0.2.{}", n + 1),
        ("set community", "v") => ["65000:1", "65000:1 65000:2", "no-export"][n].to_owned(),
        ("set large-community", "v") => format!("65000:1:2 65000:1:{}", n + 3),
        (_, "p" | "prefix") if six => format!("2001:db8:{}::/48", n + 1),
        (_, "p" | "prefix") => format!("10.{n}.0.0/16"),
        (_, "ge") => (49 + n).to_string(),
        (_, "le") => (64 + n).to_string(),
        (_, "n" | "peer") => ["10.0.1.2", "10.0.2.2", "fd00::2"][n].to_owned(),
        (_, "ifname") => format!("eth{n}"),
        (_, "area") => format!("0.0.0.{n}"),
        (_, "source" | "id") => format!("10.0.1.{}", n + 1),
        (_, "as") => "65000".to_owned(),
        (_, "asn") => (65001 + n).to_string(),
        (_, "action") => "permit".to_owned(),
        (_, "seq") => (10 * (n + 1)).to_string(),
        (_, "text") => ["100% of it", "! exit", "a | b # \"c\" route-map x in"][n].to_owned(),
        (_, "key") => ["s3cret!", "%s", "exit"][n].to_owned(),
        (_, "ttl") => [1, 3, 255][n].to_string(),
        (_, "rmap") => format!("NR-{n}"),
        (_, "name") => format!("list-{n}"),
        (_, "profile") => format!("NR-{n}"),
        _ => (60 + n).to_string(),
    }
}

/// Rows chosen at random with random values, on top of the nodes that they stand in.
fn tree(table: &Table, picks: &[(Index, usize, bool)]) -> Tree {
    let examples: Vec<_> = (0..3).map(|n| table.examples(|slot, v| value(slot, v, n))).collect();
    let mut tree = Tree::new();
    for (slot, base) in &examples[0] {
        if ["router bgp", "bfd node", "router ospf"].contains(slot) {
            tree.merge(base);
        }
    }
    let mut taken = HashMap::new();
    for (index, n, bare) in picks {
        let row = index.index(examples[*n].len());
        let (slot, example) = &examples[*n][row];
        // There is one way of saying who a neighbour is, or how many prefixes it may send.
        if *taken.entry((*slot, *n)).or_insert(row) != row {
            continue;
        }
        let mut example = example.clone();
        if *bare && slot.starts_with("network") {
            let mut named = Vec::new();
            example.for_each_leaf(&mut |path, _| {
                if path.leaf_name() == "rmap-policy-export" {
                    named.push(path.clone());
                }
            });
            for path in named {
                example.remove(&path);
                // The entry itself stays.
                example.ensure(&path.0[..path.0.len() - 1]);
            }
        }
        tree.merge(&example);
    }
    tree
}

/// Lines as `show running-config` prints them, with somebody else's after every `foreign`th.
fn text(lines: &[Line], foreign: usize) -> (String, usize) {
    let mut text = String::from(
        "Building configuration...\n\nCurrent configuration:\n!\nfrr version 10.3\n!\n",
    );
    let mut open: Vec<String> = Vec::new();
    let mut strangers = 0;
    let close = |open: &mut Vec<String>, to: usize, text: &mut String| {
        while open.len() > to {
            let line = open.pop().expect("longer than that");
            let word =
                if line.starts_with("address-family") { "exit-address-family" } else { "exit" };
            text.push_str(&format!("{}{word}\n!\n", " ".repeat(open.len())));
        }
    };
    for (at, line) in lines.iter().enumerate() {
        let common = open.iter().zip(&line.context[..]).take_while(|(a, b)| a == b).count();
        close(&mut open, common, &mut text);
        for outer in &line.context[common..] {
            text.push_str(&format!("{}{outer}\n", " ".repeat(open.len())));
            open.push(outer.clone());
        }
        text.push_str(&format!("{}{}\n", " ".repeat(open.len()), line.text));
        if line.opens {
            open.push(line.text.to_string());
        }
        if foreign > 0 && at % foreign == 0 {
            text.push_str(&format!("{}somebody-elses line {at}\n", " ".repeat(open.len())));
            strangers += 1;
        }
    }
    close(&mut open, 0, &mut text);
    text.push_str("end\n");
    (text, strangers)
}

proptest! {
    #[test]
    fn what_the_table_says_it_reads_back(
        picks in prop::collection::vec((any::<Index>(), 0..3usize, any::<bool>()), 0..40),
        foreign in 0..4usize,
    ) {
        for daemon in [Daemon::Bgpd, Daemon::Bfdd, Daemon::Ospfd] {
            let table = Table::of(daemon).expect("a table");
            let tree = tree(table, &picks);
            let lines = table.all_lines(&tree).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let (text, strangers) = text(&lines, foreign);
            let running = table.parse(&text, &Defaults::default());
            prop_assert_eq!(running.foreign.len(), strangers, "{}", text);
            prop_assert_eq!(&running.tree, &tree, "{}", text);
            prop_assert_eq!(table.lines(&running.tree), lines);
            prop_assert_eq!(running.version.as_deref(), Some("10.3"));
            prop_assert!(running.spelling.is_empty(), "{}", text);
        }
    }
}

/// bgpd 10.7 shows a line of its own under one profile: nobody's there, somebody's elsewhere.
#[test]
fn what_a_profile_brings_is_nobodys() {
    for (profile, foreign) in [("datacenter", 0), ("traditional", 1)] {
        let text = format!(
            "frr version 10.7.1\nfrr defaults {profile}\n!\nrouter bgp 65000\n \
             use-underlays-nexthop-weight\nexit\n!\nend\n"
        );
        let running = Table::of(Daemon::Bgpd).unwrap().parse(&text, &Defaults::default());
        assert_eq!(running.foreign.len(), foreign, "{:?}", running.foreign);
    }
}

/// Lines of a real configuration, to be spoiled.
fn corpus() -> Vec<String> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/render");
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(directory).expect("golden files") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|it| it == "cli") {
            let text = std::fs::read_to_string(&path).expect("a golden file");
            lines.extend(text.lines().map(str::to_owned));
        }
    }
    lines.extend(
        ["exit", "exit-address-family", "end", "!", "", "frr defaults datacenter"].map(Into::into),
    );
    assert!(lines.len() > 100, "{}", lines.len());
    lines
}

proptest! {
    /// Whatever a daemon shows is read, and what was read is shown and read again as the same.
    #[test]
    fn spoiled_configurations_are_read_and_what_is_read_is_stable(
        picks in prop::collection::vec((any::<Index>(), 0..4usize, any::<Index>(), 0..6u8, ".?"), 0..60),
    ) {
        let corpus = corpus();
        let mut shown = String::new();
        for (pick, indentation, word, spoil, odd) in &picks {
            let mut words: Vec<_> = corpus[pick.index(corpus.len())].split_whitespace().collect();
            let at = word.index(words.len() + 1);
            match spoil {
                0 if at < words.len() => drop(words.remove(at)),
                1 if at < words.len() => words.insert(at, words[at]),
                2 => words.insert(at, odd),
                _ => {}
            }
            shown.push_str(&" ".repeat(*indentation));
            shown.push_str(&words.join(" "));
            shown.push('\n');
        }
        for daemon in [Daemon::Bgpd, Daemon::Bfdd, Daemon::Ospfd] {
            let table = Table::of(daemon).expect("a table");
            let read = table.parse(&shown, &Defaults::default());
            let lines = table.lines(&read.tree);
            let (again, _) = text(&lines, 0);
            let reread = table.parse(&again, &Defaults::default());
            prop_assert_eq!(&reread.foreign, &[], "{}", again);
            prop_assert_eq!(table.lines(&reread.tree), lines, "{}", shown);
        }
    }
}
