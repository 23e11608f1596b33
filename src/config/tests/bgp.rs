//! The section `bgp`.

use super::*;

/// The section `bgp` alone, with an environment.
fn bgp(section: Value, env: &[(&str, &str)]) -> Result<BgpDefaults, Vec<String>> {
    let json = guide(|json| json["bgp"] = section);
    let parsed = parse_with(&json.to_string(), env);
    match parsed {
        Ok(config) => Ok(config.bgp),
        Err(_) => Err(wrong(parsed)),
    }
}

fn local_as(section: Value, env: &[(&str, &str)]) -> Result<u32, Vec<String>> {
    bgp(section, env).map(|bgp| bgp.local_as.unwrap().get())
}

#[test]
fn each_node_counts_its_as_from_a_base() {
    let named = |name| [(ENV_NODE_NAME, name)];
    let base = json!({"as_base": 64512});
    assert_eq!(local_as(json!({"as_base": 64512, "node_number": 7}), &[]), Ok(64519));
    let variable = json!({"as_base": 64512, "node_number": "${NUMBER}"});
    assert_eq!(local_as(variable.clone(), &[("NUMBER", "0012")]), Ok(64524));
    for (name, number) in
        [("worker-3", 3), ("node007", 7), ("n12.rack4.example.com", 12), ("7", 7), ("node-0", 0)]
    {
        assert_eq!(local_as(base.clone(), &named(name)), Ok(64512 + number), "{name}");
    }
    // The file's own number is sure; a name only where it has one number, at its end.
    assert_eq!(
        local_as(json!({"as_base": 64512, "node_number": 1}), &named("worker-3")),
        Ok(64513)
    );
    let node_number = Err(vec!["bgp.node_number".to_owned()]);
    for name in ["worker", "rack1-node2", "ip-10-0-0-5", "3-worker", "node3.", "n99999999999", ""] {
        let expected = if name == "node3." { Ok(64515) } else { node_number.clone() };
        assert_eq!(local_as(base.clone(), &named(name)), expected, "{name:?}");
    }
    assert_eq!(local_as(base.clone(), &[]), node_number, "no name, no number");
    for bad in ["", "x", "-1", "1.5", "4294967296"] {
        assert_eq!(local_as(variable.clone(), &[("NUMBER", bad)]), node_number, "{bad:?}");
    }
    assert_eq!(local_as(variable.clone(), &[]), node_number, "NUMBER is not set");
    for bad in [json!(-1), json!(1.5), json!(true), json!(4294967296u64)] {
        assert_eq!(local_as(json!({"as_base": 1, "node_number": bad}), &[]), node_number);
    }
}

#[test]
fn an_as_that_is_counted_too_far_or_said_twice_is_an_error() {
    let base = |base: u32, node: u32| local_as(json!({"as_base": base, "node_number": node}), &[]);
    let wrong = Err(vec!["bgp.as_base".to_owned()]);
    assert_eq!(base(4_294_967_290, 6), wrong, "above 32 bits");
    assert_eq!(base(4_294_967_290, 5), wrong, "4294967295 is reserved and not private");
    assert_eq!(base(65000, 534), Ok(65534));
    assert_eq!(base(65000, 535), wrong, "out of the private range");
    assert_eq!(base(4_200_000_000, 1000), Ok(4_200_001_000));
    assert_eq!(base(3_000, 62_000), Ok(65_000), "nobody began in a private range");
    assert_eq!(local_as(json!({"as_base": 65000, "local_as": 65000}), &[]), wrong);
    let number = Err(vec!["bgp.node_number".to_owned()]);
    assert_eq!(local_as(json!({"local_as": 65000, "node_number": 1}), &[]), number);
    // The environment has the last word, and then nothing else has to be right.
    let section = json!({"as_base": 65000, "node_number": "${UNSET}"});
    assert_eq!(local_as(section, &[(ENV_LOCAL_AS, "65001")]), Ok(65001));
}

#[test]
fn the_router_id_may_be_the_nodes_address() {
    let id = |section: Value, env: &[(&str, &str)]| bgp(section, env).map(|bgp| bgp.router_id);
    let found = |a, b, c, d| Ok(Some(Ipv4Addr::new(a, b, c, d)));
    let auto = json!({"auto_router_id": true});
    assert_eq!(id(auto.clone(), &[]), found(10, 7, 7, 7), "that of the default route");
    assert_eq!(id(auto.clone(), &[(ENV_NODE_ADDRESS, "")]), found(10, 7, 7, 7));
    assert_eq!(id(auto.clone(), &[(ENV_NODE_ADDRESS, "10.1.1.1")]), found(10, 1, 1, 1));
    let named = json!({"auto_router_id": true, "node_address": "${HOST}"});
    let env = [("HOST", "10.2.2.2"), (ENV_NODE_ADDRESS, "10.1.1.1")];
    assert_eq!(id(named.clone(), &env), found(10, 2, 2, 2));
    let overridden = [(ENV_ROUTER_ID, "10.3.3.3"), (ENV_NODE_ADDRESS, "::1")];
    assert_eq!(id(auto.clone(), &overridden), found(10, 3, 3, 3));
    assert_eq!(id(json!({"auto_router_id": false}), &[]), Ok(None));

    let at = |path: &str| Err(vec![path.to_owned()]);
    for bad in ["2001:db8::1", "127.0.0.1", "0.0.0.0", "169.254.1.1", "224.0.0.5", "node", "10.0.0"]
    {
        assert_eq!(id(auto.clone(), &[(ENV_NODE_ADDRESS, bad)]), at(ENV_NODE_ADDRESS), "{bad}");
        assert_eq!(id(named.clone(), &[("HOST", bad)]), at("bgp.node_address"), "{bad}");
    }
    assert_eq!(id(named, &[]), at("bgp.node_address"), "HOST is not set");
    let both = json!({"auto_router_id": true, "router_id": "10.0.0.1"});
    assert_eq!(id(both, &[]), at("bgp.auto_router_id"));
    assert_eq!(id(json!({"node_address": "10.0.0.1"}), &[]), at("bgp.node_address"));
    let wrong = json!({"auto_router_id": "yes"});
    assert_eq!(id(wrong, &[]), at("bgp.auto_router_id"));
}

