//! A configuration for people: what is in force, without its secrets.

use serde_json::{Map, Value, json};

use super::{Config, LogFormat, LogLevel, MetricsAddress};
use crate::{
    fields,
    model::{AsNumber, BfdProfile, Peer},
    policy::{Lifetime, OwnerPolicy},
    wire,
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
                "coalesce_time": self.bgp.coalesce_time.as_millis(),
                "peers": self.bgp.peers.iter().map(peer_value).collect::<Vec<_>>(),
            },
            "bfd": {
                "profiles": self.bfd_profiles.iter().map(profile_value).collect::<Vec<_>>(),
            },
            "owners": owners,
            "log_level": self.log_level.name(),
            "log_format": self.log_format.name(),
            "metrics_address": self.metrics_address.to_string(),
            "disconnect_grace_period": self.disconnect_grace_period.as_secs(),
            "withdraw_on_exit": self.withdraw_on_exit,
            "watch_interval": self.watch_interval.unwrap_or_default().as_secs(),
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

/// Every field of the contract; what is not said is null.
fn peer_value(peer: &Peer) -> Value {
    let fields = fields::show(fields::message("BGPPeer"), &wire::peer_message(peer));
    let fields = fields.into_iter().map(|(field, value)| {
        let shown = match field.name == "password" && value.is_set() {
            true => MASK.into(),
            false => field_value(value),
        };
        (field.name.clone(), shown)
    });
    Value::Object(fields.collect())
}

fn profile_value(profile: &BfdProfile) -> Value {
    let message = wire::bfd_profile_message(profile);
    let fields = fields::show(fields::message("BFDProfile"), &message).into_iter();
    Value::Object(fields.map(|(field, value)| (field.name.clone(), field_value(value))).collect())
}

fn field_value(value: fields::Value) -> Value {
    match value {
        fields::Value::Flag(flag) => flag.into(),
        value if !value.is_set() => Value::Null,
        fields::Value::Text(text) => text.into(),
        fields::Value::Number(number) => number.into(),
        fields::Value::List(items) => items.into_iter().map(field_value).collect(),
        fields::Value::Message(fields) => {
            let fields = fields.into_iter().flatten();
            Value::Object(fields.map(|(f, value)| (f.name.clone(), field_value(value))).collect())
        }
    }
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
