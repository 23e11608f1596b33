//! Faults of the machine and of others: what is promised in each, on real FRR. Daemons that die or hang alone are in
//! `tests/frr_agent/restart.rs`, deaths of the agent in `tests/frr_transactions/crash.rs`, all of it by chance
//! in `tests/frr_model.rs`.

mod agent;
mod lab;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use agent::*;
use lab::{Lab, LabOptions, Router, net, wait_for};
use novaroute::{
    frr::frontend::{Datastore, Session},
    proto::v1::Outcome,
};
use tonic::Code;

/// A daemon that was away is filled again within this, on a busy machine.
const REFILL: Duration = Duration::from_secs(60);

/// A small file system of its own, gone when it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    #[track_caller]
    fn mount(at: PathBuf, size: &str) -> Self {
        fs::create_dir_all(&at).expect("a mountpoint");
        let option = format!("size={size},mode=0700");
        mount(&["-t", "tmpfs", "-o", &option, "tmpfs"], &at);
        Self(at)
    }

    #[track_caller]
    fn remount(&self, option: &str) {
        mount(&["-o", &format!("remount,{option}")], &self.0);
    }

    /// Takes all the room but `left` bytes.
    #[track_caller]
    fn fill(&self, left: usize) {
        let all = vec![0x55; 1 << 20];
        // Until the disk refuses: what was written stays.
        let _ = fs::write(self.0.join("filler"), all);
        let filler = self.0.join("filler");
        let size =
            usize::try_from(fs::metadata(&filler).expect("the filler").len()).expect("small");
        let file = fs::File::options().write(true).open(filler).expect("the filler");
        file.set_len(size.saturating_sub(left) as u64).expect("a shorter filler");
    }

    fn free(&self) {
        fs::remove_file(self.0.join("filler")).expect("the filler");
    }
}

#[track_caller]
fn mount(args: &[&str], at: &Path) {
    let out = Command::new("mount").args(args).arg(at).output().expect("running mount");
    assert!(out.status.success(), "mount {args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the agent may still have its journal open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// An agent whose state directory is a disk of its own.
fn on_a_disk<'lab>(lab: &'lab Lab, disk: &SmallDisk) -> Agent<'lab> {
    let state = disk.0.join("state");
    let agent = Agent::start_with(lab, |config| {
        config["state_dir"] = state.to_str().expect("a path of text").into();
    });
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent
}

#[track_caller]
fn refused(result: Result<Outcome, tonic::Status>) {
    let status = result.expect_err("nothing is taken that is not on disk");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("nothing was changed"), "{status}");
}

/// What the disk has no room for is refused and FRR is not touched; when there is room again, the agent
/// goes on, and after a kill it has all that it said yes to and nothing that it refused.
#[test]
fn a_full_disk_refuses_and_nothing_that_was_taken_is_lost() {
    let lab = Lab::start(LabOptions::default());
    let disk = SmallDisk::mount(lab.run_dir().join("disk"), "256k");
    let mut agent = on_a_disk(&lab, &disk);
    let admin = agent.client("admin");
    admin.advertise("192.0.2.1/32").unwrap();
    let before = all_running(&lab);

    // With no room at all, and with room for a part of a record: that part must not stay either.
    for left in [0, 4096, 8192] {
        disk.fill(left);
        // More than what is left, wherever the file ends.
        let many = (0..2000).map(|n| change::prefix(&format!("10.{}.{}.0/24", n / 200, n % 200)));
        refused(admin.apply(many.collect()));
        assert_eq!(all_running(&lab), before, "{left} bytes: FRR was touched");
        assert_eq!(admin.prefix_state("10.0.0.0/24"), None, "{left} bytes: it is stored");
        assert!(admin.in_frr("192.0.2.1/32"), "what was there stays");
        assert_eq!(agent.http("/healthz").0, 200);
        disk.free();
        // The next of any length stands where the refused one began.
        let med = u32::try_from(left).unwrap();
        let with = novaroute::proto::v1::PrefixAttributes { med, ..Default::default() };
        let next = change::prefix_with(&format!("192.0.2.{}/32", 2 + left / 4096), with);
        admin.apply(vec![next]).expect("there is room again");
        admin.withdraw(&format!("192.0.2.{}/32", 2 + left / 4096)).unwrap();
    }
    admin.advertise("192.0.2.9/32").unwrap();
    let after = all_running(&lab);
    drop(admin);
    agent.kill();
    agent.launch();
    agent.wait_ready();
    let admin = agent.client("admin");
    let mut prefixes: Vec<_> = admin.status().prefixes.into_iter().map(|it| it.prefix).collect();
    prefixes.sort();
    assert_eq!(prefixes, ["192.0.2.1/32", "192.0.2.9/32"]);
    assert_eq!(all_running(&lab), after);
    drop(agent);
}

