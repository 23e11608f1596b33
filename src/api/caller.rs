//! Who is at the other end of a connection, by the kernel's word (SO_PEERCRED), for the log.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{net::UnixStream, time::Instant};

/// Shortest time between two lines about refused tokens: who guesses shall not fill the log.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);

/// The process that connected. It may have handed its connection on since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Its number in the agent's PID namespace; 0 where it is of another, as that of another container.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

impl Caller {
    /// Of an accepted connection; `None` where the kernel does not say.
    pub(super) fn of(stream: &UnixStream) -> Option<Self> {
        let cred = stream.peer_cred().ok()?;
        Some(Self { pid: cred.pid().unwrap_or(0), uid: cred.uid(), gid: cred.gid() })
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} uid {} gid {}", self.pid, self.uid, self.gid)
    }
}

/// A caller for the log, also where it is not known.
pub(super) fn shown(caller: Option<Caller>) -> String {
    caller.map_or_else(|| "unknown".to_owned(), |caller| caller.to_string())
}

/// Tells of refused tokens: who, and how many there were, but neither what they were nor whose.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<(Option<Instant>, u64)>);

impl Refusals {
    /// One more.
    pub(super) fn note(&self, caller: Option<Caller>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, untold) = &mut *state;
        *untold += 1;
        if last.is_some_and(|last| last.elapsed() < REFUSAL_PAUSE) {
            return;
        }
        *last = Some(Instant::now());
        let refused = std::mem::take(untold);
        drop(state);
        tracing::warn!(caller = %shown(caller), refused, "unknown owner or wrong token");
    }
}
