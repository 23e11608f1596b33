//! The disk as the journal needs it: one directory, whole files, and bytes at a place. A test has one that fails, tears
//! and lies ([`simulated`](super::simulated)).

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::PathBuf,
};

/// A directory. What is not synchronised need not survive a power cut, in whatever order it was done.
pub(super) trait Disk: fmt::Debug + Send {
    /// The bytes of a file; `None` where there is none.
    fn read(&mut self, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// Opens a file to write. With `fresh` it is a new and empty one: what had the name loses it, and no byte, since
    /// it may have another name too.
    fn open(&mut self, name: &str, fresh: bool) -> io::Result<Box<dyn Blocks>>;
    /// Gives a file a second name.
    fn link(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Gives a file another name, which it takes from any other file.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a name away.
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// All names.
    fn names(&mut self) -> io::Result<Vec<String>>;
    /// Names survive a power cut from now on.
    fn sync(&mut self) -> io::Result<()>;
    /// Whether the caller may have to wait.
    fn takes_time(&self) -> bool {
        true
    }
}

/// An open file.
pub(super) trait Blocks: fmt::Debug + Send {
    /// Writes all of it, or any part of it and says why.
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Ends the file here.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    /// Bytes survive a power cut from now on.
    fn sync(&mut self) -> io::Result<()>;
}

/// A directory of the operating system.
#[derive(Debug)]
pub(super) struct Directory(pub PathBuf);

/// How files are made: they hold passwords of neighbours.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true).mode(0o600);
    options
}

/// `None` where there is none.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Disk for Directory {
    fn read(&mut self, name: &str) -> io::Result<Option<Vec<u8>>> {
        found(fs::read(self.0.join(name)))
    }

    fn open(&mut self, name: &str, fresh: bool) -> io::Result<Box<dyn Blocks>> {
        let mut options = options();
        options.create(false).create_new(fresh);
        let path = self.0.join(name);
        if fresh {
            // There was no room for it when the agent started.
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
            found(fs::remove_file(&path))?;
        }
        Ok(Box::new(options.open(path)?))
    }

    fn link(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::hard_link(self.0.join(from), self.0.join(to))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    fn names(&mut self) -> io::Result<Vec<String>> {
        let Some(entries) = found(fs::read_dir(&self.0))? else { return Ok(Vec::new()) };
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn sync(&mut self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl Blocks for File {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::simulated::Simulated, *};

    /// A file that was given a second name though the disk denied it would be emptied by its own copy.
    #[test]
    fn a_fresh_file_is_never_one_that_is_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let disks: [Box<dyn Disk>; 2] =
            [Box::new(Directory(dir.path().to_owned())), Box::new(Simulated::new(1))];
        for mut disk in disks {
            disk.open("first", true).and_then(|mut it| it.write(0, b"kept")).expect("written");
            disk.link("first", "second").expect("a second name");
            disk.open("second", true).and_then(|mut it| it.write(0, b"new")).expect("written");
            assert_eq!(disk.read("first").expect("read"), Some(b"kept".to_vec()), "{disk:?}");
            assert_eq!(disk.read("second").expect("read"), Some(b"new".to_vec()), "{disk:?}");
        }
    }
}
