//! The pod of the DaemonSet on one node, as processes: the containers get the users, groups, capabilities,
//! mounts, environment and arguments of the rendered manifest (`tests/pod/container.py`), in root file
//! systems made by the images' own steps, and a route reaches a real peer.
//!
//! What is not the image: FRR is the lab's (Debian's), not that of FRR's image; no kubelet, no container
//! runtime, no cgroups, no seccomp filter.

mod forwarding;
#[path = "../lab/mod.rs"]
mod lab;
mod pod;

use std::{fs, path::Path, time::Duration};

use lab::{FRR_DAEMONS, Lab, LabOptions, Router, net, wait_for};
use pod::Pod;
use serde_json::{Value, json};

/// BGP sessions come up in seconds, watchfrr looks every five; the rest is room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `terminationGracePeriodSeconds` of the manifest.
const GRACE: Duration = Duration::from_secs(60);

const PREFIX: &str = "192.0.2.10/32";
const PREFIX_V6: &str = "2001:db8::10/128";
const STATIC: &str = "198.51.100.0/24";

fn tor_has(lab: &Lab, prefix: &str) -> Result<Value, String> {
    let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
    let shown = lab.vtysh_json(Router::Tor, &format!("show bgp {family} unicast {prefix} json"));
    let path = shown["paths"].as_array().and_then(|paths| paths.first().cloned());
    path.ok_or_else(|| format!("tor has no {prefix}: {shown}"))
}

/// BIRD has the prefix with these words beside it.
fn bird_has(lab: &Lab, prefix: &str, words: &[&str]) -> Result<(), String> {
    let shown = lab.birdc("show route all");
    let route = shown.split(prefix).nth(1).map(|it| it.split("unicast").nth(1).unwrap_or_default());
    let route = route.ok_or_else(|| format!("bird has no {prefix}: {shown}"))?;
    if words.iter().all(|word| route.contains(word)) { Ok(()) } else { Err(route.to_owned()) }
}

/// A node whose FRR is the pod's alone.
fn node() -> Lab {
    let lab = Lab::start(LabOptions::default());
    for daemon in FRR_DAEMONS {
        lab.kill(Router::Node, daemon);
    }
    lab
}

