use std::{path::Path, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixListener,
    time::timeout,
};

use super::*;
use crate::{model::Protocol, protocol::bgp::state as bgp};

const ESTABLISHED: &str = include_str!("../../tests/fixtures/bgpd-10.3/summary-established.json");
const FLAPPED: &str = include_str!("../../tests/fixtures/bgpd-10.3/summary-flapped.json");
const PEER_DOWN: &str = include_str!("../../tests/fixtures/bgpd-10.3/summary-peer-down.json");

fn connected(generation: u64) -> DaemonState {
    DaemonState::Connected { version: "10.3".into(), generation, uptime: None }
}

/// bgpd connected for the n-th time, with the neighbours of a capture.
fn status(generation: u64, summary: &str) -> FrrStatus {
    let mut status = FrrStatus::default();
    status.daemons.insert(Daemon::Bgpd, connected(generation));
    status.neighbors = bgp::summary(summary).unwrap().neighbors;
    status
}

fn down(state: &str) -> Transition {
    Transition::PeerDown {
        peer: "10.7.0.2".parse().unwrap(),
        state: state.into(),
        previous_state: "Established".into(),
        causes: Box::default(),
    }
}

fn up(previous_state: &str) -> Transition {
    Transition::PeerUp {
        peer: "10.7.0.2".parse().unwrap(),
        state: "Established".into(),
        previous_state: previous_state.into(),
    }
}

#[test]
fn a_session_that_is_lost_or_comes_back_is_told() {
    let (established, lost) = (status(1, ESTABLISHED), status(1, PEER_DOWN));
    assert_eq!(diff(&established, &established), []);
    assert_eq!(diff(&established, &lost), [down("Active")]);
    assert_eq!(diff(&lost, &established), [up("Active")]);
    assert_eq!(diff(&established, &status(1, "{}")), [down("Unknown")], "removed");
}

#[test]
fn a_session_that_flapped_between_two_polls_is_told_as_both() {
    let transitions = diff(&status(1, ESTABLISHED), &status(1, FLAPPED));
    assert_eq!(transitions, [down("Idle"), up("Idle")]);
}

#[test]
fn the_end_and_the_return_of_bgpd_are_frrs() {
    let (nothing, first) = (FrrStatus::default(), status(1, ESTABLISHED));
    let daemon = Daemon::Bgpd;
    let version = "10.3".to_owned();
    let came = [
        Transition::DaemonConnected { daemon },
        Transition::FrrConnected { version },
        up("Unknown"),
    ];
    assert_eq!(diff(&nothing, &first), came);
    let reason = "not connected yet".to_owned();
    let gone = [
        Transition::FrrDisconnected { reason: reason.clone() },
        Transition::DaemonDisconnected { daemon, reason },
        down("Unknown"),
    ];
    assert_eq!(diff(&first, &nothing), gone);
    let restarted = diff(&first, &status(2, PEER_DOWN));
    assert!(matches!(restarted[0], Transition::FrrDisconnected { .. }));
    assert!(matches!(restarted.last(), Some(Transition::FrrConnected { .. })));
    assert!(restarted.contains(&down("Active")));
}

#[test]
fn another_daemon_is_not_frr() {
    let mut with = FrrStatus::default();
    with.daemons.insert(Daemon::Bfdd, connected(1));
    let daemon = Daemon::Bfdd;
    assert_eq!(diff(&FrrStatus::default(), &with), [Transition::DaemonConnected { daemon }]);
    assert!(with.frr().is_err());
}

fn bfd(status: &str, up_for: Option<u64>) -> BfdSession {
    let up_for = up_for.map(Duration::from_secs);
    BfdSession { status: status.into(), up_for, ..BfdSession::default() }
}

#[test]
fn a_bfd_session_that_comes_and_goes_is_told_once() {
    let peer = "10.7.0.2".parse().unwrap();
    let with = |session: Option<BfdSession>| {
        let key = BfdKey { peer, multihop: false, local: None, interface: "eth0".into() };
        let bfd_sessions = session.map(|session| (key, session)).into_iter().collect();
        FrrStatus { bfd_sessions, ..FrrStatus::default() }
    };
    let change = |status: &str, previous: &str| BfdChange {
        peer,
        interface: "eth0".into(),
        status: status.into(),
        previous_status: previous.into(),
        diagnostic: String::new(),
    };
    let up = with(Some(bfd("up", Some(5))));
    let down = with(Some(bfd("down", None)));
    let told = |was: &FrrStatus, is: &FrrStatus| diff(was, is);
    assert_eq!(told(&down, &up), [Transition::BfdUp(change("up", "down"))]);
    assert_eq!(told(&up, &with(Some(bfd("up", Some(6))))), []);
    assert_eq!(told(&up, &down), [Transition::BfdDown(change("down", "up"))]);
    assert_eq!(told(&down, &with(Some(bfd("init", None)))), []);
    assert_eq!(told(&up, &with(None)), [Transition::BfdDown(change("Unknown", "up"))]);
    let flapped =
        [Transition::BfdDown(change("down", "up")), Transition::BfdUp(change("up", "down"))];
    assert_eq!(told(&up, &with(Some(bfd("up", Some(1))))), flapped);
}

