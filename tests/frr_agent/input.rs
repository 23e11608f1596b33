//! Bad input through the real binary: each field by its name, and FRR unchanged.

use novaroute::proto::v1::{self, BgpPeer, PrefixAttributes, static_route::NextHop};
use tonic::{Code, Status};

use crate::{
    agent::*,
    lab::{Lab, LabOptions, net},
};

type Calls<'a> = Vec<(&'a str, Box<dyn Fn(&Client, String) -> Result<(), Status> + 'a>)>;

fn peer_with(set: impl Fn(&mut BgpPeer, String)) -> impl Fn(&Client, String) -> Result<(), Status> {
    move |client, text| {
        let mut peer = tor();
        set(&mut peer, text);
        client.apply_peer(peer)
    }
}

/// Every string field of the calls that reach FRR, by the name that errors have for it.
fn fields<'a>() -> Calls<'a> {
    vec![
        ("peer.neighbor_address", Box::new(peer_with(|peer, text| peer.neighbor_address = text))),
        ("peer.description", Box::new(peer_with(|peer, text| peer.description = text))),
        ("peer.source_address", Box::new(peer_with(|peer, text| peer.source_address = text))),
        ("peer.password", Box::new(peer_with(|peer, text| peer.password = text))),
        ("prefix", Box::new(|client, text| client.advertise(&text))),
        ("prefix", Box::new(|client, text| client.withdraw(&text))),
        ("neighbor_address", Box::new(|client, text| client.remove_peer(&text))),
        (
            "attributes.communities[0]",
            Box::new(|client, text| {
                let with = PrefixAttributes { communities: vec![text], ..Default::default() };
                client.advertise_with("192.0.2.0/24", with)
            }),
        ),
        (
            "attributes.next_hop",
            Box::new(|client, text| {
                let with = PrefixAttributes { next_hop: text, ..Default::default() };
                client.advertise_with("192.0.2.0/24", with)
            }),
        ),
        ("router_id", Box::new(|client, text| client.configure_bgp(65000, &text).map(drop))),
        (
            "changes[0].set.static_route.prefix",
            Box::new(|client, text| {
                client.apply(vec![change::route(&text, NextHop::Blackhole(true))]).map(drop)
            }),
        ),
        (
            "changes[0].set.static_route.gateway",
            Box::new(|client, text| {
                client.apply(vec![change::via("192.0.2.0/24", &text)]).map(drop)
            }),
        ),
        (
            "changes[0].set.static_route.interface_name",
            Box::new(|client, text| {
                let change = change::route("192.0.2.0/24", NextHop::InterfaceName(text));
                client.apply(vec![change]).map(drop)
            }),
        ),
    ]
}

#[test]
fn every_string_field_refuses_what_would_be_a_second_command() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.advertise("198.51.100.0/24").unwrap();
    let before = all_running(&lab);
    let long = "x".repeat(10_000);
    let bad = [
        "x\nip route 10.66.0.0/16 blackhole",
        "x\0router bgp 65000",
        "x\r\nend",
        "x | include y",
        "10.0.0.1\n",
        "\u{7f}x",
        &long,
    ];
    for (field, call) in fields() {
        for text in bad {
            let error = call(&admin, text.to_owned()).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{field} {text:?}: {error}");
            let named = error.message().contains(&format!("{field}: "))
                || error.message().contains(&format!("{field} "));
            assert!(named, "{field} {text:?}: {error}");
            assert!(error.message().len() < 1000, "{field}: {error}");
        }
    }
    for text in bad {
        let mut stranger = agent.client("admin");
        stranger.owner = text.to_owned();
        let error = stranger.advertise("192.0.2.0/24").unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated, "{error}");
        (stranger.owner, stranger.token) = ("admin".into(), text.to_owned());
        let error = stranger.advertise("192.0.2.0/24").unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated, "{error}");
    }
    assert_eq!(all_running(&lab), before);
    assert_eq!(kernel(&lab, "10.66.0.0/16"), "");
    assert!(!agent.log().contains(&long));
    agent.wait_ready();
}

