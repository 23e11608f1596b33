//! `GetStatus` for `bfd`.

use std::net::IpAddr;

use serde::Serialize;

use super::{
    Colour, View,
    table::{self, Table, cell, number},
    text,
};
use crate::proto::v1;

/// The BFD sessions, in the order of their addresses.
#[derive(Debug, Serialize)]
pub struct BfdSessions {
    bfd_sessions: Vec<Session>,
}

#[derive(Debug, Serialize)]
pub(super) struct Session {
    peer_address: String,
    state: String,
    owner: String,
    min_rx_ms: u32,
    min_tx_ms: u32,
    detect_multiplier: u32,
    uptime: String,
    reason: String,
    negotiated_tx_ms: u32,
    detection_time_ms: u32,
    interface_name: String,
    local_address: String,
    multihop: bool,
    diagnostic: String,
    remote_diagnostic: String,
    declared_by: &'static str,
}

impl Session {
    /// One that is declared for itself.
    fn declared(session: v1::BfdSessionStatus) -> Self {
        Self {
            peer_address: session.peer_address,
            state: session.state,
            owner: session.owner,
            min_rx_ms: session.min_rx_ms,
            min_tx_ms: session.min_tx_ms,
            detect_multiplier: session.detect_multiplier,
            uptime: session.uptime,
            reason: session.reason,
            negotiated_tx_ms: session.negotiated_tx_ms,
            detection_time_ms: session.detection_time_ms,
            interface_name: session.interface_name,
            local_address: session.local_address,
            multihop: session.multihop,
            diagnostic: session.diagnostic,
            remote_diagnostic: session.remote_diagnostic,
            declared_by: "session",
        }
    }

    /// That of a peer with BFD.
    pub(super) fn of_peer(session: v1::BfdSessionStatus) -> Self {
        Self { declared_by: "peer", ..Self::declared(session) }
    }

    /// Its name and value, a line each.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let interface = match self.interface_name.as_str() {
            "" => String::new(),
            name => format!(" on {name}"),
        };
        vec![
            ("BFD", format!("{}, {}{interface}", self.state, self.timers())),
            ("BFD reason", self.reason.clone()),
            ("BFD uptime", text::uptime(&self.uptime).into_owned()),
        ]
    }
}

impl BfdSessions {
    /// The declared sessions, and those of peers that are declared by no session of their own.
    pub fn of(declared: Vec<v1::BfdSessionStatus>, peers: &[v1::PeerStatus]) -> Self {
        let of_peers = peers.iter().filter_map(|peer| peer.bfd_session.clone());
        let is_declared = |of_peer: &v1::BfdSessionStatus| {
            declared.iter().any(|session| session.peer_address == of_peer.peer_address)
        };
        let of_peers: Vec<_> =
            of_peers.filter(|it| !is_declared(it)).map(Session::of_peer).collect();
        let mut sessions: Vec<Session> =
            declared.into_iter().map(Session::declared).chain(of_peers).collect();
        sessions.sort_by_cached_key(|session| {
            let address = session.peer_address.parse::<IpAddr>().ok();
            // What is no address comes last.
            (address.is_none(), address, session.peer_address.clone())
        });
        Self { bfd_sessions: sessions }
    }
}

impl BfdSessions {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.bfd_sessions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bfd_sessions.is_empty()
    }
}

impl Session {
    /// Over how many hops it goes, as far as bfdd says; nothing while there is no session.
    fn hops(&self) -> &'static str {
        match (self.multihop, self.local_address.is_empty()) {
            (true, _) => "several",
            (false, false) => "1",
            (false, true) => "",
        }
    }

    /// The timers that it runs with, and that are declared while there is no session: `300/300 x3`.
    fn timers(&self) -> String {
        format!("{}/{} x{}", self.min_rx_ms, self.min_tx_ms, self.detect_multiplier)
    }
}

impl View for BfdSessions {
    fn table(&self, colour: Colour) -> String {
        let columns = ["PEER", "STATE", "UPTIME", "RX/TX MS", "OWNER"];
        let mut table = Table::new(columns, colour);
        for session in &self.bfd_sessions {
            table.row([
                cell(&session.peer_address),
                table::state(&session.state),
                cell(&text::uptime(&session.uptime)),
                cell(&session.timers()),
                cell(&session.owner),
            ]);
        }
        table.text()
    }

    fn wide(&self, colour: Colour) -> String {
        let columns = [
            "PEER",
            "LOCAL",
            "INTERFACE",
            "HOPS",
            "STATE",
            "UPTIME",
            "RX/TX MS",
            "SENDS MS",
            "DETECTS MS",
            "OWNER",
            "OF",
            "REASON",
        ];
        let mut table = Table::new(columns, colour);
        for session in &self.bfd_sessions {
            table.row([
                cell(&session.peer_address),
                cell(&session.local_address),
                cell(&session.interface_name),
                cell(session.hops()),
                table::state(&session.state),
                cell(&text::uptime(&session.uptime)),
                cell(&session.timers()),
                number(session.negotiated_tx_ms),
                number(session.detection_time_ms),
                cell(&session.owner),
                cell(session.declared_by),
                cell(&session.reason),
            ]);
        }
        table.text()
    }
}
