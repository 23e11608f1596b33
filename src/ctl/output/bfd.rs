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
struct Session {
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
}

impl From<Vec<v1::BfdSessionStatus>> for BfdSessions {
    fn from(sessions: Vec<v1::BfdSessionStatus>) -> Self {
        let mut sessions: Vec<Session> = sessions
            .into_iter()
            .map(|session| Session {
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
            })
            .collect();
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
                cell(&session.reason),
            ]);
        }
        table.text()
    }
}
