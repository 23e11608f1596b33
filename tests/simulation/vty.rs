//! A daemon's VTY socket, in memory.

use std::{io, path::Path, path::PathBuf, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use novaroute::{
    daemon::Daemon,
    frr::vty::{Endpoint, SocketFile, Stream},
    journal::simulated::Simulated,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use crate::{
    cli::FAILED,
    frr::{Frr, Inner, Mood},
};

/// Bytes on their way.
const PIPE: usize = 64 << 10;

/// Where a daemon listens.
#[derive(Debug)]
pub struct Socket {
    frr: Frr,
    /// Of the node.
    disk: Simulated,
    daemon: Daemon,
    path: PathBuf,
}

impl Socket {
    pub fn of(frr: &Frr, disk: &Simulated, daemon: Daemon) -> Arc<dyn Endpoint> {
        let (frr, disk, path) = (frr.clone(), disk.clone(), format!("{daemon}.vty").into());
        Arc::new(Self { frr, disk, daemon, path })
    }
}

impl Endpoint for Socket {
    fn path(&self) -> &Path {
        &self.path
    }

    fn connect(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let (ours, theirs) = duplex(PIPE);
            let death = {
                let mut inner = self.frr.lock();
                let process = inner.of(self.daemon);
                if !process.up {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                process.death.clone()
            };
            let (frr, disk, daemon) = (self.frr.clone(), self.disk.clone(), self.daemon);
            tokio::spawn(death.run_until_cancelled_owned(serve(frr, disk, daemon, theirs)));
            Ok(Box::new(ours) as Box<dyn Stream>)
        })
    }

    fn file(&self) -> Option<SocketFile> {
        let mut inner = self.frr.lock();
        let process = inner.of(self.daemon);
        let file = SocketFile { device: 1, inode: process.start, made: process.made };
        process.up.then_some(file)
    }
}

/// Where a session is.
#[derive(Debug, Default)]
struct Place {
    configures: bool,
    stack: Vec<String>,
}

/// Answers commands until the other side hangs up.
async fn serve(frr: Frr, disk: Simulated, daemon: Daemon, mut stream: DuplexStream) {
    let mut place = Place::default();
    let (mut bytes, mut reply) = (Vec::new(), Vec::new());
    while let Ok(count) = stream.read_buf(&mut bytes).await {
        if count == 0 {
            return;
        }
        while let Some(end) = bytes.iter().position(|byte| *byte == 0) {
            let command = String::from_utf8_lossy(&bytes[..end]).into_owned();
            bytes.drain(..=end);
            // Whatever else is under way may come in between.
            let pause = match frr.lock().dice.below(16) {
                0 => Some(Duration::from_millis(1)),
                _ => None,
            };
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => tokio::task::yield_now().await,
            }
            frr.while_it_hangs(daemon).await;
            if disk.is_dead() {
                // The agent died in a call of the disk: it has sent nothing since.
                return;
            }
            let (code, text) = {
                let mut inner = frr.lock();
                inner.step(daemon.name(), &command);
                inner.answer(daemon, &mut place, &command)
            };
            reply.clear();
            reply.extend(text.as_bytes());
            reply.extend([0, 0, 0, code]);
            frr.step("reply", if code == 0 { "" } else { &text });
            if stream.write_all(&reply).await.is_err() {
                return;
            }
        }
    }
}

impl Inner {
    fn answer(&mut self, daemon: Daemon, place: &mut Place, command: &str) -> (u8, String) {
        let ok = (0, String::new());
        match (command, place.configures) {
            ("enable", _) => ok,
            ("configure terminal", false) => {
                place.configures = true;
                ok
            }
            ("end", _) => {
                *place = Place::default();
                ok
            }
            ("exit" | "exit-address-family", true) => {
                drop(place.stack.pop());
                ok
            }
            ("show running-config", _) => (0, self.of(daemon).lines.running().to_string()),
            ("show bfd peers json", _) => (0, self.sessions().to_string()),
            (question, false) if question.starts_with("show ") => {
                (0, self.shows(daemon, question).to_string())
            }
            (command, true) => self.configure(daemon, place, command),
            _ => (2, "% Unknown command".to_owned()),
        }
    }

