//! Steps between configurations.

use super::*;
use crate::{
    daemon::Daemon,
    frr::vty::table::{Defaults, Running, Table},
};

fn running(text: &str) -> Running {
    Table::of(Daemon::Bgpd).expect("a table").parse(text, &Defaults::default())
}

fn between(before: &str, after: &str) -> Result<Vec<Step>, InTheWay> {
    let table = Table::of(Daemon::Bgpd).expect("a table");
    let (before, after) = (running(before), running(after));
    steps(&table.lines(&before.tree), &table.lines(&after.tree), &before.foreign)
}

fn commands(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.command.text.as_ref()).collect()
}

const ROUTER: &str = "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001\n";

#[test]
fn nothing_differs_nothing_is_sent() {
    assert_eq!(between(ROUTER, ROUTER), Ok(vec![]));
}

#[test]
fn what_is_named_exists_first_and_goes_last() {
    let plain = "router bgp 65000\n address-family ipv4 unicast\n  network 10.1.0.0/16\n";
    let named = "route-map A permit 10\n set metric 5\nexit\nrouter bgp 65000\n \
                 address-family ipv4 unicast\n  network 10.1.0.0/16 route-map A\n";
    assert_eq!(
        commands(&between(plain, named).expect("no foreign lines")),
        ["route-map A permit 10", "set metric 5", "network 10.1.0.0/16 route-map A"]
    );
    assert_eq!(
        commands(&between(named, plain).expect("no foreign lines")),
        ["network 10.1.0.0/16", "no route-map A permit 10"]
    );
}

#[test]
fn taking_a_neighbour_back_restores_all_of_it() {
    let with = "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001\n \
                neighbor 10.0.0.1 description a b\n address-family ipv4 unicast\n  \
                neighbor 10.0.0.1 maximum-prefix 10 warning-only\n";
    let steps = between(with, "router bgp 65000\n").expect("no foreign lines");
    assert_eq!(commands(&steps), ["no neighbor 10.0.0.1"]);
    let inverse: Vec<_> = steps[0].inverse.iter().map(|c| &*c.text).collect();
    assert_eq!(
        inverse,
        [
            "neighbor 10.0.0.1 remote-as 65001",
            "neighbor 10.0.0.1 description a b",
            "neighbor 10.0.0.1 maximum-prefix 10 warning-only",
        ]
    );
    assert_eq!(
        steps[0].inverse[2].context[..],
        ["router bgp 65000", "address-family ipv4 unicast"]
    );
}

#[test]
fn a_neighbour_with_somebody_elses_lines_is_not_removed() {
    let with = "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001\n \
                address-family ipv4 unicast\n  neighbor 10.0.0.1 route-map IN in\n  \
                neighbor 10.0.0.11 route-map IN in\n";
    let refused = between(with, "router bgp 65000\n").expect_err("foreign lines");
    assert_eq!(refused.lines(), ["neighbor 10.0.0.1 route-map IN in"]);
}

#[test]
fn a_node_with_somebody_elses_lines_stays_without_ours() {
    let theirs = " bgp bestpath as-path multipath-relax\n";
    let steps = between(&format!("{ROUTER}{theirs}"), "").expect("nothing of theirs goes");
    assert_eq!(commands(&steps), ["no neighbor 10.0.0.1"]);
    let other = between(&format!("{ROUTER}{theirs}"), "router bgp 65009\n");
    assert_eq!(other.expect_err("can't be kept").lines(), [theirs.trim()]);
}

fn in_daemon(daemon: Daemon, before: &str, after: &str) -> Result<Vec<Step>, InTheWay> {
    let table = Table::of(daemon).expect("a table");
    let read = |text| table.parse(text, &Defaults::default());
    let (before, after) = (read(before), read(after));
    steps(&table.lines(&before.tree), &table.lines(&after.tree), &before.foreign)
}

