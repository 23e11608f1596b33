//! Frames of fixed states, compared with files. `UPDATE_GOLDEN=1` rewrites them.

use std::{env, fs, path::Path, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    style::Color,
};

use super::{
    data::{Data, Rate, Update, percentile},
    draw::draw,
    rows,
    state::{Next, Pane, Top},
};
use crate::{
    ctl::output::{Colour, Now},
    proto::v1::{
        BfdSessionStatus, DaemonStatus, EventType, FrrStatus, GetStatusResponse,
        OspfInterfaceStatus, PeerStatus, PrefixStatus, Protocol, RouteEvent, Transaction,
    },
};

const BEGUN_MS: i64 = 1_700_000_000_000;

fn status(received: u32) -> GetStatusResponse {
    let peer = |address: &str, state: &str, received| PeerStatus {
        neighbor_address: address.into(),
        remote_as: 65_001,
        state: state.into(),
        owner: "edge".into(),
        prefixes_received: received,
        prefixes_sent: 3,
        uptime: "3723".into(),
        bfd_enabled: address == "10.0.0.9",
        bfd_status: "up".into(),
        ..PeerStatus::default()
    };
    let prefix = |prefix: &str, owner: &str, state: &str| PrefixStatus {
        prefix: prefix.into(),
        protocol: Protocol::Bgp.into(),
        owner: owner.into(),
        state: state.into(),
        ..PrefixStatus::default()
    };
    let daemon = |name: &str, connected| DaemonStatus {
        name: name.into(),
        connected,
        ..DaemonStatus::default()
    };
    GetStatusResponse {
        journal: vec![],
        drain: None,
        kept: Vec::new(),
        stuck: Vec::new(),
        bfd_profiles: Vec::new(),
        static_routes: Vec::new(),
        frr_status: Some(FrrStatus {
            version: "10.3".into(),
            connected: true,
            uptime: "187200".into(),
            daemons: vec![daemon("bgpd", true), daemon("mgmtd", true), daemon("ospfd", false)],
        }),
        peers: vec![
            peer("fd00::2", "Active", 0),
            peer("10.0.0.10", "pending", 0),
            peer("10.0.0.9", "Established", received),
        ],
        prefixes: vec![
            prefix("192.0.2.1/32", "edge", "advertised"),
            prefix("192.0.2.2/32", "edge", "advertised"),
            prefix("192.0.2.3/32", "edge", "rejected: no such route-map"),
            prefix("10.244.0.0/24", "cni", "pending"),
        ],
        bfd_sessions: vec![BfdSessionStatus {
            peer_address: "10.0.0.9".into(),
            state: "up".into(),
            owner: "edge".into(),
            min_rx_ms: 100,
            min_tx_ms: 100,
            detect_multiplier: 3,
            uptime: "60".into(),
            ..BfdSessionStatus::default()
        }],
        ospf_interfaces: vec![OspfInterfaceStatus {
            interface_name: "eth1".into(),
            area_id: "0.0.0.0".into(),
            state: "DR".into(),
            owner: "cni".into(),
            neighbor_count: 2,
            ..OspfInterfaceStatus::default()
        }],
        snapshot_age_ms: 120,
    }
}

fn transaction(number: u64) -> Transaction {
    Transaction {
        id: format!("t{number}"),
        owner: "edge".into(),
        origin: "AdvertisePrefix".into(),
        begun_unix_ms: BEGUN_MS + i64::try_from(number).unwrap() * 1000,
        duration_us: number * 1000,
        result: "confirmed".into(),
        change_count: 1,
        ..Transaction::default()
    }
}

fn top() -> Top {
    let mut top = Top::new("/run/novaroute.sock".into(), String::new(), Colour::Ansi);
    let time = Timestamp::from_millisecond(BEGUN_MS + 60_000).unwrap();
    top.now = Now { time, zone: TimeZone::UTC };
    top
}

fn full() -> Top {
    let mut top = top();
    top.take(Update::Linked);
    top.take(Update::Status(Box::new(status(10)), Duration::from_secs(1)));
    top.take(Update::Status(Box::new(status(35)), Duration::from_secs(3)));
    for number in 1..=20 {
        top.take(Update::Transaction(Box::new(transaction(number))));
    }
    top.take(Update::Transaction(Box::new(Transaction {
        result: "refused".into(),
        message: "bgpd: % no\nsuch thing".into(),
        ..transaction(21)
    })));
    for (kind, detail) in [
        (EventType::PeerUp, "peer 10.0.0.9 is Established"),
        (EventType::PolicyViolation, "two\nlines and \u{1b}[2J"),
        (EventType::FrrDisconnected, ""),
    ] {
        top.take(Update::Event(RouteEvent {
            r#type: kind.into(),
            detail: detail.into(),
            timestamp_unix: BEGUN_MS / 1000,
            owner: "edge".into(),
            metadata: [("daemon".to_owned(), "ospfd".to_owned())].into(),
        }));
    }
    top
}

