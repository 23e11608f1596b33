//! What neighbours have beside the essential: what it renders to, and its lines.

use super::ROUTER_BGP;
use crate::{
    model::{
        AddressFamily, CommunityKind, ExchangeOptions, GracefulRestart, LocalAsMode, SessionOptions,
    },
    protocol::{
        cli::{RowSpec, row},
        path::below,
    },
    tree::{Path, Tree},
};

/// How the session of the neighbour at `base` is kept.
pub(super) fn render_session(bgpd: &mut Tree, base: &Path, options: &SessionOptions) {
    let SessionOptions {
        shutdown,
        shutdown_message,
        ttl_security_hops,
        local_as,
        graceful_restart,
        advertisement_interval,
        extended_next_hop,
    } = options;
    let mut set = |names: &[&str], value: String| bgpd.set(&below(base, names), value);
    let yes = || "true".to_owned();
    if *shutdown {
        set(&["admin-shutdown", "enable"], yes());
        if let Some(message) = shutdown_message {
            set(&["admin-shutdown", "message"], message.to_string());
        }
    }
    if let Some(hops) = ttl_security_hops {
        set(&["ttl-security"], hops.to_string());
    }
    if let Some(local_as) = local_as {
        set(&["local-as", "local-as"], local_as.number.to_string());
        // Each goes further than the one before.
        for (mode, leaf) in [
            (LocalAsMode::NoPrepend, "no-prepend"),
            (LocalAsMode::ReplaceAs, "replace-as"),
            (LocalAsMode::DualAs, "novaroute-frr-bgp:dual-as"),
        ] {
            if local_as.mode >= mode {
                set(&["local-as", leaf], yes());
            }
        }
    }
    if let Some(mode) = graceful_restart {
        let leaf = match mode {
            GracefulRestart::Restart => "enable",
            GracefulRestart::Helper => "graceful-restart-helper",
            GracefulRestart::Off => "graceful-restart-disable",
        };
        set(&["graceful-restart", leaf], yes());
    }
    if let Some(seconds) = advertisement_interval {
        set(&["timers", "advertise-interval"], seconds.to_string());
    }
    if *extended_next_hop {
        set(&["capability-options", "extended-nexthop-capability"], yes());
    }
}

/// What is exchanged in a family of the session, which stands at `base`.
pub(super) fn render_exchange(
    bgpd: &mut Tree,
    base: &Path,
    family: AddressFamily,
    options: &ExchangeOptions,
) {
    let ExchangeOptions {
        allowas_in,
        next_hop_self,
        next_hop_self_force,
        weight,
        send_community,
        default_originate,
        no_soft_reconfiguration,
    } = options;
    let mut set = |names: &[&str], value: String| bgpd.set(&below(base, names), value);
    let yes = || "true".to_owned();
    if !*no_soft_reconfiguration {
        set(&["soft-reconfiguration"], yes());
    }
    if let Some(times) = allowas_in {
        set(&["as-path-options", "allow-own-as"], times.to_string());
    }
    if next_hop_self.contains(&family) {
        set(&["nexthop-self", "next-hop-self"], yes());
    }
    if next_hop_self_force.contains(&family) {
        set(&["nexthop-self", "next-hop-self-force"], yes());
    }
    if let Some(weight) = weight {
        set(&["weight", "weight-attribute"], weight.to_string());
    }
    if let Some(kinds) = send_community {
        for kind in CommunityKind::ALL.iter().filter(|kind| !kinds.contains(kind)) {
            set(&["send-community", community_leaf(*kind)], "false".to_owned());
        }
    }
    if default_originate.contains(&family) {
        set(&["default-originate", "originate"], yes());
    }
}

/// The leaf that says whether communities of a kind are sent.
fn community_leaf(kind: CommunityKind) -> &'static str {
    match kind {
        CommunityKind::Standard => "send-community",
        CommunityKind::Extended => "send-ext-community",
        CommunityKind::Large => "send-large-community",
    }
}

/// The data of a neighbour, below which a row's stands.
const N: &str = "/neighbors/neighbor[remote-address={n:ip}]";

/// A row about a neighbour in the instance.
fn neighbor(slot: &'static str, words: &str, undo: &str, data: &[&str]) -> RowSpec {
    let data: Vec<String> = data.iter().map(|rest| format!("{N}{rest}")).collect();
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    let line = format!("neighbor {{n:ip}} {words}");
    row(ROUTER_BGP, slot, &line, &format!("no neighbor {{n}} {undo}"), &data)
}

/// The rows that come first of all that a neighbour has: a session that is shut down never begins, and one with another AS
/// number never begins with the node's own.
pub(super) fn first_rows(rows: &mut Vec<RowSpec>) {
    // Made anew where it changes: bgpd forgets the message only with the shutdown, and takes another AS number for the
    // next session, without a word.
    let down = "/admin-shutdown/enable=true";
    for (words, data) in [
        ("shutdown message {message...}", &[down, "/admin-shutdown/message={message}"][..]),
        ("shutdown", &[down]),
    ] {
        rows.push(neighbor("shutdown", words, "shutdown", data).rival("shutdown", "n"));
    }
    for row in rows.iter_mut().filter(|row| row.slot == "shutdown") {
        row.beside = &["rtt"];
    }
    let modes = [
        ("no-prepend", "/local-as/no-prepend=true"),
        ("replace-as", "/local-as/replace-as=true"),
        ("dual-as", "/local-as/novaroute-frr-bgp:dual-as=true"),
    ];
    for count in (0..=modes.len()).rev() {
        let words: Vec<&str> = modes[..count].iter().map(|(word, _)| *word).collect();
        let leaves = modes[..count].iter().map(|(_, leaf)| *leaf);
        let data: Vec<&str> = ["/local-as/local-as={local:as}"].into_iter().chain(leaves).collect();
        let words = format!("local-as {{local:as}} {}", words.join(" "));
        rows.push(neighbor("local-as", words.trim_end(), "local-as", &data).rival("local-as", "n"));
    }
}

