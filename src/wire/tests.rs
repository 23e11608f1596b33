use proptest::prelude::*;

use super::*;
use crate::{
    model::{AddressFamily, IntentKey, Peer, Protocol},
    proto::v1,
};

fn good_peer() -> v1::BgpPeer {
    v1::BgpPeer { neighbor_address: "10.0.0.2".into(), remote_as: 65001, ..v1::BgpPeer::default() }
}

/// The wrong fields, in order.
fn fields<T: std::fmt::Debug>(result: Result<T, FieldErrors>) -> Vec<String> {
    result.unwrap_err().iter().map(|error| error.field.clone()).collect()
}

#[test]
fn a_minimal_peer_gets_the_defaults() {
    let parsed = peer(&good_peer()).unwrap();
    assert_eq!(parsed.max_prefix, Peer::DEFAULT_MAX_PREFIX);
    assert_eq!(parsed.families.into_iter().collect::<Vec<_>>(), [AddressFamily::Ipv4Unicast]);
    assert_eq!((parsed.bfd, parsed.timers, parsed.ebgp_multihop), (None, None, None));
}

#[test]
fn every_wrong_field_of_a_peer_is_named_at_once() {
    let wrong = v1::BgpPeer {
        neighbor_address: "10.0.0.256".into(),
        remote_as: 0,
        peer_type: 7,
        keepalive: 10,
        hold_time: 29,
        bfd_enabled: true,
        description: "two\nlines".into(),
        address_families: vec![1, 0, 9],
        source_address: "localhost".into(),
        ebgp_multihop: 256,
        password: "two words".into(),
        max_prefix: 0,
        bfd_min_rx_ms: 49,
        bfd_min_tx_ms: 60001,
        bfd_detect_multiplier: 1,
        port: 65_536,
        bfd_profile: "NR-1".into(),
        connect_retry: 65_536,
        passive: true,
        disable_connected_check: true,
        shutdown: true,
        shutdown_message: "two\nlines".into(),
        ttl_security_hops: 255,
        local_as: 0,
        local_as_mode: 1,
        allowas_in: 11,
        next_hop_self: vec![9],
        next_hop_self_force: vec![0],
        advertisement_interval: 601,
        weight: 65_536,
        send_community: vec![4, 1],
        default_originate: vec![-1],
        graceful_restart: 4,
        no_soft_reconfiguration: true,
        extended_next_hop: true,
    };
    assert_eq!(
        fields(peer(&wrong)),
        [
            "neighbor_address",
            "remote_as",
            "peer_type",
            "hold_time",
            "bfd_min_rx_ms",
            "bfd_min_tx_ms",
            "bfd_detect_multiplier",
            "bfd_profile",
            "description",
            "address_families[1]",
            "source_address",
            "ebgp_multihop",
            "port",
            "password",
            "connect_retry",
            "shutdown_message",
            "ttl_security_hops",
            "local_as_mode",
            "graceful_restart",
            "advertisement_interval",
            "allowas_in",
            "next_hop_self",
            "next_hop_self_force",
            "default_originate",
            "weight",
            "send_community",
        ]
    );
    assert!(!peer(&wrong).unwrap_err().to_string().contains("two words"), "secrets stay secret");
}

