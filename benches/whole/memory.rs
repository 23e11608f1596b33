//! The most memory that an agent ever has with many prefixes, in a control group with the limit of the guide's pod: one Apply, its
//! own restart with all to adopt, and FRR's with all to bring back.

use std::{
    fs,
    path::PathBuf,
    process,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    Scale,
    agent::Agent,
    calls::check_networks,
    lab::{Lab, LabOptions, Router, wait_for},
    process as kernel,
    report::{Report, Verdict},
    stats::ms,
    work::{self, STORE},
};

/// The limit of the pod in the deployment guide, in MiB.
const LIMIT: f64 = 128.0;

/// Longest wait for FRR to have all of it again.
const REFILL: Duration = Duration::from_secs(120);

/// A memory controller's group; removed when dropped, with nothing in it any more.
pub struct Group(PathBuf);

impl Group {
    /// With a limit in MiB. Of version 1 of the kernel's control groups where that is mounted, else of version 2.
    fn with_limit(mib: f64) -> std::io::Result<Self> {
        let first = PathBuf::from("/sys/fs/cgroup/memory");
        let (root, file) = match first.is_dir() {
            true => (first, "memory.limit_in_bytes"),
            false => (PathBuf::from("/sys/fs/cgroup"), "memory.max"),
        };
        let group = Self(root.join(format!("novaroute-bench-{}", process::id())));
        fs::create_dir(&group.0)?;
        fs::write(group.0.join(file), ((mib * 1024.0 * 1024.0) as u64).to_string())?;
        Ok(group)
    }

    /// Where a process enters it.
    pub fn procs(&self) -> PathBuf {
        self.0.join("cgroup.procs")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Measures the three. `NOVAROUTE_BENCH_MIB` sets another limit, to see what is taken where there is more.
pub fn run(scale: &Scale, report: &mut Report) {
    let count = scale.stores[2];
    let limit = std::env::var("NOVAROUTE_BENCH_MIB").ok().and_then(|text| text.parse().ok());
    if let Err(why) = measure(count, limit.unwrap_or(LIMIT), report) {
        report.failed(&format!("{count} prefixes in {LIMIT:.0} MiB"), "", &why);
    }
}

fn measure(count: u32, limit: f64, report: &mut Report) -> Result<(), String> {
    let lab = Lab::start(LabOptions::default());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let group = Group::with_limit(limit).map_err(|error| error.to_string())?;
    let mut agent = Agent::start_in(&lab, Some(&group))?;
    let mut row = |what: &str, pid: u32, took: Duration| {
        let (now, peak) = kernel::memory(pid);
        let text = format!("{peak:.0} MiB at most, {now:.0} MiB behind it, {}", ms(took));
        let values = json!({"peak_mib": peak, "mib": now, "ms": took.as_millis()});
        let work = format!("most memory ever, {count} prefixes: {what}");
        let goal = format!("<= {LIMIT:.0} MiB");
        report.row(&work, &goal, text, Verdict::of(peak <= LIMIT), values);
    };
    let apply = async {
        let mut client = agent.client().await?;
        client.apply(work::bed()).await?;
        client.apply(work::advertise_changes(STORE, count)).await
    };
    let took = runtime.block_on(apply).map_err(|why| format!("{why}; {}", agent.log()))?;
    check_networks(&lab, STORE, count, true)?;
    row("one Apply", agent.pid(), took);
    let took = agent.restart()?;
    check_networks(&lab, STORE, count, true)?;
    row("agent restart, all adopted", agent.pid(), took);
    let begun = Instant::now();
    lab.kill(Router::Node, "bgpd");
    lab.restart(Router::Node, "bgpd");
    wait_for("bgpd to be filled", REFILL, || check_networks(&lab, STORE, count, true));
    row("FRR restart, all brought back", agent.pid(), begun.elapsed());
    drop(agent);
    Ok(())
}
