use super::*;
use crate::{
    commit::plan::{DaemonPlan, Decided, Situation, plan},
    daemon::Daemon,
    frr::{
        driver::plan_commands,
        vty::table::{Defaults, Running, Table},
    },
    journal::{Remembered, Stood},
    tree::{Tree, diff},
};

/// What a daemon shows; of bgpd import-check is on where nothing says otherwise.
fn running(daemon: Daemon, text: &str) -> Running {
    let table = Table::of(daemon).expect("a table");
    table.parse(text, &Defaults::default())
}

pub(super) fn tree(daemon: Daemon, text: &str) -> Tree {
    running(daemon, text).tree
}

struct Case {
    daemon: Daemon,
    ours: Tree,
    held: Remembered,
    returned: Tree,
    forced: Tree,
    starting: bool,
}

impl Case {
    fn of(daemon: Daemon) -> Self {
        let (ours, held) = (Tree::new(), Remembered::default());
        Self { daemon, ours, held, returned: Tree::new(), forced: Tree::new(), starting: false }
    }

    fn ours(daemon: Daemon, text: &str) -> Self {
        Self { ours: tree(daemon, text), ..Self::of(daemon) }
    }

    fn decide(&self, runs: &str, desired: &str, taking: Taking<'_>) -> Decided {
        let desired = tree(self.daemon, desired);
        let table = Table::of(self.daemon).expect("a table");
        let situation = Situation {
            daemon: self.daemon,
            lead: &|target| plan_commands(table, &target).map(DaemonPlan::Commands),
            ours: &self.ours,
            part: None,
            held: &self.held,
            returned: &self.returned,
            running: &running(self.daemon, runs),
            desired: &desired,
            keep: &desired,
            starting: self.starting,
            taking,
            forced: &self.forced,
            told: false,
            most: usize::MAX,
        };
        plan(&situation).expect("a plan")
    }
}

fn commands(decided: &Decided) -> Vec<&str> {
    match &decided.plan {
        DaemonPlan::Commands(plan) => {
            plan.steps.iter().map(|it| it.command.text.as_ref()).collect()
        }
        DaemonPlan::Edits(_) => Vec::new(),
    }
}

fn messages(decided: &Decided) -> Vec<&str> {
    decided.refusals.iter().map(|refusal| refusal.message.as_str()).collect()
}

const THEIRS: &str = "router bgp 65000\n no bgp network import-check\n \
                      no bgp ebgp-requires-policy\n neighbor 10.0.2.2 remote-as 65002\n \
                      neighbor 10.0.2.2 password theirs\n address-family ipv4 unicast\n  \
                      network 192.0.2.9/32\n exit-address-family\n";

/// As rendering makes it.
const DECLARED: &str = "router bgp 65000\n bgp graceful-restart\n no bgp network import-check\n \
                        no bgp ebgp-requires-policy\n neighbor 10.0.2.2 remote-as 65002\n \
                        address-family ipv4 unicast\n  network 192.0.2.9/32\n  \
                        neighbor 10.0.2.2 soft-reconfiguration inbound\n  \
                        neighbor 10.0.2.2 maximum-prefix 1000 warning-only\n";

#[test]
fn what_is_equal_in_what_was_stated_is_satisfied_and_gets_nothing() {
    let decided = Case::of(Daemon::Bgpd).decide(THEIRS, DECLARED, Taking::Nothing);
    assert_eq!(commands(&decided), [""; 0]);
    assert_eq!(messages(&decided), [""; 0]);
    let marked = objects::marked(&decided.theirs, &tree(Daemon::Bgpd, DECLARED));
    let kinds: Vec<_> = marked.iter().map(|(_, kind)| *kind).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
}

#[test]
fn what_was_satisfied_by_theirs_stays_when_the_declaration_ends() {
    let mut case = Case::of(Daemon::Bgpd);
    let decided = case.decide(THEIRS, DECLARED, Taking::Nothing);
    case.held.theirs = decided.theirs;
    let ended = case.decide(THEIRS, "", Taking::Nothing);
    assert_eq!(commands(&ended), [""; 0]);
    assert!(ended.kept.is_empty() && ended.gone.is_empty());
}

