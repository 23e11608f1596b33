//! Files read as what they say, and every mistake is named where it stands.

use super::*;
use crate::ctl::output::intent;
use crate::proto::v1::{
    AddressFamily, BfdProfile, BfdSession, BgpConfig, BgpPeer, Intent, IntentRef, OspfInterface,
    PeerType, PrefixAdvertisement, PrefixAttributes, PrefixRef, Protocol, StaticRoute,
    intent::Kind, intent_ref, static_route::NextHop,
};

fn changes(text: &str) -> Vec<Change> {
    let intents = parse("f".to_owned(), text).unwrap_or_else(|error| panic!("{}", error.report()));
    intents.changes.into_iter().map(|change| change.change.unwrap()).collect()
}

#[track_caller]
fn mistakes(text: &str, expected: &[&str]) {
    match parse("f".to_owned(), text) {
        Err(CtlError::BadIntents { file, problems }) => {
            assert_eq!(file, "f");
            assert_eq!(problems, expected, "{text}");
        }
        other => panic!("{text}: {other:?}"),
    }
}

fn set(kind: Kind) -> Change {
    Change::Set(Intent { kind: Some(kind) })
}

fn remove(kind: intent_ref::Kind) -> Change {
    Change::Remove(IntentRef { kind: Some(kind) })
}

fn route(prefix: &str, next_hop: NextHop, distance: u32, tag: u32) -> Change {
    let next_hop = Some(next_hop);
    set(Kind::StaticRoute(StaticRoute { prefix: prefix.into(), next_hop, distance, tag }))
}

#[test]
fn the_example_has_every_field() {
    let example = include_str!("../../../deploy/examples/intents.yaml");
    let peer = BgpPeer {
        neighbor_address: "192.0.2.2".into(),
        remote_as: 65001,
        peer_type: PeerType::External.into(),
        keepalive: 3,
        hold_time: 9,
        bfd_enabled: true,
        description: "top of rack".into(),
        address_families: vec![
            AddressFamily::Ipv4Unicast.into(),
            AddressFamily::Ipv6Unicast.into(),
        ],
        source_address: "192.0.2.1".into(),
        ebgp_multihop: 2,
        password: "change-me".into(),
        max_prefix: 500,
        bfd_min_rx_ms: 300,
        bfd_min_tx_ms: 300,
        bfd_detect_multiplier: 3,
        port: 1179,
        connect_retry: 12,
        passive: true,
        disable_connected_check: true,
        shutdown: true,
        shutdown_message: "back at 9".into(),
        ttl_security_hops: 0,
        local_as: 65100,
        local_as_mode: 2,
        allowas_in: 4,
        next_hop_self: vec![1],
        next_hop_self_force: vec![2],
        advertisement_interval: 5,
        weight: 100,
        send_community: vec![1, 3],
        default_originate: vec![1],
        graceful_restart: 2,
        no_soft_reconfiguration: true,
        extended_next_hop: false,
        bfd_profile: String::new(),
    };
    let attributes = PrefixAttributes {
        local_preference: 200,
        communities: vec!["65000:100".into(), "no-export".into(), "65000:1:2".into()],
        med: 10,
        next_hop: "192.0.2.1".into(),
    };
    let prefix = |prefix: &str, attributes| {
        let protocol = Protocol::Bgp.into();
        set(Kind::Prefix(PrefixAdvertisement { prefix: prefix.into(), protocol, attributes }))
    };
    let expected = [
        set(Kind::Bgp(BgpConfig { local_as: 65000, router_id: "192.0.2.1".into() })),
        set(Kind::Peer(peer)),
        prefix("198.51.100.0/24", Some(attributes)),
        prefix("2001:db8:1::/48", None),
        route("203.0.113.0/25", NextHop::Gateway("192.0.2.254".into()), 50, 7),
        route("203.0.113.128/26", NextHop::InterfaceName("eth1".into()), 0, 0),
        route("203.0.113.192/26", NextHop::Blackhole(true), 0, 0),
        set(Kind::BfdSession(BfdSession {
            peer_address: "192.0.2.3".into(),
            min_rx_ms: 100,
            min_tx_ms: 150,
            detect_multiplier: 5,
            interface_name: "eth0".into(),
            local_address: "192.0.2.4".into(),
            profile: String::new(),
        })),
        set(Kind::BfdProfile(BfdProfile {
            name: "fast".into(),
            min_rx_ms: 50,
            min_tx_ms: 60,
            detect_multiplier: 4,
        })),
        set(Kind::BfdSession(BfdSession {
            peer_address: "192.0.2.5".into(),
            profile: "fast".into(),
            ..BfdSession::default()
        })),
        set(Kind::OspfInterface(OspfInterface {
            interface_name: "eth0".into(),
            area_id: "0.0.0.1".into(),
            passive: true,
            cost: 10,
            hello_interval: 5,
            dead_interval: 20,
        })),
        remove(intent_ref::Kind::Peer("192.0.2.9".into())),
        remove(intent_ref::Kind::Prefix(PrefixRef {
            prefix: "198.51.100.0/25".into(),
            protocol: Protocol::Bgp.into(),
        })),
        remove(intent_ref::Kind::StaticRoute("203.0.113.0/26".into())),
        remove(intent_ref::Kind::BfdSession("192.0.2.8".into())),
        remove(intent_ref::Kind::OspfInterface("eth9".into())),
        remove(intent_ref::Kind::BfdProfile("slow".into())),
    ];
    assert_eq!(changes(example), expected);
}

