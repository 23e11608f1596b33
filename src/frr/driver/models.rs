//! Daemons whose YANG models can't all be loaded: nothing can be judged, read or sent for them, and the others get
//! their part.

use crate::{daemon::Daemon, yang::Yang};

/// Modules of FRR, and ours, that everything of a daemon stands in.
fn needed(daemon: Daemon) -> &'static [&'static str] {
    match daemon {
        Daemon::Mgmtd => &["frr-routing", "frr-staticd"],
        Daemon::Bfdd => &["frr-bfdd"],
        Daemon::Bgpd => &[
            "frr-routing",
            "frr-filter",
            "frr-route-map",
            "frr-bgp-route-map",
            "frr-bgp",
            "novaroute-frr-bgp",
            // With other defaults than bgpd's own, what it shows means something else.
            "frr-deviations-bgp-datacenter",
        ],
        Daemon::Ospfd => {
            &["frr-routing", "frr-filter", "frr-route-map", "frr-ospfd", "novaroute-frr-ospf"]
        }
    }
}

/// Why nothing can be configured in a daemon, where a model of it can't be loaded.
pub(in crate::frr) fn unusable(daemon: Daemon, yang: &Yang) -> Option<String> {
    let missing = yang.missing();
    let (module, why) = needed(daemon).iter().find_map(|name| missing.get_key_value(*name))?;
    Some(format!("YANG module {module} can't be loaded: {why}"))
}
