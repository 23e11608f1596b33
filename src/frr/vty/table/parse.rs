//! `show running-config` → tree, and the lines that the table doesn't know.

use std::collections::BTreeMap;

use super::{Defaults, Table, Template, pattern::Bindings};
use crate::tree::Tree;

/// A daemon's configuration as it gave it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Running {
    /// What the table knows, with the leaves that the daemon doesn't show filled in.
    pub tree: Tree,
    /// What it doesn't know.
    pub foreign: Vec<Foreign>,
    /// Name of the profile: `frr defaults NAME`.
    pub profile: Option<String>,
    /// `frr version X`.
    pub version: Option<String>,
    /// The values that the daemon does not show, as its own lines have them.
    pub defaults: Defaults,
    /// Lines of which the daemon shows another spelling than the table's.
    pub spelling: Spelling,
}

/// Lines that stand in another spelling than the table's own: what is put back is put back as it stood, and nodes are
/// entered by the line that the daemon shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spelling {
    /// What the daemon shows, by the line and the lines around it as the table spells them.
    shown: BTreeMap<(Vec<String>, String), String>,
}

impl Spelling {
    /// Whether all lines are spelled as the table does.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// The line as the daemon shows it; `context` and `line` as the table spells them.
    pub fn of<'a>(&'a self, context: &[String], line: &'a str) -> &'a str {
        self.shown.get(&(context.to_vec(), line.to_owned())).map_or(line, String::as_str)
    }

    /// The lines around a line as the daemon shows them.
    pub fn of_context(&self, context: &[String]) -> Vec<String> {
        let shown = |(at, line): (usize, &String)| self.of(&context[..at], line).to_owned();
        context.iter().enumerate().map(shown).collect()
    }
}

/// A line that the table doesn't know: somebody else's. It is never touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Lines that lead to where it stands, as the table spells them.
    pub context: Vec<String>,
    /// The line.
    pub text: String,
}

impl Foreign {
    /// Whether it stands in the BGP instance of the default VRF itself.
    pub(super) fn is_in_the_instance(&self) -> bool {
        let [router] = &self.context[..] else { return false };
        router.strip_prefix("router bgp ").is_some_and(|number| number.parse::<u32>().is_ok())
    }
}

/// Lines that are no configuration: what the daemon says of itself.
fn is_header(line: &str) -> bool {
    ["frr ", "hostname ", "domainname "].iter().any(|word| line.starts_with(word))
        || matches!(line, "Building configuration..." | "Current configuration:")
}

/// Lines that a daemon shows in every new instance under this profile, though nobody configured them:
/// bgpd 10.7. Taken for somebody's, they would keep an instance from ever being replaced.
fn is_of_profile(line: &str, profile: Option<&str>) -> bool {
    profile == Some("datacenter") && line == "use-underlays-nexthop-weight"
}

struct Open {
    node: usize,
    bindings: Bindings,
    /// The line that entered it, as the table spells it.
    line: String,
}

/// A foreign block that is being read.
struct Block {
    indentation: usize,
    /// The line that begins it.
    line: String,
}

impl Table {
    /// Reads a running configuration, as the daemon's `show running-config` prints it.
    pub fn parse(&self, text: &str, defaults: &Defaults) -> Running {
        let mut running = Running::default();
        let mut stack = vec![Open { node: 0, bindings: Bindings::default(), line: String::new() }];
        let mut block: Option<Block> = None;
        for raw in text.lines() {
            let line = raw.trim_end();
            let body = line.trim_start();
            let indentation = line.len() - body.len();
            if body.is_empty() || body.starts_with('!') {
                continue;
            }
            if let Some(Block { indentation: outer, line: first }) = &block {
                let ends = indentation == *outer && body.starts_with("exit");
                if indentation > *outer || ends {
                    running.foreign.push(foreign(&stack, Some(first), body));
                    if ends {
                        block = None;
                    }
                    continue;
                }
                block = None;
            }
            if stack.len() > 1 && matches!(body, "exit" | "exit-address-family" | "end") {
                stack.pop();
                continue;
            }
            if stack.len() == 1 && is_header(body) {
                if let Some(name) = body.strip_prefix("frr defaults ") {
                    running.profile = Some(name.to_owned());
                }
                if let Some(version) = body.strip_prefix("frr version ") {
                    running.version = Some(version.to_owned());
                }
                continue;
            }
            if body == "end"
                || self.known(body, &mut stack, &mut running)
                || is_of_profile(body, running.profile.as_deref())
            {
                continue;
            }
            running.foreign.push(foreign(&stack, None, body));
            block = Some(Block { indentation, line: body.to_owned() });
        }
        running.defaults = self.defaults_beside(&running.foreign, defaults);
        self.fill(&mut running.tree, &running.defaults);
        running
    }

    /// Reads one line in the innermost open node; `false` where no row is of its form.
    fn known(&self, line: &str, stack: &mut Vec<Open>, running: &mut Running) -> bool {
        let Some(open) = stack.last() else { return false };
        let (node, outer) = (open.node, open.bindings.clone());
        for row in self.rows.iter().filter(|row| row.node == node) {
            let read = row.line.read(line).or_else(|| {
                row.aliases.iter().find_map(|(alias, lacking)| {
                    let mut bindings = alias.read(line)?;
                    let whole = lacking.iter().all(|(v, value)| bindings.bind(v, value));
                    whole.then(|| bindings.respelled())
                })
            });
            let Some(mut bindings) = read else { continue };
            bindings.extend(&outer);
            if !row.data.iter().all(|pattern| pattern.assert(&mut running.tree, &bindings)) {
                continue;
            }
            let ours = spelled(&row.line, &bindings, line, stack, running);
            if let Some(node) = row.opens {
                let line = ours.unwrap_or_else(|| line.to_owned());
                stack.push(Open { node, bindings, line });
            }
            return true;
        }
        for (at, child) in self.nodes.iter().enumerate() {
            if child.parent == Some(node)
                && !self.rows.iter().any(|row| row.opens == Some(at))
                && let Some(mut bindings) = child.enter.read(line)
            {
                bindings.extend(&outer);
                let ours = spelled(&child.enter, &bindings, line, stack, running);
                let line = ours.unwrap_or_else(|| line.to_owned());
                stack.push(Open { node: at, bindings, line });
                return true;
            }
        }
        false
    }
}

/// The table's own spelling of a line that was read, where it is another; noted for what puts the line back.
fn spelled(
    template: &Template,
    bindings: &Bindings,
    shown: &str,
    stack: &[Open],
    running: &mut Running,
) -> Option<String> {
    let ours = template.render(bindings).filter(|_| bindings.are_respelled())?;
    running.spelling.shown.insert((context(stack), ours.clone()), shown.to_owned());
    Some(ours)
}

fn context(stack: &[Open]) -> Vec<String> {
    stack[1..].iter().map(|open| open.line.clone()).collect()
}

fn foreign(stack: &[Open], block: Option<&String>, line: &str) -> Foreign {
    let context = context(stack).into_iter().chain(block.cloned()).collect();
    Foreign { context, text: line.to_owned() }
}
