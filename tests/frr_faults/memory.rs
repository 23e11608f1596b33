//! Little memory: the agent in a control group of its own, as a container has one.

use std::{
    fs,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use tonic::Code;

use crate::{
    REFILL,
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

/// A memory controller's group with a limit. To be dropped when nothing runs in it.
pub struct Group(PathBuf);

impl Group {
    /// Of version 1 of the kernel's control groups where that is mounted, else of version 2.
    pub fn with_limit(bytes: u64) -> Self {
        let first = PathBuf::from("/sys/fs/cgroup/memory");
        let (root, file) = match first.is_dir() {
            true => (first, "memory.limit_in_bytes"),
            false => (PathBuf::from("/sys/fs/cgroup"), "memory.max"),
        };
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = root.join(format!("novaroute-test-{}-{number}", process::id()));
        fs::create_dir(&directory).expect("a control group");
        let group = Self(directory);
        fs::write(group.0.join(file), bytes.to_string()).expect("the memory controller");
        group
    }

    /// Where a process enters it.
    pub fn procs(&self) -> PathBuf {
        self.0.join("cgroup.procs")
    }

    /// The most memory that was in use in it, in bytes.
    pub fn peak(&self) -> u64 {
        let files = ["memory.max_usage_in_bytes", "memory.peak"].map(|file| self.0.join(file));
        let text = files.iter().find_map(|file| fs::read_to_string(file).ok());
        text.expect("the memory controller").trim().parse().expect("a number")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}

/// The agent takes what it can bring back within its memory, and no more, in however many calls it is said: so a
/// restart of FRR never kills it.
#[test]
fn more_than_the_memory_holds_is_refused_and_what_it_holds_comes_back() {
    const LIMIT: u64 = 57 << 20;
    // 25 MiB for intents, 2 KiB each.
    const MOST: u32 = 12_800;
    let group = Group::with_limit(LIMIT);
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_in(&lab, group.procs());
    let pid = agent.pid();
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let prefixes = |from: u32, to: u32| -> Vec<_> {
        (from..to).map(|n| change::prefix(&format!("10.{}.{}.0/24", n / 256, n % 256))).collect()
    };
    let refused = admin.apply(prefixes(0, MOST + 100)).expect_err("too many");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    let says = refused.message();
    assert!(says.contains("may use 57 MiB") && says.contains("declare less"), "{says}");
    assert!(!running(&lab, "bgpd").contains("\n  network "), "nothing of it");

    let half = MOST / 2;
    admin.apply(prefixes(0, half)).expect("the first half");
    admin.apply(prefixes(half, MOST - 100)).expect("the second");
    let refused = admin.apply(prefixes(MOST - 100, MOST + 100)).expect_err("too many together");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");

    lab.kill(Router::Node, "bgpd");
    lab.restart(Router::Node, "bgpd");
    wait_for("bgpd to be filled", REFILL * 2, || {
        let count = running(&lab, "bgpd").matches("\n  network ").count();
        if count == MOST as usize - 100 { Ok(()) } else { Err(count) }
    });
    agent.wait_ready();
    assert_eq!(agent.pid(), pid);
    admin.withdraw("10.0.0.0/24").expect("less is always permitted");
}
