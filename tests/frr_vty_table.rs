//! The table YANG ⇄ CLI against real daemons: each row in turn is set, shown and taken
//! back, and libyang and FRR's own northbound agree with what it says.

#[path = "intents/fields.rs"]
mod fields_of_intents;
mod lab;

use std::{sync::Arc, time::Duration};

use fields_of_intents::{Changed, changes};
use lab::{Lab, LabOptions, Router};
use novaroute::{
    daemon::Daemon,
    frr::vty::{
        Session, Snapshot, VtyDriver,
        steps::{spelled, steps},
        table::{Defaults, Table},
    },
    model::Intent,
    proto::v1,
    render::{Shapes, render},
    tree::Tree,
    wire,
    yang::{Profile, Schema},
};

const CONNECT: Duration = Duration::from_secs(5);

/// A value that FRR takes for each variable of the rows.
fn value(slot: &str, variable: &str) -> String {
    let value = match (slot, variable) {
        ("set ipv6 next-hop global", "v") => "2001:db8::9",
        ("set ip next-hop", "v") => "192.0.2.9",
        ("set community", "v") => "65000:1 65000:2 no-export",
        ("set large-community", "v") => "65000:1:2 65000:1:3",
        (slot, "v") if slot.ends_with("-interval") => "150",
        (slot, "v") if slot.ends_with("multiplier") => "7",
        (slot, "v") if slot.ends_with(" profile") => "NR-150-150-7",
        (_, "v") => "77",
        (slot, "p" | "prefix") if slot.ends_with('6') => "2001:db8:7::/48",
        (_, "p" | "prefix") => "198.51.100.0/24",
        (slot, "ge") if slot.ends_with('6') => "64",
        (slot, "le") if slot.ends_with('6') => "128",
        (_, "ge") => "28",
        (_, "le") => "32",
        // Three kinds of sessions with one address do not fit beside each other.
        (slot, "peer") if slot.starts_with("bfd peer m") || slot.starts_with("m ") => "10.0.1.3",
        ("minimum-ttl", "peer") => "10.0.1.3",
        (slot, "peer") if slot.starts_with("bfd peer i") || slot.starts_with("b ") => "10.0.1.4",
        (_, "n" | "peer") => "10.0.1.2",
        (_, "ifname") => "tor0",
        (_, "area") => "0.0.0.7",
        (_, "list") => "NR-list",
        (_, "tag" | "s" | "cost") => "77",
        (_, "source" | "id") => "10.0.1.1",
        (_, "as") => "65000",
        (_, "asn") => "65001",
        (_, "action") => "permit",
        (_, "seq") => "10",
        (_, "t") => "222",
        (_, "text") => "a 100% \"plain\" description, #1!",
        (_, "key") => "s3cret!",
        (_, "ttl") => "3",
        (_, "port") => "1179",
        (_, "connect" | "times" | "interval" | "hops") => "7",
        (_, "local") => "65100",
        (_, "weight") => "77",
        (_, "message") => "a 100% \"plain\" message, #1!",
        (_, "keepalive") => "7",
        (_, "hold") => "21",
        (_, "max") => "500",
        (_, "pct") => "90",
        (_, "min") => "7",
        (_, "label") => "77",
        (_, "rmap") => "NR-example",
        (_, "name") => "NR-list",
        (_, "profile") => "NR-150-150-7",
        (slot, variable) => panic!("no value for {variable} in {slot}"),
    };
    value.to_owned()
}

/// Rounds of a sweep: as many as the longest list of values has.
const ROUNDS: usize = 8;

