//! What the flags say is exactly what the agent receives.

use std::fs;

use novaroute::{
    ctl::output,
    proto::v1::{self, intent::Kind, intent_change::Change, static_route::NextHop, *},
};

use crate::{
    fake::{self, Fake, Script, Seen},
    golden,
};

const WHO: [&str; 4] = ["--owner", "edge", "--token", "t0ken"];

/// Runs a write command as owner `edge`; what the agent got, and what was said.
fn write(args: &str) -> (Seen, String) {
    write_to(Script::default(), args)
}

/// Likewise, to an agent that answers so.
fn write_to(script: Script, args: &str) -> (Seen, String) {
    let fake = Fake::start(script);
    let args: Vec<&str> = args.split_whitespace().chain(WHO).collect();
    let said = fake.ok(&args);
    let (seen, limited) = fake.seen();
    assert!(limited, "the agent learns how long it is waited for");
    (seen, said)
}

fn owner() -> String {
    "edge".to_owned()
}

fn token() -> String {
    "t0ken".to_owned()
}

#[test]
fn coverage() {
    let fake = Fake::start(Script::default());
    fake.ok(&["coverage"]);
    assert_eq!(fake.seen(), (Seen::Coverage(GetCoverageRequest {}), true));
}

#[test]
fn register() {
    let request =
        |reassert_intents| RegisterRequest { owner: owner(), token: token(), reassert_intents };
    assert_eq!(write("register").0, Seen::Register(request(false)));
    assert_eq!(write("register --reassert").0, Seen::Register(request(true)));
}

#[test]
fn deregister() {
    let request = |withdraw_all| DeregisterRequest { owner: owner(), token: token(), withdraw_all };
    let (seen, said) = write("deregister");
    assert_eq!(seen, Seen::Deregister(request(false)));
    assert_eq!(said, "owner edge deregistered\n");
    let (seen, said) = write("deregister --withdraw-all");
    assert_eq!(seen, Seen::Deregister(request(true)));
    assert_eq!(said, "owner edge deregistered, everything of it withdrawn\n");
}

#[test]
fn configure_bgp() {
    let (seen, said) = write("configure-bgp --local-as 4200000001 --router-id 10.0.0.1");
    assert_eq!(
        seen,
        Seen::ConfigureBgp(ConfigureBgpRequest {
            owner: owner(),
            token: token(),
            local_as: 4_200_000_001,
            router_id: "10.0.0.1".into(),
        })
    );
    assert_eq!(
        said,
        "BGP configured: AS 4200000001, router-id 10.0.0.1 (before: not configured)\n"
    );
}

#[test]
fn apply_peer_with_nothing_but_the_peer() {
    let (seen, said) = write("apply-peer --neighbor 10.0.0.2 --remote-as 65001");
    let peer =
        BgpPeer { neighbor_address: "10.0.0.2".into(), remote_as: 65001, ..BgpPeer::default() };
    let request = ApplyPeerRequest { owner: owner(), token: token(), peer: Some(peer) };
    assert_eq!(seen, Seen::ApplyPeer(request));
    assert_eq!(said, "peer 10.0.0.2 applied\n");
}

#[test]
fn apply_peer_with_every_option() {
    let fake = Fake::start(Script::default());
    let mut args = "apply-peer --neighbor fd00::2 --remote-as 65001 --peer-type internal \
                    --keepalive 3 --hold-time 9 --bfd --ebgp-multihop 4 --port 1179 --connect-retry 12 --passive --disable-connected-check --password hush \
                    --source-address fd00::1 --max-prefix 500 --shutdown --local-as 65100 \
                    --local-as-mode replace-as --allowas-in 4 --next-hop-self ipv4-unicast \
                    --next-hop-self-force ipv6-unicast --advertisement-interval 5 --weight 100 \
                    --send-community standard,large --default-originate ipv4-unicast \
                    --graceful-restart helper --no-soft-reconfiguration --extended-next-hop \
                    --ttl-security-hops 0 \
                    --address-families ipv4-unicast,ipv6-unicast"
        .split_whitespace()
        .collect::<Vec<_>>();
    args.extend(["--description", "top of rack, 100% \"fast\"", "--shutdown-message", "back at 9"]);
    args.extend(WHO);
    fake.ok(&args);
    let peer = BgpPeer {
        neighbor_address: "fd00::2".into(),
        remote_as: 65001,
        peer_type: PeerType::Internal.into(),
        keepalive: 3,
        hold_time: 9,
        bfd_enabled: true,
        description: "top of rack, 100% \"fast\"".into(),
        address_families: vec![
            AddressFamily::Ipv4Unicast.into(),
            AddressFamily::Ipv6Unicast.into(),
        ],
        source_address: "fd00::1".into(),
        ebgp_multihop: 4,
        password: "hush".into(),
        max_prefix: 500,
        bfd_min_rx_ms: 0,
        bfd_min_tx_ms: 0,
        bfd_detect_multiplier: 0,
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
        extended_next_hop: true,
        bfd_profile: String::new(),
    };
    let request = ApplyPeerRequest { owner: owner(), token: token(), peer: Some(peer) };
    assert_eq!(fake.seen().0, Seen::ApplyPeer(request));
}

