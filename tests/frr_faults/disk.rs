//! A disk that is full, and a state directory that became read-only.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use novaroute::proto::v1::Outcome;
use tonic::Code;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net},
};

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
