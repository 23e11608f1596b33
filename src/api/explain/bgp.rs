//! What bgpd says of a prefix and its neighbours: is it the best path, to whom does it go, and what holds it back. Pure.

use serde_json::Value;

use super::{Verdict, step};
use crate::{
    model::{AddressFamily, Peer, Prefix},
    proto::v1::ExplainStep,
};

/// bgpd's table at one prefix (`show bgp ipv4 unicast PREFIX json`).
pub(super) struct Table {
    shown: Value,
    family: AddressFamily,
}

impl Table {
    /// As bgpd shows it.
    pub(super) fn new(shown: Value, prefix: Prefix) -> Self {
        let family = match prefix.is_ipv4() {
            true => AddressFamily::Ipv4Unicast,
            false => AddressFamily::Ipv6Unicast,
        };
        Self { shown, family }
    }

    fn paths(&self) -> &[Value] {
        self.shown["paths"].as_array().map_or(&[], Vec::as_slice)
    }

    fn best(&self) -> Option<&Value> {
        self.paths().iter().find(|path| path["bestpath"]["overall"] == true)
    }

    /// Whether what is declared here is the best path, or what is in its way.
    pub(super) fn best_path(&self) -> ExplainStep {
        let told = |verdict, text: &str| step("best path", "bgpd", verdict, text);
        let Some(ours) = self.paths().iter().find(|path| path["sourced"] == true) else {
            return told(Verdict::HeldBack("not_in_table"), "bgpd does not originate it");
        };
        if let Some(best) = self.best() {
            if best["sourced"] == true {
                return told(Verdict::Ok, "what is declared here is the best path");
            }
            let from = best["peer"]["peerId"].as_str().unwrap_or("a neighbour");
            let text = format!("bgpd prefers the path of {from}");
            return told(Verdict::HeldBack("another_path"), &text);
        }
        let hops = ours["nexthops"].as_array().map_or(&[][..], Vec::as_slice);
        if hops
            .iter()
            .any(|hop| hop["accessible"] == false && hop["ip"] != "0.0.0.0" && hop["ip"] != "::")
        {
            return told(
                Verdict::HeldBack("next_hop_unreachable"),
                "its next hop can't be reached",
            );
        }
        let text = "bgpd does not take it: with `bgp network import-check` on, it wants a route of exactly this length \
                    in the RIB";
        told(Verdict::HeldBack("import_check"), text)
    }

    /// Whether a neighbour is sent it, or what holds it back there.
    pub(super) fn neighbour(&self, peer: &Peer, shown: &Value) -> ExplainStep {
        let (verdict, text) = self.judge(peer, shown);
        step("neighbour", peer.address, verdict, text)
    }

    fn judge(&self, peer: &Peer, shown: &Value) -> (Verdict, String) {
        let address = peer.address.to_string();
        let family = match self.family {
            AddressFamily::Ipv4Unicast => "ipv4Unicast",
            AddressFamily::Ipv6Unicast => "ipv6Unicast",
        };
        if !peer.families.contains(&self.family) {
            let text = format!("it is declared without {}", self.family.name());
            return (Verdict::Info, text);
        }
        let state = shown["bgpState"].as_str().unwrap_or("unknown");
        if state != "Established" && peer.session.shutdown {
            let text = "the peer is declared with shutdown".to_owned();
            return (Verdict::HeldBack("shutdown"), text);
        }
        if state != "Established" {
            return (Verdict::HeldBack("no_session"), format!("the session is {state}"));
        }
        let capabilities = &shown["neighborCapabilities"]["multiprotocolExtensions"];
        // A neighbour that announces no families has IPv4 unicast alone (RFC 4760).
        let carried = match capabilities.as_object() {
            Some(all) => all.get(family).is_some_and(|it| it["advertisedAndReceived"] == true),
            None => self.family == AddressFamily::Ipv4Unicast,
        };
        if !carried {
            let text = format!("the neighbour has {} off", self.family.name());
            return (Verdict::HeldBack("family_off"), text);
        }
        if self.shown["advertisedTo"].get(&address).is_some() {
            return (Verdict::Ok, "it is sent".to_owned());
        }
        let Some(best) = self.best() else {
            return (Verdict::HeldBack("not_in_table"), "there is no best path to send".to_owned());
        };
        self.withheld(best, &address, &shown["addressFamilyInfo"][family], shown)
    }

    /// What keeps the best path from a neighbour whose session carries its family.
    fn withheld(
        &self,
        best: &Value,
        address: &str,
        info: &Value,
        shown: &Value,
    ) -> (Verdict, String) {
        let is_external = shown["nbrExternalLink"] == true;
        let communities = best["community"]["string"].as_str().unwrap_or_default();
        let has = |name: &str| communities.split_whitespace().any(|it| it == name);
        if has("no-advertise") {
            let text = "the path has the community no-advertise".to_owned();
            return (Verdict::HeldBack("no_advertise"), text);
        }
        if is_external && (has("no-export") || has("local-AS")) {
            let text = "the path has the community no-export, and the neighbour is external";
            return (Verdict::HeldBack("no_export"), text.to_owned());
        }
        if best["peer"]["peerId"] == address {
            let text = "split horizon: the best path comes from this neighbour".to_owned();
            return (Verdict::HeldBack("split_horizon"), text);
        }
        if !is_external && best["pathFrom"] == "internal" {
            let text = "the best path comes from an internal neighbour, and is not sent to another";
            return (Verdict::HeldBack("internal"), text.to_owned());
        }
        let filters = filters(info);
        if !filters.is_empty() {
            let text = format!("a filter towards it: {}", filters.join(", "));
            return (Verdict::HeldBack("filter"), text);
        }
        (Verdict::HeldBack("unknown"), "bgpd has not sent it; it may be on its way".to_owned())
    }
}

