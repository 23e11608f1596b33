//! The lines of each pane, as text with how good it is. Pure.

use std::{cmp::Ordering, net::IpAddr};

use ratatui::layout::Constraint;

use super::{
    cells::{Cell, plain, state},
    data::{Data, Rate},
    prefixes,
    state::{Pane, Top},
};
use crate::{
    ctl::output::{Now, table::Health, text, when::took},
    proto::v1::{BfdSessionStatus, PeerStatus, RouteEvent, Transaction},
};

/// The columns of a pane, each with its width in characters: on 80 columns all of them fit, on
/// more those with a `Min` grow.
pub fn columns(top: &Top, pane: Pane) -> &'static [(&'static str, Constraint)] {
    use Constraint::{Length, Min};
    match pane {
        Pane::Peers => &[
            ("ADDRESS", Min(15)),
            ("AS", Length(10)),
            ("STATE", Length(11)),
            ("UPTIME", Length(8)),
            ("RECEIVED", Length(10)),
            ("SENT", Length(9)),
            ("BFD", Length(4)),
            ("OWNER", Min(4)),
        ],
        Pane::Prefixes => prefixes::columns(top),
        Pane::Bfd => &[
            ("PEER", Min(15)),
            ("STATE", Length(9)),
            ("UPTIME", Length(9)),
            ("RX/TX MS", Length(13)),
            ("OWNER", Min(5)),
        ],
        Pane::Ospf => &[
            ("INTERFACE", Length(15)),
            ("AREA", Length(11)),
            ("STATE", Length(13)),
            ("NEIGHBORS", Length(9)),
            ("OWNER", Min(5)),
        ],
        Pane::Events => {
            &[("TIME", Length(8)), ("EVENT", Length(18)), ("OWNER", Length(10)), ("DETAIL", Min(8))]
        }
        Pane::Transactions => &[
            ("TIME", Length(8)),
            ("OWNER", Length(10)),
            ("CALL", Length(15)),
            ("CHANGES", Length(7)),
            ("RESULT", Length(10)),
            ("TOOK", Length(8)),
            ("MESSAGE", Min(8)),
        ],
    }
}

/// The lines of a pane that have what the filter wants.
pub fn rows(top: &Top, pane: Pane) -> Vec<Vec<Cell>> {
    let data = top.data();
    let mut rows = match pane {
        Pane::Peers => peers(data),
        Pane::Prefixes => prefixes::rows(top),
        Pane::Bfd => bfd(data),
        Pane::Ospf => ospf(data),
        Pane::Events => data.events.iter().map(|event| self::event(event, &top.now)).collect(),
        Pane::Transactions => {
            data.transactions.iter().map(|one| transaction(one, &top.now)).collect()
        }
    };
    let wanted = top.filter.to_lowercase();
    let has = |row: &Vec<Cell>| row.iter().any(|(text, _)| text.to_lowercase().contains(&wanted));
    rows.retain(|row| wanted.is_empty() || has(row));
    if let Some(column) = top.sorted[pane as usize] {
        rows.sort_by(|a, b| by_value(&a[column].0, &b[column].0));
    }
    if pane == Pane::Prefixes {
        rows.truncate(prefixes::SHOWN);
    }
    rows
}

/// Numbers by value, and counts at their head too; addresses and prefixes by theirs; all else by its letters.
fn by_value(a: &str, b: &str) -> Ordering {
    let number = |text: &str| text.split(' ').next().and_then(|word| word.parse::<u64>().ok());
    let address = |text: &str| text.split('/').next().and_then(|word| word.parse::<IpAddr>().ok());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => address(a).cmp(&address(b)).then_with(|| a.cmp(b)),
    }
}

fn peers(data: &Data) -> Vec<Vec<Cell>> {
    let mut peers: Vec<&PeerStatus> = data.status.iter().flat_map(|all| &all.peers).collect();
    peers.sort_by(|a, b| by_address(&a.neighbor_address, &b.neighbor_address));
    let row = |peer: &PeerStatus| {
        let rate = data.rates.get(&peer.neighbor_address).copied().unwrap_or_default();
        let Rate { received, sent } = rate;
        vec![
            plain(&peer.neighbor_address),
            plain(&peer.remote_as.to_string()),
            state(&peer.state),
            plain(&text::uptime(&peer.uptime)),
            counted(peer.prefixes_received, received),
            counted(peer.prefixes_sent, sent),
            match (peer.bfd_enabled, peer.bfd_status.as_str()) {
                (false, _) => plain(""),
                (true, "") => plain("on"),
                (true, status) => state(status),
            },
            plain(&peer.owner),
        ]
    };
    peers.into_iter().map(row).collect()
}

