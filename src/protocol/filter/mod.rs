//! Prefix-lists and route-maps, which several daemons have.

use super::{
    cli::{NodeSpec, RowSpec, TOP, row},
    object::{Object, Place},
};
use crate::tree::Node;

/// Name of the node in which the lines of a route-map's entry stand.
pub(super) const ROUTE_MAP: &str = "route-map";

/// The node itself.
pub(super) const ROUTE_MAP_NODE: NodeSpec = NodeSpec {
    name: ROUTE_MAP,
    parent: Some(TOP),
    enter: "route-map {rmap} {action} {seq}",
    root: "/frr-route-map:lib/route-map[name={rmap}]/entry[sequence={seq}]",
    context: &["/action={action}"],
};

/// The rows of prefix-lists.
pub(super) fn prefix_lists(rows: &mut Vec<RowSpec>) {
    for (slot, command, family, form) in
        [("prefix-list-4", "ip", "ipv4", "ip4net"), ("prefix-list-6", "ipv6", "ipv6", "ip6net")]
    {
        let line = format!(
            "{command} prefix-list {{name}} seq {{seq:num}} {{action}} {{prefix:{form}}} \
             [ge {{ge:num}}] [le {{le:num}}]"
        );
        let at = format!(
            "/frr-filter:lib/prefix-list[type={family}][name={{name}}]/entry[sequence={{seq:num}}]"
        );
        let data = [
            at.clone(),
            format!("{at}/action={{action}}"),
            format!("{at}/{family}-prefix={{prefix:{form}}}"),
            format!("?{at}/{family}-prefix-length-greater-or-equal={{ge:num}}"),
            format!("?{at}/{family}-prefix-length-lesser-or-equal={{le:num}}"),
        ];
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        rows.push(row(TOP, slot, &line, &format!("no {line}"), &data).entry());
    }
}

/// An entry of a route-map, whatever it matches and sets.
pub(super) fn route_map_entry() -> RowSpec {
    let line = "route-map {rmap} {action} {seq:num}";
    row(
        TOP,
        "route-map",
        line,
        &format!("no {line}"),
        &[
            "/frr-route-map:lib/route-map[name={rmap}]/entry[sequence={seq:num}]",
            "/frr-route-map:lib/route-map[name={rmap}]/entry[sequence={seq:num}]/action={action}",
        ],
    )
    .entry()
    .opens(ROUTE_MAP)
}

/// What bgpd's route-maps set.
pub(super) fn sets(rows: &mut Vec<RowSpec>) {
    let mut set = |slot, command: &str, variable: &str, action: &str, leaf: &str| {
        let data = format!("/set-action[action={action}]/rmap-set-action/{leaf}={{v}}");
        let line = format!("set {command} {variable}");
        // This one command wants its value repeated.
        let undo = if command.starts_with("ipv6") {
            format!("no set {command} {{v}}")
        } else {
            format!("no set {command}")
        };
        rows.push(row(ROUTE_MAP, slot, &line, &undo, &[&data]));
    };
    set("set ip next-hop", "ip next-hop", "{v:ip}", "frr-route-map:ipv4-next-hop", "ipv4-address");
    set(
        "set ipv6 next-hop global",
        "ipv6 next-hop global",
        "{v:ip}",
        "frr-bgp-route-map:ipv6-nexthop-global",
        "frr-bgp-route-map:ipv6-address",
    );
    set(
        "set community",
        "community",
        "{v:communities...}",
        "frr-bgp-route-map:set-community",
        "frr-bgp-route-map:community-string",
    );
    set(
        "set large-community",
        "large-community",
        "{v:communities...}",
        "frr-bgp-route-map:set-large-community",
        "frr-bgp-route-map:large-community-string",
    );
    set(
        "set local-preference",
        "local-preference",
        "{v:num}",
        "frr-bgp-route-map:set-local-preference",
        "frr-bgp-route-map:local-pref",
    );
    set("set metric", "metric", "{v:num}", "frr-route-map:set-metric", "value");
}

/// What object of a filter a node is.
pub(super) fn object(at: &Place, node: &Node) -> Option<Object> {
    let list = matches!(at.above, Some("route-map" | "prefix-list"));
    (list && matches!((&*at.step.name, node), ("entry", Node::List(_)))).then_some(Object::Entry)
}