    fn configure(&mut self, daemon: Daemon, place: &mut Place, command: &str) -> (u8, String) {
        let process = self.of(daemon);
        let mut harmed = Vec::new();
        let mut stack = place.stack.clone();
        let takes = process.lines.takes(&stack, command);
        // What only enters a node changes nothing.
        let known = process.lines.has(command);
        let refuses = match process.mood {
            Mood::RefusesToSet => !takes && !known,
            Mood::RefusesToLose => takes,
            Mood::Lies | Mood::Honest => false,
        };
        let enters =
            ["router ", "address-family ", "route-map ", "interface ", "bfd", "peer ", "profile "];
        let enters = enters.iter().any(|it| command.starts_with(it));
        if refuses && !enters {
            return (FAILED, "% Refused on purpose".to_owned());
        }
        if process.mood == Mood::Lies && !enters {
            return (0, String::new());
        }
        let done = process.lines.types(&mut stack, command, &mut harmed);
        place.stack = stack;
        for line in harmed {
            self.wrong(format!("{daemon}: {command:?} took or changed their {line:?}"));
        }
        match done {
            Ok(()) => (0, String::new()),
            Err((code, words)) => (code, words.to_owned()),
        }
    }

    /// bgpd's answers about one prefix or route-map.
    fn shows(&mut self, daemon: Daemon, question: &str) -> Value {
        let lines = &self.of(daemon).lines;
        let words: Vec<&str> = question.split_whitespace().collect();
        if let ["show", "route-map", name, "json"] = words[..] {
            let there = lines.beginning(&format!("route-map {name} ")).next().is_some();
            return if there { json!({ name: {} }) } else { json!({}) };
        }
        let prefix = words[words.len() - 2];
        let network = format!("network {prefix}");
        let found = lines.beginning(&network).find(|line| {
            line.strip_prefix(&network).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        let Some(line) = found else { return json!({}) };
        let mut path = json!({
            "sourced": true, "local": true, "origin": "IGP", "metric": 0,
            "nexthops": [{"ip": if prefix.contains(':') { "::" } else { "0.0.0.0" }}],
        });
        if let Some(map) = line.split_whitespace().skip_while(|word| *word != "route-map").nth(1) {
            let beginning = format!("route-map {map} ");
            let node = lines.beginning(&beginning).next().unwrap_or_default().to_owned();
            for set in lines.inside(&node) {
                let number = |text: &str| text.parse::<u32>().unwrap_or_default();
                match set.split_once(' ').and_then(|(_, rest)| rest.split_once(' ')) {
                    Some(("metric", value)) => path["metric"] = number(value).into(),
                    Some(("local-preference", value)) => path["locPrf"] = number(value).into(),
                    Some(("community", value)) => path["community"] = json!({ "string": value }),
                    Some(("large-community", value)) => {
                        path["largeCommunity"] = json!({ "string": value });
                    }
                    _ => {}
                }
            }
        }
        json!({ "paths": [path] })
    }

    /// bfdd's sessions: those that are configured, and bgpd's.
    fn sessions(&mut self) -> Value {
        let bgpd = self.daemons.get(&Daemon::Bgpd).filter(|it| it.up);
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let neighbors: Vec<Vec<String>> = bgpd
            .into_iter()
            .flat_map(|it| it.lines.beginning("neighbor "))
            .map(words)
            .filter(|it| it.get(2).is_some_and(|word| word == "bfd"))
            .collect();
        let bfdd = &self.daemons[&Daemon::Bfdd].lines;
        let timers = |session: &mut Value, node: &str| {
            for line in bfdd.inside(node) {
                let Some((name, value)) = line.split_once(' ') else { continue };
                let Ok(value) = value.parse::<u32>() else { continue };
                session[name] = value.into();
            }
        };
        let fresh = |peer: &str, kind: &str| {
            json!({
                "peer": peer, "vrf": "default", "type": kind, "multihop": false, "status": "down",
                "receive-interval": 300, "transmit-interval": 300, "detect-multiplier": 3,
            })
        };
        let mut all = Vec::new();
        let mut seen = Vec::new();
        for line in bfdd.beginning("peer ") {
            let at = words(line);
            let mut session = fresh(&at[1], "configured");
            session["multihop"] = line.contains(" multihop").into();
            for (name, key) in [("local-address", "local"), ("interface", "interface")] {
                if let Some(value) = at.iter().skip_while(|it| *it != name).nth(1) {
                    session[key] = value.as_str().into();
                }
            }
            if let Some(profile) = bfdd.inside(line).find_map(|it| it.strip_prefix("profile ")) {
                timers(&mut session, &format!("profile {profile}"));
            }
            timers(&mut session, line);
            seen.push(at[1].clone());
            all.push(session);
        }
        for neighbor in &neighbors {
            if neighbor.len() > 3 || seen.contains(&neighbor[1]) {
                continue;
            }
            let mut session = fresh(&neighbor[1], "dynamic");
            let of = |it: &&Vec<String>| it[1] == neighbor[1] && it.len() > 4;
            if let Some(profile) = neighbors.iter().find(of).map(|it| &it[4]) {
                timers(&mut session, &format!("profile {profile}"));
            }
            all.push(session);
        }
        Value::Array(all)
    }
}
