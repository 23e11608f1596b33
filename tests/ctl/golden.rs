//! Rendering of fixed answers. `UPDATE_GOLDEN=1` rewrites the files.

use std::{env, fs, path::Path};

use novaroute::ctl::output::{
    ApplyResult, BfdSessions, BgpConfigured, Colour, Coverage, Done, Drained, Event, Format, Look,
    OnePeer, OspfInterfaces, Peers, Prefixes, Registered, Status, View,
};
use novaroute::proto::v1::*;

#[track_caller]
pub fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ctl/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name}: {error}; UPDATE_GOLDEN=1 writes it"));
    assert_eq!(text, expected, "{name} differs; UPDATE_GOLDEN=1 rewrites it");
}

/// Compares the table and the JSON of a view with `name.txt` and `name.json`.
#[track_caller]
pub fn golden(name: &str, view: &impl View) {
    let show = |format| Look { format, colour: Colour::None }.show(view);
    compare(&format!("{name}.txt"), &show(Format::Table));
    compare(&format!("{name}.json"), &show(Format::Json));
}

/// Compares also the wide table and the YAML, with `name.wide.txt` and `name.yaml`.
#[track_caller]
pub fn every_format(name: &str, view: &impl View) {
    golden(name, view);
    let show = |format| Look { format, colour: Colour::None }.show(view);
    compare(&format!("{name}.wide.txt"), &show(Format::Wide));
    compare(&format!("{name}.yaml"), &show(Format::Yaml));
}

#[test]
fn status() {
    every_format("status", &Status::from(responses::status()));
    let drain = DrainStatus {
        state: "draining".into(),
        owner: "admin".into(),
        until_restart: true,
        source: "upgrade".into(),
        ..DrainStatus::default()
    };
    let drained = GetStatusResponse { drain: Some(drain), ..GetStatusResponse::default() };
    golden("status-drained", &Status::from(drained));
    golden("status-empty", &Status::from(GetStatusResponse::default()));
}

#[test]
fn peers_and_prefixes() {
    every_format("peers", &Peers::from(responses::status().peers));
    let one = |address: &str| {
        OnePeer::among(responses::status().peers, address.parse().unwrap()).expect("the peer")
    };
    golden("peer-established", &one("10.0.0.9"));
    golden("peer-down", &one("10.0.0.10"));
    golden("peer-silent", &one("fd00::2"));
    assert!(OnePeer::among(responses::status().peers, "10.0.0.11".parse().unwrap()).is_none());
    every_format("prefixes", &Prefixes::from(responses::status().prefixes));
}

#[test]
fn bfd_and_ospf() {
    let status = responses::status();
    every_format("bfd", &BfdSessions::of(status.bfd_sessions, &status.peers));
    every_format("ospf", &OspfInterfaces::from(responses::status().ospf_interfaces));
}

#[test]
fn coverage() {
    golden("coverage", &Coverage::from(responses::coverage()));
}

#[test]
fn events() {
    for (format, name) in [
        (Format::Table, "events.txt"),
        (Format::Json, "events.jsonl"),
        (Format::Yaml, "events.yaml"),
    ] {
        let look = Look { format, colour: Colour::None };
        let lines: String =
            responses::events().into_iter().map(|event| look.line(&Event::from(event))).collect();
        if format != Format::Yaml {
            assert_eq!(lines.lines().count(), responses::events().len());
        }
        compare(name, &lines);
    }
}

#[test]
fn writes() {
    golden("done", &Done::new("peer 10.0.0.1 applied".into()));
    let registered = RegisterResponse {
        session_id: "0f8b".into(),
        current_prefixes: vec!["192.0.2.1/32".into()],
        current_peers: vec!["10.0.0.1".into(), "10.0.0.2".into()],
        withdrawn_after_s: Some(30),
    };
    golden("registered", &Registered::new("edge", registered));
    let configured = ConfigureBgpResponse { previous_as: 65000, ..Default::default() };
    golden("bgp-configured", &BgpConfigured::new(65001, "10.0.0.1", configured));
    golden("drained", &Drained::new("the node is drained", "17".into(), Outcome::Confirmed));
    for (outcome, name) in [
        (Outcome::Confirmed, "applied-confirmed"),
        (Outcome::Unchanged, "applied-unchanged"),
        (Outcome::Pending, "applied-pending"),
    ] {
        let response = ApplyResponse {
            transaction_id: "17".into(),
            outcome: outcome.into(),
            ..Default::default()
        };
        golden(name, &ApplyResult::new("static route 10.9.0.0/16 added".into(), response));
    }
}

