//! One state directory has one agent.

use std::{
    fs::{DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use super::{disk::options, error::JournalError};

/// Makes the directory and takes its lock. A disk that is full or read-only has the lock all the same, on the file or
/// the directory that is there; where neither is, there is nothing that a second agent could spoil.
pub(super) fn lock(dir: &Path) -> Result<Option<File>, JournalError> {
    let io_error = |source| JournalError::Io { dir: dir.to_owned(), source };
    let refuses = |error: &io::Error| {
        let kinds = [
            io::ErrorKind::StorageFull,
            io::ErrorKind::QuotaExceeded,
            io::ErrorKind::ReadOnlyFilesystem,
        ];
        kinds.contains(&error.kind())
    };
    match DirBuilder::new().recursive(true).mode(0o700).create(dir) {
        Err(error) if refuses(&error) && !dir.exists() => return Ok(None),
        made => made.map_err(io_error)?,
    }
    let path = dir.join("lock");
    let lock = match options().open(&path) {
        Err(error) if refuses(&error) => File::open(&path).or_else(|_| File::open(dir)),
        opened => opened,
    };
    let lock = lock.map_err(io_error)?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => JournalError::InUse { dir: dir.to_owned() },
        TryLockError::Error(source) => io_error(source),
    })?;
    Ok(Some(lock))
}