#[test]
fn what_is_different_is_refused_with_the_line_and_all_else_goes_on() {
    let declared = DECLARED.replace("65002", "65003")
        + "  network 192.0.2.10/32\n exit-address-family\n neighbor 10.0.9.9 remote-as 1\n";
    let decided = Case::of(Daemon::Bgpd).decide(THEIRS, &declared, Taking::Nothing);
    assert_eq!(commands(&decided), ["neighbor 10.0.9.9 remote-as 1", "network 192.0.2.10/32"]);
    let [message] = messages(&decided)[..] else { panic!("{:?}", messages(&decided)) };
    assert!(message.contains("\"neighbor 10.0.2.2 remote-as 65002\""), "{message}");
    assert!(message.contains("\"neighbor 10.0.2.2 remote-as 65003\" is declared"), "{message}");
    assert!(message.contains("take_over"), "{message}");
}

#[test]
fn a_password_of_theirs_is_never_shown() {
    let declared = DECLARED.replace("as 65002\n", "as 65002\n neighbor 10.0.2.2 password ours\n");
    let decided = Case::of(Daemon::Bgpd).decide(THEIRS, &declared, Taking::Nothing);
    let [message] = messages(&decided)[..] else { panic!("{:?}", messages(&decided)) };
    assert!(message.contains("neighbor 10.0.2.2 password"), "{message}");
    assert!(!message.contains("theirs\"") && !message.contains("ours\""), "{message}");
}

#[test]
fn unknown_lines_are_not_taken_for_absent() {
    let instance = "router bgp 65000\n no bgp network import-check\n \
                    no bgp ebgp-requires-policy\n";
    for (line, in_family) in [
        ("neighbor 10.0.2.2 remote-as auto", false),
        ("neighbor 10.0.2.2 peer-group RACK", false),
        ("network 192.0.2.9/32 backdoor", true),
    ] {
        let node = if in_family { " address-family ipv4 unicast\n  " } else { " " };
        let runs = format!("{instance}{node}{line}\n");
        let decided = Case::of(Daemon::Bgpd).decide(&runs, DECLARED, Taking::Nothing);
        let [message] = messages(&decided)[..] else { panic!("{line}: {:?}", messages(&decided)) };
        assert!(message.contains(&format!("{line:?}")), "{message}");
    }
    for line in ["router bgp 65000 vrf RED", "router bgp 65000 view RED"] {
        let decided =
            Case::of(Daemon::Bgpd).decide(&format!("{line}\n"), DECLARED, Taking::Nothing);
        assert_eq!(messages(&decided), [""; 0], "{line}");
    }
}