#[test]
fn single_fields_of_a_peer() {
    type Edit = fn(&mut v1::BgpPeer);
    let cases: [(&str, Edit, &[&str]); 25] = [
        ("families twice", |p| p.address_families = vec![2, 1, 2, 1], &[]),
        ("family unspecified", |p| p.address_families = vec![0], &["address_families[0]"]),
        ("bfd off", |p| p.bfd_min_rx_ms = 1, &[]),
        ("other family", |p| p.source_address = "2001:db8::1".into(), &["source_address"]),
        ("itself", |p| p.source_address = "10.0.0.2".into(), &["source_address"]),
        ("iBGP multihop", |p| (p.peer_type, p.ebgp_multihop) = (2, 2), &["ebgp_multihop"]),
        ("eBGP multihop", |p| (p.peer_type, p.ebgp_multihop) = (1, 255), &[]),
        ("hold alone", |p| p.hold_time = 9, &["keepalive"]),
        ("keepalive alone", |p| p.keepalive = 3, &["hold_time"]),
        ("link-local", |p| p.neighbor_address = "fe80::1".into(), &["neighbor_address"]),
        ("percent", |p| p.description = "100 % of %s".into(), &[]),
        ("blank", |p| p.description = "  ".into(), &["description"]),
        ("message of 128 bytes", |p| p.shutdown_message = "é".repeat(64), &[]),
        ("message of 129", |p| p.shutdown_message = "x".repeat(129), &["shutdown_message"]),
        (
            "GTSM, multihop",
            |p| (p.ttl_security_hops, p.ebgp_multihop) = (1, 2),
            &["ttl_security_hops"],
        ),
        ("GTSM", |p| p.ttl_security_hops = 254, &[]),
        ("local AS of the peer", |p| p.local_as = p.remote_as, &["local_as"]),
        ("local AS inside", |p| (p.local_as, p.peer_type) = (65_100, 2), &["local_as"]),
        ("its mode alone", |p| p.local_as_mode = 3, &["local_as_mode"]),
        ("own AS ten times", |p| p.allowas_in = 10, &[]),
        ("a family it lacks", |p| p.next_hop_self = vec![2], &["next_hop_self"]),
        ("no default there", |p| p.default_originate = vec![1, 2], &["default_originate"]),
        (
            "next hop twice",
            |p| (p.next_hop_self, p.next_hop_self_force) = (vec![1], vec![1]),
            &["next_hop_self_force"],
        ),
        ("IPv6 next hops over IPv4", |p| p.extended_next_hop = true, &["extended_next_hop"]),
        ("no communities", |p| p.send_community = vec![4, 4], &[]),
    ];
    for (name, edit, expected) in cases {
        let mut message = good_peer();
        edit(&mut message);
        let got = peer(&message).map_or_else(|e| fields::<()>(Err(e)), |_| vec![]);
        assert_eq!(got, expected, "{name}");
    }
}

#[test]
fn every_wrong_field_of_a_prefix_is_named_at_once() {
    let attributes = v1::PrefixAttributes {
        communities: vec!["65000:1".into(), "no-export".into(), "nonsense".into()],
        next_hop: "nowhere".into(),
        ..v1::PrefixAttributes::default()
    };
    assert_eq!(
        fields(advertisement("10.0.0.1/24", 0, Some(&attributes))),
        ["prefix", "protocol", "attributes.communities[2]", "attributes.next_hop"]
    );
    let other = v1::PrefixAttributes { next_hop: "::1".into(), ..Default::default() };
    assert_eq!(fields(advertisement("10.0.0.0/24", 1, Some(&other))), ["attributes.next_hop"]);
    let many = v1::PrefixAttributes {
        communities: (0..=MAX_COMMUNITIES).map(|n| format!("65000:{n}")).collect(),
        ..Default::default()
    };
    assert_eq!(fields(advertisement("10.0.0.0/24", 1, Some(&many))), ["attributes.communities"]);
}

#[test]
fn two_spellings_of_one_prefix_are_one_object() {
    for (one, other) in
        [("2001:db8::/64", "2001:0DB8:0:0:0:0:0:0/64"), ("2001:db8::1/128", "2001:db8:0::0:1/128")]
    {
        assert_eq!(prefix_key(one, 1), prefix_key(other, 1));
    }
    let message = prefix_key("10.0.0.1/24", 1).unwrap_err().to_string();
    assert!(message.contains("10.0.0.0/24"), "{message}");
}

