//! What the gateway tells of FRR.

use novaroute::{
    frr::{
        frontend::Generation,
        gateway::{Gateway, Limits},
        northbound::Error,
    },
    proto::frr::{
        Encoding, ExecuteRequest, GetCapabilitiesRequest, GetRequest, PathValue, commit_request,
        get_request::DataType, northbound_client::NorthboundClient,
    },
};
use tonic::Code;

use crate::{
    bed::*,
    lab::{Router, wait_for},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_server_tells_what_frr_it_is_and_what_it_has() {
    let bed = Bed::start();
    let capabilities = bed.driver.capabilities().await.unwrap();
    assert!(capabilities.frr_version.starts_with("10."), "{}", capabilities.frr_version);
    for module in ["frr-staticd", "frr-interface", "frr-filter", "frr-vrf"] {
        assert!(
            capabilities
                .modules
                .iter()
                .any(|(name, revision)| name == module && !revision.is_empty())
        );
    }
    let expected = if capabilities.frr_version.starts_with("10.3") {
        Generation::Protobuf
    } else {
        Generation::Native
    };
    assert_eq!(bed.session().await.generation(), expected);

    let state =
        bed.driver.get_state("/frr-interface:lib/interface[name='tor0']").await.unwrap().unwrap();
    assert!(state.contains("\"if-index\""), "{state}");
    assert_eq!(bed.driver.get_config("/frr-filter:lib").await.unwrap(), None);
    let error = bed.driver.get_config("/nosuch:x").await.unwrap_err();
    assert!(matches!(&error, Error::Refused { message } if message.contains("XPath")), "{error:?}");

    let mut client = NorthboundClient::new(bed.gateway.service());
    let request = GetRequest {
        r#type: DataType::All.into(),
        encoding: Encoding::Xml.into(),
        with_defaults: true,
        path: vec!["/frr-interface:lib".into(), "/frr-vrf:lib".into()],
    };
    let mut answers = client.get(request).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().expect("interfaces");
    assert!(first.timestamp > 0);
    assert!(
        first.data.unwrap().data.contains("<lib xmlns=\"http://frrouting.org/yang/interface\"")
    );
    assert!(answers.message().await.unwrap().is_some(), "vrfs");
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_and_state_come_apart_and_together_in_both_encodings() {
    let bed = Bed::start();
    let interface = "/frr-interface:lib/interface[name='tor0']";
    let description =
        r#"{"frr-interface:lib":{"interface":[{"name":"tor0","description":"to <tor>"}]}}"#;
    let mut client = bed.client();
    let id = client.merged(description.into()).await;
    client.commit(id, commit_request::Phase::All).await.unwrap();

    let mut get = async |kind: DataType, encoding: Encoding, with_defaults, path: &[&str]| {
        let request = GetRequest {
            r#type: kind.into(),
            encoding: encoding.into(),
            with_defaults,
            path: path.iter().map(|path| (*path).to_owned()).collect(),
        };
        let mut answers = client.0.get(request).await.unwrap().into_inner();
        let mut trees = Vec::new();
        while let Some(answer) = answers.message().await.unwrap() {
            let tree = answer.data.unwrap();
            assert_eq!(tree.encoding, i32::from(encoding));
            trees.push(tree.data.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        trees
    };
    use DataType::{All, Config, State};
    use Encoding::{Json, Xml};
    let config = get(Config, Json, false, &[interface]).await.remove(0);
    assert!(config.contains("to <tor>") && !config.contains("if-index"), "{config}");
    let state = get(State, Json, false, &[interface]).await.remove(0);
    assert!(state.contains("if-index") && !state.contains("description"), "{state}");
    let all = get(All, Json, false, &[interface]).await.remove(0);
    assert!(all.contains("if-index") && all.contains("to <tor>"), "{all}");
    let xml = get(All, Xml, false, &[interface]).await.remove(0);
    assert!(xml.contains("<description>to &lt;tor&gt;</description>"), "{xml}");
    assert!(xml.contains("<if-index>"), "{xml}");

    for everything in ["/", ""] {
        let config = get(Config, Json, false, &[everything]).await.remove(0);
        assert!(config.starts_with('{') && config.contains("to <tor>"), "{config}");
    }
    assert!(get(Config, Json, false, &[]).await.is_empty());
    assert_eq!(get(State, Json, false, &[interface, "/frr-vrf:lib"]).await.len(), 2);

    // Defaults: a static route has some that nobody set.
    bed.driver.commit(bed.add(&["10.99.1.0/24"]), "").await.unwrap();
    let route = route_path("10.99.1.0/24");
    let without = get(Config, Json, false, &[&route]).await.remove(0);
    let with = get(Config, Json, true, &[&route]).await.remove(0);
    assert!(with.len() > without.len(), "{without} {with}");
    assert!(with.contains("onlink") && !without.contains("onlink"), "{without} {with}");
}

#[tokio::test(flavor = "multi_thread")]
async fn modules_have_an_organization_where_their_files_are() {
    let bed = Bed::start();
    let limits = Limits { yang_dir: Some(bed.lab.yang_dir()), history: 1, ..Limits::default() };
    let gateway = Gateway::with_limits(&bed.lab.socket_dir(Router::Node), limits);
    let mut client = NorthboundClient::new(gateway.service());
    let said = client.get_capabilities(GetCapabilitiesRequest {}).await.unwrap().into_inner();
    assert_eq!(said.supported_encodings, [i32::from(Encoding::Json), i32::from(Encoding::Xml)]);
    assert!(said.rollback_support);
    let of = |name: &str| {
        let module = said.supported_modules.iter().find(|module| module.name == name);
        module.unwrap_or_else(|| panic!("{name}")).organization.clone()
    };
    assert_eq!(of("frr-staticd"), "FRRouting");
    assert!(of("ietf-key-chain").contains("IETF"), "{}", of("ietf-key-chain"));

    let mut client = bed.client();
    let said = client.0.get_capabilities(GetCapabilitiesRequest {}).await.unwrap().into_inner();
    assert!(!said.rollback_support, "no configurations are kept");
}

/// What is not there is said in FRR's words for it, at any depth, and costs nobody the connection to mgmtd.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let bed = Bed::start();
    let mut client = bed.client();
    let state = [DataType::Config, DataType::State, DataType::All];
    let paths = [
        "/frr-interface:lib/interface[name='nosuch']",
        "/frr-interface:lib/interface[name='nosuch']/description",
        "/frr-interface:lib/interface[name='tor0']/description",
        "/frr-filter:lib/prefix-list[type='ipv4'][name='NONE']",
        "/frr-filter:lib",
    ];
    for (kind, path) in state.into_iter().flat_map(|kind| paths.map(|path| (kind, path))) {
        let request = GetRequest {
            r#type: kind.into(),
            encoding: Encoding::Json.into(),
            with_defaults: false,
            path: vec![path.to_owned()],
        };
        let mut answers = client.0.get(request).await.unwrap().into_inner();
        let status = answers.message().await.expect_err(path);
        assert_eq!(status.code(), Code::InvalidArgument, "{kind:?} {path}: {status:?}");
        let words = status.message();
        assert!(
            words.contains("not found") || words.contains("no data"),
            "{kind:?} {path}: {words}"
        );
        assert!(!words.contains(['{', '}']), "{words}");
    }
    let there = bed.driver.get_state("/frr-interface:lib/interface[name='tor0']").await.unwrap();
    assert!(there.is_some());
}

/// ripd has the one RPC that every mgmtd since 10.3 passes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_yang_rpc_is_executed_by_its_daemon() {
    let bed = Bed::start();
    bed.lab.restart(Router::Node, "ripd");
    let mut client = bed.client();
    let rip =
        r#"{"frr-ripd:ripd":{"instance":[{"vrf":"default","static-route":["10.97.0.0/24"]}]}}"#;
    wait_for("ripd at mgmtd", CONVERGE, || {
        let clients = bed.lab.vtysh(Router::Node, &["show mgmt backend-adapter all"]);
        if clients.contains("ripd") { Ok(()) } else { Err(clients) }
    });
    let id = client.merged(rip.into()).await;
    client.commit(id, commit_request::Phase::All).await.unwrap();

    let rpc = "/frr-ripd:clear-rip-route";
    let mut execute = async |path: &str, input: &[(&str, &str)]| {
        let input = input
            .iter()
            .map(|(path, value)| PathValue { path: (*path).into(), value: (*value).into() })
            .collect();
        let request = ExecuteRequest { path: path.into(), input };
        client.0.execute(request).await.map(|answer| answer.into_inner().output)
    };
    // What it clears are learnt routes: its answer tells that ripd knows the instance.
    assert_eq!(execute(rpc, &[("vrf", "default")]).await.unwrap(), []);
    assert_eq!(execute(rpc, &[("/frr-ripd:clear-rip-route/vrf", "default")]).await.unwrap(), []);
    assert_eq!(execute(rpc, &[]).await.unwrap(), []);

    let refused = [
        execute("/frr-ripd:nosuch", &[]).await.unwrap_err(),
        execute("/frr-ripd:ripd", &[]).await.unwrap_err(),
        execute("", &[]).await.unwrap_err(),
        execute(rpc, &[("/frr-interface:lib", "")]).await.unwrap_err(),
    ];
    for status in refused {
        println!("{status:?}");
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
    // FRR 10.7 passes over input that it does not know.
    println!("unknown input: {:?}", execute(rpc, &[("nosuch", "1")]).await);
    println!("an unknown VRF: {:?}", execute(rpc, &[("vrf", "nosuch")]).await);
    assert!(bed.lab.pid(Router::Node, "ripd").is_some(), "ripd lives");
}
