//! `process_*`: what this process takes, by the names that every client library of Prometheus has.
//!
//! From `/proc/self`, which is memory: reading it waits for nobody.

use std::{fs, time::UNIX_EPOCH};

use prometheus::{Counter, Gauge, IntGauge, Registry};
use rustix::process::{Resource, getrlimit};

use super::series::register;
use crate::world;

/// Ticks of a second in `/proc`: `USER_HZ`, which is 100 on every Linux that the agent is built for.
const TICKS: f64 = 100.0;

/// Fields of `stat` are counted from the third here: it is the first behind the program's name, which stands in parentheses
/// (`man 5 proc`).
const FIRST_FIELD: usize = 3;

/// What this process takes. Read at each scrape.
#[derive(Debug)]
pub(super) struct Process {
    cpu: Counter,
    virtual_memory: IntGauge,
    resident_memory: IntGauge,
    open_files: IntGauge,
    most_files: IntGauge,
    threads: IntGauge,
}

impl Process {
    pub(super) fn new(registry: &Registry) -> Self {
        let gauge = |name, help| register(registry, IntGauge::new(name, help));
        let started = Gauge::new(
            "process_start_time_seconds",
            "Start of the process, in seconds since 1970-01-01 UTC.",
        );
        let since = world::time_of_day().duration_since(UNIX_EPOCH).unwrap_or_default();
        register(registry, started).set(since.as_secs_f64());
        let cpu = Counter::new("process_cpu_seconds_total", "Time on a CPU, user and system.");
        Self {
            cpu: register(registry, cpu),
            virtual_memory: gauge("process_virtual_memory_bytes", "Virtual memory."),
            resident_memory: gauge("process_resident_memory_bytes", "Resident memory."),
            open_files: gauge("process_open_fds", "File descriptors that are open."),
            most_files: gauge("process_max_fds", "File descriptors that may be open."),
            threads: gauge("process_threads", "Threads."),
        }
    }

    /// Reads `/proc/self` anew. What can't be read stays as it was.
    pub(super) fn measure(&self) {
        let text =
            |file: &str| fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        if let Some(ticks) = cpu_ticks(&text("stat")) {
            self.cpu.inc_by((ticks as f64 / TICKS - self.cpu.get()).max(0.0));
        }
        let status = text("status");
        for (gauge, key, unit) in [
            (&self.virtual_memory, "VmSize:", 1024),
            (&self.resident_memory, "VmRSS:", 1024),
            (&self.threads, "Threads:", 1),
        ] {
            if let Some(value) = of_status(&status, key) {
                gauge.set(value.saturating_mul(unit));
            }
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // One of them is that of the directory itself.
            self.open_files.set(files.count().saturating_sub(1) as i64);
        }
        let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        self.most_files.set(i64::try_from(most).unwrap_or(i64::MAX));
    }
}

/// Fields 14 and 15 (`utime`, `stime`) of `/proc/self/stat`.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    let field = |number: usize| fields.get(number - FIRST_FIELD)?.parse::<u64>().ok();
    Some(field(14)? + field(15)?)
}

/// A number of `/proc/self/status`; of memory it is in KiB.
fn of_status(status: &str, key: &str) -> Option<i64> {
    let value = status.lines().find_map(|line| line.strip_prefix(key))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_behind_a_name_with_blanks_and_parentheses() {
        let stat = "42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 110 22 13 14 15 16 5 18 19 4096 77 20\n";
        assert_eq!(cpu_ticks(stat), Some(132));
        assert_eq!(cpu_ticks(""), None);
        assert_eq!(cpu_ticks("42 (a) S 1"), None);
        let status = "Name:\ta\nVmSize:\t  4096 kB\nThreads:\t5\n";
        assert_eq!(
            (of_status(status, "VmSize:"), of_status(status, "Threads:")),
            (Some(4096), Some(5))
        );
        assert_eq!(of_status(status, "VmRSS:"), None);
    }

    #[test]
    fn this_process_takes_something() {
        let process = Process::new(&Registry::new());
        process.measure();
        assert!(process.resident_memory.get() > 1_000_000, "{process:?}");
        assert!(process.virtual_memory.get() >= process.resident_memory.get(), "{process:?}");
        assert!(process.open_files.get() >= 3, "{process:?}");
        assert!(process.most_files.get() >= process.open_files.get(), "{process:?}");
        assert!(process.threads.get() >= 1, "{process:?}");
    }
}