fn draw_on(top: &Top, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, top)).unwrap();
    terminal
}

fn text_of(top: &Top, width: u16, height: u16) -> String {
    let terminal = draw_on(top, width, height);
    let buffer = terminal.backend().buffer();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(|y| line(y).trim_end().to_owned() + "\n").collect()
}

#[track_caller]
fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ctl/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name}: {error}; UPDATE_GOLDEN=1 writes it"));
    assert_eq!(text, expected, "{name} differs; UPDATE_GOLDEN=1 rewrites it");
}

fn press(top: &mut Top, keys: &[KeyCode]) -> Next {
    let press = |key| top.press(KeyEvent::new(key, KeyModifiers::NONE));
    keys.iter().copied().map(press).last().unwrap_or(Next::Go)
}

#[test]
fn frames() {
    compare("top-80x24.txt", &text_of(&full(), 80, 24));
    compare("top-160x40.txt", &text_of(&full(), 160, 40));
    compare("top-100x60.txt", &text_of(&full(), 100, 60));
    compare("top-40x10.txt", &text_of(&full(), 40, 10));
    compare("top-connecting.txt", &text_of(&top(), 80, 24));
    let mut lost = full();
    lost.take(Update::Lost("cannot connect to /run/novaroute.sock: no\nsuch file".into()));
    press(&mut lost, &[KeyCode::Char('4'), KeyCode::Enter, KeyCode::Char('p')]);
    compare("top-lost.txt", &text_of(&lost, 80, 24));
    let mut help = full();
    press(&mut help, &[KeyCode::Char('?')]);
    compare("top-help.txt", &text_of(&help, 80, 24));
}

#[test]
fn no_size_is_too_small() {
    let mut top = full();
    for size in [(1, 1), (1, 40), (300, 1), (2, 2), (10, 3), (20, 5), (79, 19), (500, 200)] {
        draw_on(&top, size.0, size.1);
        top.help = !top.help;
    }
}

#[test]
fn colours_tell_states_and_only_where_they_are_wanted() {
    for colour in [Colour::Ansi, Colour::None] {
        let mut top = full();
        top.colour = colour;
        let terminal = draw_on(&top, 160, 40);
        let colours: Vec<Color> =
            terminal.backend().buffer().content.iter().map(|cell| cell.fg).collect();
        for wanted in [Color::Green, Color::Yellow, Color::Red] {
            assert_eq!(colours.contains(&wanted), colour == Colour::Ansi, "{wanted:?}");
        }
    }
}

#[test]
fn keys_move_between_panes_and_lines() {
    let mut top = full();
    press(&mut top, &[KeyCode::Down, KeyCode::Down, KeyCode::Down, KeyCode::Down]);
    assert_eq!(top.selected(Pane::Peers, 3), 2, "the last of three lines");
    press(&mut top, &[KeyCode::Up]);
    assert_eq!(top.selected(Pane::Peers, 3), 1);
    press(&mut top, &[KeyCode::BackTab, KeyCode::End]);
    assert_eq!((top.focus, top.selected(Pane::Transactions, 21)), (Pane::Transactions, 20));
    assert!(text_of(&top, 80, 24).contains("1.0 ms"), "the oldest has been scrolled to");
    press(&mut top, &[KeyCode::Tab, KeyCode::Tab]);
    assert_eq!(top.focus, Pane::Prefixes);
}

#[test]
fn a_filter_is_typed_kept_and_cleared() {
    let mut top = full();
    press(&mut top, &[KeyCode::Char('/'), KeyCode::Char('Q'), KeyCode::Backspace]);
    press(&mut top, &[KeyCode::Char('e'), KeyCode::Char('S'), KeyCode::Enter]);
    let peers = rows::rows(&top, Pane::Peers);
    assert_eq!(peers.len(), 1, "only what is Established: {peers:?}");
    assert!(text_of(&top, 80, 24).contains("filter eS"));
    press(&mut top, &[KeyCode::Esc]);
    assert_eq!(rows::rows(&top, Pane::Peers).len(), 3);
}

#[test]
fn a_prefix_is_found_by_filter_or_in_the_enlarged_pane() {
    let mut top = full();
    assert_eq!(rows::rows(&top, Pane::Prefixes).len(), 3, "counts");
    press(&mut top, &[KeyCode::Char('2'), KeyCode::Enter]);
    assert_eq!(rows::rows(&top, Pane::Prefixes).len(), 4, "each");
    press(&mut top, &[KeyCode::Char('/')]);
    press(&mut top, &"2.0.2.3".chars().map(KeyCode::Char).collect::<Vec<_>>());
    press(&mut top, &[KeyCode::Enter]);
    let found = rows::rows(&top, Pane::Prefixes);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0][0].0, "192.0.2.3/32");
    compare("top-prefix.txt", &text_of(&top, 80, 24));
    // All of it, on its own.
    press(&mut top, &[KeyCode::Char('d')]);
    let shown = text_of(&top, 80, 24);
    assert!(shown.contains("REASON    no such route-map"), "{shown}");
    press(&mut top, &[KeyCode::Char('x')]);
    assert!(!top.details);
}

