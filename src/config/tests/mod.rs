//! What a file may say, and how it is refused.

mod bgp;

use serde_json::{Value, json};

use super::*;
use crate::{
    model::OwnerName,
    policy::{Lifetime, PrefixType},
};

const GUIDE: &str = include_str!("../../../tests/fixtures/guide-config.json");

fn parse_with(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env = |name: &str| {
        env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let read_file = |path: &Path| match path.to_str() {
        Some("/secrets/good") => Ok("from-file\n".to_owned()),
        Some("/secrets/empty") => Ok("\n".to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let default_route_address = || Ok(Ipv4Addr::new(10, 7, 7, 7));
    Config::parse(
        text,
        &Surroundings {
            env: &env,
            read_file: &read_file,
            default_route_address: &default_route_address,
        },
    )
}

fn parse(json: &Value) -> Result<Config, ConfigError> {
    parse_with(&json.to_string(), &[])
}

/// The guide's configuration with what a test changes.
fn guide(change: impl FnOnce(&mut Value)) -> Value {
    let mut json = serde_json::from_str(GUIDE).unwrap();
    change(&mut json);
    json
}

/// The paths that are wrong, in their order.
fn wrong(result: Result<Config, ConfigError>) -> Vec<String> {
    match result.unwrap_err() {
        ConfigError::Invalid(errors) => errors.iter().map(|error| error.field.clone()).collect(),
        other => panic!("{other:?}"),
    }
}

fn name(text: &str) -> OwnerName {
    text.parse().unwrap()
}

#[test]
fn the_guides_configuration_loads_unchanged() {
    let config = parse_with(GUIDE, &[]).unwrap();
    assert_eq!(config.listen_socket, Path::new("/run/novaroute/novaroute.sock"));
    assert_eq!(
        config.frr,
        FrrConfig {
            socket_dir: "/run/frr".into(),
            connect_timeout: Duration::from_secs(10),
            retry_interval: Duration::from_secs(5),
            yang_dir: "/usr/share/yang".into(),
            grpc: BTreeMap::new(),
        }
    );
    let instance = config.bgp.instance().unwrap();
    assert_eq!(instance.local_as.get(), 65000);
    assert_eq!(instance.router_id, Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(config.bgp.coalesce_time, DEFAULT_COALESCE_TIME);
    assert_eq!(config.log_level, LogLevel::Info);
    assert_eq!(config.metrics_address, MetricsAddress::AllAddresses(9102));
    assert_eq!(config.disconnect_grace_period, Duration::from_secs(30));

    let names: Vec<_> = config.owners.names().map(OwnerName::as_str).collect();
    assert_eq!(names, ["admin", "novaedge", "novanet"]);
    let edge = &config.owners.get(&name("novaedge")).unwrap().policy;
    assert_eq!(edge.prefix_type, PrefixType::HostOnly);
    assert_eq!(edge.allowed_cidrs.len(), 3);
    assert_eq!(edge.lifetime, Lifetime::Connection);
    assert_eq!(edge.may_configure_bgp, None);
    let admin = &config.owners.get(&name("admin")).unwrap().policy;
    assert_eq!((admin.prefix_type, admin.lifetime), (PrefixType::Any, Lifetime::Persistent));
    assert_eq!(config.warnings().len(), 3, "tokens are the guide's example");
}

#[test]
fn bgp_may_come_from_a_client_later() {
    let json = guide(|json| {
        json.as_object_mut().unwrap().remove("bgp");
    });
    assert_eq!(parse(&json).unwrap().bgp, BgpDefaults::default());
    assert_eq!(parse(&json).unwrap().bgp.instance(), None);
    let env = [(ENV_LOCAL_AS, "65001"), (ENV_ROUTER_ID, "10.0.0.9")];
    let instance = parse_with(&json.to_string(), &env).unwrap().bgp.instance().unwrap();
    assert_eq!((instance.local_as.get(), instance.router_id), (65001, Some([10, 0, 0, 9].into())));
    let only_id = parse_with(&json.to_string(), &env[1..]).unwrap().bgp;
    assert_eq!((only_id.instance(), only_id.router_id), (None, Some([10, 0, 0, 9].into())));
}

#[test]
fn the_environment_overrides_the_file_and_empty_is_unset() {
    let json = guide(|json| json["bgp"]["router_id"] = json!("${NODE_IP}"));
    let text = json.to_string();
    let env = [(ENV_LOCAL_AS, "4200000000"), (ENV_ROUTER_ID, ""), ("NODE_IP", "10.1.1.1")];
    let bgp = parse_with(&text, &env).unwrap().bgp;
    assert_eq!(bgp.local_as.unwrap().get(), 4_200_000_000);
    assert_eq!(bgp.router_id, Some([10, 1, 1, 1].into()));
    assert_eq!(wrong(parse_with(&text, &[])), ["bgp.router_id"], "NODE_IP is not set");
    let overridden = parse_with(&text, &[(ENV_ROUTER_ID, "10.2.2.2")]).unwrap();
    assert_eq!(overridden.bgp.router_id, Some([10, 2, 2, 2].into()));
    for bad in ["0", "-1", "+1", "4294967296", "x", " 1"] {
        assert_eq!(wrong(parse_with(GUIDE, &[(ENV_LOCAL_AS, bad)])), [ENV_LOCAL_AS], "{bad}");
    }
    assert_eq!(wrong(parse_with(GUIDE, &[(ENV_ROUTER_ID, "::1")])), [ENV_ROUTER_ID]);
}

#[test]
fn quotas_are_read() {
    use crate::policy::QuotaKind;
    let json = guide(|json| {
        json["owners"]["novaedge"]["quotas"] = json!({
            "peers": 0, "prefixes": 1000, "bfd_sessions": 1, "ospf_interfaces": 2, "static_routes": 3,
            "bfd_profiles": 4,
        });
    });
    let config = parse(&json).unwrap();
    let quotas = |owner| config.owners.get(&name(owner)).unwrap().policy.quotas.clone();
    let limits: Vec<_> = QuotaKind::ALL.map(|kind| quotas("novaedge").limit(kind)).into();
    assert_eq!(limits, [Some(0), Some(1000), Some(1), Some(2), Some(3), Some(4)]);
    assert_eq!(quotas("novanet").iter().count(), 0, "no limit where none is said");
    let json = guide(|json| {
        json["owners"]["novaedge"]["quotas"] = json!({"peers": -1, "prefixes": "9", "routes": 1});
    });
    let at = |key: &str| format!("owners.novaedge.quotas.{key}");
    assert_eq!(wrong(parse(&json)), [at("peers"), at("prefixes"), at("routes")]);
}

#[test]
fn what_needs_a_restart_stays_and_is_named() {
    let running = parse_with(GUIDE, &[]).unwrap();
    let json = guide(|json| {
        json["listen_socket"] = json!("/run/other.sock");
        json["frr"]["retry_interval"] = json!(6);
        json["bgp"]["coalesce_time"] = json!(0);
        json["log_format"] = json!("text");
        json["metrics_address"] = json!(":9103");
        json["log_level"] = json!("debug");
    });
    let mut new = parse(&json).unwrap();
    let named = new.keep_what_needs_a_restart(&running);
    let expected =
        ["listen_socket", "state_dir", "frr", "bgp.coalesce_time", "log_format", "metrics_address"];
    assert_eq!(named, expected);
    assert_eq!(new.listen_socket, running.listen_socket);
    assert_eq!(new.frr, running.frr);
    assert_eq!(new.log_level, LogLevel::Debug, "this one does not");
    assert!(new.keep_what_needs_a_restart(&running).is_empty());
}

#[test]
fn what_is_printed_has_no_secret_and_is_a_configuration_again() {
    let json = guide(|json| {
        json["bgp"]["peers"] = json!([{
            "neighbor_address": "10.0.1.2", "remote_as": 65001, "password": "hush",
            "peer_type": "external", "bfd_enabled": true, "keepalive": 3, "hold_time": 9,
        }]);
        json["owners"]["novaedge"]["quotas"] = json!({"prefixes": 5});
        json["metrics_address"] = json!("127.0.0.1:9102");
    });
    let config = parse(&json).unwrap();
    let shown = config.redacted();
    let text = shown.to_string();
    assert!(!text.contains("hush") && !text.contains("-token"), "{text}");
    // Read again it is the same, but for the secrets.
    assert_eq!(parse_with(&text, &[]).unwrap().redacted(), shown);
    assert_eq!(shown["bgp"]["peers"][0]["hold_time"], 9);
    assert_eq!(shown["owners"]["novaedge"]["quotas"]["prefixes"], 5);
    let summary = config.summary();
    let expected =
        "AS 65000, router-id 10.0.0.1; static peers: 1; owners: admin, novaedge, novanet";
    assert_eq!(summary, expected);
}

#[test]
fn what_is_not_said_has_its_default() {
    let owners = json!({"a": {"token": "t", "allowed_prefixes": {"type": "subnet"}}});
    let config = parse(&json!({ "owners": owners })).unwrap();
    assert_eq!(config.listen_socket, Path::new(DEFAULT_LISTEN_SOCKET));
    assert_eq!(config.frr.connect_timeout, DEFAULT_CONNECT_TIMEOUT);
    assert_eq!(config.frr.retry_interval, DEFAULT_RETRY_INTERVAL);
    assert_eq!(config.metrics_address, DEFAULT_METRICS_ADDRESS);
    assert_eq!(config.disconnect_grace_period, DEFAULT_DISCONNECT_GRACE_PERIOD);
    assert_eq!((config.log_level, config.log_format), (LogLevel::Info, LogFormat::Json));
    assert!(config.owners.get(&name("a")).unwrap().policy.allowed_cidrs.is_empty());
    assert!(config.warnings().is_empty());
}

#[test]
fn frrs_own_grpc_is_taken_on_loopback_addresses_of_daemons_that_have_it() {
    let with = |grpc: Value| {
        let json = guide(|json| json["frr"]["grpc"] = grpc);
        parse_with(&json.to_string(), &[])
    };
    let config = with(json!({"bfdd": "127.0.0.1:50053", "bgpd": "[::1]:50054"})).unwrap();
    let told: Vec<_> = config.frr.grpc.iter().map(|(d, at)| format!("{d} {at}")).collect();
    assert_eq!(told, ["bfdd 127.0.0.1:50053", "bgpd [::1]:50054"]);
    let warnings = config.warnings();
    let open = |daemon: &str| {
        warnings.iter().any(|text| text.contains(daemon) && text.contains("every address"))
    };
    assert!(open("frr.grpc.bfdd") && open("frr.grpc.bgpd"), "{warnings:?}");
    for bad in ["10.0.0.1:50053", "0.0.0.0:50053", "localhost", "127.0.0.1:0", "127.0.0.1"] {
        assert_eq!(wrong(with(json!({ "bgpd": bad }))), ["frr.grpc.bgpd"], "{bad}");
    }
    assert!(with(json!({"mgmtd": "127.0.0.1:50055"})).is_ok());
    for no_daemon in ["ospfd", "zebra"] {
        let path = format!("frr.grpc.{no_daemon}");
        assert_eq!(wrong(with(json!({no_daemon: "127.0.0.1:1"}))), [path]);
    }
}

#[test]
fn new_keys_are_read() {
    let json = guide(|json| {
        json["frr"]["yang_dir"] = json!("/opt/yang");
        json["log_format"] = json!("text");
        json["owners"]["novanet"]["may_configure_bgp"] = json!(true);
        json["owners"]["novanet"]["lifetime"] = json!("persistent");
        json["owners"]["admin"]["lifetime"] = json!("connection");
    });
    let config = parse(&json).unwrap();
    assert_eq!(config.frr.yang_dir, Path::new("/opt/yang"));
    assert_eq!(config.log_format, LogFormat::Text);
    let policy = |owner| &config.owners.get(&name(owner)).unwrap().policy;
    assert_eq!(policy("novanet").may_configure_bgp, Some(true));
    assert_eq!(policy("novanet").lifetime, Lifetime::Persistent);
    assert_eq!(policy("admin").lifetime, Lifetime::Connection);
}

#[test]
fn every_error_is_listed_at_once_by_its_path() {
    let json = json!({
        "listen_socket": "relative.sock",
        "frr": {"socket_dir": 1, "connect_timeout": 0, "retry_interval": "5", "dir": "/"},
        "bgp": {"local_as": 0, "router_id": "10.0.0"},
        "owners": {
            "bad name": {},
            "a": {
                "token": 5,
                "allowed_prefixes": {
                    "type": "hosts",
                    "allowed_cidrs": ["10.0.0.1/8", "10.0.0.0/8", 7, "x"],
                    "cidrs": []
                },
                "may_configure_bgp": "yes",
                "lifetime": "forever"
            },
            "b": {},
            "c": [],
            "d": {"token": "x", "token_file": "/secrets/good", "allowed_prefixes": {}}
        },
        "log_level": "loud",
        "log_format": "xml",
        "metrics_address": "9102",
        "disconnect_grace_period": 30000000
    });
    let expected = "
        listen_socket
        frr.socket_dir
        frr.connect_timeout
        frr.retry_interval
        frr.dir
        bgp.local_as
        bgp.router_id
        owners.bad name
        owners.a.token
        owners.a.allowed_prefixes.type
        owners.a.allowed_prefixes.allowed_cidrs[0]
        owners.a.allowed_prefixes.allowed_cidrs[2]
        owners.a.allowed_prefixes.allowed_cidrs[3]
        owners.a.allowed_prefixes.cidrs
        owners.a.may_configure_bgp
        owners.a.lifetime
        owners.b.token
        owners.b.allowed_prefixes
        owners.c
        owners.c.token
        owners.c.allowed_prefixes
        owners.d.token_file
        owners.d.allowed_prefixes.type
        log_level
        log_format
        metrics_address
        disconnect_grace_period";
    let expected: Vec<_> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(wrong(parse(&json)), expected);
}

#[test]
fn a_file_that_is_no_object_or_names_no_owner_is_refused() {
    assert!(matches!(parse_with("{", &[]), Err(ConfigError::Syntax(_))));
    assert_eq!(wrong(parse(&json!([]))), ["(file)", "owners"]);
    assert_eq!(wrong(parse(&json!({"owners": {}}))), ["owners"]);
}

#[test]
fn tokens_come_from_the_file_the_environment_or_a_secret() {
    let json = guide(|json| {
        json["owners"]["novaedge"]["token"] = json!("a-${EDGE}-${EDGE}!$x}");
        let net = json["owners"]["novanet"].as_object_mut().unwrap();
        net.remove("token");
        net.insert("token_file".into(), json!("/secrets/good"));
    });
    let config = parse_with(&json.to_string(), &[("EDGE", "e")]).unwrap();
    let admin = "CHANGE-ME-admin-token";
    for (owner, token, right) in [
        ("novaedge", "a-e-e!$x}", true),
        ("novaedge", "a-${EDGE}-${EDGE}!$x}", false),
        ("novaedge", "", false),
        ("novanet", "from-file", true),
        ("novanet", "from-file\n", false),
        ("admin", admin, true),
        ("admin", "change-me-admin-token", false),
    ] {
        let owner = config.owners.get(&name(owner)).unwrap();
        assert_eq!(owner.accepts(token), right, "{token}");
    }
    assert_eq!(wrong(parse(&json)), ["owners.novaedge.token"], "EDGE is not set");
}

#[test]
fn a_token_that_is_none_is_refused_without_being_shown() {
    for (key, value) in [
        ("token", "hush${"),
        ("token", "hush${}"),
        ("token", "hush${A B}"),
        ("token", "hush${UNSET}"),
        ("token", "${EMPTY}"),
        ("token", "hush\n"),
        ("token", ""),
        ("token_file", "/secrets/empty"),
        ("token_file", "/secrets/none"),
        ("token_file", "relative"),
    ] {
        let json = guide(|json| {
            let owner = json["owners"]["novaedge"].as_object_mut().unwrap();
            owner.remove("token");
            owner.insert(key.into(), json!(value));
        });
        let result = parse_with(&json.to_string(), &[("EMPTY", "")]);
        assert!(!result.as_ref().unwrap_err().to_string().contains("hush"), "{result:?}");
        assert_eq!(wrong(result), [format!("owners.novaedge.{key}")], "{value:?}");
    }
}

#[test]
fn no_token_is_ever_printed() {
    let config = parse_with(GUIDE, &[]).unwrap();
    assert!(!format!("{config:?}").contains("-token"), "{config:?}");
}

#[test]
fn a_metrics_address_is_a_port_or_an_address() {
    for (text, candidates) in [
        (":9102", vec!["[::]:9102", "0.0.0.0:9102"]),
        ("127.0.0.1:0", vec!["127.0.0.1:0"]),
        ("[::1]:80", vec!["[::1]:80"]),
        ("localhost:80", vec!["127.0.0.1:80"]),
    ] {
        let json = guide(|json| json["metrics_address"] = json!(text));
        let got = parse(&json).unwrap().metrics_address.candidates();
        assert_eq!(got.iter().map(ToString::to_string).collect::<Vec<_>>(), candidates);
    }
    for bad in ["", ":", ":x", ":65536", ":+1", "host:1", "1.2.3.4"] {
        let json = guide(|json| json["metrics_address"] = json!(bad));
        assert_eq!(wrong(parse(&json)), ["metrics_address"], "{bad:?}");
    }
}

#[test]
fn load_names_a_file_that_cannot_be_read() {
    let error = Source::new("/nonexistent/config.json").load().unwrap_err();
    assert!(error.to_string().contains("/nonexistent/config.json"));
}

/// The last token of two would win, and nobody would know which that is.
#[test]
fn a_key_that_is_there_twice_is_an_error_at_every_level() {
    let text = r#"{
        "log_level": "info", "log_level": "debug",
        "frr": {"grpc": {"bfdd": "127.0.0.1:1", "bfdd": "127.0.0.1:2"}},
        "bgp": {"local_as": 65000, "peers": [
            {"neighbor_address": "10.0.0.2", "remote_as": 65001, "remote_as": 65002}
        ]},
        "owners": {
            "admin": {"token": "one", "allowed_prefixes": {"type": "any", "type": "host_only"}},
            "admin": {"token": "two", "token": "three", "allowed_prefixes": {"type": "any"}}
        },
        "metrics_address": "9102"
    }"#;
    let error = parse_with(text, &[]).unwrap_err();
    for secret in ["one", "two", "three"] {
        assert!(!error.to_string().contains(&format!("\"{secret}\"")), "{error}");
    }
    assert_eq!(
        wrong(Err(error)),
        [
            "log_level",
            "frr.grpc.bfdd",
            "bgp.peers[0].remote_as",
            "owners.admin.allowed_prefixes.type",
            "owners.admin",
            "owners.admin.token",
            // With all else that is wrong.
            "metrics_address",
        ]
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_text() {
    parse_with(&format!("\u{feff}{GUIDE}"), &[]).unwrap();
    let error = parse_with("\u{feff}{", &[]).unwrap_err();
    assert!(matches!(error, ConfigError::Syntax(_)), "{error}");
}

#[test]
fn a_wrong_router_id_is_shown() {
    let json = guide(|json| json["bgp"]["router_id"] = json!("10.0.0.1/32"));
    let error = parse(&json).unwrap_err().to_string();
    assert!(error.contains("bgp.router_id: \"10.0.0.1/32\" is a prefix"), "{error}");
    let json = guide(|json| json["bgp"]["router_id"] = json!("0.0.0.0"));
    assert!(parse(&json).unwrap_err().to_string().contains("\"0.0.0.0\" is not"));
}
