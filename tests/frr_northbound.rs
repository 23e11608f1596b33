//! The northbound driver and the gateway on a real FRR: what they say is committed
//! is asked back from the daemon that executes it and from the kernel.

mod lab;

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use lab::{Lab, LabOptions, Router, net, wait_for};
use novaroute::{
    frr::{
        frontend::{Action, Datastore, Edit, Error as FrontendError, Format, Generation, Session},
        gateway::Gateway,
        northbound::{Edits, Error, Northbound, Outcome, Retry},
    },
    proto::frr::{
        CommitRequest, CreateCandidateRequest, DataTree, DeleteCandidateRequest,
        EditCandidateRequest, GetRequest, LoadToCandidateRequest, PathValue, commit_request::Phase,
        get_request::DataType, northbound_client::NorthboundClient,
        northbound_server::NorthboundServer,
    },
};
use tonic::Code;

/// zebra and the kernel have a route a few milliseconds after the commit.
const CONVERGE: Duration = Duration::from_secs(10);

const STATICD: &str = "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
    [type='frr-staticd:staticd'][name='staticd'][vrf='default']/frr-staticd:staticd";

type Driver = Northbound<NorthboundServer<Gateway>>;

struct Bed {
    lab: Lab,
    gateway: Gateway,
    driver: Driver,
}

impl Bed {
    fn start() -> Self {
        let lab = Lab::start(LabOptions::default());
        let gateway = Gateway::new(&lab.socket_dir(Router::Node));
        let driver = Northbound::new(gateway.service());
        Self {
            lab,
            gateway,
            driver,
        }
    }

    async fn session(&self) -> Session {
        let socket = self.lab.socket_dir(Router::Node).join("mgmtd_fe.sock");
        Session::connect(&socket, "test")
            .await
            .expect("a session with mgmtd")
    }

    /// The schema of FRR 10.7, in which the next hop is part of the path's keys.
    fn flat(&self) -> bool {
        let module = std::fs::read_to_string(self.lab.yang_dir().join("frr-staticd.yang")).unwrap();
        !module.contains("frr-nexthops")
    }