#[test]
fn static_routes() {
    use v1::static_route::NextHop::{Blackhole, Gateway, InterfaceName};
    let route = |prefix: &str, next_hop, distance| {
        static_route(&v1::StaticRoute { prefix: prefix.into(), next_hop, distance, tag: 0 })
    };
    assert_eq!(route("10.0.0.0/24", Some(Blackhole(true)), 0).unwrap().distance.get(), 1);
    assert!(route("10.0.0.0/24", Some(Gateway("10.1.1.1".into())), 255).is_ok());
    assert_eq!(
        fields(route("10.0.0.0/24", Some(Gateway("::1".into())), 256)),
        ["gateway", "distance"]
    );
    assert_eq!(
        fields(route("10.0.0.0/24", Some(InterfaceName("a b".into())), 1)),
        ["interface_name"]
    );
    assert_eq!(fields(route("10.0.0.0/24", Some(Blackhole(false)), 1)), ["blackhole"]);
    assert_eq!(fields(route("x", None, 1)), ["prefix", "next_hop"]);
    assert_eq!(fields(route("x", Some(Gateway("y".into())), 1)), ["prefix", "gateway"]);
}

/// mgmtd takes these names and staticd never makes such a route. What a journal has of them stays readable.
#[test]
fn a_route_out_of_what_frr_takes_for_no_interface_is_refused() {
    let change = |name: &str| {
        let next_hop = Some(v1::static_route::NextHop::InterfaceName(name.into()));
        let route = v1::StaticRoute { prefix: "10.0.0.0/24".into(), next_hop, distance: 0, tag: 0 };
        let kind = Some(v1::intent::Kind::StaticRoute(route));
        v1::IntentChange {
            change: Some(v1::intent_change::Change::Set(v1::Intent { kind })),
            ..Default::default()
        }
    };
    for name in ["Null0", "null0", "NULL0", "reject", "blackhole", "(null)"] {
        assert_eq!(
            fields(changes(&[change(name)])),
            ["changes[0].set.static_route.interface_name"],
            "{name}"
        );
        let Some(v1::intent_change::Change::Set(stored)) = change(name).change else {
            panic!("a declaration")
        };
        assert!(intent(&stored).is_ok(), "{name}");
    }
    for name in ["eth0", "null1", "blackhole0"] {
        assert!(changes(&[change(name)]).is_ok(), "{name}");
    }
}

#[test]
fn bgp_and_its_router_id() {
    assert_eq!(bgp(65000, "").unwrap().router_id, None);
    assert_eq!(fields(bgp(0, "0.0.0.0")), ["local_as", "router_id"]);
    assert_eq!(fields(bgp(1, "10.0.0.1\n")), ["router_id"]);
}

fn set_bgp() -> v1::IntentChange {
    let kind = v1::intent::Kind::Bgp(v1::BgpConfig { local_as: 65000, router_id: String::new() });
    let change = v1::intent_change::Change::Set(v1::Intent { kind: Some(kind) });
    v1::IntentChange { change: Some(change), ..Default::default() }
}

fn set_peer(message: v1::BgpPeer) -> v1::IntentChange {
    let intent = v1::Intent { kind: Some(v1::intent::Kind::Peer(message)) };
    v1::IntentChange { change: Some(v1::intent_change::Change::Set(intent)), ..Default::default() }
}

fn remove_peer(address: &str) -> v1::IntentChange {
    let kind = v1::intent_ref::Kind::Peer(address.into());
    let change = v1::intent_change::Change::Remove(v1::IntentRef { kind: Some(kind) });
    v1::IntentChange { change: Some(change), ..Default::default() }
}

