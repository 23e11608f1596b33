//! BGP neighbours: what they render to, and their lines.

use std::{
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
};

use super::{BGP, ROUTER_BGP, family_node, peer_options};
use crate::{
    daemon::{Daemon, Forest},
    model::{AddressFamily, BfdParameters, ExchangeOptions, Peer, ProfileName, Timers},
    protocol::{
        Context, bfd,
        cli::{HiddenSpec, RowSpec, row},
        path::{afi_safi, below, bgp_instance, entry},
        tree,
    },
    tree::{Path, Tree},
};

pub(crate) fn render(forest: &mut Forest, peer: &Peer, context: &Context) {
    let Peer {
        address,
        remote_as,
        // Judged beside the AS of both sides.
        peer_type: _,
        timers,
        bfd,
        bfd_profile,
        description,
        families,
        source_address,
        ebgp_multihop,
        port,
        password,
        max_prefix,
        connect_retry,
        passive,
        disable_connected_check,
        session,
        exchange,
    } = peer;
    let base = neighbor(*address);
    if let Some(said) = bfd.and_then(|bfd| said(*address, *bfd_profile, bfd, context)) {
        name_profile(forest, &base, said);
    }
    let bgpd = tree(forest, Daemon::Bgpd);
    let mut set = |names: &[&str], value: String| bgpd.set(&below(&base, names), value);
    set(&["neighbor-remote-as", "remote-as-type"], "as-specified".into());
    set(&["neighbor-remote-as", "remote-as"], remote_as.to_string());
    if let Some(description) = description {
        set(&["description"], description.to_string());
    }
    if let Some(password) = password {
        set(&["password"], password.expose().to_owned());
    }
    if let Some(source) = source_address {
        set(&["update-source", "ip"], source.to_string());
    }
    // One hop is how eBGP is; FRR takes the line and shows none.
    if let Some(ttl) = ebgp_multihop.filter(|ttl| ttl.get() > 1) {
        set(&["ebgp-multihop", "multihop-ttl"], ttl.to_string());
    }
    // bgpd shows no line for the port of BGP.
    if let Some(port) = port.filter(|port| *port != Peer::DEFAULT_PORT) {
        set(&["novaroute-frr-bgp:port"], port.to_string());
    }
    render_timers(&mut set, *timers, *connect_retry);
    for (on, names) in [
        (*passive, &["passive-mode"][..]),
        (*disable_connected_check, &["ebgp-multihop", "disable-connected-check"]),
        (bfd.is_some(), &["bfd-options", "enable"]),
    ] {
        if on {
            set(names, "true".into());
        }
    }
    peer_options::render_session(bgpd, &base, session);
    for family in AddressFamily::ALL {
        let base = below(&base, &["afi-safis"]).join(afi_safi(family));
        let exchange = families.contains(&family).then_some(exchange);
        address_family(bgpd, &base, family, *max_prefix, exchange);
    }
}

fn render_timers(
    set: &mut impl FnMut(&[&str], String),
    timers: Option<Timers>,
    connect_retry: Option<NonZeroU16>,
) {
    if let Some(timers) = timers {
        set(&["timers", "keepalive"], timers.keepalive().as_secs().to_string());
        set(&["timers", "hold-time"], timers.hold().as_secs().to_string());
    }
    if let Some(seconds) = connect_retry {
        set(&["timers", "connect-time"], seconds.to_string());
    }
}

/// The profile that a neighbour's `bfd` line names, declared or of these timers; `None` where the timers are FRR's own.
///
/// bgpd shows the timers of a `bfd` line nowhere in its configuration, so that they could not be
/// confirmed; those of a profile can. Where a session of its own is declared for the address, both name
/// the same profile: bfdd would use that of whoever came last.
fn said(
    address: IpAddr,
    profile: Option<ProfileName>,
    timers: BfdParameters,
    context: &Context,
) -> Option<(Option<ProfileName>, BfdParameters)> {
    match context.sessions.get(&address) {
        Some(session) => Some((session.profile, session.timers)),
        None => {
            (profile.is_some() || timers != BfdParameters::DEFAULT).then_some((profile, timers))
        }
    }
}

