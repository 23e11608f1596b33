//! What is given to the daemons, as RFC 7951 documents.

use serde_json::{Value, json};

use crate::lab::net;

pub fn bfd_profile() -> Value {
    json!({"frr-bfdd:bfdd": {"bfd": {"profile": [{
        "name": "NR-fast",
        "detection-multiplier": 7,
        // Microseconds here, milliseconds on the command line.
        "desired-transmission-interval": 150_000,
        "required-receive-interval": 150_000,
    }]}}})
}

pub fn bfd_session() -> Value {
    json!({"frr-bfdd:bfdd": {"bfd": {"sessions": {"single-hop": [{
        "dest-addr": net::TOR_V4,
        "interface": net::NODE_TOR_INTERFACE,
        "vrf": "default",
        "profile": "NR-fast",
    }]}}}})
}

pub fn policy() -> Value {
    json!({
        "frr-filter:lib": {"prefix-list": [{"type": "ipv4", "name": "NR-list", "entry": [{
            "sequence": 10,
            "action": "permit",
            "ipv4-prefix": "198.51.100.0/24",
            "ipv4-prefix-length-greater-or-equal": 28,
            "ipv4-prefix-length-lesser-or-equal": 32,
        }]}]},
        "frr-route-map:lib": {"route-map": [{"name": "NR-map", "entry": [{
            "sequence": 10,
            "action": "permit",
            "set-action": [
                set_action("frr-route-map:ipv4-next-hop", "ipv4-address", "192.0.2.9"),
                set_action("frr-route-map:set-metric", "value", 50),
                set_action(
                    "frr-bgp-route-map:set-local-preference",
                    "frr-bgp-route-map:local-pref",
                    "200",
                ),
                set_action(
                    "frr-bgp-route-map:set-community",
                    "frr-bgp-route-map:community-string",
                    "65000:1 no-export",
                ),
                set_action(
                    "frr-bgp-route-map:set-large-community",
                    "frr-bgp-route-map:large-community-string",
                    "65000:1:2",
                ),
            ],
        }]}]},
    })
}

fn set_action(action: &str, leaf: &str, value: impl Into<Value>) -> Value {
    json!({"action": action, "rmap-set-action": {leaf: value.into()}})
}

pub fn prefix_list(name: &str) -> Value {
    json!({"frr-filter:lib": {"prefix-list": [{"type": "ipv4", "name": name, "entry": [{
        "sequence": 10, "action": "permit", "ipv4-prefix": "198.51.100.0/24",
    }]}]}})
}
