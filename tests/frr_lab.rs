//! The lab fixture itself: that its routers talk, that what it promises about daemons
//! and cables holds, and that it leaves nothing behind.

mod lab;

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use lab::{FRR_DAEMONS, Lab, LabOptions, Router, net, wait_for};

/// Connect timers are one second; the rest is room for a loaded machine.
const CONVERGE: Duration = Duration::from_secs(30);

/// `node`'s half of all four sessions, to be loaded at the start.
fn node_config() -> String {
    let mut text = format!("router bgp {}\n bgp router-id 10.0.0.1\n", net::NODE_AS);
    for (address, asn) in [
        (net::TOR_V4, net::TOR_AS),
        (net::TOR_V6, net::TOR_AS),
        (net::BIRD_V4, net::BIRD_AS),
        (net::BIRD_V6, net::BIRD_AS),
    ] {
        text += &format!(" neighbor {address} remote-as {asn}\n");
        text += &format!(" neighbor {address} timers connect 1\n");
    }
    text += " no bgp network import-check\n address-family ipv6 unicast\n";
    text += &format!("  neighbor {} activate\n", net::TOR_V6);
    text += &format!("  neighbor {} activate\n", net::BIRD_V6);
    text
}

/// Waits until `node` says that its session with `peer` is established.
#[track_caller]
fn wait_established(lab: &Lab, peer: &str) {
    wait_for(&format!("a session with {peer}"), CONVERGE, || {
        let state = lab.vtysh_json(Router::Node, &format!("show bgp neighbors {peer} json"));
        match state[peer]["bgpState"].as_str() {
            Some("Established") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

/// What of a lab is on the machine: namespaces, mounts, processes, its directory.
fn traces(id: &str, run_dir: &Path) -> Vec<String> {
    let namespaces = Command::new("ip").args(["netns", "list"]).output();
    let namespaces = String::from_utf8(namespaces.unwrap().stdout).unwrap();
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let (namespace, directory) = (format!("{id}-"), format!("/{id}/"));
    let mut found: Vec<String> =
        namespaces
            .lines()
            .filter(|line| line.starts_with(&namespace))
            .chain(mounts.lines().filter(|line| {
                line.contains(&directory) || line.contains(&format!("/{namespace}"))
            }))
            .map(str::to_owned)
            .collect();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        // Directories of the lab are mounted in the view of each of its FRR daemons.
        let mounts = fs::read_to_string(process.path().join("mountinfo"));
        if mounts.is_ok_and(|mounts| mounts.contains(&directory)) {
            found.push(process.path().display().to_string());
        }
    }
    if run_dir.exists() {
        found.push(run_dir.display().to_string());
    }
    found
}

#[test]
fn routers_exchange_routes_with_frr_and_bird() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, &node_config()));
    for peer in [net::TOR_V4, net::TOR_V6, net::BIRD_V4, net::BIRD_V6] {
        wait_established(&lab, peer);
    }

    let routes = [("ipv4", "192.0.2.0/24"), ("ipv6", "2001:db8:1::/48")];
    for (family, prefix) in routes {
        let commands = [
            "configure terminal",
            "router bgp 65000",
            &format!("address-family {family} unicast"),
            &format!("network {prefix}"),
        ];
        lab.vtysh(Router::Node, &commands);
    }
    for (family, prefix) in routes {
        wait_for(&format!("{prefix} in tor"), CONVERGE, || {
            let route =
                lab.vtysh_json(Router::Tor, &format!("show bgp {family} unicast {prefix} json"));
            match route["paths"][0]["aspath"]["string"].as_str() {
                Some("65000") => Ok(()),
                _ => Err(route),
            }
        });
        wait_for(&format!("{prefix} in bird"), CONVERGE, || {
            let route = lab.birdc(&format!("show route for {prefix} all"));
            if route.contains("BGP.as_path: 65000") { Ok(()) } else { Err(route) }
        });
    }
}

#[test]
fn labs_run_side_by_side_and_leave_nothing() {
    let one = Lab::start(LabOptions::default());
    let two = Lab::start(LabOptions::default().profile(Router::Node, "traditional"));
    assert_ne!(one.id(), two.id());
    for lab in [&one, &two] {
        for router in [Router::Node, Router::Tor] {
            assert!(lab.yang_dir().join("frr-bgp.yang").is_file());
            for daemon in FRR_DAEMONS {
                assert!(lab.pid(router, daemon).is_some(), "{router}: {daemon} runs");
                assert!(lab.socket_dir(router).join(format!("{daemon}.vty")).exists());
            }
            assert!(lab.socket_dir(router).join("mgmtd_fe.sock").exists());
        }
    }
    let config = |lab: &Lab| lab.vtysh(Router::Node, &["show running-config"]);
    assert!(config(&one).contains("frr defaults datacenter"));
    assert!(config(&two).contains("frr defaults traditional"));
    two.vtysh(Router::Node, &["configure terminal", "router bgp 65000"]);
    assert!(config(&two).contains("router bgp 65000"));
    assert!(!config(&one).contains("router bgp"), "the other lab's change is not seen");

    let [kept, gone] = [&one, &two].map(|lab| (lab.id().to_owned(), lab.run_dir().to_owned()));
    let mut agent = two.spawn_in(Router::Node, Command::new("sleep").arg("600"));
    assert!(!traces(&gone.0, &gone.1).is_empty(), "a running lab is seen");
    drop(two);
    assert_eq!(traces(&gone.0, &gone.1), [""; 0]);
    assert!(!agent.wait().unwrap().success(), "the lab's end is its programs' end");
    assert!(one.pid(Router::Tor, "bgpd").is_some(), "the other lab goes on");

    let panicked = std::thread::spawn(move || {
        let _lab = one;
        panic!("as a failing test does");
    });
    assert!(panicked.join().is_err());
    assert_eq!(traces(&kept.0, &kept.1), [""; 0]);
}

