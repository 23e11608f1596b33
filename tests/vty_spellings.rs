//! Every spelling that FRR 10.3 shows of what the table knows, and of what stands close to it: read as the same value, or unknown.
//! The texts are as a daemon's `show running-config` gives them.

use novaroute::{
    daemon::Daemon,
    frr::vty::{
        steps::{InTheWay, Step, spelled, steps},
        table::{Defaults, Running, Table},
    },
};

const BGP: &str = "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
                   [type='frr-bgp:bgp'][name='bgp'][vrf='default']/frr-bgp:bgp";

fn read(daemon: Daemon, text: &str) -> Running {
    Table::of(daemon).expect("a table").parse(text, &Defaults::default())
}

fn leaf(running: &Running, path: &str) -> Option<String> {
    let path = path.parse().unwrap_or_else(|error| panic!("{path}: {error:?}"));
    running.tree.leaf(&path).map(str::to_owned)
}

fn bgp(running: &Running, path: &str) -> Option<String> {
    leaf(running, &format!("{BGP}{path}"))
}

/// What is sent where a daemon shows `before` and shall show `after`.
fn between(daemon: Daemon, before: &str, after: &str) -> Result<Vec<Step>, InTheWay> {
    let table = Table::of(daemon).expect("a table");
    let (before, after) = (read(daemon, before), read(daemon, after));
    let mut steps = steps(&table.lines(&before.tree), &table.lines(&after.tree), &before.foreign)?;
    spelled(&mut steps, &before.spelling);
    Ok(steps)
}

#[test]
fn an_instance_is_the_same_in_every_notation() {
    for line in [
        "router bgp 65000",
        "router bgp 0.65000",
        "router bgp 65000 as-notation dot",
        "router bgp 65000 as-notation dot+",
        "router bgp 65000 as-notation plain",
        "router bgp 0.65000 as-notation dot+",
    ] {
        let running = read(Daemon::Bgpd, &format!("{line}\n neighbor 10.0.1.2 remote-as 1.5\n"));
        assert_eq!(bgp(&running, "/global/local-as").as_deref(), Some("65000"), "{line}");
        assert_eq!(running.foreign, [], "{line}");
        let neighbor =
            "/neighbors/neighbor[remote-address='10.0.1.2']/neighbor-remote-as/remote-as";
        assert_eq!(bgp(&running, neighbor).as_deref(), Some("65541"), "{line}");
    }
    let running = read(Daemon::Bgpd, "router bgp 64086.59904\n");
    assert_eq!(bgp(&running, "/global/local-as").as_deref(), Some("4200000000"));
}

#[test]
fn what_is_no_as_number_is_unknown() {
    for line in [
        "router bgp 0.65536",
        "router bgp 1.",
        "router bgp .1",
        "router bgp 1.2.3",
        "router bgp +5",
    ] {
        let running = read(Daemon::Bgpd, &format!("{line}\n neighbor 10.0.1.2 remote-as 5\n"));
        assert!(running.tree.is_empty(), "{line}");
        assert_eq!(running.foreign.len(), 2, "{line}");
    }
}

/// The words are the daemon's: so it does not change how it shows them.
#[test]
fn an_instance_is_entered_by_the_line_that_frr_shows() {
    let before =
        "router bgp 0.65000 as-notation dot+\n neighbor 10.0.1.2 remote-as 0.65001\nexit\n";
    let after = "router bgp 65000\n neighbor 10.0.1.2 remote-as 65001\n \
                 neighbor 10.0.1.2 description ours\nexit\n";
    let steps = between(Daemon::Bgpd, before, after).expect("nothing in the way");
    let [step] = &*steps else { panic!("{steps:?}") };
    assert_eq!(step.command.context[..], ["router bgp 0.65000 as-notation dot+"]);
    assert_eq!(&*step.command.text, "neighbor 10.0.1.2 description ours");
    // What stood is put back as it stood.
    let other = after.replace("65001", "65009");
    let steps = between(Daemon::Bgpd, before, &other).expect("nothing in the way");
    assert_eq!(&*steps[0].inverse[0].text, "neighbor 10.0.1.2 remote-as 0.65001");
    let areas = "interface eth0\n ip ospf area 5\nexit\n";
    let steps = between(Daemon::Ospfd, areas, "").expect("nothing in the way");
    assert_eq!(&*steps[0].inverse[0].text, "ip ospf area 5");
}

