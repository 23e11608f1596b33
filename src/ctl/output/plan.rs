//! What a transaction would do: the difference in FRR's YANG and what is sent, for each
//! daemon.

use serde::Serialize;

use super::{Colour, View, lifetime, paint::Sign, text};
use crate::proto::v1::{DaemonPlan, LeafChange, PlanResponse, PlanStep, SessionChange};

/// The plan, in the order in which the daemons are changed.
#[derive(Debug, Serialize)]
pub struct Plan {
    daemons: Vec<Daemon>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sessions: Vec<Session>,
    /// Seconds after the command's end in which all of it would be withdrawn; absent where it would stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_after_s: Option<u64>,
    #[serde(skip)]
    owner: String,
}

/// What becomes of one BGP session.
#[derive(Debug, Serialize)]
struct Session {
    neighbor_address: String,
    effect: String,
    why: String,
}

#[derive(Debug, Serialize)]
struct Daemon {
    daemon: String,
    door: String,
    diff: Vec<Leaf>,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Leaf {
    path: String,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Debug, Serialize)]
struct Step {
    context: Vec<String>,
    command: String,
    inverse: Vec<String>,
    door: String,
}

impl From<PlanResponse> for Plan {
    fn from(response: PlanResponse) -> Self {
        let session = |it: SessionChange| {
            let SessionChange { neighbor_address, effect, why } = it;
            Session { neighbor_address, effect, why }
        };
        Self {
            daemons: response.daemons.into_iter().map(Daemon::from).collect(),
            sessions: response.sessions.into_iter().map(session).collect(),
            withdrawn_after_s: response.withdrawn_after_s,
            owner: String::new(),
        }
    }
}

impl Plan {
    /// The same, of this owner.
    pub fn of(mut self, owner: &str) -> Self {
        owner.clone_into(&mut self.owner);
        self
    }
}

impl From<DaemonPlan> for Daemon {
    fn from(plan: DaemonPlan) -> Self {
        let usual = plan.door.clone();
        let leaf = |LeafChange { path, before, after }| Leaf { path, before, after };
        let step = |PlanStep { context, command, inverse, door }| Step {
            context,
            command,
            inverse,
            // Agents of before said it of the daemon only.
            door: if door.is_empty() { usual.clone() } else { door },
        };
        Self {
            daemon: plan.daemon,
            door: plan.door,
            diff: plan.diff.into_iter().map(leaf).collect(),
            steps: plan.steps.into_iter().map(step).collect(),
        }
    }
}

impl View for Plan {
    fn table(&self, colour: Colour) -> String {
        let notice = lifetime::notice(&self.owner, self.withdrawn_after_s);
        if self.daemons.is_empty() {
            return format!("nothing to do: FRR has all of it\n{notice}");
        }
        let daemons: Vec<String> = self.daemons.iter().map(|daemon| daemon.table(colour)).collect();
        let sessions: String = self.sessions.iter().map(Session::line).collect();
        match sessions.as_str() {
            "" => format!("{}{notice}", daemons.join("\n")),
            sessions => format!("{}\nBGP sessions\n{sessions}{notice}", daemons.join("\n")),
        }
    }
}

impl Session {
    fn line(&self) -> String {
        let Self { neighbor_address, effect, why } = self;
        let line = match why.as_str() {
            "" => format!("  {neighbor_address} {effect}"),
            why => format!("  {neighbor_address} {effect}: {why}"),
        };
        text::one_line(&line)
    }
}

impl Daemon {
    fn table(&self, colour: Colour) -> String {
        let (daemon, door) = (text::printable(&self.daemon), text::printable(&self.door));
        let mut told = format!("{daemon} ({door})\n");
        let mut stands = "";
        for leaf in &self.diff {
            let (subtree, path) = subtree(&leaf.path);
            if subtree != stands && !subtree.is_empty() {
                told.push_str(&format!("  {}\n", text::printable(subtree)));
            }
            stands = subtree;
            told.push_str(&leaf.line(path, colour));
        }
        told.push_str("  sends\n");
        push_steps(&mut told, &self.steps, &self.door);
        told
    }
}

impl Leaf {
    /// The line of the leaf at `path`, which is its own or what of it is not said yet.
    fn line(&self, path: &str, colour: Colour) -> String {
        let Some(sign) = Sign::of(self.before.is_some(), self.after.is_some()) else {
            return String::new();
        };
        // A leaf without a value, such as a presence container, is its path alone.
        let value = match (self.before.as_deref(), self.after.as_deref()) {
            (Some(before), Some(after)) => format!("  {before} -> {after}"),
            (Some("") | None, Some("") | None) => String::new(),
            (Some(only), None) | (None, Some(only)) => format!("  {only}"),
        };
        sign.line("    ", &format!("{path}{value}"), colour)
    }
}

/// A path in two: the subtree of a module that it is in, which its neighbours share, and the rest. A step
/// that names a module begins such a subtree; text in brackets or quotes is no step.
fn subtree(path: &str) -> (&str, &str) {
    let (mut quote, mut depth, mut named, mut at) = (None, 0, false, None);
    for (offset, c) in path.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => depth -= 1,
            (None, ':') if depth == 0 => named = true,
            (None, '/') if depth == 0 => {
                if named {
                    at = Some(offset);
                }
                named = false;
            }
            _ => {}
        }
    }
    at.map_or(("", path), |at| (&path[..at], &path[at + 1..]))
}

/// The commands, each below its context, which is written once for those that share it: the
/// form of a configuration. A step that does not go through the daemon's usual `door` names its own.
fn push_steps(told: &mut String, steps: &[Step], door: &str) {
    const INDENT: usize = 4;
    // The context of the line just written, itself included: it may be what enters the next one's node.
    let mut stands: Vec<&String> = Vec::new();
    for step in steps {
        let shared =
            stands.iter().zip(&step.context).take_while(|(here, there)| **here == *there).count();
        let entered = step.context.iter().enumerate().skip(shared);
        let command = (step.context.len(), &step.command);
        for (depth, line) in entered.chain([command]) {
            told.push_str(&" ".repeat(INDENT + depth));
            told.push_str(&text::printable(line));
            if depth == step.context.len() && step.door != door {
                told.push_str(&format!("  [{}]", text::printable(&step.door)));
            }
            told.push('\n');
        }
        stands = step.context.iter().chain([&step.command]).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_from_its_modules_subtree_on() {
        let bgp = "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
                   [type='frr-bgp:bgp'][name='bgp'][vrf='default']/frr-bgp:bgp";
        for (path, expected) in [
            (&*format!("{bgp}/global/local-as"), (bgp, "global/local-as")),
            (
                &*format!("{bgp}/network-config[prefix='2001:db8::/48']"),
                (bgp, "network-config[prefix='2001:db8::/48']"),
            ),
            (
                "/frr-route-map:lib/route-map[name='a/b:c]']/frr-bgp-route-map:med",
                ("/frr-route-map:lib", "route-map[name='a/b:c]']/frr-bgp-route-map:med"),
            ),
            (
                "/frr-staticd:route[prefix='10.9.0.0/16']",
                ("", "/frr-staticd:route[prefix='10.9.0.0/16']"),
            ),
            ("", ("", "")),
        ] {
            assert_eq!(subtree(path), expected, "{path}");
        }
    }
}