#[test]
fn remove_peer() {
    let (seen, said) = write("remove-peer --neighbor 10.0.0.2");
    assert_eq!(
        seen,
        Seen::RemovePeer(RemovePeerRequest {
            owner: owner(),
            token: token(),
            neighbor_address: "10.0.0.2".into(),
        })
    );
    assert_eq!(said, "peer 10.0.0.2 removed\n");
}

#[test]
fn advertise() {
    let request = |prefix: &str, protocol: v1::Protocol, attributes| AdvertisePrefixRequest {
        owner: owner(),
        token: token(),
        prefix: prefix.into(),
        protocol: protocol.into(),
        attributes,
    };
    let (seen, said) = write("advertise --prefix 192.0.2.1/32");
    assert_eq!(seen, Seen::Advertise(request("192.0.2.1/32", v1::Protocol::Bgp, None)));
    assert_eq!(said, "prefix 192.0.2.1/32 advertised in BGP\n");
    let (seen, said) = write("advertise --prefix 10.9.0.0/24 --protocol ospf");
    assert_eq!(seen, Seen::Advertise(request("10.9.0.0/24", v1::Protocol::Ospf, None)));
    assert_eq!(said, "prefix 10.9.0.0/24 advertised in OSPF\n");
    let attributes = PrefixAttributes {
        local_preference: 200,
        communities: vec!["65000:1".into(), "no-export".into(), "65000:1:2".into()],
        med: 10,
        next_hop: "2001:db8::1".into(),
    };
    assert_eq!(
        write(
            "advertise --prefix 2001:db8:1::/48 --protocol bgp --local-pref 200 --med 10 \
             --communities 65000:1,no-export,65000:1:2 --next-hop 2001:db8::1"
        )
        .0,
        Seen::Advertise(request("2001:db8:1::/48", v1::Protocol::Bgp, Some(attributes)))
    );
}

#[test]
fn withdraw() {
    let (seen, said) = write("withdraw --prefix 192.0.2.1/32 --protocol ospf");
    assert_eq!(
        seen,
        Seen::Withdraw(WithdrawPrefixRequest {
            owner: owner(),
            token: token(),
            prefix: "192.0.2.1/32".into(),
            protocol: v1::Protocol::Ospf.into(),
        })
    );
    assert_eq!(said, "prefix 192.0.2.1/32 withdrawn from OSPF\n");
}

#[test]
fn withdraw_takes_the_protocol_that_advertise_takes_where_none_is_named() {
    let (advertised, _) = write("advertise --prefix 192.0.2.1/32");
    let (withdrawn, said) = write("withdraw --prefix 192.0.2.1/32");
    let (Seen::Advertise(advertised), Seen::Withdraw(withdrawn)) = (advertised, withdrawn) else {
        panic!("other calls")
    };
    assert_eq!(withdrawn.protocol, v1::Protocol::Bgp as i32);
    assert_eq!(withdrawn.protocol, advertised.protocol);
    assert_eq!(said, "prefix 192.0.2.1/32 withdrawn from BGP\n");
}

#[test]
fn static_route_add() {
    for (flags, next_hop, distance, tag) in [
        ("--gateway 10.0.0.9", NextHop::Gateway("10.0.0.9".into()), 0, 0),
        ("--interface eth1 --distance 50", NextHop::InterfaceName("eth1".into()), 50, 0),
        ("--blackhole --tag 7", NextHop::Blackhole(true), 0, 7),
    ] {
        let (seen, said) = write(&format!("static-route add --prefix 10.9.0.0/16 {flags}"));
        let route =
            StaticRoute { prefix: "10.9.0.0/16".into(), next_hop: Some(next_hop), distance, tag };
        let change = Change::Set(Intent { kind: Some(Kind::StaticRoute(route)) });
        assert_eq!(seen, applied(change));
        assert_eq!(said, "static route 10.9.0.0/16 added\n");
    }
}