#[test]
fn daemons_are_killed_frozen_and_restarted() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, &node_config()));
    wait_established(&lab, net::TOR_V4);

    let before = lab.pid(Router::Tor, "bgpd");
    lab.kill(Router::Tor, "bgpd");
    assert_eq!(lab.pid(Router::Tor, "bgpd"), None);
    lab.restart(Router::Tor, "bgpd");
    assert_ne!(lab.pid(Router::Tor, "bgpd"), before);
    wait_established(&lab, net::TOR_V4);

    for daemon in FRR_DAEMONS {
        lab.restart(Router::Node, daemon);
    }
    lab.restart(Router::Bird, "bird");
    wait_established(&lab, net::TOR_V6);
    wait_established(&lab, net::BIRD_V4);

    let state = || {
        let pid = lab.pid(Router::Node, "bgpd").expect("bgpd runs");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        status.lines().find(|line| line.starts_with("State")).unwrap().to_owned()
    };
    // A signal takes effect when the process is next scheduled.
    let wait_state = |stopped: bool| {
        wait_for("bgpd to stop or go on", CONVERGE, || {
            let state = state();
            if state.contains("stopped") == stopped { Ok(()) } else { Err(state) }
        });
    };
    lab.stop(Router::Node, "bgpd");
    wait_state(true);
    lab.cont(Router::Node, "bgpd");
    wait_state(false);
}

#[test]
fn a_cable_is_pulled_and_plugged() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, &node_config()));
    let carrier = || {
        let out = lab.exec(Router::Node, &["ip", "-j", "addr", "show", net::NODE_TOR_INTERFACE]);
        assert!(out.status.success());
        String::from_utf8(out.stdout).unwrap()
    };
    wait_established(&lab, net::TOR_V6);
    lab.link_down(Router::Tor);
    wait_for("no carrier", CONVERGE, || {
        let seen = carrier();
        if seen.contains("NO-CARRIER") { Ok(()) } else { Err(seen) }
    });
    assert!(carrier().contains(net::NODE_TOR_V6), "node keeps its addresses");
    lab.link_up(Router::Tor);
    wait_established(&lab, net::TOR_V6);
    wait_established(&lab, net::TOR_V4);
}

#[test]
fn a_refused_configuration_is_told_and_leaves_nothing() {
    let start = || Lab::start(LabOptions::default().config(Router::Node, "router bgp nonsense\n"));
    let panic = std::thread::spawn(start).join().expect_err("FRR refuses that");
    let reason = panic.downcast_ref::<String>().expect("a panic with text");
    assert!(reason.contains("router bgp nonsense"), "{reason}");
    let id = reason.split('\'').nth(1).expect("the lab's name in quotes");
    assert_eq!(traces(id, &lab::run_base().join(id)), [""; 0]);
}

/// Set in the process that [`a_lab_whose_owner_was_killed_is_reaped`] starts and kills.
const OWNER: &str = "NOVAROUTE_TEST_LAB_OWNER";

#[test]
fn a_lab_whose_owner_was_killed_is_reaped() {
    if let Some(told) = env::var_os(OWNER) {
        let lab = Lab::start(LabOptions::default());
        fs::write(told, lab.id()).unwrap();
        std::thread::sleep(Duration::from_secs(60));
        return;
    }

    // The owner is this very test in a process of its own.
    let dir = tempfile::tempdir().unwrap();
    let told = dir.path().join("id");
    let mut owner = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_lab_whose_owner_was_killed_is_reaped"])
        .env(OWNER, &told)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let id = wait_for("the owner's lab", CONVERGE, || match fs::read_to_string(&told) {
        Ok(id) if !id.is_empty() => Ok(id),
        other => Err(format!("{other:?}")),
    });
    owner.kill().unwrap();
    owner.wait().unwrap();

    let next = Lab::start(LabOptions::default());
    let run_dir = next.run_dir().with_file_name(&id);
    assert_eq!(traces(&id, &run_dir), [""; 0]);
}

/// The first that the README has a newcomer type.
#[test]
fn the_demo_ends_well() {
    let programs = Path::new(env!("CARGO_BIN_EXE_novaroute-agent")).parent().expect("a directory");
    let path = env::var("PATH").expect("a path");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/demo.sh");
    let demo = Command::new(script)
        .env("PATH", format!("{}:{path}", programs.display()))
        .stdin(Stdio::null())
        .output()
        .expect("the demo starts");
    let (said, wrong) =
        (String::from_utf8_lossy(&demo.stdout), String::from_utf8_lossy(&demo.stderr));
    assert!(demo.status.success() && said.contains("demo: ok"), "{said}\n{wrong}");
}
