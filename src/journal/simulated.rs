//! A disk that fails, tears and lies, as a seed says. A process may die in the middle of any call; a power cut leaves any part of
//! what was not synchronised. For tests, of this module and of the whole (`tests/simulation`).

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Journal, JournalError,
    disk::{Blocks, Disk},
};
use crate::world::split_mix;

/// Bytes that reach the disk together or not at all. Small, so that records are torn.
const SECTOR: usize = 32;

/// Numbers of chance from a seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Chance(
    /// The seed, and then the state.
    pub u64,
);

impl Chance {
    /// Any number.
    pub fn number(&mut self) -> u64 {
        split_mix(&mut self.0)
    }

    /// A number below this one.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % bound.max(1) as u64).expect("below a usize")
    }

    /// True once in so many times.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// A file: what programs read, and what a power cut leaves at the least.
#[derive(Debug, Clone, Default)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Entry {
    Name(String, usize),
    /// The file moves with its name: no file system gives the name to another one.
    Rename(String, String, usize),
    Remove(String),
}

/// What is wrong with the disk.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// One call in so many fails; 0 means none.
    pub fails: usize,
    /// One synchronisation in so many lies; 0 means none.
    pub lies: usize,
    /// Nothing can be written.
    pub read_only: bool,
    /// Bytes that all files may have together.
    pub capacity: Option<usize>,
    /// The directory can't be synchronised.
    pub directory_fails: bool,
    /// No file can have a second name.
    pub no_links: bool,
    /// A file has its second name, and the disk says that it has not.
    pub denies_links: bool,
    /// Calls after which the process is dead.
    pub dies_after: Option<usize>,
}

#[derive(Debug)]
struct Inner {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of names since they were synchronised.
    entries: Vec<Entry>,
    chance: Chance,
    faults: Faults,
    dead: bool,
    lied: bool,
}

/// The disk; a clone is the same one.
#[derive(Debug, Clone)]
pub struct Simulated {
    inner: Arc<Mutex<Inner>>,
    /// Whether calls are made by whoever waits for them, without another thread.
    at_once: bool,
}

#[derive(Debug)]
struct Open {
    disk: Simulated,
    inode: usize,
}

fn error(kind: io::ErrorKind) -> io::Error {
    io::Error::from(kind)
}

fn io_failed() -> io::Error {
    io::Error::from_raw_os_error(5)
}

impl Entry {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Name(name, inode) => drop(names.insert(name.clone(), *inode)),
            Self::Rename(from, to, inode) => {
                if names.get(from) == Some(inode) {
                    names.remove(from);
                }
                names.insert(to.clone(), *inode);
            }
            Self::Remove(name) => drop(names.remove(name)),
        }
    }
}

impl Inner {
    /// Counts a call: whether the process is dead, dies in this one, or the call fails.
    fn call(&mut self, writes: bool) -> Result<bool, io::Error> {
        if self.dead {
            return Err(error(io::ErrorKind::BrokenPipe));
        }
        if let Some(left) = &mut self.faults.dies_after {
            if *left == 0 {
                self.dead = true;
                return Ok(true);
            }
            *left -= 1;
        }
        if writes && self.faults.read_only {
            return Err(error(io::ErrorKind::ReadOnlyFilesystem));
        }
        let fails = self.faults.fails;
        Ok(writes && fails > 0 && self.chance.one_in(fails))
    }

    fn used(&self) -> usize {
        self.names.values().map(|inode| self.inodes[*inode].now.len()).sum()
    }

    fn change(&mut self, entry: Entry) {
        entry.apply(&mut self.names);
        self.entries.push(entry);
    }

    /// A change of names that is made, fails, or fails and is made.
    fn changes(&mut self, entry: Entry) -> io::Result<()> {
        let fails = self.call(true)?;
        if !fails || self.chance.one_in(2) {
            self.change(entry);
        }
        if fails { Err(io_failed()) } else { Ok(()) }
    }
}

impl Simulated {
    /// An empty disk without faults.
    pub fn new(seed: u64) -> Self {
        let inner = Inner {
            inodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            entries: Vec::new(),
            chance: Chance(seed),
            faults: Faults::default(),
            dead: false,
            lied: false,
        };
        Self { inner: Arc::new(Mutex::new(inner)), at_once: false }
    }