#[test]
fn colours_change_nothing_but_colour() {
    if env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return;
    }
    let status = Status::from(responses::status());
    let coloured = status.table(Colour::Ansi);
    assert!(coloured.contains("\u{1b}[38;5;10mEstablished"), "{coloured:?}");
    assert!(coloured.contains("\u{1b}[38;5;9mActive"), "{coloured:?}");
    let mut plain = String::new();
    for (index, part) in coloured.split('\u{1b}').enumerate() {
        plain += if index == 0 { part } else { part.split_once('m').unwrap().1 };
    }
    let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(trimmed(&plain), trimmed(&status.table(Colour::None)));
}

/// Fixed answers, out of order and with what is awkward.
pub mod responses {
    use std::collections::BTreeMap;

    use super::*;

    pub fn coverage() -> GetCoverageResponse {
        let row = |door: &str, state: &str, announced: Option<&str>, why: &str| CoverageRow {
            daemon: "bgpd".into(),
            module: "frr-filter".into(),
            door: door.into(),
            state: state.into(),
            loaded_revision: "2019-07-04".into(),
            announced_revision: announced.map(Into::into),
            revision_differs: announced.is_some_and(|it| it != "2019-07-04"),
            why: why.into(),
        };
        let rows = vec![
            row("grpc", "struck out", Some("2019-07-04"), "answered, and \"set\" had no effect"),
            row("vty", "in use", Some("2024-01-01"), "bgpd has lists of its own"),
            row("none", "unused", None, ""),
        ];
        GetCoverageResponse { rows }
    }

    pub fn status() -> GetStatusResponse {
        GetStatusResponse {
            bfd_profiles: vec![BfdProfileStatus {
                name: "fast".into(),
                state: "configured".into(),
                owner: "admin".into(),
                min_rx_ms: 50,
                min_tx_ms: 60,
                detect_multiplier: 4,
                ..BfdProfileStatus::default()
            }],
            static_routes: vec![
                StaticRouteStatus {
                    prefix: "10.9.0.0/16".into(),
                    next_hop: "10.0.0.3".into(),
                    state: "rejected: staticd does not show it".into(),
                    owner: "edge".into(),
                    reason: "staticd does not show it".into(),
                    distance: 1,
                    tag: 0,
                    source: "racks/7".into(),
                },
                StaticRouteStatus {
                    prefix: "10.8.0.0/16".into(),
                    next_hop: "blackhole".into(),
                    state: "applied".into(),
                    owner: "admin".into(),
                    distance: 200,
                    tag: 7,
                    ..StaticRouteStatus::default()
                },
            ],
            drain: None,
            journal: Vec::new(),
            kept: vec![KeptObject {
                daemon: "bgpd".into(),
                path: "/frr-bgp:bgp/neighbors/neighbor[remote-address='10.0.7.2']".into(),
                lines: vec!["neighbor 10.0.7.2 route-map IN in".into()],
            }],
            stuck: vec![StuckObject {
                daemon: "bgpd".into(),
                path: "/frr-bgp:bgp/neighbors/neighbor[remote-address='10.0.8.2']".into(),
                reason: "% Operation not allowed on a dynamic neighbor".into(),
            }],
            frr_status: Some(FrrStatus {
                version: "10.3".into(),
                connected: true,
                uptime: "187200".into(),
                daemons: vec![
                    daemon("bgpd", true, ""),
                    daemon("mgmtd", false, "mgmtd_fe.sock: connection refused"),
                ],
            }),
            peers: vec![
                peer("fd00::2", "Idle", "", 0),
                PeerStatus {
                    bfd_enabled: true,
                    bfd_status: "down".into(),
                    last_reset_reason: "BGP Notification received".into(),
                    last_reset_age_s: 75,
                    last_notification: Some(BgpNotificationStatus {
                        sent: false,
                        code: 6,
                        subcode: 2,
                        text: "Cease/Administrative Shutdown".into(),
                        message: "new \u{1b}[2J firmware".into(),
                        age_s: 75,
                    }),
                    next_try_s: Some(4),
                    times_lost: 2,
                    families: vec![PeerFamilyStatus {
                        family: AddressFamily::Ipv4Unicast.into(),
                        prefixes_received: 0,
                        prefixes_sent: 0,
                    }],
                    bfd_session: Some(BfdSessionStatus {
                        peer_address: "10.0.0.10".into(),
                        state: "down".into(),
                        reason: "control detection time expired".into(),
                        diagnostic: "control detection time expired".into(),
                        interface_name: "eth1".into(),
                        uptime: String::new(),
                        negotiated_tx_ms: 0,
                        detection_time_ms: 0,
                        ..bfd()
                    }),
                    ..peer("10.0.0.10", "Active", "never", 0)
                },
                PeerStatus {
                    bfd_enabled: true,
                    bfd_status: "up".into(),
                    description: "top of rack\u{1b}[2J\nsecond line".into(),
                    ..peer("10.0.0.9", "Established", "01:02:03", 12_345)
                },
                PeerStatus { bfd_enabled: true, ..peer("10.0.0.100", "pending", "", 0) },
            ],
            prefixes: vec![
                prefix("2001:db8::/48", Protocol::Bgp, "pending"),
                prefix("192.0.2.10/32", Protocol::Ospf, "applied"),
                prefix("192.0.2.10/32", Protocol::Bgp, "rejected: route-map refused"),
                prefix("192.0.2.9/32", Protocol::Bgp, "advertised"),
                prefix("9.0.0.0/8", Protocol::Unspecified, ""),
                PrefixStatus {
                    reason: "route-map refused".into(),
                    ..prefix("198.51.100.1/32", Protocol::Bgp, "rejected")
                },
            ],
            bfd_sessions: vec![
                BfdSessionStatus {
                    peer_address: "fe80::1".into(),
                    state: "down".into(),
                    owner: "admin".into(),
                    interface_name: "eth1".into(),
                    reason: "Control Detection Time Expired".into(),
                    ..bfd()
                },
                bfd(),
            ],
            ospf_interfaces: vec![
                OspfInterfaceStatus {
                    interface_name: "eth2".into(),
                    area_id: "0.0.0.1".into(),
                    state: "pending".into(),
                    owner: "cni".into(),
                    reason: "ospfd is not connected".into(),
                    ..OspfInterfaceStatus::default()
                },
                OspfInterfaceStatus {
                    interface_name: "eth1".into(),
                    area_id: "0.0.0.0".into(),
                    state: "DR".into(),
                    owner: "cni".into(),
                    neighbor_count: 1,
                    cost: 10,
                    neighbors: vec![OspfNeighborStatus {
                        neighbor_id: "10.0.0.2".into(),
                        address: "10.1.0.2".into(),
                        state: "Full".into(),
                    }],
                    ..OspfInterfaceStatus::default()
                },
            ],
            snapshot_age_ms: 340,
        }
    }

