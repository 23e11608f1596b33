//! The file: open, append, replace.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use super::replay::{self, State};
use crate::{
    failpoint,
    model::{Configured, Intent},
    transaction::{Ending, Finish, Outcome, Transaction, TransactionId},
};

/// Name of the journal in the state directory.
const FILE: &str = "journal";

/// A file under this many bytes is not worth replacing.
const SMALL: u64 = 4 << 20;

/// Why the journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused.
    #[error("can't write the state directory {}: {source}", dir.display())]
    Io {
        /// The state directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another agent uses it.
    #[error("another agent uses the state directory {}; stop it, or set another state_dir", dir.display())]
    InUse {
        /// The state directory.
        dir: PathBuf,
    },
    /// The file is not one of ours, or was damaged.
    #[error(
        "can't read {}: {reason}; move it away to start without what was declared",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// The open journal. All calls block for as long as the disk takes.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    file: File,
    /// Bytes in the file.
    length: u64,
    /// Bytes of its snapshot.
    snapshot: u64,
    /// What is in the file.
    state: State,
    /// Held for as long as the journal is open.
    _lock: File,
}

impl Journal {
    /// Opens the journal of a state directory, making both where they lack.
    ///
    /// # Errors
    /// The directory can't be used, another agent uses it, or the journal can't be read.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let io_error = |source| JournalError::Io { dir: dir.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_error)?;
        let lock = options().open(dir.join("lock")).map_err(io_error)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::InUse { dir: dir.to_owned() },
            TryLockError::Error(source) => io_error(source),
        })?;
        let path = dir.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(io_error(source)),
        };
        let (state, _) = replay::replay(&bytes)
            .map_err(|e| JournalError::Unreadable { path: path.clone(), reason: e.0 })?;
        // What was read is written anew: a file that was cut off ends properly again.
        let (file, length) = write_snapshot(dir, &state).map_err(io_error)?;
        Ok(Self { dir: dir.to_owned(), file, length, snapshot: length, state, _lock: lock })
    }

    /// What is in the journal.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Bytes on disk.
    pub fn size(&self) -> u64 {
        self.length
    }

    /// Remembers what the configuration declares.
    ///
    /// # Errors
    /// The disk refused.
    pub fn configured(&mut self, configured: Configured) -> Result<(), JournalError> {
        if self.state.configured != configured {
            self.state.configured = configured;
            self.replace()?;
        }
        Ok(())
    }

    /// Has transactions on disk before FRR is touched.
    ///
    /// # Errors
    /// The disk refused; they must not be carried out.
    pub fn prepare(&mut self, transactions: &[Transaction]) -> Result<(), JournalError> {
        if transactions.iter().all(Transaction::changes_nothing) {
            // Nothing to lose: a client that repeats itself costs no disk.
            self.state.prepare(transactions);
            return Ok(());
        }
        let record = replay::prepared(transactions);
        let before = self.length;
        let written = self.append(&record).and_then(|()| {
            failpoint::hit("journal-appended");
            self.file.sync_data()
        });
        if let Err(error) = written {
            // It is refused, so it must not be there after a restart.
            self.cut(before).map_err(|e| self.io_error(e))?;
            return Err(self.io_error(error));
        }
        self.state.prepare(transactions);
        failpoint::hit("journal-prepared");
        Ok(())
    }

    /// Writes how transactions ended. Survives the death of this process at once and a power
    /// cut from the next [`Journal::prepare`] on: until then they would be applied again.
    ///
    /// # Errors
    /// The disk refused. What is in memory is right all the same.
    pub fn settle(
        &mut self,
        ids: &[TransactionId],
        ending: &Ending,
        took: Duration,
        clean: bool,
    ) -> Result<(), JournalError> {
        let known = |t: &&std::sync::Arc<Transaction>| ids.contains(&t.id);
        let trivial = !ids.is_empty()
            && self.state.history.iter().filter(known).all(|t| t.changes_nothing())
            && (!clean || self.state.residue.is_empty());
        self.state.settle(ids, ending, took, clean);
        if trivial {
            return Ok(());
        }
        self.append(&replay::settled_record(ids, ending, took, clean))
            .map_err(|e| self.io_error(e))?;
        failpoint::hit("journal-settled");
        if self.length > SMALL && self.length > 4 * self.snapshot {
            self.replace()?;
        }
        Ok(())
    }

    /// Takes a transaction as accepted before FRR is asked: it is sent with all the rest.
    ///
    /// # Errors
    /// The disk refused.
    pub fn declare(&mut self, transaction: Transaction) -> Result<TransactionId, JournalError> {
        let id = transaction.id;
        self.prepare(&[transaction])?;
        self.settle(&[id], &Ending::Done(Outcome::Pending), Duration::ZERO, false)?;
        Ok(id)
    }

    /// Writes that FRR may have something of these intents, though they are not stored.
    ///
    /// # Errors
    /// The disk refused. What is in memory is right all the same.
    pub fn suspect(&mut self, intents: &[Intent]) -> Result<(), JournalError> {
        self.state.residue.extend_from_slice(intents);
        let record = replay::residual(intents);
        self.append(&record).map_err(|e| self.io_error(e))
    }

    /// Writes what became of a transaction that had to be confirmed.
    ///
    /// # Errors
    /// The disk refused.
    pub fn finish(&mut self, id: TransactionId, finish: Finish) -> Result<(), JournalError> {
        failpoint::hit("journal-finishing");
        self.state.finish(id, finish);
        let record = replay::finished(id, finish);
        self.append(&record).and_then(|()| self.file.sync_data()).map_err(|e| self.io_error(e))?;
        failpoint::hit("journal-finished");
        Ok(())
    }

    /// Appends a record whole: of one that was written in part nothing stays, since what came
    /// behind it could not be read.
    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(record) {
            self.cut(self.length)?;
            return Err(error);
        }
        self.length += record.len() as u64;
        Ok(())
    }

    /// Takes everything from `length` on out of the file; what is appended next stands there.
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        // Else the next record would stand behind a hole, which ends what is read.
        self.file.seek(SeekFrom::Start(length))?;
        self.length = length;
        Ok(())
    }

    fn replace(&mut self) -> Result<(), JournalError> {
        let written = write_snapshot(&self.dir, &self.state).map_err(|e| self.io_error(e))?;
        (self.file, self.length) = written;
        self.snapshot = self.length;
        Ok(())
    }

    fn io_error(&self, source: io::Error) -> JournalError {
        JournalError::Io { dir: self.dir.clone(), source }
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    // Passwords of neighbours stand in it.
    options.create(true).write(true).mode(0o600);
    options
}

/// Writes a whole file under another name and puts it in place of the old one.
fn write_snapshot(dir: &Path, state: &State) -> io::Result<(File, u64)> {
    let bytes = replay::snapshot(state);
    let new = dir.join("journal.new");
    let mut file = options().truncate(true).open(&new)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    failpoint::hit("journal-rewritten");
    fs::rename(&new, dir.join(FILE))?;
    File::open(dir)?.sync_all()?;
    failpoint::hit("journal-replaced");
    Ok((file, bytes.len() as u64))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