#[test]
fn an_instance_of_another_as_takes_nothing_in() {
    let runs = THEIRS.replace("65000", "64999");
    let decided = Case::of(Daemon::Bgpd).decide(&runs, DECLARED, Taking::Nothing);
    assert_eq!(commands(&decided), [""; 0]);
    assert_eq!(messages(&decided).len(), 3);
    let message = &messages(&decided)[0];
    for words in ["\"router bgp 64999\"", "is not taken over", "declare its AS"] {
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_network_that_their_instance_would_not_announce_is_refused() {
    for (line, named) in [
        ("no bgp network import-check", "bgp network import-check"),
        ("no bgp ebgp-requires-policy", "bgp ebgp-requires-policy"),
    ] {
        let runs = THEIRS.replace(&format!(" {line}\n"), &format!(" {named}\n"));
        let declared = DECLARED.replace("192.0.2.9", "192.0.2.10");
        let decided = Case::of(Daemon::Bgpd).decide(&runs, &declared, Taking::Nothing);
        let [message] = messages(&decided)[..] else { panic!("{:?}", messages(&decided)) };
        assert!(message.contains(&format!("{named:?}")), "{message}");
        let equal = Case::of(Daemon::Bgpd).decide(&runs, DECLARED, Taking::Nothing);
        assert_eq!(messages(&equal), [""; 0], "their own network satisfies");
    }
}

#[test]
fn an_object_of_ours_with_their_line_stays_and_all_else_goes() {
    let ours = "router bgp 65000\n neighbor 10.0.1.2 remote-as 65001\n \
                neighbor 10.0.1.2 bfd\n neighbor 10.0.1.2 timers 3 9\n \
                address-family ipv4 unicast\n  network 10.1.1.1/32\n  network 10.1.1.2/32\n";
    let instance = "router bgp 65000\n";
    for (line, family) in [
        ("neighbor 10.0.1.2 description theirs", false),
        ("neighbor 10.0.1.2 timers connect 5", false),
        ("neighbor 10.0.1.2 route-map IN in", true),
    ] {
        let runs = match family {
            true => format!("{ours}  {line}\n"),
            false => ours.replace(" address-family", &format!(" {line}\n address-family")),
        };
        let mut case = Case::ours(Daemon::Bgpd, ours);
        let ended = case.decide(&runs, instance, Taking::Nothing);
        assert_eq!(
            commands(&ended),
            ["no network 10.1.1.2/32", "no network 10.1.1.1/32", "no neighbor 10.0.1.2 bfd"]
        );
        let [kept] = &ended.kept[..] else { panic!("{:?}", ended.kept) };
        assert_eq!(kept.lines, [line]);
        // When their line is gone, it goes.
        let mut left = tree(Daemon::Bgpd, instance);
        kept.add_to(&mut left);
        case.ours = left;
        let runs = "router bgp 65000\n neighbor 10.0.1.2 remote-as 65001\n \
                    neighbor 10.0.1.2 timers 3 9\n";
        let ended = case.decide(runs, instance, Taking::Nothing);
        assert_eq!(commands(&ended), ["no neighbor 10.0.1.2"]);
        assert!(ended.kept.is_empty());
    }
}

#[test]
fn what_is_removed_by_force_goes_with_their_lines() {
    let ours = "router bgp 65000\n neighbor 10.0.1.2 remote-as 65001\n";
    let runs = format!(
        "{ours} neighbor 10.0.1.2 description theirs\n neighbor 10.0.1.2 timers connect 5\n"
    );
    let mut case = Case::ours(Daemon::Bgpd, ours);
    case.forced = tree(Daemon::Bgpd, ours);
    let ended = case.decide(&runs, "router bgp 65000\n", Taking::Nothing);
    assert_eq!(commands(&ended), ["no neighbor 10.0.1.2"]);
    assert!(ended.kept.is_empty());
}

#[test]
fn an_instance_of_ours_stays_while_it_holds_something_of_theirs() {
    let ours = "router bgp 65000\n bgp router-id 10.0.0.1\n neighbor 10.0.1.2 remote-as 65001\n";
    for (line, shared) in [
        ("bgp bestpath as-path multipath-relax", false),
        ("neighbor 10.0.9.9 remote-as 65009", true),
    ] {
        let ended =
            Case::ours(Daemon::Bgpd, ours).decide(&format!("{ours} {line}\n"), "", Taking::Nothing);
        assert_eq!(commands(&ended), ["no neighbor 10.0.1.2"], "{line}");
        let [kept] = &ended.kept[..] else { panic!("{:?}", ended.kept) };
        assert_eq!(kept.is_shared(), shared, "{kept:?}");
    }
}

#[test]
fn what_is_taken_over_is_ours_and_is_put_back_at_the_end() {
    let declared = DECLARED.replace("65002", "65003");
    let scope = tree(Daemon::Bgpd, "router bgp 65000\n neighbor 10.0.2.2 remote-as 65003\n");
    let mut peer_only = scope.clone();
    objects::strip(&mut peer_only, &instance_path(), objects::Kind::Instance);
    let mut case = Case::of(Daemon::Bgpd);
    let runs =
        THEIRS.replace(" address-family", " neighbor 10.0.2.2 capability dynamic\n address-family");
    let taken = case.decide(&runs, &declared, Taking::Over(&peer_only));
    assert_eq!(messages(&taken), [""; 0]);
    assert!(commands(&taken).contains(&"neighbor 10.0.2.2 remote-as 65003"));
    assert!(commands(&taken).contains(&"no neighbor 10.0.2.2 password"));
    assert_eq!(taken.stood.lines.len(), 1);

    case.held.theirs = taken.theirs;
    case.held.stood = taken.stood;
    case.ours = taken.desired.expect("a part of it is ours to make");
    let now = "router bgp 65000\n no bgp network import-check\n no bgp ebgp-requires-policy\n \
               neighbor 10.0.2.2 remote-as 65003\n address-family ipv4 unicast\n  \
               network 192.0.2.9/32\n  neighbor 10.0.2.2 soft-reconfiguration inbound\n  \
               neighbor 10.0.2.2 maximum-prefix 1000 warning-only\n";
    let without = DECLARED
        .lines()
        .filter(|line| !line.contains("10.0.2.2"))
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    let back = case.decide(now, &without, Taking::Nothing);
    for line in [
        "neighbor 10.0.2.2 remote-as 65002",
        "neighbor 10.0.2.2 password theirs",
        "no neighbor 10.0.2.2 maximum-prefix",
        "neighbor 10.0.2.2 capability dynamic",
    ] {
        assert!(commands(&back).contains(&line), "{line} in {:?}", commands(&back));
    }
    assert_eq!(back.still_stood, Stood::default());
    assert!(objects::is_marked(&back.put_back, &neighbor_path("10.0.2.2")));
}

fn instance_path() -> crate::tree::Path {
    let text = "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
                [type='frr-bgp:bgp'][name='bgp'][vrf='default']/frr-bgp:bgp";
    text.parse().expect("a path")
}

fn neighbor_path(address: &str) -> crate::tree::Path {
    let text = format!("{}/neighbors/neighbor[remote-address='{address}']", instance_path());
    text.parse().expect("a path")
}

#[test]
fn nothing_but_whole_objects_that_are_equal_is_taken_back() {
    let desired = tree(Daemon::Bgpd, DECLARED);
    let decided = Case::of(Daemon::Bgpd).decide(THEIRS, DECLARED, Taking::Back(&desired));
    assert!(decided.theirs.is_empty(), "all of it is ours again");
    let declared = DECLARED.replace("65002", "65003");
    let desired = tree(Daemon::Bgpd, &declared);
    let decided = Case::of(Daemon::Bgpd).decide(THEIRS, &declared, Taking::Back(&desired));
    assert_eq!(messages(&decided).len(), 1);
}

#[test]
fn what_a_start_up_file_brings_back_goes_again() {
    let runs = "router bgp 65000\n neighbor 10.0.1.2 remote-as 65001\n";
    let mut case = Case::ours(Daemon::Bgpd, "router bgp 65000\n");
    case.returned = tree(Daemon::Bgpd, runs);
    objects::strip(&mut case.returned, &instance_path(), objects::Kind::Instance);
    let decided = case.decide(runs, "router bgp 65000\n", Taking::Nothing);
    assert_eq!(commands(&decided), ["no neighbor 10.0.1.2"]);
}

/// bgpd has started anew, and is filled twice: before it is given its start-up file, and with that.
#[test]
fn what_was_never_seen_waits_for_no_start_up_file() {
    const SHARED: &str = "router bgp 65000\n no bgp network import-check\n";
    const BOTH: &str = "router bgp 65000\n no bgp network import-check\n address-family ipv4 unicast\n  \
                        network 192.0.2.1/32\n  network 192.0.2.9/32\n exit-address-family\n";
    let mut case = Case { starting: true, ..Case::of(Daemon::Bgpd) };
    case.held.theirs = case.decide(THEIRS, BOTH, Taking::Nothing).theirs;
    let early = case.decide("", BOTH, Taking::Nothing);
    assert_eq!((commands(&early), messages(&early).len(), early.waits), (vec![], 3, true));
    case.held.theirs.merge(&early.theirs);
    let filled = case.decide(SHARED, BOTH, Taking::Nothing);
    assert!(commands(&filled).contains(&"network 192.0.2.1/32"), "{:?}", messages(&filled));
    // What is theirs is still waited for.
    assert!(filled.waits && filled.refusals.len() == 1, "{:?}", messages(&filled));
}

#[test]
fn an_interface_in_an_area_of_theirs_gets_nothing_of_ours() {
    let theirs = "interface eth0\n ip ospf area 0.0.0.5\nexit\n";
    let ours = |area: &str, more: &str| {
        format!("router ospf\nexit\ninterface eth0\n ip ospf area {area}\n{more}exit\n")
    };
    let case = Case::of(Daemon::Ospfd);
    let equal = case.decide(theirs, &ours("0.0.0.5", ""), Taking::Nothing);
    assert_eq!((commands(&equal), messages(&equal)), (vec!["router ospf"], vec![]));
    let other = case.decide(theirs, &ours("0.0.0.0", " ip ospf cost 7\n"), Taking::Nothing);
    assert_eq!(commands(&other), ["router ospf"]);
    assert!(messages(&other)[0].contains("\"ip ospf area 0.0.0.5\""), "{:?}", messages(&other));
    // A cost without an area is only a setting.
    let cost = "interface eth0\n ip ospf cost 7\nexit\n";
    let joined = case.decide(cost, &ours("0.0.0.0", " ip ospf cost 7\n"), Taking::Nothing);
    assert_eq!(commands(&joined), ["router ospf", "ip ospf area 0.0.0.0"]);
}

#[test]
fn their_process_stays_without_our_interface() {
    let process = "router ospf\nexit\n";
    let mut case = Case::of(Daemon::Ospfd);
    let desired = format!("{process}interface eth0\n ip ospf area 0.0.0.0\nexit\n");
    let made = case.decide(process, &desired, Taking::Nothing);
    assert_eq!(commands(&made), ["ip ospf area 0.0.0.0"]);
    case.held.theirs = made.theirs;
    case.ours = made.desired.expect("without the process");
    let gone = case.decide(&desired, "", Taking::Nothing);
    assert_eq!(commands(&gone), ["no ip ospf area"]);
}

#[test]
fn a_session_beside_theirs_is_refused() {
    let theirs = "bfd\n peer 10.0.0.2 interface eth0\n exit\nexit\n";
    let desired =
        "bfd\n profile NR-300-300-3\n exit\n peer 10.0.0.2\n  profile NR-300-300-3\n exit\nexit\n";
    let decided = Case::of(Daemon::Bfdd).decide(theirs, desired, Taking::Nothing);
    let [message] = messages(&decided)[..] else { panic!("{:?}", messages(&decided)) };
    assert!(message.contains("\"peer 10.0.0.2 interface eth0\""), "{message}");
    assert!(!commands(&decided).contains(&"no peer 10.0.0.2 interface eth0"));
    let equal = Case::of(Daemon::Bfdd).decide(
        "bfd\n peer 10.0.0.2\n exit\nexit\n",
        desired,
        Taking::Nothing,
    );
    assert_eq!(messages(&equal), [""; 0]);
}

/// A route to 198.18.0.0/15 as FRR's models lay it out from 10.7 on: each next hop is an entry.
fn flat_route(gateway: &str) -> Tree {
    let path = format!(
        "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
         [type='frr-staticd:staticd'][name='staticd'][vrf='default']/frr-staticd:staticd\
         /route-list[prefix='198.18.0.0/15'][src-prefix='::/0'][afi-safi='frr-routing:ipv4-unicast']\
         /path-list[table-id='0'][nh-type='ip4'][vrf='default'][gateway='{gateway}'][interface='(null)']"
    );
    let mut tree = Tree::new();
    tree.ensure(&path.parse::<crate::tree::Path>().expect("a path").0);
    tree
}

fn decide_route(
    held: &Remembered,
    ours: &Tree,
    runs: &Tree,
    desired: &Tree,
    over: bool,
) -> Decided {
    let none = Tree::new();
    let running = Running { tree: runs.clone(), ..Running::default() };
    let situation = Situation {
        daemon: Daemon::Mgmtd,
        lead: &|target| Ok(DaemonPlan::Edits(diff(&target.running.tree, target.goal))),
        ours,
        part: None,
        held,
        returned: &none,
        running: &running,
        desired,
        keep: desired,
        starting: false,
        taking: if over { Taking::Over(desired) } else { Taking::Nothing },
        forced: &none,
        told: false,
        most: usize::MAX,
    };
    plan(&situation).expect("a plan")
}

#[test]
fn a_route_of_theirs_by_another_next_hop_is_taken_over_and_put_back_where_each_is_an_entry() {
    let (theirs, declared) = (flat_route("10.0.1.2"), flat_route("10.0.2.2"));
    let edits = |decided: &Decided| match &decided.plan {
        DaemonPlan::Edits(edits) => format!("{edits:?}"),
        DaemonPlan::Commands(_) => panic!("a VTY's plan"),
    };
    let mut held = Remembered::default();
    let refused = decide_route(&held, &Tree::new(), &theirs, &declared, false);
    assert!(messages(&refused)[0].contains("10.0.1.2"), "{:?}", messages(&refused));

    let taken = decide_route(&held, &Tree::new(), &theirs, &declared, true);
    assert_eq!(messages(&taken), [""; 0]);
    let said = edits(&taken);
    assert!(said.contains("10.0.1.2") && said.contains("10.0.2.2"), "{said}");
    assert_eq!(taken.stood.tree, theirs);
    // It is still declared: nothing is put back.
    held.stood = taken.stood;
    let again = decide_route(&held, &declared, &declared, &declared, false);
    assert!(!edits(&again).contains("10.0.1.2"), "{}", edits(&again));
    assert_eq!(again.still_stood.tree, theirs);

    let ended = decide_route(&held, &declared, &declared, &Tree::new(), false);
    let said = edits(&ended);
    assert!(said.contains("10.0.1.2") && said.contains("10.0.2.2"), "{said}");
    assert!(ended.still_stood.tree.is_empty());
}
