//! The rows of the table, in the order of the run: from an empty store to the largest.

mod stores;

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::runtime::Runtime;

use super::{
    Scale,
    agent::{Agent, Client},
    calls::check_networks,
    floor, gobgp,
    lab::{Lab, LabOptions, Router, net, wait_for},
    process,
    report::{Report, Verdict},
    stats::{Samples, ms, ratio},
    vty::Vty,
    work::{self, FLOOR, PROBES, STORE},
};

/// Most changes of one Apply today; what is larger is tried whole, and else sent in such pieces.
const PIECE: usize = 10_000;

/// Longest wait for the end of a resynchronisation: at most a minute lies between two.
const RESYNC_WAIT: Duration = Duration::from_secs(75);

/// Time in which bgpd has sent its neighbours what it was given, and the monitor has read that.
const SETTLED: Duration = Duration::from_secs(3);

/// Share of the processors that is in use where nothing is under way, about.
const QUIET: f64 = 0.15;

/// Longest wait for that.
const DIGESTED: Duration = Duration::from_secs(30);

/// Raw lines that are followed to the peer.
const RAW_TO_PEER: u32 = 100;

/// What all rows need.
struct Run<'a> {
    scale: &'a Scale,
    lab: &'a Lab,
    runtime: &'a Runtime,
    agent: Agent<'a>,
    client: Client,
    report: &'a mut Report,
    begun: Instant,
    /// CPU that an idle agent takes in a second.
    idle: Duration,
    /// Medians of one AdvertisePrefix, by size.
    medians: Vec<Duration>,
    /// Medians of our Apply at the size of the bulk rows: advertise, withdraw.
    ours: Option<(Duration, Duration)>,
}

/// Runs everything. What can't be measured is a row that failed.
pub fn run(scale: &Scale, begun: Instant, report: &mut Report) {
    let lab = Lab::start(LabOptions::default());
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime");
    let version = lab.vtysh(Router::Node, &["show version"]);
    let version = version.lines().find(|line| line.starts_with("FRRouting")).unwrap_or_default();
    report.fact("FRR", version.split(" (").next().unwrap_or_default());
    let started = Agent::start(&lab)
        .and_then(|agent| runtime.block_on(agent.client()).map(|client| (agent, client)));
    let (agent, client) = match started {
        Ok(started) => started,
        Err(why) => return report.failed("start of the agent", "", &why),
    };
    let (idle, medians) = (Duration::ZERO, Vec::new());
    let ours = None;
    let mut run = Run {
        scale,
        lab: &lab,
        runtime: &runtime,
        agent,
        client,
        report,
        begun,
        idle,
        medians,
        ours,
    };
    run.all();
}