#[test]
fn what_transactions_show_is_read_again() {
    let example = include_str!("../../../deploy/examples/intents.yaml");
    let set: Vec<Change> =
        changes(example).into_iter().filter(|change| matches!(change, Change::Set(_))).collect();
    let document = |change: &Change| match change {
        Change::Set(one) => intent::document(one),
        Change::Remove(_) => unreachable!("only what is set is kept"),
    };
    let shown: Vec<_> = set.iter().map(document).collect();
    assert_eq!(changes(&serde_json::to_string_pretty(&shown).unwrap()), set);
}

#[test]
fn an_area_may_be_a_number() {
    let (interface_name, area_id) = ("eth0".into(), "7".into());
    let interface = OspfInterface { interface_name, area_id, ..OspfInterface::default() };
    let text = "- ospf_interface: {interface_name: eth0, area_id: 7}\n";
    assert_eq!(changes(text), [set(Kind::OspfInterface(interface))]);
}

#[test]
fn lists_documents_and_json_are_read_alike() {
    let one = [remove(intent_ref::Kind::Peer("10.0.0.9".into()))];
    let routes = [
        route("10.0.0.0/8", NextHop::Blackhole(true), 0, 0),
        route("11.0.0.0/8", NextHop::Gateway("fd00::1".into()), 0, 3),
    ];
    let first = "- static_route: {prefix: 10.0.0.0/8, blackhole: true}\n";
    let second = "- static_route:\n    prefix: 11.0.0.0/8\n    gateway: fd00::1\n    tag: 3\n";
    assert_eq!(changes(&format!("{first}{second}")), routes);
    assert_eq!(changes(&format!("---\n# one\n{first}---\n{second}...\n---\n")), routes);
    assert_eq!(changes("remove: [peer: 10.0.0.9]\n"), one);
    assert_eq!(changes("\u{feff}remove: [{peer: '10.0.0.9'}]\r\n"), one);
    for gap in ["", "\n", "\n\t", "\n    "] {
        let json = format!(
            "{{{gap}\"intents\":{gap}[{{\"static_route\":{gap}{{\"prefix\": \"10.0.0.0\\/8\",\
             {gap}\"blackhole\": true}}}},{gap}{{\"static_route\": {{\"prefix\": \"11.0.0.0/8\",\
             \"gateway\": \"fd00::1\", \"tag\":3}}}}{gap}]{gap}}}\n"
        );
        assert_eq!(changes(&json), routes, "{json}");
    }
}

#[test]
fn a_text_is_what_was_written() {
    for (written, read) in [
        ("65001", "65001"),
        ("1:20", "1:20"),
        ("010", "010"),
        ("yes", "yes"),
        ("'a \"b\"'", "a \"b\""),
        ("\"\"", ""),
        ("rack 7 # behind", "rack 7"),
        ("rack #7", "rack"),
        ("'100% #7'", "100% #7"),
    ] {
        let text = format!("- peer: {{neighbor_address: a, description: {written}}}\n");
        let text = if written.contains('#') && !written.starts_with('\'') {
            format!("- peer:\n    neighbor_address: a\n    description: {written}\n")
        } else {
            text
        };
        let expected = BgpPeer {
            neighbor_address: "a".into(),
            description: read.into(),
            ..BgpPeer::default()
        };
        assert_eq!(changes(&text), [set(Kind::Peer(expected))], "{text}");
    }
}

