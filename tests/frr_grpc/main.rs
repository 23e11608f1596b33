//! FRR's own gRPC module in bfdd, bgpd and mgmtd, with our client: where it works, what it
//! gives is what the VTY gives; where it lies or loses data, that is held here too, so that the
//! day on which it ends is noticed.
//!
//! The module is no part of Debian's packages: `tests/lab/grpc.sh` builds it.

mod documents;
#[path = "../lab/mod.rs"]
mod lab;

use std::{io, sync::Arc, time::Duration};

use documents::*;
use hyper_util::rt::TokioIo;
use lab::{Lab, LabOptions, Router, net, wait_for};
use novaroute::{
    daemon::Daemon,
    frr::{
        gateway::Gateway,
        northbound::{Answer, Edits, Error, Northbound},
        vty::{
            Session, Snapshot, VtyDriver,
            steps::steps,
            table::{Defaults, Table},
        },
    },
    proto::frr::{
        CommitRequest, CreateCandidateRequest, DeleteCandidateRequest, EditCandidateRequest,
        PathValue, commit_request::Phase, northbound_client::NorthboundClient,
    },
    tree::Tree,
    yang::{Profile, Schema},
};
use serde_json::{Value, json};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

const CONNECT: Duration = Duration::from_secs(5);

/// How long a daemon may take to show what it was told.
const CONVERGE: Duration = Duration::from_secs(10);

/// How long what must not come is waited for.
const NEVER: Duration = Duration::from_secs(2);

const BFD: &str = "/frr-bfdd:bfdd/bfd";
const PREFIX_LIST: &str = "/frr-filter:lib/prefix-list[type='ipv4'][name='NR-list']";
const ROUTE_MAP: &str = "/frr-route-map:lib/route-map[name='NR-map']";
/// A channel to a daemon's own gRPC. The connection is made from inside the router's network
/// namespace, once: a daemon that was restarted needs a new channel.
async fn channel(lab: &Lab, daemon: &str) -> Channel {
    let port = lab.grpc_port(Router::Node, daemon);
    let mut made = Some(lab.connect(Router::Node, port).expect("the daemon listens"));
    let connector = tower::service_fn(move |_| {
        let stream = made.take().ok_or(io::ErrorKind::NotConnected);
        async move {
            let stream = stream?;
            stream.set_nonblocking(true)?;
            tokio::net::TcpStream::from_std(stream).map(TokioIo::new)
        }
    });
    let endpoint = Endpoint::from_static("http://frr");
    endpoint.connect_with_connector(connector).await.expect("HTTP/2")
}

/// A daemon of `node` with its own gRPC, and the VTY driver beside it.
struct Bench {
    lab: Lab,
    daemon: Daemon,
    northbound: Northbound<Channel>,
    client: NorthboundClient<Channel>,
    driver: VtyDriver,
    table: &'static Table,
    schema: Schema,
    defaults: Defaults,
}

impl Bench {
    async fn start(daemon: Daemon) -> Self {
        let lab = Lab::start(LabOptions::default().grpc(Router::Node, &[daemon.name()]));
        let channel = channel(&lab, daemon.name()).await;
        let socket = lab.socket_dir(Router::Node).join(format!("{daemon}.vty"));
        let driver = VtyDriver::new(daemon, Arc::new(socket), CONNECT).expect("a VTY daemon");
        let schema = Schema::load(&lab.yang_dir(), Profile::Datacenter).expect("FRR's models");
        let table = driver.table();
        let defaults = table.defaults(&schema);
        Self {
            lab,
            daemon,
            northbound: Northbound::new(channel.clone()),
            client: NorthboundClient::new(channel),
            driver,
            table,
            schema,
            defaults,
        }
    }

    async fn read(&mut self) -> Snapshot {
        self.driver.read(&self.defaults).await.expect("the running configuration")
    }

    /// Has the daemon run `goal` through its VTY.
    async fn by_vty(&mut self, goal: &Tree) -> Snapshot {
        let before = self.read().await;
        let (old, new) = (self.table.lines(&before.running.tree), self.table.lines(goal));
        let steps = steps(&old, &new, &before.running.foreign).expect("nothing foreign");
        self.driver.apply(&steps).await.expect("accepted");
        self.read().await
    }

