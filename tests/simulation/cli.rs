//! The configuration of a daemon as its command line keeps it: lines, read and printed by the product's own table.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use novaroute::{
    daemon::Daemon,
    frr::vty::table::{Defaults, Line, Table},
    tree::Tree,
};

/// Why a command has no effect; FRR's return code.
pub const NO_MATCH: u8 = 2;
pub const FAILED: u8 = 13;

/// What a command is, in the place where it was typed.
#[derive(Debug, Clone)]
enum Meaning {
    /// A line of configuration.
    Line(Line),
    /// It enters a node, and is no line by itself.
    Node,
    /// The table does not know it.
    Unknown,
}

/// A line that is configured.
#[derive(Debug, Clone)]
struct Stands {
    context: Vec<String>,
    text: String,
    /// `None` where the table does not know it.
    line: Option<Line>,
    theirs: bool,
}

/// A daemon's configuration.
#[derive(Debug)]
pub struct Lines {
    daemon: Daemon,
    lines: Vec<Stands>,
    printed: Option<Arc<str>>,
}

/// What commands mean does not change: each is looked up once.
type Known = HashMap<(Daemon, Vec<String>, String), Meaning>;

static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

fn table(daemon: Daemon) -> &'static Table {
    Table::of(daemon).expect("a daemon with a command line")
}

fn meaning(daemon: Daemon, context: &[String], text: &str) -> Meaning {
    let key = (daemon, context.to_vec(), text.to_owned());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    known.entry(key).or_insert_with(|| look_up(daemon, context, text)).clone()
}

fn look_up(daemon: Daemon, context: &[String], text: &str) -> Meaning {
    let table = table(daemon);
    let block: Vec<&str> = context.iter().map(String::as_str).chain([text]).collect();
    let read = table.parse(&block.join("\n"), &Defaults::default());
    if !read.foreign.is_empty() {
        return Meaning::Unknown;
    }
    let lines = table.lines(&read.tree);
    let here = |line: &Line| line.context[..] == *context && *line.text == *text;
    lines.into_iter().find(here).map_or(Meaning::Node, Meaning::Line)
}

impl Lines {
    pub fn new(daemon: Daemon) -> Self {
        Self { daemon, lines: Vec::new(), printed: None }
    }

    /// Reads a start-up file.
    pub fn load(&mut self, text: &str, theirs: bool) {
        let mut stack: Vec<String> = Vec::new();
        for raw in text.lines() {
            let body = raw.trim();
            match body {
                "" | "!" => {}
                "exit" | "exit-address-family" | "end" => drop(stack.pop()),
                _ => {
                    let entered = self.set(&stack, body, theirs);
                    if entered {
                        stack.push(body.to_owned());
                    }
                }
            }
        }
    }

    /// Puts a line in its place; whether it enters a node.
    fn set(&mut self, context: &[String], text: &str, theirs: bool) -> bool {
        self.printed = None;
        match meaning(self.daemon, context, text) {
            Meaning::Node => true,
            Meaning::Unknown => {
                let (context, text) = (context.to_vec(), text.to_owned());
                self.lines.push(Stands { context, text, line: None, theirs });
                false
            }
            Meaning::Line(line) => {
                let opens = line.opens;
                let key = line.key.clone();
                let is_same = |it: &Stands| it.line.as_ref().is_some_and(|it| it.key == key);
                let stands = Stands {
                    context: context.to_vec(),
                    text: text.to_owned(),
                    line: Some(line),
                    theirs,
                };
                match self.lines.iter_mut().find(|it| is_same(it)) {
                    Some(there) if there.text == text => {}
                    Some(there) => *there = stands,
                    None => self.lines.push(stands),
                }
                opens
            }
        }
    }

    /// Whether a command takes something away: one that begins with "no" may be a line as well.
    pub fn takes(&self, stack: &[String], text: &str) -> bool {
        text.starts_with("no ") && matches!(meaning(self.daemon, stack, text), Meaning::Unknown)
    }

    /// Types a command. What of somebody else's it changed is an error of whoever typed it.
    ///
    /// # Errors
    /// FRR's return code and words.
    pub fn types(
        &mut self,
        stack: &mut Vec<String>,
        text: &str,
        harmed: &mut Vec<String>,
    ) -> Result<(), (u8, &'static str)> {
        match meaning(self.daemon, stack, text) {
            Meaning::Node => stack.push(text.to_owned()),
            Meaning::Line(line) => {
                let same = |it: &&Stands| {
                    it.theirs && it.line.as_ref().is_some_and(|it| it.key == line.key)
                };
                let changed = self.lines.iter().find(same).filter(|it| it.text != text);
                harmed.extend(changed.map(|it| it.text.clone()));
                if self.set(stack, text, false) {
                    stack.push(text.to_owned());
                }
            }
            Meaning::Unknown if text.starts_with("no ") => self.remove(stack, text, harmed)?,
            // What a node does not know is tried in those above.
            Meaning::Unknown if !stack.is_empty() => {
                stack.pop();
                return self.types(stack, text, harmed);
            }
            Meaning::Unknown => return Err((NO_MATCH, "% Unknown command")),
        }
        Ok(())
    }