#[test]
fn activation_is_read_under_the_instances_default() {
    let table = Table::of(Daemon::Bgpd).expect("a table");
    for (default, lines, [ipv4, ipv6]) in [
        ("", "", ["true", "false"]),
        (" no bgp default ipv4-unicast\n", "", ["false", "false"]),
        (" bgp default ipv6-unicast\n", "", ["true", "true"]),
        (" no bgp default ipv4-unicast\n bgp default ipv6-unicast\n", "", ["false", "true"]),
        (
            " no bgp default ipv4-unicast\n",
            " address-family ipv4 unicast\n  neighbor 10.0.1.2 activate\n exit-address-family\n",
            ["true", "false"],
        ),
        (
            " bgp default ipv6-unicast\n",
            " address-family ipv6 unicast\n  no neighbor 10.0.1.2 activate\n exit-address-family\n",
            ["true", "false"],
        ),
    ] {
        let text =
            format!("router bgp 65000\n{default} neighbor 10.0.1.2 remote-as 65001\n{lines}exit\n");
        let running = table.parse(&text, &table.own_defaults());
        let enabled = |family: &str| {
            bgp(
                &running,
                &format!(
                    "/neighbors/neighbor[remote-address='10.0.1.2']/afi-safis/afi-safi\
                     [afi-safi-name='frr-routing:{family}-unicast']/enabled"
                ),
            )
        };
        let shown = [enabled("ipv4"), enabled("ipv6")];
        assert_eq!(shown, [Some(ipv4.into()), Some(ipv6.into())], "{text}");
        // A neighbour that goes back to its default goes back to the instance's.
        let path = format!(
            "{BGP}/neighbors/neighbor[remote-address='10.0.9.9']/afi-safis/afi-safi\
             [afi-safi-name='frr-routing:ipv4-unicast']/enabled"
        );
        let fallback = table.default_of(&running.defaults, &path.parse().expect("a path"));
        let expected = if default.contains("no bgp") { "false" } else { "true" };
        assert_eq!(fallback.as_deref(), Some(expected), "{text}");
    }
}

/// What goes of an object that stays goes to what the daemon has then; an object that goes has nothing.
#[test]
fn a_hidden_leaf_that_goes_falls_back_where_its_object_stays() {
    let table = Table::of(Daemon::Bgpd).expect("a table");
    let text = "router bgp 65000\n no bgp default ipv4-unicast\n neighbor 10.0.1.2 remote-as 65001\n \
                neighbor 10.0.1.3 remote-as 65001\n address-family ipv4 unicast\n  \
                neighbor 10.0.1.2 activate\n  neighbor 10.0.1.3 activate\n exit-address-family\nexit\n";
    let running = table.parse(text, &table.own_defaults());
    let neighbor = |n: u8| format!("{BGP}/neighbors/neighbor[remote-address='10.0.1.{n}']");
    let enabled = |n: u8| {
        format!(
            "{}/afi-safis/afi-safi[afi-safi-name='frr-routing:ipv4-unicast']/enabled",
            neighbor(n)
        )
    };
    let path = |text: String| text.parse::<novaroute::tree::Path>().expect("a path");
    let mut goal = running.tree.clone();
    goal.remove(&path(enabled(2)));
    goal.remove(&path(neighbor(3)));
    table.give_back_defaults(&mut goal, &running);
    assert_eq!(goal.leaf(&path(enabled(2))), Some("false"));
    assert!(goal.subtree(&path(neighbor(3))).is_none());
}