    async fn merge(&self, document: &Value) -> Result<Answer, Error> {
        let edits = Edits { delete: Vec::new(), merge: Some(document.to_string()) };
        self.northbound.commit(edits, "test").await
    }

    /// Merges the document through gRPC, and gives what the daemon's VTY then shows.
    async fn by_grpc(&mut self, document: &Value) -> Snapshot {
        let outcome = self.merge(document).await.expect("accepted");
        assert!(matches!(outcome, Answer::Applied { .. }), "{outcome:?}");
        self.read().await
    }

    async fn delete_by_grpc(&mut self, paths: &[&str]) -> Snapshot {
        let delete = paths.iter().map(|path| (*path).to_owned()).collect();
        let outcome = self.northbound.commit(Edits { delete, merge: None }, "test").await;
        assert!(matches!(outcome, Ok(Answer::Applied { .. })), "{outcome:?}");
        self.read().await
    }

    /// Another client's session on the daemon's VTY.
    async fn session(&self) -> Session {
        let socket = self.lab.socket_dir(Router::Node).join(format!("{}.vty", self.daemon));
        Session::connect(&socket, CONNECT).await.expect("connected")
    }

    async fn candidate(&mut self) -> u32 {
        let created = self.client.create_candidate(CreateCandidateRequest {}).await;
        created.expect("a candidate").into_inner().candidate_id
    }

    async fn edit_and_commit(
        &mut self,
        candidate_id: u32,
        values: &[(String, &str)],
        phase: Phase,
    ) -> Result<(), Status> {
        let update = values
            .iter()
            .map(|(path, value)| PathValue { path: path.clone(), value: (*value).to_owned() })
            .collect();
        let edit = EditCandidateRequest { candidate_id, update, delete: Vec::new() };
        self.client.edit_candidate(edit).await?;
        let commit = CommitRequest { candidate_id, phase: phase.into(), comment: String::new() };
        self.client.commit(commit).await.map(drop)
    }

    /// Sets one leaf in a candidate of its own and commits it in one phase.
    async fn set(&mut self, path: &str, value: &str, phase: Phase) -> Result<(), Status> {
        let candidate = self.candidate().await;
        self.edit_and_commit(candidate, &[(path.to_owned(), value)], phase).await
    }

    /// What gRPC made is, line by line, what the VTY makes of the same data, and gRPC takes it away
    /// without a trace.
    async fn same_as_the_vty(&mut self, document: &Value, paths: &[&str]) -> Snapshot {
        let goal = self.schema.parse_json(&document.to_string()).expect("fits the models");
        let empty = self.read().await;

        let by_grpc = self.by_grpc(document).await;
        for line in self.table.all_lines(&goal).expect("the table has a line for all of it") {
            let line = line.text;
            assert!(by_grpc.text.lines().any(|shown| *shown.trim() == *line), "{line}");
        }
        assert_eq!(by_grpc.running.foreign, []);

        // Given back by gRPC as it was given.
        for path in paths {
            let root = path.split(['/', '[']).nth(1).expect("a root");
            let read = self.northbound.get_config(&format!("/{root}")).await.expect("readable");
            let tree = self.schema.parse_json(&read.expect("there")).expect("FRR's own data");
            let path = path.parse().expect("a path");
            assert_eq!(tree.subtree(&path), goal.subtree(&path), "{path}");
        }

        let emptied = self.delete_by_grpc(paths).await;
        assert_eq!(emptied.text, empty.text, "after taking all back");
        for path in paths {
            assert_eq!(self.northbound.get_config(path).await.expect("readable"), None);
        }

        let by_vty = self.by_vty(&goal).await;
        assert_eq!(by_grpc.text, by_vty.text);
        by_vty
    }
}

#[tokio::test]
async fn a_bfd_profile_through_grpc_is_the_one_of_the_vty() {
    let mut bench = Bench::start(Daemon::Bfdd).await;
    let told = bench.northbound.capabilities().await.expect("capabilities");
    assert!(told.modules.iter().any(|(name, _)| name == "frr-bfdd"), "{told:?}");
    assert!(!told.frr_version.is_empty());
    let profile = format!("{BFD}/profile[name='NR-fast']");
    bench.by_vty(&presence(BFD)).await;
    bench.same_as_the_vty(&bfd_profile(), &[&profile]).await;
}

