//! A configuration for people: what is in force, without its secrets.

use serde_json::{Map, Value, json};

use super::{Config, LogFormat, LogLevel, MetricsAddress};
use crate::{
    model::{AsNumber, Peer, PeerType},
    policy::{Lifetime, OwnerPolicy},
};

/// Stands for a secret.
const MASK: &str = "***";

impl Config {
    /// Everything that is in force, as a configuration file would say it: defaults and the environment
    /// are filled in, secrets are masked.
    pub fn redacted(&self) -> Value {
        let owners = self.owners.iter();
        let owners: Map<_, _> =
            owners.map(|(name, owner)| (name.to_string(), owner_value(&owner.policy))).collect();
        let grpc = self.frr.grpc.iter();
        let grpc: Map<_, _> =
            grpc.map(|(daemon, address)| (daemon.to_string(), json!(address))).collect();
        json!({
            "listen_socket": self.listen_socket,
            "state_dir": self.state_dir,
            "frr": {
                "socket_dir": self.frr.socket_dir,
                "yang_dir": self.frr.yang_dir,
                "connect_timeout": self.frr.connect_timeout.as_secs(),
                "grpc": grpc,
                "retry_interval": self.frr.retry_interval.as_secs(),
            },
            "bgp": {
                "local_as": self.bgp.local_as.map(AsNumber::get),
                "router_id": self.bgp.router_id,
                "peers": self.bgp.peers.iter().map(peer_value).collect::<Vec<_>>(),
            },
            "owners": owners,
            "log_level": self.log_level.name(),
            "log_format": self.log_format.name(),
            "metrics_address": self.metrics_address.to_string(),
            "disconnect_grace_period": self.disconnect_grace_period.as_secs(),
            "withdraw_on_exit": self.withdraw_on_exit,
        })
    }

    /// One line: what the file amounts to.
    pub fn summary(&self) -> String {
        let instance = match (self.bgp.local_as, self.bgp.router_id) {
            (Some(local_as), Some(id)) => format!("AS {local_as}, router-id {id}"),
            (Some(local_as), None) => format!("AS {local_as}, router-id left to FRR"),
            (None, _) => "BGP left to clients".to_owned(),
        };
        let names: Vec<_> = self.owners.names().map(ToString::to_string).collect();
        let peers = self.bgp.peers.len();
        format!("{instance}; static peers: {peers}; owners: {}", names.join(", "))
    }
}

fn owner_value(policy: &OwnerPolicy) -> Value {
    let quotas = policy.quotas.iter();
    let quotas: Map<_, _> =
        quotas.map(|(kind, limit)| (kind.key().to_owned(), limit.into())).collect();
    let cidrs: Vec<_> = policy.allowed_cidrs.iter().map(ToString::to_string).collect();
    json!({
        "token": MASK,
        "allowed_prefixes": {"type": policy.prefix_type.name(), "allowed_cidrs": cidrs},
        "may_configure_bgp": policy.may_configure_bgp,
        "lifetime": match policy.lifetime {
            Lifetime::Connection => "connection",
            Lifetime::Persistent => "persistent",
        },
        "quotas": quotas,
    })
}

fn peer_value(peer: &Peer) -> Value {
    let families: Vec<_> = peer.families.iter().map(|family| family.name()).collect();
    json!({
        "neighbor_address": peer.address,
        "remote_as": peer.remote_as.get(),
        "peer_type": peer.peer_type.map(|peer_type| match peer_type {
            PeerType::External => "external",
            PeerType::Internal => "internal",
        }),
        "address_families": families,
        "description": peer.description.as_ref().map(ToString::to_string),
        "keepalive": peer.timers.map(|timers| timers.keepalive().as_secs()),
        "hold_time": peer.timers.map(|timers| timers.hold().as_secs()),
        "source_address": peer.source_address,
        "ebgp_multihop": peer.ebgp_multihop,
        "max_prefix": peer.max_prefix,
        "password": peer.password.as_ref().map(|_| MASK),
        "bfd_enabled": peer.bfd.is_some(),
        "bfd_min_rx_ms": peer.bfd.map(|bfd| bfd.min_rx().as_millis()),
        "bfd_min_tx_ms": peer.bfd.map(|bfd| bfd.min_tx().as_millis()),
        "bfd_detect_multiplier": peer.bfd.map(|bfd| bfd.detect_multiplier()),
    })
}

impl LogLevel {
    /// Name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl LogFormat {
    /// Name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

impl std::fmt::Display for MetricsAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AllAddresses(port) => write!(f, ":{port}"),
            Self::One(address) => address.fmt(f),
        }
    }
}
