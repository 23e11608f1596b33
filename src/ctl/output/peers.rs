//! `GetStatus` for `peers`: all of them, and one with all that is known of it.

use std::net::IpAddr;

use comfy_table::Cell;
use serde::Serialize;

use super::{
    Colour, View,
    bfd::Session,
    causes,
    table::{self, Table, cell, number},
    text,
};
use crate::proto::v1;

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
    reason: String,
    bfd_min_rx_ms: u32,
    bfd_min_tx_ms: u32,
    bfd_detect_multiplier: u32,
    last_reset_reason: String,
    last_reset_age_s: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_notification: Option<Notification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_s: Option<u64>,
    times_lost: u64,
    families: Vec<Family>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bfd_session: Option<Session>,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
}

/// A NOTIFICATION message of BGP.
#[derive(Debug, Serialize)]
struct Notification {
    sent: bool,
    code: u32,
    subcode: u32,
    text: String,
    message: String,
    age_s: u64,
}

#[derive(Debug, Serialize)]
struct Family {
    family: String,
    prefixes_received: u32,
    prefixes_sent: u32,
}

impl From<v1::BgpNotificationStatus> for Notification {
    fn from(notification: v1::BgpNotificationStatus) -> Self {
        let v1::BgpNotificationStatus { sent, code, subcode, text, message, age_s } = notification;
        Self { sent, code, subcode, text, message, age_s }
    }
}

impl From<v1::PeerFamilyStatus> for Family {
    fn from(status: v1::PeerFamilyStatus) -> Self {
        let family = text::short_name(status.family().as_str_name(), "ADDRESS_FAMILY_");
        let v1::PeerFamilyStatus { prefixes_received, prefixes_sent, .. } = status;
        Self { family, prefixes_received, prefixes_sent }
    }
}

impl From<v1::PeerStatus> for Peer {
    fn from(peer: v1::PeerStatus) -> Self {
        Self {
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
            reason: peer.reason,
            bfd_min_rx_ms: peer.bfd_min_rx_ms,
            bfd_min_tx_ms: peer.bfd_min_tx_ms,
            bfd_detect_multiplier: peer.bfd_detect_multiplier,
            last_reset_reason: peer.last_reset_reason,
            last_reset_age_s: peer.last_reset_age_s,
            last_notification: peer.last_notification.map(Notification::from),
            next_try_s: peer.next_try_s,
            times_lost: peer.times_lost,
            families: peer.families.into_iter().map(Family::from).collect(),
            bfd_session: peer.bfd_session.map(Session::of_peer),
            source: peer.source,
        }
    }
}

impl From<Vec<v1::PeerStatus>> for Peers {
    fn from(peers: Vec<v1::PeerStatus>) -> Self {
        let mut peers: Vec<Peer> = peers.into_iter().map(Peer::from).collect();
        peers.sort_by_cached_key(|peer| {
            let address = peer.neighbor_address.parse::<IpAddr>().ok();
            // What is no address comes last.
            (address.is_none(), address, peer.neighbor_address.clone())
        });
        Self { peers }
    }
}

impl Peers {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }
}

const COLUMNS: [&str; 9] =
    ["ADDRESS", "AS", "STATE", "UPTIME", "RECEIVED", "SENT", "BFD", "OWNER", "DESCRIPTION"];

impl View for Peers {
    fn table(&self, colour: Colour) -> String {
        let mut table = Table::new(COLUMNS, colour);
        for peer in &self.peers {
            table.row(peer.cells());
        }
        table.text()
    }

    fn wide(&self, colour: Colour) -> String {
        let [a, b, c, d, e, f, g, h, i] = COLUMNS;
        let more = ["BFD RX/TX MS", "REASON", "LAST RESET", "LAST NOTIFICATION", "NEXT TRY"];
        let [j, k, l, m, n] = more;
        let mut table = Table::new([a, b, c, d, e, f, g, h, i, j, k, l, m, n], colour);
        for peer in &self.peers {
            let [a, b, c, d, e, f, g, h, i] = peer.cells();
            let (j, k) = (cell(&peer.bfd_timers()), cell(&peer.reason));
            let l = cell(&peer.last_reset());
            let notification = peer.last_notification.as_ref();
            let m = cell(&notification.map(Notification::told).unwrap_or_default());
            let n = cell(&peer.next_try());
            table.row([a, b, c, d, e, f, g, h, i, j, k, l, m, n]);
        }
        table.text()
    }
}

