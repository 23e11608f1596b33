//! A VTY that is silent, short, wrong, or hangs up between two replies, against the whole agent.

use std::{collections::BTreeSet, time::Instant};

use novaroute::proto::v1::Outcome;
use tonic::Code;

use crate::{
    REFILL,
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
    proxy::{Proxy, Spoil},
};

/// What the operator has in bgpd.
const FOREIGN: &str = "\
ip prefix-list THEIRS seq 5 permit 10.0.0.0/8
route-map THEIRS permit 10
 set metric 5
exit
router bgp 65000
 bgp router-id 10.0.0.1
 no bgp network import-check
 neighbor 10.0.9.9 remote-as 65009
 neighbor 10.0.9.9 description theirs
 address-family ipv4 unicast
  network 198.51.100.0/24
 exit-address-family
exit
";

/// An agent whose way to bgpd leads through the proxy.
fn behind<'lab>(lab: &'lab Lab, proxy: &Proxy) -> Agent<'lab> {
    let agent = Agent::start_with(lab, |config| {
        config["frr"]["socket_dir"] = proxy.dir().to_str().expect("a path of text").into();
        config["frr"]["connect_timeout"] = 1.into();
    });
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent
}

/// Declares and withdraws while bgpd's answers are spoiled in each of these ways. No answer is a lie, nobody is
/// held up, and when bgpd answers well again it has what was said yes to, and somebody else's lines.
#[track_caller]
fn endure(spoils: &[Spoil]) {
    let lab = Lab::start(LabOptions::default().config(Router::Node, FOREIGN));
    let proxy = Proxy::start(&lab, "bgpd");
    let agent = behind(&lab, &proxy);
    let admin = agent.client("admin");
    let foreign: Vec<_> = running(&lab, "bgpd")
        .lines()
        .filter(|line| {
            ["THEIRS", "metric 5", "10.0.9.9", "198.51.100.0/24"].iter().any(|it| line.contains(it))
        })
        .map(str::to_owned)
        .collect();
    assert_eq!(foreign.len(), 6, "{foreign:?}");
    let mut declared = BTreeSet::new();
    for (round, spoil) in spoils.iter().enumerate() {
        let stays = format!("192.0.2.{}/32", 2 * round);
        let goes = format!("192.0.2.{}/32", 2 * round + 1);
        admin.apply(vec![change::prefix(&stays), change::prefix(&goes)]).unwrap();
        declared.extend([stays.clone(), goes.clone()]);
        let new = format!("10.9.{round}.0/24");
        proxy.spoil(*spoil);

        // With a peer the whole is read; prefixes alone are asked for alone.
        let calls = [
            vec![change::prefix(&new), change::no_prefix(&goes)],
            vec![change::prefix_with(&stays, med(7)), change::peer(tor())],
        ];
        for (at, call) in calls.into_iter().enumerate() {
            let begun = Instant::now();
            let answer = admin.apply(call);
            let took = begun.elapsed();
            match answer {
                Ok(outcome) => {
                    let sure = outcome == Outcome::Confirmed;
                    let may_be_sure = matches!(spoil, Spoil::CloseAfter(_));
                    assert!(!sure || may_be_sure, "{spoil:?} {at}: {outcome:?} in {took:?}");
                    if at == 0 {
                        declared.insert(new.clone());
                        declared.remove(&goes);
                    }
                }
                Err(status) => panic!("{spoil:?} {at}: {status} after {took:?}\n{}", agent.log()),
            }
            assert_eq!(agent.http("/healthz").0, 200, "{spoil:?}");
        }
        // bgpd holds up only what it executes.
        let route = format!("203.0.{round}.0/24");
        admin.apply(vec![change::via(&route, net::TOR_V4)]).unwrap();
        wait_for(&format!("{route} in the kernel"), SOON, || match kernel(&lab, &route) {
            shown if shown.contains("proto static") => Ok(()),
            shown => Err(shown),
        });

        proxy.spoil(Spoil::Nothing);
        wait_for(&format!("{spoil:?}: bgpd to have what was declared"), REFILL, || {
            let text = running(&lab, "bgpd");
            let has: BTreeSet<_> = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("network "))
                .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
                .filter(|prefix| prefix != "198.51.100.0/24")
                .collect();
            if has == declared { Ok(()) } else { Err(format!("{declared:?}\n{text}")) }
        });
        let text = running(&lab, "bgpd");
        for line in &foreign {
            assert!(text.lines().any(|it| it == line), "{spoil:?}: {line} is gone:\n{text}");
        }
        wait_for(&format!("{spoil:?}: /readyz"), REFILL, || match agent.http("/readyz") {
            (200, _) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        for prefix in &declared {
            assert!(admin.in_frr(prefix), "{spoil:?}: {prefix}");
        }
    }
}

fn med(med: u32) -> novaroute::proto::v1::PrefixAttributes {
    novaroute::proto::v1::PrefixAttributes { med, ..Default::default() }
}

#[test]
fn a_vty_that_stops_answering_or_answers_short_makes_pending() {
    endure(&[Spoil::Silent, Spoil::Short]);
}

#[test]
fn a_vty_that_answers_garbage_or_twice_makes_pending() {
    endure(&[Spoil::Garbage, Spoil::Twice]);
}

#[test]
fn a_vty_that_closes_between_two_replies_makes_pending() {
    // In the roll call, in reading, in the midst of what is typed, before the confirmation.
    endure(&[0, 1, 2, 4, 7].map(Spoil::CloseAfter));
}

/// What an operator types while a refused call is undone is his.
#[test]
fn what_somebody_typed_meanwhile_outlives_an_undo() {
    let lab = Lab::start(LabOptions::default().config(Router::Node, FOREIGN));
    let proxy = Proxy::start(&lab, "bgpd");
    let agent = behind(&lab, &proxy);
    let admin = agent.client("admin");
    admin.advertise("192.0.2.1/32").unwrap();
    agent.wait_ready();
    for (round, call) in [
        vec![change::prefix("192.0.2.2/32"), change::prefix("192.0.2.3/32")],
        vec![change::prefix("192.0.2.2/32"), change::peer(tor())],
    ]
    .into_iter()
    .enumerate()
    {
        let (neighbour, map) = (format!("10.0.9.1{round}"), format!("NEWER-{round}"));
        let typed =
            [format!("neighbor {neighbour} remote-as 65010"), format!("route-map {map} permit 10")];
        configure(&lab, &[&typed[1], "exit", "router bgp 65000", &typed[0]]);
        proxy.spoil(Spoil::Refuse("network 192.0.2."));
        let refused = admin.apply(call).expect_err("refused");
        assert_eq!(refused.code(), Code::Aborted, "{refused}");
        proxy.spoil(Spoil::Nothing);
        let text = running(&lab, "bgpd");
        for line in typed {
            assert!(text.contains(&line), "{line} is gone after {refused}:\n{text}");
        }
        assert!(!text.contains("192.0.2.2/32") && text.contains("network 192.0.2.1/32"), "{text}");
        assert!(!text.contains(net::TOR_V4), "{text}");
    }
}
