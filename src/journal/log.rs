//! One file of records: append, or nothing; with room kept behind the last record.

use std::io;

use super::disk::Blocks;
use crate::failpoint;

/// Room is made in pieces of this size, so that not every record makes the file longer.
const PIECE: u64 = 4 << 10;

/// Zeros that are written at once.
const ZEROS: usize = 64 << 10;

/// Why a record is not in the file.
#[derive(Debug)]
pub(super) enum Failed {
    /// Nothing of it is there.
    Absent(io::Error),
    /// Nobody knows what of it is there: it could not be taken out again either.
    InDoubt(io::Error),
}

/// The file.
#[derive(Debug)]
pub(super) struct Log {
    blocks: Box<dyn Blocks>,
    /// Bytes of records.
    length: u64,
    /// Bytes of the file; zeros from `length` on.
    size: u64,
}

impl Log {
    /// A file of `length` bytes of records, and zeros up to `size`.
    pub(super) fn new(blocks: Box<dyn Blocks>, length: u64, size: u64) -> Self {
        Self { blocks, length, size }
    }

    /// Bytes of records.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that are free for records.
    pub(super) fn room(&self) -> u64 {
        self.size - self.length
    }

    /// Makes room for so many bytes behind the last record, where there is less.
    ///
    /// # Errors
    /// The disk has no room. What there was is still there.
    pub(super) fn make_room(&mut self, room: u64) -> io::Result<()> {
        if self.room() >= room {
            return Ok(());
        }
        let needed = self.length + room;
        match self.grow(needed.next_multiple_of(PIECE)) {
            Ok(()) => Ok(()),
            Err(_) => self.grow(needed),
        }
    }

    /// Makes the file longer, to see that the disk has room.
    ///
    /// # Errors
    /// It has not.
    pub(super) fn probe(&mut self) -> io::Result<()> {
        self.grow(self.size + PIECE)
    }

    fn grow(&mut self, size: u64) -> io::Result<()> {
        let before = self.size;
        let zeros = vec![0; ZEROS];
        let mut at = before;
        while at < size {
            let count = usize::try_from(size - at).unwrap_or(ZEROS).min(ZEROS);
            if let Err(error) = self.blocks.write(at, &zeros[..count]) {
                // What was not enough is given back: the last bytes of a disk are needed by others.
                let _ = self.blocks.truncate(before);
                return Err(error);
            }
            at += count as u64;
        }
        self.size = size;
        Ok(())
    }

    /// Appends a record whole, and has it survive a power cut where `sync` says so.
    ///
    /// # Errors
    /// The disk refused. Nothing is left of it, or that is in doubt.
    pub(super) fn append(&mut self, record: &[u8], sync: bool) -> Result<(), Failed> {
        let written = self.blocks.write(self.length, record);
        let written = match sync {
            true => written.and_then(|()| {
                failpoint::hit("journal-appended");
                self.blocks.sync()
            }),
            false => written,
        };
        let end = self.length + record.len() as u64;
        match written {
            Ok(()) => {
                self.length = end;
                self.size = self.size.max(end);
                Ok(())
            }
            Err(error) => match self.clear(end) {
                Ok(()) => Err(Failed::Absent(error)),
                Err(_) => Err(Failed::InDoubt(error)),
            },
        }
    }

    /// Makes zeros again of what was written behind the last record. Synchronised: a record that was refused must not
    /// be found after a power cut.
    fn clear(&mut self, end: u64) -> io::Result<()> {
        let end = end.min(self.size);
        let dirty = usize::try_from(end - self.length).unwrap_or(usize::MAX);
        self.blocks.write(self.length, &vec![0; dirty])?;
        self.blocks.truncate(self.size)?;
        self.blocks.sync()
    }

    /// Has all that was appended survive a power cut.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.blocks.sync()
    }
}
