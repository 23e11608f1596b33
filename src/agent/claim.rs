//! That no other agent drives this FRR: a lock in the directory of FRR's sockets, held as long as the agent lives.
//!
//! Two agents would take away in turn what the other has configured. The kernel gives the lock back however the agent
//! ends. It is a file that only FRR's user and root may open, who can configure FRR anyway: no other user can keep an
//! agent from starting.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::OFlags;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The file.
const NAME: &str = "novaroute.lock";

/// How often a claim that could not be made is tried again, and one that was made is looked after: the directory comes
/// with FRR, and goes with it.
const LOOK: Duration = Duration::from_secs(1);

/// Longest text of a holder that is shown.
const HOLDER: u64 = 512;

/// Another agent drives this FRR.
#[derive(Debug, thiserror::Error)]
#[error(
    "another agent drives the FRR of {} ({holder}): stop that one, or give this one a FRR of its own (frr.socket_dir)",
    dir.display()
)]
pub struct ClaimError {
    /// Directory of FRR's sockets.
    dir: PathBuf,
    /// What the other says of itself.
    holder: String,
}

/// Why nothing is locked.
enum Unclaimed {
    /// Another holds it.
    Held(ClaimError),
    /// The directory is not there, or nothing can be written there.
    Impossible(io::Error),
}

/// FRR, claimed, or to be claimed as soon as that can be done.
#[derive(Debug)]
pub(super) struct Claim {
    dir: PathBuf,
    /// What this agent says of itself.
    holder: String,
    lock: Option<File>,
}

impl Claim {
    /// Claims the FRR whose sockets are in `dir`. Where nothing can be locked it is tried again later.
    ///
    /// # Errors
    /// Another agent has claimed it.
    pub(super) fn take(dir: &Path, socket: &Path) -> Result<Self, ClaimError> {
        let holder = format!("process {}, serving {}", std::process::id(), socket.display());
        let mut claim = Self { dir: dir.to_owned(), holder, lock: None };
        match claim.try_lock() {
            Ok(()) => Ok(claim),
            Err(Unclaimed::Held(error)) => Err(error),
            Err(Unclaimed::Impossible(error)) => {
                warn!(
                    dir = %dir.display(), %error,
                    "can't lock FRR for this agent: nothing would keep another agent from driving it, too"
                );
                Ok(claim)
            }
        }
    }

    /// Looks after the claim until `stop`, and ends before that where another agent has it.
    pub(super) async fn keep(mut self, stop: CancellationToken) -> Result<(), ClaimError> {
        let mut look = interval(LOOK);
        while stop.run_until_cancelled(look.tick()).await.is_some() {
            if self.stands() {
                continue;
            }
            self.lock = None;
            match self.try_lock() {
                Ok(()) => info!(dir = %self.dir.display(), "FRR is locked for this agent"),
                Err(Unclaimed::Held(error)) => return Err(error),
                // Said at the start, where it was so then; and a directory that is away is no FRR to drive.
                Err(Unclaimed::Impossible(_)) => {}
            }
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.dir.join(NAME)
    }

    /// Whether what is locked still is what another agent would find.
    fn stands(&self) -> bool {
        let there = fs::symlink_metadata(self.path());
        let ours = self.lock.as_ref().map(File::metadata);
        match (there, ours) {
            (Ok(there), Some(Ok(ours))) => (there.dev(), there.ino()) == (ours.dev(), ours.ino()),
            _ => false,
        }
    }

    fn try_lock(&mut self) -> Result<(), Unclaimed> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        // A user who can write there must not have root's agent write elsewhere.
        options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let mut file = options.open(self.path()).map_err(Unclaimed::Impossible)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // It may be about to say it.
                let _ = file.take(HOLDER).read_to_string(&mut holder);
                let holder = holder.trim().chars().filter(|c| !c.is_control()).collect();
                return Err(Unclaimed::Held(ClaimError { dir: self.dir.clone(), holder }));
            }
            Err(TryLockError::Error(error)) => return Err(Unclaimed::Impossible(error)),
        }
        // For people only: that it can't be written, on a full disk, takes nothing from the lock.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(format!("{}\n", self.holder).as_bytes()));
        self.lock = Some(file);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(dir: &Path, name: &str) -> Result<Claim, ClaimError> {
        Claim::take(dir, Path::new(name))
    }

    #[test]
    fn the_second_is_told_who_the_first_is_and_a_dead_one_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let first = take(dir.path(), "/run/a.sock").unwrap();
        let error = take(dir.path(), "/run/b.sock").unwrap_err().to_string();
        let holder = format!("process {}, serving /run/a.sock", std::process::id());
        assert!(error.contains(&holder), "{error}");
        drop(first);
        let mode = fs::metadata(dir.path().join(NAME)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else can lock it");
        take(dir.path(), "/run/b.sock").unwrap();
    }

    #[test]
    fn what_leads_elsewhere_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let precious = dir.path().join("precious");
        fs::write(&precious, "precious").unwrap();
        std::os::unix::fs::symlink(&precious, dir.path().join(NAME)).unwrap();
        let claim = take(dir.path(), "/run/a.sock").unwrap();
        assert!(claim.lock.is_none());
        assert_eq!(fs::read_to_string(precious).unwrap(), "precious");
    }

    #[tokio::test]
    async fn a_directory_that_comes_later_is_claimed_then_and_of_two_one_ends() {
        let dir = tempfile::tempdir().unwrap();
        let frr = dir.path().join("frr");
        let (first, second) =
            (take(&frr, "/run/a.sock").unwrap(), take(&frr, "/run/b.sock").unwrap());
        let stop = CancellationToken::new();
        fs::create_dir(&frr).unwrap();
        let (mut first, mut second) =
            (Box::pin(first.keep(stop.clone())), Box::pin(second.keep(stop.clone())));
        let ended = tokio::select! {
            ended = &mut first => ended,
            ended = &mut second => ended,
        };
        assert!(ended.is_err(), "one of them is told");
        stop.cancel();
    }

    /// FRR's own start makes the directory anew.
    #[tokio::test]
    async fn a_directory_that_was_replaced_is_claimed_again() {
        let dir = tempfile::tempdir().unwrap();
        let frr = dir.path().join("frr");
        fs::create_dir(&frr).unwrap();
        let (claim, stop) = (take(&frr, "/run/a.sock").unwrap(), CancellationToken::new());
        fs::remove_dir_all(&frr).unwrap();
        fs::create_dir(&frr).unwrap();
        let kept = tokio::spawn(claim.keep(stop.clone()));
        while !fs::read_to_string(frr.join(NAME)).is_ok_and(|said| said.contains("/run/a.sock")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        take(&frr, "/run/b.sock").unwrap_err();
        stop.cancel();
        kept.await.unwrap().unwrap();
    }
}
