//! `GetStatus` for `status` and `prefixes`; `peers`, `bfd` and `ospf` draw their own.

use comfy_table::Cell;
use ipnet::IpNet;
use serde::Serialize;

use super::{
    BfdSessions, Colour, OspfInterfaces, Peers, StaticRoutes, View,
    table::{self, Table, cell, number},
    text,
    when::took,
};
use crate::proto::v1::{self, GetStatusResponse};

/// FRR and everything that is declared.
#[derive(Debug, Serialize)]
pub struct Status {
    frr_status: Frr,
    #[serde(skip_serializing_if = "Option::is_none")]
    drain: Option<Drain>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kept: Vec<KeptObject>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stuck: Vec<StuckObject>,
    #[serde(flatten)]
    peers: Peers,
    #[serde(flatten)]
    prefixes: Prefixes,
    #[serde(flatten)]
    bfd_sessions: BfdSessions,
    #[serde(flatten)]
    ospf_interfaces: OspfInterfaces,
    #[serde(flatten)]
    static_routes: StaticRoutes,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bfd_profiles: Vec<BfdProfile>,
    snapshot_age_ms: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    journal: Vec<String>,
}

#[derive(Debug, Serialize)]
struct BfdProfile {
    name: String,
    state: String,
    owner: String,
    min_rx_ms: u32,
    min_tx_ms: u32,
    detect_multiplier: u32,
    reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
}

#[derive(Debug, Serialize)]
struct Drain {
    state: String,
    owner: String,
    until_restart: bool,
    reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
}

#[derive(Debug, Default, Serialize)]
struct Frr {
    version: String,
    connected: bool,
    uptime: String,
    daemons: Vec<Daemon>,
}

#[derive(Debug, Serialize)]
struct Daemon {
    name: String,
    connected: bool,
    version: String,
    uptime: String,
    reason: String,
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
    reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
}

impl From<GetStatusResponse> for Status {
    fn from(response: GetStatusResponse) -> Self {
        let frr = response.frr_status.unwrap_or_default();
        let bfd_sessions = BfdSessions::of(response.bfd_sessions, &response.peers);
        Self {
            frr_status: Frr {
                version: frr.version,
                connected: frr.connected,
                uptime: frr.uptime,
                daemons: frr.daemons.into_iter().map(Daemon::from).collect(),
            },
            drain: response.drain.map(Drain::from),
            kept: response.kept.into_iter().map(KeptObject::from).collect(),
            stuck: response.stuck.into_iter().map(StuckObject::from).collect(),
            peers: response.peers.into(),
            prefixes: response.prefixes.into(),
            bfd_sessions,
            ospf_interfaces: response.ospf_interfaces.into(),
            static_routes: response.static_routes.into(),
            bfd_profiles: response.bfd_profiles.into_iter().map(BfdProfile::from).collect(),
            snapshot_age_ms: response.snapshot_age_ms,
            journal: response.journal,
        }
    }
}

impl From<v1::BfdProfileStatus> for BfdProfile {
    fn from(profile: v1::BfdProfileStatus) -> Self {
        let v1::BfdProfileStatus {
            name,
            state,
            owner,
            min_rx_ms,
            min_tx_ms,
            detect_multiplier,
            reason,
            source,
        } = profile;
        Self { name, state, owner, min_rx_ms, min_tx_ms, detect_multiplier, reason, source }
    }
}

impl From<v1::DrainStatus> for Drain {
    fn from(drain: v1::DrainStatus) -> Self {
        let v1::DrainStatus { state, owner, until_restart, reason, source } = drain;
        Self { state, owner, until_restart, reason, source }
    }
}

/// What stays in FRR for the lines of others in it.
#[derive(Debug, Serialize)]
struct KeptObject {
    daemon: String,
    path: String,
    lines: Vec<String>,
}

impl From<v1::KeptObject> for KeptObject {
    fn from(kept: v1::KeptObject) -> Self {
        let v1::KeptObject { daemon, path, lines } = kept;
        Self { daemon, path, lines }
    }
}

/// What FRR refuses to remove.
#[derive(Debug, Serialize)]
struct StuckObject {
    daemon: String,
    path: String,
    reason: String,
}

impl From<v1::StuckObject> for StuckObject {
    fn from(stuck: v1::StuckObject) -> Self {
        let v1::StuckObject { daemon, path, reason } = stuck;
        Self { daemon, path, reason }
    }
}