impl Run<'_> {
    fn all(&mut self) {
        let bulk = self.scale.stores[1];
        let large = self.scale.stores[2];
        let applied = self.runtime.block_on(self.client.apply(work::bed()));
        if let Err(why) = applied {
            return self.report.failed("BGP and the peer", "", &why);
        }
        wait_for("the session with tor", Duration::from_secs(60), || {
            let shown = self.lab.vtysh_json(Router::Node, "show bgp summary json");
            let state = shown["ipv4Unicast"]["peers"][net::TOR_V4]["state"].clone();
            if state == "Established" { Ok(()) } else { Err(state) }
        });
        self.row("idle agent", Self::idle);
        self.row("floor", Self::floor);
        self.latency(0);
        self.row("Apply", Self::bulk);
        self.row("many at a time", Self::wide);
        self.row("static routes", Self::routes);
        if self.fill("store", 0, bulk).is_some() {
            self.latency(bulk);
            self.row("GetStatus", |run| run.get_status(bulk));
            if self.scale.stores[1] == 10_000 {
                // Takes half a minute: the everyday run looks at the largest store only.
                self.row("resynchronisation", |run| run.resynchronise(bulk));
            }
            self.row("restart", |run| run.restart(bulk));
            self.memory(bulk);
            if let Some(took) = self.fill("store", bulk, large) {
                self.large(took);
                self.latency(large);
                self.row("resynchronisation", |run| run.resynchronise(large));
                self.memory(large);
            }
        }
        if self.scale.only.is_none() {
            self.flat();
        }
        let (_, peak) = process::memory(self.agent.pid());
        let cpu = process::cpu(self.agent.pid());
        let text = format!("{peak:.0} MiB at most, {} of CPU since its last start", ms(cpu));
        let values = json!({"peak_mib": peak, "cpu_seconds": cpu.as_secs_f64()});
        self.report.row("the agent in this run", "", text, Verdict::Told, values);
    }

    /// Does one row, unless time is up.
    fn row(&mut self, name: &str, row: impl FnOnce(&mut Self) -> Result<(), String>) {
        if self.scale.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            return;
        }
        if self.begun.elapsed() > self.scale.end {
            return self.report.failed(name, "", "not begun: the time of the run is up");
        }
        if let Err(why) = row(self) {
            let why = format!("{why}; the agent's log ends: {}", self.agent.log());
            self.report.failed(name, "", &why);
        }
    }

    /// A verdict that counts at full size only: goals in absolute numbers are for that.
    fn at_full(&self, met: bool) -> Verdict {
        if self.scale.stores[1] == 10_000 { Verdict::of(met) } else { Verdict::Told }
    }

    fn idle(&mut self) -> Result<(), String> {
        let pid = self.agent.pid();
        let before = process::cpu(pid);
        thread::sleep(self.scale.idle);
        let used = process::cpu(pid) - before;
        self.idle = used.div_f64(self.scale.idle.as_secs_f64());
        let share = self.idle.as_secs_f64();
        let (now, _) = process::memory(pid);
        let text = format!("{now:.1} MiB, {:.2} % of one processor", share * 100.0);
        let met = now <= 24.0 && share <= 0.005;
        let values = json!({"mib": now, "cpu_share": share});
        let goal = "<= 24 MiB, no measurable CPU (<= 0.5 %)";
        self.report.row("idle agent", goal, text, Verdict::of(met), values);
        Ok(())
    }

    /// What others take for the same, each a row without a goal.
    fn floor(&mut self) -> Result<(), String> {
        let count = self.scale.stores[1];
        let (lab, repeats) = (self.lab, self.scale.repeats);
        // Once for nothing: the daemon's tables have to grow once.
        let mut rounds = self.agent.frozen(|| -> Result<Vec<_>, String> {
            (0..=repeats).map(|_| floor::raw(lab, count)).collect()
        })?;
        rounds.remove(0);
        let added: Samples = rounds.iter().map(|round| round.0).collect();
        let removed: Samples = rounds.iter().map(|round| round.1).collect();
        self.report.point("raw lines", count, added.median());
        let noise = added.spread();
        self.by_others("raw pipelined lines, read back", count, Ok(rounds_of(&added, &removed)));
        if noise > 1.5 {
            let text = format!("the floor's own repeats differ {noise:.1} times");
            self.report.fact("NOISE", text);
        }
        let done = self.agent.frozen(|| floor::vtysh(lab, count));
        self.by_others("vtysh -f", count, done);
        let few = self.scale.reload;
        let done = self.agent.frozen(|| floor::reload(lab, few));
        self.by_others("frr-reload.py", few, done);
        match self.runtime.block_on(gobgp::measure(lab, count)) {
            Ok(took) => self.by_others("GoBGP's gRPC", count, Ok(took)),
            Err(why) => println!("SKIPPED GoBGP: {why}"),
        }
        Ok(())
    }

    fn by_others(&mut self, name: &str, count: u32, took: Result<(Duration, Duration), String>) {
        let work = format!("{count} prefixes by {name}");
        match took {
            Ok((add, remove)) => {
                let per = |took: Duration| took.as_secs_f64() * 1e6 / f64::from(count);
                let text = format!(
                    "advertise {} ({:.1} µs each), withdraw {} ({:.1} µs each)",
                    ms(add),
                    per(add),
                    ms(remove),
                    per(remove)
                );
                let values = json!({"add_ms": millis(add), "remove_ms": millis(remove)});
                self.report.row(&work, "", text, Verdict::Told, values);
            }
            Err(why) => self.report.failed(&work, "", &why),
        }
    }

    /// One call when nothing else is under way: after 90,000 prefixes bgpd, its peers and the agent's own comparison of all
    /// are busy for some seconds.
    fn latency(&mut self, size: u32) {
        let begun = Instant::now();
        while process::busy() > QUIET && begun.elapsed() < DIGESTED {}
        self.row("AdvertisePrefix", |run| run.advertise(size));
        self.row("AdvertisePrefix to the peer", |run| run.until_peer(size));
    }

    fn advertise(&mut self, size: u32) -> Result<(), String> {
        let (calls, budget) = (self.scale.calls, self.scale.budget);
        let warm = self.runtime.block_on(self.client.advertise_each(PROBES + calls, 5, budget))?;
        let before = process::cpu(self.agent.pid());
        let client = &mut self.client;
        let (samples, done) =
            self.runtime.block_on(client.advertise_each(PROBES, calls, budget))?;
        let cpu = process::cpu(self.agent.pid()) - before;
        check_networks(self.lab, PROBES, done, true)?;
        let mut changes = work::withdraw_changes(PROBES, done);
        changes.extend(work::withdraw_changes(PROBES + calls, warm.1));
        self.runtime.block_on(self.client.apply(changes))?;
        check_networks(self.lab, PROBES, done, false)?;
        self.medians.push(samples.median());
        self.report.point("one AdvertisePrefix, p50", size, samples.median());
        self.report.point("one AdvertisePrefix, p99", size, samples.p99());
        let limits = [2, 5].map(Duration::from_millis);
        let met = samples.median() <= limits[0] && samples.p99() <= limits[1];
        let goal = "p50 <= 2 ms, p99 <= 5 ms";
        let work = format!("one AdvertisePrefix to confirmed, store of {size}");
        self.latency_row(&work, goal, &samples, Verdict::of(met), cpu / done.max(1));
        Ok(())
    }

    fn until_peer(&mut self, size: u32) -> Result<(), String> {
        let (calls, budget) = (self.scale.calls / 2, self.scale.budget);
        let measured = self.client.advertise_to_peer(self.lab, PROBES, calls, budget);
        let (samples, done) = self.runtime.block_on(measured)?;
        self.runtime.block_on(self.client.apply(work::withdraw_changes(PROBES, done)))?;
        let met = samples.p99() <= Duration::from_millis(50);
        let (lab, few) = (self.lab, calls.min(RAW_TO_PEER));
        let floor = self.agent.frozen(|| floor::raw_to_peer(lab, few))?;
        // bgpd holds what it is given for 50 ms before it looks at it: bgp_process_queue_init of bgp_route.c.
        let work = format!("one raw line to the route at the peer, store of {size}");
        self.latency_row(&work, "", &floor, Verdict::Told, Duration::ZERO);
        let work = format!("one AdvertisePrefix to the route at the peer, store of {size}");
        self.latency_row(&work, "p99 <= 50 ms", &samples, Verdict::of(met), Duration::ZERO);
        Ok(())
    }

    fn latency_row(
        &mut self,
        work: &str,
        goal: &str,
        it: &Samples,
        verdict: Verdict,
        cpu: Duration,
    ) {
        let (p50, p99) = (it.median(), it.p99());
        let mut text = format!("p50 {}, p99 {} (n = {})", ms(p50), ms(p99), it.len());
        if !cpu.is_zero() {
            text.push_str(&format!(", CPU {} each", ms(cpu)));
        }
        let values = json!({
            "p50_ms": millis(p50), "p99_ms": millis(p99), "samples": it.len(), "cpu_ms": millis(cpu),
        });
        self.report.row(work, goal, text, verdict, values);
    }

    /// Ours against the floor.
    fn bulk(&mut self) -> Result<(), String> {
        let count = self.scale.stores[1];
        let (mut added, mut removed) = (Samples::default(), Samples::default());
        let mut floors = (Samples::default(), Samples::default());
        let before = process::cpu(self.agent.pid());
        // In turn, so that a machine that gets busy meanwhile is busy for both.
        for _ in 0..self.scale.repeats {
            let (floor_add, floor_remove) = self.agent.frozen(|| floor::raw(self.lab, count))?;
            floors.0.push(floor_add);
            floors.1.push(floor_remove);
            let set = work::advertise_changes(FLOOR, count);
            added.push(self.runtime.block_on(self.client.apply(set))?);
            check_networks(self.lab, FLOOR, count, true)?;
            let remove = work::withdraw_changes(FLOOR, count);
            removed.push(self.runtime.block_on(self.client.apply(remove))?);
            check_networks(self.lab, FLOOR, count, false)?;
        }
        let rounds = u32::try_from(self.scale.repeats * 2).expect("a few");
        let cpu = (process::cpu(self.agent.pid()) - before) / rounds;
        self.ours = Some((added.median(), removed.median()));
        self.report.point("one Apply", count, added.median());
        for (name, ours, floor) in
            [("advertise", &added, floors.0.median()), ("withdraw", &removed, floors.1.median())]
        {
            let times = ratio(ours.median(), floor);
            let text = format!(
                "{times:.2} x: {} against {} (p99 {}, CPU {})",
                ms(ours.median()),
                ms(floor),
                ms(ours.p99()),
                ms(cpu)
            );
            let values = json!({
                "ratio": times, "median_ms": millis(ours.median()), "p99_ms": millis(ours.p99()),
                "floor_ms": millis(floor), "cpu_ms": millis(cpu),
            });
            let work = format!("{count} prefixes in one Apply: {name}, read back");
            self.report.row(&work, "<= 2.5 x the floor", text, Verdict::of(times <= 2.5), values);
        }
        Ok(())
    }

    fn wide(&mut self) -> Result<(), String> {
        const WIDTH: u32 = 64;
        let (count, limit) = (self.scale.stores[1], self.scale.budget * 3);
        let lab = self.lab;
        let floor = self.agent.frozen(|| floor::raw_in_batches(lab, count, WIDTH))?;
        let per_second = f64::from(count) / floor.as_secs_f64();
        let work = format!("{count} raw lines in batches of {WIDTH}, each line asked for");
        let values = json!({"per_second": per_second, "ms": millis(floor)});
        let text = format!("{per_second:.0}/s ({count} in {})", ms(floor));
        self.report.row(&work, "", text, Verdict::Told, values);
        let measured = self.client.advertise_wide(FLOOR, count, WIDTH, limit);
        let (took, done) = self.runtime.block_on(measured)?;
        check_networks(self.lab, FLOOR, done, true)?;
        let remove = work::withdraw_changes(FLOOR, done);
        self.runtime.block_on(self.client.apply_in_pieces(&remove, PIECE))?;
        let rate = f64::from(done) / took.as_secs_f64();
        let text = format!("{rate:.0}/s ({done} in {})", ms(took));
        let values = json!({"per_second": rate, "confirmed": done, "ms": millis(took)});
        let work = format!("{count} AdvertisePrefix, {WIDTH} in flight, all confirmed");
        self.report.row(&work, ">= 15,000/s", text, self.at_full(rate >= 15_000.0), values);
        Ok(())
    }

    /// Ours against the frontend socket, in turn as [`Self::bulk`], and when what was before has come to the kernel.
    fn routes(&mut self) -> Result<(), String> {
        let (runtime, lab, count) = (self.runtime, self.lab, self.scale.stores[1]);
        let (mut added, mut removed) = (Samples::default(), Samples::default());
        let mut floors = (Samples::default(), Samples::default());
        for _ in 0..self.scale.repeats {
            thread::sleep(SETTLED);
            let (add, remove) =
                self.agent.frozen(|| runtime.block_on(floor::routes(lab, count)))?;
            floors.0.push(add);
            floors.1.push(remove);
            thread::sleep(SETTLED);
            added.push(runtime.block_on(self.client.apply(work::route_changes(FLOOR, count)))?);
            let there = floor::routes_there(lab, FLOOR, count)?;
            if there != count as usize {
                return Err(format!("NOT CONFIRMED: staticd has {there} of {count} routes"));
            }
            let unset = work::no_route_changes(FLOOR, count);
            removed.push(runtime.block_on(self.client.apply(unset))?);
            if floor::routes_there(lab, FLOOR, count)? != 0 {
                return Err("NOT CONFIRMED: staticd still has routes".to_owned());
            }
        }
        for (name, ours, floors) in [("add", added, floors.0), ("delete", removed, floors.1)] {
            let (times, floor) = (ratio(ours.median(), floors.median()), floors.median());
            let text = format!(
                "{times:.2} x: {} against {} (repeats differ {:.1} and {:.1} times)",
                ms(ours.median()),
                ms(floor),
                ours.spread(),
                floors.spread()
            );
            let values = json!({
                "ratio": times, "ms": millis(ours.median()), "floor_ms": millis(floor),
                "spread": ours.spread(), "floor_spread": floors.spread(),
            });
            let work = format!("{count} static routes through mgmtd: {name}, read back");
            let goal = "<= 1.2 x the raw frontend socket";
            self.report.row(&work, goal, text, Verdict::of(times <= 1.2), values);
        }
        Ok(())
    }
}

fn rounds_of(added: &Samples, removed: &Samples) -> (Duration, Duration) {
    (added.median(), removed.median())
}

fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e5).round() / 100.0
}