/// Values at the borders of what a variable can have, a column for each round; those of [`value`] elsewhere. All are
/// written as the model writes them, whatever FRR shows.
fn boundary(round: usize, slot: &str, variable: &str) -> String {
    let printable: String = (b'!'..=b'~').map(char::from).collect();
    // What is behind '| ' would be a filter of FRR's output.
    let (first, last) = printable.split_at(80);
    let (long, sentence) = ("x".repeat(255), format!("é 日本 🙂 {printable}"));
    let eighty = "~".repeat(80);
    let values: &[&str] = match (slot, variable) {
        ("set ipv6 next-hop global", "v") => {
            &["::5:0", "::102:304", "64:ff9b::102:304", "2001:db8::", "fec0::1", "1:0:2::", "::2"]
        }
        ("set ip next-hop", "v") => {
            &["1.0.0.1", "126.255.255.255", "128.0.0.0", "169.254.0.1", "223.255.255.255"]
        }
        ("set community", "v") => &[
            "0:0",
            "65535:65535",
            "0:0 65535:9 no-peer 65535:65535",
            "graceful-shutdown accept-own route-filter-translated-v4 route-filter-v4 \
             route-filter-translated-v6 route-filter-v6 llgr-stale no-llgr accept-own-nexthop \
             blackhole no-export no-advertise local-AS no-peer",
            "65534:65535 graceful-shutdown",
        ],
        ("set large-community", "v") => {
            &["0:0:0", "4294967295:4294967295:4294967295", "0:0:0 4294967295:0:1"]
        }
        ("set metric" | "set local-preference", "v") => &["0", "1", "4294967295"],
        (slot, "v") if slot.ends_with("-interval") => &["10", "50", "300", "60000", "4294967"],
        (slot, "v") if slot.ends_with("multiplier") => &["1", "2", "3", "255"],
        ("minimum-ttl", "v") => &["1", "254", "253"],
        ("prefix-list-4", "prefix") => &["0.0.0.0/0", "240.0.0.0/4", "10.0.0.0/27"],
        ("prefix-list-6", "prefix") => &["::5:0/112", "::/0", "ff00::/8", "::102:0/119"],
        ("prefix-list-6", "ge") => &["120"],
        (slot, "p") if slot.ends_with('6') => &[
            "::/0",
            "::5:0/112",
            "::102:304/128",
            "::1/128",
            "::/96",
            "64:ff9b::/96",
            "ff02::1/128",
            "::ffff:0:0:0/80",
        ],
        (_, "p") => &[
            "0.0.0.0/0",
            "0.0.0.1/32",
            "127.0.0.1/32",
            "224.0.0.0/4",
            "255.255.255.255/32",
            "128.0.0.0/1",
            "240.0.0.0/4",
            "10.0.0.0/8",
        ],
        (slot, "peer") if slot.starts_with("bfd peer m") || slot.starts_with("m ") => {
            &["10.0.1.3", "::6:0", "2001:db8::3", "240.0.0.3"]
        }
        ("minimum-ttl", "peer") => &["10.0.1.3", "::6:0", "2001:db8::3", "240.0.0.3"],
        (slot, "peer") if slot.starts_with("bfd peer i") || slot.starts_with("b ") => {
            &["10.0.1.4", "::7:0", "2001:db8::4", "240.0.0.4"]
        }
        (_, "peer") => &["10.0.1.2", "::5:0", "2001:db8::2", "240.0.0.2"],
        (_, "n") => &["10.0.1.2", "::5:0", "2001:db8::2", "240.0.0.2", "0.0.0.5", "::102:304"],
        (slot, "source") if slot.contains("peer") || slot.contains(' ') => {
            &["10.0.1.1", "::8:0", "2001:db8::1", "240.0.0.1"]
        }
        ("update-source", "source") => {
            &["10.0.1.1", "::8:0", "2001:db8::1", "240.0.0.1", "0.0.0.6", "::102:305"]
        }
        (_, "source") => &["10.0.1.1", "::8:0", "2001:db8::1", "240.0.0.1"],
        (_, "id") => &["0.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255"],
        (_, "as") => &["1", "23456", "64512", "4294967294"],
        (_, "asn") => &["4294967295", "65535", "1", "65536"],
        (_, "area") => &["0.0.0.0", "0.0.0.1", "255.255.255.255"],
        (_, "ifname") => &["tor0", "!#$%&()+,-.:;<=", "?@[]^_`{}~\\0123", "fifteen.bytes.1"],
        (_, "tag") => &["1", "4294967295"],
        (_, "s" | "cost") => &["1", "65535", "16384"],
        (_, "action") => &["permit", "deny"],
        (_, "t") => &["1", "3600"],
        (_, "ttl") => &["2", "254", "255"],
        (_, "port") => &["1", "178", "180", "65535"],
        (_, "connect") => &["1", "10", "120", "65535"],
        (_, "hops") => &["1", "2", "254"],
        // Neither `as` nor `asn` of the same round.
        (_, "local") => &["65100", "1", "4294967295", "131072"],
        (_, "times") => &["1", "3", "10"],
        (_, "interval") => &["0", "1", "600"],
        (_, "weight") => &["0", "1", "65535"],
        (_, "keepalive") => &["0", "1", "21845", "3", "60"],
        (_, "hold") => &["0", "3", "65535", "9", "180"],
        (_, "max") => &["1", "4294967295"],
        (_, "pct") => &["1", "100"],
        (_, "min") => &["1", "65535"],
        (_, "label") => &["16", "1048560"],
        (_, "text") => {
            &["!", "#1", "no", "exit", "a |b", printable.as_str(), sentence.as_str(), long.as_str()]
        }
        (_, "message") => &["!", "#1", "no", "exit", "message", "rtt 5", "é 日本 🙂", "a |b"],
        (_, "key") => &["0", "!", "\"'", "|", first, last, eighty.as_str()],
        ("route-map" | "match tag" | "match prefix-list", "seq") => &["1", "65535"],
        (slot, "seq") if slot.starts_with("prefix-list") => &["1", "4294967295"],
        _ => return value(slot, variable),
    };
    values[round % values.len()].to_owned()
}

