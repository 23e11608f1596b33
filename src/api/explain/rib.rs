//! What zebra and the kernel have for a prefix. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde_json::Value;

use super::{Verdict, step};
use crate::{model::Prefix, proto::v1::ExplainStep};

/// A cause where it decides; else nothing that does.
pub(super) fn verdict(decides: bool, cause: &'static str) -> Verdict {
    if decides { Verdict::HeldBack(cause) } else { Verdict::Info }
}

/// zebra's routes to exactly this prefix (`show ip route PREFIX json`).
pub(super) fn rib(shown: &Value, prefix: Prefix, decides: bool) -> ExplainStep {
    let told = |verdict, text: String| step("rib", "zebra", verdict, text);
    let routes = shown[prefix.to_string()].as_array().map_or(&[][..], Vec::as_slice);
    let protocol = |route: &Value| route["protocol"].as_str().unwrap_or("unknown").to_owned();
    let selected = routes.iter().find(|route| route["selected"] == true);
    let lines: Vec<String> = routes.iter().map(line).collect();
    let ours = routes.iter().find(|route| route["protocol"] == "static");
    let step = match (selected, ours) {
        (None, None) if decides => {
            let text =
                "zebra has no such route: its next hop can't be reached, or its interface is down";
            told(Verdict::HeldBack("next_hop_unreachable"), text.to_owned())
        }
        (None, None) => told(Verdict::Info, "no route of exactly this length".to_owned()),
        (Some(route), _) if route["protocol"] == "static" || !decides => {
            let installed = match route["installed"] == true {
                true => "installed",
                false => "not installed",
            };
            let text = format!("the route of {} is preferred and {installed}", protocol(route));
            let good = route["installed"] == true || !decides;
            told(if good { verdict_ok(decides) } else { Verdict::HeldBack("not_in_kernel") }, text)
        }
        (Some(route), _) => {
            let text = format!("the route of {} is preferred", protocol(route));
            told(Verdict::HeldBack("another_route"), text)
        }
        (None, Some(_)) => {
            let text = "the route is there and none is preferred: its next hop can't be reached";
            told(verdict(decides, "next_hop_unreachable"), text.to_owned())
        }
    };
    ExplainStep { lines, ..step }
}

fn verdict_ok(decides: bool) -> Verdict {
    if decides { Verdict::Ok } else { Verdict::Info }
}

fn line(route: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let hops = route["nexthops"].as_array().map_or(&[][..], Vec::as_slice);
    let hops: Vec<String> = hops
        .iter()
        .map(|hop| match (hop["blackhole"] == true, hop["ip"].as_str()) {
            (true, _) => "blackhole".to_owned(),
            (_, Some(ip)) => format!("via {ip} {}", text(&hop["interfaceName"])),
            (_, None) => format!("dev {}", text(&hop["interfaceName"])),
        })
        .collect();
    let mark = if route["selected"] == true { ">" } else { " " };
    let (protocol, distance) = (text(&route["protocol"]), &route["distance"]);
    format!("{mark} {protocol} [{distance}] {}", hops.join(", "))
}

/// The kernel's routes to exactly this prefix, out of `/proc/net/route` or `/proc/net/ipv6_route`.
pub(super) fn kernel(table: &str, prefix: Prefix, decides: bool) -> ExplainStep {
    let read = if prefix.is_ipv4() { ipv4 } else { ipv6 };
    let found = table.lines().filter_map(read).filter(|(net, _)| *net == prefix.net());
    let lines: Vec<String> = found.map(|(_, words)| words).collect();
    let told = match lines.is_empty() {
        true => {
            let verdict = verdict(decides, "not_in_kernel");
            step("kernel", "", verdict, "no route of exactly this length in the main table")
        }
        false => step("kernel", "", verdict_ok(decides), "it is in the main table"),
    };
    ExplainStep { lines, ..told }
}