/// A VRF's instance has its own defaults.
#[test]
fn what_a_vrfs_instance_says_is_not_ours() {
    let table = Table::of(Daemon::Bgpd).expect("a table");
    let text = "router bgp 65000\n neighbor 10.0.1.2 remote-as 65001\nexit\n\
                router bgp 65000 vrf RED\n no bgp default ipv4-unicast\n \
                neighbor 10.0.1.3 remote-as 65001\nexit\n";
    let running = table.parse(text, &table.own_defaults());
    let enabled = "/neighbors/neighbor[remote-address='10.0.1.2']/afi-safis/afi-safi\
                   [afi-safi-name='frr-routing:ipv4-unicast']/enabled";
    assert_eq!(bgp(&running, enabled).as_deref(), Some("true"));
    assert!(!format!("{:?}", running.tree).contains("10.0.1.3"), "{running:?}");
    assert_eq!(running.foreign[1].context, ["router bgp 65000 vrf RED"]);
}

#[test]
fn values_of_more_words_are_values() {
    let text = "router bgp 65000\n neighbor 10.0.1.2 remote-as external\n \
                neighbor 10.0.1.2 update-source tor0\n neighbor 10.0.1.2 ebgp-multihop\n \
                neighbor 10.0.1.3 remote-as internal\n neighbor 10.0.1.3 update-source 10.0.1.1\n !\n \
                address-family ipv4 unicast\n  \
                network 192.0.2.0/24 label-index 5\n  \
                network 192.0.3.0/24 label-index 5 route-map A\n  \
                neighbor 10.0.1.2 maximum-prefix 500 90 restart 5\n  \
                neighbor 10.0.1.3 maximum-prefix 500 90 warning-only\n exit-address-family\n !\n \
                address-family ipv6 unicast\n  network ::0.5.0.0/112\n  \
                neighbor 10.0.1.2 maximum-prefix 500 restart 5\n  \
                neighbor 10.0.1.3 maximum-prefix 500 90\n exit-address-family\nexit\n";
    let running = read(Daemon::Bgpd, text);
    assert_eq!(running.foreign, []);
    let neighbor = |n: u8, path: &str| {
        bgp(&running, &format!("/neighbors/neighbor[remote-address='10.0.1.{n}']{path}"))
    };
    assert_eq!(neighbor(2, "/update-source/interface").as_deref(), Some("tor0"));
    assert_eq!(neighbor(3, "/update-source/ip").as_deref(), Some("10.0.1.1"));
    assert_eq!(neighbor(2, "/ebgp-multihop/multihop-ttl").as_deref(), Some("255"));
    let limit = |n: u8, family: &str, name: &str| {
        neighbor(
            n,
            &format!(
                "/afi-safis/afi-safi[afi-safi-name='frr-routing:{family}']/{family}/prefix-limit\
                 /direction-list[direction='in']/options/{name}"
            ),
        )
    };
    let five = Some("5".to_owned());
    assert_eq!(limit(2, "ipv4-unicast", "tr-shutdown-threshold-pct").as_deref(), Some("90"));
    assert_eq!(limit(2, "ipv4-unicast", "tr-restart-timer"), five);
    assert_eq!(limit(3, "ipv4-unicast", "tw-warning-only").as_deref(), Some("true"));
    assert_eq!(limit(2, "ipv6-unicast", "restart-timer"), five);
    assert_eq!(limit(3, "ipv6-unicast", "shutdown-threshold-pct").as_deref(), Some("90"));
    let network = "/global/afi-safis/afi-safi[afi-safi-name='frr-routing:ipv4-unicast']/ipv4-unicast\
                   /network-config[prefix='192.0.2.0/24']/label-index";
    assert_eq!(bgp(&running, network), five);
    assert!(format!("{:?}", running.tree).contains("::5:0/112"), "{running:?}");
}