#[test]
fn changes_name_their_index() {
    assert_eq!(fields(changes(&[])), ["changes"]);
    assert_eq!(fields(changes(&vec![set_bgp(); MAX_CHANGES + 1])), ["changes"]);
    let wrong = [
        set_bgp(),
        set_peer(v1::BgpPeer { remote_as: 0, ..good_peer() }),
        remove_peer("10.0.0.3\0"),
        v1::IntentChange { change: None, ..Default::default() },
        set_peer(good_peer()),
        remove_peer("10.0.0.2"),
    ];
    assert_eq!(
        fields(changes(&wrong)),
        ["changes[1].set.peer.remote_as", "changes[2].remove.peer", "changes[3]", "changes[5]"]
    );
    let errors = changes(&wrong).unwrap_err().to_string();
    assert!(errors.ends_with("changes[5]: is about peer 10.0.0.2 like changes[4]"), "{errors}");
    let keys: Vec<_> = changes(&[set_bgp(), set_peer(good_peer())])
        .unwrap()
        .iter()
        .map(crate::model::Change::key)
        .collect();
    assert_eq!(keys, [IntentKey::Bgp, IntentKey::Peer("10.0.0.2".parse().unwrap())]);
}

#[test]
fn a_prefix_of_ospf_is_ipv4_and_has_no_attributes_of_bgp() {
    let ospf = v1::Protocol::Ospf as i32;
    let parsed = advertisement("10.0.0.0/24", ospf, Some(&Default::default())).unwrap();
    assert_eq!(parsed.protocol, Protocol::Ospf);
    assert_eq!(fields(advertisement("2001:db8::/64", ospf, None)), ["prefix"]);
    assert_eq!(fields(prefix_key("2001:db8::/64", ospf)), ["prefix"]);
    let attributes = v1::PrefixAttributes {
        local_preference: 1,
        communities: vec!["65000:1".into()],
        med: 1,
        next_hop: "10.0.0.1".into(),
    };
    assert_eq!(
        fields(advertisement("10.0.0.0/24", ospf, Some(&attributes))),
        [
            "attributes.local_preference",
            "attributes.communities",
            "attributes.med",
            "attributes.next_hop"
        ]
    );
}

proptest! {
    /// No text makes a parser panic, and an error is one line that fits a header.
    #[test]
    fn any_text_is_survived(text in any::<String>(), number in any::<u32>(), signed in any::<i32>()) {
        let message = v1::BgpPeer {
            neighbor_address: text.clone(),
            remote_as: number,
            peer_type: signed,
            keepalive: number,
            hold_time: number,
            bfd_enabled: true,
            description: text.clone(),
            address_families: vec![signed],
            source_address: text.clone(),
            ebgp_multihop: number,
            password: text.clone(),
            max_prefix: number,
            bfd_min_rx_ms: number,
            bfd_min_tx_ms: number,
            bfd_detect_multiplier: number,
            port: number,
            bfd_profile: text.clone(),
            connect_retry: number,
            passive: true,
            disable_connected_check: true,
            shutdown: true,
            shutdown_message: text.clone(),
            ttl_security_hops: number,
            local_as: number,
            local_as_mode: number as i32,
            allowas_in: number,
            next_hop_self: vec![number as i32],
            next_hop_self_force: vec![number as i32],
            advertisement_interval: number,
            weight: number,
            send_community: vec![number as i32],
            default_originate: vec![number as i32],
            graceful_restart: number as i32,
            no_soft_reconfiguration: true,
            extended_next_hop: true,
        };
        let attributes = v1::PrefixAttributes {
            local_preference: number,
            communities: vec![text.clone()],
            med: number,
            next_hop: text.clone(),
        };
        for errors in [
            peer(&message).err(),
            advertisement(&text, signed, Some(&attributes)).err(),
            bgp(number, &text).err(),
            changes(&[remove_peer(&text)]).err(),
        ].into_iter().flatten() {
            let said = errors.to_string();
            prop_assert!(!said.contains(char::is_control) && said.len() < 3000, "{said:?}");
        }
    }
}