impl Peer {
    fn cells(&self) -> [Cell; 9] {
        [
            cell(&self.neighbor_address),
            number(self.remote_as),
            table::state(&self.state),
            cell(&text::uptime(&self.uptime)),
            number(self.prefixes_received),
            number(self.prefixes_sent),
            self.bfd(),
            cell(&self.owner),
            cell(&self.description),
        ]
    }

    fn seen(&self) -> causes::Seen<'_> {
        let last = self.last_notification.as_ref();
        causes::Seen {
            address: &self.neighbor_address,
            remote_as: self.remote_as,
            state: &self.state,
            last_reset: &self.last_reset_reason,
            notification: last.map(|last| (last.sent, last.code, last.subcode)),
        }
    }

    fn bfd(&self) -> Cell {
        match (self.bfd_enabled, self.bfd_status.as_str()) {
            (false, _) => cell(""),
            (true, "") => cell("enabled"),
            (true, status) => table::state(status),
        }
    }

    /// The timers in effect: `300/300 x3`; nothing without a session.
    fn bfd_timers(&self) -> String {
        match self.bfd_detect_multiplier {
            0 => String::new(),
            times => format!("{}/{} x{times}", self.bfd_min_rx_ms, self.bfd_min_tx_ms),
        }
    }

    fn last_reset(&self) -> String {
        match self.last_reset_reason.as_str() {
            "" => String::new(),
            why => format!("{why}, {} ago", text::duration(self.last_reset_age_s)),
        }
    }

    fn next_try(&self) -> String {
        self.next_try_s.map(|next| format!("in {}", text::duration(next))).unwrap_or_default()
    }

    /// Its name and value, a line each; what there is nothing of is left away.
    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![
            ("Peer", format!("{}, AS {}", self.neighbor_address, self.remote_as)),
            ("Description", self.description.clone()),
            ("Owner", self.owner.clone()),
            ("State", self.state.clone()),
            ("Reason", self.reason.clone()),
            ("Uptime", text::uptime(&self.uptime).into_owned()),
            ("Last reset", self.last_reset()),
        ];
        if let Some(notification) = &self.last_notification {
            let age = text::duration(notification.age_s);
            lines.push(("Notification", format!("{}, {age} ago", notification.told())));
        }
        lines.push(("Next try", self.next_try()));
        lines.push(("Times lost", format!("{} since bgpd started", self.times_lost)));
        for Family { family, prefixes_received, prefixes_sent } in &self.families {
            let told = format!("{prefixes_received} received, {prefixes_sent} sent");
            lines.push(("Prefixes", format!("{told}, {family}")));
        }
        match &self.bfd_session {
            Some(session) => lines.extend(session.lines()),
            None if self.bfd_enabled => lines.push(("BFD", "no session in bfdd".to_owned())),
            None => {}
        }
        lines.retain(|(_, value)| !value.is_empty());
        lines
    }
}

impl Notification {
    /// `sent: OPEN Message Error/Bad Peer AS (2/2)`.
    fn told(&self) -> String {
        let Self { sent, code, subcode, text, message, .. } = self;
        let direction = if *sent { "sent" } else { "received" };
        let message = if message.is_empty() { String::new() } else { format!(", \"{message}\"") };
        format!("{direction}: {text} ({code}/{subcode}){message}")
    }
}

/// One peer with all that is known of it, and what is most likely the matter.
#[derive(Debug, Serialize)]
pub struct OnePeer {
    #[serde(flatten)]
    peer: Peer,
    likely_causes: Vec<String>,
}

impl OnePeer {
    /// The peer of this address, where it is among these.
    pub fn among(peers: Vec<v1::PeerStatus>, address: IpAddr) -> Option<Self> {
        let is_it = |peer: &v1::PeerStatus| peer.neighbor_address.parse() == Ok(address);
        let peer = Peer::from(peers.into_iter().find(is_it)?);
        let likely_causes = causes::of(&peer.seen());
        Some(Self { peer, likely_causes })
    }
}

impl View for OnePeer {
    fn table(&self, _: Colour) -> String {
        let mut lines = self.peer.lines();
        let label = match self.likely_causes.len() {
            1 => "Cause",
            _ => "One of",
        };
        lines.extend(self.likely_causes.iter().map(|cause| (label, cause.clone())));
        let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let mut last = "";
        let mut told = String::new();
        for (name, value) in &lines {
            let name = if *name == last { "" } else { *name };
            told.push_str(&format!("{name:width$}  {}\n", text::printable(value)));
            if !name.is_empty() {
                last = name;
            }
        }
        told
    }
}