/// Has the `bfd` line of the neighbour at `base` name a profile, which bfdd has then.
fn name_profile(forest: &mut Forest, base: &Path, said: (Option<ProfileName>, BfdParameters)) {
    let profile = bfd::named(tree(forest, Daemon::Bfdd), said.0, said.1);
    let at = below(base, &["bfd-options", "novaroute-frr-bgp:profile"]);
    tree(forest, Daemon::Bgpd).set(&at, profile);
}

fn neighbor(address: IpAddr) -> Path {
    below(&bgp_instance(), &["neighbors"])
        .join(entry("neighbor", [("remote-address", &address.to_string())]))
}

/// Each family is stated, also that it is off: FRR carries IPv4 unicast unless told not to.
fn address_family(
    bgpd: &mut Tree,
    base: &Path,
    family: AddressFamily,
    max_prefix: NonZeroU32,
    exchange: Option<&ExchangeOptions>,
) {
    bgpd.set(&below(base, &["enabled"]), exchange.is_some().to_string());
    if let Some(exchange) = exchange {
        let base = below(base, &[family.name()]);
        peer_options::render_exchange(bgpd, &base, family, exchange);
        let limit =
            below(&base, &["prefix-limit"]).join(entry("direction-list", [("direction", "in")]));
        bgpd.set(&below(&limit, &["max-prefixes"]), max_prefix.to_string());
        bgpd.set(&below(&limit, &["options", "warning-only"]), "true");
    }
}

/// The rows of neighbours.
#[allow(clippy::too_many_lines, reason = "a table")]
pub(super) fn rows(rows: &mut Vec<RowSpec>) {
    const N: &str = "/neighbors/neighbor[remote-address={n:ip}]";
    let at = |rest: &str| format!("{N}{rest}");
    for (remote, data) in [
        (
            "{asn:as}",
            vec![
                at("/neighbor-remote-as/remote-as-type=as-specified"),
                at("/neighbor-remote-as/remote-as={asn:as}"),
            ],
        ),
        ("internal", vec![at("/neighbor-remote-as/remote-as-type=internal")]),
        ("external", vec![at("/neighbor-remote-as/remote-as-type=external")]),
    ] {
        let mut all = vec![N];
        all.extend(data.iter().map(String::as_str));
        let line = format!("neighbor {{n:ip}} remote-as {remote}");
        rows.push(row(ROUTER_BGP, "neighbor", &line, "no neighbor {n}", &all).entry());
    }
    peer_options::first_rows(rows);
    let mut neighbor = |slot, words: &str, undo: &str, data: &[&str]| {
        let data: Vec<String> = data.iter().map(|rest| at(rest)).collect();
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        let line = format!("neighbor {{n:ip}} {words}");
        let undo = format!("no neighbor {{n}} {undo}");
        rows.push(row(ROUTER_BGP, slot, &line, &undo, &data));
    };
    neighbor("description", "description {text...}", "description", &["/description={text}"]);
    neighbor("password", "password {key}", "password", &["/password={key}"]);
    neighbor(
        "update-source",
        "update-source {source:ip}",
        "update-source",
        &["/update-source/ip={source:ip}"],
    );
    neighbor(
        "update-source",
        "update-source {ifname}",
        "update-source",
        &["/update-source/interface={ifname}"],
    );
    neighbor(
        "ebgp-multihop",
        "ebgp-multihop {ttl:num}",
        "ebgp-multihop",
        &["/ebgp-multihop/multihop-ttl={ttl:num}"],
    );
    neighbor("port", "port {port:num}", "port", &["/novaroute-frr-bgp:port={port:num}"]);
    neighbor(
        "timers",
        "timers {keepalive:num} {hold:num}",
        "timers",
        &["/timers/keepalive={keepalive:num}", "/timers/hold-time={hold:num}"],
    );
    neighbor(
        "timers connect",
        "timers connect {connect:num}",
        "timers connect",
        &["/timers/connect-time={connect:num}"],
    );
    neighbor("passive", "passive", "passive", &["/passive-mode=true"]);
    neighbor(
        "disable-connected-check",
        "disable-connected-check",
        "disable-connected-check",
        &["/ebgp-multihop/disable-connected-check=true"],
    );
    neighbor("bfd", "bfd", "bfd", &["/bfd-options/enable=true"]);
    neighbor(
        "bfd profile",
        "bfd profile {profile}",
        "bfd profile {profile}",
        &["/bfd-options/novaroute-frr-bgp:profile={profile}"],
    );
    for row in rows.iter_mut() {
        match row.slot {
            "timers" => row.beside = &["connect", "delayopen"],
            "bfd" => row.beside = &["profile", "check-control-plane-failure", "strict"],
            _ => {}
        }
    }
    // FRR shows the largest TTL as no TTL.
    let multihop = rows.iter_mut().find(|row| row.slot == "ebgp-multihop").expect("pushed above");
    multihop.aliases.push(("neighbor {n:ip} ebgp-multihop".to_owned(), &[("ttl", "255")]));
    // FRR refuses TTL security beside it.
    multihop.rival = Some(("ttl", "n"));
    peer_options::rows(rows);
}

