//! `show running-config` → tree, and the lines that the table doesn't know.

use super::{Defaults, Table, pattern::Bindings};
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
}

/// A line that the table doesn't know: somebody else's. It is never touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Lines that lead to where it stands.
    pub context: Vec<String>,
    /// The line.
    pub text: String,
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
    line: String,
}

impl Table {
    /// Reads a running configuration, as the daemon's `show running-config` prints it.
    pub fn parse(&self, text: &str, defaults: &Defaults) -> Running {
        let mut running = Running::default();
        let mut stack = vec![Open { node: 0, bindings: Bindings::default(), line: String::new() }];
        // Indentation of the foreign block that is being read.
        let mut foreign_block: Option<usize> = None;
        for raw in text.lines() {
            let line = raw.trim_end();
            let body = line.trim_start();
            let indentation = line.len() - body.len();
            if body.is_empty() || body.starts_with('!') {
                continue;
            }
            if let Some(outer) = foreign_block {
                if indentation > outer || (indentation == outer && body.starts_with("exit")) {
                    running.foreign.push(foreign(&stack, line));
                    if indentation == outer {
                        foreign_block = None;
                    }
                    continue;
                }
                foreign_block = None;
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
                || self.known(body, &mut stack, &mut running.tree)
                || is_of_profile(body, running.profile.as_deref())
            {
                continue;
            }
            running.foreign.push(foreign(&stack, line));
            foreign_block = Some(indentation);
        }
        self.fill(&mut running.tree, defaults);
        running
    }

    /// Reads one line in the innermost open node; `false` where no row is of its form.
    fn known(&self, line: &str, stack: &mut Vec<Open>, tree: &mut Tree) -> bool {
        let Some(open) = stack.last() else { return false };
        let (node, outer) = (open.node, open.bindings.clone());
        for row in self.rows.iter().filter(|row| row.node == node) {
            let read = row.line.read(line).or_else(|| {
                row.aliases.iter().find_map(|(alias, lacking)| {
                    let mut bindings = alias.read(line)?;
                    lacking.iter().all(|(v, value)| bindings.bind(v, value)).then_some(bindings)
                })
            });
            let Some(mut bindings) = read else { continue };
            bindings.extend(&outer);
            if !row.data.iter().all(|pattern| pattern.assert(tree, &bindings)) {
                continue;
            }
            if let Some(node) = row.opens {
                stack.push(Open { node, bindings, line: line.to_owned() });
            }
            return true;
        }
        for (at, child) in self.nodes.iter().enumerate() {
            if child.parent == Some(node)
                && !self.rows.iter().any(|row| row.opens == Some(at))
                && let Some(mut bindings) = child.enter.read(line)
            {
                bindings.extend(&outer);
                stack.push(Open { node: at, bindings, line: line.to_owned() });
                return true;
            }
        }
        false
    }
}

fn foreign(stack: &[Open], line: &str) -> Foreign {
    Foreign {
        context: stack[1..].iter().map(|open| open.line.clone()).collect(),
        text: line.trim_start().to_owned(),
    }
}