#[test]
fn an_interface_leaves_its_area_before_it_enters_another() {
    let steps = in_daemon(
        Daemon::Ospfd,
        "interface eth0\n ip ospf cost 5\n ip ospf area 0\n",
        "interface eth0\n ip ospf cost 5\n ip ospf area 0.0.0.1\n",
    );
    let steps = steps.expect("no foreign lines");
    assert_eq!(commands(&steps), ["no ip ospf area", "ip ospf area 0.0.0.1"]);
    let inverse: Vec<_> = steps.iter().flat_map(|step| &step.inverse).map(|c| &*c.text).collect();
    assert_eq!(inverse, ["ip ospf area 0.0.0.0", "no ip ospf area"]);
}

#[test]
fn a_session_leaves_its_interface_before_it_is_bound_to_another() {
    let steps = in_daemon(
        Daemon::Bfdd,
        "bfd\n peer 10.0.0.1\n  profile A\n exit\n",
        "bfd\n peer 10.0.0.1 interface eth0\n  profile A\n exit\n",
    );
    let steps = steps.expect("no foreign lines");
    assert_eq!(commands(&steps), ["no peer 10.0.0.1", "peer 10.0.0.1 interface eth0", "profile A"]);
    let back: Vec<_> = steps[0].inverse.iter().map(|c| &*c.text).collect();
    assert_eq!(back, ["peer 10.0.0.1", "profile A"]);
}

#[test]
fn the_process_stays_while_somebody_elses_interface_needs_it() {
    let ours = "router ospf\n ospf router-id 10.0.0.1\nexit\n\
                interface eth0\n ip ospf area 0\nexit\n";
    let theirs = "interface eth1\n ip ospf area 0\nexit\n";
    let steps = in_daemon(Daemon::Ospfd, &format!("{ours}{theirs}"), theirs);
    assert_eq!(
        commands(&steps.expect("no foreign lines")),
        ["no ip ospf area", "no ospf router-id"]
    );
    let steps = in_daemon(Daemon::Ospfd, ours, "").expect("no foreign lines");
    assert_eq!(commands(&steps), ["no ip ospf area", "no router ospf"]);
}

#[test]
fn somebody_elses_redistribution_is_not_overwritten() {
    let ours = "router ospf\n redistribute static route-map NR-ospf\n";
    for theirs in ["redistribute static", "redistribute static metric 5 route-map MINE"] {
        let steps = in_daemon(Daemon::Ospfd, &format!("router ospf\n {theirs}\n"), ours);
        assert_eq!(steps.expect_err("in the way").lines(), [theirs]);
    }
    let other = "router ospf\n redistribute static-like\n";
    assert_eq!(in_daemon(Daemon::Ospfd, other, ours).map(|steps| steps.len()), Ok(1));
}

#[test]
fn what_holds_more_by_now_is_not_undone_blindly() {
    let table = Table::of(Daemon::Bgpd).expect("a table");
    let done = between("router bgp 65000\n", ROUTER).expect("no foreign lines");
    let undone = |shown: &str| {
        let shown = running(shown);
        let lines = table.lines(&shown.tree);
        let done: Vec<&Step> = done.iter().collect();
        without_those_of_others(&done, &lines, &shown.foreign).len()
    };
    assert_eq!(undone(ROUTER), 1);
    // Somebody has configured something in it meanwhile, which the table knows or doesn't.
    for line in ["description theirs", "peer-group THEIRS"] {
        assert_eq!(undone(&format!("{ROUTER} neighbor 10.0.0.1 {line}\n")), 0, "{line}");
        assert_eq!(undone(&format!("{ROUTER} neighbor 10.0.0.2 {line}\n")), 1, "{line}");
    }
}

#[test]
fn another_as_makes_the_instance_anew() {
    let other = ROUTER.replace("65000", "65009");
    let steps = between(ROUTER, &other).expect("no foreign lines");
    assert_eq!(
        commands(&steps),
        ["no router bgp 65000", "router bgp 65009", "neighbor 10.0.0.1 remote-as 65001"]
    );
}
