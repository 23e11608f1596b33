//! Data × what FRR says of itself → rows. Pure.

use std::collections::BTreeMap;

use super::CATALOGUE;
use crate::daemon::Daemon;

/// A way into a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// Commands on the daemon's VTY socket.
    Vty,
    /// mgmtd's frontend socket.
    Mgmtd,
    /// FRR's own gRPC module in the daemon.
    Grpc,
    /// None: nothing of it is sent.
    None,
}

impl Door {
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

/// Whether a door is of use now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorState {
    /// Changes go through it.
    InUse,
    /// It would do, and a better one is in use.
    Standby,
    /// It can't be used now.
    Down,
    /// It said yes and the daemon did not change: not used again before the daemon's restart.
    StruckOut,
    /// There is nothing to be sent.
    Unused,
}

impl DoorState {
    /// Name.
    pub fn name(self) -> &'static str {
        match self {
            Self::InUse => "in use",
            Self::Standby => "standby",
            Self::Down => "down",
            Self::StruckOut => "struck out",
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
    /// Why it was struck out; `None` where it was not.
    pub struck_out: Option<String>,
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

/// One door of one module of one daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Who executes it.
    pub daemon: Daemon,
    /// Name of the YANG module.
    pub module: String,
    /// Revision of the model that NovaRoute has loaded; empty where it has none.
    pub loaded: String,
    /// Revision that is announced behind this door; `None` where nobody announces the module.
    pub announced: Option<String>,
    /// The way in.
    pub door: Door,
    /// Whether it is used.
    pub state: DoorState,
    /// Why it is so.
    pub why: String,
}

impl Row {
    /// Whether FRR announces another revision than the one by which NovaRoute judges.
    pub fn is_mismatch(&self) -> bool {
        let loaded = !self.loaded.is_empty();
        loaded && self.announced.as_ref().is_some_and(|announced| *announced != self.loaded)
    }
}

/// A row for each door that there is.
///
/// Modules that are `missing` can't be loaded, each with why: nothing of them goes through any door.
pub fn rows(
    loaded: &Revisions,
    missing: &BTreeMap<String, String>,
    answers: &BTreeMap<Daemon, Answers>,
) -> Vec<Row> {
    let nothing = Answers { down: Some("not asked yet".to_owned()), ..Answers::default() };
    let mut rows = Vec::new();
    for entry in CATALOGUE.iter() {
        let answer = answers.get(&entry.daemon).unwrap_or(&nothing);
        let row = |door, announced: Option<&Revisions>, state, why: &str| Row {
            daemon: entry.daemon,
            module: entry.module.clone(),
            loaded: loaded.get(&entry.module).cloned().unwrap_or_default(),
            announced: announced.and_then(|modules| modules.get(&entry.module).cloned()),
            door,
            state,
            why: why.to_owned(),
        };
        let own = answer.announced.as_ref();
        if entry.doors.is_empty() {
            rows.push(row(Door::None, own, DoorState::Unused, &entry.why));
        }
        let mut better = false;
        for door in &entry.doors {
            let (announced, state, why) = match (door, &answer.grpc) {
                (Door::Grpc, None) => continue,

                (Door::Grpc, Some(grpc)) => {
                    let (state, why) = match (&grpc.struck_out, &grpc.down) {
                        (Some(why), _) => (DoorState::StruckOut, why),
                        (None, Some(why)) => (DoorState::Down, why),
                        (None, None) => (DoorState::InUse, &entry.why),
                    };
                    (Some(&grpc.announced), state, why)
                }
                _ => match &answer.down {
                    Some(why) => (own, DoorState::Down, why),
                    None if better => (own, DoorState::Standby, &entry.why),
                    None => (own, DoorState::InUse, &entry.why),
                },
            };
            let (state, why) = match missing.get(&entry.module) {
                Some(why) => (DoorState::Down, why),
                None => (state, why),
            };
            better |= state == DoorState::InUse;
            rows.push(row(*door, announced, state, why));
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

    fn of<'a>(rows: &'a [Row], module: &str, door: Door) -> Option<&'a Row> {
        rows.iter().find(|row| row.module == module && row.door == door)
    }

    #[test]
    fn what_grpc_takes_the_vty_stands_by_for() {
        let loaded = revisions(&[("frr-filter", "2019-07-04"), ("frr-bgp", "2019-12-03")]);
        let grpc =
            Grpc { announced: revisions(&[("frr-filter", "2019-07-04")]), ..Grpc::default() };
        let mut answers =
            BTreeMap::from([(Daemon::Bgpd, Answers { grpc: Some(grpc), ..Answers::default() })]);
        let state = |answers: &_, module, door| {
            of(&rows(&loaded, &BTreeMap::new(), answers), module, door).map(|row| row.state)
        };
        assert_eq!(state(&answers, "frr-filter", Door::Grpc), Some(DoorState::InUse));
        assert_eq!(state(&answers, "frr-filter", Door::Vty), Some(DoorState::Standby));
        assert_eq!(state(&answers, "frr-bgp", Door::Vty), Some(DoorState::InUse));
        assert_eq!(state(&answers, "frr-bgp", Door::Grpc), None);

        let bgpd = answers.get_mut(&Daemon::Bgpd).expect("set above");
        bgpd.grpc.as_mut().expect("set above").struck_out = Some("it lied".into());
        let all = rows(&loaded, &BTreeMap::new(), &answers);
        let struck = of(&all, "frr-filter", Door::Grpc).expect("a row");
        assert_eq!((struck.state, &*struck.why), (DoorState::StruckOut, "it lied"));
        assert_eq!(state(&answers, "frr-filter", Door::Vty), Some(DoorState::InUse));
        // Nobody has asked mgmtd.
        assert_eq!(state(&answers, "frr-staticd", Door::Mgmtd), Some(DoorState::Down));
        assert_eq!(state(&answers, "frr-vrf", Door::None), Some(DoorState::Unused));
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
        let ospfd = of(&all, "frr-ospfd", Door::Vty).expect("a row");
        assert_eq!((ospfd.state, &*ospfd.why), (DoorState::Down, "there is no x.yang"));
        assert!(!ospfd.is_mismatch(), "there is nothing to compare");
        assert_eq!(of(&all, "frr-bfdd", Door::Vty).expect("a row").state, DoorState::InUse);
    }

    #[test]
    fn another_revision_is_a_mismatch_and_none_is_not() {
        let loaded = revisions(&[("frr-bfdd", "2020-01-01"), ("frr-filter", "2019-07-04")]);
        let announced = Some(revisions(&[("frr-bfdd", "2024-01-01")]));
        let answers = BTreeMap::from([(Daemon::Bfdd, Answers { announced, ..Answers::default() })]);
        let all = rows(&loaded, &BTreeMap::new(), &answers);
        let bfdd = of(&all, "frr-bfdd", Door::Vty).expect("a row");
        assert!(bfdd.is_mismatch() && bfdd.state == DoorState::InUse, "{bfdd:?}");
        let filter = of(&all, "frr-filter", Door::Vty).expect("a row");
        assert!(!filter.is_mismatch());
    }
}