/// Rows that make what others stand in or name.
const OBJECTS: [&str; 9] = [
    "router bgp",
    "neighbor",
    "route-map",
    "bfd node",
    "profile",
    "bfd peer",
    "bfd peer interface",
    "bfd peer multihop",
    "router ospf",
];

/// What has to be there before a row of this slot makes sense.
fn prerequisites(slot: &str) -> &'static [&'static str] {
    match slot {
        "bfd profile" => &["bfd"],
        _ => &[],
    }
}

struct Bench {
    driver: VtyDriver,
    table: &'static Table,
    schema: Schema,
    defaults: Defaults,
}

impl Bench {
    async fn new(lab: &Lab, daemon: Daemon) -> Self {
        let socket = lab.socket_dir(Router::Node).join(format!("{daemon}.vty"));
        let mut driver = VtyDriver::new(daemon, Arc::new(socket), CONNECT).expect("a VTY daemon");
        let table = driver.table();
        let running = driver.read(&Defaults::default()).await.expect("running").running;
        let profile = Profile::from_name(&running.profile.expect("frr defaults"));
        let schema = Schema::load(&lab.yang_dir(), profile).expect("FRR's models");
        let defaults = table.defaults(&schema);
        Self { driver, table, schema, defaults }
    }

    async fn read(&mut self) -> Snapshot {
        self.driver.read(&self.defaults).await.expect("the running configuration")
    }

    /// Has the daemon run `goal` and gives what it then shows.
    async fn go(&mut self, goal: &Tree) -> Snapshot {
        let before = self.read().await;
        let (old, new) = (self.table.lines(&before.running.tree), self.table.lines(goal));
        let mut steps = steps(&old, &new, &before.running.foreign).expect("nothing in the way");
        spelled(&mut steps, &before.running.spelling);
        self.driver.apply(&steps).await.expect("accepted");
        self.read().await
    }

    /// Sets each row on top of all objects that rows can make, and takes it back.
    async fn walk(&mut self) {
        self.walk_with(value).await;
    }

    /// The same with values at the borders of what each can be.
    async fn sweep(&mut self) {
        for round in 0..ROUNDS {
            self.walk_with(|slot, variable| boundary(round, slot, variable)).await;
        }
    }

