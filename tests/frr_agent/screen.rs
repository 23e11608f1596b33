//! What novaroutectl shows of a real agent while things happen: on a full screen, and as a watch.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use crate::{
    agent::*,
    lab::{Lab, LabOptions, net, wait_for},
};

const CTL: &str = env!("CARGO_BIN_EXE_novaroutectl");

/// All that a program has written so far.
fn written(child: &mut Child) -> Arc<Mutex<String>> {
    let (text, mut out) = (Arc::new(Mutex::new(String::new())), child.stdout.take().unwrap());
    let kept = Arc::clone(&text);
    thread::spawn(move || {
        let mut part = [0; 4096];
        while let Ok(count @ 1..) = out.read(&mut part) {
            kept.lock().unwrap().push_str(&String::from_utf8_lossy(&part[..count]));
        }
    });
    text
}

#[test]
fn the_full_screen_follows_peers_events_and_an_agent_that_starts_again() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let line = format!("stty rows 50 cols 180; {CTL} --socket {} top", agent.socket().display());
    let mut terminal = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = written(&mut terminal);
    let mut keys = terminal.stdin.take().unwrap();
    // Words alone: a blank may be a move of the cursor. What was there before is forgotten, and
    // the whole screen drawn anew by Ctrl-L: only what differs is written otherwise.
    let mut wait = |word: &str| {
        wait_for(&format!("{word} on the screen"), SOON, || {
            keys.write_all(b"\x0c").and_then(|()| keys.flush()).unwrap();
            let mut text = text.lock().unwrap();
            let at = text.find(word).ok_or_else(|| text.clone())?;
            text.drain(..at + word.len());
            Ok::<_, String>(())
        });
    };
    wait("ConfigureBGP");
    admin.apply_peer(tor()).unwrap();
    wait("ApplyPeer");
    wait_established(&lab, net::TOR_V4);
    wait("Established");
    agent.stop();
    wait("lost");
    agent.launch();
    agent.wait_ready();
    wait("connected");
    agent.client("admin").advertise("192.0.2.1/32").unwrap();
    wait("AdvertisePrefix");
    keys.write_all(b"q").and_then(|()| keys.flush()).unwrap();
    assert!(terminal.wait().unwrap().success());
}

#[test]
fn a_watch_tells_each_change_of_a_peer_once() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let mut watch = Command::new(CTL)
        .arg("--socket")
        .arg(agent.socket())
        .args(["peers", "--watch", "-o", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["peers"].as_array().map(Vec::len), Some(0));
    admin.apply_peer(tor()).unwrap();
    let mut last = next();
    while last["peers"][0]["state"] != "Established" {
        let new = next();
        assert_ne!(new, last);
        last = new;
    }
    admin.remove_peer(net::TOR_V4).unwrap();
    while last["peers"].as_array().map(Vec::len) != Some(0) {
        last = next();
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
}
