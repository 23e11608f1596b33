//! bfdd: profiles with their timers, and sessions. The command line counts milliseconds, the model
//! microseconds.

use crate::protocol::cli::{HiddenSpec, Lines, NodeSpec, RowSpec, TOP, TOP_NODE, row};

/// All that bfdd's table is made of.
pub(crate) fn lines() -> Lines {
    Lines { nodes: NODES.to_vec(), rows: rows(), hidden: HIDDEN.to_vec() }
}

const BFD: &str = "bfd";
const PROFILE: &str = "bfd profile";
/// A session bound to an interface, one that is not, and one over several hops.
const BOUND: &str = "bfd peer interface";
const FREE: &str = "bfd peer";
const MULTIHOP: &str = "bfd peer multihop";

const PROFILE_ROOT: &str = "/frr-bfdd:bfdd/bfd/profile[name={profile}]";
const BOUND_ROOT: &str = "/frr-bfdd:bfdd/bfd/sessions/single-hop[dest-addr={peer:ip}][interface={ifname:name}][vrf=default]";
/// `*` is FRR's own notation for no interface.
const FREE_ROOT: &str =
    "/frr-bfdd:bfdd/bfd/sessions/single-hop[dest-addr={peer:ip}][interface=*][vrf=default]";
const MULTIHOP_ROOT: &str = "/frr-bfdd:bfdd/bfd/sessions/multi-hop[source-addr={source:ip}][dest-addr={peer:ip}][vrf=default]";

const NODES: [NodeSpec; 6] = [
    TOP_NODE,
    NodeSpec {
        name: BFD,
        parent: Some(TOP),
        enter: "bfd",
        root: "/frr-bfdd:bfdd/bfd",
        context: &[],
    },
    NodeSpec {
        name: PROFILE,
        parent: Some(BFD),
        enter: "profile {profile}",
        root: PROFILE_ROOT,
        context: &[],
    },
    NodeSpec {
        name: MULTIHOP,
        parent: Some(BFD),
        enter: "peer {peer} multihop local-address {source}",
        root: MULTIHOP_ROOT,
        context: &[],
    },
    NodeSpec {
        name: BOUND,
        parent: Some(BFD),
        enter: "peer {peer} [local-address {source}] interface {ifname}",
        root: BOUND_ROOT,
        context: &["?/source-addr={source:ip}"],
    },
    NodeSpec {
        name: FREE,
        parent: Some(BFD),
        enter: "peer {peer} [local-address {source}]",
        root: FREE_ROOT,
        context: &["?/source-addr={source:ip}"],
    },
];

/// The rows of bfdd: what sessions name stands before them.
fn rows() -> Vec<RowSpec> {
    let entry = |slot, line: &str, data: &[&str], opens| {
        row(BFD, slot, line, &format!("no {line}"), data).entry().opens(opens)
    };
    let mut rows = vec![
        row(TOP, "bfd node", "bfd", "no bfd", &["/frr-bfdd:bfdd/bfd!"]).entry().opens(BFD),
        entry("profile", "profile {profile}", &["/profile[name={profile}]"], PROFILE),
    ];
    timers(
        &mut rows,
        PROFILE,
        ["profile detect-multiplier", "profile receive-interval", "profile transmit-interval"],
    );
    let below_bfd = |root: &str| root.trim_start_matches("/frr-bfdd:bfdd/bfd").to_owned();
    for (node, line, root) in [
        (MULTIHOP, "peer {peer:ip} multihop local-address {source:ip}", MULTIHOP_ROOT),
        (BOUND, "peer {peer:ip} [local-address {source:ip}] interface {ifname:name}", BOUND_ROOT),
        (FREE, "peer {peer:ip} [local-address {source:ip}]", FREE_ROOT),
    ] {
        let at = below_bfd(root);
        let source = format!("?{at}/source-addr={{source:ip}}");
        let data: &[&str] = if node == MULTIHOP { &[&at] } else { &[&at, &source] };
        // Another session with the address is in the way, however it goes on.
        rows.push(entry(node, line, data, node).rival("session", "peer").subject(2));
    }
    let slots = [
        (
            MULTIHOP,
            ["m detect-multiplier", "m receive-interval", "m transmit-interval"],
            "m profile",
        ),
        (BOUND, ["b detect-multiplier", "b receive-interval", "b transmit-interval"], "b profile"),
        (FREE, ["f detect-multiplier", "f receive-interval", "f transmit-interval"], "f profile"),
    ];
    for (node, of_timers, of_profile) in slots {
        let (line, undo) = ("profile {v}", "no profile {v}");
        rows.push(row(node, of_profile, line, undo, &["/profile={v}"]));
        timers(&mut rows, node, of_timers);
    }
    let line = "minimum-ttl {v:num}";
    rows.push(row(MULTIHOP, "minimum-ttl", line, "no minimum-ttl", &["/minimum-ttl={v:num}"]));
    rows
}

/// The timers of a profile or session.
fn timers(rows: &mut Vec<RowSpec>, node: &'static str, slots: [&'static str; 3]) {
    let leaves = [
        ("detect-multiplier", "/detection-multiplier={v:num}"),
        ("receive-interval", "/required-receive-interval={v:num*1000}"),
        ("transmit-interval", "/desired-transmission-interval={v:num*1000}"),
    ];
    for (slot, (command, data)) in slots.into_iter().zip(leaves) {
        let line = format!("{command} {{v:num}}");
        rows.push(row(node, slot, &line, &format!("no {line}"), &[data]));
    }
}

const fn hidden(root: &'static str, leaf: &'static str) -> HiddenSpec {
    HiddenSpec { root, leaf, value: None, unless: &[] }
}

const SINGLE_HOP_HIDDEN: &str =
    "/frr-bfdd:bfdd/bfd/sessions/single-hop[dest-addr={p}][interface={i}][vrf=default]";

/// bfdd leaves out what is at its default.
const HIDDEN: [HiddenSpec; 10] = [
    hidden(PROFILE_ROOT, "/detection-multiplier={v}"),
    hidden(PROFILE_ROOT, "/required-receive-interval={v}"),
    hidden(PROFILE_ROOT, "/desired-transmission-interval={v}"),
    hidden(SINGLE_HOP_HIDDEN, "/detection-multiplier={v}"),
    hidden(SINGLE_HOP_HIDDEN, "/required-receive-interval={v}"),
    hidden(SINGLE_HOP_HIDDEN, "/desired-transmission-interval={v}"),
    hidden(MULTIHOP_ROOT, "/detection-multiplier={v}"),
    hidden(MULTIHOP_ROOT, "/required-receive-interval={v}"),
    hidden(MULTIHOP_ROOT, "/desired-transmission-interval={v}"),
    hidden(MULTIHOP_ROOT, "/minimum-ttl={v}"),
];
