//! That an endpoint lies, remembered beyond the agent's end: the next agent does not have to find it out again.
//!
//! It counts for the very daemon that lied, told by when it made its socket, and for the same address.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::{
    frr::{driver::Start, vty::SocketFile},
    world,
};

/// When a daemon started, as far as the file of its socket tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    seconds: i64,
    nanoseconds: i64,
    inode: u64,
}

impl Started {
    /// Of the daemon with this socket; `None` where there is none.
    pub fn of(socket: &Path) -> Option<Self> {
        let there = fs::metadata(socket).ok()?;
        Some(Self { seconds: there.mtime(), nanoseconds: there.mtime_nsec(), inode: there.ino() })
    }

    /// The start of the daemon with this socket: it makes its socket anew.
    pub fn start(socket: Option<SocketFile>) -> Start {
        let Some(there) = socket else { return Start::default() };
        let since_epoch = there.made.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since_epoch.as_secs().wrapping_mul(1_000_000_000);
        let made = seconds.wrapping_add(since_epoch.subsec_nanos().into());
        let age = world::time_of_day().duration_since(there.made).ok();
        Start { incarnation: made ^ there.inode << 32, age }
    }
}

/// A lie, as it is kept.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lie {
    address: SocketAddr,
    started: Started,
    why: String,
}

/// Where the lie of one daemon is kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Memory {
    file: PathBuf,
}

impl Memory {
    /// In the agent's state directory.
    pub fn new(state_dir: &Path, daemon: &str) -> Self {
        Self { file: state_dir.join(format!("{daemon}-grpc-lies.json")) }
    }

    /// Why the endpoint at this address of the daemon that started then is known to lie. Whatever can't be read is
    /// forgotten: the endpoint is tried, and found out.
    pub async fn recall(&self, address: SocketAddr, started: Started) -> Option<String> {
        let file = self.file.clone();
        let text = tokio::task::spawn_blocking(move || fs::read(file)).await.ok()?.ok()?;
        let lie: Lie = serde_json::from_slice(&text).ok()?;
        (lie.address == address && lie.started == started).then_some(lie.why)
    }

    /// Remembers it, in the place of what was remembered before. That the disk refuses costs the next agent a second.
    pub async fn note(&self, address: SocketAddr, started: Started, why: &str) {
        let (file, lie) = (self.file.clone(), Lie { address, started, why: why.to_owned() });
        let written = tokio::task::spawn_blocking(move || write(&file, &lie)).await;
        let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        if let Err(error) = written {
            warn!(file = %self.file.display(), %error, "that FRR's own gRPC lies can't be noted");
        }
    }
}

/// Whole, or not at all.
fn write(file: &Path, lie: &Lie) -> io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, serde_json::to_vec(lie)?)?;
    fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lie_is_remembered_of_the_daemon_that_told_it_alone() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::new(dir.path(), "mgmtd");
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let socket = dir.path().join("mgmtd.vty");
        assert_eq!(Started::of(&socket), None);
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let first = Started::of(&socket).unwrap();
        assert_eq!(memory.recall(address(1), first).await, None);
        memory.note(address(1), first, "it lied").await;
        let again = Memory::new(dir.path(), "mgmtd");
        assert_eq!(again.recall(address(1), first).await.as_deref(), Some("it lied"));
        assert_eq!(again.recall(address(2), first).await, None, "another endpoint");
        // A daemon that starts makes its socket anew.
        let second = loop {
            fs::remove_file(&socket).unwrap();
            let _next = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            let second = Started::of(&socket).unwrap();
            if second != first {
                break second;
            }
        };
        drop(listener);
        assert_eq!(again.recall(address(1), second).await, None);
        fs::write(dir.path().join("mgmtd-grpc-lies.json"), "{").unwrap();
        assert_eq!(again.recall(address(1), first).await, None);
    }
}
