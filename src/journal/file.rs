//! The journal: open, append, replace.
//!
//! What is in memory and what is in the file say the same, but for two cases, in which the journal is *behind*: it is
//! unknown what is in the file, or it lacks what was taken without it. Then it takes nothing that adds, until
//! all of it has been written anew.

mod health;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tracing::{error, info, warn};

use super::{
    claims::Claims,
    damage,
    disk::{Directory, Disk},
    error::JournalError,
    lock::lock,
    log::{Failed, Log},
    replay::{self, State},
};
use crate::{
    failpoint,
    model::{Configured, Intent, OwnerName},
    transaction::{Ending, Finish, Outcome, Transaction, TransactionId},
};

/// Name of the journal in the state directory.
pub(super) const FILE: &str = "journal";

/// Name of one that is being written.
const NEW: &str = "journal.new";

/// A file under this many bytes is not worth replacing.
const SMALL: u64 = 4 << 20;

/// Room that is kept for what takes away, so that a full disk does not keep what should go: for an intent that
/// is withdrawn alone, …
const KEPT_PER_INTENT: u64 = 256;

/// … for what always may come, as the end of what is under way, a drain, a confirmation (less in tests, which write
/// thousands of files), …
const KEPT_AT_LEAST: u64 = if cfg!(test) { 1 << 10 } else { 32 << 10 };

/// … and this at the most: what many intents take that go together.
const KEPT_AT_MOST: u64 = 4 << 20;

/// What a record is for, which says what becomes of it where the disk has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// It adds: it must be on disk, and leaves the room that is kept.
    Adds,
    /// It must be on disk, and may have the room that is kept.
    Decides,
    /// It takes away, or says what has happened: it counts in any case.
    Happens,
}

/// Whether a file that replaces another must have the room that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Kept,
    AsIs,
}

/// Why the file was not replaced.
#[derive(Debug)]
enum Unreplaced {
    /// The one that was there is as it was.
    Before(io::Error),
    /// Nobody knows which of the two is found after a power cut.
    InDoubt(io::Error),
}

impl From<Unreplaced> for io::Error {
    fn from(unreplaced: Unreplaced) -> Self {
        match unreplaced {
            Unreplaced::Before(error) | Unreplaced::InDoubt(error) => error,
        }
    }
}

/// The open journal. All calls block for as long as the disk takes.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    disk: Box<dyn Disk>,
    /// The file; `None` where nothing can be appended to it.
    log: Option<Log>,
    /// Bytes of its snapshot.
    snapshot: u64,
    /// Length from which on it is replaced.
    replace_from: u64,
    /// What is in the file, or should be.
    state: State,
    /// Whether the file may say something else than `state`.
    behind: bool,
    /// What the disk said when it last refused.
    refused: Option<String>,
    /// Files that were set aside since something of them is lost: name, and what is lost.
    damaged: Vec<(String, String)>,
    /// Whether the file may be overwritten: it is not damaged, or is kept under another name too.
    damaged_aside: bool,
    /// Held for as long as the journal is open.
    _lock: Option<File>,
}