#[test]
fn every_mistake_is_named() {
    mistakes(
        "intents:\n  - bgp: {local_as: -1, routerid: 10.0.0.1}\n  - peer:\n      remote_as: '65001'\n      \
         peer_type: ebgp\n      bfd_enabled: yes\n      address_families: [ipv4-unicast, ipv4]\n  \
         - prefix:\n      protocol: BGP\n      attributes:\n        communities: 65000:1\n        \
         med: 4294967296\nremoves: []\n",
        &[
            "f:2: intents[0].bgp.routerid: unknown key, known here: local_as, router_id",
            "f:2: intents[0].bgp.local_as: `-1` is not a number from 0 to 4294967295",
            "f:4: intents[1].peer.remote_as: is text in quotes, not a number",
            "f:5: intents[1].peer.peer_type: `ebgp` is not one of external, internal",
            "f:6: intents[1].peer.bfd_enabled: is neither true nor false",
            "f:7: intents[1].peer.address_families[1]: `ipv4` is not one of ipv4-unicast, \
             ipv6-unicast",
            "f:9: intents[2].prefix.protocol: `BGP` is not one of bgp, ospf",
            "f:11: intents[2].prefix.attributes.communities: is a single value, not a list",
            "f:12: intents[2].prefix.attributes.med: `4294967296` is not a number from 0 to \
             4294967295",
            "f:13: removes: unknown key, known here: intents, remove",
        ],
    );
}