/// The demo, as a client on the node: two peers, a prefix of each family with attributes, a static route; both
/// peers show them.
fn declare(lab: &Lab, pod: &Pod) {
    // Without a router-id: the downward API has it. The static route goes through mgmtd, whose socket
    // only FRR's own user can open.
    let families = json!(["ipv4-unicast", "ipv6-unicast"]);
    let attributes = json!({"communities": ["65000:100", "65000:100:200"], "med": 50});
    let peer = |address: &str, number: u32| {
        json!({"peer": {
            "neighbor_address": address, "remote_as": number, "address_families": families,
        }})
    };
    let intents = json!([
        {"bgp": {"local_as": net::NODE_AS}},
        peer(net::TOR_V4, net::TOR_AS),
        peer(net::BIRD_V4, net::BIRD_AS),
        {"prefix": {"prefix": PREFIX, "attributes": attributes}},
        {"prefix": {"prefix": PREFIX_V6, "attributes": attributes}},
        {"static_route": {"prefix": STATIC, "gateway": net::TOR_V4}},
    ]);
    let file = lab.run_dir().join("intents.json");
    fs::write(&file, intents.to_string()).expect("a file");
    let file = file.to_str().expect("a path of text");
    let out = pod.ctl(&["apply", "-f", file, "--owner", "admin", "--token", &pod.token("admin")]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let words = ["BGP.med: 50", "(65000,100)", "(65000, 100, 200)"];
    for prefix in [PREFIX, PREFIX_V6] {
        let path = wait_for("the prefix at tor", PATIENCE, || tor_has(lab, prefix));
        assert_eq!(
            (path["metric"].clone(), path["aspath"]["string"].clone()),
            (json!(50), json!("65000"))
        );
        assert_eq!(path["largeCommunity"]["string"], json!("65000:100:200"), "{path}");
        wait_for("the prefix at bird", PATIENCE, || bird_has(lab, prefix, &words));
    }
}

/// The end of the demo: all of it is withdrawn, and neither peer nor the kernel has anything.
fn withdraw(lab: &Lab, pod: &Pod) {
    let token = pod.token("admin");
    let ctl = |args: &[&str]| {
        let out = pod.ctl(&[args, &["--owner", "admin", "--token", &token]].concat());
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    };
    for prefix in [PREFIX, PREFIX_V6] {
        ctl(&["withdraw", "--protocol", "bgp", "--prefix", prefix]);
        wait_for("the end of the prefix", PATIENCE, || {
            match (tor_has(lab, prefix), bird_has(lab, prefix, &[])) {
                (Err(_), Err(_)) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }
    ctl(&["static-route", "remove", "--prefix", STATIC]);
    // staticd has lost it by now; zebra hears of that and tells the kernel.
    wait_for("the end of the route in the kernel", PATIENCE, || {
        let routes = lab.exec(Router::Node, &["ip", "route", "show", STATIC]);
        match routes.stdout.is_empty() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&routes.stdout).into_owned()),
        }
    });
}

#[test]
fn a_route_reaches_a_peer_from_the_pod_as_the_manifest_has_it() {
    let lab = node();
    let mut pod = Pod::new(&lab);
    pod.run_init();
    pod.start("frr");
    pod.start("novaroute-agent");
    pod.wait_ready(PATIENCE);
    declare(&lab, &pod);

    let seen =
        lab.vtysh_json(Router::Tor, &format!("show bgp neighbors {} json", net::NODE_TOR_V4));
    assert_eq!(seen[net::NODE_TOR_V4]["remoteRouterId"], json!(pod::NODE_ADDRESS), "status.hostIP");
    let routes = lab.exec(Router::Node, &["ip", "route", "show", STATIC]);
    let routes = String::from_utf8_lossy(&routes.stdout).into_owned();
    assert!(
        routes.contains(&format!("via {}", net::TOR_V4)),
        "zebra has not installed it: {routes}"
    );

    the_agent_has_nothing_it_does_not_need(&pod);
    frr_has_what_the_manifest_gives(&pod);
    nobody_listens_but_who_must(&lab);
    the_socket_is_open_to_root_and_the_group_alone(&pod);

    // Before it is stopped its hook drains the node, and the agent that comes ends that. Else FRR and the
    // peer see nothing of its being replaced.
    let drained = |wanted: bool| {
        wait_for(&format!("drained: {wanted}, at tor"), PATIENCE, || {
            let path = tor_has(&lab, PREFIX)?;
            let communities = path["community"]["string"].to_string();
            if communities.contains("graceful-shutdown") == wanted {
                Ok(())
            } else {
                Err(communities)
            }
        });
    };
    drained(false);
    let hook = pod.pre_stop("novaroute-agent");
    assert!(hook.status.success(), "{hook:?}");
    drained(true);
    assert_eq!(pod.stop("novaroute-agent", GRACE), Some(0));
    tor_has(&lab, PREFIX).expect("the route outlives the agent");
    drained(true);
    pod.start("novaroute-agent");
    pod.wait_ready(PATIENCE);
    drained(false);
    let out = pod.ctl(&["prefixes"]);
    assert!(String::from_utf8_lossy(&out.stdout).contains(PREFIX), "the journal is on the node");

    // A daemon dies: watchfrr starts it, the agent fills it again.
    let bgpd = pod.daemon("bgpd").expect("bgpd runs");
    pod::kill(bgpd, "KILL");
    wait_for("another bgpd", PATIENCE, || match pod.daemon("bgpd") {
        Some(pid) if pid != bgpd => Ok(()),
        other => Err(format!("{other:?}")),
    });
    wait_for("the prefix at tor again", PATIENCE, || tor_has(&lab, PREFIX));

    // FRR's container is stopped: its daemons end in order, and the peer, which restarts gracefully with us
    // (RFC 4724), keeps the route for the pod that comes next.
    assert_eq!(pod.stop("frr", GRACE), Some(0));
    assert!(FRR_DAEMONS.iter().all(|it| pod.daemon(it).is_none()), "a daemon is left");
    tor_has(&lab, PREFIX).expect("the route is kept as stale");
    pod.start("frr");
    pod.wait_ready(PATIENCE);
    wait_for("a fresh route at tor", PATIENCE, || {
        let path = tor_has(&lab, PREFIX)?;
        if path["stale"].as_bool() == Some(true) { Err(path.to_string()) } else { Ok(()) }
    });
    withdraw(&lab, &pod);
}

/// No user, group, capability or file of root's.
fn the_agent_has_nothing_it_does_not_need(pod: &Pod) {
    let status = pod::Status::of(pod.main_process("novaroute-agent"));
    assert_eq!((status.user, status.group), (100, 101));
    assert_eq!(status.groups, [101, 102]);
    assert_eq!((status.permitted, status.bounding), (0, 0), "no capability, and no way to one");
    assert!(status.no_new_privileges);
    assert!(status.root_is_read_only);
    let root = Path::new("/proc").join(status.pid.to_string()).join("root");
    for shell in ["bin/sh", "usr/bin/sh", "bin/bash", "bin/busybox"] {
        assert!(!root.join(shell).exists(), "{shell} is in the agent's image");
    }
    let models = |dir: &Path| {
        let files = fs::read_dir(dir).expect("the models").flatten();
        files.filter(|it| it.path().extension().is_some_and(|it| it == "yang")).count()
    };
    assert_eq!(models(&root.join("usr/share/yang")), models(&pod.models_of_frr()));
}

/// Its daemons are FRR's user, and hold nothing beyond the manifest's list.
fn frr_has_what_the_manifest_gives(pod: &Pod) {
    let container = pod::Status::of(pod.main_process("frr"));
    assert!(container.root_is_read_only);
    for daemon in FRR_DAEMONS {
        let status = pod::Status::of(pod.daemon(daemon).expect("it runs"));
        assert_eq!((status.user, status.group), (100, 101), "{daemon}");
        assert_eq!(status.bounding, container.bounding, "{daemon}");
        assert_eq!(status.permitted & !container.bounding, 0, "{daemon}");
        // CAP_SETUID, CAP_SETGID, CAP_CHOWN are given up with root.
        assert_eq!(status.permitted & (1 << 7 | 1 << 6 | 1), 0, "{daemon}");
    }
}

/// Metrics over TCP; BFD over UDP, which has no other way. No BGP listener (`-p 0`), no terminals (`-P 0`).
fn nobody_listens_but_who_must(lab: &Lab) {
    let listening = |kind: &str| {
        let out = lab.exec(Router::Node, &["ss", "-H", "-n", "-l", kind]);
        let text = String::from_utf8(out.stdout).expect("text");
        let port = |line: &str| {
            let local = line.split_whitespace().nth(3).expect("a local address");
            local.rsplit(':').next().expect("a port").parse::<u16>().expect("a number")
        };
        let mut ports: Vec<u16> = text.lines().map(port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    };
    assert_eq!(listening("-t"), [9102]);
    // Single hop, echo, multihop (RFC 5881, 5883), and seamless BFD of FRR 10.3.
    for port in listening("-u") {
        assert!([3784, 3785, 4784, 7784].contains(&port), "UDP port {port} is open");
    }
}

/// A client on the node needs root or the group of FRR's user.
fn the_socket_is_open_to_root_and_the_group_alone(pod: &Pod) {
    assert!(pod.ctl_as(65534, 101, &["status"]).status.success());
    let out = pod.ctl_as(65534, 65534, &["status"]);
    assert_eq!(out.status.code(), Some(3), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn frr_needs_each_capability_that_it_has() {
    let lab = node();
    let mut pod = Pod::new(&lab);
    pod.run_init();
    let given = pod.capabilities("frr");
    assert!(given.len() > 3, "{given:?}");
    for capability in
        ["SYS_ADMIN", "NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE", "CHOWN", "SETGID", "SETUID"]
    {
        assert!(given.iter().any(|it| it == capability), "{capability} is not in the manifest");
        pod.start_without("frr", capability);
        // Wherever one is lacking, a daemon ends or the container does.
        wait_for(&format!("the failure without {capability}"), PATIENCE, || {
            let log = pod.log("frr");
            let failed = log.contains("Failed to start")
                || log.contains("not permitted")
                || log.contains("Unable to");
            if failed { Ok(()) } else { Err(log) }
        });
        pod.kill("frr");
    }
}