fn bfd(data: &Data) -> Vec<Vec<Cell>> {
    let mut sessions: Vec<&BfdSessionStatus> =
        data.status.iter().flat_map(|all| &all.bfd_sessions).collect();
    // Those of peers that are declared by no session of their own.
    for of_peer in
        data.status.iter().flat_map(|all| &all.peers).filter_map(|it| it.bfd_session.as_ref())
    {
        if !sessions.iter().any(|one| one.peer_address == of_peer.peer_address) {
            sessions.push(of_peer);
        }
    }
    sessions.sort_by(|a, b| by_address(&a.peer_address, &b.peer_address));
    let row = |one: &BfdSessionStatus| {
        let timers = format!("{}/{} x{}", one.min_rx_ms, one.min_tx_ms, one.detect_multiplier);
        vec![
            plain(&one.peer_address),
            state(&one.state),
            plain(&text::uptime(&one.uptime)),
            plain(&timers),
            plain(&one.owner),
        ]
    };
    sessions.into_iter().map(row).collect()
}

fn ospf(data: &Data) -> Vec<Vec<Cell>> {
    let interfaces = data.status.iter().flat_map(|all| &all.ospf_interfaces);
    let row = |one: &crate::proto::v1::OspfInterfaceStatus| {
        vec![
            plain(&one.interface_name),
            plain(&one.area_id),
            state(&one.state),
            plain(&one.neighbor_count.to_string()),
            plain(&one.owner),
        ]
    };
    let mut rows: Vec<Vec<Cell>> = interfaces.map(row).collect();
    rows.sort_by(|a, b| a[0].0.cmp(&b[0].0));
    rows
}

fn event(event: &RouteEvent, now: &Now) -> Vec<Cell> {
    let name = text::short_name(event.r#type().as_str_name(), "EVENT_TYPE_");
    let health = match name.as_str() {
        name if name.ends_with("_up") || name.ends_with("_connected") => Some(Health::Good),
        name if name.ends_with("_down") || name.ends_with("_disconnected") => Some(Health::Bad),
        "policy_violation" => Some(Health::Bad),
        _ => None,
    };
    let detail = if event.detail.is_empty() {
        let pairs = event.metadata.iter().map(|(key, value)| format!("{key}={value}"));
        pairs.collect::<Vec<_>>().join(" ")
    } else {
        event.detail.clone()
    };
    let time = clock(now, event.timestamp_unix.saturating_mul(1000));
    vec![(time, None), (name, health), plain(&event.owner), plain(&detail)]
}

fn transaction(one: &Transaction, now: &Now) -> Vec<Cell> {
    let told = match (one.finish.as_str(), one.confirm_by_unix_ms) {
        ("", by) if by != 0 => match now.until(by) {
            Some(left) => format!("to confirm within {left}"),
            None => "to confirm: overdue".to_owned(),
        },
        ("", _) => one.message.clone(),
        (finish, _) => finish.to_owned(),
    };
    vec![
        (clock(now, one.begun_unix_ms), None),
        plain(&one.owner),
        plain(&one.origin),
        plain(&one.change_count.to_string()),
        state(&one.result),
        plain(&took(one.duration_us)),
        if told.is_empty() { (told, None) } else { plain(&told) },
    ]
}

/// The time of day, as a clock here shows it.
pub fn clock(now: &Now, unix_ms: i64) -> String {
    // `2024-02-29T14:34:56+02:00`: what is between T and the offset.
    now.local(unix_ms).get(11..19).unwrap_or("-").to_owned()
}

/// A count, and how fast it changes where it does.
fn counted(count: u32, per_second: f64) -> Cell {
    if per_second == 0.0 {
        return (count.to_string(), None);
    }
    // Slow changes are shown as changes all the same.
    let digits = if per_second.abs() < 10.0 { 1 } else { 0 };
    (format!("{count} {per_second:+.digits$}/s"), None)
}

/// By address; what is none comes last.
fn by_address(a: &str, b: &str) -> Ordering {
    let key = |text: &str| {
        let address = text.parse::<IpAddr>().ok();
        (address.is_none(), address)
    };
    key(a).cmp(&key(b)).then_with(|| a.cmp(b))
}
