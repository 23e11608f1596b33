//! The table YANG ⇄ CLI against real daemons: each row in turn is set, shown and taken
//! back, and libyang and FRR's own northbound agree with what it says.

mod lab;

use std::time::Duration;

use lab::{Lab, LabOptions, Router};
use novaroute::{
    daemon::Daemon,
    frr::vty::{
        Session, Snapshot, VtyDriver,
        steps::steps,
        table::{Defaults, Table},
    },
    tree::Tree,
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
        (_, "keepalive") => "7",
        (_, "hold") => "21",
        (_, "max") => "500",
        (_, "rmap") => "NR-example",
        (_, "name") => "NR-list",
        (_, "profile") => "NR-150-150-7",
        (slot, variable) => panic!("no value for {variable} in {slot}"),
    };
    value.to_owned()
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
        let mut driver = VtyDriver::new(daemon, socket, CONNECT).expect("a VTY daemon");
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
        let steps = steps(&old, &new, &before.running.foreign).expect("nothing foreign");
        self.driver.apply(&steps).await.expect("accepted");
        self.read().await
    }

    /// Sets each row on top of all objects that rows can make, and takes it back.
    async fn walk(&mut self) {
        let examples = self.table.examples(value);
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
                forget_remote_as(&mut goal);
            }
            goal.merge(tree);
            let goal = self.schema.validate(&goal).unwrap_or_else(|e| panic!("{slot}: {e}"));
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

fn forget_remote_as(tree: &mut Tree) {
    let at = "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
              [type='frr-bgp:bgp'][name='bgp'][vrf='default']/frr-bgp:bgp/neighbors\
              /neighbor[remote-address='10.0.1.2']/neighbor-remote-as";
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
async fn another_profile_has_other_defaults_and_every_row_still_comes_back() {
    let lab = Lab::start(LabOptions::default().profile(Router::Node, "traditional"));
    let mut bench = Bench::new(&lab, Daemon::Bgpd).await;
    assert_eq!(bench.schema.profile(), Profile::Traditional);
    bench.walk().await;
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