/// What FRR has and the table can't read, and what would be set over it.
#[test]
fn what_cannot_be_read_is_unknown_and_never_overwritten() {
    let router = |lines: &str| format!("router bgp 65000\n{lines}exit\n");
    let family = |line: &str| router(&format!(" address-family ipv4 unicast\n  {line}\n"));
    let peer = |line: &str| router(&format!(" neighbor 10.0.1.2 remote-as 65001\n {line}\n"));
    for (daemon, theirs, ours) in [
        // An instance that is none.
        (Daemon::Bgpd, "router bgp x.y\nexit\n".to_owned(), router("")),
        // Who a neighbour is.
        (
            Daemon::Bgpd,
            router(" neighbor 10.0.1.2 remote-as auto\n"),
            router(" neighbor 10.0.1.2 remote-as 65001\n"),
        ),
        (
            Daemon::Bgpd,
            router(" neighbor PG peer-group\n neighbor 10.0.1.2 peer-group PG\n"),
            router(" neighbor 10.0.1.2 remote-as 65001\n"),
        ),
        (
            Daemon::Bgpd,
            router(" neighbor fd00::2 peer-group PG\n"),
            router(" neighbor fd00::2 remote-as external\n"),
        ),
        (Daemon::Bgpd, family("network 192.0.2.0/24 backdoor"), family("network 192.0.2.0/24")),
        (
            Daemon::Bgpd,
            family("network 192.0.2.0/24 label 5"),
            family("network 192.0.2.0/24 route-map NR-a"),
        ),
        (
            Daemon::Bgpd,
            family("neighbor 10.0.1.2 maximum-prefix 500 90 force"),
            family("neighbor 10.0.1.2 maximum-prefix 500 warning-only"),
        ),
        (Daemon::Bgpd, peer("neighbor 10.0.1.2 bfd 3 200 200"), peer("neighbor 10.0.1.2 bfd")),
        (
            Daemon::Bgpd,
            router(" bgp graceful-restart-disable\n"),
            router(" bgp graceful-restart\n"),
        ),
        (
            Daemon::Bgpd,
            router(" bgp router-id interface lo\n"),
            router(" bgp router-id 10.0.0.1\n"),
        ),
        (
            Daemon::Bgpd,
            "ip prefix-list A seq 5 permit any\n".to_owned(),
            "ip prefix-list A seq 5 permit 10.0.0.0/8\n".to_owned(),
        ),
        (
            Daemon::Bgpd,
            "route-map NR-a permit 10\n set metric +5\nexit\n".to_owned(),
            "route-map NR-a permit 10\n set metric 5\nexit\n".to_owned(),
        ),
        (Daemon::Ospfd, "router ospf 1\nexit\n".to_owned(), "router ospf\nexit\n".to_owned()),
        (
            Daemon::Ospfd,
            "interface tor0\n ip ospf area 0.0.0.5 10.0.1.1\nexit\n".to_owned(),
            "interface tor0\n ip ospf area 0.0.0.5\nexit\n".to_owned(),
        ),
        (
            Daemon::Ospfd,
            "interface tor0\n ip ospf 1 area 0\nexit\ninterface tor0 vrf RED\nexit\n".to_owned(),
            "interface tor0\n ip ospf area 0\nexit\n".to_owned(),
        ),
        (
            Daemon::Ospfd,
            "interface tor0\n ip ospf dead-interval minimal hello-multiplier 4\nexit\n".to_owned(),
            "interface tor0\n ip ospf dead-interval 40\nexit\n".to_owned(),
        ),
        (
            Daemon::Ospfd,
            "router ospf\n redistribute static metric 5\nexit\n".to_owned(),
            "router ospf\n redistribute static route-map NR-ospf\nexit\n".to_owned(),
        ),
        (
            Daemon::Bfdd,
            "bfd\n peer 10.0.1.2 multihop local-address 10.0.1.1 interface tor0\n exit\nexit\n"
                .to_owned(),
            "bfd\n peer 10.0.1.2\n exit\nexit\n".to_owned(),
        ),
    ] {
        let unknown = read(daemon, &theirs).foreign;
        assert!(!unknown.is_empty(), "{theirs}");
        let refused = between(daemon, &theirs, &ours).expect_err(&theirs);
        let InTheWay::Unreadable(error) = &refused else { panic!("{theirs}: {refused}") };
        assert!(unknown.iter().any(|line| line.text == error.unreadable), "{error}");
        assert!(error.to_string().starts_with("FRR has \""), "{error}");
    }
}

