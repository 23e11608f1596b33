//! zebra's JSON to whether a static route is installed. Pure: no async, no I/O, no clock.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::Prefix;

/// One route of `show ip route PREFIX json`, of any protocol.
#[derive(Debug, Deserialize)]
struct Shown {
    #[serde(default)]
    protocol: String,
    /// Absent while it is not.
    #[serde(default)]
    installed: bool,
}

/// The command that asks zebra for a prefix.
pub(crate) fn show_route(prefix: Prefix) -> String {
    let family = if prefix.is_ipv4() { "ip" } else { "ipv6" };
    format!("show {family} route {prefix} json")
}

/// Whether zebra has installed a static route in the kernel. It has none where its answer is words: the prefix is not
/// in its table while no next hop of it can be reached.
pub(crate) fn is_installed(json: &str) -> bool {
    let shown: BTreeMap<String, Vec<Shown>> = serde_json::from_str(json).unwrap_or_default();
    shown.values().flatten().any(|route| route.protocol == "static" && route.installed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As 10.3 writes, shortened.
    #[test]
    fn a_static_route_is_installed_where_zebra_says_so() {
        let of = |route: &str| format!(r#"{{"198.51.100.0/24":[{route}]}}"#);
        let installed =
            r#"{"protocol":"static","selected":true,"installed":true,"nexthops":[{"fib":true}]}"#;
        assert!(is_installed(&of(installed)));
        let queued = r#"{"protocol":"static","selected":true,"queued":true}"#;
        assert!(!is_installed(&of(queued)));
        let behind =
            r#"{"protocol":"connected","selected":true,"installed":true},{"protocol":"static"}"#;
        assert!(!is_installed(&of(behind)));
        for text in ["{}", "", "% Network not in table\n", "[]"] {
            assert!(!is_installed(text), "{text}");
        }
    }

    #[test]
    fn each_family_has_its_command() {
        let asked = |prefix: &str| show_route(prefix.parse().unwrap());
        assert_eq!(asked("198.51.100.0/24"), "show ip route 198.51.100.0/24 json");
        assert_eq!(asked("2001:db8::/32"), "show ipv6 route 2001:db8::/32 json");
    }
}
