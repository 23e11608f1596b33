//! `get` and `export`: what the agent declares is shown, and is a file of intents.

use jiff::{Timestamp, tz::TimeZone};
use novaroute::{
    ctl::{
        file,
        output::{Declared, Exported, Now},
    },
    proto::v1::{intent::Kind, intent_change::Change, *},
};

use crate::{
    fake::{Fake, Script, Seen},
    golden::every_format,
};

fn declared(kind: Kind) -> DeclaredIntent {
    DeclaredIntent {
        intent: Some(Intent { kind: Some(kind) }),
        owner: "admin".into(),
        from: "request".into(),
        state: "applied".into(),
        transaction_id: "7f3a1c00-0000-4000-8000-000000000000".into(),
        declared_unix_ms: 1_700_000_000_000,
        ..DeclaredIntent::default()
    }
}

fn parts() -> Vec<GetDeclaredResponse> {
    let node = NodeInstance {
        local_as: 65000,
        local_as_from: "configuration".into(),
        router_id: "10.0.0.1".into(),
        router_id_from: "request".into(),
        owner: "admin".into(),
    };
    let bgp = Kind::Bgp(BgpConfig { local_as: 65000, router_id: "10.0.0.1".into() });
    let peer = BgpPeer {
        neighbor_address: "10.0.0.2".into(),
        remote_as: 65001,
        address_families: vec![
            AddressFamily::Ipv4Unicast.into(),
            AddressFamily::Ipv6Unicast.into(),
        ],
        max_prefix: 1000,
        ..BgpPeer::default()
    };
    let configured = BgpPeer { neighbor_address: "10.0.0.9".into(), ..peer.clone() };
    let prefix = PrefixAdvertisement {
        prefix: "192.0.2.0/24".into(),
        protocol: Protocol::Bgp.into(),
        attributes: Some(PrefixAttributes {
            communities: vec!["65000:1".into(), "65000:2".into()],
            med: 7,
            ..PrefixAttributes::default()
        }),
    };
    let route = StaticRoute {
        prefix: "198.51.100.0/24".into(),
        next_hop: Some(static_route::NextHop::Blackhole(true)),
        ..StaticRoute::default()
    };
    let first = vec![
        declared(bgp),
        declared(Kind::Drain(Drain::default())),
        DeclaredIntent {
            has_password: true,
            source: "racks/7: \"left\"".into(),
            ..declared(Kind::Peer(peer))
        },
        DeclaredIntent {
            from: "configuration".into(),
            transaction_id: String::new(),
            declared_unix_ms: 0,
            ..declared(Kind::Peer(configured))
        },
    ];
    let second = vec![
        DeclaredIntent {
            state: "rejected: no".into(),
            reason: "no".into(),
            ..declared(Kind::Prefix(prefix))
        },
        declared(Kind::StaticRoute(route)),
    ];
    vec![
        GetDeclaredResponse { node: Some(node), intents: first },
        GetDeclaredResponse { node: None, intents: second },
    ]
}

fn intents() -> Vec<DeclaredIntent> {
    parts().into_iter().flat_map(|part| part.intents).collect()
}

#[test]
fn everything_that_is_declared() {
    let time = Timestamp::from_millisecond(1_700_000_100_000).unwrap();
    let now = Now { time, zone: TimeZone::UTC };
    let node = parts().remove(0).node.unwrap();
    every_format("declared", &Declared::new(node, intents(), now));
    every_format("exported", &Exported::new("admin", &intents()));
    every_format("exported-none", &Exported::new("edge", &[]));
}

#[test]
fn every_part_is_asked_for_and_shown() {
    let fake = Fake::start(Script { declared: parts(), ..Script::default() });
    let told = fake.ok(&["get", "--owner", "admin"]);
    assert!(told.contains("DECLARED (6)"), "{told}");
    let request = GetDeclaredRequest { owner_filter: "admin".into() };
    assert_eq!(fake.seen(), (Seen::Declared(request), true));
}

#[test]
fn what_is_exported_is_read_as_it_was_declared() {
    let fake = Fake::start(Script { declared: parts(), ..Script::default() });
    for format in ["table", "json", "yaml"] {
        let text = fake.ok(&["export", "--owner", "admin", "-o", format]);
        let read =
            file::parse("file".to_owned(), &text).unwrap_or_else(|e| panic!("{}", e.report()));
        let requested: Vec<_> = intents().into_iter().filter(|it| it.from == "request").collect();
        assert_eq!(read.changes.len(), requested.len());
        for (change, declared) in read.changes.iter().zip(requested) {
            assert_eq!(change.change, declared.intent.map(Change::Set), "{format}");
            assert_eq!(
                (&change.source, change.keep_password),
                (&declared.source, declared.has_password)
            );
        }
    }
}
