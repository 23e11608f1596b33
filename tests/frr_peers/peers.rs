//! The three peers, each asked in its own words: FRR, BIRD 2 and GoBGP. What they have of a prefix is given
//! in one shape.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
};

use serde_json::Value;

use crate::{
    agent::{bird_route, tor_path},
    lab::{Lab, LabOptions, Router, net},
};

/// The key of TCP MD5 (RFC 2385) on both sides.
pub const PASSWORD: &str = "of-both-sides";

/// Over which protocol the session runs; it carries both address families either way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Transport {
    Ipv4,
    Ipv6,
}

/// A route as a peer has it.
#[derive(Debug, Default, PartialEq)]
pub struct Seen {
    pub as_path: String,
    pub next_hop: String,
    pub med: u64,
    /// Standard and large, as the intents name them.
    pub communities: BTreeSet<String>,
}

/// A BGP speaker by one hand.
pub trait Peer {
    /// The start-up configuration of the router that it runs in.
    fn options(transport: Transport) -> LabOptions;
    /// It runs when this returns.
    fn start(lab: &Lab, transport: Transport) -> Self;
    /// Its address, its AS, and the addresses of `node` on the link to it.
    fn session(transport: Transport) -> (&'static str, u32, [&'static str; 2]);
    /// The one path that it has for a prefix.
    fn route(&self, lab: &Lab, prefix: &str) -> Option<Seen>;
    /// Ends it without a word to its neighbour.
    fn die(&mut self, lab: &Lab);
    /// It comes back.
    fn live(&mut self, lab: &Lab);
}

fn either(transport: Transport, of: [&'static str; 2]) -> &'static str {
    match transport {
        Transport::Ipv4 => of[0],
        Transport::Ipv6 => of[1],
    }
}

/// The lab's `tor`.
pub struct Frr;

impl Peer for Frr {
    fn options(transport: Transport) -> LabOptions {
        let node = either(transport, [net::NODE_TOR_V4, net::NODE_TOR_V6]);
        let text = format!(
            "router bgp {}\n no bgp ebgp-requires-policy\n neighbor {node} remote-as {}\n \
             neighbor {node} timers connect 1\n neighbor {node} password {PASSWORD}\n \
             address-family ipv4 unicast\n  neighbor {node} activate\n exit-address-family\n \
             address-family ipv6 unicast\n  neighbor {node} activate\n exit-address-family\nexit\n",
            net::TOR_AS,
            net::NODE_AS,
        );
        LabOptions::default().config(Router::Tor, &text)
    }

    fn start(_: &Lab, _: Transport) -> Self {
        Self
    }

    fn session(transport: Transport) -> (&'static str, u32, [&'static str; 2]) {
        let address = either(transport, [net::TOR_V4, net::TOR_V6]);
        (address, net::TOR_AS, [net::NODE_TOR_V4, net::NODE_TOR_V6])
    }

    fn route(&self, lab: &Lab, prefix: &str) -> Option<Seen> {
        let path = tor_path(lab, prefix)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let hops = path["nexthops"].as_array().expect("next hops");
        // A link-local address may stand beside the global one.
        let hop = hops.iter().find(|it| it["scope"] != "link-local").expect("a next hop");
        let lists = [&path["community"]["string"], &path["largeCommunity"]["string"]].map(text);
        let words = lists.iter().flat_map(|list| list.split_whitespace());
        let shown = |it: &str| it.replace("graceful-shutdown", "65535:0");
        Some(Seen {
            as_path: text(&path["aspath"]["string"]),
            next_hop: text(&hop["ip"]),
            med: path["metric"].as_u64().unwrap_or_default(),
            communities: words.map(shown).collect(),
        })
    }

    fn die(&mut self, lab: &Lab) {
        lab.kill(Router::Tor, "bgpd");
    }

    fn live(&mut self, lab: &Lab) {
        lab.restart(Router::Tor, "bgpd");
    }
}

/// BIRD 2, the lab's `bird`.
pub struct Bird;

impl Peer for Bird {
    fn options(transport: Transport) -> LabOptions {
        let node = either(transport, [net::NODE_BIRD_V4, net::NODE_BIRD_V6]);
        let text = format!(
            "router id {};\nprotocol device {{ }}\nprotocol bgp node {{\n  local as {};\n  \
             neighbor {node} as {};\n  password \"{PASSWORD}\";\n  connect delay time 1;\n  \
             connect retry time 1;\n  error wait time 1, 2;\n  \
             ipv4 {{ import all; export none; }};\n  ipv6 {{ import all; export none; }};\n}}\n",
            net::BIRD_V4,
            net::BIRD_AS,
            net::NODE_AS,
        );
        LabOptions::default().config(Router::Bird, &text)
    }

    fn start(_: &Lab, _: Transport) -> Self {
        Self
    }

    fn session(transport: Transport) -> (&'static str, u32, [&'static str; 2]) {
        let address = either(transport, [net::BIRD_V4, net::BIRD_V6]);
        (address, net::BIRD_AS, [net::NODE_BIRD_V4, net::NODE_BIRD_V6])
    }

    fn route(&self, lab: &Lab, prefix: &str) -> Option<Seen> {
        let shown = bird_route(lab, prefix);
        if shown.is_empty() {
            return None;
        }
        let line = |name: &str| {
            let of =
                shown.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
            of.unwrap_or_default().trim().to_owned()
        };
        // `(65000,100) (65000,200)`, and `(65000, 1, 2)`.
        let lists = [line("bgp.community"), line("bgp.large_community")];
        let words = lists.iter().flat_map(|list| list.split(')'));
        let words = words.map(|it| it.replace([' ', '('], "").replace(',', ":"));
        Some(Seen {
            as_path: line("bgp.as_path"),
            next_hop: line("bgp.next_hop").split_whitespace().next().unwrap_or_default().to_owned(),
            med: line("bgp.med").parse().unwrap_or_default(),
            communities: words.filter(|it| !it.is_empty()).collect(),
        })
    }

    fn die(&mut self, lab: &Lab) {
        lab.kill(Router::Bird, "bird");
    }

    fn live(&mut self, lab: &Lab) {
        lab.restart(Router::Bird, "bird");
    }
}

