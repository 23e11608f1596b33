//! Whether the agent is alive, and ready: what probes ask.

use std::{
    fmt, iter,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How often the commit actor has to call [`Health::beat`] while it has nothing to do.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);

/// Longest time between two beats. Between two beats the actor waits for one answer, at most
/// the 120 s that a northbound commit may take; the guide's probe asks three times
/// in 45 s more before it restarts the agent.
pub const HEARTBEAT_LIMIT: Duration = Duration::from_secs(150);

/// What the commit actor says of itself and the probes read. Shared as an `Arc`.
#[derive(Debug)]
pub struct Health {
    limit: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    last_beat: Instant,
    frr: Result<String, String>,
    last_commit: Result<(), String>,
    notes: Vec<String>,
    journal: Vec<String>,
}

/// Why the agent is not alive, or not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unhealthy(String);

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::with_limit(HEARTBEAT_LIMIT)
    }
}

impl Health {
    /// Alive from now, not ready yet; dead `limit` after the last beat.
    pub fn with_limit(limit: Duration) -> Self {
        let state = State {
            last_beat: Instant::now(),
            frr: Err("not connected yet".to_owned()),
            last_commit: Err("FRR has not been compared with the intents yet".to_owned()),
            notes: Vec::new(),
            journal: Vec::new(),
        };
        Self { limit, state: Mutex::new(state) }
    }

    /// The commit actor makes progress: at least every [`HEARTBEAT_INTERVAL`] while idle, and
    /// after each step of its work.
    pub fn beat(&self) {
        self.state().last_beat = Instant::now();
    }

    /// FRR is connected and has this version; or it is not, and why.
    pub fn set_frr(&self, frr: Result<String, String>) {
        self.state().frr = frr;
    }

    /// The last commit is confirmed; or it is not, and why. No secrets: the reason is
    /// served to everybody.
    pub fn set_last_commit(&self, last_commit: Result<(), String>) {
        self.state().last_commit = last_commit;
    }

    /// What is said of an agent that is ready, too: it can't do everything.
    pub fn set_notes(&self, notes: Vec<String>) {
        self.state().notes = notes;
    }

    /// What is the matter with the journal; empty where all is well.
    pub fn set_journal(&self, concerns: &[String]) {
        self.state().journal = concerns.to_vec();
    }

    /// Whether the agent makes progress.
    ///
    /// # Errors
    /// How long it has not.
    pub fn alive(&self) -> Result<(), Unhealthy> {
        let silent = self.state().last_beat.elapsed();
        if silent > self.limit {
            return Err(Unhealthy(format!(
                "no progress for {} s, more than {} s",
                silent.as_secs(),
                self.limit.as_secs()
            )));
        }
        Ok(())
    }

    /// Whether FRR is connected, the last commit confirmed and the journal sound; then FRR's version, and behind it, a line
    /// each, what can't be done all the same.
    ///
    /// # Errors
    /// Everything that is not as it should be.
    pub fn ready(&self) -> Result<String, Unhealthy> {
        let mut reasons: Vec<String> = self.alive().err().map(|e| e.0).into_iter().collect();
        let state = self.state();
        reasons.extend(state.frr.as_ref().err().map(|reason| format!("FRR: {reason}")));
        reasons.extend(state.last_commit.as_ref().err().map(|reason| format!("commit: {reason}")));
        reasons.extend(state.journal.iter().map(|concern| format!("journal: {concern}")));
        match &state.frr {
            Ok(version) if reasons.is_empty() => {
                let lines: Vec<&str> =
                    iter::once(version).chain(&state.notes).map(String::as_str).collect();
                Ok(lines.join("\n"))
            }
            _ => {
                reasons.extend(state.notes.iter().cloned());
                Err(Unhealthy(reasons.join("\n")))
            }
        }
    }

    /// The state is whole whenever the lock is free: each setter writes one field.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_connected_and_confirmed() {
        let health = Health::default();
        assert_eq!(
            health.ready().unwrap_err().to_string(),
            "FRR: not connected yet\ncommit: FRR has not been compared with the intents yet"
        );
        health.set_frr(Ok("10.3".into()));
        assert!(health.ready().is_err());
        health.set_last_commit(Ok(()));
        assert_eq!(health.ready(), Ok("10.3".into()));
        health.set_notes(vec!["no OSPF".into()]);
        assert_eq!(health.ready(), Ok("10.3\nno OSPF".into()));
        health.set_notes(vec![]);
        health.set_frr(Err("bgpd is gone".into()));
        assert_eq!(health.ready().unwrap_err().to_string(), "FRR: bgpd is gone");
        health.set_frr(Ok("10.3".into()));
        health.set_last_commit(Err("refused".into()));
        assert_eq!(health.ready().unwrap_err().to_string(), "commit: refused");
        health.set_last_commit(Ok(()));
        health.set_journal(&["the disk is full".into()]);
        assert_eq!(health.ready().unwrap_err().to_string(), "journal: the disk is full");
        health.set_journal(&[]);
        assert_eq!(health.ready(), Ok("10.3".into()));
        health.set_last_commit(Err("refused".into()));
        assert_eq!(health.alive(), Ok(()), "none of this is cured by a restart");
    }

    #[test]
    fn an_actor_that_stops_beating_is_dead_and_not_ready() {
        let limit = Duration::from_secs(20);
        let health = Health::with_limit(limit);
        health.set_frr(Ok("10.3".into()));
        health.set_last_commit(Ok(()));
        assert_eq!(health.alive(), Ok(()));
        let long_ago = Instant::now().checked_sub(limit + Duration::from_secs(1));
        health.state().last_beat = long_ago.expect("the machine has run for longer");
        assert!(health.alive().unwrap_err().to_string().starts_with("no progress"));
        assert!(health.ready().is_err());
        health.beat();
        assert_eq!(health.alive(), Ok(()));
    }
}
