//! Rendering of fixed plans and transactions. `UPDATE_GOLDEN=1` rewrites the files.

use jiff::{
    Timestamp,
    tz::{Offset, TimeZone},
};
use novaroute::ctl::output::{
    ApplyResult, Colour, Deadline, Ended, Format, Look, Now, Plan, Transaction, Transactions, View,
};
use novaroute::proto::v1::{ApplyResponse, ListTransactionsResponse, Outcome, PlanResponse};

use crate::golden::{compare, every_format, golden};

fn now() -> Now {
    let time = Timestamp::from_second(1_700_000_100).unwrap();
    Now { time, zone: TimeZone::fixed(Offset::constant(2)) }
}

#[test]
fn plans() {
    golden("plan", &Plan::from(responses::plan()));
    golden("plan-empty", &Plan::from(PlanResponse::default()));
    let fleeting = PlanResponse { withdrawn_after_s: Some(30), ..responses::plan() };
    golden("plan-of-a-connection", &Plan::from(fleeting).of("edge"));
    compare("plan-coloured.txt", &Plan::from(responses::plan()).table(Colour::Ansi));
}

#[test]
fn transactions() {
    let list = ListTransactionsResponse { transactions: responses::transactions() };
    every_format("transactions", &Transactions::new(list, now()));
    let empty = ListTransactionsResponse::default();
    golden("transactions-empty", &Transactions::new(empty, now()));
    golden("transaction", &Transaction::new(responses::transaction(), now()));
}

#[test]
fn transactions_as_they_end() {
    for (format, name) in [(Format::Table, "watch.txt"), (Format::Json, "watch.jsonl")] {
        let look = Look { format, colour: Colour::None };
        let ended = responses::transactions().into_iter();
        let lines: String = ended.map(|one| look.line(&Ended::new(one, now()))).collect();
        assert_eq!(lines.lines().count(), responses::transactions().len());
        compare(name, &lines);
    }
}

#[test]
fn a_change_to_be_confirmed() {
    let response = ApplyResponse {
        transaction_id: "7f3a".into(),
        outcome: Outcome::Confirmed.into(),
        withdrawn_after_s: Some(0),
        ..Default::default()
    };
    let deadline = Deadline {
        confirm_by_unix_ms: 1_700_000_160_000,
        command: "novaroutectl confirm 7f3a --owner edge".into(),
        now: now(),
    };
    let applied = ApplyResult::new("transaction 7f3a: 2 changes".into(), response);
    golden("applied-to-confirm", &applied.of("edge").with_deadline(Some(deadline)));
}

/// Fixed answers with what is awkward.
pub mod responses {
    use novaroute::proto::v1::{intent::Kind, static_route::NextHop, *};