#[test]
fn a_state_directory_that_became_read_only_refuses_until_it_is_writable() {
    let lab = Lab::start(LabOptions::default());
    let disk = SmallDisk::mount(lab.run_dir().join("disk"), "4m");
    let mut agent = on_a_disk(&lab, &disk);
    let admin = agent.client("admin");
    admin.advertise("192.0.2.1/32").unwrap();
    drop(admin);
    agent.stop();
    disk.remount("ro");
    // The journal can't be opened: nothing is touched, and the reason is said.
    let out = lab
        .command(Router::Node, env!("CARGO_BIN_EXE_novaroute-agent"))
        .arg("--config")
        .arg(agent.config_file())
        .output()
        .expect("running the agent");
    assert!(!out.status.success(), "it runs without a journal");
    let said = [out.stdout, out.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("state directory"), "{said}");
    assert!(running(&lab, "bgpd").contains("network 192.0.2.1/32"), "the routes stay");
    disk.remount("rw");
    agent.launch();
    agent.wait_ready();
    let admin = agent.client("admin");
    assert!(admin.in_frr("192.0.2.1/32"), "nothing is lost");
    admin.advertise("192.0.2.2/32").unwrap();
    drop(agent);
}

/// A mgmtd that starts anew has forgotten what staticd runs, and takes nothing of it away.
#[test]
fn a_route_that_is_withdrawn_while_mgmtd_is_dead_leaves_staticd() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let foreign = "ip route 203.0.99.0/24 10.0.1.2";
    lab.vtysh(Router::Node, &["configure terminal", foreign]);
    let (stays, goes) = ("203.0.1.0/24", "203.0.2.0/24");
    let both = vec![change::via(stays, net::TOR_V4), change::via(goes, net::TOR_V4)];
    admin.apply(both).unwrap();
    lab.kill(Router::Node, "mgmtd");
    admin.apply(vec![change::no_route(goes)]).unwrap();
    lab.restart(Router::Node, "mgmtd");
    wait_for("staticd to lose it", REFILL, || {
        let runs = vty(&lab, "staticd", &["show configuration running json"]);
        let has = |prefix: &str| runs.contains(&format!("\"{prefix}\""));
        if has(stays) && has("203.0.99.0/24") && !has(goes) { Ok(()) } else { Err(runs) }
    });
    agent.wait_ready();
}