#[test]
fn wrong_values_are_told_all_at_once_and_change_nothing() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let before = all_running(&lab);
    let invalid = |result: Result<(), Status>, words: &[&str]| {
        let error = result.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        for word in words {
            assert!(error.message().contains(word), "{word}: {error}");
        }
    };
    invalid(admin.advertise("192.0.2.1/24"), &["prefix", "host bits", "192.0.2.0/24"]);
    invalid(admin.advertise("2001:db8::1/64"), &["prefix", "host bits", "2001:db8::/64"]);
    invalid(admin.configure_bgp(0, "0.0.0.0").map(drop), &["local_as", "router_id"]);
    let wrong = BgpPeer {
        remote_as: 0,
        keepalive: 10,
        hold_time: 20,
        ebgp_multihop: 256,
        source_address: net::NODE_TOR_V6.into(),
        ..tor()
    };
    let all = ["peer.remote_as", "peer.hold_time", "peer.ebgp_multihop", "peer.source_address"];
    invalid(admin.apply_peer(wrong), &all);
    for protocol in [0, 3, -1] {
        let request =
            v1::AdvertisePrefixRequest { protocol, ..admin.advertise_request("192.0.2.0/24") };
        let mut client = admin.route_control();
        let result = admin.block_on(client.advertise_prefix(request)).map(drop);
        invalid(result, &["protocol", "PROTOCOL_BGP"]);
    }
    invalid(admin.advertise_ospf("2001:db8::/64"), &["prefix", "OSPFv2", "PROTOCOL_BGP"]);
    let bfd = v1::BfdSession { min_rx_ms: 9, detect_multiplier: 256, ..Default::default() };
    invalid(admin.enable_bfd(bfd), &["peer_address", "min_rx_ms", "detect_multiplier"]);
    let ospf = v1::OspfInterface { cost: 65_536, dead_interval: 5, ..Default::default() };
    invalid(admin.enable_ospf(ospf), &["interface_name", "area_id", "cost", "dead_interval"]);

    let mut stranger = agent.client("stranger");
    let unknown = stranger.advertise("192.0.2.0/24").unwrap_err();
    (stranger.owner, stranger.token) = ("admin".into(), "admin-tokem".into());
    let wrong = stranger.advertise("192.0.2.0/24").unwrap_err();
    assert_eq!((unknown.code(), unknown.message()), (Code::Unauthenticated, wrong.message()));

    let edge = agent.client("edge");
    for prefix in ["192.0.2.0/24", "172.16.0.1/32", "2001:db9::1/128"] {
        let error = edge.advertise(prefix).unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied, "{error}");
    }
    assert_eq!(
        agent.client("net").advertise("10.244.1.1/32").unwrap_err().code(),
        Code::PermissionDenied
    );
    agent.client("net").advertise("10.244.1.0/24").unwrap();
    let error = admin.withdraw("192.0.2.0/24").unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
    agent.client("net").withdraw("10.244.1.0/24").unwrap();
    assert_eq!(all_running(&lab), before);
}

/// What is special to FRR's command line and harmless in a description comes back as it went in.
#[test]
fn odd_descriptions_and_passwords_come_back() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let long = "d".repeat(255);
    for text in [
        "100% of it",
        "%",
        "% Unknown command",
        "a|b",
        "! not a comment",
        "# neither",
        "exit",
        "\"quoted\" 'text' \\ $HOME `x`",
        "Zürich → Genève",
        "?",
        "no neighbor 10.0.1.2",
        &long,
    ] {
        admin.apply_peer(BgpPeer { description: text.into(), ..tor() }).unwrap_or_else(|error| {
            panic!("{text:?}: {error}");
        });
        has_lines(&lab, &[&format!("neighbor 10.0.1.2 description {text}")]).unwrap();
        let peers = admin.status().peers;
        assert_eq!((peers.len(), &*peers[0].description), (1, text));
    }
    for key in ["p%s", "a|b", "!x#", "\"q'\\", &"k".repeat(80)] {
        admin.apply_peer(BgpPeer { password: key.into(), ..tor() }).unwrap_or_else(|error| {
            panic!("{key:?}: {error}");
        });
        has_lines(&lab, &[&format!("neighbor 10.0.1.2 password {key}")]).unwrap();
        assert!(!agent.log().contains(&format!("password {key}")), "{key:?} in the log");
    }
    let secure = BgpPeer { password: "p%s".into(), ..tor() };
    admin.apply_peer(secure).unwrap();
}
