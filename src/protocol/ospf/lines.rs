//! ospfd: the route-map that says which static routes are ours, the process, and the interfaces.

use crate::protocol::{
    cli::{Lines, NodeSpec, RowSpec, TOP, TOP_NODE, row},
    filter::{ROUTE_MAP, ROUTE_MAP_NODE, prefix_lists, route_map_entry},
};

/// `frr-ospfd:ospf` of the default VRF. FRR's models name no instance of OSPF; as with BGP it is
/// called after its protocol.
const PROCESS: &str = "/frr-routing:routing/control-plane-protocols\
    /control-plane-protocol[type=frr-ospfd:ospf][name=ospf][vrf=default]";

/// All that ospfd's table is made of. What a configuration of ours says never depends on a default that is not shown: see
/// `interface`.
pub(crate) fn lines() -> Lines {
    Lines { nodes: NODES.to_vec(), rows: rows(), hidden: Vec::new() }
}

const ROUTER_OSPF: &str = "router ospf";
const INTERFACE: &str = "interface";

const NODES: [NodeSpec; 4] = [
    TOP_NODE,
    ROUTE_MAP_NODE,
    NodeSpec {
        name: ROUTER_OSPF,
        parent: Some(TOP),
        enter: "router ospf",
        root: PROCESS,
        context: &[],
    },
    NodeSpec {
        name: INTERFACE,
        parent: Some(TOP),
        enter: "interface {ifname}",
        root: "/frr-interface:lib/interface[name={ifname}]/frr-ospfd:ospf/instance[id=0]",
        context: &[],
    },
];

/// The rows of ospfd.
#[allow(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<RowSpec> {
    let mut rows = Vec::new();
    prefix_lists(&mut rows);
    rows.push(route_map_entry());
    rows.push(row(
        ROUTE_MAP,
        "match tag",
        "match tag {tag:num}",
        "no match tag",
        &["/match-condition[condition=frr-route-map:match-tag]/rmap-match-condition/tag={tag:num}"],
    ));
    let list = "match ip address prefix-list";
    rows.push(row(
        ROUTE_MAP,
        "match prefix-list",
        &format!("{list} {{list}}"),
        &format!("no {list} {{list}}"),
        &["/match-condition[condition=frr-route-map:ipv4-prefix-list]\
           /rmap-match-condition/list-name={list}"],
    ));
    rows.push(
        row(TOP, "router ospf", "router ospf", "no router ospf", &[PROCESS])
            .entry()
            .opens(ROUTER_OSPF)
            // The process serves every interface that is in an area.
            .kept_by(&["area"]),
    );
    rows.push(row(
        ROUTER_OSPF,
        "ospf router-id",
        "ospf router-id {id:ip}",
        "no ospf router-id",
        &["/frr-ospfd:ospf/ospf/router-id={id:ip}"],
    ));
    for (slot, protocol, words) in [
        ("redistribute static", "static", "redistribute static"),
        ("redistribute connected", "connected", "redistribute connected"),
        ("redistribute kernel", "kernel", "redistribute kernel"),
    ] {
        let line = format!("{words} route-map {{rmap:ours}}");
        let data =
            format!("/frr-ospfd:ospf/redistribute[protocol={protocol}]/route-map={{rmap:ours}}");
        rows.push(row(ROUTER_OSPF, slot, &line, &format!("no {words}"), &[&data]).subject(2));
    }
    let mut interface = |slot, words: &str, undo: &str, data: &str| {
        let (line, undo) = (format!("ip ospf {words}"), format!("no ip ospf {undo}"));
        rows.push(row(INTERFACE, slot, &line, &undo, &[data]));
    };
    interface("cost", "cost {cost:num}", "cost", "/cost={cost:num}");
    interface(
        "hello-interval",
        "hello-interval {s:num}",
        "hello-interval",
        "/hello-interval={s:num}",
    );
    interface(
        "dead-interval",
        "dead-interval {s:num}",
        "dead-interval",
        "/dead-interval/interval={s:num}",
    );
    interface("passive", "passive", "passive", "/novaroute-frr-ospf:passive=true");
    // Last: from here on the interface looks for neighbours.
    rows.push(
        row(
            INTERFACE,
            "area",
            "ip ospf area {area:area}",
            "no ip ospf area",
            &["/area={area:area}"],
        )
        .rival("area", "ifname"),
    );
    rows
}