    /// The same disk, whose calls take no time and no other thread.
    #[must_use]
    pub fn at_once(self) -> Self {
        Self { at_once: true, ..self }
    }

    /// Opens the journal on it, as [`Journal::open`] does in a directory.
    ///
    /// # Errors
    /// As there.
    pub fn open_journal(&self) -> Result<Journal, JournalError> {
        Journal::open_on(Path::new("state"), Box::new(self.clone()), None)
    }

    fn with<R>(&self, work: impl FnOnce(&mut Inner) -> R) -> R {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is wrong with it from now on.
    pub fn faults(&self, faults: Faults) {
        self.with(|inner| inner.faults = faults);
    }

    /// No call is answered while something goes on.
    pub fn hold<R>(&self, meanwhile: impl FnOnce() -> R) -> R {
        self.with(|_| meanwhile())
    }

    /// Bytes that all files have together.
    pub fn used(&self) -> usize {
        self.with(|inner| inner.used())
    }

    /// Whether the process died in a call.
    pub fn is_dead(&self) -> bool {
        self.with(|inner| inner.dead)
    }

    /// Whether a synchronisation lied since the last power cut.
    pub fn has_lied(&self) -> bool {
        self.with(|inner| inner.lied)
    }

    /// The process is gone, what it wrote is there; a new one finds a disk without faults.
    pub fn restart(&self) {
        self.with(|inner| {
            inner.dead = false;
            inner.faults = Faults::default();
        });
    }

    /// The power goes: of what was not synchronised any part is left, in any order.
    pub fn cut_power(&self) {
        self.restart();
        self.with(|inner| {
            let mut chance = inner.chance.clone();
            let mut names = inner.durable_names.clone();
            for entry in std::mem::take(&mut inner.entries) {
                if chance.one_in(2) {
                    entry.apply(&mut names);
                }
            }
            // What has no name any more is never seen again.
            let named: std::collections::BTreeSet<usize> = names.values().copied().collect();
            for (number, inode) in inner.inodes.iter_mut().enumerate() {
                match named.contains(&number) {
                    true => tear(inode, &mut chance),
                    false => *inode = Inode::default(),
                }
            }
            inner.names.clone_from(&names);
            inner.durable_names = names;
            inner.chance = chance;
            inner.lied = false;
        });
    }

    /// Makes a file of these bytes, on disk for good.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        self.with(|inner| {
            inner.inodes.push(Inode { now: bytes.to_vec(), durable: bytes.to_vec() });
            let inode = inner.inodes.len() - 1;
            inner.names.insert(name.to_owned(), inode);
            inner.durable_names.insert(name.to_owned(), inode);
        });
    }

    /// Takes a file away.
    pub fn take(&self, name: &str) {
        self.with(|inner| {
            inner.names.remove(name);
            inner.durable_names.remove(name);
        });
    }

    /// Flips a bit of a file.
    pub fn flip(&self, name: &str, at: usize) {
        self.with(|inner| {
            let inode = inner.names[name];
            let inode = &mut inner.inodes[inode];
            inode.now[at] ^= 1;
            inode.durable[at] ^= 1;
        });
    }

    /// A file as programs read it.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.with(|inner| inner.names.get(name).map(|inode| inner.inodes[*inode].now.clone()))
    }
}

/// Any sectors of what was written since, and any length between.
fn tear(inode: &mut Inode, chance: &mut Chance) {
    let (durable, now) = (&inode.durable, &inode.now);
    let length = match chance.below(3) {
        0 => durable.len(),
        1 => now.len(),
        _ => {
            let (least, most) = (durable.len().min(now.len()), durable.len().max(now.len()));
            least + chance.below(most - least + 1)
        }
    };
    let mut left = vec![0; length];
    for at in (0..length).step_by(SECTOR) {
        let source = if chance.one_in(2) { durable } else { now };
        let end = length.min(at + SECTOR).min(source.len());
        if at < end {
            left[at..end].copy_from_slice(&source[at..end]);
        }
    }
    inode.now.clone_from(&left);
    inode.durable = left;
}

