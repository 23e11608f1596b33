//! The rows about a store that is filled: what it takes to fill, read, bring back and hold.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::*;

impl Run<'_> {
    /// Brings the store from one size to another; whole if the agent takes that, else in pieces.
    pub(super) fn fill(&mut self, name: &str, from: u32, to: u32) -> Option<(Duration, bool)> {
        if self.begun.elapsed() > self.scale.end {
            self.report.failed(name, "", "not filled: the time of the run is up");
            return None;
        }
        let changes = work::advertise_changes(STORE + from, to - from);
        let whole = self.runtime.block_on(self.client.apply(changes.clone()));
        let filled = match whole {
            Ok(took) => Ok((took, true)),
            Err(why) => {
                println!("one Apply of {}: {why}; in pieces of {PIECE} instead", changes.len());
                let pieces = self.client.apply_in_pieces(&changes, PIECE);
                self.runtime.block_on(pieces).map(|took| (took, false))
            }
        };
        let checked =
            filled.and_then(|filled| check_networks(self.lab, STORE, to, true).map(|()| filled));
        checked
            .map_err(|why| {
                let work = format!("a store of {to} prefixes");
                self.report.failed(&work, "", &format!("{why}; log: {}", self.agent.log()));
            })
            .ok()
    }

    pub(super) fn large(&mut self, (took, whole): (Duration, bool)) {
        let [_, bulk, large] = self.scale.stores;
        self.report.point("one Apply", large - bulk, took);
        let Some((add, _)) = self.ours else { return };
        let factor = f64::from(large - bulk) / f64::from(bulk);
        let limit = 1.2 * factor;
        let times = ratio(took, add);
        let how = if whole { "one Apply" } else { "pieces: one Apply is refused" };
        let text = format!("{times:.1} x: {} against {}, in {how}", ms(took), ms(add));
        let work = format!("{} prefixes more against {bulk} in one Apply", large - bulk);
        let goal = format!("linear: <= {limit:.1} x");
        let values = json!({"ratio": times, "ms": millis(took), "whole": whole});
        self.report.row(&work, &goal, text, Verdict::of(whole && times <= limit), values);
    }

    pub(super) fn get_status(&mut self, size: u32) -> Result<(), String> {
        let count = self.scale.calls.min(300);
        // bgpd and the monitor have ended what the rows before began.
        thread::sleep(SETTLED);
        // A client of one thread, as `novaroutectl` is: two would hand each frame of the answer to one another.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let status = async { self.agent.client().await?.status(size, count).await };
        let (samples, decoding) = runtime.block_on(status)?;
        let met = samples.p99() <= Duration::from_millis(5);
        let work = format!("GetStatus at {size}, to the last byte of the answer");
        self.latency_row(&work, "p99 <= 5 ms", &samples, Verdict::of(met), Duration::ZERO);
        let work = format!("a client's own time to make messages of {size} prefixes (prost)");
        self.latency_row(&work, "", &decoding, Verdict::Told, Duration::ZERO);
        Ok(())
    }

    /// Watches the agent until two of its resynchronisations have ended: nobody asks it anything
    /// meanwhile, and bgpd logs every configuration command it gets.
    pub(super) fn resynchronise(&mut self, size: u32) -> Result<(), String> {
        let io = |error: std::io::Error| error.to_string();
        let mut vty = Vty::connect(self.lab, Router::Node, "bgpd").map_err(io)?;
        let mut log = |no: &str| -> Result<usize, String> {
            for line in ["configure terminal", &format!("{no}log commands"), "end"] {
                vty.command(line).map_err(io)?;
            }
            let file = self.lab.log_dir(Router::Node).join("bgpd.log");
            let text = std::fs::read_to_string(file).map_err(io)?;
            let ours = |line: &&str| line.contains("@(config") && !line.contains("log commands");
            Ok(text.lines().filter(ours).count())
        };
        let lines = log("")?;
        // The first finds the changes of the rows before, and looks at them again; the second is the rule.
        let settling = self.one_resynchronisation()?;
        let each = self.one_resynchronisation()?;
        let lines = log("no ")? - lines;
        let text =
            format!("{} CPU, {lines} lines; the first after changes {}", ms(each), ms(settling));
        let met = each <= Duration::from_millis(300) && lines == 0;
        let first = millis(settling);
        let values = json!({"cpu_ms": millis(each), "lines": lines, "first_cpu_ms": first});
        let verdict = self.at_full(met);
        let work = format!("full resynchronisation with nothing to do at {size}");
        // The goal is for the largest store; a smaller one must reach it all the more.
        self.report.point("resynchronisation, CPU", size, each);
        self.report.row(&work, "<= 300 ms CPU, zero lines", text, verdict, values);
        Ok(())
    }

    /// CPU of the agent's next resynchronisation, beyond what it takes when it is idle.
    fn one_resynchronisation(&self) -> Result<Duration, String> {
        let (pid, begun) = (self.agent.pid(), Instant::now());
        let (before, first) = (process::cpu(pid), self.agent.resynchronisations());
        loop {
            // Each look costs the agent a page of metrics.
            thread::sleep(Duration::from_secs(1));
            // One that was under way when this began is not whole.
            let cycles = self.agent.resynchronisations() - first;
            if cycles > 1 || cycles == 1 && begun.elapsed() > Duration::from_secs(2) {
                let idle = self.idle.mul_f64(begun.elapsed().as_secs_f64());
                let used = process::cpu(pid).saturating_sub(before).saturating_sub(idle);
                return Ok(used.div_f64(cycles as f64));
            }
            if begun.elapsed() > RESYNC_WAIT {
                return Err(format!("no resynchronisation has ended in {RESYNC_WAIT:?}"));
            }
        }
    }

    pub(super) fn restart(&mut self, size: u32) -> Result<(), String> {
        let took = self.agent.restart()?;
        self.client = self.runtime.block_on(self.agent.client())?;
        check_networks(self.lab, STORE, size, true)?;
        let text = format!("ready after {}", ms(took));
        let met = took <= Duration::from_secs(1);
        let verdict = self.at_full(met);
        let work = format!("agent start with {size} to adopt");
        let values = json!({"ms": millis(took)});
        self.report.row(&work, "ready <= 1 s", text, verdict, values);
        Ok(())
    }

    pub(super) fn memory(&mut self, size: u32) {
        let (now, peak) = process::memory(self.agent.pid());
        let limit = if size <= 10_000 { 48.0 } else { 160.0 };
        let text = format!("{now:.0} MiB, {peak:.0} MiB at most");
        let values = json!({"mib": now, "peak_mib": peak});
        let work = format!("resident memory at {size} prefixes");
        let goal = format!("<= {limit:.0} MiB");
        let verdict = self.at_full(now <= limit);
        self.report.row(&work, &goal, text, verdict, values);
    }

    /// Whether one prefix costs the same whatever the size of the store.
    pub(super) fn flat(&mut self) {
        let sizes = self.scale.stores.map(|size| size.to_string()).join(" / ");
        let work = format!("one AdvertisePrefix: p50 at {sizes}, largest by smallest");
        if self.medians.len() < self.scale.stores.len() {
            return self.report.failed(&work, "<= 1.5 x", "not all three could be measured");
        }
        let all: Samples = self.medians.iter().copied().collect();
        let times = all.spread();
        let values: Value = json!({"ratio": times});
        let text = format!("{times:.2} x");
        self.report.row(&work, "<= 1.5 x", text, Verdict::of(times <= 1.5), values);
    }
}