#[test]
fn each_kind_of_mistake() {
    let kinds = "bgp, peer, prefix, static_route, bfd_session, ospf_interface, drain, bfd_profile";
    for (text, expected) in [
        ("", "f: has no intents"),
        ("# nothing\n---\n", "f: has no intents"),
        ("intents: []\nremove: []", "f: has no intents"),
        ("peer", "f:1: is a single value, not a list of intents or a mapping"),
        ("intents:\n", "f:1: intents: has no value"),
        ("intents: {peer: {}}", "f:1: intents: is a mapping, not a list"),
        ("- peer\n", &format!("f:1: intents[0]: is a single value, not a mapping of {kinds}")),
        ("- {}\n", &format!("f:1: intents[0]: has to be one of {kinds}")),
        ("-\n", &format!("f:1: intents[0]: is nothing, not a mapping of {kinds}")),
        (
            "- bgp: {local_as: 1}\n  peer: {remote_as: 1}\n",
            &format!("f:1: intents[0]: has to be one of {kinds}"),
        ),
        ("- ospf: {}\n", &format!("f:1: intents[0].ospf: unknown key, known here: {kinds}")),
        ("- peer: 10.0.0.1\n", "f:1: intents[0].peer: is a single value, not a mapping of "),
        (
            "- bgp:\n    local_as: 1\n    local_as: 2\n",
            "f:3: intents[0].bgp.local_as: is there twice",
        ),
        (
            "- peer: {neighbor_address: a, password: ''}\n",
            "f:1: intents[0].peer.password: is empty; leave the key out",
        ),
        ("intents: []\nintents: []\nremove: [peer: a]\n", "f:2: intents: is there twice"),
        (
            "- peer: {remote_as: 1}\n  peer: {remote_as: 2}\n",
            "f:2: intents[0].peer: is there twice",
        ),
        (
            "{\"intents\": [{\"prefix\": {\"attributes\": {\"med\": 1,\n\"med\": 2}}}]}",
            "f:2: intents[0].prefix.attributes.med: is there twice",
        ),
        (
            "remove: [prefix: {prefix: a, prefix: b}]",
            "f:1: remove[0].prefix.prefix: is there twice",
        ),
        ("- bgp:\n    local_as: ~\n", "f:2: intents[0].bgp.local_as: has no value"),
        ("- bgp: {local_as: 0x1}", "f:1: intents[0].bgp.local_as: `0x1` is not a number "),
        ("- bgp: {local_as: 010}", "f:1: intents[0].bgp.local_as: `010` is not a number "),
        ("- bgp: {local_as: [1]}", "f:1: intents[0].bgp.local_as: is a list, not a number"),
        ("- bgp: {router_id: {a: b}}", "f:1: intents[0].bgp.router_id: is a mapping, not text"),
        (
            "- static_route:\n    gateway: 10.0.0.1\n    blackhole: true\n",
            "f:2: intents[0].static_route: has more than one of gateway, interface_name, blackhole",
        ),
        ("remove:\n- peer: {a: b}", "f:2: remove[0].peer: is a mapping, not text"),
        (
            "remove:\n- bgp: 1",
            "f:2: remove[0].bgp: unknown key, known here: peer, prefix, static_route, bfd_session, \
             ospf_interface, drain, bfd_profile",
        ),
        (
            "remove:\n- prefix: 10.0.0.0/8",
            "f:2: remove[0].prefix: is a single value, not a mapping of prefix, protocol",
        ),
        ("- peer: &a {}\n- peer: *a\n", "f:1: anchors (`&name`) are not read here"),
        ("- peer: !x {}\n", "f:1: tags (`!name`) are not read here"),
        ("- {[a]: b}\n", "f:1: keys that are no plain text are not read here"),
        ("- peer: {\n", "f:"),
        ("- a\n b: c\n", "f:2: "),
        ("\"a\\q\"", "f:1: "),
    ] {
        match parse("f".to_owned(), text) {
            Err(CtlError::BadIntents { problems, .. }) => {
                let [problem] = problems.as_slice() else { panic!("{text}: {problems:?}") };
                assert!(problem.starts_with(expected), "{text}: {problem}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    mistakes(&deep, &["f:1: more than 16 levels"]);
}

/// As much of a file is read as can be: what is wrong with one item takes nothing from the others.
#[test]
fn what_can_be_read_beside_mistakes_is_read() {
    let text = "- bgp: {local_as: 1}\n- peer: {neighbor_address: a, typo: 1}\n- ospf: {}\n- prefix: {prefix: b}\n\
                remove: []\n";
    let looked = look("f".to_owned(), text);
    assert!(looked.intents.changes.is_empty(), "no YAML: {looked:?}");
    let looked = look("f".to_owned(), text.trim_end_matches("remove: []\n"));
    assert_eq!(looked.intents.changes.len(), 2);
    assert_eq!(looked.intents.places.of(1), Some((4, "intents[3]")));
    let read: Vec<_> =
        looked.doubtful.iter().map(|it| (&*it.place.path, it.change.is_some())).collect();
    assert_eq!(read, [("intents[1]", true), ("intents[2]", false)]);
    assert_eq!(looked.problems.len(), 2);
}

#[test]
fn secrets_are_not_in_mistakes() {
    for value in ["[hush]", "{hush: 1}", "hush\n    password: hush"] {
        let text = format!("- peer:\n    password: {value}\n");
        let report = parse("f".to_owned(), &text).unwrap_err().report();
        assert!(!report.contains("hush"), "{report}");
    }
}

#[test]
fn words_about_a_change_lead_to_its_line() {
    let text = "- bgp: {local_as: 1}\n---\nintents:\n- peer: {}\nremove:\n\n- peer: x\n";
    let places = parse("d/f.yaml".to_owned(), text).unwrap().places;
    for (words, told) in [
        ("changes[1].set.peer.remote_as: 0", "d/f.yaml:4: intents[0].peer.remote_as: 0"),
        (
            "changes[2]: is about x like changes[0]",
            "d/f.yaml:7: remove[0]: is about x like d/f.yaml:1: intents[0]",
        ),
        ("changes[2].remove.peer", "d/f.yaml:7: remove[0].peer"),
        ("changes[3]: a", "changes[3]: a"),
        ("changes[: é changes[x] changes[", "changes[: é changes[x] changes["),
        ("no word", "no word"),
    ] {
        assert_eq!(places.translate(words), told);
    }
}

proptest::proptest! {
    /// Files that are cut, joined and spoiled are taken or refused with every mistake, never worse.
    #[test]
    fn spoiled_files_are_taken_or_refused(
        parts in proptest::collection::vec((0..12usize, 0..5usize, ".{0,3}"), 0..30),
    ) {
        const PARTS: [&str; 12] = [
            "intents:", "- bgp: {local_as: 65000, router_id: 10.0.0.1}", "remove:",
            "- peer: {neighbor_address: 10.0.0.2, remote_as: 65001}", "- peer: 10.0.0.9",
            "- prefix: {prefix: 192.0.2.0/24, attributes: {communities: [65000:1]}}", "---",
            "- static_route: {prefix: 198.51.100.0/24, blackhole: true}", "- &a [*a, *b]",
            "- ospf_interface:\n    interface_name: eth0\n    area_id: |\n", "!!str x: {? [a]: b", "- {",
        ];
        let mut text = String::new();
        for (part, indentation, odd) in parts {
            text.push_str(&" ".repeat(indentation));
            text.push_str(PARTS[part]);
            text.push_str(&odd);
            text.push('\n');
        }
        match parse("f".to_owned(), &text) {
            Ok(intents) => proptest::prop_assert!(!intents.changes.is_empty()),
            Err(error) => proptest::prop_assert!(!error.report().is_empty()),
        }
    }
}
