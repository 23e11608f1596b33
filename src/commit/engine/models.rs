//! Daemons whose YANG models can't all be loaded: nothing can be judged, read or sent for them, and the others get
//! their part.

use std::collections::BTreeMap;

use super::Engine;
use crate::daemon::Daemon;

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

impl Engine {
    /// Modules that can't be loaded, each with why.
    pub fn missing_models(&self) -> &BTreeMap<String, String> {
        self.yang.missing()
    }

    /// Why nothing can be configured in a daemon, where a model of it can't be loaded.
    pub fn unusable(&self, daemon: Daemon) -> Option<&str> {
        self.unusable.get(&daemon).map(String::as_str)
    }

    /// Works out which daemons lack a model, and counts them as away.
    pub(super) fn note_models(&mut self) {
        let missing = self.yang.missing();
        let why = |daemon: Daemon| {
            let (module, why) =
                needed(daemon).iter().find_map(|name| missing.get_key_value(*name))?;
            Some((daemon, format!("YANG module {module} can't be loaded: {why}")))
        };
        self.unusable = Daemon::ALL.into_iter().filter_map(why).collect();
        self.forget_away();
    }

    /// Has all daemons tried again but those that lack a model.
    pub(super) fn forget_away(&mut self) {
        self.away = self.unusable.clone();
    }

    /// Whether a daemon is away that may be back by now.
    pub(super) fn is_one_away(&self) -> bool {
        self.away.keys().any(|daemon| !self.unusable.contains_key(daemon))
    }
}