    fn daemon(name: &str, connected: bool, reason: &str) -> DaemonStatus {
        DaemonStatus {
            name: name.into(),
            connected,
            version: if connected { "10.3" } else { "" }.into(),
            uptime: if connected { "187200" } else { "" }.into(),
            reason: reason.into(),
        }
    }

    fn bfd() -> BfdSessionStatus {
        BfdSessionStatus {
            peer_address: "10.0.0.9".into(),
            state: "up".into(),
            owner: "edge".into(),
            min_rx_ms: 300,
            min_tx_ms: 300,
            detect_multiplier: 3,
            uptime: "3723".into(),
            negotiated_tx_ms: 300,
            detection_time_ms: 900,
            ..BfdSessionStatus::default()
        }
    }

    fn peer(address: &str, state: &str, uptime: &str, received: u32) -> PeerStatus {
        PeerStatus {
            neighbor_address: address.into(),
            remote_as: 4_200_000_001,
            state: state.into(),
            owner: "edge".into(),
            prefixes_received: received,
            prefixes_sent: 7,
            uptime: uptime.into(),
            ..PeerStatus::default()
        }
    }

    fn prefix(prefix: &str, protocol: Protocol, state: &str) -> PrefixStatus {
        PrefixStatus {
            prefix: prefix.into(),
            protocol: protocol.into(),
            owner: "edge".into(),
            state: state.into(),
            ..PrefixStatus::default()
        }
    }

    pub fn events() -> Vec<RouteEvent> {
        let metadata = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect::<BTreeMap<_, _>>()
        };
        vec![
            RouteEvent {
                r#type: EventType::PeerUp.into(),
                detail: "peer 10.0.0.9 is Established".into(),
                timestamp_unix: 1_700_000_000,
                owner: "edge".into(),
                metadata: metadata(&[
                    ("peer", "10.0.0.9"),
                    ("state", "Established"),
                    ("previous_state", "Active"),
                ]),
            },
            RouteEvent {
                r#type: EventType::FrrDisconnected.into(),
                timestamp_unix: 1_700_000_001,
                ..RouteEvent::default()
            },
            RouteEvent {
                r#type: EventType::PolicyViolation.into(),
                detail: "two\nlines".into(),
                timestamp_unix: 1_700_000_002,
                owner: "cni".into(),
                metadata: metadata(&[("prefix", "10.0.0.0/8"), ("protocol", "bgp")]),
            },
        ]
    }
}