    fn remove(
        &mut self,
        stack: &[String],
        text: &str,
        harmed: &mut Vec<String>,
    ) -> Result<(), (u8, &'static str)> {
        let plain = text.strip_prefix("no ").unwrap_or(text);
        let is_meant = |it: &Stands| {
            it.context == stack
                && (it.text == plain || it.line.as_ref().is_some_and(|line| *line.undo == *text))
        };
        let Some(at) = self.lines.iter().position(is_meant) else {
            return Err((FAILED, "% There is no such thing"));
        };
        self.printed = None;
        let gone = self.lines.remove(at);
        harmed.extend(Some(gone.text.clone()).filter(|_| gone.theirs));
        if let Some(line) = gone.line.filter(|line| line.entry) {
            let mut below = stack.to_vec();
            below.push(gone.text);
            let goes_along = |it: &Stands| {
                it.context.starts_with(&below)
                    || it.line.as_ref().is_some_and(|it| it.path.starts_with(&line.path))
            };
            harmed.extend(
                self.lines
                    .iter()
                    .filter(|it| it.theirs && goes_along(it))
                    .map(|it| it.text.clone()),
            );
            self.lines.retain(|it| !goes_along(it));
        }
        Ok(())
    }

    /// Whether a line stands in this place, whatever its place is where none is given.
    pub fn has(&self, text: &str) -> bool {
        self.lines.iter().any(|it| it.text == text)
    }

    /// The lines that begin so.
    pub fn beginning<'a>(&'a self, words: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().map(|it| it.text.as_str()).filter(move |text| text.starts_with(words))
    }

    /// The lines that stand in a node whose last line is this.
    pub fn inside<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a str> {
        let within = move |it: &&Stands| it.context.last().is_some_and(|last| last == node);
        self.lines.iter().filter(within).map(|it| it.text.as_str())
    }

    /// What all of it means, with what the daemon does not show.
    pub fn meaning(&mut self, defaults: &Defaults) -> (Tree, Vec<String>) {
        let read = table(self.daemon).parse(&self.running(), defaults);
        (read.tree, read.foreign.into_iter().map(|it| it.text).collect())
    }

    /// `show running-config`.
    pub fn running(&mut self) -> Arc<str> {
        if let Some(printed) = &self.printed {
            return printed.clone();
        }
        let mut text = "Building configuration...\n\nCurrent configuration:\n!\nfrr version 10.3\n\
                        frr defaults traditional\n!\n"
            .to_owned();
        self.print(&[], &mut text);
        text.push_str("end\n");
        let printed: Arc<str> = text.into();
        self.printed = Some(printed.clone());
        printed
    }

    fn print(&self, context: &[String], text: &mut String) {
        let depth = context.len();
        let indent = " ".repeat(depth);
        let mut entered: Vec<&str> = Vec::new();
        for it in self.lines.iter().filter(|it| it.context.starts_with(context)) {
            let (node, shown) = match it.context.get(depth) {
                None => (it.text.as_str(), it.line.as_ref().is_none_or(|line| !line.opens)),
                Some(node) => (node.as_str(), false),
            };
            if shown {
                text.push_str(&format!("{indent}{node}\n"));
            } else if !entered.contains(&node) {
                entered.push(node);
                text.push_str(&format!("{indent}{node}\n"));
                let mut below = context.to_vec();
                below.push(node.to_owned());
                self.print(&below, text);
                let exit = match node.starts_with("address-family") {
                    true => "exit-address-family",
                    false => "exit",
                };
                text.push_str(&format!("{indent}{exit}\n"));
            }
        }
    }
}

#[test]
fn what_is_typed_is_shown_and_taken_back() {
    let mut lines = Lines::new(Daemon::Bgpd);
    let (mut stack, mut harmed) = (Vec::new(), Vec::new());
    let mut type_all = |lines: &mut Lines, all: &[&str]| {
        for text in all {
            match *text {
                "exit" => drop(stack.pop()),
                text => lines.types(&mut stack, text, &mut harmed).expect(text),
            }
        }
    };
    type_all(
        &mut lines,
        &[
            "router bgp 65000",
            "neighbor 10.0.0.1 remote-as 65001",
            "neighbor 10.0.0.1 description one",
            "neighbor 10.0.0.1 description two",
            "address-family ipv6 unicast",
            "neighbor 10.0.0.1 activate",
            "network 2001:db8::/32",
            "exit",
            "exit",
        ],
    );
    let text = lines.running();
    assert!(text.contains("\n neighbor 10.0.0.1 description two\n"), "{text}");
    assert!(
        text.contains("\n address-family ipv6 unicast\n  neighbor 10.0.0.1 activate\n"),
        "{text}"
    );
    type_all(&mut lines, &["router bgp 65000", "no neighbor 10.0.0.1", "exit"]);
    assert!(!lines.running().contains("10.0.0.1"), "{}", lines.running());
    assert!(lines.has("network 2001:db8::/32"));
    assert!(harmed.is_empty());
    let mut theirs = Lines::new(Daemon::Bgpd);
    theirs.load("router bgp 1\n neighbor 10.0.0.9 remote-as 2\nexit\n", true);
    theirs.types(&mut Vec::new(), "no router bgp 1", &mut harmed).expect("FRR does it");
    assert_eq!(harmed, ["router bgp 1", "neighbor 10.0.0.9 remote-as 2"]);
}