    async fn walk_with(&mut self, value: impl Fn(&str, &str) -> String) {
        let examples = self.table.examples(&value);
        let empty = self.read().await;
        let mut base = Tree::new();
        for (at, (slot, tree)) in examples.iter().enumerate() {
            // The first row of each slot that others stand in or name.
            let first = examples.iter().position(|(other, _)| other == slot) == Some(at);
            let object = OBJECTS.contains(slot);
            if first && object {
                base.merge(tree);
            }
        }
        let base_shown = self.go(&base).await;
        for (slot, tree) in &examples {
            let mut goal = base_shown.running.tree.clone();
            for (other, needed) in &examples {
                if prerequisites(slot).contains(other) {
                    goal.merge(needed);
                }
            }
            // Another way of saying who the neighbour is replaces the first.
            if *slot == "neighbor" {
                forget_remote_as(&mut goal, &value(slot, "n"));
            }
            goal.merge(tree);
            // libyang spells some addresses in another way: it judges, and is not asked how it writes them.
            self.schema.check(&goal).unwrap_or_else(|e| panic!("{slot}: {e}"));
            let lines = self.table.all_lines(&goal).unwrap_or_else(|e| panic!("{slot}: {e}"));
            let shown = self.go(&goal).await;
            assert_eq!(shown.running.foreign, [], "{slot}");
            assert_eq!(self.table.lines(&shown.running.tree), lines, "{slot}");
            assert_eq!(shown.running.tree, goal, "{slot}");
            let back = self.go(&base_shown.running.tree).await;
            assert_eq!(back.text, base_shown.text, "after taking back {slot}");
        }
        let end = self.go(&empty.running.tree).await;
        assert_eq!(end.text, empty.text, "after taking everything back");
    }
}

const NEIGHBOR: &str = "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
                        [type='frr-bgp:bgp'][name='bgp'][vrf='default']/frr-bgp:bgp/neighbors\
                        /neighbor[remote-address='10.0.1.2']";

fn forget_remote_as(tree: &mut Tree, neighbor: &str) {
    let at = format!("{NEIGHBOR}/neighbor-remote-as").replace("10.0.1.2", neighbor);
    tree.remove(&at.parse().expect("a path"));
}

#[tokio::test]
async fn bgpd_accepts_and_gives_back_every_row() {
    let lab = Lab::start(LabOptions::default());
    Bench::new(&lab, Daemon::Bgpd).await.walk().await;
}

#[tokio::test]
async fn bfdd_accepts_and_gives_back_every_row() {
    let lab = Lab::start(LabOptions::default());
    Bench::new(&lab, Daemon::Bfdd).await.walk().await;
}

#[tokio::test]
async fn ospfd_accepts_and_gives_back_every_row() {
    let lab = Lab::start(LabOptions::default());
    Bench::new(&lab, Daemon::Ospfd).await.walk().await;
}

#[tokio::test]
async fn bgpd_gives_back_every_value_at_its_borders() {
    let lab = Lab::start(LabOptions::default());
    Bench::new(&lab, Daemon::Bgpd).await.sweep().await;
}

#[tokio::test]
async fn bfdd_gives_back_every_value_at_its_borders() {
    let lab = Lab::start(LabOptions::default());
    Bench::new(&lab, Daemon::Bfdd).await.sweep().await;
}

#[tokio::test]
async fn ospfd_gives_back_every_value_at_its_borders() {
    let lab = Lab::start(LabOptions::default());
    Bench::new(&lab, Daemon::Ospfd).await.sweep().await;
}

#[tokio::test]
async fn another_profile_has_other_defaults_and_every_row_still_comes_back() {
    let lab = Lab::start(LabOptions::default().profile(Router::Node, "traditional"));
    let mut bench = Bench::new(&lab, Daemon::Bgpd).await;
    assert_eq!(bench.schema.profile(), Profile::Traditional);
    bench.walk().await;
}