#[test]
fn static_route_remove() {
    let (seen, said) = write("static-route remove --prefix 10.9.0.0/16");
    let what = IntentRef { kind: Some(intent_ref::Kind::StaticRoute("10.9.0.0/16".into())) };
    assert_eq!(seen, applied(Change::Remove(what)));
    assert_eq!(said, "static route 10.9.0.0/16 removed\n");
}

fn applied(change: Change) -> Seen {
    let changes = vec![IntentChange { change: Some(change), ..Default::default() }];
    Seen::Apply(ApplyRequest { owner: owner(), token: token(), changes, ..Default::default() })
}

#[test]
fn reads_carry_the_owner_and_nothing_else() {
    for command in ["status", "peers", "prefixes"] {
        for (args, owner_filter) in
            [(vec![command], ""), (vec![command, "--owner", "edge"], "edge")]
        {
            let fake = Fake::start(Script::default());
            fake.ok(&args);
            let request = GetStatusRequest { owner_filter: owner_filter.into() };
            assert_eq!(fake.seen(), (Seen::GetStatus(request), true));
        }
    }
}

#[test]
fn events_take_names_as_they_are_shown_and_have_no_time_limit() {
    let fake = Fake::start(Script::default());
    let run = fake::ctl(
        &fake.socket(),
        &["events", "--owner", "edge", "--types", "peer_up,EVENT_TYPE_BFD_DOWN"],
    );
    // The fake ends the stream at once.
    assert_eq!(run.code, 10);
    let request = StreamEventsRequest {
        owner_filter: "edge".into(),
        event_types: vec!["PEER_UP".into(), "EVENT_TYPE_BFD_DOWN".into()],
        ..StreamEventsRequest::default()
    };
    assert_eq!(fake.seen(), (Seen::StreamEvents(request), false));
}