    /// Static routes to the prefixes through `gateway`.
    fn routes(&self, prefixes: &[&str], gateway: &str) -> String {
        let flat = self.flat();
        let entry = |prefix: &&str| {
            let hop = format!(
                r#""nh-type":"ip4","vrf":"default","gateway":"{gateway}","interface":"(null)""#
            );
            let path = if flat {
                format!(r#"{{"table-id":0,{hop}}}"#)
            } else {
                format!(r#"{{"table-id":0,"distance":1,"frr-nexthops":{{"nexthop":[{{{hop}}}]}}}}"#)
            };
            format!(
                r#"{{"prefix":"{prefix}","src-prefix":"::/0","afi-safi":"frr-routing:ipv4-unicast","path-list":[{path}]}}"#
            )
        };
        let entries: Vec<_> = prefixes.iter().map(entry).collect();
        format!(
            r#"{{"frr-routing:routing":{{"control-plane-protocols":{{"control-plane-protocol":[{{"type":"frr-staticd:staticd","name":"staticd","vrf":"default","frr-staticd:staticd":{{"route-list":[{}]}}}}]}}}}}}"#,
            entries.join(",")
        )
    }

    fn add(&self, prefixes: &[&str]) -> Edits {
        Edits {
            delete: Vec::new(),
            merge: Some(self.routes(prefixes, net::TOR_V4)),
        }
    }

    /// What staticd itself runs.
    fn staticd(&self) -> String {
        let socket = self.lab.socket_dir(Router::Node).join("staticd.vty");
        vty(&socket, "show configuration running json")
    }

    fn kernel(&self) -> String {
        let out = self.lab.exec(Router::Node, &["ip", "route", "show"]);
        String::from_utf8(out.stdout).unwrap()
    }

    #[track_caller]
    fn assert_routed(&self, prefix: &str) {
        assert!(self.staticd().contains(prefix), "staticd has {prefix}");
        wait_for(&format!("{prefix} in the kernel"), CONVERGE, || {
            let seen = self.kernel();
            if seen.contains(prefix) {
                Ok(())
            } else {
                Err(seen)
            }
        });
        let rib = self
            .lab
            .vtysh_json(Router::Node, &format!("show ip route {prefix} json"));
        assert_eq!(rib[prefix][0]["protocol"], "static", "{rib}");
        assert_eq!(rib[prefix][0]["installed"], true, "{rib}");
    }

    #[track_caller]
    fn assert_not_routed(&self, prefix: &str) {
        assert!(
            !self.staticd().contains(prefix),
            "staticd does not have {prefix}"
        );
        wait_for(&format!("{prefix} gone from the kernel"), CONVERGE, || {
            let seen = self.kernel();
            if seen.contains(prefix) {
                Err(seen)
            } else {
                Ok(())
            }
        });
    }

    /// mgmtd's candidate is what runs, and nobody has a lock.
    async fn assert_clean(&self) {
        let mut session = self.session().await;
        session
            .lock(Datastore::Candidate)
            .await
            .expect("candidate is free");
        session
            .lock(Datastore::Running)
            .await
            .expect("running is free");
        let pending = session
            .commit(Action::Validate)
            .await
            .expect("candidate is valid");
        if self.lab_says_no_changes() {
            assert_eq!(pending, novaroute::frr::frontend::Committed::NoChanges);
        }
        session.commit(Action::Abort).await.unwrap();
        session.unlock(Datastore::Running).await.unwrap();
        session.unlock(Datastore::Candidate).await.unwrap();
    }

    /// FRR 10.4 to 10.6 do not tell "no changes" from "valid".
    fn lab_says_no_changes(&self) -> bool {
        let version = self.lab.vtysh(Router::Node, &["show version"]);
        !["10.4", "10.5", "10.6"]
            .iter()
            .any(|v| version.contains(&format!("FRRouting {v}")))
    }
}

fn route_path(prefix: &str) -> String {
    format!(
        "{STATICD}/route-list[prefix='{prefix}'][src-prefix='::/0'][afi-safi='frr-routing:ipv4-unicast']"
    )
}

/// One command on a daemon's VTY.
fn vty(socket: &Path, command: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(CONVERGE)).unwrap();
    let mut answer = Vec::new();
    for command in ["enable", command] {
        stream.write_all(command.as_bytes()).unwrap();
        stream.write_all(b"\0").unwrap();
        answer.clear();
        while !matches!(answer.last_chunk::<4>(), Some([0, 0, 0, _])) {
            let mut chunk = [0; 4096];
            let n = stream.read(&mut chunk).unwrap();
            assert_ne!(n, 0, "{command}: hung up");
            answer.extend_from_slice(&chunk[..n]);
        }
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_route_reaches_staticd_zebra_and_the_kernel_and_goes_again() {
    let bed = Bed::start();
    let edits = bed.add(&["10.99.1.0/24"]);
    bed.driver.validate(edits.clone()).await.unwrap();
    assert!(
        !bed.staticd().contains("10.99.1.0"),
        "validation changes nothing"
    );

    let outcome = bed.driver.commit(edits.clone(), "add").await.unwrap();
    assert_eq!(outcome, Outcome::Applied { transaction: 1 });
    bed.assert_routed("10.99.1.0/24");
    let config = bed
        .driver
        .get_config(&route_path("10.99.1.0/24"))
        .await
        .unwrap()
        .expect("is configured");
    assert!(config.contains(net::TOR_V4), "{config}");

    if bed.lab_says_no_changes() {
        assert_eq!(
            bed.driver.commit(edits, "again").await.unwrap(),
            Outcome::Unchanged
        );
    }

    let delete = Edits {
        delete: vec![route_path("10.99.1.0/24")],
        merge: None,
    };
    let outcome = bed.driver.commit(delete.clone(), "remove").await.unwrap();
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    bed.assert_not_routed("10.99.1.0/24");
    assert_eq!(
        bed.driver
            .get_config(&route_path("10.99.1.0/24"))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        bed.driver.commit(delete, "remove again").await.unwrap(),
        Outcome::Unchanged
    );
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_nodes_do_not_keep_the_rest_of_a_commit() {
    let bed = Bed::start();
    bed.driver
        .commit(bed.add(&["10.99.1.0/24"]), "")
        .await
        .unwrap();
    let mut edits = bed.add(&["10.99.3.0/24"]);
    edits.delete = vec![route_path("10.99.1.0/24"), route_path("10.99.2.0/24")];
    bed.driver
        .commit(edits, "one of two is there")
        .await
        .unwrap();
    bed.assert_not_routed("10.99.1.0/24");
    bed.assert_routed("10.99.3.0/24");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_clients_lose_nothing() {
    let bed = Bed::start();
    // Another gateway, as another process would be: they contend for mgmtd's locks.
    let other = Northbound::new(Gateway::new(&bed.lab.socket_dir(Router::Node)).service());
    let prefixes: Vec<String> = (0..40).map(|i| format!("10.99.{i}.0/24")).collect();
    let mut commits = tokio::task::JoinSet::new();
    for (i, prefix) in prefixes.iter().enumerate() {
        let driver = if i % 2 == 0 {
            bed.driver.clone()
        } else {
            other.clone()
        };
        let edits = bed.add(&[prefix]);
        commits.spawn(async move {
            loop {
                match driver.commit(edits.clone(), "").await {
                    Err(error) if error.retry() == Retry::Later => {}
                    outcome => return outcome,
                }
            }
        });
    }
    for outcome in commits.join_all().await {
        assert!(
            matches!(outcome, Ok(Outcome::Applied { .. })),
            "{outcome:?}"
        );
    }
    let staticd = bed.staticd();
    for prefix in &prefixes {
        assert!(staticd.contains(prefix.as_str()), "staticd has {prefix}");
    }
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dropped_session_left_in_the_candidate_is_not_applied() {
    let bed = Bed::start();
    let mut dirty = bed.session().await;
    dirty.lock(Datastore::Candidate).await.unwrap();
    dirty
        .edit(&[Edit::merge(
            Format::Json,
            bed.routes(&["10.66.0.0/24"], net::TOR_V4),
        )])
        .await
        .unwrap();
    drop(dirty);

    bed.driver
        .commit(bed.add(&["10.99.1.0/24"]), "")
        .await
        .unwrap();
    bed.assert_routed("10.99.1.0/24");
    assert!(
        !bed.staticd().contains("10.66.0.0"),
        "foreign edit is not applied"
    );
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_another_is_waited_for_then_unavailable_and_nothing_is_left() {
    let bed = Bed::start();
    let mut holder = bed.session().await;
    holder.lock(Datastore::Running).await.unwrap();
    let error = bed
        .driver
        .commit(bed.add(&["10.99.1.0/24"]), "")
        .await
        .unwrap_err();
    let Error::Unavailable { message } = &error else {
        panic!("{error:?}")
    };
    assert!(message.contains("Lock already taken"), "{message}");
    assert_eq!(error.retry(), Retry::Later);
    assert!(!bed.staticd().contains("10.99.1.0"));

    // Freed in time, it is not noticed.
    let commit = tokio::spawn({
        let (driver, edits) = (bed.driver.clone(), bed.add(&["10.99.1.0/24"]));
        async move { driver.commit(edits, "").await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    holder.unlock(Datastore::Running).await.unwrap();
    assert!(matches!(commit.await.unwrap(), Ok(Outcome::Applied { .. })));
    bed.assert_routed("10.99.1.0/24");
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_data_is_refused_with_libyangs_words_and_leaves_the_candidate_clean() {
    let bed = Bed::start();
    let refused = |result: Result<Outcome, Error>| match result {
        Err(Error::Refused { message }) => message,
        other => panic!("{other:?}"),
    };
    let bogus = Edits {
        merge: Some(bed.routes(&["10.99.1.0/24"], "fish")),
        ..Edits::default()
    };
    let message = refused(bed.driver.commit(bogus, "").await);
    assert!(
        message.contains("gateway") && message.contains("fish"),
        "{message}"
    );
    bed.assert_clean().await;

    // Only the validation of the whole finds this one.
    let incomplete = r#"{"frr-route-map:lib":{"route-map":[{"name":"M","entry":[{"sequence":1,"description":"x"}]}]}}"#;
    let incomplete = Edits {
        merge: Some(incomplete.into()),
        ..Edits::default()
    };
    let message = refused(bed.driver.commit(incomplete.clone(), "").await);
    assert!(message.contains(r#"Mandatory node "action""#), "{message}");
    assert!(matches!(
        bed.driver.validate(incomplete).await,
        Err(Error::Refused { .. })
    ));
    bed.assert_clean().await;

    for no_json in ["{", "[]", "{\"a\":1}x", "{\"frr-nosuch:x\":{}}"] {
        let edits = Edits {
            merge: Some(no_json.into()),
            ..Edits::default()
        };
        refused(bed.driver.commit(edits, "").await);
    }
    for no_path in [
        "",
        "/",
        "x",
        "/frr-filter:lib[",
        "/frr-filter:lib\0",
        "/frr-filter:lib\n/x",
    ] {
        let edits = Edits {
            delete: vec![no_path.into()],
            ..Edits::default()
        };
        refused(bed.driver.commit(edits, "").await);
    }
    bed.driver
        .commit(bed.add(&["10.99.1.0/24"]), "")
        .await
        .unwrap();
    bed.assert_routed("10.99.1.0/24");
}

/// The RPCs as any gRPC client uses them: values by path, several candidates, status codes.
#[tokio::test(flavor = "multi_thread")]
async fn values_are_set_and_deleted_by_path() {
    let bed = Bed::start();
    let mut client = NorthboundClient::new(bed.gateway.service());
    let pv = |path: &str, value: &str| PathValue {
        path: path.into(),
        value: value.into(),
    };
    let route = route_path("10.99.1.0/24");
    let hop = "nh-type='ip4'][vrf='default'][gateway='10.0.1.2'][interface='(null)'";
    let (path, tag) = if bed.flat() {
        let path = format!("{route}/path-list[table-id='0'][{hop}]");
        (path.clone(), format!("{path}/tag"))
    } else {
        let path = format!("{route}/path-list[table-id='0'][distance='1']");
        (
            format!("{path}/frr-nexthops/nexthop[{hop}]"),
            format!("{path}/tag"),
        )
    };
    let description = "/frr-interface:lib/interface[name='tor0']/description";

    let mut new = async || {
        client
            .create_candidate(CreateCandidateRequest {})
            .await
            .unwrap()
            .into_inner()
    };
    let candidate_id = new().await.candidate_id;
    let idle = new().await.candidate_id;
    assert_ne!(candidate_id, idle);
    let update = vec![
        pv(&path, ""),
        pv(&tag, "77"),
        pv(description, "to <tor> & \"back\""),
    ];
    let edit = EditCandidateRequest {
        candidate_id,
        update,
        delete: vec![],
    };
    client.edit_candidate(edit).await.unwrap();
    let commit = |candidate_id, phase: Phase| CommitRequest {
        candidate_id,
        phase: phase.into(),
        comment: String::new(),
    };
    client
        .commit(commit(candidate_id, Phase::Validate))
        .await
        .unwrap();
    client
        .commit(commit(candidate_id, Phase::All))
        .await
        .unwrap();
    bed.assert_routed("10.99.1.0/24");
    let running = bed.lab.vtysh(Router::Node, &["show running-config"]);
    assert!(running.contains("tag 77"), "{running}");
    assert!(
        running.contains("description to <tor> & \"back\""),
        "{running}"
    );

    let code = |status: tonic::Status| (status.code(), status.message().to_owned());
    let all = client.commit(commit(idle, Phase::All)).await.unwrap_err();
    assert_eq!(all.code(), Code::Aborted, "nothing to change");
    for (phase, expected) in [
        (Phase::Prepare, Code::Unimplemented),
        (Phase::Abort, Code::FailedPrecondition),
        (Phase::Apply, Code::FailedPrecondition),
    ] {
        assert_eq!(
            client.commit(commit(idle, phase)).await.unwrap_err().code(),
            expected
        );
    }
    assert_eq!(
        client
            .commit(commit(4711, Phase::All))
            .await
            .unwrap_err()
            .code(),
        Code::NotFound
    );

    let missing = EditCandidateRequest {
        candidate_id: idle,
        update: vec![],
        delete: vec![pv(&route_path("10.98.0.0/24"), "")],
    };
    client.edit_candidate(missing).await.unwrap();
    let (status, words) = code(client.commit(commit(idle, Phase::All)).await.unwrap_err());
    assert_eq!(status, Code::InvalidArgument);
    assert!(
        words.contains("10.98.0.0/24") && words.contains("Data missing"),
        "{words}"
    );

    let delete = EditCandidateRequest {
        candidate_id,
        update: vec![],
        delete: vec![pv(&route, "")],
    };
    client.edit_candidate(delete).await.unwrap();
    client
        .commit(commit(candidate_id, Phase::All))
        .await
        .unwrap();
    bed.assert_not_routed("10.99.1.0/24");
    for id in [candidate_id, idle] {
        client
            .delete_candidate(DeleteCandidateRequest { candidate_id: id })
            .await
            .unwrap();
    }
    let gone = client
        .delete_candidate(DeleteCandidateRequest { candidate_id })
        .await
        .unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_tells_what_frr_it_is_and_what_it_has() {
    let bed = Bed::start();
    let capabilities = bed.driver.capabilities().await.unwrap();
    assert!(
        capabilities.frr_version.starts_with("10."),
        "{}",
        capabilities.frr_version
    );
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

    let state = bed
        .driver
        .get_state("/frr-interface:lib/interface[name='tor0']")
        .await
        .unwrap()
        .unwrap();
    assert!(state.contains("\"if-index\""), "{state}");
    assert_eq!(
        bed.driver.get_config("/frr-filter:lib").await.unwrap(),
        None
    );
    let error = bed.driver.get_config("/nosuch:x").await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { message } if message.contains("XPath")),
        "{error:?}"
    );

    let mut client = NorthboundClient::new(bed.gateway.service());
    let request = GetRequest {
        r#type: DataType::All.into(),
        encoding: novaroute::proto::frr::Encoding::Xml.into(),
        with_defaults: true,
        path: vec!["/frr-interface:lib".into(), "/frr-vrf:lib".into()],
    };
    let mut answers = client.get(request).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().expect("interfaces");
    assert!(first.timestamp > 0);
    assert!(
        first
            .data
            .unwrap()
            .data
            .contains("<lib xmlns=\"http://frrouting.org/yang/interface\"")
    );
    assert!(answers.message().await.unwrap().is_some(), "vrfs");
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_neither_locks_nor_edits() {
    let bed = Bed::start();
    let mut client = NorthboundClient::new(bed.gateway.service());
    let prefixes: Vec<String> = (0..2000)
        .map(|i| format!("10.{}.{}.0/24", 100 + i / 250, i % 250))
        .collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    let data = bed.routes(&prefixes, net::TOR_V4);
    let created = client
        .create_candidate(CreateCandidateRequest {})
        .await
        .unwrap();
    let candidate_id = created.into_inner().candidate_id;
    let config = Some(DataTree { encoding: 0, data });
    client
        .load_to_candidate(LoadToCandidateRequest {
            candidate_id,
            r#type: 0,
            config,
        })
        .await
        .unwrap();
    for wait in [0, 1, 5, 20, 100] {
        let phase = if wait < 20 {
            Phase::Validate
        } else {
            Phase::All
        };
        let request = CommitRequest {
            candidate_id,
            phase: phase.into(),
            comment: String::new(),
        };
        let call = client.commit(request);
        let cut = tokio::time::timeout(Duration::from_millis(wait), call).await;
        println!("cut after {wait} ms: {}", cut.is_err());
    }
    // Ours waits for those that were cut.
    bed.driver
        .commit(bed.add(&["10.99.1.0/24"]), "")
        .await
        .unwrap();
    bed.assert_routed("10.99.1.0/24");
    bed.assert_clean().await;
}

/// Up to FRR 10.5, a commit beside the one of a client that has just hung up ends mgmtd
/// with a failed assertion.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_a_client_that_hung_up_is_waited_for() {
    let bed = Bed::start();
    let mgmtd = bed.lab.pid(Router::Node, "mgmtd").expect("mgmtd runs");
    for i in 0..20u64 {
        let mut victim = bed.session().await;
        while victim.lock(Datastore::Candidate).await.is_err() {}
        while victim.lock(Datastore::Running).await.is_err() {}
        let prefixes: Vec<String> = (0..200)
            .map(|j| format!("10.{}.{j}.0/24", 100 + i))
            .collect();
        let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
        let edit = Edit::merge(Format::Json, bed.routes(&prefixes, net::TOR_V4));
        victim.check_idle().await.unwrap();
        victim.edit(&[edit]).await.unwrap();
        let apply = victim.commit(Action::Apply);
        let _ = tokio::time::timeout(Duration::from_micros(200 * i), apply).await;
        drop(victim);
        let prefix = format!("10.99.{i}.0/24");
        bed.driver.commit(bed.add(&[&prefix]), "").await.unwrap();
        assert!(bed.staticd().contains(&prefix), "staticd has {prefix}");
        assert_eq!(
            bed.lab.pid(Router::Node, "mgmtd"),
            Some(mgmtd),
            "mgmtd still runs"
        );
    }
    bed.assert_clean().await;
}

/// In FRR 10.3 every `vtysh` that ends resets mgmtd's candidate, whoever edits it.
#[tokio::test(flavor = "multi_thread")]
async fn shells_that_come_and_go_do_not_cost_an_edit() {
    let bed = Bed::start();
    let socket = bed.lab.socket_dir(Router::Node).join("mgmtd.vty");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let noise = std::thread::spawn({
        let stop = stop.clone();
        move || {
            let mut count = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                vty(&socket, "show version");
                count += 1;
                std::thread::sleep(Duration::from_millis(50));
            }
            count
        }
    });
    for i in 0..50 {
        let (new, old) = (format!("10.99.{i}.0/24"), format!("10.99.{}.0/24", i - 1));
        let mut edits = bed.add(&[&new]);
        if i > 0 {
            edits.delete = vec![route_path(&old)];
        }
        let outcome = bed.driver.commit(edits, "").await.unwrap();
        assert!(
            matches!(outcome, Outcome::Applied { .. }),
            "{new}: {outcome:?}"
        );
        let staticd = bed.staticd();
        assert!(staticd.contains(&new), "staticd has {new}");
        assert!(
            i == 0 || !staticd.contains(&old),
            "staticd does not have {old}"
        );
        let mgmtd = bed.driver.get_config(STATICD).await.unwrap().unwrap();
        assert!(
            mgmtd.contains(&new) && (i == 0 || !mgmtd.contains(&old)),
            "{mgmtd}"
        );
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let count = noise.join().unwrap();
    println!("{count} shells came and went");
    assert!(count > 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_mgmtd_is_found_again() {
    let bed = Bed::start();
    bed.driver
        .commit(bed.add(&["10.99.1.0/24"]), "")
        .await
        .unwrap();
    bed.lab.kill(Router::Node, "mgmtd");
    let error = bed
        .driver
        .commit(bed.add(&["10.99.2.0/24"]), "")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    let error = bed.driver.get_config("/frr-filter:lib").await.unwrap_err();
    assert_eq!(error.retry(), Retry::Later);
    bed.lab.restart(Router::Node, "mgmtd");
    // The daemons come back to mgmtd within a second or so.
    let mut tries = 0;
    loop {
        match bed.driver.commit(bed.add(&["10.99.2.0/24"]), "").await {
            Ok(_) if bed.staticd().contains("10.99.2.0/24") => break,
            outcome if tries > 100 => panic!("{outcome:?}"),
            _ => tries += 1,
        }
        bed.driver
            .commit(
                Edits {
                    delete: vec![route_path("10.99.2.0/24")],
                    merge: None,
                },
                "",
            )
            .await
            .ok();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bed.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_says_who_has_the_lock_and_survives_a_refusal() {
    let bed = Bed::start();
    let mut one = bed.session().await;
    let mut two = bed.session().await;
    one.lock(Datastore::Candidate).await.unwrap();
    let error = two.lock(Datastore::Candidate).await.unwrap_err();
    assert!(
        matches!(
            error,
            FrontendError::Locked {
                datastore: Datastore::Candidate,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(two.is_usable());
    // Dropped in the middle of a request, a session is not used on.
    let mut edits = Vec::new();
    for i in 0..200 {
        edits.push(Edit::merge(
            Format::Json,
            bed.routes(&[&format!("10.98.{i}.0/24")], net::TOR_V4),
        ));
    }
    let cut = tokio::time::timeout(Duration::from_micros(50), one.edit(&edits)).await;
    if cut.is_err() {
        assert!(!one.is_usable());
        let error = one.lock(Datastore::Running).await.unwrap_err();
        assert!(matches!(error, FrontendError::Closed { .. }), "{error:?}");
    }
    drop(one);
    wait_for_lock(&mut two).await;
}

async fn wait_for_lock(session: &mut Session) {
    for _ in 0..100 {
        if session.lock(Datastore::Candidate).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the lock of a dropped session is not free");
}

/// The gateway as a program: socket, its mode, its end, and what a killed one left.
#[tokio::test(flavor = "multi_thread")]
async fn the_binary_serves_on_a_unix_socket_and_cleans_up() {
    let bed = Bed::start();
    let socket = bed.lab.run_dir().join("nb.sock");
    let start = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_novaroute-northbound"));
        command
            .arg("--socket-dir")
            .arg(bed.lab.socket_dir(Router::Node));
        command.arg("--listen").arg(&socket);
        let child = bed.lab.spawn_in(Router::Node, &command);
        wait_for("the socket", CONVERGE, || {
            UnixStream::connect(&socket).map(drop)
        });
        child
    };
    let connect = || async {
        let path = format!("unix:{}", socket.display());
        Northbound::new(
            tonic::transport::Endpoint::new(path)
                .unwrap()
                .connect()
                .await
                .unwrap(),
        )
    };

    let mut killed = start();
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&socket).unwrap());
    assert_eq!(mode & 0o777, 0o660);
    let driver = connect().await;
    driver
        .commit(bed.add(&["10.99.1.0/24"]), "over a socket")
        .await
        .unwrap();
    bed.assert_routed("10.99.1.0/24");

    let prefixes: Vec<String> = (0..2000)
        .map(|i| format!("10.{}.{}.0/24", 100 + i / 250, i % 250))
        .collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    let cut = tokio::spawn({
        let (driver, edits) = (driver.clone(), bed.add(&prefixes));
        async move { driver.validate(edits).await }
    });
    tokio::time::sleep(Duration::from_millis(60)).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let error = cut.await.unwrap().expect_err("the server is gone");
    assert_ne!(error.retry(), Retry::Never, "{error:?}");

    let mut second = start();
    let driver = connect().await;
    driver.commit(bed.add(&["10.99.2.0/24"]), "").await.unwrap();
    bed.assert_routed("10.99.2.0/24");
    assert!(
        !bed.staticd().contains("10.100.0.0"),
        "nothing of the killed one's edits"
    );
    bed.assert_clean().await;

    let pid = second.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    let status = wait_for("its end", CONVERGE, || {
        second.try_wait().unwrap().ok_or("still running")
    });
    assert!(status.success(), "{status}");
    assert!(!socket.exists(), "the socket is removed");
}

/// Not a test: what a commit costs. `cargo test --release -- --ignored --nocapture cost`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn the_cost_of_commits() {
    let bed = Bed::start();
    let time = async |what: &str, edits: Edits| {
        let start = std::time::Instant::now();
        let outcome = bed.driver.commit(edits, "").await;
        println!("{what}: {:?} ({outcome:?})", start.elapsed());
    };
    let prefixes: Vec<String> = (0..10_000)
        .map(|i| format!("10.{}.{}.0/24", 100 + i / 250, i % 250))
        .collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    time("first route", bed.add(&["10.99.1.0/24"])).await;
    time("second route", bed.add(&["10.99.2.0/24"])).await;
    time("same again", bed.add(&["10.99.2.0/24"])).await;
    time("1,000 routes", bed.add(&prefixes[..1000])).await;
    time("one beside 1,000", bed.add(&["10.99.3.0/24"])).await;
    time("10,000 routes", bed.add(&prefixes)).await;
    time("one beside 10,000", bed.add(&["10.99.4.0/24"])).await;
    let delete = Edits {
        delete: vec![route_path("10.99.4.0/24")],
        merge: None,
    };
    time("delete one beside 10,000", delete).await;
    let delete = prefixes[..1000]
        .iter()
        .map(|prefix| route_path(prefix))
        .collect();
    time(
        "delete 1,000 of 10,000",
        Edits {
            delete,
            merge: None,
        },
    )
    .await;
}
