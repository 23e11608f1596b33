//! A lab with a gateway to its `node`, and what the tests ask of FRR.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use novaroute::{
    frr::{
        frontend::{Action, Committed, Datastore, Session},
        gateway::{Gateway, Limits},
        northbound::{Edits, Northbound},
    },
    proto::frr::{
        CommitRequest, CreateCandidateRequest, DataTree, LoadToCandidateRequest,
        commit_request::Phase, load_to_candidate_request::LoadType,
        northbound_client::NorthboundClient, northbound_server::NorthboundServer,
    },
};
use tonic::Status;

use crate::lab::{Lab, LabOptions, Router, net, wait_for};

/// zebra and the kernel have a route a few milliseconds after the commit; on a machine that stands still, later.
pub const CONVERGE: Duration = Duration::from_secs(60);

pub const STATICD: &str = "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
    [type='frr-staticd:staticd'][name='staticd'][vrf='default']/frr-staticd:staticd";

pub type Driver = Northbound<NorthboundServer<Gateway>>;

pub struct Bed {
    pub lab: Lab,
    pub gateway: Gateway,
    pub driver: Driver,
}

impl Bed {
    pub fn start() -> Self {
        Self::with_limits(Limits::default())
    }

    pub fn with_limits(limits: Limits) -> Self {
        let lab = Lab::start(LabOptions::default());
        let gateway = Gateway::with_limits(&lab.socket_dir(Router::Node), limits);
        let driver = Northbound::new(gateway.service());
        Self { lab, gateway, driver }
    }

    /// A client of the RPCs themselves.
    pub fn client(&self) -> Client {
        Client(NorthboundClient::new(self.gateway.service()))
    }

    pub async fn session(&self) -> Session {
        let socket = self.lab.socket_dir(Router::Node).join("mgmtd_fe.sock");
        Session::connect(&socket, "test").await.expect("a session with mgmtd")
    }

    /// The schema of FRR 10.7, in which the next hop is part of the path's keys.
    pub fn flat(&self) -> bool {
        let module = std::fs::read_to_string(self.lab.yang_dir().join("frr-staticd.yang")).unwrap();
        !module.contains("frr-nexthops")
    }

    /// Static routes to the prefixes through `gateway`.
    pub fn routes(&self, prefixes: &[&str], gateway: &str) -> String {
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

    pub fn add(&self, prefixes: &[&str]) -> Edits {
        Edits { delete: Vec::new(), merge: Some(self.routes(prefixes, net::TOR_V4)) }
    }

    /// What staticd itself runs.
    pub fn staticd(&self) -> String {
        let socket = self.lab.socket_dir(Router::Node).join("staticd.vty");
        vty(&socket, "show configuration running json")
    }

    pub fn kernel(&self) -> String {
        let out = self.lab.exec(Router::Node, &["ip", "route", "show"]);
        String::from_utf8(out.stdout).unwrap()
    }

    #[track_caller]
    pub fn assert_routed(&self, prefix: &str) {
        assert!(self.staticd().contains(prefix), "staticd has {prefix}");
        wait_for(&format!("{prefix} in the kernel"), CONVERGE, || {
            let seen = self.kernel();
            if seen.contains(prefix) { Ok(()) } else { Err(seen) }
        });
        let rib = self.lab.vtysh_json(Router::Node, &format!("show ip route {prefix} json"));
        assert_eq!(rib[prefix][0]["protocol"], "static", "{rib}");
        assert_eq!(rib[prefix][0]["installed"], true, "{rib}");
    }

    #[track_caller]
    pub fn assert_not_routed(&self, prefix: &str) {
        assert!(!self.staticd().contains(prefix), "staticd does not have {prefix}");
        wait_for(&format!("{prefix} gone from the kernel"), CONVERGE, || {
            let seen = self.kernel();
            if seen.contains(prefix) { Err(seen) } else { Ok(()) }
        });
    }

    /// Waits until nobody has a lock of mgmtd's any more.
    pub async fn wait_unlocked(&self) {
        let begun = std::time::Instant::now();
        let mut session = self.session().await;
        while session.lock(Datastore::Running).await.is_err() {
            assert!(begun.elapsed() < CONVERGE, "somebody has the lock");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        session.unlock(Datastore::Running).await.expect("unlocked");
    }

    /// mgmtd's candidate is what runs, and nobody has a lock.
    pub async fn assert_clean(&self) {
        let mut session = self.session().await;
        session.lock(Datastore::Candidate).await.expect("candidate is free");
        session.lock(Datastore::Running).await.expect("running is free");
        let pending = session.commit(Action::Validate).await.expect("candidate is valid");
        if self.lab_says_no_changes() {
            assert_eq!(pending, Committed::NoChanges);
        }
        session.commit(Action::Abort).await.unwrap();
        session.unlock(Datastore::Running).await.unwrap();
        session.unlock(Datastore::Candidate).await.unwrap();
    }

    /// FRR 10.4 to 10.6 do not tell "no changes" from "valid".
    pub fn lab_says_no_changes(&self) -> bool {
        let version = self.lab.vtysh(Router::Node, &["show version"]);
        !["10.4", "10.5", "10.6"].iter().any(|v| version.contains(&format!("FRRouting {v}")))
    }
}

/// The RPCs about candidates, without their messages.
#[derive(Clone)]
pub struct Client(pub NorthboundClient<NorthboundServer<Gateway>>);

impl Client {
    pub async fn create(&mut self) -> u32 {
        let created = self.0.create_candidate(CreateCandidateRequest {}).await.unwrap();
        created.into_inner().candidate_id
    }

    /// A new candidate with this in it.
    pub async fn merged(&mut self, json: String) -> u32 {
        let id = self.create().await;
        self.load(id, LoadType::Merge, 0, json).await.unwrap();
        id
    }

    pub async fn load(
        &mut self,
        candidate_id: u32,
        load: LoadType,
        encoding: i32,
        data: String,
    ) -> Result<(), Status> {
        let config = Some(DataTree { encoding, data });
        let request = LoadToCandidateRequest { candidate_id, r#type: load.into(), config };
        self.0.load_to_candidate(request).await.map(drop)
    }

    pub async fn commit(&mut self, candidate_id: u32, phase: Phase) -> Result<u32, Status> {
        let comment = format!("{phase:?} of {candidate_id}");
        let request = CommitRequest { candidate_id, phase: phase.into(), comment };
        Ok(self.0.commit(request).await?.into_inner().transaction_id)
    }
}

pub fn route_path(prefix: &str) -> String {
    format!(
        "{STATICD}/route-list[prefix='{prefix}'][src-prefix='::/0'][afi-safi='frr-routing:ipv4-unicast']"
    )
}

/// One command on a daemon's VTY.
pub fn vty(socket: &Path, command: &str) -> String {
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