#[test]
fn lines_are_sorted_by_a_column_and_as_before_behind_the_last() {
    let mut top = full();
    let order = |top: &Top| -> Vec<String> {
        rows::rows(top, Pane::Peers).into_iter().map(|row| row[0].0.clone()).collect()
    };
    let before = order(&top);
    assert_eq!(before, ["10.0.0.9", "10.0.0.10", "fd00::2"]);
    // By AS all are equal; by state Active, Established, pending.
    press(&mut top, &[KeyCode::Char('s'), KeyCode::Char('s'), KeyCode::Char('s')]);
    assert_eq!(order(&top), ["fd00::2", "10.0.0.9", "10.0.0.10"]);
    assert!(text_of(&top, 80, 24).contains("STATE^"));
    for _ in 3..=8 {
        press(&mut top, &[KeyCode::Char('s')]);
    }
    assert_eq!(order(&top), before);
}

#[test]
fn all_of_a_peer_is_shown_with_why_it_is_down() {
    let mut top = full();
    press(&mut top, &[KeyCode::End, KeyCode::Char('d')]);
    compare("top-peer.txt", &text_of(&top, 80, 24));
    compare("top-peer-200.txt", &text_of(&top, 200, 50));
}

/// The view's own tick is 250 ms, and it asks every second.
#[test]
fn an_agent_that_hangs_is_named_within_two_seconds() {
    let mut top = full();
    top.tick(Duration::from_secs(10));
    top.take(Update::Status(Box::new(status(35)), Duration::from_secs(10)));
    top.tick(Duration::from_millis(11_500));
    assert!(!top.hangs(), "an answer may still come");
    top.tick(Duration::from_millis(11_750));
    assert!(top.hangs());
    assert!(
        text_of(&top, 80, 24).contains("hangs: no answer for 1 s"),
        "{}",
        text_of(&top, 80, 24)
    );
    // Also one that never said anything; one that is away is called that.
    let mut fresh = self::top();
    fresh.tick(Duration::from_secs(2));
    assert!(text_of(&fresh, 80, 24).contains("hangs"));
    fresh.take(Update::Lost("no such file".into()));
    fresh.tick(Duration::from_secs(9));
    assert!(!fresh.hangs());
    top.take(Update::Status(Box::new(status(35)), Duration::from_secs(12)));
    assert!(!top.hangs());
}

#[test]
fn a_paused_view_stands_still_and_catches_up() {
    let mut top = full();
    press(&mut top, &[KeyCode::Char('p')]);
    let before = text_of(&top, 80, 24);
    top.take(Update::Status(Box::default(), Duration::from_secs(4)));
    top.take(Update::Event(RouteEvent::default()));
    assert_eq!(text_of(&top, 80, 24), before);
    press(&mut top, &[KeyCode::Char('p')]);
    assert!(text_of(&top, 80, 24).contains("peers 0/0 up"));
}

#[test]
fn q_and_control_c_quit_also_from_the_help() {
    assert_eq!(press(&mut full(), &[KeyCode::Char('q')]), Next::Quit);
    assert_eq!(press(&mut full(), &[KeyCode::Char('?'), KeyCode::Char('q')]), Next::Quit);
    assert_eq!(press(&mut full(), &[KeyCode::Char('/'), KeyCode::Char('q')]), Next::Go);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(full().press(interrupt), Next::Quit);
}

#[test]
fn rates_are_per_second() {
    let mut data = Data::default();
    data.take_status(status(100), Duration::from_secs(10));
    assert!(data.rates.is_empty(), "one look says nothing of a rate");
    data.take_status(status(40), Duration::from_secs(14));
    assert_eq!(data.rates["10.0.0.9"], Rate { received: -15.0, sent: 0.0 });
}

#[test]
fn a_transaction_that_changes_is_one_and_stays_in_its_place() {
    let mut data = Data::default();
    for number in [2, 3, 1] {
        data.take_transaction(transaction(number));
    }
    data.take_transaction(Transaction { finish: "rolled back".into(), ..transaction(2) });
    let ids: Vec<&str> = data.transactions.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["t3", "t2", "t1"]);
    assert_eq!(data.transactions[1].finish, "rolled back");
}

#[test]
fn percentiles_are_of_the_nearest_rank() {
    let hundred: Vec<u64> = (1..=100).collect();
    assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (Some(50), Some(99)));
    assert_eq!((percentile(&[7], 50), percentile(&[7], 99)), (Some(7), Some(7)));
    assert_eq!(percentile(&[], 50), None);
}