impl Disk for Simulated {
    fn takes_time(&self) -> bool {
        !self.at_once
    }

    fn read(&mut self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.with(|inner| {
            inner.call(false)?;
            Ok(inner.names.get(name).map(|inode| inner.inodes[*inode].now.clone()))
        })
    }

    fn open(&mut self, name: &str, fresh: bool) -> io::Result<Box<dyn Blocks>> {
        let inode = self.with(|inner| {
            if inner.call(true)? {
                return Err(io_failed());
            }
            let found = inner.names.get(name).copied();
            if !fresh {
                return found.ok_or_else(|| error(io::ErrorKind::NotFound));
            }
            if found.is_some() {
                inner.changes(Entry::Remove(name.to_owned()))?;
            }
            inner.inodes.push(Inode::default());
            let inode = inner.inodes.len() - 1;
            inner.change(Entry::Name(name.to_owned(), inode));
            Ok(inode)
        })?;
        Ok(Box::new(Open { disk: self.clone(), inode }))
    }

    fn link(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.with(|inner| {
            let inode = *inner.names.get(from).ok_or_else(|| error(io::ErrorKind::NotFound))?;
            if inner.faults.no_links {
                return Err(error(io::ErrorKind::Unsupported));
            }
            inner.changes(Entry::Name(to.to_owned(), inode))?;
            if inner.faults.denies_links { Err(io_failed()) } else { Ok(()) }
        })
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.with(|inner| {
            let inode = *inner.names.get(from).ok_or_else(|| error(io::ErrorKind::NotFound))?;
            inner.changes(Entry::Rename(from.to_owned(), to.to_owned(), inode))
        })
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.with(|inner| inner.changes(Entry::Remove(name.to_owned())))
    }

    fn names(&mut self) -> io::Result<Vec<String>> {
        self.with(|inner| {
            inner.call(false)?;
            Ok(inner.names.keys().cloned().collect())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.with(|inner| {
            if inner.call(true)? || inner.faults.directory_fails {
                return Err(io_failed());
            }
            let lies = inner.faults.lies;
            if lies > 0 && inner.chance.one_in(lies) {
                inner.lied = true;
                return Ok(());
            }
            inner.entries.clear();
            inner.durable_names = inner.names.clone();
            Ok(())
        })
    }
}

impl Blocks for Open {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let at = usize::try_from(at).expect("small");
        let inode = self.inode;
        self.disk.with(|inner| {
            let fails = inner.call(true)?;
            let grows = (at + bytes.len()).saturating_sub(inner.inodes[inode].now.len());
            let free = inner.faults.capacity.map(|all| all.saturating_sub(inner.used()));
            let lacks = free.is_some_and(|free| grows > free);
            let mut count = bytes.len();
            if fails {
                count = inner.chance.below(count + 1);
            }
            if let Some(free) = free.filter(|_| lacks) {
                count = count.min(bytes.len() - grows + free);
            }
            let now = &mut inner.inodes[inode].now;
            if count > 0 && now.len() < at + count {
                now.resize(at + count, 0);
            }
            if count > 0 {
                now[at..at + count].copy_from_slice(&bytes[..count]);
            }
            match (lacks, fails) {
                (true, _) => Err(error(io::ErrorKind::StorageFull)),
                (false, true) => Err(io_failed()),
                (false, false) => Ok(()),
            }
        })
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).expect("small");
        let inode = self.inode;
        self.disk.with(|inner| {
            if inner.call(true)? {
                return Err(io_failed());
            }
            inner.inodes[inode].now.resize(length, 0);
            Ok(())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        let inode = self.inode;
        self.disk.with(|inner| {
            if inner.call(true)? {
                // Any part of it may be on disk all the same.
                let mut chance = inner.chance.clone();
                let inode = &mut inner.inodes[inode];
                if chance.one_in(2) {
                    inode.durable.clone_from(&inode.now);
                }
                inner.chance = chance;
                return Err(io_failed());
            }
            let lies = inner.faults.lies;
            if lies > 0 && inner.chance.one_in(lies) {
                inner.lied = true;
                return Ok(());
            }
            let inode = &mut inner.inodes[inode];
            inode.durable.clone_from(&inode.now);
            Ok(())
        })
    }
}