/// A line of `/proc/net/route`: addresses are hexadecimal, in the byte order of the machine.
fn ipv4(line: &str) -> Option<(IpNet, String)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [device, to, via, _, _, _, metric, mask, ..] = *words else { return None };
    let address = |hex: &str| {
        let number = u32::from_str_radix(hex, 16).ok()?;
        Some(Ipv4Addr::from(number.to_ne_bytes()))
    };
    let length = u32::from(address(mask)?).count_ones();
    let net = IpNet::new(IpAddr::V4(address(to)?), u8::try_from(length).ok()?).ok()?;
    let via = address(via)?;
    Some((net, told(device, (!via.is_unspecified()).then_some(IpAddr::V4(via)), metric)))
}

/// A line of `/proc/net/ipv6_route`.
fn ipv6(line: &str) -> Option<(IpNet, String)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [to, length, _, _, via, metric, _, _, _, device] = *words else { return None };
    let address = |hex: &str| u128::from_str_radix(hex, 16).ok().map(Ipv6Addr::from);
    let length = u8::from_str_radix(length, 16).ok()?;
    let net = IpNet::new(IpAddr::V6(address(to)?), length).ok()?;
    let via = address(via)?;
    let metric = u32::from_str_radix(metric, 16).ok()?.to_string();
    Some((net, told(device, (!via.is_unspecified()).then_some(IpAddr::V6(via)), &metric)))
}

fn told(device: &str, via: Option<IpAddr>, metric: &str) -> String {
    match (device, via) {
        // A route to nowhere has no device.
        ("*", _) => format!("blackhole metric {metric}"),
        (device, Some(via)) => format!("via {via} dev {device} metric {metric}"),
        (device, None) => format!("dev {device} metric {metric}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().expect("a prefix")
    }

    #[test]
    fn the_kernels_tables_are_read() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n\
                     tor0\t0001000A\t00000000\t0001\t0\t0\t0\tFCFFFFFF\t0\t0\t0\n\
                     tor0\t006433C6\t0201000A\t0003\t0\t0\t20\t00FFFFFF\t0\t0\t0\n";
        let told = kernel(table, prefix("198.51.100.0/24"), true);
        assert_eq!(
            (&*told.result, told.lines),
            ("ok", vec!["via 10.0.1.2 dev tor0 metric 20".to_owned()])
        );
        assert_eq!(kernel(table, prefix("198.51.0.0/16"), true).cause, "not_in_kernel");
        assert_eq!(kernel(table, prefix("198.51.0.0/16"), false).result, "info");
        let table = "20010db8000500000000000000000000 30 00000000000000000000000000000000 00 \
                     fd000001000000000000000000000002 00000014 00000001 00000000 00000003     tor0\n";
        let told = kernel(table, prefix("2001:db8:5::/48"), true);
        assert_eq!(told.lines, ["via fd00:1::2 dev tor0 metric 20"]);
    }

    #[test]
    fn zebras_choice_decides_over_a_static_route() {
        let route = |protocol: &str, selected: bool| {
            json!({"protocol": protocol, "selected": selected, "installed": selected, "distance": 1,
                   "nexthops": [{"ip": "10.0.1.2", "interfaceName": "tor0"}]})
        };
        let shown =
            |routes: Vec<Value>| rib(&json!({"10.9.0.0/16": routes}), prefix("10.9.0.0/16"), true);
        assert_eq!(shown(vec![route("static", true)]).result, "ok");
        assert_eq!(shown(vec![route("static", false), route("bgp", true)]).cause, "another_route");
        assert_eq!(shown(vec![route("static", false)]).cause, "next_hop_unreachable");
        assert_eq!(shown(vec![]).cause, "next_hop_unreachable");
        let told = shown(vec![route("static", true)]);
        assert_eq!(told.lines, ["> static [1] via 10.0.1.2 tor0"]);
        assert_eq!(rib(&json!({}), prefix("10.9.0.0/16"), false).result, "info");
    }
}