fn presence(path: &str) -> Tree {
    let mut tree = Tree::new();
    tree.ensure_presence(&path.parse().expect("a path"));
    tree
}

#[tokio::test]
async fn a_bfd_session_through_grpc_is_up_with_its_profile_and_goes() {
    let mut bench = Bench::start(Daemon::Bfdd).await;
    let peer = format!("peer {}", net::NODE_TOR_V4);
    bench.lab.vtysh(Router::Tor, &["configure terminal", "bfd", &peer]);
    bench.by_grpc(&bfd_profile()).await;
    bench.by_grpc(&bfd_session()).await;
    let lab = &bench.lab;
    wait_for("the session to come up", CONVERGE, || {
        let peers = lab.vtysh_json(Router::Node, "show bfd peers json");
        if peers[0]["status"] == "up" { Ok(()) } else { Err(peers.to_string()) }
    });
    let peer = &lab.vtysh_json(Router::Node, "show bfd peers json")[0];
    assert_eq!(peer["peer"], net::TOR_V4);
    assert_eq!(peer["receive-interval"], 150, "{peer}");
    assert_eq!(peer["transmit-interval"], 150, "{peer}");
    assert_eq!(peer["detect-multiplier"], 7, "{peer}");

    let state = bench.northbound.get_state(&format!("{BFD}/sessions")).await.expect("state");
    assert!(state.expect("a session").contains("\"up\""));

    let session = format!(
        "{BFD}/sessions/single-hop[dest-addr='{}'][interface='{}'][vrf='default']",
        net::TOR_V4,
        net::NODE_TOR_INTERFACE
    );
    bench.delete_by_grpc(&[&session]).await;
    assert_eq!(bench.lab.vtysh_json(Router::Node, "show bfd peers json"), json!([]));
}

#[tokio::test]
async fn prefix_lists_and_route_maps_through_grpc_are_those_of_the_vty() {
    let mut bench = Bench::start(Daemon::Bgpd).await;
    bench.same_as_the_vty(&policy(), &[PREFIX_LIST, ROUTE_MAP]).await;
}

#[tokio::test]
async fn what_is_invalid_is_refused_with_words_and_changes_nothing() {
    let mut bench = Bench::start(Daemon::Bgpd).await;
    let before = bench.read().await;

    // By the daemon's own check.
    let mut wrong = prefix_list("NR-list");
    wrong["frr-filter:lib"]["prefix-list"][0]["entry"][0]["ipv4-prefix-length-lesser-or-equal"] =
        json!(8);
    let refused = bench.merge(&wrong).await.expect_err("le is shorter than the prefix");
    assert!(matches!(refused, Error::Refused { .. }), "{refused:?}");
    assert!(refused.to_string().contains("Invalid prefix range for 198.51.100.0/24"), "{refused}");

    // By libyang, of the tree as a whole: its words come with the commit, while FRR 10.3 cuts them
    // after seven characters where it is only asked to validate.
    let path = format!("{PREFIX_LIST}/entry[sequence='5']/ipv4-prefix");
    let status = bench.set(&path, "10.0.0.0/8", Phase::All).await.expect_err("no action");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("Mandatory node \"action\""), "{status}");
    let status = bench.set(&path, "10.0.0.0/8", Phase::Validate).await.expect_err("no action");
    assert_eq!(status.code(), Code::InvalidArgument);

    // By libyang, of one value: with the path where it is set, without any word where it is loaded.
    let status = bench.set(&path, "bogus", Phase::All).await.expect_err("no prefix");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains(&path), "{status}");
    wrong["frr-filter:lib"]["prefix-list"][0]["entry"][0]["ipv4-prefix"] = json!("bogus");
    let refused = bench.merge(&wrong).await.expect_err("no prefix");
    assert!(matches!(refused, Error::Refused { .. }), "{refused:?}");

    assert_eq!(bench.read().await.text, before.text);
}

/// Why data for FRR's own gRPC has to be validated by libyang here before.
#[tokio::test]
async fn unknown_nodes_are_left_out_without_a_word() {
    let mut bench = Bench::start(Daemon::Bgpd).await;
    let mut document = prefix_list("NR-list");
    document["frr-filter:lib"]["prefix-list"][0]["entry"][0]["bogus"] = json!("x");
    assert!(bench.schema.parse_json(&document.to_string()).is_err(), "libyang here refuses it");
    let shown = bench.by_grpc(&document).await.text;
    assert!(shown.contains("ip prefix-list NR-list seq 10 permit 198.51.100.0/24"), "{shown}");
}

