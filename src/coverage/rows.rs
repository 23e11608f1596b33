//! Data × what FRR says of itself → rows. Pure.

use std::collections::BTreeMap;

use super::CATALOGUE;
use crate::daemon::Daemon;

/// A way into a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// Commands on the daemon's VTY socket.
    Vty,
    /// mgmtd's frontend socket.
    Mgmtd,
    /// FRR's own gRPC module in the daemon.
    Grpc,
    /// None: nothing of it is sent.
    None,
}

impl Transport {
    /// Name, also in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vty => "vty",
            Self::Mgmtd => "mgmtd",
            Self::Grpc => "grpc",
            Self::None => "none",
        }
    }
}

/// Whether a transport is of use now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportState {
    /// Changes go through it.
    InUse,
    /// It would do, and a better one is in use.
    Standby,
    /// It can't be used now.
    Down,
    /// It acknowledged a change that the daemon does not show: not used again before the daemon's restart.
    Quarantined,
    /// There is nothing to be sent.
    Unused,
}

impl TransportState {
    /// Name.
    pub fn name(self) -> &'static str {
        match self {
            Self::InUse => "in use",
            Self::Standby => "standby",
            Self::Down => "down",
            Self::Quarantined => "struck out",
            Self::Unused => "unused",
        }
    }
}

/// Revisions by the names of modules.
pub type Revisions = BTreeMap<String, String>;

/// FRR's own gRPC in one daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grpc {
    /// Modules that the endpoint announces.
    pub announced: Revisions,
    /// Why it is down; `None` where it is not.
    pub down: Option<String>,
    /// Why it was quarantined; `None` where it was not.
    pub quarantined: Option<String>,
}

/// What is known of one daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Why the daemon can't be reached; `None` where it answers.
    pub down: Option<String>,
    /// Modules that the daemon itself announces, not through its gRPC; `None` where it was not asked.
    pub announced: Option<Revisions>,
    /// Its own gRPC, where the configuration names one.
    pub grpc: Option<Grpc>,
}

/// One transport of one module of one daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Who executes it.
    pub daemon: Daemon,
    /// Name of the YANG module.
    pub module: String,
    /// Revision of the model that NovaRoute has loaded; empty where it has none.
    pub loaded: String,
    /// Revision that is announced behind this transport; `None` where the module is not announced.
    pub announced: Option<String>,
    /// The way in.
    pub transport: Transport,
    /// Whether it is used.
    pub state: TransportState,
    /// Why it is so.
    pub why: String,
}

impl Row {
    /// Whether FRR announces another revision than the one with which NovaRoute validates.
    pub fn is_mismatch(&self) -> bool {
        let loaded = !self.loaded.is_empty();
        loaded && self.announced.as_ref().is_some_and(|announced| *announced != self.loaded)
    }
}