#[test]
fn secrets_come_from_files_and_the_environment() {
    let fake = Fake::start(Script::default());
    let file = |name: &str, text: &str| {
        let path = fake.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (token_file, password_file) = (file("token", "from file\n"), file("password", "hush\r\n"));
    let token_of = |args: &[&str], variable: &str| {
        let fake = Fake::start(Script::default());
        let mut args = args.to_vec();
        args.extend(["--owner", "edge"]);
        let run =
            fake::finish(fake::command(&fake.socket(), &args).env("NOVAROUTE_TOKEN", variable));
        assert_eq!(run.code, 0, "{run:?}");
        match fake.seen().0 {
            Seen::Register(request) => request.token,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(token_of(&["register"], "from env"), "from env");
    assert_eq!(token_of(&["register", "--token-file", &token_file], "from env"), "from file");
    assert_eq!(token_of(&["register", "--token", "from flag"], "from env"), "from flag");

    let mut args = vec!["apply-peer", "--neighbor", "10.0.0.2", "--remote-as", "1"];
    args.extend(["--password-file", &password_file]);
    args.extend(WHO);
    fake.ok(&args);
    match fake.seen().0 {
        Seen::ApplyPeer(request) => assert_eq!(request.peer.unwrap().password, "hush"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn enable_bfd() {
    let bare = EnableBfdRequest {
        owner: owner(),
        token: token(),
        peer_address: "10.0.0.2".into(),
        ..Default::default()
    };
    let (seen, said) = write("enable-bfd --peer 10.0.0.2");
    assert_eq!(seen, Seen::EnableBfd(bare.clone()));
    assert_eq!(said, "BFD session 10.0.0.2 enabled\n");
    let every = "enable-bfd --peer 10.0.0.2 --min-rx 100 --min-tx 150 --detect-multiplier 5 \
                 --interface eth0 --local-address 10.0.0.1";
    let request = EnableBfdRequest {
        local_address: "10.0.0.1".into(),
        min_rx_ms: 100,
        min_tx_ms: 150,
        detect_multiplier: 5,
        interface_name: "eth0".into(),
        ..bare
    };
    assert_eq!(write(every).0, Seen::EnableBfd(request));
}

#[test]
fn disable_bfd() {
    let (seen, said) = write("disable-bfd --peer fe80::1");
    let peer_address = "fe80::1".into();
    let request = DisableBfdRequest { owner: owner(), token: token(), peer_address };
    assert_eq!(seen, Seen::DisableBfd(request));
    assert_eq!(said, "BFD session fe80::1 disabled\n");
}

#[test]
fn enable_ospf() {
    let bare = EnableOspfRequest {
        owner: owner(),
        token: token(),
        interface_name: "eth0".into(),
        area_id: "0".into(),
        ..Default::default()
    };
    let (seen, said) = write("enable-ospf --interface eth0 --area 0");
    assert_eq!(seen, Seen::EnableOspf(bare.clone()));
    assert_eq!(said, "OSPF enabled on eth0 in area 0\n");
    let every = "enable-ospf --interface eth0 --area 0 --passive --cost 7 --hello-interval 3 \
                 --dead-interval 9";
    let request =
        EnableOspfRequest { passive: true, cost: 7, hello_interval: 3, dead_interval: 9, ..bare };
    assert_eq!(write(every).0, Seen::EnableOspf(request));
}

#[test]
fn disable_ospf() {
    let (seen, said) = write("disable-ospf --interface eth0");
    let interface_name = "eth0".into();
    let request = DisableOspfRequest { owner: owner(), token: token(), interface_name };
    assert_eq!(seen, Seen::DisableOspf(request));
    assert_eq!(said, "OSPF disabled on eth0\n");
}

#[test]
fn drain_and_undrain() {
    let apply = v1::ApplyResponse {
        transaction_id: "17".into(),
        outcome: v1::Outcome::Confirmed.into(),
        ..Default::default()
    };
    for (line, until_restart) in [("drain", false), ("drain --until-restart", true)] {
        let script = Script { apply: apply.clone(), ..Script::default() };
        let (seen, said) = write_to(script, line);
        assert_eq!(
            seen,
            Seen::Drain(v1::DrainRequest { owner: owner(), token: token(), until_restart })
        );
        assert_eq!(said, "the node is drained: confirmed (transaction 17)\n");
    }
    let (seen, said) = write_to(Script { apply, ..Script::default() }, "undrain");
    assert_eq!(seen, Seen::Undrain(v1::UndrainRequest { owner: owner(), token: token() }));
    assert_eq!(said, "the node is not drained: confirmed (transaction 17)\n");
}

/// `--password "$UNSET"` must not take away the key that is there.
#[test]
fn an_empty_password_is_refused_and_none_is_said_by_a_flag_of_its_own() {
    let fake = Fake::start(Script::default());
    let peer = ["apply-peer", "--neighbor", "10.0.0.2", "--remote-as", "1"];
    let with = |more: &[&'static str]| [&peer[..], &WHO, more].concat();
    for empty in [&["--password", ""][..], &["--password="]] {
        let run = fake::ctl(&fake.socket(), &with(empty));
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains("--no-password"), "{run:?}");
    }
    let both = fake::ctl(&fake.socket(), &with(&["--password", "hush", "--no-password"]));
    assert_eq!(both.code, 2, "{both:?}");
    fake.ok(&with(&["--no-password"]));
    match fake.seen().0 {
        Seen::ApplyPeer(request) => assert_eq!(request.peer.unwrap().password, ""),
        other => panic!("{other:?}"),
    }
}

#[test]
fn adopt_says_what_it_takes() {
    for (line, dry_run, words) in
        [("adopt --dry-run", true, "would be taken"), ("adopt", false, "taken")]
    {
        let (seen, said) = write_to(Script::default(), line);
        assert_eq!(seen, Seen::Adopt(v1::AdoptRequest { owner: owner(), token: token(), dry_run }));
        assert!(said.contains(words) && said.contains("/frr-x:one"), "{said}");
    }
}

#[test]
fn config_and_reload() {
    let config = v1::GetConfigResponse {
        file: "/etc/novaroute/config.json".into(),
        config_json: "{\"log_level\": \"info\", \"owners\": {\"edge\": {\"token\": \"***\"}}}"
            .into(),
        since_unix_ms: 1_700_000_000_000,
        by: "watch".into(),
        waits_for_reload: vec!["bgp".into()],
        waits_for_restart: vec!["metrics_address".into(), "frr".into()],
        last_error: "owners.edge.token_file: is empty\u{1b}[2J".into(),
        last_error_unix_ms: 1_700_000_060_000,
    };
    let script = Script { config: config.clone(), ..Script::default() };
    let (seen, said) = write_to(script, "config");
    assert_eq!(seen, Seen::Config(v1::GetConfigRequest { owner: owner(), token: token() }));
    assert!(said.contains("waits for novaroutectl reload"), "{said}");
    let time = jiff::Timestamp::from_millisecond(1_700_000_100_000).unwrap();
    let now = output::Now { time, zone: jiff::tz::TimeZone::UTC };
    golden::golden("config", &output::Config::new(config, now));

    let (seen, said) = write_to(Script::default(), "reload");
    assert_eq!(seen, Seen::Reload(v1::ReloadRequest { owner: owner(), token: token() }));
    assert_eq!(
        said,
        "the configuration is in force: 2 objects changed\nwaits for the agent's next start: metrics_address\n"
    );
}
