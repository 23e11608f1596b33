//! What each daemon is asked at each poll, and what its answers say.

use std::{
    collections::{BTreeMap, HashSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    BfdKey, BfdSession, FrrStatus, Neighbor, OspfInterface,
    advertised::{self, MAX_SENT},
    causes::Known,
};
use crate::{
    daemon::Daemon,
    frr::vty::{ReturnCode, Session, VtyError},
    model::Prefix,
    protocol::{
        bfd::state as bfd,
        bgp::{
            reset,
            state::{self as bgp, Family, Fingerprint},
        },
        ospf::state::{self as ospf, Externals},
    },
};

/// Pause between two readings of a table, in times of what the last one took: while many
/// prefixes change, a daemon shows its table for a tenth of its time at the most.
const TABLE_REST: u32 = 9;

/// One thing that a poll found out.
#[derive(Debug)]
pub(super) enum Fact {
    Neighbors(BTreeMap<IpAddr, Neighbor>),
    Outbound(Family, Arc<HashSet<Prefix>>),
    BfdSessions(BTreeMap<BfdKey, BfdSession>),
    OspfInterfaces(BTreeMap<String, OspfInterface>),
    OspfExternals(Arc<HashSet<Prefix>>),
}

impl Fact {
    /// Writes it into the snapshot.
    pub(super) fn apply(self, status: &mut FrrStatus) {
        match self {
            Self::Neighbors(neighbors) => status.neighbors = neighbors,
            Self::Outbound(Family::Ipv4, prefixes) => status.advertised.ipv4 = prefixes,
            Self::Outbound(Family::Ipv6, prefixes) => status.advertised.ipv6 = prefixes,
            Self::BfdSessions(sessions) => status.bfd_sessions = sessions,
            Self::OspfInterfaces(interfaces) => status.ospf_interfaces = interfaces,
            Self::OspfExternals(prefixes) => status.advertised.ospf = prefixes,
        }
    }

    /// What holds of a daemon that does not answer.
    pub(super) fn nothing_of(daemon: Daemon) -> Vec<Self> {
        match daemon {
            Daemon::Mgmtd => Vec::new(),
            Daemon::Bfdd => vec![Self::BfdSessions(BTreeMap::new())],
            Daemon::Ospfd => {
                vec![Self::OspfInterfaces(BTreeMap::new()), Self::OspfExternals(Arc::default())]
            }
            Daemon::Bgpd => vec![
                Self::Neighbors(BTreeMap::new()),
                Self::Outbound(Family::Ipv4, Arc::default()),
                Self::Outbound(Family::Ipv6, Arc::default()),
            ],
        }
    }
}

/// What one daemon is asked, and what is known from earlier answers. One per connection.
#[derive(Debug)]
pub(super) struct Poll {
    daemon: Daemon,
    outbound: [Table<Fingerprint>; 2],
    externals: Table<Externals>,
    causes: Known,
    unreadable: Vec<String>,
}

/// A table that is read again when what it depends on has changed.
#[derive(Debug, Default)]
struct Table<K> {
    read_at: Option<K>,
    not_before: Option<Instant>,
}

impl<K: PartialEq> Table<K> {
    /// Whether it is to be read: it is another than the one that was read, and bgpd had its rest.
    fn is_due(&self, now: &K) -> bool {
        self.read_at.as_ref() != Some(now)
            && self.not_before.is_none_or(|time| Instant::now() >= time)
    }

    fn was_read(&mut self, key: K, took: Duration) {
        self.read_at = Some(key);
        self.not_before = Some(Instant::now() + took * TABLE_REST);
    }
}

impl Poll {
    pub(super) fn of(daemon: Daemon) -> Self {
        let unreadable = Vec::new();
        let causes = Known::default();
        let externals = Table::default();
        Self { daemon, outbound: Default::default(), externals, causes, unreadable }
    }

    /// Answers since the last call that could not be read: what they should say stays as it was.
    pub(super) fn unreadable(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unreadable)
    }

    /// Asks the daemon.
    ///
    /// # Errors
    /// It does not answer.
    pub(super) async fn facts(&mut self, session: &mut Session) -> Result<Vec<Fact>, VtyError> {
        match self.daemon {
            // Any answer will do: it tells a daemon that hangs.
            Daemon::Mgmtd => session.show("show version").await.map(|_| Vec::new()),
            Daemon::Bfdd => {
                let shown = self.read(session, bfd::SHOW_SESSIONS, bfd::sessions).await?;
                Ok(shown.map(Fact::BfdSessions).into_iter().collect())
            }
            Daemon::Ospfd => self.ospf(session).await,
            Daemon::Bgpd => self.bgp(session).await,
        }
    }

    async fn bgp(&mut self, session: &mut Session) -> Result<Vec<Fact>, VtyError> {
        let summary = self.read(session, "show bgp summary json", bgp::summary).await?;
        let Some(mut summary) = summary else { return Ok(Vec::new()) };
        for address in self.causes.due(&summary.neighbors) {
            let asked = reset::show_neighbor(address);
            if let Some(causes) = self.read(session, &asked, reset::causes).await? {
                self.causes.learn(address, &summary.neighbors[&address], causes);
            }
        }
        self.causes.tell(&mut summary.neighbors);
        let mut facts = vec![Fact::Neighbors(summary.neighbors)];
        for (index, family) in Family::ALL.into_iter().enumerate() {
            let now = summary.tables.remove(&family).unwrap_or_default();
            if !self.outbound[index].is_due(&now) {
                continue;
            }
            let begun = Instant::now();
            let prefixes = match now.sent() {
                0 => HashSet::new(),
                1..=MAX_SENT => {
                    let name = family.command_name();
                    let command =
                        format!("show bgp {name} unicast update-groups advertised-routes");
                    let text = |text: &str| Ok::<_, String>(advertised::outbound(text));
                    let Some(prefixes) = self.read(session, &command, text).await? else {
                        continue;
                    };
                    prefixes
                }
                _ => HashSet::new(),
            };
            facts.push(Fact::Outbound(family, Arc::new(prefixes)));
            self.outbound[index].was_read(now, begun.elapsed());
        }
        Ok(facts)
    }

    async fn ospf(&mut self, session: &mut Session) -> Result<Vec<Fact>, VtyError> {
        let interfaces = session.command("show ip ospf interface json").await?;
        let neighbors = |text: &str| ospf::interfaces(or_empty(&interfaces.text), or_empty(text));
        let found = self.read(session, "show ip ospf neighbor json", neighbors).await?;
        let mut facts: Vec<_> = found.map(Fact::OspfInterfaces).into_iter().collect();
        let externals = |text: &str| ospf::externals(or_empty(text));
        let externals = self.read(session, "show ip ospf json", externals).await?;
        let Some(now) = externals.filter(|now| self.externals.is_due(now)) else {
            return Ok(facts);
        };
        let begun = Instant::now();
        let prefixes = match now.lsa_external_counter {
            0 => Some(HashSet::new()),
            _ => {
                let command = "show ip ospf database external self-originate json";
                self.read(session, command, |text| ospf::announced(or_empty(text))).await?
            }
        };
        if let Some(prefixes) = prefixes {
            facts.push(Fact::OspfExternals(Arc::new(prefixes)));
            self.externals.was_read(now, begun.elapsed());
        }
        Ok(facts)
    }

    /// `None` where the answer can't be read: it says nothing then.
    async fn read<T, E: std::fmt::Display>(
        &mut self,
        session: &mut Session,
        command: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, VtyError> {
        let reply = session.command(command).await?;
        let parsed = match reply.code {
            // Where a protocol does not run, FRR answers `{}` or nothing, with a warning.
            ReturnCode::Ok | ReturnCode::Warning => {
                parse(&reply.text).map_err(|error| error.to_string())
            }
            code => Err(format!("FRR answered {code}: {}", reply.message())),
        };
        parsed.map(Some).or_else(|error| {
            self.unreadable.push(format!("{command}: {error}"));
            Ok(None)
        })
    }
}

/// Where OSPF does not run, ospfd's answer is empty, or words.
fn or_empty(text: &str) -> &str {
    if text.trim_start().starts_with('{') { text } else { "{}" }
}