/// A row for each transport that there is.
///
/// Modules that are `missing` can't be loaded, each with why: nothing of them goes through any transport.
pub fn rows(
    loaded: &Revisions,
    missing: &BTreeMap<String, String>,
    answers: &BTreeMap<Daemon, Answers>,
) -> Vec<Row> {
    let nothing = Answers { down: Some("not asked yet".to_owned()), ..Answers::default() };
    let mut rows = Vec::new();
    for entry in CATALOGUE.iter() {
        let answer = answers.get(&entry.daemon).unwrap_or(&nothing);
        let row = |transport, announced: Option<&Revisions>, state, why: &str| Row {
            daemon: entry.daemon,
            module: entry.module.clone(),
            loaded: loaded.get(&entry.module).cloned().unwrap_or_default(),
            announced: announced.and_then(|modules| modules.get(&entry.module).cloned()),
            transport,
            state,
            why: why.to_owned(),
        };
        let own = answer.announced.as_ref();
        if entry.transports.is_empty() {
            rows.push(row(Transport::None, own, TransportState::Unused, &entry.why));
        }
        let mut better = false;
        for transport in &entry.transports {
            let (announced, state, why) = match (transport, &answer.grpc) {
                (Transport::Grpc, None) => continue,

                (Transport::Grpc, Some(grpc)) => {
                    let (state, why) = match (&grpc.quarantined, &grpc.down) {
                        (Some(why), _) => (TransportState::Quarantined, why),
                        (None, Some(why)) => (TransportState::Down, why),
                        (None, None) => (TransportState::InUse, &entry.why),
                    };
                    (Some(&grpc.announced), state, why)
                }
                _ => match &answer.down {
                    Some(why) => (own, TransportState::Down, why),
                    None if better => (own, TransportState::Standby, &entry.why),
                    None => (own, TransportState::InUse, &entry.why),
                },
            };
            let (state, why) = match missing.get(&entry.module) {
                Some(why) => (TransportState::Down, why),
                None => (state, why),
            };
            better |= state == TransportState::InUse;
            rows.push(row(*transport, announced, state, why));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revisions(pairs: &[(&str, &str)]) -> Revisions {
        pairs.iter().map(|(name, revision)| ((*name).into(), (*revision).into())).collect()
    }

    fn of<'a>(rows: &'a [Row], module: &str, transport: Transport) -> Option<&'a Row> {
        rows.iter().find(|row| row.module == module && row.transport == transport)
    }

    #[test]
    fn what_grpc_takes_the_vty_stands_by_for() {
        let loaded = revisions(&[("frr-filter", "2019-07-04"), ("frr-bgp", "2019-12-03")]);
        let grpc =
            Grpc { announced: revisions(&[("frr-filter", "2019-07-04")]), ..Grpc::default() };
        let mut answers =
            BTreeMap::from([(Daemon::Bgpd, Answers { grpc: Some(grpc), ..Answers::default() })]);
        let state = |answers: &_, module, transport| {
            of(&rows(&loaded, &BTreeMap::new(), answers), module, transport).map(|row| row.state)
        };
        assert_eq!(state(&answers, "frr-filter", Transport::Grpc), Some(TransportState::InUse));
        assert_eq!(state(&answers, "frr-filter", Transport::Vty), Some(TransportState::Standby));
        assert_eq!(state(&answers, "frr-bgp", Transport::Vty), Some(TransportState::InUse));
        assert_eq!(state(&answers, "frr-bgp", Transport::Grpc), None);

        let bgpd = answers.get_mut(&Daemon::Bgpd).expect("set above");
        bgpd.grpc.as_mut().expect("set above").quarantined = Some("it lied".into());
        let all = rows(&loaded, &BTreeMap::new(), &answers);
        let lied = of(&all, "frr-filter", Transport::Grpc).expect("a row");
        assert_eq!((lied.state, &*lied.why), (TransportState::Quarantined, "it lied"));
        assert_eq!(state(&answers, "frr-filter", Transport::Vty), Some(TransportState::InUse));
        // mgmtd was not asked.
        assert_eq!(state(&answers, "frr-staticd", Transport::Mgmtd), Some(TransportState::Down));
        assert_eq!(state(&answers, "frr-vrf", Transport::None), Some(TransportState::Unused));
    }

    #[test]
    fn a_module_that_cannot_be_loaded_has_no_door_and_says_why() {
        let loaded = revisions(&[("frr-bfdd", "2020-01-01")]);
        let missing = BTreeMap::from([("frr-ospfd".to_owned(), "there is no x.yang".to_owned())]);
        let up = |daemon| {
            (
                daemon,
                Answers { announced: Some(revisions(&[("frr-ospfd", "1")])), ..Answers::default() },
            )
        };
        let answers = [up(Daemon::Ospfd), up(Daemon::Bfdd)].into_iter().collect();
        let all = rows(&loaded, &missing, &answers);
        let ospfd = of(&all, "frr-ospfd", Transport::Vty).expect("a row");
        assert_eq!((ospfd.state, &*ospfd.why), (TransportState::Down, "there is no x.yang"));
        assert!(!ospfd.is_mismatch(), "there is nothing to compare");
        assert_eq!(
            of(&all, "frr-bfdd", Transport::Vty).expect("a row").state,
            TransportState::InUse
        );
    }

    #[test]
    fn another_revision_is_a_mismatch_and_none_is_not() {
        let loaded = revisions(&[("frr-bfdd", "2020-01-01"), ("frr-filter", "2019-07-04")]);
        let announced = Some(revisions(&[("frr-bfdd", "2024-01-01")]));
        let answers = BTreeMap::from([(Daemon::Bfdd, Answers { announced, ..Answers::default() })]);
        let all = rows(&loaded, &BTreeMap::new(), &answers);
        let bfdd = of(&all, "frr-bfdd", Transport::Vty).expect("a row");
        assert!(bfdd.is_mismatch() && bfdd.state == TransportState::InUse, "{bfdd:?}");
        let filter = of(&all, "frr-filter", Transport::Vty).expect("a row");
        assert!(!filter.is_mismatch());
    }
}