impl From<v1::DaemonStatus> for Daemon {
    fn from(daemon: v1::DaemonStatus) -> Self {
        let v1::DaemonStatus { name, connected, version, uptime, reason } = daemon;
        Self { name, connected, version, uptime, reason }
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
                reason: prefix.reason,
                source: prefix.source,
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

impl Status {
    /// The sections, each drawn by `show`; what is empty is left away where few have it.
    fn text(&self, colour: Colour, wide: bool) -> String {
        fn draw(view: &impl View, colour: Colour, wide: bool) -> String {
            if wide { view.wide(colour) } else { view.table(colour) }
        }
        let mut told = self.frr_status.table(self.snapshot_age_ms, colour);
        for concern in &self.journal {
            told.push_str(&format!("journal: {concern}\n"));
        }
        if let Some(drain) = &self.drain {
            told.push_str(&format!("\n{}", drain.table(colour)));
        }
        for (name, count, optional, rows) in [
            ("PEERS", self.peers.len(), false, draw(&self.peers, colour, wide)),
            ("PREFIXES", self.prefixes.prefixes.len(), false, draw(&self.prefixes, colour, wide)),
            (
                "STATIC ROUTES",
                self.static_routes.len(),
                true,
                draw(&self.static_routes, colour, wide),
            ),
            ("BFD", self.bfd_sessions.len(), true, draw(&self.bfd_sessions, colour, wide)),
            ("OSPF", self.ospf_interfaces.len(), true, draw(&self.ospf_interfaces, colour, wide)),
        ] {
            if count > 0 || !optional {
                told.push_str(&format!("\n{name} ({count})\n{rows}"));
            }
        }
        if !self.bfd_profiles.is_empty() {
            let head = ["PROFILE", "STATE", "RX", "TX", "MULTIPLIER", "OWNER", "REASON"];
            let mut table = Table::new(head, colour);
            for profile in &self.bfd_profiles {
                table.row([
                    cell(&profile.name),
                    table::state(&profile.state),
                    number(profile.min_rx_ms),
                    number(profile.min_tx_ms),
                    number(profile.detect_multiplier),
                    cell(&profile.owner),
                    cell(&profile.reason),
                ]);
            }
            let count = self.bfd_profiles.len();
            told.push_str(&format!("\nBFD PROFILES ({count})\n{}", table.text()));
        }
        if !self.kept.is_empty() {
            let mut table = Table::new(["DAEMON", "OBJECT", "KEPT FOR"], colour);
            for kept in &self.kept {
                let lines = kept.lines.join("; ");
                table.row([cell(&kept.daemon), cell(&kept.path), cell(&lines)]);
            }
            told.push_str(&format!("\nKEPT ({})\n{}", self.kept.len(), table.text()));
        }
        if !self.stuck.is_empty() {
            let mut table = Table::new(["DAEMON", "OBJECT", "FRR SAYS"], colour);
            for stuck in &self.stuck {
                table.row([cell(&stuck.daemon), cell(&stuck.path), cell(&stuck.reason)]);
            }
            told.push_str(&format!("\nSTUCK ({})\n{}", self.stuck.len(), table.text()));
        }
        told
    }
}

impl View for Status {
    fn table(&self, colour: Colour) -> String {
        self.text(colour, false)
    }

    fn wide(&self, colour: Colour) -> String {
        self.text(colour, true)
    }
}

/// What a connection is called.
fn connection(connected: bool) -> &'static str {
    if connected { "up" } else { "down" }
}

impl Drain {
    fn table(&self, colour: Colour) -> String {
        let mut table = Table::new(["DRAIN", "UNTIL", "OWNER", "REASON"], colour);
        let until = if self.until_restart { "the agent restarts" } else { "undrain" };
        let (state, owner) = (table::state(&self.state), cell(&self.owner));
        table.row([state, cell(until), owner, cell(&self.reason)]);
        table.text()
    }
}

impl Frr {
    fn table(&self, snapshot_age_ms: u64, colour: Colour) -> String {
        let mut head = Table::new(["FRR", "CONNECTION", "UPTIME", "SNAPSHOT"], colour);
        head.row([
            cell(&self.version),
            table::state(connection(self.connected)),
            cell(&text::uptime(&self.uptime)),
            cell(&format!("{} old", took(snapshot_age_ms.saturating_mul(1000)))),
        ]);
        let mut told = head.text();
        if !self.daemons.is_empty() {
            let columns = ["DAEMON", "CONNECTION", "VERSION", "UPTIME", "REASON"];
            let mut table = Table::new(columns, colour);
            for daemon in &self.daemons {
                table.row([
                    cell(&daemon.name),
                    table::state(connection(daemon.connected)),
                    cell(&daemon.version),
                    cell(&text::uptime(&daemon.uptime)),
                    cell(&daemon.reason),
                ]);
            }
            told.push('\n');
            told.push_str(&table.text());
        }
        told
    }
}

impl View for Prefixes {
    fn table(&self, colour: Colour) -> String {
        let mut table = Table::new(["PREFIX", "PROTOCOL", "STATE", "OWNER"], colour);
        for prefix in &self.prefixes {
            table.row(prefix.cells());
        }
        table.text()
    }

    fn wide(&self, colour: Colour) -> String {
        let mut table = Table::new(["PREFIX", "PROTOCOL", "STATE", "OWNER", "REASON"], colour);
        for prefix in &self.prefixes {
            let [network, protocol, state, owner] = prefix.cells();
            table.row([network, protocol, state, owner, cell(&prefix.reason)]);
        }
        table.text()
    }
}

impl Prefix {
    fn cells(&self) -> [Cell; 4] {
        let (prefix, protocol) = (cell(&self.prefix), cell(&self.protocol));
        [prefix, protocol, table::state(&self.state), cell(&self.owner)]
    }
}