/// What stands between bgpd's table and a neighbour, as bgpd names it.
fn filters(info: &Value) -> Vec<String> {
    let all = info.as_object().into_iter().flatten();
    let out = all.filter(|(key, _)| {
        key.starts_with("outgoingUpdate") || *key == "routeMapForOutgoingAdvertisements"
    });
    let mut named: Vec<String> = out
        .map(|(key, value)| match key.as_str() {
            "routeMapForOutgoingAdvertisements" => format!("route-map {}", text(value)),
            key => format!("{key} {}", text(value)),
        })
        .collect();
    if named.is_empty() && info["outboundPathPolicyConfig"] == true {
        named.push("an outbound policy".to_owned());
    }
    named
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{proto::v1, wire};

    fn peer(families: &[v1::AddressFamily]) -> Peer {
        let message = v1::BgpPeer {
            neighbor_address: "10.0.1.2".into(),
            remote_as: 65001,
            address_families: families.iter().map(|it| (*it).into()).collect(),
            ..v1::BgpPeer::default()
        };
        wire::peer(&message).expect("a peer")
    }

    /// A path as bgpd 10.3 shows one that it originates.
    fn path() -> Value {
        json!({
            "valid": true, "sourced": true, "local": true,
            "bestpath": {"overall": true, "selectionReason": "First path received"},
            "nexthops": [{"ip": "0.0.0.0", "afi": "ipv4", "accessible": true, "used": true}],
            "peer": {"peerId": "0.0.0.0", "routerId": "10.0.2.1"},
        })
    }

    fn up() -> Value {
        json!({
            "bgpState": "Established", "nbrExternalLink": true,
            "neighborCapabilities": {
                "multiprotocolExtensions": {
                    "ipv4Unicast": {"advertisedAndReceived": true},
                    "ipv6Unicast": {"received": true},
                },
            },
            "addressFamilyInfo": {"ipv4Unicast": {"sentPrefixCounter": 0}},
        })
    }

    fn table(path: Value) -> Table {
        let prefix = "192.0.2.0/24".parse().expect("a prefix");
        Table::new(json!({"prefix": "192.0.2.0/24", "paths": [path]}), prefix)
    }

    fn with(mut value: Value, at: &str, put: Value) -> Value {
        *value.pointer_mut(at).unwrap_or_else(|| panic!("{at}")) = put;
        value
    }

    #[test]
    fn each_thing_that_holds_a_prefix_back_is_named() {
        let both = [v1::AddressFamily::Ipv4Unicast, v1::AddressFamily::Ipv6Unicast];
        let mut tagged = path();
        tagged["community"] = json!({"string": "65000:1 no-export"});
        let theirs = with(path(), "/peer/peerId", json!("10.0.1.2"));
        let down = with(up(), "/bgpState", json!("Active"));
        let mut old = up();
        old["neighborCapabilities"] = json!({});
        let mut off = up();
        off["neighborCapabilities"]["multiprotocolExtensions"]["ipv4Unicast"] =
            json!({"advertised": true});
        let filter =
            json!({"outboundPathPolicyConfig": true, "routeMapForOutgoingAdvertisements": "deny"});
        let filtered = with(up(), "/addressFamilyInfo/ipv4Unicast", filter);
        let internal = with(up(), "/nbrExternalLink", json!(false));
        for (path, shown, cause, words) in [
            (path(), down, "no_session", "Active"),
            (path(), off, "family_off", "ipv4-unicast"),
            (path(), old, "unknown", ""),
            (tagged.clone(), up(), "no_export", "no-export"),
            (tagged, internal, "unknown", ""),
            (theirs, up(), "split_horizon", ""),
            (path(), filtered, "filter", "route-map deny"),
            (path(), up(), "unknown", ""),
        ] {
            let told = table(path).neighbour(&peer(&both), &shown);
            assert_eq!((&*told.result, &*told.cause), ("held back", cause), "{told:?}");
            assert!(told.text.contains(words), "{told:?}");
        }
        let told = table(path()).neighbour(&peer(&both[1..]), &up());
        assert_eq!(told.result, "info", "{told:?}");
        let mut sent = table(path());
        sent.shown["advertisedTo"] = json!({"10.0.1.2": {"hostname": "tor"}});
        assert_eq!(sent.neighbour(&peer(&both), &up()).result, "ok");
    }

    #[test]
    fn what_is_in_the_way_of_the_best_path_is_named() {
        let prefix = "192.0.2.0/24".parse().expect("a prefix");
        let cause = |table: Table| table.best_path().cause;
        assert_eq!(cause(table(path())), "");
        assert_eq!(cause(Table::new(json!({}), prefix)), "not_in_table");
        let invalid = with(path(), "/bestpath", json!({}));
        assert_eq!(cause(table(invalid.clone())), "import_check");
        let hop = json!([{"ip": "10.9.9.9", "accessible": false}]);
        assert_eq!(cause(table(with(invalid.clone(), "/nexthops", hop))), "next_hop_unreachable");
        let mut theirs = path();
        theirs["sourced"] = json!(false);
        let both = Table::new(json!({"paths": [invalid, theirs]}), prefix);
        assert_eq!(cause(both), "another_path");
    }
}