#[test]
fn a_node_without_a_default_route_has_to_be_told_its_address() {
    let json = guide(|json| json["bgp"] = json!({"auto_router_id": true}));
    let nowhere = Surroundings {
        env: &|_| None,
        read_file: &|_| Err(io::Error::from(io::ErrorKind::NotFound)),
        default_route_address: &|| Err(io::Error::from(io::ErrorKind::NetworkUnreachable)),
    };
    let error = Config::parse(&json.to_string(), &nowhere).unwrap_err().to_string();
    assert!(
        error.contains("bgp.auto_router_id: ") && error.contains("bgp.node_address"),
        "{error}"
    );
}

#[test]
fn static_peers_have_the_fields_of_apply_peer() {
    let section = json!({"local_as": 65000, "peers": [
        {"neighbor_address": "10.0.1.2", "remote_as": 65001},
        {
            "neighbor_address": "2001:db8::2", "remote_as": 65002, "peer_type": "external",
            "keepalive": 3, "hold_time": 9, "bfd_enabled": true, "bfd_min_rx_ms": 150,
            "bfd_min_tx_ms": 160, "bfd_detect_multiplier": 4, "description": "100 % tor",
            "address_families": ["ipv6-unicast", "ipv4-unicast"], "source_address": "2001:db8::1",
            "ebgp_multihop": 2, "max_prefix": 50, "password": "${WORD}",
        },
        {"neighbor_address": "10.0.1.3", "remote_as": 65000, "peer_type": "internal",
         "password_file": "/secrets/good"},
    ]});
    let got = bgp(section, &[("WORD", "hush")]).unwrap();
    assert_eq!(got.configured().bgp, got.instance());
    let [plain, full, mounted] = &got.peers[..] else { panic!("{got:?}") };
    assert_eq!((plain.address.to_string().as_str(), plain.remote_as.get()), ("10.0.1.2", 65001));
    assert_eq!(plain.max_prefix, crate::model::Peer::DEFAULT_MAX_PREFIX);
    assert_eq!(full.password.as_ref().unwrap().expose(), "hush");
    assert_eq!(full.description.as_ref().unwrap().to_string(), "100 % tor");
    assert_eq!(full.families.len(), 2);
    assert_eq!(full.bfd.unwrap().min_rx().as_millis(), 150);
    assert_eq!(full.timers.unwrap().hold().as_secs(), 9);
    assert_eq!(mounted.password.as_ref().unwrap().expose(), "from-file");
    assert!(!format!("{got:?}").contains("hush"), "{got:?}");
}

#[test]
fn every_error_of_static_peers_is_listed() {
    let json = guide(|json| {
        json["bgp"] = json!({"local_as": 65000, "peers": [
            {"neighbor_address": "10.0.1.2", "remote_as": 65001},
            {"neighbor_address": "10.0.1.2", "remote_as": 65002},
            {"neighbor_address": "x", "remote_as": "65001", "peer_type": "both", "keepalive": 10,
             "hold_time": 9, "address_families": ["ipv4"], "password": "", "tll": 1},
            {"neighbor_address": "10.0.1.4", "remote_as": 65000, "peer_type": "external"},
            {"neighbor_address": "10.0.1.5", "remote_as": 65001, "password": "a b",
             "password_file": "/secrets/good"},
            {"neighbor_address": "10.0.1.6", "remote_as": 65001, "password": "${EMPTY}"},
            {"neighbor_address": "10.0.1.7", "remote_as": 65001, "description": "a\nb"},
            7,
        ]});
    });
    let expected = "
        bgp.peers[1].neighbor_address
        bgp.peers[2].remote_as
        bgp.peers[2].peer_type
        bgp.peers[2].address_families[0]
        bgp.peers[2].password
        bgp.peers[2].neighbor_address
        bgp.peers[2].hold_time
        bgp.peers[2].tll
        bgp.peers[3].peer_type
        bgp.peers[4].password_file
        bgp.peers[4].password
        bgp.peers[5].password
        bgp.peers[6].description
        bgp.peers[7]
        bgp.peers[7].neighbor_address
        bgp.peers[7].remote_as";
    let mut expected: Vec<_> =
        expected.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    let mut got = wrong(parse_with(&json.to_string(), &[("EMPTY", "")]));
    expected.sort();
    got.sort();
    assert_eq!(got, expected);
    let peers = json!([{"neighbor_address": "10.0.1.2", "remote_as": 65001}]);
    let lacking = bgp(json!({"peers": peers}), &[]);
    assert_eq!(lacking, Err(vec!["bgp.peers".to_owned()]), "peers need the node's AS");
}