/// Each daemon in turn hangs and dies while an owner declares and withdraws without a pause. No call fails, and
/// in the end FRR has what was said last.
#[test]
fn daemons_hang_and_die_while_intents_flow() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start_with(&lab, |config| config["frr"]["connect_timeout"] = 1.into());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let stop = AtomicBool::new(false);
    let flow = || {
        let client = agent.client("admin");
        let mut count = 0_u32;
        while !stop.load(Ordering::Relaxed) {
            let n = count % 50;
            let (prefix, route) = (format!("192.0.2.{n}/32"), format!("203.0.{n}.0/24"));
            let changes = match count / 50 % 2 {
                0 => vec![change::prefix(&prefix), change::via(&route, net::TOR_V4)],
                _ => vec![change::no_prefix(&prefix), change::no_route(&route)],
            };
            let begun = Instant::now();
            // An answer may take what undoing takes, never a failure.
            client.apply(changes).unwrap_or_else(|status| {
                panic!("call {count} after {:?}: {status}\n{}", begun.elapsed(), agent.log())
            });
            count += 1;
        }
        count
    };
    let count = thread::scope(|scope| {
        let flowing = scope.spawn(flow);
        for daemon in ["bgpd", "staticd", "mgmtd", "bfdd", "ospfd"] {
            if flowing.is_finished() {
                break;
            }
            lab.stop(Router::Node, daemon);
            thread::sleep(Duration::from_millis(300));
            lab.cont(Router::Node, daemon);
            thread::sleep(Duration::from_millis(200));
            lab.kill(Router::Node, daemon);
            thread::sleep(Duration::from_millis(200));
            lab.restart(Router::Node, daemon);
        }
        stop.store(true, Ordering::Relaxed);
        flowing.join().expect("no call fails")
    });
    assert!(count > 5, "intents flowed: {count}");
    // Its `show running-config` has none of them.
    let static_routes = || vty(&lab, "staticd", &["show configuration running json"]);
    let declared: Vec<_> = admin.status().prefixes.into_iter().map(|it| it.prefix).collect();
    wait_for("FRR to have what was said last", REFILL, || {
        let (bgpd, staticd) = (running(&lab, "bgpd"), static_routes());
        let has = |text: &str, word: &str| text.lines().any(|line| line.contains(word));
        for n in 0..50 {
            let (prefix, route) = (format!("192.0.2.{n}/32"), format!("\"203.0.{n}.0/24\""));
            let wanted = declared.contains(&prefix);
            if has(&bgpd, &format!("network {prefix}")) != wanted || has(&staticd, &route) != wanted
            {
                return Err(format!("{prefix}, {wanted}:\n{bgpd}\n{staticd}"));
            }
        }
        Ok(())
    });
    wait_for("/readyz", REFILL, || match agent.http("/readyz") {
        (200, _) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// Somebody edits mgmtd's configuration for long. Calls about it wait their time and are pending then, others
/// are not held up, and all is done when the lock is free.
#[test]
fn a_lock_of_somebody_else_for_long_makes_pending_and_costs_nothing() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::TOR_V4)]).unwrap();
    let socket = lab.socket_dir(Router::Node).join("mgmtd_fe.sock");
    let mut other = admin.block_on(Session::connect(&socket, "somebody")).expect("a session");
    admin.block_on(other.lock(Datastore::Candidate)).expect("the lock");
    admin.block_on(other.lock(Datastore::Running)).expect("the lock");

    let begun = Instant::now();
    let waiting = admin.apply(vec![change::via("203.0.114.0/24", net::TOR_V4)]);
    let took = begun.elapsed();
    let outcome = waiting.unwrap_or_else(|status| panic!("after {took:?}: {status}"));
    assert_eq!(outcome, Outcome::Pending, "after {took:?}");
    assert!(kernel(&lab, "203.0.114.0/24").is_empty(), "the lock was not honoured");
    admin.advertise("192.0.2.1/32").unwrap();
    wait_lines(&lab, &["network 192.0.2.1/32"]);
    assert!(kernel(&lab, "203.0.113.0/24").contains("proto static"), "what was there stays");

    admin.block_on(other.unlock(Datastore::Running)).expect("unlocked");
    admin.block_on(other.unlock(Datastore::Candidate)).expect("unlocked");
    wait_for("the route", REFILL, || match kernel(&lab, "203.0.114.0/24") {
        shown if shown.contains("proto static") => Ok(()),
        shown => Err(shown),
    });
    agent.wait_ready();
    // And nobody is left with a lock.
    admin.block_on(other.lock(Datastore::Candidate)).expect("the lock is free");
}
