//! The events and how each is told.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{EventType, kind::short_name, lost::LostSession};
use crate::{
    daemon::Daemon,
    model::{BgpGlobal, IntentKey, OwnerName, Prefix, Protocol},
    policy::Violation,
    proto::v1::RouteEvent,
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A BGP session is established.
    PeerUp {
        /// Whose neighbour it is.
        owner: OwnerName,
        /// Its address.
        peer: IpAddr,
        /// State of the session (RFC 4271 section 8.2.2) as FRR calls it.
        state: String,
        /// State before.
        previous_state: String,
    },
    /// A BGP session is no longer established.
    PeerDown {
        /// Whose neighbour it is.
        owner: OwnerName,
        /// Its address.
        peer: IpAddr,
        /// State of the session as FRR calls it.
        state: String,
        /// State before.
        previous_state: String,
        /// Why.
        why: LostSession,
    },
    /// A BFD session is up.
    BfdUp {
        /// Whose session, or whose neighbour's, it is.
        owner: OwnerName,
        /// With whom.
        peer: IpAddr,
        /// The interface it is bound to; empty where it is to none.
        interface: String,
        /// State of the session as FRR calls it.
        status: String,
        /// State before.
        previous_status: String,
    },
    /// A BFD session is no longer up.
    BfdDown {
        /// Whose session, or whose neighbour's, it is.
        owner: OwnerName,
        /// With whom.
        peer: IpAddr,
        /// The interface it is bound to; empty where it is to none.
        interface: String,
        /// State of the session as FRR calls it.
        status: String,
        /// State before.
        previous_status: String,
        /// bfdd's reason; `ok` or nothing where it has none.
        diagnostic: String,
    },
    /// An OSPF neighbour is fully adjacent.
    OspfNeighborUp {
        /// Whose interface it is.
        owner: OwnerName,
        /// Router-id of the neighbour.
        neighbor_id: Ipv4Addr,
        /// The interface behind which it is.
        interface: String,
        /// State of the neighbour (RFC 2328 section 10.1) as FRR calls it.
        state: String,
        /// State before.
        previous_state: String,
    },
    /// An OSPF neighbour is no longer fully adjacent.
    OspfNeighborDown {
        /// Whose interface it is.
        owner: OwnerName,
        /// Router-id of the neighbour.
        neighbor_id: Ipv4Addr,
        /// The interface behind which it was.
        interface: String,
        /// State of the neighbour as FRR calls it.
        state: String,
        /// State before.
        previous_state: String,
    },
    /// A prefix is advertised, or with other attributes or by another owner than before.
    PrefixAdvertised {
        /// Whose prefix it is.
        owner: OwnerName,
        /// The prefix.
        prefix: Prefix,
        /// What carries it.
        protocol: Protocol,
    },
    /// A prefix is not advertised any more.
    PrefixWithdrawn {
        /// Whose prefix it was.
        owner: OwnerName,
        /// The prefix.
        prefix: Prefix,
        /// What carried it.
        protocol: Protocol,
    },
    /// FRR can be reached.
    FrrConnected {
        /// Its version.
        version: String,
    },
    /// FRR can't be reached any more.
    FrrDisconnected {
        /// Why.
        reason: String,
    },
    /// An owner has a session.
    OwnerRegistered {
        /// Who.
        owner: OwnerName,
        /// Name of the session.
        session_id: String,
    },
    /// An owner ended its session, or its connections closed and the grace period is over.
    OwnerDeregistered {
        /// Who.
        owner: OwnerName,
        /// Why, and what became of its intents.
        reason: String,
    },
    /// A change was refused by policy.
    PolicyViolation {
        /// Who asked for it.
        owner: OwnerName,
        /// Which rule forbids it.
        violation: Violation,
    },
    /// The node's BGP instance was set or changed.
    BgpConfigChanged {
        /// Who set it.
        owner: OwnerName,
        /// What it is now.
        now: BgpGlobal,
        /// What it was, where there was one.
        previous: Option<BgpGlobal>,
    },
    /// A transport acknowledged a change that the daemon does not show: another one is used.
    TransportQuarantined {
        /// Which daemon.
        daemon: Daemon,
        /// Name of the transport.
        transport: &'static str,
        /// What had no effect.
        reason: String,
    },
}

