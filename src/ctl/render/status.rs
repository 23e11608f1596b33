//! `GetStatus` for `status`, `peers` and `prefixes`.

use std::net::IpAddr;

use comfy_table::Cell;
use ipnet::IpNet;
use serde::Serialize;

use super::{
    Colour, View,
    table::{self, Table, cell, number},
    text,
};
use crate::proto::v1::{self, GetStatusResponse};

/// FRR, peers and prefixes.
#[derive(Debug, Serialize)]
pub struct Status {
    frr_status: Frr,
    #[serde(flatten)]
    peers: Peers,
    #[serde(flatten)]
    prefixes: Prefixes,
}

#[derive(Debug, Default, Serialize)]
struct Frr {
    version: String,
    connected: bool,
    uptime: String,
}

/// The BGP peers, in the order of their addresses.
#[derive(Debug, Serialize)]
pub struct Peers {
    peers: Vec<Peer>,
}

#[derive(Debug, Serialize)]
struct Peer {
    neighbor_address: String,
    remote_as: u32,
    state: String,
    owner: String,
    prefixes_received: u32,
    prefixes_sent: u32,
    uptime: String,
    bfd_enabled: bool,
    bfd_status: String,
    description: String,
}

/// The prefixes, in the order of their addresses.
#[derive(Debug, Serialize)]
pub struct Prefixes {
    prefixes: Vec<Prefix>,
}

#[derive(Debug, Serialize)]
struct Prefix {
    prefix: String,
    protocol: String,
    owner: String,
    state: String,
}

impl From<GetStatusResponse> for Status {
    fn from(response: GetStatusResponse) -> Self {
        let frr = response.frr_status.unwrap_or_default();
        Self {
            frr_status: Frr { version: frr.version, connected: frr.connected, uptime: frr.uptime },
            peers: response.peers.into(),
            prefixes: response.prefixes.into(),
        }
    }
}

impl From<Vec<v1::PeerStatus>> for Peers {
    fn from(peers: Vec<v1::PeerStatus>) -> Self {
        let mut peers: Vec<Peer> = peers
            .into_iter()
            .map(|peer| Peer {
                neighbor_address: peer.neighbor_address,
                remote_as: peer.remote_as,
                state: peer.state,
                owner: peer.owner,
                prefixes_received: peer.prefixes_received,
                prefixes_sent: peer.prefixes_sent,
                uptime: peer.uptime,
                bfd_enabled: peer.bfd_enabled,
                bfd_status: peer.bfd_status,
                description: peer.description,
            })
            .collect();
        peers.sort_by_cached_key(|peer| {
            let address = peer.neighbor_address.parse::<IpAddr>().ok();
            // What is no address comes last.
            (address.is_none(), address, peer.neighbor_address.clone())
        });
        Self { peers }
    }
}

impl From<Vec<v1::PrefixStatus>> for Prefixes {
    fn from(prefixes: Vec<v1::PrefixStatus>) -> Self {
        let mut prefixes: Vec<Prefix> = prefixes
            .into_iter()
            .map(|prefix| Prefix {
                protocol: text::short_name(prefix.protocol().as_str_name(), "PROTOCOL_"),
                prefix: prefix.prefix,
                owner: prefix.owner,
                state: prefix.state,
            })
            .collect();
        prefixes.sort_by_cached_key(|prefix| {
            let network = prefix.prefix.parse::<IpNet>().ok();
            // What is no prefix comes last.
            (
                network.is_none(),
                network,
                prefix.prefix.clone(),
                prefix.protocol.clone(),
                prefix.owner.clone(),
            )
        });
        Self { prefixes }
    }
}

impl View for Status {
    fn table(&self, colour: Colour) -> String {
        let frr = &self.frr_status;
        let connected = if frr.connected { "up" } else { "down" };
        let mut head = Table::new(["FRR", "CONNECTION", "UPTIME"], colour);
        head.row([cell(&frr.version), table::state(connected), cell(&text::uptime(&frr.uptime))]);
        format!(
            "{}\nPEERS ({})\n{}\nPREFIXES ({})\n{}",
            head.text(),
            self.peers.peers.len(),
            self.peers.table(colour),
            self.prefixes.prefixes.len(),
            self.prefixes.table(colour)
        )
    }
}

impl View for Peers {
    fn table(&self, colour: Colour) -> String {
        let mut table = Table::new(
            ["ADDRESS", "AS", "STATE", "UPTIME", "RECEIVED", "SENT", "BFD", "OWNER", "DESCRIPTION"],
            colour,
        );
        for peer in &self.peers {
            table.row([
                cell(&peer.neighbor_address),
                number(peer.remote_as),
                table::state(&peer.state),
                cell(&text::uptime(&peer.uptime)),
                number(peer.prefixes_received),
                number(peer.prefixes_sent),
                peer.bfd(),
                cell(&peer.owner),
                cell(&peer.description),
            ]);
        }
        table.text()
    }
}

impl Peer {
    fn bfd(&self) -> Cell {
        match (self.bfd_enabled, self.bfd_status.as_str()) {
            (false, _) => cell(""),
            (true, "") => cell("enabled"),
            (true, status) => table::state(status),
        }
    }
}

impl View for Prefixes {
    fn table(&self, colour: Colour) -> String {
        let mut table = Table::new(["PREFIX", "PROTOCOL", "STATE", "OWNER"], colour);
        for prefix in &self.prefixes {
            table.row([
                cell(&prefix.prefix),
                cell(&prefix.protocol),
                table::state(&prefix.state),
                cell(&prefix.owner),
            ]);
        }
        table.text()
    }
}
