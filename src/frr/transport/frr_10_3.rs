//! What bgpd of FRR 10.3 does not survive: with 10.3 this file goes, and what calls it.
//!
//! bgpd ends with signal 11 (`bgp_static_update`) when the attributes of a network change that an aggregate suppresses, or has
//! suppressed since bgpd began. A drain changes them, and so do another route-map and `bgp network import-check`. FRR 10.3.1
//! has it mended. A bgpd that is started again would be told the same again, so such a plan is refused before anything is sent.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::{
    frr::{
        driver::{Target, Unplannable, VtyPlan},
        vty::{
            steps::Step,
            table::{Foreign, Running},
        },
    },
    tree::{Path, Tree},
};

/// The version as bgpd shows it; what a distribution adds is no part of it.
const VERSION: &str = "10.3";

/// Attributes of the instance that every network has.
const OF_ALL: [&str; 2] = ["/global/graceful-shutdown/enable", "/global/import-check"];

/// Whether this is the configuration of a bgpd with that fault.
pub(crate) fn is(running: &Running) -> bool {
    running.version.as_deref() == Some(VERSION)
}

/// The aggregates that one bgpd was seen with: a network that one has suppressed stays in danger when the line is gone.
#[derive(Debug, Default)]
pub(super) struct Aggregates {
    /// The connection on which they were seen.
    connection: Option<u64>,
    /// Each with its line.
    seen: BTreeMap<IpNet, String>,
}

impl Aggregates {
    /// Takes note of what was read on a connection.
    pub(super) fn note(&mut self, connection: Option<u64>, running: &Running) {
        if self.connection != connection {
            *self = Self { connection, ..Self::default() };
        }
        if is(running) {
            let seen = running.foreign.iter().filter_map(suppressing);
            self.seen.extend(seen.map(|(prefix, line)| (prefix, line.to_owned())));
        }
    }

    /// Refuses what would end bgpd.
    ///
    /// # Errors
    /// The network, the line that suppresses it, and what to do.
    pub(super) fn spare(&self, target: &Target<'_>, plan: &VtyPlan) -> Result<(), Unplannable> {
        if self.seen.is_empty() || !is(target.running) {
            return Ok(());
        }
        for step in &plan.steps {
            for network in touched(step, &target.running.tree) {
                if let Some((_, line)) = self.seen.iter().find(|(it, _)| suppresses(it, &network)) {
                    let path = (*step.path).clone();
                    return Err(Unplannable { message: fatal(&network, line), path });
                }
            }
        }
        Ok(())
    }
}

/// What would happen, and what to do.
fn fatal(network: &IpNet, line: &str) -> String {
    format!(
        "bgpd of FRR 10.3 would crash: it can't change the attributes of network {network}, which \"{line}\" suppresses or \
         has suppressed; upgrade to FRR 10.3.1 or later, or remove that line and restart bgpd"
    )
}

/// The prefix of an aggregate that keeps what is inside from being announced.
fn suppressing(line: &Foreign) -> Option<(IpNet, &str)> {
    let rest = line.text.trim().strip_prefix("aggregate-address ")?;
    let mut words = rest.split_whitespace();
    let prefix = words.next()?.parse().ok()?;
    let suppresses = words.any(|word| matches!(word, "summary-only" | "suppress-map"));
    suppresses.then_some((prefix, line.text.trim()))
}

fn suppresses(aggregate: &IpNet, network: &IpNet) -> bool {
    aggregate.contains(network) && aggregate != network
}

/// The networks that run whose attributes a step changes.
fn touched(step: &Step, running: &Tree) -> Vec<IpNet> {
    if let Some(network) = network_of(&step.path) {
        let changes = step.shows.is_some() && running.contains(&step.path);
        return network.into_iter().filter(|_| changes).collect();
    }
    let path = step.path.to_string();
    let mut networks = Vec::new();
    if OF_ALL.iter().any(|leaf| path.ends_with(leaf)) {
        running.for_each_end(&mut |path, _| networks.extend(network_of(path).flatten()));
        networks.dedup();
    }
    networks
}

/// Of which network something is; `Some(None)` where its prefix can't be read.
fn network_of(path: &Path) -> Option<Option<IpNet>> {
    let entry = path.0.iter().find(|step| &*step.name == "network-config")?;
    Some(entry.key("prefix").and_then(|prefix| prefix.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        daemon::Daemon,
        frr::{
            driver::plan_commands,
            vty::table::{Defaults, Table},
        },
    };

    const RUNS: &str = "frr version 10.3\nrouter bgp 65000\n no bgp network import-check\n address-family ipv4 unicast\n  \
                        network 192.0.2.1/32\n  network 198.51.100.0/24\n";

    /// What is said of a plan from `RUNS` with an aggregate to a goal.
    fn said(version: &str, aggregate: &str, goal: &str) -> String {
        let table = Table::of(Daemon::Bgpd).expect("a table");
        let runs = format!("{RUNS}  {aggregate}\n exit-address-family\nexit\n");
        let running = table.parse(&runs.replace("10.3", version), &Defaults::default());
        let goal = table.parse(goal, &Defaults::default()).tree;
        let target = || Target {
            running: &running,
            foreign: &running.foreign,
            goal: &goal,
            wanted: &goal,
            appended: Vec::new(),
            told: false,
            most: usize::MAX,
        };
        let plan = plan_commands(table, &target()).expect("a plan");
        assert!(!plan.steps.is_empty());
        let mut aggregates = Aggregates::default();
        aggregates.note(Some(1), &running);
        // The line is gone by now.
        aggregates.note(Some(1), &Running::default());
        aggregates.spare(&target(), &plan).err().map(|it| it.message).unwrap_or_default()
    }

    #[test]
    fn what_would_end_bgpd_is_refused_and_nothing_else() {
        let drained = RUNS.replace(" no bgp network", " bgp graceful-shutdown\n no bgp network");
        let checked = RUNS.replace("no bgp network", "bgp network");
        let mapped = RUNS.replace(".1/32", ".1/32 route-map X");
        let other = RUNS.replace("100.0/24", "100.0/24 route-map X");
        let more = RUNS.replace("192.0.2.1/32", "192.0.2.1/32\n  network 192.0.2.2/32");
        let less = RUNS.replace("  network 192.0.2.1/32\n", "");
        for line in [
            "aggregate-address 192.0.2.0/24 summary-only",
            "aggregate-address 192.0.2.0/24 as-set summary-only route-map A",
            "aggregate-address 192.0.2.0/24 suppress-map S",
        ] {
            for goal in [&drained, &checked, &mapped] {
                let said = said("10.3", line, goal);
                assert!(said.contains("192.0.2.1/32") && said.contains(line), "{line}: {said}");
            }
            for goal in [&other, &more, &less] {
                assert_eq!(said("10.3", line, goal), "", "{line}: {goal}");
            }
        }
        for (version, line) in [
            ("10.3.1", "aggregate-address 192.0.2.0/24 summary-only"),
            ("10.3", "aggregate-address 192.0.2.0/24"),
            ("10.3", "aggregate-address 192.0.2.1/32 summary-only"),
            ("10.3", "aggregate-address 203.0.113.0/24 summary-only"),
        ] {
            assert_eq!(said(version, line, &drained), "", "{version} {line}");
        }
    }
}