/// The other rows of the session.
pub(super) fn rows(rows: &mut Vec<RowSpec>) {
    rows.push(
        neighbor(
            "ttl-security",
            "ttl-security hops {hops:num}",
            "ttl-security hops {hops}",
            &["/ttl-security={hops:num}"],
        )
        .rival("ttl", "n"),
    );
    rows.push(neighbor(
        "advertisement-interval",
        "advertisement-interval {interval:num}",
        "advertisement-interval",
        &["/timers/advertise-interval={interval:num}"],
    ));
    for (word, leaf) in [
        ("graceful-restart-helper", "graceful-restart-helper"),
        ("graceful-restart-disable", "graceful-restart-disable"),
        ("graceful-restart", "enable"),
    ] {
        let data = format!("/graceful-restart/{leaf}=true");
        rows.push(neighbor("graceful-restart of a peer", word, word, &[&data]));
    }
    rows.push(neighbor(
        "extended-nexthop",
        "capability extended-nexthop",
        "capability extended-nexthop",
        &["/capability-options/extended-nexthop-capability=true"],
    ));
}

/// Slots of what a family says of its neighbours: constants, so that each family has names of its own.
struct Slots {
    allowas_in: &'static str,
    next_hop_self: [&'static str; 2],
    weight: &'static str,
    send_community: [&'static str; 4],
    default_originate: &'static str,
}

const SLOTS: [Slots; 2] = [
    Slots {
        allowas_in: "allowas-in 4",
        next_hop_self: ["next-hop-self 4", "next-hop-self force 4"],
        weight: "weight 4",
        send_community: ["no communities 4", "standard 4", "extended 4", "large 4"],
        default_originate: "default-originate 4",
    },
    Slots {
        allowas_in: "allowas-in 6",
        next_hop_self: ["next-hop-self 6", "next-hop-self force 6"],
        weight: "weight 6",
        send_community: ["no communities 6", "standard 6", "extended 6", "large 6"],
        default_originate: "default-originate 6",
    },
];

/// What a family says of its neighbours. `at` is the data of the family in a neighbour.
pub(super) fn family_rows(
    rows: &mut Vec<RowSpec>,
    family: AddressFamily,
    node: &'static str,
    at: &str,
) {
    let slots = match family {
        AddressFamily::Ipv4Unicast => &SLOTS[0],
        AddressFamily::Ipv6Unicast => &SLOTS[1],
    };
    let row = |slot, words: &str, undo: &str, data: &str| {
        let (line, undo) =
            (format!("neighbor {{n:ip}} {words}"), format!("no neighbor {{n}} {undo}"));
        row(node, slot, &line, &undo, &[&format!("{at}{data}")])
    };
    let path = "/as-path-options/";
    let (words, data) = ("allowas-in {times:num}", format!("{path}allow-own-as={{times:num}}"));
    let mut allowed = row(slots.allowas_in, words, "allowas-in", &data);
    // FRR shows 3, its default, as no number.
    allowed.aliases.push(("neighbor {n:ip} allowas-in".to_owned(), &[("times", "3")]));
    rows.push(allowed);
    let data = format!("{path}allow-own-origin-as=true");
    rows.push(row(slots.allowas_in, "allowas-in origin", "allowas-in", &data));
    let [once, force] = slots.next_hop_self;
    let mut plain = row(once, "next-hop-self", "next-hop-self", "/nexthop-self/next-hop-self=true");
    plain.beside = &["force"];
    rows.push(plain);
    let words = "next-hop-self force";
    rows.push(row(force, words, words, "/nexthop-self/next-hop-self-force=true"));
    rows.push(row(
        slots.weight,
        "weight {weight:num}",
        "weight",
        "/weight/weight-attribute={weight:num}",
    ));
    send_community(rows, slots, node, at);
    let data = "/default-originate/originate=true";
    rows.push(row(slots.default_originate, "default-originate", "default-originate", data));
}

/// Each kind is a line of its own, in the negative: FRR sends all unless it is told not to. Where all three are off it
/// shows one line for them.
fn send_community(rows: &mut Vec<RowSpec>, slots: &Slots, node: &'static str, at: &str) {
    let [none, standard, extended, large] = slots.send_community;
    let leaf = |kind| format!("{at}/send-community/{}=false", community_leaf(kind));
    let all = CommunityKind::ALL.map(leaf);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let line = "neighbor {n:ip} send-community";
    let no = |words: &str| format!("no {line}{words}");
    rows.push(row(node, none, &no(" all"), &format!("{line} all"), &all).only_shown());
    for (slot, kind, words, beside) in [
        (
            standard,
            CommunityKind::Standard,
            "",
            &["standard", "extended", "large", "both", "all"][..],
        ),
        (extended, CommunityKind::Extended, " extended", &["rpki"]),
        (large, CommunityKind::Large, " large", &[]),
    ] {
        let undo = format!("{line}{words}");
        let mut row = row(node, slot, &no(words), &undo, &[&leaf(kind)]);
        row.beside = beside;
        rows.push(row);
    }
}