/// FRR's own servers refuse to delete what is not there, and die of some questions whether it is.
#[tokio::test]
async fn what_is_not_there_is_deleted_without_harm() {
    let mut bench = Bench::start(Daemon::Bgpd).await;
    bench.by_grpc(&policy()).await;
    let daemon = bench.lab.pid(Router::Node, "bgpd");
    let other = "/frr-filter:lib/prefix-list[type='ipv4'][name='NR-other']";
    // As a whole: FRR 10.3 takes an action without its value, and dies when it is to show it.
    let local_pref = format!(
        "{ROUTE_MAP}/entry[sequence='10']/set-action[action='frr-bgp-route-map:set-local-preference']"
    );
    bench.delete_by_grpc(&[&local_pref, other, PREFIX_LIST]).await;
    let shown = bench.read().await.text;
    assert!(!shown.contains("local-preference") && !shown.contains("prefix-list"), "{shown}");
    assert!(shown.contains("set metric 50"), "{shown}");

    let edits = Edits { delete: vec![other.into(), local_pref], merge: None };
    assert_eq!(bench.northbound.commit(edits, "test").await, Ok(Answer::Unchanged));
    for no_path in ["", "/", "frr-filter:lib"] {
        let refused = bench.northbound.get_config(no_path).await;
        assert!(matches!(refused, Err(Error::Refused { .. })), "{no_path:?}: {refused:?}");
    }
    assert_eq!(bench.lab.pid(Router::Node, "bgpd"), daemon, "bgpd is alive");
}

/// Who types while gRPC commits, in a session that was open before, too, takes nothing away.
#[tokio::test]
async fn what_came_by_grpc_outlives_commands_of_the_vty() {
    let mut bench = Bench::start(Daemon::Bgpd).await;
    let mut session = bench.session().await;
    session.show("configure terminal").await.expect("entered");
    session.show("ip prefix-list NR-before seq 10 permit 203.0.113.0/24").await.expect("typed");
    bench.by_grpc(&prefix_list("NR-grpc")).await;
    session.show("ip prefix-list NR-after seq 10 permit 203.0.113.0/24").await.expect("typed");
    session.show("router bgp 65000").await.expect("typed");
    session.show("end").await.expect("left");
    let shown = bench.read().await.text;
    let used = bench.lab.vtysh(Router::Node, &["show ip prefix-list"]);
    for name in ["NR-before", "NR-grpc", "NR-after"] {
        assert!(shown.contains(name), "{name} in {shown}");
        assert!(used.contains(name), "{name} in {used}");
    }
}

/// A candidate is a copy of its day: to commit it takes away what others did since, and FRR says
/// nothing. `Northbound` makes one for each commit; two writers of one daemon must not be.
#[tokio::test]
async fn an_old_candidate_takes_back_what_was_typed_since() {
    let mut bench = Bench::start(Daemon::Bgpd).await;
    let old = bench.candidate().await;
    let mut session = bench.session().await;
    for line in
        ["configure terminal", "ip prefix-list NR-typed seq 10 permit 203.0.113.0/24", "end"]
    {
        session.show(line).await.expect("typed");
    }
    assert!(bench.read().await.text.contains("NR-typed"));
    let entry = format!("{PREFIX_LIST}/entry[sequence='10']");
    let values =
        [(format!("{entry}/action"), "permit"), (format!("{entry}/ipv4-prefix"), "10.0.0.0/8")];
    let answer = bench.edit_and_commit(old, &values, Phase::All).await;
    answer.expect("FRR 10.3 does not mind that the candidate is old");
    let shown = bench.read().await.text;
    assert!(shown.contains("NR-list"), "{shown}");
    assert!(!shown.contains("NR-typed"), "FRR has learnt to notice old candidates: {shown}");
}