/// What bgpd shows in another spelling is changed where it stands, and put back as it stood.
#[tokio::test]
async fn what_stands_in_another_spelling_is_changed_in_place_and_put_back() {
    for (router, default) in [
        ("router bgp 0.65000", "no bgp default ipv4-unicast"),
        ("router bgp 65000 as-notation dot+", "bgp default ipv6-unicast"),
        ("router bgp 65000 as-notation dot", "bgp bestpath as-path multipath-relax"),
    ] {
        let text = format!(
            "{router}\n {default}\n neighbor 10.0.1.2 remote-as 0.65001\n \
             neighbor 10.0.1.2 update-source tor0\n neighbor 10.0.1.2 ebgp-multihop\n \
             address-family ipv4 unicast\n  network 198.51.100.0/24 label-index 77\n  \
             neighbor 10.0.1.2 maximum-prefix 500 90 restart 7\n exit-address-family\n \
             address-family ipv6 unicast\n  network ::5:0/112\n exit-address-family\nexit\n"
        );
        let lab = Lab::start(LabOptions::default().config(Router::Node, &text));
        let mut bench = Bench::new(&lab, Daemon::Bgpd).await;
        let began = bench.read().await;
        assert!(began.text.lines().any(|line| line == router), "{}", began.text);
        assert_eq!(began.running.foreign.len(), 1, "{:?}", began.running.foreign);
        let mut goal = began.running.tree.clone();
        for (path, value) in [
            ("neighbor-remote-as/remote-as", "65009"),
            ("ebgp-multihop/multihop-ttl", "5"),
            ("description", "for a while"),
        ] {
            goal.set(&format!("{NEIGHBOR}/{path}").parse().expect("a path"), value);
        }
        let changed = bench.go(&goal).await;
        assert_eq!(changed.running.tree, goal, "{router}");
        let back = steps(
            &bench.table.lines(&began.running.tree),
            &bench.table.lines(&goal),
            &began.running.foreign,
        );
        let mut back = back.expect("nothing in the way");
        spelled(&mut back, &began.running.spelling);
        bench.driver.undo(back.iter()).await.expect("undone");
        assert_eq!(bench.read().await.text, began.text, "{router}");
    }
}

#[tokio::test]
async fn what_the_table_reads_of_route_maps_is_what_bgpds_own_northbound_says() {
    let lab = Lab::start(LabOptions::default());
    let mut bench = Bench::new(&lab, Daemon::Bgpd).await;
    let mut goal = Tree::new();
    for (slot, tree) in bench.table.examples(value) {
        if slot.starts_with("set ") || slot.starts_with("prefix-list") {
            goal.merge(&tree);
        }
    }
    let shown = bench.go(&goal).await;
    let socket = lab.socket_dir(Router::Node).join("bgpd.vty");
    let mut session = Session::connect(&socket, CONNECT).await.expect("connected");
    let json = session.show("show configuration running json").await.expect("JSON");
    let theirs = bench.schema.parse_json(&json).expect("FRR's own data fits FRR's own models");
    assert_eq!(shown.running.tree, theirs);
}

/// An intent as it is rendered, with the instance that it may stand in.
fn rendered(bench: &Bench, daemon: Daemon, message: &v1::Intent) -> Tree {
    let intent = wire::intent(message).expect("an intent");
    let bgp = Intent::Bgp(wire::bgp(65000, "10.0.0.1").expect("an instance"));
    let around = (!matches!(intent, Intent::Bgp(_))).then_some(bgp);
    let shapes = Shapes::of(&bench.schema);
    let mut forest = render(around.iter().chain([&intent]), shapes);
    forest.remove(&daemon).unwrap_or_default()
}

/// Every field of every intent, when it is set, comes back from a real daemon as it was rendered.
#[tokio::test]
async fn every_field_of_every_intent_comes_back_from_frr() {
    let lab = Lab::start(LabOptions::default());
    for daemon in [Daemon::Bgpd, Daemon::Bfdd, Daemon::Ospfd] {
        let mut bench = Bench::new(&lab, daemon).await;
        let empty = bench.read().await;
        for Changed { field, before, after } in changes() {
            let (before, after) =
                (rendered(&bench, daemon, &before), rendered(&bench, daemon, &after));
            if before == after {
                continue; // Of another daemon; `every_field` holds that it is of one.
            }
            for goal in [before, after] {
                let lines = bench.table.all_lines(&goal).unwrap_or_else(|e| panic!("{field}: {e}"));
                let shown = bench.go(&goal).await;
                assert_eq!(shown.running.foreign, [], "{field}");
                let back = bench.table.lines(&shown.running.tree);
                let back: Vec<_> = back.iter().map(|it| (&it.key, &it.text)).collect();
                for line in &lines {
                    assert!(
                        back.contains(&(&line.key, &line.text)),
                        "{field}: {} in {}",
                        line.text,
                        shown.text
                    );
                }
            }
            let end = bench.go(&empty.running.tree).await;
            assert_eq!(end.text, empty.text, "{field}: after taking it back");
        }
    }
}
