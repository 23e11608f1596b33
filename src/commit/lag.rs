//! Which daemons may lack something of what is stored, and why. Pure.

use std::collections::BTreeMap;

use crate::daemon::Daemon;

/// Why a daemon may lack something of what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lag {
    /// It can't be reached.
    Away(String),
    /// It answers, and it is not known how much of it the daemon has.
    OutOfStep(String),
}

/// One state for each daemon; a daemon without one has all that is stored, as far as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lags(BTreeMap<Daemon, Lag>);

impl Lags {
    /// Nothing is known of any daemon.
    pub(super) fn unknown(why: &str) -> Self {
        let mut lags = Self::default();
        lags.doubt(why);
        lags
    }

    /// These can't be reached; the others have all of it.
    pub(super) fn of_away(away: BTreeMap<Daemon, String>) -> Self {
        Self(away.into_iter().map(|(daemon, why)| (daemon, Lag::Away(why))).collect())
    }

    /// Whether all daemons have all of it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a daemon can't be reached.
    pub fn is_away(&self, daemon: Daemon) -> bool {
        matches!(self.0.get(&daemon), Some(Lag::Away(_)))
    }

    /// Daemons that can't be reached, each with why.
    pub fn away(&self) -> impl Iterator<Item = (Daemon, &str)> {
        self.0.iter().filter_map(|(daemon, lag)| match lag {
            Lag::Away(why) => Some((*daemon, why.as_str())),
            Lag::OutOfStep(_) => None,
        })
    }

    /// Why daemons that answer may lack something.
    pub fn out_of_step(&self) -> Option<&str> {
        self.0.values().find_map(|lag| match lag {
            Lag::OutOfStep(why) => Some(why.as_str()),
            Lag::Away(_) => None,
        })
    }

    /// A daemon can't be reached.
    pub fn lose(&mut self, daemon: Daemon, why: impl Into<String>) {
        self.0.insert(daemon, Lag::Away(why.into()));
    }

    /// A daemon has all of it.
    pub(super) fn caught_up(&mut self, daemon: Daemon) {
        self.0.remove(&daemon);
    }

    /// It is not known what the daemons that answer have.
    pub fn doubt(&mut self, why: &str) {
        for daemon in Daemon::ALL {
            if !self.is_away(daemon) {
                self.0.insert(daemon, Lag::OutOfStep(why.to_owned()));
            }
        }
    }

    /// These, and no others, can't be reached. What is in doubt of those that answer still is.
    pub(super) fn set_away(&mut self, away: BTreeMap<Daemon, String>) {
        let doubt = self.out_of_step().map(str::to_owned);
        *self = Self::of_away(away);
        if let Some(why) = doubt {
            self.doubt(&why);
        }
    }

    /// Why one of these daemons may lack something; `None` where they have all.
    pub fn words(&self, daemons: &[Daemon]) -> Option<String> {
        let away = self.away().filter(|(daemon, _)| daemons.contains(daemon));
        let away = away.map(|(daemon, why)| format!("{daemon}: {why}"));
        let words: Vec<String> = away.chain(self.out_of_step().map(str::to_owned)).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_doubt_stays_so_whoever_is_away() {
        let mut lags = Lags::unknown("not read yet");
        lags.set_away(BTreeMap::from([(Daemon::Bfdd, "refused".to_owned())]));
        assert!(lags.is_away(Daemon::Bfdd) && !lags.is_away(Daemon::Bgpd));
        assert_eq!(lags.words(&[Daemon::Bgpd]).as_deref(), Some("not read yet"));
        assert_eq!(lags.words(&[Daemon::Bfdd]).as_deref(), Some("bfdd: refused; not read yet"));
        lags.set_away(BTreeMap::new());
        assert_eq!(lags, Lags::unknown("not read yet"));
        lags = Lags::of_away(BTreeMap::from([(Daemon::Bfdd, "refused".to_owned())]));
        assert_eq!(lags.words(&[Daemon::Bgpd]), None);
        lags.caught_up(Daemon::Bfdd);
        assert!(lags.is_empty());
    }
}
