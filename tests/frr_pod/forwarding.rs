//! What goes through the node while its pod is updated: a stream of packets from behind one neighbour to
//! behind another, counted at both ends.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use serde_json::{Value, json};

use super::{
    GRACE, PATIENCE,
    lab::{FRR_DAEMONS, Lab, LabOptions, Router, net, python, wait_for},
    pod::Pod,
};

const HERE: &str = env!("CARGO_MANIFEST_DIR");
const PORT: &str = "9999";

/// What bird announces, which node has by BGP; and what node has by a static route, which bird does not know.
const BY_BGP: [(&str, &str); 2] =
    [("203.0.113.0/24", "203.0.113.1"), ("2001:db8:113::/48", "2001:db8:113::1")];
const BY_STATIC: (&str, &str) = ("198.51.100.0/24", "198.51.100.1");

/// Bird announces two prefixes, the addresses of which are its own.
fn announcing_bird() -> String {
    let conf = include_str!("../lab/bird.conf").replace("export none", "export all");
    let mut announced = String::new();
    for (family, (prefix, _)) in ["ipv4", "ipv6"].iter().zip(BY_BGP) {
        announced += &format!("protocol static {{ {family}; route {prefix} blackhole; }}\n");
    }
    conf + &announced
}

/// Packets that are on their way.
struct Stream {
    sender: Child,
    receiver: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Stream {
    /// From tor to bird, and to what bird has by a static route where wanted; goes on when each address has
    /// been reached.
    fn start(lab: &Lab, by_static: Option<&'static str>) -> Self {
        let addresses = BY_BGP.map(|(_, address)| address).into_iter().chain(by_static);
        let addresses: Vec<&str> = addresses.collect();
        let run = |router: Router, what: &str| {
            let mut command = lab.command(router, python());
            command.arg(format!("{HERE}/tests/pod/stream.py")).args([what, PORT]).args(&addresses);
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            command.spawn().expect("a stream")
        };
        let mut receiver = run(Router::Bird, "receive");
        let questions = receiver.stdin.take().expect("its input");
        let answers = BufReader::new(receiver.stdout.take().expect("its output"));
        let sender = run(Router::Tor, "send");
        let mut stream = Self { sender, receiver, questions, answers };
        wait_for("the first packets", PATIENCE, || {
            let counts = stream.counts();
            if counts.iter().all(|it| it.2 > 0) { Ok(()) } else { Err(format!("{counts:?}")) }
        });
        stream
    }

    /// Address, first number, how many arrived.
    fn counts(&mut self) -> Vec<(String, i64, i64)> {
        self.questions.write_all(b"\n").expect("a question");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).expect("counts")
    }

    /// Ends it, and waits until all that was sent since the first arrival has arrived.
    fn none_is_lost(mut self, during: &str) {
        drop(self.sender.stdin.take());
        let mut sent = String::new();
        let mut out = BufReader::new(self.sender.stdout.take().expect("its output"));
        out.read_line(&mut sent).expect("how many");
        let sent: i64 = sent.trim().parse().expect("a number");
        wait_for(&format!("all packets sent during {during}"), GRACE / 6, || {
            let counts = self.counts();
            let whole = |it: &(String, i64, i64)| it.1 >= 0 && it.2 == sent - it.1;
            match counts.iter().all(whole) {
                true => Ok(()),
                false => Err(format!("{sent} sent, arrived (from, count): {counts:?}")),
            }
        });
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        for child in [&mut self.sender, &mut self.receiver] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn declare(lab: &Lab, pod: &Pod) {
    let families = json!(["ipv4-unicast", "ipv6-unicast"]);
    let peer = |address: &str, number: u32| {
        json!({"peer": {
            "neighbor_address": address, "remote_as": number, "address_families": families,
        }})
    };
    let intents = json!([
        {"bgp": {"local_as": net::NODE_AS}},
        peer(net::TOR_V4, net::TOR_AS),
        peer(net::BIRD_V4, net::BIRD_AS),
        {"prefix": {"prefix": BY_STATIC.0}},
        {"static_route": {"prefix": BY_STATIC.0, "gateway": net::BIRD_V4}},
    ]);
    let file = lab.run_dir().join("intents.json");
    fs::write(&file, intents.to_string()).expect("a file");
    let file = file.to_str().expect("a path of text");
    let out = pod.ctl(&["apply", "-f", file, "--owner", "admin", "--token", &pod.token("admin")]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// Tor has all three of the node that runs now: none is stale.
fn tor_has_all_afresh(lab: &Lab) {
    for prefix in BY_BGP.map(|(prefix, _)| prefix).into_iter().chain([BY_STATIC.0]) {
        wait_for(&format!("{prefix} at tor, not stale"), PATIENCE, || {
            match super::tor_has(lab, prefix)? {
                path if path["stale"] == Value::Bool(true) => Err(path.to_string()),
                _ => Ok(()),
            }
        });
    }
}

#[test]
fn an_update_of_the_pod_loses_no_packet() {
    let lab = Lab::start(LabOptions::default().config(Router::Bird, &announcing_bird()));
    for daemon in FRR_DAEMONS {
        lab.kill(Router::Node, daemon);
    }
    for (_, address) in BY_BGP.into_iter().chain([BY_STATIC]) {
        let out = lab.exec(Router::Bird, &["ip", "address", "add", address, "dev", "lo"]);
        assert!(out.status.success(), "{out:?}");
    }
    let mut pod = Pod::new(&lab);
    pod.run_init();
    pod.start("frr");
    pod.start("novaroute-agent");
    pod.wait_ready(PATIENCE);
    declare(&lab, &pod);
    tor_has_all_afresh(&lab);

    let stream = Stream::start(&lab, Some(BY_STATIC.1));
    assert_eq!(pod.stop("novaroute-agent", GRACE), Some(0));
    pod.start("novaroute-agent");
    pod.wait_ready(PATIENCE);
    stream.none_is_lost("the agent's restart");

    let stream = Stream::start(&lab, None);
    assert_eq!(pod.stop("frr", GRACE), Some(0));
    assert!(FRR_DAEMONS.iter().all(|it| pod.daemon(it).is_none()), "a daemon is left");
    pod.start("frr");
    pod.wait_ready(PATIENCE);
    tor_has_all_afresh(&lab);
    stream.none_is_lost("FRR's restart");

    // As a rolling update does: all of the pod ends, and init containers and containers start anew.
    let stream = Stream::start(&lab, None);
    assert_eq!(pod.stop("novaroute-agent", GRACE), Some(0));
    assert_eq!(pod.stop("frr", GRACE), Some(0));
    pod.run_init();
    pod.start("frr");
    pod.start("novaroute-agent");
    pod.wait_ready(PATIENCE);
    tor_has_all_afresh(&lab);
    stream.none_is_lost("an update of the pod");
}
