//! The time of day steps, forth and back, while the agent runs and while it is dead. What waits for a time waits
//! for the clock that nobody sets.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use novaroute::proto::v1::{self, IntentChange};

use crate::{
    agent::*,
    lab::{Lab, LabOptions, net, wait_for},
};

const HOUR: i64 = 3600;

/// The agent's time of day: ours, and what is told.
struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    #[track_caller]
    fn new(dir: &Path) -> Self {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/frr_faults/clock.c");
        let (library, file) = (dir.join("clock.so"), dir.join("clock"));
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([library.as_path(), Path::new(source)])
            .output()
            .expect("running the C compiler that libyang is built with");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let clock = Self { library, file };
        clock.set(0);
        clock
    }

    /// It is off by these seconds from now on.
    fn set(&self, seconds: i64) {
        let new = self.file.with_extension("new");
        fs::write(&new, seconds.to_string()).expect("writing the clock");
        fs::rename(new, &self.file).expect("setting the clock");
    }

    fn environment(&self) -> [(&str, &str); 2] {
        [
            ("LD_PRELOAD", self.library.to_str().expect("a path of text")),
            ("NOVAROUTE_TEST_CLOCK", self.file.to_str().expect("a path of text")),
        ]
    }
}

fn apply(client: &Client, changes: Vec<IntentChange>, confirm_timeout: u32) -> String {
    let request = v1::ApplyRequest {
        owner: client.owner.clone(),
        token: client.token.clone(),
        changes,
        dry_run: false,
        confirm_timeout,
        ..Default::default()
    };
    let mut transactions = client.transactions();
    let answer = client.block_on(transactions.apply(request)).expect("applied");
    answer.into_inner().transaction_id
}

fn confirm(client: &Client, transaction_id: &str) -> Result<(), tonic::Status> {
    let request = v1::ConfirmRequest {
        owner: client.owner.clone(),
        token: client.token.clone(),
        transaction_id: transaction_id.to_owned(),
    };
    let mut transactions = client.transactions();
    client.block_on(transactions.confirm(request)).map(drop)
}

/// How far the agent's time of day is off: by what its history says.
#[track_caller]
fn off_by(client: &Client) -> i64 {
    apply(client, vec![change::prefix("192.0.2.250/32")], 0);
    let mut transactions = client.transactions();
    let list = transactions.list(v1::ListTransactionsRequest::default());
    let newest = client.block_on(list).expect("the list").into_inner().transactions.remove(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    newest.begun_unix_ms / 1000 - i64::try_from(now).expect("small")
}

const GRACE: Duration = Duration::from_secs(6);

#[test]
fn a_step_of_the_clock_ends_no_deadline_and_begins_none() {
    let lab = Lab::start(LabOptions::default());
    let clock = Clock::new(lab.run_dir());
    let mut agent = Agent::start_with(&lab, |config| {
        config["disconnect_grace_period"] = GRACE.as_secs().into();
    });
    agent.stop();
    agent.launch_with(&clock.environment());
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    assert!(off_by(&admin).abs() < 60);

    // Forth: what was just done is not taken back, an owner that is gone keeps its grace period.
    let waits = apply(&admin, vec![change::prefix("192.0.2.1/32")], 120);
    let edge = agent.client("edge");
    edge.advertise("192.0.2.2/32").unwrap();
    let gone = Instant::now();
    drop(edge);
    clock.set(HOUR);
    assert!((off_by(&admin) - HOUR).abs() < 60, "the clock is not ours to step");
    let is_gone = |prefix: &'static str| {
        wait_for(&format!("{prefix} to be gone"), SOON, || {
            let text = running(&lab, "bgpd");
            if text.contains(prefix) { Err(text) } else { Ok(()) }
        });
    };
    is_gone("192.0.2.2/32");
    assert!(gone.elapsed() >= GRACE, "the grace period lasted {:?}", gone.elapsed());
    has_lines(&lab, &["network 192.0.2.1/32"]).expect("not rolled back");
    confirm(&admin, &waits).expect("it still waits");

    // Back: what nobody confirms goes when its time is over all the same.
    apply(&admin, vec![change::prefix("192.0.2.3/32")], 3);
    clock.set(-24 * HOUR);
    is_gone("192.0.2.3/32");

    // Back while the agent is dead: never more than the time that it was given.
    apply(&admin, vec![change::prefix("192.0.2.4/32")], 4);
    drop(admin);
    agent.kill();
    clock.set(-48 * HOUR);
    agent.launch_with(&clock.environment());
    agent.wait_ready();
    is_gone("192.0.2.4/32");
    let admin = agent.client("admin");
    assert!((off_by(&admin) + 48 * HOUR).abs() < 60);
    has_lines(&lab, &["network 192.0.2.1/32"]).expect("what was confirmed");
    assert_eq!(agent.http("/healthz").0, 200);
    agent.wait_ready();
}