impl Journal {
    /// Opens the journal of a state directory, making both where they lack. A disk that is full or read-only
    /// is no reason not to: see [`Journal::concerns`].
    ///
    /// # Errors
    /// Another agent uses it, the journal can't be read, or the directory can't be used for another reason.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let lock = lock(dir)?;
        Self::open_on(dir, Box::new(Directory(dir.to_owned())), lock)
    }

    /// [`Journal::open`] on any disk.
    pub(super) fn open_on(
        dir: &Path,
        mut disk: Box<dyn Disk>,
        lock: Option<File>,
    ) -> Result<Self, JournalError> {
        let io_error = |source| JournalError::Io { dir: dir.to_owned(), source };
        let path = dir.join(FILE);
        let bytes = disk.read(FILE).map_err(io_error)?;
        let found = bytes.as_deref().map(replay::replay).transpose();
        let found =
            found.map_err(|e| JournalError::Unreadable { path: path.clone(), reason: e.0 })?;
        let mut journal = Self {
            dir: dir.to_owned(),
            disk,
            log: None,
            snapshot: 0,
            replace_from: 0,
            state: State::default(),
            behind: true,
            refused: None,
            damaged: Vec::new(),
            damaged_aside: true,
            _lock: lock,
        };
        let mut aside = Ok(());
        let mut damaged = false;
        let mut ends = None;
        if let (Some(replayed), Some(bytes)) = (found, &bytes) {
            if replayed.cut_off > 0 {
                let (at, count) = (replayed.end, replayed.cut_off);
                warn!(file = %path.display(), offset = at, bytes = count,
                    "the journal ends within a record: it was being written, and was not answered");
            }
            damaged = !replayed.damage.is_empty();
            if damaged {
                aside = journal.set_aside(bytes, &replayed.damage);
            } else {
                ends = Some((replayed.end as u64, bytes.len() as u64, replayed.cut_off as u64));
            }
            journal.state = replayed.state;
        }
        journal.look();
        if let Err(source) = aside {
            journal.refuse(&source);
            return Ok(journal);
        }
        // What was read is written anew: a file that was cut off ends properly again.
        if let Err(Unreplaced::Before(_)) = journal.replace(Room::Kept) {
            let goes_on = !damaged && journal.go_on(ends);
            if !goes_on && journal.replace(Room::AsIs).is_ok() {
                info!(dir = %dir.display(), "the journal is whole, and has no room that is kept");
            }
        }
        Ok(journal)
    }

    /// Goes on behind what is in the file, since there is no room for another. `ends` has the end of its records, its
    /// own, and how many bytes between are neither records nor zeros.
    fn go_on(&mut self, ends: Option<(u64, u64, u64)>) -> bool {
        let Some((end, size, dirty)) = ends else { return false };
        let opened = self.disk.open(FILE, false).and_then(|mut blocks| {
            if dirty > 0 {
                blocks.write(end, &vec![0; usize::try_from(dirty).unwrap_or(usize::MAX)])?;
            }
            // What is to be appended must not be the first that survives a power cut, nor be in a file without a name.
            blocks.sync()?;
            self.disk.sync()?;
            Ok(blocks)
        });
        let Ok(blocks) = opened else { return false };
        self.log = Some(Log::new(blocks, end, size));
        self.behind = false;
        (self.snapshot, self.replace_from) = (end, end + SMALL);
        true
    }

    /// What is in the journal.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Remembers what the configuration declares.
    ///
    /// # Errors
    /// The disk refused; it is not remembered.
    pub fn configured(&mut self, configured: Configured) -> Result<(), JournalError> {
        if self.state.configured != configured {
            let before = std::mem::replace(&mut self.state.configured, configured);
            if let Err(error) = self.replace(Room::Kept) {
                self.state.configured = before;
                return Err(self.io_error(error.into()));
            }
        }
        Ok(())
    }

    /// Has transactions on disk before FRR is touched. What only takes away is taken without, where the disk
    /// can't.
    ///
    /// # Errors
    /// The disk refused; they must not be carried out.
    pub fn prepare(&mut self, transactions: &[Arc<Transaction>]) -> Result<(), JournalError> {
        // Where there is nothing to lose, a client that repeats itself costs no disk.
        if !self.state.is_trivial(transactions) {
            let need = match transactions.iter().any(|t| t.adds()) {
                true => Need::Adds,
                false => Need::Happens,
            };
            let changes = transactions.iter().map(|t| t.changes.len()).sum();
            self.write(&replay::prepared(transactions), need, true, changes)?;
        }
        self.state.prepare(transactions);
        failpoint::hit("journal-prepared");
        Ok(())
    }

    /// Has on disk whose objects are, before FRR is touched. That something is about to be sent survives the death of this
    /// process; after a power cut FRR does not run it either.
    ///
    /// # Errors
    /// The disk refused; nothing must be sent.
    pub fn claim(&mut self, claims: &Claims) -> Result<(), JournalError> {
        // What was prepared and is not known to be sent counts as foreign where FRR runs it.
        let mut unsettled = self.state.history.iter().rev().take_while(|t| t.ending.is_none());
        let decides = claims.must_last() || (claims.touching && unsettled.any(|t| t.adds()));
        let need = if decides { Need::Decides } else { Need::Happens };
        self.write(&replay::claimed(claims), need, claims.must_last(), 0)?;
        self.state.claim(claims);
        if claims.touching {
            failpoint::hit("journal-claimed");
        }
        Ok(())
    }

    /// Writes how transactions ended. What was taken survives the death of this process at once and a power
    /// cut from the next [`Journal::prepare`] on: until then it would be applied again. That it was refused survives both.
    ///
    /// # Errors
    /// The disk refused to keep that they were refused: after the agent's death they are tried again. In memory
    /// it is right all the same.
    pub fn settle(
        &mut self,
        ids: &[TransactionId],
        ending: &Ending,
        took: Duration,
        clean: bool,
    ) -> Result<(), JournalError> {
        let known = |t: &&Arc<Transaction>| ids.contains(&t.id);
        let of: Vec<_> = self.state.history.iter().filter(known).cloned().collect();
        let trivial = !ids.is_empty()
            && self.state.is_trivial(&of)
            && (!clean || self.state.orphaned.is_empty());
        if !trivial {
            let undoes = of.iter().any(|t| t.undoes.is_some());
            if undoes {
                failpoint::hit("journal-finishing");
            }
            let refused = matches!(ending, Ending::Refused(_));
            let record = replay::settled_record(ids, ending, took, clean);
            self.write(&record, Need::Happens, refused, 0)?;
            if undoes {
                failpoint::hit("journal-finished");
            }
        }
        drop(of);
        self.state.settle(ids, ending, took, clean);
        if trivial {
            return Ok(());
        }
        failpoint::hit("journal-settled");
        if self.size() > SMALL.max(self.replace_from) && self.size() > 4 * self.snapshot {
            // What is there stays, where the disk has no room for another file.
            let _ = self.replace(Room::Kept);
            self.replace_from = self.size() + SMALL;
        }
        match ending {
            Ending::Refused(_) if self.behind => Err(JournalError::InDoubt {
                dir: self.dir.clone(),
                source: io::Error::other(self.refused.clone().unwrap_or_default()),
            }),
            _ => Ok(()),
        }
    }

    /// Takes a transaction as accepted before FRR is asked: it is sent with all the rest.
    ///
    /// # Errors
    /// The disk refused.
    pub fn declare(&mut self, transaction: Transaction) -> Result<TransactionId, JournalError> {
        let id = transaction.id;
        self.prepare(&[Arc::new(transaction)])?;
        self.settle(&[id], &Ending::Done(Outcome::Pending), Duration::ZERO, false)?;
        Ok(id)
    }

    /// Writes that FRR may have something of these intents, though they are not stored.
    pub fn suspect(&mut self, intents: &[Intent]) {
        // It has happened: where the disk refuses, it is in memory.
        let _ = self.write(&replay::residual(intents), Need::Happens, false, 0);
        self.state.orphaned.extend_from_slice(intents);
    }

    /// Writes that a transaction that had to be confirmed was.
    ///
    /// # Errors
    /// The disk refused, and it is not confirmed.
    pub fn confirm(&mut self, id: TransactionId) -> Result<(), JournalError> {
        failpoint::hit("journal-finishing");
        self.write(&replay::finished(id, Finish::Confirmed), Need::Decides, true, 0)?;
        self.state.finish(id, Finish::Confirmed);
        failpoint::hit("journal-finished");
        Ok(())
    }

    /// Writes that an owner has left, with all that it had: nothing that waits to be confirmed gives it anything back.
    pub fn renounce(&mut self, owner: &OwnerName) {
        if self.state.is_owed(owner) {
            let _ = self.write(&replay::renounced(owner), Need::Happens, true, 0);
            self.state.renounce(owner);
        }
    }

    /// Writes a record, and makes good before what the disk refused. `more` intents at the most are stored behind it.
    fn write(
        &mut self,
        record: &[u8],
        need: Need,
        sync: bool,
        more: usize,
    ) -> Result<(), JournalError> {
        if self.behind && need != Need::Happens {
            self.catch_up().map_err(|e| self.refused_by(e))?;
        }
        if self.behind {
            // All of it is written anew when the disk works again, in the order in which it happened.
            return Ok(());
        }
        let mut room = self.keep_room(record.len() as u64, more);
        if let (true, Some(log), Need::Adds) = (self.refused.is_some(), &mut self.log, need) {
            // What is left of the room that was made before is not taken for a disk that has some.
            room = room.and_then(|()| log.probe());
        }
        if let Err(error) = room {
            self.refuse(&error);
            let fits = self.log.as_ref().is_some_and(|it| it.room() >= record.len() as u64);
            match need {
                Need::Adds => return Err(self.io_error(error)),
                Need::Decides if !fits => return Err(self.io_error(error)),
                Need::Happens if !fits => return self.fall_behind(&error),
                Need::Decides | Need::Happens => {}
            }
        }
        let Some(log) = &mut self.log else {
            return Err(self.io_error(io::Error::other("there is no file to write to")));
        };
        let done = log.append(record, sync);
        match (done, need) {
            (Ok(()), Need::Adds) => {
                self.refused = None;
                Ok(())
            }
            (Ok(()), _) => Ok(()),
            (Err(Failed::Absent(error) | Failed::InDoubt(error)), Need::Happens) => {
                self.fall_behind(&error)
            }
            (Err(Failed::Absent(error)), _) => Err(self.refused_by(error)),
            (Err(Failed::InDoubt(source)), _) => {
                self.refuse(&source);
                self.behind = true;
                Err(JournalError::InDoubt { dir: self.dir.clone(), source })
            }
        }
    }

    /// Goes on in memory alone: it has happened, whatever the disk says.
    fn fall_behind(&mut self, error: &io::Error) -> Result<(), JournalError> {
        self.refuse(error);
        self.behind = true;
        error!(dir = %self.dir.display(), %error, "what was done is not on disk until all of the journal is written anew");
        Ok(())
    }

    /// Has the file say what is in memory, where it may say something else.
    fn catch_up(&mut self) -> io::Result<()> {
        if self.behind {
            if !self.damaged_aside {
                let bytes = self.disk.read(FILE)?.unwrap_or_default();
                damage::set_aside(self.disk.as_mut(), FILE, &bytes)?;
                self.damaged_aside = true;
                self.look();
            }
            self.replace(Room::AsIs)?;
        }
        Ok(())
    }

    /// Room for a record, and behind it what is kept.
    fn keep_room(&mut self, record: u64, more: usize) -> io::Result<()> {
        let intents = u64::try_from(self.state.store.len() + more).unwrap_or(u64::MAX);
        let kept = KEPT_AT_LEAST.saturating_add(intents.saturating_mul(KEPT_PER_INTENT));
        let room = record + kept.min(KEPT_AT_MOST);
        self.log.as_mut().map_or(Ok(()), |log| log.make_room(room))
    }

    /// Writes a whole file under another name and puts it in place of the one that is there.
    fn replace(&mut self, room: Room) -> Result<(), Unreplaced> {
        let old = self.log.take();
        let written = self.write_new(room);
        if let Err(error) = written {
            self.refuse(&error);
            self.log = old;
            // It takes room that others need.
            let _ = self.disk.remove(NEW);
            return Err(Unreplaced::Before(error));
        }
        failpoint::hit("journal-rewritten");
        // What is appended from now on must not go into a file without a name.
        self.behind = true;
        let renamed = self.disk.rename(NEW, FILE).and_then(|()| self.disk.sync());
        if let Err(error) = renamed {
            self.refuse(&error);
            return Err(Unreplaced::InDoubt(error));
        }
        self.behind = false;
        failpoint::hit("journal-replaced");
        Ok(())
    }

    fn write_new(&mut self, room: Room) -> io::Result<()> {
        let bytes = replay::snapshot(&self.state);
        let mut blocks = self.disk.open(NEW, true)?;
        blocks.write(0, &bytes)?;
        let length = bytes.len() as u64;
        self.log = Some(Log::new(blocks, length, length));
        let kept = self.keep_room(0, 0);
        match (kept, room) {
            (Ok(()), _) => {}
            (Err(error), Room::Kept) => return Err(error),
            (Err(error), Room::AsIs) => self.refuse(&error),
        }
        if let Some(log) = &mut self.log {
            log.sync()?;
        }
        (self.snapshot, self.replace_from) = (length, 0);
        Ok(())
    }

    /// Takes note that the disk refused.
    fn refuse(&mut self, error: &io::Error) {
        let words = error.to_string();
        if self.refused.as_ref() != Some(&words) {
            error!(dir = %self.dir.display(), %error, "the state directory can't be written");
            self.refused = Some(words);
        }
    }

    fn refused_by(&mut self, error: io::Error) -> JournalError {
        self.refuse(&error);
        self.io_error(error)
    }

    fn io_error(&self, source: io::Error) -> JournalError {
        JournalError::Io { dir: self.dir.clone(), source }
    }
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod disk_tests;
#[cfg(test)]
#[path = "tests.rs"]
mod tests;
