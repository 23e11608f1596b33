//! What the kernel knows of a process: CPU time and memory; and whether the machine is busy.

use std::{fs, thread, time::Duration};

/// Clock ticks of `/proc/PID/stat`: 100 a second on every Linux that Debian builds.
const TICK: Duration = Duration::from_millis(10);

/// Processor time that a process has used, its threads included.
pub fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may hold blanks; what follows its bracket does not.
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u32 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u32>().ok()).sum();
    TICK * ticks
}

/// MiB that a process holds now, and the most it ever held.
pub fn memory(pid: u32) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    };
    let mib = |name| field(name).unwrap_or_default() / 1024.0;
    (mib("VmRSS:"), mib("VmHWM:"))
}

/// Share of the machine's processors that is in use, looked at for a second.
pub fn busy() -> f64 {
    let look = || {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let first = text.lines().next().unwrap_or_default().to_owned();
        let ticks: Vec<f64> = first.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let idle = ticks.iter().skip(3).take(2).sum::<f64>();
        (ticks.iter().take(8).sum::<f64>(), idle)
    };
    let (total, idle) = look();
    thread::sleep(Duration::from_secs(1));
    let (total, idle) = (look().0 - total, look().1 - idle);
    if total > 0.0 { 1.0 - idle / total } else { 0.0 }
}

/// The machine, in words: processor, how many, kernel, memory.
pub fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let count = thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    format!(
        "{count} × {}, {} GiB, Linux {}",
        model.unwrap_or("unknown processor"),
        kib >> 20,
        kernel.trim()
    )
}