/// Why daemons are asked to validate beforehand, and not to prepare.
#[tokio::test]
async fn a_candidate_that_was_prepared_and_aborted_kills_bgpd_when_it_is_deleted() {
    let mut bench = Bench::start(Daemon::Bgpd).await;
    let candidate = bench.candidate().await;
    let entry = format!("{PREFIX_LIST}/entry[sequence='10']");
    let values =
        [(format!("{entry}/action"), "permit"), (format!("{entry}/ipv4-prefix"), "10.0.0.0/8")];
    for phase in [Phase::Validate, Phase::Prepare, Phase::Abort] {
        bench.edit_and_commit(candidate, &values, phase).await.expect("FRR takes it");
    }
    assert!(bench.lab.pid(Router::Node, "bgpd").is_some());
    let delete = DeleteCandidateRequest { candidate_id: candidate };
    let _ = bench.client.delete_candidate(delete).await;
    wait_for("the end of bgpd", CONVERGE, || match bench.lab.pid(Router::Node, "bgpd") {
        None => Ok(()),
        Some(_) => Err("bgpd survives it: FRR is mended, `DaemonDriver::validate` may prepare"),
    });
}

/// The reason for `frr::gateway`. When this fails, FRR's own gRPC has become honest: say so in the
/// documents: `frr.grpc.mgmtd` uses it then.
#[tokio::test]
async fn mgmtds_own_grpc_says_yes_and_tells_nobody() {
    const PREFIX: &str = "203.0.113.0/24";
    let lab = Lab::start(LabOptions::default().grpc(Router::Node, &["mgmtd"]));
    let flat = !std::fs::read_to_string(lab.yang_dir().join("frr-staticd.yang"))
        .expect("FRR's models")
        .contains("frr-nexthops");
    let hop = json!({
        "nh-type": "ip4", "vrf": "default", "gateway": net::TOR_V4, "interface": "(null)",
    });
    let mut path = json!({"table-id": 0, "distance": 1});
    let members = path.as_object_mut().expect("an object");
    if flat {
        members.extend(hop.as_object().expect("an object").clone());
    } else {
        members.insert("frr-nexthops".into(), json!({"nexthop": [hop]}));
    }
    let route = json!({"frr-routing:routing": {"control-plane-protocols": {
        "control-plane-protocol": [{
            "type": "frr-staticd:staticd", "name": "staticd", "vrf": "default",
            "frr-staticd:staticd": {"route-list": [{
                "prefix": PREFIX, "src-prefix": "::/0",
                "afi-safi": "frr-routing:ipv4-unicast", "path-list": [path],
            }]},
        }],
    }}});
    let edits = Edits { delete: Vec::new(), merge: Some(route.to_string()) };
    let kernel = || {
        let out = lab.exec(Router::Node, &["ip", "route", "show"]);
        String::from_utf8(out.stdout).expect("text")
    };
    let staticd = async || {
        let socket = lab.socket_dir(Router::Node).join("staticd.vty");
        let mut session = Session::connect(&socket, CONNECT).await.expect("connected");
        session.show("show configuration running json").await.expect("JSON")
    };

    let northbound = Northbound::new(channel(&lab, "mgmtd").await);
    let outcome = northbound.commit(edits.clone(), "test").await.expect("mgmtd says yes");
    assert!(matches!(outcome, Answer::Applied { .. }), "{outcome:?}");
    let running = northbound.get_config("/frr-routing:routing").await.expect("readable");
    assert!(running.expect("the route").contains(PREFIX), "mgmtd shows it");
    assert!(lab.vtysh(Router::Node, &["show running-config"]).contains(PREFIX));
    tokio::time::sleep(NEVER).await;
    assert!(!staticd().await.contains(PREFIX), "mgmtd's gRPC has told staticd: the lie has ended");
    assert!(!kernel().contains(PREFIX));

    // The honest door cannot repair it: for mgmtd there is nothing to change.
    let gateway = Gateway::new(&lab.socket_dir(Router::Node));
    let honest = Northbound::new(gateway.service());
    honest.commit(edits, "test").await.expect("mgmtd says yes again");
    tokio::time::sleep(NEVER).await;
    assert!(!staticd().await.contains(PREFIX));
    assert!(!kernel().contains(PREFIX));

    // But a staticd that starts anew is told all.
    lab.restart(Router::Node, "staticd");
    wait_for("the route in the kernel", CONVERGE, || {
        let seen = kernel();
        if seen.contains(PREFIX) { Ok(()) } else { Err(seen) }
    });
}
