//! Which transport executes what of FRR's YANG, and why. Pure.
//!
//! `yang/coverage.json` says which transports a module of a daemon has; what a running FRR says of
//! itself makes rows of that, as `novaroutectl coverage` shows them.
//!
//! | file | owns |
//! |---|---|
//! | `mod` | the data, embedded |
//! | `announced` | what a daemon says of its modules |
//! | `rows` | data × what FRR says → rows |

mod announced;
mod rows;

use std::{fmt, sync::LazyLock};

use serde::Deserialize;

pub use announced::announced;
pub use rows::{Answers, Grpc, Revisions, Row, Transport, TransportState, rows};

use crate::{daemon::Daemon, tree::Path};

/// One module of one daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Who executes it.
    pub daemon: Daemon,
    /// Name of the YANG module.
    pub module: String,
    /// The ways in, the preferred first; none where NovaRoute sends nothing of it.
    pub transports: Vec<Transport>,
    /// Why it is so.
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryJson {
    daemon: String,
    module: String,
    transports: Vec<String>,
    why: String,
}

/// All that `yang/coverage.json` says.
pub static CATALOGUE: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    parse(include_str!("../../yang/coverage.json"))
        .expect("the file is part of the program; a unit test reads it")
});

fn parse(json: &str) -> Result<Vec<Entry>, String> {
    let entries: Vec<EntryJson> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let entry = |EntryJson { daemon, module, transports, why }| {
        let known = Daemon::ALL.into_iter().find(|known| known.name() == daemon);
        let transport = |name: &String| {
            let transport = [Transport::Vty, Transport::Mgmtd, Transport::Grpc]
                .into_iter()
                .find(|d| d.name() == name);
            transport.ok_or_else(|| format!("{module}: no transport {name:?}"))
        };
        let transports = transports.iter().map(transport).collect::<Result<_, _>>()?;
        let daemon = known.ok_or_else(|| format!("{module}: no daemon {daemon:?}"))?;
        Ok(Entry { daemon, module, transports, why })
    };
    entries.into_iter().map(entry).collect()
}

/// Modules that a daemon's own gRPC can execute; none where it is of no use in that daemon.
pub fn grpc_modules(daemon: Daemon) -> impl Iterator<Item = &'static str> {
    let entries = CATALOGUE.iter().filter(move |entry| entry.daemon == daemon);
    entries.filter(|entry| entry.transports.contains(&Transport::Grpc)).map(|entry| &*entry.module)
}

/// Whether a daemon's own gRPC can execute the node at this path.
pub fn has_grpc(daemon: Daemon, path: &Path) -> bool {
    let top = path.0.first().and_then(|step| step.name.split_once(':'));
    top.is_some_and(|(module, _)| grpc_modules(daemon).any(|known| known == module))
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_says_each_thing_once() {
        let entries = parse(include_str!("../../yang/coverage.json")).expect("well formed");
        let mut keys: Vec<_> = entries.iter().map(|e| (e.daemon, &e.module)).collect();
        keys.sort_unstable();
        let all = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), all, "a module of a daemon is listed twice");
        assert!(entries.iter().all(|entry| !entry.why.is_empty()));
        // Nothing of mgmtd is typed, and its own gRPC, which lies, is never the only transport.
        let of_mgmtd = entries.iter().filter(|entry| entry.daemon == Daemon::Mgmtd);
        let mut transports =
            of_mgmtd.map(|entry| &*entry.transports).filter(|transports| !transports.is_empty());
        assert!(transports.all(|transports| transports == [Transport::Grpc, Transport::Mgmtd]));
        assert!(
            parse("[{\"daemon\": \"x\", \"module\": \"m\", \"transports\": [], \"why\": \"\"}]")
                .is_err()
        );
    }

    #[test]
    fn grpc_has_lists_and_maps_of_bgpd_and_all_of_bfdd() {
        let has = |daemon, path: &str| has_grpc(daemon, &path.parse().expect("a path"));
        assert!(has(Daemon::Bfdd, "/frr-bfdd:bfdd/bfd"));
        assert!(has(Daemon::Bgpd, "/frr-route-map:lib/route-map[name='a']"));
        assert!(has(Daemon::Bgpd, "/frr-filter:lib/prefix-list[type='ipv4'][name='a']"));
        assert!(!has(Daemon::Bgpd, "/frr-routing:routing/control-plane-protocols"));
        assert!(!has(Daemon::Mgmtd, "/frr-filter:lib"));
        assert!(!has(Daemon::Bgpd, "/"));
    }
}