#[test]
fn every_wrong_field_of_a_bfd_session_is_named_at_once() {
    let wrong = v1::BfdSession {
        peer_address: "224.0.0.5".into(),
        min_rx_ms: 9,
        min_tx_ms: 4_294_968,
        detect_multiplier: 256,
        interface_name: "eth0\nbfd".into(),
        local_address: "10.0.0".into(),
        profile: "two words".into(),
    };
    assert_eq!(
        fields(bfd_session(&wrong)),
        [
            "peer_address",
            "min_rx_ms",
            "min_tx_ms",
            "detect_multiplier",
            "profile",
            "interface_name",
            "local_address"
        ]
    );
    for local in ["2001:db8::1", "10.0.0.2"] {
        let wrong = v1::BfdSession {
            peer_address: "10.0.0.2".into(),
            local_address: local.into(),
            ..Default::default()
        };
        assert_eq!(fields(bfd_session(&wrong)), ["local_address"], "{local}");
    }
    let link_local = v1::BfdSession { peer_address: "fe80::1".into(), ..Default::default() };
    assert_eq!(fields(bfd_session(&link_local)), ["interface_name"]);
    let plain = v1::BfdSession { peer_address: "2001:DB8:0::1".into(), ..Default::default() };
    let parsed = bfd_session(&plain).unwrap();
    assert_eq!(parsed.timers, crate::model::BfdParameters::DEFAULT);
    assert_eq!(Ok(IntentKey::BfdSession(parsed.peer)), bfd_key("2001:db8::1"), "one spelling");
    assert_eq!(fields(bfd_key("")), ["peer_address"]);
}

#[test]
fn every_wrong_field_of_an_ospf_interface_is_named_at_once() {
    let good = v1::OspfInterface {
        interface_name: "eth0".into(),
        area_id: "1".into(),
        hello_interval: 5,
        dead_interval: 5,
        ..Default::default()
    };
    let parsed = ospf_interface(&good).unwrap();
    assert_eq!(parsed.area.to_string(), "0.0.0.1");
    assert_eq!(Ok(IntentKey::OspfInterface(parsed.name)), ospf_key("eth0"));
    let wrong = v1::OspfInterface {
        interface_name: "sixteen.bytes.12".into(),
        area_id: "4294967296".into(),
        passive: true,
        cost: 65_536,
        hello_interval: 65_536,
        dead_interval: 65_536,
    };
    assert_eq!(
        fields(ospf_interface(&wrong)),
        ["interface_name", "area_id", "cost", "hello_interval", "dead_interval"]
    );
    for (hello_interval, dead_interval, expected) in [
        (0, 0, &[][..]),
        (20, 0, &[]),
        (20, 19, &["dead_interval"]),
        (0, 10, &[]),
        // Less than the hello interval that FRR takes.
        (0, 9, &["dead_interval"]),
    ] {
        let message = v1::OspfInterface { hello_interval, dead_interval, ..good.clone() };
        let got = ospf_interface(&message).map_or_else(|e| fields::<()>(Err(e)), |_| vec![]);
        assert_eq!(got, expected, "{hello_interval} {dead_interval}");
    }
    for area in ["", "-1", "+1", "0.0.0", "1.2.3.4.5", "backbone", "0x1"] {
        let message = v1::OspfInterface { area_id: area.into(), ..good.clone() };
        assert_eq!(fields(ospf_interface(&message)), ["area_id"], "{area}");
    }
}

#[test]
fn a_profile_has_a_name_of_its_own_and_no_timers_beside_it() {
    let profile = |name: &str| v1::BfdProfile { name: name.into(), ..Default::default() };
    for name in ["fast", "a", "0-9_a.b", "fifteen.bytes.1", "nr-1"] {
        assert!(bfd_profile(&profile(name)).is_ok(), "{name}");
    }
    for name in ["", "-a", ".a", "a b", "a|b", "NR-", "NR-300-300-3", "sixteen.bytes.12", "\u{e4}"]
    {
        assert_eq!(fields(bfd_profile(&profile(name))), ["name"], "{name}");
    }
    let session = |min_rx_ms| v1::BfdSession {
        peer_address: "10.0.0.2".into(),
        profile: "fast".into(),
        min_rx_ms,
        ..Default::default()
    };
    assert!(bfd_session(&session(0)).is_ok());
    assert_eq!(fields(bfd_session(&session(300))), ["profile"]);
}
