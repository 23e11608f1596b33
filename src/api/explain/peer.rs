//! What bgpd says of one neighbour, and what the far end may have wrong. Pure.

use std::net::IpAddr;

use serde_json::Value;

use super::{Verdict, step};
use crate::{model::Peer, proto::v1::ExplainStep};

/// The session, and what it carries.
pub(super) fn steps(address: IpAddr, declared: Option<&Peer>, shown: &Value) -> Vec<ExplainStep> {
    if shown.is_null() {
        let text = "bgpd has no such neighbour";
        return vec![step("session", address, Verdict::HeldBack("not_in_table"), text)];
    }
    let state = shown["bgpState"].as_str().unwrap_or("unknown");
    let mut steps = vec![match state {
        state if state != "Established" && declared.is_some_and(|it| it.session.shutdown) => {
            let text = "it is declared with shutdown; bgpd keeps the session down";
            step("session", address, Verdict::HeldBack("shutdown"), text)
        }
        "Established" => {
            let since = shown["bgpTimerUpString"].as_str().unwrap_or_default();
            step("session", address, Verdict::Ok, format!("Established for {since}"))
        }
        state => {
            let reasons = ["lastResetDueTo", "lastNotificationReason"].iter();
            let reasons = reasons.filter_map(|name| shown[*name].as_str());
            let why: Vec<&str> = reasons.filter(|reason| !reason.is_empty()).collect();
            let text = match why.is_empty() {
                true => state.to_owned(),
                false => format!("{state}: {}", why.join(", ")),
            };
            step("session", address, Verdict::HeldBack("no_session"), text)
        }
    }];
    if state != "Established" {
        return steps;
    }
    let carried = &shown["neighborCapabilities"]["multiprotocolExtensions"];
    for family in declared.iter().flat_map(|peer| &peer.families) {
        let name = match family {
            crate::model::AddressFamily::Ipv4Unicast => "ipv4Unicast",
            crate::model::AddressFamily::Ipv6Unicast => "ipv6Unicast",
        };
        let is_off = carried.is_object() && carried[name]["advertisedAndReceived"] != true;
        if is_off {
            let text = format!("the neighbour has {} off", family.name());
            steps.push(step("neighbour", address, Verdict::HeldBack("family_off"), text));
            continue;
        }
        let info = &shown["addressFamilyInfo"][name];
        let count = |key: &str| info[key].as_u64().unwrap_or_default();
        let (received, sent) = (count("acceptedPrefixCounter"), count("sentPrefixCounter"));
        let text = format!("{}: {received} prefixes received, {sent} sent", family.name());
        steps.push(step("neighbour", address, Verdict::Info, text));
    }
    steps
}

/// Where the session is down for something that this end can't see: what it may be.
pub(super) fn candidates(address: IpAddr, declared: Option<&Peer>, shown: &Value) -> Vec<String> {
    let state = shown["bgpState"].as_str().unwrap_or("Established");
    if state == "Established" || declared.is_some_and(|it| it.session.shutdown) {
        return Vec::new();
    }
    let of = |name: &str| shown[name].as_str().unwrap_or_default();
    let (reset, said) = (of("lastResetDueTo"), of("lastNotificationReason"));
    let remote_as = declared.map_or(shown["remoteAs"].to_string(), |it| it.remote_as.to_string());
    let ours = shown["localAs"].to_string();
    if said.contains("Bad Peer AS") {
        return vec![
            format!("{address} is not in AS {remote_as}, as which it is declared here"),
            format!("{address} expects this node in another AS than {ours}"),
        ];
    }
    if reset.contains("No path to specified Neighbor") {
        return vec![format!(
            "this node has no route to {address}: its interface is down, or the address is wrong"
        )];
    }
    if reset.contains("BFD") {
        return vec![
            format!("BFD is off or down at {address}"),
            format!("the way to {address} loses packets or is cut"),
        ];
    }
    if said.contains("Administrative")
        || said.contains("Peer Unconfigured")
        || said.contains("Connection Rejected")
    {
        return vec![format!(
            "{address} refuses the session: it is shut down there, or this node is not configured there"
        )];
    }
    let password = match declared.is_some_and(|it| it.password.is_some()) {
        true => format!(
            "{address} has no password or another one: its kernel drops what we send, without a word"
        ),
        false => format!(
            "{address} has a password for this node: its kernel drops what we send, without a word"
        ),
    };
    let mut candidates = vec![
        format!("nothing listens for BGP at {address}, or a packet filter drops it"),
        password,
        format!("{address} does not know this node by the address that it connects from"),
        format!("{address} can't be reached: its interface is down or a next hop is gone"),
    ];
    if let Some(hops) = declared.and_then(|it| it.session.ttl_security_hops) {
        candidates.push(format!(
            "{address} sends with a TTL below {}: it has no TTL security, or is more than {hops} hops away",
            256 - u16::from(hops.get())
        ));
    }
    candidates
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_session_that_is_down_has_candidates_and_one_that_is_up_has_none() {
        let address: IpAddr = "10.0.1.2".parse().expect("an address");
        let told = |shown: &Value| candidates(address, None, shown).join("; ");
        assert_eq!(told(&json!({"bgpState": "Established"})), "");
        for (shown, words) in [
            (
                json!({"bgpState": "Active", "lastNotificationReason": "OPEN Message Error/Bad Peer AS", "localAs": 65000}),
                "than 65000",
            ),
            (
                json!({"bgpState": "Active", "lastResetDueTo": "No path to specified Neighbor"}),
                "no route to 10.0.1.2",
            ),
            (json!({"bgpState": "Idle", "lastResetDueTo": "BFD down received"}), "BFD is off"),
            (json!({"bgpState": "Connect"}), "password"),
        ] {
            assert!(told(&shown).contains(words), "{shown} {}", told(&shown));
            let steps = steps(address, None, &shown);
            assert_eq!((&*steps[0].result, &*steps[0].cause), ("held back", "no_session"));
        }
        assert_eq!(steps(address, None, &Value::Null)[0].cause, "not_in_table");
    }
}
