//! The BGP instance, and its drain.

use std::time::Duration;

use super::{below, bgp_instance};
use crate::{model::BgpGlobal, tree::Tree};

/// Time that neighbours keep our routes while bgpd restarts (RFC 4724): what clients in the field were given.
const RESTART_TIME: Duration = Duration::from_secs(120);

/// Time that we keep a restarting neighbour's routes: likewise.
const STALE_ROUTES_TIME: Duration = Duration::from_secs(360);

/// What every node gets beside its AS and identifier: graceful restart; and, under whatever
/// profile FRR runs, that a prefix is advertised without a route of exactly its length in the RIB
/// (`import-check`) and that a session without filters carries routes (`ebgp-requires-policy`, RFC 8212): who may
/// advertise what is decided by our own policy, before FRR.
pub(super) fn render(tree: &mut Tree, global: &BgpGlobal) {
    let instance = bgp_instance();
    tree.ensure_presence(&instance);
    let base = below(&instance, &["global"]);
    let mut set = |names: &[&str], value: String| tree.set(&below(&base, names), value);
    set(&["local-as"], global.local_as.to_string());
    if let Some(router_id) = global.router_id {
        set(&["router-id"], router_id.to_string());
    }
    set(&["graceful-restart", "enabled"], "true".into());
    set(&["graceful-restart", "restart-time"], RESTART_TIME.as_secs().to_string());
    set(&["graceful-restart", "stale-routes-time"], STALE_ROUTES_TIME.as_secs().to_string());
    set(&["import-check"], "false".into());
    set(&["ebgp-requires-policy"], "false".into());
}

/// Graceful shutdown (RFC 8326): bgpd adds the community to all that it announces.
pub(super) fn drain(tree: &mut Tree) {
    let leaf = below(&bgp_instance(), &["global", "graceful-shutdown", "enable"]);
    tree.set(&leaf, "true");
}
