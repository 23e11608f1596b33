//! The BGP instance, and its drain.

use std::time::Duration;

use super::{BGP, ROUTER_BGP};
use crate::{
    model::BgpGlobal,
    protocol::{
        cli::{HiddenSpec, RowSpec, TOP, row},
        path::{below, bgp_instance},
    },
    tree::Tree,
};

/// Time that neighbours keep our routes while bgpd restarts (RFC 4724): what clients in the field were given.
const RESTART_TIME: Duration = Duration::from_secs(120);

/// Time that we keep a restarting neighbour's routes: likewise.
const STALE_ROUTES_TIME: Duration = Duration::from_secs(360);

/// What every node gets beside its AS and identifier: graceful restart; and, under whatever
/// profile FRR runs, that a prefix is advertised without a route of exactly its length in the RIB
/// (`import-check`) and that a session without filters carries routes (`ebgp-requires-policy`, RFC 8212): who may
/// advertise what is decided by our own policy, before FRR. And how long a new session waits for its first route: 1 s and 50 ms
/// for each configured neighbour, unless it is set.
pub(crate) fn render(tree: &mut Tree, global: &BgpGlobal, coalesce_time: Option<Duration>) {
    let instance = bgp_instance();
    tree.ensure_presence(&instance);
    let base = below(&instance, &["global"]);
    let BgpGlobal { local_as, router_id } = global;
    let mut set = |names: &[&str], value: String| tree.set(&below(&base, names), value);
    set(&["local-as"], local_as.to_string());
    if let Some(router_id) = router_id {
        set(&["router-id"], router_id.to_string());
    }
    set(&["graceful-restart", "enabled"], "true".into());
    set(&["graceful-restart", "restart-time"], RESTART_TIME.as_secs().to_string());
    set(&["graceful-restart", "stale-routes-time"], STALE_ROUTES_TIME.as_secs().to_string());
    set(&["import-check"], "false".into());
    set(&["ebgp-requires-policy"], "false".into());
    if let Some(time) = coalesce_time {
        set(&["global-update-group-config", "coalesce-time"], time.as_millis().to_string());
    }
}

/// Graceful shutdown (RFC 8326): bgpd adds the community to all that it announces.
pub(crate) fn drain(tree: &mut Tree) {
    let leaf = below(&bgp_instance(), &["global", "graceful-shutdown", "enable"]);
    tree.set(&leaf, "true");
}

/// The rows of the instance.
pub(super) fn rows(rows: &mut Vec<RowSpec>) {
    // FRR takes it for the same instance without the notation, and keeps showing it.
    let line = "router bgp {as:as} [as-notation {_notation}]";
    let (presence, local_as) = (format!("{BGP}!"), format!("{BGP}/global/local-as={{as:as}}"));
    rows.push(
        row(TOP, "router bgp", line, "no router bgp {as}", &[&presence, &local_as])
            .entry()
            .opens(ROUTER_BGP),
    );
    let mut global = |slot, line: &str, undo: &str, data: &str| {
        rows.push(row(ROUTER_BGP, slot, line, undo, &[data]));
    };
    global("router-id", "bgp router-id {id:ip}", "no bgp router-id", "/global/router-id={id:ip}");
    // Before any neighbour: a change asks for a reset of all of them.
    let (on, off) = ("bgp graceful-restart", "no bgp graceful-restart");
    global("graceful-restart", on, off, "/global/graceful-restart/enabled=true");
    global("graceful-restart", off, on, "/global/graceful-restart/enabled=false");
    global(
        "restart-time",
        "bgp graceful-restart restart-time {t:num}",
        "no bgp graceful-restart restart-time",
        "/global/graceful-restart/restart-time={t:num}",
    );
    global(
        "stalepath-time",
        "bgp graceful-restart stalepath-time {t:num}",
        "no bgp graceful-restart stalepath-time",
        "/global/graceful-restart/stale-routes-time={t:num}",
    );
    for (slot, command, leaf) in [
        ("import-check", "bgp network import-check", "/global/import-check"),
        ("ebgp-requires-policy", "bgp ebgp-requires-policy", "/global/ebgp-requires-policy"),
    ] {
        let no = format!("no {command}");
        global(slot, &no, command, &format!("{leaf}=false"));
        global(slot, command, &no, &format!("{leaf}=true"));
    }
    global(
        "coalesce-time",
        "coalesce-time {t:num}",
        "no coalesce-time {t}",
        "/global/global-update-group-config/coalesce-time={t:num}",
    );
    // Before any neighbour: a node that is drained never announces anything without saying so.
    let (on, off) = ("bgp graceful-shutdown", "no bgp graceful-shutdown");
    global("graceful-shutdown", on, off, "/global/graceful-shutdown/enable=true");
    for row in rows.iter_mut().filter(|row| row.slot == "graceful-restart") {
        (row.beside, row.also) = (GRACEFUL_RESTART_BESIDE, GRACEFUL_RESTART_ALSO);
    }
}

/// What graceful restart has beside its mode, in lines of their own.
const GRACEFUL_RESTART_BESIDE: &[&str] = &[
    "restart-time",
    "stalepath-time",
    "select-defer-time",
    "rib-stale-time",
    "preserve-fw-state",
    "disable-eor",
    "notification",
];

/// The third mode, which the model does not have.
const GRACEFUL_RESTART_ALSO: &[&str] = &["bgp graceful-restart-disable"];

/// bgpd shows none of these at the values that its profile gives them.
pub(super) const HIDDEN: [HiddenSpec; 5] = [
    HiddenSpec { root: BGP, leaf: "/global/import-check={v}", value: None, unless: &[] },
    HiddenSpec { root: BGP, leaf: "/global/ebgp-requires-policy={v}", value: None, unless: &[] },
    HiddenSpec {
        root: BGP,
        leaf: "/global/graceful-restart/enabled={v}",
        value: None,
        unless: &[],
    },
    HiddenSpec {
        root: BGP,
        leaf: "/global/graceful-restart/restart-time={v}",
        value: None,
        unless: &[],
    },
    HiddenSpec {
        root: BGP,
        leaf: "/global/graceful-restart/stale-routes-time={v}",
        value: None,
        unless: &[],
    },
];