#[test]
fn an_ospf_neighbour_counts_while_it_is_full() {
    let neighbor_id = "10.7.0.9".parse().unwrap();
    let with = |state: Option<&str>| {
        let neighbor = state.map(|state| OspfNeighbor {
            address: "10.7.0.2".parse().unwrap(),
            state: state.into(),
        });
        let neighbors = neighbor.map(|it| (neighbor_id, it)).into_iter().collect();
        let interface = OspfInterface { neighbors, ..OspfInterface::default() };
        FrrStatus { ospf_interfaces: [("eth0".into(), interface)].into(), ..FrrStatus::default() }
    };
    let change = |state: &str, previous_state: &str| OspfChange {
        neighbor_id,
        interface: "eth0".into(),
        state: state.into(),
        previous_state: previous_state.into(),
    };
    let full = with(Some("Full"));
    let loading = with(Some("Loading"));
    assert_eq!(diff(&with(None), &loading), []);
    assert_eq!(diff(&loading, &full), [Transition::OspfNeighborUp(change("Full", "Loading"))]);
    assert_eq!(diff(&full, &with(None)), [Transition::OspfNeighborDown(change("Unknown", "Full"))]);
    assert_eq!(
        diff(&full, &FrrStatus::default()),
        [Transition::OspfNeighborDown(change("Unknown", "Full"))],
        "with its interface"
    );
}

/// A bgpd of one connection, with this summary. Dropping the handle ends it.
fn bgpd(directory: &Path, summary: &'static str) -> tokio::task::JoinHandle<()> {
    let path = directory.join("bgpd.vty");
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut command = vec![];
        while let Ok(byte) = stream.read_u8().await {
            if byte != 0 {
                command.push(byte);
                continue;
            }
            let text = match command.as_slice() {
                b"enable" => "",
                b"show version" => include_str!("../../tests/fixtures/bgpd-10.3/version.txt"),
                b"show bgp router json" => {
                    include_str!("../../tests/fixtures/bgpd-10.3/router.json")
                }
                b"show bgp summary json" => summary,
                b"show bgp ipv4 unicast update-groups advertised-routes" => {
                    include_str!("../../tests/fixtures/bgpd-10.3/advertised-ipv4.txt")
                }
                b"show bgp ipv6 unicast update-groups advertised-routes" => "",
                other if other.starts_with(b"show bgp neighbors ") => "{}",
                other => panic!("{other:?}"),
            };
            command.clear();
            stream.write_all(text.as_bytes()).await.unwrap();
            stream.write_all(&[0; 4]).await.unwrap();
        }
    })
}

struct Watched {
    directory: TempDir,
    monitor: Monitor,
    transitions: mpsc::Receiver<Transition>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
}

fn watched(directory: TempDir) -> Watched {
    let frr = FrrConfig {
        socket_dir: directory.path().to_owned(),
        connect_timeout: Duration::from_secs(1),
        retry_interval: Duration::from_millis(200),
        yang_dir: "/".into(),
        grpc: std::collections::BTreeMap::new(),
    };
    let (send, transitions) = mpsc::channel(8);
    let (metrics, stop) = (Arc::new(Metrics::new([])), CancellationToken::new());
    let none = StaticRoutes::new(Vec::new);
    let monitor = Monitor::start(&frr, none, send, metrics.clone(), stop.clone());
    Watched { directory, monitor, transitions, metrics, stop }
}

impl Watched {
    async fn next(&mut self) -> Transition {
        timeout(Duration::from_secs(5), self.transitions.recv()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_bgpd_that_restarts_is_noticed_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let first = bgpd(directory.path(), ESTABLISHED);
    let mut watched = watched(directory);
    assert_eq!(watched.next().await, Transition::DaemonConnected { daemon: Daemon::Bgpd });
    assert_eq!(watched.next().await, Transition::FrrConnected { version: "10.3".into() });
    assert_eq!(watched.next().await, up("Unknown"));
    let status = watched.monitor.status.latest();
    assert_eq!(status.frr(), Ok("10.3"));
    assert_eq!(status.neighbors.len(), 4);
    assert!(status.advertised.contains(Protocol::Bgp, &"192.0.2.2/32".parse().unwrap()));
    assert!(watched.metrics.render().contains("novaroute_frr_connected 1"));

    first.abort();
    let gone = timeout(Duration::from_millis(300), watched.next()).await.expect("no poll needed");
    assert!(matches!(gone, Transition::FrrDisconnected { .. }), "{gone:?}");
    watched.next().await;
    assert_eq!(watched.next().await, down("Unknown"));
    assert!(watched.metrics.render().contains("novaroute_frr_connected 0"));

    let _second = bgpd(watched.directory.path(), PEER_DOWN);
    assert_eq!(watched.next().await, Transition::DaemonConnected { daemon: Daemon::Bgpd });
    watched.next().await;
    let status = watched.monitor.status.latest();
    assert_eq!(status.generation(Daemon::Bgpd), Some(2));
    assert!(matches!(status.frr(), Ok("10.3")));

    watched.stop.cancel();
    timeout(Duration::from_secs(1), watched.monitor.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn it_stops_though_nobody_takes_transitions() {
    let directory = tempfile::tempdir().unwrap();
    let _bgpd = bgpd(directory.path(), "{}");
    let mut watched = watched(directory);
    watched.next().await;
    watched.stop.cancel();
    timeout(Duration::from_secs(1), watched.monitor.task).await.unwrap().unwrap();
}