/// What looks like ours and is another object, or another setting of it.
#[test]
fn what_is_about_something_else_is_in_nobodys_way() {
    let router = |lines: &str| format!("router bgp 65000\n{lines}exit\n");
    let peer = |line: &str| router(&format!(" neighbor 10.0.1.2 remote-as 65001\n{line}"));
    for (daemon, theirs, ours) in [
        (Daemon::Bgpd, "router bgp 65000 vrf RED\nexit\n".to_owned(), router("")),
        (Daemon::Bgpd, "router bgp 65011 view V\nexit\n".to_owned(), router("")),
        (
            Daemon::Bgpd,
            router(" neighbor 10.0.1.20 peer-group PG\n neighbor tor0 interface remote-as external\n"),
            router(" neighbor 10.0.1.2 remote-as 65001\n"),
        ),
        (
            Daemon::Bgpd,
            peer(" neighbor 10.0.1.2 timers connect 5\n neighbor 10.0.1.2 bfd check-control-plane-failure\n"),
            peer(" neighbor 10.0.1.2 timers 3 9\n neighbor 10.0.1.2 bfd\n"),
        ),
        (
            Daemon::Bgpd,
            router(" bgp graceful-restart preserve-fw-state\n"),
            router(" bgp graceful-restart\n bgp graceful-restart restart-time 100\n"),
        ),
        (
            Daemon::Bgpd,
            "ip prefix-list NR-ospf-other seq 5 permit any\nip prefix-list A description b\n".to_owned(),
            "ip prefix-list NR-ospf seq 5 permit 10.0.0.0/8\nip prefix-list A seq 5 deny 10.0.0.0/8\n"
                .to_owned(),
        ),
        (
            Daemon::Bfdd,
            "bfd\n peer 10.0.1.2 local-address 10.0.1.1 vrf RED\n exit\n profile P\n  passive-mode\n exit\nexit\n"
                .to_owned(),
            "bfd\n peer 10.0.1.2\n exit\n profile P\n  detect-multiplier 5\n exit\nexit\n".to_owned(),
        ),
        (Daemon::Ospfd, "router ospf vrf RED\nexit\n".to_owned(), "router ospf\nexit\n".to_owned()),
        (
            Daemon::Ospfd,
            "interface tor00 vrf RED\n ip ospf area 0\nexit\n".to_owned(),
            "interface tor0\n ip ospf area 0\nexit\n".to_owned(),
        ),
    ] {
        assert!(!read(daemon, &theirs).foreign.is_empty(), "{theirs}");
        let steps = between(daemon, &theirs, &ours).unwrap_or_else(|e| panic!("{theirs}: {e}"));
        assert!(!steps.is_empty(), "{theirs}");
        assert!(steps.iter().all(|step| step.shows.is_some() || !step.makes), "{steps:?}");
    }
}

#[test]
fn no_refusal_shows_a_secret() {
    let theirs =
        "router bgp 65000\n neighbor 10.0.1.2 password hush\n neighbor PG password hush\nexit\n";
    let gone = between(Daemon::Bgpd, theirs, "").expect("theirs stays");
    assert!(gone.iter().all(|step| *step.command.text != *"no router bgp 65000"), "{gone:?}");
    let other = between(Daemon::Bgpd, theirs, "router bgp 65009\nexit\n").expect_err("in the way");
    assert!(!other.to_string().contains("hush"), "{other}");
}

/// Whatever the table makes of an operator's configuration, it knows the lines as they stand there.
#[test]
fn what_is_read_of_an_operators_configuration_stands_there() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/operators");
    let (mut files, mut known) = (0, 0);
    for entry in std::fs::read_dir(directory).expect("the operators' configurations") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a text");
        let there: Vec<&str> = text.lines().map(str::trim).collect();
        files += 1;
        for daemon in [Daemon::Bgpd, Daemon::Bfdd, Daemon::Ospfd] {
            let table = Table::of(daemon).expect("a table");
            let running = table.parse(&text, &Defaults::default());
            for line in table.lines(&running.tree) {
                let shown = running.spelling.of(&line.context, &line.text);
                assert!(there.contains(&shown), "{}: {shown:?}", path.display());
                for node in running.spelling.of_context(&line.context) {
                    assert!(there.contains(&node.as_str()), "{}: {node:?}", path.display());
                }
                known += 1;
            }
            for foreign in &running.foreign {
                assert!(there.contains(&foreign.text.as_str()), "{}: {foreign:?}", path.display());
            }
        }
    }
    assert!(files >= 40 && known > 1000, "{files} files, {known} lines");
}
