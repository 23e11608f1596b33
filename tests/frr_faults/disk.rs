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
    lab::{Lab, LabOptions, net, wait_for},
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

    /// The same in the mount namespace of a process that was started on a read-only disk: its copy of the mount has a
    /// flag of its own.
    #[track_caller]
    fn remount_in(&self, pid: u32, option: &str) {
        let done = Command::new("nsenter")
            .arg(format!("--mount=/proc/{pid}/ns/mnt"))
            .args(["mount", "-o", &format!("remount,{option}")])
            .arg(&self.0)
            .status();
        assert!(done.expect("nsenter").success(), "remounting in {pid}");
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

/// What status and probes say of the journal.
#[track_caller]
fn said(agent: &Agent, words: &str) {
    let (code, body) = wait_for("/readyz to say it", SOON, || match agent.http("/readyz") {
        (503, body) if body.contains(words) => Ok((503, body)),
        other => Err(format!("{other:?}")),
    });
    assert!(code == 503 && body.contains("journal"), "{body}");
    let status = agent.client("admin").status();
    assert!(status.journal.iter().any(|it| it.contains(words)), "{:?}", status.journal);
    let shown = agent.ctl(&["status"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("journal"), "{shown}");
}

/// C13: a start on a disk that is full or read-only. What adds is refused, what takes away and a drain are taken, and
/// a full disk keeps that over a kill.
#[test]
fn an_agent_starts_on_a_full_or_read_only_disk_and_takes_what_takes_away() {
    let lab = Lab::start(LabOptions::default());
    let disk = SmallDisk::mount(lab.run_dir().join("disk"), "512k");
    let mut agent = on_a_disk(&lab, &disk);
    for full in [true, false] {
        let (admin, edge) = (agent.client("admin"), agent.client("edge"));
        for prefix in ["192.0.2.1/32", "192.0.2.2/32"] {
            admin.advertise(prefix).unwrap();
        }
        edge.advertise("192.0.2.7/32").unwrap();
        drop((admin, edge));
        agent.kill();
        match full {
            true => disk.fill(0),
            false => disk.remount("ro"),
        }
        agent.launch();
        said(&agent, "can't be written");
        assert!(agent.http("/metrics").1.contains("novaroute_journal_writable 0"));
        let (admin, edge) = (agent.client("admin"), agent.client("edge"));
        let status = admin.advertise("192.0.2.3/32").expect_err("it adds");
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.message().contains("nothing was changed"), "{status}");
        admin.withdraw("192.0.2.1/32").expect("it takes away");
        edge.deregister(true).expect("a session ends");
        admin.drain(false).expect("a drain is taken");
        let gone = |prefix: &str| !running(&lab, "bgpd").contains(&format!("network {prefix}"));
        assert!(gone("192.0.2.1/32") && gone("192.0.2.7/32") && gone("192.0.2.3/32"));
        drop((admin, edge));
        if full {
            agent.kill();
            agent.launch();
        } else {
            disk.remount("rw");
            disk.remount_in(agent.pid(), "rw");
        }
        if full {
            disk.free();
        }
        agent.wait_ready();
        // What was taken meanwhile is on disk by now.
        agent.kill();
        agent.launch();
        agent.wait_ready();
        let admin = agent.client("admin");
        let status = admin.status();
        let prefixes: Vec<_> = status.prefixes.iter().map(|it| it.prefix.as_str()).collect();
        assert_eq!(prefixes, ["192.0.2.2/32"], "full: {full}");
        assert!(status.drain.is_some(), "full: {full}");
        assert!(status.journal.is_empty(), "{:?}", status.journal);
        assert!(gone("192.0.2.1/32") && gone("192.0.2.7/32") && !gone("192.0.2.2/32"));
        admin.undrain().expect("undrained");
    }
}

/// C12: a confirmation on a full disk is whole or refused, and is what a restart finds.
#[test]
fn a_confirmation_on_a_full_disk_is_kept_whole() {
    let lab = Lab::start(LabOptions::default());
    let disk = SmallDisk::mount(lab.run_dir().join("disk"), "512k");
    let mut agent = on_a_disk(&lab, &disk);
    let admin = agent.client("admin");
    let request = novaroute::proto::v1::ApplyRequest {
        owner: admin.owner.clone(),
        token: admin.token.clone(),
        changes: vec![change::prefix("192.0.2.1/32")],
        confirm_timeout: 60,
        ..Default::default()
    };
    let applied = admin.block_on(admin.transactions().apply(request)).unwrap().into_inner();
    disk.fill(0);
    let request = novaroute::proto::v1::ConfirmRequest {
        owner: admin.owner.clone(),
        token: admin.token.clone(),
        transaction_id: applied.transaction_id.clone(),
    };
    admin.block_on(admin.transactions().confirm(request)).expect("there is room that is kept");
    drop(admin);
    agent.kill();
    agent.launch();
    let admin = agent.client("admin");
    let request =
        novaroute::proto::v1::GetTransactionRequest { transaction_id: applied.transaction_id };
    let found = admin.block_on(admin.transactions().get(request)).unwrap().into_inner();
    assert_eq!(found.finish, "confirmed");
    drop(agent);
}

/// C10: one bit of the second change's record is flipped while the agent is dead. All others are there, it is said,
/// and the file is kept; so with an empty file.
#[test]
fn a_damaged_journal_is_said_kept_and_costs_no_other_record() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent.wait_ready();
    let prefixes: Vec<_> = (1..=7).map(|n| format!("192.0.2.{n}/32")).collect();
    for prefix in &prefixes {
        admin.advertise(prefix).unwrap();
    }
    drop(admin);
    agent.kill();
    let state = agent.socket().with_extension("state");
    let journal = state.join("journal");
    let mut bytes = fs::read(&journal).expect("the journal");
    let text = b"192.0.2.2/32";
    let at = bytes.windows(text.len()).position(|it| it == text).expect("the second change");
    bytes[at] ^= 1;
    fs::write(&journal, &bytes).expect("written");
    agent.launch();
    said(&agent, "journal.damaged-1");
    let log = agent.log();
    assert!(log.contains("the journal is damaged") && log.contains("offset="), "{log}");
    assert!(agent.http("/metrics").1.contains("novaroute_journal_damaged_files 1"));
    assert!(fs::read(state.join("journal.damaged-1")).expect("it is kept") == bytes);
    let admin = agent.client("admin");
    let mut found: Vec<_> = admin.status().prefixes.into_iter().map(|it| it.prefix).collect();
    found.sort();
    let others: Vec<_> = prefixes.iter().filter(|it| *it != "192.0.2.2/32").cloned().collect();
    assert_eq!(found, others);
    // Who has read it takes it away.
    fs::remove_file(state.join("journal.damaged-1")).expect("taken away");
    agent.wait_ready();

    drop(admin);
    agent.kill();
    fs::write(&journal, b"").expect("emptied");
    agent.launch();
    said(&agent, "there is no record");
    drop(agent);
}
