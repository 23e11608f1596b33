//! The gateway as a client by other hands sees it: `tests/python/northbound.py`, in Python,
//! with nothing of ours but the proto file. And what is left when the gateway is killed.

mod lab;

use std::{
    net::TcpListener,
    os::unix::{fs::MetadataExt, net::UnixStream},
    path::PathBuf,
    process::{Child, Command, Output},
    time::Duration,
};

use lab::{Lab, LabOptions, Router, assert_well, python, wait_for};

/// A start takes some 20 ms, on a busy machine more.
const START: Duration = Duration::from_secs(10);

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A lab with the program in its node.
struct Bed {
    lab: Lab,
    socket: PathBuf,
}

/// The program; killed when dropped.
struct Gateway(Child);

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Bed {
    fn start() -> Self {
        let lab = Lab::start(LabOptions::default());
        let socket = lab.run_dir().join("nb.sock");
        Self { lab, socket }
    }

    fn gateway(&self, args: &[&str]) -> Gateway {
        let mut command = Command::new(env!("CARGO_BIN_EXE_novaroute-northbound"));
        command.arg("--socket-dir").arg(self.lab.socket_dir(Router::Node));
        command.arg("--yang-dir").arg(self.lab.yang_dir());
        command.arg("--listen").arg(&self.socket).args(args);
        let child = Gateway(self.lab.spawn_in(Router::Node, &command));
        wait_for("the socket", START, || UnixStream::connect(&self.socket).map(drop));
        child
    }

    /// Runs the script in the node's network.
    fn python(&self, target: &str, more: &[&str]) -> Output {
        let mut command = self.lab.command(Router::Node, python());
        command.arg(format!("{ROOT}/tests/python/northbound.py")).arg(target);
        command.arg(format!("{ROOT}/proto/frr-northbound.proto")).args(more);
        command.arg(format!("{ROOT}/tests/lab/lab.sh"));
        command.args(["-l", self.lab.id(), "vtysh", "node", "-c"]);
        command.output().unwrap()
    }
}

#[test]
fn a_python_client_drives_it_on_the_unix_socket() {
    let bed = Bed::start();
    let _gateway = bed.gateway(&[]);
    assert_eq!(std::fs::metadata(&bed.socket).unwrap().mode() & 0o777, 0o660);
    assert_well(&bed.python(&format!("unix:{}", bed.socket.display()), &[]));
}

#[test]
fn a_python_client_drives_it_on_loopback_tcp_and_no_other_address_is_served() {
    let bed = Bed::start();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let _gateway = bed.gateway(&["--tcp", &free]);
    assert_well(&bed.python(&free, &[]));

    for (outside, why) in [
        ("0.0.0.0:50051", "loopback"),
        ("10.0.1.1:50051", "loopback"),
        ("[::]:50051", "loopback"),
        ("50051", "not an address"),
    ] {
        let refused = Command::new(env!("CARGO_BIN_EXE_novaroute-northbound"))
            .args(["--tcp", outside])
            .output()
            .unwrap();
        assert!(!refused.status.success(), "{outside}");
        let words = String::from_utf8_lossy(&refused.stderr);
        assert!(words.contains(why), "{outside}: {words}");
    }
}

/// Killed while clients edit and commit (with FRR 10.3: edit, see the script), again and again: mgmtd lives, nobody has a lock, and
/// a commit through the next one applies its own and nothing that was half done.
#[test]
fn a_gateway_killed_in_the_middle_leaves_mgmtd_committable_and_clean() {
    let bed = Bed::start();
    let mgmtd = bed.lab.pid(Router::Node, "mgmtd").expect("mgmtd runs");
    let target = format!("unix:{}", bed.socket.display());
    for round in 0..8u64 {
        let gateway = bed.gateway(&[]);
        let pid = gateway.0.id().to_string();
        let after = format!("{}", 5 + 25 * round);
        // Exits with 0 when it was cut off in the middle, as it should be.
        let edit = bed.python(&target, &["--until-killed", &pid, &after]);
        assert_well(&edit);
        drop(gateway);

        // Without a gateway the shell can configure, whatever was under way.
        let shell = format!("ip route 10.98.{round}.0/24 10.0.1.2");
        wait_for("the shell's commit", START, || {
            bed.lab.vtysh(Router::Node, &["configure terminal", &shell]);
            let shown = bed.lab.vtysh(Router::Node, &["show running-config"]);
            if shown.contains(&format!("10.98.{round}.0/24")) { Ok(()) } else { Err(shown) }
        });
        assert_eq!(bed.lab.pid(Router::Node, "mgmtd"), Some(mgmtd), "mgmtd lives");
    }
    let _gateway = bed.gateway(&[]);
    assert_well(&bed.python(&target, &["--clean"]));
    // All of one commit, or nothing of it.
    let shown = bed.lab.vtysh(Router::Node, &["show running-config"]);
    let count = shown.lines().filter(|line| line.contains("ip route 10.200.")).count();
    assert!(count == 0 || count == 250, "{count} of 250 routes of one commit");
    assert_eq!(bed.lab.pid(Router::Node, "mgmtd"), Some(mgmtd), "mgmtd lives");
}