    pub fn plan() -> PlanResponse {
        let leaf = |path: &str, before: Option<&str>, after: Option<&str>| LeafChange {
            path: path.into(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let step = |context: &[&str], command: &str, inverse: &str| PlanStep {
            context: context.iter().map(|line| (*line).into()).collect(),
            command: command.into(),
            inverse: vec![inverse.into()],
            // An agent of before does not say it of each step.
            door: String::new(),
        };
        let by_grpc = |step: PlanStep| PlanStep { door: "grpc".into(), ..step };
        let bgp = "router bgp 65000";
        let family = [bgp, "address-family ipv4 unicast"];
        let peer = "/frr-bgp:bgp/neighbors/neighbor[remote-address='10.0.0.2']";
        let session = |address: &str, effect: &str, why: &str| SessionChange {
            neighbor_address: address.into(),
            effect: effect.into(),
            why: why.into(),
        };
        PlanResponse {
            withdrawn_after_s: None,
            sessions: vec![
                session("10.0.0.2", "resets", "remote_as, password"),
                session("10.0.0.9", "ends", ""),
            ],
            daemons: vec![
                DaemonPlan {
                    daemon: "bgpd".into(),
                    door: "vty".into(),
                    diff: vec![
                        leaf(&format!("{peer}/remote-as"), None, Some("65001")),
                        leaf(&format!("{peer}/description"), Some("old"), Some("a\u{1b}[2J\nb")),
                        leaf(&format!("{peer}/password"), Some("***"), None),
                        leaf(&format!("{peer}/passive"), None, Some("")),
                    ],
                    steps: vec![
                        step(&[bgp], "neighbor 10.0.0.2 remote-as 65001", "no neighbor 10.0.0.2"),
                        step(
                            &[bgp],
                            "no neighbor 10.0.0.2 password",
                            "neighbor 10.0.0.2 password ***",
                        ),
                        step(&family, "neighbor 10.0.0.2 activate", ""),
                        step(&family, "network 192.0.2.0/24", "no network 192.0.2.0/24"),
                        step(&["route-map out permit 10"], "set metric 5", "no set metric"),
                        by_grpc(step(&[], "ip prefix-list p seq 5 permit any", "")),
                        step(&[bgp], "neighbor 10.0.0.2 description a\nb", ""),
                    ],
                },
                DaemonPlan {
                    daemon: "staticd".into(),
                    door: "northbound".into(),
                    diff: vec![leaf("/frr-staticd:route[prefix='10.9.0.0/16']", Some(""), None)],
                    steps: vec![step(&[], "remove /frr-staticd:route[prefix='10.9.0.0/16']", "")],
                },
            ],
        }
    }

    pub fn transactions() -> Vec<Transaction> {
        let transaction = |id: &str, origin: &str, begun, duration_us, result: &str| Transaction {
            id: id.into(),
            owner: "edge".into(),
            origin: origin.into(),
            begun_unix_ms: begun,
            duration_us,
            result: result.into(),
            change_count: 2,
            ..Transaction::default()
        };
        vec![
            Transaction {
                confirm_by_unix_ms: 1_700_000_145_500,
                ..transaction(
                    "7f3a0c51-9b00-4f1e-9d0a-5f0d8c2b0003",
                    "Apply",
                    1_700_000_095_250,
                    12_345,
                    "confirmed",
                )
            },
            Transaction {
                confirm_by_unix_ms: 1_700_000_060_000,
                finish: "rolled back".into(),
                ..transaction(
                    "7f3a0c51-9a77-4c8e-8f44-0d2c9b1f0002",
                    "Apply",
                    1_700_000_000_000,
                    2_500_000,
                    "confirmed",
                )
            },
            Transaction {
                message: "bgpd: % Peer AS\nnot allowed".into(),
                change_count: 1,
                ..transaction(
                    "0b6f7a80-7d51-4f0e-a0d1-0b7c7e4d0001",
                    "ApplyPeer",
                    1_699_900_000_000,
                    900,
                    "refused",
                )
            },
            Transaction {
                owner: String::new(),
                confirm_by_unix_ms: 1_600_000_000_000,
                ..transaction("short", "GracePeriod", 0, 0, "pending")
            },
        ]
    }

    pub fn transaction() -> Transaction {
        let peer = |description: &str, password: &str| BgpPeer {
            neighbor_address: "10.0.0.2".into(),
            remote_as: 65001,
            peer_type: PeerType::External.into(),
            description: description.into(),
            address_families: vec![
                AddressFamily::Ipv4Unicast.into(),
                AddressFamily::Ipv6Unicast.into(),
            ],
            password: password.into(),
            bfd_enabled: true,
            ..BgpPeer::default()
        };
        let route = StaticRoute {
            prefix: "10.9.0.0/16".into(),
            next_hop: Some(NextHop::Blackhole(true)),
            ..StaticRoute::default()
        };
        let prefix = PrefixAdvertisement {
            prefix: "192.0.2.0/24".into(),
            protocol: Protocol::Bgp.into(),
            attributes: Some(PrefixAttributes {
                communities: vec!["65000:1".into(), "no-export".into()],
                med: 10,
                ..PrefixAttributes::default()
            }),
        };
        let intent = |kind| Some(Intent { kind: Some(kind) });
        let change = |object: &str, before, after| TransactionChange {
            object: object.into(),
            before,
            after,
            after_source: if object.starts_with("prefix") { "services/a" } else { "" }.into(),
            ..TransactionChange::default()
        };
        Transaction {
            message: "bgpd: % first line\nsecond line\u{7}".into(),
            changes: vec![
                change(
                    "peer 10.0.0.2",
                    intent(Kind::Peer(peer("old", "***"))),
                    intent(Kind::Peer(peer("new", ""))),
                ),
                change("prefix 192.0.2.0/24 in BGP", None, intent(Kind::Prefix(prefix))),
                change("static route 10.9.0.0/16", intent(Kind::StaticRoute(route)), None),
                change("BGP", None, None),
            ],
            ..transactions().remove(0)
        }
    }
}