/// GoBGP in the place of `bird`, with its addresses and its AS.
pub struct Gobgp {
    directory: PathBuf,
    config: PathBuf,
    running: Option<Child>,
}

impl Peer for Gobgp {
    fn options(_: Transport) -> LabOptions {
        LabOptions::default()
    }

    fn start(lab: &Lab, transport: Transport) -> Self {
        lab.kill(Router::Bird, "bird");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/gobgpd.sh");
        let found = Command::new(script).output().expect("running gobgpd.sh");
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        let daemon = String::from_utf8(found.stdout).expect("a path");
        let directory = Path::new(daemon.trim()).parent().expect("a directory").to_owned();
        let config = lab.run_dir().join("gobgp.toml");
        let text = format!(
            "[global.config]\nas = {}\nrouter-id = \"{}\"\n[[neighbors]]\n[neighbors.config]\n\
             neighbor-address = \"{}\"\npeer-as = {}\nauth-password = \"{PASSWORD}\"\n\
             [neighbors.timers.config]\nconnect-retry = 1\nidle-hold-time-after-reset = 1\n\
             [[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = \"ipv4-unicast\"\n\
             [[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = \"ipv6-unicast\"\n",
            net::BIRD_AS,
            net::BIRD_V4,
            either(transport, [net::NODE_BIRD_V4, net::NODE_BIRD_V6]),
            net::NODE_AS,
        );
        fs::write(&config, text).expect("a file");
        let mut peer = Self { directory, config, running: None };
        peer.live(lab);
        peer
    }

    fn session(transport: Transport) -> (&'static str, u32, [&'static str; 2]) {
        Bird::session(transport)
    }

    fn route(&self, lab: &Lab, prefix: &str) -> Option<Seen> {
        let program = self.directory.join("gobgp");
        let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
        let asked =
            [program.to_str().expect("text"), "global", "rib", prefix, "-a", family, "--json"];
        let out = lab.exec(Router::Bird, &asked);
        // It fails where the network is not in the table, and while the daemon starts.
        let table: Value = serde_json::from_slice(&out.stdout).ok()?;
        let path = table[prefix].as_array()?.first()?;
        let attributes = path["attrs"].as_array().expect("attributes");
        // By its number (RFC 4271, 1997, 4760, 8092).
        let of = |kind: u64| attributes.iter().find(|it| it["type"] == kind);
        let number = |value: &Value| value.as_u64().expect("a number");
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut communities = BTreeSet::new();
        if let Some(standard) = of(8) {
            let each = list(&standard["communities"]).into_iter();
            communities
                .extend(each.map(|it| format!("{}:{}", number(&it) >> 16, number(&it) & 0xffff)));
        }
        if let Some(large) = of(32) {
            communities.extend(
                list(&large["value"])
                    .iter()
                    .map(|it| format!("{}:{}:{}", it["ASN"], it["LocalData1"], it["LocalData2"])),
            );
        }
        let path = list(&of(2)?["as_paths"]);
        let numbers = path.iter().flat_map(|segment| list(&segment["asns"]));
        let hop = of(3).or_else(|| of(14)).expect("a next hop");
        Some(Seen {
            as_path: numbers.map(|it| it.to_string()).collect::<Vec<_>>().join(" "),
            next_hop: hop["nexthop"].as_str().expect("text").to_owned(),
            med: of(4).map(|it| number(&it["metric"])).unwrap_or_default(),
            communities,
        })
    }

    fn die(&mut self, _: &Lab) {
        let mut child = self.running.take().expect("it runs");
        child.kill().expect("killing");
        child.wait().expect("waiting");
    }

    fn live(&mut self, lab: &Lab) {
        let mut command = Command::new(self.directory.join("gobgpd"));
        command.arg("-f").arg(&self.config).args(["--api-hosts", "127.0.0.1:50051"]);
        self.running = Some(lab.spawn_in(Router::Bird, &command));
    }
}

impl Drop for Gobgp {
    fn drop(&mut self) {
        if let Some(child) = &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