impl Event {
    /// Its type.
    pub fn kind(&self) -> EventType {
        match self {
            Self::PeerUp { .. } => EventType::PeerUp,
            Self::PeerDown { .. } => EventType::PeerDown,
            Self::BfdUp { .. } => EventType::BfdUp,
            Self::BfdDown { .. } => EventType::BfdDown,
            Self::OspfNeighborUp { .. } => EventType::OspfNeighborUp,
            Self::OspfNeighborDown { .. } => EventType::OspfNeighborDown,
            Self::PrefixAdvertised { .. } => EventType::PrefixAdvertised,
            Self::PrefixWithdrawn { .. } => EventType::PrefixWithdrawn,
            Self::FrrConnected { .. } => EventType::FrrConnected,
            Self::FrrDisconnected { .. } => EventType::FrrDisconnected,
            Self::OwnerRegistered { .. } => EventType::OwnerRegistered,
            Self::OwnerDeregistered { .. } => EventType::OwnerDeregistered,
            Self::PolicyViolation { .. } => EventType::PolicyViolation,
            Self::BgpConfigChanged { .. } => EventType::BgpConfigChanged,
            Self::TransportQuarantined { .. } => EventType::DoorStruckOut,
        }
    }

    /// Name of its type without `EVENT_TYPE_`: the metric label `type`, and in logs.
    pub fn type_name(&self) -> &'static str {
        short_name(self.kind())
    }

    /// Whom it is about; `None` where it is about FRR.
    pub fn owner(&self) -> Option<&OwnerName> {
        match self {
            Self::PeerUp { owner, .. }
            | Self::PeerDown { owner, .. }
            | Self::BfdUp { owner, .. }
            | Self::BfdDown { owner, .. }
            | Self::OspfNeighborUp { owner, .. }
            | Self::OspfNeighborDown { owner, .. }
            | Self::PrefixAdvertised { owner, .. }
            | Self::PrefixWithdrawn { owner, .. }
            | Self::OwnerRegistered { owner, .. }
            | Self::OwnerDeregistered { owner, .. }
            | Self::PolicyViolation { owner, .. }
            | Self::BgpConfigChanged { owner, .. } => Some(owner),
            Self::FrrConnected { .. }
            | Self::FrrDisconnected { .. }
            | Self::TransportQuarantined { .. } => None,
        }
    }

    /// One sentence for people.
    pub fn detail(&self) -> String {
        match self {
            Self::PeerUp { peer, previous_state, .. } => {
                format!("BGP session with {peer} is up (was {previous_state})")
            }
            Self::PeerDown { peer, state, previous_state, why, .. } => {
                format!("BGP session with {peer} went from {previous_state} to {state}{why}")
            }
            Self::BfdUp { peer, previous_status, .. } => {
                format!("BFD session with {peer} is up (was {previous_status})")
            }
            Self::BfdDown { peer, status, previous_status, diagnostic, .. } => {
                let why = told_diagnostic(diagnostic);
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                format!("BFD session with {peer} went from {previous_status} to {status}{why}")
            }
            Self::OspfNeighborUp { neighbor_id, interface, state, .. } => {
                format!("OSPF neighbour {neighbor_id} on {interface} is {state}")
            }
            Self::OspfNeighborDown { neighbor_id, interface, state, previous_state, .. } => {
                format!(
                    "OSPF neighbour {neighbor_id} on {interface} went from {previous_state} to {state}"
                )
            }
            Self::PrefixAdvertised { prefix, protocol, .. } => {
                format!("{prefix} is advertised through {protocol}")
            }
            Self::PrefixWithdrawn { prefix, protocol, .. } => {
                format!("{prefix} is withdrawn from {protocol}")
            }
            Self::FrrConnected { version } => format!("connected to FRR {version}"),
            Self::FrrDisconnected { reason } => format!("FRR can't be reached: {reason}"),
            Self::TransportQuarantined { daemon, transport, reason } => {
                format!("{transport} of {daemon} is quarantined: it {reason}")
            }
            Self::OwnerRegistered { owner, .. } => format!("owner {owner} registered"),
            Self::OwnerDeregistered { owner, reason } => {
                format!("owner {owner} deregistered: {reason}")
            }
            Self::PolicyViolation { owner, violation } => {
                format!("refused {owner} {}", violation.public())
            }
            Self::BgpConfigChanged { now, previous: Some(previous), .. } => format!(
                "BGP changed from AS {} to AS {}, router-id from {} to {}",
                previous.local_as,
                now.local_as,
                router_id_or(previous, "automatic"),
                router_id_or(now, "automatic"),
            ),
            Self::BgpConfigChanged { now, previous: None, .. } => format!(
                "BGP configured with AS {}, router-id {}",
                now.local_as,
                router_id_or(now, "automatic")
            ),
        }
    }

    /// What programs read: the keys of the contract, each only where it has a value.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let mut data = BTreeMap::new();
        let mut put = |key: &str, value: String| {
            data.insert(key.to_owned(), value);
        };
        match self {
            Self::PeerDown { why, .. } => why.metadata(&mut put),
            Self::BfdDown { diagnostic, .. } => {
                if let Some(why) = told_diagnostic(diagnostic) {
                    put("diagnostic", why.to_owned());
                }
            }
            _ => {}
        }
        match self {
            Self::PeerUp { peer, state, previous_state, .. }
            | Self::PeerDown { peer, state, previous_state, .. } => {
                put("peer", peer.to_string());
                put("state", state.clone());
                put("previous_state", previous_state.clone());
            }
            Self::BfdUp { peer, interface, status, previous_status, .. }
            | Self::BfdDown { peer, interface, status, previous_status, .. } => {
                put("peer", peer.to_string());
                put("status", status.clone());
                put("previous_status", previous_status.clone());
                if !interface.is_empty() {
                    put("interface", interface.clone());
                }
            }
            Self::OspfNeighborUp { neighbor_id, interface, state, previous_state, .. }
            | Self::OspfNeighborDown { neighbor_id, interface, state, previous_state, .. } => {
                put("neighbor_id", neighbor_id.to_string());
                put("interface", interface.clone());
                put("state", state.clone());
                put("previous_state", previous_state.clone());
            }
            Self::PrefixAdvertised { prefix, protocol, .. }
            | Self::PrefixWithdrawn { prefix, protocol, .. } => {
                put("prefix", prefix.to_string());
                put("protocol", protocol.to_string());
            }
            Self::OwnerRegistered { session_id, .. } => put("session_id", session_id.clone()),
            Self::PolicyViolation { violation, .. } => {
                match violation.key {
                    IntentKey::Prefix(protocol, prefix) => {
                        put("prefix", prefix.to_string());
                        put("protocol", protocol.to_string());
                    }
                    IntentKey::StaticRoute(prefix) => {
                        put("prefix", prefix.to_string());
                        put("protocol", "static".into());
                    }
                    IntentKey::BfdSession(address) => put("peer", address.to_string()),
                    IntentKey::OspfInterface(name) => put("interface", name.to_string()),
                    IntentKey::BfdProfile(name) => put("bfd_profile", name.to_string()),
                    IntentKey::Bgp | IntentKey::Drain | IntentKey::Peer(_) => {}
                }
                if let Some(existing) = &violation.existing_owner {
                    put("existing_owner", existing.to_string());
                }
            }
            Self::BgpConfigChanged { now, previous, .. } => {
                put("local_as", now.local_as.to_string());
                put("router_id", router_id_or(now, ""));
                // 0 and nothing, as ConfigureBGP answers where there was no instance.
                let as_before = previous.as_ref().map_or(0, |before| before.local_as.get());
                put("previous_as", as_before.to_string());
                let id_before = previous.as_ref().map(|before| router_id_or(before, ""));
                put("previous_router_id", id_before.unwrap_or_default());
            }
            Self::TransportQuarantined { daemon, transport, reason } => {
                put("daemon", daemon.to_string());
                put("door", (*transport).to_owned());
                put("reason", reason.clone());
            }
            Self::FrrConnected { .. }
            | Self::FrrDisconnected { .. }
            | Self::OwnerDeregistered { .. } => {}
        }
        data
    }

    /// The message of `StreamEvents`.
    pub fn to_message(&self, at: SystemTime) -> RouteEvent {
        // A clock before 1970 says 0; one beyond i64 seconds does not exist.
        let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        RouteEvent {
            r#type: self.kind() as i32,
            detail: self.detail(),
            timestamp_unix: i64::try_from(seconds).unwrap_or(i64::MAX),
            owner: self.owner().map(ToString::to_string).unwrap_or_default(),
            metadata: self.metadata(),
        }
    }

    /// Writes its log line. Single prefixes are for debugging: there may be 100,000 of them.
    pub fn log(&self) {
        let owner = self.owner().map(OwnerName::as_str).unwrap_or_default();
        let (event, detail) = (self.type_name(), self.detail());
        match self {
            Self::PeerDown { .. }
            | Self::BfdDown { .. }
            | Self::OspfNeighborDown { .. }
            | Self::FrrDisconnected { .. }
            | Self::PolicyViolation { .. }
            | Self::TransportQuarantined { .. } => {
                tracing::warn!(event, owner, "{detail}");
            }
            Self::PrefixAdvertised { .. } | Self::PrefixWithdrawn { .. } => {
                tracing::debug!(event, owner, "{detail}");
            }
            _ => tracing::info!(event, owner, "{detail}"),
        }
    }
}

/// bfdd's word for a session that nothing has befallen says nothing.
fn told_diagnostic(diagnostic: &str) -> Option<&str> {
    Some(diagnostic).filter(|it| !it.is_empty() && *it != "ok")
}

/// The router-id, or a word where FRR chooses one.
fn router_id_or(bgp: &BgpGlobal, word: &str) -> String {
    bgp.router_id.map_or_else(|| word.to_owned(), |id| id.to_string())
}