/// What a family says of its neighbours.
pub(super) fn family_rows(rows: &mut Vec<RowSpec>, family: AddressFamily) {
    let name = family.name();
    // A slot is a constant, so that each family has names of its own.
    let slots = match family {
        AddressFamily::Ipv4Unicast => ["soft-in 4", "max-prefix 4", "activate 4"],
        AddressFamily::Ipv6Unicast => ["soft-in 6", "max-prefix 6", "activate 6"],
    };
    let node = family_node(family);
    let afi = format!("/afi-safis/afi-safi[afi-safi-name=frr-routing:{name}]");
    let neighbor = format!("/neighbors/neighbor[remote-address={{n:ip}}]{afi}");
    let line = "neighbor {n:ip} soft-reconfiguration inbound";
    rows.push(row(
        node,
        slots[0],
        line,
        &format!("no {line}"),
        &[&format!("{neighbor}/{name}/soft-reconfiguration=true")],
    ));
    peer_options::family_rows(rows, family, node, &format!("{neighbor}/{name}"));
    let limit = format!("{neighbor}/{name}/prefix-limit/direction-list[direction=in]");
    let undo = "no neighbor {n} maximum-prefix";
    // FRR shows the words in this order, and no threshold of 75. The first is ours: of what a change leaves of theirs it is what counts.
    for (words, options) in [
        ("warning-only", &["warning-only=true"][..]),
        (
            "{pct:num} warning-only",
            &["tw-shutdown-threshold-pct={pct:num}", "tw-warning-only=true"],
        ),
        (
            "{pct:num} restart {min:num}",
            &["tr-shutdown-threshold-pct={pct:num}", "tr-restart-timer={min:num}"],
        ),
        ("restart {min:num}", &["restart-timer={min:num}"]),
        ("{pct:num}", &["shutdown-threshold-pct={pct:num}"]),
        ("", &[]),
    ] {
        let options = options.iter().map(|option| format!("{limit}/options/{option}"));
        let data: Vec<String> =
            [format!("{limit}/max-prefixes={{max:num}}")].into_iter().chain(options).collect();
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        let line = format!("neighbor {{n:ip}} maximum-prefix {{max:num}} {words}");
        rows.push(row(node, slots[1], &line, undo, &data));
    }
    // Last of all that a neighbour has: from here on it exchanges routes.
    let (on, off) = ("neighbor {n:ip} activate", "no neighbor {n:ip} activate");
    rows.push(row(node, slots[2], on, off, &[&format!("{neighbor}/enabled=true")]));
    rows.push(row(node, slots[2], off, on, &[&format!("{neighbor}/enabled=false")]));
}

/// A neighbour carries IPv4 unicast unless it is told not to, and the instance may say otherwise for all of its neighbours;
/// bgpd shows neither.
pub(super) const HIDDEN: [HiddenSpec; 2] = [
    HiddenSpec {
        root: BGP,
        leaf: "/neighbors/neighbor[remote-address={n}]/afi-safis\
             /afi-safi[afi-safi-name=frr-routing:ipv4-unicast]/enabled={v}",
        value: Some("true"),
        unless: &[("no bgp default ipv4-unicast", "false")],
    },
    HiddenSpec {
        root: BGP,
        leaf: "/neighbors/neighbor[remote-address={n}]/afi-safis\
             /afi-safi[afi-safi-name=frr-routing:ipv6-unicast]/enabled={v}",
        value: Some("false"),
        unless: &[("bgp default ipv6-unicast", "true")],
    },
];
